"""Strings with meaning in binary data: addresses of the net, paths, registry keys, wallets, user agents.

Rules for whoever edits this file:

- time is linear: a window is searched by `bytes.find` and by patterns that begin with a literal byte, for marks such as
  `://`; only the text around a mark is looked at, a bounded piece of it, and the search goes on behind it
- a mark that stands everywhere costs no more than its budget; what is not looked at is counted
- UTF-16LE is searched as the even and the odd bytes of a window; text counts where the bytes between are zero
- data comes in windows that overlap, so that nothing is cut by a border
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

from lib.cuckoo.files.wallets import coin

KINDS = ("url", "domain", "ip", "email", "path", "registry", "pdb", "user_agent", "wallet")
WINDOW_BYTES = 1 << 18
REACH = 2048
"""Characters looked at on either side of a mark; nothing longer is an indicator."""
BUDGET = 200_000
"""Marks of one kind that are looked at."""
_SCHEMES = (
    *(
        "http",
        "https",
        "hxxp",
        "hxxps",
        "ftp",
        "ftps",
        "sftp",
        "ssh",
        "ws",
        "wss",
        "tcp",
        "udp",
        "ldap",
        "ldaps",
    ),
    *("smb", "file", "git", "rtsp", "irc", "socks5", "stratum+tcp", "stratum+ssl"),
)
_SCHEME = re.compile(
    f"(?:{'|'.join(sorted(map(re.escape, _SCHEMES), key=len, reverse=True))})$", re.IGNORECASE
)
_URL_REST = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%{}]++")
_HOST = re.compile(r"(?:[^/?#@]*@)?(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^/?#:\[\]]*)")
_LABELS = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.){1,20}(?P<tld>[a-z][a-z0-9-]{0,61}[a-z0-9])"
)
_NAME_CHARACTERS = f"{ascii_letters}{digits}._-"
_NAME = re.compile(r"[A-Za-z0-9._-]*+")
_ADDRESS = re.compile(r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}")
_TEXT = r'[^\x00-\x1f"<>|*?\x7f-\xff]'
_PATH = re.compile(rf"[A-Za-z]:\\(?:(?!\\|:){_TEXT})(?:(?!:){_TEXT}){{0,259}}+")
_PATH_WORDS = re.compile(r"[A-Za-z0-9_]{3}")
_PATH_END = re.compile(r"\.[A-Za-z0-9]{1,5}(?=[ ,;)'\]])(?![^\\]*\\)")
_UNIX_PATH = re.compile(r"/[A-Za-z0-9._+@~%-]{1,255}(?:/[A-Za-z0-9._+@~%-]{1,255}){1,32}/?")
_KEY = re.compile(rf"(?:(?!:\\){_TEXT}){{1,255}}+")
_KEY_ROOT = re.compile(r"(?:HKEY_[A-Z_]{4,24}|HKLM|HKCU|HKCR|HKU)\\", re.IGNORECASE)
_NO_TEXT = re.compile(r'[\x00-\x1f"<>|*?\x7f-\xff]')
_AGENT = re.compile(r"Mozilla/\d[\x20-\x21\x23-\x7e]{8,512}")
_VERSION_BEFORE = re.compile(r"(?:ersion|VERSION|Ver)\W{0,4}\Z|[A-Za-z0-9]\Z")
_STRING_TAGS = {"\x86", "\x16", "\x0c", "\x13"}
"""Of X.690: a URI as a name, IA5String, UTF8String, PrintableString."""
_ENDINGS_OF_FILES = {
    *(
        "as",
        "bar",
        "bat",
        "bin",
        "bz",
        "cab",
        "cat",
        "cfd",
        "cfg",
        "data",
        "date",
        "do",
        "doc",
        "fm",
        "gdn",
        "gs",
    ),
    *(
        "id",
        "inc",
        "is",
        "java",
        "la",
        "lat",
        "log",
        "map",
        "md",
        "ml",
        "mm",
        "mobi",
        "mov",
        "ms",
        "mt",
        "name",
    ),
    *(
        "ninja",
        "pl",
        "pm",
        "prof",
        "properties",
        "ps",
        "py",
        "rs",
        "sc",
        "search",
        "sh",
        "so",
        "st",
        "sy",
        "tab",
    ),
    *("tel", "tr", "vi", "zip"),
}
"""Domains of the top level that are endings of files or names in programs far more often; they count in URLs."""
_BASE58_RUNS = bytes(
    98 if byte in b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" else 0 for byte in range(256)
)
_WIDE_TEXT = b"az" * 5
_WIDE = bytes(97 if 0x20 <= byte < 0x7F else 122 if byte == 0 else 0 for byte in range(256))


@dataclass(frozen=True)
class Indicator:
    """A string with meaning; each value of a kind stands once, where it was found first."""

    kind: str
    """`url`, `domain`, `ip`, `email`, `path`, `registry`, `pdb`, `user_agent` or `wallet`."""
    value: str
    """As it stands there; domains and hosts of mail addresses in lower case."""
    offset: int
    """Of its first byte: in the file, or with the origin `memory` an address of the process."""
    origin: str
    """`sample` or `memory`."""
    encoding: str
    """`ascii` or `utf-16le`."""


@dataclass
class Indicators:
    """What was found, in order of offset, and for each kind how much more there is."""

    found: list[Indicator] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the indicators as they stand in a section."""
        return [asdict(indicator) for indicator in self.found]


