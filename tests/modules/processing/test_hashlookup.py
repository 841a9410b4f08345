import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import Outcome, Run, run_module
from tests.reputation.loopback import Loopback, loopback
from tests.shape import assert_fits

MODULE = Path(__file__).resolve().parents[3] / "modules" / "processing" / "hashlookup.py"
SHA256 = "ab" * 32
OTHER = "cd" * 32
UNKNOWN = {"status": 404, "text": '{"message": "Non existing SHA-256"}'}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """The service, with a working root of its own for the module's cache."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "home"))
    with loopback(tmp_path / "service") as running:
        yield running


def look_up(service: Loopback, folder: Path, **options: Any) -> tuple[dict[str, Any], Run]:
    results = {
        "target": {"file": {"sha256": SHA256}},
        "dropped": [{"sha256": OTHER, "type": "data", "size": 1}],
    }
    found, run = run_module(
        MODULE, folder, task={"category": "file"}, results=results, url=f"{service.address}/", **options
    )
    assert_fits({"hashlookup": found.get("hashlookup", {})})
    return found, run


def known(sha256: str) -> dict[str, str]:
    return {
        "text": json.dumps({"SHA-256": sha256.upper(), "FileName": "notepad.exe", "hashlookup:trust": 95})
    }


def test_a_known_sample_and_its_dropped_files(service: Loopback, analysis: Path) -> None:
    service.plan(f"/lookup/sha256/{SHA256}", known(SHA256))
    service.plan("*", UNKNOWN)

    results, run = look_up(service, analysis, dropped=5)

    assert run.outcome is Outcome.COMPLETED, run.error
    section = results["hashlookup"]
    assert (section["found"], section["name"], section["trust"]) == (True, "notepad.exe", 95)
    assert [(record["resource"], record["found"]) for record in section["dropped"]] == [(OTHER, False)]
    assert [(verb, path) for verb, path, _ in service.questions()] == [
        ("GET", f"/lookup/sha256/{SHA256}"),
        ("GET", f"/lookup/sha256/{OTHER}"),
    ]


def test_processing_again_asks_nothing(service: Loopback, analysis: Path) -> None:
    service.plan("*", UNKNOWN)

    assert look_up(service, analysis)[0] == look_up(service, analysis)[0]
    assert len(service.questions()) == 1


def test_a_url_is_not_asked_about(service: Loopback, analysis: Path) -> None:
    results, run = run_module(
        MODULE, analysis, task={"category": "url", "target": "http://example.com/"}, url=service.address
    )

    assert run.outcome is Outcome.COMPLETED, run.error
    assert results["hashlookup"] == {"found": False, "resource": "http://example.com/"}
    assert service.questions() == []


def test_a_service_that_is_out_of_order_is_said_to_be(service: Loopback, analysis: Path) -> None:
    service.plan("*", {"status": 500})

    _, run = look_up(service, analysis, retries=0)

    assert run.outcome is Outcome.FAILED
    assert run.reason == "hashlookup is out of order (status 500)"
