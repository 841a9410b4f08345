import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.core.batch.holder import Holder, ourselves, parse
from lib.cuckoo.core.batch.leases import Lease, LeaseLostError, Leases, _link
from lib.cuckoo.core.batch.place import Place, identity

ELSEWHERE = Holder("e" * 32, "7", "", "sandbox-2", "another boot", 4, 5, "2026-01-31 13:21:44")
STALE_SECONDS = 60.0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.make()
    return place


@pytest.fixture
def leases(place: Place) -> Leases:
    return Leases(place, "", STALE_SECONDS)


@pytest.fixture
def children() -> Iterator[list[int]]:
    """Processes that the test starts, and that are killed at its end."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def path_of(leases: Leases, name: str) -> Path:
    return leases.place.leases / identity(name)


def put(leases: Leases, name: str, holder: Holder, age_seconds: float = 0.0) -> Path:
    """Write a lease as a process on another machine would."""
    path = path_of(leases, name)
    path.write_bytes(holder.as_bytes())
    grow_old(path, age_seconds)
    return path


def grow_old(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def taken(leases: Leases, name: str) -> Lease:
    lease = leases.take(name)
    assert isinstance(lease, Lease)
    return lease


def in_a_process_that_dies(action: object) -> None:
    pid = os.fork()
    if not pid:
        try:
            action()  # type: ignore[operator]  # each is a function without arguments
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_lease_is_held_by_one_until_it_is_given_up(leases: Leases) -> None:
    first = taken(leases, "7")

    holder = leases.take("7")
    assert isinstance(holder, Holder)
    assert (holder.pid, holder.name, holder.token) == (os.getpid(), "7", first.token)
    assert isinstance(leases.take("8"), Lease)
    first.release()

    assert taken(leases, "7").previous is None


def test_what_is_left_after_giving_up_is_nothing(leases: Leases) -> None:
    taken(leases, "7").release()

    assert list(leases.place.leases.iterdir()) == []


def test_the_lease_of_a_process_that_was_killed_here_is_taken_over_at_once(leases: Leases) -> None:
    in_a_process_that_dies(lambda: leases.take("7"))

    lease = taken(leases, "7")

    assert lease.previous is not None
    assert lease.previous.name == "7"
    lease.beat()


def test_a_killed_process_whose_children_live_still_has_its_lease(leases: Leases) -> None:
    read_end, write_end = os.pipe()

    def leave_a_child() -> None:
        taken(leases, "7").share()
        pid = os.fork()
        if not pid:
            time.sleep(600)
        os.write(write_end, str(pid).encode())

    in_a_process_that_dies(leave_a_child)
    orphan = int(os.read(read_end, 20))
    os.close(read_end)
    os.close(write_end)

    try:
        assert isinstance(leases.take("7"), Holder)
    finally:
        os.kill(orphan, signal.SIGKILL)

    assert isinstance(leases.take("7"), Lease)


@pytest.mark.parametrize(
    ("age_seconds", "free"), [(0, False), (STALE_SECONDS - 5, False), (STALE_SECONDS + 1, True)]
)
def test_a_lease_of_another_machine_counts_as_long_as_it_beats(
    leases: Leases, age_seconds: float, free: bool
) -> None:
    put(leases, "7", ELSEWHERE, age_seconds)

    assert isinstance(leases.take("7"), Lease) is free


def test_a_process_that_was_stopped_too_long_is_taken_over_and_notices(leases: Leases) -> None:
    late = taken(leases, "7")
    grow_old(late.path, STALE_SECONDS + 1)
    second = taken(leases, "7")

    with pytest.raises(LeaseLostError, match="taken over"):
        late.beat()
    with pytest.raises(LeaseLostError):
        late.share()
    late.release()

    second.beat()
    assert isinstance(leases.take("7"), Holder)


def test_a_beat_makes_a_lease_young_again(leases: Leases) -> None:
    lease = taken(leases, "7")
    grow_old(lease.path, STALE_SECONDS - 1)

    lease.beat()

    assert time.time() - lease.path.stat().st_mtime < STALE_SECONDS / 2


def test_a_holder_that_comes_back_while_somebody_takes_over_has_lost(leases: Leases) -> None:
    lease = taken(leases, "7")
    ticket = lease.path.with_name(f"{lease.path.name}.after.{lease.token}")
    ticket.write_bytes(ELSEWHERE.as_bytes())

    with pytest.raises(LeaseLostError, match="taken over"):
        lease.beat()


def test_who_was_killed_in_the_middle_of_taking_over_holds_up_nobody(leases: Leases) -> None:
    in_a_process_that_dies(lambda: leases.take("7"))
    path = path_of(leases, "7")
    token = parse(path.read_bytes()).token
    ticket = path.with_name(f"{path.name}.after.{token}")

    def die_with_a_ticket() -> None:
        ticket.write_bytes(ourselves("d" * 32, "7", "").as_bytes())

    in_a_process_that_dies(die_with_a_ticket)

    taken(leases, "7").beat()
    assert not ticket.exists()


def test_who_was_killed_in_the_middle_of_giving_up_holds_up_nobody(leases: Leases) -> None:
    def die_giving_up() -> None:
        lease = taken(leases, "7")
        os.link(lease.path, lease.path.with_name(f"{lease.path.name}.after.{lease.token}"))

    in_a_process_that_dies(die_giving_up)

    taken(leases, "7").beat()


def take_and_tell(leases: Leases, name: str, answer: int) -> NoReturn:
    try:
        os.write(answer, b"L" if isinstance(leases.take(name), Lease) else b"-")
        os.close(answer)
        time.sleep(600)
    except CuckooOperationalError as error:
        os.write(answer, str(error).encode())
    finally:
        os._exit(1)


def test_of_many_who_take_a_stale_lease_one_gets_it(leases: Leases, children: list[int]) -> None:
    for round_ in range(20):
        name = str(round_)
        put(leases, name, replace(ELSEWHERE, token=f"{round_:032x}"), STALE_SECONDS + 1)
        answers, answer = os.pipe()
        for _ in range(4):
            pid = os.fork()
            if not pid:
                take_and_tell(leases, name, answer)
            children.append(pid)
        os.close(answer)
        said = b""
        while len(said) < 4 and (more := os.read(answers, 4)):
            said += more
        os.close(answers)

        assert sorted(said) == sorted(b"L---")


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"[" * 10_000, b'{"token": 5}', b'{"token": "../../x"}', b"\xff" * 100]
)
def test_a_damaged_lease_counts_until_it_is_old(leases: Leases, content: bytes) -> None:
    path = path_of(leases, "7")
    path.write_bytes(content)
    assert isinstance(leases.take("7"), Holder)
    grow_old(path, STALE_SECONDS + 1)

    assert isinstance(leases.take("7"), Lease)


@given(st.binary(max_size=300))
def test_any_bytes_name_a_holder_whose_token_may_be_part_of_a_file_name(data: bytes) -> None:
    holder = parse(data)

    assert len(holder.token) == 32
    assert holder.token.isalnum()


def test_a_link_in_the_place_of_a_lease_is_never_followed(leases: Leases, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path_of(leases, "7").symlink_to(victim)

    with pytest.raises(CuckooOperationalError, match="cannot use the lease"):
        leases.take("7")

    assert victim.read_text() == "precious"


def test_the_dead_are_found_and_the_living_left_alone(leases: Leases) -> None:
    alive = taken(leases, "alive")
    put(leases, "elsewhere", ELSEWHERE)
    in_a_process_that_dies(lambda: leases.take("dead"))
    put(leases, "old", replace(ELSEWHERE, name="old"), STALE_SECONDS + 1)

    found = [lease.previous.name for lease in leases.left_behind() if lease.previous]

    assert sorted(found) == ["dead", "old"]
    alive.beat()


def test_files_of_who_was_killed_taking_a_lease_are_removed(leases: Leases) -> None:
    def die_with_a_draft() -> None:
        mine = ourselves("c" * 32, "7", "")
        (leases.place.leases / f".{mine.token}").write_bytes(mine.as_bytes())
        (leases.place.leases / f"{identity('7')}.after.{'b' * 32}").write_bytes(mine.as_bytes())

    in_a_process_that_dies(die_with_a_draft)

    assert list(leases.left_behind()) == []
    assert list(leases.place.leases.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "a\nb", os.fsdecode(b"\xff\xfe"), "x" * 255, "\x1b[2J", "run/1"])
def test_a_name_reaches_the_disk_as_digits_only(leases: Leases, name: str) -> None:
    lease = taken(leases, name)

    assert lease.path.name.isalnum()
    assert lease.path.parent == leases.place.leases
    assert parse(lease.path.read_bytes()).name == name


def test_a_folder_that_cannot_hold_leases_is_an_error_that_names_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".fledge").symlink_to(elsewhere)

    with pytest.raises(CuckooOperationalError, match=r"\.fledge: it is a link"):
        Place(tmp_path).make()

    assert list(elsewhere.iterdir()) == []


def test_a_name_that_is_taken_and_given_up_all_the_time_counts_as_taken(
    tmp_path: Path, children: list[int]
) -> None:
    ours, theirs, name = tmp_path / "ours", tmp_path / "theirs", tmp_path / "name"
    ours.touch()
    theirs.touch()
    pid = os.fork()
    while not pid:
        with contextlib.suppress(OSError):
            os.link(theirs, name)
        with contextlib.suppress(OSError):
            name.unlink()
    children.append(pid)

    for _ in range(20_000):
        if _link(ours, name):
            with contextlib.suppress(FileNotFoundError):  # they take it for theirs
                name.unlink()


def test_a_heartbeat_in_the_future_counts_until_it_was_seen_unchanged_for_long(place: Place) -> None:
    leases = Leases(place, "", stale_seconds=0.2)
    path = put(leases, "7", ELSEWHERE, -3600)
    assert leases.take("7") == ELSEWHERE
    time.sleep(0.3)
    grow_old(path, -7200)
    assert leases.take("7") == ELSEWHERE
    time.sleep(0.3)

    assert taken(leases, "7").previous == ELSEWHERE


def test_a_lease_that_cannot_be_written_leaves_nothing_behind(leases: Leases) -> None:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            leases.take("7")
        except CuckooOperationalError:
            status = 0
        finally:
            os._exit(status)

    assert os.waitpid(pid, 0)[1] == 0
    assert list(leases.place.leases.iterdir()) == []


def test_what_is_no_lease_keeps_no_other_from_being_taken_over(leases: Leases) -> None:
    for name in ("link", "folder"):
        path = path_of(leases, name)
        path.mkdir() if name == "folder" else path.symlink_to("/etc/passwd")
    put(leases, "7", ELSEWHERE, STALE_SECONDS + 1)

    assert [lease.previous for lease in leases.left_behind()] == [ELSEWHERE]
