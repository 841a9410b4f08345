"""Where the key of a service comes from. No error raised here shows any of it."""

import os
import re
from pathlib import Path

from lib.cuckoo.common.exceptions import CuckooDependencyError

_KEY = re.compile(r"[!-~]{1,512}")
_FILE_BYTES = 4096


def find_key(service: str, configured: str, variable: str, file: str) -> str:
    """Return the key: the configured one, else that of the environment, else the first line of a file.

    Raises:
        CuckooDependencyError: there is none, or what there is cannot be a key; the message says how to mend that.
    """
    key = configured.strip() or os.environ.get(variable, "").strip() or (_first_line(file) if file else "")
    if not key:
        raise CuckooDependencyError(
            f"{service} needs a key: set the option key or key_file, or ${variable}; without one, set enabled = no"
        )
    if not _KEY.fullmatch(key):
        raise CuckooDependencyError(f"the key of {service} holds characters that no key has")
    return key


def _first_line(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(_FILE_BYTES).decode("ascii", "replace").strip().partition("\n")[0].strip()
    except OSError as error:
        raise CuckooDependencyError(f"cannot read the key file {file}: {error.strerror}") from error
