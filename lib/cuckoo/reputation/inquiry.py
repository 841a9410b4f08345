"""Asking a service well: from the cache if possible, at the machine's pace, again after faults that pass."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.cache import Answer, AnswerCache
from lib.cuckoo.reputation.exchange import Reply, Request, fetch
from lib.cuckoo.reputation.pace import Pace
from lib.cuckoo.reputation.service import NoAnswerError, Record, Subject

_LONGEST_PAUSE = 60.0
_NOT_JSON = "answers with something that is not JSON"

Judge = Callable[[int, Any], Record]
"""Turns a status and a decoded body into a record; raises NoAnswerError, or CuckooDependencyError for a wrong key."""


@dataclass
class Inquiry:
    """How questions are put to one service, and what was strange about it (`problems`)."""

    name: str
    cache: AnswerCache
    pace: Pace
    budget: Budget
    timeout_seconds: int = 20
    retries: int = 3
    first_pause_seconds: float = 1.0
    proxy: str = field(default="", repr=False)
    problems: list[str] = field(default_factory=list)

    def ask(self, subject: Subject, request: Request, judge: Judge) -> Record:
        """Return the record that `judge` makes of the answer, with `looked_up`, the time of the answer (UTC).

        Raises:
            NoAnswerError: there is no answer within the budget, or none that can be used.
            CuckooDependencyError: requests is missing, or the judge blames this machine.
        """
        known = self.cache.get(subject, request.url)
        record = self._cached(known, judge) if known else None
        return record or self._fresh(subject, request, judge)

    def _cached(self, answer: Answer, judge: Judge) -> Record | None:
        """Return the record of a kept answer; None for one that was damaged, which no service is to blame for."""
        try:
            return self._judged(answer, judge)
        except (NoAnswerError, CuckooDependencyError):
            return None

    def _fresh(self, subject: Subject, request: Request, judge: Judge) -> Record:
        reply = self._persist(request)
        text = reply.body.decode("utf-8-sig", "replace")
        answer = Answer(request.url, int(self.cache.clock()), reply.status, text)
        record = self._judged(answer, judge)
        try:
            self.cache.put(subject, answer)
        except OSError as error:
            self._problem(f"answers are not kept: {self.cache.folder}: {error.strerror}")
        return record

    def _judged(self, answer: Answer, judge: Judge) -> Record:
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise NoAnswerError(f"{self.name} {_NOT_JSON} (status {answer.status})") from error
        return judge(answer.status, body) | {"looked_up": _moment(answer.asked)}

    def _persist(self, request: Request) -> Reply:
        """Send a request until there is an answer, with growing pauses as far as budget and retries go."""
        for pause in self._pauses():
            self._keep_pace()
            if not self.budget.left:
                raise NoAnswerError(f"no time is left to ask {self.name}")
            reply = fetch(request, min(self.timeout_seconds, self.budget.left))
            wanted = max(pause, reply.retry_after)
            if not reply.temporary:
                break
            if not pause or not self.budget.pause(wanted):
                raise NoAnswerError(f"{self.name} {self._complaint(reply)}")
        if reply.problem:
            raise NoAnswerError(f"{self.name} {reply.problem}")
        return reply

    def _pauses(self) -> Iterator[float]:
        """Yield the pause after each try; 0 after the last."""
        pause = self.first_pause_seconds
        for _ in range(self.retries):
            yield pause
            pause = min(pause * 2, _LONGEST_PAUSE)
        yield 0.0

    def _keep_pace(self) -> None:
        try:
            self.pace.wait(self.budget)
        except OSError as error:
            self._problem(f"look-ups are not paced: {self.pace.file}: {error.strerror}")

    def _complaint(self, reply: Reply) -> str:
        if not reply.status:
            return reply.problem
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            asked = f", it asks to wait {reply.retry_after:.0f} s" if reply.retry_after else ""
            return (
                f"refuses more look-ups for now (quota exceeded{asked}); {self.budget.left:.0f} s were left"
            )
        return f"is out of order (status {reply.status})"

    def _problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
