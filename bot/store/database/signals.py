"""Wakes the workers that wait for something in the database.

A unit of work says with `notify` that there is something new; the database's thread sets the signal once it
is committed, so that no caller has to remember to wake anybody.
"""

import asyncio
from enum import StrEnum


class SignalName(StrEnum):
    """What a worker can wait for."""

    OUTBOX = "outbox"
    """Something may be sent now, or the next moment to look for it has changed: for the dispatcher."""
    SUBSCRIPTIONS = "subscriptions"
    """Something is watched that nobody read yet: for the poller."""
    CHANGES = "changes"
    """Changes were recorded whose transfers nobody asked for yet: for the explainer."""
    ROLES = "roles"
    """A replica gave up what it did: for those that may take it."""


class Signal:
    """Tells one worker that there may be something new for it; used in the event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        """Whether it was set and nobody has waited for it since."""
        return self._event.is_set()

    def set(self) -> None:
        """Wake the worker, or let its next wait return at once."""
        self._event.set()

    def clear(self) -> None:
        """Forget that it was set."""
        self._event.clear()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is set, at most for so long (None: for ever), and clear it; returns if it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self.clear()
        return True
