import gc
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures import stage as stage_module
from lib.cuckoo.core.signatures.progress import Progress
from lib.cuckoo.core.signatures.selection import Definition
from lib.cuckoo.core.signatures.stage import SignatureRun, StageResult, phases, run_signatures


def call(api: str, category: str = "filesystem", **arguments: object) -> dict[str, Any]:
    pairs = [{"name": name, "value": value} for name, value in arguments.items()]
    members = {
        "timestamp": "2026-01-31 13:21:44,590",
        "thread_id": "1",
        "status": True,
        "return": "0x00000000",
    }
    return {**members, "api": api, "category": category, "arguments": pairs, "repeated": 0, "id": 0}


def process(pid: int, name: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"process_id": pid, "process_name": name, "calls": list(calls)}


def results(*processes: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"behavior": {"processes": list(processes), "summary": {}}, **sections}


TWO_PROCESSES = results(
    process(1, "one.exe", call("NtCreateFile", FileName="a"), call("NtClose", "system"), call("NtWriteFile")),
    process(
        2, "two.exe", call("NtWriteFile"), call("NtCreateFile", FileName="b"), call("NtCreateFile", "other")
    ),
)


def run(*classes: type[Signature], given: dict[str, Any] = TWO_PROCESSES, **settings: Any) -> StageResult:
    return run_signatures([Definition(cls, f"{cls.__name__}.py") for cls in classes], given, **settings)


def names(stage: StageResult) -> list[str]:
    return [match["name"] for match in stage.matches]


def only_run(stage: StageResult) -> SignatureRun:
    (one,) = stage.runs
    return one


class Hearing(Signature):
    """Keeps what it hears."""

    name = "hearing"
    evented = True

    def on_call(self, call: dict[str, Any], process: Any) -> None:
        assert call is self.call
        assert process["process_id"] == self.pid
        self.data.append(
            {"heard": [process["process_name"], self.pid, self.cid, call["api"], call["category"]]}
        )

    def on_complete(self) -> bool:
        return True


ALL = [
    ["one.exe", 1, 0, "NtCreateFile", "filesystem"],
    ["one.exe", 1, 1, "NtClose", "system"],
    ["one.exe", 1, 2, "NtWriteFile", "filesystem"],
    ["two.exe", 2, 0, "NtWriteFile", "filesystem"],
    ["two.exe", 2, 1, "NtCreateFile", "filesystem"],
    ["two.exe", 2, 2, "NtCreateFile", "other"],
]


@pytest.mark.parametrize(
    ("filters", "heard"),
    [
        ({}, ALL),
        ({"filter_apinames": {"NtCreateFile"}}, [ALL[0], ALL[4], ALL[5]]),
        ({"filter_apinames": ["NtCreateFile"], "filter_categories": {"filesystem"}}, [ALL[0], ALL[4]]),
        ({"filter_categories": ("system", "other")}, [ALL[1], ALL[5]]),
        ({"filter_processnames": {"two.exe"}}, ALL[3:]),
        ({"filter_processnames": {"two.exe"}, "filter_apinames": {"NtWriteFile"}}, [ALL[3]]),
        ({"filter_apinames": {"NtWriteFile"}, "filter_categories": {"system"}}, []),
        ({"filter_processnames": {"TWO.EXE"}}, []),
        ({"filter_apinames": "NtClose", "filter_categories": None}, [ALL[1]]),
    ],
)
def test_a_signature_hears_the_calls_that_pass_all_its_filters(
    filters: dict[str, Any], heard: list[Any]
) -> None:
    stage = run(type("Filtered", (Hearing,), filters))

    assert [entry["heard"] for entry in stage.matches[0]["data"]] == heard


def test_a_signature_that_has_matched_hears_no_more() -> None:
    class Once(Signature):
        name = "once"
        evented = True

        def on_call(self, call: Any, process: Any) -> bool:
            self.mark_call()
            return bool(call["api"] == "NtClose")

        def on_complete(self) -> bool:
            raise AssertionError("on_complete is not for a signature that matched")

    stage = run(Once, Hearing)

    assert names(stage) == ["hearing", "once"]
    assert [mark["cid"] for mark in stage.matches[1]["data"]] == [0, 1]
    assert len(stage.matches[0]["data"]) == len(ALL), "the others go on hearing"


