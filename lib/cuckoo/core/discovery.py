"""Discovery: which module files there are, what their sections say, and which classes they define.

Files are loaded by path under a private name, never through `sys.path`. Only what the configuration enables is
loaded at all, so that a disabled module costs nothing and breaks nothing.
"""

import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.ini import Section
from lib.cuckoo.core import limits
from lib.cuckoo.core.ledger import Outcome, Problem, Run

_ENGINE_OPTIONS = frozenset({"enabled", "platform"}) | limits.OPTION_NAMES
PRIVATE_PACKAGE = "_fledge_dropped_in"
"""What the names of module files begin with, as the interpreter knows them."""


@dataclass(frozen=True)
class Candidate:
    """A class found in a module file and the section that configures it."""

    cls: type
    name: str
    """File name without ending, which is also the section."""
    file: Path
    line: int
    section: Section

    @property
    def order(self) -> int:
        """The class attribute `order`."""
        return int(self.cls.order)  # type: ignore[attr-defined]  # the contract's classes have it

    @property
    def key(self) -> str | None:
        """The class attribute `key`; reports have none."""
        return getattr(self.cls, "key", None)

    @property
    def where(self) -> str:
        """File, line and class, for messages."""
        return f"class {self.cls.__name__} ({self.file}:{self.line})"

    def ended(self, outcome: Outcome, reason: str = "", **details: Any) -> Run:
        """Return the line of the ledger for this class."""
        details = {"key": self.key, "order": self.order} | details
        return Run(self.name, str(self.file), outcome, self.cls.__name__, reason=reason, **details)


@dataclass(frozen=True)
class Discovery:
    """What will run, in order, and what was said about everything else."""

    candidates: list[Candidate] = field(default_factory=list)
    left_out: list[Run] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def discover(
    kind: type,
    folders: Sequence[Path],
    sections: Mapping[str, Section],
    configuration: Path,
    platform: str = "",
) -> Discovery:
    """Find the classes derived from `kind` in the files of `folders`; of files of one name the last wins.

    `platform` is that of the analysis; a section that names another is left out.
    """
    found = Discovery()
    files = _module_files(folders, found)
    for name, file in files.items():
        section = sections.get(name)
        if section is None:
            _report_unconfigured(name, file, configuration, found)
            continue
        reason = _why_disabled(section, platform)
        if reason:
            found.left_out.append(Run(name, str(file), Outcome.DISABLED, reason=reason))
            found.problems.extend(_bad_switch(section))
            continue
        found.problems.extend(_unknown_options(section, file))
        load_candidates(kind, section, file, found)
    found.problems.extend(_sections_without_file(sections, files))
    found.candidates.sort(key=lambda candidate: (candidate.order, candidate.name, candidate.cls.__name__))
    return found


def load_file(file: Path) -> ModuleType:
    """Execute a Python file under a private name of its own and return it as a module.

    Raises:
        Exception: whatever the file raises; it leaves no trace in `sys.modules` then.
    """
    name = f"{PRIVATE_PACKAGE}.{file.stem}_{zlib.crc32(os.fsencode(file)):x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    _reach_tree_from_lib()
    sys.modules[name] = module  # dataclasses and pickling look here while the file runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _reach_tree_from_lib() -> None:
    """Let a file that says `import lib.cuckoo.common.abstracts` find `cuckoo` in `lib`.

    A tree that was bound by its path is known to the interpreter as `lib.cuckoo` and not yet as a part of `lib`.
    """
    lib: Any = importlib.import_module("lib")
    lib.cuckoo = sys.modules["lib.cuckoo"]


def classes_of(module: ModuleType, kind: type) -> Iterator[type]:
    """Yield the classes derived from `kind` that the module itself defines, by name, each once."""
    classes = dict.fromkeys(value for _, value in sorted(vars(module).items()) if inspect.isclass(value))
    for cls in classes:
        if issubclass(cls, kind) and cls.__module__ == module.__name__:
            yield cls


def line_of_class(source: str, name: str) -> int:
    """Return the line of `class name` in a source text, from 1; 0 if it is not there."""
    match = re.search(rf"^[ \t]*class[ \t]+{re.escape(name)}\b", source, re.MULTILINE)
    return source.count("\n", 0, match.start()) + 1 if match else 0


def line_of_fault(error: BaseException, file: Path) -> int:
    """Return the last line of `file` on the way to an error, or the line of a syntax error in it."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno or 0
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)
    ]
    return (lines[-1] if lines else 0) or 0


def read_source(file: Path) -> str:
    """Return the text of a module file, whatever its encoding."""
    return file.read_bytes().decode("utf-8", errors="replace")


def _module_files(folders: Iterable[Path], found: Discovery) -> dict[str, Path]:
    """Return module files by name, sorted; note the ones that a later folder's file of that name replaces."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.py")):
            if file.name.startswith(("_", ".")):
                continue
            before = files.get(file.stem)
            if before is not None and before.resolve() != file.resolve():
                reason = f"replaced by {file}"
                found.left_out.append(Run(file.stem, str(before), Outcome.DISABLED, reason=reason))
            files[file.stem] = file
    return dict(sorted(files.items()))


