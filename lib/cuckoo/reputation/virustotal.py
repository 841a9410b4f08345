"""VirusTotal, API version 3 (https://docs.virustotal.com/reference/overview): reports on files and URLs.

Two paths are ever asked for, `files/<SHA-256>` and `urls/<URL in base64url>`.
"""

import base64
import re
from collections import Counter
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reputation.exchange import Request
from lib.cuckoo.reputation.families import families, winner
from lib.cuckoo.reputation.fields import clean, moment, number, table, text, texts
from lib.cuckoo.reputation.inquiry import Inquiry
from lib.cuckoo.reputation.service import NoAnswerError, Record, Subject

NAME = "VirusTotal"
ADDRESS = "https://www.virustotal.com/api/v3"
_PAGES = "https://www.virustotal.com/gui"
_DETECTED = ("malicious", "suspicious")
_COUNTED = (*_DETECTED, "harmless", "undetected")
_ENGINES, _WORDS = 200, 100
_CODE = re.compile(r"[A-Za-z]{1,60}")
_WRONG_KEY = {"WrongCredentialsError", "AuthenticationRequiredError", "UserNotActiveError", "ForbiddenError"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HERE = {"127.0.0.1", "::1", "localhost"}


class VirusTotal:
    """A `ReputationService` that needs a key; `address` is that of the API, for a gateway of one's own.

    Raises:
        CuckooDependencyError: the key would be sent in the clear to another machine.
    """

    def __init__(self, inquiry: Inquiry, key: str, address: str = ADDRESS) -> None:
        self._inquiry = inquiry
        self._secrets = {"x-apikey": key}
        self._address = require_protected(address).rstrip("/")

    def look_up(self, subject: Subject) -> Record:
        """Return the record of `record_of`, or that the service does not know the subject.

        Raises:
            NoAnswerError: there is no answer, or it is not about the subject.
            CuckooDependencyError: the key is wrong, or requests is missing.
        """
        identifier = subject.value if subject.kind == "file" else url_identifier(subject.value)
        url = f"{self._address}/{subject.kind}s/{identifier}"
        request = Request(url, self._secrets, self._inquiry.proxy)
        return self._inquiry.ask(subject, request, partial(judge, subject))


def require_protected(address: str) -> str:
    """Return an address that a key may be sent to: HTTPS, or this machine.

    Raises:
        CuckooDependencyError: it is none.
    """
    try:
        parts = urlsplit(address)
        if parts.scheme == "https" and parts.hostname:
            return address
        if parts.scheme == "http" and parts.hostname in _HERE:
            return address
    except ValueError:
        pass
    raise CuckooDependencyError("the address of VirusTotal must start with https://, to protect the key")


def url_identifier(url: str) -> str:
    """Return what the API calls a URL: its text in base64url, without padding."""
    return base64.urlsafe_b64encode(url.encode(errors="replace")).decode().rstrip("=")


def judge(subject: Subject, status: int, body: Any) -> Record:
    """Turn an answer into a record.

    Raises:
        NoAnswerError: it says neither what is known about the subject nor that nothing is.
        CuckooDependencyError: it refuses the key.
    """
    answer = body if isinstance(body, dict) else {}
    code = text(table(answer, "error"), "code") or ""
    if status == 404 and code == "NotFoundError":
        return {"found": False, "resource": subject.value}
    if status in {401, 403} and code in _WRONG_KEY:
        raise CuckooDependencyError(f"VirusTotal refuses the key ({code}): check it, or take it out")
    if status != 200:
        named = f" {code}" if _CODE.fullmatch(code) else ""
        raise NoAnswerError(f"VirusTotal answers with an error: status {status}{named}")
    found = table(answer, "data")
    if found.get("type") != subject.kind or not isinstance(found.get("attributes"), dict):
        raise NoAnswerError(f"VirusTotal answers with something that is no report on a {subject.kind}")
    return record_of(subject, str(found.get("id")), found["attributes"])


def record_of(subject: Subject, identifier: str, attributes: dict[str, Any]) -> Record:
    """Return what the report says, in the names that readers of version 2 know, where there is one.

    Raises:
        NoAnswerError: it is about another file.
    """
    if subject.kind == "file" and identifier.lower() != subject.value:
        raise NoAnswerError("VirusTotal answers with a report on another file")
    scans = dict(islice(_scans(table(attributes, "last_analysis_results")), _ENGINES))
    ranked = families(scans)
    record = {
        "found": True,
        "resource": subject.value,
        **_counts(scans, table(attributes, "last_analysis_stats")),
        "permalink": f"{_PAGES}/{subject.kind}/{identifier}"
        if _SHA256.fullmatch(identifier.lower())
        else None,
        "scan_date": moment(attributes, "last_analysis_date"),
        "first_seen": moment(attributes, "first_submission_date"),
        "last_seen": moment(attributes, "last_submission_date"),
        "times_submitted": number(attributes, "times_submitted"),
        "reputation": number(attributes, "reputation"),
        "threat_label": text(table(attributes, "popular_threat_classification"), "suggested_threat_label"),
        "family": winner(ranked),
        "families": ranked,
        **_lists(attributes),
        **(_of_file(attributes) if subject.kind == "file" else _of_url(attributes)),
        "scans": scans,
        "results": [
            {"vendor": engine, "sig": scan["result"]} for engine, scan in scans.items() if scan["detected"]
        ],
    }
    return {name: value for name, value in record.items() if value is not None}


def _scans(results: dict[str, Any]) -> Any:
    for engine, verdict in results.items():
        if isinstance(verdict, dict):
            category = text(verdict, "category")
            yield (
                clean(engine),
                {
                    "detected": category in _DETECTED,
                    "result": text(verdict, "result"),
                    "version": text(verdict, "engine_version"),
                    "update": text(verdict, "engine_update"),
                    "category": category,
                },
            )


def _counts(scans: dict[str, Any], statistics: dict[str, Any]) -> dict[str, Any]:
    """Count verdicts; engines that could not or did not look are none. The report's own sums stand in for a lack."""
    counted = Counter(scan["category"] for scan in scans.values())
    by_category = {name: counted[name] if scans else number(statistics, name) or 0 for name in _COUNTED}
    positives, total = sum(by_category[name] for name in _DETECTED), sum(by_category.values())
    return {"summary": f"{positives}/{total}", "positives": positives, "total": total}


def _lists(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return names and tags, at most 100 each, and how many that leaves out."""
    whole = {name: list(dict.fromkeys(texts(attributes, name))) for name in ("names", "tags")}
    beyond = {name: len(words) - _WORDS for name, words in whole.items() if len(words) > _WORDS}
    cut = {name: words[:_WORDS] for name, words in whole.items()}
    return cut | ({"truncated": beyond} if beyond else {})


def _of_file(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": text(attributes, "meaningful_name"),
        "type": text(attributes, "type_description"),
        "magic": text(attributes, "magic"),
        "size": number(attributes, "size"),
        **{name: text(attributes, name) for name in ("md5", "sha1", "sha256", "ssdeep", "tlsh", "vhash")},
    }


def _of_url(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": text(attributes, "url"),
        "final_url": text(attributes, "last_final_url"),
        "title": text(attributes, "title"),
        "http_status": number(attributes, "last_http_response_code"),
    }
