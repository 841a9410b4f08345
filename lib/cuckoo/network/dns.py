"""DNS messages, and the names of NetBIOS.

Sources: RFC 1035, 1002 (NetBIOS), 2782 (SRV), 4034 (DS, DNSKEY), 6844 (CAA), 6891 (return codes), 9460 (SVCB,
HTTPS), 9461 (dohpath), and IANA's registry of DNS parameters.

A name costs at most `MOST_JUMPS` compression pointers and 255 bytes, so that no loop is possible.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from socket import AF_INET6, inet_ntoa, inet_ntop
from struct import Struct
from struct import error as CutShort  # noqa: N812 - an exception, though struct names it like a function
from typing import Any

from lib.cuckoo.network.conversation import Context, Hold

HEADER = Struct(">6H")
_question = Struct(">HH").unpack_from
_resource = Struct(">HHIH").unpack_from
_two = Struct(">H").unpack_from
_four = Struct(">I").unpack_from
_each_two = Struct(">H").iter_unpack

MOST_JUMPS = 64
LONGEST_NAME = 255
MOST_RECORDS = 512
"""Records read of one message; 65,535 bytes could claim six times as many."""
MOST_STEPS = 16_384
"""Labels and jumps of the names of one message: names may share what makes them long."""
MOST_KNOWN = 256
"""Messages that are not read again when they are sent again; one may become a hundred times as long as text."""
LONGEST_KNOWN = 512
"""Bytes of such a message."""

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP",
    18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT",
    39: "DNAME", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC",
    48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS",
    60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF",
    108: "EUI48", 109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 256: "URI",
    257: "CAA", 32769: "DLV",
}  # fmt: skip
NETBIOS_TYPES = TYPES | {32: "NB", 33: "NBSTAT"}
OPT = 41
OPT_BEGIN = b"\0\0\x29"
"""An empty name, and the type."""
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN",
    7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 11: "DSOTYPENI", 16: "BADVERS", 17: "BADKEY",
    18: "BADTIME", 19: "BADMODE", 20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
}  # fmt: skip
CLASSES = frozenset({1, 3, 4, 254, 255})


@dataclass(frozen=True, slots=True)
class Answer:
    """A resource record: owner, type, its data as text, seconds it may be kept."""

    name: str
    type: str
    data: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Message:
    """A DNS message without its identification.

    Attributes:
        questions: name and type of each.
        answers: the answer section only; authority and additional records are not part of an answer.
        whole: False when the message is cut short or damaged behind what is given here.
    """

    response: bool
    rcode: str
    truncated: bool
    questions: tuple[tuple[str, str], ...]
    answers: tuple[Answer, ...]
    whole: bool = True


class Malformed(ValueError):  # noqa: N818 - reads as what it says
    """The bytes are no DNS message."""


@dataclass(slots=True)
class _Names:
    """The names of one message."""

    data: bytes
    steps: int = 0
    known: dict[int, str] = field(default_factory=dict)
    """Names by the offset that a pointer led to."""

    def read(self, at: int) -> tuple[str, int]:
        """Return the name at an offset and the offset behind it."""
        if self.data[at] < 0xC0:
            return self._read(at)
        pointed = (self.data[at] & 0x3F) << 8 | self.data[at + 1]
        if pointed not in self.known:
            self.known[pointed] = self._read(at)[0]
        return self.known[pointed], at + 2

    def _read(self, at: int) -> tuple[str, int]:
        if self.steps > MOST_STEPS:
            raise Malformed("names of too many labels")
        labels: list[bytes] = []
        behind, jumps, size, data = 0, 0, 0, self.data
        while length := data[at]:
            if length >= 0xC0:
                behind = behind or at + 2
                at = (length & 0x3F) << 8 | data[at + 1]
                jumps += 1
            else:
                labels.append(data[at + 1 : at + 1 + length])
                at += 1 + length
                size += 1 + length
            if jumps > MOST_JUMPS or size > LONGEST_NAME or 0x40 <= length < 0xC0:
                raise Malformed("name that does not end")
        self.steps += len(labels) + jumps
        return name_text(labels), behind or at + 1


def name_text(labels: list[bytes]) -> str:
    r"""Join labels; bytes that are no text are given as \\DDD, as in zone files."""
    joined = b".".join(labels)
    try:
        text = joined.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and (text or not joined):
        return text
    return "".join(map(_BYTES.__getitem__, joined))


_BYTES = [chr(byte) if 32 < byte < 127 else f"\\{byte:03d}" for byte in range(256)]


def _body(body: bytes, dialect: "_Dialect") -> Message:
    """Read what follows the identification."""
    data = bytes(2) + body
    flags = body[0] << 8 | body[1]
    counts = HEADER.unpack_from(data)[2:]
    names = dialect.names(data)
    questions: list[tuple[str, str]] = []
    answers: list[Answer] = []
    whole, rcode = True, flags & 15
    try:
        at = _read_questions(names, counts[0], questions, dialect.types)
        at = _read_answers(names, at, counts[1], answers, dialect)
        if counts[3]:
            rcode |= _extended_rcode(names, at, counts[2] + counts[3])
    except (IndexError, CutShort, Malformed):
        whole = False
    return Message(
        bool(flags & 0x8000),
        RCODES.get(rcode, str(rcode)),
        bool(flags & 0x0200),
        tuple(questions),
        tuple(answers),
        whole,
    )


_known_body = lru_cache(maxsize=MOST_KNOWN)(_body)
"""Sandboxed programs ask the same things again and again."""


def message(payload: bytes, *, netbios: bool = False) -> tuple[int, Message]:
    """Read a message of DNS, or of NetBIOS' name service; return its identification and the rest.

    Raises:
        Malformed: fewer bytes than a header.
    """
    if len(payload) < HEADER.size:
        raise Malformed("fewer bytes than a header")
    read = _known_body if len(payload) <= LONGEST_KNOWN else _body
    return payload[0] << 8 | payload[1], read(payload[2:], _NETBIOS if netbios else _DNS)


def looks_like_dns(payload: bytes) -> bool:
    """Tell whether a datagram on an unusual port is a DNS message: flags, counts and question must fit."""
    if len(payload) < HEADER.size + 5:
        return False
    _, flags, questions, answers, authorities, additional = HEADER.unpack_from(payload)
    if flags & 0x7840 or questions != 1 or authorities > 32 or additional > 32:
        return False
    if answers > (64 if flags & 0x8000 else 0):
        return False
    try:
        name, at = _Names(payload).read(HEADER.size)
        kind, group = _question(payload, at)
    except (IndexError, CutShort, Malformed):
        return False
    return group in CLASSES and kind in TYPES and name.isascii() and "\\" not in name


def _read_questions(
    names: _Names, count: int, questions: list[tuple[str, str]], types: dict[int, str]
) -> int:
    at = HEADER.size
    for _ in range(min(count, MOST_RECORDS)):
        name, at = names.read(at)
        (kind, _) = _question(names.data, at)
        at += 4
        questions.append((name, types.get(kind) or f"TYPE{kind}"))
    return at


def _read_answers(names: _Names, at: int, count: int, answers: list[Answer], dialect: "_Dialect") -> int:
    types, readers = dialect.types, dialect.readers
    for _ in range(min(count, MOST_RECORDS)):
        name, at = names.read(at)
        kind, _, ttl, length = _resource(names.data, at)
        at += 10
        if at + length > len(names.data):
            raise Malformed("record longer than its message")
        text = _data_text(names, readers.get(kind), at, at + length)
        answers.append(Answer(name, types.get(kind) or f"TYPE{kind}", text, ttl))
        at += length
    return at


def _extended_rcode(names: _Names, at: int, count: int) -> int:
    """Return the upper bits of the return code, which stand in an OPT record (RFC 6891, 6.1.3).

    Other records between `at` and there are only walked over when there may be such bits.
    """
    data, mark = names.data, names.data.find(OPT_BEGIN, at)
    while mark >= 0 and data[mark + 5 : mark + 6] in {b"", b"\0"}:
        mark = data.find(OPT_BEGIN, mark + 1)
    if mark < 0:
        return 0
    try:
        for _ in range(min(count, MOST_RECORDS)):
            _, at = names.read(at)
            kind, _, ttl, length = _resource(data, at)
            if kind == OPT:
                return int(ttl) >> 24 << 4
            at += 10 + length
    except (IndexError, CutShort, Malformed):
        pass  # damage behind the answers costs no answer
    return 0


def _data_text(names: _Names, reader: "_DataReader | None", start: int, end: int) -> str:
    if reader is not None:
        try:
            return reader(names, start, end)
        except (IndexError, CutShort, Malformed, ValueError):
            pass  # given as bytes below, like the data of a type that is not known
    return names.data[start:end].hex()


def _address4(names: _Names, start: int, end: int) -> str:
    if end - start != 4:
        raise Malformed("IPv4 address of another length")
    return inet_ntoa(names.data[start:end])


def _address6(names: _Names, start: int, end: int) -> str:
    if end - start != 16:
        raise Malformed("IPv6 address of another length")
    return inet_ntop(AF_INET6, names.data[start:end])


def _name(names: _Names, start: int, _end: int) -> str:
    return names.read(start)[0]


def _preferred_name(names: _Names, start: int, _end: int) -> str:
    return names.read(start + 2)[0]


def _authority(names: _Names, start: int, _end: int) -> str:
    server, at = names.read(start)
    mailbox, at = names.read(at)
    return " ".join([server, mailbox, *(str(_four(names.data, at + 4 * index)[0]) for index in range(5))])


def _service(names: _Names, start: int, _end: int) -> str:
    numbers = [str(_two(names.data, start + at)[0]) for at in (0, 2, 4)]
    return " ".join([*numbers, names.read(start + 6)[0]])


def _strings(names: _Names, start: int, end: int) -> str:
    found = []
    while start < end:
        length = names.data[start]
        found.append(name_text([names.data[start + 1 : min(start + 1 + length, end)]]))
        start += 1 + length
    return " ".join(found)


def _authorisation(names: _Names, start: int, end: int) -> str:
    flags, length = names.data[start], names.data[start + 1]
    tag, value = names.data[start + 2 : start + 2 + length], names.data[start + 2 + length : end]
    return f'{flags} {name_text([tag])} "{name_text([value])}"'


def _delegation(names: _Names, start: int, end: int) -> str:
    (tag,) = _two(names.data, start)
    return f"{tag} {names.data[start + 2]} {names.data[start + 3]} {names.data[start + 4 : end].hex()}"


def _key(names: _Names, start: int, end: int) -> str:
    (flags,) = _two(names.data, start)
    return f"{flags} {names.data[start + 2]} {names.data[start + 3]} {names.data[start + 4 : end].hex()}"


def _pointer_free_service(names: _Names, start: int, end: int) -> str:
    """SVCB and HTTPS: priority, target, parameters."""
    (priority,) = _two(names.data, start)
    target, at = names.read(start + 2)
    words = [str(priority), target or "."]
    while at + 4 <= end:
        key, length = _question(names.data, at)
        words.append(_parameter(key, names.data[at + 4 : min(at + 4 + length, end)]))
        at += 4 + length
    return " ".join(words)


PARAMETERS = {
    0: "mandatory",
    1: "alpn",
    2: "no-default-alpn",
    3: "port",
    4: "ipv4hint",
    5: "ech",
    6: "ipv6hint",
    7: "dohpath",
    8: "ohttp",
}


def _parameter(key: int, value: bytes) -> str:
    name = _parameter_name(key)
    if key == 0 and not len(value) % 2:
        return f"{name}={','.join(_parameter_name(number) for (number,) in _each_two(value))}"
    if key == 1:
        return f"{name}={','.join(_lengths(value))}"
    if key == 3 and len(value) == 2:
        return f"{name}={_two(value)[0]}"
    if key == 4 and not len(value) % 4:
        return f"{name}={','.join(inet_ntoa(value[at : at + 4]) for at in range(0, len(value), 4))}"
    if key == 6 and not len(value) % 16:
        return (
            f"{name}={','.join(inet_ntop(AF_INET6, value[at : at + 16]) for at in range(0, len(value), 16))}"
        )
    if key == 7:
        return f"{name}={name_text([value])}"
    return f"{name}={value.hex()}" if value else name


def _parameter_name(key: int) -> str:
    return PARAMETERS.get(key, f"key{key}")


def _lengths(value: bytes) -> list[str]:
    found, at = [], 0
    while at < len(value):
        found.append(name_text([value[at + 1 : at + 1 + value[at]]]))
        at += 1 + value[at]
    return found


_DataReader = Callable[[_Names, int, int], str]
READERS: dict[int, _DataReader] = {
    1: _address4, 2: _name, 5: _name, 6: _authority, 12: _name, 13: _strings, 15: _preferred_name,
    16: _strings, 28: _address6, 33: _service, 39: _name, 43: _delegation, 48: _key, 59: _delegation,
    60: _key, 64: _pointer_free_service, 65: _pointer_free_service, 99: _strings, 257: _authorisation,
}  # fmt: skip


def netbios_name(name: str) -> str:
    """Undo NetBIOS' half-ASCII encoding: "FHEPFCELEHFCEPFFFACACACACACACABN" is "WORKGROUP<1d>"."""
    encoded = name.split(".", 1)[0]
    if len(encoded) != 32 or not all("A" <= letter <= "P" for letter in encoded):
        return name
    pairs = zip(encoded[::2], encoded[1::2], strict=True)
    decoded = bytes((ord(high) - 65) << 4 | (ord(low) - 65) for high, low in pairs)
    return netbios_text(decoded)