def _report_unconfigured(name: str, file: Path, configuration: Path, found: Discovery) -> None:
    reason = f"no section [{name}] in {configuration}; add it, with `enabled = yes`, to run the module"
    found.left_out.append(Run(name, str(file), Outcome.UNCONFIGURED, reason=reason))
    found.problems.append(Problem("file without a section", reason, str(file), 1))


def _why_disabled(section: Section, platform: str) -> str:
    where = f"[{section.name}] in {section.file}:{section.line}"
    enabled = section.options.get("enabled", False)
    if not isinstance(enabled, bool | int):
        return f"{where} says enabled = {enabled}, which is neither yes nor no"
    if not enabled:
        return f"not enabled by {where}"
    wanted = str(section.options.get("platform", ""))
    if wanted and platform and wanted.lower() != platform.lower():
        return f"for {wanted} by {where}, and this analysis is of {platform}"
    return ""


def _bad_switch(section: Section) -> Iterator[Problem]:
    """Yield the complaint about an `enabled` that is neither yes nor no."""
    enabled = section.options.get("enabled", False)
    if not isinstance(enabled, bool | int):
        line = section.lines.get("enabled", section.line)
        message = f"[{section.name}] enabled = {enabled}: neither yes nor no, so it does not run"
        yield Problem("bad option", message, str(section.file), line)


def _sections_without_file(sections: Mapping[str, Section], files: Mapping[str, Path]) -> Iterator[Problem]:
    for section in sections.values():
        if section.name not in files:
            message = f"[{section.name}] configures no module: there is no {section.name}.py"
            yield Problem("section without a file", message, str(section.file), section.line)


def _unknown_options(section: Section, file: Path) -> Iterator[Problem]:
    """Yield the options that the module's source never mentions."""
    try:
        source = read_source(file)
    except OSError:
        return  # loading it tells why
    for option, line in section.lines.items():
        if option not in _ENGINE_OPTIONS and not re.search(rf"\b{re.escape(option)}\b", source):
            message = f"[{section.name}] {option}: {file.name} knows no such option"
            yield Problem("unknown option", message, str(section.file), line)


def load_candidates(kind: type, section: Section, file: Path, found: Discovery) -> None:
    """Load a file and add its classes derived from `kind` to what was found, or what is wrong with them."""
    try:
        module = load_file(file)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a dropped-in file may raise anything, SystemExit included
        run = _unloadable(section.name, file, error)
        found.left_out.append(run)
        found.problems.append(Problem("import failed", run.reason, str(file), line_of_fault(error, file)))
        return
    source = read_source(file)
    classes = list(classes_of(module, kind))
    if not classes:
        message = f"{file.name} defines no class derived from {kind.__name__}"
        found.left_out.append(Run(section.name, str(file), Outcome.UNLOADABLE, reason=message))
        found.problems.append(Problem("no class", message, str(file), 1))
    for cls in classes:
        if _is_base_of_others(cls, kind, classes):
            continue
        _admit(Candidate(cls, section.name, file, line_of_class(source, cls.__name__), section), kind, found)


def _unloadable(name: str, file: Path, error: BaseException) -> Run:
    text = "".join(traceback.format_exception(error))
    if isinstance(error, CuckooDependencyError):
        return Run(name, str(file), Outcome.UNAVAILABLE, reason=str(error), traceback=text)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        reason = f"needs the Python package {package}, which is not installed: pip install {package}"
        return Run(name, str(file), Outcome.UNAVAILABLE, reason=reason, traceback=text)
    reason = f"cannot be imported: {type(error).__name__}: {error}"
    return Run(name, str(file), Outcome.UNLOADABLE, reason=reason, traceback=text)


def _admit(candidate: Candidate, kind: type, found: Discovery) -> None:
    """Let a class run, or say what is wrong with it."""
    fault = _fault(candidate, kind)
    if fault:
        message = f"{candidate.where}: {fault}"
        found.left_out.append(Run(candidate.name, str(candidate.file), Outcome.UNLOADABLE, reason=message))
        found.problems.append(Problem("bad class", message, str(candidate.file), candidate.line))
    elif not candidate.cls.enabled:  # type: ignore[attr-defined]  # the contract's classes have it
        found.left_out.append(candidate.ended(Outcome.DISABLED, "the class attribute `enabled` is false"))
    else:
        found.candidates.append(candidate)


def _is_base_of_others(cls: type, kind: type, classes: Sequence[type]) -> bool:
    """Tell whether a class without a `run` of its own only serves the other classes of its file."""
    runs = cls.run is not kind.run  # type: ignore[attr-defined]  # the contract's classes have it
    return not runs and any(issubclass(other, cls) for other in classes if other is not cls)


def _fault(candidate: Candidate, kind: type) -> str:
    cls: Any = candidate.cls
    if cls.run is kind.run:  # type: ignore[attr-defined]  # the contract's classes have it
        return "defines no run()"
    if not isinstance(cls.order, int):
        return f"`order` must be a whole number, not {cls.order!r}"
    return ""
