"""Shapes of the section `memory`. Tables have the columns that Volatility gives them."""

from typing import Any, NotRequired, TypedDict

from lib.cuckoo.common.shapes import YaraMatch


class ImageRecord(TypedDict):
    """The image of the guest's memory."""

    size: int
    """Bytes, unpacked."""
    packed: str
    """"gzip", "xz", "zstd", or "" when it was not."""
    format: str
    """By its first bytes."""
    system: str
    """"linux", "mac" or "windows"."""
    layers: list[str]
    """Volatility's names of what it reads the image through."""
    symbols: str
    """File name of the symbols."""
    volatility: str
    """Its version."""


class Column(TypedDict):
    """A column of a table."""

    name: str
    """As Volatility calls it."""
    type: str
    """`int`, `str`, `hex`, `bytes`, `datetime`, `disassembly` and so on."""


class TableRecord(TypedDict):
    """What one plugin of Volatility gave."""

    columns: list[Column]
    """In order."""
    rows: list[dict[str, Any]]
    """By column; addresses are hexadecimal text, times ISO 8601, "-" cannot be read, "N/A" does not apply."""
    data: NotRequired[list[dict[str, Any]]]
    """The same rows under the names of the classic shape, for plugins that have one."""
    truncated: NotRequired[dict[str, Any]]
    """`rows`, how many were left out, or `reason` when the plugin did not come to its end."""


class EvidenceRow(TypedDict):
    """A row that a finding rests on."""

    plugin: str
    """The table."""
    row: dict[str, Any]
    """The row."""


class Finding(TypedDict):
    """What tables say together. None is a verdict."""

    kind: str
    """"hidden process", "injected program", "shellcode" and so on."""
    description: str
    """What it rests on, in words."""
    pid: Any
    """The process; null when it is about none."""
    process: Any
    """Its name, or that of a module."""
    evidence: list[EvidenceRow]
    """The rows."""


class Connection(TypedDict):
    """A network endpoint; values are the tables'."""

    plugin: str
    """The table."""
    protocol: Any
    """"TCPv4" and so on."""
    local_address: Any
    """Address of the guest."""
    local_port: Any
    """Port of the guest."""
    remote_address: Any
    """Address of the other side."""
    remote_port: Any
    """Port of the other side."""
    state: Any
    """"ESTABLISHED" and so on."""
    pid: Any
    """The process that owns it."""
    process: Any
    """Its name."""
    monitored: str | None
    """Name of the process with that number in `behavior`; null when it is not there."""


class DumpedRegion(TypedDict):
    """A region that malfind points at, written to `memory_regions/` of the analysis."""

    pid: int
    """The process."""
    start: str
    """Its first address, hexadecimal."""
    size: int
    """Bytes of the region."""
    path: str
    """The file."""
    dumped: int
    """Bytes written; pages that are not in the image are zeros."""
    sha256: str
    """Of what was written."""
    type: str
    """In libmagic's words."""
    yara: list[YaraMatch]
    """Matches of the group `memory`."""


class Memory(TypedDict, total=False):
    """Tables of Volatility 3 and what they say together; empty for an analysis without an image.

    Every other member is a `TableRecord`, named after its plugin: `pslist`, `registry.hivelist`.
    """

    image: ImageRecord
    """What was read."""
    findings: list[Finding]
    """What the tables say together."""
    connections: list[Connection]
    """Network endpoints with the processes that own them."""
    regions: list[DumpedRegion]
    """Regions found by malfind."""
    truncated: dict[str, int]
    """`findings`: those beyond the option."""
