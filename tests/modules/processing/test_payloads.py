import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import run_module
from tests.modules.processing.conftest import MODULES

Answer = Callable[..., tuple[Any, list[str]]]

NOTHING: dict[str, list[Any]] = {"payloads": [], "configs": []}
EXAMPLE = MODULES.parents[1] / "storage" / "analyses" / "1"


def test_the_payload_of_the_example_says_who_injected_it_into_whom(answer: Answer) -> None:
    section, notes = answer("payloads", EXAMPLE)

    assert notes == []
    assert section["configs"] == []
    assert len(section["payloads"]) == 1
    record = section["payloads"][0]
    assert record["name"] == record["sha256"] == Path(record["path"]).name
    assert record["type"].startswith("PE32 executable (DLL)")
    assert (record["pid"], record["process_name"]) == (3124, "winsync.exe")
    assert (record["target_pid"], record["target_path"]) == ("3388", "C:\\Windows\\explorer.exe")
    assert (record["cape_type_code"], record["cape_type"]) == (3, "")
    assert record["guest_paths"] == ["C:\\kqzRtW\\CAPE\\3124_5231914"]


@pytest.mark.parametrize("name", ["cuckoo2-2204-sanitised", "cape-AcceptEx.exe"])
def test_an_analysis_without_payloads_has_an_empty_list(name: str, shared_data: Path, answer: Answer) -> None:
    assert answer("payloads", shared_data / "analyses" / name) == (NOTHING, [])


def test_options_reach_the_reader_and_what_is_missing_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "CAPE").mkdir()
    for name in "abc":
        (analysis / "CAPE" / name).write_text(name * 100)

    assert answer("payloads", analysis, maximum=2)[1] == ["1 files after the first 2 are left out"]
    assert len(answer("payloads", analysis, megabytes=0)[1]) == 3
    assert answer("payloads", analysis, fuzzy_megabytes=0)[0]["payloads"][0]["ssdeep"] is None
    assert "data" not in answer("payloads", analysis, text=0)[0]["payloads"][0]


def test_a_folder_that_is_a_link_out_is_noted(analysis: Path, answer: Answer) -> None:
    (analysis / "CAPE").symlink_to("/etc")

    assert answer("payloads", analysis) == (
        NOTHING,
        [f"refused to read {analysis}/CAPE: it leads to /etc, outside the analysis"],
    )


def test_a_rule_names_the_payload_and_its_family(
    analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    rules = tmp_path / "root" / "data" / "yara" / "binaries"
    rules.mkdir(parents=True)
    (rules / "evil.yar").write_text(
        'rule Evil { meta: cape_type = "Evil Payload" condition: filename == "aa" and filesize == 4 }'
    )
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "root"))
    (analysis / "CAPE").mkdir()
    (analysis / "CAPE" / "aa").write_bytes(b"\0\1\2\3")
    line = {
        "path": "CAPE/aa",
        "filepath": "C:\\t\\1_2",
        "pids": [4],
        "metadata": "8;?C:\\a.exe;?C:\\a.exe;?0x0010;?",
    }
    (analysis / "files.json").write_text(json.dumps(line))

    section, notes = answer("payloads", analysis)
    results, _ = run_module(MODULES / "detections.py", analysis, results={"CAPE": section})

    record = section["payloads"][0]
    assert notes == []
    assert (record["cape_type"], record["virtual_address"]) == ("Evil Payload", "0x0010")
    assert results["detections"] == [{"family": "Evil", "details": [{"Yara": record["sha256"]}]}]
