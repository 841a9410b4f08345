"""A long list of names as a sequence that holds no text objects: what half a million paths need is their bytes."""

from collections.abc import Iterator, Sequence
from operator import eq
from typing import Any, Self, overload

from lib.cuckoo.behavior.reader import active

FEW_NAMES = 10_000
_NAMES_PER_CHUNK = 1000


class Names(Sequence[str]):
    """Distinct names in order, read like a list; each text is made when somebody asks for it.

    Four bytes a name, and a buffer of UTF-8 that several lists share; `pure.NameLists` describes it. Nothing can be
    changed in place: `list(names)` and `names + [...]` give lists.
    """

    def __init__(self, store: memoryview, places: memoryview) -> None:
        self._store = store
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"<{len(self)} names>"

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        rows = range(len(self))[index]
        if isinstance(rows, int):
            return self._read(rows, rows + 1)[0]
        if rows.step == 1:
            return self._read(rows.start, rows.stop)
        return [self[row] for row in rows]

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _NAMES_PER_CHUNK):
            yield from self._read(first, first + _NAMES_PER_CHUNK)

    def _read(self, start: int, stop: int) -> list[str]:
        return active().names(self._store, self._places[start:stop])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and active().find_name(self._store, self._places, name) >= 0

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return where a name stands.

        Raises:
            ValueError: it is not among the names from `start` to `stop`.
        """
        rows = range(len(self))[start:stop]
        places = self._places[rows.start : rows.stop]
        found = active().find_name(self._store, places, value) if isinstance(value, str) else -1
        if found < 0:
            raise ValueError(f"{value!r} is not among the names")
        return rows.start + found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | Names):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as of a list: equal ones are not the same

    def __add__(self, other: Sequence[str]) -> list[str]:
        return [*self, *other]

    def __radd__(self, other: Sequence[str]) -> list[str]:
        return [*other, *self]

    def copy(self) -> list[str]:
        """Return the names as a list, which can be changed."""
        return list(self)

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the names as JSON text: no blanks, characters beyond ASCII as they are, UTF-8."""
        yield b"["
        for first in range(0, len(self), _NAMES_PER_CHUNK):
            places = self._places[first : first + _NAMES_PER_CHUNK]
            yield (b"," if first else b"") + active().json_names(self._store, places)
        yield b"]"

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Return an empty description, the buffer of all names, and where in it these stand."""
        return {}, [self._store, self._places.cast("B")]

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:  # noqa: ARG003 - given to every such class
        """Build the names again from what `detach` gave.

        Raises:
            ValueError: the buffers are not two, or the names would be longer together than what they lie in, so that
                a small answer would become an endless report.
        """
        store, places = buffers
        try:
            names = cls(store, places.cast("B").cast("I"))
        except TypeError as error:
            raise ValueError(f"not a column of names: {error}") from error
        if active().bytes_of_names(store, names._places) > len(store):
            raise ValueError(f"{len(names)} names are longer than the {len(store)} bytes they lie in")
        return names


def lists_of(store: memoryview, columns: Sequence[memoryview]) -> list[list[str] | Names]:
    """Return lists of names that are complete: few as a plain list, many as `Names`."""
    lists = [Names(store, places) for places in columns]
    return [list(names) if len(names) <= FEW_NAMES else names for names in lists]
