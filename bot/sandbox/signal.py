"""A way for coroutines to wait until plain code has changed something, without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class ChangeSignal:
    """Wakes everyone who waits each time it is sent."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def send(self) -> None:
        """Wake everyone who waits."""
        self._event.set()
        # A new event instead of `clear`: whoever waits on the old one is woken for certain.
        self._event = asyncio.Event()

    async def wait_for(self, look: Callable[[], Found | None], timeout_seconds: float | None = None) -> Found:
        """Call `look` now and after each signal, and return the first result that is not None.

        Raises TimeoutError when there is none in time; without a timeout it waits for ever.
        """
        async with asyncio.timeout(timeout_seconds):
            while (found := look()) is None:
                await self._event.wait()
            return found
