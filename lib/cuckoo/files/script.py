"""Scripts: their language, what they name, and what they hide in base64.

Nothing is run and nothing is unfolded but one level of encoding, which is marked as such in the text itself.
"""

import re
from collections.abc import Iterator
from typing import TypedDict

from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.content import Content, urls_in
from lib.cuckoo.files.encoded import base64_contents, decode_base64
from lib.cuckoo.files.office.keywords import keywords
from lib.cuckoo.files.office.records import Keyword

MAXIMUM_BYTES = 16 << 20
_JUDGED = 1 << 20
"""Characters by which the language is judged."""
_INTERPRETERS = (
    ("powershell", r"pwsh|powershell"),
    ("javascript", r"node|deno|cscript"),
    ("python", r"python"),
    ("perl", r"perl"),
    ("ruby", r"ruby"),
    ("php", r"php"),
    ("shell", r"(?:ba|da|z|k|a)?sh\b|busybox"),
)
_WORDS = {
    "powershell": (
        r"\$\w{1,64}[ \t]{0,8}=|\[(?:System\.|Convert|Text\.|Reflection\.)|-(?:join|bxor|replace)\b|"
        r"\b(?:Invoke-\w{1,40}|New-Object|Get-\w{1,40}|Set-\w{1,40}|Write-(?:Host|Output)|IEX|"
        r"FromBase64String|Out-File|Start-Process|Add-Type)\b"
    ),
    "vbscript": (
        r"\b(?:Dim|Set|End (?:Sub|Function|If)|On Error Resume Next|WScript\.|CreateObject|MsgBox|ExecuteGlobal|Chr\(|"
        r"Function|Sub|Wend|ElseIf)\b"
    ),
    "javascript": (
        r"\b(?:var|let|const|function|return|new|typeof|eval|unescape|ActiveXObject|WScript\.|document\.|require|"
        r"parseInt|fromCharCode)\b|[;{][ \t]{0,8}\r?$|=>"
    ),
    "batch": (
        r"^[ \t]{0,8}@?(?:echo|set|rem|goto|if|for|call|start|cd|del|copy|xcopy|reg|exit|setlocal|pause|ping|attrib)\b|"
        r"%\w{1,64}%|%~\w|^:\w{1,64}\r?$"
    ),
    "python": r"^(?:import|from|def|class)[ \t]|\b(?:elif|self|print\(|__name__)\b",
    "php": r"<\?php|\$_(?:GET|POST|SERVER|REQUEST)\b|\becho\b[^\n]{0,100};",
    "shell": r"^[ \t]{0,8}(?:fi|done|esac|then|export|chmod|wget|curl)\b|\$\(|\$\{",
}
_PATTERNS = {
    language: re.compile(
        pattern, re.MULTILINE | (re.IGNORECASE if language in {"powershell", "vbscript", "batch"} else 0)
    )
    for language, pattern in _WORDS.items()
}
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
    size: int
    lines: int
    longest_line: int
    encoded: bool
    indirect: list[str]
    commands: list[str]
    contents: list[Content]
    keywords: list[Keyword]
    urls: list[str]


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


def decoded_text(raw: bytes) -> str:
    """Decode a text by its mark, by its nulls (UTF-16 without one), as UTF-8, else as Windows-1252."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    head = raw[:4096]
    if len(head) > 3 and head[1::2].count(0) * 4 > len(head):
        return raw.decode("utf-16-le", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def language(text: str) -> str | None:
    """Tell the language by the interpreter that the first line names, else by which language's words are most."""
    first = text[:256].partition("\n")[0]
    if first.startswith("#!"):
        return next((name for name, pattern in _INTERPRETERS if re.search(pattern, first)), None)
    judged = text[:_JUDGED]
    counts = {name: sum(1 for _ in pattern.finditer(judged)) for name, pattern in _PATTERNS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def _commands(text: str) -> Iterator[str]:
    for match in _ENCODED_COMMAND.finditer(text):
        raw = decode_base64(match[1])
        # the command is UTF-16; the short forms of the option are those of many other programs
        if raw[1::2].count(0) * 4 >= len(raw):
            yield raw[: len(raw) & ~1].decode("utf-16-le", "replace")
