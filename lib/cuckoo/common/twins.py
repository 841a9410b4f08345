"""Parts that are written twice with the same functions: compiled, and in Python for where no compiler was.

`FLEDGE_PURE=1` in the environment asks for Python.
"""

import importlib
import os
from typing import Protocol, TypeVar, cast


class Twin(Protocol):
    """A module that is one of two."""

    NAME: str
    """"cython" or "python"."""


AnyTwin = TypeVar("AnyTwin", bound=Twin)


def twins(pure: AnyTwin, compiled: str, interface: int) -> dict[str, AnyTwin]:
    """Return the twins that this installation has by name, the compiled one first.

    One that was built from other sources, as after an update without a new installation, is passed over: its number
    `INTERFACE` is not `interface`.
    """
    found = {pure.NAME: pure}
    try:
        build = importlib.import_module(compiled)
    except ImportError:
        return found
    if getattr(build, "INTERFACE", None) != interface:
        return found
    return {build.NAME: cast("AnyTwin", build)} | found


def preferred(found: dict[str, AnyTwin]) -> AnyTwin:
    """Return the first of some twins, or the last, which is in Python, if the environment asks for it."""
    return list(found.values())[-1 if os.environ.get("FLEDGE_PURE") == "1" else 0]
