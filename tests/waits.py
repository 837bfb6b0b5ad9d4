"""How tests wait: for something that happens, with a bound that only a hang meets."""

import asyncio
from collections.abc import Callable

HANG_SECONDS = 60.0
"""Whatever a test waits for has happened by then, on the busiest machine; if not, it never will."""

STOP_SECONDS = 25.0
"""The bot promises to end within ten seconds; a busy machine may stretch them, but not as far as this."""


async def until(happened: Callable[[], bool]) -> None:
    """Return once something has happened that sets no event, by looking again and again."""
    async with asyncio.timeout(HANG_SECONDS):
        while not happened():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.005)
