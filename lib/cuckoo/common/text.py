"""Text that came from malware: made fit to be stored, sent and shown anywhere."""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories that move the cursor, reorder text or cannot be seen."""


def readable_text(raw: bytes) -> str:
    r"""Decode UTF-8; each byte that is not UTF-8 becomes a backslash escape, for example `\xff`."""
    return raw.decode("utf-8", "backslashreplace")


def readable_name(name: str) -> str:
    r"""Return a file name as valid Unicode.

    Python gives bytes of a name that are not UTF-8 as lone surrogates, which no report can encode; here each
    becomes `\xff`. Surrogates from elsewhere, such as the JSON text `"\ud800"`, become `\ud800`.
    """
    try:
        return readable_text(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()


def last_part(guest_path: str) -> str:
    """Return the name of a file from its path in the guest, be that of Windows or of another system."""
    return guest_path.replace("/", "\\").rstrip("\\").rpartition("\\")[2]


def visible(value: object, width: int = 0) -> str:
    """Return text in which control, format and surrogate characters stand as escapes, cut to `width` if not 0."""
    try:
        text = str(value)
    except (
        ValueError,
        RecursionError,
    ):  # numbers of more digits than Python prints, values nested too deeply
        text = f"({type(value).__name__})"
    if width and len(text) > width:
        text = text[: width - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def _escaped(char: str) -> str:
    number = ord(char)
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )


def size_text(size_bytes: float) -> str:
    """Return a size for people: "512 B", "1.4 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    raise AssertionError("unreachable")


def count_text(number: int, noun: str, plural: str = "") -> str:
    """Return "1 file", "2 files"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
