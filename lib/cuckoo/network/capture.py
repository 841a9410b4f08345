"""Capture files: pcap and pcapng, plain or gzip, as a stream of packets.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, and the registry of link types at tcpdump.org.

What is readable is given, what is not is counted in `Capture.problems`. Memory is bounded by one read of the
file and one block, whatever the size of the capture.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.network.pure import Format, Interface

if TYPE_CHECKING:
    from lib.cuckoo.network.reader import Walker

Packet = tuple[float, int, bytes, int, int]
"""Time in seconds since 1970, link type, captured bytes, length on the wire, offset of the record in the
(uncompressed) file. A plain tuple: to build a named one costs more than to read the packet."""

READ_SIZE = 1 << 20
READ_COMPRESSED = 1 << 16
"""Less at a time, because what is left of it is copied with each piece that is unpacked."""
LONGEST_PACKET = 1 << 18
"""A record that claims more is damage: libpcap writes at most this for the link types read here."""
LONGEST_BLOCK = 1 << 24
LONGEST_PACKET_BLOCK = LONGEST_PACKET + (1 << 16)
"""Of those that are looked for behind damage: the packet and its options."""
SEARCH_BYTES = 1 << 23
"""How far, over the whole capture, the next record is looked for after damage."""
SEARCH_SPAN_SECONDS = 30 * 86400
"""A record found that way is believed when its time is this close to the last good one."""
MOST_SECRETS = 1 << 24
MOST_INTERFACES = 10_000
"""Interfaces of one section."""
MOST_UNPACKED = 1 << 26
MOST_RATIO = 200
"""A compressed capture is read up to so many bytes, and beyond up to this factor: real ones shrink to a tenth."""

GZIP = b"\x1f\x8b"
SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION = 0x0A0D0D0A
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
"""The byte order of a section, by its mark."""
INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET, SECRETS = 1, 2, 3, 6, 0xA
KINDS = frozenset((SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, 4, 5, ENHANCED_PACKET, SECRETS))
"""Of blocks that the format describes, those of name resolution (4) and statistics (5) among them."""
TLS_KEY_LOG = 0x544C534B
OPTION_RESOLUTION, OPTION_TIME_OFFSET = 9, 14

EMPTY = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
"""A capture without packets, for analyses that have none."""

Unpack = Callable[[bytes, int], tuple[int, ...]]


MAGICS = {
    bytes.fromhex(digits): Format(order, unit, header)
    for digits, order, unit, header in (
        ("d4c3b2a1", "<", 1e-6, 16),
        ("a1b2c3d4", ">", 1e-6, 16),
        ("4d3cb2a1", "<", 1e-9, 16),
        ("a1b23c4d", ">", 1e-9, 16),
        ("34cdb2a1", "<", 1e-6, 24),  # a patch of old Linux distributions: longer record headers
        ("a1b2cd34", ">", 1e-6, 24),
    )
}


class Source(Protocol):
    """Where the bytes come from: an open binary file will do."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, nothing at the end."""


class _Rest:
    """A source that gives what was read already, then the rest."""

    def __init__(self, begin: bytes, source: Source) -> None:
        self._begin = begin
        self._source = source

    def read(self, size: int, /) -> bytes:
        begin, self._begin = self._begin, b""
        return begin or self._source.read(size)


class _Inflated:
    """A gzip stream as far as it goes: what was compressed before damage or a cut, then the end."""

    def __init__(self, source: Source, problems: Counter[str]) -> None:
        self._source = source
        self._problems = problems
        self._inflater = zlib.decompressobj(wbits=31)
        self._compressed = b""
        self._ended = False
        self._taken = self._given = 0

    def read(self, size: int, /) -> bytes:
        while not self._ended:
            piece = self._piece(size)
            if piece:
                return piece
        return b""

    def _piece(self, size: int) -> bytes:
        if not self._compressed:
            self._compressed = self._source.read(READ_COMPRESSED)
            self._taken += len(self._compressed)
        if self._inflater.eof and self._compressed:
            self._inflater = zlib.decompressobj(wbits=31)
        elif not self._compressed:
            return self._end("" if self._inflater.eof else "compressed file is cut short")
        try:
            piece = self._inflater.decompress(self._compressed, size)
        except zlib.error:
            return self._end("compressed file is damaged")
        self._compressed = self._inflater.unconsumed_tail or self._inflater.unused_data
        self._given += len(piece)
        if self._given > MOST_UNPACKED and self._given > MOST_RATIO * self._taken:
            return self._end("compressed file unpacks to too much")
        return piece

    def _end(self, problem: str) -> bytes:
        self._ended = True
        if problem:
            self._problems[problem] += 1
        return b""


