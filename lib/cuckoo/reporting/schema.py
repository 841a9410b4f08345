"""The published schema of reports, as it ships."""

import json
from pathlib import Path
from typing import Any

from lib.cuckoo.common.root import SHIPPED

SCHEMA_FILE = Path(SHIPPED) / "schema" / "report.schema.json"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) that every report fits; its `$id` ends with its version."""
    found: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return found
