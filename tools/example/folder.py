"""Put the parts of the story into an analysis folder of the successor's layout."""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from tools.example import processes, screens, story, traffic
from tools.example.story import At

Files = Iterable[tuple[str, bytes]]
"""Names in the folder, with their contents."""


def write_analysis(folder: Path, *, without: Collection[str] = ()) -> None:
    """Write the example into `folder`, except the files and top folders named in `without`."""
    kept = (file for file in analysis_files() if file[0] not in without and _top(file[0]) not in without)
    write_files(folder, kept)


def _top(name: str) -> str:
    return name.partition("/")[0]


def write_files(folder: Path, files: Files) -> None:
    """Write files, and the folders they need."""
    for name, content in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def analysis_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the example as its name in the folder and its content."""
    yield "task.json", json.dumps(task(), indent=1).encode() + b"\n"
    yield "analysis.conf", _configuration().encode()
    yield "analysis.log", _guest_log().encode()
    yield "process.log", _host_log().encode()
    yield "binary", story.sample_file()
    yield "dump.pcap", traffic.capture()
    yield from _tls_secrets()
    yield from _stored_files()
    for pid, log in processes.logs().items():
        yield f"logs/{pid}.bson", log
    for number, picture in enumerate(screens.screenshots(), 1):
        yield f"shots/{number:04}.png", picture


def task() -> dict[str, object]:
    """The description of the task as the successor writes it."""
    return {
        "id": story.TASK_ID,
        "target": "/tmp/uploads/Invoice_0417.exe",  # noqa: S108 - a name in a record, never opened
        "category": "file",
        "package": "exe",
        "timeout": 60,
        "priority": 1,
        "options": "procmemdump=0,tlsdump=1",
        "custom": "",
        "machine": story.MACHINE,
        "platform": "windows",
        "route": "internet",
        "tags": [],
        "tlp": "clear",
        "user_id": 0,
        "memory": False,
        "enforce_timeout": False,
        "clock": _clock(story.BEGAN),
        "added_on": _clock(story.ADDED),
        "started_on": _clock(story.BEGAN),
        "completed_on": _clock(story.ENDED),
        "status": "completed",
        "sample_id": 1,
        "parent_id": None,
    }


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _configuration() -> str:
    """analysis.conf, which the guest is given."""
    described = task()
    names = ("id", "target", "category", "package", "timeout", "options", "enforce_timeout")
    given = {
        **{name: described[name] for name in names},
        "file_name": "Invoice_0417.exe",
        "file_type": "PE32 executable (GUI) Intel 80386, for MS Windows, 3 sections",
        "clock": f"{story.BEGAN:%Y%m%dT%H:%M:%S}",
        "ip": story.ROUTER.ip,
        "port": 2042,
    }
    return "[analysis]\n" + "".join(f"{name} = {value}\n" for name, value in given.items())


def _stored_files() -> Iterator[tuple[str, bytes]]:
    stored = story.stored_files()
    for file in {file.path: file for file in stored}.values():
        yield file.path, file.content
    yield (
        "files.json",
        "".join(json.dumps(_record(file), ensure_ascii=False) + "\n" for file in stored).encode(),
    )


def _record(file: story.Stored) -> dict[str, object]:
    return {
        "path": file.path,
        "filepath": file.guest_path,
        "pids": list(file.pids),
        "ppids": [process.parent for process in story.PROCESSES if process.pid in file.pids],
        "metadata": file.metadata,
        "category": file.folder,
    }


def _tls_secrets() -> Iterator[tuple[str, bytes]]:
    """The secrets of the encrypted session: as the guest dumped them, and in the format of TLS key logs."""
    session = story.panel_session()
    client, server, master = (
        value.hex() for value in (session.client_random, session.server_random, session.master_secret)
    )
    dumped = f"client_random: {client}, server_random: {server}, master_secret: {master}\n"
    yield "tlsdump/tlsdump.log", dumped.encode()
    yield "tlsmaster.txt", f"RSA Session-ID:{session.session_id.hex()} Master-Key:{master}\n".encode()


def _guest_log() -> str:
    """analysis.log: what the analyser in the guest reported."""
    return "".join(
        f"{_stamp(at)} [{source}] {text}\n" for at, source, text in sorted(_guest_events(), key=_moment)
    )


def _moment(event: tuple[float, str, str]) -> float:
    return event[0]


def _stamp(at: float) -> str:
    moment = story.moment(at)
    return f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03}"


Event = tuple[float, str, str]
"""Seconds after the sample's start, the logger, level and message."""


