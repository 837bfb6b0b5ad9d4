"""One request for what the bot can do without: soon answered, or refused here and now.

The polls come first. These requests have a connection, pauses, memory and a breaker of their own, are sent
one at a time and never repeated; nothing that happens to them is known to the polls.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog

from bot.domain.ask.breaker import Breaker, PauseReason
from bot.domain.explain.budget import RequestBudget
from bot.indexer.budget import Bounds, Budget, Share
from bot.indexer.errors import (
    SOURCE_IS_UP,
    AccessRefused,
    IndexerError,
    LeftAlone,
    OverBudget,
    QuotaExceeded,
    Throttled,
    WrongEndpoint,
)
from bot.indexer.transport import Transport

SECONDS_MOST: Final = 10.0
"""What one request may take: who waits for an alert is not to wait for this."""

EXTRA_BOUNDS: Final = Bounds(rows=2_000, seconds=15.0, bytes_of_all=4 * 2**20)
"""What answers may take, apart from the memory of the polls; the first page may have a third of it."""

_OPENS_AT_ONCE: Final[dict[type[IndexerError], PauseReason]] = {
    AccessRefused: PauseReason.NOT_OFFERED,
    WrongEndpoint: PauseReason.NOT_OFFERED,
    QuotaExceeded: PauseReason.QUOTA,
    Throttled: PauseReason.THROTTLED,
}

Read = TypeVar("Read")

log = structlog.get_logger(__name__)


class ExtraLine:
    """A connection for one kind of such questions, beside that of the polls; to be entered once."""

    def __init__(
        self,
        transport: Transport,
        polls: Transport,
        *,
        monotonic: Callable[[], float],
        rng: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._polls = polls
        self._monotonic = monotonic
        self._rng = rng
        self._memory = Budget(EXTRA_BOUNDS)
        self._requests = RequestBudget(since=monotonic())
        self._breaker = Breaker()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)

    @property
    def is_ready(self) -> bool:
        """Whether a request would go out now and is likely to be answered."""
        return self._breaker.is_closed and not self._is_paused and self._left >= 1

    def share(self) -> Share:
        """Return the memory of one answer, to be ended by whoever asked."""
        return Share(self._memory)

    async def ask(
        self, method: str, body: bytes, read: Callable[[bytes], Read], share: Share, *, on_demand: bool
    ) -> Read:
        """Return what `read` makes of the reply, or raise an IndexerError.

        LeftAlone or OverBudget where nothing is sent; what is asked `on_demand` needs and takes no budget.
        """
        async with self._turn:
            was_open = not self._breaker.is_closed
            if self._is_paused or self._breaker.seconds_to_probe(self._monotonic()):
                raise LeftAlone
            if not on_demand:
                self._take()
            try:
                answer = await self._transport.ask(method, body, read, on_bytes=share.receive)
            except IndexerError as error:
                self._count(error, method, of_probe=was_open)
                raise
            finally:
                share.page_done()
            self._breaker = self._breaker.after_answer(of_probe=was_open)
            return answer

    @property
    def _is_paused(self) -> bool:
        return self._transport.is_paused or self._polls.is_paused

    @property
    def _left(self) -> float:
        return self._requests.left(self._polls.requests_sent, self._monotonic())

    def _take(self) -> None:
        if self._left < 1:
            raise OverBudget
        self._requests = self._requests.after_request(self._polls.requests_sent, self._monotonic())

    def _count(self, error: IndexerError, method: str, *, of_probe: bool) -> None:
        if isinstance(error, SOURCE_IS_UP):
            self._breaker = self._breaker.after_answer(of_probe=of_probe)
            return
        was_closed = self._breaker.is_closed
        reason = _OPENS_AT_ONCE.get(type(error), PauseReason.OUTAGE)
        self._breaker = self._breaker.after_failure(reason, self._monotonic(), self._rng(), of_probe=of_probe)
        if was_closed and not self._breaker.is_closed:
            log.warning(
                "the indexer is not asked this for a while",
                action="extra_left_alone",
                method=method,
                trouble=str(error),
            )
