"""The first process of the story as the two other families leave it: their layouts and dialects.

The second family names arguments in snake case, writes strings as strings and explains numbers by flags; the
classic family names registry keys by a handle and a path below it, which a reader must follow.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

from tools.example import screens, story, traffic
from tools.example.behavior import (
    Arguments,
    ClassicLogWriter,
    Flags,
    LogWriter,
    SecondLogWriter,
    number,
    pointer,
)

_RUN_PATH = story.RUN_KEY.partition("\\")[2]
_ACCESS: Flags = {"desired_access": [[-0x80000000, "GENERIC_READ"], [0x40000000, "GENERIC_WRITE"]]}
_CREATION: Flags = {"creation_flags": [[4, "CREATE_SUSPENDED"], [0x08000000, "CREATE_NO_WINDOW"]]}
_REGISTRY_TYPE: Flags = {"reg_type": [[1, "REG_SZ"], [4, "REG_DWORD"]]}


class Calls:
    """Adds calls to a log, 5 ms apart."""

    def __init__(self, log: LogWriter) -> None:
        self.log = log
        self._now = 0

    def add(
        self, api: str, category: str, arguments: Arguments, *, status: bool = True, returned: int = 0
    ) -> None:
        """Add one call."""
        self._now += 5
        self.log.call(api, category, arguments, at=self._now, status=status, returned=returned)


def second_family_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the folder as the second family leaves it."""
    capture = traffic.capture()
    yield "task.json", json.dumps(_second_task()).encode()
    yield "binary", story.sample_file()
    yield "dump.pcap", capture
    yield "dump_sorted.pcap", capture
    yield f"logs/{story.SAMPLE.pid}.bson", second_family_log()
    yield from _second_dropped()
    yield "analysis.log", _analyser_log("analyzer").encode()
    yield "cuckoo.log", _scheduler_log().encode()
    yield from _screenshots()


def classic_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the folder as the classic family leaves it."""
    yield "analysis.conf", _classic_configuration().encode()
    yield "binary", story.sample_file()
    yield "dump.pcap", traffic.capture()
    yield f"logs/{story.SAMPLE.pid}.bson", classic_log()
    for index, file in enumerate(_dropped_by_sample()):
        yield f"files/{9000 + index}/{_base_name(file.guest_path)}", file.content
    yield "analysis.log", _analyser_log("root").encode()
    yield from _screenshots()


def second_family_log() -> bytes:
    """What the sample did, in the second family's dialect."""
    sample = story.SAMPLE
    log = SecondLogWriter(
        sample.pid,
        sample.parent,
        sample.path,
        story.SAMPLE_STARTED,
        sample.thread,
        command_line=sample.command,
        modules=[
            {
                "filepath": sample.path,
                "basename": "Invoice_0417.exe",
                "baseaddr": "0x400000",
                "imgsize": 0x6000,
            }
        ],
        flags_value={"RegSetValueExW": _REGISTRY_TYPE},
        flags_bitmask={"NtCreateFile": _ACCESS, "CreateProcessInternalW": _CREATION},
    )
    _second_family_calls(Calls(log))
    return log.contents()


def _second_family_calls(calls: Calls) -> None:
    mutex: Arguments = {"mutant_handle": pointer(0xAC), "desired_access": number(0x1F0001)}
    calls.add("NtCreateMutant", "synchronisation", mutex | {"initial_owner": 1, "mutant_name": story.MUTEX})
    missing: Arguments = {"key_handle": pointer(0), "desired_access": number(1), "options": 0}
    key: Arguments = {"regkey": r"HKEY_LOCAL_MACHINE\SOFTWARE\Oracle\VirtualBox Guest Additions"}
    calls.add("NtOpenKeyEx", "registry", missing | key, status=False, returned=0xC0000034)
    opened: Arguments = {"create_disposition": 5, "file_handle": pointer(0xB0)}
    path: Arguments = {"filepath": story.STAGE_DOWNLOAD_PATH, "desired_access": number(0x40100080)}
    calls.add("NtCreateFile", "file", opened | path)
    written: Arguments = {"file_handle": pointer(0xB0), "filepath": story.STAGE_DOWNLOAD_PATH}
    calls.add("NtWriteFile", "file", written | {"buffer": story.stage_file()[:256], "offset": 0})
    copied: Arguments = {"oldfilepath": story.STAGE_DOWNLOAD_PATH, "newfilepath": story.STAGE_PATH}
    calls.add("CopyFileW", "file", copied | {"fail_if_exists": 0}, returned=1)
    value: Arguments = {"key_handle": pointer(0xB4), "regkey": rf"{story.RUN_KEY}\WinSync", "reg_type": 1}
    calls.add("RegSetValueExW", "registry", value | {"value": story.STAGE.command})
    created: Arguments = {"command_line": story.STAGE.command, "filepath": story.STAGE_PATH}
    identity: Arguments = {"process_identifier": story.STAGE.pid, "thread_identifier": story.STAGE.thread}
    handles: Arguments = {"process_handle": pointer(0xB8), "thread_handle": pointer(0xBC), "track": 1}
    flags: Arguments = {"creation_flags": number(0x08000000)}
    calls.add("CreateProcessInternalW", "process", created | flags | identity | handles, returned=1)


def classic_log() -> bytes:
    """What the sample did, in the classic dialect."""
    sample = story.SAMPLE
    log = ClassicLogWriter(sample.pid, sample.parent, sample.path, story.SAMPLE_STARTED, sample.thread)
    _classic_calls(Calls(log))
    return log.contents()


