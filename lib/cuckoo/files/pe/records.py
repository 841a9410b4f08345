"""Shapes of the section `static["pe"]`; the names are those that readers of sandbox reports know.

Addresses and sizes in hexadecimal are text ("0x00001000"), times are UTC ("2026-01-31 13:21:44"), entropy is in bits
per byte. None stands for a fact that the file does not give.
"""

from typing import Any, TypedDict

from lib.cuckoo.common.shapes import YaraMatch


class Directory(TypedDict):
    """One data directory of the optional header."""

    name: str
    """Its name, "IMAGE_DIRECTORY_ENTRY_EXPORT"."""
    virtual_address: str
    """Relative to `imagebase`, hexadecimal; of certificates, the offset in the file."""
    size: str
    """Bytes, hexadecimal."""


class Section(TypedDict):
    """One section; `entropy` and `md5` are of its data in the file, None when too many sections overlap."""

    name: str
    """As the header has it."""
    raw_address: str
    """Offset in the file, hexadecimal."""
    virtual_address: str
    """Relative to `imagebase`, hexadecimal."""
    virtual_size: str
    """Bytes in memory, hexadecimal."""
    size_of_data: str
    """Bytes in the file, hexadecimal."""
    characteristics: str
    """Names of its flags, joined by "|"."""
    characteristics_raw: str
    """Its flags, hexadecimal."""
    entropy: float | None
    """Bits per byte, 0 to 8; null when too many sections overlap."""
    md5: str | None
    """Of its data in the file; null when too many sections overlap."""


class Import(TypedDict):
    """One imported function: the address of its slot, and its name.

    Of a function imported by number, `ordinal` is the number and `name` what well-known libraries call it, else None.
    """

    address: str
    """Of its slot in memory, hexadecimal."""
    name: str | None
    """Of the function; null when it is imported by a number that nobody knows."""
    ordinal: int | None
    """The number of a function that is imported by number."""


class Library(TypedDict):
    """The functions imported from one library."""

    dll: str
    """File name of the library."""
    imports: list[Import]
    """In the order of the table."""


class Export(TypedDict):
    """One exported function; `forwarder` names the function of another library that stands in for it."""

    address: str
    """In memory, hexadecimal."""
    name: str | None
    """Null for one that has a number only."""
    ordinal: int
    """Its number."""
    forwarder: str | None
    """The function of another library that stands in for it."""


class Resource(TypedDict):
    """One resource; `name` is its type ("RT_ICON") as reports call it, `id` its own name or number."""

    name: str
    """Its type, "RT_ICON", as reports call it."""
    id: str
    """Its own name or number."""
    offset: str
    """Relative to `imagebase`, hexadecimal."""
    size: str
    """Bytes, hexadecimal."""
    filetype: str | None
    """In libmagic's words; null for data outside of the file."""
    language: str | None
    """"LANG_ENGLISH" and so on; null for an unknown number."""
    sublanguage: str | None
    """"SUBLANG_ENGLISH_US" and so on; null for an unknown number."""
    entropy: float | None
    """Bits per byte, 0 to 8."""
    sha256: str | None
    """Of its data."""
    yara: list[YaraMatch]
    """Matches of the group `binaries`."""


class VersionEntry(TypedDict):
    """One line of the version information."""

    name: str
    """"CompanyName", "OriginalFilename" and so on."""
    value: str
    """What the file says."""


class Overlay(TypedDict):
    """What follows the last section; `type` in libmagic's words."""

    offset: str
    """In the file, hexadecimal."""
    size: str
    """Bytes, hexadecimal."""
    entropy: float | None
    """Bits per byte, 0 to 8."""
    sha256: str | None
    """Of its data."""
    type: str
    """In libmagic's words."""


class RichEntry(TypedDict):
    """One line of the rich header: which tool made how many of the linked objects."""

    product: int
    """Number of the tool."""
    build: int
    """Its build."""
    count: int
    """Objects that it made."""


class RichHeader(TypedDict):
    """The linker's note about the tools; `hash` is the MD5 of its clear data, `valid` whether its checksum holds."""

    key: str
    """What the header is encrypted with, hexadecimal."""
    hash: str
    """MD5 of the header in the clear."""
    valid: bool
    """True when its checksum holds."""
    entries: list[RichEntry]
    """One for each tool."""


