"""One way to wait for something without asking again and again: woken by plain code, checked by who waits."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class Signal:
    """Wakes everyone who waits each time it is sent."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def send(self) -> None:
        """Let everyone look again."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait_for(self, look: Callable[[], Found | None], timeout_seconds: float | None = None) -> Found:
        """Return the first thing the look finds; TimeoutError when it finds nothing in time."""
        async with asyncio.timeout(timeout_seconds):
            while (found := look()) is None:
                await self._event.wait()
            return found
