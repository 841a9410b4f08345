"""The few names that dropped-in files import from the classic `utils`."""

import string
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooOperationalError

_PRINTABLE = frozenset(string.ascii_letters + string.digits + string.punctuation + " \t\r\n")


def convert_to_printable(text: str) -> str:
    r"""Return text with everything but printable ASCII as `\xNN`, code points above 0xff with more digits."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in _PRINTABLE else f"\\x{ord(char):02x}" for char in text)


def get_options(text: str | None) -> dict[str, str]:
    """Return the options of a task, "name=value,name=value", as a dictionary; what has no "=" is passed over."""
    pairs = (field.partition("=") for field in (text or "").split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def create_folder(root: str = ".", folder: str | None = None) -> None:
    """Make `root/folder` with its parents, if it is not there.

    Raises:
        CuckooOperationalError: it cannot be made.
    """
    path = Path(root, folder or "")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CuckooOperationalError(f"cannot make the folder {path}: {error.strerror}") from error


def add_family_detection(results: dict[str, Any], family: str, detected_by: str, detected_on: str) -> None:
    """Add a malware family to `results["detections"]`, with who found it and where.

    The section is a list of `{"family": …, "details": [{detected_by: detected_on}]}`; a family has one entry, and
    no detail stands twice.
    """
    detections: list[dict[str, Any]] = results.setdefault("detections", [])
    entry = next((entry for entry in detections if entry.get("family") == family), None)
    if entry is None:
        entry = {"family": family, "details": []}
        detections.append(entry)
    detail = {detected_by: detected_on}
    if detail not in entry["details"]:
        entry["details"].append(detail)
