"""Shapes of the sections about files that the guest sent: `dropped`, `CAPE`, `procdump`."""

from typing import Any, NotRequired, TypedDict

from lib.cuckoo.common.shapes import FileRecord


class StoredFile(FileRecord):
    """A file that the guest sent, one record for each content."""

    names: list[str]
    """Those of all copies."""
    pids: list[int]
    """Processes that touched it."""
    data: NotRequired[str]
    """Of a text file, its beginning."""
    truncated: NotRequired[dict[str, int]]
    """What was left out: `data`, bytes that it lacks; `origins`, how many more there are."""


class Origin(TypedDict):
    """Where a payload came from, as its guest wrote it: any text may stand here."""

    cape_type_code: int | None
    """The monitor's number for its kind; null when unknown."""
    process_path: str
    """The program that it was taken from."""
    process_name: str
    """Its file name."""
    module_path: str
    """The module that ran there."""
    virtual_address: NotRequired[str]
    """Where it lay, "0x00180000"."""
    target_path: NotRequired[str]
    """The program that it was injected into."""
    target_process: NotRequired[str]
    """Its file name."""
    target_pid: NotRequired[str]
    """The number of that process, as text."""


class Payload(StoredFile, Origin):
    """What the successor's monitor took out of a process."""

    pid: int | None
    """The process that it was taken from."""
    cape_type: str
    """The kind in words, "Injected Shellcode/Data"; empty when unknown."""
    origins: NotRequired[list[Origin]]
    """Of one content that was taken from several places, those."""


class PayloadsSection(TypedDict):
    """What the successor's monitor took out of processes."""

    payloads: list[Payload]
    """By path."""
    configs: list[Any]
    """Always empty: nothing reads configurations of malware."""
