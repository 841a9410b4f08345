import datetime
import math
import os
import random
import struct
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.cuckoo.core import answer
from lib.cuckoo.core.answer import (
    AnswerWriter,
    MalformedError,
    TooLargeError,
    UnencodableError,
    first_obstacle,
    pack,
    read_messages,
    unpack,
)

LIMIT = 8 << 20
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=1 << 63)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.datetimes(timezones=st.just(datetime.UTC) | st.none())
    | st.dates()
)
KEYS = st.text(st.characters(exclude_categories=())) | st.binary() | st.integers() | st.tuples(st.text())
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.lists(inner).map(tuple)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.binary())
    ),
    max_leaves=20,
)


def written(*values: object, limit: int = LIMIT) -> bytes:
    descriptor = os.memfd_create("test")
    try:
        writer = AnswerWriter(descriptor, limit)
        for value in values:
            writer.write(value)
        return os.pread(descriptor, 2 * LIMIT, 0)
    finally:
        os.close(descriptor)


def read(data: bytes) -> list[Any]:
    return list(read_messages(memoryview(data), "/nowhere"))


def message(body: bytes) -> bytes:
    return struct.pack("<QQ", len(body), 16 + len(body)) + body


def nested(depth: int, wrap: type = list) -> Any:
    value: Any = wrap()
    for _ in range(depth):
        value = wrap([value])
    return value


@given(PLAIN)
@example({b"\xff": ("\ud800", frozenset({b""}), {1, 2}), 2**200: -(2**64), (): datetime.date(1, 1, 1)})
def test_plain_data_comes_back_equal_and_of_the_same_types(value: object) -> None:
    [back] = read(written(value))

    assert back == value
    assert repr(type(back)) == repr(type(value))
    assert pack(back) == pack(value)


def test_not_a_number_comes_back() -> None:
    assert math.isnan(read(written(math.nan))[0])


@given(st.lists(PLAIN, max_size=5))
def test_messages_come_back_in_order(values: list[object]) -> None:
    assert read(written(*values)) == values


def test_long_lists_and_large_strings_come_back_whole() -> None:
    value = {"rows": [{"n": number} for number in range(5000)], "blob": bytes(3 << 20), "empty": [[], {}]}

    assert read(written(value)) == [value]


@pytest.mark.parametrize("kept", [5000, 1 << 20, 3 << 20, -1])
def test_a_message_of_several_megabytes_that_ends_early_is_malformed(kept: int) -> None:
    body = pack([{"name": "x" * 300_000, "numbers": [1, 2.5, None]}] * 14)

    assert len(unpack(memoryview(body))) == 14
    with pytest.raises(MalformedError, match="incomplete"):
        unpack(memoryview(body[:kept]))


def test_subclasses_of_plain_types_come_back_as_their_base() -> None:
    class Name(str):
        __slots__ = ()

    [back] = read(written([Name("x"), OrderedDict(a=1), True]))

    assert back == ["x", {"a": 1}, True]
    assert [type(member) for member in back] == [str, dict, bool]


def test_sets_are_written_in_the_same_order_whatever_the_hash_seed() -> None:
    members = [frozenset({f"{a}", f"{b}"}) for a in range(9) for b in range(9)]
    shuffled = random.Random(1).sample(members, len(members))

    assert pack(set(members)) == pack(set(shuffled))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {"b": object()}]}, "answer['a'][1]['b']: builtins.object is not plain data"),
        ({"a": (1, {2, 3}, print)}, "answer['a'][2]: builtins.builtin_function_or_method"),
        ({("a", object): 1}, "key ('a', <class 'object'>)[1]: builtins.type is not plain data"),
        ({10**5000: object()}, "answer[a int]: builtins.object"),
        (MappingProxyType({}), "mappingproxy is not plain data"),
        ([{}.keys()], "answer[0]: builtins.dict_keys"),
        ([memoryview(b"abcdef")[::2]], "answer[0]: builtins.memoryview"),
        ([datetime.timedelta(1)], "answer[0]: datetime.timedelta"),
        (nested(3000), "nested deeper than 400 levels"),
        (nested(40, tuple), "more than 32 tuples or sets inside one another"),
        ([Ellipsis] * 2000, "answer[0]: builtins.ellipsis"),
    ],
)
def test_what_is_not_plain_data_is_named_by_its_path(value: object, words: str) -> None:
    with pytest.raises(UnencodableError) as caught:
        written(value)

    assert words in str(caught.value)


