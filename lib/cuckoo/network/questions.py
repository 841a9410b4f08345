"""What was asked of name services, and what was answered: one record for each name and type of question."""

from collections import OrderedDict
from collections.abc import Iterator
from sys import getsizeof
from typing import Any

from lib.cuckoo.network.conversation import Pool, Record
from lib.cuckoo.network.dns import Answer, Message, message

FAMILIES = {53: "dns", 5353: "mdns", 5355: "llmnr", 137: "nbns"}
"""Port of the server to the section that its questions belong to."""
MOST_OPEN = 10_000
"""Questions that wait for their answer; the oldest is let go first."""
MOST_ANSWERS = 256
"""Different answers kept for one question."""
MOST_NAMES = 16
"""Names kept for one address."""
ANSWER_SIZE = 200
"""Bytes that an answer takes beside those of its texts."""
MOST_SETTLED = 4096
"""Messages of one family that are known to change nothing but a count."""
LONGEST_SETTLED = 512
"""Bytes of such a message: what is longer is rarely sent again."""
_MAY_IMPROVE = frozenset({None, "SERVFAIL", "REFUSED"})
"""Return codes that any later one replaces."""


class Questions:
    """The questions of one capture.

    Attributes:
        names: address to the names that were resolved to it, directly or over aliases, first seen first.
        truncated: questions beyond the bound, by family, and answers beyond theirs, by family and "_answers".
    """

    def __init__(self, maximum: int, size: int = 16 << 20) -> None:
        """Keep `maximum` questions of all families together, and about `size` bytes of answers."""
        self.names: dict[str, dict[str, None]] = {}
        self.truncated: dict[str, int] = {}
        self._maximum = maximum
        self._records: dict[tuple[str, str, str], Record] = {}
        self._answers: dict[tuple[str, str, str], dict[Answer, None]] = {}
        self._room = Pool(size)
        self._open: OrderedDict[tuple[bytes, int, str], float] = OrderedDict()
        self._settled: dict[str, dict[bytes, Record]] = {family: {} for family in FAMILIES.values()}
        self._answered: Record = {"count": 0}

    def repeats(self, family: str, payload: bytes) -> bool:
        """Take a message that was seen before and of which only the count can change; False for any other."""
        record = self._settled[family].get(payload[2:])
        if record is None:
            return False
        record["count"] += 1
        return True

    def add(self, family: str, flow: bytes, payload: bytes, time: float) -> bool:
        """Take a message; False when a part of it could not be read.

        `flow` is the key of the client's direction, the same for question and answer.

        Raises:
            dns.Malformed: this is no message.
        """
        identification, found = message(payload, netbios=family == "nbns")
        # other families ask everybody, and somebody answers
        asker = flow if family == "dns" else family.encode()
        for name, kind in found.questions:
            key = (family, name, kind)
            record = self._records.get(key) or self._new(key, time)
            if record is None:
                continue
            if not found.response:
                record["count"] += 1
            if record["latency"] is None:
                self._time(record, (asker, identification, name), found, time)
            if found.response:
                self._answer(record, key, found)
            if record["latency"] is not None and len(found.questions) == 1 and found.whole:
                self._settle(family, payload, record, found)
        if found.response and not found.questions:
            self._announcement(family, (asker, identification), found, time)
        return found.whole

    def _settle(self, family: str, payload: bytes, record: Record, found: Message) -> None:
        """Remember a message: its question was answered, so the same one again says nothing new."""
        settled = self._settled[family]
        if len(payload) > LONGEST_SETTLED or (found.response and record["rcode"] in _MAY_IMPROVE):
            return
        if len(settled) >= MOST_SETTLED:
            settled.clear()
        settled[payload[2:]] = self._answered if found.response else record

    def _new(self, key: tuple[str, str, str], time: float) -> Record | None:
        family, name, kind = key
        if len(self._records) >= self._maximum:
            self._let_go(family)
            return None
        record = self._records[key] = {
            "request": name, "type": kind, "answers": [], "first_seen": time, "count": 0,
            "rcode": None, "latency": None,
        }  # fmt: skip
        self._answers[key] = {}
        return record

    def _time(self, record: Record, slot: tuple[bytes, int, str], found: Message, time: float) -> None:
        """Note when a question was asked, or how long its answer took: of the first answer that is for one."""
        if not found.response:
            self._open[slot] = time
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        elif (asked := self._open.pop(slot, None)) is not None:
            record["latency"] = round(time - asked, 6)

    def _answer(self, record: Record, key: tuple[str, str, str], found: Message) -> None:
        if record["rcode"] in _MAY_IMPROVE or found.rcode == "NOERROR":
            record["rcode"] = found.rcode
        for answer in found.answers:
            self._keep(key, answer)

    def _keep(self, key: tuple[str, str, str], answer: Answer) -> None:
        """Note an answer to a question, or count it when there is no room for it."""
        known = self._answers[key]
        if answer in known:
            return
        size = ANSWER_SIZE + getsizeof(answer.name) + getsizeof(answer.data)
        if len(known) >= MOST_ANSWERS or not self._room.take(size):
            self._let_go(f"{key[0]}_answers")
            return
        known[answer] = None
        if answer.type in {"A", "AAAA"}:
            self._learn(answer, self._records[key]["request"])

    def _let_go(self, kind: str) -> None:
        self.truncated[kind] = self.truncated.get(kind, 0) + 1

    def _learn(self, answer: Answer, asked: str) -> None:
        names = self.names.get(answer.data)
        if names is None and len(self.names) < self._maximum:
            names = self.names[answer.data] = {}
        if names is not None and len(names) < MOST_NAMES:
            names.setdefault(asked)
            names.setdefault(answer.name)

    def _announcement(self, family: str, slot: tuple[bytes, int], found: Message, time: float) -> None:
        """An answer without its question, as of multicast and NetBIOS: known by its owner's name."""
        for answer in found.answers:
            key = (family, answer.name, answer.type)
            record = self._records.get(key) or self._new(key, time)
            if record is None:
                continue
            if record["latency"] is None:
                self._time(record, (*slot, answer.name), found, time)
            record["rcode"] = record["rcode"] or found.rcode
            self._keep(key, answer)

    def section(self, family: str) -> list[Record]:
        """Return the records of a family, first asked first."""
        found = []
        for key, record in self._records.items():
            if key[0] == family:
                answers = [_answer_record(answer, key[1]) for answer in self._answers[key]]
                found.append({**record, "answers": answers})
        return found

    def reverse_name(self, pointer: str) -> str:
        """Return the name that an address resolved to in reverse, an empty string when nobody asked."""
        return next((each.data for each in self._answers.get(("dns", pointer, "PTR"), ())), "")

    def domains(self) -> Iterator[tuple[str, str]]:
        """Yield each name that was asked for (reverse look-ups aside) and the first address it led to."""
        seen: dict[str, str] = {}
        for (family, name, _), known in self._answers.items():
            if family == "dns" and name and not name.endswith(".arpa") and not seen.get(name):
                seen[name] = next((each.data for each in known if each.type in {"A", "AAAA"}), "")
        yield from seen.items()


def _answer_record(answer: Answer, asked: str) -> dict[str, Any]:
    record: dict[str, Any] = {"type": answer.type, "data": answer.data, "ttl": answer.ttl}
    if answer.name != asked:
        record["name"] = answer.name
    return record


def family_of(source: int, destination: int) -> str | None:
    """Return the name service that a pair of ports belongs to."""
    return FAMILIES.get(destination) or FAMILIES.get(source)
