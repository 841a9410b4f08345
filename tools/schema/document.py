"""The JSON Schema (2020-12) of a report, from `ReportRecord` and the records below it.

Known fields have types; further sections and fields are allowed everywhere.
"""

import types
import typing
from collections.abc import Sequence
from typing import Any

from lib.cuckoo.common.constants import SCHEMA_VERSION
from lib.cuckoo.core.report_shape import ReportRecord
from lib.cuckoo.memory.shapes import Memory, TableRecord
from tools.schema.records import fields_of, is_record, name_of, summary_of

Schema = dict[str, Any]
OTHERS: dict[type, type] = {Memory: TableRecord}
"""Records whose further members have a shape too, which `TypedDict` cannot say."""
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def document() -> Schema:
    """Return the whole schema."""
    definitions: dict[str, Schema] = {}
    root = _definition(ReportRecord, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:fledge:report:{SCHEMA_VERSION}",
        "title": f"Report of fledge, version {SCHEMA_VERSION} of its shape",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _definition(record: type, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a record; those of records below it go to `definitions`."""
    fields = fields_of(record)
    schema: Schema = {
        "description": summary_of(record),
        "type": "object",
        "properties": {
            field.name: {"description": field.description} | schema_of(field.type, definitions)
            for field in fields
        },
    }
    required = [field.name for field in fields if field.required]
    if required:
        schema["required"] = required
    if record in OTHERS:
        schema["additionalProperties"] = schema_of(OTHERS[record], definitions)
    return schema


def schema_of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a type.

    Raises:
        TypeError: nothing is known of this type.
    """
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if is_record(kind):
        return _reference(kind, definitions)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _reference(arguments[1], definitions)
    if origin is list or origin is Sequence:
        return {"type": "array", "items": schema_of(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], definitions)}
    if origin in {typing.Union, types.UnionType}:
        return _union([schema_of(each, definitions) for each in arguments])
    raise TypeError(f"no schema is known for {kind}")


def _reference(record: type, definitions: dict[str, Schema]) -> Schema:
    name = name_of(record)
    if name not in definitions:
        definitions[name] = {}  # it may lie inside itself
        definitions[name] = _definition(record, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _union(schemas: list[Schema]) -> Schema:
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}
