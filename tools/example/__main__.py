"""The command that writes the example analysis."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from tools.example import write_analysis


def main(arguments: Sequence[str] | None = None) -> None:
    """Replace the folder by a freshly written example."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.example",
        description="Write the example analysis, a complete folder as a sandbox leaves it.",
    )
    parser.add_argument(
        "folder", type=Path, help="where to write; what an earlier run left there is replaced"
    )
    folder: Path = parser.parse_args(arguments).folder
    if (folder / "task.json").exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} is not empty and holds no analysis")
    write_analysis(folder)
    print(f"wrote {folder}")


if __name__ == "__main__":
    main()
