"""Everything that fledge writes or prints, of folders and of results in which every text is a payload."""

import copy
import gzip
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from click.testing import CliRunner
from rich.console import Console, RenderableType

from lib.cuckoo.behavior.export import TEXT_FORMATS
from lib.cuckoo.cli import cli
from lib.cuckoo.cli.terminal import json_text
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.root import SHIPPED
from lib.cuckoo.console.batch import Tally, batch_summary, line_of, watch_line
from lib.cuckoo.console.cached import cached
from lib.cuckoo.console.explanation import explanation_parts
from lib.cuckoo.console.show import SECTION_NAMES
from lib.cuckoo.core.cache.shelf import Holding, Shelf
from lib.cuckoo.core.signatures.explain import Explanation, Verdict
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.page import Bounds, page_chunks
from lib.cuckoo.reporting.iocs.gather import gathered_indicators
from lib.cuckoo.reporting.iocs.writing import as_csv, as_ndjson
from lib.cuckoo.reporting.jsonstream import json_chunks
from lib.cuckoo.reporting.misp.event import event_chunks
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sqlite.database import write_database
from lib.cuckoo.reporting.stix.bundle import bundle_chunks
from tests.reporting.hostile import HUGE, PAYLOADS, crowded, poisoned
from tests.reporting.hostile_folder import PID, write_document, write_program
from tests.reporting.html.test_browser import ATTRIBUTES, complaints, opened
from tests.reporting.sane import assert_sane, assert_sound_database, parsed, parsed_lines, table, unseen
from tests.reporting.sharing.test_hostile import EVERYTHING
from tests.reporting.validators import checked_bundle, checked_event
from tools.example import write_analysis

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

LARGEST_PAGE = 8_000_000
LONGEST_TALK = 1_000_000
CALLS_KEPT = 5
OURS = re.compile(r"src=data:image/(png|jpeg);base64,[\w+/=]+|href=calls/\d+\.ndjson")
"""Pictures, and the files beside the page that we wrote."""


def fledge(*arguments: object, status: Sequence[int] = (0,)) -> bytes:
    """Run a command here; return what it printed."""
    ran = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert ran.exit_code in status, (ran.output[-2000:], ran.exception)
    return ran.stdout_bytes


def assert_silent(driver: "WebDriver", page: Path) -> None:
    """Open a page, with all that can be unfolded, and see that nothing in it ran or would."""
    assert page.stat().st_size < LARGEST_PAGE
    opened(driver, page)
    driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert complaints(driver) == []
    assert driver.execute_script("return typeof window.canary") == "undefined"
    assert driver.execute_script("return document.querySelectorAll('script, style').length") == 2
    assert [each for each in driver.execute_script(ATTRIBUTES) if not OURS.fullmatch(each)] == []
    assert unseen(driver.execute_script("return document.body.innerText")) <= {"\n", "\t"}


# Folders, through the real command


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working root with every report enabled, and two hostile analyses."""
    root = tmp_path_factory.mktemp("root")
    (root / "conf").mkdir()
    shipped = (SHIPPED / "conf" / "reporting.conf").read_text(encoding="utf-8")
    everything = shipped.replace("enabled = no", "enabled = yes")
    everything = everything.replace("calls = yes", "calls = separate", 1).replace(
        "compress = no", "compress = zstd"
    )
    (root / "conf" / "reporting.conf").write_text(everything, encoding="utf-8")
    write_program(root / "storage" / "analyses" / "7")
    write_document(root / "storage" / "analyses" / "8")
    return root


@pytest.fixture(scope="module")
def typed(root: Path) -> dict[str, bytes]:
    """What processing both analyses showed on a terminal, by analysis."""
    return {name: on_a_terminal("process", "--root", str(root), name) for name in ("7", "8")}


def on_a_terminal(*arguments: str) -> bytes:
    """Run a command on a terminal of its own; return all that it sent there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fledge", *arguments]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=environment) as running:
        os.close(theirs)
        sent = b"".join(_until_closed(ours))
        os.close(ours)
    assert running.returncode in {0, 1}, sent[-2000:]
    return sent


def _until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(terminal, 1 << 16)
        except OSError:  # EIO: nobody has the other side open
            return


def test_the_terminal_stays_sane_while_hostile_folders_are_processed(typed: dict[str, bytes]) -> None:
    for sent in typed.values():
        shown = assert_sane(sent, terminal=True)
        assert "COMPLETED" in shown
        assert "FAILED" not in shown


