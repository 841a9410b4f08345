"""Shapes of the sections `static`, `strings`, `detections` and `debug`; those of kinds of files stand elsewhere."""

from typing import Annotated, Any, NotRequired, TypedDict

from lib.cuckoo.files.archives.records import Archive
from lib.cuckoo.files.elf_records import ElfFile
from lib.cuckoo.files.indicators import Indicator
from lib.cuckoo.files.installer import Installer
from lib.cuckoo.files.macho import MachO
from lib.cuckoo.files.mailrecords import Mail
from lib.cuckoo.files.office.records import Office
from lib.cuckoo.files.pdf import Pdf
from lib.cuckoo.files.pe.records import (
    Certificate,
    Export,
    Library,
    PortableExecutable,
    Refused,
    Resource,
    Section,
    VersionEntry,
)
from lib.cuckoo.files.script import Script
from lib.cuckoo.files.shortcut import Shortcut


class Static(TypedDict, total=False):
    """What the sample is made of, without running it: `kind`, one section of that kind, `indicators`.

    Names that start with `pe_`, and those after them, are what the older family of reports calls parts of `pe`.
    """

    kind: str
    """What the sample is by its content: "pe", "elf", "macho", "ole", "ooxml", "rtf", "pdf", "lnk", "msi", "eml" …"""
    indicators: list[Annotated[dict[str, Any], Indicator]]
    """Strings with meaning in the sample, by offset."""
    pe: PortableExecutable | Refused
    """Programs, libraries and drivers of Windows."""
    elf: ElfFile | Refused
    """Programs and libraries of Linux and others."""
    macho: MachO | Refused
    """Programs and libraries of macOS."""
    office: Office | Refused
    """Documents of Office: compound files, zipped XML, rich text."""
    pdf: Pdf | Refused
    """Documents."""
    lnk: Shortcut | Refused
    """Shortcuts of Windows."""
    msi: Installer | Refused
    """Installer packages."""
    mail: Mail | Refused
    """Messages of the Internet and of Outlook."""
    script: Script | Refused
    """JavaScript, VBScript, PowerShell, batch files and others."""
    archive: Archive | Refused
    """Archives, listed and never extracted."""
    pe_imports: list[Library]
    """The values of `pe.imports`."""
    pe_sections: list[Section]
    """As `pe.sections`."""
    pe_exports: list[Export]
    """As `pe.exports`."""
    pe_resources: list[Resource]
    """As `pe.resources`."""
    pe_versioninfo: list[VersionEntry]
    """As `pe.versioninfo`."""
    pe_imphash: str
    """As `pe.imphash`."""
    pe_timestamp: str
    """As `pe.timestamp`."""
    pdb_path: str | None
    """As `pe.pdbpath`."""
    peid_signatures: None
    """Always null."""
    digital_signers: list[Certificate]
    """As `pe.digital_signers`."""
    imported_dll_count: int
    """As `pe.imported_dll_count`."""


class PlacedString(TypedDict):
    """A printable string and where it stands."""

    string: str
    """The text."""
    offset: int
    """Of its first byte in the sample."""
    encoding: str
    """`ascii`, `utf-16le` or `utf-16be`."""


class Detection(TypedDict):
    """A family of malware, and who named it."""

    family: str
    """Its name, in the spelling that came first."""
    details: list[dict[str, str]]
    """Who found it on what: `{"Yara": sha256 or path}`."""


class Debug(TypedDict):
    """The logs of the sandbox."""

    log: str
    """The guest's, `analysis.log`."""
    cuckoo: NotRequired[str]
    """The host's, `cuckoo.log`, where there is one."""
    process: NotRequired[str]
    """Of an earlier processing, `process.log`, where there is one."""
    errors: list[str]
    """Those that the task lists, then records of level ERROR and CRITICAL and tracebacks of the logs."""
