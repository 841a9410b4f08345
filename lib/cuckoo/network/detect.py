"""Says from its first bytes what a conversation speaks, whatever its ports."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

from lib.cuckoo.network.conversation import SERVER, Context, Conversation, Hold, Record, Unread
from lib.cuckoo.network.dns import DnsOverTcp, begins_with_dns
from lib.cuckoo.network.exchange import Origin
from lib.cuckoo.network.ftp import Ftp
from lib.cuckoo.network.http import Http, split_request_line, split_status_line
from lib.cuckoo.network.http2 import PREFACE, Http2
from lib.cuckoo.network.irc import Irc
from lib.cuckoo.network.smb import Smb, is_smb
from lib.cuckoo.network.smtp import Smtp
from lib.cuckoo.network.socks import Socks, is_socks
from lib.cuckoo.network.starttls import Greeting, StartTls, asks_for_greeting
from lib.cuckoo.network.tls import Tls

DETECTION_LIMIT = 8 << 10
"""Bytes of one side after which a conversation that is not known stays unread."""
MAXIMUM_EVENTS = 2 * DETECTION_LIMIT
"""Segments and gaps after which it stays unread."""
EVENT_SIZE = 160
"""Bytes that holding one segment or gap takes beside its own."""
MAXIMUM_DEPTH = 4
"""Conversations inside conversations: a tunnel in a tunnel."""


@dataclass(frozen=True)
class Place:
    """Where a conversation takes place: what its parser is told beside its bytes."""

    context: Context
    ports: tuple[int, int]
    address: str = ""
    """The server's; "" when it is not known."""
    client: str = ""
    """The client's address; "" when it is not known."""
    section: str = "http_ex"
    """The section for HTTP exchanges; "https_ex" inside TLS."""
    depth: int = 0
    """How many conversations this one is inside of."""

    @property
    def origin(self) -> Origin:
        """The server, as HTTP records name it."""
        return Origin(self.address, self.ports[SERVER], self.section)

    @cached_property
    def turned(self) -> "Place":
        """The same place as it looks when the server is taken for the client."""
        return replace(self, ports=self.ports[::-1], address=self.client, client=self.address)

    def inside(self, section: str = "") -> Conversation:
        """Return a detecting conversation for what is carried in this one."""
        if self.depth >= MAXIMUM_DEPTH:
            return Unread()
        return Detecting(replace(self, depth=self.depth + 1, section=section or self.section))

    def beyond(self, host: str, port: int) -> Conversation:
        """Return one for what is carried to another server, which this one leads to."""
        return replace(self, address=host, ports=(self.ports[0], port)).inside()


def recognise(place: Place, heads: tuple[bytes, bytes], *, final: bool) -> Conversation | None:
    """Return the parser for a conversation whose sides begin with `heads`; None while that cannot be said."""
    for recogniser in _RECOGNISERS:
        if (conversation := recogniser(place, *heads, final)) is not None:
            return conversation
    return None


