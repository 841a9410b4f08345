"""What a module does to its own process costs its own section, never another."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fledge import Results
from lib.cuckoo.core.answer import AnswerWriter
from lib.cuckoo.core.isolation import Child, Ended, expire, kill, launch, perform_here, wait
from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.core.limits import Limits
from lib.cuckoo.core.warden import KILL
from tests.working_root import WorkingRoot, is_running, run_of

SPAWN = """
import time, signal
path = self.analysis_path
def settle_down():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(f"{path}/pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)
read_end, write_end = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(write_end)
        settle_down()
    os._exit(0)
os.close(write_end)
os.wait()
while not os.path.exists(f"{path}/pids") or len(open(f"{path}/pids").readlines()) < COUNT:
    time.sleep(0.01)
"""
FIND_ANSWER = """
links = {number: f"/proc/self/fd/{number}" for number in range(3, 200)}
[fd] = [n for n, link in links.items() if os.path.lexists(link) and "memfd:answer" in os.readlink(link)]
"""
MISCHIEF = {
    "abort": ("os.abort()", Outcome.CRASHED, "SIGABRT"),
    "segfault": ("import ctypes; ctypes.string_at(8)", Outcome.CRASHED, "SIGSEGV"),
    "realtime": ("os.kill(os.getpid(), 40)", Outcome.CRASHED, "signal 40"),
    "exit_now": ("os._exit(0)", Outcome.CRASHED, "without an answer (exit status 0)"),
    "exit_module": ("import sys; sys.exit(3)", Outcome.CRASHED, "sys.exit(3)"),
    "interrupted": ("raise KeyboardInterrupt", Outcome.CRASHED, "without an answer"),
    "recurses": (
        "def again(): again()\nagain()",
        Outcome.CRASHED,
        "RecursionError: maximum recursion depth exceeded",
    ),
    "recurses_in_c": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef again(*_): return sorted([1], key=again)\nagain()",
        Outcome.CRASHED,
        "SIGSEGV",
    ),
    "allocates": ("return bytearray(40 << 30)", Outcome.OUT_OF_MEMORY, "limit of 300 MB"),
    "eats": (
        "hoard = []\nwhile True: hoard.append(bytes(100_000))",
        Outcome.OUT_OF_MEMORY,
        "limit of 300 MB",
    ),
    "maps": ("import mmap; mmap.mmap(-1, 40 << 30)", Outcome.OUT_OF_MEMORY, "limit of 300 MB"),
    "hangs": ("import time; time.sleep(600)", Outcome.TIMED_OUT, "limit of 4 s of wall-clock time"),
    "stays": (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(600)",
        Outcome.TIMED_OUT,
        "limit of 4 s of wall-clock time",
    ),
    "stops": (
        "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
        Outcome.TIMED_OUT,
        "limit of 4 s of wall-clock time",
    ),
    "closes": ("os.closerange(0, 1000); return 1", Outcome.CRASHED, "without an answer"),
    "chatters": (
        "for _ in range(500): print('x' * 10_000)\nprint('the end')\nreturn 'done'",
        Outcome.COMPLETED,
        "",
    ),
    "shouts": (
        "os.write(2, b'\\xff\\x1b[31m' * 500_000)\nos.write(1, b'the end')\nreturn 'done'",
        Outcome.COMPLETED,
        "",
    ),
    "answers_much": ("return 'x' * (3 << 20)", Outcome.TOO_LARGE, "larger than 2,097,152 bytes"),
    "answers_just_too_much": ("return 'x' * ((2 << 20) - 44)", Outcome.TOO_LARGE, "larger than"),
    "overwrites": (
        FIND_ANSWER + "os.pwrite(fd, os.urandom(100_000), 0); os._exit(0)",
        Outcome.CRASHED,
        "",
    ),
    "outgrows": (
        FIND_ANSWER + "os.ftruncate(fd, 64 << 20); os._exit(0)",
        Outcome.CRASHED,
        "beyond its limit",
    ),
    "seals": (
        FIND_ANSWER
        + "import fcntl\n"
        + "os.pwrite(fd, b'x' * 100, 0)\n"
        + "fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)\nos._exit(0)",
        Outcome.CRASHED,
        "",
    ),
    "forks_and_returns": ("os.fork(); return 'once'", Outcome.COMPLETED, ""),
    "bombs": (
        "import time, signal\nsignal.signal(15, signal.SIG_IGN)\n[os.fork() for _ in '123456']\ntime.sleep(600)",
        Outcome.TIMED_OUT,
        "wall-clock",
    ),
    "writes_a_large_file": (
        "with open(self.analysis_path + '/large', 'wb') as file:\n    file.truncate(10 << 30)",
        Outcome.CRASHED,
        "File too large",
    ),
    "cannot_say_why": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        Outcome.CRASHED,
        "Mute",
    ),
    "good": ("return 'good'", Outcome.COMPLETED, ""),
}


@pytest.fixture(scope="module")
def menagerie(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """One analysis on which every kind of mischief is done, several at the same time."""
    root = WorkingRoot(tmp_path_factory.mktemp("menagerie") / "root")
    root.limits(wall_seconds=4, cpu_seconds=1, memory_mb=300, answer_mb=2, file_mb=100)
    for name, (body, _, _) in MISCHIEF.items():
        root.add_run(name, body)
    return root.process(jobs=8)


@pytest.mark.parametrize("name", MISCHIEF)
def test_mischief_has_its_outcome_and_reason(menagerie: Results, name: str) -> None:
    _, outcome, words = MISCHIEF[name]

    run = run_of(menagerie, name)

    assert (run.outcome, run.reason) == (outcome, run.reason)
    assert words in run.reason
    assert (name in menagerie) == (outcome is Outcome.COMPLETED)


def test_every_other_section_arrives(menagerie: Results) -> None:
    assert menagerie["good"] == "good"
    assert menagerie["chatters"] == "done"
    assert menagerie["forks_and_returns"] == "once"
    assert [run.module for run in menagerie.runs[: len(MISCHIEF)]] == sorted(MISCHIEF)


@pytest.mark.parametrize("name", ["chatters", "shouts"])
def test_the_last_of_what_a_module_prints_is_kept(menagerie: Results, name: str) -> None:
    output = run_of(menagerie, name).output

    assert output.rstrip().endswith("the end")
    assert 1000 < len(output) < 50_000


def test_a_crash_in_native_code_shows_where(menagerie: Results) -> None:
    assert "segfault.py" in run_of(menagerie, "segfault").traceback


def test_tracebacks_begin_in_the_module(menagerie: Results) -> None:
    traceback = run_of(menagerie, "recurses").traceback

    assert "execution.py" not in traceback
    assert "recurses.py" in traceback
    assert len(traceback) < 20_001


def test_the_ledger_measures(menagerie: Results) -> None:
    assert run_of(menagerie, "hangs").wall_seconds >= 4
    assert run_of(menagerie, "eats").peak_memory_bytes > 200 << 20
    assert run_of(menagerie, "good").answer_bytes > 0


@pytest.mark.parametrize("first", ["", "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"])
def test_cpu_time_ends_a_module_even_one_that_ignores_the_signal(root: WorkingRoot, first: str) -> None:
    root.limits(cpu_seconds=1)
    root.add_run("spins", f"{first}\nwhile True: pass")

    run = run_of(root.process(), "spins")

    assert run.outcome is Outcome.TIMED_OUT
    assert run.reason == "ended at its limit of 1 s of CPU time"
    assert run.cpu_seconds >= 0.5


@pytest.mark.parametrize(
    "ending",
    ["return 1", "os._exit(0)", "os.abort()", "time.sleep(600)", "raise ValueError", "return object()"],
)
def test_what_a_module_starts_does_not_outlive_it(root: WorkingRoot, ending: str) -> None:
    root.limits(wall_seconds=3)
    root.add_run("spawn", SPAWN.replace("COUNT", "1") + ending)

    results = root.process()

    pids = [int(line) for line in (root.analysis / "pids").read_text().split()]
    assert len(pids) == 1
    assert not any(map(is_running, pids)), run_of(results, "spawn")


def test_a_process_that_keeps_the_answer_open_does_not_stop_the_engine(root: WorkingRoot) -> None:
    root.add_run(
        "mapper",
        """
        import glob, mmap, time
        for link in glob.glob('/proc/self/fd/*'):
            if 'memfd:answer' in os.readlink(link):
                fd = int(os.path.basename(link))
        os.ftruncate(fd, 4096)
        read_end, write_end = os.pipe()
        if os.fork() == 0:
            os.setsid()
            mapped = mmap.mmap(fd, 4096)
            os.write(write_end, b"x")
            time.sleep(600)
        os.read(read_end, 1)
        os._exit(0)
        """,
    )
    root.add_run("other", "return 1")

    results = root.process()

    assert run_of(results, "mapper").outcome is Outcome.CRASHED
    assert results["other"] == 1


def answered(work: object, **limits: int) -> Ended:
    child = launch(work, Limits(**limits), "/nowhere")  # type: ignore[arg-type]  # tests give plain functions
    return wait([child])[child.pid]


def test_messages_and_exit_code_of_a_child_come_back() -> None:
    def work(answer: AnswerWriter) -> None:
        answer.write({"a": 1})
        print("hello")  # noqa: T201 - what a module might do

    ended = answered(work)

    assert (ended.messages, ended.malformed, ended.exit_code, ended.signal) == ([{"a": 1}], "", 0, None)
    assert ended.output == "hello\n"
    assert not ended.timed_out


def test_messages_finished_before_a_crash_are_kept() -> None:
    def work(answer: AnswerWriter) -> None:
        answer.write("finished")
        os.kill(os.getpid(), signal.SIGKILL)

    ended = answered(work)

    assert ended.messages == ["finished"]
    assert ended.signal == signal.SIGKILL


def test_a_child_has_its_own_group_no_input_and_default_signals() -> None:
    def work(answer: AnswerWriter) -> None:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        answer.write([os.getpgid(0) != group, os.read(0, 10), handlers == [signal.SIG_DFL] * 2])

    group = os.getpgid(0)

    assert answered(work).messages == [[True, b"", True]]


def test_a_child_cannot_raise_its_limits() -> None:
    def work(answer: AnswerWriter) -> None:
        import resource  # noqa: PLC0415 - runs in the child

        names = ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CORE")
        answer.write([len(set(resource.getrlimit(getattr(resource, name)))) for name in names])

    assert answered(work).messages == [[1, 1, 1, 1]]


def test_no_descriptor_is_left_open() -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only

    answered(lambda answer: answer.write(1))
    child = launch(lambda _: time.sleep(600), Limits(), "/nowhere")
    kill([child])

    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - names only
    assert not is_running(child.pid)


def test_a_child_that_is_killed_before_its_worker_began_ends(at_fork: dict[str, Callable[[], None]]) -> None:
    engine = os.getpid()

    def kill_warden() -> None:
        if os.getpid() != engine:
            os.kill(os.getpid(), KILL)

    at_fork["before"] = kill_warden
    child = launch(lambda _: time.sleep(600), Limits(), "/nowhere")

    ended = wait([child], lambda: expire(child) if time.monotonic() > child.started + 10 else None)[child.pid]

    assert (ended.signal, ended.timed_out) == (signal.SIGKILL, False)


def test_an_interrupt_right_after_a_launch_ends_the_child(
    root: WorkingRoot, at_fork: dict[str, Callable[[], None]]
) -> None:
    root.add_run("hang", "import time; time.sleep(600)")
    engine = os.getpid()

    def interrupt() -> None:
        if os.getpid() == engine:
            os.kill(engine, signal.SIGINT)

    at_fork["after"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        root.process()

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_was_taken_leave_of_is_not_killed() -> None:
    gone = launch(lambda _: None, Limits(), "/nowhere")
    wait([gone])
    there = launch(lambda _: time.sleep(600), Limits(), "/nowhere")

    kill([gone, there])

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_clock_ticks_while_children_run() -> None:
    ticks: list[int] = []
    child: Child = launch(lambda _: time.sleep(0.5), Limits(), "/nowhere")

    wait([child], lambda: ticks.append(1))

    assert ticks


def test_work_done_here_has_the_same_shape() -> None:
    ended = perform_here(lambda answer: answer.write({"a": (1,)}), Limits(), "/nowhere")

    assert (ended.messages, ended.exit_code, ended.signal, ended.timed_out) == ([{"a": (1,)}], 0, None, False)
    assert ended.answer_bytes > 0


def test_the_engine_keeps_its_signal_handlers_and_environment(root: WorkingRoot, tmp_path: Path) -> None:
    numbers = [number for number in signal.valid_signals() if number not in {signal.SIGKILL, signal.SIGSTOP}]
    before = dict(os.environ), [signal.getsignal(number) for number in numbers], Path.cwd(), os.umask(0o22)
    root.add_run("one", f"os.chdir({str(tmp_path)!r}); os.environ['X_TEST'] = '1'; os.umask(0); return 1")

    root.process()

    assert before == (
        dict(os.environ),
        [signal.getsignal(number) for number in numbers],
        Path.cwd(),
        os.umask(before[3]),
    )
