r"""When two values count as the same although two runs never give the same bytes.

Handles, addresses, numbers of processes and threads, times, the names of users and machines and the names that Windows
makes up for temporary files differ from run to run and mean nothing. `Likeness` puts a word such as `<user>` in their
place; `exact` leaves everything as it is. What is shown are always the values themselves.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from lib.cuckoo.reporting.story.values import Record, mapping, sequence, text

_NUMBER = re.compile(r"-?(?:0x[0-9a-f]{1,16}|[0-9]{1,20})", re.IGNORECASE)
_RUN_SPECIFIC = re.compile(
    r"handle|address|pointer|ptr$|base$|routine$|callback|module$|parameter$|atom$|handler$|filter$"
    r"|section_?offset|buffer$|^source$|^destination$|resource_?(?:info|data)$|crypt_?key|^service_?control_?manager$"
    r"|socket|^s$|memory_?load|^avail|^registry$|(?:process|thread)_?id(?:entifier)?$|^[pt]id$|time(?!out)|tick|seed|cookie|serial|hook_?id",
    re.IGNORECASE,
)
"""Names of arguments whose numbers differ from run to run, in the words of all three families of monitors."""
_HUNGARIAN = re.compile(r"h[A-Z]|lp[A-Z]")
_KEPT = re.compile(
    r"(?P<nothing>0x0+|0)|(?P<self>-1|0x(?:f{8}){1,2}|4294967295)|0x(?:f{8})?8000000(?P<root>[0-6])",
    re.IGNORECASE,
)
"""Nothing, the process itself, and the roots of the registry: the same in every run, be it of 32 or of 64 bits."""
_RAW = re.compile(r"\\x[0-9a-f]{2}")
"""Bytes that are no text, as reports show them: in buffers they are addresses, keys and noise."""
_BYTES = re.compile(r"buffer|information|data$", re.IGNORECASE)
_VOLATILE = re.compile(
    r"""
    [\\/{SsVv_12] (?i:
        (?<=[\\/]) (?: users | documents\ and\ settings ) [\\/] (?! public[\\/] | default | all\ users )
          (?P<user> [^\\/"<>|\r\n]{1,64} ) (?=[\\/]|$)
      | (?<=s) -1-5-21- (?P<machine> [0-9]{1,10} - [0-9]{1,10} - [0-9]{1,10} )
      | (?<=v) olume\{ (?P<volume> [0-9a-f-]{36} )
      | (?<=[\\/]) (?P<temporary>
            (?: ~DF[0-9a-f]{4,20} | [a-z~_-]{0,3}[0-9a-f]{1,8} | is-[0-9a-z]{5} | (?:csc|vbc|res)[0-9a-f]{4,32} )
            (?=\.tmp)
          | (?: tmp[a-z0-9_]{6,8} | _MEI[0-9]{1,8} | 7zS[0-9a-f]{8} ) (?=[\\/.]|$)
          | (?: content\.ie5 | inetcache[\\/]ie ) [\\/] [a-z0-9]{8} (?=[\\/]) )
      | (?<=_) _PSScriptPolicyTest_ (?P<policy> [a-z0-9]{8}\.[a-z0-9]{3} )
      | (?<=\{) (?: (?<!\\.) | (?<=global\\.) | (?<=local\\.) )
          (?P<guid> [0-9a-f]{8} - [0-9a-f]{4} - 4[0-9a-f]{3} - [89ab][0-9a-f]{3} - [0-9a-f]{12} )
      | (?<=s) M0: (?P<pid> [0-9]{1,10} ) (?=:)
      | (?<=[12]) (?P<time> [0-9]{3}-[01][0-9]-[0-3][0-9] [ T] [0-2][0-9]:[0-5][0-9]:[0-5][0-9] (?:[.,][0-9]{1,9})? )
    )""",
    re.VERBOSE,
)
"""Begins with characters that are searched for in one go: most text has nothing of all this."""
_LOOSE_NUMBER = re.compile(r"(?<![0-9A-Za-z.])[0-9]{2,10}(?![0-9A-Za-z.])")
_SHORTEST_NAME = 4
"""Characters of a sample's name that is looked for in other text."""
_LONGEST_NAME = 1000
"""Characters; what comes later in longer text, which is no name of anything, counts as it is."""
_FAILURES = (False, 0, "FAILURE")


class Likeness:
    """What two values of one run and another must share to count as the same.

    Args:
        exact: whether everything counts.
        pids: numbers of processes of the run, which its commands and mutexes may hold.
        sample: the sample's file name, when that of the other run is another one; else "".
    """

    def __init__(self, *, exact: bool = False, pids: frozenset[str] = frozenset(), sample: str = "") -> None:
        self.exact = exact
        self._pids = pids
        plausible = _SHORTEST_NAME <= len(sample) <= _LONGEST_NAME
        self._sample = re.compile(re.escape(sample), re.IGNORECASE) if plausible else None

    def of_text(self, value: str) -> str:
        """Return what a text has in common with that of another run."""
        if self.exact:
            return value
        if self._sample is not None:
            value = self._sample.sub("<sample>", value)
        return _plain(value[:_LONGEST_NAME]) + value[_LONGEST_NAME:]

    def of_name(self, value: str) -> str:
        """Return the same of a path or a name of Windows, where case does not count."""
        return value if self.exact else self.of_text(value).lower()

    def of_command(self, value: str) -> str:
        """Return the same of a command or a mutex, which may hold numbers of processes."""
        if self.exact or not self._pids:
            return self.of_name(value)
        return _LOOSE_NUMBER.sub(self._pid, self.of_name(value))

    def of_call(self, call: Record) -> int:
        """Return a number that is the same for calls that count as the same, for as long as the program runs."""
        found = [text(call.get("api")), *self._outcome(call)]
        for name, value in arguments_of(call):
            found += (name, self.of_argument(name, value))
        return hash(tuple(found))

    def members(self, call: Record) -> dict[str, str]:
        """Return what counts of a call but its name: arguments, whether it failed and how."""
        outcome = zip(("status", "return", "repeated"), self._outcome(call), strict=False)
        return {name: self.of_argument(name, value) for name, value in arguments_of(call)} | dict(outcome)

    def _outcome(self, call: Record) -> list[str]:
        """Return whether a call failed and how; what came of a good one is mostly a handle or an address."""
        failed = call.get("status") in _FAILURES
        returned = text(call.get("return", call.get("return_value")))
        if self.exact:
            return [str(failed), returned, text(call.get("repeated"))]
        return ["failed", returned] if failed else ["", ""]

    def of_argument(self, name: str, value: object) -> str:
        """Return what the value of an argument has in common with that of another run."""
        shown = value if type(value) is str else text(value)
        if self.exact:
            return shown
        if is_run_specific(name) and _NUMBER.fullmatch(shown):
            kept = _KEPT.fullmatch(shown)
            return f"<{kept.lastgroup} {kept['root'] or ''}>" if kept else "<number>"
        if _RAW.search(shown) and _BYTES.search(name):
            return "<bytes>"
        return self.of_text(shown)

    def _pid(self, found: re.Match[str]) -> str:
        return "<pid>" if found[0] in self._pids else found[0]


@lru_cache(maxsize=1 << 14)
def _plain(value: str) -> str:
    return _VOLATILE.sub(_word, value)


def _word(found: re.Match[str]) -> str:
    return f"<{found.lastgroup}>"


@lru_cache(maxsize=1 << 14)
def is_run_specific(name: str) -> bool:
    """Tell whether numbers under this name are handles, addresses, ids or times."""
    return bool(_RUN_SPECIFIC.search(name) or _HUNGARIAN.match(name))


def arguments_of(call: Record) -> Iterator[tuple[str, Any]]:
    """Yield names and values; the second family gives a mapping, the others a list of records."""
    arguments = call.get("arguments")
    if isinstance(arguments, Mapping):
        for name, value in arguments.items():
            yield text(name), value
        return
    for each in sequence(arguments):
        one = each if type(each) is dict else mapping(each)  # millions of times
        name = one.get("name")
        yield name if type(name) is str else text(name), one.get("value")