def test_a_cycle_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)

    with pytest.raises(UnencodableError, match="nested deeper"):
        written(loop)


@given(PLAIN)
def test_plain_data_has_no_obstacle(value: object) -> None:
    assert first_obstacle(value) == ""


def test_a_refused_value_leaves_room_for_the_next_message() -> None:
    descriptor = os.memfd_create("test")
    writer = AnswerWriter(descriptor, LIMIT)
    writer.write("first")
    with pytest.raises(UnencodableError):
        writer.write(["x" * 3_000_000, "y" * 3_000_000, object()])
    writer.write("second")

    assert read(os.pread(descriptor, LIMIT, 0)) == ["first", "second"]
    os.close(descriptor)


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_an_answer_that_is_too_large_leaves_earlier_messages_readable(size: int) -> None:
    descriptor = os.memfd_create("test")
    writer = AnswerWriter(descriptor, size)
    writer.write("first")
    with pytest.raises(TooLargeError, match=f"{size:,} bytes"):
        writer.write({"rows": ["x" * 1000] * 3000})

    assert read(os.pread(descriptor, LIMIT, 0)) == ["first"]
    assert os.fstat(descriptor).st_size <= size
    os.close(descriptor)


def test_the_limit_counts_all_messages_and_their_headers() -> None:
    one = len(written("x" * 100))

    assert len(written("x" * 100, limit=one)) == one
    with pytest.raises(TooLargeError):
        written("x" * 100, limit=one - 1)


def test_after_a_restart_there_is_room_again() -> None:
    descriptor = os.memfd_create("test")
    writer = AnswerWriter(descriptor, 190)
    writer.write("x" * 150)
    with pytest.raises(TooLargeError):
        writer.write("why")
    writer.restart()
    writer.write("why")

    assert read(os.pread(descriptor, LIMIT, 0)) == ["why"]
    os.close(descriptor)


def test_a_message_that_was_never_finished_is_not_there() -> None:
    whole = written("first")

    assert read(whole + struct.pack("<QQ", 0, 0) + b"half a message") == ["first"]
    assert read(whole + b"short") == ["first"]
    assert read(b"") == []


class Columns:
    """A small detachable sequence of numbers."""

    def __init__(self, values: Sequence[int]) -> None:
        self.values = list(values)

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        return {"count": len(self.values)}, [memoryview(array("q", self.values)), memoryview(b"abc")]

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        if bytes(buffers[1]) != b"abc" or analysis_path != "/nowhere":
            raise ValueError("not what was written")
        values = buffers[0].cast("q").tolist()
        if description["count"] != len(values):
            raise ValueError("counts differ")
        return cls(values)

    def json_chunks(self) -> Iterator[bytes]:
        yield str(self.values).encode()


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> type[Columns]:
    monkeypatch.setitem(answer._DETACHED_CLASSES, "columns", (__name__, "Columns"))
    return Columns


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("count", [0, 1, 3, 400_000])
def test_detached_values_come_back_from_their_buffers(count: int) -> None:
    first, second = Columns(range(count)), Columns([7])

    [one, two] = read(written({"a": [first], "b": (second,)}, {"c": first}))

    assert one["a"][0].values == list(range(count))
    assert one["b"][0].values == [7]
    assert two["c"].values == list(range(count))


class Shared(Columns):
    """A value whose buffer is that of others too."""

    buffer = memoryview(bytes(range(200)))

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        return {}, [self.buffer]

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        assert (description, analysis_path) == ({}, "/nowhere")
        found = cls([])
        found.buffer = buffers[0]
        return found


