"""The second family's reports tell the same story as those of the others."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.console.show import SECTION_NAMES, story
from lib.cuckoo.reporting.story.calls import call_parts
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.processes import process_tree
from lib.cuckoo.reporting.story.signatures import signature_parts
from lib.cuckoo.reporting.view.contract import in_the_contracts_words
from tests.reporting.view.test_report import second, successor

LIMITS = Limits()


def test_processes_of_the_second_family_are_told_with_their_calls(shared_data: Path, tmp_path: Path) -> None:
    results = in_the_contracts_words(second(shared_data, tmp_path).raw)

    (process,) = process_tree(results, LIMITS).processes
    assert (process.name, process.pid, process.calls) == ("RTHDCPL.exe", "752", 69)
    assert process.seconds
    (browser,) = call_parts(results, LIMITS)
    call = browser.calls[4]
    assert (call.time, call.api, call.failed, call.result) == (
        "22:44:59,625",
        "NtOpenKeyEx",
        True,
        "0xc0000034",
    )
    assert call.arguments[3] == ("regkey", "HKEY_LOCAL_MACHINE\\SOFTWARE\\McAfee")
    assert results["behavior"]["summary"]["executed_commands"][0].startswith("svchost.exe")


def test_marks_of_the_second_family_are_told_as_evidence(shared_data: Path, tmp_path: Path) -> None:
    results = in_the_contracts_words(second(shared_data, tmp_path).raw)

    by_name = {match.name: match for match in signature_parts(results, LIMITS)}
    assert by_name["creates_service"].techniques == ["T1031"]
    assert by_name["network_http"].noted == [("ioc", "GET http://google.com/")]
    assert by_name["allocates_rwx"].calls[0].api == "NtAllocateVirtualMemory"


def test_reports_in_the_contracts_words_are_left_alone(shared_data: Path) -> None:
    raw = successor(shared_data, "0000a657").raw

    assert in_the_contracts_words(raw) is raw


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
call_like = st.dictionaries(
    st.sampled_from(["api", "time", "status", "arguments", "return_value"]), json_like
)
process_like = st.fixed_dictionaries(
    {}, optional={"pid": json_like, "calls": st.lists(call_like | json_like)}
)
match_like = st.fixed_dictionaries({}, optional={"name": json_like, "marks": st.lists(call_like | json_like)})


@given(st.lists(process_like | json_like), st.lists(match_like | json_like), json_like)
def test_whatever_stands_there_is_told(processes: list[Any], matches: list[Any], info: object) -> None:
    results = {
        "info": info,
        "behavior": {"generic": [], "processes": processes},
        "signatures": matches,
    }

    assert list(story(in_the_contracts_words(results), SECTION_NAMES))
