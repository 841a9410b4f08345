import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lib.cuckoo.cli import cli
from tests.working_root import WorkingRoot, is_running

Shown = subprocess.CompletedProcess[str]


def fledge(*arguments: object, **options: object) -> Shown:
    command = [sys.executable, "-m", "fledge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]  # options are those of run


def process(root: WorkingRoot, *arguments: object) -> Shown:
    return fledge("process", "--root", root.path, *arguments)


def test_all_well_is_status_0_with_a_summary_and_the_report(root: WorkingRoot) -> None:
    root.add_run("a", "return 1")

    shown = process(root, 7)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "a                COMPLETED" in shown.stdout
    assert f"report  {root.analysis / 'reports' / 'report.json'}" in shown.stdout


def test_a_failed_module_is_status_1_and_the_report_has_the_rest(root: WorkingRoot) -> None:
    root.add_run("a", "1 / 0")
    root.add_run("b", "return 2")

    shown = process(root, root.analysis)

    assert shown.returncode == 1
    assert "ZeroDivisionError: division by zero" in shown.stdout
    assert json.loads((root.analysis / "reports" / "report.json").read_text())["b"] == 2


@pytest.mark.parametrize(
    "arguments", [["nowhere"], ["7", "--jobs", "0"], ["7", "--root", "/nonexistent"], []]
)
def test_what_cannot_run_is_status_2_with_one_clear_line(root: WorkingRoot, arguments: list[str]) -> None:
    shown = process(root, *arguments)

    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert shown.stderr


def test_a_folder_that_leads_round_in_circles_or_has_an_endless_name_is_status_2(
    root: WorkingRoot, tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for folder, reason in ((tmp_path / "loop", "Too many levels"), ("a" * 5000, "File name too long")):
        shown = process(root, folder)
        assert shown.returncode == 2
        assert shown.stderr.startswith("fledge: cannot read the analysis folder")
        assert reason in shown.stderr


def test_the_json_for_machines_has_no_lone_surrogates(root: WorkingRoot) -> None:
    folder = root.analysis.parent / os.fsdecode(b"8\xff\x1b[2J")
    folder.mkdir()

    shown = [process(root, path, "--json") for path in (folder, os.fsdecode(b"none\xff"))]
    both = process(root, folder, os.fsdecode(b"none\xff"), "--json")

    output = "".join(each.stdout for each in shown)
    assert (output + both.stdout).isascii()
    assert "\x1b" not in output + both.stdout
    paths = [json.loads(line)["path"] for line in output.splitlines()]
    assert paths == [f"{root.analysis.parent}/8\\udcff\x1b[2J", "none\\udcff"]
    events = [json.loads(line) for line in both.stdout.splitlines()]
    ended = {event["path"] for event in events if event["event"] == "finished"}
    assert ended == {f"{root.analysis.parent}/8\\xff\x1b[2J", "none\\xff"}


def test_a_bad_limit_is_status_2_with_file_and_line(root: WorkingRoot) -> None:
    root.add_run("a", "return 1", "enabled = yes\nlimit_wall_seconds = soon")

    shown = process(root, 7)

    assert shown.returncode == 2
    assert "limit_wall_seconds must be a whole number" in shown.stderr
    assert f"{root.configuration}:" in shown.stderr


def test_several_folders_each_have_their_json_line_and_the_worst_status_counts(root: WorkingRoot) -> None:
    root.add_run("a", "print('noise'); return 1")
    (root.path / "storage" / "analyses" / "8").mkdir()

    shown = process(root, 7, "nowhere", 8, "--json")

    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    ended = {line["path"]: line for line in lines if line["event"] == "finished"}
    assert shown.returncode == 2
    assert set(ended) == {str(root.analysis), "nowhere", str(root.analysis.parent / "8")}
    assert {line["ending"] for line in ended.values()} == {"COMPLETED", "UNPROCESSED"}
    assert "nowhere" in ended["nowhere"]["error"]


def test_one_folder_for_machines_has_its_modules_and_problems(root: WorkingRoot) -> None:
    root.add_run("a", "print('noise'); return 1")

    done, missing = (json.loads(process(root, folder, "--json").stdout) for folder in (7, "nowhere"))

    assert (done["path"], done["failed"], "a" in done["sections"]) == (str(root.analysis), 0, True)
    assert [run["outcome"] for run in done["modules"] if run["module"] == "a"] == ["COMPLETED"]
    assert "nowhere" in missing["error"]


def test_equal_input_gives_equal_reports_in_separate_processes(root: WorkingRoot) -> None:
    root.add_run("a", "class Own(Exception): pass\nraise Own('x')")
    root.add_run("b", "return {frozenset({str(x), str(y)}) for x in range(9) for y in range(9)}")
    report = root.analysis / "reports" / "report.json"

    process(root, 7, "--deterministic")
    first = report.read_bytes()
    process(root, 7, "--deterministic", "--jobs", 4)

    assert report.read_bytes() == first


@pytest.mark.parametrize("arguments", [["7"], ["7", "--json"]])
def test_nothing_from_a_sample_controls_the_terminal(root: WorkingRoot, arguments: list[str]) -> None:
    root.add_run("a", r"raise CuckooProcessingError('\x1b[2J\x07\u202eevil\r[red]\udcff')")
    body = (
        r"return {'file': {'name': '\x1b]0;x\x07\u202e', 'type': '\x9b1m', 'size': 'x', 'sha256': ['\x1b']}}"
    )
    root.add_run("target", body)
    root.add_run("info", r"return {'id': '\x1b[1m', 'started': 10**5000, 'duration': {}, 'machine': 5}")

    shown = process(root, *arguments)

    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr
    assert not {"\x1b", "\x07", "\u202e", "\r", "\x9b"} & set(shown.stdout + shown.stderr)
    assert "evil" in shown.stdout


def test_an_interrupt_is_status_130_and_leaves_no_process(root: WorkingRoot) -> None:
    root.add_run(
        "hang",
        """
        import subprocess, time
        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        with open(self.analysis_path + "/pids.part", "w") as file:
            file.write(f"{os.getpid()} {other.pid}")
        os.rename(self.analysis_path + "/pids.part", self.analysis_path + "/pids")
        time.sleep(600)
        """,
    )
    command = [sys.executable, "-m", "fledge", "process", "7", "--root", str(root.path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = root.analysis / "pids"
    while not pids.exists() and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)

    assert running.returncode == 130
    assert errors.strip().endswith("interrupted")
    assert not any(is_running(int(pid)) for pid in pids.read_text().split())


def test_the_plan_says_what_runs_and_why_others_do_not(root: WorkingRoot) -> None:
    root.add_run("a", "return 1")
    root.add_run("b", "return 1", "enabled = no")
    root.add("c", "1 / 0")
    root.configure("ghost", "enabled = yes")

    shown = fledge("modules", "--root", root.path)
    plan = json.loads(fledge("modules", "--root", root.path, "--json").stdout)["processing"]

    assert shown.returncode == 0
    for words in ("not enabled by [b]", "ZeroDivisionError", "there is no ghost.py", "jsondump"):
        assert words in shown.stdout
    assert [run["module"] for run in plan["run"]] == ["a"]
    assert {"b", "c"} <= {run["module"] for run in plan["left_out"]}


def test_lint_tells_what_breaks_the_contract(root: WorkingRoot, tmp_path: Path) -> None:
    good = Path(__file__).parent.parent / "modules" / "processing" / "_example.py"
    bad = root.add("bad", "import sys\nsys.exit(0)\n")

    assert fledge("lint", good).returncode == 0
    shown = fledge("lint", good, bad, tmp_path / "none.py")
    assert shown.returncode == 1
    assert f"{bad}:2: cannot be imported: SystemExit: 0" in shown.stdout
    assert "none.py: cannot be read" in shown.stdout


def test_init_makes_a_root_whose_example_runs_and_leaves_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new root"

    first = fledge("init", folder)
    (folder / "conf" / "fledge.conf").write_text("# mine\n")
    (folder / "storage" / "analyses" / "1").mkdir()
    (folder / "storage" / "analyses" / "1" / "binary").write_bytes(b"aab")
    again = fledge("init", folder)
    shown = fledge("process", 1, cwd=folder)

    assert (first.returncode, again.returncode, shown.returncode) == (0, 0, 0), shown.stdout
    assert "wrote" in first.stdout
    assert "wrote" not in again.stdout
    assert (folder / "conf" / "fledge.conf").read_text() == "# mine\n"
    report = json.loads((folder / "storage" / "analyses" / "1" / "reports" / "report.json").read_text())
    assert report["example"] == {"61": 2, "62": 1}


def test_init_where_nothing_can_be_made_is_status_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    assert fledge("init", tmp_path / "file").returncode == 2


@pytest.mark.parametrize("command", [[], *([name] for name in cli.commands)])
def test_every_command_has_help_whose_examples_keep_their_lines(command: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*command, "--help"])

    assert shown.exit_code == 0
    assert "Usage:" in shown.output
    assert "\\b" not in shown.output
    assert not re.search(r"\S +fledge (process|calls|explain) ", shown.output.partition("\n")[2])


def test_no_command_is_cut_short_in_the_list() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80)

    assert "..." not in shown.output.partition("Commands:")[2]


def test_commands_stand_in_the_order_in_which_people_meet_them() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output.partition("Commands:")[2]

    names = [line.split()[0] for line in shown.strip().splitlines()]
    assert names[:3] == ["process", "watch", "show"]
    assert set(names) == set(cli.commands)


def test_a_reader_that_goes_away_causes_no_traceback(root: WorkingRoot) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    shown = subprocess.run(
        [sys.executable, "-m", "fledge", "modules", "--root", str(root.path)],
        stdout=write_end, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write_end)

    assert "Traceback" not in shown.stderr
