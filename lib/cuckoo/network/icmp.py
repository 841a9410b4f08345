"""ICMP and ICMPv6 messages. RFC 792, 4443."""

from lib.cuckoo.network.conversation import Record, printable
from lib.cuckoo.network.flows import address_text
from lib.cuckoo.network.link import Frame

KEPT_BYTES = 256
"""Bytes of a message that are given as text: enough to see what a tunnel over echo carries."""
ECHO = {4: {0, 8}, 16: {128, 129}}
"""Size of an address to the types that carry free data."""


def icmp(frame: Frame) -> Record:
    """Return the record of a message; `data` is what an echo carries, as text."""
    begin = frame.take(4)
    middle = len(frame.addresses) // 2
    kind, code = frame.data[begin], frame.data[begin + 1]
    carried = frame.data[begin + 8 : frame.end] if kind in ECHO[middle] else b""
    return {
        "src": address_text(frame.addresses[:middle]),
        "dst": address_text(frame.addresses[middle:]),
        "type": kind,
        "code": code,
        "data": printable(carried, KEPT_BYTES),
        "time": frame.time,
    }