def netbios_text(name: bytes) -> str:
    """Write a NetBIOS name of 16 bytes, of which the last says what has it, as "WORKGROUP<1d>"."""
    return f"{name_text([name[:15].rstrip(b' ' + bytes(1))])}<{name[15]:02x}>"


def _netbios_addresses(names: _Names, start: int, end: int) -> str:
    """NB: flags and an address for each that has the name."""
    if (end - start) % 6:
        raise Malformed("addresses are cut short")
    return " ".join(inet_ntoa(names.data[at + 2 : at + 6]) for at in range(start, end, 6))


def _netbios_status(names: _Names, start: int, end: int) -> str:
    """NBSTAT: the names that a machine has, then its unit identifier and statistics."""
    at, count = start + 1, names.data[start]
    if at + 18 * count > end:
        raise Malformed("names are cut short")
    return " ".join(netbios_text(names.data[each : each + 16]) for each in range(at, at + 18 * count, 18))


class _NetbiosNames(_Names):
    """The names of one message of NetBIOS."""

    def read(self, at: int) -> tuple[str, int]:
        name, behind = super().read(at)
        return netbios_name(name), behind


@dataclass(frozen=True, slots=True, eq=False)
class _Dialect:
    """What differs between DNS and NetBIOS' name service, which has its own numbers of types."""

    types: dict[int, str]
    """Mnemonics; a type without one is TYPE<number> (RFC 3597)."""
    readers: dict[int, _DataReader]
    names: type[_Names]