def _guest_events() -> Iterator[Event]:
    yield from _preparation()
    for process in story.PROCESSES:
        yield from _injected(process)
    for file in story.stored_files():
        yield _uploaded(file)
    yield from _conclusion()


def _preparation() -> Iterator[Event]:
    sample = story.SAMPLE
    yield -9.4, "root", f"INFO: Date set to: {story.BEGAN:%Y%m%dT%H:%M:%S}, timeout set to: 60"
    yield -9.39, "root", r"DEBUG: Starting analyzer from: C:\tmpq3k1vd"
    yield -9.39, "root", r"DEBUG: Storing results at: C:\kqzRtW"
    yield -9.38, "root", r"DEBUG: Pipe server name: \\.\PIPE\mXvbQoTz"
    yield -9.38, "root", 'INFO: Analysis package "exe" has been specified.'
    yield -8.9, "root", "DEBUG: Started auxiliary module Human"
    yield -8.8, "root", "DEBUG: Started auxiliary module Screenshots"
    yield -8.7, "root", "WARNING: Cannot execute auxiliary module Disguise: [WinError 5] Access is denied"
    yield -8.6, "root", "DEBUG: Started auxiliary module TLSDumpMasterSecrets"
    text = f'Successfully executed process from path "{sample.path}" with arguments "" with pid {sample.pid}'
    yield -2.1, "lib.api.process", f"INFO: {text}"


def _injected(process: story.Process) -> Iterator[Event]:
    name = process.path.rpartition("\\")[2]
    at = process.started
    if process.parent != story.SHELL_PID:
        yield at - 0.08, "root", f"INFO: Announced 32-bit process name: {name} pid: {process.pid}"
    text = f"Injected into suspended 32-bit process with pid {process.pid}"
    yield at - 0.05, "lib.api.process", f"INFO: {text}"
    yield at, "root", f"INFO: Loaded monitor into process with pid {process.pid}"


def _uploaded(file: story.Stored) -> Event:
    text = (
        f"Uploading file {file.guest_path} to {file.path}; Size is {len(file.content)}; Max size: 100000000"
    )
    injected = file.folder == "CAPE"
    return At.INJECTION + 0.2 if injected else At.END + 2.5, "lib.common.results", f"INFO: {text}"


def _conclusion() -> Iterator[Event]:
    yield At.END, "root", "INFO: Analysis timeout hit, terminating analysis"
    for process in (story.SAMPLE, story.STAGE):
        text = f"Failed to open terminate event for pid {process.pid}"
        yield At.END + 0.1, "lib.api.process", f"ERROR: {text}"
    yield At.END + 0.2, "lib.api.process", f"INFO: Terminate event set for process {story.HOST.pid}"
    yield At.END + 1.2, "root", "INFO: Created shutdown mutex"
    yield At.END + 2.2, "root", "INFO: Shutting down package"
    yield At.END + 2.3, "root", "INFO: Stopping auxiliary modules"
    yield At.END + 2.4, "root", "INFO: Shutting down pipe server and dumping dropped files"
    yield At.END + 3.0, "root", "INFO: Analysis completed"


def _host_log() -> str:
    """process.log: what the sandbox's host reported about this task."""
    started, ended = story.BEGAN, story.ENDED
    lines = (
        (started, f"INFO: Task #{story.TASK_ID}: acquired machine {story.MACHINE} (label={story.MACHINE})"),
        (started, f"INFO: Task #{story.TASK_ID}: started on guest {story.GUEST.ip}"),
        (ended, f"INFO: Task #{story.TASK_ID}: completed successfully"),
        (ended, f"INFO: Task #{story.TASK_ID}: machine {story.MACHINE} released"),
    )
    return "".join(
        f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03} "
        f"[lib.cuckoo.core.analysis_manager] {text}\n"
        for moment, text in lines
    )