@dataclass(frozen=True)
class _View:
    """Bytes of a window that may be text: all of them, or every second one."""

    data: bytes
    between: bytes
    """What stands between the characters of UTF-16LE; empty for ASCII."""
    base: int
    """Offset of the first character."""
    step: int

    @property
    def encoding(self) -> str:
        return "ascii" if self.step == 1 else "utf-16le"

    def around(self, mark: int) -> tuple[str, str]:
        """Return the text before a mark and from it on; both end where no text is."""
        start = max(0, mark - REACH)
        before, after = self.data[start:mark], self.data[mark : mark + REACH]
        if self.between:
            after = after[: _zeros(self.between[mark : mark + REACH])]
            gaps = _zeros(self.between[start:mark][::-1])
            before = before[len(before) - gaps :] if gaps else b""
        return before.decode("latin-1"), after.decode("latin-1")


@dataclass(frozen=True)
class _Hit:
    """An indicator in a view: where its text begins and ends, relative to the mark."""

    kind: str
    value: str
    start: int
    end: int


_Reader = Callable[[str, str], Iterator[_Hit]]


def indicators(data: Any, origin: str, limit: int) -> Indicators:
    """Find the indicators in data, any buffer of bytes; each value counts once.

    Args:
        data: bytes, or a map of a file.
        origin: what the data is, for example "sample"; stands in each indicator.
        limit: indicators kept of each kind; those beyond are counted in `truncated`.
    """
    finder = Finder(origin, limit)
    finder.search(data)
    return finder.result()


