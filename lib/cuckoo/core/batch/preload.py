"""What workers need, imported once by the supervisor: a fork then starts with everything there.

Files of modules are executed in a scout first, a process of its own: one that crashes on import costs each
analysis what it always does, and never the supervisor. Only code of ours is imported here: a library may start
threads, and a process with threads must not fork.
"""

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import sys
from typing import Any, NoReturn

from lib.cuckoo.common.exceptions import CuckooCriticalError, CuckooOperationalError, CuckooStartupError
from lib.cuckoo.core.choice import Choice
from lib.cuckoo.core.engine import Settings, discover_processing, discover_reporting, stage_limits
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.section import signature_settings

_STAGES = ("processing", "signatures", "reporting")
_OURS = "lib.cuckoo."


def preload(settings: Settings) -> None:
    """Check the configuration and import what its modules import of ours.

    Raises:
        CuckooStartupError: nothing can be processed with this configuration.
    """
    found = _ask_scout(settings)
    if found.get("error"):
        raise CuckooStartupError(str(found["error"]))
    for name in found.get("modules", ()):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # so that collections in workers do not copy the pages they share


def _ask_scout(settings: Settings) -> dict[str, Any]:
    """Return what the scout found; nothing if it died."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_scout(settings, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        told = stream.read()
    os.waitpid(pid, 0)
    with contextlib.suppress(ValueError):
        return dict(json.loads(told))
    return {}


def _be_scout(settings: Settings, channel: int) -> NoReturn:
    try:
        faulthandler.disable()  # a module that crashes will say so when an analysis runs it
        nothing = os.open(os.devnull, os.O_RDWR)
        for target in (0, 1, 2):
            os.dup2(nothing, target)
        with os.fdopen(channel, "wb") as stream:
            stream.write(json.dumps(_found(settings)).encode())
    finally:
        os._exit(0)


def _found(settings: Settings) -> dict[str, Any]:
    """Load what an analysis would; return the names of our modules that this imported, or the error."""
    try:
        for stage in _STAGES:
            stage_limits(settings.root, stage)
        stages = [discover_processing(settings), discover_reporting(settings)]
        Choice(settings.only, settings.skip).check(stages)
        with settings.root.active():
            load_signatures(signature_settings(settings.root, settings.signatures).folders)
    except (CuckooCriticalError, CuckooOperationalError) as error:
        return {"error": str(error)}
    return {"modules": sorted(name for name in sys.modules if name.startswith(_OURS))}
