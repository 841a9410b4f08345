"""Feed every walk the same mutated captures, and keep each capture on which they disagree or fail.

    python -m tests.network.fuzz --seconds 600 [folder of captures]

`tests.behavior.fuzz` says how to run it under the address sanitizer.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

import fledge  # noqa: F401 - binds lib.cuckoo
from tests.network.test_pure import CAPTURES
from tests.network.walks import told_by_each, unpacked

NUMBERS = (
    0,
    1,
    4,
    5,
    0x14,
    0x28,
    0x45,
    0x60,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    1 << 18,
    (1 << 31) - 1,
    (1 << 32) - 1,
)
LARGEST_SEED = 1 << 18


def main() -> None:
    """Mutate until the time is over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("folder", type=Path, nargs="?")
    options = parser.parse_args()
    chance, kept = random.Random(options.seed), Path(tempfile.mkdtemp(prefix="fuzz-network-"))
    seeds = [*CAPTURES.values(), *(_read(options.folder) if options.folder else [])]
    end = time.monotonic() + options.seconds
    tried = failed = 0
    while time.monotonic() < end:
        capture = mutated(chance.choice(seeds), chance)
        tried += 1
        if not agree(capture):
            failed += 1
            (kept / f"{options.seed}-{tried}.pcap").write_bytes(capture)
    sys.stdout.write(f"seed {options.seed}: {tried} captures, {failed} kept in {kept}\n")


def _read(folder: Path) -> list[bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in {".pcap", ".pcapng", ".gz"})
    contents = (unpacked(path.read_bytes()) for path in files)
    return [content for content in contents if 24 < len(content) < LARGEST_SEED]


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Change some bytes, numbers and pieces of a capture, and cut it now and then."""
    capture = bytearray(seed)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(24, max(len(capture), 25))
        kind = chance.randrange(4)
        if kind == 0:
            capture[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            number = struct.pack(chance.choice("<>") + "I", chance.choice(NUMBERS))[
                : chance.choice((1, 2, 4))
            ]
            capture[place : place + len(number)] = number
        elif kind == 2:
            begin = chance.randrange(24, max(len(capture), 25))
            capture[place:place] = capture[begin : begin + chance.randrange(200)]
        else:
            del capture[place : place + chance.randrange(1, 20)]
    return bytes(capture[: chance.randrange(len(capture) + 1)] if chance.randrange(8) == 0 else capture)


def agree(capture: bytes) -> bool:
    """Tell whether all walks read a capture, and tell the same."""
    try:
        return len(set(told_by_each(capture).values())) == 1
    except Exception:  # noqa: BLE001 - whatever comes is what is looked for
        traceback.print_exc()
        return False


if __name__ == "__main__":
    main()
