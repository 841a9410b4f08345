import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reputation.service import NoAnswerError, Subject, file_subject, url_subject
from lib.cuckoo.reputation.virustotal import judge, require_protected, url_identifier

SHA256 = "ab" * 32
FILE = file_subject(SHA256)
URL = url_subject("http://www.example.com/login")
SAVED = [
    ("0001a1252300b4732e4a010a5dd13a291dcb8b0ebee6febedb5152dfb0bcd488", "0/60", "DOS COM", 2996),
    ("417c06700c3e899f0554654102fa064385bf1d3ecec32471ac488096d81bf38c", "7/72", "Win32 EXE", 3072),
    ("ddecc35aa198f401948c73a0d53fd93c4ecb770198ad7db308de026745c56b71", "0/70", "Win32 EXE", 55296),
    ("fff40032c3dc062147c530e3a0a5c7e6acda4d1f1369fbc994cddd3c19a2de88", "36/62", "Rich Text Format", 67745),
]


def report(subject: Subject = FILE, identifier: str = SHA256, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": subject.kind, "id": identifier, "attributes": attributes}}


def report_of(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"type": "file", "id": SHA256, "attributes": attributes}}


def engines(**categories: str) -> dict[str, Any]:
    return {name: {"category": category, "result": None} for name, category in categories.items()}


@pytest.mark.parametrize(("sha256", "summary", "kind", "size"), SAVED)
def test_saved_reports(sha256: str, summary: str, kind: str, size: int, shared_data: Path) -> None:
    body = json.loads((shared_data / "virustotal" / f"{sha256}.json").read_bytes())

    record = judge(file_subject(sha256), 200, body)

    assert (record["found"], record["summary"], record["type"], record["size"]) == (True, summary, kind, size)
    assert record["sha256"] == record["resource"] == sha256
    assert record["permalink"] == f"https://www.virustotal.com/gui/file/{sha256}"
    statistics = body["data"]["attributes"]["last_analysis_stats"]
    assert record["positives"] == statistics["malicious"] + statistics["suspicious"]
    assert record["total"] == record["positives"] + statistics["harmless"] + statistics["undetected"]
    assert len(record["scans"]) == sum(statistics.values())
    assert len(record["results"]) == record["positives"]
    assert "family" not in record


def test_a_saved_report_in_detail(shared_data: Path) -> None:
    sha256 = SAVED[3][0]

    record = judge(
        file_subject(sha256), 200, json.loads((shared_data / "virustotal" / f"{sha256}.json").read_bytes())
    )

    assert record["first_seen"] == "2019-08-01 10:08:51"
    assert record["last_seen"] == "2019-09-25 09:23:01"
    assert record["scan_date"] == "2020-11-17 13:30:56"
    assert (record["times_submitted"], record["reputation"]) == (5, 0)
    assert record["names"][-1] == "test.rtf"
    assert record["tags"] == ["ole-embedded", "exploit", "rtf", "cve-2017-11882", "cve-2018-0802"]
    assert record["threat_label"] == "trojan.malformed"
    assert record["scans"]["ClamAV"] == {
        "detected": True,
        "result": "Rtf.Exploit.CVE_2017_11882-6584355-0",
        "version": "0.102.3.0",
        "update": "20201116",
        "category": "malicious",
    }
    assert record["scans"]["Bkav"]["detected"] is False
    assert {"vendor": "Microsoft", "sig": "Exploit:O97M/CVE"} in record["results"]
    assert [each["count"] for each in record["families"]] == [1, 1, 1]


def test_a_saved_answer_that_nothing_is_known(shared_data: Path) -> None:
    body = json.loads((shared_data / "virustotal" / "not_found.json").read_bytes())

    assert judge(FILE, 404, body) == {"found": False, "resource": SHA256}


def test_a_saved_answer_to_a_wrong_key(shared_data: Path) -> None:
    body = json.loads((shared_data / "virustotal" / "wrong_key.json").read_bytes())

    with pytest.raises(CuckooDependencyError, match=r"refuses the key \(WrongCredentialsError\)"):
        judge(FILE, 401, body)


