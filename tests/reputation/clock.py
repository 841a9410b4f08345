"""A clock that only sleeping moves."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Time in seconds; `slept` lists the pauses."""

    now: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.now += seconds
