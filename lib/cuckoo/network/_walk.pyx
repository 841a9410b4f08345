# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The compiled walk: the classes of `pure.py`, with the same answers.

Rules for whoever edits this file. A packet is `p[:size]`; nothing in it is read before what is read has been compared
with `size`, and every length that it announces is compared with what is left before anything is added to it. What is
not plain and usual is not treated here but left to the layers, so that each odd case has one implementation. A call
into Python may end flows: no direction is used behind it that was not held before.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from libc.math cimport floor
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

NAME = "cython"
INTERFACE = 4  # that of `reader`: a build of other sources is not used

cdef enum:
    MOST_TAGS = 2
    TCP = 6
    UDP = 17
    ICMP = 1
    IPV4_KEY = 12  # two addresses and two ports
    IPV6_KEY = 36
    ENHANCED_PACKET = 6
    BLOCK_FRAME = 32  # bytes of such a block around its packet and options
    LONGEST_BLOCK = 1 << 24


# --- what flows consist of

cdef class Flow:
    cdef public double first
    cdef public double last
    cdef public double looked
    cdef public object offset
    cdef public object protocol
    cdef public object halves

    def __init__(self, double time, offset):
        self.first = self.last = self.looked = time
        self.offset = offset
        self.protocol = ""

    def close(self, state):
        """Take notice that no more packets will come."""


cdef class Direction:
    cdef public Flow flow
    cdef public int side
    cdef public bytes key
    cdef public int64_t packets
    cdef public int64_t wire_bytes

    def __init__(self, Flow flow not None, int side, bytes key not None):
        self.flow = flow
        self.side = side
        self.key = key


cdef class Stream(Direction):
    cdef public int64_t next
    cdef public int64_t end
    cdef public int64_t acknowledged
    cdef public int64_t received
    cdef public list waiting

    def __init__(self, Flow flow not None, int side, bytes key not None):
        Direction.__init__(self, flow, side, key)
        self.next = self.end = self.acknowledged = -1
        self.waiting = []


# --- headers

cdef struct Headers:
    const uint8_t* key
    Py_ssize_t key_size
    uint8_t protocol
    const uint8_t* transport
    Py_ssize_t size  # of what the IP header says that it carries


cdef inline uint16_t two(const uint8_t* p) noexcept nogil:
    return <uint16_t>(p[0] << 8 | p[1])


cdef inline uint32_t four(const uint8_t* p) noexcept nogil:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]


cdef inline uint32_t number(const uint8_t* p, bint big) noexcept nogil:
    if big:
        return four(p)
    return <uint32_t>p[3] << 24 | <uint32_t>p[2] << 16 | <uint32_t>p[1] << 8 | p[0]


cdef inline Py_ssize_t ethernet_end(const uint8_t* p, Py_ssize_t size, int* version) noexcept nogil:
    """Return the size of an Ethernet header with its tags, -1 when no IP follows."""
    cdef Py_ssize_t at = 12
    cdef int tags
    cdef uint16_t kind
    for tags in range(MOST_TAGS + 1):
        if size - at < 2:
            return -1
        kind = two(p + at)
        if kind == 0x0800 or kind == 0x86DD:
            version[0] = 4 if kind == 0x0800 else 6
            return at + 2
        if kind != 0x8100 and kind != 0x88A8:
            return -1
        at += 4
    return -1


cdef inline Py_ssize_t link_end(const uint8_t* p, Py_ssize_t size, int link, int* version) noexcept nogil:
    """Return the size of the link header, -1 when it is none of the usual ones or no IP follows."""
    if link == 1:
        return ethernet_end(p, size, version)
    if (link == 101 or link == 12) and size > 0:
        version[0] = p[0] >> 4
        return 0
    if link == 113 and size >= 16:
        version[0] = 4 if two(p + 14) == 0x0800 else 6 if two(p + 14) == 0x86DD else 0
        return 16
    return -1


cdef inline bint read_ipv4(const uint8_t* p, Py_ssize_t size, Headers* headers) noexcept nogil:
    cdef Py_ssize_t total
    if size < 20 or p[0] != 0x45:
        return False
    total = two(p + 2)
    if total < 20 or total > size or two(p + 6) & 0x3FFF:
        return False
    headers.protocol = p[9]
    headers.key = p + 12
    headers.key_size = IPV4_KEY
    headers.transport = p + 20
    headers.size = total - 20
    return True


