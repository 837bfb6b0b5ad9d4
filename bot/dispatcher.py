"""The worker that tells: what waits in the store becomes messages, and stays until Telegram has them.

One message is in flight per chat. It is composed when its turn has come, marked as
leaving before the request and settled after the answer, so a crash loses nothing and
repeats at most what was in flight.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from bot.domain.deliver.delivery import (
    Delivery,
    DeliveryId,
    DeliveryState,
    DeliveryUpdate,
    unwritable,
    update_after,
)
from bot.domain.deliver.outage import Outage
from bot.domain.deliver.outcomes import Outcome, SendUnknown, Sent, Unreachable
from bot.domain.deliver.unconfirmed import after_question
from bot.domain.kinds import kind_of
from bot.store.errors import DatabaseUnavailable
from bot.store.outbox import Compose, NextDelivery, Pending
from bot.store.store import Store

log = structlog.get_logger(__name__)

WRITE_AGAIN_SECONDS = 1.0

WRITE_TRIES = 5
"""Of writing what came of a send, where the disk is not to blame; then of writing less."""

LOOK_AGAIN_SECONDS = 5.0
EXPIRE_EVERY_SECONDS = 60.0


class Sender(Protocol):
    """Who carries a message to Telegram."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Return what Telegram said; expected failures are outcomes, not exceptions."""

    async def ask(self, delivery: Delivery) -> Outcome | None:
        """Return what stands in the way of a message, without sending any; None: nothing does."""


class Pace(Protocol):
    """Who says when the next message may leave."""

    async def turn(self, chat_id: int, *, is_group: bool) -> None:
        """Return when a message to this chat may leave."""


