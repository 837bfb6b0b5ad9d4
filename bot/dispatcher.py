"""The worker that sends alerts: composes messages of what waits in the store and sends each until it arrives.

One message is in flight per chat. It is composed when its turn has come, marked as `sending` before the
request leaves and updated after the answer, so that a crash loses nothing and repeats at most what was in
flight. What each outcome changes is decided in `domain/deliver`.
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

from bot.domain.assets import Part
from bot.domain.class_names import kind_of
from bot.domain.deliver.delivery import (
    Delivery,
    DeliveryId,
    DeliveryState,
    DeliveryUpdate,
    Epoch,
    unwritable,
    update_after,
)
from bot.domain.deliver.outage import Outage
from bot.domain.deliver.outcomes import Outcome, SendUnknown, Sent, Unreachable
from bot.domain.deliver.unconfirmed import after_question
from bot.domain.rules.loud import Sound
from bot.store import delivery_results, due_rows
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import CommitUnknown, DatabaseUnavailable, RoleLost
from bot.store.database.signals import SignalName
from bot.store.due_rows import DueWork
from bot.store.outbox import queue, withdraw
from bot.store.outbox.queue import Compose, NextDelivery, Pending

log = structlog.get_logger(__name__)

WRITE_AGAIN_SECONDS = 1.0
"""Between two tries of writing what came of a send."""

WRITE_TRIES = 5
"""How often an update is tried that the database refuses, before a lesser one is."""

LOOK_AGAIN_SECONDS = 5.0
"""Before the outbox is looked into again after an error."""

EXPIRE_EVERY_SECONDS = 60.0
"""Between two looks for alerts that waited too long."""


class Sender(Protocol):
    """Carries messages to Telegram, and learns what became of them."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Send a message once and return what became of it; expected failures are outcomes."""

    async def ask(self, delivery: Delivery) -> Outcome | None:
        """Return what would keep a message from arriving, without sending any; None: nothing."""


class Pace(Protocol):
    """Keeps what is sent below Telegram's limits."""

    async def turn(self, chat_id: int, *, is_group: bool) -> None:
        """Wait until a message to this chat may leave, and count it as leaving."""


@dataclass(slots=True)
class DispatcherCounts:
    """What the metrics say of all sends since the start."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Sends by `outcome_label`; `unwritable`: updates that the database refused for good."""
    sounds: Counter[str] = field(default_factory=Counter)
    """Messages that arrived, `ring` with a sound and `silent` without."""
    possible_duplicates: int = 0
    """Sends that may have arrived and are repeated: people may see one message more for each."""
    expired: int = 0
    """Changes that were dropped because they waited too long."""


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """How long alerts may wait, and which lists are read."""

    group_wait_seconds: float
    """For others, to share a message with them."""
    expire_after: timedelta
    """Until they are dropped, and a notice says how many were."""
    contract_status: Part
    """The part that stands for the lists of the configured contract status."""
    explain_wait_seconds: float = 0.0
    """For the explanation of their change, at most, from when it was recorded."""
    due_work: tuple[DueWork, ...] = ()
    """What comes due by itself and needs more than the database to be done."""


