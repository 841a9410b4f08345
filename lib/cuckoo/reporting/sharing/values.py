"""Checks of single values: each function returns the value as other platforms take it, or None."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from lib.cuckoo.common.text import visible
from lib.cuckoo.reporting.story.values import text

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END_SECONDS = 32_503_680_000  # the year 3000: libraries do not write years beyond 9999, and none is meant
_HEX_LENGTHS: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_FUZZY = {
    "ssdeep": re.compile(r"\d{1,10}:[A-Za-z0-9/+]{0,64}:[A-Za-z0-9/+]{0,64}"),
    "tlsh": re.compile(r"(?:T1)?[0-9A-Fa-f]{70}"),
}
ALGORITHMS = (*_HEX_LENGTHS, *_FUZZY)
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,15}://[^\s\\\"<>`{}^|]+", re.IGNORECASE)
_INTERNAL = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
"""Addresses that mean another machine in every network (RFC 1918, 3927, 4193, 4291)."""
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")


def exact(value: object, length: int) -> str | None:
    """Return text that is what it looks like: not empty, not cut, nothing hidden in it.

    One platform stores a hidden character, another drops it or the whole object: such a value names nothing.
    """
    found = text(value)
    return found if 0 < len(found) <= length and found.strip() == found and visible(found) == found else None


def digest(algorithm: str, value: object) -> str | None:
    """Return a hash in its usual spelling: hexadecimal in lower case, TLSH without its version."""
    found = text(value)
    if algorithm in _HEX_LENGTHS:
        right = len(found) == _HEX_LENGTHS[algorithm] and re.fullmatch("[0-9A-Fa-f]+", found)
        return found.lower() if right else None
    return found.removeprefix("T1") if len(found) < 200 and _FUZZY[algorithm].fullmatch(found) else None


def address(value: object) -> str | None:
    """Return an IP address in its shortest form, without a zone."""
    found = text(value)
    try:
        return str(ip_address(found)) if len(found) < 64 and "%" not in found else None
    except ValueError:
        return None


def internal(value: str) -> bool:
    """Return whether a text is no address, or one of an inner network."""
    found = address(value)
    return found is None or any(ip_address(found) in network for network in _INTERNAL)


def domain(value: object) -> str | None:
    """Return a domain of two labels or more, in lower case, without the final dot (RFC 1123, and underscores)."""
    found = text(value)
    if len(found) > 254:
        return None
    found = found.removesuffix(".").lower()
    return found if len(found) <= 253 and _DOMAIN.fullmatch(found) else None


def url(value: object, length: int) -> str | None:
    """Return an absolute URL whose host is a domain or an address."""
    found = exact(value, length)
    if found is None or not _URL.fullmatch(found):
        return None
    try:
        host, _ = urlsplit(found).hostname, urlsplit(found).port
    except ValueError:
        return None
    return found if host and (domain(host) or address(host)) else None


def mail_address(value: object) -> str | None:
    """Return an address of the usual form (RFC 5321, without quotes)."""
    found = text(value)
    local, at, host = found.rpartition("@") if len(found) <= 320 else ("", "", "")
    return found if at and _LOCAL_PART.fullmatch(local) and domain(host) else None


def technique(value: object) -> str | None:
    """Return the id of a technique of ATT&CK."""
    found = text(value)
    return found if len(found) < 10 and _TECHNIQUE.fullmatch(found) else None


def port(value: object) -> int | None:
    """Return a port, 0 included."""
    return _between(value, 65_535)


def size(value: object) -> int | None:
    """Return a number of bytes, up to what every platform can store."""
    return _between(value, (1 << 53) - 1)


def _between(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def instant(value: object) -> datetime | None:
    """Return a time in UTC: of seconds since 1970, or of text such as "2026-01-31 13:21:44,590"."""
    if isinstance(value, int | float):
        return _after_beginning(value) if not isinstance(value, bool) else None
    found = text(value)
    try:
        moment = datetime.fromisoformat(found.replace(",", ".")) if len(found) < 50 else None
        if moment is None:
            return None
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        return _after_beginning((moment - BEGINNING).total_seconds())
    except (ValueError, OverflowError):
        return None


def _after_beginning(seconds: float) -> datetime | None:
    """Return the time in whole milliseconds, which is what STIX writes."""
    if not 0 <= seconds < _END_SECONDS:
        return None
    return BEGINNING + timedelta(milliseconds=round(seconds * 1000))