class _Window:
    """The part of the file that is in memory: `data`, of which the bytes before `position` are used up."""

    def __init__(self, source: Source) -> None:
        self.data = b""
        self.position = 0
        self.base = 0  # offset of data[0] in the file
        self._source = source
        self._ended = False

    def fill(self, size: int) -> bool:
        """Make `size` bytes available from `position` on; False when the file ends before."""
        missing = size - (len(self.data) - self.position)
        if missing <= 0 or self._ended:
            return missing <= 0
        pieces = [self.data[self.position :]] if self.left else []
        wanted = missing if pieces else max(READ_SIZE, missing)  # little is copied when little is joined
        while missing > 0 and (piece := self._source.read(wanted)):
            pieces.append(piece)
            missing -= len(piece)
        self.data = b"".join(pieces) if len(pieces) != 1 else pieces[0]
        self.base += self.position
        self.position = 0
        self._ended = missing > 0
        return not self._ended

    @property
    def left(self) -> int:
        """Bytes in memory that are not used up."""
        return len(self.data) - self.position


def _ignore(_log: bytes) -> None:
    """Let a key log go."""


class Capture:
    """A capture file, iterated once, packet by packet.

    Attributes:
        problems: what could not be read, by kind.
        on_secrets: takes the TLS key logs that the file itself carries (pcapng decryption secrets blocks), each
            before the packets behind it.
        link_types: the link types that the file has declared so far.
        walk: is offered packets first; those that it takes are not given.

    Raises:
        CuckooProcessingError: the file is no capture, at once or, for pcapng, with the first packet.
    """

    def __init__(self, source: Source) -> None:
        self.problems: Counter[str] = Counter()
        self.on_secrets: Callable[[bytes], object] = _ignore
        self.link_types: list[int] = []
        self.walk: Walker | None = None
        window = _Window(source)
        window.fill(24)
        if window.data.startswith(GZIP):
            window = _Window(_Inflated(_Rest(window.data, source), self.problems))
            window.fill(24)
        self._packets = self._reader(window)

    def __iter__(self) -> Iterator[Packet]:
        return self._packets

    def _reader(self, window: _Window) -> Iterator[Packet]:
        begin = window.data[:24]
        if begin.startswith(SECTION_MAGIC) and len(begin) >= 12:
            return _Blocks(self, window).packets()
        variant = MAGICS.get(begin[:4])
        if len(begin) < 24 and _may_be_header(begin):
            self.problems["capture ends in its header"] += 1
            return iter(())
        if variant is None:
            raise CuckooProcessingError(f"not a capture: it begins with {begin[:4].hex()}")
        (declared,) = Struct(variant.order + "I").unpack_from(begin, 20)
        self.link_types.append(declared & 0xFFFF)
        window.position = 24
        return _Records(self, window, variant, declared & 0xFFFF).packets()


def _may_be_header(begin: bytes) -> bool:
    """Tell whether a file of fewer bytes than a header may have been cut in one; an empty one may."""
    return any(magic.startswith(begin[:4]) for magic in [*MAGICS, SECTION_MAGIC])


