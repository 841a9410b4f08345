import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.callfiles import (
    SavedCalls,
    call_file_names,
    remove_calls,
    told_elsewhere,
    with_saved_calls,
    write_calls,
)

HOSTILE = ("../../4", "4/..", "", "a\0b", -4, True, 4.0, None, 1 << 64, "٤", "=cmd|'/c'!A0", ["4"], "9" * 21)


def processes(*pids: object) -> list[dict[str, Any]]:
    return [
        {"process_id": pid, "calls": [{"api": f"A{row}", "id": row} for row in range(place + 1)]}
        for place, pid in enumerate(pids)
    ]


def files(reports: Path) -> dict[str, str]:
    return {
        str(path.relative_to(reports)): path.read_text(encoding="utf-8")
        for path in sorted(reports.rglob("*"))
        if path.is_file()
    }


def test_every_process_has_a_file_of_its_own_with_a_call_a_line(tmp_path: Path) -> None:
    counts = write_calls(tmp_path, processes(4, 752, 4))

    assert counts == [1, 2, 3]
    assert files(tmp_path) == {
        "calls/4.ndjson": '{"api":"A0","id":0}\n',
        "calls/752.ndjson": '{"api":"A0","id":0}\n{"api":"A1","id":1}\n',
        "calls/4-2.ndjson": '{"api":"A0","id":0}\n{"api":"A1","id":1}\n{"api":"A2","id":2}\n',
    }


def test_the_calls_of_a_log_are_written_as_the_report_has_them(
    example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    of_example = example[1]["behavior"]["processes"]

    counts = write_calls(tmp_path, of_example)

    assert counts == [len(each["calls"]) for each in of_example]
    for process in of_example:
        lines = (tmp_path / "calls" / f"{process['process_id']}.ndjson").read_bytes().splitlines()
        assert list(map(json.loads, lines)) == json.loads(b"".join(process["calls"].json_chunks()))


def test_hostile_process_ids_become_plain_names() -> None:
    names = call_file_names(processes(*HOSTILE))

    assert names[0] == "calls/unknown.ndjson"
    assert names[-1] == f"calls/unknown-{len(HOSTILE)}.ndjson"
    assert call_file_names(processes(4, "4", "004")) == [f"calls/4{end}.ndjson" for end in ("", "-2", "-3")]


@given(
    st.lists(
        st.integers() | st.text(max_size=5) | st.sampled_from(HOSTILE) | st.integers(0, 3).map(str),
        max_size=20,
    )
)
def test_names_are_safe_and_no_two_are_equal(pids: list[Any]) -> None:
    names = call_file_names(processes(*pids))

    assert len(set(names)) == len(pids)
    assert all(name.isascii() and name.count("/") == 1 and ".." not in name for name in names)


def test_a_process_without_calls_has_no_file(tmp_path: Path) -> None:
    assert write_calls(tmp_path, [{"process_id": 4, "calls": []}, {"process_id": 5}]) == [0, 0]
    assert files(tmp_path) == {}


def test_nothing_of_an_earlier_run_stays(tmp_path: Path) -> None:
    write_calls(tmp_path, processes(4, 5))
    (tmp_path / ".calls").mkdir()
    (tmp_path / ".calls" / "7.ndjson").touch()

    write_calls(tmp_path, processes(5))

    assert list(files(tmp_path)) == ["calls/5.ndjson"]
    remove_calls(tmp_path)
    remove_calls(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_links_in_the_place_of_the_folder_are_replaced_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "4.ndjson").write_text("precious")
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("calls", ".calls", ".calls.former"):
        (reports / name).symlink_to(outside)

    write_calls(reports, processes(4))

    assert not (reports / "calls").is_symlink()
    assert (outside / "4.ndjson").read_text() == "precious"
    (reports / ".calls").symlink_to(outside)
    remove_calls(reports)
    assert list(files(outside)) == ["4.ndjson"]


def test_on_an_error_the_files_of_the_earlier_run_stay(tmp_path: Path) -> None:
    write_calls(tmp_path, processes(4))
    before = files(tmp_path)

    with pytest.raises(TypeError):
        write_calls(tmp_path, [*processes(5), {"process_id": 6, "calls": [object()]}])

    assert files(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]


def test_the_report_says_where_the_calls_are_and_how_many() -> None:
    listed: list[Any] = [*processes(4), "odd", {"process_id": 5}]
    results = {"behavior": {"processes": listed}, "info": {}}

    told = told_elsewhere(results, [1, 0], ["calls/4.ndjson", "calls/5.ndjson"])

    assert told["behavior"]["processes"] == [
        {"process_id": 4, "calls": [], "calls_count": 1, "calls_file": "calls/4.ndjson"},
        "odd",
        {"process_id": 5, "calls": [], "calls_count": 0},
    ]
    assert listed[0]["calls"]
    assert told_elsewhere({"behavior": None}, [], []) == {"behavior": None}


def saved(tmp_path: Path, content: bytes) -> SavedCalls:
    (tmp_path / "4.ndjson").write_bytes(content)
    return SavedCalls(AnalysisFolder(tmp_path), tmp_path / "4.ndjson")


def test_saved_calls_are_a_sequence(tmp_path: Path) -> None:
    calls = saved(tmp_path, b'{"id":0}\n{"id":1}\n{"id":2}')

    assert len(calls) == 3
    assert [call["id"] for call in calls] == [0, 1, 2]
    assert (calls[0], calls[-1], calls[1:]) == ({"id": 0}, {"id": 2}, [{"id": 1}, {"id": 2}])
    assert calls[::-1] == [{"id": 2}, {"id": 1}, {"id": 0}]
    with pytest.raises(IndexError):
        calls[3]


def test_a_line_that_is_no_call_is_named(tmp_path: Path) -> None:
    calls = saved(tmp_path, b'{"id":0}\n{"id":\n')

    assert calls[0] == {"id": 0}
    with pytest.raises(CuckooOperationalError, match=r"cannot read .*4\.ndjson, line 2: "):
        calls[1]


def test_a_forged_name_opens_nothing(tmp_path: Path) -> None:
    reports = tmp_path / "analysis" / "reports"
    (reports / "calls").mkdir(parents=True)
    (tmp_path / "secret").write_text("{}\n")
    (reports / "calls" / "4.ndjson").symlink_to(tmp_path / "secret")
    folder = AnalysisFolder(tmp_path / "analysis")
    forged = ["../../secret", str(tmp_path / "secret"), "calls/../x", "calls/5.ndjson", None, 7]
    results: dict[str, Any] = {
        "behavior": {"processes": [{"calls": [], "calls_file": name} for name in forged]}
    }

    assert [
        each["calls"] for each in with_saved_calls(results, folder, reports)["behavior"]["processes"]
    ] == [[]] * 6
    linked = with_saved_calls(
        {"behavior": {"processes": [{"calls_file": "calls/4.ndjson"}]}}, folder, reports
    )
    with pytest.raises(CuckooOperationalError, match="outside the analysis"):
        len(linked["behavior"]["processes"][0]["calls"])


@given(st.binary(max_size=100))
def test_any_bytes_are_calls_or_the_named_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    calls = saved(tmp_path_factory.getbasetemp(), content)

    try:
        assert len(list(calls)) == len(calls)
    except CuckooOperationalError as error:
        assert "4.ndjson, line" in str(error)
