"""What is known of one analysis from earlier runs, and what this run adds.

An answer is taken when all that it was made from is as it was:

- its conditions: code, options, limits, task, engine, interpreter, libraries
- the names in the folder, but for what our own modules wrote
- the content of every file that was read, and of every other file where that cannot be told
- the sections that it read
- the files that it wrote, which must still be there
"""

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.core.answer import UnencodableError
from lib.cuckoo.core.cache.files import FileDigests, Identity
from lib.cuckoo.core.cache.listing import (
    Listing,
    TooManyNamesError,
    is_same,
    regular_files,
    written_identity,
)
from lib.cuckoo.core.cache.setting import digest_of, is_library
from lib.cuckoo.core.cache.shelf import Kept, Shelf
from lib.cuckoo.core.cache.trace import Traced
from lib.cuckoo.core.discovery import PRIVATE_PACKAGE

_CLOCK_NS = 20_000_000
"""How far the file system's clock, which ticks, may be behind ours."""
Inputs = dict[str, str]
"""Path to what lay there, as `FileDigests.state` says it."""


@dataclass(frozen=True)
class Question:
    """What is asked of a module or a stage."""

    name: str
    """Of the answer: `<stage>.<module>.<class>`."""
    conditions: str
    """A digest of what does not depend on the analysis' files and sections; "" when it cannot be told."""
    traceable: bool = False
    """It reads through Python alone; of any other every file counts, because it may read in ways no trace shows."""
    cacheable: bool = True
    """It says the same when nothing has changed."""
    needs_files: bool = False
    """Its answer is the files that it writes."""


@dataclass(frozen=True)
class Observed:
    """How an answer came about."""

    traced: Traced
    started_ns: int
    sections: Mapping[str, str]
    """Identities of the sections that it could see, by key."""
    took: Collection[str] | None
    """Keys of those that it looked at; None for all."""


