"""How the tests of readers call them: any bytes end as plain data or as the named error."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.describe import READERS
from tests.shape import assert_fits

SECTIONS = {each.read: each.section for each in READERS.values()}
Reader = Callable[[Data, Budget, Save], Mapping[str, Any]]


def discard(_: str, __: bytes) -> None:
    """Save nothing."""


def read(reader: Reader, data: bytes, budget: Budget | None = None) -> Any:
    """Return what a reader says of the data, once the published schema has judged it."""
    answer = reader(data, budget or Budget(), discard)
    if reader in SECTIONS:
        assert_fits({"static": {"kind": "", SECTIONS[reader]: answer}})
    return answer


def survives(reader: Reader, data: bytes) -> None:
    """Fail unless the reader answers with plain data that can be stored, or refuses with the named error."""
    try:
        answer = read(reader, data, Budget(entries=500, text=5000, unpacked=1 << 20))
    except CuckooProcessingError as error:
        assert str(error)
        return
    json.dumps(answer, allow_nan=False).encode()
    assert "\ud800" not in json.dumps(answer, ensure_ascii=False)


def cuts(data: bytes, count: int = 60) -> Iterator[bytes]:
    """Yield the data cut at `count` places, more of them near the beginning, and with a bit flipped at each."""
    for step in range(count):
        at = len(data) * step * step // (count * count)
        yield data[:at]
        yield data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :] if at < len(data) else data
