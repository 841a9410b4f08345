# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The compiled scanner: the functions of `pure.py`, with the same answers.

Rules for whoever edits this file. Every offset is a Py_ssize_t, every announced length an int32 that is compared with
what is left of its document before anything is added to it, and nothing is read at or behind `last`, the closing zero
of the document at hand. What is not plain and usual is not treated here: `scan` hands it back, the others ask the
twin, so that each odd case has one implementation.
"""

from cpython cimport array
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy
from cpython.object cimport PyObject_Hash
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII, PyUnicode_New
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

import array
import json
import sys

from lib.cuckoo.behavior.clock import LATEST_MS, timestamp
from lib.cuckoo.behavior.message import printable, render_some, shown
from lib.cuckoo.behavior.wire import MalformedError

NAME = "cython"
INTERFACE = 3  # that of `reader`: a build of other sources is not used

cdef enum:
    LARGEST_DOCUMENT = 20971520
    CACHED_MEANINGS = 20000
    CACHED_HEADS = 1000
    CACHED_THREADS = 1000

cdef uint64_t MOST_REPEATS = 0xFFFFFFFF
cdef const char* HEX_DIGITS = "0123456789abcdef"
cdef int64_t LATEST = LATEST_MS
cdef array.array NO_ROWS = array.array("I")

cdef uint8_t[256] CLASS
"""How a byte of a text appears in JSON: 0 as it is, 1 behind a backslash, 2 as a short escape, 3 as \\\\xNN, 4 ask."""


cdef void fill_classes() noexcept:
    cdef int byte
    for byte in range(256):
        CLASS[byte] = 4 if byte >= 128 else 3 if byte < 32 or byte == 127 else 0
    CLASS[c'"'] = CLASS[c'\\'] = 1
    CLASS[c'\t'] = CLASS[c'\r'] = CLASS[c'\n'] = 2


fill_classes()


# --- reading

cdef struct Message:
    bint typed
    bint has_index
    bint has_caller
    bint has_return
    bint wide
    int64_t index
    int64_t thread
    int64_t time
    int64_t repeated
    int64_t caller
    int64_t return_address
    int64_t parent
    Py_ssize_t args
    Py_ssize_t args_end
    Py_ssize_t aux
    Py_ssize_t aux_end


cdef struct Element:
    uint8_t tag
    Py_ssize_t name
    Py_ssize_t name_end
    Py_ssize_t value
    Py_ssize_t end


cdef inline int32_t int32_at(const uint8_t* p) noexcept nogil:
    cdef int32_t number
    memcpy(&number, p, 4)
    return number


cdef inline int64_t int64_at(const uint8_t* p) noexcept nogil:
    cdef int64_t number
    memcpy(&number, p, 8)
    return number


cdef inline bint is_number(uint8_t tag) noexcept nogil:
    return tag == 0x10 or tag == 0x12 or tag == 0x08


cdef inline int64_t number_at(const uint8_t* p, uint8_t tag) noexcept nogil:
    if tag == 0x10:
        return int32_at(p)
    if tag == 0x12:
        return int64_at(p)
    return p[0]


cdef inline Py_ssize_t sized_end(const uint8_t* p, Py_ssize_t value, Py_ssize_t last, int32_t least, int uncounted) noexcept nogil:
    cdef int32_t size
    if last - value < 4:
        return -1
    size = int32_at(p + value)
    if size < least:
        return -1
    return value + size + uncounted


cdef Py_ssize_t rare_end(const uint8_t* p, uint8_t tag, Py_ssize_t value, Py_ssize_t last) noexcept nogil:
    """Return the offset behind a value of a type that no monitor is known to log."""
    cdef const void* found
    cdef int names
    cdef Py_ssize_t end
    if tag == 0x06 or tag == 0x0A or tag == 0x7F or tag == 0xFF:
        return value
    if tag == 0x09 or tag == 0x11:
        return value + 8
    if tag == 0x07:
        return value + 12
    if tag == 0x13:
        return value + 16
    if tag == 0x0D or tag == 0x0E:
        return sized_end(p, value, last, 1, 4)
    if tag == 0x0F:
        return sized_end(p, value, last, 14, 0)
    if tag == 0x0C:
        end = sized_end(p, value, last, 1, 4)
        return -1 if end < 0 else end + 12
    if tag == 0x0B:
        for names in range(2):
            if value >= last:
                return -1
            found = memchr(p + value, 0, last - value)
            if found == NULL:
                return -1
            value = <const uint8_t*>found - p + 1
        return value
    return -1


cdef inline bint read_element(const uint8_t* p, Py_ssize_t position, Py_ssize_t last, Element* element) noexcept nogil:
    """Take apart the element at `position`; False when it does not lie before `last`."""
    cdef const void* found
    cdef Py_ssize_t value, end
    cdef uint8_t tag
    if position + 1 >= last:
        return False
    tag = p[position]
    found = memchr(p + position + 1, 0, last - position - 1)
    if found == NULL:
        return False
    element.name_end = <const uint8_t*>found - p
    value = element.name_end + 1
    if tag == 0x10:
        end = value + 4
    elif tag == 0x12 or tag == 0x01:
        end = value + 8
    elif tag == 0x02:
        end = sized_end(p, value, last, 1, 4)
    elif tag == 0x05:
        end = sized_end(p, value, last, 0, 5)
    elif tag == 0x03 or tag == 0x04:
        end = sized_end(p, value, last, 5, 0)
    elif tag == 0x08:
        end = value + 1
    else:
        end = rare_end(p, tag, value, last)
    if end < value or end > last:
        return False
    element.tag = tag
    element.name = position + 1
    element.value = value
    element.end = end
    return True


cdef bint read_message(const uint8_t* p, Py_ssize_t start, Py_ssize_t end, Message* message) noexcept nogil:
    """Take apart a call message; False when some element of it cannot be read."""
    cdef Element element
    cdef Py_ssize_t position = start + 4, last = end - 1, length
    cdef const uint8_t* name
    cdef uint8_t letter
    cdef int64_t number
    message.typed = message.has_index = message.has_caller = message.has_return = message.wide = False
    message.index = message.thread = message.time = message.repeated = 0
    message.caller = message.return_address = message.parent = 0
    message.args = message.args_end = message.aux = message.aux_end = 0
    while position < last:
        if not read_element(p, position, last, &element):
            return False
        position = element.end
        name = p + element.name
        length = element.name_end - element.name
        if length == 1:
            letter = name[0]
            if letter == c'h' or letter == c'C' or letter == c'R' or letter == c'P':
                message.wide = True
            if not is_number(element.tag):
                continue
            number = number_at(p + element.value, element.tag)
            if letter == c'I':
                message.index = number
                message.has_index = True
            elif letter == c'T':
                message.thread = number
            elif letter == c't':
                message.time = number
            elif letter == c'r':
                message.repeated = number
            elif letter == c'C':
                message.caller = number
                message.has_caller = True
            elif letter == c'R':
                message.return_address = number
                message.has_return = True
            elif letter == c'P':
                message.parent = number
        elif length == 4 and memcmp(name, b"args", 4) == 0:
            if element.tag == 0x04:
                message.args = element.value
                message.args_end = element.end
        elif length == 4 and memcmp(name, b"type", 4) == 0:
            if element.tag == 0x02 or element.tag == 0x05:
                message.typed = True
        elif length == 3 and memcmp(name, b"aux", 3) == 0:
            if element.tag == 0x03:
                message.aux = element.value
                message.aux_end = element.end
    return True


cdef inline Py_ssize_t document_end(const uint8_t* p, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    """Return the offset behind the document at `start`, -1 when none lies there or it is above the bound."""
    cdef int32_t length
    if start < 0 or start > size or size - start < 5:
        return -1
    length = int32_at(p + start)
    if length < 5 or length > LARGEST_DOCUMENT or length > size - start or p[start + length - 1] != 0:
        return -1
    return start + length


cdef bint call_at(const uint8_t* p, Py_ssize_t size, uint64_t offset, Message* message) noexcept nogil:
    cdef Py_ssize_t end
    if offset > <uint64_t>size:
        return False
    end = document_end(p, <Py_ssize_t>offset, size)
    return end >= 0 and read_message(p, <Py_ssize_t>offset, end, message)


# --- the index

def scan(const unsigned char[::1] data not None, Py_ssize_t position, Py_ssize_t stop, columns):
    """Index calls from `position` on; the twin says what is returned."""
    cdef array.array offsets = columns.offsets, times = columns.times, threads = columns.threads
    cdef array.array kinds = columns.kinds, statuses = columns.statuses, repeats = columns.repeated
    cdef array.array table = columns.table, previous = columns.previous
    cdef Py_ssize_t size = data.shape[0], rows = len(offsets), room = len(offsets), end
    cdef Py_ssize_t last_args = previous.data.as_longlongs[0], last_size = previous.data.as_longlongs[1]
    cdef Py_ssize_t last_aux = previous.data.as_longlongs[2], last_aux_size = previous.data.as_longlongs[3]
    cdef Py_ssize_t known = len(table), args_size, aux_size
    cdef Message message
    cdef Element first
    cdef const uint8_t* p
    cdef int32_t kind
    cdef uint64_t times_more
    if position < 0 or position >= size:
        return position
    if last_args > size or last_size > size - last_args or last_aux > size or last_aux_size > size - last_aux:
        last_args = -1
    p = &data[0]
    while position < stop:
        end = document_end(p, position, size)
        if end < 0 or not read_message(p, position, end, &message):
            break
        if message.typed or not message.has_index or message.index < 0 or message.index >= known or not message.args:
            break
        kind = table.data.as_ints[message.index]
        if kind < 0 or not read_element(p, message.args + 4, message.args_end - 1, &first) or not is_number(first.tag):
            break
        args_size = message.args_end - message.args
        aux_size = message.aux_end - message.aux
        times_more = <uint64_t>message.repeated if message.repeated > 0 else 0
        if (
            last_args >= 0 and rows > 0 and kinds.data.as_ushorts[rows - 1] == kind
            and args_size == last_size and aux_size == last_aux_size
            and memcmp(p + message.args, p + last_args, args_size) == 0
            and memcmp(p + message.aux, p + last_aux, aux_size) == 0
        ):
            times_more += <uint64_t>repeats.data.as_uints[rows - 1] + 1
            repeats.data.as_uints[rows - 1] = <uint32_t>(times_more if times_more < MOST_REPEATS else MOST_REPEATS)
            position = end
            continue
        if rows == room:
            room += 64 + (room >> 3)
            array.resize_smart(offsets, room)
            array.resize_smart(times, room)
            array.resize_smart(threads, room)
            array.resize_smart(kinds, room)
            array.resize_smart(statuses, room)
            array.resize_smart(repeats, room)
        offsets.data.as_ulonglongs[rows] = <uint64_t>position
        times.data.as_longlongs[rows] = message.time
        threads.data.as_uints[rows] = <uint32_t>message.thread
        kinds.data.as_ushorts[rows] = <uint16_t>kind
        statuses.data.as_uchars[rows] = number_at(p + first.value, first.tag) != 0
        repeats.data.as_uints[rows] = <uint32_t>(times_more if times_more < MOST_REPEATS else MOST_REPEATS)
        rows += 1
        last_args, last_size, last_aux, last_aux_size = message.args, args_size, message.aux, aux_size
        position = end
    if rows != room:
        array.resize_smart(offsets, rows)
        array.resize_smart(times, rows)
        array.resize_smart(threads, rows)
        array.resize_smart(kinds, rows)
        array.resize_smart(statuses, rows)
        array.resize_smart(repeats, rows)
    previous.data.as_longlongs[0] = last_args
    previous.data.as_longlongs[1] = last_size
    previous.data.as_longlongs[2] = last_aux
    previous.data.as_longlongs[3] = last_aux_size
    return position


def select(const unsigned short[::1] kinds not None, bytes wanted not None):
    """Return the rows whose kind has a one in `wanted`."""
    cdef Py_ssize_t row, found = 0, size = kinds.shape[0]
    cdef const unsigned char* passes = <const unsigned char*>PyBytes_AS_STRING(wanted)
    if PyBytes_GET_SIZE(wanted) < 65536:
        raise ValueError("a byte for each possible kind is needed")
    for row in range(size):
        found += passes[kinds[row]] != 0
    cdef array.array rows = array.clone(NO_ROWS, found, False)
    found = 0
    for row in range(size):
        if passes[kinds[row]]:
            rows.data.as_uints[found] = <uint32_t>row
            found += 1
    return rows


# --- values as texts

cdef object escaped(const uint8_t* p, Py_ssize_t size, Py_ssize_t odd):
    """Return bytes, `odd` of which cannot be printed and become \\xNN, as text."""
    cdef object text = PyUnicode_New(size + 3 * odd, 127)
    cdef uint8_t* out = <uint8_t*>PyUnicode_1BYTE_DATA(text)
    cdef Py_ssize_t at
    for at in range(size):
        if CLASS[p[at]] < 3:
            out[0] = p[at]
            out += 1
        else:
            out[0] = c'\\'
            out[1] = c'x'
            out[2] = <uint8_t>HEX_DIGITS[p[at] >> 4]
            out[3] = <uint8_t>HEX_DIGITS[p[at] & 15]
            out += 4
    return text


cdef object text_at(const uint8_t* p, Py_ssize_t size):
    """Return bytes as `printable` does, which is asked when they may be UTF-8 beyond ASCII."""
    cdef Py_ssize_t at, odd = 0
    cdef uint8_t first = 0
    for at in range(size):
        if CLASS[p[at]] > 2:
            odd += 1
            if first < 128 and p[at] >= 128:
                first = p[at]
    if not odd:
        return PyUnicode_DecodeASCII(<const char*>p, size, NULL)
    if first < 0xC2 or first > 0xF4:
        return escaped(p, size, odd)
    return printable(PyBytes_FromStringAndSize(<const char*>p, size))


cdef int hex_digits(char* out, uint64_t number) noexcept nogil:
    """Write 0x and at least eight digits; return how many characters."""
    cdef int digits = 8, at
    while digits < 16 and number >> (4 * digits):
        digits += 1
    out[0] = c'0'
    out[1] = c'x'
    for at in range(digits):
        out[1 + digits - at] = HEX_DIGITS[number >> (4 * at) & 15]
    return digits + 2


cdef int decimal_digits(char* out, uint64_t number) noexcept nogil:
    cdef char[20] reverse
    cdef int digits = 0, at
    while True:
        reverse[digits] = <char>(c'0' + number % 10)
        digits += 1
        number //= 10
        if not number:
            break
    for at in range(digits):
        out[at] = reverse[digits - 1 - at]
    return digits


cdef inline uint64_t return_bits(int64_t number, uint8_t tag, bint wide) noexcept nogil:
    return <uint64_t>number if wide or tag == 0x12 else <uint32_t>number


cdef inline int number_text(char* out, int64_t number, uint8_t tag, bint hexadecimal, bint wide) noexcept nogil:
    cdef uint64_t bits = <uint64_t>number
    if tag == 0x10 and (hexadecimal or not wide):
        bits = <uint32_t>number
    return hex_digits(out, bits) if hexadecimal else decimal_digits(out, bits)


cdef object hex_text(uint64_t number):
    cdef char[24] out
    return PyUnicode_DecodeASCII(out, hex_digits(out, number), NULL)


cdef inline const uint8_t* text_start(const uint8_t* p, Element* element, Py_ssize_t* size) noexcept nogil:
    """Return the bytes of a string or binary value."""
    if element.tag == 0x05:
        size[0] = element.end - element.value - 5
        return p + element.value + 5
    size[0] = element.end - element.value - 5
    return p + element.value + 4


cdef object value_at(const uint8_t* p, Element* element, bint hexadecimal, bint wide, object data):
    """Return text and number of an argument, as `message.shown` does."""
    cdef char[24] out
    cdef Py_ssize_t size
    cdef const uint8_t* text
    cdef int64_t number
    if element.tag == 0x02 or element.tag == 0x05:
        text = text_start(p, element, &size)
        return text_at(text, size), None
    if is_number(element.tag):
        number = number_at(p + element.value, element.tag)
        return PyUnicode_DecodeASCII(out, number_text(out, number, element.tag, hexadecimal, wide), NULL), number
    return shown(data, (element.tag, b"", element.value, element.end), hexadecimal, wide)


def pick(data, uint64_t offset, kind, positions):
    """Return the texts of some arguments of the call at `offset`."""
    cdef const unsigned char[::1] view = data
    cdef Message message
    cdef Element element
    cdef const uint8_t* p
    cdef Py_ssize_t position, last, at = 0, slot = 0, wanted = len(positions), target
    cdef bytes hexes = kind.hexes
    cdef list texts = [None] * wanted
    if view.shape[0] == 0 or not wanted:
        return texts
    p = &view[0]
    if not call_at(p, view.shape[0], offset, &message) or not message.args:
        return render_some(data, offset, kind, positions)
    position, last, target = message.args + 4, message.args_end - 1, positions[0]
    while position < last:
        if not read_element(p, position, last, &element):
            return texts
        if at == target:
            try:
                text = value_at(p, &element, at < len(hexes) and hexes[at] == 1, message.wide, data)[0]
            except MalformedError:
                return texts
            texts[slot] = text if isinstance(text, str) else None
            slot += 1
            if slot == wanted:
                return texts
            target = positions[slot]
        at += 1
        position = element.end
    return texts


# --- what is worked out once

cdef class Plan:
    """What is the same in every call of one kind, and the meanings of numbers seen so far."""

    cdef object kind
    cdef bytes hexes
    cdef Py_ssize_t declared
    cdef bytes json_head
    cdef list json_names
    cdef list json_meanings
    cdef tuple json_returns
    cdef object api
    cdef object category
    cdef tuple names
    cdef list meanings
    cdef tuple heads

    def __init__(self, kind):
        from lib.cuckoo.behavior.calls import encode, may_have_meaning
        meaningful = [may_have_meaning(kind, name) for name in kind.names]
        self.kind = kind
        self.hexes = kind.hexes
        self.declared = len(kind.names) if kind.usual and len(kind.hexes) == len(kind.names) else -1
        self.json_head = f'"category":{encode(kind.category)},"api":{encode(kind.api)},"status":'.encode()
        self.json_names = [f'{{"name":{encode(name)},"value":'.encode() for name in kind.names]
        self.json_meanings = [{} if some else None for some in meaningful]
        self.json_returns = {}, {}
        self.api, self.category = sys.intern(kind.api), sys.intern(kind.category)
        self.names = tuple(map(sys.intern, kind.names))
        self.meanings = [{} if some else None for some in meaningful]
        self.heads = {}, {}


cdef class Table:
    """The columns of some calls, found to be of one length, and a plan for each kind."""

    cdef const unsigned long long[::1] offsets
    cdef const long long[::1] times
    cdef const unsigned int[::1] threads
    cdef const unsigned short[::1] numbers
    cdef const unsigned char[::1] statuses
    cdef const unsigned int[::1] repeats
    cdef Py_ssize_t rows
    cdef int64_t first_seen
    cdef uint64_t first_id
    cdef dict buffers
    cdef dict plans
    cdef dict thread_texts
    cdef int64_t second
    cdef bytes stamp

    def __init__(self, calls):
        self.offsets, self.times, self.threads = calls.offsets, calls.times, calls.threads
        self.numbers, self.statuses, self.repeats = calls.kind_numbers, calls.statuses, calls.repeats
        self.rows = self.offsets.shape[0]
        if min(self.times.shape[0], self.threads.shape[0], self.repeats.shape[0], self.numbers.shape[0],
               self.statuses.shape[0]) < self.rows:
            raise ValueError("columns of different length")
        self.first_seen, self.first_id, self.buffers = calls.first_seen_ms, calls.first_id, calls.buffers
        self.plans, self.thread_texts = {}, {}
        self.second, self.stamp = -1, b""

    cdef Plan plan(self, Py_ssize_t row, object calls):
        cdef object number = self.numbers[row]
        cdef object plan = self.plans.get(number)
        if plan is None:
            plan = self.plans[number] = Plan(calls.kind_at(row))
        return <Plan>plan

    cdef int put_time(self, Py_ssize_t row, char* out) except -1:
        """Write the 23 characters of when a call was made."""
        cdef int64_t now = clock_at(self.first_seen, self.times[row]), second = now // 1000
        cdef int rest = <int>(now % 1000)
        if second != self.second:
            self.second, self.stamp = second, timestamp(now)[:20].encode()
        if PyBytes_GET_SIZE(self.stamp) != 20:
            raise ValueError("not a timestamp")
        memcpy(out, PyBytes_AS_STRING(self.stamp), 20)
        out[20] = <char>(c'0' + rest // 100)
        out[21] = <char>(c'0' + rest // 10 % 10)
        out[22] = <char>(c'0' + rest % 10)
        return 0


cdef Table table_of(calls):
    cdef object table = calls.table
    if table is None:
        table = calls.table = Table(calls)
    return <Table?>table


cdef int64_t clock_at(int64_t first_seen, int64_t time) noexcept nogil:
    if time > LATEST:
        return LATEST
    if time < -LATEST - LATEST:
        return 0
    time += first_seen
    return 0 if time < 0 else LATEST if time > LATEST else time


# --- one call

cdef object meaning_of(Plan plan, Py_ssize_t at, str text):
    """Return what a number means, None when nothing."""
    cdef dict meanings = plan.meanings[at]
    cdef object meaning = meanings.get(text)
    if meaning is None:
        from lib.cuckoo.behavior.calls import pretty
        if len(meanings) > CACHED_MEANINGS:
            meanings.clear()
        meaning = meanings[text] = pretty(plan.kind, plan.names[at], text) or ""
    return meaning or None


cdef dict head_of(Plan plan, uint64_t bits, bint status):
    """Return a new call with all keys in their order, and the values that kind, status and return value give."""
    cdef dict heads = plan.heads[status]
    cdef object key = bits, head = heads.get(key)
    if head is None:
        from lib.cuckoo.behavior.calls import returned_as
        if len(heads) > CACHED_HEADS:
            heads.clear()
        head = dict.fromkeys(("timestamp", "thread_id", "caller", "parentcaller"))
        head.update({"category": plan.category, "api": plan.api, "status": True if status else False})
        head.update(returned_as(plan.kind, True if status else False, hex_text(bits)))
        head.update(dict.fromkeys(("arguments", "repeated", "id")))
        heads[key] = head
    return PyDict_Copy(head)


cdef dict argument_at(Plan plan, const uint8_t* p, Element* element, Py_ssize_t at, bint wide, bint raw):
    """Return one argument in the contract's shape; None when the twin must look."""
    cdef char[24] digits
    cdef Py_ssize_t size
    cdef const uint8_t* bytes_of
    cdef int64_t number
    cdef int length
    cdef str text
    cdef object meaning, logged
    cdef dict argument
    if element.tag == 0x02 or element.tag == 0x05:
        bytes_of = text_start(p, element, &size)
        logged = text = text_at(bytes_of, size)
        meaning = None
        if plan.meanings[at] is not None and 0 < size <= 20 and c'0' <= bytes_of[0] <= c'9':
            meaning = meaning_of(plan, at, text)
    elif is_number(element.tag):
        number = number_at(p + element.value, element.tag)
        length = number_text(digits, number, element.tag, plan.hexes[at] == 1, wide)
        text = PyUnicode_DecodeASCII(digits, length, NULL)
        meaning = None if plan.meanings[at] is None else meaning_of(plan, at, text)
        logged = number if raw else None
    else:
        return None
    argument = {"name": plan.names[at], "value": text, "raw_value": logged} if raw else {
        "name": plan.names[at], "value": text
    }
    if meaning is not None:
        argument["pretty_value"] = meaning
    return argument


