"""What the guest said on the network: the conversations of the story, packet by packet."""

import json
from collections.abc import Iterator

from tools.example import story
from tools.example.pcap import PcapWriter
from tools.example.protocols import (
    CNAME,
    MX,
    NO_SUCH_NAME,
    A,
    Answer,
    dns_answer,
    dns_query,
    http_message,
    mail,
)
from tools.example.story import At

Dialogue = Iterator[tuple[bytes, bytes]]
"""What the guest sends and what the server answers; either may be empty."""

GATE_ANSWER = b'{"task": "run", "sleep": 30}'
PANEL_PATH = "/api/tasks?id=7f3a9c"
PANEL_ANSWER = b'{"lock": ["Documents"]}'
_DNS_SERVER = (story.ROUTER.ip, 53)


def capture() -> bytes:
    """The whole dump.pcap."""
    writer = PcapWriter(story.GUEST, story.ROUTER.mac)
    for conversation in (_download, _check_in, _panel, _chat, _send_mail, _lost, _dead):
        conversation(writer)
    return writer.contents()


def check_in_body() -> bytes:
    """What the payload tells the gate about the computer."""
    return json.dumps({"id": "7f3a9c", "host": story.COMPUTER, "user": story.USER, "os": "10.0"}).encode()


def infected_mail() -> bytes:
    """The mail that carries the sample on."""
    headers = {
        "From": f"Accounts <accounts@{story.PARTNER_NAME}>",
        "To": f"office@{story.PARTNER_NAME}",
        "Subject": "Invoice 0417",
        "Date": f"{story.moment(At.MAIL):%a, %d %b %Y %H:%M:%S} +0000",
        "Message-ID": f"<20260317091446.7f3a9c@{story.PARTNER_NAME}>",
    }
    text = "Dear colleague,\nplease find the invoice attached.\nKind regards\nAccounts"
    return mail(headers, text, ("Invoice_0417.exe", story.sample_file()), "=_frontdesk_7f3a9c")


def panel_request() -> bytes:
    """The request inside the encrypted session."""
    headers = {"Host": story.PANEL_NAME, "User-Agent": story.USER_AGENT, "Connection": "close"}
    return http_message(f"GET {PANEL_PATH} HTTP/1.1", headers)


def chat_dialogue() -> Dialogue:
    """What is said on the channel."""
    bot, channel, server = story.BOT_NAME, story.CHANNEL, story.CHAT_NAME
    mask = f"{bot}!{story.USER}@{story.GUEST.ip}"
    lines = (
        (
            f"NICK {bot}\r\nUSER {story.USER} 0 * :{story.COMPUTER}\r\n",
            f":{server} 001 {bot} :Welcome to the Quiet Room {mask}\r\n",
        ),
        (
            f"JOIN {channel}\r\n",
            f":{mask} JOIN {channel}\r\n:{server} 353 {bot} = {channel} :{bot} @keeper\r\n",
        ),
        (
            f"PRIVMSG {channel} :online {story.COMPUTER} 7f3a9c\r\n",
            f":keeper!k@{server} PRIVMSG {channel} :{bot}: spread, then lock\r\nPING :{server}\r\n",
        ),
        (f"PONG :{server}\r\n", ""),
    )
    return ((sent.encode(), received.encode()) for sent, received in lines)


def mail_dialogue() -> Dialogue:
    """The SMTP session that delivers the mail."""
    lines = (
        ("", f"220 {story.MAIL_NAME} ESMTP"),
        (f"EHLO {story.COMPUTER}", f"250-{story.MAIL_NAME}\r\n250-SIZE 10240000\r\n250 8BITMIME"),
        (f"MAIL FROM:<accounts@{story.PARTNER_NAME}>", "250 2.1.0 Ok"),
        (f"RCPT TO:<office@{story.PARTNER_NAME}>", "250 2.1.5 Ok"),
        ("DATA", "354 End data with <CR><LF>.<CR><LF>"),
        (infected_mail().decode() + ".", "250 2.0.0 Ok: queued as 4F1C27F3A9"),
        ("QUIT", "221 2.0.0 Bye"),
    )
    return ((_line(sent), _line(received)) for sent, received in lines)


