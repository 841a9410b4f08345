"""The files that the guest sent into a folder of the analysis, in the layouts of all families.

classic    files/…, at any depth, under their own names
second     files/<16 hex digits>_<name>, described in files.json
successor  files/<sha256>, CAPE/<sha256>, procdump/<sha256>, described in files.json
"""

import codecs
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.objects import File
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.common.shapes import FileRecord, YaraMatch
from lib.cuckoo.common.text import last_part, readable_name
from lib.cuckoo.files.metadata import FileMetadata, Metadata, read_metadata
from lib.cuckoo.files.scanner import Scanner
from lib.cuckoo.files.stored_shapes import StoredFile

PATHS_COUNTED = 1_000_000
PROBLEMS_NAMED = 20
_PREFIX = re.compile(r"[0-9a-f]{16}_(?=.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_BYTE_ORDERS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}


@dataclass(frozen=True)
class Limits:
    """How much work a folder may cause; what is beyond is counted, not read."""

    files: int = 2000
    """Files that are read."""
    size_bytes: int = 4 << 30
    """Bytes that are read for hashing, of all files together."""
    fuzzy_bytes: int = 16 << 20
    """Bytes that get fuzzy hashes, which are slow, of all files together."""
    text_bytes: int = 4096
    """Bytes of a text file that are shown as its `data`."""

    @classmethod
    def configured(cls, options: Mapping[str, Any]) -> "Limits":
        """Make the limits from a section of processing.conf: maximum, megabytes, fuzzy_megabytes, text."""
        return cls(
            files=whole_number(options, "maximum", 2000),
            size_bytes=whole_number(options, "megabytes", 4096) << 20,
            fuzzy_bytes=whole_number(options, "fuzzy_megabytes", 4) << 20,
            text_bytes=whole_number(options, "text", 4096),
        )


@dataclass
class Stored:
    """The records of the files, and in sentences what is missing from them."""

    records: list[StoredFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: dict[str, dict[str, None]] = field(default_factory=dict)
    """What else the guest said of each content, by SHA-256: `FileMetadata.remarks` of all its copies."""


@dataclass
class _Content:
    """One content and what is known of its copies, each once, first seen first."""

    record: FileRecord
    head: str
    """The beginning of a text file, "" of others."""
    lacking: int
    """Bytes that `head` lacks of the file."""
    names: dict[str, None] = field(default_factory=dict)
    guest_paths: dict[str, None] = field(default_factory=dict)
    pids: dict[int, None] = field(default_factory=dict)

    def finished(self) -> StoredFile:
        """Return the record."""
        names = list(self.names)
        known = {"names": names, "guest_paths": list(self.guest_paths), "pids": list(self.pids)}
        record = cast("StoredFile", {**self.record, **known, "name": names[0]})
        if self.head:
            record["data"] = self.head
        if self.head and self.lacking:
            record["truncated"] = {"data": self.lacking}
        return record


def stored_files(
    folder: AnalysisFolder, place: str, limits: Limits, scanner: Scanner, *, guest_names: bool = True
) -> Stored:
    """Describe the files under the directory `place`, in order of path; those with the same data share a record.

    A record is that of `File.get_all` with `name`, `names` (of all copies), `guest_paths`, `pids`, the scanner's
    matches as `yara` and, for text, `data`; `truncated` says how many bytes `data` lacks. Names are those in the
    guest as far as they are known, or without `guest_names` those that the files have here.
    """
    metadata = _metadata(folder)
    stored, by_hash = Stored(problems=metadata.problems), dict[str, _Content]()
    paths = folder.walk(place)
    left = limits
    refused: list[str] = []
    for path in islice(paths, limits.files):
        known = metadata.files.get(readable_name(path), FileMetadata())
        names = _names(path, known if guest_names else FileMetadata())
        try:
            content, left = _content(folder, path, left)
            sha256 = content.record["sha256"]
            if sha256 not in by_hash:
                content.record["yara"] = _matches(scanner, folder, path, names[0], known)
        except CuckooProcessingError as error:
            refused.append(str(error))
            continue
        same = by_hash.setdefault(sha256, content)
        same.names |= dict.fromkeys(names)
        same.guest_paths |= known.guest_paths
        same.pids |= known.pids
        stored.remarks.setdefault(sha256, {}).update(known.remarks)
    stored.problems += [*_named(refused), *_beyond(paths, limits.files), *scanner.problems]
    stored.records = [content.finished() for content in by_hash.values()]
    return stored


def _metadata(folder: AnalysisFolder) -> Metadata:
    try:
        return read_metadata(folder)
    except CuckooProcessingError as error:
        return Metadata({}, [str(error)])


def _content(folder: AnalysisFolder, path: str, left: Limits) -> tuple[_Content, Limits]:
    """Describe one file; the second value is what is left of the limits afterwards."""
    location = os.path.join(folder.path, path)  # noqa: PTH118 - a name may be no Unicode
    size = File(location, folder).get_size()
    if size > left.size_bytes:
        raise CuckooProcessingError(f"left out {readable_name(location)}: {size} bytes are too many")
    fuzzy = size <= left.fuzzy_bytes
    record = File(location, folder, fuzzy=fuzzy).get_all()
    head = folder.read(path, left.text_bytes)
    lacking = max(0, record["size"] - len(head))
    text = as_text(head, cut=lacking > 0) or ""
    spent = Limits(left.files, left.size_bytes - size, left.fuzzy_bytes - size * fuzzy, left.text_bytes)
    return _Content(record, text, lacking), spent


def _matches(
    scanner: Scanner, folder: AnalysisFolder, path: str, name: str, known: FileMetadata
) -> list[YaraMatch]:
    with folder.open(path) as stream:
        return scanner.scan_file(stream, name, next(iter(known.guest_paths), ""))


def as_text(head: bytes, *, cut: bool) -> str | None:
    """Decode the beginning of a file, UTF-8 or UTF-16 with a byte order mark; None when it is no text.

    `cut` says that the file goes on, so that the last character may be incomplete.
    """
    mark = next((mark for mark in _BYTE_ORDERS if head.startswith(mark)), b"")
    decoder = codecs.getincrementaldecoder(_BYTE_ORDERS.get(mark, "utf-8"))()
    try:
        text: str = decoder.decode(head[len(mark) :], final=not cut)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _names(path: str, known: FileMetadata) -> list[str]:
    """Return the names in the guest, or when they are not known, the one that the file has here."""
    return list(filter(None, map(last_part, known.guest_paths))) or [
        _PREFIX.sub("", readable_name(path).rpartition("/")[2], count=1)
    ]


def _named(refused: list[str]) -> list[str]:
    more = len(refused) - PROBLEMS_NAMED
    return refused[:PROBLEMS_NAMED] + ([f"{more} more files cannot be read"] if more > 0 else [])


def _beyond(paths: Iterator[str], maximum: int) -> list[str]:
    count = sum(1 for _ in islice(paths, PATHS_COUNTED))
    more = "or more " if count == PATHS_COUNTED else ""
    return [f"{count} {more}files after the first {maximum} are left out"] if count else []
