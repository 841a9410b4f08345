"""Reading a log: what is in it, and what cannot be read."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.behavior import reader
from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.behavior.log import FAULTS_KEPT, LogIndex
from lib.cuckoo.behavior.source import MOST_OPEN, LogSource
from lib.cuckoo.behavior.wire import LARGEST_DOCUMENT
from tests.behavior.agreement import everything
from tests.behavior.conftest import ReadLog
from tests.behavior.writer import (
    FIRST_SEEN,
    Int64,
    call,
    classic_call,
    document,
    info,
    process,
    second_call,
    second_process,
)

FOUND = Path(__file__).resolve().parents[1] / "data" / "behavior"
Read = Callable[[bytes], Calls]
ANY = info(9, "Any", "misc", ["Value"])
START = process() + ANY


def values(index: LogIndex) -> list[object]:
    return [
        argument["value"]
        for part in index.calls("logs/3052.bson")
        for one in part
        for argument in one["arguments"]
    ]


def faults(index: LogIndex) -> list[str]:
    return [str(fault["what"]) for fault in index.faults.first]


def test_a_process_announces_itself(read: ReadLog) -> None:
    environ = info(8, "__environ__", "__notification__", ["UserName", ["MainExeBase", "p"]])
    told = process() + environ + call(8, b"comp", Int64(0x400000)) + call(8, b"comp", Int64(0x500000))

    span = read(
        told + info(1, "__thread__", "__notification__", ["ProcessIdentifier"]) + call(1, 3052, T=7)
    ).spans[0]

    assert (span.process_id, span.parent_id, span.module_path) == (3052, 2456, r"C:\a.exe")
    assert span.environ == {"UserName": "comp", "MainExeBase": "0x00500000"}
    assert list(span.threads) == [7]
    assert span.second is None


def test_a_process_of_the_second_family_says_more(read: ReadLog) -> None:
    span = read(second_process()).spans[0]

    assert (span.process_id, span.parent_id) == (752, 2844)
    assert span.second == {
        "command_line": "a.exe",
        "is_64bit": 0,
        "track": 1,
        "modules": [{"basename": "a.exe", "imgsize": 4096}],
    }


def test_a_log_may_be_cut_at_any_byte(read: ReadLog) -> None:
    log = START + call(9, b"first") + call(9, b"second") + second_call(9, "third")
    whole = [len(START + call(9, b"first")), len(START + call(9, b"first") + call(9, b"second")), len(log)]

    for size in range(len(log) + 1):
        index = read(log[:size])

        assert len(index.columns) == sum(end <= size for end in whole)
        assert index.faults.count <= 1
        if size not in {0, *whole} and size > len(START):
            assert index.faults.first[0]["offset"] == max(
                len(START), *(end for end in [0, *whole] if end <= size)
            )


@pytest.mark.parametrize("size", [0, 3, 4, -1, -(1 << 31), (1 << 31) - 1, 1 << 20])
def test_behind_an_impossible_length_the_next_message_is_found(read: ReadLog, size: int) -> None:
    index = read(
        START + call(9, b"a") + struct.pack("<i", size) + b"noise" * 9 + call(9, b"b") + call(9, b"c")
    )

    assert values(index) == ["a", "b", "c"]
    assert (index.faults.count, index.faults.first[0]["offset"]) == (1, len(START + call(9, b"a")))


def test_a_document_above_the_bound_is_left_out(read: ReadLog) -> None:
    fits, above = (bytes(LARGEST_DOCUMENT - len(call(9, b"")) + more) for more in (0, 1))

    index = read(START + call(9, above) + call(9, fits) + call(9, b"next"))

    assert len(index.columns) == 2
    assert faults(index) == [f"a document of {LARGEST_DOCUMENT + 1} bytes, above {LARGEST_DOCUMENT}"]


def test_a_document_without_its_closing_zero_is_counted(read: ReadLog) -> None:
    log = bytearray(START + call(9, b"a") + call(9, b"b") + call(9, b"c"))
    log[len(START + call(9, b"a") + call(9, b"b")) - 1] = 1

    index = read(bytes(log))

    assert values(index) == ["a", "c"]
    assert faults(index) == [f"a document of {len(call(9, b'b'))} bytes without its closing zero"]


def test_a_call_of_an_undeclared_index_is_counted(read: ReadLog) -> None:
    index = read(process() + call(9, b"early") + ANY + call(9, b"a") + call(-1, b"b") + call(1 << 40, b"c"))

    assert values(index) == ["a"]
    assert faults(index) == [
        f"a call of index {at}, which was not declared before" for at in (9, -1, 1 << 40)
    ]


def test_a_redeclared_index_counts_for_the_calls_behind_it(calls: Read) -> None:
    found = calls(
        START + call(9, 1) + info(9, "Other", "misc", ["A", "B"]) + call(9, 1, 2) + ANY + call(9, 3)
    )

    assert [one["api"] for one in found] == ["Any", "Other", "Any"]
    assert [[argument["name"] for argument in one["arguments"]] for one in found] == [
        ["Value"],
        ["A", "B"],
        ["Value"],
    ]
    assert len(found.kinds) == 3  # with __process__


def test_an_index_beyond_the_table_is_read_as_well(calls: Read) -> None:
    found = calls(process() + info(70_000, "Far", "misc", ["Value"]) + call(70_000, 1) + call(70_000, 2))

    assert [one["api"] for one in found] == ["Far", "Far"]


@pytest.mark.parametrize(
    ("given_values", "names", "fault"),
    [
        ((), [], "2 arguments where 3 are declared"),
        ((1, 2, 3), ["Value", "3", "4"], "5 arguments where 3 are declared"),
    ],
)
def test_a_call_with_another_number_of_arguments_says_so(
    calls: Read, given_values: tuple[int, ...], names: list[str], fault: str
) -> None:
    found = calls(START + call(9, *given_values))[0]

    assert [argument["name"] for argument in found["arguments"]] == names
    assert found["fault"] == fault


def test_arguments_are_read_up_to_the_broken_one(calls: Read) -> None:
    log = process() + info(9, "Any", "misc", ["A", "B"]) + call(9, b"read", b"broken")
    at = log.rindex(b"broken") - 5

    found = calls(log[:at] + struct.pack("<i", 1000) + log[at + 4 :])[0]

    assert [argument["value"] for argument in found["arguments"]] == ["read"]
    assert found["fault"] == "an element of type 0x05 runs past its document"


def test_wrong_types_are_absent_values(calls: Read) -> None:
    log = START + document({"I": 9, "T": "thread", "t": [], "r": 1.5, "C": None, "args": ["yes", b"text", 7]})

    found = calls(log)[0]

    assert (found["thread_id"], found["repeated"], found["caller"]) == ("0", 0, "0x00000000")
    assert (found["status"], found["return"], found["arguments"]) == (
        True,
        "text",
        [{"name": "Value", "value": "7"}],
    )


@pytest.mark.parametrize("message", [{"I": "nine", "args": []}, {"args": []}, {}])
def test_a_message_without_an_index_is_counted(read: ReadLog, message: dict[str, object]) -> None:
    assert faults(read(START + document(message) + call(9, 1))) == ["a message without type and index"]


def test_a_call_without_arguments_is_a_call(calls: Read) -> None:
    found = calls(START + document({"I": 9, "T": 5, "t": 0}))[0]

    assert (found["thread_id"], found["arguments"]) == ("5", [])
    assert found["fault"] == "0 arguments where 3 are declared"


def test_a_call_type_without_success_and_return_value_is_read(calls: Read) -> None:
    odd = document(
        {"I": 9, "name": "Odd", "type": "info", "category": "misc", "args": ["A", "retval", 7, ["B", "p", 1]]}
    )

    found = calls(process() + odd + document({"I": 9, "T": 1, "t": 0, "args": [1, 2, 3, 4]}))[0]

    assert (found["status"], found["return"]) == (True, "0x00000002")
    assert {one["name"]: one["value"] for one in found["arguments"]} == {
        "A": "1",
        "2": "3",
        "B": "0x00000004",
    }


def test_declarations_are_bounded(read: ReadLog) -> None:
    large = info(9, "Large", "misc", ["x" * 60_000])
    larger = info(9, "Larger", "misc", ["x" * (64 << 10)])
    several = b"".join(info(at, f"Any{at}", "misc", ["x" * 60_000]) for at in range(10, 300))

    assert [fault.split()[:3] for fault in faults(read(process() + large + larger))] == [
        ["a", "declaration", "of"]
    ]
    index = read(process() + several + call(10, 1) + call(299, 1))
    assert len(index.columns) == 1
    assert faults(index)[0] == "a declaration beyond 65536 or 16777216 bytes of them"
    assert faults(index)[-1] == "a call of index 299, which was not declared before"


def test_other_messages_are_no_calls(read: ReadLog) -> None:
    others: list[dict[str, object]] = [
        {"type": "debug", "msg": "x"},
        {"type": "new_process", "name": "a", "starttime": 1},
        {"type": "flood"},
    ]

    index = read(START + b"".join(document(other) for other in others) + call(9, 1))

    assert len(index.columns) == 1
    assert faults(index) == ["a message of unknown type 'flood'"]


def test_deep_nesting_is_cut(calls: Read) -> None:
    deep: object = 1
    for _ in range(32):
        deep = [deep]
    nested = document({"I": 9, "T": 1, "t": 0, "args": [1, 0, deep]})
    for _ in range(10_000):
        size = len(nested) + 8
        nested = struct.pack("<i", size) + b"\x03a\0" + nested + b"\0"

    found = calls(START + call(9, deep) + nested + call(9, b"next"))

    assert [len(one["arguments"]) for one in found] == [1, 1]
    assert str(found[0]["arguments"][0]["value"]).count("[") == 32


def test_ten_thousand_levels_in_an_argument_are_cut(calls: Read) -> None:
    nested = document({})
    for _ in range(10_000):
        nested = struct.pack("<i", len(nested) + 8) + b"\x03a\0" + nested + b"\0"
    log = START + call(9, {"hook": 1})
    inner = document({"hook": 1})
    body = log[len(START) :].replace(inner, nested)
    grown = bytearray(body)
    for at in (0, body.index(b"args\0") + 5):
        struct.pack_into("<i", grown, at, struct.unpack_from("<i", body, at)[0] + len(nested) - len(inner))

    found = calls(START + bytes(grown))[0]

    assert str(found["arguments"][0]["value"]).count("{") == 32


def test_times_may_go_backwards(calls: Read) -> None:
    found = calls(START + call(9, 1, time=500) + call(9, 2, time=-60_000) + call(9, 3, time=1))

    assert [one["timestamp"] for one in found] == [
        "2021-01-28 02:14:05,155",
        "2021-01-28 02:13:04,655",
        "2021-01-28 02:14:04,656",
    ]


@pytest.mark.parametrize(
    ("filetime", "time", "stamp"),
    [
        (0, 0, "1601-01-01 00:00:00,000"),
        (0, -1, "1601-01-01 00:00:00,000"),
        (1 << 63, 0, "9999-12-31 23:59:59,999"),
        ((1 << 64) - 1, (1 << 63) - 1, "9999-12-31 23:59:59,999"),
        (0, -(1 << 63), "1601-01-01 00:00:00,000"),
    ],
)
def test_times_beyond_the_calendar_are_its_ends(calls: Read, filetime: int, time: int, stamp: str) -> None:
    found = calls(process(filetime=filetime) + ANY + call(9, 1, time=time))

    assert found[0]["timestamp"] == stamp
    assert stamp.encode() in b"".join(found.json_chunks())


def test_a_log_without_a_process_has_calls(read: ReadLog) -> None:
    index = read(ANY + call(9, b"a"))

    assert values(index) == ["a"]
    assert index.spans[0].process_id is None


def test_calls_before_the_announcement_belong_to_the_process(read: ReadLog) -> None:
    index = read(ANY + call(9, b"a") + process() + call(9, b"b"))

    assert [(span.process_id, span.start, span.stop) for span in index.spans] == [(3052, 0, 2)]


def test_a_pid_used_twice_in_one_log_is_two_processes(read: ReadLog) -> None:
    again = process(filetime=FIRST_SEEN + 10_000_000)

    index = read(START + call(9, 1) + process() + call(9, 1) + again + call(9, 1) + call(9, 2))

    assert [(span.start, span.stop) for span in index.spans] == [(0, 1), (1, 3)]
    assert [[one["id"] for one in part] for part in index.calls("logs/3052.bson")] == [[0], [0, 1]]


def test_faults_are_counted_beyond_those_that_are_kept(read: ReadLog) -> None:
    index = read(START + call(8, 1) * (FAULTS_KEPT + 50))

    assert (index.faults.count, len(index.faults.first)) == (FAULTS_KEPT + 50, FAULTS_KEPT)


def test_repetitions_stop_at_what_the_column_holds(calls: Read) -> None:
    most = Int64((1 << 63) - 1)

    assert [
        one["repeated"] for one in calls(START + call(9, 1, r=most) + call(9, 1, r=most) + call(9, 2, r=-5))
    ] == [
        (1 << 32) - 1,
        0,
    ]


@pytest.mark.parametrize("log", [b"", b"\0", b"\0" * 100, b"MZ" * 50, b"\xff" * 999])
def test_what_is_no_log_is_no_calls(read: ReadLog, log: bytes) -> None:
    index = read(log)

    assert len(index.columns) == 0
    assert index.faults.count == (1 if log else 0)


def packed(tmp_path: Path, content: bytes, budget: int) -> LogIndex:
    path = tmp_path / "3052.bson.gz"
    path.write_bytes(content)
    index = LogIndex(LogSource(path, budget))
    index.read()
    return index


@pytest.mark.usefixtures("scanner")
def test_a_packed_log_is_unpacked(tmp_path: Path) -> None:
    index = packed(tmp_path, gzip.compress(START + call(9, b"a")), 1 << 20)

    assert values(index) == ["a"]
    assert index.faults.count == 0


@pytest.mark.usefixtures("scanner")
def test_a_packed_log_is_read_up_to_the_budget(tmp_path: Path) -> None:
    log = START + call(9, b"a") + call(9, bytes(1000))

    assert packed(tmp_path, gzip.compress(log), len(log)).faults.count == 0
    index = packed(tmp_path, gzip.compress(log), len(log) - 1)
    assert values(index) == ["a"]
    assert faults(index)[0] == f"unpacks to more than {len(log) - 1} bytes"


@pytest.mark.parametrize("cut", [5, 60, -9, -2])
@pytest.mark.usefixtures("scanner")
def test_a_cut_packed_log_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    index = packed(tmp_path, gzip.compress(START + call(9, b"a"))[:cut], 1 << 20)

    assert faults(index)[0].startswith("cannot be unpacked further")


@pytest.mark.usefixtures("scanner")
def test_what_is_not_packed_says_so(tmp_path: Path) -> None:
    assert faults(packed(tmp_path, START, 1 << 20))[0].startswith(
        "cannot be unpacked further: Not a gzipped file"
    )


@pytest.mark.usefixtures("scanner")
def test_a_missing_log_says_so(tmp_path: Path) -> None:
    index = LogIndex(LogSource(tmp_path / "1.bson", 1))
    index.read()

    assert faults(index) == [f"cannot read {tmp_path}/1.bson: No such file or directory"]


@pytest.mark.parametrize("kind", ["a FIFO", "a directory"])
def test_what_took_the_place_of_a_log_is_neither_waited_for_nor_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "1.bson"
    os.mkfifo(path) if kind == "a FIFO" else path.mkdir()
    source = LogSource(path, 1)

    assert source.data() == b""
    assert source.fault == f"cannot read {path}: it is {kind}"


def test_a_link_that_took_the_place_of_a_log_is_not_followed_out(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "secret").write_bytes(START)
    (tmp_path / "logs" / "1.bson").symlink_to(tmp_path / "secret")
    source = LogSource(tmp_path / "logs" / "1.bson", 1)

    assert source.data() == b""
    assert source.fault.endswith("outside the analysis")


def test_many_logs_are_not_open_at_once(tmp_path: Path) -> None:
    sources = []
    for number in range(MOST_OPEN + 5):
        path = tmp_path / f"{number}.bson"
        path.write_bytes(START)
        sources.append(LogSource(path, 1))
        sources[-1].data()

    assert [source.is_open for source in sources] == [False] * 5 + [True] * MOST_OPEN
    assert len(sources[0].data()) == len(START)


# --- both scanners, and any bytes

numbers = st.integers(-(1 << 63), (1 << 63) - 1)
leaves = (
    numbers
    | st.binary(max_size=12)
    | st.text(max_size=6)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False)
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner)
)
calls_of_9 = st.builds(
    lambda values, more: document({"I": 9, **more, "args": values}),
    st.lists(anything, max_size=5),
    st.dictionaries(
        st.sampled_from(["C", "R", "P", "T", "t", "r", "h", "e", "aux", "type"]), anything, max_size=4
    ),
)
usual_calls = st.builds(
    lambda make, value, time: make(9, value, time=time),
    st.sampled_from([call, classic_call, second_call]),
    st.sampled_from([1, b"a", b"\xff", "\u00e9", Int64(-1)]),
    st.integers(-5, 5),
)
broken = st.binary(max_size=30) | st.builds(
    lambda size, rest: struct.pack("<i", size) + rest, st.integers(0, 60), st.binary()
)
logs = st.lists(
    usual_calls | usual_calls | calls_of_9 | broken | st.just(ANY) | st.just(process()), max_size=8
).map(b"".join)


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "1.bson"


def both_agree(log: bytes, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(log)
    answers = []
    for one in reader.available().values():
        monkeypatch.setattr(reader, "_active", one)
        index = LogIndex(LogSource(path, 1 << 20))
        index.read()
        answers.append(everything(index))
    assert all(answer == answers[0] for answer in answers)


relaxed = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(log=logs)
def test_both_scanners_agree_on_any_messages(
    log: bytes, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_agree(START + log, log_file, monkeypatch)


@relaxed
@given(log=logs, at=st.integers(0, 1 << 20), byte=st.integers(0, 255))
def test_both_scanners_agree_on_corrupted_logs(
    log: bytes, at: int, byte: int, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrupted = bytearray(START + log)
    corrupted[at % len(corrupted)] = byte
    both_agree(bytes(corrupted), log_file, monkeypatch)


@relaxed
@given(log=st.binary(max_size=300))
def test_both_scanners_agree_on_any_bytes(
    log: bytes, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_agree(log, log_file, monkeypatch)


@pytest.mark.parametrize("log", sorted(FOUND.glob("*.bson")), ids=lambda path: path.stem)
def test_both_scanners_agree_on_what_fuzzing_found(
    log: Path, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_agree(log.read_bytes(), log_file, monkeypatch)
