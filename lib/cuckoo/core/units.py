"""Units: parts of a module's work with lines of their own in the ledger, from the child to the engine.

The module records them with `Processing.unit()`. They travel in the module's last message, which a sample may have
forged: the engine takes nothing from them but short text, known outcomes and plausible times.
"""

from collections.abc import Mapping
from typing import Any

from lib.cuckoo.common.processing import Processing
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.ledger import Outcome, Run

_MAX_UNITS, _MAX_NOTES, _MAX_NAME, _MAX_TEXT = 1000, 100, 100, 20_000
_MAX_SECONDS = 1e9


def units_of(module: Processing) -> list[Any]:
    """Return what `unit()` collected; a dropped-in module may use the name for something else."""
    units = getattr(module, "units", None)
    return [unit for unit in units[:_MAX_UNITS] if _is_plain(unit)] if isinstance(units, list) else []


def unit_runs(candidate: Candidate, told: object) -> tuple[Run, ...]:
    """Turn the units that a child told of into lines of the ledger; what has not their shape is left out."""
    units = told[:_MAX_UNITS] if isinstance(told, list) else []
    return tuple(_run(candidate, unit) for unit in units if _is_plain(unit))


def _is_plain(unit: object) -> bool:
    return (
        isinstance(unit, dict)
        and all(isinstance(unit.get(name), str) for name in ("name", "outcome", "reason", "traceback"))
        and isinstance(unit.get("seconds"), float)
        and isinstance(unit.get("notes"), list)
        and unit["outcome"] in list(Outcome)
    )


def _run(candidate: Candidate, unit: Mapping[str, Any]) -> Run:
    seconds = unit["seconds"]
    return Run(
        module=f"{candidate.name}.{unit['name'][:_MAX_NAME]}",
        file=str(candidate.file),
        outcome=Outcome(unit["outcome"]),
        key=candidate.key,
        order=candidate.order,
        reason=unit["reason"][:_MAX_TEXT],
        traceback=unit["traceback"][:_MAX_TEXT],
        notes=tuple(note[:_MAX_TEXT] for note in unit["notes"][:_MAX_NOTES] if isinstance(note, str)),
        wall_seconds=round(seconds, 4) if 0 <= seconds <= _MAX_SECONDS else 0.0,
    )
