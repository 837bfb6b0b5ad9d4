"""How long to wait before the next try, by how many tries failed before it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow with the failures in a row, each made a little longer at random.

    Without the random part all that failed at one moment would be tried again at one moment.
    """

    steps: tuple[float, ...]
    """Seconds, by how many failures came before this one, none of them shorter than the one before it; the
    last one repeats."""
    spread: float = 0.0
    """The longest addition, as a part of the pause."""

    def seconds(self, earlier: int, jitter: float) -> float:
        """Return the pause after a failure that `earlier` others preceded; `jitter` is drawn from [0, 1)."""
        step = self.steps[min(earlier, len(self.steps) - 1)]
        return step * (1 + self.spread * jitter)
