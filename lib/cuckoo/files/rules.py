"""YARA rules: found in folders, compiled once, kept in a cache under the hash of their text.

Rules for whoever edits this file:

- one broken file costs only itself: it is named, with its line, and the others work
- rules include files below their own folder and nothing else
- compiled rules are code for YARA's machine, so they are loaded only from a folder and a file that are ours and that
  nobody else may write; never from an analysis
"""

import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError

ENDINGS = {".yar", ".yara"}
EXTERNALS = ("filename", "extension", "filepath", "owner")
"""The variables that rules may ask for, all text."""
FILE_MAXIMUM_BYTES = 64 << 20
_MAGIC = b"fledge-yara-1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class RuleFile:
    """One file of rules: the folder that it and what it includes lie in, its place there, and its text."""

    folder: Path
    name: str
    """Relative to the folder, with slashes; the namespace of its rules."""
    text: bytes = field(repr=False)


@dataclass(frozen=True)
class RuleSet:
    """Compiled rules, None when there are none, and in sentences which files are left out."""

    compiled: Any | None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """What the rules of a group are made from; `included` are the other files of their folders."""

    files: dict[str, RuleFile]
    included: dict[str, bytes]
    problems: list[str]


def load_rules(folders: Sequence[Path], cache: Path | None) -> RuleSet:
    """Compile the rule files of some folders, at any depth; of files with one name the last folder's counts.

    `cache` is a folder for compiled rules, made when it is absent; None keeps nothing.

    Raises:
        CuckooDependencyError: yara-python is not installed, although there are rules.
    """
    source = _read(folders)
    if not source.files:
        return RuleSet(None, source.problems)
    yara = _library()
    kept = cache / f"{_fingerprint(yara, source)}.yarc" if cache else None
    loaded = _load(yara, kept) if kept else None
    if loaded is not None:
        return RuleSet(loaded.compiled, source.problems + loaded.problems)
    compiled, problems = _compile(yara, source)
    if kept:
        _store(kept, compiled, problems)
    return RuleSet(compiled, source.problems + problems)


def _library() -> Any:
    try:
        import yara  # noqa: PLC0415 - an extra, and native code that only this needs
    except ImportError as error:
        raise CuckooDependencyError(
            f"YARA rules need yara-python ({error}): pip install yara-python"
        ) from error
    return yara


def _read(folders: Iterable[Path]) -> _Source:
    source = _Source({}, {}, [])
    for folder in folders:
        base = folder.resolve()
        for path in sorted(path for path in base.rglob("*") if path.is_file()):
            name = path.relative_to(base).as_posix()
            try:
                text = _text(base, path)
            except (OSError, ValueError) as error:
                source.problems.append(f"cannot read the rules {path}: {error}")
                continue
            if path.suffix.lower() in ENDINGS:
                source.files[name] = RuleFile(base, name, text)
            source.included[str(path)] = text
    return source


def _text(base: Path, path: Path) -> bytes:
    if not path.resolve().is_relative_to(base):
        raise ValueError(f"it leads out of {base}")
    with path.open("rb") as stream:
        text = stream.read(FILE_MAXIMUM_BYTES + 1)
    if len(text) > FILE_MAXIMUM_BYTES:
        raise ValueError(f"it is larger than {FILE_MAXIMUM_BYTES} bytes")
    return text


def _fingerprint(yara: Any, source: _Source) -> str:
    """Hash all that the compiled rules depend on: the library, the variables, and every file and its place."""
    whole = hashlib.sha256(f"{yara.__version__} {EXTERNALS}".encode())
    for file in source.files.values():
        whole.update(f"\0{file.folder}\0{file.name}".encode("utf-8", "surrogateescape"))
    for path, text in source.included.items():
        whole.update(f"\0{path}\0".encode("utf-8", "surrogateescape") + hashlib.sha256(text).digest())
    return whole.hexdigest()


def _compile(yara: Any, source: _Source) -> tuple[Any | None, list[str]]:
    """Compile all at once; only when that fails one by one, to find the files at fault."""
    try:
        return _compiled(yara, source.files, source), []
    except yara.Error:
        sound, problems = {}, []
        for name, file in source.files.items():
            try:
                _compiled(yara, {name: file}, source)
                sound[name] = file
            except yara.Error as error:
                problems.append(f"left out rules: {error}")
    return (_compiled(yara, sound, source) if sound else None), problems


def _compiled(yara: Any, files: Mapping[str, RuleFile], source: _Source) -> Any:
    paths = {name: str(file.folder / file.name) for name, file in files.items()}
    return yara.compile(
        filepaths=paths,
        externals=dict.fromkeys(EXTERNALS, ""),
        include_callback=_including({str(file.folder) for file in files.values()}, source.included),
    )


def _including(folders: set[str], known: Mapping[str, bytes]) -> Callable[[str, str, str], str | None]:
    """Return what YARA asks for the text of an included file; None refuses it.

    Only files that were read before are given, which all lie in a rule folder. An included file is known to
    YARA by the words that asked for it, so that where it lies is remembered here.
    """
    places: dict[str, str] = {}

    def text(wanted: str, asking: str | None, namespace: str) -> str | None:
        del namespace
        above = [str(Path(places.get(asking, asking)).parent)] if asking else []
        candidates = (os.path.normpath(f"{base}/{wanted}") for base in (*above, *sorted(folders)))
        found = next((path for path in candidates if path in known), None)
        if found is None:
            return None
        places[wanted] = found
        return known[found].decode("utf-8", "surrogateescape")

    return text


def _load(yara: Any, path: Path) -> RuleSet | None:
    """Load rules from the cache; None when they are not there, not ours, or damaged."""
    try:
        raw = _trusted(path)
        body = raw[len(_MAGIC) + _DIGEST_BYTES :]
        if raw != _MAGIC + hashlib.sha256(body).digest() + body:
            return None
        stream = io.BytesIO(body)
        problems = json.loads(stream.readline())
        rest = stream.read()
        return RuleSet(yara.load(file=io.BytesIO(rest)) if rest else None, problems)
    except (OSError, ValueError, yara.Error):
        return None


def _trusted(path: Path) -> bytes:
    """Read a file that, like its folder, belongs to us and that nobody else may write."""
    _require_ours(os.lstat(path.parent), path.parent)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        _require_ours(os.fstat(descriptor), path)
        return stream.read()


def _require_ours(status: os.stat_result, path: Path) -> None:
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid() or writable:
        raise PermissionError(f"others may write {path}")


def _store(path: Path, compiled: Any | None, problems: list[str]) -> None:
    """Keep rules in the cache, whole or not at all; a cache that cannot be written is no fault."""
    body = io.BytesIO()
    body.write(json.dumps(problems).encode() + b"\n")
    if compiled is not None:
        compiled.save(file=body)
    content = body.getvalue()
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_ours(os.lstat(path.parent), path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as stream:
            stream.write(_MAGIC + hashlib.sha256(content).digest() + content)
        Path(stream.name).replace(path)