def test_a_log_in_columns_is_heard_like_a_list() -> None:
    heard = run(Hearing, given=logged(Log())).matches[0]["data"]

    assert [entry["heard"] for entry in heard] == ALL[:3]


def test_signatures_that_iterate_over_the_calls_share_the_decoded_ones() -> None:
    class Iterating(Signature):
        def run(self) -> bool:
            (process,) = self.results["behavior"]["processes"]
            calls = process["calls"]
            assert calls[-1] is calls[2]
            assert [call["api"] for call in calls[1:]] == ["NtClose", "NtWriteFile"]
            return [call["api"] for call in calls] == ["NtCreateFile", "NtClose", "NtWriteFile"]

    class Searching(Iterating):
        name = "searching"

        def run(self) -> bool:
            return (
                self.check_api("NtClose") == "NtClose"
                and self.check_argument("a", category="filesystem") == "a"
            )

    log = Log()
    stage = run(Iterating, Searching, given=logged(log))

    assert len(stage.matches) == 2
    assert sorted(log.decoded) == [0, 1, 2]


def test_calls_beyond_the_allowance_are_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Iterating(Signature):
        def run(self) -> bool:
            (process,) = self.results["behavior"]["processes"]
            return len(list(process["calls"])) == len(list(process["calls"]))

    monkeypatch.setattr(stage_module, "MOST_KEPT_CALLS", 2)
    log = Log()
    run(Iterating, given=logged(log))

    assert log.decoded == [0, 1, 2, 2]


def test_what_a_signature_does_to_a_call_is_not_seen_by_later_phases() -> None:
    class Spoiling(Hearing):
        name = "spoiling"

        def on_call(self, call: dict[str, Any], process: Any) -> None:
            call.clear()

    second = type("Second", (Hearing,), {"name": "second", "order": 1})
    log = Log()
    stage = run(Spoiling, second, given=logged(log))

    assert [entry["heard"] for entry in stage.matches[0]["data"]] == ALL[:3]
    assert log.decoded == [0, 1, 2, 0, 1, 2], "a walk keeps no calls, which would cost more than they save"


def test_filters_that_are_set_in_the_constructor_count() -> None:
    class Late(Hearing):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.filter_apinames = {"NtClose"}

    assert len(run(Late).matches[0]["data"]) == 1


@dataclass
class Kind:
    api: str
    category: str


class Log:
    """A log in columns that counts what is decoded."""

    kinds = (Kind("NtCreateFile", "filesystem"), Kind("NtClose", "system"), Kind("NtWriteFile", "filesystem"))
    kind_numbers = (0, 1, 2)

    def __init__(self) -> None:
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return len(self.kind_numbers)

    def rows_of_kinds(self, numbers: Iterator[int]) -> list[int]:
        wanted = set(numbers)
        return [row for row, number in enumerate(self.kind_numbers) if number in wanted]

    def call(self, row: int, *, raw: bool = False) -> dict[str, Any]:
        assert raw
        self.decoded.append(row)
        return dict(TWO_PROCESSES["behavior"]["processes"][0]["calls"][row])


def logged(log: Log) -> dict[str, Any]:
    return results({"process_id": 1, "process_name": "one.exe", "calls": log})


def test_a_call_that_nobody_wants_is_never_decoded_and_a_wanted_one_once_for_all() -> None:
    log = Log()
    first = type("First", (Hearing,), {"name": "first", "filter_apinames": {"NtClose"}})
    second = type("Second", (Hearing,), {"name": "second", "filter_categories": {"system"}})
    stage = run(first, second, given=logged(log))

    assert log.decoded == [1]
    assert [match["data"] for match in stage.matches] == [[{"heard": ALL[1]}]] * 2


