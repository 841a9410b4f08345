"""Exchanges of HTTP, of any version: a request, its response, and the records of the two.

Two records for each exchange:

- "http", when a request was seen, in the shape of old reports: count, host, port, data (head and body), uri,
  body, path, user-agent, version, method, and time.
- "http_ex" ("https_ex" when the bytes were decrypted): time (of the response where no request was captured),
  latency (seconds from request to response), host, port, method, uri, path, version, status, reason, interim
  (statuses 1xx before), request and response (heads as text), request_headers and response_headers (pairs),
  request_trailers and response_trailers where there are some, req and resp (bodies as `save` describes them;
  see `body.Body.finish`). What belongs to a message that was not captured is None; "flaws" lists what is
  wrong with the messages.
"""

import re
from dataclasses import dataclass, field

from lib.cuckoo.network.body import Body
from lib.cuckoo.network.conversation import Record, printable, weight

MESSAGE_SIZE = 2500
"""Bytes that a message takes beside what was sent."""
HEADER_SIZE = 350
"""Bytes that a header takes beside its text, with what finds it by its name."""
TEXT_LIMIT = 64 << 10
"""Bytes of a head or a body that go into a record as text."""
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ABSENT = [""]
_PORT = re.compile(r":\d+$")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(eq=False)
class Message:
    """One request or response."""

    start: bytes
    body: Body
    time: float
    version: str
    fields: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    method: str = ""
    target: str = ""
    scheme: str = ""
    """That the request itself says, as only HTTP/2 does."""
    status: int = 0
    """0 for a request, and where there is none."""
    reason: str = ""
    kind: str = "http_request"
    """What `save` is told that the body is."""
    stored: Record | None = None
    content: bytes = b""
    finished: bool = False
    reported: bool = False
    """True once it is part of a record."""
    weight: int = 0
    """About how many bytes it takes, as weighed last."""
    _values: dict[str, list[str]] = field(default_factory=dict)

    def take_headers(self, headers: list[tuple[str, str]]) -> None:
        """Note the headers, in their order."""
        self.headers = headers
        self._values = {}
        for name, value in headers:
            self._values.setdefault(name.lower(), []).append(value)

    def header(self, name: str) -> str:
        """Return the first value of a header, "" when absent; `name` is in lower case."""
        return self._values.get(name, _ABSENT)[0]

    def listed(self, name: str) -> list[str]:
        """Return the items of a header that is a list, in lower case."""
        values = self._values.get(name)
        return [] if values is None else [item.strip().lower() for item in ",".join(values).split(",")]

    @property
    def length(self) -> int | None:
        """The Content-Length; None when absent or not a number."""
        digits = self.header("content-length").split(",")[0].strip()
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None

    def text(self) -> str:
        """Return start line and headers as text."""
        return printable(
            self.start.rstrip(b"\r\n") + b"\r\n" + self.fields.rstrip(b"\r\n"), TEXT_LIMIT
        ).strip()

    def weigh(self) -> int:
        """Weigh the message; return by how many bytes it grew."""
        before = self.weight
        sent = 2 * len(self.start) + 4 * len(self.fields) + len(self.content)
        self.weight = MESSAGE_SIZE + sent + HEADER_SIZE * len(self.headers)
        if self.trailers:
            self.weight += weight(self.trailers)
        return self.weight - before

    def finish(self, flaw: str = "") -> None:
        """Save the body; nothing more comes."""
        if self.finished:
            return
        if flaw:
            self.flaws.append(flaw)
        self.stored, content = self.body.finish(self.codings, self.kind)
        self.content = bytes(content[:TEXT_LIMIT])
        self.finished = True

    def forget(self) -> None:
        """Let go of what is in the record by now, though the message may still be coming."""
        self.fields = self.content = b""
        self.headers, self.trailers, self._values, self.stored = [], [], {}, None

    @property
    def codings(self) -> list[str]:
        """What the body is packed with, the last applied last; chunks are undone while it is read."""
        codings = self.listed("content-encoding")
        if "transfer-encoding" in self._values:
            codings += [coding for coding in self.listed("transfer-encoding") if coding != "chunked"]
        return codings


