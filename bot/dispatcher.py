"""The worker that tells: what waits in the store becomes messages, and stays until Telegram has them.

One message is in flight per chat. It is marked as leaving before the request and
settled after the answer, so a crash loses nothing and repeats at most what was in flight.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from bot.domain.delivery import Delivery, Outcome, Sent, Settlement, Unknown, Unreachable, settle
from bot.store.outbox import Compose
from bot.store.sqlite import Store

log = structlog.get_logger(__name__)

SETTLE_AGAIN_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 5.0


class Sender(Protocol):
    """Who carries a message to Telegram."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Return what Telegram said; expected failures are outcomes, not exceptions."""


class Pace(Protocol):
    """Who says when the next message may leave."""

    async def turn(self, chat_id: int, *, is_group: bool) -> None:
        """Return when a message to this chat may leave."""


class Dispatcher:
    """Delivers until stopped; a slow or blocked chat delays no other."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        pace: Pace,
        compose: Compose,
        *,
        group_wait_seconds: float,
        now: Callable[[], datetime],
        dice: Callable[[], float],
    ) -> None:
        self._store = store
        self._sender = sender
        self._pace = pace
        self._compose = compose
        self._group_wait_seconds = group_wait_seconds
        self._now = now
        self._dice = dice
        self._in_flight: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver what is due, for ever; an error in one look is logged, and the next tries again."""
        has_doubted = False
        while True:
            self._store.outbox_grew.clear()
            try:
                if not has_doubted:
                    await self._doubt()
                    has_doubted = True
                pause = await self._look()
            except Exception:
                log.exception("looking into the outbox failed", action="outbox_failed")
                pause = LOOK_AGAIN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._store.outbox_grew.wait()

    async def finish(self, seconds: float) -> None:
        """Let what is in flight end, for so long at most; what doesn't is in doubt at the next start."""
        if self._in_flight:
            await asyncio.wait(self._in_flight.values(), timeout=seconds)
        for task in self._in_flight.values():
            task.cancel()
        await asyncio.gather(*self._in_flight.values(), return_exceptions=True)

    async def _doubt(self) -> None:
        in_doubt = await self._store.doubt_unfinished_sends(self._now())
        if in_doubt:
            log.warning("sends in doubt are repeated", action="sends_in_doubt", count=in_doubt)

    async def _look(self) -> float | None:
        """Start what is due and return the seconds until more is, None for never by itself."""
        outbox = await self._store.outbox(self._now(), self._group_wait_seconds, self._compose)
        for trouble in outbox.troubles:
            log.error("alerts could not be composed", action="compose_failed", trouble=trouble)
        for delivery in outbox.due:
            if delivery.chat_id not in self._in_flight:
                task = asyncio.create_task(self._deliver(delivery))
                self._in_flight[delivery.chat_id] = task
                task.add_done_callback(partial(self._landed, delivery.chat_id))
        waits = [LOOK_AGAIN_SECONDS] if outbox.troubles else []
        if outbox.next_at is not None:
            waits.append(max(0.0, (outbox.next_at - self._now()).total_seconds()))
        return min(waits, default=None)

    def _landed(self, chat_id: int, _: asyncio.Task[None]) -> None:
        del self._in_flight[chat_id]
        self._store.outbox_grew.set()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await self._pace.turn(delivery.chat_id, is_group=delivery.is_group)
            if not await self._store.mark_sending(delivery.id):
                return
        except Exception:
            log.exception("a delivery could not be marked", action="mark_failed", delivery=delivery.id)
            await asyncio.sleep(SETTLE_AGAIN_SECONDS)
            return
        await self._settle(delivery, await self._attempt(delivery))

    async def _attempt(self, delivery: Delivery) -> Settlement:
        """Send, and say what is to be written; whatever goes wrong, the message may have arrived."""
        try:
            outcome = await self._sender.send(delivery)
            settlement = settle(delivery, outcome, self._now(), self._dice())
        except Exception as error:
            log.exception("a send ended unexpectedly", action="send_failed", delivery=delivery.id)
            outcome = Unknown(repr(error))
            settlement = settle(delivery, outcome, self._now(), self._dice())
        self._tell_log(delivery, outcome)
        return settlement

    async def _settle(self, delivery: Delivery, settlement: Settlement) -> None:
        """Write what Telegram said, however often that takes: what is sent and forgotten is sent twice."""
        while True:
            try:
                await self._store.settle(delivery.id, settlement)
            except Exception:
                log.exception("an outcome could not be written", action="settle_failed", delivery=delivery.id)
                await asyncio.sleep(SETTLE_AGAIN_SECONDS)
            else:
                return

    def _tell_log(self, delivery: Delivery, outcome: Outcome) -> None:
        match outcome:
            case Sent():
                log.info("delivered", action="delivered", delivery=delivery.id)
            case Unreachable(reason):
                log.warning(
                    "a chat can't be reached", action="chat_lost", delivery=delivery.id, reason=reason
                )
            case _:
                log.warning(
                    "not delivered yet", action="not_delivered", delivery=delivery.id, outcome=repr(outcome)
                )
