"""Configuration files: sections of typed options, each with the line it stands on."""

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.options import Options

_WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})")
_SECTION = re.compile(r"\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s=:#;\[][^=:]*?)\s*(?:[=:]|$)")

Value = bool | int | str


@dataclass(frozen=True)
class Section:
    """One `[name]` of a configuration file; `lines` maps each option to its line number, from 1."""

    name: str
    file: Path
    line: int
    options: Options
    lines: dict[str, int] = field(default_factory=dict)


def typed(text: str) -> Value:
    """Return yes/no words as bool, decimal numbers as int and anything else as it stands."""
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    return int(word) if _INTEGER.fullmatch(word) else word


def read_sections(file: Path) -> dict[str, Section]:
    """Read a configuration file; one that is absent has no sections.

    Raises:
        CuckooStartupError: the file cannot be read or is not an ini file; the message names file and line.
    """
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, allow_no_value=True, default_section="\0"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # option names keep their case
    try:
        text = file.read_text(encoding="utf-8-sig")
        parser.read_string(text, source=str(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CuckooStartupError(f"cannot read {file}: {error}") from error
    except configparser.Error as error:
        raise CuckooStartupError(" ".join(str(error).split())) from error
    places = {(section, option): line for section, option, line in _places(text)}
    return {name: _section(parser, name, file, places) for name in parser.sections()}


def _section(
    parser: configparser.ConfigParser, name: str, file: Path, places: dict[tuple[str, str | None], int]
) -> Section:
    options = Options({option: typed(value or "") for option, value in parser.items(name)})
    lines = {option: places.get((name, option), 0) for option in options}
    return Section(name, file, places.get((name, None), 0), options, lines)


def _places(text: str) -> Iterator[tuple[str, str | None, int]]:
    """Yield (section, option or None for the header, line number); configparser does not keep them."""
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _SECTION.match(line):
            section = header["name"]
            yield section, None, number
        elif option := _OPTION.match(line):
            yield section, option["name"], number
