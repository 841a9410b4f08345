"""The page about results: each record once, below the path at which it first stands in a report."""

import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from lib.cuckoo.common.constants import SCHEMA_VERSION
from lib.cuckoo.core.report_shape import ReportRecord
from tools.schema.document import OTHERS
from tools.schema.records import Field, fields_of, is_record, summary_of

_WORDS = {str: "text", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
_HEAD = f"""# Results

<!-- Made by `make schema` from the typed records in the code: change those, and run it. -->

Every section of `reports/report.json`, its fields, their types and units. For programs,
[`schema/report.schema.json`](../../schema/report.schema.json) says the same in JSON Schema 2020-12; `fledge.schema()`
returns it. This is version {SCHEMA_VERSION}, which each report names as `engine.schema`.

- A field is always there, unless its description begins with *optional*. `null` stands for a fact that is not known.
- Text came from malware: it may hold anything that Unicode has. Bytes that are no text stand as escapes (`\\xff`).
- Sections of modules that you drop in stand beside these, and a module may add fields to a section of another.
- A *list of text* may be long: what limits it is an option of its module, and what was left out is counted.

## What you can rely on

Fields are added, never silently changed. A field that is added raises the second number of the version. A field that
goes, or gets another type, unit or meaning, raises the first, and the [changelog](../../CHANGELOG.md) says so. Programs
leave fields alone that they do not know. Descriptions may become clearer at any time.
"""


class Page:
    """Knows where each record stands, in the order of the page: a section with all that is below it, then the next."""

    def __init__(self) -> None:
        self._paths: dict[type, str] = {}
        self._visit(ReportRecord, "")

    def text(self) -> str:
        """Return the whole page."""
        sections = ("\n".join(self._section(record, path)) for record, path in self._paths.items())
        return "\n".join([_HEAD, *sections])

    def _visit(self, record: type, path: str) -> None:
        """Note where a record stands, then the records inside it that stand nowhere yet."""
        if record in self._paths:
            return
        taken = path in self._paths.values()
        self._paths[record] = f"{path} ({record.__name__})" if taken else path
        members = [(field.type, f"{path}.{field.name}".lstrip(".")) for field in fields_of(record)]
        if record in OTHERS:
            members.append((OTHERS[record], f"{path}.(name)"))
        for kind, place in members:
            for inner, where in _records_in(kind, place):
                self._visit(inner, where)

    def _section(self, record: type, path: str) -> Iterator[str]:
        yield f"## {_title(path)}" if "." not in path and "[" not in path else f"### {_title(path)}"
        yield ""
        yield from _paragraphs(summary_of(record))
        yield "| field | type | what |"
        yield "|---|---|---|"
        for field in fields_of(record):
            yield f"| `{field.name}` | {self._type(field.type)} | {_what(field)} |"
        yield ""

    def _type(self, kind: Any) -> str:
        if kind is Any:
            return "any"
        if kind in _WORDS:
            return _WORDS[kind]
        if is_record(kind):
            return f"[object](#{_anchor(self._paths[kind])})"
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self._type(arguments[1])
        if origin is list or origin is Sequence:
            return f"list of {self._type(arguments[0])}"
        if origin is dict:
            return f"object of {self._type(arguments[1])}"
        return " or ".join(map(self._type, arguments))


def _records_in(kind: Any, path: str) -> Iterator[tuple[type, str]]:
    """Yield the records that a type is made of."""
    if is_record(kind):
        yield kind, path
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        yield arguments[1], path
    elif origin is list or origin is Sequence:
        yield from _records_in(arguments[0], f"{path}[]")
    elif origin is dict:
        yield from _records_in(arguments[1], f"{path}.(name)")
    else:
        for each in arguments:
            yield from _records_in(each, path)


def _title(path: str) -> str:
    place, space, name = path.partition(" ")
    return f"`{place}`{space}{name}" if path else "The report"


def _anchor(path: str) -> str:
    """Return what a heading is linked by: its letters, digits and `_`, and "-" for a blank."""
    return "".join(letter for letter in path.lower().replace(" ", "-") if letter.isalnum() or letter in "_-")


def _what(field: Field) -> str:
    text = field.description.replace("|", "\\|")
    return text if field.required else f"*optional*: {text}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield paragraph
        yield ""