@dataclass(slots=True)
class DispatcherCounts:
    """What came of all sends since the start."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """By the kind of the outcome."""
    possible_duplicates: int = 0
    """Sends whose outcome nobody knows: the message may be seen once more for each."""
    expired: int = 0
    """Changes that waited too long."""


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """How long things may wait."""

    group_wait_seconds: float
    expire_after: timedelta


class Dispatcher:
    """Delivers until stopped; a slow or blocked chat delays no other.

    `monotonic` is in seconds; `rng` draws from [0, 1) and spreads what is tried again.
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        pace: Pace,
        compose: Compose,
        settings: DispatcherSettings,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        rng: Callable[[], float],
    ) -> None:
        self.counts = DispatcherCounts()
        self.outage = Outage()
        self._store = store
        self._sender = sender
        self._pace = pace
        self._compose = compose
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._rng = rng
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        """By chat: what waits for its turn, or has left."""
        self._left: set[int] = set()
        """Chats whose message has had its turn."""
        self._expire_at = float("-inf")

    async def run(self) -> None:
        """Deliver what is due, for ever; an error in one look is logged, and the next tries again."""
        has_doubted = False
        while True:
            self._store.outbox_grew.clear()
            try:
                if not has_doubted:
                    await self._doubt()
                    has_doubted = True
                await self._expire()
                pause = await self._look()
            except Exception:
                log.exception("looking into the outbox failed", action="outbox_failed")
                pause = LOOK_AGAIN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._store.outbox_grew.wait()

    async def finish(self, seconds: float) -> None:
        """Let what has left end, for so long at most; what doesn't is in doubt at the next start."""
        in_flight = dict(self._in_flight)
        for chat_id in in_flight.keys() - self._left:
            in_flight[chat_id].cancel()
        if in_flight:
            await asyncio.wait(in_flight.values(), timeout=seconds)
        for task in in_flight.values():
            task.cancel()
        await asyncio.gather(*in_flight.values(), return_exceptions=True)

    async def _doubt(self) -> None:
        in_doubt = await self._store.doubt_unfinished_sends(self._now())
        if in_doubt:
            self.counts.possible_duplicates += in_doubt
            log.warning("sends in doubt are repeated", action="sends_in_doubt", count=in_doubt)

    async def _expire(self) -> None:
        """Drop, now and then, what has waited too long."""
        if self._monotonic() < self._expire_at:
            return
        dropped = await self._store.expire(self._now(), self._settings.expire_after)
        self._expire_at = self._monotonic() + EXPIRE_EVERY_SECONDS
        if dropped:
            self.counts.expired += dropped
            log.warning("changes waited too long to be told", action="alerts_expired", count=dropped)

    async def _look(self) -> float:
        """Start what is due and return the seconds until it makes sense to look again."""
        outbox = await self._store.outbox(self._now(), self._settings.group_wait_seconds)
        waits = [EXPIRE_EVERY_SECONDS]
        if outbox.next_at is not None:
            waits.append(max(0.0, (outbox.next_at - self._now()).total_seconds()))
        idle = [due for due in outbox.due if due.chat_id not in self._in_flight]
        if self.outage.probe_at is not None:
            to_probe = self.outage.probe_at - self._monotonic()
            if idle and to_probe > 0:
                waits.append(to_probe)
            idle = [] if to_probe > 0 else self._to_probe_with(idle)
        for due in idle:
            task = asyncio.create_task(self._deliver(due))
            self._in_flight[due.chat_id] = task
            task.add_done_callback(partial(self._landed, due.chat_id))
        return min(waits)

    def _to_probe_with(self, idle: Sequence[Pending]) -> list[Pending]:
        """Return the chat, if any, that may find out whether Telegram is back: best one that was answered."""
        return sorted(idle, key=lambda due: due.chat_id in self.outage.doubtful)[:1]

    def _may_leave(self) -> bool:
        """Whether a message that has its turn may still leave: an outage may have begun since it was due."""
        now = self._monotonic()
        if not self.outage.lets_leave(now):
            return False
        self.outage = self.outage.probed(now, self._rng())
        return True

    def _landed(self, chat_id: int, _: asyncio.Task[None]) -> None:
        del self._in_flight[chat_id]
        self._left.discard(chat_id)
        self._store.outbox_grew.set()

    async def _deliver(self, due: Pending) -> None:
        try:
            taken = await self._taken(due)
            if taken.question is not None:
                taken = await self._asked(due, taken.question)
        except Exception:
            log.exception("a message could not be taken up", action="take_failed")
            await asyncio.sleep(WRITE_AGAIN_SECONDS)
            return
        for trouble in taken.troubles:
            log.error("alerts could not be composed", action="compose_failed", trouble=trouble)
        if taken.delivery is not None:
            await self._write(taken.delivery, await self._attempt(taken.delivery))
        elif taken.troubles:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _taken(self, due: Pending, answered: DeliveryId | None = None) -> NextDelivery:
        """Take up the next message of a chat once its turn has come."""
        await self._pace.turn(due.chat_id, is_group=due.is_group)
        # A message that was asked about has had its probe of an outage: the question.
        if answered is None and not self._may_leave():
            return NextDelivery(None)
        self._left.add(due.chat_id)
        return await self._store.claim_next(
            due.chat_id, self._now(), self._settings.group_wait_seconds, self._compose, answered=answered
        )

    async def _asked(self, due: Pending, question: Delivery) -> NextDelivery:
        """Take a message up if Telegram answers where it would go; else it waits on."""
        self._left.discard(due.chat_id)
        outcome = await self._sender.ask(question)
        self._heed(question, outcome)
        found = after_question(question, outcome, self._now(), self._rng())
        if isinstance(found, DeliveryUpdate):
            about = log.bind(delivery=question.id, outcome=repr(outcome))
            about.warning("a message in doubt waits", action="asked_first")
            await self._write(question, found)
            return NextDelivery(None)
        taken = await self._taken(due, question.id)
        if taken.delivery is None or taken.delivery.id != question.id:
            return taken
        asked = replace(taken.delivery, unanswered_questions=found.unanswered_questions)
        return replace(taken, delivery=asked)

    async def _attempt(self, delivery: Delivery) -> DeliveryUpdate:
        """Send, and say what is to be written; whatever goes wrong, the message may have arrived."""
        try:
            outcome = await self._sender.send(delivery)
            update = update_after(delivery, outcome, self._now(), self._rng())
        except Exception as error:
            log.exception("a send ended unexpectedly", action="send_failed", delivery=delivery.id)
            outcome = SendUnknown(repr(error))
            update = update_after(delivery, outcome, self._now(), self._rng())
        self.counts.outcomes[outcome_label(outcome)] += 1
        self.counts.possible_duplicates += isinstance(outcome, SendUnknown)
        self._heed(delivery, outcome)
        _tell_log(delivery, outcome, update)
        return update

    def _heed(self, delivery: Delivery, outcome: Outcome | None) -> None:
        """Let an outcome count for or against Telegram as a whole."""
        was_over = self.outage.is_over
        self.outage = self.outage.after(delivery.chat_id, outcome, self._monotonic(), self._rng())
        if was_over and not self.outage.is_over:
            log.warning("nothing can be sent at present", action="telegram_lost", outcome=repr(outcome))
        if self.outage.is_over and not was_over:
            log.info("messages can be sent again", action="telegram_found")

    async def _write(self, delivery: Delivery, update: DeliveryUpdate) -> None:
        """Write what Telegram said, however long the disk takes: what is sent and forgotten is sent twice.

        What can never be written is given up after some tries, or the chat would hear nothing more.
        """
        failures = 0
        while failures < 2 * WRITE_TRIES:
            try:
                await self._store.apply_outcome(delivery.id, update)
            except DatabaseUnavailable as error:
                waits = log.bind(delivery=delivery.id, trouble=str(error))
                waits.warning("what came of a send waits to be written", action="settle_waits")
            except Exception as error:
                failures += 1
                log.exception("an outcome could not be written", action="settle_failed", delivery=delivery.id)
                if failures == WRITE_TRIES:
                    self.counts.outcomes["unwritable"] += 1
                    update = unwritable(update, type(error).__name__, self._now())
            else:
                return
            await asyncio.sleep(WRITE_AGAIN_SECONDS)


def outcome_label(outcome: Outcome) -> str:
    """Return how the metrics call an outcome: `throttled` for SendThrottled."""
    return kind_of(outcome).removeprefix("send_")


def _tell_log(delivery: Delivery, outcome: Outcome, update: DeliveryUpdate) -> None:
    about = log.bind(delivery=delivery.id, outcome=repr(outcome))
    match outcome:
        case Sent():
            log.info("delivered", action="delivered", delivery=delivery.id)
        case Unreachable():
            about.warning("a chat can't be reached", action="chat_lost")
        case _ if update.state is DeliveryState.DEAD:
            about.error("a message is given up", action="delivery_dead")
        case _:
            about.warning("not delivered yet", action="not_delivered")
