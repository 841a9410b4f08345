from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network import tcp
from lib.cuckoo.network.flows import endpoints, reversed_key
from lib.cuckoo.network.tcp import (
    ACK,
    FIN,
    MOST_WAITING_SEGMENTS,
    PATIENCE_SEGMENTS,
    RST,
    SYN,
    Connection,
    Connections,
    Limits,
    after_control,
    control,
)

KEY = bytes([10, 0, 0, 2, 93, 184, 216, 34, 0xC0, 0, 0, 80])
BACK = reversed_key(KEY)
STREAM = bytes(range(256)) * 8


class Listener:
    """A conversation that writes down what it is told."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.heard: list[bytearray] = [bytearray(), bytearray()]
        self.gaps: list[tuple[int, int, int]] = []
        self.closed = 0

    def data(self, side: int, payload: bytes | memoryview, time: float) -> None:
        assert payload
        assert time >= 0
        self.heard[side] += payload

    def gap(self, side: int, size: int) -> None:
        assert size > 0
        self.gaps.append((side, len(self.heard[side]), size))

    def close(self) -> None:
        self.closed += 1
        self.records.append({"protocol": "test"})


class Wire:
    """Feeds segments to a table of connections, as the analysis does."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.listeners: list[Listener] = []
        self.heard_of: dict[Connection, Listener] = {}
        self.ended: list[Connection] = []
        self.records: list[dict[str, Any]] = []
        self.table = Connections(limits or Limits(), self._start, self._record, self.ended.append)
        self.time = 0.0

    def _start(self, connection: Connection) -> Listener:
        self.listeners.append(Listener())
        self.heard_of[connection] = self.listeners[-1]
        return self.listeners[-1]

    def _record(self, _connection: Connection, record: dict[str, Any]) -> None:
        self.records.append(record)

    def segment(
        self,
        key: bytes,
        flags: int,
        sequence: int,
        payload: bytes = b"",
        *,
        missing: int = 0,
        acknowledged: int = -1,
    ) -> None:
        self.time += 1
        half = self.table.half(key, flags, sequence, self.time, 0)
        half.packets += 1
        half.acknowledged = acknowledged
        sequence = control(half, flags, sequence, len(payload) + missing)
        if payload or missing:
            half.arrange(sequence, payload, missing, self.time)
        after_control(half, flags)

    def shake(self, client: int = 999, server: int = 4999) -> None:
        self.segment(KEY, SYN, client)
        self.segment(BACK, SYN | ACK, server)

    @property
    def listener(self) -> Listener:
        return self.listeners[-1] if self.listeners else Listener()


def client_hears(segments: Iterable[tuple[int, bytes]], *, start: int = 1000) -> Listener:
    """Send segments of the server, given by their place in the stream, and end the connection."""
    wire = Wire()
    wire.shake(server=start - 1)
    for place, payload in segments:
        wire.segment(BACK, ACK, (start + place) % 2**32, payload)
    wire.table.end()
    return wire.listener


def pieces(size: int, stream: bytes = STREAM) -> list[tuple[int, bytes]]:
    return [(start, stream[start : start + size]) for start in range(0, len(stream), size)]


@pytest.mark.parametrize("start", [1000, 2**32 - 700])
@pytest.mark.parametrize(
    "arrange",
    [
        lambda given: given,
        lambda given: given[::-1],
        lambda given: given + given,
        lambda given: [piece for pair in zip(given[1::2], given[::2], strict=True) for piece in pair],
    ],
    ids=["in order", "backwards", "sent twice", "swapped pairs"],
)
def test_segments_of_any_order_make_the_same_stream(arrange: Any, start: int) -> None:
    listener = client_hears(arrange(pieces(128)), start=start)

    assert listener.heard[1] == STREAM
    assert listener.gaps == []
    assert listener.closed == 1


def test_where_segments_overlap_the_first_to_arrive_counts() -> None:
    listener = client_hears(
        [(0, b"abcd"), (2, b"XXef"), (8, b"ijkl"), (10, b"YYmn"), (4, b"..gh"), (6, b"ZZZZ")]
    )

    assert listener.heard[1] == b"abcdefghijklmn"
    assert listener.gaps == []


def test_what_is_missing_at_the_end_is_a_gap_of_its_size() -> None:
    listener = client_hears([(0, b"start"), (25, b"end"), (40, b"more")])

    assert listener.heard[1] == b"startendmore"
    assert listener.gaps == [(1, 5, 20), (1, 8, 12)]


