"""From the kind of a file to the reader that describes it.

A reader is a function `describe_x(data, budget, save)`:

- `data` is the file, `bytes` or a memory map
- `budget` cuts what would be too much and remembers it (see `Budget`)
- `save(name, content)` keeps an object taken from the file and returns its path; the reader chooses the name
- it returns a dictionary of plain data, the section of `static` that `READERS` names beside it
- it raises `CuckooProcessingError` for data that it cannot read at all and `CuckooDependencyError`, with the line to
  install it, for a library that is missing; it imports libraries where it uses them
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.files.archives.cab import describe_cab
from lib.cuckoo.files.archives.iso import describe_iso
from lib.cuckoo.files.archives.rar import describe_rar
from lib.cuckoo.files.archives.sevenzip import describe_7z
from lib.cuckoo.files.archives.tar import describe_packed, describe_tar
from lib.cuckoo.files.archives.ziplist import describe_zip
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.elf import describe_elf
from lib.cuckoo.files.eml import describe_eml
from lib.cuckoo.files.installer import describe_msi
from lib.cuckoo.files.macho import describe_macho
from lib.cuckoo.files.office.ole import describe_ole
from lib.cuckoo.files.office.ooxml import describe_ooxml
from lib.cuckoo.files.office.rtf import describe_rtf
from lib.cuckoo.files.outlook import describe_msg
from lib.cuckoo.files.pdf import describe_pdf
from lib.cuckoo.files.pe.describe import describe_pe
from lib.cuckoo.files.script import describe_script
from lib.cuckoo.files.shapes import Static
from lib.cuckoo.files.shortcut import describe_lnk


@dataclass(frozen=True)
class Reader:
    """A function that describes a file, and the name of the section that its answer stands under."""

    section: str
    read: Callable[[Data, Budget, Save], Mapping[str, Any]]


READERS: dict[str, Reader] = {
    "zip": Reader("archive", describe_zip),
    "apk": Reader("archive", describe_zip),
    "jar": Reader("archive", describe_zip),
    "odf": Reader("archive", describe_zip),
    "7z": Reader("archive", describe_7z),
    "rar": Reader("archive", describe_rar),
    "cab": Reader("archive", describe_cab),
    "tar": Reader("archive", describe_tar),
    "gzip": Reader("archive", describe_packed),
    "bzip2": Reader("archive", describe_packed),
    "xz": Reader("archive", describe_packed),
    "iso": Reader("archive", describe_iso),
    "eml": Reader("mail", describe_eml),
    "lnk": Reader("lnk", describe_lnk),
    "msi": Reader("msi", describe_msi),
    "msg": Reader("mail", describe_msg),
    "ole": Reader("office", describe_ole),
    "ooxml": Reader("office", describe_ooxml),
    "pdf": Reader("pdf", describe_pdf),
    "rtf": Reader("office", describe_rtf),
    "script": Reader("script", describe_script),
    "elf": Reader("elf", describe_elf),
    "macho": Reader("macho", describe_macho),
    "pe": Reader("pe", describe_pe),
}
"""By kind, as `kind_of` names it."""


def describe_file(data: Data, kind: str, budget: Budget, save: Save) -> Static:
    """Describe one file: `{"kind": kind, section: {...}}`, without a section where no reader knows the kind.

    A file that its reader refuses, or whose library is missing, has `{"error": text}` as its section.
    """
    reader = READERS.get(kind)
    if reader is None:
        return {"kind": kind}
    try:
        section = dict(reader.read(data, budget, save))
    except (CuckooProcessingError, CuckooDependencyError) as error:
        budget.note(f"{reader.section}: {error}")
        section = {"error": str(error)}
    return cast("Static", {"kind": kind, reader.section: section})
