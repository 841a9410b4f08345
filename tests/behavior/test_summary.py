"""The summary of any log, of few names and of many, is what plain lists would hold."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.behavior import names as names_module
from lib.cuckoo.behavior import reader
from lib.cuckoo.behavior.message import printable
from lib.cuckoo.behavior.names import Names
from lib.cuckoo.behavior.scene import SUMMARY_LISTS
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.behavior.summary import READING, WRITING
from lib.cuckoo.reporting.jsonstream import json_chunks
from tests.behavior.writer import call, info, process

Lists = dict[str, list[str]]
Added = list[tuple[str, str]]
"""Name of a list, and the name that a call adds to it."""
Kind = tuple[str, str, Sequence[str], Callable[..., Added]]


def _opened(name: str, access: int, _: int) -> Added:
    lists = ["files", *["read_files"] * bool(access & READING), *["write_files"] * bool(access & WRITING)]
    return [(each, name) for each in lists]


KINDS: Sequence[Kind] = (
    ("NtCreateFile", "filesystem", ("FileName", "DesiredAccess", "Other"), _opened),
    (
        "MoveFileWithProgressW",
        "filesystem",
        ("ExistingFileName", "NewFileName"),
        lambda old, new: [("files", old), ("delete_files", old), ("files", new), ("write_files", new)],
    ),
    ("DeleteFileW", "filesystem", ("FileName",), lambda name: [("files", name), ("delete_files", name)]),
    ("RegOpenKeyExW", "registry", ("FullName",), lambda name: [("keys", name)]),
    ("RegQueryValueExW", "registry", ("FullName",), lambda name: [("keys", name), ("read_keys", name)]),
    ("RegDeleteValueW", "registry", ("FullName",), lambda name: [("keys", name), ("delete_keys", name)]),
    ("NtCreateMutant", "synchronization", ("MutexName",), lambda name: [("mutexes", name)]),
    ("CreateServiceW", "services", ("ServiceName",), lambda name: [("created_services", name)]),
    ("GetTickCount", "misc", (), list),
)
NAMES = st.one_of(
    st.sampled_from(
        [b"C:\\a", b"C:\\b", b"caf\xc3\xa9", b"\xff\xfe", b"\x00\x01", b'a"b\\c\t', b"", b"\xed\xa0\x80"]
    ),
    st.integers(0, 40).map(lambda number: b"C:\\%d" % number),
    st.binary(max_size=150),
)
NUMBERS = st.sampled_from([0, 1, 2, 0x100080, 0x40000000, 0x10000000])


@st.composite
def one_call(draw: st.DrawFn) -> tuple[int, list[object]]:
    """The number of a kind, and its arguments."""
    number = draw(st.integers(0, len(KINDS) - 1))
    names = KINDS[number][2]
    return number, [draw(NUMBERS if name in {"DesiredAccess", "Other"} else NAMES) for name in names]


LOGS = st.lists(st.lists(one_call(), max_size=25), min_size=1, max_size=3)


def log_of(calls: Sequence[tuple[int, list[object]]]) -> bytes:
    kinds = b"".join(info(9 + at, api, category, names) for at, (api, category, names, _) in enumerate(KINDS))
    return process() + kinds + b"".join(call(9 + number, *arguments) for number, arguments in calls)


def lists_of_calls(logs: Sequence[Sequence[tuple[int, list[object]]]]) -> Lists:
    """Return the summary, kept in the plainest way."""
    found: Lists = {name: [] for name in SUMMARY_LISTS}
    for number, arguments in (each for log in logs for each in log):
        texts = [printable(value) if isinstance(value, bytes) else value for value in arguments]
        for name, text in KINDS[number][3](*texts):
            if text and text not in found[name]:
                found[name].append(text)
    return found


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(logs=LOGS, few=st.sampled_from([0, 3, 10_000]))
def test_the_summary_of_any_logs_is_that_of_plain_lists(
    logs: list[list[tuple[int, list[object]]]], few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        log = log_of(logs[number]) if number < len(logs) else b""
        (tmp_path / f"{number}.bson").write_bytes(log)
    expected = lists_of_calls(logs)
    monkeypatch.setattr(names_module, "FEW_NAMES", few)

    for scanner in reader.available().values():
        monkeypatch.setattr(reader, "_active", scanner)
        found: Any = sections(list(read_logs(logs_of(tmp_path), 1)), Shown())["summary"]

        assert found == expected
        assert list(found) == list(SUMMARY_LISTS)
        assert {name: len(names) > few for name, names in found.items()} == {
            name: isinstance(names, Names) for name, names in found.items()
        }
        assert b"".join(json_chunks(found)) == b"".join(json_chunks(expected))
