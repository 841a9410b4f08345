"""Files: what was dropped, what the sample is made of, what was in memory, strings and indicators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lib.cuckoo.common.text import size_text
from lib.cuckoo.reporting.story.parts import Facts, Limits, Listing, Note, Passage, table
from lib.cuckoo.reporting.story.values import Record, first, mapping, number, pairs, records, sequence, text

_PACKED = 7.2
"""Bits a byte from which data is most likely compressed or encrypted."""
_MOST_KINDS = 50
_WORTH_COPYING = 24
"""Characters; hashes and paths have more, flags and numbers fewer."""


@dataclass(frozen=True)
class Block:
    """A section of a program; `entropy` in bits a byte."""

    name: str
    address: str
    size: str
    flags: str
    entropy: float | None
    packed: bool


@dataclass(frozen=True)
class Entropy:
    """The sections of a program with their entropy."""

    kind: ClassVar[str] = "entropy"
    blocks: Sequence[Block]
    total: int


def _rules(file: Record) -> str:
    found = [*records(file.get("yara")), *records(file.get("cape_yara"))]
    return ", ".join(dict.fromkeys(text(rule.get("name")) for rule in found))


def dropped_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the dropped files, payloads and process dumps."""
    payloads = mapping(results.get("CAPE")).get("payloads")
    lists = (
        ("Dropped", results.get("dropped")),
        ("Payloads", payloads),
        ("Dumped programs", results.get("procdump")),
    )
    for title, value in lists:
        found = records(value)
        heads = ("name", "type", "size", "SHA-256", "place in the guest", "rules")
        rows = [
            [first(file.get("name")), file.get("type"), size_text(number(file.get("size"))), file.get("sha256"),
             file.get("guest_paths"), _rules(file)]
            for file in found[: limits.entries]
        ]  # fmt: skip
        yield from table(
            title, heads, rows, total=len(found), codes=("name", "SHA-256", "place in the guest")
        )
    for file in records(results.get("dropped"))[:20]:
        if isinstance(file.get("data"), str) and file["data"]:
            yield Passage(f"Text of {first(file.get('name'))}", file["data"])


def static_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the facts of the sample: sections with their entropy, tables of its own lists, the rest as facts."""
    file = mapping(mapping(results.get("target")).get("file"))
    hashes = [(name, file.get(name)) for name in ("sha512", "ssdeep", "tlsh") if file.get(name)]
    if hashes:
        yield Facts(hashes, frozenset(name for name, _ in hashes))
    static = mapping(results.get("static"))
    shown = static.get("kind")
    parts = [(shown, mapping(static.get(text(shown))))] if shown else list(pairs(static))
    for name, section in parts:
        if name not in {"kind", "indicators"} and mapping(section):
            yield from _anatomy(mapping(section), limits)
    rules = [
        [rule.get("name"), mapping(rule.get("meta")).get("description")] for rule in _target_rules(results)
    ]
    yield from table(
        "Rules that match the sample", ("rule", "description"), rules[: limits.entries], total=len(rules)
    )
    yield from reputation(results, limits)


def _target_rules(results: Record) -> list[Record]:
    file = mapping(mapping(results.get("target")).get("file"))
    return [*records(file.get("yara")), *records(file.get("cape_yara"))]


def _anatomy(section: Record, limits: Limits) -> Iterator[Any]:
    if records(section.get("sections")):
        yield _entropy(records(section["sections"]), limits.entries)
    plain = [(name.replace("_", " "), value) for name, value in pairs(section) if _is_plain(value)]
    if plain:
        long = (name for name, value in plain if isinstance(value, str) and len(value) >= _WORTH_COPYING)
        yield Facts(plain[: limits.entries], frozenset(long))
    for name, value in pairs(section):
        if name == "imports":
            yield from _imports(value, limits)
        elif name != "sections" and (records(value) or mapping(value)):
            yield from record_table(name.replace("_", " "), value, limits)


def _is_plain(value: object) -> bool:
    if isinstance(value, str | int | float):
        return value != "" and "\n" not in str(value)[:2000]
    return bool(sequence(value)) and not any(isinstance(each, list | dict) for each in sequence(value))


def _imports(value: object, limits: Limits) -> Iterator[Any]:
    libraries = records(list(mapping(value).values()) or value)
    rows = [
        [
            library.get("dll"),
            [text(each.get("name") or each.get("ordinal")) for each in records(library.get("imports"))],
        ]
        for library in libraries[: limits.entries]
    ]
    yield from table(
        "Imports", ("library", "functions"), rows, total=len(libraries), codes=("functions",), closed=True
    )


def _entropy(blocks: list[Record], most: int) -> Entropy:
    return Entropy([_block(block) for block in blocks[:most]], len(blocks))


def _block(block: Record) -> Block:
    value = block.get("entropy")
    entropy = None if value in (None, "") else min(8.0, max(0.0, number(value)))
    flags = text(block.get("characteristics") or block.get("flags") or block.get("type"))
    address = text(block.get("virtual_address") or block.get("address"))
    size = text(block.get("size_of_data") or block.get("size"))
    packed = entropy is not None and entropy >= _PACKED
    return Block(text(block.get("name")) or "(no name)", address, size, flags, entropy, packed)


def record_table(title: str, value: object, limits: Limits) -> Iterator[Any]:
    """Yield a list of records as a table, a mapping as facts; the columns are the names that occur first."""
    found = records(value)
    if not found:
        facts = [pair for pair in pairs(value) if pair[1] not in (None, "", [], {})]
        rows = [[name, member] for name, member in facts[: limits.entries]]
        yield from table(
            title.capitalize(), ("what", "value"), rows, total=len(facts), codes=("value",), closed=True
        )
        return
    heads = list(dict.fromkeys(text(name) for record in found[:20] for name in record))[:8]
    rows = [[record.get(head) for head in heads] for record in found[: limits.entries]]
    yield from table(title.capitalize(), heads, rows, total=len(found), closed=True)


def reputation(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield what services know of the sample."""
    for name in ("virustotal", "hashlookup"):
        section = mapping(results.get(name))
        plain = [(label, value) for label, value in pairs(section) if _is_plain(value)]
        if plain:
            yield Note(f"From {name}:")
            yield Facts(plain[: limits.entries])
        for label, value in pairs(section):
            if records(value) or (label == "scans" and mapping(value)):
                yield from record_table(f"{name}: {label}", value, limits)


