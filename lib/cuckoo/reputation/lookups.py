"""Looking up the files of an analysis, or its URL, with any service."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.objects import File
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.common.root import find_root
from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.cache import AnswerCache
from lib.cuckoo.reputation.inquiry import Inquiry
from lib.cuckoo.reputation.pace import Pace
from lib.cuckoo.reputation.service import (
    NoAnswerError,
    Record,
    ReputationService,
    Subject,
    file_subject,
    url_subject,
)

_LARGEST_NUMBER = 1_000_000
_PROGRAMS = ("PE32", "ELF", "Mach-O", "MS-DOS", "DOS")
"""How the types of dropped files begin that are looked up first."""


@dataclass(frozen=True)
class Analysis:
    """What a module knows of the analysis."""

    path: str
    task: Mapping[str, Any]
    results: Mapping[str, Any]


def inquiry(name: str, options: Mapping[str, Any], *, per_minute: int) -> Inquiry:
    """Return how a service is asked, by the options that the modules of all services share.

    Answers and pace are kept in `storage/cache/reputation/<name>` of the working root.

    Raises:
        CuckooProcessingError: an option is no whole number, or out of its range.
        CuckooDependencyError: the proxy is not one of HTTP.
    """
    folder = find_root().path / "storage" / "cache" / "reputation" / name.lower()
    return Inquiry(
        name=name,
        cache=AnswerCache(
            folder, _number(options, "cache_hours", 168), _number(options, "unknown_hours", 24)
        ),
        pace=Pace(folder / "pace", _number(options, "per_minute", per_minute)),
        budget=Budget(_number(options, "budget", 120, least=1)),
        timeout_seconds=_number(options, "timeout", 20, least=1),
        retries=_number(options, "retries", 3),
        proxy=_proxy(str(options.get("proxy") or "")),
    )


def _number(options: Mapping[str, Any], name: str, default: int, least: int = 0) -> int:
    value = options.get(name, default)
    if type(value) is not int or not least <= value <= _LARGEST_NUMBER:
        raise CuckooProcessingError(
            f"the option {name} must be a whole number from {least} to {_LARGEST_NUMBER:,}"
        )
    return value


def _proxy(url: str) -> str:
    try:
        sound = not url or (urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname)
    except ValueError:
        sound = False
    if not sound:
        raise CuckooDependencyError("the option proxy must be the URL of an HTTP proxy: http://host:port")
    return url


def in_root(name: str) -> str:
    """Return the path of a file that is named relative to the working root; empty for no name."""
    return str(find_root().path / Path(name).expanduser()) if name else ""


def look_up_analysis(
    service: ReputationService,
    analysis: Analysis,
    options: Mapping[str, Any],
    note: Callable[[str], None],
) -> Record:
    """Return the record of the target, with those of dropped files as `dropped` where the options want any.

    An analysis without a target has an empty record. `note` is told what was not looked up.

    Raises:
        NoAnswerError: there is no answer on the target.
        CuckooDependencyError: this machine is not set up for the service.
        CuckooProcessingError: the sample cannot be read, or what should be a SHA-256 or URL is none.
    """
    target = _target(analysis)
    record = service.look_up(target) if target else {}
    maximum = _number(options, "dropped", 0)
    if not maximum:
        return record
    subjects, others = dropped_subjects(analysis.results, target, maximum)
    records, problem = _look_up_each(service, subjects)
    if problem:
        note(f"dropped files that were not looked up: {len(subjects) - len(records)}: {problem}")
    if others:
        note(f"dropped files beyond the first {maximum} that were not looked up: {others}")
    return record | {"dropped": records}


def _target(analysis: Analysis) -> Subject | None:
    """Return what was analysed; without the section `target` the sample is hashed here."""
    if analysis.task.get("category") == "url":
        return url_subject(analysis.task.get("target"))
    target = analysis.results.get("target")
    file = target.get("file") if isinstance(target, dict) else None
    if isinstance(file, dict) and file.get("sha256"):
        return file_subject(file["sha256"])
    if analysis.task.get("category") != "file":
        return None
    return file_subject(File(INPUTS["file_path"], AnalysisFolder(analysis.path)).get_sha256())


def dropped_subjects(
    results: Mapping[str, Any], target: Subject | None, maximum: int
) -> tuple[list[Subject], int]:
    """Return the dropped files to look up, programs first, and how many others there are.

    Empty files and the target itself are of no interest.
    """
    section = results.get("dropped")
    records = [each for each in (section if isinstance(section, list) else []) if isinstance(each, dict)]
    records.sort(key=lambda each: not str(each.get("type")).startswith(_PROGRAMS))
    subjects = [file_subject(each["sha256"]) for each in records if each.get("sha256") and each.get("size")]
    wanted = [subject for subject in dict.fromkeys(subjects) if subject != target]
    return wanted[:maximum], max(0, len(wanted) - maximum)


def _look_up_each(service: ReputationService, subjects: Iterable[Subject]) -> tuple[list[Record], str]:
    """Look up until there is no answer; return the records, and what kept the rest from being looked up."""
    records: list[Record] = []
    for subject in subjects:
        try:
            records.append(service.look_up(subject))
        except NoAnswerError as error:
            return records, str(error)
    return records, ""