def test_nothing_is_decoded_after_the_last_listener_has_matched() -> None:
    log = Log()

    class First(Signature):
        evented = True

        def on_call(self, call: Any, process: Any) -> bool:
            return True

    run(First, given=logged(log))

    assert log.decoded == [0]


def test_an_evented_signature_without_on_call_is_run() -> None:
    class Plain(Signature):
        name = "plain"
        evented = True

        def run(self) -> bool:
            return True

    stage = run(Plain)

    assert names(stage) == ["plain"]
    assert only_run(stage).method == "run"


def test_a_signature_with_on_complete_only_concludes() -> None:
    class Concluding(Signature):
        name = "concluding"
        evented = True

        def on_complete(self) -> bool:
            return True

    assert only_run(run(Concluding)).method == "on_complete"


def test_on_call_of_a_signature_that_is_not_evented_is_never_called() -> None:
    class Plain(Hearing):
        evented = False

        def run(self) -> bool:
            return self.has_matches()

    assert run(Plain).matches == []


@pytest.mark.parametrize("answer", [None, False, 0, "", []])
def test_an_answer_that_is_not_truthy_is_no_match(answer: object) -> None:
    class Silent(Signature):
        name = "silent"

        def run(self) -> object:
            return answer

    stage = run(Silent)

    assert stage.matches == []
    assert (only_run(stage).matched, only_run(stage).answer) == (False, repr(answer))


def test_any_truthy_answer_is_a_match() -> None:
    class Loud(Signature):
        name = "loud"

        def run(self) -> object:
            return "yes"

    assert names(run(Loud)) == ["loud"]


def test_a_match_has_the_documented_members_and_more() -> None:
    class Full(Hearing):
        name = "full"
        description = "Hears"
        severity = 3
        confidence = 40
        categories = ["c"]  # noqa: RUF012 - as files of the field write it
        ttps = ["T1055"]  # noqa: RUF012 - as above
        mbcs = ["OB0006"]  # noqa: RUF012 - as above
        filter_apinames = frozenset({"NtClose"})

    (match,) = run(Full).matches

    assert match == {
        "name": "full",
        "description": "Hears",
        "categories": ["c"],
        "severity": 3,
        "weight": 1,
        "confidence": 40,
        "references": [],
        "data": [{"heard": ALL[1]}],
        "new_data": [],
        "alert": False,
        "families": [],
        "ttps": ["T1055"],
        "mbcs": ["OB0006"],
        "evidence": {"calls": [], "omitted": 0},
    }


def test_matches_are_sorted_by_severity_then_name() -> None:
    def matching(name: str, severity: object) -> type[Signature]:
        return type(name, (Signature,), {"name": name, "severity": severity, "run": lambda self: True})

    stage = run(matching("c", 3), matching("b", 1), matching("a", 3), matching("d", 2), matching("e", None))

    assert names(stage) == ["e", "b", "d", "a", "c"]


class Raising(Signature):
    name = "raising"
    evented = True

    def on_call(self, call: Any, process: Any) -> None:
        raise LookupError("no such thing")


def test_a_signature_that_raises_is_recorded_and_the_others_go_on() -> None:
    stage = run(Raising, Hearing)
    record = {each.name: each for each in stage.runs}["raising"]

    assert names(stage) == ["hearing"]
    assert len(stage.matches[0]["data"]) == len(ALL)
    assert "LookupError: no such thing" in record.error
    assert "test_stage.py" in record.error
    assert (record.method, record.matched, record.file) == ("on_call", False, "Raising.py")


@pytest.mark.parametrize("method", ["__init__", "run", "on_complete"])
def test_every_method_of_a_signature_may_raise(method: str) -> None:
    def fail(*_: object) -> None:
        raise MemoryError(method)

    members = {"name": "failing", method: fail, "evented": method == "on_complete"}
    record = only_run(run(type("Failing", (Signature,), members)))

    assert f"MemoryError: {method}" in record.error
    assert record.method == method


