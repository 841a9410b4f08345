"""Shapes of the section `static["pe"]`; the names are those that readers of sandbox reports know.

Addresses and sizes in hexadecimal are text ("0x00001000"), times are UTC ("2026-01-31 13:21:44"), entropy is in bits
per byte. None stands for a fact that the file does not give.
"""

from typing import Any, TypedDict


class Directory(TypedDict):
    """One data directory of the optional header."""

    name: str
    virtual_address: str
    size: str


class Section(TypedDict):
    """One section; `entropy` and `md5` are of its data in the file, None when too many sections overlap."""

    name: str
    raw_address: str
    virtual_address: str
    virtual_size: str
    size_of_data: str
    characteristics: str
    characteristics_raw: str
    entropy: float | None
    md5: str | None


class Import(TypedDict):
    """One imported function: the address of its slot, and its name.

    Of a function imported by number, `ordinal` is the number and `name` what well-known libraries call it, else None.
    """

    address: str
    name: str | None
    ordinal: int | None


class Library(TypedDict):
    """The functions imported from one library."""

    dll: str
    imports: list[Import]


class Export(TypedDict):
    """One exported function; `forwarder` names the function of another library that stands in for it."""

    address: str
    name: str | None
    ordinal: int
    forwarder: str | None


class Resource(TypedDict):
    """One resource; `name` is its type ("RT_ICON") as reports call it, `id` its own name or number."""

    name: str
    id: str
    offset: str
    size: str
    filetype: str | None
    language: str | None
    sublanguage: str | None
    entropy: float | None
    sha256: str | None
    yara: list[dict[str, Any]]


class VersionEntry(TypedDict):
    """One line of the version information."""

    name: str
    value: str


class Overlay(TypedDict):
    """What follows the last section; `type` in libmagic's words."""

    offset: str
    size: str
    entropy: float | None
    sha256: str | None
    type: str


class RichEntry(TypedDict):
    """One line of the rich header: which tool made how many of the linked objects."""

    product: int
    build: int
    count: int


class RichHeader(TypedDict):
    """The linker's note about the tools; `hash` is the MD5 of its clear data, `valid` whether its checksum holds."""

    key: str
    hash: str
    valid: bool
    entries: list[RichEntry]


class DebugEntry(TypedDict):
    """One entry of the debug directory; `pdb`, `guid` and `age` stand in those of type CODEVIEW."""

    type: str
    timestamp: str
    pdb: str | None
    guid: str | None
    age: int | None


class Tls(TypedDict):
    """Thread-local storage; the callbacks (absolute addresses) run before the entry point."""

    callbacks: list[str]


class LoadConfig(TypedDict):
    """Protections that the load configuration declares."""

    guard_cf: bool
    guard_cf_functions: int
    safe_seh: bool
    safe_seh_handlers: int
    security_cookie: str | None


class Icon(TypedDict):
    """One group of icons, put together as an .ico file; `path` is inside the analysis folder, None if not saved."""

    id: str
    images: int
    size: int
    md5: str
    sha256: str
    path: str | None


class Certificate(TypedDict):
    """One certificate of a signature, times in UTC."""

    subject_commonName: str | None
    issuer_commonName: str | None
    subject: str
    issuer: str
    serial_number: str
    not_before: str
    not_after: str
    md5_fingerprint: str
    sha1_fingerprint: str
    sha256_fingerprint: str


class TimeStamp(TypedDict):
    """Who vouches for the time of a signature; `kind` is "rfc3161" or "countersignature"."""

    kind: str
    time: str | None
    signer: str | None
    signature_valid: bool | None


class Signature(TypedDict):
    """One Authenticode signature.

    `digest` is what was signed and `computed` what this file gives: they differ when the file was changed afterwards.
    `signature_valid` tells whether the signer's key made the signature, None where its algorithm is not known. Whether
    to trust the signer is not judged. `chain` leads from the signer's certificate to the last that is in the file, each
    signed by its successor.
    """

    digest_algorithm: str
    digest: str
    computed: str | None
    digest_matches: bool
    signature_valid: bool | None
    program: str | None
    url: str | None
    signing_time: str | None
    signer: Certificate | None
    chain: list[Certificate]
    timestamps: list[TimeStamp]
    nested: bool


class AssemblyReference(TypedDict):
    """A .NET assembly that another needs."""

    name: str
    version: str
    culture: str
    token: str


class DotNetResource(TypedDict):
    """A resource of a .NET assembly; without `offset` it lies in another file or assembly."""

    name: str
    offset: str | None
    size: int | None
    sha256: str | None
    type: str | None
    public: bool


class DotNet(TypedDict):
    """What the metadata of a .NET assembly say; `token` is the last eight bytes of its public key's hash."""

    runtime: str
    flags: list[str]
    module: str | None
    mvid: str | None
    assembly: str | None
    version: str | None
    culture: str | None
    strong_name: bool
    public_key: str | None
    token: str | None
    entry_point: str | None
    references: list[AssemblyReference]
    resources: list[DotNetResource]
    tables: dict[str, int]


class PortableExecutable(TypedDict):
    """The whole section; what cannot be read is None or empty, and stands in `anomalies`."""

    machine: str
    bits: int
    type: str
    subsystem: str
    characteristics: list[str]
    dll_characteristics: list[str]
    timestamp: str
    timestamp_raw: int
    timestamp_plausible: bool
    imagebase: str
    entrypoint: str
    entrypoint_section: str | None
    ep_bytes: str
    osversion: str
    linker: str
    reported_checksum: str
    actual_checksum: str
    exact_size: int
    dirents: list[Directory]
    sections: list[Section]
    overlay: Overlay | None
    imports: dict[str, Library]
    delay_imports: dict[str, Library]
    imported_dll_count: int
    imphash: str
    exported_dll_name: str | None
    exports: list[Export]
    resources: list[Resource]
    icon: str | None
    icon_hash: str | None
    icons: list[Icon]
    manifest: str | None
    versioninfo: list[VersionEntry]
    rich: RichHeader | None
    debug: list[DebugEntry]
    pdbpath: str | None
    tls: Tls | None
    load_config: LoadConfig | None
    authentihash: str
    digital_signers: list[Certificate]
    guest_signers: dict[str, Any]
    signatures: list[Signature]
    dotnet: DotNet | None
    peid_signatures: None
    anomalies: list[str]