def _line(text: str) -> bytes:
    return f"{text}\r\n".encode() if text else b""


def _resolve(writer: PcapWriter, at: float, port: int, name: str, *answers: Answer, kind: int = A) -> None:
    code = 0 if answers else NO_SUCH_NAME
    writer.exchange(
        at=at,
        server=_DNS_SERVER,
        port=port,
        query=dns_query(port, name, kind),
        answer=dns_answer(port, name, kind, answers, code),
    )


def _seconds(at: float) -> float:
    return story.moment(at).timestamp()


def _download(writer: PcapWriter) -> None:
    at = _seconds(At.DOWNLOAD)
    answers = ((story.CDN_NAME, CNAME, story.EDGE_NAME), (story.EDGE_NAME, A, story.EDGE))
    _resolve(writer, at, 51201, story.CDN_NAME, *answers)
    body = story.stage_file()
    headers = {"Host": story.CDN_NAME, "User-Agent": story.USER_AGENT, "Accept": "*/*", "Connection": "close"}
    with writer.connect(at=at + 0.05, server=(story.EDGE, 80), port=49201) as flow:
        flow.send(http_message("GET /pkg/stage2.bin HTTP/1.1", headers))
        flow.receive(_http_answer("application/octet-stream", body))


def _http_answer(content_type: str, body: bytes) -> bytes:
    headers = {"Server": "nginx", "Content-Type": content_type, "Content-Length": str(len(body))}
    return http_message("HTTP/1.1 200 OK", {**headers, "Connection": "close"}, body)


def _check_in(writer: PcapWriter) -> None:
    at = _seconds(At.CHECK_IN)
    _resolve(writer, at, 51202, story.GATE_NAME, (story.GATE_NAME, A, story.GATE))
    body = check_in_body()
    headers = {"Host": story.GATE_NAME, "User-Agent": story.USER_AGENT, "Content-Type": "application/json"}
    with writer.connect(at=at + 0.05, server=(story.GATE, 80), port=49202) as flow:
        flow.send(
            http_message("POST /gate.php HTTP/1.1", {**headers, "Content-Length": str(len(body))}, body)
        )
        flow.receive(_http_answer("application/json", GATE_ANSWER))


def _panel(writer: PcapWriter) -> None:
    at = _seconds(At.PANEL)
    _resolve(writer, at, 51203, story.PANEL_NAME, (story.PANEL_NAME, A, story.PANEL))
    session = story.panel_session()
    with writer.connect(at=at + 0.05, server=(story.PANEL, 443), port=49203) as flow:
        flow.send(session.client_hello())
        flow.receive(session.server_hello())
        flow.send(session.client_finish())
        flow.receive(session.server_finish())
        flow.send(session.from_client(panel_request()))
        flow.receive(session.from_server(_http_answer("application/json", PANEL_ANSWER)))


def _chat(writer: PcapWriter) -> None:
    at = _seconds(At.CHAT)
    _resolve(writer, at, 51204, story.CHAT_NAME, (story.CHAT_NAME, A, story.CHAT))
    with writer.connect(at=at + 0.05, server=(story.CHAT, 6667), port=49204) as flow:
        for sent, received in chat_dialogue():
            flow.send(sent)
            flow.wait(0.7)
            flow.receive(received)


def _send_mail(writer: PcapWriter) -> None:
    at = _seconds(At.MAIL)
    _resolve(
        writer, at, 51205, story.PARTNER_NAME, (story.PARTNER_NAME, MX, f"10 {story.MAIL_NAME}"), kind=MX
    )
    _resolve(writer, at + 0.04, 51206, story.MAIL_NAME, (story.MAIL_NAME, A, story.MAIL))
    with writer.connect(at=at + 0.1, server=(story.MAIL, 25), port=49205) as flow:
        for sent, received in mail_dialogue():
            flow.send(sent)
            flow.receive(received)


def _lost(writer: PcapWriter) -> None:
    _resolve(writer, _seconds(At.LOST), 51207, story.LOST_NAME)


def _dead(writer: PcapWriter) -> None:
    writer.knock(at=_seconds(At.DEAD), server=(story.DEAD, story.DEAD_PORT), port=49206)