class Unhelpful:
    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    def __repr__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize("method", ["run", "on_call"])
def test_an_answer_without_a_truth_is_an_error(method: str) -> None:
    members = {"name": "unhelpful", method: lambda *_: Unhelpful(), "evented": method == "on_call"}
    stage = run(type("Failing", (Signature,), members), Hearing)

    assert names(stage) == ["hearing"]
    assert "neither true nor false" in stage.runs[method == "run"].error


def test_filters_that_are_no_filters_are_an_error() -> None:
    stage = run(type("Odd", (Hearing,), {"name": "odd", "filter_apinames": 7}), Hearing)

    assert names(stage) == ["hearing"]
    assert "TypeError" in stage.runs[0].error


def test_a_match_that_cannot_be_described_is_an_error() -> None:
    class Broken(Signature):
        name = "broken"

        def run(self) -> bool:
            self.data = None  # type: ignore[assignment]
            return True

    stage = run(Broken)

    assert stage.matches == []
    assert "TypeError" in only_run(stage).error


def test_an_exception_that_ends_programs_is_not_held_up() -> None:
    class Ending(Signature):
        def run(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Ending)


def test_a_signature_without_its_section_goes_on_to_its_other_evidence() -> None:
    class Reader(Signature):
        name = "reader"

        def run(self) -> bool:
            for flow in self.results["network"]["tcp"]:
                self.data.append(flow)
            return not self.results["behavior"]["summary"]["files"]

    stage = run(Reader, given={})

    assert names(stage) == ["reader"]


class Early(Signature):
    name = "early"

    def run(self) -> bool:
        self.data.append({"from": "early"})
        return True


class Asking(Signature):
    name = "asking"  # before "early" by name

    def run(self) -> bool:
        self.data.extend(self.get_signature_data("early"))
        return self.signature_matched("early")


class Later(Signature):
    name = "a_later_one"
    order = 2

    def run(self) -> bool:
        return [match["name"] for match in self.results["signatures"]] == ["early", "asking"]


def test_a_signature_sees_the_matches_of_those_before_it() -> None:
    stage = run(Later, Asking, Early)

    assert sorted(names(stage)) == ["a_later_one", "asking", "early"]
    assert {match["name"]: match["data"] for match in stage.matches}["asking"] == [{"from": "early"}]


def test_phases_may_be_shared_out_over_processes() -> None:
    order = [
        [each.name for each in phase] for phase in phases(map(Definition, (Later, Asking, Early, Raising)))
    ]

    assert order == [["early", "raising"], ["asking"], ["a_later_one"]]


def test_earlier_matches_are_visible_and_not_given_again() -> None:
    earlier = [{"name": "early", "data": [], "severity": 1}]

    assert names(run(Asking, given=results(signatures=earlier))) == ["asking"]
    assert earlier == [{"name": "early", "data": [], "severity": 1}]


def test_the_overlay_sets_attributes_of_the_instance() -> None:
    stage = run(Early, overlay={"early": {"severity": 3, "confidence": 10}})

    assert (stage.matches[0]["severity"], stage.matches[0]["confidence"]) == (3, 10)
    assert Early.severity == 1


def test_paths_are_set_before_anything_runs(tmp_path: Any) -> None:
    class Located(Signature):
        name = "located"

        def run(self) -> bool:
            self.data.append({"logs": self.logs_path})
            return True

    assert run(Located, analysis_path=str(tmp_path)).matches[0]["data"] == [{"logs": str(tmp_path / "logs")}]


def test_marked_calls_are_resolved() -> None:
    class Marking(Signature):
        name = "marking"
        evented = True
        filter_apinames = frozenset({"NtCreateFile"})

        def on_call(self, call: Any, process: Any) -> bool:
            self.mark_call()
            return True

    assert run(Marking).matches[0]["evidence"]["calls"] == [
        {
            "process": "one.exe",
            "pid": 1,
            "cid": 0,
            "timestamp": "2026-01-31 13:21:44,590",
            "api": "NtCreateFile",
            "category": "filesystem",
            "status": True,
            "return": "0x00000000",
            "repeated": 0,
            "arguments": {"FileName": "a"},
        }
    ]


