"""The tables under the names that existing signatures and report readers know: `results["memory"][plugin]["data"]`.

Each record has the fields of the classic shape, as far as Volatility 3 has a column for them; `dlllist` groups its
rows by process. Plugins that the classic shape did not have are left as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "pslist": {
        "peb_address": ("Offset(V)", "OFFSET (V)"),
        "process_id": ("PID",),
        "process_name": ("ImageFileName", "COMM", "NAME"),
        "parent_id": ("PPID",),
        "num_threads": ("Threads",),
        "num_handles": ("Handles",),
        "session_id": ("SessionId",),
        "create_time": ("CreateTime", "CREATION TIME"),
        "exit_time": ("ExitTime",),
    },
    "malfind": {
        "process_id": ("PID",),
        "process_name": ("Process",),
        "vad_start": ("Start VPN", "Start"),
        "vad_tag": ("Tag", "Path"),
    },
    "svcscan": {
        "service_offset": ("Offset",),
        "service_order": ("Order",),
        "process_id": ("PID",),
        "service_name": ("Name",),
        "service_display_name": ("Display",),
        "service_type": ("Type",),
        "service_binary_path": ("Binary",),
        "service_state": ("State",),
    },
    "modscan": {
        "kernel_module_offset": ("Offset",),
        "kernel_module_name": ("Name",),
        "kernel_module_file": ("Path",),
        "kernel_module_base": ("Base",),
        "kernel_module_size": ("Size",),
    },
    "callbacks": {
        "type": ("Type",),
        "callback": ("Callback",),
        "module": ("Module",),
        "details": ("Detail",),
    },
    "ldrmodules": {
        "process_id": ("Pid",),
        "process_name": ("Process",),
        "dll_base": ("Base",),
        "dll_in_load": ("InLoad",),
        "dll_in_init": ("InInit",),
        "dll_in_mem": ("InMem",),
        "dll_mapped_path": ("MappedPath",),
    },
    "handles": {
        "process_id": ("PID",),
        "process_name": ("Process",),
        "handle_value": ("HandleValue",),
        "handle_granted_access": ("GrantedAccess",),
        "handle_type": ("Type",),
        "handle_name": ("Name",),
    },
    "mutantscan": {"mutant_offset": ("Offset",), "mutant_name": ("Name",)},
    "netscan": {
        "offset": ("Offset",),
        "protocol": ("Proto",),
        "local_address": ("LocalAddr",),
        "local_port": ("LocalPort",),
        "remote_address": ("ForeignAddr",),
        "remote_port": ("ForeignPort",),
        "state": ("State",),
        "process_id": ("PID",),
        "process_name": ("Owner",),
    },
    "getsids": {
        "process_id": ("PID",),
        "filename": ("Process",),
        "sid_string": ("SID",),
        "sid_name": ("Name",),
    },
    "privileges": {
        "process_id": ("PID",),
        "filename": ("Process",),
        "value": ("Value",),
        "privilege": ("Privilege",),
        "attributes": ("Attributes",),
        "description": ("Description",),
    },
}
_MODULE_FIELDS = {
    "dll_base": ("Base",),
    "dll_size": ("Size",),
    "dll_full_name": ("Path",),
    "dll_load_count": ("LoadCount",),
}


def classic_records(plugin: str, rows: Sequence[Row]) -> list[dict[str, Any]] | None:
    """Return the rows of a plugin in the classic shape; None for a plugin that has none."""
    if plugin == "dlllist":
        return list(_libraries(rows))
    fields = _FIELDS.get(plugin)
    return None if fields is None else [_renamed(row, fields) for row in rows]


def _renamed(row: Row, fields: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Take each field from the first of its columns that the row has."""
    found = ((name, [row[column] for column in columns if column in row]) for name, columns in fields.items())
    return {name: values[0] for name, values in found if values}


def _libraries(rows: Sequence[Row]) -> Iterable[dict[str, Any]]:
    processes: dict[Any, dict[str, Any]] = {}
    for row in rows:
        identity = row.get("PID")
        process = processes.setdefault(
            identity, {"process_id": identity, "process_name": row.get("Process"), "loaded_modules": []}
        )
        process["loaded_modules"].append(_renamed(row, _MODULE_FIELDS))
    return processes.values()
