"""Real and synthetic memory images, unpacked once, in working roots made for them."""

import lzma
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import fledge
from fledge import Results
from tests.shape import assert_fits

LINUX = "debian12-6.1.0-56-cloud-amd64-80M.raw.xz"
WINDOWS = "win-synthetic-A.raw.xz"
SECTION = """
[memory]
enabled = yes
symbols_path = {symbols}
limit_wall_seconds = 900
limit_cpu_seconds = 900
limit_memory_mb = 4096
{options}
"""


def unpack(packed: Path, target: Path) -> Path:
    """Write the image in `packed` to `target`, with the zeros in it as holes."""
    with lzma.open(packed) as source, target.open("wb") as file:
        while block := source.read(1 << 16):
            if block.count(0) == len(block):
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate(file.tell())
    return target


class MemoryRoot:
    """A working root in which only the module `memory` runs, on one analysis."""

    def __init__(
        self, path: Path, symbols: Path | str, options: str = "", plugins: str | None = None
    ) -> None:
        self.path = path
        self.analysis = path / "storage" / "analyses" / "7"
        self.analysis.mkdir(parents=True)
        (path / "conf").mkdir()
        section = SECTION.format(symbols=symbols, options=options)
        (path / "conf" / "processing.conf").write_text(section)
        (path / "conf" / "reporting.conf").write_text("")
        (path / "conf" / "fledge.conf").write_text("[signatures]\nenabled = no\n")
        if plugins is not None:
            (path / "conf" / "memory.conf").write_text(plugins)

    @property
    def image(self) -> Path:
        """Where the analysis has its image."""
        return self.analysis / "memory.dmp"

    def take(self, image: Path) -> None:
        """Put a copy of an image into the analysis."""
        shutil.copyfile(image, self.image)

    def process(self) -> Results:
        """Process the analysis."""
        results = fledge.process(self.analysis, root=self.path)
        assert_fits({"memory": results.get("memory") or {}})
        return results


def sections(*plugins: str) -> str:
    """Return the text of a memory.conf that enables these plugins."""
    return "".join(f"[{plugin}]\nenabled = yes\n" for plugin in plugins)


def rows_without(rows: Sequence[dict[str, object]], *columns: str) -> list[dict[str, object]]:
    """Return rows without some columns."""
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]
