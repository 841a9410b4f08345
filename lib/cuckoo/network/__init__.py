"""What went over the wire: readers of captures, from the file format up to application protocols.

A capture goes up in layers, each a module that knows only the one below:

capture       pcap and pcapng files to packets (time, link type, bytes)
link, ip      one packet to its transport payload: encapsulations, tunnels, fragments
tcp, udp      packets to flows; TCP segments to two byte streams, in order, with explicit gaps
<protocol>    the streams or datagrams of one application protocol to plain records
pure, _walk   the walk: packets of known flows past the layers, in Python and compiled; reader chooses
sections      records and flows to the lists that the `network` section of the results consists of
analysis      all of them in one pass over a capture

No parser here reads or writes files; the bytes come from a sample and are never trusted.
"""

from lib.cuckoo.network.reader import active


def reader_name() -> str:
    """Return which walk runs: "cython" or "python"."""
    return active().NAME
