import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.common import filetype
from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.filetype import describe

ROOT = Path(__file__).resolve().parents[2]


def described(path: Path, *, mime: bool = False) -> str:
    with path.open("rb") as stream:
        return describe(stream.fileno(), mime=mime)


def test_types_are_worded_as_file_words_them(shared_data: Path) -> None:
    # the oracle's libmagic counts sections and knows more of cabinets and catalogues than older ones
    newer = {"unsigned.cat", "unsigned.ex_"}
    for oracle in sorted((shared_data / "binaries").glob("*/*.truth/oracle.json")):
        path = Path(str(oracle.parent).removesuffix(".truth"))
        expected = re.sub(r", \d+ sections", "", json.loads(oracle.read_text())["file"])

        assert re.sub(r", \d+ sections", "", described(path)) == expected or path.name in newer


def test_the_whole_file_is_described_wherever_it_was_read_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"%PDF-1.4\n")
    with (tmp_path / "a").open("rb") as stream:
        stream.read()

        assert describe(stream.fileno()) == "PDF document, version 1.4"
        assert describe(stream.fileno(), mime=True) == "application/pdf"


def test_an_empty_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert described(tmp_path / "a") == "empty"


def test_describing_files_leaves_the_environment_alone() -> None:
    program = (
        "import fledge, os; before = dict(os.environ); from lib.cuckoo.common.objects import File;"
        "assert File('LICENSE').get_type() == 'ASCII text'; assert dict(os.environ) == before"
    )
    environment = {"PATH": os.defpath, "LD_LIBRARY_PATH": "/nowhere"}

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)


def test_a_machine_without_libmagic_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    monkeypatch.setitem(sys.modules, "pylibmagic", None)
    filetype._libmagic.cache_clear()

    with pytest.raises(CuckooDependencyError, match="pip install pylibmagic python-magic"):
        described(tmp_path / "a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_have_a_type(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)

    assert described(tmp_path / "a")