class DebugEntry(TypedDict):
    """One entry of the debug directory; `pdb`, `guid` and `age` stand in those of type CODEVIEW."""

    type: str
    """"CODEVIEW", "POGO", "REPRO" and so on."""
    timestamp: str
    """When it was made, as the file says, UTC."""
    pdb: str | None
    """Path of the symbol file."""
    guid: str | None
    """What the symbol file is known by."""
    age: int | None
    """How often the symbol file was written."""


class Tls(TypedDict):
    """Thread-local storage; the callbacks (absolute addresses) run before the entry point."""

    callbacks: list[str]
    """Absolute addresses, hexadecimal."""


class LoadConfig(TypedDict):
    """Protections that the load configuration declares."""

    guard_cf: bool
    """True when calls through pointers are checked (Control Flow Guard)."""
    guard_cf_functions: int
    """Functions that such calls may lead to."""
    safe_seh: bool
    """True when the handlers of exceptions are listed."""
    safe_seh_handlers: int
    """How many are listed."""
    security_cookie: str | None
    """Absolute address of the stack cookie, hexadecimal."""


class Icon(TypedDict):
    """One group of icons, put together as an .ico file; `path` is inside the analysis folder, None if not saved."""

    id: str
    """Its name or number."""
    images: int
    """Images in the group."""
    size: int
    """Bytes of the .ico file."""
    md5: str
    """Of the .ico file."""
    sha256: str
    """Of the .ico file."""
    path: str | None
    """In the analysis folder; null when it was not saved."""


class Certificate(TypedDict):
    """One certificate of a signature, times in UTC."""

    subject_commonName: str | None
    """The name of whom it is for."""
    issuer_commonName: str | None
    """The name of who gave it."""
    subject: str
    """Whom it is for, RFC 4514."""
    issuer: str
    """Who gave it, RFC 4514."""
    serial_number: str
    """Hexadecimal."""
    not_before: str
    """UTC."""
    not_after: str
    """UTC."""
    md5_fingerprint: str
    """MD5 of the certificate."""
    sha1_fingerprint: str
    """SHA-1 of the certificate."""
    sha256_fingerprint: str
    """SHA-256 of the certificate."""


class TimeStamp(TypedDict):
    """Who vouches for the time of a signature; `kind` is "rfc3161" or "countersignature"."""

    kind: str
    """"rfc3161" or "countersignature"."""
    time: str | None
    """UTC."""
    signer: str | None
    """Who vouches for it."""
    signature_valid: bool | None
    """Null where the algorithm is not known."""


class Signature(TypedDict):
    """One Authenticode signature.

    `digest` is what was signed and `computed` what this file gives: they differ when the file was changed afterwards.
    `signature_valid` tells whether the signer's key made the signature, None where its algorithm is not known. Whether
    to trust the signer is not judged. `chain` leads from the signer's certificate to the last that is in the file, each
    signed by its successor.
    """

    digest_algorithm: str
    """"sha1", "sha256" and so on."""
    digest: str
    """What was signed, hexadecimal."""
    computed: str | None
    """What this file gives; null for an algorithm that is not known."""
    digest_matches: bool
    """False when the file was changed after it was signed."""
    signature_valid: bool | None
    """Whether the signer's key made the signature; null where its algorithm is not known."""
    program: str | None
    """What the signer says that it is."""
    url: str | None
    """Where the signer says that more is to be read."""
    signing_time: str | None
    """UTC, as the signer says."""
    signer: Certificate | None
    """The signer's certificate."""
    chain: list[Certificate]
    """From the signer's certificate on, each signed by its successor."""
    timestamps: list[TimeStamp]
    """Who vouches for the time."""
    nested: bool
    """True for a signature inside another."""


class AssemblyReference(TypedDict):
    """A .NET assembly that another needs."""

    name: str
    """Of the assembly."""
    version: str
    """Four numbers."""
    culture: str
    """Its language, "neutral" for none."""
    token: str
    """The last eight bytes of its key's hash."""


class DotNetResource(TypedDict):
    """A resource of a .NET assembly; without `offset` it lies in another file or assembly."""

    name: str
    """As the assembly calls it."""
    offset: str | None
    """In the file, hexadecimal; null when it lies in another."""
    size: int | None
    """Bytes."""
    sha256: str | None
    """Of its data."""
    type: str | None
    """In libmagic's words."""
    public: bool
    """True when other assemblies may use it."""