@pytest.mark.parametrize("name", ["7", "8"])
@pytest.mark.usefixtures("typed")
def test_every_report_of_a_hostile_folder_is_what_it_says(root: Path, tmp_path: Path, name: str) -> None:
    reports = root / "storage" / "analyses" / name / "reports"

    report = parsed(
        zstandard.ZstdDecompressor().decompressobj().decompress((reports / "report.json.zst").read_bytes())
    )
    for file in (reports / "calls").iterdir():
        assert parsed_lines(file.read_bytes())
    assert parsed_lines((reports / "iocs.ndjson").read_bytes())
    assert len(table((reports / "iocs.csv").read_bytes())) > len(PAYLOADS)
    checked_bundle((reports / "stix.json").read_bytes())
    checked_event((reports / "misp.json").read_bytes(), tmp_path)
    assert_sound_database(reports / "report.sqlite")
    shown = json.dumps(report)
    for payload in ("<script>", "=cmd|", "\\u202e", "\\u001b"):
        assert payload in shown
    names = {file.name for file in reports.iterdir()}
    assert names == {"calls", "report.json.zst", "report.html", "report.sqlite", "stix.json", "misp.json"} | {
        "iocs.csv",
        "iocs.ndjson",
    }


@pytest.mark.usefixtures("typed")
def test_payloads_arrive_where_they_were_put(root: Path) -> None:
    """Else the other tests would show nothing."""
    program, document = (
        json.dumps(json.loads(fledge("show", root / "storage" / "analyses" / name, "--json", path)))
        for name, path in (("7", "static"), ("8", "static.office.macros"))
    )
    behavior = fledge("show", root / "storage" / "analyses" / "7", "--json", "behavior.summary").decode()
    network = fledge("show", root / "storage" / "analyses" / "7", "--json", "network").decode()
    task = fledge("show", root / "storage" / "analyses" / "7", "--json", "info").decode()

    for shown in (program, document, behavior, network, task):
        assert "window.canary" in shown


@pytest.mark.usefixtures("typed")
def test_the_pages_of_hostile_folders_run_nothing(chromium: "WebDriver", root: Path, tmp_path: Path) -> None:
    analyses = root / "storage" / "analyses"
    page = tmp_path / "diff.html"
    assert_sane(fledge("diff", analyses / "7", analyses / "8", "--html", page, status=[1]))

    for file in (
        analyses / "7" / "reports" / "report.html",
        analyses / "8" / "reports" / "report.html",
        page,
    ):
        assert_silent(chromium, file)


@pytest.mark.usefixtures("typed")
def test_commands_that_look_at_hostile_folders_print_nothing_else(root: Path) -> None:
    seven, eight = (root / "storage" / "analyses" / name for name in ("7", "8"))

    for section in SECTION_NAMES:
        assert len(assert_sane(fledge("show", seven, section))) < LONGEST_TALK
    assert len(assert_sane(fledge("diff", seven, eight, status=[1]))) < LONGEST_TALK
    assert_sane(fledge("calls", seven, "--root", root))
    assert_sane(fledge("cache", "--root", root))
    assert_sane(fledge("modules", "--root", root))
    assert_sane(fledge("explain", "--root", root, seven, "persistence_run_key"))
    assert_sane(fledge("process", "--root", root, seven, eight, "--workers", "1"))
    for words in (
        ("diff", seven, eight),
        ("cache", "--root", root),
        ("modules", "--root", root),
        ("explain", "--root", root, seven, "persistence_run_key"),
        ("process", "--root", root, seven, eight, "--workers", "1"),
    ):
        printed = fledge(*words, "--json", status=[0, 1])
        assert printed.isascii()
        assert parsed_lines(printed)


@pytest.mark.usefixtures("typed")
def test_calls_of_a_hostile_folder_are_exported_as_they_should(root: Path) -> None:
    seven = root / "storage" / "analyses" / "7"

    rows = table(fledge("calls", seven, "--root", root, "--format", "csv"))
    calls = parsed_lines(fledge("calls", seven, "--root", root, "--format", "ndjson", "--pid", PID))

    assert len(rows) > 2 * 8 * len(PAYLOADS)
    assert {len(each["value"]) for call in calls for each in call["arguments"]} & {len(HUGE)}


# Results, in which every text of the example's report is a payload


