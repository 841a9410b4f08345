"""What a reputation service is: a class with one method, and the words that it and its callers share."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from lib.cuckoo.common.exceptions import CuckooOperationalError, CuckooProcessingError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL_LENGTH = 4096

Record = dict[str, Any]


class NoAnswerError(CuckooOperationalError):
    """The service gave no answer that can be used; the message says why, and never holds a key."""


@dataclass(frozen=True)
class Subject:
    """What is looked up: a file by its SHA-256, or a URL by itself. Made by `file_subject` and `url_subject`."""

    kind: Literal["file", "url"]
    value: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, or that of the URL's text."""
        if self.kind == "file":
            return self.value
        return hashlib.sha256(self.value.encode(errors="replace")).hexdigest()


def file_subject(sha256: object) -> Subject:
    """Return the subject for a file.

    Raises:
        CuckooProcessingError: that is no SHA-256.
    """
    digest = str(sha256).lower()
    if not _SHA256.fullmatch(digest):
        raise CuckooProcessingError(f"not a SHA-256: {digest[:80]!r}")
    return Subject("file", digest)


def url_subject(url: object) -> Subject:
    """Return the subject for a URL; one without a scheme is taken for http, as browsers do.

    Raises:
        CuckooProcessingError: it is empty or longer than 4096 characters.
    """
    text = str(url or "").strip()
    if not text or len(text) > _URL_LENGTH:
        raise CuckooProcessingError(f"cannot look up a URL of {len(text)} characters")
    return Subject("url", text if "://" in text else f"http://{text}")


class ReputationService(Protocol):
    """A service that can be asked about files and URLs; another one plugs in by having this method."""

    def look_up(self, subject: Subject) -> Record:
        """Return what the service knows, plain data: `found`, `looked_up` (UTC), and if found, its own facts.

        Raises:
            NoAnswerError: there is no answer, or none that can be understood.
            CuckooDependencyError: this machine is not set up for the service, as with a wrong key.
        """
        ...
