"""Builds each part of the bot from the settings; `bot.app` connects and runs them."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from bot.chat.buttons.alert_buttons import alert_buttons
from bot.chat.commands.balance.live import LiveQuestions, LiveSettings, NoAnswer
from bot.chat.permissions import Permissions
from bot.chat.telegram.connection import TelegramBot, build_bot
from bot.chat.telegram.outgoing import Outgoing
from bot.chat.telegram.reply_queue import ReplyQueue
from bot.chat.telegram.send_queue import Departures, SendQueue
from bot.chat.text.alerts import compose
from bot.dispatcher import Dispatcher, DispatcherCounts, DispatcherSettings
from bot.domain.ask.progress import ended_seconds_ago, silence_seconds
from bot.domain.ask.questions import Allowance, Answer, Question
from bot.domain.assets import Part
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Alert, BackupFails, BackupWorks
from bot.domain.deliver.pacing import GROUP_WINDOW_SECONDS, Pacer
from bot.domain.explain.explanations import ExplanationOutcome
from bot.domain.observe.holdings import Sweeps
from bot.domain.replicas.roles import Tenure
from bot.indexer.client import IndexerClient
from bot.indexer.errors import IndexerError
from bot.maintenance import Chore, Chores, daily_copy, daily_worth, history_deletion
from bot.poller.explainer import Explainer, ExplainerSettings
from bot.poller.sweep import SweepSettings
from bot.poller.worker import Poller, SweepCounts
from bot.settings.sections import Settings
from bot.store import delivery_results
from bot.store.balances.look_alikes import look_alikes
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.history.counterparty_names import with_counterparties
from bot.store.outbox import departures
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.chains import asked_chains
from bot.store.polling.digest_content import with_digests
from bot.store.polling.digests import DigestTerms, make_due
from bot.store.polling.explained import judge_explained
from bot.store.polling.first_worth import with_worth
from bot.store.polling.sweeps import last_sweep

log = structlog.get_logger(__name__)

Now = Callable[[], datetime]


def clock() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def contract_status(settings: Settings) -> Part:
    """Return the part that stands for the lists of the configured contract status."""
    return Part(settings.indexer.contract_status)


def build_indexer(settings: Settings) -> IndexerClient:
    """Build the client of the Indexer Gateway."""
    indexer = settings.indexer
    return IndexerClient(
        indexer.url,
        indexer.access_key.get_secret_value(),
        indexer.access_key_header,
        timeout_seconds=indexer.timeout_seconds,
        page_size=indexer.page_size,
        max_concurrent_requests=indexer.max_concurrent_requests,
    )


def build_telegram(settings: Settings) -> TelegramBot:
    """Build the client of the Bot API."""
    return build_bot(settings.telegram.token.get_secret_value(), settings.telegram.api_url)


def build_poller(
    settings: Settings,
    source: IndexerClient,
    db: DatabaseThread,
    chains: Chains,
    *,
    code: bytes,
    counts: SweepCounts,
    now: Now,
) -> Poller:
    """Build the worker that polls the indexer and records what changed.

    `code` is what `deciding_code` was at the start, and `counts` counts the sweeps of all pollers since then.
    """
    indexer = settings.indexer
    return Poller(
        source,
        db,
        SweepSettings(
            contract_status=contract_status(settings),
            contracts_left_out=indexer.contract_blacklist,
            accounts_per_request=indexer.accounts_per_request,
            batches_at_once=indexer.max_concurrent_requests,
            stale_after=timedelta(seconds=indexer.stale_after_seconds),
            code=code,
            chains=chains,
        ),
        interval_seconds=indexer.poll_interval_seconds,
        now=now,
        monotonic=time.monotonic,
        counts=counts,
    )


def build_explainer(
    settings: Settings,
    source: IndexerClient,
    db: DatabaseThread,
    registry: Chains,
    *,
    at_rest: asyncio.Event,
    outcomes: Counter[ExplanationOutcome],
    now: Now,
) -> Explainer:
    """Build the worker that finds out which transfers explain what the poller records.

    `at_rest` is set while no sweep reads anything; `outcomes` counts the changes that were asked about.
    """
    return Explainer(
        source,
        db,
        ExplainerSettings(settings.delivery.explain_wait_seconds, partial(judge_explained, chains=registry)),
        at_rest=at_rest,
        outcomes=outcomes,
        now=now,
        monotonic=time.monotonic,
    )


def build_send_queue(settings: Settings, shared: Departures | None) -> SendQueue:
    """Build the queue that all sends pass; what leaves elsewhere is `shared`, None: nothing does."""
    delivery = settings.delivery
    pacer = Pacer(
        messages_per_second=delivery.messages_per_second,
        private_messages_per_second=delivery.private_messages_per_second,
        group_messages_per_minute=delivery.group_messages_per_minute,
    )
    return SendQueue(pacer, time.monotonic, asyncio.sleep, shared)


async def recall_departures(
    settings: Settings, send_queue: SendQueue, db: DatabaseThread, *, now: Now
) -> None:
    """Let the queue go on at the pace at which whoever sent before stopped."""
    # Telegram's limits go on counting over a restart, so what left before it counts here too.
    if isinstance(settings.store.where, Path):
        span = timedelta(seconds=GROUP_WINDOW_SECONDS)
        send_queue.count(await db.run(departures.recent_sends, now(), span))
    await send_queue.learn()


def build_dispatcher(
    settings: Settings,
    registry: Chains,
    *,
    db: DatabaseThread,
    outgoing: Outgoing,
    send_queue: SendQueue,
    counts: DispatcherCounts,
    now: Now,
) -> Dispatcher:
    """Build the worker that sends the alerts that wait in the store."""

    def compose_text(
        database: Database, alerts: Sequence[Alert], message_id: str, composed_at: datetime
    ) -> tuple[str, int]:
        # Counted with in UTC, written in the zone of the destination.
        at = composed_at.astimezone(UTC)
        named = with_counterparties(database, alerts)
        known = with_worth(database, named, registry, contract_status(settings), at)
        composed = compose(with_digests(database, known, registry), message_id, registry, composed_at)
        if composed.trouble is not None:
            log.error(
                "an alert is sent in bare numbers",
                action="sent_bare",
                exc_info=composed.trouble,
                id=message_id,
            )
        return composed.html, composed.alerts

    return Dispatcher(
        db,
        outgoing,
        send_queue,
        compose_text,
        DispatcherSettings(
            group_wait_seconds=settings.delivery.group_wait_seconds,
            explain_wait_seconds=settings.delivery.explain_wait_seconds,
            expire_after=timedelta(hours=settings.delivery.expire_after_hours),
            contract_status=contract_status(settings),
            due_work=(
                partial(firings.repeat_due, by=ValueTerms(contract_status(settings), registry)),
                partial(make_due, terms=digest_terms(settings, registry)),
            ),
        ),
        now=now,
        monotonic=time.monotonic,
        rng=random.random,
        counts=counts,
    )


def digest_terms(settings: Settings, registry: Chains) -> DigestTerms:
    """Return what digests are made by, beside the database."""
    return DigestTerms(
        chains=registry,
        status=contract_status(settings),
        interval_seconds=settings.indexer.poll_interval_seconds,
    )


def build_outgoing(
    telegram: TelegramBot,
    send_queue: SendQueue,
    db: DatabaseThread,
    *,
    tenure: Tenure,
    was_closed: Callable[[int], bool],
    now: Now,
) -> Outgoing:
    """Build the way out to Telegram for messages, edits and toasts of whoever has a role."""

    async def pause(chat_id: int, seconds: float) -> None:
        span = timedelta(seconds=seconds)
        await db.run_if_possible(delivery_results.pause_chat, chat_id, now() + span, span)

    async def note_departure(chat_id: int) -> None:
        if tenure.epoch is not None:  # then all that leaves is noted, by the queue
            return
        await db.run_if_possible(departures.note_departure, chat_id, now())

    reply_queue = ReplyQueue(send_queue, was_closed=was_closed, before_leaving=note_departure)
    return Outgoing(
        telegram,
        send_queue,
        reply_queue,
        on_pause=pause,
        tenure=tenure,
        monotonic=time.monotonic,
        buttons=alert_buttons,
    )


def build_chores(
    settings: Settings,
    db: DatabaseThread,
    registry: Chains,
    sweeps: Callable[[], Awaitable[Sweeps]],
    *,
    now: Now,
) -> Chores:
    """Build the daily jobs: pruning history, keeping worth and, if a folder is configured, a backup."""
    section = settings.store

    async def is_current() -> bool:
        return (await sweeps()).is_current

    add_up = daily_worth(db, sweeps, registry, contract_status(settings), now=now, sleep=asyncio.sleep)
    chores = [
        Chore("history", history_deletion(db, timedelta(days=section.history_days), asyncio.sleep)),
        # What was read before the program began may be long out of date, and has no price any more.
        Chore("worth", add_up, is_ready=is_current, is_of_a_day=True),
    ]
    if section.backup_dir and isinstance(section.where, Path):
        copy = daily_copy(section.path, Path(section.backup_dir), section.backups_kept)
        chores.append(Chore("backup", copy, trouble=BackupFails, recovery=BackupWorks()))
    return Chores(db, chores, now=now)


def build_live_questions(
    settings: Settings,
    registry: Chains,
    *,
    source: IndexerClient,
    db: DatabaseThread,
    outgoing: Outgoing,
    now: Now,
) -> LiveQuestions:
    """Build the answers to /balance about accounts that nobody watches."""
    indexer = settings.indexer
    return LiveQuestions(
        _LiveSource(source),
        LiveSettings(
            indexer.contract_status,
            indexer.contract_blacklist,
            is_allowed=settings.access.live_balances,
        ),
        registry,
        asked_chains=lambda: db.run(asked_chains),
        look_alikes=lambda symbols: db.run(look_alikes, symbols),
        say=partial(outgoing.reply, while_open=True),
        now=now,
        monotonic=time.monotonic,
    )


def build_permissions(
    settings: Settings, *, telegram: TelegramBot, db: DatabaseThread, owners: Collection[int]
) -> Permissions:
    """Build the permission checks."""
    return Permissions(
        telegram,
        db,
        owners=frozenset(owners),
        chats=frozenset(settings.access.chats),
        contract_status=contract_status(settings),
        monotonic=time.monotonic,
    )


async def sweeps_now(settings: Settings, db: DatabaseThread, now: Now) -> Sweeps:
    """Return the state of polling as plain values, for /status."""
    last, interval_seconds = await db.run(last_sweep), settings.indexer.poll_interval_seconds
    late_after_seconds = silence_seconds(interval_seconds, last)
    return Sweeps(
        interval_seconds=interval_seconds,
        late_after_seconds=late_after_seconds,
        ended_seconds_ago=ended_seconds_ago(last, now(), late_after_seconds) if last else None,
        took_seconds=last.took_seconds if last else 0.0,
        trouble=last.trouble if last else None,
        allowance=last.allowance if last else Allowance(),
    )


class _LiveSource:
    """The indexer as the chat sees it: errors become values, since the chat does not import the indexer."""

    def __init__(self, source: IndexerClient) -> None:
        self._source = source

    async def balances(self, question: Question) -> Answer | NoAnswer:
        """Return the complete answer, or the reason why there is none."""
        try:
            return await self._source.balances(question)
        except IndexerError as error:
            return NoAnswer(str(error))
