"""What became of our requests to Telegram: counted for the metrics, and whether sending works at all."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

SENDING = ("send", "edit", "answer")
"""What the names of methods begin with that tell people something."""

FAILURES_TO_TELL = 2
"""In a row: one is bad luck."""

FORGOTTEN_AFTER_SECONDS = 120.0
"""What failed so long ago, with nothing sent since, says no more of now; alerts are tried again sooner."""


class Answered(StrEnum):
    """How Telegram answered one request."""

    OK = "ok"
    REFUSED = "refused"
    """This request; the next may be taken."""
    THROTTLED = "throttled"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word, no secret
    CONFLICT = "conflict"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


TROUBLES = {
    Answered.TOKEN_REFUSED: "Telegram refuses the token",
    Answered.TIMED_OUT: "Telegram takes too long to answer",
    Answered.UNREACHABLE: "Telegram can't be reached",
    Answered.UNREADABLE: "what Telegram answers can't be read",
}
"""What holds for every chat."""


@dataclass(slots=True)
class RequestStats:
    """What became of all requests since the start; seconds of any steady clock come in as `now`."""

    requests: Counter[tuple[str, Answered]] = field(default_factory=Counter)
    """By method."""
    _failures: int = 0
    """Sends in a row that Telegram did not even look at."""
    _failed_at: float = 0.0
    _trouble: str = ""

    def note(self, method: str, answered: Answered, now: float) -> None:
        """Count one request."""
        self.requests[method, answered] += 1
        if not method.startswith(SENDING):
            return
        if answered in TROUBLES:
            self._failures += 1
            self._failed_at = now
            self._trouble = TROUBLES[answered]
        else:
            self._failures = 0

    def sending_trouble(self, now: float) -> str | None:
        """Return why nothing can be sent to anybody; None: it can, as far as is known."""
        if self._failures < FAILURES_TO_TELL or now - self._failed_at > FORGOTTEN_AFTER_SECONDS:
            return None
        return self._trouble


_SORTED: tuple[tuple[type[Exception], Answered], ...] = (
    (RetryAfter, Answered.THROTTLED),
    (InvalidToken, Answered.TOKEN_REFUSED),
    (Conflict, Answered.CONFLICT),
    (ChatMigrated, Answered.REFUSED),
    (Forbidden, Answered.REFUSED),
    (BadRequest, Answered.REFUSED),
    (TimedOut, Answered.TIMED_OUT),
    (NetworkError, Answered.UNREACHABLE),
)
"""In this order: to the library, permanent refusals are network errors, too (telegram.md 3.1)."""


def sort_answer(error: Exception) -> Answered:
    """Return what an error of the library says of a request."""
    return next((answered for kind, answered in _SORTED if isinstance(error, kind)), Answered.UNREADABLE)
