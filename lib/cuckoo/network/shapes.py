"""Shapes of the section `network`.

Times are seconds: those of flows since the first packet of the capture, all others since 1970 (UTC). Bytes that are
no text stand as escapes.
"""

from typing import NotRequired, TypedDict


class Attributed(TypedDict):
    """What can be laid to a process by what it called."""

    process_id: NotRequired[int]
    """Number of the process; absent when it is not known."""
    process_name: NotRequired[str]
    """Its name; absent when it is not known."""


class Ends(TypedDict):
    """Who talked to whom."""

    src: str
    """Address of the client."""
    sport: int
    """Port of the client."""
    dst: str
    """Address of the server."""
    dport: int
    """Port of the server."""


class UdpFlow(Ends, Attributed):
    """A UDP flow."""

    offset: int
    """Of the record of its first packet in the capture."""
    time: float
    """Of its first packet, in seconds since the first of the capture."""
    duration: float
    """Seconds from its first packet to its last; 0 where the clock went back."""
    packets: int
    """Both ways."""
    bytes: int
    """On the wire, both ways."""
    protocol: str | None
    """Of the application; null when it is not known."""


class TcpFlow(UdpFlow):
    """A TCP connection."""

    state: str
    """`open`, `closed`, `reset` or `unanswered`."""
    client_bytes: int
    """That the client sent and the server could read."""
    server_bytes: int
    """That the server sent and the client could read."""
    lost_bytes: int
    """That are not in the capture."""
    retransmissions: int
    """Segments that came again."""


class IcmpMessage(TypedDict):
    """An ICMP or ICMPv6 message."""

    src: str
    """Address of the sender."""
    dst: str
    """Address of the receiver."""
    type: int
    """Its number."""
    code: int
    """Its number."""
    data: str
    """What an echo carries, as text; at most 256 bytes."""
    time: float
    """In seconds since 1970."""


class DnsAnswer(TypedDict):
    """An answer of a name service."""

    type: str
    """"A", "CNAME" and so on."""
    data: str
    """Address, name or text."""
    ttl: int
    """Seconds that it may be kept."""
    name: NotRequired[str]
    """Whose answer it is, where that is another name than was asked for."""


class DnsQuestion(Attributed):
    """A question to a name service; one record for each name and type."""

    request: str
    """The name."""
    type: str
    """"A", "AAAA" and so on."""
    answers: list[DnsAnswer]
    """Different ones."""
    first_seen: float
    """Of the first question, in seconds since 1970."""
    count: int
    """How often it was asked."""
    rcode: str | None
    """How it was answered, "NOERROR"; null when it was not."""
    latency: float | None
    """Seconds to the first answer; null without one."""


class Host(TypedDict):
    """A server that was talked to."""

    ip: str
    """Its address."""
    country_name: str
    """Where it is; "unknown" without a database."""
    hostname: str
    """The first name that led to it, "" for none."""
    inaddrarpa: str
    """The name that it has in reverse, when that was asked for; "" else."""
    names: list[str]
    """Names that led to it."""
    ports: list[int]
    """Ports that were talked to."""
    country_code: NotRequired[str]
    """Two letters; with a database of countries."""
    asn: NotRequired[int | None]
    """Number of its autonomous system; with a database of networks."""
    as_organisation: NotRequired[str]
    """Who runs it; with a database of networks."""


class Domain(TypedDict):
    """A name that was asked for."""

    domain: str
    """The name."""
    ip: str
    """The first address that it led to, "" for none."""


_AGENT = TypedDict("_AGENT", {"user-agent": str})
"""What the client calls itself, "" when it does not say."""


class HttpRequest(_AGENT, Attributed):
    """Equal requests, in the shape of old reports."""

    count: int
    """How many there were."""
    host: str
    """The server, as the request names it, else its address."""
    port: int
    """Port of the server."""
    data: str
    """Head and body of the request as text."""
    uri: str
    """The whole address."""
    body: str
    """Body of the request as text."""
    path: str
    """What was asked for of the server."""
    version: str
    """Of HTTP, "1.1"; "" when the request does not say."""
    method: str
    """"GET" and so on."""
    time: float
    """Of the first, in seconds since 1970."""


class Received(TypedDict):
    """All bytes of a body of which not all were kept."""

    size: int
    """Bytes."""
    sha256: str
    """Of these bytes."""


