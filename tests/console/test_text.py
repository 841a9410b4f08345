import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.console.facts import facts
from lib.cuckoo.console.text import count_text, size_text, visible

NAMES = st.sampled_from(
    ["file", "name", "size", "type", "id", "errors", "processes", "calls", "domains", "payloads"]
)
ODD = st.recursive(
    st.none()
    | st.integers()
    | st.text()
    | st.floats()
    | st.integers(5000, 5001).map(lambda digits: 10**digits),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_controls_the_terminal_or_hides(text: str) -> None:
    shown = visible(text)

    assert not {"\x1b", "\r", "\n", "\x07", "\x9b", "\u202e", "\u200b", "\ud800"} & set(shown)
    shown.encode()


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [
        ("plain", 0, "plain"),
        ("\x1b[2J", 0, "\\x1b[2J"),
        ("a\u202eb", 0, "a\\u202eb"),
        ("\U000e0041", 0, "\\U000e0041"),
        ("grün 漢", 0, "grün 漢"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        (None, 0, "None"),
    ],
)
def test_text_is_made_visible_and_cut(value: object, width: int, expected: str) -> None:
    assert visible(value, width) == expected


def test_a_number_of_thousands_of_digits_is_named_by_its_type() -> None:
    assert visible(10**5000) == "(int)"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (40e9, "40.0 GB"),
        (5e13, "50000.0 GB"),
    ],
)
def test_sizes_are_for_people(size: float, expected: str) -> None:
    assert size_text(size) == expected


def test_counts_know_the_plural() -> None:
    assert [count_text(1, "file"), count_text(2, "file"), count_text(1000, "entry", "entries")] == [
        *("1 file", "2 files", "1,000 entries"),
    ]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "target",
                "info",
                "score",
                "signatures",
                "behavior",
                "network",
                "dropped",
                "CAPE",
                "strings",
                "debug",
            ]
        ),
        ODD,
    )
)
def test_sections_of_any_shape_can_be_summarised(results: dict[str, object]) -> None:
    for label, text in facts(results):
        assert isinstance(label, str)
        assert isinstance(text, str)


def test_payloads_say_from_which_process_to_which() -> None:
    source = {"process_name": "a.exe", "pid": 4, "size": 1000, "type": "data"}
    payloads = [
        source | {"cape_type": "Injected Shellcode/Data", "target_process": "b\x1b.exe", "target_pid": "5"},
        source | {"cape_type": ""},
        *({"size": 500, "type": "PE32"} for _ in range(3)),
    ]

    assert [(label, " ".join(text.split())) for label, text in facts({"CAPE": {"payloads": payloads}})] == [
        ("payloads", "5 files, 3.5 kB"),
        ("", "Injected Shellcode/Data a.exe (4) → b\\x1b.exe (5)"),
        ("", "data a.exe (4)"),
        ("", "PE32"),
        ("", "PE32"),
    ]