class DotNet(TypedDict):
    """What the metadata of a .NET assembly say; `token` is the last eight bytes of its public key's hash."""

    runtime: str
    """The version that it was made for."""
    flags: list[str]
    """"ILONLY", "STRONGNAMESIGNED" and so on."""
    module: str | None
    """Name of the module."""
    mvid: str | None
    """The module's identifier, which each build has anew."""
    assembly: str | None
    """Name of the assembly; null for a module that is none."""
    version: str | None
    """Of the assembly, four numbers."""
    culture: str | None
    """Language of the assembly."""
    strong_name: bool
    """True when it is signed with a strong name."""
    public_key: str | None
    """Hexadecimal."""
    token: str | None
    """The last eight bytes of the key's hash."""
    entry_point: str | None
    """The method that runs first, or its token."""
    references: list[AssemblyReference]
    """Assemblies that it needs."""
    resources: list[DotNetResource]
    """Resources of .NET."""
    tables: dict[str, int]
    """Rows of each table of the metadata."""


class PortableExecutable(TypedDict):
    """The whole section; what cannot be read is None or empty, and stands in `anomalies`."""

    machine: str
    """"IMAGE_FILE_MACHINE_AMD64" …"""
    bits: int
    """32 or 64."""
    type: str
    """"program", "library" or "driver"."""
    subsystem: str
    """"IMAGE_SUBSYSTEM_WINDOWS_GUI" …"""
    characteristics: list[str]
    """Flags of the file header."""
    dll_characteristics: list[str]
    """Flags of the optional header: "DYNAMIC_BASE", "NX_COMPAT", "GUARD_CF" …"""
    timestamp: str
    """When it was linked, as the file says."""
    timestamp_raw: int
    """The same in seconds since 1970."""
    timestamp_plausible: bool
    """Between 1993 and the day after the processing."""
    imagebase: str
    """Preferred address."""
    entrypoint: str
    """Relative to `imagebase`."""
    entrypoint_section: str | None
    """Name of the section that holds it."""
    ep_bytes: str
    """16 bytes there, hexadecimal."""
    osversion: str
    """Least version of Windows."""
    linker: str
    """Version of the linker."""
    reported_checksum: str
    """In the header."""
    actual_checksum: str
    """Of the file."""
    exact_size: int
    """Where headers and sections end, in bytes."""
    dirents: list[Directory]
    """Data directories."""
    sections: list[Section]
    """In the order of the header."""
    overlay: Overlay | None
    """What follows the last section, certificates left out."""
    imports: dict[str, Library]
    """By the name of the library without ending."""
    delay_imports: dict[str, Library]
    """The same, of those that are loaded when first called."""
    imported_dll_count: int
    """Libraries in `imports`."""
    imphash: str
    """MD5 of all imported names in order, "" without imports."""
    exported_dll_name: str | None
    """Name that a library gives itself."""
    exports: list[Export]
    """By ordinal."""
    resources: list[Resource]
    """In the order of the tree."""
    icon: str | None
    """Path of the first icon in the analysis folder."""
    icon_hash: str | None
    """Its MD5."""
    icons: list[Icon]
    """All groups of icons."""
    manifest: str | None
    """Text of the first manifest."""
    versioninfo: list[VersionEntry]
    """Strings, then pairs of language and code page."""
    rich: RichHeader | None
    """The linker's note about its tools."""
    debug: list[DebugEntry]
    """Debug directory."""
    pdbpath: str | None
    """First path of a symbol file."""
    tls: Tls | None
    """Thread-local storage."""
    load_config: LoadConfig | None
    """Protections."""
    authentihash: str
    """SHA-256 of what a signature covers."""
    digital_signers: list[Certificate]
    """The certificates of all `signatures`."""
    guest_signers: dict[str, Any]
    """Empty; what the guest says of signatures is elsewhere."""
    signatures: list[Signature]
    """Authenticode, nested ones after those that hold them."""
    dotnet: DotNet | None
    """.NET metadata."""
    peid_signatures: None
    """Always null."""
    anomalies: list[str]
    """What is odd, in words."""


class Refused(TypedDict):
    """In the place of a description: the reader refuses the file, or a library is missing."""

    error: str
    """Why, in one line."""