class SavedBody(TypedDict):
    """A body or attachment, as it is saved."""

    sha256: str
    """Of what was kept."""
    size: int
    """Bytes that were kept."""
    type: str
    """In libmagic's words; where the option `save_bodies` is off, as `source`."""
    path: str | None
    """Where it was saved; null when it was not."""
    source: NotRequired[str]
    """`http_request`, `http_response`, `ftp_data`, `mail` or `attachment`; absent when bodies are not saved."""


class BodyRecord(SavedBody):
    """A body, content codings undone, and what it lacks."""

    encoded: NotRequired[list[str]]
    """Content codings that could not be undone."""
    decoded_partly: NotRequired[str]
    """`limit` or `malformed`, when undoing stopped early."""
    missing: NotRequired[int]
    """Bytes that are not in the capture."""
    truncated: NotRequired[int]
    """Bytes that were seen and not kept."""
    received: NotRequired[Received]
    """All bytes, when not all were kept."""


class HttpExchange(Ends, Attributed):
    """A request and its response; what belongs to a message that was not captured is null."""

    time: float | None
    """Of the request, else of the response, in seconds since 1970."""
    latency: float | None
    """Seconds from the request to its response; null without both."""
    host: str
    """The server, as the request names it, else its address."""
    port: int
    """Port of the server."""
    method: str | None
    """"GET" and so on."""
    uri: str | None
    """The whole address."""
    path: str | None
    """What was asked for of the server."""
    version: str | None
    """Of HTTP, as the request says."""
    status: int | None
    """Of the response; null in HTTP/0.9 too, which has none."""
    reason: str | None
    """Of the response, in words."""
    interim: list[int]
    """Statuses 1xx that came before the response."""
    request: str | None
    """Head of the request as text."""
    request_headers: list[list[str]] | None
    """Pairs of name and value."""
    request_trailers: NotRequired[list[list[str]]]
    """Those behind the body, where there are some."""
    req: BodyRecord | None
    """Body of the request."""
    response: str | None
    """Head of the response as text."""
    response_headers: list[list[str]] | None
    """Pairs of name and value."""
    response_trailers: NotRequired[list[list[str]]]
    """Those behind the body, where there are some."""
    resp: BodyRecord | None
    """Body of the response."""
    flaws: list[str]
    """What is wrong with the messages."""


class Certificate(TypedDict):
    """A certificate; what is malformed of it is null."""

    sha1: str
    """Of the whole."""
    sha256: str
    """Of the whole."""
    size: int
    """Bytes."""
    error: NotRequired[str]
    """Why it, or part of it, could not be read."""
    subject: NotRequired[str | None]
    """Whom it is for, as RFC 4514 writes names. This and what follows is absent when the whole could not be read."""
    issuer: NotRequired[str | None]
    """Who gave it, as RFC 4514 writes names."""
    common_name: NotRequired[str | None]
    """The name of whom it is for."""
    serial: NotRequired[str | None]
    """Hexadecimal; also of a certificate that could not be read as a whole, where it could."""
    not_before: NotRequired[str | None]
    """ISO 8601, UTC."""
    not_after: NotRequired[str | None]
    """ISO 8601, UTC."""
    names: NotRequired[list[str] | None]
    """DNS names and addresses that it is for."""
    self_signed: NotRequired[bool | None]
    """True when subject and issuer are the same."""


class Hellos(Ends):
    """A handshake: what client and server say first. Of a hello that was not captured, members are null or empty."""

    time: float
    """Of the first message, in seconds since 1970."""
    version: str
    """That was agreed on: "TLS 1.3", "QUIC 1"; where no server answered, the latest that the client offers."""
    sni: str | None
    """The name that the client asks for, "" for none."""
    client_random: str | None
    """Hexadecimal."""
    alpn: list[str]
    """Application protocols that the client offers."""
    ciphers: list[int]
    """Cipher suites that the client offers, by number."""
    extensions: list[int]
    """Extensions of the client's hello, by number."""
    groups: list[int]
    """Groups that the client offers, by number."""
    ja3: str | None
    """Fingerprint of the client."""
    ja3_string: str | None
    """What it is the MD5 of."""
    ja4: str | None
    """Fingerprint of the client."""
    alpn_selected: str | None
    """The application protocol, "" when the server chose none."""
    cipher: int | None
    """The cipher suite that the server chose."""
    cipher_name: str | None
    """Its name."""
    server_random: str | None
    """Hexadecimal."""
    session_id: str | None
    """Of the server, hexadecimal."""
    ja3s: str | None
    """Fingerprint of the server."""
    ja3s_string: str | None
    """What it is the MD5 of."""
    flaws: list[str]
    """What is wrong with it."""


