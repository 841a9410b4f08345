"""What reading a capture costs, whole module with all protocols, beside plain dpkt iteration over the same file.

    python benchmarks/network.py [folder with other captures to repeat]

Three captures are made: one of mixed traffic (the captures of the folder, by default those of
../shared/data/pcap/cuckoo, again and again, each round a second later), the same as pcapng, one of large downloads
over HTTP. Every measurement is a process of its own and counts its CPU seconds and its largest memory; of three in a
row the middle one is told.
"""

import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median_low

from rich.console import Console
from rich.table import Table

MIXED_PACKETS = 400_000
BULK_BYTES = 1_000_000_000
SEGMENT = 1448
DOWNLOADS = 20
ROUNDS = 3
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "pcap" / "cuckoo"
HEADER = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

_OURS = """
import sys, tempfile, os
from fledge.testing import run_module
folder = tempfile.mkdtemp()
os.link(sys.argv[1], folder + "/dump.pcap")
results, run = run_module(sys.argv[2], folder, task={})
assert run.outcome.name == "COMPLETED", run.error
"""
_DPKT = """
import sys, dpkt
for time, data in dpkt.pcap.UniversalReader(open(sys.argv[1], "rb")):
    frame = dpkt.ethernet.Ethernet(data)
"""
_MODULE = Path(__file__).resolve().parents[1] / "modules" / "processing" / "network.py"


def main() -> None:
    """Make the captures, measure and print the table."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    table = Table(title="network", title_justify="left")
    for label in ("capture", "reader", "packets/s", "MB/s", "memory"):
        table.add_column(label, justify="left" if label in {"capture", "reader"} else "right")
    with tempfile.TemporaryDirectory() as scratch:
        for name, packets, writer in (
            ("mixed", mixed(source), write),
            ("mixed, pcapng", mixed(source), write_blocks),
            ("downloads", downloads(), write),
        ):
            path = Path(scratch) / name
            count = writer(path, packets)
            for reader, program in (("fledge", _OURS), ("dpkt", _DPKT)):
                seconds, memory = median_low(measure(program, path) for _ in range(ROUNDS))
                rate, volume = count / seconds, path.stat().st_size / seconds / 1e6
                table.add_row(name, reader, f"{rate:,.0f}", f"{volume:.0f}", f"{memory} MB")
    Console().print(table)


def write(path: Path, packets: Iterator[tuple[float, bytes]]) -> int:
    """Write a capture and return how many packets it has."""
    count = 0
    with path.open("wb") as file:
        file.write(HEADER)
        for moment, packet in packets:
            fraction = int(moment % 1 * 1e6)
            file.write(struct.pack("<IIII", int(moment), fraction, len(packet), len(packet)) + packet)
            count += 1
    return count


def write_blocks(path: Path, packets: Iterator[tuple[float, bytes]]) -> int:
    """Write a pcapng of one interface and return how many packets it has."""
    count = 0
    with path.open("wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 1, 0, 65535)))
        for moment, packet in packets:
            units = int(moment * 1e6)
            fixed = struct.pack("<IIIII", 0, units >> 32, units & 0xFFFFFFFF, len(packet), len(packet))
            file.write(block(6, fixed + packet))
            count += 1
    return count


def block(kind: int, body: bytes) -> bytes:
    """Build a block of a pcapng."""
    size = 12 + len(body) + -len(body) % 4
    return struct.pack("<II", kind, size) + body + bytes(-len(body) % 4) + struct.pack("<I", size)


def mixed(folder: Path) -> Iterator[tuple[float, bytes]]:
    """Yield the packets of all captures in a folder, round after round."""
    packets = [packet for file in sorted(folder.glob("*.pcap")) for packet in records(file.read_bytes())]
    for number in range(MIXED_PACKETS // len(packets) + 1):
        yield from ((1.5e9 + number, packet) for packet in packets)


def records(content: bytes) -> Iterator[bytes]:
    """Yield the packets of a little-endian capture."""
    place = 24
    while place + 16 <= len(content):
        (length,) = struct.unpack_from("<I", content, place + 8)
        yield content[place + 16 : place + 16 + length]
        place += 16 + length


def downloads() -> Iterator[tuple[float, bytes]]:
    """Yield connections that each fetch a large random file, every second segment acknowledged."""
    content = Random(1).randbytes(SEGMENT * 1000)
    size = BULK_BYTES // DOWNLOADS
    moment = 1.5e9
    for number in range(DOWNLOADS):
        for packet in download(40_000 + number, content, size):
            moment += 1e-5
            yield moment, packet


def download(port: int, content: bytes, size: int) -> Iterator[bytes]:
    """Yield the segments of one connection."""
    request = b"GET /file HTTP/1.1\r\nHost: downloads.example\r\n\r\n"
    yield segment(port, 1, 99, 0, 2)
    yield segment(port, 0, 499, 100, 18)
    yield segment(port, 1, 100, 500, 24, request)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    yield segment(port, 0, 500, 100 + len(request), 24, head)
    begin = 500 + len(head)
    for sent in range(0, size, SEGMENT):
        start = sent % len(content)
        yield segment(
            port, 0, begin + sent, 100 + len(request), 16, content[start : start + min(SEGMENT, size - sent)]
        )
        if sent // SEGMENT % 2:
            yield segment(port, 1, 100 + len(request), begin + sent + SEGMENT, 16)
    yield segment(port, 0, begin + size, 100 + len(request), 17)
    yield segment(port, 1, 100 + len(request), begin + size + 1, 17)


def segment(
    port: int, from_client: int, sequence: int, acknowledged: int, flags: int, payload: bytes = b""
) -> bytes:
    """Build a TCP segment over IPv4 in Ethernet, between a client and port 80."""
    ends = (b"\x0a\0\0\2", b"\x5d\xb8\xd8\x22") if from_client else (b"\x5d\xb8\xd8\x22", b"\x0a\0\0\2")
    ports = (port, 80) if from_client else (80, port)
    numbers = (sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF)
    tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 0x50, flags, 65535, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0)
    return bytes(12) + b"\x08\0" + ip + b"".join(ends) + tcp + payload


def measure(program: str, capture: Path) -> tuple[float, int]:
    """Run a program on a capture; return its CPU seconds, the interpreter's start among them, and memory in MB."""
    process = subprocess.Popen([sys.executable, "-c", program, str(capture), str(_MODULE)])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the reader failed on {capture}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


if __name__ == "__main__":
    main()
