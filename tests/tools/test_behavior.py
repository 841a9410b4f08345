"""The writers of behaviour logs, read back by an independent decoder."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import bson as reference
import pytest

from tools.example import ClassicLogWriter, LogWriter, SecondLogWriter, number, pointer, story
from tools.example.behavior import Arguments, Flags, filetime
from tools.example.families import classic_log, second_family_log
from tools.example.processes import PAYLOAD_BASE, logs

STARTED = datetime(2026, 3, 17, 9, 14, 25, tzinfo=UTC)
Document = dict[str, Any]
Logged = dict[int, list[tuple[float, str, dict[str, Any]]]]


def documents(log: LogWriter | bytes) -> list[Document]:
    return list(reference.decode_iter(log if isinstance(log, bytes) else log.contents()))


def calls(log: bytes) -> list[tuple[str, Document, dict[str, Any]]]:
    """Name, document and arguments of each call."""
    declared: dict[int, Document] = {}
    found = []
    for document in documents(log):
        if document.get("type") == "info":
            declared[document["I"]] = document
        else:
            kind = declared[document["I"]]
            names = [name if isinstance(name, str) else name[0] for name in kind["args"]]
            found.append((kind["name"], document, dict(zip(names, document["args"], strict=True))))
    return found


def test_a_log_of_a_real_monitor_is_written_byte_for_byte(shared_data: Path) -> None:
    capture = (shared_data / "analyses" / "cape-test_bson.bson").read_bytes()
    environ: Arguments = {
        "UserName": "SYSTEM",
        "ComputerName": "LOUISE-PC",
        "InstallDate": 0,
        "WindowsPath": r"C:\Windows",
        "TempPath": "C:\\Windows\\TEMP\\",
        "CommandLine": r"C:\Windows\System32\lsass.exe",
        "RegisteredOwner": "",
        "RegisteredOrganization": "",
        "ProductName": "",
        "OSMajor": 6,
        "OSMinor": 1,
        "SystemVolumeSerialNumber": "648f-a520",
        "SystemVolumeGUID": "80b5a658-2730-11e9-8620-806e6f6e6963",
        "MachineGUID": "",
        "MainExeBase": pointer(4291166208),
        "MainExeSize": number(49152),
    }
    started = datetime(2020, 11, 6, 9, 34, 36, 359375, tzinfo=UTC)

    log = LogWriter(1976, 476, r"C:\Windows\sysnative\lsass.exe", started, 2360, environ)

    assert log.contents() == capture


def test_a_log_begins_with_its_process_its_thread_and_its_environment() -> None:
    log = LogWriter(2840, 1532, r"C:\a.exe", STARTED, 2844, {"UserName": "maria"})

    assert [name for name, _, _ in calls(log.contents())] == ["__process__", "__thread__", "__environ__"]


def test_a_call_type_is_declared_once_before_its_first_use() -> None:
    log = LogWriter(1, 0, "a", STARTED)
    for handle in (4, 8):
        log.call("NtClose", "system", {"Handle": pointer(handle)}, at=handle)

    names = [document.get("name") for document in documents(log)[-3:]]

    assert names == ["NtClose", None, None]


def test_another_list_of_arguments_is_another_call_type() -> None:
    log = LogWriter(1, 0, "a", STARTED)
    log.call("NtClose", "system", {"Handle": pointer(4)}, at=1)
    log.call("NtClose", "system", {"Handle": 4}, at=2)

    first, second = [document for document in documents(log) if document.get("name") == "NtClose"]

    assert first["args"][2] == ["Handle", "p"]
    assert second["args"][2] == "Handle"
    assert first["I"] != second["I"]


def test_the_successor_writes_strings_as_bytes_and_pointers_in_eight_bytes() -> None:
    log = LogWriter(1, 0, "a", STARTED)
    log.call(
        "X", "misc", {"Name": "grüße", "Base": pointer(4), "Flags": number(0x80000000)}, at=7, repeated=3
    )

    document = documents(log)[-1]

    assert document["args"][2:] == ["grüße".encode(), 4, -0x80000000]
    assert isinstance(document["args"][3], reference.Int64)
    assert (document["t"], document["r"]) == (7, 3)


def test_further_arguments_follow_in_a_document_of_their_own() -> None:
    log = LogWriter(1, 0, "a", STARTED)
    log.call("X", "misc", at=1, aux={"Module": "b.dll"})

    assert documents(log)[-1]["aux"] == {"Module": "b.dll"}


def test_a_new_thread_is_announced_once() -> None:
    log = LogWriter(1, 0, "a", STARTED, thread=10)
    for thread in (10, 11, 11):
        log.call("X", "misc", at=1, thread=thread)

    announced = [document["T"] for name, document, _ in calls(log.contents()) if name == "__thread__"]

    assert announced == [10, 11]


def test_the_classic_dialect_knows_no_callers() -> None:
    log = ClassicLogWriter(1, 0, "a", STARTED)
    log.call("X", "misc", at=1)

    assert set(documents(log)[-1]) == {"I", "T", "t", "args"}


def test_the_second_family_writes_strings_flags_and_errors() -> None:
    flags: dict[str, Flags] = {"X": {"access": [[4, "WRITE"]]}}
    log = SecondLogWriter(1, 0, "a", STARTED, flags_bitmask=flags)
    log.call("X", "file", {"filepath": "grüße", "access": number(4)}, at=1, status=False, returned=0xC0000034)

    info, call = documents(log)[-2:]

    assert info["flags_bitmask"] == {"access": [[4, "WRITE"]]}
    assert info["args"][2:] == ["filepath", ["access", "x"]]
    assert call["args"] == [0, 0xC0000034, "grüße", 4]
    assert call["E"] == 0xC0000034 - (1 << 32)


def test_the_time_is_counted_from_1601() -> None:
    low, high = filetime(datetime(1601, 1, 1, tzinfo=UTC) + timedelta(seconds=500))

    assert (low & 0xFFFFFFFF, high) == (5_000_000_000 & 0xFFFFFFFF, 1)


def test_the_return_value_takes_eight_bytes() -> None:
    log = LogWriter(1, 0, "a", STARTED)
    log.call("X", "misc", at=1, returned=5)

    assert isinstance(documents(log)[-1]["args"][1], reference.Int64)


def test_each_process_is_started_by_the_one_before(logged: Logged) -> None:
    for parent, child in pairwise(story.PROCESSES):
        started = [
            (time, call) for time, name, call in logged[parent.pid] if name == "CreateProcessInternalW"
        ]
        ((time, call),) = started

        assert (call["ProcessId"], call["ThreadId"]) == (child.pid, child.thread)
        assert call["ApplicationName"].decode() == child.path
        assert call["CommandLine"].decode() == child.command
        assert 0 < story.moment(child.started).timestamp() - time < 1
        assert logged[child.pid][0][2]["ParentProcessIdentifier"] == parent.pid


def test_each_uploaded_file_was_written_or_named_by_its_process(logged: Logged) -> None:
    named = {
        (pid, value)
        for pid, calls in logged.items()
        for _, name, call in calls
        for value in (call.get("NewFileName"), call.get("HandleName") if name == "NtWriteFile" else None)
    }

    for file in story.stored_files():
        if file.folder == "files":
            assert (file.pids[0], file.guest_path.encode()) in named


def test_what_is_written_into_the_other_process_is_the_payload(logged: Logged) -> None:
    pieces = [call for _, name, call in logged[story.STAGE.pid] if name == "WriteProcessMemory"]
    payload = story.payload_file()

    assert sum(call["BufferLength"] for call in pieces) == len(payload)
    for call in pieces:
        offset = call["BaseAddress"] - PAYLOAD_BASE
        assert payload[offset:].startswith(call["Buffer"])


@pytest.mark.parametrize("log", [*logs().values(), second_family_log(), classic_log()])
def test_every_log_of_the_example_is_in_order_and_complete(log: bytes) -> None:
    found = calls(log)

    assert found[0][0] == "__process__"
    assert [document["t"] for _, document, _ in found] == sorted(document["t"] for _, document, _ in found)