class Dispatcher:
    """Sends what is due until it is stopped; no slow or blocked chat delays another.

    `monotonic` is in seconds; `rng` draws from [0, 1) and spreads what is tried again.
    """

    def __init__(
        self,
        db: DatabaseThread,
        sender: Sender,
        pace: Pace,
        compose: Compose,
        settings: DispatcherSettings,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        rng: Callable[[], float],
        counts: DispatcherCounts | None = None,
    ) -> None:
        self.counts = counts or DispatcherCounts()
        self.outage = Outage()
        self._db = db
        self._news = db.signal(SignalName.OUTBOX)
        self._sender = sender
        self._pace = pace
        self._compose = compose
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._rng = rng
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        """By chat: the task that waits for its turn, asks, sends or writes."""
        self._leaving: set[int] = set()
        """Chats whose task has had its turn: when the program stops, they may end."""
        self._content: set[int] = set()
        """Chats whose task wrote that nothing more waits there: its end is no reason to look."""
        self._passed_over: set[int] = set()
        """Chats in which a look found more while the task was busy with what it had claimed before."""
        self._claims = asyncio.Lock()
        """Held while something is claimed, so that `_claimed` is all of it."""
        self._claimed: set[DeliveryId] = set()
        """What is marked as `sending`, and known here to be."""
        self._expire_at = float("-inf")
        self._epoch = Epoch(0)

    async def run(self) -> None:
        """Send what is due, for ever; an error is logged, and tried again after a pause."""
        has_restored = False
        while True:
            try:
                if not has_restored:
                    await self._restore_unfinished()
                    has_restored = True
                await self._expire()
                pause = await self._start_due()
            except DatabaseUnavailable as error:
                log.warning("the outbox waits for the database", action="outbox_waits", trouble=str(error))
                pause = LOOK_AGAIN_SECONDS
            except Exception:
                log.exception("looking into the outbox failed", action="outbox_failed")
                pause = LOOK_AGAIN_SECONDS
            # What is added while this looks leaves the signal set, so that it looks again at once.
            await self._news.wait(pause)

    async def drain(self) -> None:
        """Wait until all requests that have left are answered; nothing else leaves."""
        for chat_id in self._in_flight.keys() - self._leaving:
            self._in_flight[chat_id].cancel()
        if self._in_flight:
            await asyncio.wait(self._in_flight.values())

    async def finish(self, seconds: float) -> None:
        """Wait for the requests that have left, for so long at most, and cancel everything else.

        A request that is cancelled then may have arrived; the next start finds it marked as `sending`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.drain()
        in_flight = list(self._in_flight.values())
        for task in in_flight:
            task.cancel()
        await asyncio.gather(*in_flight, return_exceptions=True)

    async def _restore_unfinished(self) -> None:
        """Make ready again what was being sent when the last run, here or in another replica, ended."""
        self._epoch = await self._db.run(delivery_results.begin_epoch)
        in_doubt = await self._db.run(delivery_results.doubt_unfinished_sends, self._now(), self._epoch)
        if in_doubt:
            self.counts.possible_duplicates += in_doubt
            log.warning("sends in doubt are repeated", action="sends_in_doubt", count=in_doubt)

    async def _expire(self) -> None:
        """Drop alerts that waited too long, once a minute."""
        if self._monotonic() < self._expire_at:
            return
        dropped = await self._db.run(withdraw.expire, self._now(), self._settings.expire_after)
        self._expire_at = self._monotonic() + EXPIRE_EVERY_SECONDS
        if dropped:
            self.counts.expired += dropped
            log.warning("changes waited too long to be sent", action="alerts_expired", count=dropped)

    async def _start_due(self) -> float:
        """Start a task for each chat with something due; returns the seconds until the next look."""
        # Before the look, as what comes due may be something to send: the alerts of a mute that ended.
        due_at = await self._do_due()
        # Left out is what waits for its turn: it claims whatever has come until then.
        taken = self._in_flight.keys() - self._leaving
        outbox = await self._db.run(
            queue.outbox,
            self._now(),
            self._settings.group_wait_seconds,
            taken,
            self._settings.explain_wait_seconds,
        )
        moments = [moment for moment in (outbox.next_at, due_at) if moment is not None]
        waits = [EXPIRE_EVERY_SECONDS, *(max(0.0, (at - self._now()).total_seconds()) for at in moments)]
        idle = [due for due in outbox.due if due.chat_id not in self._in_flight]
        self._passed_over.update(due.chat_id for due in outbox.due if due.chat_id in self._leaving)
        if self.outage.probe_at is not None:  # Telegram can't be reached: one message now and then tries
            to_probe = self.outage.probe_at - self._monotonic()
            if idle and to_probe > 0:
                waits.append(to_probe)
            idle = [] if to_probe > 0 else self._best_probe(idle)
        for due in idle:
            task = asyncio.create_task(self._deliver(due))
            self._in_flight[due.chat_id] = task
            task.add_done_callback(partial(self._end_task, due.chat_id))
        return min(waits)

    async def _do_due(self) -> datetime | None:
        """Do what is due; returns when something is next. What fails keeps no message from being sent."""
        try:
            return await self._db.run(due_rows.run_due, self._now(), self._settings.due_work)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("something that was due could not be done", action="due_failed")
            return self._now() + timedelta(seconds=LOOK_AGAIN_SECONDS)

    def _best_probe(self, idle: Sequence[Pending]) -> list[Pending]:
        """Return the chat, if any, to try Telegram with: rather one whose last send was answered."""
        return sorted(idle, key=lambda due: due.chat_id in self.outage.doubtful)[:1]

    def _may_leave(self) -> bool:
        """Whether a message may leave whose turn has come: an outage may have begun while it waited."""
        now = self._monotonic()
        if not self.outage.lets_leave(now):
            return False
        self.outage = self.outage.probed(now, self._rng())
        return True

    def _end_task(self, chat_id: int, _: asyncio.Task[None]) -> None:
        del self._in_flight[chat_id]
        self._leaving.discard(chat_id)
        # With many chats a look costs more than a message, so it is left out where it would find nothing.
        if chat_id not in self._content or chat_id in self._passed_over:
            self._news.set()
        self._content.discard(chat_id)
        self._passed_over.discard(chat_id)

    async def _deliver(self, due: Pending) -> None:
        """Send the next message of a chat, once."""
        try:
            claimed = await self._claim(due)
            if claimed.question is not None:
                claimed = await self._claim_if_answered(due, claimed.question)
        except DatabaseUnavailable as error:
            log.warning("a message waits to be claimed", action="take_waits", trouble=str(error))
            await asyncio.sleep(WRITE_AGAIN_SECONDS)
            return
        except Exception:
            log.exception("a message could not be claimed up", action="take_failed")
            await asyncio.sleep(WRITE_AGAIN_SECONDS)
            return
        for trouble in claimed.troubles:
            log.error("alerts could not be composed", action="compose_failed", trouble=trouble)
        if claimed.delivery is not None:
            more_waits = await self._write(claimed.delivery, await self._attempt(claimed.delivery))
            self._claimed.discard(claimed.delivery.id)
            if not more_waits:
                self._content.add(due.chat_id)
        elif claimed.troubles:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _claim(self, due: Pending, answered: DeliveryId | None = None) -> NextDelivery:
        """Wait for the turn of a chat, then return its next message, marked as `sending`, if it may leave."""
        await self._pace.turn(due.chat_id, is_group=due.is_group)
        # The question was the probe of an outage: the message it was about leaves in the same turn.
        if answered is None and not self._may_leave():
            return NextDelivery(None)
        async with self._claims:
            self._leaving.add(due.chat_id)
            try:
                claimed = await self._db.run(
                    queue.claim_next,
                    due.chat_id,
                    self._now(),
                    self._settings.group_wait_seconds,
                    self._compose,
                    epoch=self._epoch,
                    answered=answered,
                    explain_wait_seconds=self._settings.explain_wait_seconds,
                )
            except CommitUnknown:
                await self._put_back()
                raise
            if claimed.delivery is not None:
                self._claimed.add(claimed.delivery.id)
            return claimed

    async def _put_back(self) -> None:
        """Free the chat of a message that may have been claimed without our knowing; nothing was sent.

        Until the database has done that, nothing is claimed.
        """
        while True:
            try:
                await self._db.run(delivery_results.put_back, self._epoch, frozenset(self._claimed))
            except RoleLost:
                return  # then it is in doubt, as whoever sends by now can't know
            except Exception as error:  # noqa: BLE001 - whatever it is, the chat would get nothing more
                log.warning("a claim waits to be taken back", action="put_back_waits", trouble=str(error))
                await asyncio.sleep(WRITE_AGAIN_SECONDS)
            else:
                return

    async def _claim_if_answered(self, due: Pending, question: Delivery) -> NextDelivery:
        """Ask Telegram about a message that may have arrived, and take it if it may be sent once more."""
        self._leaving.discard(due.chat_id)  # cancelling a question is safe
        outcome = await self._sender.ask(question)
        self._note_outcome(question.chat_id, outcome)
        found = after_question(question, outcome, self._now(), self._rng())
        if isinstance(found, DeliveryUpdate):
            bound_log = log.bind(delivery=question.id, outcome=repr(outcome))
            bound_log.warning("a message in doubt waits", action="asked_first")
            await self._write(question, found)
            return NextDelivery(None)
        claimed = await self._claim(due, question.id)
        if claimed.delivery is None or claimed.delivery.id != question.id:
            return claimed  # withdrawn meanwhile, or moved
        asked = replace(claimed.delivery, unanswered_questions=found.unanswered_questions)
        return replace(claimed, delivery=asked)

    async def _attempt(self, delivery: Delivery) -> DeliveryUpdate:
        """Send a message and return what is to be written; after an error of ours it may have arrived."""
        try:
            outcome = await self._sender.send(delivery)
            update = update_after(delivery, outcome, self._now(), self._rng())
        except Exception as error:
            log.exception("a send ended unexpectedly", action="send_failed", delivery=delivery.id)
            outcome = SendUnknown(repr(error))
            update = update_after(delivery, outcome, self._now(), self._rng())
        self.counts.outcomes[outcome_label(outcome)] += 1
        if isinstance(outcome, Sent):
            self.counts.sounds[Sound.SILENT if delivery.is_silent else Sound.RING] += 1
        self.counts.possible_duplicates += isinstance(outcome, SendUnknown)
        self._note_outcome(delivery.chat_id, outcome)
        _log_outcome(delivery, outcome, update)
        return update

    def _note_outcome(self, chat_id: int, outcome: Outcome | None) -> None:
        """Judge by an outcome whether Telegram as a whole can be reached."""
        was_over = self.outage.is_over
        self.outage = self.outage.after(chat_id, outcome, self._monotonic(), self._rng())
        if was_over and not self.outage.is_over:
            log.warning("nothing can be sent at present", action="telegram_lost", outcome=repr(outcome))
        if self.outage.is_over and not was_over:
            log.info("messages can be sent again", action="telegram_found")
            self._news.set()

    async def _write(self, delivery: Delivery, update: DeliveryUpdate) -> bool:
        """Write what came of a send, however long the disk takes: an outcome not written means sending twice.

        After some tries of what the database refuses for other reasons a lesser update is written, or the
        chat would get nothing more: it gets nothing while its message counts as being sent. Returns whether
        something is left to look for in the chat. Once another replica sends, nothing is: it has the message
        in doubt.
        """
        failures = 0
        while True:
            try:
                return await self._db.run(
                    delivery_results.apply_outcome,
                    delivery.id,
                    update,
                    self._settings.contract_status,
                    epoch=self._epoch,
                )
            except RoleLost:
                return False
            except DatabaseUnavailable as error:
                bound_log = log.bind(delivery=delivery.id, trouble=str(error))
                bound_log.warning("what came of a send waits to be written", action="settle_waits")
            except Exception as error:
                failures += 1
                log.exception("an outcome could not be written", action="settle_failed", delivery=delivery.id)
                if failures == WRITE_TRIES:
                    self.counts.outcomes["unwritable"] += 1
                    update = unwritable(update, type(error).__name__, self._now())
            await asyncio.sleep(WRITE_AGAIN_SECONDS)


def outcome_label(outcome: Outcome) -> str:
    """Return how the metrics call an outcome: `throttled` for SendThrottled."""
    return kind_of(outcome).removeprefix("send_")


def _log_outcome(delivery: Delivery, outcome: Outcome, update: DeliveryUpdate) -> None:
    bound_log = log.bind(delivery=delivery.id, outcome=repr(outcome))
    match outcome:
        case Sent():
            log.info("delivered", action="delivered", delivery=delivery.id)
        case Unreachable():
            bound_log.warning("a chat can't be reached", action="chat_lost")
        case _ if update.state is DeliveryState.DEAD:
            bound_log.error("a message is given up", action="delivery_dead")
        case _:
            bound_log.warning("not delivered yet", action="not_delivered")
