import json
import logging
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fledge.testing import Outcome, Run, run_module
from lib.cuckoo.core.limits import Limits
from tests.reputation.loopback import Loopback, loopback
from tests.shape import assert_fits
from tests.working_root import WorkingRoot

MODULE = Path(__file__).resolve().parents[3] / "modules" / "processing" / "virustotal.py"
KEY = "5ec2e75ec2e75ec2e75ec2e7-the-key"
SHA256 = "ab" * 32
DROPPED = [f"{n:02x}" * 32 for n in range(1, 6)]
LOUD = MODULE.read_text(encoding="utf-8").replace(
    "        asking =",
    "        import logging, sys\n"
    "        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)\n"
    "        asking =",
)

"""The module with everything logged that there is to log, in its own process only."""
UNKNOWN = {"status": 404, "text": '{"error": {"code": "NotFoundError", "message": "not found"}}'}
DOCUMENTED = re.compile(r"/api/v3/(files/[0-9a-f]{64}|urls/[A-Za-z0-9_-]+)")
FAULTS: dict[str, tuple[dict[str, Any], Outcome, str]] = {
    "quota": (
        {"status": 429, "text": "{}", "headers": {"Retry-After": "3600"}},
        Outcome.FAILED,
        "quota exceeded, it asks to wait 3600 s",
    ),
    "malformed": ({"text": '{"data": {'}, Outcome.FAILED, "not JSON"),
    "HTML": ({"text": "<html>Please log in</html>"}, Outcome.FAILED, "not JSON"),
    "huge": ({"text": "x" * (1 << 20), "repeat": 17}, Outcome.FAILED, "more than 16 MiB"),
    "slow": ({"text": "{}", "sleep": 30}, Outcome.FAILED, "no "),
    "redirect": (
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        Outcome.FAILED,
        "redirect to elsewhere.example, which is not followed",
    ),
    "out of order": ({"status": 500, "text": "<h1>Oops</h1>"}, Outcome.FAILED, "out of order (status 500)"),
    "echo": (
        {"status": 400, "text": '{"error": {"code": "ECHO"}}', "echo": "x-apikey"},
        Outcome.FAILED,
        "400",
    ),
}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """The service, with a working root of its own for the module's cache."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "home"))
    monkeypatch.delenv("VIRUSTOTAL_API_KEY", raising=False)
    with loopback(tmp_path / "service") as running:
        yield running


def look_up(
    service: Loopback, folder: Path, sha256: str = SHA256, files: Any = (), **options: Any
) -> tuple[dict[str, Any], Run]:
    results = {"target": {"file": {"sha256": sha256}}, "dropped": files}
    base: dict[str, Any] = {"key": KEY, "url": f"{service.address}/api/v3", "per_minute": 0, "retries": 0}
    found, run = run_module(MODULE, folder, task={"category": "file"}, results=results, **(base | options))
    assert_fits({"virustotal": found.get("virustotal", {})})
    return found, run


def report(sha256: str, *labels: str) -> dict[str, str]:
    verdicts = {f"Engine {n}": {"category": "malicious", "result": label} for n, label in enumerate(labels)}
    data = {"type": "file", "id": sha256, "attributes": {"last_analysis_results": verdicts}}
    return {"text": json.dumps({"data": data})}


def file_path(sha256: str) -> str:
    return f"/api/v3/files/{sha256}"


def saved(shared_data: Path, name: str) -> str:
    return (shared_data / "virustotal" / f"{name}.json").read_text(encoding="utf-8")


def test_a_saved_report_arrives_in_the_results(service: Loopback, analysis: Path, shared_data: Path) -> None:
    sha256 = "fff40032c3dc062147c530e3a0a5c7e6acda4d1f1369fbc994cddd3c19a2de88"
    service.plan(file_path(sha256), {"text": saved(shared_data, sha256)})

    results, run = look_up(service, analysis, sha256)

    assert run.outcome is Outcome.COMPLETED, run.error
    assert results["virustotal"]["summary"] == "36/62"
    assert results["virustotal"]["looked_up"] > "2020"
    assert "detections" not in results
    assert run.notes == ()


@pytest.mark.parametrize(
    ("name", "status", "outcome", "words"),
    [
        ("not_found", 404, Outcome.COMPLETED, ""),
        ("wrong_key", 401, Outcome.UNAVAILABLE, "refuses the key (WrongCredentialsError)"),
        ("haikuorg", 200, Outcome.FAILED, "no report on a file"),
        ("rescan", 200, Outcome.FAILED, "no report on a file"),
    ],
)
def test_saved_answers_that_are_no_report(
    name: str, status: int, outcome: Outcome, words: str, service: Loopback, analysis: Path, shared_data: Path
) -> None:
    service.plan("*", {"status": status, "text": saved(shared_data, name)})

    results, run = look_up(service, analysis)

    assert (run.outcome, words in run.reason) == (outcome, True)
    if outcome is Outcome.COMPLETED:
        assert results["virustotal"]["found"] is False


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_the_service_is_told_in_time_and_costs_the_section(
    fault: str, service: Loopback, analysis: Path
) -> None:
    answer, outcome, words = FAULTS[fault]
    service.plan("*", answer)

    results, run = look_up(service, analysis, timeout=1 if fault == "slow" else 20)

    assert (run.outcome, words in run.reason) == (outcome, True), run.reason
    assert "virustotal" not in results
    assert run.traceback == ""
    assert run.wall_seconds < 20


def test_with_the_network_cut_the_module_ends_in_time_and_says_so(service: Loopback, analysis: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"

    _, run = look_up(service, analysis, url=closed, retries=3, budget=2)

    assert run.outcome is Outcome.FAILED
    assert run.reason == "VirusTotal cannot be reached (connection refused)"
    assert run.wall_seconds < 10


def test_a_network_that_swallows_everything_costs_no_more_than_the_budget(
    service: Loopback, analysis: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"

        _, run = look_up(service, analysis, url=address, retries=9, budget=3, timeout=1)

    assert run.outcome is Outcome.FAILED
    assert "VirusTotal gave no" in run.reason
    assert run.wall_seconds < 10


def test_without_a_key_the_module_is_unavailable_and_asks_nothing(service: Loopback, analysis: Path) -> None:
    _, run = look_up(service, analysis, key="")

    assert run.outcome is Outcome.UNAVAILABLE
    assert run.reason == (
        "VirusTotal needs a key: set the option key or key_file, or $VIRUSTOTAL_API_KEY; "
        "without one, set enabled = no"
    )
    assert service.questions() == []


def test_the_key_may_lie_in_the_environment_or_in_a_file_of_the_root(
    service: Loopback, analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.plan("*", UNKNOWN)
    (tmp_path / "home" / "vt.key").write_text("of-the-file\n")

    look_up(service, analysis, key="", key_file="vt.key", unknown_hours=0)
    monkeypatch.setenv("VIRUSTOTAL_API_KEY", "of-the-environment")
    look_up(service, analysis, key="", key_file="vt.key", unknown_hours=0)

    assert [headers["x-apikey"] for _, _, headers in service.questions()] == [
        "of-the-file",
        "of-the-environment",
    ]


def test_a_key_is_not_sent_in_the_clear(service: Loopback, analysis: Path) -> None:
    _, run = look_up(service, analysis, url="http://virustotal.example/api/v3")

    assert run.outcome is Outcome.UNAVAILABLE
    assert "https://" in run.reason


def test_processing_again_costs_no_quota(service: Loopback, analysis: Path, tmp_path: Path) -> None:
    service.plan(file_path(SHA256), report(SHA256, "a"))

    first, _ = look_up(service, analysis)
    again, _ = look_up(service, analysis)
    look_up(service, analysis, cache_hours=0)

    assert first == again
    assert len(service.questions()) == 2
    assert (tmp_path / f"home/storage/cache/reputation/virustotal/files/ab/{SHA256}.json").is_file()


def test_the_pace_is_that_of_the_machine(service: Loopback, analysis: Path) -> None:
    service.plan("*", UNKNOWN)
    look_up(service, analysis, per_minute=1, budget=5)

    _, run = look_up(service, analysis, "cd" * 32, per_minute=1, budget=5)

    assert run.outcome is Outcome.FAILED
    assert "1 look-ups a minute of this machine are used up" in run.reason
    assert len(service.questions()) == 1


def test_the_family_of_the_majority_is_a_detection(service: Loopback, analysis: Path) -> None:
    service.plan(file_path(SHA256), report(SHA256, "Trojan.Emotet.A", "Win32/Emotet.B", "Dridex.C"))

    results, _ = look_up(service, analysis)

    assert results["detections"] == [{"family": "Emotet", "details": [{"VirusTotal": SHA256}]}]
    assert [each["count"] for each in results["virustotal"]["families"]] == [2, 1]


def test_dropped_files_are_looked_up_when_wanted_programs_first(service: Loopback, analysis: Path) -> None:
    service.plan("*", UNKNOWN)
    service.plan(file_path(DROPPED[3]), report(DROPPED[3], "Qakbot.A", "Qbot/Qakbot!b"))
    types = ["data", "PE32 executable", "ASCII text", "ELF 64-bit", "data"]
    files = [{"sha256": sha256, "type": kind, "size": 9} for sha256, kind in zip(DROPPED, types, strict=True)]
    files += [
        {"sha256": SHA256, "type": "PE32", "size": 9},
        {"sha256": "0e" * 32, "type": "empty", "size": 0},
    ]

    results, run = look_up(service, analysis, files=files, dropped=3)

    records = results["virustotal"]["dropped"]
    assert [(record["resource"], record["found"]) for record in records] == [
        (DROPPED[1], False),
        (DROPPED[3], True),
        (DROPPED[0], False),
    ]
    assert results["detections"] == [{"family": "Qakbot", "details": [{"VirusTotal": DROPPED[3]}]}]
    assert run.notes == ("dropped files beyond the first 3 that were not looked up: 2",)


def test_dropped_files_are_not_looked_up_unasked(service: Loopback, analysis: Path) -> None:
    service.plan("*", UNKNOWN)

    results, _ = look_up(service, analysis, files=[{"sha256": DROPPED[0], "type": "PE32", "size": 9}])

    assert "dropped" not in results["virustotal"]
    assert len(service.questions()) == 1


def test_what_was_known_when_the_quota_ended_is_kept_and_the_rest_counted(
    service: Loopback, analysis: Path
) -> None:
    service.plan(file_path(DROPPED[1]), {"status": 429, "text": "{}"})
    service.plan("*", UNKNOWN)
    files = [{"sha256": sha256, "type": "data", "size": 9} for sha256 in DROPPED]

    results, run = look_up(service, analysis, files=files, dropped=4)

    assert run.outcome is Outcome.COMPLETED
    assert [record["resource"] for record in results["virustotal"]["dropped"]] == DROPPED[:1]
    assert [note.partition(": ")[2][:35] for note in run.notes] == [
        "3: VirusTotal refuses more look-ups",
        "1",
    ]
    assert len(service.questions()) == 3


def test_a_url_task_is_looked_up_by_the_identifier_of_its_url(service: Loopback, analysis: Path) -> None:
    body = {"data": {"type": "url", "id": "cd" * 32, "attributes": {"title": "Example"}}}
    service.plan("/api/v3/urls/aHR0cDovL3d3dy5leGFtcGxlLmNvbS8", {"text": json.dumps(body)})
    task = {"category": "url", "target": "www.example.com/"}

    results, run = run_module(MODULE, analysis, task=task, key=KEY, url=f"{service.address}/api/v3")

    assert run.outcome is Outcome.COMPLETED, run.error
    assert results["virustotal"]["title"] == "Example"
    assert results["virustotal"]["resource"] == "http://www.example.com/"
    assert_fits({"virustotal": results["virustotal"]})


def test_without_the_section_target_the_sample_is_hashed(service: Loopback, analysis: Path) -> None:
    (analysis / "binary").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    service.plan(file_path(empty), report(empty))

    results, run = run_module(
        MODULE, analysis, task={"category": "file"}, key=KEY, url=f"{service.address}/api/v3"
    )

    assert run.outcome is Outcome.COMPLETED, run.error
    assert results["virustotal"]["found"] is True


def test_a_missing_sample_is_reported_with_its_path(service: Loopback, analysis: Path) -> None:
    _, run = run_module(MODULE, analysis, task={"category": "file"}, key=KEY, url=service.address)

    assert run.outcome is Outcome.FAILED
    assert str(analysis / "binary") in run.reason


def test_an_analysis_without_a_file_or_url_has_an_empty_section(service: Loopback, analysis: Path) -> None:
    results, run = run_module(MODULE, analysis, task={"category": "pcap"}, key=KEY, url=service.address)

    assert run.outcome is Outcome.COMPLETED, run.error
    assert results["virustotal"] == {}
    assert service.questions() == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("retries", -1, "the option retries must be a whole number"),
        ("budget", 0, "the option budget must be a whole number from 1 to 1,000,000"),
        ("timeout", 0, "the option timeout must be a whole number from 1"),
        ("cache_hours", 10**7, "the option cache_hours must be a whole number"),
        ("budget", "soon", "the option budget must be a whole number"),
        ("dropped", True, "the option dropped must be a whole number"),
        ("proxy", "socks5://127.0.0.1:9050", "must be the URL of an HTTP proxy"),
        ("proxy", "http://[", "must be the URL of an HTTP proxy"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    option: str, value: Any, words: str, service: Loopback, analysis: Path
) -> None:
    service.plan("*", UNKNOWN)

    assert words in look_up(service, analysis, **{option: value})[1].reason


HOSTILE = st.text(max_size=100) | st.sampled_from(
    [
        "../../upload",
        "ab" * 32 + "/../../files",
        "http://x/%0d%0aDELETE /api/v3/files",
        "http://a/?x=1#y",
        "\r\nPOST / HTTP/1.1",
        "http://\udc80/",
    ]
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hash_=HOSTILE, url=HOSTILE)
def test_whatever_an_analysis_says_only_documented_look_ups_are_requested(
    hash_: str, url: str, service: Loopback, analysis: Path
) -> None:
    service.plan("*", UNKNOWN)
    options: dict[str, Any] = {"key": KEY, "url": f"{service.address}/api/v3", "per_minute": 0, "dropped": 2}

    run_module(MODULE, analysis, task={"category": "url", "target": url}, **options)
    look_up(service, analysis, hash_, [{"sha256": hash_, "size": 1}], **options)

    for verb, path, _ in service.questions():
        assert verb == "GET"
        assert DOCUMENTED.fullmatch(path), path


def test_faults_lead_to_no_other_request_either(service: Loopback, analysis: Path) -> None:
    for answer, _, _ in FAULTS.values():
        service.plan("*", answer)
        look_up(service, analysis, timeout=1, retries=1, budget=3)

    assert len(service.questions()) >= len(FAULTS)
    for verb, path, headers in service.questions():
        assert (verb, path) == ("GET", file_path(SHA256))
        assert not headers.keys() & {"Content-Length", "Content-Type", "Transfer-Encoding"}


@pytest.mark.parametrize("fault", [*FAULTS, "fine", "refused", "no header"])
def test_the_key_appears_in_no_file_of_the_root_and_no_line_of_the_ledger(
    fault: str, service: Loopback, root: WorkingRoot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (root.analysis / "binary").write_bytes(b"sample")
    service.plan("*", FAULTS[fault][0] if fault in FAULTS else UNKNOWN)
    url = "http://127.0.0.1:1" if fault == "refused" else service.address
    secret = f"{KEY} {KEY}" if fault == "no header" else KEY
    file = root.add("virustotal", LOUD, section=None)
    section = f"enabled = yes\nkey = {secret}\nurl = {url}\ntimeout = 1\nretries = 1\nbudget = 4"
    root.configure("virustotal", section)

    results = root.process(task={"category": "file"}, reports=True)

    (run,) = [run for run in results.runs if run.file == str(file)]
    assert run.outcome in {Outcome.COMPLETED, Outcome.FAILED, Outcome.UNAVAILABLE}
    assert KEY not in json.dumps(results["engine"])
    assert KEY not in caplog.text
    written = [each for each in root.path.rglob("*") if each.is_file() and each != root.configuration]
    assert any(each.name == "report.json" for each in written)
    assert not [each for each in written if KEY.encode() in each.read_bytes()]
    if fault == "fine":
        assert "Starting new HTTP connection" in run.output


def test_a_module_that_hangs_on_the_resolver_is_ended_by_its_own_budget(
    service: Loopback, analysis: Path
) -> None:
    service.plan("*", {"text": "{}", "sleep": 60})
    options: dict[str, Any] = {"key": KEY, "url": f"{service.address}/api/v3", "budget": 2, "timeout": 60}

    _, run = run_module(
        MODULE,
        analysis,
        task={"category": "file"},
        results={"target": {"file": {"sha256": SHA256}}},
        in_process=False,
        limits=Limits(wall_seconds=30),
        **options,
    )

    assert run.outcome is Outcome.FAILED
    assert run.reason.startswith("VirusTotal gave no")


def test_without_requests_the_command_that_installs_it_is_said(
    service: Loopback, analysis: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)

    _, run = look_up(service, analysis)

    assert run.outcome is Outcome.UNAVAILABLE
    assert run.reason == "look-ups need requests: pip install 'fledge[reputation]'"
