from pathlib import Path

from tests.modules.reporting.test_sharing import RESULTS, written
from tests.reporting.validators import checked_bundle


def test_a_second_run_writes_the_same_bytes(tmp_path: Path) -> None:
    data = written("stix", tmp_path, RESULTS)

    assert checked_bundle(data)
    assert data == written("stix", tmp_path, RESULTS)
