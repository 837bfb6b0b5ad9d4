"""Holds requests back while the service wants none."""

from collections.abc import Awaitable, Callable


class RateLimiter:
    """One for all requests of a client: shut for all of them, and open again when its time is over.

    Times are in seconds. `now` may be a clock that people set: a limiter that was shut in the future is open.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]], now: Callable[[], float]) -> None:
        self._sleep = sleep
        self._now = now
        self._shut_at = 0.0
        self._opens_at = 0.0

    def shut(self, seconds: float) -> None:
        """Let nobody through for this long, or longer if it is to stay shut longer already."""
        now = self._now()
        self._opens_at = now + max(seconds, self._seconds_left())
        self._shut_at = now

    async def passed(self) -> None:
        """Wait until the limiter is open; whatever shuts it meanwhile is waited for as well."""
        waited_for = None
        while (seconds := self._seconds_left()) and self._opens_at != waited_for:
            waited_for = self._opens_at
            await self._sleep(seconds)

    def _seconds_left(self) -> float:
        now = self._now()
        return self._opens_at - now if self._shut_at <= now < self._opens_at else 0.0
