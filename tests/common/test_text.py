import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.text import last_part, readable_name, readable_text


def test_bytes_that_are_not_utf8_become_escapes() -> None:
    assert readable_text(b"na\xc3\xafve \xff") == "naïve \\xff"


def test_names_that_are_not_utf8_become_escapes() -> None:
    assert readable_name(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
    assert readable_name("\ud800") == "\\ud800"


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_every_name_becomes_text_that_can_be_encoded(name: str) -> None:
    assert readable_name(name).encode() is not None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("C:\\t\\a.exe", "a.exe"),
        ("/tmp/a", "a"),
        ("C:/t\\a", "a"),
        ("a", "a"),
        ("C:\\t\\", "t"),
        ("\\\\", ""),
        ("", ""),
    ],
)
def test_the_name_of_a_file_is_the_last_part_of_its_path(path: str, name: str) -> None:
    assert last_part(path) == name
