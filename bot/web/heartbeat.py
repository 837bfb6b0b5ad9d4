"""The heartbeat: an address that is called after each sweep while all is well.

Somebody outside notices when the calls stay away, which no page of a machine that is gone can tell. Nothing
waits for a call, and none can fail anything: what comes of it is counted, and logged where it changes.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum

import aiohttp
import structlog

from bot import __version__

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 10.0
"""How long a call may take, in all."""

_OK = range(200, 300)


class BeatResult(StrEnum):
    """What came of one call."""

    SENT = "sent"
    WITHHELD = "withheld"
    """/readyz is red: there was no call, which is what tells."""
    REFUSED = "refused"
    """The answer was no 2xx; a redirect is not followed."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"


class Heartbeat:
    """Calls an address whenever it is told to, if nothing stands against it.

    `not_ready` returns the reasons of /readyz. The address may have a secret in it, and is never logged.
    """

    def __init__(
        self,
        url: str,
        not_ready: Callable[[], Awaitable[list[str]]],
        *,
        answer_seconds: float = ANSWER_SECONDS,
        counts: Counter[str] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts
        """Since the start, by result."""
        self._url = url
        self._not_ready = not_ready
        self._timeout = aiohttp.ClientTimeout(total=answer_seconds)
        self._due = asyncio.Event()
        self._last_call = BeatResult.SENT

    def tick(self) -> None:
        """Say that a sweep has ended; while a call is under way, one more follows it."""
        self._due.set()

    async def run(self) -> None:
        """Call whenever it is due, for ever."""
        async with aiohttp.ClientSession(
            timeout=self._timeout,
            headers={"User-Agent": f"balance-bot/{__version__}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,  # a proxy, as Telegram is reached by one
        ) as session:
            while True:
                await self._due.wait()
                self._due.clear()
                self._note(*await self._beat(session))

    async def _beat(self, session: aiohttp.ClientSession) -> tuple[BeatResult, str]:
        """Return what came of a call, and a word about it."""
        try:
            if await self._not_ready():
                return BeatResult.WITHHELD, ""
            # What the answer says is not read: a body without end is as good as none.
            async with session.get(self._url, allow_redirects=False) as answer:
                result = BeatResult.SENT if answer.status in _OK else BeatResult.REFUSED
                return result, str(answer.status)
        except TimeoutError:
            return BeatResult.TIMED_OUT, ""
        except Exception as error:  # noqa: BLE001 - whatever it is, no sweep may suffer from it
            # By its name alone: the text of aiohttp's errors has the address in it.
            return BeatResult.UNREACHABLE, type(error).__name__

    def _note(self, result: BeatResult, word: str) -> None:
        """Count a result, and log the first of a kind; that the bot is not ready says nothing of calls."""
        self.counts[result] += 1
        if result in (self._last_call, BeatResult.WITHHELD):
            return
        self._last_call = result
        if result is BeatResult.SENT:
            log.info("the heartbeat is taken again", action="heartbeat_works")
        else:
            log.warning("the heartbeat is not taken", action="heartbeat_fails", result=str(result), word=word)