class AnalysisMemory:
    """Answers about one analysis, with what decides whether they hold."""

    def __init__(self, shelf: Shelf, analysis: str, caches: Sequence[Path]) -> None:
        self.sections: dict[str, str] = {}
        """Identity of each section so far: as long as it is the same, so is the section."""
        self._shelf = shelf
        self._analysis = analysis
        self._caches = tuple(f"{folder}{os.sep}" for folder in caches)
        index = shelf.index(analysis)
        self._digests = FileDigests(index.get("files"))
        self._listing = Listing(analysis)
        self._own = self._listing.unchanged(_identities(index.get("own")))
        self._names = self._listing.digest(self._own)
        self._kept: dict[str, str] = {}

    @classmethod
    def opened(cls, shelf: Shelf, analysis: str, caches: Sequence[Path]) -> "AnalysisMemory | None":
        """Look at the analysis; None if its folder cannot be listed to the end.

        What lies in `caches` is made from other inputs, and is none itself.
        """
        try:
            return cls(shelf, analysis, caches)
        except (OSError, TooManyNamesError):
            return None

    def recall(self, question: Question) -> Kept | None:
        """Return the answer that is kept, if it holds."""
        kept = None
        if question.conditions and question.cacheable:
            kept = self._shelf.get(self._analysis, question.name)
        return kept if kept and self._holds(kept.record, question) else None

    def claim(self, traced: Traced, started_ns: int) -> dict[str, Identity]:
        """Note what a module wrote, so that it does not count as the analysis' own; return it by absolute path."""
        self._digests.forget()
        outputs = dict(self._outputs(traced, started_ns))
        for path, identity in outputs.items():
            inside = self._inside(path)
            was_folder = inside in self._listing.folders and inside not in self._own
            if inside and not was_folder and identity[4] >= started_ns - _CLOCK_NS:
                self._own[inside] = identity
        return outputs

    def inputs(self, question: Question, observed: Observed, outputs: Mapping[str, Identity]) -> Inputs | str:
        """Return the state of all that was read, or why that is not known."""
        if observed.traced.passing:
            return observed.traced.passing
        if question.needs_files and not _has_new_file(outputs, observed.started_ns):
            return "it wrote nothing that was noticed"
        paths = set(self._read(observed.traced))
        paths.update(foreign_code())
        if not question.traceable:
            try:
                paths.update(regular_files(self._analysis))
            except OSError as error:  # a folder that goes while it is listed
                return f"the analysis cannot be listed: {error.strerror}"
        began, found = observed.started_ns - _CLOCK_NS, {}
        for path in sorted(paths, key=os.fsencode):
            changed = _changed_ns(path) >= began
            if changed and path in outputs:
                continue
            if changed:
                return f"{path} was changed meanwhile"
            found[path] = self._digests.state(path)
        return found

    def keep(
        self,
        question: Question,
        observed: Observed,
        inputs: Inputs,
        outputs: Mapping[str, Identity],
        told: Mapping[str, Any],
        answer: memoryview,
    ) -> None:
        """Keep an answer; `told` comes back in the record of what is recalled."""
        record = {
            "conditions": question.conditions,
            "names": "",
            "inputs": inputs,
            "took": None if observed.took is None else sorted(observed.took),
            "sections": _sections_digest(observed.sections, observed.took),
            "outputs": {path: list(identity) for path, identity in outputs.items()},
            "until": observed.traced.until,
            "stored": time.time(),
            "told": dict(told),
        }
        self._store(question.name, record, answer)

    def finish(self) -> None:
        """Write what the end of a stage settles: answers again whose list of names has become shorter."""
        for name, names in list(self._kept.items()):
            kept = self._shelf.get(self._analysis, name) if names != self._names_without_own() else None
            if kept:
                self._store(name, kept.record, kept.answer)
        if self._kept or self._digests.changed:
            self._digests.changed = False
            with contextlib.suppress(OSError, UnencodableError):
                self._store_index()
            self._shelf.sweep()
        self._shelf.touch(self._analysis)
        self._kept.clear()

    def _store(self, name: str, record: dict[str, Any], answer: memoryview) -> None:
        record["names"] = self._kept[name] = self._names_without_own()
        with contextlib.suppress(OSError, UnencodableError):
            self._store_index()
            self._shelf.put(self._analysis, name, record, answer)

    def _store_index(self) -> None:
        own = {path: list(identity) for path, identity in self._own.items()}
        self._shelf.put_index(self._analysis, {"files": self._digests.as_plain(), "own": own})

    def _names_without_own(self) -> str:
        """Return the digest that the next run will find if nothing is changed until then."""
        return self._listing.digest(self._own)

    def _holds(self, record: Mapping[str, Any], question: Question) -> bool:
        try:
            return (
                record["conditions"] == question.conditions
                and record["stored"] <= time.time() < record["until"]
                and record["names"] == self._names
                and record["sections"] == _sections_digest(self.sections, record["took"])
                and all(_is_unchanged(path, each) for path, each in record["outputs"].items())
                and all(self._digests.state(path) == state for path, state in record["inputs"].items())
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return False

    def _outputs(self, traced: Traced, started_ns: int) -> Iterator[tuple[str, Identity]]:
        for path in traced.writes:
            if not self._inside(path) and (is_library(path) or path.startswith(self._caches)):
                continue
            if "__pycache__" in path:
                continue
            with contextlib.suppress(OSError, ValueError):
                identity = written_identity(path)
                yield path, identity
                if identity[2] < 0 and self._inside(path):
                    yield from _files_in(path, started_ns)

    def _read(self, traced: Traced) -> Iterator[str]:
        for path in traced.reads | traced.lists:
            if self._inside(path):
                if not os.path.isdir(path):
                    yield path
            elif not is_library(path) and not path.startswith(self._caches):
                yield source_of(path)

    def _inside(self, path: str) -> str:
        """Return the path relative to the analysis, "" for one outside."""
        base = self._analysis.rstrip(os.sep) + os.sep
        return os.path.normpath(path[len(base) :]) if path.startswith(base) else ""


def _files_in(folder: str, started_ns: int) -> Iterator[tuple[str, Identity]]:
    """Yield what was made since then in a folder, which may have been filled under another name."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            identity = written_identity(path)
            if identity[4] >= started_ns - _CLOCK_NS:
                yield path, identity


def source_of(path: str) -> str:
    """Return the file that a compiled one is made from: the interpreter looks at its time, not into it."""
    if not path.endswith(".pyc"):
        return path
    try:
        return importlib.util.source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path


def foreign_code() -> Iterator[str]:
    """Yield the files of loaded modules that are neither ours nor of installed libraries.

    Modules are loaded before anything is watched, and with them what they import. Their own files are conditions of
    their answers, and not of others'.
    """
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and not is_library(path) and not name.startswith(f"{PRIVATE_PACKAGE}."):
            yield os.path.abspath(path)


def _has_new_file(outputs: Mapping[str, Identity], started_ns: int) -> bool:
    return any(each[2] >= 0 and each[4] >= started_ns - _CLOCK_NS for each in outputs.values())


def _changed_ns(path: str) -> int:
    """Return when a file, or a link to it, was last changed in any way; 0 for what is not there."""
    try:
        return max(os.stat(path).st_ctime_ns, os.lstat(path).st_ctime_ns)
    except (OSError, ValueError):
        return 0


def _is_unchanged(path: str, identity: list[int]) -> bool:
    try:
        return is_same(_identity(identity), written_identity(path))
    except OSError:
        return False


def _sections_digest(sections: Mapping[str, str], took: Collection[str] | None) -> str:
    if took is None:
        return digest_of([list(each) for each in sections.items()])
    return digest_of({key: sections.get(key) for key in sorted(took)})


def _identities(plain: object) -> dict[str, Identity]:
    """Read what an index says of our own paths."""
    return {path: _identity(each) for path, each in plain.items()} if isinstance(plain, dict) else {}


def _identity(plain: list[int]) -> Identity:
    device, inode, size, modified, changed = plain
    return (device, inode, size, modified, changed)
