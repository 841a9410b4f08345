"""What is left out is counted, and told."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

from lib.cuckoo.common.text import count_text

_T = TypeVar("_T", bound=Hashable)


class Tally:
    """Keeps the first findings of each kind, and counts those beyond and those that are not what they claim."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._beyond: Counter[str] = Counter()
        self._unfit: Counter[str] = Counter()
        self._allowed: Counter[str] = Counter()

    def kept(
        self, kind: str, values: Iterable[Any], read: Callable[[Any], _T | None], *, most: int = 0
    ) -> list[_T]:
        """Return what `read` makes of the values, each once; None is counted as unfit."""
        found: dict[_T, None] = {}
        for value in values:
            if len(found) >= (most or self._most):
                self._beyond[kind] += 1
                continue
            record = read(value)
            if record is None:
                self._unfit[kind] += 1
            else:
                found[record] = None
        return list(found)

    def unfit(self, kind: str, count: int = 1) -> None:
        """Count values that are not what they claim to be."""
        self._unfit[kind] += count

    def beyond(self, kind: str, count: int = 1) -> None:
        """Count values that there was no room for."""
        self._beyond[kind] += count

    def allowed(self) -> None:
        """Count an indicator that an allow-list covers."""
        self._allowed["indicator"] += 1

    def sentences(self) -> Iterator[str]:
        """Yield what is missing: "3 flows beyond the bounds", "1 domain of no valid form"."""
        for counts, words in (
            (self._beyond, "beyond the bounds"),
            (self._unfit, "of no valid form"),
            (self._allowed, "on an allow-list"),
        ):
            for kind, count in sorted(counts.items()):
                if count:
                    yield f"{count_text(count, *_NOUNS.get(kind, (kind,)))} {words}"


_NOUNS = {
    "address": ("address", "addresses"),
    "alias": ("alias", "aliases"),
    "hash": ("hash", "hashes"),
    "key": ("registry key",),
    "match": ("match of a signature", "matches of signatures"),
    "mutex": ("mutex", "mutexes"),
    "process": ("process", "processes"),
    "url": ("URL",),
}
