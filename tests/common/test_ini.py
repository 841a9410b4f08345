from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.ini import read_sections, typed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("yes", "True", " ON ")],
        *[(word, False) for word in ("no", "FALSE", "off")],
        ("0", 0), ("-7", -7), ("12", 12), ("012", "012"), ("1.5", "1.5"), ("0x10", "0x10"), ("", ""),
        ("a b", "a b"), ("-0", 0), ("9" * 5000, "9" * 5000), ("٣", "٣"),
    ],
)  # fmt: skip
def test_words_and_numbers_are_typed(text: str, value: object) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)


def test_sections_and_options_know_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text(
        "\ufeff# comment\x0c\n\n[One]\nenabled = yes\nPath: /a = b\n    continued\n; note\nflag\n\n[two]\nn=1\nn=2\n",
        encoding="utf-8",
    )

    sections = read_sections(file)

    assert list(sections) == ["One", "two"]
    assert (sections["One"].line, sections["two"].line) == (3, 10)
    assert sections["One"].options == {"enabled": True, "Path": "/a = b\ncontinued", "flag": ""}
    assert sections["One"].lines == {"enabled": 4, "Path": 5, "flag": 8}
    assert (sections["two"].options, sections["two"].lines) == ({"n": 2}, {"n": 12})


def test_lines_are_known_however_a_file_is_indented(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("  [a]\n  b = 1\n    b = 2\n  # note\n  [c = 3\n[d]e]\n f = 4\n g = 5\n")

    sections = read_sections(file)

    assert {name: section.line for name, section in sections.items()} == {"a": 1, "d]e": 6}
    assert sections["a"].lines == {"b": 2, "[c": 5}
    assert sections["a"].options == {"b": "1\nb = 2", "[c": 3}
    assert sections["d]e"].lines == {"f": 7, "g": 8}


def test_an_absent_file_has_no_sections(tmp_path: Path) -> None:
    assert read_sections(tmp_path / "none.conf") == {}


def test_a_line_that_continues_nothing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("[a]\nflag\n\n  more\n")

    with pytest.raises(CuckooStartupError, match=r"a\.conf: line 4 continues an option that has no value"):
        read_sections(file)


@pytest.mark.parametrize("content", [b"enabled = yes\n", b"[a]\n\xff = 1\n", b"[unclosed\nx = 1"])
def test_what_is_no_configuration_is_a_startup_error_that_names_the_file(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "a.conf"
    file.write_bytes(content)

    with pytest.raises(CuckooStartupError, match=r"a\.conf"):
        read_sections(file)


@given(
    st.text()
    | st.text(alphabet="[]ab=: \n\t#;")
    | st.text(alphabet="[]ab=: \n\t#;").map(lambda text: f"[a]\n{text}")
)
@example("[a]\nb\n c")
@example("[]]")
def test_any_text_is_sections_or_a_startup_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.conf"
    file.write_text(text, encoding="utf-8")
    try:
        sections = read_sections(file)
    except CuckooStartupError:
        return
    for section in sections.values():
        assert section.lines.keys() == section.options.keys()
        assert section.line
        assert all(section.lines.values())
