"""Modules of both dialects, run by the engine: what they return, write and see."""

import json
from pathlib import Path

import pytest

from fledge import Results
from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.ledger import Outcome
from tests.working_root import WorkingRoot, run_of

CLASSIC = """
    import os
    from lib.cuckoo.common.abstracts import Processing
    from lib.cuckoo.common.exceptions import CuckooProcessingError

    class MyModule(Processing):
        order = 2

        def run(self):
            self.key = "mymodule"
            if not os.path.exists(self.file_path):
                raise CuckooProcessingError("no sample at %s" % self.file_path)
            return {"log": self.log_path, "earlier": sorted(self.results), "maximum": self.options.maximum}

    class Resting(Processing):
        enabled = False
        key = "resting"

        def run(self):
            raise RuntimeError
"""
SUCCESSOR = """
    from lib.cuckoo.common.abstracts import Processing

    class Enrich(Processing):
        def __init__(self, results=None):
            super().__init__(results)
            self.seen = dict(results)

        order = 3
        key = "enrich"

        def run(self):
            self.results["target"]["file"]["x"] = [1]
            self.results.setdefault("detections", []).append({"family": "Agent"})
            self.results["extra"] = "new"
            for section in self.results.values():
                if isinstance(section, dict):
                    section["touched"] = True
            return sorted(self.seen)
"""
TARGET = 'return {"file": {"name": "a"}}'


def sections(results: Results) -> dict[str, object]:
    return {key: value for key, value in results.items() if key not in {"engine", "statistics"}}


def test_a_classic_module_runs_unchanged(root: WorkingRoot) -> None:
    (root.analysis / "binary").write_bytes(b"MZ")
    root.add_run("first", "return 1")
    root.add("classic", CLASSIC, "enabled = yes\nmaximum = 5")

    results = root.process()

    assert results["mymodule"] == {
        "log": str(root.analysis / "analysis.log"),
        "earlier": ["first"],
        "maximum": 5,
    }
    outcomes = {run.class_name: run.outcome for run in results.runs if run.module == "classic"}
    assert outcomes == {"MyModule": Outcome.COMPLETED, "Resting": Outcome.DISABLED}
    assert "resting" not in results


def test_a_processing_error_of_a_classic_module_is_a_failure_with_its_words(root: WorkingRoot) -> None:
    root.add("classic", CLASSIC)

    [run] = [run for run in root.process().runs if run.class_name == "MyModule"]

    assert (run.outcome, run.key, run.traceback) == (Outcome.FAILED, None, "")
    assert run.reason == f"no sample at {root.analysis / 'binary'}"


@pytest.mark.parametrize("in_process", [False, True])
def test_what_a_successors_module_writes_elsewhere_arrives(root: WorkingRoot, in_process: bool) -> None:
    root.add_run("target", TARGET)
    root.add("enrich", SUCCESSOR)

    results = root.process(in_process=in_process)

    assert sections(results) == {
        "target": {"file": {"name": "a", "x": [1]}, "touched": True},
        "detections": [{"family": "Agent"}],
        "extra": "new",
        "enrich": ["target"],
    }


@pytest.mark.parametrize("in_process", [False, True])
def test_what_a_failed_module_changed_does_not_arrive(root: WorkingRoot, in_process: bool) -> None:
    root.add_run("target", TARGET)
    root.add_run("spoil", 'self.results["target"]["file"].clear(); 1 / 0', attributes="order = 2")

    results = root.process(in_process=in_process)

    assert results["target"] == {"file": {"name": "a"}}
    assert run_of(results, "spoil").outcome is Outcome.CRASHED
    assert "ZeroDivisionError" in run_of(results, "spoil").error


def test_a_section_taken_out_and_put_back_changed_arrives(root: WorkingRoot) -> None:
    root.add_run("target", TARGET)
    body = 't = self.results.pop("target"); t["x"] = 1; self.results["target"] = t'
    root.add_run("later", body, attributes="order = 2")

    assert root.process()["target"]["x"] == 1


@pytest.mark.parametrize("value", [None, [], {}, 0, False, ""])
def test_an_empty_answer_is_data(root: WorkingRoot, value: object) -> None:
    root.add_run("empty", f"return {value!r}")

    assert root.process()["empty"] == value


def test_the_second_of_one_key_is_refused_and_recorded(root: WorkingRoot) -> None:
    first = root.add_run("a", "return 1")
    root.add_run("b", "self.key = 'a'; self.results['c'] = 1; return 2")

    results = root.process()

    assert results["a"] == 1
    assert "c" not in results
    assert run_of(results, "b").outcome is Outcome.REFUSED
    assert run_of(results, "b").reason == f"the key 'a' belongs to A in {first}"


