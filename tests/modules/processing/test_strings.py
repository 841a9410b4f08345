import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., tuple[Any, list[str]]]
Failure = Callable[..., str]


BIG_ENDIAN = {"unsigned.cat", "default.pptx"}
"""They hold text in UTF-16BE, which the other engine takes for UTF-16LE, a character off."""


def as_ours(strings: list[str]) -> list[str]:
    """The other engine counts 0x1f as printable; without it, its strings fall into pieces."""
    return [piece for string in strings for piece in string.split("\x1f") if len(piece) >= 6]


def test_strings_agree_with_what_another_engine_found(
    shared_data: Path, analysis: Path, answer: Answer
) -> None:
    for truth in sorted((shared_data / "binaries").glob("*/*.truth/cuckoo2-target-static-strings.json")):
        expected = as_ours(json.loads(truth.read_text())["strings"]["first"])
        sample = Path(str(truth.parent).removesuffix(".truth"))
        (analysis / "binary").write_bytes(sample.read_bytes())

        strings, _ = answer("strings", analysis)

        assert [string[:1024] for string in strings[: len(expected)]] == expected or sample.name in BIG_ENDIAN


def test_text_in_big_endian_utf16_is_read_from_its_first_character(
    shared_data: Path, analysis: Path, answer: Answer
) -> None:
    sample = shared_data / "binaries" / "osslsigncode" / "unsigned.cat"
    (analysis / "binary").write_bytes(sample.read_bytes())

    assert "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}" in answer("strings", analysis)[0]


def test_strings_of_an_exported_analysis_are_read(shared_data: Path, answer: Answer) -> None:
    strings, notes = answer("strings", shared_data / "analyses" / "cape-AcceptEx.exe")

    assert strings[0] == "!This program cannot be run in DOS mode."
    assert notes == []


def test_offsets_and_encodings_are_given_when_asked_for(analysis: Path, answer: Answer) -> None:
    (analysis / "binary").write_bytes(b"\0\0" + b"narrow" + b"\0\0\0\0" + "wide text".encode("utf-16-le"))

    assert answer("strings", analysis, offsets=True)[0] == [
        {"string": "narrow", "offset": 2, "encoding": "ascii"},
        {"string": "wide text", "offset": 12, "encoding": "utf-16le"},
    ]
    assert answer("strings", analysis)[0] == ["narrow", "wide text"]


@pytest.mark.parametrize(
    ("maximum", "expected", "notes"),
    [
        (2, ["string 1", "string 2"], ["there are more than 2 strings in ascii"]),
        (3, ["string 1", "string 2", "string 3"], []),
        (0, ["string 1", "string 2", "string 3"], []),
    ],
)
def test_the_maximum_is_kept_and_what_is_lost_is_noted(
    analysis: Path, answer: Answer, maximum: int, expected: list[str], notes: list[str]
) -> None:
    (analysis / "binary").write_bytes(b"string 1\0string 2\0string 3")

    assert answer("strings", analysis, maximum=maximum) == (expected, notes)


@pytest.mark.parametrize(("minlength", "count"), [(8, 1), (9, 0)])
def test_the_minimal_length_is_an_option(analysis: Path, answer: Answer, minlength: int, count: int) -> None:
    (analysis / "binary").write_bytes(b"string 1")

    assert len(answer("strings", analysis, minlength=minlength)[0]) == count


def test_a_minimal_length_of_nothing_is_refused(analysis: Path, failure: Failure) -> None:
    (analysis / "binary").write_bytes(b"x")

    assert "minlength is 0" in failure("strings", analysis, minlength=0)


def test_a_url_has_no_strings(analysis: Path, answer: Answer) -> None:
    (analysis / "task.json").write_text('{"category": "url", "target": "http://a"}')

    assert answer("strings", analysis) == ([], [])


def test_a_missing_sample_is_reported_with_its_path(analysis: Path, failure: Failure) -> None:
    (analysis / "task.json").write_text('{"category": "file"}')

    assert str(analysis / "binary") in failure("strings", analysis)


def test_an_empty_sample_has_no_strings(analysis: Path, answer: Answer) -> None:
    (analysis / "binary").write_bytes(b"")

    assert answer("strings", analysis) == ([], [])
