"""The published shape: that it is what the code says, that real reports fit it, and that it is not vacuous."""

import copy
import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import fledge
from lib.cuckoo.common.constants import SCHEMA_VERSION
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.describe import describe_file
from lib.cuckoo.files.kinds import kind_of
from lib.cuckoo.network.analysis import Analysis, Settings
from lib.cuckoo.network.capture import Capture
from lib.cuckoo.reporting.jsonstream import json_chunks
from lib.cuckoo.reputation.service import Subject
from lib.cuckoo.reputation.virustotal import judge
from tests.shape import SCHEMA, assert_fits, deviations, fields_known, fields_seen, own_reports
from tools.schema.__main__ import contents

ROOT = Path(__file__).resolve().parent.parent
ANALYSES = (
    *(
        "cape-AcceptEx.exe",
        "cape-dummydllwithentrypoint.dll",
        "cape-etw-dns-app.exe",
        "cape-ipv6_network.exe",
    ),
    "cuckoo2-2204-sanitised",
)
REBUILT = ("0000a657", "2ebadd04", "55dcd387", "77c96105", "8b9aaf4f", "fb7ade52")
Report = dict[str, Any]


@pytest.mark.parametrize("path", contents(), ids=lambda path: path.name)
def test_the_files_are_what_the_records_say(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == contents()[path], (
        f"{path.relative_to(ROOT)} differs from the typed records: run `make schema`, look at what changed, and raise "
        f"SCHEMA_VERSION by the policy in docs/reference/results.md"
    )


def test_the_schema_is_one_and_carries_its_version() -> None:
    jsonschema_rs.meta.validate(fledge.schema())

    assert fledge.schema() == json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert fledge.schema()["$id"] == f"urn:fledge:report:{SCHEMA_VERSION}"


def test_links_on_the_page_lead_to_its_headings() -> None:
    page = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    anchors = [re.sub(r"[^\w-]", "", each.lower().replace(" ", "-")) for each in headings]

    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\(#([^)]+)\)", page)) <= set(anchors)


def written(folder: Path) -> Report:
    """Process a folder with all shipped modules; return what its report.json says."""
    fledge.process(folder, root=ROOT, reports=True)
    (report,) = own_reports(folder)
    return report


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of the example."""
    folder = tmp_path_factory.mktemp("example") / "1"
    shutil.copytree(ROOT / "storage" / "analyses" / "1", folder, ignore=shutil.ignore_patterns("reports"))
    return written(folder)


@pytest.fixture(scope="session")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, example: Report) -> dict[str, Report]:
    """The reports of all real analyses, by name."""
    found = {"example": example}
    for name in ANALYSES:
        folder = tmp_path_factory.mktemp("real") / name
        shutil.copytree(shared_data / "analyses" / name, folder, ignore=shutil.ignore_patterns("reports"))
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        found[name] = written(folder)
    for name in REBUILT:
        folder = tmp_path_factory.mktemp("rebuilt") / name
        (report,) = (shared_data / "reports" / "cape").glob(f"{name}*.json.gz")
        script = shared_data.parent / "tools" / "make_analysis.py"
        subprocess.run([sys.executable, script, report, folder], check=True, capture_output=True, timeout=100)
        found[name] = written(folder)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["example", *ANALYSES, *REBUILT])
def test_a_real_report_fits(real: dict[str, Report], name: str) -> None:
    assert {"info", "target", "behavior", "network", "engine"} <= real[name].keys() | {"target"}
    assert deviations(real[name]) == []


def binaries(shared_data: Path) -> Iterator[Report]:
    """Yield the section `static` of every real file."""
    for truth in sorted((shared_data / "binaries").glob("*/*.truth")):
        data = Path(str(truth).removesuffix(".truth")).read_bytes()
        kind = kind_of(data, describe_bytes(data))
        yield {"static": describe_file(data, kind, Budget(), lambda *_: None)}


LARGEST_CAPTURE = 300_000


def captures(shared_data: Path) -> Iterator[Report]:
    """Yield the section `network` of all smaller captures."""
    for path in sorted((shared_data / "pcap").glob("*/*")):
        if path.is_file() and path.stat().st_size < LARGEST_CAPTURE:
            raw = path.read_bytes()
            source = BytesIO(gzip.decompress(raw) if path.name.endswith(".gz") else raw)
            try:
                yield {"network": {"pcap_sha256": None, **Analysis(Capture(source), Settings()).run()}}
            except CuckooProcessingError:
                continue  # not a capture, or one of nothing that is known


def verdicts(shared_data: Path) -> Iterator[Report]:
    """Yield the section `virustotal` for every real answer about something known."""
    for path in sorted((shared_data / "virustotal").glob("*.json")):
        body = json.loads(path.read_bytes())
        data = body.get("data") if isinstance(body, dict) else None
        if isinstance(data, dict) and data.get("type") in {"file", "url"}:
            record = judge(Subject(data["type"], data["id"]), 200, body) | {
                "looked_up": "2026-01-31 13:21:44"
            }
            yield {"virustotal": record | {"dropped": [record]}}


UNSEEN = {
    "hashlookup": "no real answer is at hand; the tests of the service judge made ones",
    "reputation.shapes.HashLookup": "as above",
    "reputation.shapes.KnownFile": "as above",
    "reputation.shapes.VirusTotal.family": "no real answer has it; the tests of the service judge made ones",
    "reputation.shapes.VirusTotal.final_url": "as above",
    "reputation.shapes.VirusTotal.http_status": "as above",
    "reputation.shapes.VirusTotal.title": "as above",
    "reputation.shapes.VirusTotal.truncated": "as above",
    "reputation.shapes.VirusTotal.url": "as above",
    "reputation.shapes.VirusTotalRecord.family": "as above",
    "reputation.shapes.VirusTotalRecord.final_url": "as above",
    "reputation.shapes.VirusTotalRecord.http_status": "as above",
    "reputation.shapes.VirusTotalRecord.title": "as above",
    "reputation.shapes.VirusTotalRecord.truncated": "as above",
    "reputation.shapes.VirusTotalRecord.url": "as above",
    "memory.shapes": "an image takes minutes; the tests of the module judge the section of two",
    "files.memory_shapes": "there is no real dump of a process; the tests of the module judge made ones",
    "files.macho": "there is no real file of this kind; the tests of its reader judge made ones",
    "files.mailrecords": "as above",
    "files.shortcut": "as above",
    "files.installer.CustomAction": "the real package has none; the tests of its reader judge made ones",
    "files.office.records.External": "the real document has none; as above",
    "files.office.records.Sheet": "as above",
    "files.pdf.PdfAction": "the real documents have none; as above",
    "files.pdf.PdfEncryption": "as above",
    "files.pe.records.Refused": "every real file is read",
    "files.shapes.Static.lnk": "there is no real file of this kind",
    "files.shapes.Static.macho": "as above",
    "files.shapes.Static.mail": "as above",
    "files.shapes.Static.script": "as above",
    "files.script": "as above; the tests of its reader judge made ones",
    "files.stored_shapes.Origin": "no real payload has several; the tests of its reader judge a made one",
    "files.stored_shapes.Payload.origins": "as above",
    "behavior.shapes.Anomaly": "no real monitor noticed any; the tests of the section judge made ones",
    "behavior.shapes.Call.fault": "every real call is read",
    "behavior.shapes.Unread": "every real log is read",
    "network.shapes.BodyRecord.decoded_partly": "no small real body is malformed; the tests of the module judge one",
    "network.shapes.BodyRecord.encoded": "as above",
    "network.shapes.BodyRecord.received": "bodies that are not kept are a choice; the tests of the module judge one",
    "network.shapes.Received": "as above",
    "network.shapes.Ftp.process": "no real analysis has such traffic",
    "network.shapes.Smb.process": "as above",
    "network.shapes.UdpFlow.process": "as above",
    "network.shapes.Host.as": "there is no database of addresses; the tests of the module judge a made one",
    "network.shapes.Host.country_code": "as above",
    "network.shapes.Http2": "no small real capture of HTTP/2 is damaged",
    "network.shapes.NetworkSection.http2": "as above",
    "network.shapes.HttpExchange.request_trailers": "no small real request has any",
    "network.shapes.Irc.messages": "no real client sends that many",
}
"""Beginnings of names, and why nothing real below them occurs here."""


def covered(beginning: str) -> set[tuple[str, str]]:
    return {known for known in fields_known() if ".".join(known).lstrip(".").startswith(beginning)}


def excused() -> set[tuple[str, str]]:
    return set().union(*map(covered, UNSEEN))


def configured(folder: Path, calls: str) -> Report:
    """Return the report of the example when options cut what can be cut, and rules name a family."""
    root = folder / "root"
    (root / "data" / "yara" / "binaries").mkdir(parents=True)
    rule = 'rule Made { meta: family = "Made" strings: $a = "This program" condition: $a }'
    (root / "data" / "yara" / "binaries" / "made.yar").write_text(rule)
    shutil.copytree(ROOT / "conf", root / "conf")
    processing = (root / "conf" / "processing.conf").read_text(encoding="utf-8")
    for option, value in (("calls", 2), ("argument_length", 3), ("events", 1), ("offsets", "yes")):
        processing = re.sub(rf"^{option} *=.*$", f"{option} = {value}", processing, flags=re.MULTILINE)
    (root / "conf" / "processing.conf").write_text(
        f"{processing}\n[absent]\nenabled = yes\n", encoding="utf-8"
    )
    (root / "conf" / "reporting.conf").write_text(f"[jsondump]\nenabled = yes\ncalls = {calls}\n")
    analysis = root / "storage" / "analyses" / "1"
    shutil.copytree(ROOT / "storage" / "analyses" / "1", analysis, ignore=shutil.ignore_patterns("reports"))
    fledge.process(analysis, root=root, reports=True)
    return next(own_reports(analysis))


def of_a_url(folder: Path) -> Report:
    """Return the report of a URL, with all that a task may say."""
    task = {
        "category": "url",
        "target": "http://198.51.100.23/x.exe",
        "username": "a",
        "source_url": "http://b/",
    }
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps(task))
    return written(folder)


@pytest.mark.slow
def test_every_described_field_occurs_in_something_real(
    shared_data: Path, real: dict[str, Report], tmp_path: Path
) -> None:
    others = [*binaries(shared_data), *captures(shared_data), *verdicts(shared_data)]
    others += [configured(tmp_path / calls, calls) for calls in ("yes", "separate")]
    others += [of_a_url(tmp_path / "url")]
    for sections in others:
        assert_fits(sections)
    plain = [json.loads(b"".join(json_chunks(sections))) for sections in others]
    seen = set().union(*map(fields_seen, [*real.values(), *plain]))

    unseen = fields_known() - seen
    assert unseen - excused() == set()
    assert {name for name in UNSEEN if not any(known in unseen for known in covered(name))} == set()


def test_unknown_sections_and_fields_are_allowed(example: Report) -> None:
    report = copy.deepcopy(example) | {"mine": [1]}
    report["info"]["mine"] = report["behavior"]["processes"][0]["mine"] = {}

    assert deviations(report, strict=False) == []
    assert len(deviations(report)) == 2


def test_a_changed_report_does_not_fit(example: Report) -> None:
    report = small(example)
    changed = 0
    for path, schema in typed_places(report, fledge.schema()):
        wrong = next((value for value in ([7], "x", 2.5, {"a": 1}) if not fits(value, schema)), None)
        if wrong is not None:
            assert deviations(replaced(report, path, wrong), strict=False), path
            changed += 1

    assert changed > 400


def test_a_report_without_what_must_be_there_does_not_fit(example: Report) -> None:
    report = small(example)
    for path in (
        ("info", "version"),
        ("behavior", "summary", "mutexes"),
        ("engine", "modules", 0, "outcome"),
    ):
        assert deviations(replaced(report, path, REMOVED), strict=False), path


REMOVED = object()


def small(report: Report) -> Report:
    """Return a report of which every list has at most two members."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cut(member) for key, member in value.items()}
        return [cut(member) for member in value[:2]] if isinstance(value, list) else value

    found: Report = cut(report)
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value)
    if len(path) == 1 and new is REMOVED:
        del changed[path[0]]
    else:
        changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").removeprefix("#/$defs/")
    return fledge.schema()["$defs"][reference] if reference else schema


def fits(value: Any, schema: dict[str, Any]) -> bool:
    return jsonschema_rs.is_valid({**schema, "$defs": fledge.schema()["$defs"]}, value)


def typed_places(
    value: Any, schema: dict[str, Any], path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield the places of a report whose type the schema says."""
    schema = resolved(schema)
    if path and schema.keys() & {"type", "anyOf"}:
        yield path, schema
    if isinstance(value, dict):
        for key, member in value.items():
            known = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from typed_places(member, known, (*path, key))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from typed_places(member, schema.get("items", {}), (*path, number))