def _tls(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    if is_tls(client, 1) or is_tls(server, 2):
        return Tls(place.context, partial(place.inside, section="https_ex"))
    return None


def is_tls(head: bytes, hello: int) -> bool:
    """True when a side begins with the hello of this type, in a record of TLS or of SSL 2."""
    if len(head) < 6:
        return False
    if head[0] == 22:
        return head[1] in {3, 0x7F} and head[5] == hello
    kind, version = (1, head[3:5]) if hello == 1 else (4, head[5:7])
    return head[0] & 0x80 != 0 and head[2] == kind and version in _SSL2_VERSIONS


def _http(place: Place, client: bytes, server: bytes, final: bool) -> Conversation | None:
    if client.startswith(PREFACE[:16]):
        return Http2(place.context, place.origin)
    if _starts_with(client, _is_request, final=final) or _starts_with(server, _is_response, final=final):
        return Http(place.context, place.origin, partial(_tunnel, place))
    return None


def _tunnel(place: Place, protocol: str, target: str) -> Conversation:
    found = _AUTHORITY.fullmatch(target) if protocol == "connect" else None
    return place.inside() if found is None else place.beyond(found[1] or found[2], int(found[3]))


def _starts_with(head: bytes, fits: Callable[[bytes], bool], *, final: bool) -> bool:
    line, end, _ = head.lstrip(b"\r\n").partition(b"\n")
    return bool(line) and (bool(end) or final or len(head) >= DETECTION_LIMIT) and fits(line.rstrip(b"\r"))


def _is_request(line: bytes) -> bool:
    found = split_request_line(line)
    return found is not None and (found[2] is not None or found[0] in _METHODS)


def _is_response(line: bytes) -> bool:
    return split_status_line(line) is not None


def _mail_or_files(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    """Tell SMTP from FTP, whose servers greet alike: by the first command, the port, the greeting."""
    port, greeting = place.ports[SERVER], _GREETING.match(server)
    if _SMTP_COMMAND.match(client):
        return Smtp(place.context, place.inside)
    if _FTP_COMMAND.match(client) and (port == FTP_PORT or greeting):
        return Ftp(place.context, place.inside, place.address)
    if not _LINE.match(client) or not (greeting or port == FTP_PORT):
        return None
    if port in _MAIL_PORTS or (greeting and _MAIL_WORD.search(greeting[0])):
        return Smtp(place.context, place.inside)
    if port == FTP_PORT or (greeting and _FTP_WORD.search(greeting[0])):
        return Ftp(place.context, place.inside, place.address)
    return None


def _smb(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    return Smb(place.context) if is_smb(client) or is_smb(server) else None


def _irc(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    if _IRC_CLIENT.match(client) or _IRC_SERVER.match(server):
        return Irc(place.context, place.inside)
    return None


def _dns(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    return DnsOverTcp(place.context) if begins_with_dns(client or server) else None


def _carriers(place: Place, client: bytes, server: bytes, _final: bool) -> Conversation | None:
    """Recognise what is read only for what it carries."""
    if is_socks(client, server):
        return Socks(place.context, place.beyond)
    if asks_for_greeting(client):
        return Greeting(place.context, place.inside)
    if _STARTTLS_SERVER.match(server) or _STARTTLS_CLIENT.match(client):
        return StartTls(place.context, place.inside)
    return None


FTP_PORT = 21
_MAIL_PORTS = frozenset({25, 465, 587, 2525})
_SMTP_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO|MAIL FROM:|RCPT TO:|XCLIENT|BDAT)[ \t<\r]?[^\n]*\n", re.IGNORECASE
)
_FTP_COMMAND = re.compile(
    rb"(?:USER|PASS|AUTH (?:TLS|SSL)|SYST|FEAT|PASV|PORT|EPSV|TYPE|CWD|LIST|RETR)[ \t\r\n]", re.IGNORECASE
)
_GREETING = re.compile(rb"(?:220|120|421)[ -][^\n]*\n")
_LINE = re.compile(rb"[\t\r -~]{3,512}\n")
_MAIL_WORD = re.compile(rb"smtp|mail|lmtp", re.IGNORECASE)
_FTP_WORD = re.compile(rb"ftp", re.IGNORECASE)
_IRC_CLIENT = re.compile(
    rb"(?:(?:PASS|CAP)\s[^\n]*\n)*(?:NICK\s+[^\s:]|USER\s+\S+\s+\S+\s+\S+\s|CAP (?:LS|REQ|LIST|END)"
    rb"|(?:PRIVMSG|NOTICE)\s+\S+\s+:|JOIN\s+[#&])[^\n]*\n",
    re.IGNORECASE,
)
_IRC_SERVER = re.compile(
    rb":[^\s]+ (?:\d{3}|NOTICE|PRIVMSG|JOIN|MODE|NICK|QUIT|PART|PONG|KICK|TOPIC|INVITE) [^\n]*\n"
    rb"|NOTICE AUTH[^\n]*\n|ERROR :[^\n]*\n"
)
_STARTTLS_SERVER = re.compile(rb"\+OK|\* (?:OK|PREAUTH)|20[01] [^\n]*NNTP|\"IMPLEMENTATION\"")
_STARTTLS_CLIENT = re.compile(rb"<\?xml[^>]*>\s*<stream:stream|<stream:stream")
_SSL2_VERSIONS = {b"\x00\x02", b"\x03\x00", b"\x03\x01", b"\x03\x02", b"\x03\x03"}
_AUTHORITY = re.compile(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})")
_METHODS = frozenset(b"GET HEAD POST PUT DELETE OPTIONS CONNECT".split())
_RECOGNISERS: tuple[Callable[[Place, bytes, bytes, bool], Conversation | None], ...] = (
    _tls,
    _http,
    _mail_or_files,
    _smb,
    _irc,
    _dns,
    _carriers,
)


def _is_unknown(head: bytearray) -> bool:
    """True when a side has begun with bytes that are no text, and are no longer looked at."""
    return len(head) >= _FEW and _TEXT.match(head) is None


_FEW = 300
"""Bytes of a side within which every protocol that is not text is known (SOCKS lists its methods in 257)."""
_TEXT = re.compile(rb"[\t\r\n -~]{8}")


class Detecting:
    """A conversation that becomes what its bytes turn out to be; what came before that is played again.

    Attributes:
        swapped: True when the bytes show that the sides are the other way round, as in a capture that begins
            in the middle: the records then call server what the caller calls client.
    """

    def __init__(self, place: Place) -> None:
        self.records: list[Record] = []
        self.swapped = False
        self._place = place
        self._heads = (bytearray(), bytearray())
        self._events: list[tuple[int, bytes | int, float]] = []
        self._hold = Hold(place.context.held)
        self._chosen: Conversation | None = None

    @property
    def chosen(self) -> Conversation | None:
        """The parser it became; None while that is open. Its `records` are the same list as these."""
        return self._chosen

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        """Take the next bytes of one side."""
        if self._chosen is not None:
            self._chosen.data(side ^ self.swapped, payload, time)
            return
        if not self._events and self._was_announced(side, payload, time):
            return
        head, held = self._heads[side], bytes(payload)
        head += held[: DETECTION_LIMIT - len(head)]
        room = self._remember(side, held, time, EVENT_SIZE + 2 * len(held))  # twice: in the head, too
        full = len(head) >= DETECTION_LIMIT or not room
        if self._may_be_new(head, held, final=full) and self._choose(final=full):
            return
        if full or all(map(_is_unknown, self._heads)):
            self._become(Unread())

    def _remember(self, side: int, event: bytes | int, time: float, size: int) -> bool:
        """Keep what has come; False when nothing more can be kept."""
        self._events.append((side, event, time))
        return self._hold.resize(self._hold.size + size) and len(self._events) <= MAXIMUM_EVENTS

    def _was_announced(self, side: int, payload: bytes | memoryview, time: float) -> bool:
        """Become the parser of an announced connection; one under TLS is read as that."""
        chosen = self._place.context.announced(self._place.address, self._place.ports[SERVER])
        if chosen is None or bytes(payload[:2]) == b"\x16\x03":
            return False
        self._become(chosen)
        chosen.data(side, payload, time)
        return True

    def _may_be_new(self, head: bytearray, held: bytes, *, final: bool) -> bool:
        """True when these bytes may show what the ones before did not: the first few, and the ends of lines."""
        return final or len(head) - len(held) < _FEW or b"\n" in held or b">" in held

    def gap(self, side: int, size: int) -> None:
        """Note missing bytes; what a side begins with is looked for behind them."""
        if self._chosen is None and any(self._heads):
            self._choose(final=True)
        if self._chosen is not None:
            self._chosen.gap(side ^ self.swapped, size)
        else:
            self._heads[side].clear()
            if not self._remember(side, size, 0.0, EVENT_SIZE):
                self._become(Unread())

    def close(self) -> None:
        """Flush what is pending."""
        if self._chosen is None and not self._choose(final=True):
            self._become(Unread())
        if self._chosen is not None:
            self._chosen.close()

    def _choose(self, *, final: bool) -> bool:
        """Become what the bytes so far show, as the sides are or the other way round."""
        client, server = (bytes(head) for head in self._heads)
        chosen = recognise(self._place, (client, server), final=final)
        if chosen is None:
            chosen = recognise(self._place.turned, (server, client), final=final)
            self.swapped = chosen is not None
        if chosen is not None:
            self._become(chosen)
        return chosen is not None

    def _become(self, chosen: Conversation) -> None:
        chosen.records, self._chosen = self.records, chosen
        for side, event, time in self._events:
            if isinstance(event, int):
                chosen.gap(side ^ self.swapped, event)
            else:
                chosen.data(side ^ self.swapped, event, time)
        self._events.clear()
        self._hold.resize(0)
        for head in self._heads:
            head.clear()