class _Records:
    """The records of a pcap file."""

    def __init__(self, capture: Capture, window: _Window, written: Format, link: int) -> None:
        self._capture = capture
        self._problems = capture.problems
        self._window = window
        self._written = written
        self._unpack: Unpack = Struct(written.order + "IIII").unpack_from
        self._header = written.header
        self._link = link
        self._search = SEARCH_BYTES
        self._seconds = 0

    def packets(self) -> Iterator[Packet]:
        window, header = self._window, self._header
        while window.fill(header):
            yield from self._in_memory()
            if window.left < header:
                continue
            length = self._unpack(window.data, window.position)[2]
            if length > LONGEST_PACKET:
                self._problems["record of impossible length"] += 1
                self._find_record()
            elif not window.fill(header + length):
                break
        if window.left:
            self._problems["last record is cut short"] += 1

    def _in_memory(self) -> Iterator[Packet]:
        """Yield the records that are whole in the window and that the walk does not take."""
        window, header, unit, unpack = self._window, self._header, self._written.unit, self._unpack
        data, position = window.data, self._walked(window.position)
        available = len(data)
        while (begin := position + header) <= available:
            seconds, fraction, length, wire = unpack(data, position)
            if (end := begin + length) > available:
                break
            yield seconds + fraction * unit, self._link, data[begin:end], wire, window.base + position
            self._seconds = seconds
            position = self._walked(end)
        window.position = position

    def _walked(self, position: int) -> int:
        """Offer the walk the records from `position` on; return the offset of the first that it leaves."""
        walk = self._capture.walk
        if walk is None:
            return position
        position = walk.records(self._window.data, position, self._written, self._link, self._window.base)
        self._seconds = int(walk.second)
        return position

    def _find_record(self) -> None:
        """Go to the next place that looks like a record followed by another one, or to the end."""
        window, header = self._window, self._header
        reach = 2 * header + LONGEST_PACKET
        window.position += 1
        while self._search > 0 and window.left > header:
            # much at a time: what is left in memory is copied when more is read
            ended = window.left <= reach and not window.fill(reach + READ_SIZE)
            stop = len(window.data) - (header if ended else reach)
            for position in range(window.position, stop):
                if self._plausible(window.data, position):
                    self._search -= position - window.position
                    window.position = position
                    return
            self._search -= stop - window.position
            window.position = len(window.data) if ended else stop
        self._skip_rest()

    def _skip_rest(self) -> None:
        window = self._window
        window.position = len(window.data)
        while window.fill(1):
            window.position = len(window.data)

    def _plausible(self, data: bytes, position: int) -> bool:
        for _ in range(2):
            if position == len(data):
                return True
            if position + self._header > len(data):
                return False
            time, _, length, wire = self._unpack(data, position)
            near = abs(time - self._seconds) <= SEARCH_SPAN_SECONDS or not self._seconds
            if not near or not 14 <= length <= wire <= LONGEST_PACKET:
                return False
            position += self._header + length
        return True


