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
_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<name>[^=:]*?)\s*(?P<sign>[=:]|$)")

Value = bool | int | str


class _DanglingLineError(ValueError):
    """A line, whose number is the message, continues nothing."""


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
        places = {(section, option): line for section, option, line in _places(text)}
        parser.read_string(text, source=str(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CuckooStartupError(f"cannot read {file}: {error}") from error
    except _DanglingLineError as error:
        raise CuckooStartupError(f"{file}: line {error} continues an option that has no value") from error
    except configparser.Error as error:
        raise CuckooStartupError(" ".join(str(error).split())) from error
    return {name: _section(parser, name, file, places) for name in parser.sections()}


def _section(
    parser: configparser.ConfigParser, name: str, file: Path, places: dict[tuple[str, str | None], int]
) -> Section:
    options = Options({option: typed(value or "") for option, value in parser.items(name)})
    lines = {option: places.get((name, option), 0) for option in options}
    return Section(name, file, places.get((name, None), 0), options, lines)


def _places(text: str) -> Iterator[tuple[str, str | None, int]]:
    """Yield (section, option or None for the header, line number); configparser does not keep them.

    Raises:
        _DanglingLineError: a line continues an option without a value, at which configparser fails before Python 3.13.
    """
    section, indent, sign = "", 0, None
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if sign is not None and depth > indent:
            if not sign:
                raise _DanglingLineError(number)
            continue
        indent = depth
        if header := _SECTION.match(content):
            section, sign = header["name"], None
            yield section, None, number
        elif option := _OPTION.match(content):
            sign = option["sign"]
            yield section, option["name"], number
