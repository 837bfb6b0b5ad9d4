"""How the last sweep went, as any process reads it from the database, and when silence is too long.

How long ago something happened is counted in spans where it decides anything: the time of day may jump.
"""

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.ask.questions import Allowance
from bot.domain.assets import ChainId

SILENCE_SECONDS = 15.0
INTERVALS_OF_SILENCE = 3
SWEEPS_OF_SILENCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSweep:
    """How the last sweep went that came to its end."""

    ended_at: datetime
    took_seconds: float
    """Answered or not."""
    seen_seconds: float = 0.0
    """How long the last one with an answer took: in an outage, time limits make sweeps longer or shorter."""
    silent_seconds: float = 0.0
    """How long there had been no answer when it ended; 0: it had one, or nothing to ask."""
    trouble: str | None = None
    """What the source said instead of answers."""
    refusals: int = 0
    """Sweeps in a row that brought nothing but a refusal."""
    asked: frozenset[ChainId] = frozenset()
    allowance: Allowance = field(default_factory=Allowance)
    """What the source still allowed when it ended, but for what the last request cost."""


def ended_seconds_ago(last: LastSweep, now: datetime, late_after_seconds: float) -> float | None:
    """Return how long ago a sweep ended; None where the clock was set back too far to know."""
    ago = (now - last.ended_at).total_seconds()
    # Time servers set clocks back a little; after more, "just now" would stand while nothing is swept.
    return max(0.0, ago) if ago >= -late_after_seconds else None


def silence_seconds(interval_seconds: float, last: LastSweep | None) -> float:
    """Return after how many seconds without a finished sweep, or without an answer, something is wrong."""
    return max(
        INTERVALS_OF_SILENCE * interval_seconds,
        SWEEPS_OF_SILENCE * (last.seen_seconds if last else 0.0),
        SILENCE_SECONDS,
    )
