"""`SavedReport`, the view of a whole report, and `load`, which reads one."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lib.cuckoo.reporting.saved import read_report
from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text
from lib.cuckoo.reporting.story.verdict import families
from lib.cuckoo.reporting.view.base import View, Views, decimal, integer, moment_text, views
from lib.cuckoo.reporting.view.behavior import Call, Process, ProcessNode, Summary
from lib.cuckoo.reporting.view.family import Family, family_of
from lib.cuckoo.reporting.view.files import File, Payload, ProcessMemory
from lib.cuckoo.reporting.view.findings import Match, Technique, techniques
from lib.cuckoo.reporting.view.network import Network


class Info(View):
    """The frame of the analysis."""

    known = frozenset(
        {
            "id",
            "version",
            "category",
            "package",
            "started",
            "ended",
            "duration",
            "custom",
            "machine",
            "timeout",
        }
        | {"platform", "route", "tags", "options", "score"}
    )

    @property
    def id(self) -> int | None:
        """The number of the analysis; None when it has none."""
        return integer(self.raw.get("id"))

    @property
    def version(self) -> str:
        """What the engine that wrote the report says of its version."""
        return self._text("version")

    @property
    def category(self) -> str:
        """What was analysed, such as "file" and "url"."""
        return self._text("category")

    @property
    def package(self) -> str:
        """How the sample was started in the guest."""
        return self._text("package")

    @property
    def started(self) -> str:
        """When, "2026-01-31 13:21:44"."""
        return moment_text(self.raw.get("started"))

    @property
    def ended(self) -> str:
        """When."""
        return moment_text(self.raw.get("ended"))

    @property
    def duration(self) -> float | None:
        """Seconds; None where nobody says."""
        return decimal(self.raw.get("duration"))

    @property
    def machine(self) -> str:
        """The name of the guest."""
        found = self.raw.get("machine")
        return text(mapping(found).get("name")) if mapping(found) else text(found)

    @property
    def platform(self) -> str:
        """The system of the guest, where the report says."""
        return self._text("platform")

    @property
    def route(self) -> str:
        """How the guest reached the network."""
        return self._text("route")

    @property
    def custom(self) -> str:
        """What whoever submitted it wrote."""
        return self._text("custom")


class Target(File):
    """What was analysed: the members of a file record, or a URL."""

    known = File.known | {"category", "url", "file"}

    def __init__(self, raw: Record) -> None:
        """Take the section; the properties of a file read its `file`."""
        super().__init__({**raw, **mapping(raw.get("file"))})

    @property
    def category(self) -> str:
        """Such as "file" and "url"."""
        return self._text("category")

    @property
    def url(self) -> str:
        """The URL, where one was analysed."""
        return self._text("url")


class Debug(View):
    """The logs of the sandbox."""

    known = frozenset({"log", "cuckoo", "errors"})

    @property
    def log(self) -> str:
        """The log of the guest."""
        return _lines(self.raw.get("log"))

    @property
    def host_log(self) -> str:
        """The log of the host, where the report has it."""
        return _lines(self.raw.get("cuckoo"))

    @property
    def errors(self) -> tuple[str, ...]:
        """What went wrong."""
        return self._texts("errors")


def _lines(value: object) -> str:
    return value if isinstance(value, str) else "\n".join(text(line).rstrip("\n") for line in sequence(value))


class SavedReport(View):
    """A report of any family. Make it with `load`, or of any mapping of sections."""

    known = frozenset(
        {
            "info",
            "target",
            "signatures",
            "ttps",
            "behavior",
            "network",
            "dropped",
            "CAPE",
            "procdump",
            "debug",
        }
        | {"procmemory", "static", "strings", "virustotal", "memory", "engine", "score", "malscore"}
        | {"detections"}
    )

    @cached_property
    def family(self) -> Family:
        """Which family of engines wrote it."""
        return family_of(self.raw)

    @cached_property
    def info(self) -> Info:
        """The frame of the analysis."""
        return Info(mapping(self.raw.get("info")))

    @cached_property
    def target(self) -> Target:
        """What was analysed."""
        return Target(mapping(self.raw.get("target")))

    @property
    def score(self) -> float | None:
        """From 0, nothing, to 10, malicious; None when nobody judged. The families add up differently."""
        told = (mapping(self.raw.get("score")).get("total"), self.raw.get("malscore"), self.info.get("score"))
        return next((found for value in told if (found := decimal(value)) is not None), None)

    @property
    def families(self) -> tuple[str, ...]:
        """Names of families of malware that anything in the report names."""
        return tuple(families(self.raw))

    @cached_property
    def signatures(self) -> Views[Match]:
        """The signatures that matched."""
        matches = records(self.raw.get("signatures"))
        return Views(matches, self._match)

    def _match(self, raw: Record) -> Match:
        return Match(raw, self._techniques_by_signature.get(text(raw.get("name")), ()), self._call)

    def _call(self, process_id: int, call_id: int) -> Call | None:
        """Return a call that a signature marked; of several processes with one number the first that has it."""
        holders = self._processes_by_id.get(process_id, ())
        return next(
            (process.calls[call_id] for process in holders if 0 <= call_id < len(process.calls)), None
        )

    @cached_property
    def _processes_by_id(self) -> dict[int, list[Process]]:
        found: dict[int, list[Process]] = {}
        for process in self.processes:
            found.setdefault(process.process_id, []).append(process)
        return found

    @cached_property
    def techniques(self) -> tuple[Technique, ...]:
        """The techniques of ATT&CK that were seen."""
        return tuple(techniques(self.raw))

    @cached_property
    def _techniques_by_signature(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self.raw.get("ttps"):
            for each in self.techniques:
                found.setdefault(each.signature, []).append(each.told)
        return found

    @cached_property
    def processes(self) -> Views[Process]:
        """The processes, with their calls."""
        return views(self._behavior.get("processes"), Process)

    @cached_property
    def process_tree(self) -> Views[ProcessNode]:
        """The processes that nobody in the analysis started, with those that they started."""
        return views(self._behavior.get("processtree"), ProcessNode)

    @cached_property
    def summary(self) -> Summary:
        """Files, keys, commands and mutexes that were touched."""
        return Summary(mapping(self._behavior.get("summary")))

    @property
    def _behavior(self) -> Record:
        return mapping(self.raw.get("behavior"))

    @cached_property
    def network(self) -> Network:
        """What went over the wire."""
        return Network(mapping(self.raw.get("network")))

    @cached_property
    def dropped(self) -> Views[File]:
        """The files that the sample left."""
        return views(self.raw.get("dropped"), File)

    @cached_property
    def payloads(self) -> Views[Payload]:
        """What the monitor took out of processes."""
        return views(mapping(self.raw.get("CAPE")).get("payloads", self.raw.get("CAPE")), Payload)

    @cached_property
    def process_images(self) -> Views[Payload]:
        """Images of processes that the monitor dumped."""
        return views(self.raw.get("procdump"), Payload)

    @cached_property
    def process_memory(self) -> Views[ProcessMemory]:
        """Dumps of the memory of processes."""
        return views(self.raw.get("procmemory"), ProcessMemory)

    @cached_property
    def static(self) -> Record:
        """What the sample is made of, as it stands in the report: the families differ."""
        return mapping(self.raw.get("static"))

    @property
    def strings(self) -> tuple[str, ...]:
        """Printable strings of the sample."""
        found = self.raw.get("strings") or mapping(mapping(self.raw.get("target")).get("file")).get("strings")
        return tuple(_strings(found))

    @cached_property
    def memory(self) -> Record:
        """Tables of the image of the guest's memory, as they stand in the report."""
        return mapping(self.raw.get("memory"))

    @cached_property
    def engine(self) -> Record:
        """What became of each module; in our reports only."""
        return mapping(self.raw.get("engine"))

    @cached_property
    def virustotal(self) -> Record:
        """What VirusTotal knows, as it stands in the report."""
        return mapping(self.raw.get("virustotal"))

    @cached_property
    def debug(self) -> Debug:
        """The logs of the sandbox."""
        return Debug(mapping(self.raw.get("debug")))


def _strings(value: object) -> Iterator[str]:
    for each in sequence(value):
        yield text(mapping(each).get("string") or mapping(each).get("value") or each)


def load(path: str | os.PathLike[str]) -> SavedReport:
    """Read a report: a file, packed or not, or the folder of an analysis that has one.

    Raises:
        CuckooOperationalError: there is none, it cannot be read, or it is no JSON object.
    """
    return SavedReport(read_report(Path(path)))
