"""Time in the local Telegram: it runs as the machine's does until a test moves it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


class MovableClock:
    """A clock over another: as far ahead of it as it was moved, or standing still."""

    def __init__(self, underneath: Clock) -> None:
        self._underneath = underneath
        self._ahead = timedelta(0)
        self._stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self._stopped_at or self._underneath() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once; less than nothing sets it back."""
        self.set(self() + timedelta(seconds=seconds))

    def set(self, moment: datetime) -> None:
        """Show this moment, and run or stand still as before."""
        if self._stopped_at is not None:
            self._stopped_at = moment
        self._ahead = moment - self._underneath()

    def stop(self) -> None:
        """Stand still; it can still be moved."""
        self._stopped_at = self()

    def go_on(self) -> None:
        """Run again, from what it shows."""
        self.set(self())
        self._stopped_at = None