def test_the_results_stay_as_they_are_and_additions_are_reported() -> None:
    class Writing(Signature):
        name = "writing"

        def run(self) -> bool:
            self.results["detections"] = {"family": {"X"}}
            self.add_statistic("writing", "hits", 1)
            return False

    given = results()
    stage = run(Writing, given=given)

    assert given == results()
    assert stage.written == {"detections": {"family": ["X"]}}
    assert stage.statistics == {"writing": {"hits": 1}}


def test_a_signature_that_never_called_its_base_constructor_is_recorded() -> None:
    class Bare(Signature):
        name = "bare"
        evented = True

        def __init__(self, results: Any) -> None:
            self.results = results

        def on_call(self, call: Any, process: Any) -> bool:
            return bool(self.get_argument(call, "FileName"))

    record = only_run(run(Bare))

    assert "'Bare' object has no attribute" in record.error
    assert not record.matched


def test_time_is_counted_for_the_signature_that_spends_it() -> None:
    class Slow(Hearing):
        name = "slow"

        def on_call(self, call: Any, process: Any) -> None:
            sum(range(20_000))

    seconds = {each.name: each.seconds for each in run(Slow, Hearing).runs}

    assert seconds["slow"] > 3 * seconds["hearing"] > 0


class Gathering:
    def __init__(self) -> None:
        self.events: list[str] = []

    def matched(self, match: dict[str, Any]) -> None:
        self.events.append(f"matched {match['name']}")

    def finished(self, run: SignatureRun) -> None:
        self.events.append(f"finished {run.name}")


def test_the_garbage_collector_is_left_as_it_was() -> None:
    during: list[tuple[int, int, int]] = []

    class Ending(Signature):
        def run(self) -> None:
            during.append(gc.get_threshold())
            raise KeyboardInterrupt

    before = gc.get_threshold()
    with pytest.raises(KeyboardInterrupt):
        run(Ending)

    assert during == [(stage_module.NEW_OBJECTS, *before[1:])]
    assert gc.get_threshold() == before


def test_a_sink_hears_of_everything_at_once() -> None:
    sink = Gathering()
    run(Raising, Hearing, Early, sink=sink)

    assert sink.events == [
        "finished raising",
        "matched hearing",
        "finished hearing",
        "matched early",
        "finished early",
    ]


@pytest.mark.parametrize(
    "members", [{"evented": True, "on_call": "hang"}, {"run": "hang"}, {"__init__": "hang"}]
)
def test_a_parent_sees_who_hangs(members: dict[str, Any]) -> None:
    progress = Progress()

    def hang(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    methods = {name: hang if value == "hang" else value for name, value in members.items()}
    hanging = type("Hanging", (Signature,), {"name": "z_hanging", **methods})
    child = os.fork()
    if not child:
        run(Early, Hearing, hanging, cells=progress.cells)
        sys.exit(1)
    os.waitpid(child, 0)

    assert progress.running == 2


def test_nobody_runs_when_the_stage_is_over() -> None:
    progress = Progress()
    run(Early, Hearing, Raising, cells=progress.cells)

    assert progress.running is None


@pytest.mark.parametrize(
    "processes",
    [
        [{}],
        [{"process_id": 1}],
        [{"calls": None}],
        [{"calls": []}],
        [{"process_name": "a", "calls": [{}]}],
        [],
    ],
)
def test_incomplete_processes_are_walked_as_far_as_they_go(processes: list[dict[str, Any]]) -> None:
    class Counting(Signature):
        name = "counting"
        evented = True

        def on_call(self, call: Any, process: Any) -> None:
            self.data.append({})

        def on_complete(self) -> bool:
            return True

    (match,) = run(Counting, given={"behavior": {"processes": processes}}).matches

    assert len(match["data"]) == sum(len(each.get("calls") or ()) for each in processes)
