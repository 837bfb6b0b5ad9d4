"""How many requests may go out beside the polls, which come first: a tenth of theirs."""

from dataclasses import dataclass
from typing import Final

REQUESTS_MOST: Final = 20
"""What a full budget allows at once."""

POLLS_FOR_ONE: Final = 10
"""Requests of polls that earn one request."""

SECONDS_FOR_ONE: Final = 60.0
"""The time that earns one request where the polls earn less."""


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """What was spent and earned since it was last full; it starts full.

    All is counted from one moment on, so how often somebody looks at it changes nothing.
    """

    since: float
    """When it was full: seconds of any steady clock."""
    polled: int = 0
    """How many requests the polls had sent by then."""
    spent: int = 0

    def left(self, polled: int, now: float) -> float:
        """Return how many requests may go out, none below 1; `polled` is what the polls sent so far."""
        by_polls = (polled - self.polled) / POLLS_FOR_ONE
        by_time = (now - self.since) / SECONDS_FOR_ONE
        return min(REQUESTS_MOST, REQUESTS_MOST - self.spent + max(by_polls, by_time))

    def after_request(self, polled: int, now: float) -> "RequestBudget":
        """Return the budget after one request."""
        if self.left(polled, now) >= REQUESTS_MOST:
            return RequestBudget(since=now, polled=polled, spent=1)
        return RequestBudget(self.since, self.polled, self.spent + 1)