cdef inline bint read_ipv6(const uint8_t* p, Py_ssize_t size, Headers* headers) noexcept nogil:
    cdef Py_ssize_t length
    if size < 40 or p[0] >> 4 != 6:
        return False
    length = two(p + 4)
    if length == 0 or length > size - 40:
        return False
    headers.protocol = p[6]
    headers.key = p + 8
    headers.key_size = IPV6_KEY
    headers.transport = p + 40
    headers.size = length
    return True


cdef inline bint read_headers(const uint8_t* p, Py_ssize_t size, int link, Headers* headers) noexcept nogil:
    """Find what a plain packet carries; False for any other."""
    cdef int version = 0
    cdef Py_ssize_t at = link_end(p, size, link, &version)
    if at < 0 or at > size:
        return False
    if version == 4:
        return read_ipv4(p + at, size - at, headers)
    return version == 6 and read_ipv6(p + at, size - at, headers)


# --- the walk

cdef inline object found(object table, Headers* headers):
    """Return the direction that a packet belongs to, None when it is not known."""
    cdef PyObject* direction = PyDict_GetItemWithError(
        table, PyBytes_FromStringAndSize(<const char*>headers.key, headers.key_size)
    )
    return None if direction == NULL else <object>direction


cdef int pass_on(Stream half, const uint8_t* payload, Py_ssize_t size, uint32_t sequence, double time) except -1:
    """Give the payload of a segment to the parser of its connection, or to who puts segments in order."""
    cdef Flow flow = half.flow
    cdef object piece
    if sequence != half.next or half.waiting:
        half.arrange(sequence, PyBytes_FromStringAndSize(<const char*>payload, size), 0, time)
        return 0
    half.next = <uint32_t>(sequence + <uint32_t>size)
    half.received += size
    consumer = flow.consumer
    if consumer is None and flow.silent:
        consumer = flow.start()
    if consumer is not None:
        piece = PyBytes_FromStringAndSize(<const char*>payload, size)
        consumer.data(half.side, piece, time)
        if consumer.records or flow.undecided:
            flow.collect()
    return 0