cdef dict call_from(Table table, Plan plan, const uint8_t* p, Message* message, Py_ssize_t row, bint raw):
    """Return a call but for what the columns say of it; None when the twin must look."""
    cdef Py_ssize_t position = message.args + 4, last = message.args_end - 1, at = 0
    cdef bint status = table.statuses[row] != 0
    cdef Element element
    cdef dict call = None, argument
    cdef list arguments = []
    while position < last:
        if at >= plan.declared or not read_element(p, position, last, &element):
            return None
        if at == 1:
            if not is_number(element.tag):
                return None
            call = head_of(
                plan, return_bits(number_at(p + element.value, element.tag), element.tag, message.wide), status
            )
        elif at > 1:
            argument = argument_at(plan, p, &element, at, message.wide, raw)
            if argument is None:
                return None
            arguments.append(argument)
        at += 1
        position = element.end
    if at != plan.declared or call is None:
        return None
    call["caller"] = hex_text(<uint64_t>(message.return_address if message.has_return else message.caller))
    call["parentcaller"] = hex_text(<uint64_t>message.parent)
    call["arguments"] = arguments
    return call


cdef object thread_text(Table table, uint32_t thread):
    cdef object key = thread, text = table.thread_texts.get(key)
    if text is None:
        if len(table.thread_texts) > CACHED_THREADS:
            table.thread_texts.clear()
        text = table.thread_texts[key] = str(key)
    return text


