"""Whether a saved report is what the last run of its analysis made, by what that run recorded and when.

Both times are those of files on one file system, so that no clock is compared with another. Where a run left no
record, or the record does not tell, nothing is said.
"""

import time
from pathlib import Path

from lib.cuckoo.common.text import visible
from lib.cuckoo.core.batch.analyses import Analysis
from lib.cuckoo.core.batch.states import DUMP, Ending, Recorded, State, States
from lib.cuckoo.core.ledger import Outcome
from lib.cuckoo.reporting.saved import REPORT_NAMES, analysis_around

_SLACK_SECONDS = 2.0
"""A report that a run wrote before it was stopped must not count as older, however coarse the times are."""


def why_outdated(report: Path) -> str:
    """Say why a report file "is …", if it is of an earlier run than the last; "" if not, or if nobody can know."""
    if report.name not in REPORT_NAMES or report.parent.name != "reports":
        return ""
    analysis = Analysis.at(analysis_around(report))
    try:
        written = report.stat().st_mtime
        recorded = States(analysis.place).read(analysis.name) if analysis.place.exists() else None
    except OSError:
        return ""
    if recorded is None or written >= _began(recorded):
        return ""
    why = _why_unwritten(recorded.state)
    ended = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(recorded.at))
    return f"of an earlier run; the last one ended {ended} UTC {visible(why, 400)}" if why else ""


def _began(recorded: Recorded) -> float:
    """Return when a run had not begun yet; the beginning of time where nobody noted how long it took."""
    state = recorded.state
    if not state.seconds:
        return 0.0
    return recorded.at - state.seconds - (0.0 if state.report else _SLACK_SECONDS)


def _why_unwritten(state: State) -> str:
    """Say how a run ended without a report, "" if nothing is known to have kept it from writing one."""
    if state.ending is Ending.INTERRUPTED:
        return "before it wrote a report"
    if state.ending is Ending.UNPROCESSED:
        return f"without a report: {state.error}"
    outcome, reason = (str(state.report.get(field, "")) for field in ("outcome", "reason"))
    if not outcome or outcome in {Outcome.COMPLETED, Outcome.CACHED}:
        return ""
    return f"with {DUMP} {outcome}" + (f": {reason}" if reason else "")
