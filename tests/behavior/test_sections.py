"""The sections of `behavior`: what calls mean, for each family of monitors."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.behavior.sections import Shown, find_logs, logs_of, read_logs, sections
from lib.cuckoo.behavior.source import LogSource
from tests.behavior.test_rebuilt import REPORTS, rebuilt
from tests.behavior.writer import (
    FIRST_SEEN,
    Int64,
    call,
    classic_call,
    document,
    info,
    process,
    second_call,
    second_process,
)
from tests.shape import assert_fits

Behavior = Callable[..., dict[str, Any]]
DISPOSITION = 13


@pytest.fixture
def behavior(scanner: str, tmp_path: Path) -> Behavior:  # noqa: ARG001 - chooses who reads
    """Write logs by name, and compute the sections."""

    def compute(shown: Shown | None = None, **logs: bytes) -> Any:
        folder = tmp_path / "logs"
        folder.mkdir(exist_ok=True)
        for name, log in logs.items():
            (folder / f"{name.lstrip('_')}.bson").write_bytes(log)
        found: Any = sections(list(read_logs(logs_of(folder), 1 << 20)), shown or Shown())
        assert_fits({"behavior": found})
        return found

    return compute


def log_of(
    *calls: tuple[str, str, Mapping[str, object]], make: Callable[..., bytes] = call, **more: Any
) -> bytes:
    """A log with one declaration for each call: API, category, arguments by name."""
    log = b""
    for index, (api, category, arguments) in enumerate(calls, 9):
        failed, returned = arguments.get("failed"), arguments.get("returned", 0)
        given = {name: value for name, value in arguments.items() if name not in {"failed", "returned"}}
        hexadecimal = ("Handle", "Registry", "Access", "Address", "_handle", "_access", "_address")
        names = [[name, "p"] if name.endswith(hexadecimal) else name for name in given]
        log += info(index, api, category, names)
        log += make(index, *given.values(), status=0 if failed else 1, returned=returned, **more)
    return log


def summary(behavior: Behavior, *calls: tuple[str, str, Mapping[str, object]]) -> dict[str, list[str]]:
    found = behavior(_3052=process() + log_of(*calls))["summary"]
    return {name: values for name, values in found.items() if values}


@pytest.mark.parametrize(
    ("access", "lists"),
    [
        (0x100080, {"files"}),
        (0x1, {"files", "read_files"}),
        (0x2, {"files", "write_files"}),
        (0x4, {"files", "write_files"}),
        (Int64(0x80000000), {"files", "read_files"}),
        (0x40000000, {"files", "write_files"}),
        (0x10000000, {"files", "read_files", "write_files"}),
        (0x02000000, {"files", "read_files", "write_files"}),
        (b"0xffffffff80100080", {"files", "read_files"}),
    ],
)
def test_the_access_mask_tells_reading_from_writing(
    behavior: Behavior, access: object, lists: set[str]
) -> None:
    found = summary(behavior, ("NtCreateFile", "filesystem", {"DesiredAccess": access, "FileName": b"C:\\a"}))

    assert found == {name: ["C:\\a"] for name in lists}


@pytest.mark.parametrize(
    ("api", "category", "arguments", "expected"),
    [
        ("FindFirstFileExW", "filesystem", {"FileName": b"C:\\*"}, {"files": ["C:\\*"]}),
        ("CreateDirectoryW", "filesystem", {"DirectoryName": b"C:\\d"}, {"files": ["C:\\d"]}),
        ("NtOpenFile", "network", {"FileName": b"C:\\a"}, {}),
        ("FindFirstFileExW", "filesystem", {"FileName": b""}, {}),
        (
            "CopyFileExW",
            "filesystem",
            {"ExistingFileName": b"a", "NewFileName": b"b"},
            {"files": ["a", "b"], "read_files": ["a"], "write_files": ["b"]},
        ),
        (
            "MoveFileWithProgressW",
            "filesystem",
            {"ExistingFileName": b"a", "NewFileName": b"b"},
            {"files": ["a", "b"], "delete_files": ["a"], "write_files": ["b"]},
        ),
        ("DeleteFileW", "filesystem", {"FileName": b"a"}, {"files": ["a"], "delete_files": ["a"]}),
        ("RemoveDirectoryA", "filesystem", {"DirectoryName": b"d"}, {"files": ["d"], "delete_files": ["d"]}),
        (
            "NtSetInformationFile",
            "filesystem",
            {"HandleName": b"a", "FileInformationClass": DISPOSITION, "FileInformation": b"\x01"},
            {"files": ["a"], "delete_files": ["a"]},
        ),
        (
            "NtSetInformationFile",
            "filesystem",
            {"HandleName": b"a", "FileInformationClass": DISPOSITION, "FileInformation": b"\x00"},
            {},
        ),
        (
            "NtSetInformationFile",
            "filesystem",
            {"HandleName": b"a", "FileInformationClass": 4, "FileInformation": b"\x01"},
            {},
        ),
        ("SHGetFileInfoW", "misc", {"Path": b"C:\\a"}, {"files": ["C:\\a"]}),
        ("SHGetFileInfoW", "misc", {"Path": b".exe"}, {}),
        ("RegOpenKeyExA", "registry", {"FullName": b"HKCU\\a"}, {"keys": ["HKCU\\a"]}),
        ("NtOpenKeyEx", "registry", {"ObjectAttributes": b"HKCU\\a"}, {"keys": ["HKCU\\a"]}),
        ("RegQueryValueExW", "registry", {"FullName": b"k"}, {"keys": ["k"], "read_keys": ["k"]}),
        ("NtQueryMultipleValueKey", "registry", {"FullName": b"k"}, {"keys": ["k"], "read_keys": ["k"]}),
        ("NtSetValueKey", "registry", {"FullName": b"k"}, {"keys": ["k"], "write_keys": ["k"]}),
        (
            "RegCreateKeyExW",
            "registry",
            {"FullName": b"k", "Disposition": 1},
            {"keys": ["k"], "write_keys": ["k"]},
        ),
        ("RegCreateKeyExW", "registry", {"FullName": b"k", "Disposition": 2}, {"keys": ["k"]}),
        (
            "NtCreateKey",
            "registry",
            {"ObjectAttributes": b"k", "Disposition": 1},
            {"keys": ["k"], "write_keys": ["k"]},
        ),
        ("RegDeleteKeyW", "registry", {"FullName": b"k"}, {"keys": ["k"], "delete_keys": ["k"]}),
        ("NtDeleteValueKey", "registry", {"FullName": b"k"}, {"keys": ["k"], "delete_keys": ["k"]}),
        (
            "CreateProcessInternalW",
            "process",
            {"ApplicationName": b"C:\\b.exe", "CommandLine": b"a.exe /b.exe "},
            {"executed_commands": ["C:\\b.exe a.exe /b.exe"]},
        ),
        (
            "CreateProcessInternalW",
            "process",
            {"ApplicationName": b"C:\\my b.exe", "CommandLine": b'"C:\\my b.exe" /x'},
            {"executed_commands": ['"C:\\my b.exe" /x']},
        ),
        (
            "CreateProcessInternalW",
            "process",
            {"ApplicationName": b"C:\\b.exe", "CommandLine": b""},
            {"executed_commands": ["C:\\b.exe"]},
        ),
        ("NtCreateUserProcess", "process", {"CommandLine": b"a /b"}, {"executed_commands": ["a /b"]}),
        ("NtCreateProcessEx", "process", {"FileName": b"C:\\a.exe"}, {"executed_commands": ["C:\\a.exe"]}),
        (
            "ShellExecuteExW",
            "process",
            {"FilePath": b"C:\\a.exe", "Parameters": b" /c x"},
            {"files": ["C:\\a.exe"], "executed_commands": ["C:\\a.exe /c x"]},
        ),
        (
            "LdrGetProcedureAddress",
            "system",
            {"ModuleName": b"KERNEL32.dll", "FunctionName": b"Sleep", "Ordinal": 0},
            {"resolved_apis": ["kernel32.dll.Sleep"]},
        ),
        (
            "LdrGetProcedureAddress",
            "system",
            {"ModuleName": b"a.dll", "FunctionName": b"", "Ordinal": 7},
            {"resolved_apis": ["a.dll.#7"]},
        ),
        ("LdrGetProcedureAddress", "system", {"ModuleName": b"a", "FunctionName": b"b", "failed": True}, {}),
        ("NtCreateMutant", "synchronization", {"MutexName": b"m"}, {"mutexes": ["m"]}),
        ("CreateServiceW", "services", {"ServiceName": b"s"}, {"created_services": ["s"]}),
        ("StartServiceA", "services", {"ServiceName": b"s"}, {"started_services": ["s"]}),
    ],
)
def test_a_call_adds_to_the_summary(
    behavior: Behavior, api: str, category: str, arguments: dict[str, object], expected: dict[str, list[str]]
) -> None:
    assert summary(behavior, (api, category, arguments)) == expected


def test_lists_have_no_duplicates_and_keep_their_order(behavior: Behavior) -> None:
    calls = [("FindFirstFileExW", "filesystem", {"FileName": name}) for name in (b"b", b"a", b"b")]

    assert summary(behavior, *calls) == {"files": ["b", "a"]}


def test_registry_keys_of_a_classic_log_are_followed_from_handle_to_handle(behavior: Behavior) -> None:
    steps = log_of(
        ("RegOpenKeyExA", "registry", {"Registry": Int64(0x80000002), "SubKey": b"Software", "Handle": 0x40}),
        (
            "RegCreateKeyExW",
            "registry",
            {"Registry": 0x40, "SubKey": b"Run", "Handle": 0x44, "Disposition": 1},
        ),
        ("RegSetValueExA", "registry", {"Handle": 0x44, "ValueName": b"evil", "Buffer": b"a.exe"}),
        ("RegCloseKey", "registry", {"Handle": 0x44}),
        ("RegQueryValueExA", "registry", {"Handle": 0x44, "ValueName": b"after", "Data": b""}),
        ("NtOpenKey", "registry", {"KeyHandle": 0x48, "ObjectAttributes": b"\\Registry\\Machine\\System"}),
        ("NtQueryValueKey", "registry", {"KeyHandle": 0x48, "ValueName": b"Start", "Information": b"2"}),
        ("RegDeleteValueW", "registry", {"Handle": Int64(-2147483647), "ValueName": b"gone"}),
        make=classic_call,
    )

    found = behavior(_3052=process() + steps)

    assert found["summary"]["keys"] == [
        "HKEY_LOCAL_MACHINE\\Software",
        "HKEY_LOCAL_MACHINE\\Software\\Run",
        "HKEY_LOCAL_MACHINE\\Software\\Run\\evil",
        "0x00000044\\after",
        "HKEY_LOCAL_MACHINE\\System",
        "HKEY_LOCAL_MACHINE\\System\\Start",
        "HKEY_CURRENT_USER\\gone",
    ]
    assert [(event["event"], event["data"]) for event in found["enhanced"]] == [
        ("write", {"regkey": "HKEY_LOCAL_MACHINE\\Software\\Run"}),
        ("write", {"regkey": "HKEY_LOCAL_MACHINE\\Software\\Run\\evil", "content": "a.exe"}),
        ("read", {"regkey": "0x00000044\\after", "content": ""}),
        ("read", {"regkey": "HKEY_LOCAL_MACHINE\\System\\Start", "content": "2"}),
        ("delete", {"regkey": "HKEY_CURRENT_USER\\gone"}),
    ]


def test_files_and_services_of_a_classic_log_are_followed(behavior: Behavior) -> None:
    steps = log_of(
        ("NtCreateFile", "filesystem", {"FileHandle": 0x40, "DesiredAccess": 2, "FileName": b"C:\\a"}),
        ("NtWriteFile", "filesystem", {"FileHandle": 0x40, "Buffer": b"MZ"}),
        (
            "NtSetInformationFile",
            "filesystem",
            {"FileHandle": 0x40, "FileInformationClass": DISPOSITION, "FileInformation": b"\x01"},
        ),
        ("NtClose", "system", {"Handle": 0x40, "failed": True}),
        ("NtReadFile", "filesystem", {"FileHandle": 0x40, "Buffer": b"MZ"}),
        ("NtClose", "system", {"Handle": 0x40}),
        ("NtReadFile", "filesystem", {"FileHandle": 0x40, "Buffer": b""}),
        ("NtOpenFile", "filesystem", {"FileHandle": 0x40, "FileName": b"C:\\no", "failed": True}),
        ("NtReadFile", "filesystem", {"FileHandle": 0x40, "Buffer": b""}),
        ("OpenServiceA", "services", {"ServiceName": b"WinDefend", "returned": 0x50}),
        ("ControlService", "services", {"ServiceHandle": 0x50, "ControlCode": 1}),
        ("StartServiceA", "services", {"ServiceHandle": 0x50}),
        make=classic_call,
    )

    found = behavior(_3052=process() + steps)

    assert found["summary"]["delete_files"] == ["C:\\a"]
    assert found["summary"]["started_services"] == ["WinDefend"]
    assert [(event["event"], event["object"], event["data"]) for event in found["enhanced"]] == [
        ("write", "file", {"file": "C:\\a"}),
        ("read", "file", {"file": "C:\\a"}),
        ("read", "file", {"file": None}),
        ("read", "file", {"file": None}),
        ("modify", "service", {"service": "WinDefend", "controlcode": "1", "action": "stop"}),
        ("start", "service", {"service": "WinDefend"}),
    ]


def test_a_log_without_categories_is_understood_by_the_names_of_calls(behavior: Behavior) -> None:
    opened = info(9, "NtCreateFile", None, ["FileName", ["DesiredAccess", "h"]]) + classic_call(
        9, b"C:\\a", 1
    )
    mutex = info(10, "NtCreateMutant", None, ["MutexName"]) + classic_call(10, b"m")

    found = behavior(_3052=process() + opened + mutex)["summary"]

    assert (found["read_files"], found["mutexes"]) == (["C:\\a"], ["m"])


def test_the_words_of_the_second_family_mean_the_same(behavior: Behavior) -> None:
    steps = log_of(
        (
            "NtCreateFile",
            "file",
            {"file_handle": 0x40, "desired_access": 2, "filepath": "C:\\a", "status_info": 2},
        ),
        ("NtWriteFile", "file", {"file_handle": 0x40, "buffer": "MZ"}),
        ("RegSetValueExA", "registry", {"key_handle": 0x44, "regkey": "HKCU\\Run\\x", "value": "a.exe"}),
        ("NtCreateMutant", "synchronisation", {"mutant_name": "m"}),
        ("CreateProcessInternalW", "process", {"filepath": "", "command_line": "svchost.exe"}),
        ("LdrLoadDll", "system", {"module_address": 0x1000, "module_name": "a.dll"}),
        ("CopyFileExW", "file", {"oldfilepath": "C:\\a", "newfilepath": "C:\\b"}),
        make=second_call,
    )

    found = behavior(_752=second_process() + steps)

    assert {name: values for name, values in found["summary"].items() if values} == {
        "files": ["C:\\a", "C:\\b"],
        "read_files": ["C:\\a"],
        "write_files": ["C:\\a", "C:\\b"],
        "keys": ["HKCU\\Run\\x"],
        "write_keys": ["HKCU\\Run\\x"],
        "executed_commands": ["svchost.exe"],
        "mutexes": ["m"],
    }
    assert [(event["event"], list(event["data"].values())) for event in found["enhanced"]] == [
        ("write", ["C:\\a"]),
        ("write", ["HKCU\\Run\\x", "a.exe"]),
        ("execute", ["svchost.exe"]),
        ("load", ["a.dll", None, "0x00001000"]),
        ("copy", ["C:\\a", "C:\\b"]),
    ]
    assert found["generic"][0]["summary"] == {
        "command_line": ["svchost.exe"],
        "dll_loaded": ["a.dll"],
        "file_copied": ["C:\\a -> C:\\b"],
        "file_created": ["C:\\a"],
        "mutex": ["m"],
        "regkey_written": ["HKCU\\Run\\x"],
    }


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"status_info": 2}, "file_created"),
        ({"status_info": 1}, "file_opened"),
        ({}, "file_opened"),
        ({"status_info": 2, "failed": True}, "file_failed"),
    ],
)
def test_the_second_family_tells_what_became_of_a_file(
    behavior: Behavior, told: dict[str, object], word: str
) -> None:
    steps = log_of(("NtCreateFile", "file", {"filepath": "C:\\a", **told}), make=second_call)

    assert behavior(_752=second_process() + steps)["generic"][0]["summary"] == {word: ["C:\\a"]}


@pytest.mark.parametrize(
    ("code", "action"),
    [(1, "stop"), (2, "pause"), (3, "continue"), (4, "info"), (5, "notify"), (128, "user"), (b"x", "notify")],
)
def test_a_control_code_is_an_action(behavior: Behavior, code: object, action: str) -> None:
    found = behavior(
        _1=process() + log_of(("ControlService", "services", {"ServiceName": b"s", "ControlCode": code}))
    )

    assert found["enhanced"][0]["data"]["action"] == action


def test_a_windows_hook_names_the_library_at_its_address(behavior: Behavior) -> None:
    steps = log_of(
        ("LdrLoadDll", "system", {"FileName": b"spy.dll", "BaseAddress": 0x10000}),
        (
            "SetWindowsHookExA",
            "system",
            {"HookIdentifier": 2, "ProcedureAddress": 0x10010, "ModuleAddress": 0x10000},
        ),
    )

    event = behavior(_1=process() + steps)["enhanced"][1]

    assert event["data"] == {
        "id": "2",
        "moduleaddress": "0x00010000",
        "procedureaddress": "0x00010010",
        "module": "spy.dll",
    }


def test_events_are_counted_through_all_processes(behavior: Behavior) -> None:
    delete = log_of(("DeleteFileW", "filesystem", {"FileName": b"C:\\a"}), time=1000)

    events = behavior(_1=process(1) + delete, _2=process(2, filetime=FIRST_SEEN + 1) + delete)["enhanced"]

    assert [(event["eid"], event["timestamp"]) for event in events] == [
        (1, "2021-01-28 02:14:05,655"),
        (2, "2021-01-28 02:14:05,655"),
    ]
    assert [event["eid"] for event in events[::-1]] == [2, 1]
    assert (len(events), events[-1]["eid"]) == (2, 2)


def test_anomalies_and_encrypted_buffers_are_collected(behavior: Behavior) -> None:
    noticed = {"Subcategory": b"unhook", "FunctionName": b"NtClose", "Message": b"gone"}
    steps = log_of(
        ("__anomaly__", "anomaly", noticed),
        ("CryptEncrypt", "crypto", {"Buffer": b"secret", "BufferSize": 6, "CryptKey": b"k"}),
        ("SslEncryptPacket", "network", {"Buffer": b"GET", "BufferSize": 3}),
    )

    found = behavior(_3052=process() + steps)

    assert found["anomaly"] == [
        {"name": "a.exe", "pid": 3052, "category": "unhook", "funcname": "NtClose", "message": "gone"}
    ]
    who = {"process_name": "a.exe", "pid": 3052}
    assert found["encryptedbuffers"] == [
        who | {"api_call": "CryptEncrypt", "buffer": "secret", "buffer_size": "6", "crypt_key": "k"},
        who | {"api_call": "SslEncryptPacket", "buffer": "GET", "buffer_size": "3"},
    ]


def test_what_is_not_shown_is_counted(behavior: Behavior) -> None:
    noticed = log_of(*[("__anomaly__", "anomaly", {"Message": text}) for text in (b"a", b"b", b"c")])
    deleted = log_of(*[("DeleteFileW", "filesystem", {"FileName": name}) for name in (b"a", b"b", b"c")])

    found = behavior(Shown(calls=2, events=1, records=2), _1=process(1) + noticed, _2=process(2) + deleted)

    assert found["truncated"] == {"enhanced": {"shown": 1, "total": 3}, "anomaly": {"shown": 2, "total": 3}}
    assert [one["truncated"] for one in found["processes"]] == [{"calls": {"shown": 2, "total": 3}}] * 2
    assert len(found["anomaly"]) == 2
    assert len(json.loads(b"".join(found["enhanced"].json_chunks()))) == 1
    assert len(json.loads(b"".join(found["processes"][1]["calls"].json_chunks()))) == 2
    assert found["summary"]["delete_files"] == ["a", "b", "c"]
    assert "truncated" not in behavior(Shown(calls=3, events=3, records=3))


def test_calls_are_counted_by_name_with_their_repetitions(behavior: Behavior) -> None:
    declared = info(9, "Sleep", "system", ["Milliseconds"]) + info(10, "Beep", "misc", [])
    calls = call(9, 5) + call(9, 5, r=3) + call(9, 6) + call(10)

    assert behavior(_3052=process() + declared + calls)["apistats"] == {"3052": {"Beep": 1, "Sleep": 6}}


# --- processes


def test_processes_stand_in_the_order_in_which_they_were_seen(behavior: Behavior) -> None:
    found = behavior(_10=process(10, filetime=FIRST_SEEN + 20_000), _20=process(20), _3=process(3))[
        "processes"
    ]

    assert [one["process_id"] for one in found] == [3, 20, 10]
    assert list(found[0]) == [
        "process_id",
        "process_name",
        "parent_id",
        "module_path",
        "first_seen",
        "calls",
        "threads",
        "environ",
    ]


def test_a_process_of_the_second_family_has_its_command_line(behavior: Behavior) -> None:
    one = behavior(_752=second_process(command="a.exe /x"))["processes"][0]

    assert (one["environ"], one["command_line"], one["track"]) == (
        {"CommandLine": "a.exe /x"},
        "a.exe /x",
        True,
    )
    assert one["modules"] == [{"basename": "a.exe", "imgsize": 4096}]


def test_threads_are_those_that_called_then_those_that_were_announced(behavior: Behavior) -> None:
    thread = (
        info(1, "__thread__", "__notification__", ["ProcessIdentifier"])
        + call(1, 3052, T=5)
        + call(1, 3052, T=7)
    )
    calls = info(9, "Beep", "misc", []) + call(9, T=7) + call(9, T=6, returned=1)

    assert behavior(_3052=process() + thread + calls)["processes"][0]["threads"] == ["7", "6", "5"]


def test_a_log_without_a_process_takes_the_number_of_its_file(behavior: Behavior) -> None:
    calls = info(9, "Beep", "misc", []) + call(9)

    found = behavior(_4711=calls)["processes"]

    assert [(one["process_id"], one["process_name"], len(one["calls"])) for one in found] == [(4711, "", 1)]


def test_two_logs_of_one_number_are_two_processes(behavior: Behavior, tmp_path: Path) -> None:
    calls = info(9, "Beep", "misc", []) + call(9)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "7-2.bson").write_bytes(process(7, filetime=FIRST_SEEN + 10_000) + calls * 2)

    found = behavior(_7=process(7) + calls)

    assert [(one["process_id"], len(one["calls"])) for one in found["processes"]] == [(7, 1), (7, 1)]
    assert found["apistats"] == {"7": {"Beep": 3}}
    assert [log["path"] for log in found["logs"]] == ["logs/7.bson", "logs/7-2.bson"]


def names(nodes: list[dict[str, Any]]) -> list[Any]:
    return [(node["pid"], names(node["children"])) if node["children"] else node["pid"] for node in nodes]


def tree(behavior: Behavior, *pairs: tuple[int, int]) -> list[Any]:
    logs = {
        f"_{place}": process(pid, parent, filetime=FIRST_SEEN + place * 10_000)
        for place, (pid, parent) in enumerate(pairs)
    }
    return names(behavior(None, **logs)["processtree"])


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(1, 99)], [1]),
        ([(1, 99), (2, 1), (3, 1), (4, 2)], [(1, [(2, [4]), 3])]),
        ([(1, 1)], [1]),
        ([(1, 2), (2, 1)], [(1, [2])]),
        ([(5, 9), (1, 3), (2, 1), (3, 2)], [5, (1, [(2, [3])])]),
        ([(1, 99), (2, 1), (1, 99), (3, 1)], [(1, [2]), (1, [3])]),
        ([(2, 1), (1, 99)], [(1, [2])]),
    ],
)
def test_processes_stand_below_their_parents(
    behavior: Behavior, pairs: list[tuple[int, int]], expected: list[Any]
) -> None:
    assert tree(behavior, *pairs) == expected


def test_a_long_line_of_descent_is_not_nested_for_ever(behavior: Behavior) -> None:
    found = tree(behavior, *[(pid, pid - 1) for pid in range(1, 400)])

    depth, nodes = 0, found
    while isinstance(nodes[0], tuple):
        depth, nodes = depth + 1, nodes[0][1]
    assert depth == 63
    assert str(found).count("(") + str(nodes).count(",") + 1 == 399


def test_node_and_process_agree(behavior: Behavior) -> None:
    found = behavior(_3052=process())

    assert found["processtree"] == [
        {
            "name": "a.exe",
            "pid": 3052,
            "parent_id": 2456,
            "module_path": "C:\\a.exe",
            "children": [],
            "threads": [],
            "environ": {},
        }
    ]


# --- folders


def test_an_analysis_without_logs_has_empty_sections(tmp_path: Path) -> None:
    found: Any = sections(list(read_logs(logs_of(tmp_path / "logs"), 1)), Shown())

    assert all(not value for name, value in found.items() if name != "summary")
    assert not any(found["summary"].values())


def test_only_regular_files_are_logs(tmp_path: Path) -> None:
    (tmp_path / "10.bson").write_bytes(process())
    (tmp_path / "9.bson.gz").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "8.bson").mkdir()
    (tmp_path / "7.bson").symlink_to(tmp_path / "10.bson")
    (tmp_path / "link").symlink_to(tmp_path)

    os.mkfifo(tmp_path / os.fsdecode(b"6\xff.bson"))

    found = find_logs(tmp_path)

    assert [path.name for path in found.paths] == ["9.bson.gz", "10.bson"]
    assert [each.rpartition("/")[2] for each in found.refused] == [
        f"{name} is a link or no file: refused" for name in ("6\\xff.bson", "7.bson", "8.bson")
    ]
    assert find_logs(tmp_path / "link") == ([], ["link is a link: refused"])
    assert find_logs(tmp_path / "notes.txt") == ([], ["cannot list notes.txt: Not a directory"])
    assert find_logs(tmp_path / "absent") == ([], [])


def test_a_log_that_was_swapped_for_something_else_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(process())
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "1.bson").symlink_to(tmp_path / "outside")
    os.mkfifo(logs / "2.bson")
    sources = [LogSource(logs / name, 1) for name in ("1.bson", "2.bson")]

    assert [bytes(source.data()) for source in sources] == [b"", b""]
    assert "outside the analysis" in sources[0].fault
    assert "it is a FIFO" in sources[1].fault


@pytest.mark.slow
def test_a_hundred_thousand_logs_are_read(tmp_path: Path) -> None:
    log = process() + info(9, "Beep", "misc", []) + call(9)
    for number in range(100_000):
        (tmp_path / f"{number}.bson").write_bytes(log)

    found: Any = sections(list(read_logs(logs_of(tmp_path), 1)), Shown())

    assert len(found["processes"]) == 100_000
    assert found["processes"][0]["calls"][0]["api"] == "Beep"


@pytest.mark.usefixtures("scanner")
def test_no_log_stays_in_memory_when_it_was_read(tmp_path: Path) -> None:
    log = process() + info(9, "DeleteFileW", "filesystem", ["FileName"])
    log += b"".join(call(9, b"C:\\%08d" % number) for number in range(2000))
    for number in range(3):
        (tmp_path / f"{number}.bson").write_bytes(log)

    indexes = list(read_logs(logs_of(tmp_path), 1))
    memory = [resident(tmp_path)]
    found: Any = sections(indexes, Shown())
    memory.append(resident(tmp_path))
    for sequence in (*(each["calls"] for each in found["processes"]), found["enhanced"]):
        assert sum(map(len, sequence.json_chunks())) > len(log)
        memory.append(resident(tmp_path))

    assert memory == [[0, 0, 0]] * 6
    assert list(found["enhanced"])
    assert all(resident(tmp_path))


def resident(folder: Path) -> list[int]:
    """Return how many kilobytes of each mapped file in a folder are in memory."""
    found: list[int] = []
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:
            inside = words[-1].startswith(str(folder))
        elif inside and words[0] == "Rss:":
            found.append(int(words[1]))
    return found


def test_what_could_not_be_read_is_told_of_each_log(behavior: Behavior) -> None:
    log = process() + document({"type": "odd"})

    assert behavior(_3052=log)["logs"] == [
        {
            "path": "logs/3052.bson",
            "size_bytes": len(log),
            "calls": 0,
            "unread": 1,
            "first_unread": [{"offset": len(process()), "what": "a message of unknown type 'odd'"}],
        }
    ]


# --- real analyses


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("name", REPORTS)
def test_the_sections_of_a_report_come_back(shared_data: Path, tmp_path: Path, name: str) -> None:
    expected = rebuilt(shared_data, name, tmp_path / "analysis")
    found: Any = sections(list(read_logs(logs_of(tmp_path / "analysis" / "logs"), 1)), Shown())

    # The other engine leaves deleted keys (three, in one report) out of this list, and tells of deleted values only.
    deleted = expected["summary"]["delete_keys"]
    found["summary"]["delete_keys"] = [key for key in found["summary"]["delete_keys"] if key in deleted]
    assert found["summary"] == expected["summary"]
    assert list(found["enhanced"]) == expected["enhanced"]
    assert found["anomaly"] == expected["anomaly"]
    # It cuts blanks at the ends of a buffer.
    assert [{**one, "buffer": one["buffer"].strip()} for one in found["encryptedbuffers"]] == expected[
        "encryptedbuffers"
    ]
    # The rebuilt log of a process without calls announces a thread that the report does not have.
    for ours, theirs in zip(found["processes"], expected["processes"], strict=True):
        if theirs["calls"]:
            assert {**ours, "calls": None} == {**theirs, "calls": None}
    # Its tree leaves out processes without calls.
    called = {one["process_id"] for one in expected["processes"] if one["calls"]}
    assert names(_only(found["processtree"], called)) == names(expected["processtree"])


def _only(nodes: list[dict[str, Any]], called: set[int]) -> list[dict[str, Any]]:
    return [{**node, "children": _only(node["children"], called)} for node in nodes if node["pid"] in called]


@pytest.mark.usefixtures("scanner")
def test_the_sections_of_a_real_second_family_log_are_those_of_its_own_engine(shared_data: Path) -> None:
    folder = shared_data / "analyses" / "cuckoo2-2204-sanitised"
    truth = json.loads((folder.with_name(folder.name + ".truth") / "cuckoo2-behavior.json").read_text())

    found: Any = sections(list(read_logs(logs_of(folder / "logs"), 1)), Shown())

    assert found["apistats"] == truth["apistats"]
    (ours,), (theirs,) = found["generic"], truth["generic"]
    assert ours.pop("first_seen").replace(" ", "T").replace(",", ".") == theirs.pop("first_seen")[:23]
    assert ours == theirs
    assert found["processes"][0]["modules"] == truth["processes"][0]["modules"]
    assert found["processes"][0]["command_line"] == truth["processes"][0]["command_line"]
    assert names(found["processtree"]) == [752]
    assert found["summary"]["resolved_apis"][0] == "kernel32.GetModuleFileNameA"
