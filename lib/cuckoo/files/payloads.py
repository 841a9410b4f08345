r"""Payloads and images of processes, which the successor's monitor dumps into `CAPE/` and `procdump/`.

What the monitor says about a dump stands as `metadata` in files.json: parts that end in ";?", the code of the
kind, the path of the process, that of its module, and then, depending on the kind, nothing, the address of the
dump, or path and identifier of the process that it was injected into:

    9;?C:\a.exe;?C:\a.exe;?0x00180000;?
    4;?C:\a.exe;?C:\a.exe;?C:\Windows\explorer.exe;?3388;?

All of it was in the hands of malware; a path may be any text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.common.text import last_part, readable_name
from lib.cuckoo.files.metadata import FILES_JSON
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import Limits, stored_files
from lib.cuckoo.files.stored_shapes import Origin, Payload, StoredFile

Naming = Callable[[int | None, Mapping[str, Any]], str]
"""Gives the `cape_type` for a code and a file record."""

ORIGINS_KEPT = 64
_SEPARATOR = ";?"
_LONGEST = 4 * 32_767
"""Characters of one remark; a path in Windows has at most 32,767."""
_CODE = re.compile(r"[0-9]{1,9}")
_PID = re.compile(r"[0-9]{1,10}")
_ADDRESS = re.compile(r"0x[0-9A-Fa-f]{1,16}")
_UNKNOWN: Origin = {
    "cape_type_code": None,
    "process_path": "",
    "process_name": "",
    "module_path": "",
}
_PAYLOADS: Mapping[int | None, str] = {4: "Injected Shellcode/Data", 9: "Unpacked Shellcode"}
_PROGRAMS: Mapping[int | None, str] = {2: "Decompressed PE Image"}
_IMAGES: Mapping[int | None, str] = {0: "PE image"}
"""Words of the sandbox's own reports, as far as reports show which belong to a code."""


@dataclass
class Dumps:
    """The records of the dumps, and in sentences what is missing from them."""

    records: list[Payload]
    problems: list[str]


def payloads(folder: AnalysisFolder, limits: Limits, scanner: Scanner) -> Dumps:
    """Describe the payloads under `CAPE/`: the records of `stored_files`, with where each came from.

    Members are `pid` (None when unknown), those of `read_origin`, and `cape_type`. When the guest dumped one content
    from several places the first counts, and `origins` lists all; `truncated.origins` counts those beyond
    `ORIGINS_KEPT`.
    """
    return _dumps(folder, INPUTS["CAPE_path"], limits, scanner, payload_type)


def process_images(folder: AnalysisFolder, limits: Limits, scanner: Scanner) -> Dumps:
    """Describe the images of processes under `procdump/` in the same way as `payloads`."""
    return _dumps(folder, INPUTS["procdump_path"], limits, scanner, image_type)


def read_origin(remark: str) -> Origin:
    """Read the `metadata` of a dump: `cape_type_code`, `process_path`, `process_name`, `module_path`.

    There is either `virtual_address` (text, "0x00180000") too, or `target_path`, `target_process` and `target_pid`
    (text of digits, as in reports), or neither.

    Raises:
        CuckooProcessingError: it is no such text.
    """
    parts = remark[:_LONGEST].split(_SEPARATOR)
    if len(remark) > _LONGEST or len(parts) > 6 or not _CODE.fullmatch(parts[0]):
        raise CuckooProcessingError(f"no metadata of a dump: {readable_name(remark[:80])!r}")
    process, module, fourth, fifth = (*parts[1:5], "", "", "", "")[:4]
    origin: Origin = {
        "cape_type_code": int(parts[0]),
        "process_path": process,
        "process_name": last_part(process),
        "module_path": module,
    }
    if _PID.fullmatch(fifth):
        origin["target_path"] = fourth
        origin["target_process"] = last_part(fourth)
        origin["target_pid"] = fifth
    elif _ADDRESS.fullmatch(fourth):
        origin["virtual_address"] = fourth
    return origin


def payload_type(code: int | None, record: Mapping[str, Any]) -> str:
    """Name the kind of a payload; a rule that has a `cape_type` in its meta data knows better than the code.

    Of a program it says which: "QakBot Payload: 32-bit DLL". Empty for codes whose words are not known.
    """
    known = next(filter(None, map(_type_of_rule, record["yara"])), "") or _PROGRAMS.get(code, "")
    return _with_program(known, record["type"]) if known else _PAYLOADS.get(code, "")


def image_type(code: int | None, record: Mapping[str, Any]) -> str:
    """Name the kind of a process image: "PE image: 32-bit executable", or nothing."""
    known = _IMAGES.get(code, "")
    return _with_program(known, record["type"]) if known else ""


def _dumps(folder: AnalysisFolder, place: str, limits: Limits, scanner: Scanner, naming: Naming) -> Dumps:
    stored = stored_files(folder, place, limits, scanner, guest_names=False)
    dumps, unread = Dumps([], stored.problems), 0
    for record in stored.records:
        remarks = stored.remarks[record["sha256"]]
        origins = list(_origins(remarks))
        unread += len(remarks) - len(origins)
        payload = _payload(record, origins)
        payload["cape_type"] = naming(payload["cape_type_code"], payload)
        dumps.records.append(payload)
    if unread:
        dumps.problems.append(f"{FILES_JSON}: {unread} texts of metadata about {place}/ cannot be read")
    return dumps


def _payload(stored: StoredFile, origins: list[Origin]) -> Payload:
    pid = next(iter(stored["pids"]), None)
    record = cast("Payload", {**stored, "pid": pid, **(origins[0] if origins else _UNKNOWN), "cape_type": ""})
    if len(origins) > 1:
        record["origins"] = origins[:ORIGINS_KEPT]
    if len(origins) > ORIGINS_KEPT:
        record["truncated"] = record.get("truncated", {}) | {"origins": len(origins) - ORIGINS_KEPT}
    return record


def _origins(remarks: Iterable[str]) -> Iterable[Origin]:
    for remark in remarks:
        try:
            yield read_origin(remark)
        except CuckooProcessingError:
            continue


def _type_of_rule(match: Mapping[str, Any]) -> str:
    return str(match["meta"].get("cape_type", "")).strip()


def _with_program(known: str, file_type: str) -> str:
    """Say which kind of program the file is, if it is one for Windows; libmagic's words differ by its version."""
    if not file_type.startswith(("PE32 ", "PE32+ ")):
        return known
    bits = "64" if file_type.startswith("PE32+") else "32"
    return f"{known}: {bits}-bit {'DLL' if '(DLL)' in file_type else 'executable'}"
