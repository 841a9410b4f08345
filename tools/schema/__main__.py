"""`python -m tools.schema`: write schema and page anew."""

import json
from pathlib import Path

import fledge  # noqa: F401 - binds lib.cuckoo to this tree
from tools.schema.document import document
from tools.schema.page import Page

ROOT = Path(__file__).resolve().parents[2]


def contents() -> dict[Path, str]:
    """Return what the files should hold."""
    return {
        ROOT / "schema" / "report.schema.json": json.dumps(document(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "docs" / "reference" / "results.md": Page().text(),
    }


def main() -> None:
    """Write the files."""
    for path, text in contents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
