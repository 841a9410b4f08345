import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.place import Place, identity
from lib.cuckoo.core.batch.states import Ending, State, States, from_record

FULL = State(
    Ending.FAILED,
    "7",
    "a" * 32,
    "20260131-132144-0badcafe",
    2,
    1_769_865_704.5,
    1.25,
    "",
    1,
    [{"module": "static", "outcome": "FAILED", "reason": "cut short"}],
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.make()
    return place


def file_of(place: Place, name: str) -> Path:
    return place.states / identity(name)[:2] / f"{identity(name)}.json"


def test_what_was_written_is_read(place: Place) -> None:
    states = States(place)
    states.write("7", FULL)
    recorded = states.read("7")

    assert recorded is not None
    assert recorded.state == FULL
    assert recorded.at == file_of(place, "7").stat().st_mtime
    assert states.read("8") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"ending": "COMPLETED"}', b"[" * 100_000, b'{"ending": ["COMPLETED"]}', b"\xff"],
)
def test_a_damaged_state_counts_as_absent_and_is_replaced(place: Place, content: bytes) -> None:
    states = States(place)
    states.write("7", FULL)
    file_of(place, "7").write_bytes(content)

    assert states.read("7") is None
    states.write("7", FULL)
    assert states.read("7") is not None


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_state_is_made_of_any_record_or_it_is_none(record: object) -> None:
    assert from_record(record) is None


@pytest.mark.parametrize("field", json.loads(json.dumps(vars(FULL))))
def test_a_field_of_another_type_makes_the_record_none(field: str) -> None:
    record = json.loads(json.dumps(vars(FULL)))
    assert from_record(record) == FULL

    assert from_record(record | {field: None}) is None


def test_links_are_not_followed(place: Place, tmp_path: Path) -> None:
    states, victim = States(place), tmp_path / "victim"
    states.write("7", FULL)
    file_of(place, "7").rename(victim)
    before = victim.read_bytes()
    file_of(place, "7").symlink_to(victim)
    assert states.read("7") is None

    states.write("7", State(Ending.COMPLETED))

    assert victim.read_bytes() == before
    recorded = states.read("7")
    assert recorded is not None
    assert recorded.state == State(Ending.COMPLETED)


def test_a_link_in_the_place_of_a_folder_is_refused(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (place.states / identity("7")[:2]).symlink_to(elsewhere)

    with pytest.raises(CuckooOperationalError, match="it is a link"):
        States(place).write("7", FULL)

    assert list(elsewhere.iterdir()) == []


def test_a_fifo_in_the_place_of_a_state_holds_up_nobody(place: Place) -> None:
    file_of(place, "7").parent.mkdir()
    os.mkfifo(file_of(place, "7"))

    assert States(place).read("7") is None