class _Blocks:
    """The blocks of a pcapng file, section after section."""

    def __init__(self, capture: Capture, window: _Window) -> None:
        self._capture = capture
        self._problems = capture.problems
        self._window = window
        self._interfaces: list[Interface] = []
        self._links: set[int] = set()
        self._secret_bytes = 0
        self._search = SEARCH_BYTES
        mark = window.data[8:12]
        if mark not in ORDERS:
            raise CuckooProcessingError(f"not a capture: byte order mark {mark.hex()} in its first section")
        self._begin_section(ORDERS[mark])

    def _begin_section(self, order: str) -> None:
        self._interfaces = []
        self._order = order
        self._mark = Struct(order + "I").pack(ENHANCED_PACKET)
        self._one: Unpack = Struct(order + "I").unpack_from
        self._pair: Unpack = Struct(order + "II").unpack_from
        self._five: Unpack = Struct(order + "IIIII").unpack_from
        self._old: Unpack = Struct(order + "HHIIII").unpack_from
        self._halves: Unpack = Struct(order + "HHI").unpack_from
        self._signed: Unpack = Struct(order + "q").unpack_from

    def packets(self) -> Iterator[Packet]:
        window = self._window
        while window.fill(12):
            window.position = self._walked(window.position)
            if window.left < 12:
                continue
            kind, size = self._begin()
            if not self._is_whole(size):
                if self._find_block(size):
                    continue
                return
            packet = self._block(kind, window.data, window.position + 8, window.position + size - 4)
            if packet is not None:
                yield packet
            self._skip(size)
        if window.left:
            self._problems["last block is cut short"] += 1

    def _skip(self, size: int) -> None:
        """Move over a block, and to a multiple of four bytes where its size is none."""
        window = self._window
        window.position += size
        if size % 4:
            window.fill(-size % 4)
            window.position = min(window.position + -size % 4, len(window.data))

    def _walked(self, position: int) -> int:
        """Offer the walk the blocks from `position` on; return the offset of the first that it leaves."""
        walk, window = self._capture.walk, self._window
        if walk is None:
            return position
        return walk.blocks(window.data, position, self._order, self._interfaces, window.base)

    def _begin(self) -> tuple[int, ...]:
        """Return kind and size of the block here; the size is 0 for a section of no known byte order."""
        data, position = self._window.data, self._window.position
        if data.startswith(SECTION_MAGIC, position):
            order = ORDERS.get(data[position + 8 : position + 12])
            if order is None:
                return SECTION, 0
            self._begin_section(order)
        return self._pair(data, position)

    def _is_whole(self, size: int) -> bool:
        """Tell whether a block of this size is here: it ends in its size, or else another one follows it."""
        window = self._window
        if not 12 <= size <= LONGEST_BLOCK or not window.fill(size):
            return False
        return self._one(window.data, window.position + size - 4) == (size,) or self._is_followed(size)

    def _is_followed(self, size: int) -> bool:
        """Tell whether the file ends behind a block of this size, or a block of a known kind begins there."""
        size += -size % 4
        window = self._window
        return not window.fill(size + 4) or self._one(window.data, window.position + size)[0] in KINDS

    def _find_block(self, size: int) -> bool:
        """Go to the next packet behind a block that is not whole; False when there is none."""
        window = self._window
        cut = 12 <= size <= LONGEST_BLOCK and window.left < size
        window.position += 1
        found = self._search_block()
        self._problems["last block is cut short" if cut and not found else "block of impossible length"] += 1
        return found

    def _search_block(self) -> bool:
        window = self._window
        while self._search > 0:
            # much at a time: what is left in memory is copied when more is read
            ended = window.left <= LONGEST_PACKET_BLOCK and not window.fill(LONGEST_PACKET_BLOCK + READ_SIZE)
            stop = len(window.data) - (0 if ended else LONGEST_PACKET_BLOCK)
            position = self._sound_packet(window.data, window.position, stop)
            self._search -= position - window.position
            window.position = position
            if position < stop:
                return True
            if ended:
                return False
        return False

    def _sound_packet(self, data: bytes, position: int, stop: int) -> int:
        """Return where a packet begins that has its size at both ends, `stop` when none does."""
        mark = self._mark
        while (position := data.find(mark, position, stop + len(mark) - 1)) >= 0:
            if position + 32 <= len(data):
                (size,) = self._one(data, position + 4)
                end = position + size
                if (
                    32 <= size <= LONGEST_PACKET_BLOCK
                    and end <= len(data)
                    and self._one(data, end - 4) == (size,)
                ):
                    return position
            position += 1
        return stop

    def _block(self, kind: int, data: bytes, start: int, end: int) -> Packet | None:
        if kind == ENHANCED_PACKET and start + 20 <= end:
            return self._packet(self._five(data, start), start + 20, end)
        if kind == INTERFACE and start + 8 <= end:
            self._interface(data, start, end)
        elif kind == OLD_PACKET and start + 20 <= end:
            number, _, *rest = self._old(data, start)
            return self._packet((number, *rest), start + 20, end)
        elif kind == SIMPLE_PACKET and start + 4 <= end:
            return self._simple_packet(data, start, end)
        elif kind == SECRETS and start + 8 <= end:
            self._secrets(data, start, end)
        return None

    def _packet(self, fields: tuple[int, ...], start: int, end: int) -> Packet | None:
        """Make a packet of interface, time (high and low half), captured length and length on the wire."""
        number, high, low, length, wire = fields
        if number >= len(self._interfaces):
            self._problems["packet of an undeclared interface"] += 1
            return None
        if start + length > end:
            self._problems["packet longer than its block"] += 1
            length = end - start
        if length > LONGEST_PACKET:
            self._problems["packet of impossible length"] += 1
            return None
        interface, window = self._interfaces[number], self._window
        time = (high << 32 | low) * interface.unit + interface.offset
        captured = window.data[start : start + length]
        return time, interface.link, captured, wire, window.base + window.position

    def _simple_packet(self, data: bytes, start: int, end: int) -> Packet | None:
        (wire, _) = self._pair(data, start)
        kept = self._interfaces[0].snap_length if self._interfaces else 0
        length = min(wire, kept or wire, end - start - 4)
        return self._packet((0, 0, 0, length, wire), start + 4, end)

    def _interface(self, data: bytes, start: int, end: int) -> None:
        if len(self._interfaces) >= MOST_INTERFACES:
            self._problems["interfaces beyond the bound"] += 1
            return
        link, _, snap_length = self._halves(data, start)
        unit, offset = 1e-6, 0
        for code, begin, length in self._options(data, start + 8, end):
            if code == OPTION_RESOLUTION and length == 1:
                exponent = data[begin] & 0x7F
                unit = 2.0**-exponent if data[begin] & 0x80 else 10.0**-exponent
            elif code == OPTION_TIME_OFFSET and length == 8:
                (offset,) = self._signed(data, begin)
        self._interfaces.append(Interface(link, snap_length, unit, offset))
        if link not in self._links:
            self._links.add(link)
            self._capture.link_types.append(link)

    def _options(self, data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        while start + 8 <= end:
            code, length, _ = self._halves(data, start)
            if code == 0 or start + 4 + length > end:
                return
            yield code, start + 4, length
            start += 4 + length + -length % 4

    def _secrets(self, data: bytes, start: int, end: int) -> None:
        kind, length = self._pair(data, start)
        length = min(length, end - start - 8)
        self._secret_bytes += length
        if self._secret_bytes > MOST_SECRETS:
            self._problems["secrets beyond the bound"] += 1
        elif kind == TLS_KEY_LOG:
            self._capture.on_secrets(data[start + 8 : start + 8 + length])
