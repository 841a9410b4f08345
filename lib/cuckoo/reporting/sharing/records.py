"""Findings: checked values of plain types, the same for every format they are written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

KINDS = ("sha256", "domain", "ip", "url", "email", "mutex", "registry")
"""Kinds of indicators that say something elsewhere: one hash names a file, and paths are mostly a victim's own."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is handed on, and from when the sample is called malware."""

    entries: int = 500
    """Findings of each kind."""
    text: int = 1000
    """Characters of one text."""
    threshold: float = 4.0
    """Score, 0 to 10."""
    kinds: tuple[str, ...] = KINDS
    """Of indicators."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was run, and what came out."""

    key: str
    """Names this analysis among all others; the ids of what it found derive from it."""
    number: str
    started: datetime
    """UTC; of an analysis that does not say it, the first thing heard of, else the beginning of 1970."""
    ended: datetime
    category: str
    package: str
    machine: str
    system: str
    engine: str
    """Name and version of what processed it, for example "0.1.0"."""
    score: float | None
    verdict: str
    """In words, as on the page for people."""
    result: str
    """"malicious", "suspicious" or "unknown": nothing seen is no proof of harmlessness."""
    families: Sequence[str]
    suspect: bool
    """Whether the sample is called malware: the score reaches the threshold, or a family is named."""
    tlp: str
    """Whom the submitter lets it be shared with (Traffic Light Protocol), "" when nobody said."""


@dataclass(frozen=True, slots=True)
class File:
    """A file by its hashes; `origin` is "sample", "dropped", "payload" or "procdump"."""

    origin: str
    name: str
    paths: tuple[str, ...]
    """Where it lay in the guest."""
    size: int | None
    kind: str
    """In the words of libmagic."""
    hashes: tuple[tuple[str, str], ...]
    """Algorithm (md5, sha1, sha256, sha512, ssdeep, tlsh) and value."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process; `parent` is the place of another one in the list, always an earlier one."""

    pid: int
    parent_pid: int | None
    parent: int | None
    name: str
    path: str
    command_line: str
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Name:
    """A domain that was asked for, and the answers."""

    domain: str
    addresses: tuple[str, ...]
    aliases: tuple[str, ...]
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Flow:
    """One conversation; ports are None where the capture does not tell them."""

    transport: str
    source: str
    source_port: int | None
    target: str
    target_port: int | None
    protocol: str
    """Of the application, "" when unknown."""
    sent: int | None
    received: int | None
    """Bytes of payload."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    path: str
    version: str
    agent: str
    host: str
    source: str
    target: str
    """Addresses, "" when unknown."""
    source_port: int | None
    target_port: int | None
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that a server showed."""

    sha1: str
    sha256: str
    serial: str
    subject: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    self_signed: bool | None


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that was sent."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """A signature that matched; `noted` is its evidence, a line each."""

    name: str
    description: str
    severity: int
    confidence: int
    techniques: tuple[str, ...]
    noted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique of ATT&CK that was seen."""

    number: str
    name: str
    tactics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A value worth looking for elsewhere; `kind` is one of those of the list of indicators."""

    kind: str
    value: str
    sources: tuple[str, ...]
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is handed on."""

    analysis: Analysis
    sample: File | None
    url: str
    """What was analysed when it was no file, else ""."""
    files: Sequence[File]
    """Without the sample."""
    processes: Sequence[Process]
    names: Sequence[Name]
    hosts: Sequence[str]
    """Servers that were talked to, as the network section lists them."""
    flows: Sequence[Flow]
    requests: Sequence[Request]
    certificates: Sequence[Certificate]
    mails: Sequence[Mail]
    mutexes: Sequence[str]
    keys: Sequence[str]
    """Registry keys, and values of keys, that were written."""
    matches: Sequence[Match]
    techniques: Sequence[Technique]
    indicators: Mapping[tuple[str, str], Indicator]
    """By kind and value; none of them is covered by an allow-list."""
    left_out: Sequence[str]
    """What is missing, in words."""
