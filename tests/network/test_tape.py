import re
from collections.abc import Callable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import Pool
from lib.cuckoo.network.tape import Cut, Steps, Tape

Parse = Callable[[Tape], Steps]
END = re.compile(rb"\n\.\n")


class Kept:
    """A sink that shows what it was given; gaps as question marks."""

    def __init__(self) -> None:
        self.bytes = b""

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        self.bytes += bytes(piece)

    def lose(self, size: int) -> None:
        self.bytes += b"?" * size


def lines(found: list[bytes], limit: int = 100) -> Parse:
    def parse(tape: Tape) -> Steps:
        while True:
            found.append((yield from tape.line(limit)))

    return parse


def cuts(found: list[tuple[bytes, int, bool]]) -> Parse:
    def parse(tape: Tape) -> Steps:
        while True:
            try:
                yield from tape.exactly(1000)
            except Cut as cut:
                found.append((cut.rest, cut.missing, cut.ended))

    return parse


def test_a_line_comes_when_its_end_has_come() -> None:
    found: list[bytes] = []
    tape = Tape(lines(found))
    tape.feed(b"on")
    assert found == []
    tape.feed(b"e\r\ntwo\nthr")

    assert found == [b"one", b"two"]


def test_a_long_line_is_cut_at_the_limit_and_never_held() -> None:
    found: list[bytes] = []
    tape = Tape(lines(found, limit=4))
    for _ in range(1000):
        tape.feed(b"abcdefgh")
        assert len(tape.buffer) <= 16
    tape.feed(b"\nnext\n")

    assert found == [b"abcd", b"next"]


def test_what_is_let_go_is_counted() -> None:
    found: list[tuple[bytes, int]] = []

    def parse(tape: Tape) -> Steps:
        found.append((yield from tape.until(END, 4, overlap=2)))

    tape = Tape(parse)
    for byte in b"0123456789\n.\nrest":
        tape.feed(bytes((byte,)))

    assert found == [(b"0123", 9)]
    assert tape.done


def test_what_is_kept_of_a_long_line_is_the_rest_at_a_cut() -> None:
    found: list[bytes] = []

    def parse(tape: Tape) -> Steps:
        try:
            yield from tape.line(4)
        except Cut as cut:
            found.append(cut.rest)

    tape = Tape(parse)
    for byte in b"0123456789":
        tape.feed(bytes((byte,)))
    tape.end()

    assert found == [b"0123"]


def test_a_parser_is_told_of_gaps_and_of_the_end() -> None:
    found: list[tuple[bytes, int, bool]] = []
    tape = Tape(cuts(found))
    tape.feed(b"abc")
    tape.gap(7)
    tape.feed(b"de")
    tape.end()
    tape.feed(b"ignored")

    assert found == [(b"abc", 7, False), (b"de", 0, True)]


def test_what_waits_is_taken_from_the_pool() -> None:
    found: list[tuple[bytes, int, bool]] = []

    def parse(tape: Tape) -> Steps:
        try:
            yield from tape.exactly(100_000)
        except Cut as cut:
            found.append((cut.rest[:1], cut.missing, cut.ended))

    pool = Pool(20_000)
    tape = Tape(parse, pool)
    tape.feed(b"a" * 15_000)
    assert pool.free == 5000
    tape.feed(b"b" * 6000)

    assert found == [(b"a", 21_000, False)]
    assert pool.free == 20_000


def test_gaps_inside_of_what_is_poured_go_to_the_sink() -> None:
    kept = Kept()

    def parse(tape: Tape) -> Steps:
        yield from tape.pour(10, kept)
        kept.write(b"|")
        yield from tape.pour(2, kept)

    tape = Tape(parse)
    tape.feed(b"abc")
    tape.gap(4)
    tape.feed(b"defgh")

    assert kept.bytes == b"abc????def|gh"


def test_a_gap_that_reaches_beyond_what_is_poured_ends_it() -> None:
    kept = Kept()
    tape = Tape(lambda tape: tape.pour(10, kept))
    tape.feed(b"abc")
    tape.gap(8)

    assert (kept.bytes, tape.done) == (b"abc", True)


def test_an_end_is_not_found_across_a_gap() -> None:
    kept = Kept()
    tape = Tape(lambda tape: tape.pour_until(END, b"\n.", 2, kept))
    tape.feed(b"a\n")
    tape.gap(3)
    tape.feed(b".\nb\n.\nrest")

    assert (kept.bytes, tape.done) == (b"a\n???.\nb\n.\n", True)


@given(st.lists(st.sampled_from([b"\n", b".", b"ab", b"\n.\n", b"\r\n"]), max_size=20), st.integers(1, 5))
def test_what_is_poured_until_an_end_does_not_depend_on_the_pieces(pieces: list[bytes], size: int) -> None:
    def poured(parts: Iterator[bytes]) -> tuple[bytes, bool]:
        kept = Kept()
        tape = Tape(lambda tape: tape.pour_until(END, b"\n.", 2, kept))
        for part in parts:
            tape.feed(part)
        ended = tape.done
        tape.end()
        return kept.bytes, ended

    whole = b"".join(pieces)

    assert poured(iter([whole])) == poured(whole[at : at + size] for at in range(0, len(whole), size))


def test_the_begin_of_a_long_match_counts_as_waiting() -> None:
    pool = Pool(10_000)
    found: list[tuple[bytes, int]] = []

    def parse(tape: Tape) -> Steps:
        found.append((yield from tape.until(END, 4000, overlap=2)))

    tape = Tape(parse, pool)
    for _ in range(6):
        tape.feed(b"a" * 3000)
    assert pool.free == 10_000 - 4000 - 2
    tape.feed(b"\n.\nrest")

    assert found == [(b"a" * 4000, 14_003)]
    assert pool.free == 10_000


def test_what_is_left_behind_the_end_of_a_parser_is_let_go() -> None:
    def parse(tape: Tape) -> Steps:
        yield from tape.exactly(2)

    tape = Tape(parse)
    tape.feed(b"abrest")

    assert tape.done
    assert not tape.buffer
