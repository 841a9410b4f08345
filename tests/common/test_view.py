from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.view import SHAPES, ResultsView


def test_an_absent_section_reads_as_its_empty_value() -> None:
    sections = ResultsView({})

    assert sections["behavior"]["processes"] == []
    assert sections["behavior"]["summary"]["files"] == []
    assert sections["network"]["dns"] == []
    assert sections["target"]["file"]["name"] == ""
    assert sections["dropped"] == []


def test_a_section_nobody_heard_of_is_empty_at_any_depth() -> None:
    assert list(ResultsView({})["of a module"]["never"]["ran"]) == []


def test_a_member_that_is_none_counts_as_absent() -> None:
    assert ResultsView({"network": None, "static": {"pe": None}})["static"]["pe"]["sections"] == []
    assert ResultsView({"dropped": None})["dropped"] == []


def test_an_absent_member_of_a_present_section_is_empty_if_it_is_a_known_one() -> None:
    sections = ResultsView({"network": {"hosts": [{"ip": "1.1.1.1"}]}})

    assert sections["network"]["hosts"] == [{"ip": "1.1.1.1"}]
    assert sections["network"]["http"] == []
    with pytest.raises(KeyError, match="htpp"):
        sections["network"]["htpp"]


def test_in_and_get_tell_what_is_there() -> None:
    sections = ResultsView({"info": {}})

    assert "network" not in sections
    assert sections.get("network") is None
    sections["network"]["hosts"].append({"ip": "1.1.1.1"})
    assert sections == {"info": {}}


def test_the_originals_are_left_as_they_are() -> None:
    results: dict[str, Any] = {"behavior": {"summary": {}, "processes": None}}
    ResultsView(results)["new"] = 1

    assert results == {"behavior": {"summary": {}, "processes": None}}
    assert type(results["behavior"]["summary"]) is dict


def test_a_view_is_not_viewed_again() -> None:
    sections = ResultsView({})

    assert ResultsView.of(sections) is sections
    assert ResultsView.of(None) == {}


def test_a_section_of_another_type_is_passed_through() -> None:
    assert ResultsView({"behavior": [1], "CAPE": [2]})["behavior"] == [1]


_MEMBERS = st.dictionaries(st.sampled_from(["file", "pe", "summary", "other"]), st.none())


@given(st.dictionaries(st.sampled_from(sorted(SHAPES)), st.none() | st.integers() | _MEMBERS))
def test_every_known_section_can_be_read_whatever_the_results_hold(results: dict[str, Any]) -> None:
    sections = ResultsView(results)

    for name in SHAPES:
        assert isinstance(sections[name], dict | list | int)