@dataclass(eq=False)
class Exchange:
    """A request and its response; either may be missing."""

    request: Message | None = None
    response: Message | None = None
    interim: list[int] = field(default_factory=list)
    """Statuses 1xx that came before the response."""
    switched: bool | None = None
    """For CONNECT and Upgrade: whether the server agreed; None while that is open."""

    @property
    def time(self) -> float | None:
        """When the request was sent; where it was not captured, when the response was."""
        first = self.request or self.response
        return first.time if first is not None else None

    @property
    def latency(self) -> float | None:
        """Seconds from the request to its response; None without both."""
        if self.request is None or self.response is None:
            return None
        return round(self.response.time - self.request.time, 6)

    @property
    def weight(self) -> int:
        """About how many bytes the messages take, as weighed last."""
        return sum(message.weight for message in (self.request, self.response) if message is not None)

    def forget(self) -> None:
        """Let go of what is in the records by now."""
        for message in (self.request, self.response):
            if message is not None:
                message.forget()

    @property
    def is_bare(self) -> bool:
        """True when the request is one of HTTP/0.9, to which the answer may have no head."""
        return self.request is not None and self.request.version == "0.9"

    @property
    def finished(self) -> bool:
        """True when both messages were read to their ends."""
        request, response = self.request, self.response
        return (request is None or request.finished) and response is not None and response.finished


@dataclass(frozen=True)
class Origin:
    """The server of the exchanges, and the section that they belong to."""

    address: str = ""
    port: int = 80
    section: str = "http_ex"

    def records(self, exchange: Exchange) -> list[Record]:
        """Finish both messages and return their records."""
        for message in (exchange.request, exchange.response):
            if message is not None:
                message.finish("end of stream")
                message.reported = True
        paired = self._paired_record(exchange)
        return [paired] if exchange.request is None else [self._old_record(exchange.request), paired]

    def _old_record(self, request: Message) -> Record:
        body = printable(request.content, TEXT_LIMIT)
        return {
            "protocol": "http",
            "count": 1,
            "host": request.header("host") or self.address,
            "port": self.port,
            "data": f"{request.text()}\r\n\r\n{body}",
            "uri": self._uri(request),
            "body": body,
            "path": _path(request.target),
            "user-agent": request.header("user-agent"),
            "version": request.version,
            "method": request.method,
            "time": request.time,
        }

    def _paired_record(self, exchange: Exchange) -> Record:
        request, response = exchange.request, exchange.response
        flaws = [f"request: {flaw}" for flaw in request.flaws] if request else ["request: not captured"]
        flaws += [f"response: {flaw}" for flaw in response.flaws] if response else ["response: not captured"]
        return {
            "protocol": self.section,
            "time": exchange.time,
            "latency": exchange.latency,
            "host": (request.header("host") if request else "") or self.address,
            "port": self.port,
            "method": request.method if request else None,
            "uri": self._uri(request) if request else None,
            "path": _path(request.target) if request else None,
            "version": request.version if request else None,
            "status": response.status or None if response else None,
            "reason": response.reason if response else None,
            "interim": exchange.interim,
            **_side("request", "req", request),
            **_side("response", "resp", response),
            "flaws": flaws,
        }

    def _uri(self, request: Message) -> str:
        host = request.header("host") or _bracketed(self.address)
        if request.method == "CONNECT" or not host or ABSOLUTE.match(request.target):
            return request.target
        scheme = request.scheme or ("https" if self.section == "https_ex" else "http")
        understood = _DEFAULT_PORTS.values() if request.scheme else (_DEFAULT_PORTS[scheme],)
        if self.port not in understood and not _PORT.search(host):
            host = f"{host}:{self.port}"
        return f"{scheme}://{host}{'' if request.target.startswith('/') else '/'}{request.target}"


def _side(name: str, body_name: str, message: Message | None) -> Record:
    if message is None:
        return {name: None, f"{name}_headers": None, body_name: None}
    side: Record = {
        name: message.text(),
        f"{name}_headers": [list(header) for header in message.headers],
        body_name: message.stored,
    }
    if message.trailers:
        side[f"{name}_trailers"] = [list(header) for header in message.trailers]
    return side


def _bracketed(address: str) -> str:
    """Write an address as it stands in a URI."""
    return f"[{address}]" if ":" in address else address


def _path(target: str) -> str:
    """Return path and query of a request target."""
    absolute = ABSOLUTE.match(target)
    return "/" + target[absolute.end() :].partition("/")[2] if absolute else target
