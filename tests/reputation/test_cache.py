import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.reputation.cache import Answer, AnswerCache
from lib.cuckoo.reputation.service import file_subject, url_subject
from tests.reputation.clock import Clock

FILE = file_subject("ab" * 32)
ADDRESS = "https://service.example/files/x"


def kept(folder: Path, clock: Clock, status: int = 200) -> tuple[AnswerCache, Answer]:
    answers = AnswerCache(folder, hours=10, unknown_hours=2, clock=clock.time)
    answer = Answer(ADDRESS, int(clock.now), status, '{"a": "ä"}')
    answers.put(FILE, answer)
    return answers, answer


def test_an_answer_is_kept_by_hash(tmp_path: Path) -> None:
    cache, answer = kept(tmp_path, Clock())

    assert cache.get(FILE, ADDRESS) == answer
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.json")] == [
        Path(f"files/ab/{'ab' * 32}.json")
    ]


def test_an_answer_of_another_address_or_subject_does_not_count(tmp_path: Path) -> None:
    cache, _ = kept(tmp_path, Clock())

    assert cache.get(FILE, "https://other.example/files/x") is None
    assert cache.get(url_subject("example.com"), ADDRESS) is None


@pytest.mark.parametrize(("status", "hours"), [(200, 10), (404, 2)])
def test_an_answer_is_good_until_its_age_limit(status: int, hours: int, tmp_path: Path) -> None:
    clock = Clock()
    cache, _ = kept(tmp_path, clock, status)

    clock.now += hours * 3600 - 1
    assert cache.get(FILE, ADDRESS)
    clock.now += 1
    assert cache.get(FILE, ADDRESS) is None


def test_an_answer_from_the_future_does_not_count(tmp_path: Path) -> None:
    clock = Clock()
    cache, _ = kept(tmp_path, clock)
    clock.now -= 1

    assert cache.get(FILE, ADDRESS) is None


@pytest.mark.parametrize("status", [200, 404])
def test_an_age_limit_of_zero_writes_nothing(status: int, tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "cache", hours=0, unknown_hours=0)

    cache.put(FILE, Answer(ADDRESS, 0, status, ""))

    assert not (tmp_path / "cache").exists()


def test_what_is_out_of_date_beside_a_new_answer_is_removed(tmp_path: Path) -> None:
    clock = Clock()
    kept(tmp_path, clock)
    old, young = (tmp_path / "files" / "ab" / name for name in ("old.json", "young.json"))
    for file, age in ((old, 10 * 3600 + 1), (young, 10 * 3600 - 1)):
        file.write_text("")
        os.utime(file, (clock.now - age, clock.now - age))

    kept(tmp_path, clock)

    assert (old.exists(), young.exists()) == (False, True)


def test_a_cache_that_cannot_be_written_says_so_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "files" / "ab" / f"{'ab' * 32}.json").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        kept(tmp_path, Clock())
    assert len(list((tmp_path / "files" / "ab").iterdir())) == 1


JSON = st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5)
RECORDS = st.fixed_dictionaries(
    {"url": st.just(ADDRESS), "asked": JSON, "status": JSON, "body": JSON}, optional={"more": JSON}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | (JSON | RECORDS).map(lambda value: json.dumps(value).encode()))
def test_any_file_in_the_cache_is_an_answer_or_absent(tmp_path: Path, content: bytes) -> None:
    cache, _ = kept(tmp_path, Clock())
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)

    found: Any = cache.get(FILE, ADDRESS)

    assert found is None or (isinstance(found.body, str) and isinstance(found.status, int))


def test_a_file_nested_without_end_counts_as_absent(tmp_path: Path) -> None:
    cache, _ = kept(tmp_path, Clock())
    (file,) = tmp_path.rglob("*.json")
    file.write_text("[" * 100_000)

    assert cache.get(FILE, ADDRESS) is None
