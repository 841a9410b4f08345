from typing import Any

from lib.cuckoo.core.signatures.evidence import MOST_CALLS, MOST_CHARACTERS, Filters, resolve

ANY = Filters()


def process(pid: int, name: str, *apis: str, **arguments: Any) -> dict[str, Any]:
    pairs = [{"name": key, "value": value} for key, value in arguments.items()]
    return {
        "process_id": pid,
        "process_name": name,
        "calls": [{"api": api, "arguments": pairs} for api in apis],
    }


def mark(pid: object, cid: object) -> dict[str, object]:
    return {"type": "call", "pid": pid, "cid": cid}


def test_each_marked_call_is_there_once_and_other_data_is_passed_over() -> None:
    data = [mark(1, 1), {"file": "x"}, mark(1, 1), "text", mark(1, 0), {"type": "call"}]
    calls = resolve(data, [process(1, "a", "First", "Second")], ANY)["calls"]

    assert [call["api"] for call in calls] == ["Second", "First"]


def test_marks_that_lead_nowhere_are_dropped() -> None:
    data = [mark(1, 2), mark(2, 0), mark(1, -1), mark(None, None), mark("1", 0)]

    assert resolve(data, [process(1, "a", "First", "Second")], ANY) == {"calls": [], "omitted": 0}


def test_two_processes_with_one_id_are_told_apart_by_the_filters() -> None:
    processes = [process(1, "old", "A"), process(1, "new", "B")]

    assert resolve([mark(1, 0)], processes, Filters(apis={"B"}))["calls"][0]["process"] == "new"
    assert resolve([mark(1, 0)], processes, Filters(processes={"new"}))["calls"][0]["process"] == "new"
    assert resolve([mark(1, 0)], processes, ANY)["calls"][0]["process"] == "old"


def test_the_second_process_with_an_id_counts_where_the_first_is_too_short() -> None:
    assert (
        resolve([mark(1, 1)], [process(1, "old", "A"), process(1, "new", "B", "C")], ANY)["calls"][0]["api"]
        == "C"
    )


def test_marks_beyond_the_limit_are_counted() -> None:
    long = process(1, "a", *["Api"] * (MOST_CALLS + 3))
    within, beyond = (resolve([mark(1, n) for n in range(MOST_CALLS + more)], [long], ANY) for more in (0, 3))

    assert (len(within["calls"]), within["omitted"]) == (MOST_CALLS, 0)
    assert (len(beyond["calls"]), beyond["omitted"]) == (MOST_CALLS, 3)


def test_a_long_value_is_cut_and_says_how_long_it_was() -> None:
    long, short = "x" * (MOST_CHARACTERS + 1), "y" * MOST_CHARACTERS
    (call,) = resolve([mark(1, 0)], [process(1, "a", "Api", Buffer=long, Short=short)], ANY)["calls"]

    assert call["arguments"]["Buffer"] == "x" * MOST_CHARACTERS + f"… ({MOST_CHARACTERS + 1} characters)"
    assert call["arguments"]["Short"] == short


def test_the_readable_value_is_preferred() -> None:
    one = {"process_id": 1, "calls": [{"arguments": [{"name": "P", "value": "0x40", "pretty_value": "RWX"}]}]}

    assert resolve([mark(1, 0)], [one], ANY)["calls"][0]["arguments"] == {"P": "RWX"}
