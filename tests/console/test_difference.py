import copy
import io
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from rich.console import Console

from lib.cuckoo.cli import cli
from lib.cuckoo.console.difference import difference
from lib.cuckoo.reporting.diff.record import Difference
from lib.cuckoo.reporting.story.parts import Limits
from tests.reporting.diff.runs import calls, process, report
from tests.reporting.diff.runs import difference as compared
from tests.reporting.hostile import FORBIDDEN, poisoned

ONE = report(
    process(4, "C:\\a.exe", made=calls("NtOpenFile NtReadFile NtClose")),
    process(5, "C:\\Windows\\cmd.exe", parent=4, command="cmd /c one"),
    info={"id": 7, "started": "2026-01-31 13:21:44", "package": "exe"},
    target={"file": {"name": "a.exe", "sha256": "00ff"}},
    signatures=[{"name": "x", "description": "Does x", "severity": 3, "data": [1]}],
    network={"domains": [{"domain": "one.example"}], "hosts": [{"ip": "192.0.2.1"}]},
    dropped=[{"name": "d.txt", "sha256": "aa", "size": 3, "type": "data"}],
    static={"pe": {"imphash": "1"}},
    engine={"modules": [{"module": "static", "outcome": "COMPLETED"}]},
    strings=["one"],
    other=1,
)
TWO = report(
    process(8, "C:\\a.exe", made=calls("NtOpenFile NtWriteFile NtClose NtClose")),
    process(9, "C:\\Windows\\cmd.exe", parent=8, command="cmd /c two"),
    process(10, "C:\\Windows\\ping.exe"),
    info={"id": 8, "package": "dll"},
    target={"file": {"name": "a.exe", "sha256": "00ff"}},
    signatures=[{"name": "x", "description": "Does x", "severity": 2, "data": []}, {"name": "y"}],
    network={"domains": [{"domain": "two.example"}], "hosts": [{"ip": "192.0.2.1"}]},
    dropped=[{"name": "d.txt", "sha256": "bb", "size": 3, "type": "data"}],
    static={"pe": {"imphash": "2"}},
    engine={"modules": [{"module": "static", "outcome": "FAILED", "reason": "no file"}]},
    strings=["two"],
)
for each, name in ((ONE, "one"), (TWO, "two")):
    each["behavior"]["summary"] = {"mutexes": [name, "both"]}


def printed(found: Difference, limits: Limits | None = None) -> str:
    console = Console(width=160, record=True, highlight=False, markup=False, file=io.StringIO())
    for part in difference(found, limits or Limits(entries=20)):
        console.print(part)
    return console.export_text()


def test_every_part_is_told() -> None:
    shown = " ".join(printed(compared(ONE, TWO)).split())

    for wanted in (
        *("package exe dll", "- only in A other 1", "~ changed static COMPLETED → FAILED no file"),
        *("~ changed Does x high → medium 1 → 0 x", "+ only in B y low 0 y", "+ only in B ping.exe 10"),
        *("~ changed cmd.exe 5 → 9 cmd /c one → cmd /c two with another command line",),
        *("a.exe (4 in A, 8 in B) 3 calls in A, 4 in B", "Thread 1 of A and 1 of B part after 1 call"),
        *("- A #1 13:21:44,000 NtReadFile() = 0x00000000", "+ B #1 13:21:44,000 NtWriteFile() = 0x00000000"),
        *(
            "Differs in the function.",
            "call NtClose 1 █████ 2 ██████████",
            "- only in A one.example",
            "+ only in B two.example",
        ),
        *(
            "~ changed d.txt aa → bb 3 B data",
            "static.pe.imphash 1 2",
            "strings one two",
            "Mutexes 2 differences, 1 the same",
        ),
    ):
        assert wanted in shown, wanted


def test_equal_runs_are_told_in_one_line() -> None:
    shown = printed(compared(ONE, copy.deepcopy(ONE)))

    assert shown.splitlines()[-1].strip() == "no difference"
    assert (
        "No difference: Summary, Sections, Modules, Signatures, Processes, Calls, Activity, Network" in shown
    )


def test_what_is_not_shown_is_counted() -> None:
    one = {"network": {"domains": [{"domain": f"{number}.a.example"} for number in range(100)]}}
    other = {"network": {"domains": [{"domain": f"{number}.b.example"} for number in range(3)]}}

    shown = printed(compared(one, other), Limits(entries=10))

    assert (shown.count(".a.example"), shown.count(".b.example")) == (7, 3)
    assert "… 93 more" in shown


def test_the_terminal_stays_sane() -> None:
    shown = printed(compared(poisoned(ONE), poisoned(poisoned(TWO))), Limits(entries=200, text=300))

    assert not [hex(ord(char)) for char in FORBIDDEN if char in shown]
    assert "\\x1b[2J" in shown


def saved(folder: Path, results: dict[str, Any]) -> str:
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "report.json").write_text(json.dumps(results))
    return str(folder)


def test_the_exit_status_is_that_of_diff(tmp_path: Path) -> None:
    one, same, other = saved(tmp_path / "1", ONE), saved(tmp_path / "2", ONE), saved(tmp_path / "3", TWO)
    run = CliRunner()

    assert run.invoke(cli, ["diff", one, same]).exit_code == 0
    assert run.invoke(cli, ["diff", one, other]).exit_code == 1
    assert run.invoke(cli, ["diff", one, other, "--only", "summary", "--only", "nothing"]).exit_code == 2
    for wrong in (
        ["diff", one],
        ["diff", one, other, "--context", "-1"],
        ["diff", one, other, "--limit", "0"],
    ):
        assert run.invoke(cli, wrong).exit_code == 2


def test_options_choose_what_is_compared_and_how(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "1", ONE), saved(tmp_path / "2", TWO)

    def output(*options: str) -> str:
        return CliRunner().invoke(cli, ["diff", one, other, *options]).output

    assert "one.example" not in output("--only", "signatures")
    assert "NtOpenFile" not in output("--only", "calls", "--context", "0")
    assert "Compared exactly" in output("--exact")
    record = json.loads(output("--json", "--only", "network"))
    assert record["different"] is True
    assert record["network"][0]["values"] == {
        "only_a": ["one.example"],
        "only_b": ["two.example"],
        "changed": [],
        "same": 0,
    }
    assert record["signatures"] is None


def test_machines_get_json_whatever_the_texts(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "1", poisoned(ONE)), saved(tmp_path / "2", TWO)

    output = CliRunner().invoke(cli, ["diff", one, other, "--json"]).output

    assert output.isascii()
    assert json.loads(output)["a"]["label"] == one


def test_a_page_is_written_beside_the_headline(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "1", ONE), saved(tmp_path / "2", TWO)
    page = tmp_path / "diff.html"
    run = CliRunner()

    shown = run.invoke(cli, ["diff", one, other, "--html", str(page)])

    assert shown.exit_code == 1
    assert f"page  {page}" in shown.output
    assert "one.example" not in shown.output
    assert "one.example" in page.read_text()
    assert run.invoke(cli, ["diff", one, other, "--html", str(tmp_path / "no" / "x.html")]).exit_code != 0
