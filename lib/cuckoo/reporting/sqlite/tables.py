"""The tables: which there are, what their columns mean, and where their rows come from."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from lib.cuckoo.reporting.sqlite.shape import Added, Column, Table
from lib.cuckoo.reporting.story.processes import call_count
from lib.cuckoo.reporting.story.values import Record, first, mapping, pairs, records, sequence, text

_TABLED = {
    "behavior": frozenset({"processes", "summary", "enhanced"}),
    "network": frozenset({"hosts", "domains", "dns", "http", "http_ex", "https_ex", "tls", "tcp", "udp"}),
    "CAPE": frozenset({"payloads"}),
    "engine": frozenset({"modules"}),
}
"""Parts of sections that have tables of their own."""
_WHOLLY_TABLED = frozenset({"info", "target", "signatures", "dropped", "procdump", "ttps"})


def _member(*path: str) -> Callable[[Record], Any]:
    def read(record: Record) -> Any:
        found: Any = record
        for name in path:
            found = mapping(found).get(name)
        return found

    return read


def _of(*path: str) -> Callable[[Record], Iterator[Record]]:
    """Return what yields the records of a list in the results, which may be long and read on demand."""
    find = _member(*path)
    return lambda results: (each for each in sequence(find(results)) if isinstance(each, Mapping))


def _tagged(found: Iterator[Record], name: str, tag: object) -> Iterator[Any]:
    for record in found:
        yield {**record, name: tag}


def _whole(record: Record) -> Record:
    """Return a record without what was added to it."""
    return {name: value for name, value in record.items() if not isinstance(name, Added)}


_RECORD = Column("record", "JSON", "everything that the report says of it", _whole)
_PID = Column("pid", "INTEGER", "process id, where the conversation has been attributed", "process_id")
_PROCESS_NAME = Column("process_name", "TEXT", "name of that process")
_ENDPOINTS = (
    Column("src", "TEXT", "address of the client"),
    Column("sport", "INTEGER", "its port"),
    Column("dst", "TEXT", "address of the server"),
    Column("dport", "INTEGER", "its port"),
)


def _analysis(results: Record) -> Iterator[Record]:
    yield {**mapping(results.get("info")), Added.RESULTS: results}


def _target(results: Record) -> Iterator[Record]:
    target = mapping(results.get("target"))
    if target:
        yield target


def _processes(results: Record) -> list[Record]:
    return records(mapping(results.get("behavior")).get("processes"))


def _without_calls(process: Record) -> Record:
    return {name: value for name, value in process.items() if name != "calls"}


def _calls(results: Record) -> Iterator[Record]:
    for place, process in enumerate(_processes(results), 1):
        for number, call in enumerate(sequence(process.get("calls"))):
            yield {**mapping(call), Added.PROCESS: place, Added.NUMBER: number}


def _arguments(call: Record) -> dict[str, Any]:
    """Return values by name; a name that comes again gets a number."""
    found: dict[str, Any] = {}
    for argument in records(call.get("arguments")):
        name = text(argument.get("name"))
        found[name if name not in found else f"{name}#{len(found) + 1}"] = argument.get("value")
    return found


def _meanings(call: Record) -> dict[str, Any] | None:
    return {
        text(argument.get("name")): argument["pretty_value"]
        for argument in records(call.get("arguments"))
        if argument.get("pretty_value")
    } or None


def _summary(results: Record) -> Iterator[Record]:
    for name, values in pairs(mapping(results.get("behavior")).get("summary")):
        for value in sequence(values):
            yield {"list": name, "value": value}


def _evidence(results: Record) -> Iterator[Record]:
    places: dict[object, int] = {}
    for place, process in enumerate(_processes(results), 1):
        places.setdefault(text(process.get("process_id")), place)
    for number, match in enumerate(records(results.get("signatures")), 1):
        for name, value in _noted(match):
            yield {"signature": number, "name": name, "value": value}
        for call in records(mapping(match.get("evidence")).get("calls")):
            yield {**call, "signature": number, "name": "call", "process": places.get(text(call.get("pid")))}


def _noted(match: Record) -> Iterator[tuple[str, Any]]:
    for each in records(match.get("data")):
        if not (each.get("type") == "call" and "cid" in each):
            yield from pairs(each)
    for group in records(match.get("new_data")):
        for sign in records(group.get("signs")):
            yield text(sign.get("type")), sign.get("value")


def _points(results: Record) -> Iterator[Record]:
    points = {
        text(each.get("signature")): each.get("points")
        for each in records(mapping(results.get("score")).get("contributions"))
    }
    for match in records(results.get("signatures")):
        yield {**match, Added.POINTS: points.get(text(match.get("name")))}


def _answers(results: Record) -> Iterator[Record]:
    for number, query in enumerate(_of("network", "dns")(results), 1):
        yield from _tagged(iter(records(query.get("answers"))), "query", number)


def _certificates(results: Record) -> Iterator[Record]:
    for number, handshake in enumerate(_of("network", "tls")(results), 1):
        yield from _tagged(iter(records(handshake.get("certificates"))), "tls", number)


def _requests(results: Record) -> Iterator[Record]:
    lists = ("http", "http_ex", "https_ex")
    return chain.from_iterable(_tagged(_of("network", name)(results), Added.LIST, name) for name in lists)


def _flows(results: Record) -> Iterator[Record]:
    return chain.from_iterable(
        _tagged(_of("network", name)(results), Added.LIST, name) for name in ("tcp", "udp")
    )


def _files(results: Record) -> Iterator[Record]:
    lists = (("dropped",), ("CAPE", "payloads"), ("procdump",))
    return chain.from_iterable(_tagged(_of(*path)(results), Added.LIST, path[-1]) for path in lists)


def _sections(results: Record) -> Iterator[Record]:
    """Yield what has no table: whole sections, and of the others what is left of them."""
    for name, section in pairs(_whole(results)):
        if name in _TABLED and mapping(section):
            for part, value in pairs(section):
                if part not in _TABLED[name]:
                    yield {"name": f"{name}.{part}", "json": value}
        elif name not in _WHOLLY_TABLED:
            yield {"name": name, "json": section}


CALLS = Table(
    "calls",
    "API calls, of all processes; empty with `calls = no`",
    (
        Column("process", "INTEGER", "the process", Added.PROCESS, refers="processes"),
        Column("number", "INTEGER", "place among the calls of the process, from 0", Added.NUMBER),
        Column("timestamp", "TEXT", "by the clock of the guest"),
        Column("thread", "TEXT", "thread id", "thread_id"),
        Column("category", "TEXT", ""),
        Column("api", "TEXT", "name of the function"),
        Column("status", "INTEGER", "1 succeeded, 0 failed"),
        Column("returned", "TEXT", "the value that it returned", "return"),
        Column("pretty_return", "TEXT", "what that value means"),
        Column("repeated", "INTEGER", "how many equal calls followed"),
        Column("arguments", "JSON", "values by name", _arguments),
        Column("meanings", "JSON", "what values mean, by name of the argument", _meanings),
    ),
    _calls,
    ("api", "process, number"),
)
EVENTS = Table(
    "events",
    "files, keys, processes, libraries and services in order; empty with `calls = no`",
    (
        Column("event", "TEXT", "what happened: read, write, load, execute …"),
        Column("object", "TEXT", "to what: file, registry, library …"),
        Column("timestamp", "TEXT", "by the clock of the guest"),
        Column("data", "JSON", "details, by name"),
    ),
    _of("behavior", "enhanced"),
    ("object, event",),
)
TABLES = (
    Table(
        "analysis",
        "the analysis, one row",
        (
            Column("analysis", "TEXT", "its number in the sandbox", "id"),
            Column("category", "TEXT", "file, url …"),
            Column("package", "TEXT", "how the sample was started"),
            Column("started", "TEXT", ""),
            Column("ended", "TEXT", ""),
            Column("duration_seconds", "REAL", "", "duration"),
            Column("machine", "TEXT", "name of the guest", _member("machine", "name")),
            Column("platform", "TEXT", "windows, linux …"),
            Column("sandbox", "TEXT", "version of the sandbox", "version"),
            Column("engine", "TEXT", "version of fledge", _member(Added.RESULTS, "engine", "version")),
            Column("score", "REAL", "0 to 10", _member(Added.RESULTS, "score", "total")),
            _RECORD,
        ),
        _analysis,
    ),
    Table(
        "target",
        "the sample, one row; none where the module did not run",
        (
            Column("category", "TEXT", "file, url …"),
            Column("url", "TEXT", "of a URL"),
            *(
                Column(name, kind, meaning, _member("file", name))
                for name, kind, meaning in (
                    ("name", "TEXT", "of a file, as it was submitted"),
                    ("size", "INTEGER", "bytes"),
                    ("type", "TEXT", "as libmagic says"),
                    *((name, "TEXT", "") for name in ("md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh")),
                )
            ),
            _RECORD,
        ),
        _target,
    ),
    Table(
        "processes",
        "the processes, in the order in which they were first seen",
        (
            Column("pid", "INTEGER", "process id; two processes may have had one", "process_id"),
            Column("parent_pid", "INTEGER", "that of the parent", "parent_id"),
            Column("name", "TEXT", "", "process_name"),
            Column("path", "TEXT", "of the program", "module_path"),
            Column(
                "command",
                "TEXT",
                "command line",
                lambda each: each.get("command_line") or _member("environ", "CommandLine")(each),
            ),
            Column("first_seen", "TEXT", "by the clock of the guest"),
            Column("calls", "INTEGER", "how many there are", call_count),
            Column("record", "JSON", "everything else that the report says of it", _without_calls),
        ),
        lambda results: iter(_processes(results)),
        ("pid", "name"),
    ),
    Table(
        "summary",
        "what the processes touched together",
        (
            Column("list", "TEXT", "write_files, mutexes, executed_commands …"),
            Column("value", "TEXT", ""),
        ),
        _summary,
        ("list", "value"),
    ),
    Table(
        "signatures",
        "the signatures that matched",
        (
            Column("name", "TEXT", ""),
            Column("description", "TEXT", ""),
            Column("severity", "INTEGER", "1 to 3"),
            Column("confidence", "INTEGER", "percent"),
            Column("weight", "REAL", ""),
            Column("points", "REAL", "what it adds to the score", Added.POINTS),
            Column("categories", "JSON", "list"),
            Column("families", "JSON", "list"),
            Column("ttps", "JSON", "list of techniques of ATT&CK"),
            Column("reference_links", "JSON", "list", "references"),
            Column("alert", "INTEGER", "1 if it asks for attention"),
        ),
        _points,
        ("name",),
    ),
    Table(
        "evidence",
        "what signatures noted, and the calls that they marked, as far as the report resolves them",
        (
            Column("signature", "INTEGER", "the signature", refers="signatures"),
            Column("name", "TEXT", "what was noted; `call` for a marked call"),
            Column("value", "TEXT", "its value; null for a call"),
            Column("process", "INTEGER", "of a call: the process", refers="processes"),
            Column(
                "number",
                "INTEGER",
                "of a call: its place among the calls of that process, as in `calls`",
                "cid",
            ),
            Column("timestamp", "TEXT", "of a call"),
            Column("api", "TEXT", "of a call"),
            Column("arguments", "JSON", "of a call: values by name, long ones cut"),
        ),
        _evidence,
        ("signature",),
    ),
    Table(
        "techniques",
        "techniques of ATT&CK",
        (
            Column(
                "technique",
                "TEXT",
                "number: T1055.012",
                lambda each: each.get("ttp") or each.get("technique"),
            ),
            Column("name", "TEXT", ""),
            Column("tactics", "JSON", "list"),
            Column("signature", "TEXT", "name of the signature that says so"),
        ),
        _of("ttps"),
        ("technique",),
    ),
    Table(
        "hosts",
        "addresses that were talked to",
        (
            Column("ip", "TEXT", ""),
            Column("hostname", "TEXT", ""),
            Column("country", "TEXT", "", "country_name"),
            Column("ports", "JSON", "list"),
            _RECORD,
        ),
        _of("network", "hosts"),
        ("ip",),
    ),
    Table(
        "domains",
        "names that were resolved",
        (Column("domain", "TEXT", ""), Column("ip", "TEXT", "the first address")),
        _of("network", "domains"),
        ("domain",),
    ),
    Table(
        "dns",
        "questions asked of name servers",
        (
            Column("request", "TEXT", "the name"),
            Column("type", "TEXT", "A, AAAA, TXT …"),
            Column("rcode", "TEXT", "how it was answered: NOERROR, NXDOMAIN …"),
            Column("count", "INTEGER", "how often it was asked"),
            Column("first_seen", "REAL", "seconds since 1970, UTC"),
            _PID,
            _PROCESS_NAME,
            _RECORD,
        ),
        _of("network", "dns"),
        ("request",),
    ),
    Table(
        "dns_answers",
        "what they answered",
        (
            Column("query", "INTEGER", "the question", refers="dns"),
            Column("type", "TEXT", ""),
            Column("data", "TEXT", "address, name or text"),
            Column("ttl", "INTEGER", "seconds"),
        ),
        _answers,
        ("query", "data"),
    ),
    Table(
        "http",
        "requests: the plain list, and those with their answers; a request may be in both",
        (
            Column("list", "TEXT", "http, http_ex or https_ex: the list of the section", Added.LIST),
            Column("method", "TEXT", ""),
            Column("uri", "TEXT", "", lambda each: each.get("uri") or each.get("url")),
            Column("host", "TEXT", ""),
            Column("port", "INTEGER", "", lambda each: each.get("port") or each.get("dport")),
            Column("user_agent", "TEXT", "of the plain list", "user-agent"),
            Column("status", "INTEGER", "of the answer"),
            Column("request_sha256", "TEXT", "hash of the body that was sent", _member("req", "sha256")),
            Column("response_sha256", "TEXT", "hash of the body that came back", _member("resp", "sha256")),
            Column("time", "REAL", "seconds since 1970, UTC"),
            _PID,
            _PROCESS_NAME,
            _RECORD,
        ),
        _requests,
        ("host", "uri"),
    ),
    Table(
        "tls",
        "handshakes",
        (
            *_ENDPOINTS,
            Column("version", "TEXT", ""),
            Column("sni", "TEXT", "name that was asked for"),
            Column("ja3", "TEXT", ""),
            Column("ja3s", "TEXT", ""),
            Column("ja4", "TEXT", ""),
            Column("time", "REAL", "seconds since 1970, UTC"),
            _PID,
            _PROCESS_NAME,
            _RECORD,
        ),
        _of("network", "tls"),
        ("sni", "ja3"),
    ),
    Table(
        "certificates",
        "certificates of servers",
        (
            Column("tls", "INTEGER", "the handshake", refers="tls"),
            Column("sha1", "TEXT", ""),
            Column("sha256", "TEXT", ""),
            Column("subject", "TEXT", ""),
            Column("issuer", "TEXT", ""),
            Column("serial", "TEXT", "hexadecimal"),
            Column("not_before", "TEXT", ""),
            Column("not_after", "TEXT", ""),
            Column("self_signed", "INTEGER", "1 if it is"),
        ),
        _certificates,
        ("tls", "sha1"),
    ),
    Table(
        "flows",
        "conversations of TCP and UDP",
        (
            Column("transport", "TEXT", "tcp or udp", Added.LIST),
            *_ENDPOINTS,
            Column("protocol", "TEXT", "what was spoken"),
            Column("time", "REAL", "seconds since the beginning of the capture"),
            Column("duration", "REAL", "seconds"),
            Column("packets", "INTEGER", ""),
            Column("bytes", "INTEGER", "on the wire"),
            Column("state", "TEXT", "of TCP: how it ended"),
            _PID,
            _PROCESS_NAME,
        ),
        _flows,
        ("dst, dport",),
    ),
    Table(
        "files",
        "dropped files, payloads and dumped programs",
        (
            Column("list", "TEXT", "dropped, payloads or procdump", Added.LIST),
            Column("name", "TEXT", "", lambda each: first(each.get("name"))),
            Column(
                "guest_path",
                "TEXT",
                "the first place in the guest",
                lambda each: first(each.get("guest_paths")),
            ),
            Column("size", "INTEGER", "bytes"),
            Column("type", "TEXT", "as libmagic says"),
            *(Column(name, "TEXT", "") for name in ("md5", "sha1", "sha256", "ssdeep", "tlsh")),
            Column(
                "yara",
                "JSON",
                "names of rules",
                lambda each: [rule.get("name") for rule in records(each.get("yara"))],
            ),
            _RECORD,
        ),
        _files,
        ("sha256", "md5"),
    ),
    Table(
        "indicators",
        "what is worth to block and to search for, as in the report iocs with its usual bounds",
        (
            Column("type", "TEXT", "sha256, domain, mutex …"),
            Column("value", "TEXT", ""),
            Column("first_seen", "TEXT", "ISO 8601; with Z in UTC, without by the clock of the guest"),
            Column("sources", "JSON", "list of sections and fields"),
            Column("process_ids", "JSON", "list"),
            Column("process_names", "JSON", "list"),
        ),
        _of(Added.INDICATORS),
        ("type", "value"),
    ),
    Table(
        "modules",
        "the ledger: how each module of the engine ended",
        (
            Column("module", "TEXT", ""),
            Column("outcome", "TEXT", "COMPLETED, FAILED …"),
            Column("reason", "TEXT", "why it ended so"),
            Column("notes", "JSON", "what its section lacks"),
            Column("wall_seconds", "REAL", ""),
            Column("peak_memory_bytes", "INTEGER", ""),
        ),
        _of("engine", "modules"),
        ("outcome",),
    ),
    Table(
        "sections",
        "everything else, as JSON",
        (
            Column("name", "TEXT", "section, or section and part: `static`, `network.smtp`"),
            Column("json", "JSON", "its value"),
        ),
        _sections,
        ("name",),
    ),
    CALLS,
    EVENTS,
)
"""In an order in which a table comes after those that it refers to."""
