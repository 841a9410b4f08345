import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.signatures.explain import Explanation, Verdict, explain, explain_apart
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.selection import Setting
from lib.cuckoo.core.signatures.trial import call
from lib.cuckoo.core.stage import Conditions

FILE = '''"""For tests."""

from lib.cuckoo.common.abstracts import Signature


class Files(Signature):
    name = "files"
    evented = True
    filter_apinames = {"NtCreateFile"}
    filter_processnames = {"one.exe"}

    def on_call(self, call, process):
        self.mark_call()
        return self.get_argument(call, "FileName") == "wanted"


class After(Signature):
    name = "after"

    def run(self):
        return self.signature_matched("files")


class Off(Signature):
    name = "off"
    enabled = False

    def run(self):
        return True


class Raising(Signature):
    name = "raising"
    order = 5

    def run(self):
        raise LookupError("oh")
'''

HANGING = '''"""For tests."""

import time

from lib.cuckoo.common.abstracts import Signature


class Hanging(Signature):
    name = "hanging"

    def run(self):
        time.sleep(600)
'''


def results(wanted: str) -> dict[str, Any]:
    calls = [call("NtClose"), call("NtCreateFile", FileName="x"), call("NtCreateFile", FileName=wanted)]
    return {
        "behavior": {
            "processes": [
                {"process_id": 1, "process_name": "one.exe", "calls": calls},
                {"process_id": 2, "process_name": "two.exe", "calls": calls},
            ]
        }
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("class Broken(\n    name = 'broken_one'\n")
    (tmp_path / "empty.py").write_text(
        "from lib.cuckoo.common.abstracts import Signature\nclass Half(Signature):\n    name = 'half'\n"
    )
    return tmp_path


def explained(name: str, folder: Path, wanted: str = "wanted", setting: Setting | None = None) -> Explanation:
    return explain(name, load_signatures([folder]), results(wanted), setting or Setting())


def test_one_that_fired_shows_what_marked_it(folder: Path) -> None:
    found = explained("files", folder)

    assert found.verdict is Verdict.MATCHED
    assert (found.file, found.line, found.class_name) == (str(folder / "mine.py"), 6, "Files")
    assert found.filters["apis"] == ["NtCreateFile"]
    assert found.heard == [
        {"process": "one.exe", "pid": 1, "calls": 3, "passed": 2},
        {"process": "two.exe", "pid": 2, "calls": 3, "passed": 0},
    ]
    assert [each["arguments"]["FileName"] for each in found.marked] == ["x", "wanted"]
    assert (found.method, found.answer) == ("on_call", "True")


def test_one_that_did_not_shows_how_far_it_came(folder: Path) -> None:
    found = explained("files", folder, wanted="other")

    assert found.verdict is Verdict.SILENT
    assert (found.method, found.answer) == ("on_complete", "None")
    assert len(found.marked) == 2
    assert found.data == [{"type": "call", "pid": 1, "cid": 1}, {"type": "call", "pid": 1, "cid": 2}]


def test_one_that_asks_for_others_is_given_their_matches(folder: Path) -> None:
    assert explained("after", folder).verdict is Verdict.MATCHED
    assert explained("after", folder, wanted="other").verdict is Verdict.SILENT


def test_one_that_is_disabled_says_so(folder: Path) -> None:
    found = explained("off", folder)

    assert (found.verdict, found.reason) == (Verdict.LEFT_OUT, "the class attribute `enabled` is false")
    assert (
        explained("off", folder, setting=Setting(overlay={"off": {"enabled": True}})).verdict
        is Verdict.MATCHED
    )


@pytest.mark.parametrize("name", ["broken", "broken_one"])
def test_one_in_a_file_that_does_not_load_shows_why(folder: Path, name: str) -> None:
    found = explained(name, folder)

    assert found.verdict is Verdict.UNLOADABLE
    assert "SyntaxError" in found.reason
    assert "SyntaxError" in found.error
    assert (found.file, found.line) == (str(folder / "broken.py"), 1)


def test_one_without_any_method_shows_why(folder: Path) -> None:
    assert "defines none of run(), on_call() and on_complete()" in explained("half", folder).reason


def test_one_that_raises_shows_the_traceback(folder: Path) -> None:
    found = explained("raising", folder)

    assert found.verdict is Verdict.FAILED
    assert found.error.rstrip().endswith("LookupError: oh")


def test_an_unknown_name_is_told_from_its_neighbours(folder: Path) -> None:
    assert explained("fils", folder).reason == "did you mean files?"
    assert explained("something else", folder).verdict is Verdict.UNKNOWN


def test_the_class_name_will_do(folder: Path) -> None:
    assert explained("Files", folder).name == "files"


def test_the_record_is_plain(folder: Path) -> None:
    record = explained("files", folder).as_record()

    assert record["verdict"] == "matched"
    assert type(record["verdict"]) is str


def conditions(**limits: int) -> Conditions:
    return Conditions("/nowhere", Limits(**limits))


def test_one_that_hangs_is_ended_and_named(folder: Path) -> None:
    (folder / "hanging.py").write_text(HANGING)

    found = explain_apart("hanging", load_signatures([folder]), {}, Setting(), conditions(wall_seconds=1))

    assert found.verdict is Verdict.ENDED
    assert found.reason == "ended at its limit of 1 s of wall-clock time"
    assert found.file == str(folder / "hanging.py")


def test_an_interrupt_right_after_the_launch_ends_the_child(
    folder: Path, at_fork: dict[str, Callable[[], None]]
) -> None:
    (folder / "hanging.py").write_text(HANGING)
    engine = os.getpid()

    def interrupt() -> None:
        if os.getpid() == engine:
            os.kill(engine, signal.SIGINT)

    at_fork["after"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        explain_apart("hanging", load_signatures([folder]), {}, Setting(), conditions())

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