class Alert(TypedDict):
    """An alert of TLS."""

    side: str
    """`client` or `server`."""
    level: int
    """1 warning, 2 fatal."""
    description: int
    """Its number (RFC 8446, 6)."""


class TlsHandshake(Hellos, Attributed):
    """A connection of TLS, or of DTLS over UDP."""

    resumed: bool | None
    """True when the server took up an old session; null when that cannot be seen."""
    certificates: list[Certificate]
    """The server's."""
    client_certificates: list[Certificate]
    """The client's."""
    alerts: list[Alert]
    """In the clear or decrypted."""
    established: bool
    """True when both sides sent protected records."""
    decrypted: int
    """Bytes that were decrypted."""


class Quic(Hellos):
    """A connection of QUIC, or of Google's before the standard ("gQUIC Q046"), which has no hello of TLS."""


class CommandRecord(TypedDict):
    """A command of a client and its reply."""

    command: str
    """"MAIL", "RETR" and so on."""
    argument: str
    """What stands behind it."""
    code: int | None
    """Of the reply; null when it was not captured."""
    reply: str
    """Its text."""
    time: float
    """Of the command, in seconds since 1970."""


class Login(TypedDict):
    """How a client logs in."""

    mechanism: str
    """"PLAIN", "LOGIN" and so on."""
    user: str
    """"" when the mechanism does not tell."""
    password: str
    """"" when the mechanism does not tell."""
    code: int | None
    """Of the reply; null when it was not captured."""


class Attachment(SavedBody):
    """An attachment of a message."""

    name: str
    """Of the file, "" for none."""
    content_type: str
    """As the message says."""


_FROM = TypedDict("_FROM", {"from": str})
"""Of the header From."""


class MailMessage(_FROM):
    """A message that was sent."""

    mail_from: str
    """Of the envelope."""
    rcpt_to: list[str]
    """Of the envelope, refused ones too."""
    accepted: int | None
    """Code of the last reply; null when it was not captured."""
    time: float
    """When it was sent, in seconds since 1970."""
    subject: str
    """Of the header."""
    to: str
    """Of the header."""
    date: str
    """Of the header."""
    headers: list[list[str]]
    """Pairs of name and value."""
    text: str
    """The first text."""
    attachments: list[Attachment]
    """Files in it."""
    parts_dropped: bool
    """True when there were more parts than are read."""
    content: BodyRecord
    """The whole message."""


class Smtp(Ends, Attributed):
    """A session of SMTP or LMTP."""

    time: float
    """When it began, in seconds since 1970."""
    banner: str
    """What the server says first."""
    hostname: str
    """What the client calls itself."""
    auth: Login | None
    """How it logs in; null when it does not."""
    messages: list[MailMessage]
    """That were sent."""
    commands: list[CommandRecord]
    """In order."""
    tls: bool
    """True when it went on under TLS."""
    raw: str
    """What the client sent, as text; at most 64 KiB."""
    commands_dropped: int
    """Commands that were not kept."""
    messages_dropped: int
    """Messages that were not kept."""
    flaws: list[str]
    """What is wrong with it."""


class Transfer(TypedDict):
    """A transfer over a data connection of FTP."""

    command: str
    """"RETR", "STOR", "LIST" and so on."""
    name: str
    """Of the file or folder."""
    code: int | None
    """Of the final reply; null when it was not captured."""
    time: float
    """Of the command, in seconds since 1970."""
    mode: str | None
    """"PORT", "PASV", "EPRT" or "EPSV". This and what follows is null when the capture does not tell."""
    address: str | None
    """Where the data connection leads."""
    port: int | None
    """Its port."""
    listener: str | None
    """`client` or `server`: who waits there."""
    content: BodyRecord | None
    """What was transferred; null when it was not captured, or is TLS."""


class Ftp(Ends, Attributed):
    """A control connection of FTP."""

    time: float
    """When it began, in seconds since 1970."""
    banner: str
    """What the server says first."""
    user: str
    """Name of the user."""
    password: str
    """The password."""
    commands: list[CommandRecord]
    """In order."""
    transfers: list[Transfer]
    """In order."""
    tls: bool
    """True when it went on under TLS."""
    commands_dropped: int
    """Commands that were not kept."""
    flaws: list[str]
    """What is wrong with it."""


class Irc(Ends, Attributed):
    """A message of IRC. The last of a connection may have the type `truncated` and `messages` only."""

    type: str
    """`client` or `server`, who sent it."""
    command: NotRequired[str]
    """"PRIVMSG", "001" and so on."""
    params: NotRequired[str]
    """The text behind the command."""
    prefix: NotRequired[str | None]
    """Who a server says it is from; null when it does not."""
    time: NotRequired[float]
    """In seconds since 1970."""
    messages: NotRequired[int]
    """Messages that were not kept."""


