import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.analysis.task import DEFAULTS, MAXIMUM_BYTES, load_task, plain_date

CONF = "[analysis]\nid = 12\ncategory = file\ntarget = /samples/a.exe\n"


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "4711"
    folder.mkdir()
    return folder


def test_a_task_of_the_second_family_is_read(shared_data: Path) -> None:
    task, problems = load_task(shared_data / "analyses" / "cuckoo2-2204-sanitised")

    assert problems == []
    assert task["id"] == 2204
    assert task["started_on"] == "2016-08-25 22:44:58"
    assert task["completed_on"] == "2016-08-25 22:46:05"
    assert task["clock"] == "2016-08-25 22:44:56"
    assert task["target"] == "/home/test/git/samples/CVE-2011-0611.pdf_"
    assert task["guest"]["name"] == "cuckoo1"
    assert task["options"] == {"human": "0"}


def test_a_task_of_the_successor_is_read(analysis: Path) -> None:
    (analysis / "task.json").write_text(
        json.dumps({"id": 9, "category": "url", "target": "http://a/", "started_on": "2023-01-06 22:11:04"})
    )

    task, problems = load_task(analysis)

    assert problems == []
    assert (task["id"], task["category"], task["started_on"]) == (9, "url", "2023-01-06 22:11:04")
    assert task["package"] == ""


def test_a_classic_configuration_is_read(analysis: Path) -> None:
    (analysis / "analysis.conf").write_text(
        "[analysis]\nid = 3\ncategory = file\ntarget = /tmp/100% real.exe\npackage = None\n"
        "timeout = 120\ntimeout = 200\nclock = 20160825T22:44:56\nfree\n"
    )

    task, problems = load_task(analysis)

    assert problems == []
    assert (task["id"], task["timeout"], task["package"]) == (3, 200, "")
    assert task["target"] == "/tmp/100% real.exe"
    assert task["clock"] == "2016-08-25 22:44:56"


def test_the_first_good_source_is_the_only_one_read(analysis: Path) -> None:
    (analysis / "task.json").write_text('{"id": 9, "category": "url"}')
    (analysis / "analysis.conf").write_text(CONF)

    task, problems = load_task(analysis)

    assert (task["id"], task["category"], task["target"], problems) == (9, "url", "", [])


def test_a_folder_without_a_task_tells_what_it_can(analysis: Path) -> None:
    (analysis / "binary").write_bytes(b"MZ")

    assert load_task(analysis) == (DEFAULTS | {"id": 4711, "category": "file"}, [])


def test_an_exported_folder_names_its_sample(shared_data: Path) -> None:
    task, problems = load_task(shared_data / "analyses" / "cape-AcceptEx.exe")

    assert problems == []
    assert (task["id"], task["category"], task["target"]) == (None, "file", "AcceptEx.exe")


@pytest.mark.parametrize("folder", ["", "4711/absent"])
def test_an_empty_and_an_absent_folder_have_an_unknown_task(tmp_path: Path, folder: str) -> None:
    task, problems = load_task(tmp_path / folder)

    assert (task["category"], task["target"], problems) == ("unknown", "", [])


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "task.json: empty"),
        (b'{"id": 5, "categ', "task.json: no JSON"),
        (b"[1, 2]", "task.json: holds a list, not an object"),
        (b"[" * 10_000 + b"]" * 10_000, "task.json: nested"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "task.json: nested"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "task.json: nested more than 20 deep"),
        (b'{"id": ' + b"9" * 5000 + b"}", "task.json: no JSON"),
        (b" " * (MAXIMUM_BYTES + 1), "task.json: larger than"),
    ],
    ids=["empty", "cut", "list", "deep lists", "deep objects", "somewhat deep", "huge number", "too large"],
)
def test_a_bad_task_is_explained_and_the_next_source_is_read(
    analysis: Path, raw: bytes, problem: str
) -> None:
    (analysis / "task.json").write_bytes(raw)
    (analysis / "analysis.conf").write_text(CONF)

    task, problems = load_task(analysis)

    assert len(problems) == 1
    assert problems[0].startswith(problem)
    assert (task["id"], task["target"]) == (12, "/samples/a.exe")