@cache
def _report(example: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((example / "reports" / "report.json").read_bytes())
    for process in report["behavior"]["processes"]:
        del process["calls"][CALLS_KEPT:]
    return report


CASES = [("mixed", start) for start in range(0, len(PAYLOADS), 6)]
CASES += [("crowded", number) for number in range(len(PAYLOADS))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def hostile(request: pytest.FixtureRequest, example: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """The results of the example, with each payload in turn in each place, or one payload in all places."""
    how, number = request.param
    report = _report(example[0])
    results = poisoned(report, count(number)) if how == "mixed" else crowded(report, PAYLOADS[number])
    return dict(results)


def test_results_full_of_payloads_are_written_and_shown_well(
    hostile: dict[str, Any], example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    assert_written_well(hostile, tmp_path)
    assert_shown_well(hostile, tmp_path, _report(example[0]))


def assert_written_well(results: dict[str, Any], folder: Path) -> None:
    parsed(b"".join(json_chunks(results)))
    parsed(b"".join(json_chunks(results, 2)))
    indicators = list(gathered_indicators(results))
    table(b"".join(as_csv(indicators)))
    parsed_lines(b"".join(as_ndjson(indicators)))
    findings = gather(results, EVERYTHING)
    checked_bundle(b"".join(bundle_chunks(findings)))
    checked_event(b"".join(event_chunks(findings)), folder)
    write_database(folder / "report.sqlite", results)
    assert_sound_database(folder / "report.sqlite")
    page = b"".join(page_chunks(results, AnalysisFolder(folder), Bounds()))
    assert len(page) < LARGEST_PAGE
    assert unseen(page.decode()) <= {"\n"}


def assert_shown_well(results: dict[str, Any], folder: Path, other: dict[str, Any]) -> None:
    one, two = folder / "one.json", folder / "two.json.gz"
    one.write_text(json.dumps(results), encoding="utf-8")  # as another engine writes it, with lone surrogates
    two.write_bytes(gzip.compress(json.dumps(other).encode(), 1))

    shown = fledge("show", one, *SECTION_NAMES)
    compared = fledge("diff", one, two, status=[0, 1])
    assert len(assert_sane(shown)) < LONGEST_TALK
    assert len(assert_sane(compared)) < LONGEST_TALK
    for printed in (
        fledge("show", one, "--json", "behavior"),
        fledge("diff", one, two, "--json", status=[0, 1]),
    ):
        assert printed.isascii()
        parsed(printed)


def test_pages_full_of_payloads_run_nothing(
    chromium: "WebDriver", example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    page, compared = tmp_path / "report.html", tmp_path / "diff.html"
    (tmp_path / "one.json").write_text(json.dumps(_report(example[0])))
    for number in range(0, len(PAYLOADS), 4):
        results = poisoned(crowded(_report(example[0]), PAYLOADS[number]), count(number))
        write_whole(page, page_chunks(results, AnalysisFolder(tmp_path), Bounds()))
        (tmp_path / "two.json").write_text(json.dumps(results))
        fledge("diff", tmp_path / "one.json", tmp_path / "two.json", "--html", compared, status=[1])
        assert_silent(chromium, page)
        assert_silent(chromium, compared)


def test_ten_megabytes_in_a_place_make_no_large_page_or_long_talk(
    example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    results = copy.deepcopy(_report(example[0]))
    results["target"]["file"]["name"] = results["behavior"]["processes"][0]["process_name"] = HUGE
    results["network"]["dns"][0]["request"] = results["behavior"]["summary"]["mutexes"][0] = HUGE
    results["signatures"][0]["data"] = [{HUGE: HUGE}]
    results["signatures"][0]["description"] = results["network"]["http"][0]["uri"] = HUGE
    results["static"]["pe"]["sections"][0]["name"] = results["debug"]["log"] = HUGE
    results["info"]["custom"] = {HUGE: [HUGE]}
    file, page = tmp_path / "report.json", tmp_path / "diff.html"
    write_whole(file, json_chunks(results))
    (tmp_path / "one.json").write_text(json.dumps(_report(example[0])))

    assert len(b"".join(page_chunks(results, AnalysisFolder(tmp_path), Bounds()))) < LARGEST_PAGE
    assert len(b"".join(as_csv(gathered_indicators(results)))) < LONGEST_TALK
    assert len(fledge("show", file, *SECTION_NAMES)) < LONGEST_TALK
    assert len(fledge("diff", tmp_path / "one.json", file, "--html", page, status=[1])) < LONGEST_TALK
    assert len(fledge("diff", tmp_path / "one.json", file, status=[1])) < LONGEST_TALK
    assert page.stat().st_size < LARGEST_PAGE


# What is printed of things that are no results


def _printed(*parts: RenderableType) -> bytes:
    console = Console(highlight=False, markup=False, width=120)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get().encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_lines_about_analyses_answers_and_signatures_are_sane(payload: str, tmp_path: Path) -> None:
    failure = {"module": payload, "outcome": payload, "reason": payload}
    event = {
        "path": f"/a/{payload}",
        "ending": "FAILED",
        "failures": [failure],
        "failed": 2,
        "error": payload,
    }
    tally = Tally()
    lines: list[RenderableType] = []
    for name in ("finished", "skipped", "interrupted", "problem"):
        told = event | {"event": name, "reason": payload}
        tally.hear(told)
        parsed(json_text(told).encode())
        lines += [line_of(told), watch_line(told) or ""]
    lines += batch_summary(tally, 1)
    lines += cached(Shelf(tmp_path, 1, 1), [Holding(tmp_path, payload, [payload], 1, 1.0)])
    lines += explanation_parts(_explanation(payload))

    assert_sane(_printed(*lines))
    parsed(json_text(_explanation(payload).as_record()).encode())


def _explanation(payload: str) -> Explanation:
    mark = {
        "api": payload,
        "timestamp": payload,
        "process": payload,
        "pid": payload,
        "arguments": {payload: payload},
    }
    heard = [{"process": payload, "pid": payload, "calls": 2, "passed": 1}]
    told = Explanation(payload, Verdict.MATCHED, payload, payload, 1, payload, {"apis": [payload]}, heard)
    told.method, told.answer, told.error = "on_call", payload, payload
    told.marked, told.data = [mark], [{payload: payload}, payload]
    return told


@pytest.mark.parametrize("payload", PAYLOADS)
def test_calls_made_of_payloads_are_exported_as_they_should(payload: str) -> None:
    names = ("process_name", "timestamp", "thread_id", "category", "api", "return", "pretty_return")
    argument = {"name": payload, "value": [payload, {payload: payload}], "pretty_value": payload}
    counts = {"process_id": 1, "repeated": 1, "id": 0, "status": True}
    call = dict.fromkeys(names, payload) | counts | {"arguments": [argument, argument | {"value": payload}]}

    table(b"".join(TEXT_FORMATS["csv"]([call])))
    parsed_lines(b"".join(TEXT_FORMATS["ndjson"]([call])))
    assert assert_sane(b"".join(TEXT_FORMATS["table"]([call]))).count("\n") == 1


# What lies in the place of reports


def test_nothing_in_the_place_of_a_report_leads_out_of_the_folder(root: Path, tmp_path: Path) -> None:
    secret, folder, elsewhere = tmp_path / "secret", tmp_path / "a" / "9", tmp_path / "elsewhere"
    reports = folder / "reports"
    write_analysis(folder, without=("dump.pcap",))
    secret.write_text("kept")
    elsewhere.mkdir()
    reports.mkdir()
    for name in ("report.sqlite", "report.html", "stix.json", "report.json", "report.json.zst"):
        (reports / name).symlink_to(secret)
    for name in ("calls", ".calls", ".calls.former"):
        (reports / name).symlink_to(elsewhere)
    for name in ("iocs.csv", "iocs.ndjson"):
        os.mkfifo(reports / name)
    (reports / "misp.json").mkdir()

    [told] = parsed_lines(fledge("process", "--root", root, folder, "--json", status=[1]))

    failed = {run["module"] for run in told["modules"] if run["outcome"] not in {"COMPLETED", "DISABLED"}}
    assert failed == {"misp"}
    assert (secret.read_text(), list(elsewhere.iterdir())) == ("kept", [])
    assert not any(file.is_symlink() or file.is_fifo() for file in reports.iterdir())


def test_calls_and_pages_in_the_place_of_links_stay_where_they_are(tmp_path: Path) -> None:
    secret, reports, page = tmp_path / "secret", tmp_path / "a" / "reports", tmp_path / "diff.html"
    secret.write_text("kept")
    (reports / "calls").mkdir(parents=True)
    (reports / "calls" / "4.ndjson").symlink_to(secret)
    process = {"process_id": 4, "calls": [], "calls_count": 2, "calls_file": "calls/4.ndjson"}
    (reports / "report.json").write_text(json.dumps({"behavior": {"processes": [process]}}))
    (tmp_path / "b.json").write_text("{}")
    page.symlink_to(secret)

    for words in (("show", tmp_path / "a", "calls"), ("diff", tmp_path / "a", tmp_path / "a")):
        ran = CliRunner().invoke(cli, list(map(str, words)))
        assert "outside the analysis" in str(ran.exception)
    fledge("diff", tmp_path / "b.json", tmp_path / "b.json", "--html", page)
    assert (secret.read_text(), page.is_symlink()) == ("kept", False)
