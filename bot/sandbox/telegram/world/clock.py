"""A clock that runs with the machine's until a test moves or stops it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


class MovableClock:
    """A clock on top of another: ahead of it by as much as it was moved, or stopped."""

    def __init__(self, underneath: Clock) -> None:
        self._underneath = underneath
        self._ahead = timedelta(0)
        self._stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self._stopped_at or self._underneath() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move it forward by seconds; a negative number sets it back."""
        self.set(self() + timedelta(seconds=seconds))

    def set(self, moment: datetime) -> None:
        """Set it to a moment; it runs or stands still as before."""
        if self._stopped_at is not None:
            self._stopped_at = moment
        self._ahead = moment - self._underneath()

    def stop(self) -> None:
        """Stop it; it can still be moved."""
        self._stopped_at = self()

    def go_on(self) -> None:
        """Let it run again, from what it shows."""
        self.set(self())
        self._stopped_at = None
