"""`fledge cache`, and the options of `fledge process` that say which part of the work is to be done."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lib.cuckoo.cli import cli
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.cache.shelf import configured_shelf
from tests.working_root import WorkingRoot


def fledge(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=True)


def process(root: WorkingRoot, *arguments: object) -> dict[str, dict[str, object]]:
    """Process analysis 7; return the lines of the ledger by module."""
    shown = fledge("process", "--root", root.path, "--json", root.analysis, *arguments)
    return {each["module"]: each for each in json.loads(shown.stdout)["modules"]}


@pytest.fixture
def kept(root: WorkingRoot) -> WorkingRoot:
    for name in ("a", "b", "c"):
        root.add_run(name, f"return {name!r}", attributes="traceable = True")
    process(root)
    return root


def test_the_command_takes_what_holds_and_no_cache_does_not(kept: WorkingRoot) -> None:
    assert process(kept)["a"]["outcome"] == "CACHED"
    assert process(kept, "--no-cache")["a"]["outcome"] == "COMPLETED"


def test_only_takes_several_names_also_with_commas(root: WorkingRoot) -> None:
    for name in ("a", "b", "c", "d"):
        root.add_run(name, "return 1")

    ran = process(root, "--only", "a,b", "--only", "c")

    assert [ran[name]["outcome"] for name in "abcd"] == ["COMPLETED", "COMPLETED", "COMPLETED", "DISABLED"]
    assert process(root, "--skip", "a, b")["c"]["outcome"] == "CACHED"


def test_reports_only_writes_reports_and_takes_the_rest(kept: WorkingRoot) -> None:
    ran = process(kept, "--reports-only")

    assert (ran["a"]["outcome"], ran["jsondump"]["outcome"]) == ("CACHED", "COMPLETED")


def test_signatures_only_takes_the_sections(kept: WorkingRoot) -> None:
    assert process(kept, "--signatures-only")["a"]["outcome"] == "CACHED"


def test_what_is_not_in_the_cache_is_computed_all_the_same(kept: WorkingRoot) -> None:
    kept.add_run("d", "return 1")

    assert process(kept, "--reports-only")["d"]["outcome"] == "COMPLETED"


def test_options_that_exclude_each_other_are_refused(kept: WorkingRoot) -> None:
    shown = fledge("process", "--root", kept.path, "7", "--reports-only", "--no-cache")

    assert shown.exit_code == 2
    assert "--reports-only takes sections from the cache" in shown.output


def test_an_unknown_name_is_refused_with_the_known_ones(kept: WorkingRoot) -> None:
    shown = fledge("process", "--root", kept.path, kept.analysis, "--only", "nope")

    assert "there is no module 'nope'; there are a, b, c, " in str(shown.exception)


def test_the_table_tells_what_is_kept(kept: WorkingRoot) -> None:
    shown = fledge("cache", "--root", kept.path)

    assert shown.exit_code == 0
    assert str(kept.analysis) in shown.output
    assert "0 min ago" in shown.output
    assert "answers on 1 analysis" in shown.output
    [record] = [
        json.loads(line) for line in fledge("cache", "--root", kept.path, "--json").output.splitlines()
    ]
    assert record["analysis"] == str(kept.analysis)
    assert "processing.a.A" in record["answers"]


def test_what_is_cleared_is_computed_again(kept: WorkingRoot) -> None:
    assert "on 0 analyses" in fledge("cache", "--root", kept.path, "--older-than", "1", "--clear").output
    assert "on 0 analyses" in fledge("cache", "--root", kept.path, kept.path, "--clear").output
    assert process(kept)["a"]["outcome"] == "CACHED"

    cleared = fledge("cache", "--root", kept.path, kept.analysis, "--clear")

    assert cleared.output.startswith("forgot ")
    assert fledge("cache", "--root", kept.path).output.startswith("nothing is kept in ")
    assert process(kept)["a"]["outcome"] == "COMPLETED"


def test_hostile_names_of_analyses_move_no_cursor(root: WorkingRoot) -> None:
    shelf = configured_shelf(Root(root.path))
    assert shelf is not None
    shelf.put("/a\x1b[2J\udcff", "x", {}, b"")

    output = fledge("cache", "--root", root.path).output

    assert "\x1b" not in output


def test_a_disabled_cache_is_told(root: WorkingRoot) -> None:
    (Path(root.path) / "conf" / "fledge.conf").write_text("[cache]\nenabled = no\n")

    assert "conf/fledge.conf disables it" in str(fledge("cache", "--root", root.path).exception)


def test_a_cache_that_others_may_write_is_not_shown_as_one_in_use(kept: WorkingRoot) -> None:
    shelf = configured_shelf(Root(kept.path))
    assert shelf is not None
    shelf.folder.chmod(0o777)

    shown = fledge("cache", "--root", kept.path, "--clear")

    assert shown.exit_code != 0
    assert "the cache is not used: others may write" in str(shown.exception or shown.output)


def test_a_report_that_is_left_from_an_earlier_run_is_not_shown_as_one_of_this(kept: WorkingRoot) -> None:
    def marked() -> dict[str, bool]:
        shown = fledge("process", "--root", kept.path, kept.analysis).stdout.replace("\n", " ")
        assert "report  " in shown
        return {
            file.name: "(of an earlier run)" in said
            for said in shown.split("report  ")[1:]
            for file in (kept.analysis / "reports").iterdir()
            if file.name in said.replace(" ", "")
        }

    assert set(marked().values()) == {False}

    (kept.path / "conf" / "reporting.conf").write_text("[jsondump]\nenabled = no\n[html]\nenabled = yes\n")
    os.utime(kept.analysis / "reports" / "report.json", (1e9, 1e9))

    assert {name: old for name, old in marked().items() if name.startswith("report.")} == {
        "report.json": True,
        "report.html": False,
    }
    assert marked()["report.html"] is False
