import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.logs import LONGEST_ERROR, Log, log_errors, read_log

STAMP = "2026-01-31 13:21:44,590 [modules.guest]"
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in run\nValueError: bad'


@pytest.mark.parametrize(("size", "left_out"), [(10, 0), (11, 1), (1000, 990)])
def test_a_long_log_keeps_its_two_ends(size: int, left_out: int) -> None:
    data = bytes(65 + number % 26 for number in range(size))

    log = read_log(io.BytesIO(data), 10)

    assert log.left_out == left_out
    if left_out:
        head, middle, tail = log.text.split("\n")
        assert (head, tail) == (data[:5].decode(), data[-5:].decode())
        assert middle == f"[{left_out} bytes left out]"
    else:
        assert log.text == data.decode()


def test_bytes_that_are_not_text_are_escaped() -> None:
    assert read_log(io.BytesIO(b"caf\xe9 \x00\x1b[2J"), 100) == Log("caf\\xe9 \0\x1b[2J", 0)


def test_errors_are_records_of_the_two_worst_levels() -> None:
    levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    text = "".join(f"{STAMP} {level}: text of {level}\n" for level in levels)

    assert list(log_errors(text)) == [f"{STAMP} ERROR: text of ERROR", f"{STAMP} CRITICAL: text of CRITICAL"]


def test_a_traceback_belongs_to_the_record_above_it() -> None:
    text = f"{STAMP} INFO: wrong package\n{TRACEBACK}\n{STAMP} INFO: done\n"

    assert list(log_errors(text)) == [f"{STAMP} INFO: wrong package\n{TRACEBACK}"]


def test_a_traceback_without_a_record_is_an_error() -> None:
    assert list(log_errors(TRACEBACK)) == [TRACEBACK]


def test_line_ends_of_windows_are_understood() -> None:
    text = f"{STAMP} ERROR: one\r\n{STAMP} ERROR: two\r\n"

    assert list(log_errors(text)) == [f"{STAMP} ERROR: one", f"{STAMP} ERROR: two"]


def test_a_process_that_the_guest_did_not_expect_is_no_error() -> None:
    text = f"{STAMP} CRITICAL: Encountered an unknown process while in monitoring mode: C:\\a.exe!\n"

    assert list(log_errors(text)) == []


def test_an_endless_error_is_cut() -> None:
    text = f"{STAMP} ERROR: " + "x" * (2 * LONGEST_ERROR)

    assert [len(error) for error in log_errors(text)] == [LONGEST_ERROR]


@given(st.binary(max_size=300), st.integers(0, 100))
def test_any_bytes_are_a_log(data: bytes, maximum: int) -> None:
    log = read_log(io.BytesIO(data), maximum)

    assert log.left_out == max(0, len(data) - maximum)
    assert all(len(error) <= LONGEST_ERROR for error in log_errors(log.text))
