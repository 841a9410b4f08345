"""Bytes and names of unknown encoding as text that can be stored and sent anywhere."""


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
