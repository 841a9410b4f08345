"""What one file holds of another: its hashes and kind, and the addresses that a text names."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TypedDict, TypeVar

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.common.text import readable_name
from lib.cuckoo.files.budget import Budget, Save
from lib.cuckoo.files.kinds import kind_of

T = TypeVar("T")
LONGEST_NAME = 1024
"""Characters kept of the name of something inside a file."""
_URL = re.compile(
    r"\b(?:https?|ftps?|file|wss?|ldaps?|mhtml|ms-[a-z]{1,20})://?[^\s\"'<>()\[\]{}|\\^`\x00-\x20\x7f]{3,2048}",
    re.IGNORECASE,
)


class Content(TypedDict):
    """An object taken from a file.

    `kind` is as `kind_of` names it, `type` in libmagic's words. `path` is where it was saved in the analysis folder,
    None where it was not.
    """

    name: str
    """Where it stood."""
    size: int
    """Bytes."""
    md5: str
    """Of its data."""
    sha256: str
    """Of its data."""
    kind: str
    """As `static.kind` names it."""
    type: str
    """In libmagic's words."""
    path: str | None
    """In the analysis folder; null when it was not saved."""


def until_refused(what: str, items: Iterable[T], budget: Budget) -> Iterator[T]:
    """Yield the items up to the first that cannot be read, which is noted: those before it are kept."""
    try:
        yield from items
    except CuckooProcessingError as error:
        budget.note(f"{what}: {error}")


def content_record(name: str, content: bytes, save: Save | None) -> Content:
    """Describe `content`, found under `name`, and save it; without `save` it is described only."""
    described = describe_bytes(content) if content else "empty"
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        "name": shown_name(name),
        "size": len(content),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": sha256,
        "kind": kind_of(content, described),
        "type": readable_name(described),
        "path": save(f"object-{sha256[:32]}", content) if save and content else None,
    }


def shown_name(name: str) -> str:
    """Return the beginning of a name as text that can be stored anywhere."""
    return readable_name(name[:LONGEST_NAME])


def urls_in(texts: Iterable[str], budget: Budget) -> list[str]:
    """Return the URLs that the texts name, each once, in order."""
    found = (match.group().rstrip(".,;:!?") for text in texts for match in _URL.finditer(text))
    return budget.take("urls", dict.fromkeys(found))
