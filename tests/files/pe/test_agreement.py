"""The description of real files beside what pefile, lief and osslsigncode say about them.

`tests/data/static/differences.json` lists where we differ: `{fact: {file: reason}}`, "*" for every file.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pe.describe import describe_pe

DIFFERENCES = json.loads((Path(__file__).parents[2] / "data" / "static" / "differences.json").read_text())
Facts = dict[str, Any]
ORACLE_LISTS = 400


def number(text: str) -> int:
    return int(text, 16)


def sections(ours: Facts) -> Any:
    return [
        {
            "name": each["name"],
            "va": hex(number(each["virtual_address"])),
            "vsize": hex(number(each["virtual_size"])),
            "rawptr": hex(number(each["raw_address"])),
            "rawsize": hex(number(each["size_of_data"])),
            "flags": hex(number(each["characteristics_raw"])),
            "entropy": each["entropy"],
            "md5": each["md5"],
        }
        for each in ours["sections"]
    ]


def imports(libraries: Facts) -> Any:
    """The oracle lists the first 400 functions of a library."""
    return {
        library["dll"]: [each["name"] or f"ord{each['ordinal']}" for each in library["imports"]][
            :ORACLE_LISTS
        ]
        for library in libraries.values()
    }


def named_imports(libraries: list[Facts]) -> Any:
    return {library["dll"]: library["names"] for library in libraries}


def calculated_checksum(pe: Facts) -> int:
    """osslsigncode names it for some files; in the others the linker stored the right one."""
    lines = [line for line in pe["osslsigncode"] if line.startswith("Calculated PE checksum")]
    return number(lines[0][-8:] if lines else pe["checksum"])


def resources(ours: Facts) -> Any:
    return sorted(
        (number(each["offset"]), number(each["size"]), each["sha256"]) for each in ours["resources"]
    )


def version(ours: Facts) -> Any:
    return {each["name"]: each["value"] for each in ours["versioninfo"] if each["name"] != "Translation"}


def signers(ours: Facts) -> Any:
    return [[each["serial_number"] for each in signature["chain"]] for signature in ours["signatures"]]


def signed_digests(lines: list[str]) -> Any:
    return [
        line.rpartition(": ")[2].lower() for line in lines if line.startswith("Calculated message digest ")
    ]


FACTS: dict[str, tuple[Callable[[Facts], Any], Callable[[Facts], Any]]] = {
    "timestamp": (
        lambda ours: ours["timestamp"],
        lambda pe: datetime.fromtimestamp(pe["timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
    ),
    "imagebase": (lambda ours: number(ours["imagebase"]), lambda pe: number(pe["imagebase"])),
    "entrypoint": (lambda ours: number(ours["entrypoint"]), lambda pe: number(pe["entrypoint"])),
    "type": (lambda ours: ours["type"] == "library", lambda pe: pe["is_dll"]),
    "checksum": (lambda ours: number(ours["reported_checksum"]), lambda pe: number(pe["checksum"])),
    "imphash": (lambda ours: ours["imphash"], lambda pe: pe["imphash"]),
    "sections": (sections, lambda pe: pe["sections"]),
    "imports": (lambda ours: imports(ours["imports"]), lambda pe: named_imports(pe["imports"])),
    "delay imports": (
        lambda ours: imports(ours["delay_imports"]),
        lambda pe: named_imports(pe["delay_imports"]),
    ),
    "export name": (
        lambda ours: ours["exported_dll_name"],
        lambda pe: (pe["exports"] or {}).get("name"),
    ),
    "exports": (
        lambda ours: {
            (each["ordinal"], each["name"], number(each["address"]) - number(ours["imagebase"]))
            for each in ours["exports"][:ORACLE_LISTS]
        },
        lambda pe: {
            (each["ordinal"], each["name"], number(each["rva"]))
            for each in (pe["exports"] or {"symbols": []})["symbols"]
        },
    ),
    "overlay": (
        lambda ours: ours["overlay"] and number(ours["overlay"]["offset"]),
        lambda pe: pe["overlay_offset"],
    ),
    "tls": (lambda ours: ours["tls"] is not None, lambda pe: pe["tls"]),
    "rich hash": (lambda ours: (ours["rich"] or {"hash": ""})["hash"], lambda pe: pe["rich_hash"]),
    "pdb": (lambda ours: [each["pdb"] for each in ours["debug"] if each["pdb"]], lambda pe: pe["pdb"]),
    "resources": (
        resources,
        lambda pe: sorted((number(each["rva"]), each["size"], each["sha256"]) for each in pe["resources"]),
    ),
    "version": (version, lambda pe: pe["versioninfo"]),
    "dotnet": (lambda ours: ours["dotnet"] is not None, lambda pe: pe["com_descriptor"]),
    "calculated checksum": (lambda ours: number(ours["actual_checksum"]), calculated_checksum),
    "authentihash": (lambda ours: ours["authentihash"], lambda pe: pe["lief"]["authentihash_sha256"]),
    "certificates": (
        signers,
        lambda pe: [[each["serial"] for each in one["certs"]] for one in pe["lief"]["signatures"]],
    ),
    "signed digest": (
        lambda ours: [each["computed"] for each in ours["signatures"]],
        lambda pe: signed_digests(pe["osslsigncode"]),
    ),
}


def cases(shared_data: Path) -> list[tuple[str, Facts, Facts]]:
    found = []
    for oracle in sorted((shared_data / "binaries").glob("*/*.truth/oracle.json")):
        truth = json.loads(oracle.read_text()).get("pe")
        if truth:
            sample = Path(str(oracle.parent).removesuffix(".truth"))
            ours = describe_pe(sample.read_bytes(), Budget(), lambda name, _: name)
            found.append((sample.name, dict(ours), truth))
    return found


@pytest.fixture(scope="module")
def described(shared_data: Path) -> list[tuple[str, Facts, Facts]]:
    return cases(shared_data)


@pytest.mark.parametrize("fact", FACTS)
def test_real_files_are_seen_as_other_tools_see_them(
    described: list[tuple[str, Facts, Facts]], fact: str
) -> None:
    ours, theirs = FACTS[fact]
    known = DIFFERENCES.get(fact, {})
    found = {name for name, described_as, truth in described if ours(described_as) != theirs(truth)}

    assert len(described) == 18
    assert found == set(known)
