import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from fledge.testing import Outcome, run_module
from tests.network.test_analysis import GET, VISIT
from tests.network.wire import GUEST, SERVER, Dialogue, pcap

MODULE = Path(__file__).resolve().parents[3] / "modules" / "processing" / "network.py"

Answer = Callable[..., tuple[Any, list[str]]]
Failure = Callable[..., str]


def capture(folder: Path, content: bytes | None = None) -> bytes:
    content = pcap(VISIT) if content is None else content
    (folder / "dump.pcap").write_bytes(content)
    return content


def test_the_capture_is_named_by_its_hash_and_bodies_are_saved(analysis: Path, answer: Answer) -> None:
    content = capture(analysis)

    found, _ = answer("network", analysis)

    assert found["pcap_sha256"] == hashlib.sha256(content).hexdigest()
    body = found["http_ex"][0]["resp"]
    assert Path(body["path"]).read_bytes() == b"body"
    assert body["path"] == str(analysis / "network" / hashlib.sha256(b"body").hexdigest())
    assert json.loads(json.dumps(found)) == found


def test_the_hash_covers_what_could_not_be_read(analysis: Path, answer: Answer) -> None:
    content = capture(analysis, pcap(VISIT) + b"\xff" * 100)

    assert answer("network", analysis)[0]["pcap_sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 24])
def test_a_capture_without_packets_has_empty_sections(analysis: Path, answer: Answer, size: int) -> None:
    capture(analysis, pcap([])[:size])

    found, _ = answer("network", analysis)

    assert found["tcp"] == found["hosts"] == found["timeline"] == []


def test_an_analysis_without_a_capture_has_empty_sections_and_a_note(analysis: Path, answer: Answer) -> None:
    found, notes = answer("network", analysis)

    assert notes == ["there is no capture"]
    assert found["pcap_sha256"] is None
    assert found["hosts"] == found["tcp"] == found["dns"] == []


def test_what_is_no_capture_is_a_failure(analysis: Path, failure: Failure) -> None:
    capture(analysis, b"MZ" * 100)

    assert "not a capture" in failure("network", analysis)


def test_what_was_lost_stands_in_the_notes(analysis: Path, answer: Answer) -> None:
    capture(analysis, pcap(VISIT)[:-1])

    _, notes = answer("network", analysis, maximum=0)

    assert notes == ["problems: last record is cut short 1", "truncated: " + notes[1].partition(": ")[2]]


def test_an_unknown_link_type_is_a_failure_that_names_it(analysis: Path, failure: Failure) -> None:
    capture(analysis, pcap(VISIT, link=147))

    assert "link type 147 (USER0)" in failure("network", analysis)


def test_bodies_are_not_saved_when_not_wanted(analysis: Path, answer: Answer) -> None:
    capture(analysis)

    found, _ = answer("network", analysis, save_bodies=False)

    assert found["http_ex"][0]["resp"]["path"] is None
    assert not (analysis / "network").exists()


@pytest.mark.parametrize("option", ["bodies", "bodies_megabytes"])
def test_bodies_are_bounded(analysis: Path, answer: Answer, option: str) -> None:
    capture(analysis)

    assert answer("network", analysis, **{option: 0})[0]["http_ex"][0]["resp"]["path"] is None


def test_the_largest_body_is_bounded(analysis: Path, answer: Answer) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n"
    dialogue = Dialogue()
    packets = [*dialogue.open(), dialogue.send(0, GET), dialogue.send(1, large)]
    packets += [dialogue.send(1, bytes(50_000)) for _ in range(40)]
    capture(analysis, pcap(packets))

    body = answer("network", analysis, body_megabytes=1)[0]["http_ex"][0]["resp"]

    assert body["size"] == 1 << 20
    assert body["truncated"] == 2_000_000 - (1 << 20)


@pytest.mark.parametrize(("option", "section"), [("maximum", "hosts"), ("flows", "tcp_flows")])
def test_lists_and_flows_are_bounded(analysis: Path, answer: Answer, option: str, section: str) -> None:
    packets = [Dialogue(sport, dst=f"8.8.8.{sport}").packet(0, 2) for sport in range(1, 9)]
    capture(analysis, pcap(packets))

    assert answer("network", analysis, **{option: 3})[0]["truncated"][section] == 5


def test_what_was_said_is_bounded(analysis: Path, answer: Answer) -> None:
    packets = []
    for sport in range(1, 40):
        dialogue = Dialogue(sport)
        request = b"GET /%d HTTP/1.1\r\nHost: example.com\r\nX: %s\r\n\r\n" % (sport, b"x" * 50_000)
        packets += [
            *dialogue.open(),
            *(dialogue.send(0, request[at : at + 1400]) for at in range(0, len(request), 1400)),
        ]
    capture(analysis, pcap(packets))

    small, large = (answer("network", analysis, megabytes=size)[0] for size in (1, 64))

    assert len(large["http"]) == len(large["http_ex"]) == 39
    assert 0 < len(small["http"]) < 39
    assert small["truncated"] == {"http": 39 - len(small["http"]), "http_ex": 39 - len(small["http_ex"])}


def test_waiting_data_is_bounded(analysis: Path, answer: Answer) -> None:
    dialogue = Dialogue()
    packets = [*dialogue.open()]
    packets += [dialogue.packet(1, 16, b"x", 6000 + index) for index in range(3)]
    packets.append(dialogue.packet(1, 16, b"y" * 999, dialogue.sequence[1]))
    capture(analysis, pcap(packets))

    assert [
        answer("network", analysis, waiting_megabytes=size)[0]["tcp"][0]["lost_bytes"] for size in (0, 1)
    ] == [999, 0]


def test_private_hosts_are_an_option(analysis: Path, answer: Answer) -> None:
    capture(analysis)

    hosts = [
        {host["ip"] for host in answer("network", analysis, private_hosts=wanted)[0]["hosts"]}
        for wanted in (False, True)
    ]

    assert hosts == [{SERVER}, {SERVER, "10.0.0.1"}]


def test_allow_lists_are_read_from_files(
    analysis: Path, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture(analysis)
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path))
    (tmp_path / "hosts.txt").write_text(f"{SERVER}  # ours\n")
    (tmp_path / "domains.txt").write_text("example.com\n")

    by_host, _ = answer("network", analysis, host_allowlist="hosts.txt")
    by_domain, _ = answer("network", analysis, domain_allowlist="domains.txt")

    assert (by_host["hosts"], len(by_host["domains"])) == ([], 1)
    assert (by_domain["hosts"], by_domain["domains"]) == ([], [])


