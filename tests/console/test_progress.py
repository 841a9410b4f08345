"""What a terminal shows of modules that say how far they are."""

import io
from pathlib import Path

from rich.console import Console

from lib.cuckoo.common.ini import Section
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.processing import Processing
from lib.cuckoo.console.progress import LiveProgress
from lib.cuckoo.core.discovery import Candidate
from lib.cuckoo.core.ledger import Outcome, Run


def test_a_terminal_shows_what_a_module_says_until_it_ends_and_counts_modules_only() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100)
    file = Path("memory.py")
    candidate = Candidate(Processing, "memory", file, 1, Section("memory", file, 1, Options()))
    progress = LiveProgress(console)

    def shown() -> str:
        written.seek(0)
        written.truncate()
        progress.tick()
        return written.getvalue()

    progress.planned("processing", ["memory", "other"])
    progress.started(candidate)
    progress.progress(candidate, "linux.lsof (8 of 14)\x1b[2J")
    during = shown()
    progress.finished(Run("memory.lsof", str(file), Outcome.COMPLETED))
    progress.finished(candidate.ended(Outcome.COMPLETED))
    after = shown()
    progress.close()

    assert "memory 0 s linux.lsof (8 of 14)\\x1b[2J" in during
    assert "lsof" not in after
    assert "1 of 2" in after
