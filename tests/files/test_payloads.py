import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.files.payloads import (
    ORIGINS_KEPT,
    Dumps,
    image_type,
    payload_type,
    payloads,
    process_images,
    read_origin,
)
from lib.cuckoo.files.rules import RuleSet
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored import Limits

ORIGIN = {
    *("cape_type_code", "process_path", "process_name", "module_path"),
    *("virtual_address", "target_path", "target_process", "target_pid"),
}
DLL = "PE32 executable (DLL) (GUI) Intel 80386, for MS Windows"
REMARK = "9;?C:\\a.exe;?C:\\a.dll;?0x00180000;?"


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    for name in ("CAPE", "procdump"):
        (tmp_path / "7" / name).mkdir(parents=True)
    return tmp_path / "7"


def read(analysis: Path, place: str = "CAPE") -> Dumps:
    reader = {"CAPE": payloads, "procdump": process_images}[place]
    return reader(AnalysisFolder(analysis), Limits(), Scanner("binaries", RuleSet(None)))


def tell(analysis: Path, *lines: dict[str, Any]) -> None:
    (analysis / "files.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def reports(shared_data: Path) -> Iterator[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    for path in sorted((shared_data / "reports" / "cape").glob("*.json.gz")):
        with gzip.open(path) as stream:
            report = json.load(stream)
        yield path.name, report["CAPE"]["payloads"], report.get("procdump") or []


def test_origins_agree_with_those_of_real_reports(shared_data: Path, analysis: Path) -> None:
    """Reports of the sandbox repeat the metadata as `guest_paths`, so that its folder can be laid out again."""
    compared = 0
    for _, theirs, images in reports(shared_data):
        records = [("CAPE", record) for record in theirs] + [("procdump", record) for record in images]
        for place, record in records:
            (analysis / place / record["sha256"]).write_text(record["sha256"])
        lines = [
            {
                "path": f"{place}/{record['sha256']}",
                "pids": [record["pid"]],
                "metadata": record["guest_paths"],
            }
            for place, record in records
        ]
        tell(analysis, *lines)

        ours = {
            place: {r["name"]: r for r in read(analysis, place).records} for place in ("CAPE", "procdump")
        }

        for place, record in records:
            kept = {"name", "pid"} | (ORIGIN & record.keys())
            mine: dict[str, Any] = {**ours[place][record["sha256"]]}
            assert {key: mine[key] for key in kept} == {key: record[key] for key in kept}
            assert ORIGIN & mine.keys() == (ORIGIN & record.keys()) | {"cape_type_code"}
            compared += 1

    assert compared == 50


def test_types_agree_with_those_of_real_reports(shared_data: Path) -> None:
    found = set()
    for _, theirs, images in reports(shared_data):
        for record in theirs:
            seen = {"type": record["type"], "yara": record["cape_yara"]}
            found.add(payload_type(record["cape_type_code"], seen))
            assert payload_type(record["cape_type_code"], seen) == record["cape_type"]
        for record in images:
            code = read_origin(record["guest_paths"])["cape_type_code"]
            seen = {"type": record["type"], "yara": record["cape_yara"]}
            found.add(image_type(code, seen))
            assert image_type(code, seen) == record["cape_type"]

    assert found == {
        *("", "PE image: 32-bit executable", "Decompressed PE Image: 64-bit executable"),
        *("Injected Shellcode/Data", "Unpacked Shellcode", "QakBot Payload: 32-bit DLL"),
        *("QakBot Payload: 32-bit executable", "Dridex v4 Payload: 32-bit executable"),
    }


@pytest.mark.parametrize(
    ("remark", "rest"),
    [
        ("9;?p;?m;?0x00180000;?", {"virtual_address": "0x00180000"}),
        ("9;?p;?m;?0x00180000;?;?", {"virtual_address": "0x00180000"}),
        ("9;?p;?m;?0x00180000", {"virtual_address": "0x00180000"}),
        ("9;?p;?m;?0x", {}),
        ("9;?p;?m;?0x11112222333344445;?", {}),
        ("9;?p;?m;?180000h;?", {}),
        ("9;?p;?m;?;?", {}),
        ("9;?p;?m;?", {}),
        ("9;?p;?m", {}),
        ("9;?p;?m;?C:\\x.exe;?no pid;?", {}),
        ("9;?p;?m;?C:\\x.exe;?४;?", {}),
        ("9;?p;?m;?0x1;?4;?", {"target_path": "0x1", "target_process": "0x1", "target_pid": "4"}),
        ("9;?p;?m;?;?4;?", {"target_path": "", "target_process": "", "target_pid": "4"}),
    ],
)
def test_what_follows_the_module_is_an_address_or_a_target(remark: str, rest: dict[str, str]) -> None:
    known = {"cape_type_code": 9, "process_path": "p", "process_name": "p", "module_path": "m"}

    assert read_origin(remark) == known | rest


@pytest.mark.parametrize(
    "remark",
    [
        "",
        "x",
        "-1;?p;?m;?",
        "४;?p;?m;?",
        "1234567890;?p",
        "1\n;?p",
        "1;?a;?b;?c;?4;?d;?e",
        "1;?" + "a" * 140_000,
    ],
)
def test_other_texts_are_no_origin(remark: str) -> None:
    with pytest.raises(CuckooProcessingError, match="no metadata of a dump"):
        read_origin(remark)


@given(st.text() | st.lists(st.text(max_size=5) | st.just("4") | st.just("0x1"), max_size=7).map(";?".join))
def test_any_text_is_an_origin_or_refused(remark: str) -> None:
    try:
        origin = read_origin(remark)
    except CuckooProcessingError:
        return
    assert origin.keys() <= ORIGIN
    assert origin["cape_type_code"] is not None
    assert origin["cape_type_code"] < 10**9


@pytest.mark.parametrize(
    ("code", "file_type", "meta", "expected"),
    [
        (3, DLL, {}, ""),
        (None, DLL, {}, ""),
        (8, DLL, {"cape_type": "A Loader"}, "A Loader: 32-bit DLL"),
        (8, "PE32+ executable for MS Windows 6.00 (DLL), x86-64", {"cape_type": "A"}, "A: 64-bit DLL"),
        (9, "data", {"cape_type": " A "}, "A"),
        (9, "data", {"cape_type": ""}, "Unpacked Shellcode"),
        (9, DLL, {"family": "A"}, "Unpacked Shellcode"),
        (2, "data", {}, "Decompressed PE Image"),
    ],
)
def test_a_rule_knows_better_than_the_code(
    code: int | None, file_type: str, meta: dict[str, str], expected: str
) -> None:
    matches = [{"name": "Other", "meta": {}}, {"name": "Rule", "meta": meta}]

    assert payload_type(code, {"type": file_type, "yara": matches}) == expected


def test_a_dump_that_nothing_is_said_about_has_empty_members(analysis: Path) -> None:
    (analysis / "CAPE" / "aa").write_bytes(b"payload")

    stored = read(analysis)

    record = stored.records[0]
    assert stored.problems == []
    assert (record["pid"], record["cape_type_code"], record["cape_type"]) == (None, None, "")
    assert (record["process_path"], record["process_name"], record["module_path"]) == ("", "", "")
    assert not record.keys() & {"virtual_address", "target_pid", "origins"}


def test_texts_that_cannot_be_read_are_counted_and_spoil_only_themselves(analysis: Path) -> None:
    (analysis / "CAPE" / "aa").write_bytes(b"payload")
    tell(
        analysis,
        {"path": "CAPE/aa", "pids": [4], "metadata": "one"},
        {"path": "CAPE/aa", "pids": [5], "metadata": REMARK},
        {"path": "CAPE/aa", "pids": [6], "metadata": "two"},
        {"path": "procdump/bb", "pids": [6], "metadata": "three"},
    )

    stored = read(analysis)

    assert stored.problems == ["files.json: 2 texts of metadata about CAPE/ cannot be read"]
    assert (stored.records[0]["pid"], stored.records[0]["process_name"]) == (4, "a.exe")


@pytest.mark.parametrize(
    ("places", "listed", "beyond"),
    [(1, None, None), (2, 2, None), (ORIGINS_KEPT, ORIGINS_KEPT, None), (ORIGINS_KEPT + 3, ORIGINS_KEPT, 3)],
)
def test_one_content_from_several_places_names_them_all(
    analysis: Path, places: int, listed: int | None, beyond: int | None
) -> None:
    (analysis / "CAPE" / "aa").write_bytes(b"\0payload")
    remarks = [f"4;?C:\\a.exe;?C:\\a.exe;?C:\\b.exe;?{pid};?" for pid in range(places)]
    tell(analysis, *({"path": "CAPE/aa", "pids": [7], "metadata": remark} for remark in remarks * 2))

    record = read(analysis).records[0]

    assert record["target_pid"] == "0"
    assert [origin["target_pid"] for origin in record.get("origins", [])] == [
        str(n) for n in range(listed or 0)
    ]
    assert record.get("truncated", {}).get("origins") == beyond


def test_text_that_is_cut_and_origins_that_are_left_out_are_both_counted(analysis: Path) -> None:
    (analysis / "CAPE" / "aa").write_text("x" * 5000)
    remarks = [f"4;?p;?m;?C:\\b.exe;?{pid};?" for pid in range(ORIGINS_KEPT + 1)]
    tell(analysis, *({"path": "CAPE/aa", "metadata": remark} for remark in remarks))

    assert read(analysis).records[0]["truncated"] == {"data": 904, "origins": 1}


def test_payloads_and_images_are_told_apart(analysis: Path) -> None:
    (analysis / "CAPE" / "aa").write_bytes(b"one")
    (analysis / "procdump" / "aa").write_bytes(b"two")
    tell(
        analysis,
        {"path": "CAPE/aa", "pids": [1], "metadata": "9;?a"},
        {"path": "procdump/aa", "pids": [2], "metadata": "0;?b"},
    )

    assert [(record["pid"], record["process_path"]) for record in read(analysis).records] == [(1, "a")]
    assert [(record["pid"], record["process_path"]) for record in read(analysis, "procdump").records] == [
        (2, "b")
    ]
