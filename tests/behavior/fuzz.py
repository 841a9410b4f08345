"""Feed both scanners the same mutated logs, and keep every log on which they disagree or fail.

    python -m tests.behavior.fuzz --seconds 600

Needs no compiler and no further library. To see reads outside of a log as well, build the scanner with
`CFLAGS="-fsanitize=address -O1" python setup.py build_ext --inplace --force` and run with `PYTHONMALLOC=malloc`, the
sanitizer's library in `LD_PRELOAD`, and `ASAN_OPTIONS=detect_leaks=0`.
"""

import argparse
import hashlib
import random
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import fledge  # noqa: F401 - binds lib.cuckoo
from lib.cuckoo.behavior import reader
from lib.cuckoo.behavior.log import LogIndex
from lib.cuckoo.behavior.source import LogSource
from tests.behavior.agreement import everything
from tests.behavior.writer import (
    Int64,
    call,
    classic_call,
    document,
    info,
    process,
    second_call,
    second_process,
)

KEPT = Path(__file__).resolve().parents[1] / "data" / "behavior"
LENGTHS = (
    0,
    1,
    3,
    4,
    5,
    6,
    12,
    13,
    127,
    128,
    255,
    256,
    0x7FFF,
    0xFFFF,
    1 << 20,
    20 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
)
TAGS = bytes((*range(0x14), 0x7F, 0xFF))
ARGUMENTS = [["FileHandle", "p"], ["DesiredAccess", "h"], "FileName", "ShareAccess"]
VALUES = [
    1,
    0,
    Int64(-1),
    b"C:\\a",
    "caf\u00e9",
    b"\xff\0\x1b",
    ["a", {"b": 1}],
    1.5,
    None,
    True,
    "12",
    b"0x10",
]


def seeds() -> list[bytes]:
    """Return well-formed logs of the three families."""
    opened = info(9, "NtOpenFile", "filesystem", ARGUMENTS, flags_value={"ShareAccess": [[3, "BOTH"]]})
    any_values = info(10, "Any", "misc", [str(at) for at in range(len(VALUES))])
    odd = document({"I": 11, "name": "Odd", "type": "info", "args": ["A", "retval"]})
    environ = info(8, "__environ__", "__notification__", ["UserName"]) + call(8, b"comp")
    stored = document({"type": "buffer", "buffer": b"MZ", "checksum": "aa" * 20})
    logs = []
    for start, make in ((process(), call), (second_process(), second_call), (process(), classic_call)):
        one = make(9, 0x40, 0x100080, b"C:\\a", 3)
        logs.append(
            start
            + opened
            + any_values
            + odd
            + environ
            + one
            + one
            + stored
            + one
            + make(10, *VALUES)
            + make(11)
        )
    logs.append(
        process()
        + opened
        + call(9, 0, 0, b"", 0, aux={"More": b"x"}, r=4)
        + process(7, filetime=1)
        + call(9, 1)
    )
    return logs


Mutation = Callable[[random.Random, bytearray], None]


def flip(dice: random.Random, log: bytearray) -> None:
    """Change one byte."""
    log[dice.randrange(len(log))] = dice.randrange(256)


def retag(dice: random.Random, log: bytearray) -> None:
    """Put an element type somewhere."""
    log[dice.randrange(len(log))] = dice.choice(TAGS)


def resize(dice: random.Random, log: bytearray) -> None:
    """Put a length somewhere, most often where one may stand."""
    at = dice.randrange(max(1, len(log) - 4))
    size = dice.choice(LENGTHS) if dice.random() < 0.5 else dice.randrange(len(log) * 2)
    log[at : at + 4] = struct.pack("<I", size)


def nudge(dice: random.Random, log: bytearray) -> None:
    """Make a number a little larger or smaller: lengths that are off by one."""
    at = dice.randrange(len(log))
    log[at] = (log[at] + dice.choice((-2, -1, 1, 2))) % 256


def cut(dice: random.Random, log: bytearray) -> None:
    """End the log early."""
    del log[dice.randrange(1, len(log) + 1) :]


def drop(dice: random.Random, log: bytearray) -> None:
    """Leave out a piece."""
    at = dice.randrange(len(log))
    del log[at : at + dice.randrange(1, 20)]
    log.extend(b"" if log else b"\0")


def copy(dice: random.Random, log: bytearray) -> None:
    """Repeat a piece somewhere else."""
    at = dice.randrange(len(log))
    piece = log[at : at + dice.randrange(1, 120)]
    to = dice.randrange(len(log) + 1)
    log[to:to] = piece


MUTATIONS: tuple[Mutation, ...] = (flip, flip, retag, resize, nudge, nudge, cut, drop, copy)


def mutated(dice: random.Random, log: bytes) -> bytes:
    """Return a log with a few changes."""
    changed = bytearray(log)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        dice.choice(MUTATIONS)(dice, changed)
    return bytes(changed)


def difference(path: Path, log: bytes) -> str:
    """Return in what the scanners differ on a log; "" when they agree."""
    path.write_bytes(log)
    answers = []
    for one in reader.available().values():
        reader._active = one
        index = LogIndex(LogSource(path, 1 << 20))
        try:
            index.read()
            answers.append(everything(index))
        except Exception:  # noqa: BLE001 - that is what is looked for
            return f"{one.NAME}: {traceback.format_exc()}"
    return "" if all(answer == answers[0] for answer in answers) else "the answers differ"


def main() -> None:
    """Mutate until the time is over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice, runs, found, end = random.Random(options.seed), 0, 0, time.monotonic() + options.seconds
    pool = seeds()
    with tempfile.TemporaryDirectory() as scratch:
        while time.monotonic() < end:
            log = mutated(dice, dice.choice(pool))
            runs += 1
            told = difference(Path(scratch) / "1.bson", log)
            if told:
                found += 1
                kept = KEPT / f"{hashlib.sha256(log).hexdigest()[:16]}.bson"
                kept.write_bytes(log)
                sys.stdout.write(f"{kept}: {told}\n")
            elif dice.random() < 0.002 and len(pool) < 200 and len(log) < 20_000:
                pool.append(log)
    sys.stdout.write(f"{runs} logs, {found} with a difference, scanners {sorted(reader.available())}\n")


if __name__ == "__main__":
    main()