@pytest.mark.parametrize("key", ["engine", "statistics"])
def test_the_engines_own_keys_are_refused(root: WorkingRoot, key: str) -> None:
    root.add_run("a", f"self.results[{key!r}] = 'forged'; return 1", attributes="order = 1")
    root.add_run("b", f"self.key = {key!r}; return 'forged'")

    results = root.process()

    assert run_of(results, "b").outcome is Outcome.REFUSED
    assert results[key] != "forged"


def test_a_class_without_a_key_after_run_is_a_failure_with_file_and_line(root: WorkingRoot) -> None:
    file = root.add_run("a", "self.key = None; return 1")

    run = run_of(root.process(), "a")

    assert run.outcome is Outcome.FAILED
    assert run.reason == f"class A ({file}:7) has no key, not even after run()"


def test_a_value_that_is_not_plain_data_is_named_by_its_path(root: WorkingRoot) -> None:
    root.add_run("a", "return {'rows': [1, {'file': os}]}")
    root.add_run("b", "self.results['elsewhere'] = {1: print}; return 1")

    results = root.process(deterministic=True)

    assert run_of(results, "a").outcome is Outcome.FAILED
    assert run_of(results, "a").reason == "answer['rows'][1]['file']: builtins.module is not plain data"
    assert "results['elsewhere'][1]" in run_of(results, "b").reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise CuckooDependencyError('needs the program tshark')", "needs the program tshark"),
        ("import no_such_package_x.y", "needs the Python package no_such_package_x"),
    ],
)
def test_what_is_not_installed_makes_a_module_unavailable(root: WorkingRoot, body: str, words: str) -> None:
    root.add_run("a", body)

    results = root.process()

    assert run_of(results, "a").outcome is Outcome.UNAVAILABLE
    assert words in run_of(results, "a").reason
    assert results.failures == ()


def test_notes_stand_in_the_ledger_and_foreign_ones_do_no_harm(root: WorkingRoot) -> None:
    root.add_run("a", "self.note('truncated'); return 1")
    root.add_run("b", "self.notes = None; return 2")

    results = root.process()

    assert run_of(results, "a").notes == ("truncated",)
    assert results["b"] == 2


FORGED = """
    from lib.cuckoo.core import execution
    def forged(candidate, processed, answer):
        for message in MESSAGES:
            answer.write(message)
    execution._deliver = forged
    return 1
"""


@pytest.mark.parametrize(
    "messages",
    [
        "[{'outcome': 'COMPLETED', 'key': 'x', 'notes': 5}]",
        "[{'outcome': []}]",
        "[{'outcome': {}, 'notes': {}}]",
        "[1, 2, {'outcome': 'COMPLETED', 'key': 'a'}]",
        "[{'data': 1}, {'writes': [[[], 1]]}, {'outcome': 'COMPLETED', 'key': 'a'}]",
        "[{'data': 1}, {'writes': 5}, {'outcome': 'COMPLETED'}]",
        "[{'data': 1}, {'writes': {}}, {'outcome': 'COMPLETED', 'key': 10**5000}]",
        "['COMPLETED']",
        "[]",
    ],
)
def test_a_forged_answer_costs_its_own_section(root: WorkingRoot, messages: str) -> None:
    root.add_run("a", FORGED.replace("MESSAGES", messages))
    root.add_run("b", "return 2")

    results = root.process()

    assert run_of(results, "a").outcome is Outcome.CRASHED
    assert results["b"] == 2


def many(root: WorkingRoot) -> None:
    for number in range(6):
        root.add_run(f"m{number}", f"import time; time.sleep({(6 - number) / 50}); return {{'n': {number}}}")
        root.add_run(f"s{number}", f"self.results['common'] = {number}; return 1", attributes="order = 2")
    root.add_run("bad", "class Own(Exception): pass\nraise Own(object())")
    root.add_run("sets", "return {'s': {frozenset({str(a), str(b)}) for a in range(5) for b in range(5)}}")


def test_reports_are_the_same_byte_for_byte_whatever_the_jobs(root: WorkingRoot) -> None:
    many(root)
    report = root.analysis / "reports" / "report.json"
    texts = []
    for jobs in (1, 4, 1):
        root.process(jobs=jobs, deterministic=True, reports=True)
        texts.append(report.read_bytes())

    assert texts[0] == texts[1] == texts[2]
    assert json.loads(texts[0])["common"] == 5


