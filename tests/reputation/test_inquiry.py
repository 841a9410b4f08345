import json
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.cache import AnswerCache
from lib.cuckoo.reputation.exchange import Request
from lib.cuckoo.reputation.inquiry import Inquiry
from lib.cuckoo.reputation.pace import Pace
from lib.cuckoo.reputation.service import NoAnswerError, file_subject
from tests.reputation.clock import Clock
from tests.reputation.loopback import Loopback

FILE = file_subject("ab" * 32)
BUSY: dict[str, Any] = {"status": 503, "text": "{}"}
FINE = {"text": '{"said": "fine"}'}


def judged(status: int, body: Any) -> dict[str, Any]:
    if status == 401:
        raise CuckooDependencyError("a wrong key")
    if not isinstance(body, dict):
        raise NoAnswerError("nonsense")
    return {"status": status, **body}


class Asker:
    """An inquiry on the clock's time, with its service."""

    def __init__(self, service: Loopback, folder: Path, seconds: float = 100, per_minute: int = 0) -> None:
        self.clock = Clock()
        self.inquiry = Inquiry(
            name="Service",
            cache=AnswerCache(folder, 10, 10, self.clock.time),
            pace=Pace(folder / "pace", per_minute, self.clock.time),
            budget=Budget(seconds, self.clock.time, self.clock.sleep),
        )
        self.service = service

    def ask(self) -> dict[str, Any]:
        return self.inquiry.ask(FILE, Request(f"{self.service.address}/x"), judged)


@pytest.fixture
def asker(service: Loopback, tmp_path: Path) -> Asker:
    return Asker(service, tmp_path / "cache")


def test_an_answer_is_asked_for_once_and_says_when(asker: Asker) -> None:
    asker.service.plan("/x", FINE)

    first = asker.ask()
    asker.clock.now += 3600

    assert first == {"status": 200, "said": "fine", "looked_up": "1970-01-12 13:46:40"}
    assert asker.ask() == first
    assert len(asker.service.questions()) == 1


def test_pauses_double_from_try_to_try(asker: Asker) -> None:
    asker.service.plan("/x", BUSY, BUSY, BUSY, FINE)

    assert asker.ask()["said"] == "fine"
    assert asker.clock.slept == [1, 2, 4]


def test_after_the_last_retry_the_reason_is_said(asker: Asker) -> None:
    asker.service.plan("/x", BUSY)

    with pytest.raises(NoAnswerError, match=r"^Service is out of order \(status 503\)$"):
        asker.ask()
    assert len(asker.service.questions()) == 4


def test_without_retries_one_question_is_asked(asker: Asker) -> None:
    asker.inquiry.retries = 0
    asker.service.plan("/x", BUSY)

    with pytest.raises(NoAnswerError):
        asker.ask()
    assert len(asker.service.questions()) == 1


def test_a_pause_is_as_long_as_the_server_asks(asker: Asker) -> None:
    asker.service.plan("/x", {"status": 429, "text": "{}", "headers": {"Retry-After": "30"}}, FINE)

    assert asker.ask()["said"] == "fine"
    assert asker.clock.slept == [30]


def test_a_server_that_asks_for_more_time_than_there_is_gets_no_second_question(asker: Asker) -> None:
    asker.service.plan("/x", {"status": 429, "text": "{}", "headers": {"Retry-After": "3600"}})

    with pytest.raises(NoAnswerError, match=r"quota exceeded, it asks to wait 3600 s\); 100 s were left"):
        asker.ask()
    assert asker.clock.slept == []
    assert len(asker.service.questions()) == 1


def test_with_the_budget_used_up_nothing_is_asked(asker: Asker) -> None:
    asker.clock.now += 100

    with pytest.raises(NoAnswerError, match="no time is left to ask Service"):
        asker.ask()
    assert asker.service.questions() == []


def test_retries_count_for_the_pace_too(service: Loopback, tmp_path: Path) -> None:
    asker = Asker(service, tmp_path / "cache", per_minute=2)
    service.plan("/x", BUSY, BUSY, FINE)

    assert asker.ask()["said"] == "fine"
    assert sum(asker.clock.slept) == 60


@pytest.mark.parametrize(
    "text", ["<html>log in</html>", "", '{"cut": ', "[" * 100_000, "9" * 5000, "\udcff\udcfe"]
)
def test_what_is_not_json_is_asked_for_once_and_not_kept(text: str, asker: Asker) -> None:
    asker.service.plan("/x", {"text": text}, FINE)

    with pytest.raises(
        NoAnswerError, match=r"^Service answers with something that is not JSON \(status 200\)$"
    ):
        asker.ask()
    assert asker.ask()["said"] == "fine"


def test_a_byte_order_mark_does_no_harm(asker: Asker) -> None:
    asker.service.plan("/x", {"text": "\ufeff{}"})

    assert asker.ask()["status"] == 200


@pytest.mark.parametrize("answer", [{"text": "[]"}, {"status": 401, "text": "{}"}])
def test_what_the_judge_refuses_is_not_kept(answer: dict[str, Any], asker: Asker) -> None:
    asker.service.plan("/x", answer, FINE)

    with pytest.raises((NoAnswerError, CuckooDependencyError)):
        asker.ask()
    assert asker.ask()["said"] == "fine"


@pytest.mark.parametrize("body", ["<html>", "[]"])
def test_a_damaged_file_of_the_cache_is_replaced(body: str, asker: Asker) -> None:
    asker.service.plan("/x", FINE)
    asker.ask()
    (file,) = asker.inquiry.cache.folder.rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"body": body}))

    assert asker.ask()["said"] == "fine"
    assert len(asker.service.questions()) == 2


def test_a_cache_that_cannot_be_written_is_a_problem_and_no_more(service: Loopback, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    asker = Asker(service, tmp_path / "cache", per_minute=4)
    service.plan("/x", FINE)

    assert asker.ask()["said"] == "fine"
    assert asker.ask()["said"] == "fine"
    assert asker.inquiry.problems == [
        f"look-ups are not paced: {tmp_path}/cache/pace: File exists",
        f"answers are not kept: {tmp_path}/cache: Not a directory",
    ]
