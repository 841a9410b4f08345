"""Text as malware would put it into names, paths, hosts and arguments, and results full of it."""

from itertools import count
from typing import Any

CANARY = "window.canary"
HUGE = "A" * 10_000_000
PAYLOADS = (
    f"<script>{CANARY}=1</script>",
    f'"><img src=x onerror="{CANARY}=1">',
    f"</script><script>{CANARY}=1</script>",
    f"</style></title></textarea><svg onload={CANARY}=1>",
    f"javascript:{CANARY}=1",
    f"'-({CANARY}=1)-'",
    "{{ 7 * 191 }}{% for x in y %}{{ ''.__class__.__mro__ }}",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "invoice\u202egnp.exe\u2066\u200b",
    "nul\0nul\x7f\x85",
    "lone \ud800 and \udcff",
    "\u2028\u2029\r\n\t",
    "<!--<script>",
    "%s%n{0}${PATH}`id`",
    "=cmd|' /C calc'!A0",
    "x;=1+1;\u202e@SUM(1)",
    " \uff0bHYPERLINK(1)",
)
FORBIDDEN = "\x1b\x07\x00\x9b\x85\x7f\u202e\u2066\u200b\u2028\u2029"


def poisoned(value: Any, numbers: "count[int] | None" = None) -> Any:
    """Return a copy of plain data in which every text, member names of odd places included, carries a payload."""
    numbers = numbers or count()
    if isinstance(value, str):
        number = next(numbers)
        payload = PAYLOADS[number % len(PAYLOADS)]
        return payload if number % 7 == 0 else value + payload
    if isinstance(value, dict):
        return {name: poisoned(member, numbers) for name, member in value.items()}
    if isinstance(value, list):
        return [poisoned(member, numbers) for member in value]
    return value


def crowded(value: Any, payload: str) -> Any:
    """Return a copy of plain data in which every text is a payload, and every record has a member named like it."""
    if isinstance(value, str):
        return payload
    if isinstance(value, dict):
        return {name: crowded(member, payload) for name, member in value.items()} | {payload: payload}
    if isinstance(value, list):
        return [crowded(member, payload) for member in value]
    return value
