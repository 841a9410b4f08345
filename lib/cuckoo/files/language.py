"""Which language a script is written in, by its words."""

import re

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
_CERTAIN = re.compile(
    r"\bActiveXObject\b|\bWScript\.|\bCreateObject[ (]|\bOn Error Resume Next\b|\bExecuteGlobal\b|^[ \t]{0,8}Dim \w|"
    r"\bNew-Object\b|\bInvoke-[A-Z]\w|\[System\.|FromBase64String|^[ \t]{0,8}\$\w{1,64}[ \t]{0,8}=|"
    r"\bpowershell(?:\.exe)?[ \t]{1,8}[-/]|\bfunction\b[ \t]{0,8}\w{0,64}[ \t]{0,8}\(|\bvar \w{1,64}[ \t]{0,8}=|"
    r"\beval[ \t]{0,8}\(|\bdocument\.write|<\?php|^[ \t]{0,8}@echo off|^[ \t]{0,8}if \[ ",
    re.MULTILINE | re.IGNORECASE,
)


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


def is_script(head: bytes) -> bool:
    """Tell by words that hardly occur elsewhere whether what a file begins with is a script."""
    return _CERTAIN.search(decoded_text(head)) is not None
