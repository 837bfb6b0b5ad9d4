"""Drifts: how much the balance of a rebasing token moves by itself, to tell interest from transfers."""

from datetime import datetime, timedelta
from typing import NamedTuple, Self

USUAL_TIMES = 10
"""A move larger than this many times the usual drift is a transfer."""

FADES_BY = 8
"""The usual drift shrinks by this fraction (1/8) with each smaller one."""

_MILLISECOND = timedelta(milliseconds=1)


class Drift(NamedTuple):
    """How a balance usually drifts."""

    usual_raw: int
    """The largest of its recent moves, in smallest units."""
    span_ms: int
    """How long that move took, in milliseconds; 0: unknown so far."""
    seen_at: datetime
    """When it last moved."""

    @classmethod
    def first(cls, moved_raw: int, at: datetime) -> Self:
        """Return the drift after the first move, whose duration is unknown."""
        return cls(moved_raw, 0, at)

    def is_exceeded_by(self, moved_raw: int, at: datetime) -> bool:
        """Whether a move is too large to be a drift."""
        return moved_raw > self._most(at)

    def updated(self, moved_raw: int, at: datetime) -> Self:
        """Return the drift updated by another move; an unusually large one counts as ten times the usual."""
        moved, elapsed = min(moved_raw, self._most(at)), self._elapsed_ms(at)
        if not self.span_ms:
            return self._replace(usual_raw=max(moved, self.usual_raw), span_ms=elapsed, seen_at=at)
        # Scaled down to the usual move's span: after a longer pause more interest has come together.
        in_its_span = moved * self.span_ms // max(elapsed, self.span_ms)
        if in_its_span > self.usual_raw:
            return self._replace(usual_raw=moved, span_ms=elapsed, seen_at=at)
        faded = self.usual_raw - self.usual_raw // FADES_BY
        return self._replace(usual_raw=max(in_its_span, faded), seen_at=at)

    def of_another_amount(self, before_raw: int, after_raw: int) -> Self:
        """Return the drift for a balance of another size: interest is in proportion to it."""
        return self._replace(usual_raw=max(1, self.usual_raw * after_raw // before_raw))

    def _most(self, at: datetime) -> int:
        """Return the largest move that still counts as a drift; it grows with the time since the last one."""
        most = USUAL_TIMES * self.usual_raw
        elapsed = self._elapsed_ms(at)
        return most * elapsed // self.span_ms if 0 < self.span_ms < elapsed else most

    def _elapsed_ms(self, at: datetime) -> int:
        """Return the milliseconds since the last move; 0 if the clock was set back."""
        return max(0, (at - self.seen_at) // _MILLISECOND)
