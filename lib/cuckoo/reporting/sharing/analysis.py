"""The analysis itself: what names it among all others, when it was, and what came out."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lib.cuckoo.common.text import visible
from lib.cuckoo.reporting.sharing.records import Analysis, Bounds
from lib.cuckoo.reporting.sharing.values import BEGINNING, instant
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.values import Record, mapping, records, text
from lib.cuckoo.reporting.story.verdict import verdict

_RESULTS = {"Malicious": "malicious", "Suspicious": "suspicious"}
_TLP = {"white": "clear", **{name: name for name in ("clear", "green", "amber", "amber+strict", "red")}}


def analysis_of(results: Record, bounds: Bounds) -> Analysis:
    """Return who is who; nothing in it depends on when or where the report is written."""
    info = mapping(results.get("info"))
    headline = verdict(results, Limits(entries=bounds.entries, text=bounds.text))
    started, ended = _period(results)
    families = tuple(visible(name, 100) for name in headline.families[:20])
    return Analysis(
        key=_key(results),
        number=visible(text(info.get("id")), 100),
        started=started,
        ended=ended,
        category=visible(text(mapping(results.get("target")).get("category")), 100),
        package=visible(text(info.get("package")), 100),
        machine=visible(_machine(info), 100),
        system=visible(_system(results), 100),
        engine=visible(text(mapping(results.get("engine")).get("version")), 100),
        score=headline.score,
        verdict=headline.word,
        result=_RESULTS.get(headline.word, "unknown"),
        families=families,
        tlp=_tlp(info),
        suspect=bool(families) or (headline.score or 0.0) >= bounds.threshold,
    )


def _key(results: Record) -> str:
    """Return text that differs between analyses, and is the same each time one is reported."""
    info, target = mapping(results.get("info")), mapping(results.get("target"))
    parts: list[Any] = [
        *(info.get(name) for name in ("id", "started", "ended")), _machine(info), target.get("url"),
        mapping(target.get("file")).get("sha256"), mapping(results.get("network")).get("pcap_sha256"),
    ]  # fmt: skip
    return json.dumps([visible(text(part), 4000) for part in parts])


def _machine(info: Record) -> str:
    machine = info.get("machine")
    return text(mapping(machine).get("name") if mapping(machine) else machine)


def _system(results: Record) -> str:
    """Return the guest's system, as a process saw it, else the platform of the task."""
    for process in records(mapping(results.get("behavior")).get("processes")):
        product = text(mapping(process.get("environ")).get("ProductName"))
        if product:
            return product
    return text(mapping(results.get("info")).get("platform"))


def _tlp(info: Record) -> str:
    """Return the marking of the task in the words of version 2 of the protocol; what is no marking is the strictest."""
    given = text(info.get("tlp")).strip().lower().removeprefix("tlp:")
    return _TLP.get(given, "red") if given else ""


def _period(results: Record) -> tuple[datetime, datetime]:
    info = mapping(results.get("info"))
    started, ended = instant(info.get("started")), instant(info.get("ended"))
    first = started or ended or min(_heard(results), default=BEGINNING)
    return first, max(first, ended or first)


def _heard(results: Record) -> Iterator[datetime]:
    network = mapping(results.get("network"))
    seen = [
        *(
            process.get("first_seen")
            for process in records(mapping(results.get("behavior")).get("processes"))
        ),
        *(question.get("first_seen") for question in records(network.get("dns"))),
        *(handshake.get("time") for handshake in records(network.get("tls"))),
    ]
    yield from filter(None, map(instant, seen))
