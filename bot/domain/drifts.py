"""How much a balance moves that changes by itself, and what is more than that."""

from datetime import datetime, timedelta
from typing import NamedTuple, Self

USUAL_TIMES = 10
"""What moves by more than so many times the usual is a transfer."""

FADES_BY = 8
"""The usual fades by one of so many parts with each smaller drift."""

_MILLISECOND = timedelta(milliseconds=1)


class Drift(NamedTuple):
    """How a balance moves by itself."""

    usual_raw: int
    """The largest of its latest moves."""
    span_ms: int
    """The time that took; 0: not known yet."""
    seen_at: datetime
    """When it last moved."""

    @classmethod
    def first(cls, moved_raw: int, at: datetime) -> Self:
        """Return what is known after one move."""
        return cls(moved_raw, 0, at)

    def is_exceeded_by(self, moved_raw: int, at: datetime) -> bool:
        """Whether somebody must have moved it."""
        return moved_raw > self._most(at)

    def and_also(self, moved_raw: int, at: datetime) -> Self:
        """Return what is usual once it moved by that; of an unusual move only ten times the usual counts."""
        moved, elapsed = min(moved_raw, self._most(at)), self._elapsed_ms(at)
        if not self.span_ms:
            return self._replace(usual_raw=max(moved, self.usual_raw), span_ms=elapsed, seen_at=at)
        in_its_span = moved * self.span_ms // max(elapsed, self.span_ms)
        if in_its_span > self.usual_raw:
            return self._replace(usual_raw=moved, span_ms=elapsed, seen_at=at)
        faded = self.usual_raw - self.usual_raw // FADES_BY
        return self._replace(usual_raw=max(in_its_span, faded), seen_at=at)

    def of_another_amount(self, before_raw: int, after_raw: int) -> Self:
        """Return what is usual once the balance is another one: interest grows with it."""
        return self._replace(usual_raw=max(1, self.usual_raw * after_raw // before_raw))

    def _most(self, at: datetime) -> int:
        """Return the most that it may move by itself; in more time it moves by more."""
        most = USUAL_TIMES * self.usual_raw
        elapsed = self._elapsed_ms(at)
        return most * elapsed // self.span_ms if 0 < self.span_ms < elapsed else most

    def _elapsed_ms(self, at: datetime) -> int:
        """Return how long it last moved ago; nothing where the clock was set back."""
        return max(0, (at - self.seen_at) // _MILLISECOND)
