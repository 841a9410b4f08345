"""What is made up for when a lease is taken over whose holder was killed."""

from pathlib import Path
from typing import Any

from lib.cuckoo.core.batch.analyses import Analysis
from lib.cuckoo.core.batch.journal import tells_of
from lib.cuckoo.core.batch.leases import Lease
from lib.cuckoo.core.batch.states import Ending, State, States, short
from lib.cuckoo.core.batch.worker import clean


def recover(analysis: Analysis, lease: Lease, states: States) -> State | None:
    """Put an analysis in order whose lease was taken over; return a state that the journal does not tell of yet.

    If the holder did not come to write a state, the analysis counts as interrupted.

    Raises:
        OSError: its state cannot be written.
    """
    previous = lease.previous
    if previous is None:
        return None
    clean(analysis)
    recorded = states.read(analysis.name)
    if recorded is None or recorded.state.attempt != previous.token:
        state = interrupted(analysis, previous.token, states)
        states.write(analysis.name, state)
        return state
    if not previous.journal:
        return None
    return None if tells_of(Path(previous.journal), previous.token) else recorded.state


def interrupted(
    analysis: Analysis, attempt: str, states: States, run: str = "", seconds: float = 0.0
) -> State:
    """Return the state of an analysis that was stopped; what went wrong before still counts.

    `seconds` is how long it was worked on, 0 where nobody knows.
    """
    recorded = states.read(analysis.name)
    tries = recorded.state.tries if recorded else 0
    return State(Ending.INTERRUPTED, short(analysis.name), attempt, run, tries, seconds=seconds)


def event_of(analysis: Analysis, state: State) -> dict[str, Any]:
    """Return the event that tells how a run of an analysis ended."""
    path = analysis.shown
    if state.ending is Ending.INTERRUPTED:
        return {"event": "interrupted", "path": path, "attempt": state.attempt}
    retry = {"retry_at": round(state.retry_at)} if state.retry_at else {}
    return {
        "event": "finished",
        "path": path,
        "attempt": state.attempt,
        "ending": str(state.ending),
        "seconds": state.seconds,
        "failed": state.failed,
        "failures": list(state.failures),
        "error": state.error,
        "tries": state.tries,
        **retry,
    }
