"""Shapes of the sections of reputation services. What a service does not give is absent."""

from typing import NotRequired, TypedDict


class Answer(TypedDict, total=False):
    """What all services say; empty for an analysis without a target."""

    found: bool
    """Whether it is known."""
    resource: str
    """What was looked up: a SHA-256 or a URL."""
    looked_up: str
    """When, "2026-01-31 13:21:44" (UTC)."""


class Scan(TypedDict):
    """The verdict of one engine."""

    detected: bool
    """True when it says malicious or suspicious."""
    result: str | None
    """Its label."""
    version: str | None
    """Of the engine."""
    update: str | None
    """Of its rules, "20260131"."""
    category: str | None
    """Its verdict in VirusTotal's words."""


class Label(TypedDict):
    """An engine that detects something."""

    vendor: str
    """The engine."""
    sig: str | None
    """Its label."""


class FamilyVotes(TypedDict):
    """A name that labels have in common."""

    family: str
    """In its most frequent spelling."""
    count: int
    """Different labels with it."""
    engines: list[str]
    """Engines that use it."""


class VirusTotalRecord(Answer, total=False):
    """What VirusTotal knows of a file or URL."""

    summary: str
    """"41/72": `positives` of `total`."""
    positives: int
    """Engines that call it malicious or suspicious."""
    total: int
    """Engines that gave a verdict."""
    permalink: str
    """Its page."""
    scan_date: str
    """When engines looked at it last, UTC."""
    first_seen: str
    """When it was submitted first, UTC."""
    last_seen: str
    """When it was submitted last, UTC."""
    times_submitted: int
    """How often."""
    reputation: int
    """What its users think of it: below 0 bad, above 0 good."""
    threat_label: str
    """VirusTotal's own name for it."""
    family: str
    """The name that most labels have, when two labels or more agree and no other name has as many."""
    families: list[FamilyVotes]
    """Names by votes, most first; at most ten."""
    names: list[str]
    """File names that it was submitted with; at most 100."""
    tags: list[str]
    """VirusTotal's tags; at most 100."""
    truncated: dict[str, int]
    """How many `names` and `tags` were left out."""
    name: str
    """Of a file: its telling name."""
    type: str
    """Of a file: "Win32 EXE" and so on."""
    magic: str
    """Of a file: what it is in libmagic's words."""
    size: int
    """Of a file: bytes."""
    md5: str
    """Of a file."""
    sha1: str
    """Of a file."""
    sha256: str
    """Of a file."""
    ssdeep: str
    """Of a file."""
    tlsh: str
    """Of a file."""
    vhash: str
    """Of a file: VirusTotal's hash of its structure."""
    url: str
    """Of a URL."""
    final_url: str
    """Of a URL: where it led."""
    title: str
    """Of a URL: of its page."""
    http_status: int
    """Of a URL: the status of its answer."""
    scans: dict[str, Scan]
    """Verdicts by engine."""
    results: list[Label]
    """The engines that detect something."""


class VirusTotal(VirusTotalRecord):
    """The record of the target, with those of dropped files."""

    dropped: NotRequired[list[VirusTotalRecord]]
    """Where the option `dropped` wants any."""


class KnownFile(Answer, total=False):
    """What CIRCL hashlookup knows of a file as a part of systems and distributions."""

    trust: int
    """0 to 100."""
    known_malicious: str
    """By whom."""
    name: str
    """Its file name."""
    size: str
    """Bytes, as text."""
    source: str
    """Where it is known from."""
    database: str
    """Which database has it."""
    product: str
    """The product that it belongs to."""
    system: str
    """The system that it belongs to."""
    parents: int
    """Packages that hold it."""
    md5: str
    """Lower-case digits."""
    sha1: str
    """Lower-case digits."""
    sha256: str
    """Lower-case digits."""


class HashLookup(KnownFile):
    """The record of the target, with those of dropped files."""

    dropped: NotRequired[list[KnownFile]]
    """Where the option `dropped` wants any."""
