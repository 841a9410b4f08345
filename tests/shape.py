"""The published schema as a judge of what the suite's modules and reports give."""

import copy
import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

from lib.cuckoo.reporting.jsonstream import json_chunks

SCHEMA = Path(__file__).resolve().parent.parent / "schema" / "report.schema.json"
MOST_SHOWN = 20
_SHIPPED = f"{SCHEMA.parents[1] / 'modules'}{os.sep}"
_OF_THE_ENGINE = {"engine", "statistics", "signatures", "score", "malscore", "ttps"}


def deviations(results: Any, *, strict: bool = True) -> list[str]:
    """Return in which places results deviate from the schema; `strict` finds fields that it does not know, too.

    Sections that it does not know are allowed in any case.
    """
    found = _validator(strict).iter_errors(results)
    shown = [f"{'.'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in found]
    return shown[:MOST_SHOWN]


def assert_fits(results: Mapping[str, Any]) -> None:
    """Fail unless sections, as a report would have them, fit the schema and hold no field that it does not know."""
    found = deviations(json.loads(b"".join(json_chunks(dict(results)))))
    assert not found, "\n".join(found)


def own_reports(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what the report.json files below a folder hold: the sections of the engine and of shipped modules."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        file = Path(parent, "report.json")
        if "report.json" in names and file.is_file() and not file.is_symlink():
            yield from _own(file.read_bytes())


def _own(raw: bytes) -> Iterator[dict[str, Any]]:
    try:
        report = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if isinstance(report, dict) and "schema" in (report.get("engine") or {}):
        shipped = {run["key"] for run in report["engine"]["modules"] if run["file"].startswith(_SHIPPED)}
        yield {name: section for name, section in report.items() if name in shipped | _OF_THE_ENGINE}


@functools.cache
def _validator(strict: bool) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(closed(_document()) if strict else _document())


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with every record closed: what it does not name is not allowed there."""
    changed = copy.deepcopy(schema)
    for definition in changed["$defs"].values():
        definition.setdefault("additionalProperties", False)
    return changed


Known = tuple[str, str]
"""A record, by its name in the schema, and one of its fields."""


def fields_known() -> set[Known]:
    """Return every field of every record that the schema describes; the report itself is the record ""."""
    schema = _document()
    records = {"": schema, **schema["$defs"]}
    return {(name, field) for name, record in records.items() for field in record["properties"]}


def fields_seen(results: Any, most: int = 2000) -> set[Known]:
    """Return the fields of records that occur in results; of each list the first members are looked at."""
    seen: set[Known] = set()
    waiting: list[tuple[Any, dict[str, Any], str]] = [(results, _document(), "")]
    while waiting:
        value, schema, name = waiting.pop()
        waiting.extend((value, branch, name) for branch in schema.get("anyOf", ()))
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            waiting.append((value, _document()["$defs"][name], name))
        elif isinstance(value, list) and "items" in schema:
            waiting.extend((member, schema["items"], name) for member in value[:most])
        elif isinstance(value, dict) and value.keys() >= set(schema.get("required", ())):
            known = schema.get("properties", {})
            seen |= {(name, field) for field in value.keys() & known}
            others = schema.get("additionalProperties", {})
            waiting.extend((member, known.get(field, others), name) for field, member in value.items())
    return seen


@functools.cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return document
