"""Answers of earlier runs: taken when nothing has changed, and never when something has."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fledge import Results
from lib.cuckoo.common.root import SHIPPED, find_root
from lib.cuckoo.core.cache import setting
from lib.cuckoo.core.engine import Engine, Settings
from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of

TRACEABLE = "traceable = True\nfolder_only = True"
READS_SAMPLE = "from pathlib import Path; return Path(self.file_path).read_text()"
SEES_ALL = """
    found = {}
    for place, folders, files in os.walk(self.analysis_path):
        for name in sorted(folders + files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            text = open(path).read() if os.path.isfile(path) else os.path.isdir(path)
            found[os.path.relpath(path, self.analysis_path)] = [text, status.st_mode, os.path.islink(path)]
    return found
"""


def settled() -> None:
    """Wait until the file system's clock shows another time: what changes while a module starts is not kept."""
    time.sleep(0.03)


def processed(root: WorkingRoot, **arguments: Any) -> Results:
    """Process with the cache, signatures and reports included."""
    settled()
    engine = Engine(root.analysis, Settings(find_root(root.path), **{"cache": True, **arguments}))
    engine.process()
    engine.match()
    engine.report()
    return Results(engine.path, engine.results, engine.ledger)


def outcomes(results: Results) -> dict[str, Outcome]:
    idle = {Outcome.DISABLED, Outcome.UNCONFIGURED}
    return {run.module: run.outcome for run in results.runs if run.outcome not in idle}


@pytest.fixture
def kept(root: WorkingRoot) -> WorkingRoot:
    """A root with an analysis whose answers are kept."""
    (root.analysis / "binary").write_text("sample")
    (root.analysis / "other").write_text("other")
    (root.analysis / "task.json").write_text('{"id": 7, "category": "file"}')
    root.add_run("reads", READS_SAMPLE, "enabled = yes\ncolour = red  ", f"{TRACEABLE}\ncolour = 'colour'")
    processed(root)
    return root


def test_a_second_run_of_the_same_takes_every_answer(kept: WorkingRoot) -> None:
    written = (kept.analysis / "reports" / "report.json").stat()

    results = processed(kept)

    assert set(outcomes(results).values()) == {Outcome.CACHED}
    run = run_of(results, "reads")
    assert (run.wall_seconds, run.cached_seconds > 0, run.reason) == (0, True, "")
    assert run.cached_from.startswith("20")
    assert results["reads"] == "sample"
    assert (kept.analysis / "reports" / "report.json").stat() == written
    assert results["statistics"]["processing"] == []


def change_content(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_text("sampl2")


def change_content_and_restore_the_time(root: WorkingRoot) -> None:
    file = root.analysis / "binary"
    before = file.stat()
    file.write_text("sampl2")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_a_file_of_equal_size_and_time(root: WorkingRoot) -> None:
    before = (root.analysis / "binary").stat()
    (root.analysis / "draft").write_text("sampl2")
    os.utime(root.analysis / "draft", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root.analysis / "draft").rename(root.analysis / "binary")


def add_a_file(root: WorkingRoot) -> None:
    (root.analysis / "files").mkdir()
    (root.analysis / "files" / "new").touch()


def remove_a_file(root: WorkingRoot) -> None:
    (root.analysis / "other").unlink()


def turn_a_file_into_a_link(root: WorkingRoot) -> None:
    (root.analysis / "other").unlink()
    (root.analysis / "other").symlink_to("binary")


def change_rights(root: WorkingRoot) -> None:
    (root.analysis / "other").chmod(0o600)


def change_the_option(root: WorkingRoot) -> None:
    root.configuration.write_text(root.configuration.read_text().replace("red", "blue"))


def change_a_limit(root: WorkingRoot) -> None:
    root.limits(wall_seconds=99)


def change_the_task(root: WorkingRoot) -> None:
    (root.analysis / "task.json").write_text('{"id": 8, "category": "file"}')


def change_the_code(root: WorkingRoot) -> None:
    file = root.modules / "reads.py"
    file.write_text(file.read_text() + "\n# changed\n")


CHANGES = [
    change_content,
    change_content_and_restore_the_time,
    replace_by_a_file_of_equal_size_and_time,
    add_a_file,
    remove_a_file,
    turn_a_file_into_a_link,
    change_rights,
    change_the_option,
    change_a_limit,
    change_the_task,
    change_the_code,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_computed_again(kept: WorkingRoot, change: Callable[[WorkingRoot], None]) -> None:
    change(kept)

    results = processed(kept)

    assert outcomes(results)["reads"] is Outcome.COMPLETED
    assert results["reads"] == (kept.analysis / "binary").read_text()
    assert outcomes(processed(kept))["reads"] is Outcome.CACHED


@pytest.mark.parametrize("what", ["__version__", "reader_name", "CODE"])
def test_another_engine_takes_nothing(kept: WorkingRoot, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"__version__": "99", "reader_name": lambda: "other", "CODE": SHIPPED / "tools"}
    monkeypatch.setattr(setting, what, others[what])

    assert Outcome.CACHED not in outcomes(processed(kept)).values()


def test_another_environment_takes_nothing(kept: WorkingRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert Outcome.CACHED not in outcomes(processed(kept)).values()


def test_a_library_that_was_installed_since_makes_everything_new(
    kept: WorkingRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "site" / "thing-2.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    assert Outcome.CACHED not in outcomes(processed(kept)).values()


def test_an_edited_file_of_the_engine_makes_everything_new(
    kept: WorkingRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(setting.CODE / "common", tmp_path / "code" / "common")
    monkeypatch.setattr(setting, "CODE", tmp_path / "code")
    monkeypatch.setattr(setting, "LOADED_NS", time.time_ns() + 10**12)
    processed(kept)
    assert outcomes(processed(kept))["reads"] is Outcome.CACHED
    (tmp_path / "code" / "common" / "text.py").write_text("# changed")

    assert Outcome.CACHED not in outcomes(processed(kept)).values()


def test_an_engine_whose_files_were_changed_after_it_was_loaded_keeps_and_takes_nothing(
    kept: WorkingRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept.analysis / "binary").write_text("sampl2")
    with monkeypatch.context() as older:
        older.setattr(setting, "LOADED_NS", 0)
        assert processed(kept)["reads"] == "sampl2"

    results = processed(kept)

    assert (outcomes(results)["reads"], results["reads"]) == (Outcome.COMPLETED, "sampl2")


def test_a_traceable_module_depends_on_what_it_reads_and_any_other_on_all_files(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_text("sample")
    (root.analysis / "other").write_text("other")
    root.add_run("native", READS_SAMPLE)
    root.add_run("reads", READS_SAMPLE, attributes=TRACEABLE)
    processed(root)
    (root.analysis / "other").write_text("OTHER")

    assert outcomes(processed(root)) == {
        "native": Outcome.COMPLETED,
        "reads": Outcome.CACHED,
        "jsondump": Outcome.COMPLETED,
        "html": Outcome.COMPLETED,
    } | {name: Outcome.COMPLETED for name in outcomes(processed(root)) if name not in {"native", "reads"}}


def test_files_outside_the_analysis_count_also_when_they_appear(root: WorkingRoot, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    body = f"""
        from lib.cuckoo.common.config import Config
        from lib.cuckoo.common.inputs import depends_on
        depends_on({str(rules)!r})
        size = os.path.exists({str(rules)!r})
        return [size, list(Config("strange")._sections)]
    """
    root.add_run("outside", body, attributes=TRACEABLE)
    assert processed(root)["outside"] == [False, []]
    assert outcomes(processed(root))["outside"] is Outcome.CACHED

    (root.path / "conf" / "strange.conf").write_text("[a]\n")
    assert processed(root)["outside"] == [False, ["a"]]

    rules.touch()
    assert processed(root)["outside"] == [True, ["a"]]


def test_a_module_that_is_imported_by_another_counts(root: WorkingRoot, tmp_path: Path) -> None:
    helper = tmp_path / "helpers" / "measuring.py"
    helper.parent.mkdir()
    helper.write_text("VALUE = 1")
    body = f"import sys; sys.path.insert(0, {str(helper.parent)!r}); import measuring; return measuring.VALUE"
    root.add_run("imports", body, attributes=TRACEABLE)
    assert processed(root)["imports"] == 1
    assert outcomes(processed(root))["imports"] is Outcome.CACHED

    helper.write_text("VALUE = 22")

    assert processed(root)["imports"] == 22


@pytest.mark.parametrize("attributes", [TRACEABLE, ""])
def test_what_a_file_of_modules_imports_when_it_is_loaded_counts(
    root: WorkingRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: str
) -> None:
    lengths = tmp_path / "lengths_of_things.py"
    lengths.write_text("VALUE = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = root.add_run("imports", "return lengths_of_things.VALUE", attributes=attributes)
    file.write_text(f"import lengths_of_things\n{file.read_text()}")
    assert processed(root)["imports"] == 1
    assert outcomes(processed(root))["imports"] is Outcome.CACHED

    lengths.write_text("VALUE = 22")
    del sys.modules["lengths_of_things"]

    assert processed(root)["imports"] == 22
    del sys.modules["lengths_of_things"]


def test_a_module_file_counts_for_its_own_modules_only(kept: WorkingRoot) -> None:
    kept.add_run("native", READS_SAMPLE)
    file = kept.modules / "native.py"
    processed(kept)
    file.write_text(file.read_text() + "\n# changed\n")

    found = outcomes(processed(kept))

    assert (found["reads"], found["native"]) == (Outcome.CACHED, Outcome.COMPLETED)


@pytest.mark.parametrize("folder", ["answers", ".", "data"])
def test_the_place_of_the_cache_hides_no_input(root: WorkingRoot, folder: str) -> None:
    rules = root.path / "data" / "rules"
    rules.parent.mkdir()
    rules.write_text("old")
    (root.path / "conf" / "fledge.conf").write_text(f"[cache]\nfolder = {folder}\n")
    root.add_run("outside", f"return open({str(rules)!r}).read()", attributes=TRACEABLE)
    processed(root)
    assert outcomes(processed(root))["outside"] is Outcome.CACHED

    rules.write_text("new")

    assert processed(root)["outside"] == "new"


def test_an_analysis_that_cannot_be_listed_any_more_costs_its_answers_only(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_text("sample")
    root.add_run("removes", "import shutil; shutil.rmtree(self.analysis_path); return 1")

    assert processed(root)["removes"] == 1


CHAIN = {
    "first": ("return len(open(self.file_path).read())", TRACEABLE),
    "second": (
        'return [self.results.get("first"), self.results.get("later")]',
        "traceable = True\norder = 2",
    ),
    "third": ('return self.results["second"]', "traceable = True\norder = 3"),
}


def test_a_section_counts_by_what_it_says(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_text("sample")
    for name, (body, attributes) in CHAIN.items():
        root.add_run(name, body, attributes=attributes)
    processed(root)
    root.configuration.write_text(root.configuration.read_text().replace("[first]\n", "[first]\na = 1\n"))

    results = processed(root)

    chain = {name: outcomes(results)[name] for name in CHAIN}
    assert chain == {"first": Outcome.COMPLETED, "second": Outcome.CACHED, "third": Outcome.CACHED}
    (root.analysis / "binary").write_text("longer than it was")
    assert processed(root)["third"] == [18, None]


def test_a_section_that_appears_counts(root: WorkingRoot) -> None:
    root.add_run("second", *CHAIN["second"][:1], attributes=CHAIN["second"][1])
    assert processed(root)["second"] == [None, None]
    root.add_run("later", "return 5", attributes=TRACEABLE)

    assert processed(root)["second"] == [None, 5]


FAILING = {
    "failed": 'raise CuckooProcessingError("no")',
    "crashed": "raise RuntimeError",
    "unavailable": 'raise CuckooDependencyError("no")',
    "in_part": 'self.unit("a"); self.unit("b", "FAILED", "no"); return 1',
    "until_then": "from lib.cuckoo.common.inputs import holds_until; holds_until(1000); return 1",
    "not_lasting": "from lib.cuckoo.common.inputs import will_not_last; will_not_last('x'); return 1",
    "asks_a_service": "import socket; socket.socket().connect_ex(('127.0.0.1', 9)); return 1",
    "runs_a_program": "import subprocess; subprocess.run(['true']); return 1",
    "killed": "os.kill(os.getpid(), 9)",
    "leaves": "os.write(1, b'x'); os._exit(0)",
}


def test_failures_and_what_may_differ_next_time_are_not_kept(root: WorkingRoot) -> None:
    for name, body in FAILING.items():
        root.add_run(name, body, attributes=TRACEABLE)
    root.add_run("chance", "import random; return random.random()", attributes="cacheable = False")
    root.add_run("sound", "return 1", attributes=TRACEABLE)
    first = processed(root)

    second = processed(root)

    names = [*FAILING, "chance"]
    assert {name: outcomes(second)[name] for name in names} == {name: outcomes(first)[name] for name in names}
    assert outcomes(second)["sound"] is Outcome.CACHED
    assert first["chance"] != second["chance"]


def test_parts_of_a_modules_work_come_back_with_it(root: WorkingRoot) -> None:
    body = 'self.unit("a", seconds=2.0, notes=["cut"]); self.note("short"); print("said"); return 1'
    root.add_run("parts", body, attributes=TRACEABLE)
    processed(root)

    results = processed(root)

    part, whole = (run_of(results, name) for name in ("parts.a", "parts"))
    assert (part.outcome, part.wall_seconds, part.cached_seconds) == (Outcome.CACHED, 0, 2.0)
    assert (part.notes, whole.notes, whole.output) == (("cut",), ("short",), "said\n")


def test_other_sections_that_a_module_wrote_come_back_with_it(root: WorkingRoot) -> None:
    root.add_run("writes", 'self.results["extra"] = (1, {2}); return 1', attributes="order = 2")
    root.add_run("reads_extra", 'return self.results["extra"][0]', attributes="order = 3\ntraceable = True")
    processed(root)

    results = processed(root)

    assert (results["extra"], results["reads_extra"]) == ((1, {2}), 1)
    assert outcomes(results)["reads_extra"] is Outcome.CACHED


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_text("other"),
        lambda file: (file.rename(file.with_name("away")), file.symlink_to("away")),
    ],
    ids=["removed", "changed", "moved"],
)
def test_files_that_a_module_wrote_must_still_be_there(
    root: WorkingRoot, damage: Callable[[Path], object]
) -> None:
    body = """
        os.makedirs(self.network_path, exist_ok=True)
        with open(self.network_path + "/body", "w") as file:
            file.write("body")
        return 1
    """
    root.add_run("writes", body, attributes=TRACEABLE)
    root.add_run("bystander", "return 1", attributes=TRACEABLE)
    processed(root)
    assert outcomes(processed(root))["writes"] is Outcome.CACHED
    assert outcomes(processed(root))["bystander"] is Outcome.CACHED

    damage(root.analysis / "network" / "body")

    assert outcomes(processed(root))["writes"] is Outcome.COMPLETED
    assert (root.analysis / "network" / "body").read_text() == "body"


def test_files_that_an_earlier_run_without_the_cache_wrote_cost_one_run_at_most(root: WorkingRoot) -> None:
    body = """
        os.makedirs(self.network_path, exist_ok=True)
        with open(self.network_path + "/body", "w") as file:
            file.write("body")
        return 1
    """
    root.add_run("writes", body, attributes=TRACEABLE)
    root.add_run("bystander", "return 1", attributes=TRACEABLE)
    processed(root, cache=False)
    processed(root)

    assert set(outcomes(processed(root)).values()) == {Outcome.CACHED}


def test_a_file_that_changes_while_a_module_runs_is_not_trusted(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_text("sample")
    body = """
        import subprocess, ctypes
        text = open(self.file_path).read()
        pid = os.fork()
        if not pid:
            os.utime(self.file_path)
            os._exit(0)
        os.waitpid(pid, 0)
        return text
    """
    root.add_run("races", body, attributes=TRACEABLE)
    processed(root)

    assert outcomes(processed(root))["races"] is Outcome.COMPLETED


def test_a_report_is_written_again_when_it_was_changed_or_removed(kept: WorkingRoot) -> None:
    report = kept.analysis / "reports" / "report.json"
    report.write_text("{}")
    assert outcomes(processed(kept))["jsondump"] is Outcome.COMPLETED
    assert json.loads(report.read_text())["reads"] == "sample"

    report.unlink()

    assert outcomes(processed(kept))["jsondump"] is Outcome.COMPLETED
    assert json.loads(report.read_text())["engine"]["modules"][0]["outcome"] == "CACHED"


def test_a_report_tells_of_a_module_that_failed_since(kept: WorkingRoot) -> None:
    kept.add_run("breaks", 'raise CuckooProcessingError("no")')
    processed(kept)

    modules = json.loads((kept.analysis / "reports" / "report.json").read_text())["engine"]["modules"]

    assert ("breaks", "FAILED") in {(each["module"], each["outcome"]) for each in modules}


def configured_reports(root: WorkingRoot, place: str) -> None:
    (root.path / "conf" / "reporting.conf").write_text(
        f"[jsondump]\nenabled = yes\ncalls = {place}\n[html]\nenabled = yes\n"
    )


def test_a_report_follows_what_reports_before_it_leave(root: WorkingRoot) -> None:
    root.add_run(
        "behavior", 'return {"processes": [{"process_id": 4, "process_name": "a", "calls": [{"api": "x"}]}]}'
    )
    configured_reports(root, "separate")
    processed(root)
    calls = root.analysis / "reports" / "calls" / "4.ndjson"
    assert calls.exists()
    assert set(outcomes(processed(root)).values()) == {Outcome.CACHED}

    calls.unlink()
    assert outcomes(processed(root))["jsondump"] is Outcome.COMPLETED
    assert calls.exists()

    configured_reports(root, "yes")
    assert outcomes(processed(root))["html"] is Outcome.COMPLETED
    assert not calls.exists()


def test_a_report_that_writes_no_file_is_run_each_time(kept: WorkingRoot) -> None:
    kept.add_report(
        "sends",
        """
        from lib.cuckoo.common.abstracts import Report

        class Sends(Report):
            def run(self, results):
                pass
        """,
    )
    processed(kept)

    assert outcomes(processed(kept))["sends"] is Outcome.COMPLETED


@pytest.mark.parametrize("mode", ["in_process", "deterministic"])
def test_runs_for_debuggers_and_for_comparison_take_nothing(kept: WorkingRoot, mode: str) -> None:
    assert Outcome.CACHED not in outcomes(processed(kept, **{mode: True})).values()


def test_the_library_takes_nothing_unless_it_is_asked_to(kept: WorkingRoot) -> None:
    settled()

    assert run_of(kept.process(), "reads").outcome is Outcome.COMPLETED
    assert run_of(kept.process(cache=True), "reads").outcome is Outcome.CACHED


def test_a_cache_that_is_disabled_or_cannot_be_written_costs_nothing(kept: WorkingRoot) -> None:
    configuration = kept.path / "conf" / "fledge.conf"
    before = configuration.read_text()
    configuration.write_text(f"{before}[cache]\nenabled = no\n")
    assert Outcome.CACHED not in outcomes(processed(kept)).values()

    configuration.write_text(f"{before}[cache]\nfolder = /proc/nowhere\n")

    for _ in range(2):
        assert outcomes(processed(kept))["reads"] is Outcome.COMPLETED


def test_modules_that_are_left_out_give_their_sections_if_they_hold(kept: WorkingRoot) -> None:
    kept.add_run("fresh", "return 1")

    results = processed(kept, only=["fresh"])

    assert outcomes(results)["reads"] is Outcome.CACHED
    assert (results["reads"], results["fresh"]) == ("sample", 1)
    change_content(kept)
    results = processed(kept, only=["fresh"])
    assert run_of(results, "reads").reason == "left out by --only"
    assert "reads" not in results


def test_a_stage_can_be_asked_to_run_again(kept: WorkingRoot) -> None:
    results = processed(kept, again={"reporting"})

    assert outcomes(results)["jsondump"] is Outcome.COMPLETED
    assert outcomes(results)["reads"] is Outcome.CACHED


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "remove", "mkdir", "link", "rename", "chmod", "touch", "append"]),
        st.sampled_from(["a", "b", "d/a", "d/b", "d", "network", "network/body"]),
        st.sampled_from(["a", "b", "d/a", "x", ""]),
    ),
    max_size=4,
)


def change_something(folder: Path, operation: str, name: str, other: str) -> None:
    """Do to a file or folder what an operation says; what cannot be done is not."""
    path = folder / name
    actions: dict[str, Callable[[], object]] = {
        "write": lambda: path.write_text(other),
        "remove": lambda: shutil.rmtree(path) if path.is_dir() else path.unlink(),
        "mkdir": lambda: path.mkdir(parents=True),
        "link": lambda: path.symlink_to(other),
        "rename": lambda: path.rename(folder / (other or "y")),
        "chmod": lambda: path.chmod(0o600 if len(other) else 0o640),
        "touch": lambda: os.utime(path, (1, 1)),
        "append": lambda: path.write_text(path.read_text() + other),
    }
    try:
        actions[operation]()
    except (OSError, ValueError):
        return


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(OPERATIONS, min_size=1, max_size=3), traceable=st.booleans())
def test_whatever_happens_to_a_folder_the_answer_is_that_of_a_run_without_cache(
    root: WorkingRoot, rounds: list[list[tuple[str, str, str]]], traceable: bool
) -> None:
    shutil.rmtree(root.analysis)
    root.analysis.mkdir()
    for name in ("a", "b"):
        (root.analysis / name).write_text(name)
    before = root.configuration.read_text()
    root.add_run("sees", SEES_ALL, attributes=f"traceable = {traceable}")
    root.configuration.write_text(before.partition("[sees]")[0] + "[sees]\nenabled = yes\n")
    for operations in rounds:
        for operation in operations:
            change_something(root.analysis, *operation)
        settled()
        assert root.process(cache=True).get("sees") == root.process().get("sees")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255), cut=st.booleans(), data=st.data())
def test_damaged_entries_are_as_good_as_none(
    kept: WorkingRoot, where: float, change: int, cut: bool, data: st.DataObject
) -> None:
    settled()
    kept.process(cache=True)
    files = sorted((kept.path / "storage" / "cache" / "answers").rglob("*.*"))
    file = data.draw(st.sampled_from([file for file in files if file.is_file()]))
    content = bytearray(file.read_bytes())
    place = int(where * len(content))
    content[place : place + 1] = bytes(byte ^ change for byte in content[place : place + 1])
    file.write_bytes(content[:place] if cut else content)

    assert kept.process(cache=True)["reads"] == "sample"


PROCESS = """
import json, sys, fledge
results = fledge.process(sys.argv[1], root=sys.argv[2], cache=True, reports=True)
print(json.dumps({"sections": list(results), "failed": len(results.failures)}))
"""


def test_two_runs_at_the_same_time_do_not_disturb_each_other(kept: WorkingRoot) -> None:
    for name in ("c1", "c2", "c3"):
        kept.add_run(name, f"import time; time.sleep(0.05); return {name!r}", attributes=TRACEABLE)
    command = [sys.executable, "-c", PROCESS, str(kept.analysis), str(kept.path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SHIPPED) for _ in range(3)]

    outputs = [json.loads(each.communicate()[0]) for each in running]

    for output in outputs:
        assert {"c1", "c2", "c3", "reads"} <= set(output["sections"])
        assert output["failed"] == 0
    processed(kept)  # who wrote the reports last need not be who kept that last
    assert set(outcomes(processed(kept)).values()) == {Outcome.CACHED}


def test_a_run_that_is_killed_leaves_nothing_that_is_wrong(kept: WorkingRoot) -> None:
    for name in ("c1", "c2", "c3"):
        kept.add_run(name, f"return {name!r} * 100_000", attributes=TRACEABLE)
    command = [
        sys.executable,
        "-m",
        "fledge",
        "process",
        str(kept.analysis),
        "--root",
        str(kept.path),
        "--json",
    ]
    for pause in (0.15, 0.25, 0.3, 0.35, 0.4, 0.5):
        change_content(kept) if pause < 0.3 else None
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=SHIPPED)
        time.sleep(pause)
        running.send_signal(signal.SIGKILL)
        running.wait()

    results = processed(kept)

    assert results["reads"] == (kept.analysis / "binary").read_text()
    assert [results[name] for name in ("c1", "c2", "c3")] == [name * 100_000 for name in ("c1", "c2", "c3")]
