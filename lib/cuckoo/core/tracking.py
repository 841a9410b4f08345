"""Results as a module sees them, which remember what the module changed."""

import hashlib
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from lib.cuckoo.common.detach import Detachable
from lib.cuckoo.core.answer import UnencodableError, pack


class TrackedResults(dict[str, Any]):
    """All sections so far, by key; `writes()` tells which of them were set, replaced or changed inside.

    A section is compared only if the module took it out, because comparing means encoding it twice. `taken()` tells
    which keys it asked for.
    """

    def __init__(self, sections: Mapping[str, Any]) -> None:
        super().__init__(sections)
        self._before = dict(sections)
        self._prints: dict[str, bytes] = {}
        self._taken: set[str] = set()
        self._all_taken = False

    def taken(self) -> list[str] | None:
        """Return the keys that were asked for, there or not, sorted; None for all."""
        return None if self._all_taken else sorted(self._taken)

    def writes(self) -> dict[str, Any]:
        """Return the sections that differ from what was handed over, in their order."""
        return {key: value for key, value in super().items() if self._differs(key, value)}

    def _differs(self, key: str, value: object) -> bool:
        if key not in self._before or value is not self._before[key]:
            return True
        return key in self._prints and _fingerprint(value) != self._prints[key]

    def _touch(self, key: str) -> None:
        self._taken.add(str(key))
        if key in self._before and key not in self._prints:
            self._prints[key] = _fingerprint(self._before[key])

    def _touch_all(self) -> None:
        self._all_taken = True
        for key in self._before:
            self._touch(key)

    def __getitem__(self, key: str) -> Any:
        self._touch(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the section, or `default`."""
        self._touch(key)
        return super().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the section, setting it to `default` first if it is absent."""
        self._touch(key)
        return super().setdefault(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        """Take the section out; what is put back changed counts as changed."""
        self._touch(key)
        return super().pop(key, *default)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # the view is the built-in one
        """Return keys and sections."""
        self._touch_all()
        return super().items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # the view is the built-in one
        """Return the sections."""
        self._touch_all()
        return super().values()

    def copy(self) -> dict[str, Any]:
        """Return a plain dict of the same sections."""
        self._touch_all()
        return dict(super().items())

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # the view is the built-in one
        """Return the keys."""
        self._all_taken = True
        return super().keys()

    def __contains__(self, key: object) -> bool:
        self._taken.add(str(key))
        return super().__contains__(key)

    def __len__(self) -> int:
        self._all_taken = True
        return super().__len__()

    def __iter__(self) -> Iterator[str]:
        self._all_taken = True
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._all_taken = True
        return super().__reversed__()

    def __eq__(self, other: object) -> bool:
        self._all_taken = True
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as of any dict

    def __repr__(self) -> str:
        self._all_taken = True
        return super().__repr__()

    def popitem(self) -> tuple[str, Any]:
        """Take the last section out."""
        self._touch_all()
        return super().popitem()


def copied(value: Any) -> Any:
    """Return a copy that can be changed without changing the original; what is no container stays itself."""
    if isinstance(value, dict):
        return {key: copied(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    return set(value) if isinstance(value, set) else value


def _fingerprint(value: object) -> bytes:
    """Return a digest of a section's content; one that cannot be encoded equals nothing that can."""
    try:
        return hashlib.blake2b(pack(value, _describe)).digest()
    except UnencodableError:
        return b""


def _describe(value: Detachable) -> bytes:
    """Stand in for a value that cannot be changed in place: its description and the sizes of its buffers."""
    description, buffers = value.detach()
    return pack([description, [memoryview(buffer).nbytes for buffer in buffers]])