@pytest.mark.parametrize(
    "option", ["host_allowlist", "domain_allowlist", "country_database", "network_database"]
)
def test_a_configured_file_that_is_missing_is_a_missing_dependency(analysis: Path, option: str) -> None:
    capture(analysis)

    _, run = run_module(MODULE, analysis, **cast("Any", {option: "absent"}))

    assert run.outcome is not Outcome.COMPLETED
    assert "absent" in run.error


@pytest.mark.parametrize("option", ["host_allowlist", "domain_allowlist"])
@pytest.mark.parametrize("content", [bytes(range(256)), b"1.2.3.4 example.com", b"\xff\xfea\0"])
def test_an_allow_list_that_cannot_be_read_is_named(
    analysis: Path, tmp_path: Path, option: str, content: bytes
) -> None:
    capture(analysis)
    (tmp_path / "list.txt").write_bytes(content)

    _, run = run_module(MODULE, analysis, **cast("Any", {option: str(tmp_path / "list.txt")}))

    assert run.outcome is Outcome.UNAVAILABLE
    assert f"cannot read the {option} {tmp_path / 'list.txt'}: " in run.reason


def test_an_allow_list_may_begin_with_a_byte_order_mark(
    analysis: Path, tmp_path: Path, answer: Answer
) -> None:
    capture(analysis)
    (tmp_path / "list.txt").write_text(SERVER, encoding="utf-8-sig")

    section, _ = answer("network", analysis, host_allowlist=str(tmp_path / "list.txt"))

    assert section["hosts"] == []


def test_flows_get_the_process_of_the_behaviour_section(analysis: Path) -> None:
    capture(analysis)
    arguments = [{"name": "ip", "value": SERVER}, {"name": "port", "value": "80"}]
    call = {"api": "connect", "timestamp": "2026-01-31 13:21:44,590", "arguments": arguments}
    process = {"process_id": 1234, "process_name": "evil.exe", "calls": [call]}

    results, run = run_module(MODULE, analysis, results={"behavior": {"processes": [process]}})

    assert run.outcome is Outcome.COMPLETED
    (flow,) = results["network"]["tcp"]
    assert (flow["src"], flow["process_id"], flow["process_name"]) == (GUEST, 1234, "evil.exe")


EXAMPLE = Path(__file__).resolve().parents[3] / "storage" / "analyses" / "1"


@pytest.mark.parametrize("log", ["tlsmaster.txt", "tlsdump/tlsdump.log"])
def test_tls_is_decrypted_with_the_secrets_in_the_folder(analysis: Path, answer: Answer, log: str) -> None:
    (analysis / "dump.pcap").write_bytes((EXAMPLE / "dump.pcap").read_bytes())
    sealed, _ = answer("network", analysis)
    (analysis / log).parent.mkdir(exist_ok=True)
    (analysis / log).write_bytes((EXAMPLE / log).read_bytes())

    opened, _ = answer("network", analysis)

    assert sealed["https_ex"] == []
    assert [each["uri"] for each in opened["https_ex"]] == [
        "https://panel.invoice-portal.test/api/tasks?id=7f3a9c"
    ]
    assert [flow["protocol"] for flow in opened["tcp"]] == [flow["protocol"] for flow in sealed["tcp"]]


def test_a_key_log_that_cannot_be_read_is_noted(analysis: Path, answer: Answer) -> None:
    capture(analysis)
    (analysis / "tlsmaster.txt").symlink_to("/etc/hostname")

    _, notes = answer("network", analysis)

    assert len(notes) == 1
    assert "tlsmaster.txt" in notes[0]
