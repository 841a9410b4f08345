"""What tables say together."""

from typing import Any

import pytest

from lib.cuckoo.memory.findings import connections, findings

SYSTEM = {"PID": 4, "PPID": 0, "ImageFileName": "System", "ExitTime": "N/A"}
WININIT = {"PID": 480, "PPID": 392, "ImageFileName": "wininit.exe", "ExitTime": "N/A"}
EXPLORER = {"PID": 3120, "PPID": 3080, "ImageFileName": "explorer.exe", "ExitTime": "N/A"}


def kinds(system: str, **tables: Any) -> list[tuple[str, Any]]:
    return [(each["kind"], each["pid"]) for each in findings(system, tables, 100)[0]]


def test_a_process_of_a_scan_that_no_list_has_is_hidden() -> None:
    ghost = {"PID": 666, "PPID": 4, "ImageFileName": "ghost.exe", "ExitTime": "N/A"}
    ended = ghost | {"PID": 667, "ExitTime": "2026-01-01T00:00:00"}

    found, _ = findings("windows", {"pslist": [SYSTEM], "psscan": [SYSTEM, ghost, ended]}, 100)

    assert [(each["kind"], each["pid"], each["process"]) for each in found] == [
        ("hidden process", 666, "ghost.exe")
    ]
    assert found[0]["evidence"] == [{"plugin": "psscan", "row": ghost}]


def test_threads_and_the_dead_of_linux_are_not_hidden_processes() -> None:
    init = {"PID": 1, "TID": 1, "COMM": "init", "EXIT_STATE": "TASK_RUNNING"}
    thread = init | {"PID": 50, "TID": 51}
    dead = init | {"PID": 60, "TID": 60, "EXIT_STATE": "EXIT_DEAD"}
    ghost = init | {"PID": 70, "TID": 70}

    assert kinds("linux", pslist=[init], psscan=[init, thread, dead, ghost]) == [("hidden process", 70)]


def test_nothing_is_hidden_when_one_of_the_lists_is_missing() -> None:
    assert kinds("windows", psscan=[SYSTEM]) == []
    assert kinds("windows", pslist=[SYSTEM]) == []


def test_a_listed_process_that_no_scan_sees_is_told() -> None:
    assert kinds("windows", pslist=[SYSTEM, EXPLORER], psscan=[SYSTEM]) == [("unscanned process", 3120)]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("4d 5a 90 00", "injected program"),
        ("7f 45 4c 46 02", "injected program"),
        ("fc 48 83 e4 f0 e8", "shellcode"),
        ("fc e8 82 00", "shellcode"),
        ("4d 5a 41 52 55 48", "shellcode"),
        ("00 00 00 00", None),
    ],
)
def test_executable_private_memory_is_told_by_its_first_bytes(start: str, kind: str | None) -> None:
    row = {"PID": 7, "Process": "a.exe", "Hexdump": start}

    assert kinds("windows", malfind=[row]) == ([(kind, 7)] if kind else [])


def test_a_library_in_none_of_the_lists_is_unlinked() -> None:
    row = {"Pid": 7, "Process": "a", "InLoad": False, "InInit": False, "InMem": False}
    library = row | {"MappedPath": "\\Windows\\evil.DLL"}

    assert kinds("windows", ldrmodules=[library, library | {"InMem": True}]) == [("unlinked library", 7)]
    assert kinds("windows", ldrmodules=[row | {"MappedPath": "\\Windows\\font.nls"}]) == []


def test_an_odd_parent_is_told_with_both_rows() -> None:
    lsass = {"PID": 900, "PPID": 3120, "ImageFileName": "lsass.exe"}
    good = lsass | {"PID": 640, "PPID": 480}
    orphan = lsass | {"PID": 641, "PPID": 99999}

    found, _ = findings("windows", {"pslist": [WININIT, EXPLORER, lsass, good, orphan]}, 100)

    assert [(each["kind"], each["pid"]) for each in found] == [("odd parent", 900)]
    assert found[0]["description"] == "started by explorer.exe, normally by wininit.exe"
    assert [each["row"]["PID"] for each in found[0]["evidence"]] == [900, 3120]


def test_hidden_modules_and_hooks_are_told() -> None:
    read = {"Index": 0, "Handler Address": "0x1", "Handler Symbol": "__x64_sys_read"}
    hooked = read | {"Handler Symbol": "UNKNOWN"}
    module = {"Module Name": "rootkit", "Offset": "0x1"}

    assert kinds("linux", check_syscall=[read, hooked], check_modules=[module]) == [
        ("hidden module", None),
        ("hooked system call", None),
    ]
    assert kinds("windows", ssdt=[{"Module": "ntoskrnl"}, {"Module": "evil"}, {"Module": "win32k.sys"}]) == [
        ("hooked system call", None)
    ]
    assert kinds("windows", modules=[{"Base": "0x1"}], modscan=[{"Base": "0x1"}, {"Base": "0x2"}]) == [
        ("hidden module", None)
    ]


def test_findings_beyond_the_limit_are_counted() -> None:
    rows = [{"PID": number, "Hexdump": "4d 5a"} for number in range(10)]

    found, beyond = findings("windows", {"malfind": rows}, 3)

    assert (len(found), beyond) == (3, 7)


def test_endpoints_of_both_systems_have_one_shape_and_know_what_was_monitored() -> None:
    behavior = {"processes": [{"process_id": 7, "process_name": "a.exe"}]}
    scanned = {"Proto": "TCPv4", "LocalAddr": "1.1.1.1", "LocalPort": 1, "ForeignAddr": "2.2.2.2"}
    scanned |= {"ForeignPort": 2, "State": "ESTABLISHED", "PID": 7, "Owner": "a.exe"}
    unix = {"Family": "AF_UNIX", "PID": 8}

    (endpoint,) = connections({"netscan": [scanned], "sockstat": [unix]}, behavior)

    assert endpoint == {
        "plugin": "netscan",
        "protocol": "TCPv4",
        "local_address": "1.1.1.1",
        "local_port": 1,
        "remote_address": "2.2.2.2",
        "remote_port": 2,
        "state": "ESTABLISHED",
        "pid": 7,
        "process": "a.exe",
        "monitored": "a.exe",
    }
    assert connections({"netscan": [scanned | {"PID": 9}]}, {})[0]["monitored"] is None
