import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.pace import Pace
from lib.cuckoo.reputation.service import NoAnswerError
from tests.reputation.clock import Clock

ROOT = Path(__file__).resolve().parents[2]
IN_A_PROCESS = """
import sys
from pathlib import Path
import fledge
from lib.cuckoo.reputation.budget import Budget
from lib.cuckoo.reputation.pace import Pace
from lib.cuckoo.reputation.service import NoAnswerError
passed = 0
for _ in range(5):
    try:
        Pace(Path(sys.argv[1]), 7).wait(Budget(5))
        passed += 1
    except NoAnswerError:
        pass
print(passed)
"""


def paced(file: Path, per_minute: int, clock: Clock, seconds: float = 1000) -> tuple[Pace, Budget]:
    return Pace(file, per_minute, clock.time), Budget(seconds, clock.time, clock.sleep)


def test_requests_beyond_the_limit_wait_until_the_first_is_a_minute_old(tmp_path: Path) -> None:
    clock = Clock()
    pace, budget = paced(tmp_path / "new" / "pace", 2, clock)

    for _ in range(3):
        pace.wait(budget)
        clock.now += 1

    assert clock.slept == [58]


def test_no_limit_needs_no_file(tmp_path: Path) -> None:
    pace, budget = paced(tmp_path / "pace", 0, Clock())

    pace.wait(budget)

    assert not (tmp_path / "pace").exists()


def test_a_wait_beyond_the_budget_is_refused_at_once(tmp_path: Path) -> None:
    clock = Clock()
    pace, budget = paced(tmp_path / "pace", 1, clock, seconds=59)
    pace.wait(budget)

    with pytest.raises(
        NoAnswerError, match="1 look-ups a minute of this machine are used up for 60 s, and 59 s"
    ):
        pace.wait(budget)
    assert clock.slept == []


def test_processes_share_the_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_A_PROCESS, str(tmp_path / "pace")]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    passed = [int(each.communicate(timeout=60)[0]) for each in running]

    assert sum(passed) == 7


def test_a_lock_that_is_never_given_back_costs_the_budget_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    pace, budget = paced(file, 1, Clock(), seconds=3)
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)  # enough to keep an exclusive one out

        with pytest.raises(NoAnswerError, match="another process holds the lock"):
            pace.wait(budget)


def test_times_in_the_future_do_not_count(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "pace").write_text(json.dumps([clock.now + 1e9, clock.now - 61, 1e999, True]))
    pace, budget = paced(tmp_path / "pace", 1, clock)

    pace.wait(budget)

    assert clock.slept == []
    assert json.loads((tmp_path / "pace").read_text()) == [clock.now]


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "pace").symlink_to(tmp_path / "other")
    pace, budget = paced(tmp_path / "pace", 1, Clock())

    with pytest.raises(OSError, match="symbolic links"):
        pace.wait(budget)
    assert not (tmp_path / "other").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary()
    | st.lists(st.integers() | st.floats() | st.text()).map(lambda value: json.dumps(value).encode())
)
def test_any_content_of_the_file_lets_a_request_pass_in_a_minute(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pace").write_bytes(content)
    clock = Clock()
    pace, budget = paced(tmp_path / "pace", 1, clock)

    pace.wait(budget)

    assert sum(clock.slept) <= 60
