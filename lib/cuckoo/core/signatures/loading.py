"""Finds signature files and loads the classes that they define.

A folder may hold files at any depth; the first folder below it says which platform they are for (`windows/`,
`linux/` …; `all/`, any other name and the folder itself mean every platform). A checkout of somebody's collection
is taken as it is: where it has a `modules/signatures` folder, that one is read.
"""

import os
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.discovery import classes_of, line_of_class, line_of_fault, load_file, read_source
from lib.cuckoo.core.ledger import Outcome, Problem, Run
from lib.cuckoo.core.signatures.selection import Definition

PLATFORMS = frozenset({"windows", "linux", "darwin", "macos", "android"})
_RUNNABLE = ("run", "on_call", "on_complete")


@dataclass(frozen=True)
class Loading:
    """What was found, and what was wrong with the rest."""

    definitions: list[Definition] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    """One line of the ledger for each file that gave no signature."""
    problems: list[Problem] = field(default_factory=list)


def load_signatures(folders: Sequence[Path]) -> Loading:
    """Load the signatures of several collections; those of a later one replace earlier ones of the same name."""
    loading = Loading()
    for collection, folder in enumerate(dict.fromkeys(map(signature_folder, folders))):
        for file in signature_files(folder):
            _load(file, collection, _platform(file, folder), loading)
    return loading


def load_signature_file(file: Path, collection: int = 0, platform: str = "") -> Loading:
    """Load the signatures of one file."""
    loading = Loading()
    _load(file, collection, platform, loading)
    return loading


def signature_files(folder: Path) -> Iterator[Path]:
    """Yield the Python files below a folder, but for private and hidden ones, in order of their paths."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith(("_", ".")):
                yield Path(place, name)


def signature_folder(folder: Path) -> Path:
    """Return where the signatures of a collection lie: in a checkout of somebody's, below `modules/`."""
    inner = folder / "modules" / "signatures"
    return (inner if inner.is_dir() else folder).resolve()


def _platform(file: Path, folder: Path) -> str:
    first = file.relative_to(folder).parts[0].lower()
    return first if first in PLATFORMS else ""


def _load(file: Path, collection: int, platform: str, loading: Loading) -> None:
    try:
        module = load_file(file)
        source = read_source(file)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a dropped-in file may raise anything, SystemExit included
        _record(file, error, loading)
        return
    classes = list(classes_of(module, Signature))
    bases = {base for cls in classes for base in cls.__mro__[1:]}
    for cls in classes:
        if cls in bases and not vars(cls).get("name"):
            continue
        definition = Definition(cls, str(file), line_of_class(source, cls.__name__), platform, collection)
        if _is_runnable(cls):
            loading.definitions.append(definition)
        else:
            _refuse(definition, "defines none of run(), on_call() and on_complete()", loading)
    if not classes:
        loading.runs.append(
            Run(file.stem, str(file), Outcome.UNLOADABLE, reason=f"{file.name} defines no signature")
        )


def _is_runnable(cls: type[Signature]) -> bool:
    return any(getattr(cls, method) is not getattr(Signature, method) for method in _RUNNABLE)


def _refuse(definition: Definition, reason: str, loading: Loading) -> None:
    message = f"class {definition.cls.__name__} ({definition.file}:{definition.line}) {reason}"
    name = Path(definition.file).stem
    loading.runs.append(
        Run(name, definition.file, Outcome.UNLOADABLE, definition.cls.__name__, reason=message)
    )
    loading.problems.append(Problem("bad class", message, definition.file, definition.line))


def _record(file: Path, error: BaseException, loading: Loading) -> None:
    missing = isinstance(error, ModuleNotFoundError)
    outcome = Outcome.UNAVAILABLE if missing else Outcome.UNLOADABLE
    reason = f"cannot be imported: {type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    loading.runs.append(Run(file.stem, str(file), outcome, reason=reason, traceback=text))
    loading.problems.append(Problem("import failed", reason, str(file), line_of_fault(error, file)))
