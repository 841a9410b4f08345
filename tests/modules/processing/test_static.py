import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import Outcome, run_module

STATIC = Path("modules/processing/static.py")
FILE = {"category": "file"}
CLASSIC_SAME = (
    "pe_imphash", "pe_timestamp", "imported_dll_count", "peid_signatures", "pe_exports", "pe_sections", "pe_imports",
)  # fmt: skip


def reduced(value: Any, like: Any) -> Any:
    """Keep of our records what the other engine gives, entropy to four decimals."""
    if isinstance(like, dict):
        return {key: reduced(value[key], each) for key, each in like.items()}
    if isinstance(like, list):
        return [reduced(one, other) for one, other in zip(value, like, strict=True)]
    return round(value, 4) if isinstance(value, float) else value


def test_the_classic_keys_say_what_the_original_engine_said(shared_data: Path, analysis: Path) -> None:
    compared = 0
    for truth in sorted((shared_data / "binaries").glob("*/*.truth/cuckoo2-target-static-strings.json")):
        theirs = json.loads(truth.read_text())["static"]
        if not theirs.get("pe_sections"):
            continue
        sample = Path(str(truth.parent).removesuffix(".truth"))
        shutil.copyfile(sample, analysis / "binary")

        results, _ = run_module(STATIC, analysis, task=FILE)

        ours = results["static"]
        for key in CLASSIC_SAME:
            assert reduced(ours[key], theirs[key]) == reduced(theirs[key], theirs[key]), (sample.name, key)
        compared += 1
    assert compared == 18


def test_an_icon_is_written_to_the_folder(shared_data: Path, analysis: Path) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywin32/win32ui.pyd", analysis / "binary")

    results, run = run_module(STATIC, analysis, task=FILE)

    assert run.outcome is Outcome.COMPLETED
    pe = results["static"]["pe"]
    assert (analysis / pe["icon"]).read_bytes()[:4] == b"\0\0\1\0"
    assert {path.name for path in (analysis / "static").iterdir()} == {
        Path(icon["path"]).name for icon in pe["icons"]
    }


@pytest.mark.parametrize(("saved", "count"), [(766, 1), (765, 0)])
def test_objects_are_saved_up_to_the_option(
    shared_data: Path, analysis: Path, saved: int, count: int
) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywin32/win32ui.pyd", analysis / "binary")

    results, run = run_module(STATIC, analysis, task=FILE, saved=saved)

    assert sum(icon["path"] is not None for icon in results["static"]["pe"]["icons"]) == count
    assert any("objects were not saved" in note for note in run.notes)


def test_a_link_in_the_place_of_the_output_is_not_followed(
    shared_data: Path, analysis: Path, tmp_path: Path
) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywin32/win32ui.pyd", analysis / "binary")
    (tmp_path / "elsewhere").mkdir()
    (analysis / "static").symlink_to(tmp_path / "elsewhere")

    results, _ = run_module(STATIC, analysis, task=FILE)

    assert "cannot write" in results["static"]["pe"]["error"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_was_cut_stands_in_the_notes(shared_data: Path, analysis: Path) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywin32/win32ui.pyd", analysis / "binary")

    results, run = run_module(STATIC, analysis, task=FILE, entries=5)

    assert len(results["static"]["pe"]["exports"]) == 5
    assert "there are more than 5 exports" in run.notes


def test_an_elf_file_has_its_own_section(shared_data: Path, analysis: Path) -> None:
    shutil.copyfile(shared_data / "binaries/cuckoo/ls-x86_64.elf", analysis / "binary")

    results, _ = run_module(STATIC, analysis, task=FILE)

    assert list(results["static"]) == ["kind", "elf", "indicators"]
    assert results["static"]["elf"]["machine"] == "X86_64"


def test_a_file_that_its_reader_refuses_has_an_error_and_a_note(analysis: Path) -> None:
    (analysis / "binary").write_bytes(b"\x7fELF")

    results, run = run_module(STATIC, analysis, task=FILE)

    assert results["static"] == {
        "kind": "elf",
        "elf": {"error": run.notes[0].removeprefix("elf: ")},
        "indicators": [],
    }
    assert "header of the ELF file is cut short" in run.notes[0]


def test_the_answer_of_a_child_process_is_the_same(shared_data: Path, analysis: Path) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywinpty/conpty.dll", analysis / "binary")

    here, _ = run_module(STATIC, analysis, task=FILE)
    there, _ = run_module(STATIC, analysis, task=FILE, in_process=False)

    assert here == there


@pytest.mark.parametrize("option", ["entries", "text", "unpacked", "saved"])
def test_an_option_below_zero_is_refused(analysis: Path, option: str) -> None:
    (analysis / "binary").write_bytes(b"x")
    negative: dict[str, Any] = {option: -1}

    _, run = run_module(STATIC, analysis, task=FILE, **negative)

    assert run.outcome is Outcome.FAILED
    assert f"the option {option} is -1" in (run.error or "")


def test_a_missing_sample_is_reported_with_its_path(analysis: Path) -> None:
    results, run = run_module(STATIC, analysis, task=FILE)

    assert run.outcome is Outcome.FAILED
    assert str(analysis / "binary") in (run.error or "")
    assert "static" not in results


def test_an_empty_sample_has_a_kind_and_nothing_else(analysis: Path) -> None:
    (analysis / "binary").touch()

    results, run = run_module(STATIC, analysis, task=FILE)

    assert run.outcome is Outcome.COMPLETED
    assert results["static"] == {"kind": "data", "indicators": []}


def test_a_url_has_nothing_static(analysis: Path) -> None:
    results, _ = run_module(STATIC, analysis, task={"category": "url"})

    assert results["static"] == {}


def test_indicators_stand_beside_the_section_of_the_kind(shared_data: Path, analysis: Path) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-distlib/t64.exe", analysis / "binary")

    results, _ = run_module(STATIC, analysis, task=FILE)

    assert [(each["kind"], each["origin"]) for each in results["static"]["indicators"]] == [
        ("path", "sample"),
        ("pdb", "sample"),
    ]


@pytest.mark.parametrize(("limit", "count", "notes"), [(0, 0, 0), (2, 2, 1), (3, 3, 0)])
def test_indicators_are_kept_up_to_the_option(analysis: Path, limit: int, count: int, notes: int) -> None:
    (analysis / "binary").write_bytes(b"9.9.9.1 9.9.9.2 9.9.9.3")

    results, run = run_module(STATIC, analysis, task=FILE, indicators=limit)

    assert len(results["static"]["indicators"]) == count
    assert len(run.notes) == notes


@pytest.mark.parametrize(("least", "found"), [(1, True), (764, True), (765, False), (0, False)])
def test_resources_from_a_size_on_are_scanned(
    shared_data: Path,
    analysis: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: int,
    found: bool,
) -> None:
    shutil.copyfile(shared_data / "binaries/pypi-pywin32/win32ui.pyd", analysis / "binary")
    rules = tmp_path / "root" / "data" / "yara" / "binaries"
    rules.mkdir(parents=True)
    (rules / "size.yar").write_text("rule Size { condition: filesize == 764 }")
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "root"))

    results, run = run_module(STATIC, analysis, task=FILE, scanned=least)

    assert run.notes == ()
    resources = results["static"]["pe"]["resources"]
    matched = [each["size"] for each in resources if [match["name"] for match in each["yara"]] == ["Size"]]
    assert (set(matched) == {"0x000002fc"}) is found
