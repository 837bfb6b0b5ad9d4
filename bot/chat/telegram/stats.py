"""Counts of the requests to Telegram and their results, and whether sending works at all."""

from collections import Counter
from dataclasses import dataclass, field

from bot.chat.telegram.errors import RequestResult

SENDING = ("send", "edit", "answer")
"""What the names of methods begin with by which people get to see something."""

UPLOADS = ("sendDocument", "sendPhoto")
"""Methods that may time out because a file is large, which says nothing of messages."""

FAILURES_TO_REPORT = 2
"""Failed sends in a row before sending counts as broken; one may be bad luck."""

FORGOTTEN_AFTER_SECONDS = 120.0
"""A failure that long ago says nothing of now; whatever waits is tried again sooner than that."""


TROUBLES = {
    RequestResult.TOKEN_REFUSED: "Telegram refuses the token",
    RequestResult.TIMED_OUT: "Telegram takes too long to answer",
    RequestResult.UNREACHABLE: "Telegram can't be reached",
    RequestResult.UNREADABLE: "what Telegram answers can't be read",
}
"""The results that would meet a send to any chat, as the health page words them."""


@dataclass(slots=True)
class RequestStats:
    """The requests since the start; `now` is in seconds of any monotonic clock."""

    requests: Counter[tuple[str, RequestResult]] = field(default_factory=Counter)
    """By method and result."""
    _failures: int = 0
    """In a row: sends that failed as any other would have."""
    _failed_at: float = 0.0
    _trouble: str = ""

    def count(self, method: str, result: RequestResult, now: float) -> None:
        """Count a request."""
        self.requests[method, result] += 1
        if not method.startswith(SENDING) or (method in UPLOADS and result is RequestResult.TIMED_OUT):
            return
        if result in TROUBLES:
            self._failures += 1
            self._failed_at = now
            self._trouble = TROUBLES[result]
        else:
            self._failures = 0

    def sending_trouble(self, now: float) -> str | None:
        """Return why nothing can be sent to anybody; None: as far as is known, it can."""
        if self._failures < FAILURES_TO_REPORT or now - self._failed_at > FORGOTTEN_AFTER_SECONDS:
            return None
        return self._trouble
