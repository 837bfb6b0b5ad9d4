"""A circuit breaker: after failures in a row the source is left alone, and probed after growing pauses.

Seconds of any steady clock come in as `now`; nothing here waits.
"""

from dataclasses import dataclass, replace
from enum import Enum

from bot.domain.backoff import Backoff

FAILURES_TO_OPEN = 3
"""Failures in a row that are an outage; fewer may be bad luck, or one question."""


class PauseReason(Enum):
    """Why the source is left alone; the values are the pauses before each probe.

    A source that is back is noticed within a minute, however long a failed probe took: the longest pause
    and a time limit of 30 s stay below that. Only an exhausted quota is probed rarely, and what a source
    does not offer at all.
    """

    OUTAGE = Backoff((1, 2, 4, 8, 15, 20), spread=0.1)
    THROTTLED = Backoff((1, 3, 10, 30, 50), spread=0.1)
    ACCESS = Backoff((1, 2, 5, 15, 30, 50), spread=0.1)
    QUOTA = Backoff((1, 2, 5, 10, 30, 60, 120, 300, 600), spread=0.1)
    NOT_OFFERED = Backoff((60, 600, 3600), spread=0.1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether questions may go out: closed (all of them) or open (none, but a probe after each pause).

    An answer or a failure `of_probe` belongs to a question that was sent while open. All others that
    come while open are late: they belong to questions sent before, and say nothing new.
    """

    failures: int = 0
    """In a row, while closed."""
    openings: int = 0
    """In a row and for the same reason; pauses grow with them."""
    reason: PauseReason | None = None
    """Of the last opening; None once a question was answered normally after it."""
    open_until: float | None = None
    """When the next probe is due; None: closed."""

    @property
    def is_closed(self) -> bool:
        """Whether any question may go out."""
        return self.open_until is None

    @property
    def is_about_to_open(self) -> bool:
        """Whether one more failure opens it."""
        return self.is_closed and self.failures == FAILURES_TO_OPEN - 1

    def seconds_to_probe(self, now: float) -> float | None:
        """Return how long to wait until a probe is due; None while closed."""
        return None if self.open_until is None else max(0.0, self.open_until - now)

    def after_answer(self, *, of_probe: bool = False) -> "Breaker":
        """Return the state after an answer; that of a probe closes."""
        if of_probe:
            # Only the next answer shortens the pauses again: a source that answers
            # nothing but small probes is not back yet.
            return Breaker(openings=self.openings, reason=self.reason)
        return Breaker() if self.is_closed else self

    def after_failure(
        self, reason: PauseReason, now: float, jitter: float, *, of_probe: bool = False
    ) -> "Breaker":
        """Return the state after a failure: an outage takes three in a row, or one of a probe."""
        if not (self.is_closed or of_probe):
            return self
        if not of_probe and reason is PauseReason.OUTAGE and self.failures + 1 < FAILURES_TO_OPEN:
            return replace(self, failures=self.failures + 1)
        earlier = self.openings if reason is self.reason else 0
        until = now + reason.value.seconds(earlier, jitter)
        return Breaker(openings=earlier + 1, reason=reason, open_until=until)
