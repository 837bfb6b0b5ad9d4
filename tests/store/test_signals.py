"""Workers are woken by the transaction that has something new for them, once it is committed."""

import asyncio
import threading
from datetime import timedelta

import pytest

from bot.domain.deliver.alerts import BackupWorks
from bot.store.chats import chats, mutes
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.database.signals import Signal, SignalName
from bot.store.outbox import alerts
from tests.builders import NOON, TREASURY, USDC, reading
from tests.store.conftest import OLGA, Keeper, olga


@pytest.fixture
def db(keeper: Keeper) -> DatabaseThread:
    for name in SignalName:
        keeper.db.signal(name).clear()
    return keeper.db


def enqueue(db: Database, *, fails: bool = False) -> None:
    with db.transaction():
        db.execute("INSERT INTO setting (name, value) VALUES ('told', '1')")
        db.notify(SignalName.OUTBOX)
        if fails:
            raise ValueError("no room")


def enqueue_then_fail(db: Database) -> None:
    enqueue(db)
    with db.transaction():
        raise ValueError("no room")


async def test_a_commit_sets_the_signal_that_it_calls_for_and_no_other(db: DatabaseThread) -> None:
    await db.run(enqueue)

    assert db.signal(SignalName.OUTBOX).is_set
    assert not db.signal(SignalName.SUBSCRIPTIONS).is_set


async def test_a_transaction_that_fails_sets_nothing_then_or_later(db: DatabaseThread) -> None:
    with pytest.raises(ValueError, match="no room"):
        await db.run(enqueue, fails=True)
    await db.ping()

    assert not db.signal(SignalName.OUTBOX).is_set


async def test_what_was_committed_before_a_failure_is_signalled(db: DatabaseThread) -> None:
    with pytest.raises(ValueError, match="no room"):
        await db.run(enqueue_then_fail)

    assert db.signal(SignalName.OUTBOX).is_set


async def test_a_caller_that_is_cancelled_leaves_the_signal_set(db: DatabaseThread) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def slow(db: Database) -> None:
        has_begun.set()
        may_end.wait()
        enqueue(db)

    caller = asyncio.create_task(db.run(slow))
    await asyncio.to_thread(has_begun.wait)
    caller.cancel()
    may_end.set()
    await db.ping()

    assert db.signal(SignalName.OUTBOX).is_set
    assert caller.cancelled()


async def test_a_signal_wakes_once_however_often_it_was_set() -> None:
    signal = Signal()
    signal.set()
    signal.set()

    assert await signal.wait()
    assert not await signal.wait(0)


async def test_somebody_who_waits_already_is_woken() -> None:
    signal = Signal()
    waiting = asyncio.create_task(signal.wait())
    await asyncio.sleep(0)
    signal.set()

    assert await waiting


async def test_a_new_subscription_is_news_and_a_new_label_or_a_repetition_is_none(
    keeper: Keeper, db: DatabaseThread
) -> None:
    news = db.signal(SignalName.SUBSCRIPTIONS)
    await keeper.watch(label="Cold")
    assert await news.wait(0)

    await keeper.watch(label="Cold")
    await keeper.watch(label="Vault")
    assert not news.is_set


async def test_only_a_chat_that_could_not_be_written_to_wakes_the_dispatcher_by_writing(
    keeper: Keeper, db: DatabaseThread
) -> None:
    await keeper.watch()
    await keeper.db.run_if_possible(chats.mark_reachable, OLGA.chat_id)
    assert not db.signal(SignalName.OUTBOX).is_set

    await keeper.script("UPDATE chat SET unavailable = 'blocked'")
    await keeper.db.run_if_possible(chats.mark_reachable, OLGA.chat_id)
    assert db.signal(SignalName.OUTBOX).is_set


async def test_an_alert_that_a_mute_keeps_back_wakes_nobody_and_its_end_does(
    keeper: Keeper, db: DatabaseThread
) -> None:
    outbox = db.signal(SignalName.OUTBOX)
    await keeper.watch(TREASURY)
    await keeper.db.run(mutes.mute, OLGA, [], timedelta(hours=1), olga())
    assert await outbox.wait(0)  # the end of the mute is a moment to look again

    await keeper.record(reading({USDC: 5}))
    assert not outbox.is_set

    await keeper.db.run(mutes.unmute, OLGA, [], olga())
    assert outbox.is_set


async def test_a_notice_to_owners_wakes_the_dispatcher_only_where_there_is_an_owner(
    keeper: Keeper, db: DatabaseThread
) -> None:
    await keeper.db.run(alerts.notify_owners, BackupWorks(), NOON)
    assert not db.signal(SignalName.OUTBOX).is_set

    await keeper.apply_configuration([], [OLGA.chat_id])
    await keeper.db.run(alerts.notify_owners, BackupWorks(), NOON)
    assert db.signal(SignalName.OUTBOX).is_set
