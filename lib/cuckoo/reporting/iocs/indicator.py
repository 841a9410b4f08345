"""What an indicator is, and how each kind is spelled.

Rules for whoever edits this file:

- a value is spelled as other programs want it: nothing is defanged, and what a sample defanged is not
- what cannot be an indicator of its kind has the spelling "", and nothing raises
- time is linear in the length of the value
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from lib.cuckoo.common.text import readable_name

KINDS = (
    *("sha256", "sha1", "md5", "sha512", "imphash", "domain", "ip", "url", "email"),
    *("mutex", "registry", "path", "pdb", "user_agent", "wallet"),
)
"""In the order in which they are told."""
_DIGITS = {"md5": 32, "imphash": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_EMPTY = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    }
)
"""Hashes of nothing: every empty file has them."""
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")
_ADDRESS = re.compile(r"[0-9A-Fa-f:]*[.:][0-9A-Fa-f.:]*\Z")
"""What may be one; to ask the library about everything else costs much more."""
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,30})://(?P<rest>.+)\Z", re.DOTALL)
_SERVER = re.compile(
    r"(?P<login>[^/?#@]*@)?(?P<host>\[[0-9A-Fa-f:.%]{2,60}\]|[^/?#:@\[\]]+)(?::(?P<port>\d{0,5}))?(?P<path>[/?#].*)?\Z",
    re.DOTALL,
)
_PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}
_MAIL = re.compile(r"(?P<local>[^\s@<>\"\\/:]{1,64})@(?P<host>[\w.\-]{1,253})\Z")
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_KERNEL_HIVE = re.compile(r"\\REGISTRY\\(MACHINE|USER)(?=\\|\Z)", re.IGNORECASE)
_PATH = re.compile(
    r"(?:[A-Za-z]:[\\/]|\\\\[^\\]|%[A-Za-z0-9_()]{1,40}%\\|\\Device\\Harddisk|/[^/]|~/)", re.IGNORECASE
)
_PREFIX = re.compile(r"\\(?:\?\?|\\\?|\\\.)\\(?:UNC(?=\\))?")
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One value, with all that is known of it."""

    kind: str
    """One of `KINDS`."""
    value: str
    """Spelled as `spelled` does; valid Unicode."""
    sources: tuple[str, ...] = ()
    """Section and field of each place it came from, for example "network.dns.request"."""
    first_seen: str = ""
    """ISO 8601 in UTC, in milliseconds: "2026-01-31T13:21:44.590Z"; "" where no place has a time."""
    allowed: bool = False
    """Whether an allow-list covers it."""
    process_ids: tuple[int, ...] = ()
    """Of the processes that it came from, where that is known."""
    process_names: tuple[str, ...] = ()
    """As `process_ids`, each name once."""


def spelled(kind: str, value: object) -> str:
    """Return the value as indicators of its kind are spelled, "" if it is none."""
    if not isinstance(value, str) or not value.strip():
        return ""
    return _SPELLINGS[kind](value if value.isascii() else readable_name(value))


def folded(kind: str, value: str) -> str:
    """Return what two spellings of one indicator have in common: Windows keeps no case of paths and keys."""
    windows = kind == "registry" or (kind in {"path", "pdb"} and "\\" in value)
    return value.casefold() if windows or kind == "email" else value


def host_of(url: str) -> str:
    """Return the host of a URL that is spelled already, without brackets."""
    server = _SERVER.match(url.partition("://")[2])
    return server["host"].strip("[]") if server else ""


def _hash(digits: int) -> Callable[[str], str]:
    def spell(value: str) -> str:
        found = value.strip().lower()
        fits = len(found) == digits and _HEXADECIMAL.match(found) and found not in _EMPTY
        return found if fits and found.strip("0") else ""

    return spell


def _domain(value: str) -> str:
    name = value.strip().strip(".").lower()
    if not name or len(name) > 253 or name.endswith(_REVERSE) or "/" in name or _is_address(name):
        return ""
    return name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ip(value: str) -> str:
    text = value.strip().strip("[]")
    if not _ADDRESS.match(text):
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = address if isinstance(address, IPv4Address) else address.ipv4_mapped or address
    nobody = mapped.is_unspecified or mapped.is_loopback or mapped.is_multicast
    return "" if nobody or str(mapped) == "255.255.255.255" else str(mapped)


def _url(value: str) -> str:
    found = _URL.match(value.strip())
    server = _SERVER.match(found["rest"]) if found else None
    if not found or not server:
        return ""
    scheme = found["scheme"].lower()
    scheme = scheme.replace("hxxp", "http", 1) if scheme.startswith("hxxp") else scheme
    port = server["port"] if server["port"] and server["port"] != _PORTS.get(scheme) else ""
    place = server["host"].lower() + (f":{port}" if port else "")
    return f"{scheme}://{server['login'] or ''}{place}{server['path'] or '/'}"


def _email(value: str) -> str:
    text = value.strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1]
    found = _MAIL.match(text)
    return f"{found['local']}@{found['host'].lower().strip('.')}" if found else ""


def _registry(value: str) -> str:
    text = value.strip().rstrip("\\")
    kernel = _KERNEL_HIVE.match(text)
    if kernel:
        hive = "HKEY_LOCAL_MACHINE" if kernel[1].upper() == "MACHINE" else "HKEY_USERS"
        return hive + text[kernel.end() :]
    head, backslash, rest = text.partition("\\")
    return f"{_HIVES.get(head.upper(), head)}{backslash}{rest}"


def _path(value: str) -> str:
    text = value.strip()
    prefix = _PREFIX.match(text)
    if prefix:
        text = ("\\" if prefix[0].endswith("UNC") else "") + text[prefix.end() :]
    return text if _PATH.match(text) else ""


def _plain(value: str) -> str:
    return value


_SPELLINGS: dict[str, Callable[[str], str]] = {
    **{kind: _hash(digits) for kind, digits in _DIGITS.items()},
    "domain": _domain,
    "ip": _ip,
    "url": _url,
    "email": _email,
    "mutex": _plain,
    "registry": _registry,
    "path": _path,
    "pdb": _plain,
    "user_agent": _plain,
    "wallet": _plain,
}
