"""Signatures that hang, crash, eat memory or raise, beside good ones, in real child processes."""

import textwrap
from pathlib import Path

import pytest

from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.signatures.conduct import Conducted, Conductor
from lib.cuckoo.core.signatures.loading import load_signature_file
from lib.cuckoo.core.stage import Conditions
from tests.working_root import is_running

GOOD = """
class First(Signature):
    name = "first"
    severity = 3

    def run(self):
        return True


class Second(Signature):
    name = "second"
    evented = True

    def on_call(self, call, process):
        return call["api"] == "NtClose"


class Third(Signature):
    name = "third"

    def run(self):
        return self.signature_matched("first")
"""
RESULTS = {
    "behavior": {
        "processes": [
            {
                "process_id": 1,
                "process_name": "a.exe",
                "calls": [{"api": "NtClose", "category": "system", "arguments": []}],
            }
        ]
    }
}
LIMITS = Limits(wall_seconds=20, cpu_seconds=5, memory_mb=200, grace_seconds=1)


def conduct(
    folder: Path, source: str, *, jobs: int = 1, in_process: bool = False, stuck: float = 0.5
) -> Conducted:
    file = folder / "some.py"
    header = "import ctypes, os, time\nfrom lib.cuckoo.common.abstracts import Signature\n"
    file.write_text(header + textwrap.dedent(source))
    conditions = Conditions(str(folder), LIMITS, jobs, in_process)
    return Conductor(RESULTS, conditions, {}, stuck).run(load_signature_file(file).definitions)


def bad(body: str) -> str:
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
    return f"\n\nclass Bad(Signature):\n    name = 'bad'\n\n    def run(self):\n{lines}\n"


def names(conducted: Conducted) -> list[str]:
    return [match["name"] for match in conducted.matches]


@pytest.mark.parametrize("jobs", [1, 3])
def test_matches_come_sorted_whatever_the_number_of_jobs(tmp_path: Path, jobs: int) -> None:
    conducted = conduct(tmp_path, GOOD, jobs=jobs)

    assert names(conducted) == ["second", "third", "first"]
    assert sorted(run.name for run in conducted.runs) == ["first", "second", "third"]
    assert conducted.faults == []


def test_one_process_gives_the_same(tmp_path: Path) -> None:
    assert conduct(tmp_path, GOOD, in_process=True).matches == conduct(tmp_path, GOOD).matches


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        ("time.sleep(60)", Outcome.TIMED_OUT, "hung: worked more than 0.5 s"),
        ("ctypes.string_at(0)", Outcome.CRASHED, "killed by SIGSEGV"),
        ("os._exit(0)", Outcome.CRASHED, "ended without an answer"),
        ("return bytearray(40 << 30)", Outcome.OUT_OF_MEMORY, "MemoryError"),
        ("raise ValueError('no')", Outcome.CRASHED, "run raised ValueError: no"),
        ("return self.run()", Outcome.CRASHED, "RecursionError"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_signature_costs_itself_only(
    tmp_path: Path, body: str, outcome: Outcome, reason: str, jobs: int
) -> None:
    conducted = conduct(tmp_path, GOOD + bad(body), jobs=jobs)

    assert names(conducted) == ["second", "third", "first"]
    (fault,) = conducted.faults
    assert (fault.module, fault.outcome) == ("bad", outcome)
    assert fault.file == str(tmp_path / "some.py")
    assert reason in fault.reason


def test_one_that_hangs_on_a_call_is_told_from_those_that_wait_for_it(tmp_path: Path) -> None:
    hangs = """

    class Hangs(Signature):
        name = "hangs"
        evented = True

        def on_call(self, call, process):
            time.sleep(60)
    """
    conducted = conduct(tmp_path, GOOD + textwrap.dedent(hangs))

    assert names(conducted) == ["second", "third", "first"]
    (fault,) = conducted.faults
    assert fault.module == "hangs"
    assert "hung: worked more than 0.5 s on one call" in fault.reason


@pytest.mark.parametrize("evented", [False, True])
def test_one_of_several_of_a_name_that_ends_its_process_costs_itself_only(
    tmp_path: Path, evented: bool
) -> None:
    source = f"""
    class Base:
        name = "same"
        evented = {evented}
        ends = False

        def run(self):
            return os._exit(0) if self.ends else True

        on_complete = run

        def on_call(self, call, process):
            pass


    class First(Base, Signature):
        pass


    class Middle(Base, Signature):
        ends = True


    class Third(Base, Signature):
        pass
    """
    conducted = conduct(tmp_path, source)

    assert names(conducted) == ["same", "same"]
    assert [(run.number, run.matched) for run in conducted.runs] == [(1, True), (1, True)]
    assert [fault.class_name for fault in conducted.faults] == ["Middle"]


def test_what_a_signature_started_ends_with_the_stage(tmp_path: Path) -> None:
    source = bad("""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            time.sleep(60)
        self.data.append({"pid": pid})
        return True
    """)
    conducted = conduct(tmp_path, source)

    assert not is_running(conducted.matches[0]["data"][0]["pid"])


def test_signatures_that_work_long_but_get_on_are_left_alone(tmp_path: Path) -> None:
    conducted = conduct(tmp_path, GOOD + bad("time.sleep(0.3)\nreturn True"), stuck=2)

    assert "bad" in names(conducted)


def test_sections_and_statistics_that_signatures_write_arrive(tmp_path: Path) -> None:
    source = bad("""
        self.results["custom"] = {"found": 1}
        self.add_statistic("bad", "calls", 3)
        return False
    """)
    conducted = conduct(tmp_path, source)

    assert conducted.written == {"custom": {"found": 1}}
    assert conducted.statistics == {"bad": {"calls": 3}}
