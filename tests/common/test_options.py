from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.options import Options, whole_number


@pytest.mark.parametrize(
    ("options", "number"), [({}, 7), ({"calls": 1}, 1), ({"calls": "12"}, 12), ({"calls": True}, 1)]
)
def test_a_whole_number_is_the_one_that_stands_there_or_the_default(
    options: dict[str, Any], number: int
) -> None:
    assert whole_number(Options(options), "calls", 7, least=1) == number


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("separate", "the option calls is 'separate', not a whole number"),
        ("", "the option calls is '', not a whole number"),
        (None, "the option calls is None, not a whole number"),
        ("9" * 5000, "not a whole number"),
        (float("inf"), "the option calls is inf, not a whole number"),
        (0, "the option calls is 0, the least is 1"),
        ((1 << 40) + 1, f"the option calls is {(1 << 40) + 1}, the most is {1 << 40}"),
    ],
)
def test_what_is_no_such_number_is_refused_by_the_name_of_its_option(value: object, complaint: str) -> None:
    with pytest.raises(CuckooOperationalError, match=complaint):
        whole_number({"calls": value}, "calls", 7, least=1)
