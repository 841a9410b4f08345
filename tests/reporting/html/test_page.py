import re
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.html.page import Bounds, bounds_from, page_chunks
from lib.cuckoo.reporting.story.parts import Limits
from tests.reporting.hostile import FORBIDDEN, poisoned

ADDRESS = re.compile(r'(?:href|src)="(?!#|data:image/(?:png|jpeg);base64,)[^"]*"')


def page(results: dict[str, Any], folder: Path, bounds: Bounds | None = None) -> str:
    return b"".join(page_chunks(results, AnalysisFolder(folder), bounds or Bounds())).decode()


def call(number: int) -> dict[str, Any]:
    return {
        "timestamp": f"2026-01-31 13:21:{number % 60:02},000",
        "api": f"Call{number}",
        "category": "file",
        "status": True,
        "return": "0x00000000",
        "arguments": [{"name": "FileName", "value": "C:\\" + "x" * 150}] * 5,
    }


def test_the_sections_stand_in_the_order_in_which_people_read_them(
    example: tuple[Path, dict[str, Any]],
) -> None:
    markup = (example[0] / "reports" / "report.html").read_text(encoding="utf-8")

    assert re.findall(r'<section id="(\w+)"', markup) == [
        *("summary", "processes", "signatures", "network", "dropped", "static"),
        *("strings", "screenshots", "calls", "ledger"),
    ]


def test_what_an_analyst_looks_for_is_there_without_a_script(example: tuple[Path, dict[str, Any]]) -> None:
    folder, results = example
    markup = re.sub(
        r"<script>.*?</script>", "", (folder / "reports" / "report.html").read_text(), flags=re.DOTALL
    )

    for wanted in (
        *("Malicious", results["target"]["file"]["sha256"], "Process Hollowing", "winsync.exe"),
        *("irc.quietroom.example", "Local\\inv-7f3a9c", "RegSetValueExW", "COMPLETED"),
    ):
        assert wanted in markup
    assert markup.count("<img ") == 3


def test_nothing_is_loaded_from_elsewhere(example: tuple[Path, dict[str, Any]]) -> None:
    markup = (example[0] / "reports" / "report.html").read_text(encoding="utf-8")

    assert ADDRESS.findall(markup) == []
    assert "default-src &#39;none&#39;" in markup or "default-src 'none'" in markup
    assert " style=" not in markup
    assert "@import" not in markup
    assert "url(" not in markup


def test_hostile_text_is_escaped_and_visible(example: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    markup = page(poisoned(example[1] | {"behavior": {}}), tmp_path)

    assert markup.count("<script") == 1
    assert "<img" not in markup
    assert "1337" not in markup
    assert not [hex(ord(char)) for char in FORBIDDEN if char in markup]
    assert "\\u202e" in markup
    assert "\\ud800" in markup


def test_nothing_at_all_still_makes_a_page(tmp_path: Path) -> None:
    markup = page({}, tmp_path)

    assert "Not judged" in markup
    assert re.findall(r'<section id="(\w+)"', markup) == ["summary"]


def test_a_page_stays_below_its_size_however_much_there_is(tmp_path: Path) -> None:
    results = {
        "target": {"file": {"name": "n" * 10_000_000}},
        "strings": ["s" * 5000] * 50_000,
        "behavior": {
            "processes": [
                {"process_id": pid, "calls": [call(each) for each in range(300)]} for pid in range(60)
            ],
            "summary": {name: ["f" * 3000] * 3000 for name in ("files", "keys", "mutexes")},
        },
        "dropped": [{"name": "d" * 3000, "guest_paths": ["p" * 3000] * 300}] * 3000,
    }

    assert len(page(results, tmp_path).encode()) < 8_000_000
    assert len(page(results, tmp_path, Bounds(page_bytes=1_000_000)).encode()) < 1_000_000


@pytest.mark.parametrize(("limit", "shown"), [(2, 2), (3, 3), (4, 3)])
def test_the_first_calls_are_shown_and_the_rest_counted(tmp_path: Path, limit: int, shown: int) -> None:
    process = {"process_id": 4, "process_name": "a.exe", "calls": [call(each) for each in range(3)]}

    markup = page({"behavior": {"processes": [process]}}, tmp_path, Bounds(limits=Limits(calls=limit)))

    assert len(re.findall(r"<b>Call\d</b>", markup)) == shown
    assert ("fledge calls FOLDER --pid 4" in markup) == (shown < 3)


@pytest.mark.parametrize("limit", [1, 2])
def test_calls_that_were_written_apart_are_linked(tmp_path: Path, limit: int) -> None:
    (tmp_path / "reports" / "calls").mkdir(parents=True)
    for name in ("4", "4-2", "unknown"):
        (tmp_path / "reports" / "calls" / f"{name}.ndjson").touch()
    processes = [{"process_id": pid, "calls": [call(1), call(2)]} for pid in (4, 5, "../4", 4)]

    markup = page({"behavior": {"processes": processes}}, tmp_path, Bounds(limits=Limits(calls=limit)))

    linked = ["calls/4.ndjson", "calls/unknown.ndjson", "calls/4-2.ndjson"]
    assert re.findall(r'href="([^#"]+)"', markup) == linked


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_entries_beyond_the_limit_are_counted(tmp_path: Path, limit: int) -> None:
    markup = page({"strings": ["one", "two"]}, tmp_path, Bounds(limits=Limits(entries=limit)))

    assert ("1 of 2 shown" in markup) == (limit == 1)


def test_a_long_value_says_how_much_it_lacks(tmp_path: Path) -> None:
    markup = page({"strings": ["a" * 50]}, tmp_path, Bounds(limits=Limits(text=40)))

    assert "a" * 40 + "… (10 more characters)" in markup


@pytest.mark.parametrize(
    "section", ["info", "target", "behavior", "network", "static", "signatures", "ttps", "engine", "score"]
)
@pytest.mark.parametrize("value", [None, 7, "text", [], [1, [2]], {"a": {"b": [None]}}, [{"calls": 3}]])
def test_a_section_of_any_shape_costs_at_most_itself(tmp_path: Path, section: str, value: object) -> None:
    markup = page({"strings": ["still here"], section: value}, tmp_path)

    assert "still here" in markup


def test_an_option_out_of_range_is_named() -> None:
    with pytest.raises(CuckooOperationalError, match="the option text is 39, the least is 40"):
        bounds_from({"text": 39})


def test_options_become_bounds() -> None:
    options = {"megabytes": "2", "picture_megabytes": 0, "entries": 1, "text": 40, "calls": 1}

    assert bounds_from(options) == Bounds(2_000_000, 0, Limits(entries=1, text=40, calls=1))
    assert bounds_from({}) == Bounds()
