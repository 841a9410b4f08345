"""Long lists of names: kept as bytes, read like lists."""

import json
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.behavior import names as names_module
from lib.cuckoo.behavior import pure, reader
from lib.cuckoo.behavior.names import FEW_NAMES, Names, lists_of
from lib.cuckoo.common.detach import Detachable

PATHS = [
    "C:\\a",
    "caf\u00e9",
    "\U0001f600",
    'a "quoted" name\\',
    "tab\tline\n\r",
    "\x7f\x01",
    "x" * 300,
    "C:\\b",
]
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(PATHS)
ADDITIONS = st.lists(st.tuples(TEXT, st.integers(0, (1 << 13) - 1)), max_size=200)

pytestmark = pytest.mark.usefixtures("scanner")


def names_of(values: Sequence[str]) -> Names:
    growing = reader.active().NameLists(1)
    for value in values:
        growing.add(value, 1)
    store, (places,) = growing.finish()
    return Names(store, places)


@pytest.fixture
def paths(scanner: str) -> Names:  # noqa: ARG001 - chooses who reads
    return names_of(PATHS)


# --- growing


@settings(max_examples=200)
@given(ADDITIONS)
def test_lists_are_those_that_dictionaries_would_keep(additions: list[tuple[str, int]]) -> None:
    kept: list[dict[str, None]] = [{} for _ in range(13)]
    for name, lists in additions:
        for number, found in enumerate(kept):
            if lists >> number & 1:
                found[name] = None
    finished = []
    for scanner in reader.available().values():
        growing = scanner.NameLists(13)
        for name, lists in additions:
            growing.add(name, lists)
        store, columns = growing.finish()
        assert [scanner.names(store, places) for places in columns] == [list(found) for found in kept]
        finished.append((bytes(store), [places.tolist() for places in columns]))

    assert finished.count(finished[0]) == len(finished)


def test_each_of_many_names_is_found_again() -> None:
    names = [f"C:\\{number:06}" for number in range(300_000)]  # so many that 32 bits of their hashes coincide
    growing = reader.active().NameLists(3)
    for name in names:
        growing.add(name, 0b001)
    for name in reversed(names):
        growing.add(name, 0b101 if name.endswith("7") else 0b001)

    store, columns = growing.finish()
    first, second, third = (Names(store, places) for places in columns)

    assert first == names
    assert len(second) == 0
    assert third == [name for name in reversed(names) if name.endswith("7")]
    assert len(store) == len(names) * len(bytes(1) + b"\x09" + b"C:\\000000")


@pytest.mark.parametrize(("count", "size"), [(1, 1), (8, 1), (9, 2), (32, 4)])
def test_a_name_knows_its_lists_in_as_many_bytes_as_they_need(count: int, size: int) -> None:
    growing = reader.active().NameLists(count)
    growing.add("a" * 127, 1 << count - 1)
    growing.add("b" * 128, 0)
    growing.add("a" * 127, 1)

    store, columns = growing.finish()

    bits = ((1 << count - 1) | 1).to_bytes(size, "little")
    assert bytes(store) == bits + b"\x7f" + b"a" * 127 + bytes(size) + b"\x80\x01" + b"b" * 128
    assert [places.tolist() for places in columns] == [
        [size] if at in {0, count - 1} else [] for at in range(count)
    ]


@pytest.mark.parametrize("count", [0, -1, 33])
def test_there_are_one_to_32_lists(count: int) -> None:
    with pytest.raises(ValueError, match="lists"):
        reader.active().NameLists(count)


def test_nothing_is_added_to_a_list_that_is_not_there_or_finished() -> None:
    growing = reader.active().NameLists(2)
    with pytest.raises(ValueError, match="0x4"):
        growing.add("a", 4)
    growing.finish()
    with pytest.raises(ValueError, match="0x1"):
        growing.add("a", 1)


def test_few_names_are_a_plain_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "FEW_NAMES", 2)
    growing = reader.active().NameLists(3)
    for name, lists in (("a", 0b111), ("b", 0b110), ("c", 0b100)):
        growing.add(name, lists)

    found = lists_of(*growing.finish())

    assert [type(names) for names in found] == [list, list, Names]
    assert found == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert FEW_NAMES == 10_000


# --- reading


def test_names_are_read_like_a_list(paths: Names) -> None:
    assert len(paths) == len(PATHS)
    assert (paths[0], paths[-1], paths[2]) == (PATHS[0], PATHS[-1], PATHS[2])
    assert list(paths) == PATHS
    assert list(reversed(paths)) == PATHS[::-1]
    assert sorted(paths) == sorted(PATHS)
    assert "\n".join(paths) == "\n".join(PATHS)
    assert (paths + ["x"], ["x"] + paths, [*paths, "x"]) == (PATHS + ["x"], ["x"] + PATHS, PATHS + ["x"])  # noqa: RUF005 - what is tested
    assert paths.copy() == PATHS
    assert (paths.count("C:\\b"), paths.count("C:\\c")) == (1, 0)
    assert repr(paths) == f"<{len(PATHS)} names>"
    with pytest.raises(IndexError):
        paths[len(PATHS)]


