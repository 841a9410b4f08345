"""Lists of two runs: signatures, files, names of the network, and what processes touched."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lib.cuckoo.reporting.diff.likeness import Likeness
from lib.cuckoo.reporting.diff.record import File, Match, Sides, Values
from lib.cuckoo.reporting.story.processes import TOUCHED
from lib.cuckoo.reporting.story.values import Record, first, mapping, number, records, sequence, text
from lib.cuckoo.reporting.story.verdict import severity_of
from lib.cuckoo.reporting.view.behavior import Summary

Likenesses = tuple[Likeness, Likeness]
Read = Callable[[Record], Iterator[str]]
_WITH_PIDS = {"executed_commands", "mutexes"}


def _texts(name: str, *members: str) -> Read:
    """Return what yields the values of a list: texts, or the first of some members of records."""

    def read(network: Record) -> Iterator[str]:
        for each in sequence(network.get(name)):
            record = mapping(each)
            found = next((record[member] for member in members if record.get(member)), None)
            yield text(found) if record else text(each)

    return read


def _servers(name: str) -> Read:
    return lambda network: (
        f"{text(each.get('dst'))}:{text(each.get('dport'))}" for each in records(network.get(name))
    )


def _urls(network: Record) -> Iterator[str]:
    for name in ("http", "https_ex", "http_ex"):
        for each in records(network.get(name)):
            yield f"{text(each.get('method'))} {_url(each)}".strip()


def _url(request: Record) -> str:
    uri = text(request.get("uri") or request.get("url"))
    host = text(request.get("host"))
    return uri if "://" in uri or not host else f"{text(request.get('protocol')) or 'http'}://{host}{uri}"


_NETWORK: tuple[tuple[str, str, Read], ...] = (
    ("domains", "Domains", _texts("domains", "domain")),
    ("hosts", "Hosts", _texts("hosts", "ip")),
    ("http", "Requests", _urls),
    ("dns", "Names asked for", _texts("dns", "request")),
    ("tls", "Names in TLS", _texts("tls", "sni")),
    ("tcp", "TCP", _servers("tcp")),
    ("udp", "UDP", _servers("udp")),
    ("smtp", "Mail servers", _servers("smtp")),
    ("irc", "IRC servers", _servers("irc")),
    ("dead_hosts", "Never answered", _texts("dead_hosts")),
)


def network_values(a: Record, b: Record, likenesses: Likenesses) -> list[Values]:
    """Return what only one of the two asked for or talked to."""
    sides = [mapping(results.get("network")) for results in (a, b)]
    found = (
        Values(name, title, compare_texts(read(sides[0]), read(sides[1]), _texts_like(likenesses)))
        for name, title, read in _NETWORK
    )
    return [values for values in found if values.values]


def activity_values(a: Record, b: Record, likenesses: Likenesses) -> list[Values]:
    """Return the files, registry keys, mutexes, commands … that only one of the two touched."""
    sides = [Summary(mapping(mapping(results.get("behavior")).get("summary"))) for results in (a, b)]
    found = []
    for name, title in TOUCHED:
        like = _commands_like(likenesses) if name in _WITH_PIDS else _names_like(likenesses)
        one, other = (iter(getattr(side, name)) for side in sides)
        values = Values(name, title, compare_texts(one, other, like))
        if values.values:
            found.append(values)
    return found


Like = tuple[Callable[[str], str], Callable[[str], str]]


def _texts_like(likenesses: Likenesses) -> Like:
    return likenesses[0].of_text, likenesses[1].of_text


def _names_like(likenesses: Likenesses) -> Like:
    return likenesses[0].of_name, likenesses[1].of_name


def _commands_like(likenesses: Likenesses) -> Like:
    return likenesses[0].of_command, likenesses[1].of_command


def compare_texts(a: Iterator[str], b: Iterator[str], like: Like) -> Sides[str]:
    """Return the texts that only one of the two has, each once, in their order."""
    one, other = _firsts(a, like[0]), _firsts(b, like[1])
    return Sides(
        only_a=[value for key, value in one.items() if key not in other],
        only_b=[value for key, value in other.items() if key not in one],
        same=len(one.keys() & other.keys()),
    )


def _firsts(values: Iterator[str], like: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        if value:
            found.setdefault(like(value), value)
    return found


def compare_signatures(a: Record, b: Record) -> Sides[Match]:
    """Return the signatures that matched in one only, or otherwise; by name."""
    one, other = ({match.name: match for match in _matches(results)} for results in (a, b))
    return _sides(one, other)


def _matches(results: Record) -> Iterator[Match]:
    for match in records(results.get("signatures")):
        name = text(match.get("name"))
        yield Match(name, text(match.get("description")) or name, severity_of(match), _evidence(match))


def _evidence(match: Record) -> int:
    """Return how much a signature noted, in the words of each family."""
    signs = sum(len(sequence(group.get("signs"))) for group in records(match.get("new_data")))
    return len(sequence(match.get("data"))) + len(sequence(match.get("marks"))) + signs


def _sides(one: dict[str, Any], other: dict[str, Any]) -> Sides[Any]:
    both = [(found, other[name]) for name, found in one.items() if name in other]
    changed = [(a, b) for a, b in both if a != b]
    return Sides(
        only_a=[found for name, found in one.items() if name not in other],
        only_b=[found for name, found in other.items() if name not in one],
        changed=changed,
        same=len(both) - len(changed),
    )


def compare_dropped(a: Record, b: Record, likenesses: Likenesses) -> Sides[File]:
    """Return the dropped files that only one of the two has.

    Files are the same when their contents are, whatever their names; of the others, those of one name have changed.
    """
    sides = [_files(results) for results in (a, b)]
    keys = [{_content(file) for file in files} for files in sides]
    one, other = (
        [file for file in files if _content(file) not in others]
        for files, others in zip(sides, reversed(keys), strict=True)
    )
    return _renamed(one, other, likenesses, same=len(keys[0] & keys[1]))


def _renamed(a: Sequence[File], b: Sequence[File], likenesses: Likenesses, *, same: int) -> Sides[File]:
    waiting: dict[str, list[File]] = {}
    for file in reversed(b):
        waiting.setdefault(likenesses[1].of_name(file.name), []).append(file)
    only_a, changed = [], []
    for file in a:
        named = waiting.get(likenesses[0].of_name(file.name))
        if named:
            changed.append((file, named.pop()))
        else:
            only_a.append(file)
    gone = {id(file) for _, file in changed}
    return Sides(only_a, [file for file in b if id(file) not in gone], changed, same)


def _content(file: File) -> tuple[str, ...]:
    return (file.sha256,) if file.sha256 else (file.name, str(file.size))


def _files(results: Record) -> list[File]:
    """Return each dropped content once."""
    found: dict[tuple[str, ...], File] = {}
    for record in records(results.get("dropped")):
        file = File(
            name=_name(record),
            sha256=text(record.get("sha256")).lower(),
            size=int(number(record.get("size"))),
            type=text(record.get("type")),
        )
        found.setdefault(_content(file), file)
    return list(found.values())


def _name(record: Record) -> str:
    """Return the path in the guest, else the name; the second family's names begin with a made-up number."""
    path = first(record.get("guest_paths")) or text(record.get("filepath"))
    return path or first(record.get("name"))
