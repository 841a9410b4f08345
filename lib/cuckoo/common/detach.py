"""What a large value must offer so that it can cross from a module's child process to the engine unopened."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self, runtime_checkable


@runtime_checkable
class Detachable(Protocol):
    """A sequence that is a small description plus flat buffers, for example a log's index in columns.

    The engine writes the buffers to the answer as they are, and maps them again on the other side: nothing is
    copied object by object. The child that wrote them may be under a sample's control, so `attach` checks
    everything that it relies on.
    """

    def detach(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Return a plain description and the buffers, each contiguous."""

    @classmethod
    def attach(cls, description: dict[str, Any], buffers: Sequence[memoryview], analysis_path: str) -> Self:
        """Build the value again from what `detach` gave.

        `analysis_path` is the folder that file names in the description are relative to; a name that leads
        out of it is refused.

        Raises:
            ValueError: description and buffers do not fit together.
        """

    def json_chunks(self) -> Iterator[bytes]:
        """Yield the value as JSON text, UTF-8, in pieces of bounded size."""


@runtime_checkable
class Lined(Protocol):
    """A sequence of calls that writes itself as lines, without building each call."""

    def json_lines(self) -> Iterator[bytes]:
        """Yield the calls as JSON text, UTF-8, one a line, in pieces of whole lines and of bounded size."""