class Finder:
    """Collects the indicators of several pieces of data of one origin."""

    def __init__(self, origin: str, limit: int) -> None:
        self._origin = origin
        self._limit = limit
        self._found: dict[tuple[str, str], Indicator] = {}
        self._kept: Counter[str] = Counter()
        self._truncated: Counter[str] = Counter()
        self._looked: Counter[str] = Counter()

    def search(self, data: Any, base: int = 0) -> None:
        """Search one piece; its first byte has the offset `base`, in a file or in an address space."""
        size = len(data)
        for start in range(0, size, WINDOW_BYTES):
            first = max(0, start - 2 * REACH)
            end = min(start + WINDOW_BYTES, size)
            window = bytes(data[first : min(end + 2 * REACH, size)])
            # marks of the margins belong to the neighbours
            self._search_window(window, base + first, start - first, end - first)

    def result(self) -> Indicators:
        """Return what was found so far."""
        found = sorted(self._found.values(), key=lambda each: (each.offset, KINDS.index(each.kind)))
        return Indicators(found, dict(self._truncated))

    def _search_window(self, window: bytes, base: int, start: int, end: int) -> None:
        if not window.strip(b"\0"):
            return
        self._search_view(_View(window, b"", base, 1), start, end)
        classes = window.translate(_WIDE)
        first, last = classes.find(_WIDE_TEXT), classes.rfind(_WIDE_TEXT)
        if first < 0:
            return
        start, end = max(start, first - REACH), min(end, last + REACH)
        for phase in (0, 1):
            view = _View(window[phase::2], window[phase + 1 :: 2], base + phase, 2)
            self._search_view(view, (start + 1 - phase) // 2, (end + 1 - phase) // 2)

    def _search_view(self, view: _View, start: int, end: int) -> None:
        for kind, marks, read in _SEARCHES:
            behind = start
            for mark in marks(view.data, start, end):
                if mark < behind:
                    continue
                self._looked[kind] += 1
                if self._looked[kind] > BUDGET:
                    self._truncated[kind] += 1
                    break
                behind = max(behind, self._read(view, mark, read))

    def _read(self, view: _View, mark: int, read: _Reader) -> int:
        """Note the indicators at a mark and return where the search goes on."""
        behind = mark + 1
        for hit in read(*view.around(mark)):
            behind = max(behind, mark + hit.end)
            if hit.kind:
                self._note(hit, view.base + (mark + hit.start) * view.step, view.encoding)
        return behind

    def _note(self, hit: _Hit, offset: int, encoding: str) -> None:
        key = (hit.kind, hit.value)
        known = self._found.get(key)
        if known is None and self._kept[hit.kind] >= self._limit:
            self._truncated[hit.kind] += 1
        elif known is None or offset < known.offset:
            self._kept[hit.kind] += known is None
            self._found[key] = Indicator(hit.kind, hit.value, offset, self._origin, encoding)


def is_domain(name: str, *, bare: bool = False) -> bool:
    """Tell whether a name in lower case is a domain of the net.

    `bare` is for names that stand alone: there those do not count that are more often file names or code.
    """
    match = _LABELS.fullmatch(name)
    if match is None or len(name) > 253 or match["tld"] not in _top_level_domains():
        return False
    if not bare:
        return True
    labels = name.split(".")
    return match["tld"] not in _ENDINGS_OF_FILES and max(map(len, labels[:-1])) > 2 and "_" not in name


@cache
def _top_level_domains() -> frozenset[str]:
    lines = Path(__file__).with_name("data").joinpath("tlds.txt").read_text(encoding="ascii").splitlines()
    names = " ".join(line for line in lines if not line.startswith("#")).split()
    return frozenset(names) | {"onion", "i2p", "bit", "arpa"}


def _zeros(between: bytes) -> int:
    return len(between) - len(between.lstrip(b"\0"))


def _url(before: str, after: str) -> Iterator[_Hit]:
    """Read a URL or a path of Windows at its colon."""
    if after.startswith(":\\"):
        yield from _windows_path(before, after)
        return
    scheme = _SCHEME.search(before[-16:])
    rest = _URL_REST.match(after, 3)
    if scheme is None or rest is None:
        return
    text = rest[0][: _declared_length(before[: -len(scheme[0])]) - len(scheme[0]) - 3]
    text = text.rstrip(".,;:!?'*$&")
    for opening, closing in ("()", "[]", "{}"):
        if text.endswith(closing) and opening not in text:
            text = text.rstrip(closing)
    host = _HOST.match(text)
    name = host["host"].lower() if host else ""
    start, end = -len(scheme[0]), 3 + len(text)
    if host is None or not _is_host(name):
        yield _Hit("", "", start, end)
        return
    yield _Hit("url", f"{scheme[0]}://{text}", start, end)
    place = 3 + host.start("host")
    if _ADDRESS.fullmatch(name):
        yield _Hit("ip", name, place, end)
    elif is_domain(name):
        yield _Hit("domain", name, place, end)


def _declared_length(before: str) -> int:
    """Return the length that stands before a text in certificates (X.690: tag, length, text), else the most."""
    return ord(before[-1]) if before[-2:-1] in _STRING_TAGS and 10 < ord(before[-1]) < 0x80 else REACH


def _is_host(name: str) -> bool:
    """Tell whether a URL can lead there; a place that a program fills in counts too."""
    return (
        bool(_ADDRESS.fullmatch(name))
        or name.startswith("[")
        or is_domain(name)
        or name in {"localhost", "%s"}
    )


def _windows_path(before: str, after: str) -> Iterator[_Hit]:
    match = _PATH.match(before[-1:] + after)
    if match is None or _is_word(before[-2:-1]):
        return
    text = match[0]
    ending = _PATH_END.search(text)
    text = (text[: ending.end()] if ending else text).rstrip(" .,;')")
    if _PATH_WORDS.search(text):
        yield _Hit("pdb" if text.lower().endswith(".pdb") else "path", text, -1, len(text) - 1)


def _unix_path(before: str, after: str) -> Iterator[_Hit]:
    match = _UNIX_PATH.match(after)
    if match is not None and not (_is_word(before[-1:]) or before[-1:] in {"/", ".", ":", "_", "-"}):
        yield _Hit("path", match[0].rstrip("."), 0, match.end())


def _named(before: str, after: str) -> Iterator[_Hit]:
    """Read an IPv4 address, a lone domain or the path of a program database at a dot."""
    if after[:4].lower() == ".pdb":
        yield from _pdb(before, after)
        return
    left, right = _ending_with(_NAME_CHARACTERS, before), _NAME.match(after)
    assert right is not None  # the pattern matches the empty text
    name, start, end = left + right[0], -len(left), right.end()
    if len(name) > 253:
        yield _Hit("", "", start, end)
        return
    preceding, following = before[: len(before) - len(left)][-24:], after[end : end + 1]
    stripped = name.strip("-._")
    kind = _kind_of_name(stripped, preceding, following)
    first = start + name.find(stripped) if stripped else start
    yield _Hit(kind, stripped, first, end)


def _kind_of_name(name: str, preceding: str, following: str) -> str:
    if _ADDRESS.fullmatch(name):
        version = name.startswith("0.") or name.endswith(".0.0") or _VERSION_BEFORE.search(preceding)
        return "" if version else "ip"
    stands_alone = preceding[-1:] not in {"/", "\\", "@", "%", "$", "="} and following not in {
        "\\",
        "(",
        "@",
        "=",
    }
    return "domain" if stands_alone and name.islower() and is_domain(name, bare=True) else ""


def _email(before: str, after: str) -> Iterator[_Hit]:
    local, domain = _ending_with(_NAME_CHARACTERS + "%+", before).lstrip(".%+-"), _NAME.match(after, 1)
    host = domain[0].rstrip(".-_").lower() if domain else ""
    in_url = "://" in _ending_with(_NAME_CHARACTERS + "%+:/", before)
    if 0 < len(local) <= 64 and is_domain(host) and not in_url:
        end = 1 + len(host)
        yield _Hit("email", f"{local}@{host}", -len(local), end)
        yield _Hit("domain", host, 1, end)


def _is_word(character: str) -> bool:
    """Tell whether a character adjoins a word: bytes above 0x7f do not."""
    return character.isascii() and character.isalnum()


def _ending_with(characters: str, text: str) -> str:
    """Return the end of a text that consists of some characters."""
    return text[len(text.rstrip(characters)) :]


def _registry_key(before: str, after: str) -> Iterator[_Hit]:
    root = _KEY_ROOT.match(after)
    if root is None and (
        _is_word(before[-1:]) or not after.upper().startswith(("SOFTWARE\\", "\\REGISTRY\\"))
    ):
        return
    match = _KEY.match(after)
    text = match[0].rstrip(" .,;'\\") if match else ""
    if "\\" in text:
        yield _Hit("registry", text, 0, len(text))


def _software_key(before: str, after: str) -> Iterator[_Hit]:
    """Read a key at the second letter of `Software`, unless it is part of a longer one."""
    if before[-2:-1] == "\\":
        return
    for hit in _registry_key(before[:-1], before[-1:] + after):
        yield _Hit(hit.kind, hit.value, hit.start - 1, hit.end - 1)


def _pdb(before: str, after: str) -> Iterator[_Hit]:
    text = _NO_TEXT.split(before[-260:])[-1]
    drive = text.rfind(":\\")
    text = text[max(drive - 1, text.rfind(":") + 1 if drive < 0 else 0) :].lstrip()
    if _PATH_WORDS.search(text) and not _is_word(after[4:5]):
        yield _Hit("pdb", text + after[:4], -len(text), 4)


def _user_agent(before: str, after: str) -> Iterator[_Hit]:
    del before
    match = _AGENT.match(after)
    if match is not None:
        text = match[0].rstrip(" ',\\")
        yield _Hit("user_agent", text, 0, len(text))


def _wallet(before: str, after: str) -> Iterator[_Hit]:
    """Read an address at its prefix or where its characters begin, when no other text adjoins it."""
    word = re.match(r"[A-Za-z0-9]++", after)
    if word is None:
        return
    if len(word[0]) <= 110 and not _is_word(before[-1:]) and coin(word[0]):
        yield _Hit("wallet", word[0], 0, word.end())
    else:
        yield _Hit("", "", 0, word.end())


def _bech32(before: str, after: str) -> Iterator[_Hit]:
    """Read an address at the end of its prefix."""
    length = len(_ending_with("blt", before))
    for hit in _wallet(before[: len(before) - length], before[len(before) - length :] + after):
        yield _Hit(hit.kind, hit.value, hit.start - length, hit.end - length)


def _all(pattern: bytes) -> Callable[[bytes, int, int], Iterator[int]]:
    """Return a search for a pattern; it begins with a literal byte, which makes it as fast as `find`."""
    compiled = re.compile(pattern)

    def marks(data: bytes, start: int, end: int) -> Iterator[int]:
        return (
            match.start()
            for match in compiled.finditer(data, start, min(end + 16, len(data)))
            if match.start() < end
        )

    return marks


def _base58_runs(data: bytes, start: int, end: int) -> Iterator[int]:
    """Yield where runs of at least 26 characters of base 58 begin."""
    classes = data.translate(_BASE58_RUNS)
    place = classes.find(b"b" * 26, start, end + 25)
    while place >= 0:
        yield place
        run = re.compile(b"b++").match(classes, place)
        place = classes.find(b"b" * 26, run.end() if run else place + 1, end + 25)


_SEARCHES: tuple[tuple[str, Callable[[bytes, int, int], Iterator[int]], _Reader], ...] = (
    ("url", _all(rb":(?://[A-Za-z0-9\[%]|\\[^\\])"), _url),
    ("domain", _all(rb"\.(?:(?<=[a-z0-9]{3}\.)[a-z]{2}|(?<=[0-9]\.)[0-9]|PDB)"), _named),
    ("email", _all(rb"@(?<=[A-Za-z0-9_]@)[A-Za-z0-9-]{1,63}\."), _email),
    (
        "path",
        _all(
            rb"/(?:bin|boot|data|dev|etc|home|lib|mnt|opt|private|proc|root|run|sbin|srv|sys|system|tmp|usr|var)/"
        ),
        _unix_path,
    ),
    ("registry", _all(rb"H(?:KEY_|KLM\\|KCU\\|KCR\\|KU\\)"), _registry_key),
    ("registry", _all(rb"\\(?:REGISTRY|Registry|registry)\\"), _registry_key),
    ("registry", _all(rb"oftware\\"), _software_key),
    ("registry", _all(rb"OFTWARE\\"), _software_key),
    ("user_agent", _all(rb"Mozilla/\d"), _user_agent),
    ("wallet", _all(rb"0x[0-9A-Fa-f]{40}"), _wallet),
    ("wallet", _all(rb"c1(?:(?<=bc1)|(?<=ltc1))[02-9ac-hj-np-z]{14}"), _bech32),
    ("wallet", _base58_runs, _wallet),
)
"""The kind whose budget counts, where its marks stand, and what reads the text around one."""