def call(calls, Py_ssize_t row, bint raw):
    """Return one call as a new dict."""
    cdef Table table = table_of(calls)
    cdef Message message
    cdef Py_buffer view
    cdef Plan plan
    cdef dict found = None
    cdef char[24] stamp
    if row < 0 or row >= table.rows:
        raise IndexError(f"no row {row} in {table.rows} calls")
    plan = table.plan(row, calls)
    if plan.declared > 0:
        PyObject_GetBuffer(calls.source.data(), &view, PyBUF_SIMPLE)
        try:
            if view.len and call_at(
                <const uint8_t*>view.buf, view.len, table.offsets[row], &message
            ) and message.args and not message.aux:
                found = call_from(table, plan, <const uint8_t*>view.buf, &message, row, raw)
        finally:
            PyBuffer_Release(&view)
    if found is None:
        return calls.plain_call(row, raw=raw)
    table.put_time(row, stamp)
    found["timestamp"] = PyUnicode_DecodeASCII(stamp, 23, NULL)
    found["thread_id"] = thread_text(table, table.threads[row])
    found["repeated"] = table.repeats[row]
    identity = table.first_id + <uint64_t>row
    found["id"] = identity
    if table.buffers and identity in table.buffers:
        found["buffer"] = table.buffers[identity]
    return found


