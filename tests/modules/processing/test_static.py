from pathlib import Path

from fledge.testing import Outcome, run_module

STATIC = Path("modules/processing/static.py")


def test_a_missing_sample_is_reported_with_its_path(analysis: Path) -> None:
    results, run = run_module(STATIC, analysis, task={"category": "file"})

    assert run.outcome is Outcome.FAILED
    assert run.error is not None
    assert str(analysis / "binary") in run.error
    assert "static" not in results


def test_an_empty_sample_has_a_kind_and_nothing_else(analysis: Path) -> None:
    (analysis / "binary").touch()

    results, run = run_module(STATIC, analysis, task={"category": "file"})

    assert run.outcome is Outcome.COMPLETED
    assert results["static"] == {"kind": "data"}


def test_a_url_has_nothing_static(analysis: Path) -> None:
    results, _ = run_module(STATIC, analysis, task={"category": "url"})

    assert results["static"] == {}
