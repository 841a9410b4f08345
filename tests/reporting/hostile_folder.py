"""Analysis folders in which every name and text that a sample, its peers or its guest choose is a payload."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.files.compoundwriter import Tree, compound, vba_project
from tests.reporting.hostile import HUGE, PAYLOADS
from tools.example import LogWriter, PcapWriter, Program, build_pe, story, tls, write_analysis
from tools.example.protocols import A, dns_name

if TYPE_CHECKING:
    from tools.example.behavior import Arguments

PID, OTHER_PID = 2840, 3124
_BEGAN = story.SAMPLE_STARTED
_LONGEST_LABEL, _LONGEST_NAME = 63, 200


def raw(payload: str) -> bytes:
    """Return a payload as bytes; half a surrogate pair makes them invalid UTF-8."""
    return payload.encode("utf-8", "surrogatepass")


def write_program(folder: Path) -> None:
    """Write an analysis of a program."""
    write_analysis(folder, without=("logs", "dump.pcap", "tlsdump", "files.json", "binary"))
    version = {f"Product{number}": _valid(payload) for number, payload in enumerate(PAYLOADS)}
    libraries = {f"A{number}.dll": [_valid(payload)] for number, payload in enumerate(PAYLOADS)}
    strings = [_valid(payload) for payload in PAYLOADS]
    program = Program(
        libraries, strings=strings, wide_strings=strings, version=version | {_valid(PAYLOADS[0]): "x"}
    )
    (folder / "binary").write_bytes(build_pe(program))
    _write_texts(folder)


def write_document(folder: Path) -> None:
    """Write an analysis of a document with macros."""
    write_analysis(folder, without=("logs", "dump.pcap", "tlsdump", "files.json", "binary"))
    lines = [b'Shell "' + raw(payload).replace(b"\0", b"") + b'"' for payload in PAYLOADS]
    source = b'Attribute VB_Name = "M"\r\nSub AutoOpen()\r\n' + b"\r\n".join(lines) + b"\r\nEnd Sub\r\n"
    tree: Tree = {
        "Macros": vba_project({"M": source}),
        "WordDocument": bytes(40),
        "\x05\u202eA\x1b[2J": b"x" * 5000,
    }
    (folder / "binary").write_bytes(compound(tree))
    _write_texts(folder)


def _write_texts(folder: Path) -> None:
    _write_task(folder)
    _write_files(folder)
    (folder / "logs").mkdir()
    (folder / "logs" / f"{PID}.bson").write_bytes(_log(PID, story.SHELL_PID, 0))
    (folder / "logs" / f"{OTHER_PID}.bson").write_bytes(_log(OTHER_PID, PID, 5))
    (folder / "dump.pcap").write_bytes(_capture())
    line = b"2026-03-17 09:14:%02d,002 [%b] ERROR: %b\n"
    told = b"".join(line % (number, raw(each), raw(each)) for number, each in enumerate(PAYLOADS))
    for name in ("analysis.log", "process.log"):
        (folder / name).write_bytes(told + line % (59, b"x", HUGE.encode()))


def _write_task(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text())
    names = (
        "custom",
        "machine",
        "package",
        "options",
        "route",
        "tlp",
        "target",
        "platform",
        "status",
        "clock",
    )
    task |= dict(zip(names, PAYLOADS, strict=False))
    task |= {
        "tags": list(PAYLOADS),
        "errors": ["A" * 900_000, *PAYLOADS],
        PAYLOADS[1]: PAYLOADS[1],
        "category": "file",
    }
    (folder / "task.json").write_text(json.dumps(task))


def _write_files(folder: Path) -> None:
    described = []
    for number, payload in enumerate(PAYLOADS):
        name = raw(payload).replace(b"/", b"|").replace(b"\0", b"")[:_LONGEST_NAME]
        for parent in ("files", "CAPE", "shots"):
            (folder / parent).mkdir(exist_ok=True)
            file = bytes(folder / parent) + b"/" + name
            with open(file, "wb") as stream:  # noqa: PTH123 - a name of bytes
                stream.write(b"MZ" + raw(payload))
        path = f"files/{name.decode('utf-8', 'surrogateescape')}"
        record = {"path": path, "filepath": f"C:\\{payload}", "pids": [PID, payload], "category": payload}
        described.append(record | {"metadata": ";?".join([str(number), payload, payload, payload, payload])})
    (folder / "files.json").write_text("".join(json.dumps(each) + "\n" for each in described))


def _log(pid: int, parent: int, shift: int) -> bytes:
    """A log in which names, paths, arguments, their names, categories and the environment are payloads."""
    texts = PAYLOADS[shift:] + PAYLOADS[:shift]
    environ: Arguments = {
        "CommandLine": raw(texts[0]),
        "UserName": raw(texts[1]),
        _name(texts[2]): raw(texts[3]),
    }
    started = _BEGAN + timedelta(seconds=shift)
    log = LogWriter(pid, parent, f"C:\\{_name(texts[0])}", started, environ=environ)
    for number, text in enumerate(texts):
        at, value = 10 * number, raw(text)
        log.call("NtCreateMutant", "synchronization", {"MutexName": value, "Handle": 4}, at=at)
        log.call(
            "NtCreateFile", "filesystem", {"FileName": b"C:\\" + value, "DesiredAccess": 0x40000000}, at=at
        )
        key: Arguments = {
            "FullName": b"HKEY_CURRENT_USER\\" + value,
            "ValueName": value,
            "Buffer": value,
            "Type": 1,
        }
        log.call("RegSetValueExW", "registry", key, at=at)
        run = b"HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\" + value
        log.call("RegSetValueExW", "registry", key | {"FullName": run}, at=at)
        log.call("CreateProcessInternalW", "process", {"CommandLine": value, "ProcessId": OTHER_PID}, at=at)
        log.call("CreateServiceW", "services", {"ServiceName": value, "DisplayName": value}, at=at)
        log.call("InternetOpenUrlA", "network", {"URL": b"http://a.example/" + value}, at=at)
        log.call(_name(text), _name(text), {_name(text): value, "N": math.nan, "L": [_name(text)]}, at=at)
    log.call("NtWriteFile", "filesystem", {"Buffer": HUGE.encode()}, at=999)
    return log.contents()


def _name(payload: str) -> str:
    """Return a payload as BSON has names: valid, without NUL."""
    return _valid(payload).replace("\0", "")


def _valid(payload: str) -> str:
    return raw(payload).decode("utf-8", "replace")


def _capture() -> bytes:
    writer = PcapWriter(story.GUEST, story.ROUTER.mac)
    for number, payload in enumerate(PAYLOADS):
        at = _BEGAN.timestamp() + number
        _resolve(writer, at, 50_000 + number, raw(payload)[:_LONGEST_LABEL])
        for port, dialogue in ((80, _web), (25, _mail), (6667, _chat), (443, _encrypted)):
            server = (f"198.51.100.{number + 1}", port)
            with writer.connect(
                at=at + port / 10_000, server=server, port=40_000 + number * 10 + port % 7
            ) as flow:
                for sent, received in dialogue(payload):
                    flow.send(sent)
                    flow.receive(received)
    return writer.contents()


def _resolve(writer: PcapWriter, at: float, port: int, label: bytes) -> None:
    head = port.to_bytes(2) + b"\x81\x80" + b"\0\1\0\1\0\0\0\0"
    name = bytes([len(label)]) + label + dns_name("example")
    kind = A.to_bytes(2) + b"\0\1"
    answer = head + name + kind + name + kind + b"\0\0\0\x3c\0\4\xc6\x33\x64\x05"
    query = head[:2] + b"\1\0\0\1" + bytes(6) + name + kind
    writer.exchange(at=at, server=(story.ROUTER.ip, 53), port=port, query=query, answer=answer)


Dialogue = Iterator[tuple[bytes, bytes]]


def _web(payload: str) -> Dialogue:
    value = raw(payload).replace(b"\r", b"").replace(b"\n", b"")
    head = b"Host: %b\r\nUser-Agent: %b\r\nX-%b: %b\r\nCookie: %b" % (value, value, value, value, value)
    request = b"GET /%b?%b HTTP/1.1\r\n%b\r\n\r\n" % (
        value.replace(b" ", b"+"),
        value.replace(b" ", b"+"),
        head,
    )
    yield request, b"HTTP/1.1 200 %b\r\nServer: %b\r\nContent-Length: 4\r\n\r\nMZab" % (value, value)


def _mail(payload: str) -> Dialogue:
    value = raw(payload).replace(b"\r", b"").replace(b"\n", b"")
    yield b"", b"220 %b ESMTP\r\n" % value
    yield b"EHLO %b\r\n" % value, b"250 ok\r\n"
    yield b"MAIL FROM:<%b@a.example>\r\n" % value, b"250 ok\r\n"
    yield b"RCPT TO:<%b@b.example>\r\n" % value, b"250 ok\r\n"
    yield b"DATA\r\n", b"354 go\r\n"
    head = b"From: %b\r\nTo: %b\r\nSubject: %b\r\n" % (value, value, value)
    kind = b'Content-Type: application/octet-stream; name="%b"\r\n' % value.replace(b'"', b"")
    yield head + kind + b"\r\nMZ\r\n.\r\n", b"250 ok\r\n"
    yield b"QUIT\r\n", b"221 bye\r\n"


def _chat(payload: str) -> Dialogue:
    value = raw(payload).replace(b"\r", b"").replace(b"\n", b"")
    yield b"NICK %b\r\nUSER u 0 * :%b\r\n" % (value, value), b":s 001 n :%b\r\n" % value
    yield b"JOIN #%b\r\n" % value, b":s PRIVMSG #%b :%b\r\n" % (value, value)


def _encrypted(payload: str) -> Dialogue:
    name, first = _valid(payload), datetime(2026, 3, 2, tzinfo=UTC)
    proof = tls.certificate(name, name, first, first + timedelta(days=1), 7)
    session = tls.Session(name, proof, b"seed", _BEGAN)
    yield session.client_hello(), session.server_hello()
    yield session.client_finish(), session.server_finish()