@pytest.mark.parametrize("name", ["haikuorg", "rescan"])
def test_saved_answers_to_other_questions_are_refused(name: str, shared_data: Path) -> None:
    body = json.loads((shared_data / "virustotal" / f"{name}.json").read_bytes())

    for subject in (FILE, URL):
        with pytest.raises(NoAnswerError, match=f"no report on a {subject.kind}"):
            judge(subject, 200, body)


def test_a_report_on_another_file_is_refused() -> None:
    with pytest.raises(NoAnswerError, match="another file"):
        judge(FILE, 200, report(identifier="cd" * 32))


def test_a_page_that_is_not_found_is_no_file_that_is_not_found() -> None:
    with pytest.raises(NoAnswerError, match="status 404"):
        judge(FILE, 404, {"message": "no such page"})


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "InvalidArgumentError", "status 400 InvalidArgumentError"),
        (403, "made up by a proxy", "status 403"),
        (418, "<script>", "status 418"),
    ],
)
def test_other_errors_are_told_by_status_and_code(status: int, code: str, words: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        judge(FILE, status, {"error": {"code": code, "message": "some text of theirs"}})

    assert str(caught.value) == f"VirusTotal answers with an error: {words}"


def test_suspicious_counts_as_detected_and_who_did_not_look_does_not_count() -> None:
    scans = engines(
        a="malicious", b="suspicious", c="harmless", d="undetected", e="timeout", f="type-unsupported"
    )

    record = judge(FILE, 200, report(last_analysis_results=scans))

    assert (record["summary"], record["positives"], record["total"]) == ("2/4", 2, 4)


def test_without_verdicts_the_sums_of_the_report_stand() -> None:
    record = judge(FILE, 200, report(last_analysis_stats={"malicious": 3, "undetected": 60, "failure": 2}))

    assert record["summary"] == "3/63"


def test_a_report_on_a_url() -> None:
    record = judge(
        URL,
        200,
        report(
            URL,
            "cd" * 32,
            url="http://www.example.com/login",
            last_final_url="https://www.example.com/",
            title="Example",
            last_http_response_code=200,
            last_analysis_results=engines(a="malicious", b="harmless"),
        ),
    )

    assert record["permalink"] == f"https://www.virustotal.com/gui/url/{'cd' * 32}"
    assert (record["summary"], record["title"], record["http_status"]) == ("1/2", "Example", 200)
    assert record["final_url"] == "https://www.example.com/"


def test_long_lists_are_cut_and_counted() -> None:
    record = judge(FILE, 200, report(names=[f"n{n}" for n in range(101)], tags=["t"] * 500))

    assert (len(record["names"]), record["tags"]) == (100, ["t"])
    assert record["truncated"] == {"names": 1}


def test_the_majority_of_labels_is_the_family() -> None:
    labels = {"A": "Trojan.Emotet.1", "B": "Win32/Emotet.BN", "C": "Trojan.Agent"}
    scans = {name: {"category": "malicious", "result": label} for name, label in labels.items()}

    record = judge(FILE, 200, report(last_analysis_results=scans))

    assert record["family"] == "Emotet"
    assert record["families"] == [{"family": "Emotet", "count": 2, "engines": ["A", "B"]}]


def test_the_identifier_of_a_url_is_that_of_the_documentation() -> None:
    assert (
        url_identifier("http://www.example.com/?a=1&b=~~~") == "aHR0cDovL3d3dy5leGFtcGxlLmNvbS8_YT0xJmI9fn5-"
    )


@pytest.mark.parametrize(
    "address", ["http://virustotal.example/api", "ftp://127.0.0.1", "https://", "", "http://[", "//127.0.0.1"]
)
def test_a_key_travels_to_no_address_in_the_clear(address: str) -> None:
    with pytest.raises(CuckooDependencyError, match="https://"):
        require_protected(address)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
READ = [
    "last_analysis_results",
    "last_analysis_stats",
    "last_analysis_date",
    "names",
    "size",
    "type_description",
]
ATTRIBUTES = st.fixed_dictionaries({}, optional=dict.fromkeys(READ, JSON))


@given(st.sampled_from([200, 401, 404, 500]), JSON | ATTRIBUTES.map(report_of))
def test_any_answer_gives_plain_data_or_the_named_error(status: int, body: object) -> None:
    try:
        record = judge(FILE, status, body)
    except (NoAnswerError, CuckooDependencyError):
        return
    assert record["found"] in {True, False}
    json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
