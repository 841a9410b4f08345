"""Dumps of process memory, written byte by byte."""

import struct

PRIVATE, MAPPED, IMAGE = 0x20000, 0x40000, 0x1000000
RWX, RW, READ = 0x40, 4, 2


def region(
    address: int,
    data: bytes,
    kind: int = PRIVATE,
    protection: int = RW,
    size: int | None = None,
    state: int = 0x1000,
) -> bytes:
    """One region of the sandboxes' own format; `size` lies about its length."""
    return struct.pack("<QIIII", address, len(data) if size is None else size, state, kind, protection) + data


def minidump(
    ranges: list[tuple[int, bytes]],
    infos: list[tuple[int, int, int, int]] = [],  # noqa: B006 - never changed
    modules: list[tuple[int, int, str]] = [],  # noqa: B006 - never changed
    *,
    wide: bool = True,
) -> bytes:
    """A minidump: ranges of (address, data), infos of (address, size, type, protection), modules of (address, size,
    name); `wide` writes the list of 64 bits."""
    body, streams = b"", []
    base = 32 + 12 * 3

    def add(kind: int, content: bytes) -> int:
        nonlocal body
        streams.append((kind, len(content), base + len(body)))
        body += content
        return streams[-1][2]

    names, place = b"", base
    entries = b""
    for address, size, name in modules:
        raw = name.encode("utf-16-le")
        entries += struct.pack("<QIIII", address, size, 0, 0, place + len(names)).ljust(108, b"\0")
        names += struct.pack("<I", len(raw)) + raw + b"\0\0"
    body += names
    add(4, struct.pack("<I", len(modules)) + entries)
    head = struct.pack("<IIQ", 16, 48, len(infos))
    add(
        16, head + b"".join(struct.pack("<QQIIQIIII", a, a, p, 0, s, 0x1000, p, k, 0) for a, s, k, p in infos)
    )
    data = b"".join(content for _, content in ranges)
    if wide:
        size = 16 + 16 * len(ranges)
        start = base + len(body) + size
        add(
            9,
            struct.pack("<QQ", len(ranges), start)
            + b"".join(struct.pack("<QQ", a, len(d)) for a, d in ranges),
        )
    else:
        start = base + len(body) + 4 + 16 * len(ranges)
        listed, at = b"", start
        for address, content in ranges:
            listed += struct.pack("<QII", address, len(content), at)
            at += len(content)
        add(5, struct.pack("<I", len(ranges)) + listed)
    header = struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, len(streams), 32, 0, 0, 2)
    return header + b"".join(struct.pack("<III", *stream) for stream in streams) + body + data


def program(text: bytes = b"code", *, mapped: bool) -> bytes:
    """A small 64-bit executable of one section, as a file or as the system loads it."""
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0x200, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QII6HIIIIHHQQQQII", 0x140000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x2000, 0x200, 0, 3,
                            0, 1 << 20, 4096, 1 << 20, 4096, 0, 16)  # fmt: skip
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 1_700_000_000, 0, 0, len(optional) + 128, 0x22)
    section = struct.pack("<8s6I2HI", b".text", 0x1000, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0x60000020)
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + bytes(128) + section
    body = text.ljust(0x200, b"\x90")
    return (
        head.ljust(0x1000, b"\0") + body.ljust(0x1000, b"\0") if mapped else head.ljust(0x200, b"\0") + body
    )
