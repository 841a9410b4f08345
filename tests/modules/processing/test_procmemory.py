from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import Outcome, run_module
from tests.files.dumps import IMAGE, READ, RW, RWX, minidump, program, region

Answer = Callable[..., tuple[Any, list[str]]]
COBALT = bytes.fromhex("000100010002000000020001000201bb000300020004000003e8")


@pytest.fixture
def memory(analysis: Path) -> Path:
    (analysis / "memory").mkdir()
    return analysis / "memory"


def test_a_dump_is_described(analysis: Path, memory: Path, answer: Answer) -> None:
    mapped = program(mapped=True)
    (memory / "1234-2.dmp").write_bytes(
        region(0x10000, bytes(100) + b"see http://evil.example.com/x \0", protection=RW)
        + region(0x20000, b"." * 10 + COBALT, protection=RWX)
        + region(0x400000, mapped, IMAGE, READ)
    )

    [record], notes = answer("procmemory", analysis)

    assert notes == []
    assert (record["pid"], record["format"], record["path"]) == (1234, "regions", str(memory / "1234-2.dmp"))
    assert record["size"] == 131 + 10 + len(COBALT) + len(mapped)
    assert record["regions"][1] == {
        "addr": "0x00020000",
        "end": "0x00020024",
        "size": 36,
        "offset": 24 + 131 + 24,
        "state": "commit",
        "type": "private",
        "protect": "rwx",
    }
    [match] = record["yara"]
    assert (match["name"], match["addresses"]) == ("CobaltStrike_configuration", {"clear": 0x2000A})
    assert [
        (each["kind"], each["value"], each["offset"], each["origin"]) for each in record["indicators"]
    ] == [
        ("url", "http://evil.example.com/x", 0x10068, "memory"),
        ("domain", "evil.example.com", 0x1006F, "memory"),
    ]
    assert record["truncated"] == {}


def test_a_loaded_program_is_taken_out_so_that_its_sections_fit(
    analysis: Path, memory: Path, answer: Answer
) -> None:
    (memory / "1.dmp").write_bytes(region(0x400000, program(b"CODE", mapped=True), IMAGE, READ))

    [image] = answer("procmemory", analysis)[0][0]["images"]

    assert (image["addr"], image["type"], image["layout"]) == ("0x00400000", "image", "mapped")
    assert image["path"] == "memory/image-1-400000.bin"
    assert (analysis / image["path"]).read_bytes()[0x1000:0x1004] == b"CODE"
    [section] = image["pe"]["sections"]
    assert section["name"] == ".text"
    assert int(section["raw_address"], 16) == 0x1000


def test_a_file_in_memory_is_taken_out_as_it_is(analysis: Path, memory: Path, answer: Answer) -> None:
    file = program(b"CODE", mapped=False)
    (memory / "1.dmp").write_bytes(region(0x10000, b"heap" * 5 + file + b"rest" * 2000))

    [image] = answer("procmemory", analysis)[0][0]["images"]

    assert (image["addr"], image["type"], image["layout"]) == ("0x00010014", "private", "file")
    assert (analysis / image["path"]).read_bytes()[: len(file)] == file


def test_injected_programs_are_saved_first(analysis: Path, memory: Path, answer: Answer) -> None:
    mapped = program(mapped=True)
    (memory / "1.dmp").write_bytes(
        region(0x400000, mapped, IMAGE, READ) + region(0x900000, mapped, protection=RWX)
    )

    [record], notes = answer("procmemory", analysis, images=1)

    assert [(each["type"], "path" in each) for each in record["images"]] == [
        ("private", True),
        ("image", False),
    ]
    assert record["truncated"] == {"images_saved": 1}
    assert notes == [f"{memory / '1.dmp'}: images_saved 1"]


@pytest.mark.parametrize(
    "data",
    [
        b"MZ" * 3000,
        b"MZ".ljust(60, b"\0") + b"\xff\xff\xff\xff" + bytes(4000),
        b"MZ".ljust(60, b"\0") + b"\x40\0\0\0" + bytes(4000),
        program(mapped=True)[:100],
        program(mapped=True).replace(b"\x64\x86", b"\x12\x34", 1),
    ],
)
def test_what_only_begins_like_a_program_is_none(
    data: bytes, analysis: Path, memory: Path, answer: Answer
) -> None:
    (memory / "1.dmp").write_bytes(region(0x10000, data))

    assert answer("procmemory", analysis)[0][0]["images"] == []


