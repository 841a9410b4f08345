"""Work in forked children: what arrives of it, whatever becomes of the child."""

import os
import signal
import stat
import time
from typing import Any

from lib.cuckoo.memory.apart import Arrived, Send, perform

PLENTY = 1 << 30


def run(work: Any, seconds: float = 20, answer_bytes: int = 1 << 20) -> Arrived:
    return perform(work, seconds, answer_bytes, PLENTY)


def is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def test_records_arrive_in_order_and_the_parent_is_not_touched() -> None:
    seen: list[int] = []

    def work(send: Send) -> None:
        for number in range(3):
            seen.append(number)
            send({"number": number, "text": "é\n\ud800"})

    arrived = run(work)

    assert [record["number"] for record in arrived.records] == [0, 1, 2]
    assert arrived.records[0]["text"] == "é\n\ud800"
    assert (arrived.ending, arrived.error, seen) == ("", None, [])
    assert arrived.seconds > 0
    assert arrived.size_bytes > 0


def test_what_a_child_raises_arrives_with_its_type_and_traceback() -> None:
    def work(send: Send) -> None:
        send(1)
        raise FileNotFoundError("no such symbols")

    arrived = run(work)

    assert arrived.records == [1]
    assert arrived.error is not None
    assert (arrived.error["type"], arrived.error["text"]) == ("FileNotFoundError", "no such symbols")
    assert "OSError" in arrived.error["bases"].split()
    assert "in work" in arrived.error["traceback"]


def test_a_child_that_hangs_is_ended_and_what_it_sent_is_kept() -> None:
    def work(send: Send) -> None:
        send("first")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)

    arrived = run(work, seconds=1)

    assert (arrived.records, arrived.ending) == (["first"], "time")


def test_a_child_that_dies_is_told_by_its_signal() -> None:
    def work(send: Send) -> None:
        send("first")
        os.kill(os.getpid(), signal.SIGSEGV)

    arrived = run(work)

    assert (arrived.records, arrived.ending) == (["first"], "SIGSEGV")


def test_a_child_that_exits_without_a_word_has_not_completed() -> None:
    assert run(lambda send: os._exit(3)).ending == "exit status 3"


def test_more_bytes_than_agreed_end_the_child() -> None:
    def work(send: Send) -> None:
        while True:
            send("x" * 1000)

    arrived = run(work, answer_bytes=100_000)

    assert arrived.ending == "size"
    assert 1 <= len(arrived.records) <= 100


def test_memory_beyond_the_limit_is_an_error_of_the_child() -> None:
    arrived = perform(lambda send: send(len(bytearray(1 << 29))), 20, 1 << 20, 64 << 20)

    assert arrived.records == []
    assert arrived.error is not None
    assert arrived.error["type"] == "MemoryError"


def test_lines_that_are_no_records_are_passed_over() -> None:
    before = {descriptor for descriptor in range(256) if is_pipe(descriptor)}

    def work(send: Send) -> None:
        (pipe,) = {descriptor for descriptor in range(256) if is_pipe(descriptor)} - before
        os.write(pipe, b'5\n{"record": 7}\nnot json\n[[[[\n{"error": 5}\n')
        send("last")

    arrived = run(work)

    assert arrived.records[-2:] == [7, "last"]
    assert arrived.ending == ""
