"""Which of the enabled modules a run is asked for: `--only` and `--skip`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lib.cuckoo.common.exceptions import CuckooStartupError
from lib.cuckoo.core.discovery import Candidate, Discovery


@dataclass(frozen=True)
class Choice:
    """Names of modules, as their files are called, without ending."""

    only: Collection[str] = ()
    """When one of a stage's modules is named, no other of that stage runs."""
    skip: Collection[str] = ()

    @property
    def is_made(self) -> bool:
        """True when any module is named."""
        return bool(self.only or self.skip)

    def check(self, stages: Sequence[Discovery]) -> None:
        """Refuse names that nothing answers to; `stages` are all that names may be of.

        Raises:
            CuckooStartupError: a name is unknown, or is that of a module which would not run anyway.
        """
        enabled = {each.name for stage in stages for each in stage.candidates}
        idle = {run.module: run.reason for stage in stages for run in stage.left_out}
        for name in dict.fromkeys((*self.only, *self.skip)):
            if name in enabled or (name in idle and name not in self.only):
                continue
            if name in idle:
                raise CuckooStartupError(f"the module {name} cannot run: {idle[name]}")
            raise CuckooStartupError(
                f"there is no module {name!r:.100}; there are {', '.join(sorted(enabled))}"
            )

    def reason_of(self, candidate: Candidate, stage: Sequence[Candidate]) -> str:
        """Return why a candidate of a stage is not to run, "" when it is."""
        if candidate.name in self.skip:
            return "left out by --skip"
        wanted = {each.name for each in stage} & set(self.only)
        return "left out by --only" if wanted and candidate.name not in wanted else ""
