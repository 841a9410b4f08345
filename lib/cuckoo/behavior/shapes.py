"""Shapes of the section `behavior`. Times are those of the guest's clock: "2026-01-31 13:21:44,590"."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict


class Argument(TypedDict):
    """An argument of a call."""

    name: str
    """As the monitor calls it."""
    value: Any
    """Text; numbers are decimal, handles and addresses hexadecimal. The second family's may be lists and objects."""
    pretty_value: NotRequired[str]
    """What a number means, where that is known."""
    value_length: NotRequired[int]
    """Characters of a value that is cut."""


_RETURN = TypedDict("_RETURN", {"return": str})
"""The value that it returned, "0x00000000"."""


class Call(_RETURN):
    """An API call. Equal neighbours are one."""

    timestamp: str
    """When."""
    thread_id: str
    """The thread."""
    caller: str
    """The address that called, "" when the monitor does not say."""
    parentcaller: str
    """The address that called the caller, "" when the monitor does not say."""
    category: str
    """The group that the monitor counts the API to."""
    api: str
    """Name of the function."""
    status: bool
    """True when it succeeded."""
    pretty_return: NotRequired[str]
    """What the returned value means, where that is known."""
    arguments: list[Argument]
    """In their order."""
    repeated: int
    """How often the same call followed at once."""
    id: int
    """Its place among the calls of the process, from 0."""
    buffer: NotRequired[str]
    """SHA-1 of the buffer that the second family stored for it."""
    fault: NotRequired[str]
    """What of it could not be read."""


class ShownPart(TypedDict):
    """How much of a list is shown."""

    shown: int
    """Its length in the report."""
    total: int
    """How many there are."""


class ProcessRecord(TypedDict):
    """A process; several may have one number, one after the other."""

    process_id: int
    """Number of the process in the guest."""
    process_name: str
    """File name of the program."""
    parent_id: int
    """Number of the process that started it; 0 when the log does not say."""
    module_path: str
    """The program in the guest."""
    first_seen: str
    """When."""
    calls: Sequence[Call]
    """In the order of the log."""
    threads: list[str]
    """In the order in which they called, then those that were only announced."""
    environ: dict[str, str]
    """What the monitor told of the environment: `CommandLine`, `UserName`, `ComputerName`, `TempPath` …"""
    command_line: NotRequired[str]
    """How it was started; from the second family."""
    is_64bit: NotRequired[bool]
    """From the second family."""
    track: NotRequired[bool]
    """False for one that the monitor was told to leave alone; from the second family."""
    modules: NotRequired[list[Any]]
    """Modules loaded at its start: `basename`, `baseaddr`, `filepath`, `imgsize` (bytes); from the second family."""
    truncated: NotRequired[dict[str, ShownPart]]
    """`calls`, when not all are shown."""
    calls_count: NotRequired[int]
    """How many calls there are, where `calls` is empty because the report was to be without them."""
    calls_file: NotRequired[str]
    """Where they stand, one a line, relative to the report: `calls/2840.ndjson`."""


class ProcessNode(TypedDict):
    """A process in the tree."""

    name: str
    """File name of the program."""
    pid: int
    """Number of the process."""
    parent_id: int
    """Number of the process that started it."""
    module_path: str
    """The program in the guest."""
    children: list["ProcessNode"]
    """The processes that it started; more than 64 generations stand beside one another."""
    threads: list[str]
    """As in `processes`."""
    environ: dict[str, str]
    """As in `processes`."""


class Summary(TypedDict):
    """What was touched. Each list is first seen first, without repetitions."""

    files: Sequence[str]
    """Files and folders touched in any way."""
    read_files: Sequence[str]
    """Opened for reading, or copied."""
    write_files: Sequence[str]
    """Opened for writing, or the target of a copy or move."""
    delete_files: Sequence[str]
    """Deleted, or the source of a move."""
    keys: Sequence[str]
    """Registry keys and values touched in any way."""
    read_keys: Sequence[str]
    """Registry values read."""
    write_keys: Sequence[str]
    """Registry values written, and keys created."""
    delete_keys: Sequence[str]
    """Registry keys and values deleted."""
    executed_commands: Sequence[str]
    """Command lines."""
    resolved_apis: Sequence[str]
    """Functions looked up at run time, `module.function`."""
    mutexes: Sequence[str]
    """Names of mutexes."""
    created_services: Sequence[str]
    """Names of services."""
    started_services: Sequence[str]
    """Names of services."""


class Event(TypedDict):
    """A meaningful event, made from a call."""

    event: str
    """What happened: "read", "write", "move", "execute", "load" …"""
    object: str
    """To what: "file", "dir", "registry", "library", "service", "windowname", "windowshook"."""
    timestamp: str
    """When."""
    eid: int
    """From 1, in the order of processes, then of calls."""
    data: dict[str, str | None]
    """What it is about, by `event` and `object`: `file`, `from`, `to`, `regkey`, `content`, `service` …"""


class Anomaly(TypedDict):
    """Something that the monitor noticed."""

    name: str
    """The process."""
    pid: int
    """Its number."""
    category: str | None
    """The monitor's word."""
    funcname: str | None
    """The function."""
    message: str | None
    """What is odd."""


class EncryptedBuffer(TypedDict):
    """Data before it was encrypted."""

    process_name: str
    """The process."""
    pid: int
    """Its number."""
    api_call: str
    """The function that encrypts."""
    buffer: NotRequired[str | None]
    """The data, as the log has it."""
    buffer_size: NotRequired[str | None]
    """Bytes, as text."""
    crypt_key: NotRequired[str | None]
    """Handle of the key, hexadecimal."""


class GenericSummary(TypedDict):
    """The second family's own summary of a process."""

    first_seen: str
    """When."""
    pid: int
    """Number of the process."""
    ppid: int
    """Number of the process that started it."""
    process_name: str
    """File name of the program."""
    process_path: str
    """The program in the guest."""
    summary: dict[str, Sequence[str]]
    """By that family's words: `file_written`, `regkey_read`, `dll_loaded`, `command_line` …"""


class Unread(TypedDict):
    """A place of a log that could not be read."""

    offset: int
    """In the log, unpacked."""
    what: str
    """What is wrong."""


class LogRecord(TypedDict):
    """What was read of a log."""

    path: str
    """In the analysis folder."""
    size_bytes: int
    """Unpacked."""
    calls: int
    """Calls in it."""
    unread: int
    """Places that could not be read."""
    first_unread: list[Unread]
    """The first hundred of them."""


class BehaviorSection(TypedDict):
    """What the processes did."""

    processes: list[ProcessRecord]
    """In the order of their first appearance."""
    anomaly: list[Anomaly]
    """What the monitor noticed."""
    processtree: list[ProcessNode]
    """The processes below their parents; one whose parent is not in the analysis is a root."""
    summary: Summary
    """What was touched."""
    enhanced: Sequence[Event]
    """Meaningful events."""
    encryptedbuffers: list[EncryptedBuffer]
    """Data before it was encrypted."""
    apistats: dict[str, dict[str, int]]
    """Calls by number of the process and API, repetitions included."""
    generic: NotRequired[list[GenericSummary]]
    """The second family's summaries, for its logs."""
    logs: list[LogRecord]
    """What was read of each log."""
    truncated: NotRequired[dict[str, ShownPart]]
    """Parts that are not shown whole, by name."""