# --- JSON

cdef class Out:
    """Bytes that grow."""

    cdef char* bytes
    cdef Py_ssize_t size
    cdef Py_ssize_t room

    def __cinit__(self):
        self.bytes = NULL
        self.size = self.room = 0

    def __dealloc__(self):
        free(self.bytes)

    cdef int need(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t room
        cdef char* grown
        if self.room - self.size >= more:
            return 0
        room = self.room + (self.room >> 1) + more + 4096
        grown = <char*>realloc(self.bytes, room)
        if grown == NULL:
            raise MemoryError
        self.bytes, self.room = grown, room
        return 0

    cdef int put(self, const char* text, Py_ssize_t size) except -1:
        self.need(size)
        memcpy(self.bytes + self.size, text, size)
        self.size += size
        return 0

    cdef int put_bytes(self, bytes text) except -1:
        return self.put(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef int put_text(self, const uint8_t* text, Py_ssize_t size) except -1:
        """Write a logged text between quotes, as `printable` and then JSON show it."""
        cdef Py_ssize_t at = 0, block, stop
        cdef char* out
        cdef uint8_t byte, kind
        for at in range(size):
            if CLASS[text[at]] == 4:
                return self.put_unicode(printable(PyBytes_FromStringAndSize(<const char*>text, size)))
        self.put(b'"', 1)
        at = 0
        while at < size:
            stop = min(size, at + 4096)
            self.need(5 * (stop - at))
            out = self.bytes + self.size
            while at < stop:
                byte = text[at]
                kind = CLASS[byte]
                at += 1
                if kind == 0:
                    out[0] = <char>byte
                    out += 1
                elif kind == 3:
                    memcpy(out, b"\\\\x", 3)
                    out[3] = HEX_DIGITS[byte >> 4]
                    out[4] = HEX_DIGITS[byte & 15]
                    out += 5
                else:
                    out[0] = c'\\'
                    out[1] = <char>byte if kind == 1 else c't' if byte == c'\t' else c'n' if byte == c'\n' else c'r'
                    out += 2
            self.size = out - self.bytes
        return self.put(b'"', 1)

    cdef int put_unicode(self, str text) except -1:
        """Write a text without control characters but \\t, \\n and \\r between quotes."""
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
        return self.put_bytes(f'"{text}"'.replace("\r", "\\r").encode())


cdef int put_meaning(Out out, Plan plan, Py_ssize_t at, str text, object calls) except -1:
    cdef dict meanings = plan.json_meanings[at]
    cdef object fragment = meanings.get(text)
    if fragment is None:
        if len(meanings) > CACHED_MEANINGS:
            meanings.clear()
        fragment = meanings[text] = calls.json_meaning(plan.kind, plan.names[at], text)
    return out.put_bytes(fragment)


cdef int put_return(Out out, Plan plan, uint64_t bits, bint status, object calls) except -1:
    cdef dict returns = plan.json_returns[status]
    cdef object key = bits, fragment = returns.get(key)
    if fragment is None:
        if len(returns) > CACHED_MEANINGS:
            returns.clear()
        fragment = returns[key] = calls.json_return(plan.kind, status, hex_text(bits))
    return out.put_bytes(fragment)


cdef bint put_argument(Out out, Plan plan, const uint8_t* p, Element* element, Py_ssize_t at, bint wide,
                       Py_ssize_t longest, object calls) except -1:
    """Write one argument; False when the twin must look."""
    cdef char[24] digits
    cdef Py_ssize_t size
    cdef const uint8_t* text
    cdef int64_t number
    cdef int length
    out.put_bytes(plan.json_names[at])
    if element.tag == 0x02 or element.tag == 0x05:
        text = text_start(p, element, &size)
        if longest and size > longest >> 2:
            return False
        out.put_text(text, size)
        if plan.json_meanings[at] is not None and 0 < size <= 20 and c'0' <= text[0] <= c'9':
            put_meaning(out, plan, at, text_at(text, size), calls)
    elif is_number(element.tag):
        number = number_at(p + element.value, element.tag)
        length = number_text(digits + 1, number, element.tag, plan.hexes[at] == 1, wide)
        if longest and length > longest:
            return False
        digits[0] = digits[length + 1] = c'"'
        out.put(digits, length + 2)
        if plan.json_meanings[at] is not None:
            put_meaning(out, plan, at, PyUnicode_DecodeASCII(digits + 1, length, NULL), calls)
    else:
        return False
    out.put(b"}", 1)
    return True


cdef int put_decimal(Out out, const char* before, Py_ssize_t size, uint64_t number) except -1:
    cdef char[24] digits
    out.put(before, size)
    return out.put(digits, decimal_digits(digits, number))


cdef int put_address(Out out, const char* before, Py_ssize_t size, int64_t address) except -1:
    cdef char[24] digits
    out.put(before, size)
    return out.put(digits, hex_digits(digits, <uint64_t>address))


cdef bint put_call(Out out, Plan plan, const uint8_t* p, Message* message, bint status, Py_ssize_t longest,
                   object calls) except -1:
    """Write a call from its addresses to its arguments; False when the twin must look."""
    cdef Py_ssize_t position = message.args + 4, last = message.args_end - 1, at = 0
    cdef Element element
    put_address(out, b'"caller":"', 10, message.return_address if message.has_return else message.caller)
    put_address(out, b'","parentcaller":"', 18, message.parent)
    out.put(b'",', 2)
    out.put_bytes(plan.json_head)
    out.put(b"true," if status else b"false,", 5 if status else 6)
    while position < last:
        if at >= plan.declared or not read_element(p, position, last, &element):
            return False
        if at == 1:
            if not is_number(element.tag):
                return False
            put_return(out, plan, return_bits(number_at(p + element.value, element.tag), element.tag, message.wide),
                       status, calls)
            out.put(b'"arguments":[', 13)
        elif at > 1:
            if at > 2:
                out.put(b",", 1)
            if not put_argument(out, plan, p, &element, at, message.wide, longest, calls):
                return False
        at += 1
        position = element.end
    return at == plan.declared


def json_calls(calls, Py_ssize_t first, Py_ssize_t last):
    """Return calls [first, last) as JSON objects with commas between them."""
    cdef Table table = table_of(calls)
    data = calls.source.data()
    cdef const unsigned char[::1] view = data
    cdef const uint8_t* p = NULL
    cdef Py_ssize_t row, start, longest = calls.limits.argument_length
    cdef Message message
    cdef bint done
    cdef Out out = Out()
    cdef Plan plan
    if view.shape[0]:
        p = &view[0]
    if first < 0 or last > table.rows:
        raise IndexError(f"no rows {first} to {last} in {table.rows} calls")
    for row in range(first, last):
        plan = table.plan(row, calls)
        if row > first:
            out.put(b",", 1)
        start = out.size
        done = False
        if p != NULL and plan.declared > 0 and not (
            table.buffers and table.first_id + <uint64_t>row in table.buffers
        ) and call_at(p, view.shape[0], table.offsets[row], &message) and message.args and not message.aux:
            out.put(b'{"timestamp":"', 14)
            out.need(23)
            table.put_time(row, out.bytes + out.size)
            out.size += 23
            put_decimal(out, b'","thread_id":"', 15, table.threads[row])
            out.put(b'",', 2)
            done = put_call(out, plan, p, &message, table.statuses[row] != 0, longest, calls)
        if done:
            put_decimal(out, b'],"repeated":', 13, table.repeats[row])
            put_decimal(out, b',"id":', 6, table.first_id + row)
            out.put(b"}", 1)
        else:
            out.size = start
            out.put_bytes(calls.json_call(row))
    return PyBytes_FromStringAndSize(out.bytes, out.size)


# --- names

cdef enum:
    MOST_LISTS = 32
    FIRST_SLOTS = 64

cdef uint64_t MOST_BYTES_OF_NAMES = 0xFFFFFFFF
cdef array.array NO_BYTES = array.array("B")


cdef struct Slot:
    uint32_t hash
    uint32_t place


cdef class NameLists:
    """Several lists of names while they grow; the twin says how they are kept.

    A table with open addresses finds names again: half of a name's hash, which nobody outside knows in advance, and
    its place; a place of 0 is a free slot. The hash stretched over the table is the first slot looked at.
    """

    cdef array.array store
    cdef list columns
    cdef Slot* slots
    cdef uint64_t room
    cdef uint64_t used
    cdef int count
    cdef int bits_size

    def __cinit__(self, int count):
        if count < 1 or count > MOST_LISTS:
            raise ValueError(f"{count} lists")
        self.room, self.used = FIRST_SLOTS, 0
        self.slots = <Slot*>calloc(FIRST_SLOTS, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.count, self.bits_size = count, (count + 7) // 8
        self.store = array.clone(NO_BYTES, 0, False)
        self.columns = [array.clone(NO_ROWS, 0, False) for _ in range(count)]

    def __dealloc__(self):
        free(self.slots)

    def add(self, str name not None, uint64_t lists):
        """Add a name to each of the lists whose bit is set, unless it is there; return its place."""
        cdef Py_ssize_t place, rows
        cdef uint64_t before = 0, new
        cdef uint8_t* bits
        cdef array.array column
        cdef int at
        if self.slots == NULL or lists >> self.count:
            raise ValueError(f"cannot add to the lists {lists:#x}")
        place = self.place_of(name)
        bits = self.store.data.as_uchars + place - self.bits_size
        for at in range(self.bits_size):
            before |= <uint64_t>bits[at] << 8 * at
        new = lists & ~before
        if not new:
            return place
        for at in range(self.bits_size):
            bits[at] |= <uint8_t>(new >> 8 * at)
        for at in range(self.count):
            if new >> at & 1:
                column = <array.array>self.columns[at]
                rows = len(column)
                array.resize_smart(column, rows + 1)
                column.data.as_uints[rows] = <uint32_t>place
        return place

    cdef Py_ssize_t place_of(self, str name) except -1:
        """Return the place of a name, which becomes the last one when it is new."""
        cdef Py_ssize_t size, known
        cdef const char* text = PyUnicode_AsUTF8AndSize(name, &size)
        cdef const uint8_t* found
        cdef uint32_t hashed = <uint32_t>(<uint64_t>PyObject_Hash(name) >> 32)
        cdef uint64_t at = <uint64_t>hashed * self.room >> 32
        while self.slots[at].place:
            if self.slots[at].hash == hashed:
                found = name_at(self.store.data.as_uchars, len(self.store), self.slots[at].place, &known)
                if known == size and memcmp(found, text, size) == 0:
                    return self.slots[at].place
            at = at + 1 if at + 1 < self.room else 0
        self.slots[at] = Slot(hashed, self.append(text, size))
        self.used += 1
        size = self.slots[at].place
        if 4 * self.used > 3 * self.room:
            self.widen()
        return size

    cdef uint32_t append(self, const char* text, Py_ssize_t size) except 0:
        cdef Py_ssize_t end = len(self.store), place = end + self.bits_size
        cdef uint8_t[5] sizes
        cdef uint64_t left = size
        cdef int digits = 0
        cdef uint8_t* out
        if <uint64_t>place + 5 + <uint64_t>size > MOST_BYTES_OF_NAMES:
            raise OverflowError("more than 4 GB of names")
        while left > 0x7F:
            sizes[digits] = <uint8_t>(left & 0x7F | 0x80)
            digits += 1
            left >>= 7
        sizes[digits] = <uint8_t>left
        digits += 1
        array.resize_smart(self.store, place + digits + size)
        out = self.store.data.as_uchars + end
        memset(out, 0, self.bits_size)
        memcpy(out + self.bits_size, sizes, digits)
        memcpy(out + self.bits_size + digits, text, size)
        return <uint32_t>place

    cdef int widen(self) except -1:
        """Make the table half as large again."""
        cdef uint64_t room = self.room + (self.room >> 1), old, at
        cdef Slot* slots = <Slot*>calloc(room, sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        for old in range(self.room):
            if self.slots[old].place:
                at = <uint64_t>self.slots[old].hash * room >> 32
                while slots[at].place:
                    at = at + 1 if at + 1 < room else 0
                slots[at] = self.slots[old]
        free(self.slots)
        self.slots, self.room = slots, room
        return 0

    def finish(self):
        """Return the buffer, and a column for each list; nothing can be added any more."""
        free(self.slots)
        self.slots = NULL
        return memoryview(self.store), [memoryview(column) for column in self.columns]


cdef inline const uint8_t* name_at(const uint8_t* store, Py_ssize_t end, uint32_t place, Py_ssize_t* size) noexcept nogil:
    """Return where the text of the name at a place begins, and its size; a size of 0 where no name lies whole."""
    cdef Py_ssize_t at = place
    cdef uint64_t number = 0
    cdef int shift = 0
    size[0] = 0
    if at >= end:
        return store
    while at < end and shift < 35:
        number |= <uint64_t>(store[at] & 0x7F) << shift
        shift += 7
        at += 1
        if store[at - 1] < 0x80:
            if number <= <uint64_t>(end - at):
                size[0] = <Py_ssize_t>number
            break
    return store + at


cdef object name_text(const uint8_t* text, Py_ssize_t size):
    cdef Py_ssize_t at
    for at in range(size):
        if text[at] >= 128:
            return PyBytes_FromStringAndSize(<const char*>text, size).decode("utf-8", "replace")
    return PyUnicode_DecodeASCII(<const char*>text, size, NULL)


def names(const unsigned char[::1] store not None, const unsigned int[::1] places not None):
    """Return the names at some places."""
    cdef Py_ssize_t row, size
    cdef const uint8_t* text
    cdef list found = []
    for row in range(places.shape[0]):
        text = name_at(start_of(store), store.shape[0], places[row], &size)
        found.append(name_text(text, size))
    return found


cdef inline const uint8_t* start_of(const unsigned char[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


def bytes_of_names(const unsigned char[::1] store not None, const unsigned int[::1] places not None):
    """Return how many bytes the names at some places have together."""
    cdef Py_ssize_t row, size
    cdef uint64_t total = 0
    for row in range(places.shape[0]):
        name_at(start_of(store), store.shape[0], places[row], &size)
        total += <uint64_t>size
    return total


def find_name(const unsigned char[::1] store not None, const unsigned int[::1] places not None, str name not None):
    """Return the number of the first place that has a name, -1 when none has it."""
    cdef bytes wanted = name.encode("utf-8", "surrogatepass")
    cdef Py_ssize_t row, size
    cdef const uint8_t* text
    for row in range(places.shape[0]):
        text = name_at(start_of(store), store.shape[0], places[row], &size)
        if size == PyBytes_GET_SIZE(wanted) and memcmp(text, PyBytes_AS_STRING(wanted), size) == 0:
            return row
    return -1


def json_names(const unsigned char[::1] store not None, const unsigned int[::1] places not None):
    """Return the names at some places as JSON texts with commas between them."""
    cdef Py_ssize_t row, size
    cdef const uint8_t* text
    cdef Out out = Out()
    for row in range(places.shape[0]):
        if row:
            out.put(b",", 1)
        text = name_at(start_of(store), store.shape[0], places[row], &size)
        if is_plain(text, size):
            out.put_text(text, size)
        else:
            out.put_bytes(json.dumps(name_text(text, size), ensure_ascii=False).encode())
    return PyBytes_FromStringAndSize(out.bytes, out.size)


cdef inline bint is_plain(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(size):
        if CLASS[text[at]] > 2:
            return False
    return True
