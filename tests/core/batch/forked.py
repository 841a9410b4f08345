"""The command line in a process of its own, which is forked: what it needs is imported already."""

import faulthandler
import importlib
import os
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

from lib.cuckoo.cli import main

_IMPORTED_LATE = (
    "lib.cuckoo.console.batch",
    "lib.cuckoo.console.progress",
    "lib.cuckoo.console.summary",
    "lib.cuckoo.core.batch.run",
    "lib.cuckoo.core.batch.single",
    "lib.cuckoo.core.batch.watch",
    "lib.cuckoo.reporting.callfiles",
    "lib.cuckoo.reporting.packing",
    "rich.progress",
    "rich.table",
)
"""What commands and reports import when they are run."""
for _name in _IMPORTED_LATE:
    importlib.import_module(_name)


class Forked:
    """`fledge` in a session of its own; `returncode` as `subprocess` has it, once it was asked for."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.returncode: int | None = None
        self._output, self._errors = os.memfd_create("output"), os.memfd_create("errors")
        self.pid = os.fork()
        if self.pid == 0:
            _be_fledge(arguments, self._output, self._errors)
        self._handle = os.pidfd_open(self.pid)

    def send_signal(self, number: int) -> None:
        """Send a signal to it alone."""
        signal.pidfd_send_signal(self._handle, number)

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.returncode is None and select.select([self._handle], [], [], 0)[0]:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Return what it printed, as soon as it has ended; call it once, at the end."""
        assert select.select([self._handle], [], [], timeout)[0], "it never ended"
        self.poll()
        os.close(self._handle)
        return _text(self._output), _text(self._errors)


def _be_fledge(arguments: Sequence[str], output: int, errors: int) -> NoReturn:
    status = 1
    try:
        os.setsid()
        faulthandler.disable()
        warnings.simplefilter("default")
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (errors, 2)):
            os.dup2(source, target)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        status = _status_of(arguments)
    finally:
        os._exit(status)


def _status_of(arguments: Sequence[str]) -> int:
    """Run the command line, and return what the interpreter would exit with."""
    try:
        main(arguments)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
    except BaseException:  # noqa: BLE001 - the end of a process
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


def _text(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return file.read().decode()
