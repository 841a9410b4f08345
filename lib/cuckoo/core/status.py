"""One line of text that a running child shows to the engine, for people who wait."""

import mmap

_SIZE_BYTES = 512


class StatusLine:
    """Memory shared by a child and the engine; made before the fork, gone with the last of them.

    A sample may write what it likes here, and a line may be read while it is written: it is for display only.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE_BYTES)

    def write(self, text: str) -> None:
        """Replace the line; what is too long is cut."""
        data = text.encode("utf-8", errors="backslashreplace")[: _SIZE_BYTES - 1]
        self._memory[:] = data.ljust(_SIZE_BYTES, b"\0")

    def read(self) -> str:
        """Return the line, "" if there is none."""
        return self._memory[:].partition(b"\0")[0].decode("utf-8", errors="replace")
