import gc
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.batch.preload import preload
from lib.cuckoo.core.engine import Settings
from tests.working_root import WorkingRoot


@pytest.fixture
def settings(root: WorkingRoot) -> Iterator[Settings]:
    yield Settings(Root(root.path))
    gc.unfreeze()


def test_what_modules_import_of_ours_is_there_and_they_themselves_are_not(
    root: WorkingRoot, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "lib.cuckoo.files.wallets", raising=False)
    root.add("curious", "import lib.cuckoo.files.wallets\nimport sys\nsys.modules['left'] = sys\n")

    preload(settings)

    assert "lib.cuckoo.files.wallets" in sys.modules
    assert "left" not in sys.modules


def test_a_module_that_crashes_on_import_does_not_stop_it(root: WorkingRoot, settings: Settings) -> None:
    root.add("broken", "import os\nos.abort()\n")

    preload(settings)


def test_a_bad_configuration_is_told_before_anything_runs(root: WorkingRoot, settings: Settings) -> None:
    root.add_run("a", "return 1")

    with pytest.raises(CuckooStartupError, match="there is no module 'b'"):
        preload(replace(settings, only=["b"]))