cdef class Walk:
    cdef readonly double second
    cdef object segments
    cdef object datagrams
    cdef object count_icmp
    cdef object on_segment
    cdef Py_ssize_t most_seconds
    cdef double upcoming
    cdef int64_t packets
    cdef dict seconds
    cdef readonly int64_t untimed

    def __init__(self, segments, datagrams, count_icmp, on_segment, Py_ssize_t most_seconds):
        if not isinstance(segments, dict) or not isinstance(datagrams, dict):
            raise TypeError("tables of flows are dicts")
        self.segments = segments
        self.datagrams = datagrams
        self.count_icmp = count_icmp
        self.on_segment = on_segment
        self.most_seconds = most_seconds
        self.seconds = {}

    def timeline(self):
        self.note()
        self.packets = 0
        return [[second, self.seconds[second]] for second in sorted(self.seconds)]

    def tick(self, double time):
        self.count(time)

    cdef inline int count(self, double time) except -1:
        if not self.second <= time < self.upcoming:
            self.note()
            self.second = floor(time)
            self.upcoming = self.second + 1
            self.packets = 0
        self.packets += 1
        return 0

    cdef int note(self) except -1:
        cdef object key
        if self.packets:
            key = int(self.second)
            if key in self.seconds or len(self.seconds) < self.most_seconds:
                self.seconds[key] = self.seconds.get(key, 0) + self.packets
            else:
                self.untimed += self.packets
        return 0

    def records(self, bytes data not None, Py_ssize_t position, written, int link, base):
        cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef const uint8_t* record
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), header = written.header
        cdef bint big = written.order == ">"
        cdef double unit = written.unit, time
        cdef uint32_t length, wire
        if position < 0 or header < 16:
            raise ValueError("no place for a record")
        while size - position >= header:
            record = p + position
            length = number(record + 8, big)
            if length > size - position - header:
                break
            wire = number(record + 12, big)
            time = number(record, big) + number(record + 4, big) * unit
            if not self.take(record + header, length, link, wire, time):
                if not self.hand_on(record + header, length, link, wire, time, base + position):
                    break
            self.count(time)
            position += header + <Py_ssize_t>length
        return position

    def blocks(self, bytes data not None, Py_ssize_t position, order, list interfaces not None, base):
        cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef const uint8_t* block
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), count = len(interfaces), known = -1
        cdef bint big = order == ">"
        cdef double unit = 0, offset = 0, time
        cdef uint32_t whole, which, length, wire
        cdef int link = 0
        if position < 0:
            raise ValueError("no place for a block")
        while size - position >= BLOCK_FRAME:
            block = p + position
            whole = number(block + 4, big)
            if number(block, big) != ENHANCED_PACKET or whole < BLOCK_FRAME or whole > LONGEST_BLOCK or whole & 3:
                break
            which = number(block + 8, big)
            length = number(block + 20, big)
            if <Py_ssize_t>whole > size - position or <Py_ssize_t>which >= count or length > whole - BLOCK_FRAME:
                break
            if number(block + whole - 4, big) != whole:
                break
            if <Py_ssize_t>which != known:
                known = which
                link, _, unit, offset = interfaces[which]
            wire = number(block + 24, big)
            time = <double>(<uint64_t>number(block + 12, big) << 32 | number(block + 16, big)) * unit + offset
            if not self.take(block + 28, length, link, wire, time):
                if not self.hand_on(block + 28, length, link, wire, time, base + position):
                    break
            self.count(time)
            position += <Py_ssize_t>whole
        return position

    def packet(self, double time, int link, bytes data not None, uint32_t length):
        return self.take(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), link, length, time) != 0

    cdef int take(self, const uint8_t* p, Py_ssize_t size, int link, uint32_t length, double time) except -1:
        """Take a packet; 0 when it is left to the layers."""
        cdef Headers headers
        if not read_headers(p, size, link, &headers):
            return 0
        if headers.protocol == TCP:
            return self.segment(&headers, length, time)
        if headers.protocol == UDP:
            return self.datagram(&headers, length, time)
        if headers.protocol == ICMP and headers.key_size == IPV4_KEY:
            return bool(self.count_icmp(PyBytes_FromStringAndSize(<const char*>headers.key + 4, 4), length))
        return 0

    cdef int hand_on(self, const uint8_t* p, Py_ssize_t size, int link, uint32_t length, double time,
                     offset) except -1:
        """Spare a plain segment that begins or ends a flow the way through the layers; 0 for any other packet."""
        cdef Headers headers
        cdef Py_ssize_t start
        if not read_headers(p, size, link, &headers) or headers.protocol != TCP or headers.size < 20:
            return 0
        start = headers.transport[12] >> 2 & 0x3C
        if start < 20 or start > headers.size:
            return 0
        self.on_segment(
            time, PyBytes_FromStringAndSize(<const char*>p, size), length, offset,
            headers.key - p, headers.transport - p, headers.transport - p + headers.size,
        )
        return 1

    cdef int segment(self, Headers* headers, uint32_t length, double time) except -1:
        cdef const uint8_t* p = headers.transport
        cdef Py_ssize_t start
        cdef Stream half
        if headers.size < 20:
            return 0
        start = p[12] >> 2 & 0x3C
        if p[13] & 0x17 != 0x10 or start < 20 or start > headers.size:
            return 0
        half = found(self.segments, headers)
        if half is None:
            return 0
        half.acknowledged = four(p + 8)
        half.packets += 1
        half.wire_bytes += length
        half.flow.last = time
        if headers.size > start:
            pass_on(half, p + start, headers.size - start, four(p + 4), time)
            if half.next == half.end:
                half.flow.settle()
        return 1

    cdef int datagram(self, Headers* headers, uint32_t length, double time) except -1:
        cdef const uint8_t* p = headers.transport
        cdef Direction half
        if headers.size < 8 or two(p + 4) != headers.size:
            return 0
        half = found(self.datagrams, headers)
        if half is None:
            return 0
        half.packets += 1
        half.wire_bytes += length
        half.flow.last = time
        reader = half.flow.reader
        if reader is not None:
            reader(half, PyBytes_FromStringAndSize(<const char*>p + 8, headers.size - 8), time)
        return 1
