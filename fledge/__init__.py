"""Fledge turns the raw results of a malware sandbox into results people and programs can use.

>>> import fledge
>>> results = fledge.process("storage/analyses/1")  # doctest: +SKIP
>>> results["info"]["id"]                           # doctest: +SKIP
1

The code lives in `lib.cuckoo`, the name that dropped-in modules import from. Many trees have a `lib` of their own,
so this package loads `lib.cuckoo` from the folder beside it, whatever `lib` means to the interpreter.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib.cuckoo import __version__ as __version__
    from lib.cuckoo.common.abstracts import Processing as Processing
    from lib.cuckoo.common.abstracts import Report as Report
    from lib.cuckoo.core.process import process as process
    from lib.cuckoo.core.results import Results as Results
    from lib.cuckoo.reporting.schema import schema as schema
    from lib.cuckoo.reporting.view.report import SavedReport as SavedReport
    from lib.cuckoo.reporting.view.report import load as load

_EXPORTS = {
    "__version__": "lib.cuckoo",
    "Processing": "lib.cuckoo.common.abstracts",
    "Report": "lib.cuckoo.common.abstracts",
    "Results": "lib.cuckoo.core.results",
    "SavedReport": "lib.cuckoo.reporting.view.report",
    "load": "lib.cuckoo.reporting.view.report",
    "process": "lib.cuckoo.core.process",
    "schema": "lib.cuckoo.reporting.schema",
}
__all__ = ["Processing", "Report", "Results", "SavedReport", "__version__", "load", "process", "schema"]


def _bind() -> None:
    """Make `lib.cuckoo` mean the package beside this one.

    Raises:
        ImportError: another `lib.cuckoo` was imported before; the message names both files.
    """
    ours = Path(__file__).resolve().parent.parent / "lib" / "cuckoo" / "__init__.py"
    present = sys.modules.get("lib.cuckoo")
    if present is not None:
        theirs = _place_of(present)
        if theirs != ours:
            raise ImportError(
                f"lib.cuckoo was imported from {theirs or 'memory'} before; fledge needs its own at {ours}"
            )
        return
    spec = importlib.util.spec_from_file_location(
        "lib.cuckoo", ours, submodule_search_locations=[str(ours.parent)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {ours}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["lib.cuckoo"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["lib.cuckoo"]
        raise


def _place_of(package: ModuleType) -> Path | None:
    """Return the file of a package, the folder of one without `__init__.py`, None for one made in memory."""
    places = [getattr(package, "__file__", None), *getattr(package, "__path__", [])]
    return next((Path(place).resolve() for place in places if place), None)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'fledge' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_bind()
