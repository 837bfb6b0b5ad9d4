"""The time of day that all replicas over one database go by."""

import math
from collections.abc import Callable
from datetime import UTC, datetime

ANSWERED_WITHIN_SECONDS = 1.0
"""An answer that took longer says too little of what time it is; the one before is gone by."""


class DatabaseClock:
    """The database's time of day as it last said, counted on from there; called, it returns that.

    Replicas compare moments that others wrote: each by its own clock would mean other moments by them.
    `own` is the time of day here, gone by until the database is asked. `monotonic` is a clock in seconds that
    is never set.
    """

    def __init__(self, own: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self.own_ahead_ms = 0
        """How far the time of day here was ahead when the database was last asked."""
        self._own = own
        self._monotonic = monotonic
        self._zero = own().timestamp() - monotonic()
        """When the monotonic clock showed 0, in seconds since 1970."""
        self._within = math.inf

    def __call__(self) -> datetime:
        """Return what time it is, in UTC."""
        return datetime.fromtimestamp(self._zero + self._monotonic(), UTC)

    def ask(self, now_ms: Callable[[], int]) -> int:
        """Return what the database says by `now_ms`, in milliseconds since 1970, and go by it from now on."""
        asked_at = self._monotonic()
        said = now_ms()
        answered_at = self._monotonic()
        if answered_at - asked_at <= self._within:
            self._within = ANSWERED_WITHIN_SECONDS
            self._zero = said / 1000 - answered_at
            self.own_ahead_ms = int(self._own().timestamp() * 1000) - said
        return said
