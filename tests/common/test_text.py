import os

from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.text import readable_name, readable_text


def test_bytes_that_are_not_utf8_become_escapes() -> None:
    assert readable_text(b"na\xc3\xafve \xff") == "naïve \\xff"


def test_names_that_are_not_utf8_become_escapes() -> None:
    assert readable_name(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
    assert readable_name("\ud800") == "\\ud800"


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_every_name_becomes_text_that_can_be_encoded(name: str) -> None:
    assert readable_name(name).encode() is not None