_DNS = _Dialect(TYPES, READERS, _Names)
_NETBIOS = _Dialect(NETBIOS_TYPES, {32: _netbios_addresses, 33: _netbios_status}, _NetbiosNames)


class DnsOverTcp:
    """DNS messages on a TCP connection, each behind its length (RFC 7766).

    Its records have `protocol` "dns", `message` (the bytes), `side` and `time`.
    """

    def __init__(self, context: Context) -> None:
        self.records: list[dict[str, Any]] = []
        self._kept: list[bytearray | None] = [bytearray(), bytearray()]
        self._hold = Hold(context.held)

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take the next bytes of one side."""
        kept = self._kept[side]
        if kept is None:
            return
        kept += payload
        at = 0
        while len(kept) - at >= 2 and len(kept) - at - 2 >= (size := kept[at] << 8 | kept[at + 1]):
            self._add(side, bytes(kept[at + 2 : at + 2 + size]), time)
            at += 2 + size
        del kept[:at]
        if not self._hold.resize(sum(len(each) for each in self._kept if each)):
            self._kept[side] = None

    def _add(self, side: int, content: bytes, time: float) -> None:
        record: dict[str, Any] = {"protocol": "dns", "message": content, "side": side, "time": time}
        self.records.append(record)

    def gap(self, side: int, size: int) -> None:  # noqa: ARG002 - the interface of conversations
        """Stop reading this side: where the next message begins cannot be known."""
        self._kept[side] = None

    def close(self) -> None:
        """Let go of what is not whole."""
        self._hold.resize(0)


def begins_with_dns(stream: bytes) -> bool:
    """Tell whether a stream begins with a whole DNS message behind its length."""
    size = int.from_bytes(stream[:2], "big")
    return HEADER.size + 5 <= size <= len(stream) - 2 and looks_like_dns(stream[2 : 2 + size])
