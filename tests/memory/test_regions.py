"""Regions of processes, dumped within bounds."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yara

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.rules import RuleSet
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.memory.regions import Region, RegionLimits, Regions, region_of

RULE = 'rule shell { strings: $a = "#!/bin/sh" condition: $a }'
LIMITS = RegionLimits(regions=2, region_bytes=4096, total_bytes=6000)


def zeros(region: Region, maximum: int) -> bytes:
    return bytes(min(region.end - region.start, maximum))


def test_a_region_is_that_of_a_row_of_either_system() -> None:
    assert region_of({"PID": 5, "Start VPN": "0x1000", "End VPN": "0x1fff"}) == Region(5, 0x1000, 0x2000)
    assert region_of({"PID": 5, "Start": "0x1000", "End": "0x2000"}) == Region(5, 0x1000, 0x2000)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"PID": 5},
        {"PID": "-", "Start": "0x1", "End": "0x2"},
        {"PID": 5, "Start": "-", "End": "0x2"},
        {"PID": 5, "Start": "0x2", "End": "0x1"},
        {"PID": -5, "Start": "0x1", "End": "0x2"},
    ],
)
def test_a_row_that_describes_no_region_gives_none(row: dict[str, Any]) -> None:
    assert region_of(row) is None


def test_a_region_is_written_typed_and_hashed(tmp_path: Path) -> None:
    data = b"#!/bin/sh\necho\n"

    rules = RuleSet(yara.compile(source=RULE))

    record = Regions(tmp_path, LIMITS, Scanner("memory", rules)).keep(
        Region(5, 0x1000, 0x3000), lambda region, maximum: data
    )

    assert record == {
        "pid": 5,
        "start": "0x1000",
        "size": 0x2000,
        "path": str(tmp_path / "memory_regions" / "5-0x0000000000001000.bin"),
        "dumped": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "type": "POSIX shell script, ASCII text executable",
        "yara": [{"name": "shell", "meta": {}, "strings": ["#!/bin/sh"], "addresses": {"a": 0}}],
    }
    assert Path(record["path"]).read_bytes() == data


def test_each_bound_holds_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    regions = Regions(tmp_path, LIMITS, None)

    kept = [regions.keep(Region(number, 0, 5000), zeros) for number in (1, 2)]
    small = [regions.keep(Region(number, 0, 10), zeros) for number in (3, 4)]

    assert [record and record["dumped"] for record in (*kept, *small)] == [4096, None, 10, None]
    assert regions.left_out == 2


def test_a_region_of_which_nothing_can_be_read_is_none(tmp_path: Path) -> None:
    assert Regions(tmp_path, LIMITS, None).keep(Region(1, 0, 10), lambda region, maximum: b"") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "memory_regions").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(CuckooProcessingError, match="is a link"):
        Regions(tmp_path / "7", LIMITS, None).keep(Region(1, 0, 10), zeros)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "memory_regions").mkdir()
    (tmp_path / "memory_regions" / "1-0x0000000000000000.bin").symlink_to(victim)

    Regions(tmp_path, LIMITS, None).keep(Region(1, 0, 10), zeros)

    assert victim.read_text() == "precious"
