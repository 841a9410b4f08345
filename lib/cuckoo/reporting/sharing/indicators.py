"""Values worth looking for elsewhere: those that were seen in action, and are on no allow-list."""

import re
from collections.abc import Callable, Mapping

from lib.cuckoo.common.text import visible
from lib.cuckoo.reporting.iocs.allowed import Allowed
from lib.cuckoo.reporting.iocs.gather import Bounds as Room
from lib.cuckoo.reporting.iocs.gather import gather
from lib.cuckoo.reporting.iocs.indicator import Indicator as Told
from lib.cuckoo.reporting.sharing.records import Bounds, Indicator
from lib.cuckoo.reporting.sharing.tally import Tally
from lib.cuckoo.reporting.sharing.values import domain, exact, instant, internal, mail_address, url
from lib.cuckoo.reporting.story.values import Record

_MOST_SOURCES = 20
_WRITTEN_KEYS = ("behavior.summary.write_keys", "CAPE.configs")
"""Sources of registry keys of the sample's own; the others are keys that it looked at, or tidied up."""
_NO_PROOF = re.compile(
    r"static\.indicators|procmemory\.indicators"  # text: every program mentions its makers
    r"|.*\.(?:req|resp)\.\w+"  # bodies: what the guest said, and answers such as an error page
    r"|.*\.messages\.(?:rcpt_to|to)"  # whoever gets mail is a victim
)
"""Sources that alone make no indicator."""


def indicators(
    results: Record, tally: Tally, bounds: Bounds, allowed: Allowed
) -> dict[tuple[str, str], Indicator]:
    """Return the indicators of the wanted kinds by kind and value."""
    gathered = gather(results, Room(entries=bounds.entries, length=bounds.text, calls=0), allowed)
    found: dict[tuple[str, str], Indicator] = {}
    for told in gathered.indicators:
        if told.kind not in bounds.kinds or not _in_action(told):
            continue
        if told.allowed:
            tally.allowed()
        elif not _checked(told, bounds.text):
            tally.unfit("indicator")
        else:
            seen = instant(told.first_seen)
            sources = tuple(visible(source, 100) for source in told.sources[:_MOST_SOURCES])
            found[told.kind, told.value] = Indicator(told.kind, told.value, sources, seen)
    for counts in (gathered.beyond, gathered.too_long):
        tally.beyond("indicator", sum(counts.get(kind, 0) for kind in bounds.kinds))
    return found


def _in_action(told: Told) -> bool:
    if told.kind == "registry":
        return any(source in _WRITTEN_KEYS for source in told.sources)
    return not all(_NO_PROOF.fullmatch(source) for source in told.sources)


def _checked(told: Told, length: int) -> bool:
    if told.kind in _CHECKS:
        return _CHECKS[told.kind](told.value, length)
    return exact(told.value, length) is not None


_CHECKS: Mapping[str, Callable[[str, int], bool]] = {
    "domain": lambda value, _: domain(value) == value,
    "ip": lambda value, _: not internal(value),
    "url": lambda value, length: url(value, length) is not None,
    "email": lambda value, _: mail_address(value) is not None,
}