def test_an_acknowledged_hole_is_given_up_when_enough_waits_behind_it() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(KEY, ACK, 1000, acknowledged=9000)
    for index in range(PATIENCE_SEGMENTS):
        wire.segment(BACK, ACK, 5100 + index * 2, b"ab")
    assert wire.listener.gaps == []

    wire.segment(BACK, ACK, 5100 + PATIENCE_SEGMENTS * 2, b"ab")

    assert wire.listener.gaps == [(1, 0, 100)]
    assert len(wire.listener.heard[1]) == (PATIENCE_SEGMENTS + 1) * 2


def test_a_hole_nobody_acknowledged_is_given_up_at_the_bound() -> None:
    wire = Wire()
    wire.shake()
    for index in range(MOST_WAITING_SEGMENTS):
        wire.segment(BACK, ACK, 5100 + index, b"x")
    assert wire.listener.gaps == []

    wire.segment(BACK, ACK, 5100 + MOST_WAITING_SEGMENTS, b"x")

    assert wire.listener.gaps == [(1, 0, 100)]


def test_bytes_that_wait_are_bounded_over_all_connections() -> None:
    wire = Wire(Limits(waiting_bytes=10_000))
    wire.shake()
    for index in range(200):
        wire.segment(BACK, ACK, 6000 + index * 2000, b"x" * 1000)

    assert wire.table.waiting_bytes <= 10_000
    assert wire.listener.gaps
    wire.table.end()
    assert wire.table.waiting_bytes == 0


def test_bytes_that_were_not_captured_are_a_gap() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(BACK, ACK, 5000, b"seen", missing=96)
    wire.segment(BACK, ACK, 5100, b"next")

    assert wire.listener.heard[1] == b"seennext"
    assert wire.listener.gaps == [(1, 4, 96)]


def test_a_repetition_fills_what_was_not_captured_the_first_time_only_when_it_waits() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(BACK, ACK, 5010, b"later", missing=5)
    wire.segment(BACK, ACK, 5000, b"0123456789")
    wire.table.end()

    assert wire.listener.heard[1] == b"0123456789later"
    assert wire.listener.gaps == [(1, 15, 5)]


def test_both_fins_close_a_connection_once_all_before_them_has_come() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(BACK, FIN | ACK, 5004)
    wire.segment(KEY, FIN | ACK, 1000)
    assert wire.listener.closed == 0

    wire.segment(BACK, ACK, 5000, b"last")

    assert wire.listener.closed == 1
    assert wire.listener.heard[1] == b"last"
    wire.table.end()
    assert [connection.state for connection in wire.ended] == ["closed"]
    assert wire.records == [{"protocol": "test"}]


def test_a_reset_closes_at_once() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(KEY, ACK, 1003, b"late")
    wire.segment(BACK, RST, 5000)
    wire.table.end()

    assert wire.listener.heard[0] == b"late"
    assert wire.listener.gaps == [(0, 0, 3)]
    assert wire.listener.closed == 1
    assert wire.ended[0].state == "reset"


def test_old_ports_opened_again_are_another_connection() -> None:
    wire = Wire()
    for number in range(3):
        wire.shake(999 + number * 100_000, 4999)
        wire.segment(KEY, ACK, 1000 + number * 100_000, b"%d" % number)
        wire.segment(KEY, FIN | ACK, 1001 + number * 100_000)
        wire.segment(BACK, FIN | ACK, 5000)
    wire.table.end()

    assert [bytes(listener.heard[0]) for listener in wire.listeners] == [b"0", b"1", b"2"]
    assert len(wire.ended) == 3


def test_old_ports_are_opened_again_without_a_close_before() -> None:
    wire = Wire()
    wire.shake()
    wire.segment(KEY, ACK, 1000, b"first")
    wire.shake(77_777)
    wire.segment(KEY, ACK, 77_778, b"second")

    assert [bytes(listener.heard[0]) for listener in wire.listeners] == [b"first", b"second"]


def test_a_syn_that_is_sent_again_is_the_same_connection() -> None:
    wire = Wire()
    wire.segment(KEY, SYN, 999)
    wire.segment(KEY, SYN, 999)
    wire.segment(BACK, SYN | ACK, 4999)
    wire.segment(KEY, ACK, 1000, b"hello")

    assert len(wire.listeners) == 1
    assert wire.listener.heard[0] == b"hello"


def test_data_in_the_syn_belongs_to_the_stream() -> None:
    wire = Wire()
    wire.segment(KEY, SYN, 999, b"fast")
    wire.segment(KEY, ACK, 1004, b" open")

    assert wire.listener.heard[0] == b"fast open"


