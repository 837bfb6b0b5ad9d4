"""What became of our requests to Telegram: counted for the metrics, and whether sending works at all."""

from collections import Counter
from dataclasses import dataclass, field

from bot.chat.telegram.errors import RequestResult

SENDING = ("send", "edit", "answer")
"""What the names of methods begin with that tell people something."""

FAILURES_TO_TELL = 2
"""In a row: one is bad luck."""

FORGOTTEN_AFTER_SECONDS = 120.0
"""What failed so long ago, with nothing sent since, says no more of now; alerts are tried again sooner."""


TROUBLES = {
    RequestResult.TOKEN_REFUSED: "Telegram refuses the token",
    RequestResult.TIMED_OUT: "Telegram takes too long to answer",
    RequestResult.UNREACHABLE: "Telegram can't be reached",
    RequestResult.UNREADABLE: "what Telegram answers can't be read",
}
"""What holds for every chat."""


@dataclass(slots=True)
class RequestStats:
    """What became of all requests since the start; seconds of any steady clock come in as `now`."""

    requests: Counter[tuple[str, RequestResult]] = field(default_factory=Counter)
    """By method."""
    _failures: int = 0
    """Sends in a row that Telegram did not even look at."""
    _failed_at: float = 0.0
    _trouble: str = ""

    def count(self, method: str, result: RequestResult, now: float) -> None:
        """Count one request."""
        self.requests[method, result] += 1
        if not method.startswith(SENDING):
            return
        if result in TROUBLES:
            self._failures += 1
            self._failed_at = now
            self._trouble = TROUBLES[result]
        else:
            self._failures = 0

    def sending_trouble(self, now: float) -> str | None:
        """Return why nothing can be sent to anybody; None: it can, as far as is known."""
        if self._failures < FAILURES_TO_TELL or now - self._failed_at > FORGOTTEN_AFTER_SECONDS:
            return None
        return self._trouble