def test_a_minidump_names_its_modules(analysis: Path, memory: Path, answer: Answer) -> None:
    (memory / "77.dmp").write_bytes(
        minidump(
            [(0x400000, program(mapped=True))],
            [(0x400000, 0x2000, IMAGE, READ)],
            [(0x400000, 0x2000, "C:\\evil.exe")],
        )
    )

    [record], notes = answer("procmemory", analysis)

    assert notes == []
    assert record["format"] == "minidump"
    assert record["modules"] == [{"addr": "0x400000", "size": 0x2000, "name": "C:\\evil.exe"}]
    assert [(each["module"], each["protect"]) for each in record["images"]] == [("C:\\evil.exe", "r--")]


def test_what_an_earlier_run_saved_is_no_dump(analysis: Path, memory: Path, answer: Answer) -> None:
    (memory / "1.dmp").write_bytes(region(0x400000, program(mapped=True), IMAGE, READ))

    assert answer("procmemory", analysis) == answer("procmemory", analysis)


def test_what_cannot_be_read_is_noted_and_the_others_work(
    analysis: Path, memory: Path, answer: Answer
) -> None:
    (memory / "1.dmp").write_bytes(b"junk" * 100)
    (memory / "2.dmp").write_bytes(region(0x1000, b"ab") + b"cut")
    (memory / "3.dmp").symlink_to("/etc/passwd")
    (memory / "4.dmp").mkdir()
    (memory / "extra.dmp").write_bytes(b"not by a process id")

    records, notes = answer("procmemory", analysis)

    assert [record["pid"] for record in records] == [2]
    assert notes == [
        f"{memory / '1.dmp'}: it is no dump of a process's memory",
        f"refused to read {memory / '3.dmp'}: it leads to /etc/passwd, outside the analysis",
        f"{memory / '2.dmp'}: the last header is cut short 1",
    ]


def test_limits_leave_out_and_say_so(analysis: Path, memory: Path, answer: Answer) -> None:
    data = b" ".join(b"9.9.9.%d" % number for number in range(5))
    for pid in (1, 2, 3):
        (memory / f"{pid}.dmp").write_bytes(region(0x1000, data) + region(0x3000, b"x"))

    assert answer("procmemory", analysis, maximum=2)[1] == ["1 more dumps are left out"]
    assert len(answer("procmemory", analysis, megabytes=0)[1]) == 3
    [record, *_], notes = answer("procmemory", analysis, regions=1, indicators=3)
    assert (len(record["regions"]), len(record["indicators"])) == (1, 3)
    assert record["truncated"] == {"regions": 1, "indicators_ip": 2}
    assert len(notes) == 3
    assert answer("procmemory", analysis, indicators=0)[0][0]["indicators"] == []


def test_images_are_saved_up_to_the_option(analysis: Path, memory: Path, answer: Answer) -> None:
    mapped = program(mapped=True)
    (memory / "1.dmp").write_bytes(b"".join(region(0x400000 * (1 + each), mapped) for each in range(3)))

    [record], notes = answer("procmemory", analysis, saved=len(mapped))

    assert [each.get("path", "not tried") for each in record["images"]] == [
        "memory/image-1-400000.bin",
        None,
        "not tried",
    ]
    assert notes == [
        f"{memory / '1.dmp'}: images_saved 1",
        "1 programs were not saved: the option saved allows no more",
    ]


def test_a_link_in_the_place_of_the_dumps_is_not_followed(
    analysis: Path, tmp_path: Path, answer: Answer
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.dmp").write_bytes(region(0x400000, program(mapped=True)))
    (analysis / "memory").symlink_to(tmp_path / "elsewhere")

    records, notes = answer("procmemory", analysis)

    assert records == []
    assert len(notes) == 1
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_an_analysis_without_dumps_has_an_empty_list(analysis: Path, answer: Answer) -> None:
    assert answer("procmemory", analysis) == ([], [])


def test_a_negative_option_is_refused(analysis: Path) -> None:
    _, run = run_module(Path("modules/processing/procmemory.py"), analysis, regions=-1)

    assert run.outcome is Outcome.FAILED
    assert run.reason == "the option regions is -1, the least is 0"
