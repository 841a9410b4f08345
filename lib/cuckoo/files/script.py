"""Scripts: their language, what they name, and what they hide in base64.

Nothing is run and nothing is unfolded but one level of encoding, which is marked as such in the text itself.
"""

import re
from collections.abc import Iterator
from typing import TypedDict

from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.content import Content, urls_in
from lib.cuckoo.files.encoded import base64_contents, decode_base64
from lib.cuckoo.files.language import decoded_text, language
from lib.cuckoo.files.office.keywords import keywords
from lib.cuckoo.files.office.records import Keyword

MAXIMUM_BYTES = 4 << 20
_ENCODED_COMMAND = re.compile(
    r"[-/\u2013](?:e|ec|en|enc|enco|encod|encode|encoded(?:c(?:o(?:m(?:m(?:a(?:n(?:d)?)?)?)?)?)?)?)[ \t:^\"']{1,16}"
    r"([A-Za-z0-9+/]{16,}={0,2})",
    re.IGNORECASE,
)
_SCRIPT_ENCODER = re.compile(r"#@~\^[A-Za-z0-9+/]{6}==")
_INDIRECT = re.compile(
    r"(?i)\b(?:eval|iex|invoke-expression|execute|executeglobal|frombase64string|unescape)\b"
)


class Script(TypedDict):
    """A script.

    `language` is "powershell", "vbscript", "javascript", "batch", "python", "perl", "ruby", "php", "shell" or None.
    `commands` are the texts behind PowerShell's -EncodedCommand, `contents` what long base64 decodes to. `encoded`
    tells of Microsoft's script encoder, `longest_line` is in characters, `indirect` are words that run text as code.
    """

    language: str | None
    """"powershell", "vbscript", "javascript", "batch", "python", "perl", "ruby", "php", "shell" or null."""
    size: int
    """Bytes."""
    lines: int
    """Lines."""
    longest_line: int
    """Characters."""
    encoded: bool
    """True when Microsoft's script encoder made it."""
    indirect: list[str]
    """Words that run text as code."""
    commands: list[str]
    """Texts behind PowerShell's -EncodedCommand."""
    contents: list[Content]
    """What long base64 decodes to."""
    keywords: list[Keyword]
    """Telling words."""
    urls: list[str]
    """In the text."""


def describe_script(data: Data, budget: Budget, save: Save) -> Script:
    """Describe a script in the shape `Script`; at most `MAXIMUM_BYTES` of it are read."""
    if len(data) > MAXIMUM_BYTES:
        budget.note(f"script: {len(data) - MAXIMUM_BYTES} bytes at the end are not read")
    text = decoded_text(data[:MAXIMUM_BYTES])
    lines = text.splitlines()
    commands = [budget.clip("a command", each) for each in budget.take("commands", _commands(text))]
    return {
        "language": language(text),
        "size": len(data),
        "lines": len(lines),
        "longest_line": max(map(len, lines), default=0),
        "encoded": _SCRIPT_ENCODER.search(text) is not None,
        "indirect": sorted({match.group().lower() for match in _INDIRECT.finditer(text)}),
        "commands": commands,
        "contents": budget.take("contents", base64_contents([text], budget, save)),
        "keywords": keywords([text, *commands]),
        "urls": urls_in([text, *commands], budget),
    }


def _commands(text: str) -> Iterator[str]:
    for match in _ENCODED_COMMAND.finditer(text):
        raw = decode_base64(match[1])
        # the command is UTF-16; the short forms of the option are those of many other programs
        if raw[1::2].count(0) * 4 >= len(raw):
            yield raw[: len(raw) & ~1].decode("utf-16-le", "replace")
