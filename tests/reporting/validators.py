"""Bundles and events, read back and checked by their own libraries."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymisp
import stix2
from stix2patterns.validator import run_validator

Object = dict[str, Any]


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def checked_bundle(data: bytes) -> list[Object]:
    """Return the objects of a bundle in which every object, pattern and reference is right."""
    bundle = json.loads(data.decode("utf-8"), parse_constant=refuse)
    parsed = stix2.parse(bundle, allow_custom=False, version="2.1")
    objects: list[Object] = bundle["objects"]
    ids = [each["id"] for each in objects]

    assert parsed["type"] == "bundle"
    assert len(ids) == len(set(ids))
    assert set(references(objects)) <= set(ids)
    for pattern in of_type(objects, "indicator"):
        assert run_validator(pattern["pattern"], "2.1") == []
    return objects


def references(value: Any) -> Iterator[str]:
    """Yield every id that something refers to."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name.endswith(("_ref", "_refs")):
                yield from [member] if isinstance(member, str) else member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def of_type(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["type"] == kind]


def checked_event(data: bytes, folder: Path) -> Any:
    """Return the event of a file that the library loads and whose objects keep to their templates."""
    json.loads(data.decode("utf-8"), parse_constant=refuse)
    file = folder / "checked.json"
    file.write_bytes(data)
    event = pymisp.MISPEvent()
    event.load_file(file)
    ids = [event.uuid]
    for made in event.objects:
        assert made.to_dict(strict=True)
        ids += [made.uuid, *(attribute.uuid for attribute in made.attributes)]
        for reference in made.references:
            ids.append(reference.uuid)
            assert event.get_object_by_uuid(reference.referenced_uuid)
    ids += [attribute.uuid for attribute in event.attributes]

    assert len(ids) == len(set(ids))
    return event


def values(event: Any, template: str, relation: str) -> list[Any]:
    """Return the values that objects of a template have in one place."""
    return [
        attribute.value
        for made in event.get_objects_by_name(template)
        for attribute in made.get_attributes_by_relation(relation)
    ]


def flagged(event: Any) -> set[str]:
    """Return the values that are to be looked for."""
    of_objects = [attribute for made in event.objects for attribute in made.attributes]
    return {attribute.value for attribute in [*of_objects, *event.attributes] if attribute.to_ids}
