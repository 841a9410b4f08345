"""What the source says of a record: its fields in order, their types, which must be there, and the text below each."""

import ast
import dataclasses
import importlib
import inspect
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

_PREFIX = "lib.cuckoo."


@dataclass(frozen=True)
class Field:
    """One field of a record."""

    name: str
    type: Any
    required: bool
    description: str


@dataclass(frozen=True)
class _Source:
    """A class as it stands in its file."""

    bases: list[str]
    descriptions: dict[str, str]


def is_record(kind: object) -> bool:
    """Tell whether a type is one of our records: a `TypedDict` or a dataclass."""
    return typing.is_typeddict(kind) or (isinstance(kind, type) and dataclasses.is_dataclass(kind))


def name_of(record: type) -> str:
    """Return a name that no two records share: module and class."""
    return f"{record.__module__.removeprefix(_PREFIX)}.{record.__name__}"


def summary_of(record: type) -> str:
    """Return what the docstring says, lines of a paragraph joined."""
    text = inspect.getdoc(record) or ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def fields_of(record: type) -> list[Field]:
    """Return the fields of a record, those of its bases first.

    Raises:
        LookupError: the source says nothing below a field.
    """
    descriptions = dict(_descriptions(record.__module__, record.__name__))
    hints = typing.get_type_hints(record, include_extras=True)
    required = getattr(record, "__required_keys__", frozenset(hints))
    missing = [name for name in hints if not descriptions.get(name)]
    if missing:
        raise LookupError(f"{name_of(record)}: there is no text below {', '.join(missing)}")
    return [Field(name, _bare(kind), name in required, descriptions[name]) for name, kind in hints.items()]


def _bare(kind: Any) -> Any:
    """Return a type without what says whether its field must be there."""
    while typing.get_origin(kind) in {typing.Required, typing.NotRequired}:
        (kind,) = typing.get_args(kind)
    return kind


def _descriptions(module: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the text below each field of a class and of its bases, wherever those are defined."""
    source = _sources(module)[name]
    for base in source.bases:
        if base in _sources(module):
            yield from _descriptions(module, base)
        elif base != "TypedDict":
            imported = getattr(sys.modules[module], base)
            yield from _descriptions(imported.__module__, imported.__name__)
    yield from source.descriptions.items()


@cache
def _sources(module: str) -> dict[str, _Source]:
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    found = {
        node.name: _Source([ast.unparse(base) for base in node.bases], dict(_below_fields(node.body)))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    return found | dict(_functional(tree.body))


def _below_fields(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, _text(following)


def _functional(body: list[ast.stmt]) -> Iterator[tuple[str, _Source]]:
    """Yield records of one field whose name is no identifier: `_RETURN = TypedDict("_RETURN", {"return": str})`."""
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            arguments = statement.value.args
            if ast.unparse(statement.value.func) == "TypedDict" and isinstance(arguments[1], ast.Dict):
                names = [ast.literal_eval(key) for key in arguments[1].keys if key is not None]
                yield ast.literal_eval(arguments[0]), _Source([], dict.fromkeys(names, _text(following)))


def _text(statement: ast.stmt | None) -> str:
    """Return the text that a statement is, "" when it is none."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return ""
    return " ".join(str(statement.value.value).split())
