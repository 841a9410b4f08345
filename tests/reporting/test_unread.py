import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.reporting import unread
from lib.cuckoo.reporting.saved import read_report
from lib.cuckoo.reporting.unread import UnreadCalls, opened_report


def saved(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "report.json"
    file.write_bytes(content)
    return file


def report(*counts: int) -> dict[str, Any]:
    processes = [
        {
            "process_id": pid,
            "calls": [
                {"api": "Nt\\u00e9\n", "id": number, "x": "é€😀" * (number % 7)} for number in range(count)
            ],
            "threads": ["1"],
        }
        for pid, count in enumerate(counts)
    ]
    return {"info": {"id": 3}, "behavior": {"processes": processes, "summary": {"files": ["a"]}}, "last": 1.5}


def whole(results: dict[str, Any]) -> Any:
    """Return results with all calls read."""
    return json.loads(json.dumps(results, default=list))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_report_is_the_same_with_its_calls_unread(tmp_path: Path, pack: Any, indent: int | None) -> None:
    content = report(0, 1, 255, 256, 257, 1000)
    file = saved(tmp_path, pack(json.dumps(content, indent=indent, ensure_ascii=False).encode()))

    with opened_report(file) as found:
        calls = [process["calls"] for process in found["behavior"]["processes"]]
        assert all(isinstance(each, UnreadCalls) for each in calls)
        assert [len(each) for each in calls] == [0, 1, 255, 256, 257, 1000]
        assert whole(found) == content
        assert calls[5][777] == content["behavior"]["processes"][5]["calls"][777]
        assert [each["id"] for each in calls[5][255:258]] == [255, 256, 257]
        assert calls[5][-1]["id"] == 999
        with pytest.raises(IndexError):
            calls[0][0]


def test_two_readers_of_the_same_calls_do_not_disturb_each_other(tmp_path: Path) -> None:
    with opened_report(saved(tmp_path, json.dumps(report(600)).encode())) as found:
        calls = found["behavior"]["processes"][0]["calls"]
        pairs = zip(calls, calls, strict=True)

        assert all(one == other for one, other in pairs)


def test_small_pieces_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = report(300, 2)
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(unread, "_PIECE", size)
        with opened_report(saved(tmp_path, json.dumps(content, ensure_ascii=False).encode())) as found:
            assert whole(found) == content


def test_events_are_left_out(tmp_path: Path) -> None:
    content = {"behavior": {"enhanced": [{"a": 1}, {"b": [2]}], "anomaly": [1]}}

    with opened_report(saved(tmp_path, json.dumps(content).encode())) as found:
        assert found == {"behavior": {"enhanced": None, "anomaly": [1]}}


def test_calls_of_an_odd_shape_are_as_they_are(tmp_path: Path) -> None:
    content = {
        "behavior": {
            "processes": [3, {"calls": {"a": 1}}, {"calls": None}, {"calls": [[1], "x", 2]}],
            "x": [],
        }
    }

    with opened_report(saved(tmp_path, json.dumps(content).encode())) as found:
        assert whole(found) == content
    others: tuple[dict[str, Any], ...] = (
        *({"behavior": []}, {"behavior": {"processes": {}}}, {"behavior": {"processes": None}}, {}),
    )
    for odd in others:
        with opened_report(saved(tmp_path, json.dumps(odd).encode())) as found:
            assert found == odd


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"[1]",
            b'"x"',
            b"{",
            b'{"a"',
            b'{"a":',
            b'{"a":1',
            b'{"a":1,}',
            b'{"a":1}x',
            b"{1:2}",
            b"{,}",
        ),
        b'{"behavior":{"processes":[{"calls":[1,]}]}}',
        b'{"behavior":{"processes":[{"calls":[1 2]}]}}',
        b'{"behavior":{"processes":[{"calls":[1',
        b'{"a":' + b"[" * 100_000,
        gzip.compress(b'{"a":1}', mtime=0)[:-12],
    ],
)
def test_what_is_no_report_is_named(tmp_path: Path, content: bytes) -> None:
    with (
        pytest.raises(CuckooOperationalError, match=r"cannot read .*report\.json"),
        opened_report(saved(tmp_path, content)),
    ):
        pass


def test_a_report_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b'{"a": "%s"}' % (b"x" * 1000), gzip.compress(b'{"a": "%s"}' % (b"x" * 1000))):
        with (
            pytest.raises(CuckooOperationalError, match=r"larger than 1\.0 kB"),
            opened_report(saved(tmp_path, content), 1000),
        ):
            pass
    monkeypatch.setattr(unread, "MOST_KEPT", 400)
    text = json.dumps({"a": "x" * 300, "b": "x" * 300}).encode()
    with (
        pytest.raises(CuckooOperationalError, match="sections without calls are larger"),
        opened_report(saved(tmp_path, text)),
    ):
        pass
    with opened_report(saved(tmp_path, json.dumps(report(100)).encode())):
        pass


def test_a_file_that_changes_meanwhile_is_named(tmp_path: Path) -> None:
    file = saved(tmp_path, json.dumps(report(1000)).encode())
    with opened_report(file) as found:
        file.write_bytes(b"x" * file.stat().st_size)
        with pytest.raises(CuckooOperationalError, match="changed while it was read"):
            list(found["behavior"]["processes"][0]["calls"])


def test_an_error_of_whoever_reads_is_theirs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="theirs"), opened_report(saved(tmp_path, b"{}")):
        raise ValueError("theirs")


def test_calls_take_no_memory(tmp_path: Path) -> None:
    file = saved(tmp_path, json.dumps(report(60_000)).encode())
    assert file.stat().st_size > 4_000_000
    tracemalloc.start()
    with opened_report(file) as found:
        count = sum(1 for _ in found["behavior"]["processes"][0]["calls"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 60_000
    assert peak < 12 * (1 << 20)


def test_calls_in_files_of_their_own_are_read_too(tmp_path: Path) -> None:
    calls = tmp_path / "reports" / "calls"
    calls.mkdir(parents=True)
    (calls / "4.ndjson").write_text('{"api": "a"}\n{"api": "b"}\n')
    process = {"process_id": 4, "calls": [], "calls_count": 2, "calls_file": "calls/4.ndjson"}
    (tmp_path / "reports" / "report.json").write_text(json.dumps({"behavior": {"processes": [process]}}))

    with opened_report(tmp_path) as found:
        assert [call["api"] for call in found["behavior"]["processes"][0]["calls"]] == ["a", "b"]


TEXTS = st.text(alphabet='{}[]":,0e.-\\ unltrue\ud800é', max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("behavior", "processes", "calls", "a", "")), inner, max_size=4)
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | JSON.map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_the_same_report_or_the_named_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = saved(tmp_path_factory.getbasetemp(), content)
    try:
        expected: Any = read_report(file)
    except CuckooOperationalError:
        expected = None
    try:
        with opened_report(file) as found:
            assert whole(found) == expected
    except CuckooOperationalError:
        assert expected is None


@pytest.mark.parametrize(
    "content",
    [{"x": [[]] * 60}, {str(number): [] for number in range(60)}],
    ids=["in one value", "in several"],
)
def test_more_lists_than_a_report_has_are_refused(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path, json.dumps(content).encode())
    with opened_report(file) as found:
        assert found == content
    monkeypatch.setattr(unread, "MOST_KEPT_PARTS", 50)

    with pytest.raises(CuckooOperationalError, match="more than 50 lists"), opened_report(file):
        pass
