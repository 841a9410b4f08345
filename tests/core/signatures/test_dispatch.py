"""Whatever the filters: the walk tells each signature exactly what a plain loop over everything would."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures.selection import Definition
from lib.cuckoo.core.signatures.stage import run_signatures

APIS, CATEGORIES, NAMES = ["A", "B", "C"], ["x", "y"], ["one.exe", "two.exe"]
CALLS = st.lists(
    st.fixed_dictionaries({"api": st.sampled_from(APIS), "category": st.sampled_from(CATEGORIES)}),
    max_size=12,
)
PROCESSES = st.lists(st.tuples(st.sampled_from(NAMES), CALLS), max_size=3)
FILTERS = st.tuples(*(st.sets(st.sampled_from(names)) for names in (APIS, CATEGORIES, NAMES)))
SIGNATURES = st.lists(st.tuples(FILTERS, st.integers(1, 6), st.booleans()), min_size=1, max_size=5)
"""Filters; after how many calls it ends; whether by a match or an exception."""


def build(
    number: int, filters: tuple[set[str], set[str], set[str]], last: int, raises: bool
) -> type[Signature]:
    def on_call(self: Signature, call: dict[str, Any], process: dict[str, Any]) -> bool:
        assert self.call is call
        assert self.pid == process["process_id"]
        heard[number].append((self.pid, self.cid, call["api"], call["category"]))
        if len(heard[number]) == last and raises:
            raise ValueError("enough")
        return len(heard[number]) == last

    heard.setdefault(number, [])
    apis, categories, names = filters
    members = {"filter_apinames": apis, "filter_categories": categories, "filter_processnames": names}
    return type(
        f"S{number}", (Signature,), {"name": f"s{number}", "evented": True, "on_call": on_call, **members}
    )


heard: dict[int, list[Any]] = {}


def by_a_plain_loop(
    processes: list[dict[str, Any]], filters: tuple[set[str], set[str], set[str]], last: int
) -> list[Any]:
    apis, categories, names = filters
    told = [
        (process["process_id"], cid, call["api"], call["category"])
        for process in processes
        for cid, call in enumerate(process["calls"])
        if (not apis or call["api"] in apis)
        and (not categories or call["category"] in categories)
        and (not names or process["process_name"] in names)
    ]
    return told[:last]


@given(PROCESSES, SIGNATURES)
def test_the_walk_tells_what_a_plain_loop_would(given_processes: list[Any], signatures: list[Any]) -> None:
    heard.clear()
    processes = [
        {"process_id": pid, "process_name": name, "calls": calls}
        for pid, (name, calls) in enumerate(given_processes)
    ]
    definitions = [Definition(build(number, *each)) for number, each in enumerate(signatures)]
    stage = run_signatures(definitions, {"behavior": {"processes": processes}})
    matched = {match["name"] for match in stage.matches}
    failed = {run.name for run in stage.runs if run.error}

    for number, (filters, last, raises) in enumerate(signatures):
        expected = by_a_plain_loop(processes, filters, last)
        assert heard[number] == expected
        assert (f"s{number}" in matched) == (len(expected) == last and not raises)
        assert (f"s{number}" in failed) == (len(expected) == last and raises)