class Share(TypedDict):
    """A share that the client connects to."""

    path: str
    """As the client asks for it."""
    status: int | None
    """NT status; null when the answer was not captured."""
    time: float
    """In seconds since 1970."""


class SmbFile(TypedDict):
    """What is done to a file on a share."""

    action: str
    """`open`, `create`, `delete`, `rename` and so on."""
    name: str
    """Its path on the share."""
    tree: str
    """The share, "" when it is not known."""
    new_name: NotRequired[str]
    """What it is renamed to."""
    status: int | None
    """NT status; null when the answer was not captured."""
    time: float
    """In seconds since 1970."""


class SmbUser(TypedDict):
    """Who logs in."""

    user: str
    """Name of the user."""
    domain: str
    """Its domain."""
    workstation: str
    """The machine that it comes from."""


class Smb(Ends, Attributed):
    """A connection of SMB."""

    time: float
    """When it began, in seconds since 1970."""
    dialect: str
    """That was agreed on."""
    dialects: list[str]
    """That the client offers."""
    trees: list[Share]
    """Shares."""
    files: list[SmbFile]
    """What is done to files."""
    listed: list[str]
    """Names from directories."""
    users: list[SmbUser]
    """Who logs in."""
    commands: dict[str, int]
    """How often each was sent."""
    encrypted: int
    """Messages that are encrypted."""
    dropped: int
    """Entries that were not kept."""
    flaws: list[str]
    """What is wrong with it."""


class Socks(Ends):
    """A tunnel through a SOCKS server; what it carries stands with its own protocol."""

    user: str
    """Name of the user, "" for none."""
    password: str
    """The password, "" for none."""
    granted: bool | None
    """Whether the server agreed; null when its answer was not captured."""
    time: float
    """When it was asked for, in seconds since 1970."""
    version: int
    """4 or 5."""
    command: str
    """`connect`, `bind` or `associate`."""
    host: str
    """Where it leads."""
    port: int
    """The port there."""


class Http2(Ends):
    """What is wrong with a connection of HTTP/2; its exchanges stand in `http_ex` and `https_ex`."""

    time: float
    """In seconds since 1970."""
    flaws: list[str]
    """What is wrong with it."""


class Traffic(TypedDict):
    """How much went over the wire."""

    packets: int
    """Both ways."""
    bytes: int
    """On the wire, both ways."""


class NetworkSection(TypedDict):
    """What went over the wire; all lists are empty when there is no capture."""

    pcap_sha256: str | None
    """SHA-256 of the capture; null when there is none."""
    hosts: list[Host]
    """Servers, those of the sandbox's own network and allow-listed ones aside."""
    domains: list[Domain]
    """Names asked for."""
    dead_hosts: list[list[str | int]]
    """Pairs of address and port where a SYN was never answered."""
    tcp: list[TcpFlow]
    """TCP connections."""
    udp: list[UdpFlow]
    """UDP flows."""
    icmp: list[IcmpMessage]
    """ICMP messages."""
    dns: list[DnsQuestion]
    """Questions to DNS."""
    mdns: list[DnsQuestion]
    """Questions to the neighbours over multicast."""
    llmnr: list[DnsQuestion]
    """Questions to the neighbours over LLMNR."""
    nbns: list[DnsQuestion]
    """Questions to the neighbours over NetBIOS."""
    http: list[HttpRequest]
    """Requests in plain text, equal ones once."""
    http_ex: list[HttpExchange]
    """Requests in plain text with their responses."""
    https_ex: list[HttpExchange]
    """Decrypted requests with their responses."""
    tls: list[TlsHandshake]
    """Connections of TLS and DTLS."""
    quic: list[Quic]
    """Connections of QUIC."""
    smtp: list[Smtp]
    """Sessions of mail."""
    irc: list[Irc]
    """Messages of IRC."""
    ftp: list[Ftp]
    """Control connections of FTP."""
    smb: list[Smb]
    """Connections of SMB."""
    socks: NotRequired[list[Socks]]
    """Tunnels; absent when there are none."""
    http2: NotRequired[list[Http2]]
    """Faults of HTTP/2; absent when there are none."""
    protocols: dict[str, Traffic]
    """How much of each protocol, by bytes."""
    timeline: list[list[int]]
    """Pairs of second since 1970 and packets in it."""
    truncated: dict[str, int]
    """What was let go, by kind."""
    problems: dict[str, int]
    """What could not be read, by kind."""