def test_modules_that_read_results_never_run_at_the_same_time(root: WorkingRoot) -> None:
    for number in range(3):
        body = "self.results.setdefault('trail', []).append(self.key); return 1"
        root.add_run(f"m{number}", body, attributes="order = 1")

    assert root.process(jobs=3)["trail"] == ["m0", "m1", "m2"]


def without_times(value: object) -> object:
    if isinstance(value, dict):
        volatile = {
            "started",
            "duration_seconds",
            "time",
            "wall_seconds",
            "cpu_seconds",
            "peak_memory_bytes",
            "output",
        }
        return {key: without_times(member) for key, member in value.items() if key not in volatile}
    return [without_times(member) for member in value] if isinstance(value, list) else value


def test_two_runs_differ_in_times_only(root: WorkingRoot) -> None:
    many(root)
    root.add_run("bad", "raise ValueError('no address in it')", section="enabled = yes")

    first, second = without_times(dict(root.process())), without_times(dict(root.process()))

    assert first == second


def test_in_process_gives_the_same_sections_and_outcomes(root: WorkingRoot) -> None:
    many(root)

    apart, together = root.process(), root.process(in_process=True)

    assert sections(apart) == sections(together)
    assert [(run.module, run.outcome) for run in apart.runs] == [
        (run.module, run.outcome) for run in together.runs
    ]


def test_a_section_overrides_the_limits_of_its_module_only(root: WorkingRoot) -> None:
    body = "import resource; return resource.getrlimit(resource.RLIMIT_CPU)[0]"
    root.limits(cpu_seconds=40)
    root.add_run("a", body, "enabled = yes\nlimit_cpu_seconds = 20")
    root.add_run("b", body)

    results = root.process()

    assert (results["a"], results["b"]) == (20, 40)
    assert results.problems == ()


@pytest.mark.parametrize("value", ["0", "-1", "much", "1.5", "yes", "", "9" * 30])
def test_a_bad_limit_is_told_before_anything_runs(root: WorkingRoot, value: str) -> None:
    trace = root.path / "ran"
    root.add_run("a", f"open({str(trace)!r}, 'w'); return 1")
    line = root.configuration.read_text().count("\n") + 1
    root.add_run("b", "return 1", f"enabled = yes\nlimit_memory_mb = {value}")

    with pytest.raises(CuckooStartupError, match="limit_memory_mb must be a whole number") as caught:
        root.process()

    assert f"[b] in {root.configuration}:{line}" in str(caught.value)
    assert not trace.exists()


def test_a_bad_limit_of_a_stage_is_a_startup_error(root: WorkingRoot) -> None:
    root.limits(memory_mb=0)

    with pytest.raises(CuckooStartupError, match=r"\[processing\] in .*fledge\.conf:1: limit_memory_mb"):
        root.process()


def test_a_report_that_fails_costs_only_itself(root: WorkingRoot) -> None:
    root.add_report(
        "broken",
        """
        from lib.cuckoo.common.abstracts import Report
        from lib.cuckoo.common.exceptions import CuckooReportError
        class Broken(Report):
            def run(self, results):
                raise CuckooReportError("disk on fire")
        """,
    )

    results = root.process(reports=True)

    assert (run_of(results, "broken").outcome, run_of(results, "broken").reason) == (
        Outcome.FAILED,
        "disk on fire",
    )
    assert run_of(results, "jsondump").outcome is Outcome.COMPLETED


def test_a_linked_reports_folder_is_not_followed(root: WorkingRoot, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root.analysis / "reports").symlink_to(tmp_path / "outside")

    run = run_of(root.process(reports=True), "jsondump")

    assert run.outcome is Outcome.FAILED
    assert "is a link to" in run.reason
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_something_else_in_the_place_of_reports_is_a_failure(root: WorkingRoot, kind: str) -> None:
    place = root.analysis / "reports"
    place.write_text("x") if kind == "file" else place.symlink_to("nowhere")

    assert run_of(root.process(reports=True), "jsondump").outcome is Outcome.FAILED


def test_a_report_of_hostile_values_is_json(root: WorkingRoot) -> None:
    root.add_run(
        "hostile",
        r"""
        deep = []
        for _ in range(350): deep = [deep]
        return {"\udcff": "\x00\x1b]0;x\x07\u202e", b"\xff": float("nan"), 1: 10**6000, None: {b"\x00"},
                "deep": deep, (1,): (float("inf"),)}
        """,
    )

    results = root.process(reports=True)

    report = json.loads((root.analysis / "reports" / "report.json").read_text())
    assert run_of(results, "jsondump").outcome is Outcome.COMPLETED
    assert report["hostile"]["\\udcff"] == "\x00\x1b]0;x\x07\u202e"
    assert report["hostile"]["[1]"] == [None]