def memory_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield the image of the guest's memory, one table for each plugin, and the dumps of processes."""
    for name, value in pairs(results.get("memory")):
        rows = mapping(value).get("data") if mapping(value) else value
        if mapping(rows) or records(rows):
            yield from record_table(name, rows, limits)
        elif rows:
            yield Facts([(name, rows)])
    found = records(results.get("procmemory"))
    heads = ("process", "pid", "rules", "file")
    lines = [
        [
            record.get("process_name") or record.get("name"),
            record.get("pid"),
            _rules(record),
            record.get("path") or record.get("file"),
        ]
        for record in found[: limits.entries]
    ]
    yield from table("Memory of processes", heads, lines, total=len(found))
    images = [image | {"pid": record.get("pid")} for record in found for image in _images(record)]
    columns = ("pid", "addr", "size", "type", "protect", "module", "sha256")
    cells = [[image.get(column) for column in columns] for image in images[: limits.entries]]
    yield from table("Programs in memory", columns, cells, total=len(images), codes=("sha256",))


def _images(record: Record) -> list[dict[str, Any]]:
    return [dict(image) for image in records(record.get("images"))]


def string_parts(results: Record, limits: Limits) -> Iterator[Any]:
    """Yield indicators by kind, then strings."""
    by_kind: dict[str, dict[str, None]] = {}
    for each in _indicators(results):
        by_kind.setdefault(text(each.get("kind")) or "other", {})[text(each.get("value"))] = None
    for kind, values in list(by_kind.items())[:_MOST_KINDS]:
        yield Listing(f"Indicators: {kind.replace('_', ' ')}", list(values)[: limits.entries], len(values))
    strings = sequence(results.get("strings"))
    if strings:
        yield Listing(
            "Strings of the sample", [_string(each) for each in strings[: limits.entries]], len(strings)
        )


def _indicators(results: Record) -> Iterator[Record]:
    """Yield what was found in the sample, then what was found in the memory of processes."""
    yield from records(mapping(results.get("static")).get("indicators"))
    for dump in records(results.get("procmemory")):
        yield from records(dump.get("indicators"))


def _string(value: object) -> str:
    """Return a string; newer engines give a record for each."""
    return text(mapping(value).get("value") or mapping(value).get("string") or value)