@given(st.slices(len(PATHS) + 2))
def test_a_slice_is_a_list(cut: slice) -> None:
    found = names_of(PATHS)[cut]

    assert found == PATHS[cut]
    assert type(found) is list


@pytest.mark.parametrize("name", [*PATHS, "C:\\", "", "C:\\aa", "\ud800", 7, None])
def test_a_name_is_looked_up(paths: Names, name: object) -> None:
    assert (name in paths) is (name in PATHS)
    if name in PATHS:
        assert paths.index(name) == PATHS.index(str(name))
        assert paths.index(name, -len(PATHS)) == PATHS.index(str(name))
    else:
        with pytest.raises(ValueError, match="is not among the names"):
            paths.index(name)


def test_a_name_is_looked_up_in_a_part(paths: Names) -> None:
    assert paths.index(PATHS[3], 3, 4) == 3
    for part in ((4,), (0, 3), (3, 3), (5, 2)):
        with pytest.raises(ValueError, match="is not among the names"):
            paths.index(PATHS[3], *part)


def test_names_equal_lists_of_the_same_names(paths: Names) -> None:
    assert paths == PATHS
    assert PATHS == paths  # noqa: SIM300 - the list is asked first
    assert paths == names_of(PATHS)
    assert paths != PATHS[:-1]
    assert paths != [*PATHS[:-1], "x"]
    assert paths != [*PATHS[:-1], 7]
    assert paths != tuple(PATHS)
    with pytest.raises(TypeError):
        hash(paths)


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_json_is_that_of_a_list(count: int) -> None:
    values = [f"{number} {PATHS[number % len(PATHS)]}" for number in range(count)]
    names = names_of(values)

    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    assert b"".join(names.json_chunks()) == text.encode()
    assert list(names) == values


# --- crossing


def test_names_cross_to_another_process(paths: Names) -> None:
    description, buffers = paths.detach()
    copies = [memoryview(bytes(buffer)) for buffer in buffers]

    again = Names.attach(json.loads(json.dumps(description)), copies, "/nowhere")

    assert isinstance(paths, Detachable)
    assert again == PATHS
    assert b"".join(again.json_chunks()) == b"".join(paths.json_chunks())


@settings(max_examples=300)
@given(st.binary(max_size=60), st.lists(st.integers(0, 70) | st.integers(0, (1 << 32) - 1), max_size=8))
def test_any_buffers_are_names_or_refused(store: bytes, places: list[int]) -> None:
    told = []
    for name in reader.available():
        buffers = [memoryview(store), memoryview(array("I", places))]
        told.append(what_is_read(buffers, reader.available()[name]))

    assert told.count(told[0]) == len(told)


def what_is_read(buffers: list[memoryview], scanner: reader.Scanner) -> object:
    store, places = buffers
    names, size = scanner.names(store, places), scanner.bytes_of_names(store, places)
    assert json.loads(b"[" + scanner.json_names(store, places) + b"]") == names
    assert size == sum(pure.bytes_of_names(store, [place]) for place in places)
    try:
        again = Names.attach({}, buffers, "/nowhere")
    except ValueError:
        assert size > len(store)
        return "refused"
    assert size <= len(store)
    assert list(again) == names
    return names, [scanner.find_name(store, places, name) for name in names]


@pytest.mark.parametrize(
    ("store", "place", "text"),
    [
        (b"\x03abc", 0, "abc"),
        (b"\x04abc", 0, ""),
        (b"\x82\x80\x80\x80\x00ab", 0, "ab"),
        (b"\x82\x80\x80\x80\x80\x00ab", 0, ""),
        (b"\xff\xff\xff\xff\x7f" + b"a" * 200, 0, ""),
        (b"\x83", 0, ""),
        (b"\x01a", 1, ""),
        (b"\x01a", 2, ""),
        (b"\x01a", (1 << 32) - 1, ""),
        (b"", 0, ""),
    ],
)
def test_a_name_that_does_not_lie_whole_in_the_buffer_is_empty(store: bytes, place: int, text: str) -> None:
    scanner, places = reader.active(), memoryview(array("I", [place]))

    assert scanner.names(memoryview(store), places) == [text]
    assert scanner.bytes_of_names(memoryview(store), places) == len(text)
    assert scanner.json_names(memoryview(store), places) == json.dumps(text).encode()


@pytest.mark.parametrize("buffers", [[], [b""], [b"", b"", b""], [b"", b"abc"]])
def test_other_buffers_are_refused(buffers: list[bytes]) -> None:
    with pytest.raises(ValueError):
        Names.attach({}, [memoryview(buffer) for buffer in buffers], "/nowhere")


def test_one_long_name_told_many_times_is_refused() -> None:
    store, places = memoryview(b"\0\x02ab"), array("I", [1])

    assert Names.attach({}, [store, memoryview(places * 2)], "/nowhere") == ["ab", "ab"]
    with pytest.raises(ValueError, match="2 names are longer than the 3 bytes they lie in"):
        Names.attach({}, [store[1:], memoryview(array("I", [0, 0]))], "/nowhere")
