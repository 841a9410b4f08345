"""Real analyses, real reports of another engine, and folders rebuilt from them: both forms are valid for each."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import fledge
from lib.cuckoo.reporting.misp.event import event_chunks
from lib.cuckoo.reporting.sharing.gather import gather
from lib.cuckoo.reporting.sharing.records import Bounds
from lib.cuckoo.reporting.stix.bundle import bundle_chunks
from tests.behavior.test_rebuilt import REPORTS, rebuilt
from tests.reporting.conftest import ROOT
from tests.reporting.validators import Object, checked_bundle, checked_event, of_type, values

ANALYSES = (
    *("cuckoo2-2204-sanitised", "cape-AcceptEx.exe", "cape-dummydllwithentrypoint.dll"),
    *("cape-etw-dns-app.exe", "cape-ipv6_network.exe", "cape-test_bson.bson"),
)


def both(results: Any, folder: Path) -> tuple[list[Object], Any]:
    """Return the bundle and the event, checked; two runs give the same bytes."""
    told = []
    for _ in range(2):
        findings = gather(results, Bounds(threshold=0))
        told.append((b"".join(bundle_chunks(findings)), b"".join(event_chunks(findings))))
    assert told[0] == told[1]
    return checked_bundle(told[0][0]), checked_event(told[0][1], folder)


@pytest.fixture(scope="session")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every real analysis, processed."""
    found: dict[str, Any] = {}
    for name in ANALYSES:
        source, copy = shared_data / "analyses" / name, tmp_path_factory.mktemp("real") / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("reports"))
        else:
            (copy / "logs").mkdir(parents=True)
            shutil.copy(source, copy / "logs" / "1.bson")
        found[name] = fledge.process(copy, root=ROOT, reports=False)
    return found


@pytest.mark.parametrize("name", ANALYSES)
def test_every_real_analysis_is_told(real: dict[str, Any], name: str, tmp_path: Path) -> None:
    objects, event = both(real[name], tmp_path)

    processes = real[name].get("behavior", {}).get("processes", [])
    assert len(of_type(objects, "process")) == len(event.get_objects_by_name("process")) == len(processes)
    names = {each["value"] for each in of_type(objects, "domain-name")}
    asked = {
        each["domain"] for each in real[name].get("network", {}).get("domains", []) if "." in each["domain"]
    }
    assert asked <= names
    assert asked <= set(values(event, "domain-ip", "domain"))
    if name.startswith("cape") and not name.endswith(".bson"):
        assert real[name]["target"]["file"]["sha256"] in values(event, "file", "sha256")


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_of_another_engine_is_told(shared_data: Path, name: str, tmp_path: Path) -> None:
    (report,) = (shared_data / "reports" / "cape").glob(f"{name}*.json.gz")
    results = json.loads(gzip.decompress(report.read_bytes()))
    objects, event = both(results, tmp_path)

    wanted = results["target"]["file"]["sha256"]
    assert wanted in {each.get("hashes", {}).get("SHA-256") for each in of_type(objects, "file")}
    assert wanted in values(event, "file", "sha256")
    assert len(of_type(objects, "process")) == len(results["behavior"]["processes"])


@pytest.mark.parametrize("name", ["55dcd387", "8b9aaf4f"])
def test_a_folder_rebuilt_from_a_report_is_told(shared_data: Path, name: str, tmp_path: Path) -> None:
    section = rebuilt(shared_data, name, tmp_path / "analysis")
    objects, event = both(fledge.process(tmp_path / "analysis", root=ROOT, reports=False), tmp_path)

    pids = sorted(process["process_id"] for process in section["processes"])
    assert sorted(each["pid"] for each in of_type(objects, "process")) == pids
    assert sorted(map(int, values(event, "process", "pid"))) == pids
