"""Answers of services on disk, so that processing an analysis again costs no quota.

`<folder>/<files or urls>/<first two digits>/<SHA-256>.json` holds the URL that was asked, the time, the status and
the body as they came. Any file that is not of this form counts as absent, and is replaced by the next answer.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lib.cuckoo.reputation.service import Subject

_LARGEST_BYTES = 32 << 20
_HOUR = 3600
NOT_FOUND = 404


@dataclass(frozen=True)
class Answer:
    """What a service answered, and when, in seconds since 1970."""

    url: str
    asked: int
    status: int
    body: str
    """The text as it came, not yet decoded: it may be nested more deeply than can be written again."""


@dataclass(frozen=True)
class AnswerCache:
    """A folder of answers; ages are in hours, and 0 keeps nothing."""

    folder: Path
    hours: int
    unknown_hours: int
    """For answers that say "not found", which may soon be out of date."""
    clock: Callable[[], float] = time.time

    def get(self, subject: Subject, url: str) -> Answer | None:
        """Return the answer to a question, None if there is none that is young enough."""
        try:
            with self._file(subject).open("rb") as file:
                answer = _parsed(file.read(_LARGEST_BYTES))
        except OSError:
            return None
        return answer if answer and answer.url == url and self._is_fresh(answer) else None

    def put(self, subject: Subject, answer: Answer) -> None:
        """Keep an answer; those that went out of date beside it are removed.

        Raises:
            OSError: it cannot be written.
        """
        if not self._hours(answer.status):
            return
        file = self._file(subject)
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, json.dumps(vars(answer)).encode())
        self._remove_old(file.parent)

    def _file(self, subject: Subject) -> Path:
        return self.folder / f"{subject.kind}s" / subject.digest[:2] / f"{subject.digest}.json"

    def _hours(self, status: int) -> int:
        return self.unknown_hours if status == NOT_FOUND else self.hours

    def _is_fresh(self, answer: Answer) -> bool:
        return 0 <= self.clock() - answer.asked < self._hours(answer.status) * _HOUR

    def _remove_old(self, folder: Path) -> None:
        oldest = self.clock() - max(self.hours, self.unknown_hours) * _HOUR
        for file in folder.iterdir():
            with contextlib.suppress(OSError):  # another process may be as quick
                if file.stat(follow_symlinks=False).st_mtime < oldest:
                    file.unlink()


def _parsed(data: bytes) -> Answer | None:
    try:
        record = json.loads(data)
        answer = Answer(**record)
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = (answer.asked, answer.status)
    sound = all(type(number) is int and 0 <= number < 1 << 40 for number in numbers)
    return answer if sound and isinstance(answer.body, str) else None


def _replace(file: Path, data: bytes) -> None:
    """Put a file in its place in one step, so that no reader ever sees half of it."""
    draft = file.with_name(f".{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as stream:
            stream.write(data)
        draft.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
