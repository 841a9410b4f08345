"""What the tables say together: each finding with the rows that it rests on.

A finding is `{"kind", "description", "pid", "process", "evidence": [{"plugin", "row"}]}`. Tables come as Volatility's
rows; a plugin that did not run has none, and what needs it is not found. No finding is a verdict: scans see processes
that just ended, and injected code is what many protections look like.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from lib.cuckoo.memory.shapes import Connection, Finding

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

_ENDED = {"TASK_DEAD", "EXIT_DEAD", "EXIT_ZOMBIE", "EXIT_TRACE"}
_PARENTS = {
    "smss.exe": {"system", "smss.exe"},
    "wininit.exe": {"smss.exe"},
    "services.exe": {"wininit.exe"},
    "lsass.exe": {"wininit.exe"},
    "lsm.exe": {"wininit.exe"},
    "svchost.exe": {"services.exe", "msmpeng.exe"},
    "spoolsv.exe": {"services.exe"},
    "taskhostw.exe": {"svchost.exe"},
}
"""Who starts these processes in a Windows that nobody tampered with; names in lower case.

Parents that end at once, such as the smss.exe of a session, are not in the list of processes: no parent, no finding.
"""
_SHELLCODE = {
    "fc e8": "cld; call",
    "fc 48 83 e4 f0": "cld; and rsp, -16",
    "fc 48 81 e4": "cld; and rsp",
    "e8 00 00 00 00": "call to the next instruction",
    "eb fe": "jump to itself",
    "d9 ee d9 74 24 f4": "fnstenv, which finds its own address",
    "60 e8": "pushad; call",
    "4d 5a 41 52 55 48": "MZ that runs as code",
    "4d 5a e8": "MZ that runs as code",
}
_KERNEL = {"windows": {"ntoskrnl", "win32k", "ntkrnlmp", "ntkrnlpa", "ntkrpamp", "win32kfull", "win32kbase"}}


def findings(system: str, tables: Tables, maximum: int) -> tuple[list[Finding], int]:
    """Return at most `maximum` findings, and how many there are beyond them."""
    finders = (_hidden, _ended_but_listed, _injected, _unlinked, _parents, _modules, _hooks)
    found = chain.from_iterable(finder(system, tables) for finder in finders)
    kept = list(islice(found, maximum))
    return kept, sum(1 for _ in found)


def connections(tables: Tables, behavior: Mapping[str, Any]) -> list[Connection]:
    """Return network endpoints with the processes that own them, `monitored` when the behaviour section has it.

    Returns:
        plugin, protocol, local_address, local_port, remote_address, remote_port, state, pid, process, monitored
        (name of the process in the behaviour section, None when it is not there).
    """
    names = {
        process.get("process_id"): process.get("process_name") for process in behavior.get("processes") or ()
    }
    rows = [(plugin, row) for plugin in ("netscan", "netstat", "sockstat") for row in tables.get(plugin, ())]
    return [_connection(plugin, row, names) for plugin, row in rows if _is_internet(row)]


def _is_internet(row: Row) -> bool:
    return str(row.get("Family", "AF_INET")).startswith("AF_INET")


def _connection(plugin: str, row: Row, names: Mapping[Any, Any]) -> Connection:
    pid = row.get("PID")
    return {
        "plugin": plugin,
        "protocol": row.get("Proto"),
        "local_address": row.get("LocalAddr", row.get("Source Addr")),
        "local_port": row.get("LocalPort", row.get("Source Port")),
        "remote_address": row.get("ForeignAddr", row.get("Destination Addr")),
        "remote_port": row.get("ForeignPort", row.get("Destination Port")),
        "state": row.get("State"),
        "pid": pid,
        "process": row.get("Owner", row.get("Process Name")),
        "monitored": names.get(pid),
    }


def _finding(kind: str, description: str, *evidence: tuple[str, Row]) -> Finding:
    row = evidence[0][1]
    return {
        "kind": kind,
        "description": description,
        "pid": _pid(row),
        "process": _name(row),
        "evidence": [{"plugin": plugin, "row": dict(each)} for plugin, each in evidence],
    }


def _pid(row: Row) -> Any:
    return row.get("PID", row.get("Pid"))


def _name(row: Row) -> Any:
    columns = ("ImageFileName", "COMM", "NAME", "Process", "Name", "Module Name")
    return next((row[column] for column in columns if column in row), None)


def _has_ended(row: Row) -> bool:
    """Tell whether a row is of a process that ended: it may be found by a scan, and be in no list."""
    exited = row.get("ExitTime", "N/A")
    return row.get("EXIT_STATE") in _ENDED or exited not in {"N/A", "-"}


def _by_pid(rows: Iterable[Row]) -> dict[Any, Row]:
    return {_pid(row): row for row in rows}


def _hidden(system: str, tables: Tables) -> Iterator[Finding]:
    """Processes that a scan of the memory sees and the system's own list does not have."""
    if "pslist" not in tables or "psscan" not in tables:
        return
    listed = _by_pid(tables["pslist"])
    for row in tables["psscan"]:
        # threads of Linux have ids of their own; only the first of a process has that of the process
        is_process = system != "linux" or row.get("PID") == row.get("TID")
        if is_process and _pid(row) not in listed and not _has_ended(row):
            yield _finding("hidden process", "seen by psscan, absent from pslist", ("psscan", row))


