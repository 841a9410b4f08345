"""What was asked of name services, and what was answered: one record for each name and type of question."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from lib.cuckoo.network.conversation import Record
from lib.cuckoo.network.dns import NETBIOS_TYPES, Answer, Message, netbios_name

FAMILIES = {53: "dns", 5353: "mdns", 5355: "llmnr", 137: "nbns"}
"""Port of the server to the section that its questions belong to."""
MOST_OPEN = 10_000
"""Questions that wait for their answer; the oldest is let go first."""
MOST_ANSWERS = 256
"""Different answers kept for one question."""
MOST_NAMES = 16
"""Names kept for one address."""


class Questions:
    """The questions of one capture.

    Attributes:
        names: address to the names that were resolved to it, directly or over aliases, first seen first.
        truncated: questions beyond the bound, by family.
    """

    def __init__(self, maximum: int) -> None:
        self.names: dict[str, dict[str, None]] = {}
        self.truncated: dict[str, int] = {}
        self._maximum = maximum
        self._records: dict[tuple[str, str, str], Record] = {}
        self._answers: dict[tuple[str, str, str], dict[Answer, None]] = {}
        self._latest: dict[tuple[str, str, str], Message] = {}
        self._open: OrderedDict[tuple[bytes, int, str], float] = OrderedDict()

    def add(self, family: str, flow: bytes, identification: int, found: Message, time: float) -> None:
        """Take a message; `flow` is the key of the client's direction, the same for question and answer."""
        for name, kind in found.questions:
            key = (family, name, kind) if family != "nbns" else _netbios_key(name, kind)
            record = self._records.get(key) or self._new(key, time)
            if record is None:
                continue
            if not found.response:
                record["count"] += 1
            if record["latency"] is None:
                self._time(record, (flow, identification, name), found, time)
            if found.response and self._latest.get(key) is not found:
                self._answer(record, key, found)
        if found.response and not found.questions:
            self._announcement(family, found, time)

    def _new(self, key: tuple[str, str, str], time: float) -> Record | None:
        family, name, kind = key
        if len(self._records) >= self._maximum:
            self.truncated[family] = self.truncated.get(family, 0) + 1
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
        if record["rcode"] in {None, "SERVFAIL", "REFUSED"} or found.rcode == "NOERROR":
            record["rcode"] = found.rcode
        self._keep_answers(key, found)

    def _keep_answers(self, key: tuple[str, str, str], found: Message) -> None:
        known = self._answers[key]
        self._latest[key] = found
        for answer in found.answers:
            if answer not in known and len(known) < MOST_ANSWERS:
                known[answer] = None
                if answer.type in {"A", "AAAA"}:
                    self._learn(answer, key[1])

    def _learn(self, answer: Answer, asked: str) -> None:
        names = self.names.get(answer.data)
        if names is None and len(self.names) < self._maximum:
            names = self.names[answer.data] = {}
        if names is not None and len(names) < MOST_NAMES:
            names.setdefault(asked)
            names.setdefault(answer.name)

    def _announcement(self, family: str, found: Message, time: float) -> None:
        """A multicast answer that nobody asked for in the same message: known by its owner's name."""
        for answer in found.answers:
            name, kind = answer.name, answer.type
            key = (family, name, kind) if family != "nbns" else _netbios_key(name, kind)
            if self._records.get(key) or self._new(key, time):
                self._keep_answers(key, Message(True, found.rcode, False, (), (answer,)))

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


def _netbios_key(name: str, kind: str) -> tuple[str, str, str]:
    number = int(kind[4:]) if kind.startswith("TYPE") else 33 if kind == "SRV" else 0
    return "nbns", netbios_name(name), NETBIOS_TYPES.get(number, kind)


def _answer_record(answer: Answer, asked: str) -> dict[str, Any]:
    record: dict[str, Any] = {"type": answer.type, "data": answer.data, "ttl": answer.ttl}
    if answer.name != asked:
        record["name"] = answer.name
    return record


def family_of(source: int, destination: int) -> str | None:
    """Return the name service that a pair of ports belongs to."""
    return FAMILIES.get(destination) or FAMILIES.get(source)