def _classic_calls(calls: Calls) -> None:
    mutex: Arguments = {"Handle": pointer(0xAC), "MutexName": story.MUTEX, "InitialOwner": 1}
    calls.add("NtCreateMutant", "synchronization", mutex)
    opened: Arguments = {"FileHandle": pointer(0xB0), "DesiredAccess": pointer(0x40100080)}
    path: Arguments = {"FileName": story.STAGE_DOWNLOAD_PATH, "CreateDisposition": 5, "ShareAccess": 1}
    calls.add("NtCreateFile", "filesystem", opened | path)
    calls.add("NtWriteFile", "filesystem", {"FileHandle": pointer(0xB0), "Buffer": story.stage_file()[:256]})
    calls.add("NtClose", "system", {"Handle": pointer(0xB0)})
    copied: Arguments = {"ExistingFileName": story.STAGE_DOWNLOAD_PATH, "NewFileName": story.STAGE_PATH}
    calls.add("CopyFileA", "filesystem", copied, returned=1)
    _classic_registry_calls(calls)
    created: Arguments = {"ApplicationName": story.STAGE_PATH, "CommandLine": story.STAGE.command}
    identity: Arguments = {"ProcessId": story.STAGE.pid, "ThreadId": story.STAGE.thread}
    handles: Arguments = {"ProcessHandle": pointer(0xB8), "ThreadHandle": pointer(0xBC)}
    calls.add("CreateProcessInternalW", "process", created | identity | handles, returned=1)


def _classic_registry_calls(calls: Calls) -> None:
    """A value set below a key that is opened in two steps."""
    above, _, below = _RUN_PATH.rpartition("\\")
    first: Arguments = {"Registry": pointer(0x80000001), "SubKey": above, "Handle": pointer(0xB4)}
    calls.add("RegOpenKeyExA", "registry", first)
    second: Arguments = {"Registry": pointer(0xB4), "SubKey": below, "Handle": pointer(0xC4)}
    calls.add("RegCreateKeyExA", "registry", second | {"Class": "", "Access": 2, "Disposition": 2})
    value: Arguments = {"Handle": pointer(0xC4), "ValueName": "WinSync", "Type": 1}
    calls.add("RegSetValueExA", "registry", value | {"Buffer": story.STAGE.command})
    for handle in (0xC4, 0xB4):
        calls.add("RegCloseKey", "registry", {"Handle": pointer(handle)})


def _second_task() -> dict[str, object]:
    return {
        "id": story.TASK_ID,
        "category": "file",
        "target": "/tmp/uploads/Invoice_0417.exe",  # noqa: S108 - a name in a record, never opened
        "package": "exe",
        "options": {"human": "0"},
        "timeout": 60,
        "priority": 1,
        "custom": "",
        "machine": "",
        "platform": "",
        "route": "internet",
        "tags": [],
        "memory": False,
        "enforce_timeout": False,
        "status": "completed",
        "added_on": _dated(story.ADDED),
        "clock": _dated(story.BEGAN),
        "started_on": _dated(story.BEGAN),
        "completed_on": _dated(story.ENDED),
        "guest": {
            "name": story.MACHINE,
            "label": story.MACHINE,
            "manager": "VirtualBox",
            "status": "stopped",
            "started_on": f"{story.BEGAN:%Y-%m-%d %H:%M:%S}",
            "shutdown_on": f"{story.ENDED:%Y-%m-%d %H:%M:%S}",
        },
    }


def _dated(moment: datetime) -> dict[str, str]:
    return {"$dt": f"{moment:%Y-%m-%dT%H:%M:%S.%f}"}


def _classic_configuration() -> str:
    return (
        "[analysis]\n"
        f"id = {story.TASK_ID}\n"
        "category = file\n"
        "target = /tmp/uploads/Invoice_0417.exe\n"
        "package = exe\n"
        "file_name = Invoice_0417.exe\n"
        "file_type = PE32 executable (GUI) Intel 80386, for MS Windows\n"
        f"clock = {story.BEGAN:%Y%m%dT%H:%M:%S}\n"
        "options = \n"
        "timeout = 60\n"
        f"ip = {story.ROUTER.ip}\n"
        "port = 2042\n"
    )


def _dropped_by_sample() -> list[story.Stored]:
    return [file for file in story.stored_files() if story.SAMPLE.pid in file.pids]


def _second_dropped() -> Iterator[tuple[str, bytes]]:
    records = []
    for file in _dropped_by_sample():
        path = f"files/{hashlib.sha256(file.content).hexdigest()[:16]}_{_base_name(file.guest_path)}"
        records.append({"path": path, "pids": list(file.pids), "filepath": file.guest_path})
        yield path, file.content
    yield "files.json", "".join(json.dumps(record) + "\n" for record in records).encode()


def _base_name(path: str) -> str:
    return path.rpartition("\\")[2]


def _analyser_log(source: str) -> str:
    sample = story.SAMPLE
    return (
        f"{story.BEGAN:%Y-%m-%d %H:%M:%S},015 [{source}] DEBUG: Starting analyzer from: C:\\fcinv\n"
        f"{story.SAMPLE_STARTED:%Y-%m-%d %H:%M:%S},796 [lib.api.process] INFO: Successfully executed process "
        f"from path {sample.path!r} with arguments '' and pid {sample.pid}\n"
        f"{story.ENDED:%Y-%m-%d %H:%M:%S},102 [{source}] INFO: Analysis completed.\n"
    )


def _scheduler_log() -> str:
    stamp = f"{story.BEGAN:%Y-%m-%d %H:%M:%S},048"
    text = f"Task #{story.TASK_ID}: acquired machine {story.MACHINE} (label={story.MACHINE})"
    return f"{stamp} [lib.cuckoo.core.scheduler] INFO: {text}\n"


def _screenshots() -> Iterator[tuple[str, bytes]]:
    for index, picture in enumerate(screens.screenshots(), 1):
        yield f"shots/{index:04}.png", picture
