"""`behavior["enhanced"]` as a sequence that crosses to another process."""

import json
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.behavior.enhanced import Enhanced
from lib.cuckoo.behavior.sections import Shown, logs_of, read_logs, sections
from lib.cuckoo.common.detach import Detachable
from tests.behavior.writer import FIRST_SEEN, call, classic_call, info, process

WRITE = info(9, "NtWriteFile", "filesystem", [["FileHandle", "p"], "Buffer"])
OPEN = info(10, "NtOpenFile", "filesystem", [["FileHandle", "p"], "FileName"])
DELETE = info(9, "DeleteFileW", "filesystem", ["FileName"])


@pytest.fixture
def events(scanner: str, tmp_path: Path) -> Enhanced:  # noqa: ARG001 - chooses who reads
    folder = tmp_path / "logs"
    folder.mkdir()
    followed = classic_call(10, 0x40, b"C:\\a") + classic_call(9, 0x40, b"MZ") + classic_call(9, 0x44, b"MZ")
    (folder / "1.bson").write_bytes(process(1) + WRITE + OPEN + followed)
    (folder / "2.bson").write_bytes(process(2, filetime=FIRST_SEEN + 1) + DELETE + call(9, "C:\\caf\u00e9"))
    found = sections(list(read_logs(logs_of(folder), 1)), Shown())["enhanced"]
    assert isinstance(found, Enhanced)
    return found


def test_events_cross_to_another_process(events: Enhanced, tmp_path: Path) -> None:
    description, buffers = events.detach()
    copies = [memoryview(bytes(buffer)) for buffer in buffers]

    again = Enhanced.attach(json.loads(json.dumps(description)), copies, str(tmp_path))

    assert isinstance(events, Detachable)
    assert [event["data"] for event in again] == [
        {"file": "C:\\a"},
        {"file": None},
        {"file": "C:\\caf\u00e9"},
    ]
    assert list(again) == list(events)
    assert b"".join(again.json_chunks()) == b"".join(events.json_chunks())


@pytest.mark.usefixtures("scanner")
def test_names_that_only_handles_give_stand_at_the_events_of_their_process(tmp_path: Path) -> None:
    for number in range(3):
        log = process(number, filetime=FIRST_SEEN + number) + WRITE + OPEN
        log += classic_call(9, 0x44, b"MZ") + classic_call(10, 0x40, b"C:\\%d" % number)
        log += b"".join(classic_call(9, handle, b"MZ") for handle in (0x40, 0x44, 0x40))
        (tmp_path / f"{number}.bson").write_bytes(log)

    found = sections(list(read_logs(logs_of(tmp_path), 1)), Shown())["enhanced"]

    assert [event["data"]["file"] for event in found] == [
        name for number in range(3) for name in (None, f"C:\\{number}", None, f"C:\\{number}")
    ]


def test_json_is_what_the_events_say(events: Enhanced) -> None:
    text = json.dumps(list(events), ensure_ascii=False, separators=(",", ":"))

    assert b"".join(events.json_chunks()) == text.encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": None},
        {"parts": []},
        {"parts": [{}]},
        {"shown": -1},
    ],
)
def test_a_hostile_description_is_refused(events: Enhanced, tmp_path: Path, wrong: dict[str, Any]) -> None:
    description, buffers = events.detach()

    with pytest.raises(ValueError):
        Enhanced.attach({**description, **wrong}, buffers, str(tmp_path))


@pytest.mark.parametrize("wrong", [{"log_name": "../x"}, {"count": 1 << 60}, {"count": 0}, {"kinds": 1}])
def test_a_hostile_part_is_refused(events: Enhanced, tmp_path: Path, wrong: dict[str, Any]) -> None:
    description, buffers = events.detach()
    description["parts"][0].update(wrong)

    with pytest.raises(ValueError):
        Enhanced.attach(description, buffers, str(tmp_path))


@pytest.mark.parametrize("filler", [b"\xff", b"\x7f", b"\x01"])
def test_columns_of_nonsense_give_events_that_tell_nothing(
    events: Enhanced, tmp_path: Path, filler: bytes
) -> None:
    description, buffers = events.detach()
    nonsense = [memoryview(filler * len(buffer)) for buffer in buffers]

    found = Enhanced.attach(description, nonsense, str(tmp_path))

    assert len(list(found)) == 3
    assert json.loads(b"".join(found.json_chunks())) == list(found)
