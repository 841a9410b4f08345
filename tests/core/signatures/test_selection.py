from dataclasses import replace
from typing import Any

import pytest

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures.selection import Definition, Setting, select, why_not


def definition(platform: str = "", **members: Any) -> Definition:
    members.setdefault("name", "one")
    return Definition(type("One", (Signature,), members), "one.py", 7, platform)


@pytest.mark.parametrize(
    ("members", "setting", "reason"),
    [
        ({}, Setting(), ""),
        ({"enabled": False}, Setting(), "the class attribute `enabled` is false"),
        ({"enabled": False}, Setting(overlay={"one": {"enabled": True}}), ""),
        ({}, Setting(overlay={"one": {"enabled": False}}), "disabled by the overlay"),
        ({}, Setting(overlay={"other": {"enabled": False}}), ""),
        ({"minimum": "2.4"}, Setting(version="2.4"), ""),
        ({"minimum": "2.4.0"}, Setting(version="2.4"), ""),
        ({"minimum": "2.4-dev"}, Setting(version="2.4"), ""),
        ({"minimum": "2.5"}, Setting(version="2.4"), "needs version 2.5 of the contract, and this is 2.4"),
        ({"minimum": "2.10"}, Setting(version="2.4"), "needs version 2.10 of the contract, and this is 2.4"),
        ({"minimum": "0.5", "maximum": "2.4"}, Setting(version="2.4"), ""),
        (
            {"maximum": "1.2"},
            Setting(version="2.4"),
            "works up to version 1.2 of the contract, and this is 2.4",
        ),
        ({"maximum": "2"}, Setting(version="2.0"), ""),
        ({"filter_analysistypes": {"file"}}, Setting(category="file"), ""),
        ({"filter_analysistypes": {"file"}}, Setting(), ""),
        (
            {"filter_analysistypes": {"file", "archive"}},
            Setting(category="url"),
            "for analyses of archive, file, and this one is of a url",
        ),
    ],
)
def test_the_reason_for_which_a_signature_is_left_out(
    members: dict[str, Any], setting: Setting, reason: str
) -> None:
    assert why_not(definition(**members), setting) == reason


@pytest.mark.parametrize(
    ("folder", "platform", "runs"),
    [
        ("windows", "windows", True),
        ("windows", "Windows", True),
        ("windows", "linux", False),
        ("linux", "windows", False),
        ("", "linux", True),
        ("linux", "", True),
    ],
)
def test_a_folder_says_which_platform_its_signatures_are_for(folder: str, platform: str, runs: bool) -> None:
    assert (why_not(definition(folder), Setting(platform=platform)) == "") is runs


def test_a_later_collection_replaces_signatures_of_the_same_name() -> None:
    shipped, own = definition(), replace(definition(order=3), collection=1, file="own.py")
    selection = select([own, shipped], Setting())

    assert selection.chosen == [own]
    assert selection.left_out == [(shipped, "replaced by own.py:7")]


def test_two_signatures_of_one_name_in_one_collection_both_run() -> None:
    first, second = definition(), definition(order=1)

    assert select([second, first], Setting()).chosen == [first, second]


def test_a_disabled_signature_replaces_nothing() -> None:
    shipped, own = definition(), replace(definition(enabled=False), collection=1)

    assert select([shipped, own], Setting()).chosen == [shipped]


def test_a_signature_without_a_name_goes_by_that_of_its_class() -> None:
    assert definition(name="").name == "One"


def test_signatures_that_read_matches_are_recognised() -> None:
    class Direct(Signature):
        def run(self) -> bool:
            return self.signature_matched("x")

    class Nested(Signature):
        def run(self) -> bool:
            return any(match for match in [lambda: self.get_signature_data("x")])

    class ByIndex(Signature):
        def run(self) -> bool:
            return bool(self.results["signatures"])

    class Inherited(Direct):
        pass

    class Independent(Signature):
        def run(self) -> bool:
            return True

    reading = [Definition(cls).reads_matches for cls in (Direct, Nested, ByIndex, Inherited, Independent)]
    assert reading == [True, True, True, True, False]
