"""The module `memory` on a real Linux image, on a synthetic Windows one, and on what is no image."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from fledge import Results
from lib.cuckoo.core.ledger import Outcome
from tests.memory.images import LINUX, WINDOWS, MemoryRoot, sections, unpack
from tests.memory.truth import comparable, depths, expected
from tests.working_root import run_of

LINUX_TRUTH = ["bash", "elfs", "envars", "lsmod", "malfind", "psaux", "pslist", "pstree", "sockstat"]
WINDOWS_TRUTH = ["cmdline", "dlllist", "getsids", "malfind", "modules", "pslist", "pstree"]
BANNER = b"Linux version 6.1.0-99-amd64 (builder@example) (gcc 12) #1 SMP Debian 6.1.1-1 (2026-01-01)\n"


@pytest.fixture(scope="session")
def symbols(shared_data: Path) -> Path:
    return shared_data / "memory" / "symbols"


@pytest.fixture(scope="session")
def linux_image(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(shared_data / "memory" / LINUX, tmp_path_factory.mktemp("linux") / "image.raw")


@pytest.fixture(scope="session")
def windows_image(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(shared_data / "memory" / WINDOWS, tmp_path_factory.mktemp("windows") / "image.raw")


@pytest.fixture(scope="session")
def linux_root(symbols: Path, linux_image: Path, tmp_path_factory: pytest.TempPathFactory) -> MemoryRoot:
    """A root that has read the symbols of the Linux image, with the default plugins."""
    root = MemoryRoot(tmp_path_factory.mktemp("root") / "linux", symbols)
    root.image.symlink_to(linux_image.name)
    os.link(linux_image, root.analysis / linux_image.name)
    return root


@pytest.fixture(scope="session")
def linux(linux_root: MemoryRoot) -> Results:
    return linux_root.process()


@pytest.fixture(scope="session")
def windows(symbols: Path, windows_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = MemoryRoot(tmp_path_factory.mktemp("root") / "windows", symbols)
    root.take(windows_image)
    return root.process()


def truth(shared_data: Path, image: str, plugin: str) -> Path:
    """Return the newest file of truth of a plugin: that of its class under `malware`, where there are two."""
    files = (shared_data / "memory" / f"{image}.truth").iterdir()
    return max((file for file in files if f".{plugin}." in file.name), key=lambda file: len(file.name))


def section_of(results: Results) -> Any:
    """Return the section, or fail with what kept it from being there."""
    assert "memory" in results, run_of(results, "memory").error
    return results["memory"]


def units(results: Results) -> dict[str, Outcome]:
    return {
        run.module.removeprefix("memory."): run.outcome
        for run in results.runs
        if run.module.startswith("memory.")
    }


def small(
    tmp_path: Path, content: bytes, symbols: Path | str = "storage/symbols", **texts: str
) -> MemoryRoot:
    root = MemoryRoot(tmp_path / "root", symbols, **texts)
    root.image.write_bytes(content)
    return root


def share_cache(owner: MemoryRoot, root: MemoryRoot) -> None:
    """Let a root use the symbols that another one has read, or will read."""
    cache = owner.path / "storage" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (root.path / "storage" / "cache").symlink_to(cache)


@pytest.mark.slow
@pytest.mark.parametrize("plugin", LINUX_TRUTH)
def test_the_rows_of_the_linux_image_are_those_of_volatilitys_command(
    shared_data: Path, linux: Results, plugin: str
) -> None:
    table = section_of(linux)[plugin]
    rows = comparable(table["rows"])
    for row in rows:
        if "ARGS" in row:  # whoever made the truth took this path, which the image has, out of it
            row["ARGS"] = row["ARGS"].replace("--rcfile /root/.bashrc", "--rcfile .bashrc")

    assert rows == expected(truth(shared_data, LINUX, plugin), table["columns"])


@pytest.mark.slow
def test_a_tree_is_flattened_with_the_depth_of_each_row(shared_data: Path, linux: Results) -> None:
    rows = linux["memory"]["pstree"]["rows"]

    assert [row["depth"] for row in rows] == depths(truth(shared_data, LINUX, "pstree"))
    assert "depth" not in linux["memory"]["pslist"]["rows"][0]


@pytest.mark.slow
def test_every_enabled_plugin_has_its_line_in_the_ledger(linux: Results) -> None:
    assert run_of(linux, "memory").outcome is Outcome.COMPLETED
    assert set(units(linux).values()) == {Outcome.COMPLETED}
    assert set(units(linux)) == set(linux["memory"]) - {"image", "findings", "connections", "regions"}
    assert all(run.wall_seconds > 0 for run in linux.runs if run.module.startswith("memory."))


@pytest.mark.slow
def test_what_volatility_read_is_what_the_guest_said_of_itself(shared_data: Path, linux: Results) -> None:
    guest = json.loads((shared_data / "memory" / f"{LINUX}.truth" / "guest-truth.json").read_text())
    memory = linux["memory"]
    processes = {(int(line.split()[0]), int(line.split()[1])) for line in guest["ps"][1:]}
    listed = {(row["PID"], row["PPID"]) for row in memory["pslist"]["rows"]}

    assert processes - listed == {(114, 1)}  # the guest's own ps, which had ended by the time of the dump
    assert listed - processes == {(135, 1)}  # started after it
    assert {line.split()[0] for line in guest["lsmod"]} == {
        row["Module Name"] for row in memory["lsmod"]["rows"]
    }


@pytest.mark.slow
def test_the_image_is_described(linux: Results) -> None:
    image = linux["memory"]["image"]

    assert (image["system"], image["format"], image["packed"]) == ("linux", "raw", "")
    assert image["layers"][0] == "FileLayer"
    assert image["symbols"].startswith("debian-6.1.0-56-cloud")
    assert image["size"] == 80 << 20


@pytest.mark.slow
def test_injected_code_is_found_and_its_region_dumped(linux: Results, linux_root: MemoryRoot) -> None:
    (finding,) = linux["memory"]["findings"]
    (region,) = linux["memory"]["regions"]
    dumped = (linux_root.analysis / "memory_regions" / "98-0x0000000013370000.bin").read_bytes()

    assert (finding["kind"], finding["pid"], finding["process"]) == ("injected program", 98, "rwxhost")
    assert finding["evidence"][0]["plugin"] == "malfind"
    assert dumped[:4] == b"MZ\x90\x00"
    assert region["sha256"] == hashlib.sha256(dumped).hexdigest()
    assert (region["pid"], region["start"], region["size"], region["dumped"]) == (
        98,
        "0x13370000",
        8192,
        8192,
    )


@pytest.mark.slow
def test_endpoints_are_joined_with_their_processes(linux: Results) -> None:
    endpoints = {
        (each["local_port"], each["remote_port"]): each["process"] for each in linux["memory"]["connections"]
    }

    assert endpoints["50123", "4444"] == "beacon"
    assert endpoints["8080", "0"] == "httpd"


@pytest.mark.slow
def test_old_readers_find_the_processes_under_their_names(linux: Results) -> None:
    first = linux["memory"]["pslist"]["data"][0]

    assert (first["process_id"], first["process_name"], first["parent_id"]) == (1, "init", 0)


@pytest.mark.slow
def test_a_plugin_that_hangs_or_is_unknown_costs_itself(
    symbols: Path, linux_image: Path, linux_root: MemoryRoot, tmp_path: Path
) -> None:
    plugins = sections("linux.pslist", "linux.no_such", "linux.check_syscall") + "timeout = 1\n"
    root = MemoryRoot(tmp_path / "root", symbols, plugins=plugins)
    share_cache(linux_root, root)
    root.take(linux_image)

    results = root.process()

    assert units(results) == {
        "pslist": Outcome.COMPLETED,
        "no_such": Outcome.UNAVAILABLE,
        "check_syscall": Outcome.TIMED_OUT,
    }
    assert len(results["memory"]["pslist"]["rows"]) == 53
    assert "linux.no_such" in run_of(results, "memory.no_such").reason
    assert "1 s" in run_of(results, "memory.check_syscall").reason


@pytest.mark.slow
def test_filters_and_limits_of_rows_hold_and_what_is_left_out_is_counted(
    symbols: Path, linux_image: Path, linux_root: MemoryRoot, tmp_path: Path
) -> None:
    plugins = "[linux.pslist]\nfilter = PPID = ^2$; COMM != ^rcu\n[linux.psaux]\nrows = 5\n"
    root = MemoryRoot(tmp_path / "root", symbols, plugins=plugins)
    share_cache(linux_root, root)
    (root.analysis / "memory.dmp.gz").write_bytes(gzip.compress(linux_image.read_bytes(), 1))

    results = root.process()

    memory = results["memory"]
    assert memory["image"]["packed"] == "gzip"
    assert {row["PPID"] for row in memory["pslist"]["rows"]} == {2}
    assert not any(row["COMM"].startswith("rcu") for row in memory["pslist"]["rows"])
    assert len(memory["psaux"]["rows"]) == 5
    assert memory["psaux"]["truncated"] == {"rows": 48}
    assert run_of(results, "memory.psaux").notes == ("48 more rows are left out",)


@pytest.mark.slow
def test_an_image_cut_in_half_says_that_it_gives_no_processes(
    symbols: Path, linux_image: Path, linux_root: MemoryRoot, tmp_path: Path
) -> None:
    root = small(tmp_path, linux_image.read_bytes()[: 40 << 20], symbols, plugins=sections("linux.pslist"))
    share_cache(linux_root, root)

    results = root.process()

    assert units(results) == {"pslist": Outcome.FAILED}
    assert "cut short" in run_of(results, "memory.pslist").reason


def test_rows_of_the_synthetic_windows_image_are_those_of_volatilitys_command(
    shared_data: Path, windows: Results
) -> None:
    for plugin in WINDOWS_TRUTH:
        table = section_of(windows)[plugin]
        rows = expected(truth(shared_data, WINDOWS, plugin), table["columns"])
        assert comparable(table["rows"]) == rows, plugin


def test_the_synthetic_windows_image_has_the_processes_that_were_laid_down(
    shared_data: Path, windows: Results
) -> None:
    laid = json.loads((shared_data / "memory" / f"{WINDOWS}.truth" / "truth.json").read_text())["processes"]
    listed = windows["memory"]["pslist"]

    assert [(each["process_id"], each["process_name"]) for each in listed["data"]] == [
        (process["pid"], process["name"]) for process in laid
    ]
    assert listed["rows"][0]["Offset(V)"] == hex(int(laid[0]["offset"], 16) & 0xFFFF_FFFF_FFFF)
    (finding,) = [each for each in windows["memory"]["findings"] if each["kind"] == "injected program"]
    assert (finding["pid"], finding["process"]) == (16968, "sample.exe")
    assert windows["memory"]["regions"][0]["type"].startswith("MS-DOS executable")


def test_a_plugin_that_crashes_keeps_its_traceback_and_costs_itself(windows: Results) -> None:
    crashed = run_of(windows, "memory.netstat")

    assert crashed.outcome is Outcome.CRASHED
    assert "netstat.py" in crashed.traceback
    assert windows["memory"]["netscan"]["rows"] == []


def test_a_plugin_that_needs_rules_says_so_when_there_are_none(windows: Results) -> None:
    assert run_of(windows, "memory.vadyarascan").outcome is Outcome.DISABLED
    assert "yara_file" in run_of(windows, "memory.vadyarascan").reason


def test_rules_of_the_option_find_what_lies_in_a_process(
    symbols: Path, windows_image: Path, tmp_path: Path
) -> None:
    plugins = sections("windows.vadyarascan")
    root = MemoryRoot(tmp_path / "root", symbols, options="yara_file = own.yar", plugins=plugins)
    (root.path / "own.yar").write_text('rule program { strings: $a = "MZ" condition: $a }')
    root.take(windows_image)

    (row,) = section_of(root.process())["vadyarascan"]["rows"]

    assert (row["PID"], row["Rule"], row["Offset"]) == (16968, "program", "0x1f0000000")


def test_the_cache_lies_in_the_working_root(symbols: Path, windows_image: Path, tmp_path: Path) -> None:
    root = MemoryRoot(tmp_path / "root", symbols, plugins=sections("windows.pslist"))
    root.take(windows_image)

    root.process()

    written = {path.name for path in (root.path / "storage" / "cache" / "volatility3").iterdir()}
    assert {"identifier.cache", "lock"} <= written
    assert sorted(path.name for path in root.analysis.iterdir()) == ["memory.dmp"]


def test_missing_windows_symbols_are_named_with_the_place_for_them(
    windows_image: Path, tmp_path: Path
) -> None:
    root = MemoryRoot(tmp_path / "root", "storage/symbols")
    root.take(windows_image)

    reason = run_of(root.process(), "memory").reason

    place = root.path / "storage/symbols/windows/ntkrnlmp.pdb/06564D3477822C7D97F04852CBD5AFD6-1.json.xz"
    assert str(place) in reason


def test_an_image_of_an_unknown_linux_kernel_is_told_its_banner(tmp_path: Path) -> None:
    root = small(tmp_path, bytes(1 << 20) + BANNER + bytes(1 << 20))

    run = run_of(root.process(), "memory")

    assert run.outcome is Outcome.FAILED
    assert BANNER.decode().strip() in run.reason
    assert f"{root.path}/storage/symbols/linux/" in run.reason


@pytest.mark.parametrize(
    "content", [b"just a text\n" * 9000, b"\x7fELF", b"EMiL" + bytes(100), bytes(5 << 20)]
)
def test_what_is_no_image_fails_with_these_words(tmp_path: Path, content: bytes) -> None:
    results = small(tmp_path, content).process()

    assert run_of(results, "memory").outcome is Outcome.FAILED
    assert "names no kernel" in run_of(results, "memory").reason
    assert "memory" not in results


def test_an_empty_image_fails(tmp_path: Path) -> None:
    assert "is empty" in run_of(small(tmp_path, b"").process(), "memory").reason


def test_an_analysis_without_an_image_has_an_empty_section(tmp_path: Path) -> None:
    results = MemoryRoot(tmp_path / "root", "storage/symbols").process()

    assert results["memory"] == {}
    assert run_of(results, "memory").outcome is Outcome.COMPLETED


def test_a_link_out_of_the_analysis_is_refused(tmp_path: Path) -> None:
    root = MemoryRoot(tmp_path / "root", "storage/symbols")
    root.image.symlink_to("/etc/passwd")

    assert "outside the analysis" in run_of(root.process(), "memory").reason


@pytest.mark.parametrize(
    ("option", "words"),
    [("regions = many", "regions"), ("unpacked_mb = -1", "unpacked_mb")],
)
def test_a_bad_option_is_named(tmp_path: Path, option: str, words: str) -> None:
    reason = run_of(small(tmp_path, b"x", options=option).process(), "memory").reason

    assert f"the option {words} must be a whole number" in reason


def test_a_bad_section_of_memory_conf_is_named_with_its_line(tmp_path: Path) -> None:
    plugins: Any = "[linux.pslist]\nenabled = yes\n\n[amiga.pslist]\nenabled = yes\n"

    reason = run_of(small(tmp_path, b"x", plugins=plugins).process(), "memory").reason

    assert "[amiga.pslist]" in reason
    assert "memory.conf:4" in reason
