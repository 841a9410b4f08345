"""The example analysis: complete, committed as written, and one story in all its parts."""

import hashlib
import ipaddress
import json
from configparser import ConfigParser
from pathlib import Path

import pytest

from tools.example import analysis_files, classic_files, second_family_files, story, write_analysis
from tools.example.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "storage" / "analyses" / "1"
STORY = ROOT / "docs" / "example-analysis.md"
OUTPUTS = {"reports", "network", "static"}  # what processing writes; git ignores it
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(analysis_files())


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in paths}
    return {str(name): path.read_bytes() for name, path in names.items() if name.parts[0] not in OUTPUTS}


def test_the_committed_folder_is_what_the_writer_writes(files: dict[str, bytes]) -> None:
    committed = contents(COMMITTED)

    assert sorted(committed) == sorted(files)
    differing = [name for name, content in files.items() if committed[name] != content]
    assert not differing, "refresh it with: python -m tools.example storage/analyses/1"


def test_writing_twice_gives_the_same_bytes(files: dict[str, bytes], tmp_path: Path) -> None:
    write_analysis(tmp_path)

    assert contents(tmp_path) == files


def test_the_folder_stays_below_two_megabytes(files: dict[str, bytes]) -> None:
    assert sum(map(len, files.values())) < 2 * MEGABYTE


def test_stored_files_are_named_after_their_hash(files: dict[str, bytes]) -> None:
    stored = {name: content for name, content in files.items() if name.startswith(("files/", "CAPE/"))}

    assert {name.partition("/")[2] for name in stored} == {
        hashlib.sha256(content).hexdigest() for content in stored.values()
    }


def test_the_list_of_files_names_each_stored_file(files: dict[str, bytes]) -> None:
    records = [json.loads(line) for line in files["files.json"].splitlines()]

    assert {record["path"] for record in records} == {
        name for name in files if name.startswith(("files/", "CAPE/"))
    }
    assert {pid for record in records for pid in record["pids"]} == {2840, 3124, 3388}
    assert all(record["category"] == record["path"].partition("/")[0] for record in records)


def test_one_file_lay_under_two_names(files: dict[str, bytes]) -> None:
    records = [json.loads(line) for line in files["files.json"].splitlines()]
    path = story.Stored(story.stage_file(), "", ()).path

    assert [record["filepath"] for record in records if record["path"] == path] == [
        story.STAGE_DOWNLOAD_PATH,
        story.STAGE_PATH,
    ]


def test_both_descriptions_of_the_task_agree(files: dict[str, bytes]) -> None:
    task = json.loads(files["task.json"])
    configuration = ConfigParser()
    configuration.read_string(files["analysis.conf"].decode())

    described = configuration["analysis"]
    assert {
        name: described[name] for name in ("id", "target", "category", "package", "timeout", "options")
    } == {name: str(task[name]) for name in ("id", "target", "category", "package", "timeout", "options")}


def test_there_is_a_log_for_each_process(files: dict[str, bytes]) -> None:
    assert sorted(name for name in files if name.startswith("logs/")) == [
        f"logs/{process.pid}.bson" for process in story.PROCESSES
    ]


def test_the_guest_log_is_in_order_and_names_what_the_story_names(files: dict[str, bytes]) -> None:
    lines = files["analysis.log"].decode().splitlines()

    assert [line[:23] for line in lines] == sorted(line[:23] for line in lines)
    for process in story.PROCESSES:
        assert sum(f"Loaded monitor into process with pid {process.pid}" in line for line in lines) == 1
    for record in map(json.loads, files["files.json"].splitlines()):
        assert sum(f"{record['filepath']} to {record['path']}" in line for line in lines) == 1
    assert any("ERROR" in line for line in lines)


def test_every_address_is_reserved() -> None:
    documentation = [
        ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    ]
    servers = (story.EDGE, story.GATE, story.PANEL, story.CHAT, story.MAIL, story.DEAD)

    assert all(any(ipaddress.ip_address(ip) in net for net in documentation) for ip in servers)
    names = (
        story.CDN_NAME,
        story.EDGE_NAME,
        story.GATE_NAME,
        story.PANEL_NAME,
        story.CHAT_NAME,
        story.MAIL_NAME,
    )
    assert all(name.endswith((".example", ".test")) for name in names)


def test_everything_happens_while_the_task_runs() -> None:
    moments = [at for name, at in vars(story.At).items() if not name.startswith("_")]

    assert moments == sorted(moments)
    assert story.ADDED < story.BEGAN < story.SAMPLE_STARTED < story.moment(max(moments)) < story.ENDED


def test_a_folder_can_be_written_without_some_of_its_parts(files: dict[str, bytes], tmp_path: Path) -> None:
    write_analysis(tmp_path, without=("logs", "task.json"))

    assert set(files) - set(contents(tmp_path)) == {
        "task.json",
        *(name for name in files if name.startswith("logs/")),
    }


def test_the_second_family_is_laid_out_in_its_own_way() -> None:
    files = dict(second_family_files())
    records = [json.loads(line) for line in files["files.json"].splitlines()]

    assert json.loads(files["task.json"])["started_on"] == {"$dt": "2026-03-17T09:14:05.312000"}
    assert {record["path"] for record in records} == {name for name in files if name.startswith("files/")}
    for record in records:
        digest, _, name = record["path"].removeprefix("files/").partition("_")
        assert hashlib.sha256(files[record["path"]]).hexdigest().startswith(digest)
        assert record["filepath"].endswith("\\" + name)


def test_the_classic_family_has_neither_json_nor_hashes_for_names() -> None:
    files = dict(classic_files())

    assert not [name for name in files if name.endswith(".json")]
    assert {Path(name).name for name in files if name.startswith("files/")} == {
        "~ws4C1.tmp",
        "winsync.exe",
        "update.vbs",
    }


def test_the_command_replaces_an_earlier_example(files: dict[str, bytes], tmp_path: Path) -> None:
    write_analysis(tmp_path)
    (tmp_path / "left").write_text("over")

    main([str(tmp_path)])

    assert contents(tmp_path) == files


def test_the_command_leaves_foreign_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(SystemExit):
        main([str(tmp_path)])

    assert (tmp_path / "thesis.txt").exists()


def test_the_documented_code_runs(tmp_path: Path) -> None:
    code = STORY.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]

    exec(code, {"folder": tmp_path})

    assert (tmp_path / "cuckoo.log").exists()


def test_the_story_names_what_the_folder_holds(files: dict[str, bytes]) -> None:
    told = STORY.read_text(encoding="utf-8")

    for process in story.PROCESSES:
        assert f"({process.pid})" in told
    for fact in (
        story.EDGE,
        story.GATE,
        story.PANEL,
        story.CHAT,
        story.MAIL,
        story.DEAD,
        story.CDN_NAME,
        story.GATE_NAME,
        story.PANEL_NAME,
        story.CHAT_NAME,
        story.MAIL_NAME,
        story.LOST_NAME,
        story.MUTEX,
        story.SERVICE,
        story.CHANNEL,
    ):
        assert fact in told, fact
    assert files["analysis.log"].count(b"] ERROR") == 2
    assert files["analysis.log"].count(b"] WARNING") == 1
