"""CIRCL hashlookup (https://hashlookup.circl.lu/): known files of operating systems and distributions.

One path is ever asked for, `lookup/sha256/<SHA-256>`; there is no key.
"""

from functools import partial
from typing import Any

from lib.cuckoo.reputation.exchange import Request
from lib.cuckoo.reputation.fields import number, table, text
from lib.cuckoo.reputation.inquiry import Inquiry
from lib.cuckoo.reputation.service import NoAnswerError, Record, Subject

NAME = "hashlookup"
ADDRESS = "https://hashlookup.circl.lu"


class HashLookup:
    """A `ReputationService` that knows files only; `address` may be that of a mirror."""

    def __init__(self, inquiry: Inquiry, address: str = ADDRESS) -> None:
        self._inquiry = inquiry
        self._address = address.rstrip("/")

    def look_up(self, subject: Subject) -> Record:
        """Return the record of `judge`; a URL is not known, without a question.

        Raises:
            NoAnswerError: there is no answer, or it is not about the file.
            CuckooDependencyError: requests is missing.
        """
        if subject.kind != "file":
            return {"found": False, "resource": subject.value}
        request = Request(f"{self._address}/lookup/sha256/{subject.value}", proxy=self._inquiry.proxy)
        return self._inquiry.ask(subject, request, partial(judge, subject))


def judge(subject: Subject, status: int, body: Any) -> Record:
    """Turn an answer into a record: `trust` from 0 to 100, where the file is known from, and as what.

    Raises:
        NoAnswerError: it says neither what is known about the file nor that nothing is.
    """
    answer = body if isinstance(body, dict) else {}
    if status == 404 and "message" in answer:
        return {"found": False, "resource": subject.value}
    if status != 200:
        raise NoAnswerError(f"hashlookup answers with an error: status {status}")
    hashes = {name: text(answer, name) for name in ("MD5", "SHA-1", "SHA-256")}
    if not any(hashes.values()) or (hashes["SHA-256"] or subject.value).lower() != subject.value:
        raise NoAnswerError("hashlookup answers with something that is no record of the file")
    record = {
        "found": True,
        "resource": subject.value,
        "trust": number(answer, "hashlookup:trust"),
        "known_malicious": text(answer, "KnownMalicious"),
        "name": text(answer, "FileName"),
        "size": text(answer, "FileSize"),
        "source": text(answer, "source"),
        "database": text(answer, "db"),
        "product": text(table(answer, "ProductCode"), "ProductName"),
        "system": text(table(answer, "OpSystemCode"), "OpSystemName"),
        "parents": number(answer, "hashlookup:parent-total"),
        **{name.lower().replace("-", ""): digest.lower() for name, digest in hashes.items() if digest},
    }
    return {name: value for name, value in record.items() if value is not None}
