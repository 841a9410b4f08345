"""The facts of the summary, section by section: one label and one line of text each.

Sections may come from any module, or from a report of another engine: nothing about their shape is taken for granted.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from lib.cuckoo.console.text import count_text, size_text, visible

Line = tuple[str, str]
"""A label and what stands beside it."""

_SIGNATURES_SHOWN, _PROCESSES_SHOWN, _DOMAINS_SHOWN, _FILES_SHOWN = 12, 12, 6, 4
_ANOMALIES_SHOWN = 3


def _target(results: Mapping[str, Any]) -> Iterator[Line]:
    target = as_mapping(results.get("target"))
    file = as_mapping(target.get("file"))
    if file:
        yield "target", f"{visible(file.get('name'), 60)}  {size_text(file.get('size') or 0)}"
        yield "", visible(file.get("type") or "unknown type", 100)
        yield "sha256", visible(file.get("sha256"))
    elif target.get("url"):
        yield "target", visible(target["url"], 120)


def _info(results: Mapping[str, Any]) -> Iterator[Line]:
    info = as_mapping(results.get("info"))
    if info.get("started"):
        machine = info.get("machine")
        name = machine.get("name") if isinstance(machine, dict) else machine
        where = f" on {visible(name, 40)}" if name else ""
        yield "ran", f"{visible(info['started'])}, {visible(info.get('duration', '?'))} s{where}"


def _static(results: Mapping[str, Any]) -> Iterator[Line]:
    static = as_mapping(results.get("static"))
    image = as_mapping(static.get("pe"))
    if image:
        sections = " ".join(
            visible(section.get("name"), 12) for section in _records(image.get("sections"))[:8]
        )
        yield "static", f"linked {visible(image.get('timestamp'), 30)}, sections {sections}"
        signers = [
            visible(signer.get("subject_commonName"), 60)
            for signer in _records(static.get("digital_signers"))
        ]
        yield "", f"signed by {signers[0]}" if signers else "not signed"
    elif static.get("kind"):
        macros = _records(as_mapping(static.get("office")).get("macros"))
        names = ", ".join(map(str, as_mapping(as_mapping(static.get("pdf")).get("names"))))
        held = (
            f", {count_text(len(macros), 'macro')}" if macros else f", {visible(names, 90)}" if names else ""
        )
        yield "static", f"{visible(static['kind'], 40)}{held}"
    holder = image or static
    for anomaly in (holder.get("anomalies") or [])[:_ANOMALIES_SHOWN]:
        yield "", visible(as_mapping(anomaly).get("text") or anomaly, 110)


def _strings(results: Mapping[str, Any]) -> Iterator[Line]:
    strings = results.get("strings")
    if isinstance(strings, list) and strings:
        yield "strings", count_text(len(strings), "string")


def _dropped(results: Mapping[str, Any]) -> Iterator[Line]:
    dropped = results.get("dropped")
    if isinstance(dropped, list) and dropped:
        size = sum(file.get("size") or 0 for file in dropped if isinstance(file, dict))
        yield "dropped", f"{count_text(len(dropped), 'file')}, {size_text(size)}"
        for file in dropped[:4]:
            if isinstance(file, dict):
                yield "", f"{visible(_first(file.get('name')), 44):<44}  {visible(file.get('type'), 50)}"


def _debug(results: Mapping[str, Any]) -> Iterator[Line]:
    errors = as_mapping(results.get("debug")).get("errors")
    if isinstance(errors, list) and errors:
        yield (
            "log",
            f"{count_text(len(errors), 'error')} in the sandbox's logs; the last: {visible(errors[-1], 80)}",
        )


def _score(results: Mapping[str, Any]) -> Iterator[Line]:
    score = as_mapping(results.get("score"))
    if score:
        ran = as_mapping(as_mapping(results.get("engine")).get("signatures")).get("ran", "?")
        yield (
            "score",
            f"{score.get('total')} of 10  ({len(_records(results.get('signatures')))} of {ran} signatures)",
        )


def _signatures(results: Mapping[str, Any]) -> Iterator[Line]:
    worst = sorted(_records(results.get("signatures")), key=lambda match: -_number(match.get("severity")))
    labels = chain(["signatures"], repeat(""))
    for label, match in zip(labels, worst[:_SIGNATURES_SHOWN], strict=False):
        marks = "!" * min(3, max(1, int(_number(match.get("severity")))))
        techniques = " ".join(map(str, match.get("ttps") or ()))
        text = visible(match.get("description") or match.get("name"), 90)
        yield label, f"{marks:<3} {text}  {visible(techniques, 40)}".rstrip()
    if len(worst) > _SIGNATURES_SHOWN:
        yield "", f"    and {len(worst) - _SIGNATURES_SHOWN} more"


def _behavior(results: Mapping[str, Any]) -> Iterator[Line]:
    behavior = as_mapping(results.get("behavior"))
    processes = _records(behavior.get("processes"))
    if processes:
        calls = sum(len(process.get("calls") or ()) for process in processes)
        yield (
            "behaviour",
            f"{count_text(len(processes), 'process', 'processes')}, {count_text(calls, 'call')}",
        )
        yield from _tree(_records(behavior.get("processtree")))


def _tree(roots: list[Mapping[str, Any]]) -> Iterator[Line]:
    """Yield the process tree, indented, as far as it is worth showing."""
    pending = [(root, 0) for root in reversed(roots)]
    for _ in range(_PROCESSES_SHOWN):
        if not pending:
            return
        node, depth = pending.pop()
        pending += [(child, depth + 1) for child in reversed(_records(node.get("children")))]
        indent = "   " * min(depth - 1, 12) + "└─ " if depth else ""
        yield "", f"{indent}{visible(node.get('name') or '?', 40)} ({visible(node.get('pid'))})"
    if pending:
        yield "", "…"


def _network(results: Mapping[str, Any]) -> Iterator[Line]:
    network = as_mapping(results.get("network"))
    kinds = ("hosts", "domains", "dns", "http", "tls", "smtp", "irc", "dead_hosts")
    counts = [
        f"{len(found)} {kind.replace('_', ' ')}"
        for kind in kinds
        if isinstance(found := network.get(kind), list) and found
    ]
    if counts:
        yield "network", ", ".join(counts)
    for domain in _records(network.get("domains"))[:_DOMAINS_SHOWN]:
        yield "", f"{visible(domain.get('domain'), 60):<40}  {visible(domain.get('ip') or '', 40)}".rstrip()


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _records(value: object) -> list[Mapping[str, Any]]:
    """Return the members of a list that are mappings."""
    return [member for member in value if isinstance(member, Mapping)] if isinstance(value, list) else []


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


_SECTIONS: tuple[Callable[[Mapping[str, Any]], Iterator[Line]], ...] = (
    *(_target, _info, _static, _score, _signatures, _behavior, _network),
    *(_dropped, _strings, _debug),
)
"""What the summary tells, in order; each yields nothing where its section is absent."""


def facts(results: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what the summary tells; a section that has not its usual shape, dropped in or forged, says so."""
    for describe in _SECTIONS:
        try:
            yield from list(describe(results))
        except _ODD_SHAPES as error:
            yield describe.__name__.strip("_"), f"cannot be shown: {visible(error, 80)}"


_ODD_SHAPES = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
