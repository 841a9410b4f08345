"""Text that hides data: base64 in scripts and macros, decoded once."""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Save
from lib.cuckoo.files.content import Content, content_record

SHORTEST = 64
"""Characters of base64 below which it is too often a word or a name."""
MAXIMUM_CONTENTS = 500
"""Contents described; each takes a look at its type."""
_BASE64 = re.compile(rf"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{{{SHORTEST},}}={{0,2}}")


def base64_contents(texts: Iterable[str], budget: Budget, save: Save) -> Iterator[Content]:
    """Yield what long base64 in the texts decodes to, each content once; it is not decoded any further."""
    seen: set[bytes] = set()
    for text in texts:
        for match in _BASE64.finditer(text):
            if not _varies(match.group()):
                continue
            raw = decode_base64(match.group())
            try:
                budget.spend(len(raw))
            except CuckooProcessingError as error:
                budget.note(f"base64: {error}")
                return
            digest = hashlib.sha256(raw).digest()
            if digest in seen:
                continue
            if len(seen) == MAXIMUM_CONTENTS:
                budget.note(f"base64: only the first {MAXIMUM_CONTENTS} contents are described")
                return
            seen.add(digest)
            yield content_record(f"base64 at character {match.start()}", raw, save)


def decode_base64(text: str) -> bytes:
    """Decode base64; characters that are too many at its end are dropped."""
    letters = text.rstrip("=")
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(letters + "=" * (-len(letters) % 4))


def _varies(text: str) -> bool:
    """Tell data from hexadecimal digests, rows of one letter and long words."""
    return len(set(text[:4096])) > 16 and re.fullmatch(r"[0-9A-Fa-f]+", text[:4096]) is None