def _ended_but_listed(system: str, tables: Tables) -> Iterator[Finding]:
    """Processes in the list that a scan of the whole memory does not see: their records are not where they belong."""
    if system != "windows" or not tables.get("psscan"):
        return
    scanned = _by_pid(tables["psscan"])
    for row in tables.get("pslist", ()):
        if _pid(row) not in scanned:
            yield _finding("unscanned process", "in pslist, not seen by psscan", ("pslist", row))


def _injected(system: str, tables: Tables) -> Iterator[Finding]:  # noqa: ARG001 - all finders are called alike
    """Executable private memory that starts like a program or like shellcode."""
    for row in tables.get("malfind", ()):
        start = str(row.get("Hexdump", ""))
        if start.startswith("4d 5a") and not _shellcode(start):
            yield _finding(
                "injected program", "executable private memory with an MZ header", ("malfind", row)
            )
        elif start.startswith("7f 45 4c 46"):
            yield _finding(
                "injected program", "executable private memory with an ELF header", ("malfind", row)
            )
        elif meaning := _shellcode(start):
            yield _finding("shellcode", f"executable private memory starts with {meaning}", ("malfind", row))


def _shellcode(start: str) -> str:
    return next((meaning for opening, meaning in _SHELLCODE.items() if start.startswith(opening)), "")


def _unlinked(system: str, tables: Tables) -> Iterator[Finding]:  # noqa: ARG001 - all finders are called alike
    """Mapped libraries that are in none of the loader's three lists."""
    for row in tables.get("ldrmodules", ()):
        lists = [row.get(name) for name in ("InLoad", "InInit", "InMem")]
        if lists == [False, False, False] and str(row.get("MappedPath", "")).lower().endswith(".dll"):
            yield _finding(
                "unlinked library", "mapped, and in none of the loader's lists", ("ldrmodules", row)
            )


def _parents(system: str, tables: Tables) -> Iterator[Finding]:
    """System processes that someone else started than starts them normally."""
    if system != "windows":
        return
    listed = _by_pid(tables.get("pslist", ()))
    for row in listed.values():
        expected = _PARENTS.get(str(_name(row)).lower())
        parent = listed.get(row.get("PPID"))
        if expected and parent and str(_name(parent)).lower() not in expected:
            description = f"started by {_name(parent)}, normally by {' or '.join(sorted(expected))}"
            yield _finding("odd parent", description, ("pslist", row), ("pslist", parent))


def _modules(system: str, tables: Tables) -> Iterator[Finding]:
    """Kernel modules that a scan sees, or sysfs has, and the list has not."""
    if system == "linux":
        for row in tables.get("check_modules", ()):
            yield _finding(
                "hidden module", "in sysfs, absent from the list of modules", ("check_modules", row)
            )
    elif system == "windows" and tables.get("modules"):
        bases = {row.get("Base") for row in tables["modules"]}
        for row in tables.get("modscan", ()):
            if row.get("Base") not in bases:
                yield _finding("hidden module", "seen by modscan, absent from modules", ("modscan", row))


def _hooks(system: str, tables: Tables) -> Iterator[Finding]:
    """System calls that lead out of the kernel."""
    for row in tables.get("check_syscall", ()):
        symbol = row.get("Handler Symbol")
        if symbol in {"UNKNOWN", "-", "N/A"} or str(row.get("Handler Module", "")) == "UNKNOWN":
            yield _finding("hooked system call", "leads to no function of the kernel", ("check_syscall", row))
    for row in tables.get("ssdt", ()):
        module = str(row.get("Module", "")).lower().removesuffix(".sys").removesuffix(".exe")
        if module not in _KERNEL.get(system, set()):
            yield _finding("hooked system call", f"leads into {row.get('Module')}", ("ssdt", row))