def test_a_task_of_a_hundred_megabytes_is_not_read(analysis: Path) -> None:
    with (analysis / "task.json").open("wb") as stream:
        stream.truncate(100_000_000)

    task, problems = load_task(analysis)

    assert task["id"] == 4711
    assert problems == [f"task.json: larger than the {MAXIMUM_BYTES} bytes that a task may take"]


def test_a_task_in_latin_1_is_read_and_that_is_said(analysis: Path) -> None:
    (analysis / "task.json").write_bytes(
        '{"id": 1, "category": "file", "target": "/tmp/café.exe"}'.encode("latin-1")
    )

    task, problems = load_task(analysis)

    assert task["target"] == "/tmp/café.exe"
    assert problems == ["task.json: byte 49 is not UTF-8; read as Latin-1"]


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        ("id = 1\n", "analysis.conf: line 1 stands before any section"),
        ("[machine]\nid = 1\n", "analysis.conf: has no section [analysis]"),
        ("", "analysis.conf: has no section [analysis]"),
    ],
)
def test_a_bad_configuration_is_explained(analysis: Path, conf: str, problem: str) -> None:
    (analysis / "analysis.conf").write_text(conf)

    task, problems = load_task(analysis)

    assert problems == [problem]
    assert task["id"] == 4711


def test_a_line_that_is_no_option_spoils_only_itself(analysis: Path) -> None:
    (analysis / "analysis.conf").write_text("[analysis]\n= nothing\nid = 12\n[broken\ncategory = file\n")

    task, _ = load_task(analysis)

    assert (task["id"], task["category"]) == (12, "file")


def test_a_task_that_is_a_fifo_or_leads_out_is_refused(analysis: Path) -> None:
    os.mkfifo(analysis / "task.json")
    (analysis / "analysis.conf").symlink_to("/etc/passwd")

    task, problems = load_task(analysis)

    assert task["id"] == 4711
    assert [text.partition(": ")[2] for text in problems] == [
        "it is a FIFO",
        "it leads to /etc/passwd, outside the analysis",
    ]


@pytest.mark.parametrize("value", [5, ["file"], None, "", {}])
def test_a_value_of_the_wrong_type_counts_as_unknown(analysis: Path, value: object) -> None:
    (analysis / "task.json").write_text(json.dumps({"id": [], "category": value, "target": value}))

    task, _ = load_task(analysis)

    assert (task["id"], task["category"], task["target"]) == (4711, "unknown", "")


def test_values_that_no_report_can_hold_are_replaced(analysis: Path) -> None:
    (analysis / "task.json").write_text(
        '{"id": 1, "custom": "\\ud800", "memory": NaN, "score": 1e999, "seed": 99999999999999999999}'
    )

    task, _ = load_task(analysis)

    assert (task["custom"], task["memory"], task["score"]) == ("\\ud800", None, None)
    assert task["seed"] == "99999999999999999999"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2016-08-25T22:44:58.917943", "2016-08-25 22:44:58"),
        ("2016-08-25 22:44:58", "2016-08-25 22:44:58"),
        ("20160825T22:44:56", "2016-08-25 22:44:56"),
        ("yesterday", "yesterday"),
        (7, None),
    ],
)
def test_dates_become_plain_text(value: object, expected: str | None) -> None:
    assert plain_date(value) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: f'{{"id": 1, "target": {text}}}'.encode())
)
def test_any_bytes_give_a_task(analysis: Path, raw: bytes) -> None:
    (analysis / "task.json").write_bytes(raw)
    (analysis / "analysis.conf").write_bytes(raw)

    task, _ = load_task(analysis)

    assert DEFAULTS.keys() <= task.keys()
