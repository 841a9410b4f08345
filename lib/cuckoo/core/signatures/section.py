"""The stage as the engine runs it: find, choose and run signatures, then write what they say into the results."""

import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.root import Root
from lib.cuckoo.core.ledger import Outcome, Problem, Run
from lib.cuckoo.core.score import Formula, Score, load_formula, score
from lib.cuckoo.core.signatures.attack import ttps_of
from lib.cuckoo.core.signatures.conduct import STUCK_SECONDS, Conducted, Conductor
from lib.cuckoo.core.signatures.loading import Loading, load_signatures
from lib.cuckoo.core.signatures.selection import Overlay, Selection, Setting, select
from lib.cuckoo.core.stage import Conditions


@dataclass(frozen=True)
class SignatureSettings:
    """What configuration says about signatures."""

    folders: Sequence[Path]
    """Collections, the shipped one first; of two signatures of one name that of the later collection runs."""
    overlay: Overlay = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    """Section [signatures] of conf/fledge.conf."""

    @property
    def enabled(self) -> bool:
        """False leaves the whole stage out."""
        return bool(self.options.get("enabled", True))

    @property
    def stuck_seconds(self) -> int:
        """How long one signature may work on one call.

        Raises:
            CuckooStartupError: the option is not a whole number of at least 1.
        """
        seconds = self.options.get("stuck_seconds", STUCK_SECONDS)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
            raise CuckooStartupError(f"[signatures] stuck_seconds must be a whole number, not {seconds!r}")
        return seconds

    @property
    def formula(self) -> Formula:
        """The function that gives the score."""
        name = str(self.options.get("formula") or "")
        return load_formula(name) if name else score


@dataclass(frozen=True)
class SignatureResults:
    """What the stage gives to the engine."""

    sections: dict[str, Any]
    times: list[dict[str, Any]]
    """`{"name", "time"}` of each signature that ran, by name; seconds in its own code."""
    record: dict[str, Any]
    """For the ledger: what ran, what was left out and why."""
    faults: list[Run]
    problems: list[Problem]


def signature_settings(root: Root, further: Sequence[Path] = ()) -> SignatureSettings:
    """Read conf/fledge.conf and the overlay, conf/signatures.json or .yaml.

    Raises:
        CuckooStartupError: one of them cannot be used.
    """
    section = read_sections(root.configuration("fledge")).get("signatures")
    folders = [*root.module_folders("signatures"), *further]
    options = section.options if section else Options()
    return SignatureSettings(folders, read_overlay(root.path / "conf"), options)


def read_overlay(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the attributes that `signatures.json`, else `signatures.yaml`, sets, by name of the signature.

    Raises:
        CuckooStartupError: the file is not an object of objects, or YAML is not installed.
    """
    for file in (folder / "signatures.json", folder / "signatures.yaml"):
        if file.is_file():
            overlay = _parsed(file)
            if not isinstance(overlay, dict) or not all(isinstance(each, dict) for each in overlay.values()):
                raise CuckooStartupError(f"{file}: must map names of signatures to their attributes")
            return overlay
    return {}


def apply_signatures(
    results: Mapping[str, Any], settings: SignatureSettings, setting: Setting, conditions: Conditions
) -> SignatureResults:
    """Run all signatures that fit the analysis over the results."""
    loading = load_signatures(settings.folders)
    selection = select(loading.definitions, setting)
    conditions.observer.planned("signatures", [definition.name for definition in selection.chosen])
    conductor = Conductor(results, conditions, settings.overlay, settings.stuck_seconds)
    conducted = conductor.run(selection.chosen)
    total = _scored(conducted, settings.formula)
    sections = {
        **conducted.written,
        "signatures": conducted.matches,
        "score": total,
        "malscore": total["total"],
        "ttps": ttps_of(conducted.matches),
    }
    times = sorted(({"name": run.name, "time": round(run.seconds, 4)} for run in conducted.runs), key=_name)
    return SignatureResults(
        sections,
        times,
        _record(loading, selection, conducted),
        [*loading.runs, *conducted.faults],
        loading.problems,
    )


def _scored(conducted: Conducted, formula: Formula) -> Score:
    """Return the score; a formula from configuration that raises is recorded, and the built-in one takes its place."""
    try:
        return formula(conducted.matches)
    except Exception as error:  # noqa: BLE001 - the boundary: somebody's function may raise anything
        reason = f"the formula raised {type(error).__name__}: {error}; the built-in one was used"
        text = "".join(traceback.format_exception(error))
        conducted.faults.append(Run("score", "", Outcome.CRASHED, reason=reason, traceback=text))
        return score(conducted.matches)


def _parsed(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    try:
        if file.suffix == ".json":
            return json.loads(text)
        import yaml  # noqa: PLC0415 - an extra, needed by those who write YAML only
    except ValueError as error:
        raise CuckooStartupError(f"{file}: {error}") from error
    except ImportError as error:
        raise CuckooStartupError(f"{file}: needs PyYAML: pip install 'fledge[yaml]'") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CuckooStartupError(f"{file}: {' '.join(str(error).split())}") from error


def _record(loading: Loading, selection: Selection, conducted: Conducted) -> dict[str, Any]:
    return {
        "found": len(loading.definitions),
        "ran": len(conducted.runs),
        "matched": len(conducted.matches),
        "left_out": [
            {"name": definition.name, "file": definition.file, "reason": reason}
            for definition, reason in selection.left_out
        ],
    }


def _name(record: Mapping[str, Any]) -> str:
    return str(record["name"])