@pytest.mark.parametrize(("count", "passes"), [(1, True), (64, True), (65, False)])
def test_a_buffer_that_values_share_is_written_once(
    count: int, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(answer._DETACHED_CLASSES, "columns", (__name__, "Shared"))
    raw = written([Shared([])] * count)

    assert raw.count(bytes(range(200))) == 1
    if not passes:
        with pytest.raises(MalformedError, match="shared by more than 64 values"):
            read(raw)
        return
    [values] = read(raw)
    assert {id(value.buffer) for value in values} == {id(values[0].buffer)}
    assert bytes(values[0].buffer) == bytes(range(200))
    assert written(values).count(bytes(range(200))) == 1


@pytest.mark.usefixtures("columns")
def test_a_detached_value_counts_against_the_limit() -> None:
    with pytest.raises(TooLargeError):
        written(Columns(range(1000)), limit=4000)


def test_a_detachable_class_that_nobody_registered_is_refused() -> None:
    with pytest.raises(UnencodableError, match=r"answer\['a'\]: .*Columns is not plain data"):
        written({"a": Columns([1])})


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("places", [[[0, 9000], [0, 3]], [[-8, 8], [8, 3]], [[0, 8]], "x", [[0.5, 1]]])
def test_a_detached_value_that_points_outside_its_buffers_is_malformed(places: object) -> None:
    place = pack({"type": "columns", "description": {"count": 1}, "places": places})
    body = b"\xc9" + struct.pack(">I", len(place)) + b"\x07" + place

    with pytest.raises(MalformedError):
        read(message(body))


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_messages_or_malformed(data: bytes) -> None:
    for hostile in (data, message(data)):
        try:
            read(hostile)
        except MalformedError as error:
            assert str(error)


@settings(max_examples=300)
@given(PLAIN, st.data())
def test_a_corrupted_answer_gives_messages_or_malformed(value: object, data: st.DataObject) -> None:
    raw = bytearray(written(value, value))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        read(bytes(raw))
    except MalformedError as error:
        assert str(error)


def extensions(depth: int) -> bytes:
    body = b"\x90"
    for _ in range(depth):
        body = b"\xc9" + struct.pack(">I", len(body)) + b"\x01" + body
    return body


@pytest.mark.parametrize(
    "data",
    [
        message(extensions(500)),
        message(extensions(20_000)),
        message(b"\xdd\x00\x0f\xff\xff" * 1000 + bytes(1 << 20)),
        message(b"\xdf\xff\xff\xff\xff" * 1000 + bytes(1 << 20)),
        message(b"\x91" * 100_000 + b"\xc0"),
        message(b"\xc7\x05\x63hello"),
        message(b"\xd6\xff"),
        message(b"\xd4\x02\x91" + b"\x90"),
        message(b"\x81\x90\xc0"),
        struct.pack("<QQ", 2**64 - 1, 2**64 - 1),
        struct.pack("<QQ", 5, 16) + b"xxxxx",
        struct.pack("<QQ", 1, 8) + b"\xc0",
        message(b"\xc0") * 100_001,
    ],
    ids=lambda data: f"{len(data)} bytes {data[:8].hex()}",
)
def test_hostile_answers_are_refused_cheaply(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read(data)


def test_repeated_copies_of_nested_extensions_are_refused() -> None:
    body = bytes(200_000)
    for _ in range(30):
        body = b"\xdd\x00\x00\x00\x02\xc0\xc9" + struct.pack(">I", len(body)) + b"\x01" + body

    with pytest.raises(MalformedError):
        read(message(b"\x91\xc9" + struct.pack(">I", len(body)) + b"\x01" + body))


def test_a_fork_of_the_answering_process_cannot_answer() -> None:
    descriptor = os.memfd_create("test")
    writer = AnswerWriter(descriptor, LIMIT)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            writer.write("from the fork")
        except PermissionError:
            status = 0
        finally:
            os._exit(status)

    assert os.waitpid(pid, 0)[1] == 0
    writer.write("from the owner")
    assert read(os.pread(descriptor, LIMIT, 0)) == ["from the owner"]
    os.close(descriptor)