@pytest.mark.parametrize(
    ("key", "flags", "client"),
    [
        (KEY, SYN, "10.0.0.2"),
        (BACK, SYN | ACK, "10.0.0.2"),
        (BACK, ACK, "10.0.0.2"),
        (KEY, ACK, "10.0.0.2"),
    ],
    ids=["SYN", "SYN and ACK", "from a well-known port", "to a well-known port"],
)
def test_the_client_is_known_from_the_first_segment(key: bytes, flags: int, client: str) -> None:
    wire = Wire()
    wire.segment(key, flags, 1, b"x")
    wire.table.end()

    assert endpoints(wire.ended[0].halves[0].key).src == client


def test_one_side_alone_is_read() -> None:
    wire = Wire()
    wire.segment(BACK, ACK, 70, b"only the ")
    wire.segment(BACK, ACK, 79, b"server")
    wire.table.end()

    assert wire.listener.heard == [b"", b"only the server"]
    assert not wire.ended[0].unanswered


def test_only_a_syn_without_any_answer_is_unanswered() -> None:
    wire = Wire()
    wire.segment(KEY, SYN, 1)
    assert next(iter(wire.table.halves.values())).flow.unanswered

    wire.segment(BACK, RST | ACK, 0)
    wire.table.end()

    assert not wire.ended[0].unanswered


def test_a_connection_of_an_endpoint_with_itself_is_no_loop() -> None:
    wire = Wire()
    land = KEY[:4] * 2 + KEY[8:10] * 2
    wire.segment(land, SYN, 1)
    wire.segment(land, ACK, 2, b"x")
    wire.table.end()

    assert len(wire.ended) == 1


def key_of(number: int) -> bytes:
    return number.to_bytes(4, "big") + KEY[4:]


def test_connections_are_bounded_and_what_went_is_counted() -> None:
    wire = Wire(Limits(connections=10))
    for number in range(1000):
        wire.segment(key_of(number), SYN, 1)

    assert len(wire.table.halves) <= 20
    assert wire.table.let_go == 990
    assert len(wire.ended) == 990


def test_a_busy_connection_outlives_quiet_ones() -> None:
    wire = Wire(Limits(connections=10))
    wire.shake()
    for number in range(100):
        wire.segment(key_of(number), SYN, 1)
        wire.segment(KEY, ACK, 1000 + number, b"%d" % (number % 10))

    assert wire.listeners[0].heard[0] == b"0123456789" * 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from([KEY, BACK]),
            st.integers(0, 31),
            st.integers(0, 60) | st.integers(0, 2**32 - 1),
            st.binary(max_size=20),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
def test_any_segments_are_streams_whose_length_adds_up(
    segments: list[tuple[bytes, int, int, bytes, int]],
) -> None:
    wire = Wire(Limits(connections=2, waiting_bytes=300))
    for key, flags, sequence, payload, missing in segments:
        wire.segment(key, flags, sequence, payload, missing=missing)
    wire.table.end()

    assert wire.table.waiting_bytes == 0
    for connection in wire.ended:
        listener = wire.heard_of.get(connection, Listener())
        for side, half in enumerate(connection.halves):
            lost = sum(size for where, _, size in listener.gaps if where == side)
            assert len(listener.heard[side]) + lost <= half.received


@given(st.permutations(range(16)), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_whatever_the_order_nothing_is_lost(order: list[int], size: int, start: int) -> None:
    stream = STREAM[: 16 * size]
    given_pieces = pieces(size, stream)

    listener = client_hears([given_pieces[index] for index in order], start=start)

    assert listener.heard[1] == stream
    assert listener.gaps == []


def test_the_connection_that_was_quiet_for_longest_is_not_read_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "MOST_CONVERSATIONS", 2)
    wire = Wire()
    for port, sequence in ((1, 0), (2, 0), (3, 0), (2, 1), (4, 0), (1, 1), (2, 2)):
        wire.segment(key_of(port), ACK, sequence, b"x")

    assert [bytes(each.heard[0]) for each in wire.listeners] == [b"x", b"xxx", b"x", b"x"]
    assert [each.closed for each in wire.listeners] == [1, 0, 1, 0]
    assert wire.table.silenced == 2
    assert len(wire.table.halves) == 8
    wire.table.end()
    assert not wire.table.conversations
    assert len(wire.records) == 4


def test_segments_that_wait_count_what_they_take() -> None:
    wire = Wire(Limits(waiting_bytes=1000))
    wire.segment(KEY, ACK, 0, b"a")
    for sequence in (2, 4, 6, 8):
        wire.segment(KEY, ACK, sequence, b"b")
    assert wire.table.waiting_bytes == 4 * 201
    wire.segment(KEY, ACK, 10, b"c")

    assert wire.listeners[0].gaps == [(0, 1, 1)]
    assert wire.table.waiting_bytes == 4 * 201
