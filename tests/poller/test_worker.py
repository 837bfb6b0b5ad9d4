import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.indexer.errors import Unavailable
from bot.poller import worker
from bot.poller.worker import TICKS_MISSED, Poller
from bot.store.database.signals import SignalName
from bot.store.polling import sweeps
from tests.builders import POLYGON, TREASURY, USDC, VAULT
from tests.poller.conftest import INTERVAL, PollerHarness, failing, poller_of
from tests.store.conftest import OLGA, OPS
from tests.waits import until


@asynccontextmanager
async def running(poller: Poller) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(poller.run())
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def swept(harness: PollerHarness) -> int:
    rows = await harness.keeper.rows("SELECT value FROM setting WHERE name = 'sweep'")
    return int(rows[0][0]) if rows else 0


async def asked(harness: PollerHarness, questions: int) -> None:
    await until(lambda: len(harness.source.questions) >= questions)


async def finished(harness: PollerHarness, poller: Poller, seconds: float) -> None:
    await until(lambda: poller.progress.finished_at >= seconds)
    await harness.keeper.db.ping()


# ---------------------------------------------------------------- ticks


async def test_without_a_tick_nothing_is_asked(watching: PollerHarness) -> None:
    async with running(watching.poller):
        for _ in range(20):
            await watching.keeper.db.ping()

    assert watching.source.asked() == []


async def test_a_tick_starts_a_sweep(watching: PollerHarness) -> None:
    watching.clock.seconds = 60
    async with running(watching.poller):
        watching.poller.tick()
        await finished(watching, watching.poller, 60)

    assert len(watching.source.asked()) == 1


async def test_ticks_during_a_sweep_are_followed_by_one_more_at_once(watching: PollerHarness) -> None:
    watching.source.may_answer.clear()
    async with running(watching.poller):
        watching.poller.tick()
        await asked(watching, 1)
        for _ in range(3):
            watching.poller.tick()
        for _ in range(20):
            await watching.keeper.db.ping()
        assert len(watching.source.questions) == 1

        watching.source.may_answer.set()
        await asked(watching, 2)
        for _ in range(20):
            await watching.keeper.db.ping()

    assert len(watching.source.asked()) == 2


async def test_sweeps_never_overlap(watching: PollerHarness) -> None:
    async with running(watching.poller):
        for number in range(5):
            watching.poller.tick()
            watching.keeper.db.signal(SignalName.SUBSCRIPTIONS).set()
            await asked(watching, number)

    assert watching.source.most_at_once == 1


async def test_a_sweep_that_fails_is_followed_by_another(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk on fire")

    async with running(watching.poller) as task:
        with monkeypatch.context() as broken_store:
            broken_store.setattr(sweeps, "sweep_input", broken)
            watching.poller.tick()
            await until(lambda: not watching.poller._news.is_set)
            for _ in range(20):
                await watching.keeper.db.ping()
        watching.poller.tick()
        await asked(watching, 1)
        assert not task.done()


async def test_sweeps_go_on_while_the_source_fails(watching: PollerHarness) -> None:
    watching.source.trouble = failing(Unavailable())
    async with running(watching.poller) as task:
        for number in (1, 2, 3):
            watching.poller.tick()
            await asked(watching, number)
        assert not task.done()


async def test_the_length_of_a_sweep_is_noted(watching: PollerHarness) -> None:
    def take_time(_: object) -> None:
        watching.clock.seconds += 7

    watching.source.trouble = take_time
    await watching.poller.sweep()

    assert (await watching.last()).took_seconds == (await watching.last()).seen_seconds == 7
    assert watching.poller.progress.moved_at == watching.poller.progress.finished_at == 7


# ---------------------------------------------------------------- news


async def test_a_new_account_is_read_at_once_and_the_others_are_not(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    async with running(watching.poller):
        await asked(watching, 1)

    (question,) = watching.source.asked()
    assert question.accounts == (VAULT,)


async def test_no_news_is_nothing_asked(watching: PollerHarness) -> None:
    await watching.poller.sweep_new_subscriptions()

    assert watching.source.asked() == []


async def test_news_are_read_once(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    await watching.poller.sweep_new_subscriptions()
    await watching.poller.sweep_new_subscriptions()

    assert len(watching.source.asked()) == 1
    assert [notice.account for notice in await watching.keeper.baselines()] == [VAULT]


async def test_a_new_wish_for_a_known_account_is_news_too(watching: PollerHarness) -> None:
    await watching.keeper.watch(contracts=[USDC], place=OPS)

    await watching.poller.sweep_new_subscriptions()

    assert [question.accounts for question in watching.source.asked()] == [(TREASURY,), (TREASURY,)]
    assert len(await watching.keeper.baselines(OPS)) == 1


async def test_a_chat_that_is_opened_again_is_news_of_all_it_watches(watching: PollerHarness) -> None:
    await watching.keeper.deny(OLGA)
    await watching.poller.sweep()
    assert watching.source.asked() == []

    await watching.keeper.allow(OLGA)
    await watching.poller.sweep_new_subscriptions()

    assert [question.accounts for question in watching.source.asked()] == [(TREASURY,)]


async def test_a_contract_alone_is_news_of_every_account_watched_there(watching: PollerHarness) -> None:
    await watching.keeper.watch(None, contracts=[USDC])

    await watching.poller.sweep_new_subscriptions()

    assert {question.contracts for question in watching.source.asked()} == {(), (USDC,)}


async def test_a_change_seen_while_reading_news_is_told(watching: PollerHarness) -> None:
    await watching.keeper.watch(contracts=[USDC], place=OPS)
    watching.source.holds(USDC, 7, block=11)

    await watching.poller.sweep_new_subscriptions()

    assert await watching.keeper.changes(OLGA) == [(USDC, 5, 7)]


async def test_an_account_that_came_during_a_sweep_is_read_right_after_it(watching: PollerHarness) -> None:
    watching.source.may_answer.clear()
    async with running(watching.poller):
        watching.poller.tick()
        await asked(watching, 1)
        await watching.keeper.watch(VAULT)
        watching.source.may_answer.set()
        await asked(watching, 2)

    assert [question.accounts for question in watching.source.asked()] == [(TREASURY,), (VAULT,)]


async def test_news_that_could_not_be_read_come_with_the_next_sweep(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    watching.source.trouble = failing(Unavailable())
    await watching.poller.sweep_new_subscriptions()
    watching.source.trouble = lambda _: None
    assert await watching.keeper.baselines() == []

    await watching.poller.sweep()

    assert [notice.account for notice in await watching.keeper.baselines()] == [VAULT]


async def test_reading_news_leaves_the_age_of_the_chains_alone(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    watching.clock.seconds = 30

    await watching.poller.sweep_new_subscriptions()

    assert await watching.keeper.value("SELECT complete_at FROM chain WHERE id = ?", POLYGON) == 1000 * int(
        watching.clock.now().timestamp() - 30
    )


# ---------------------------------------------------------------- watchdogs


async def test_without_ticks_for_too_long_a_sweep_starts_by_itself(watching: PollerHarness) -> None:
    watching.clock.seconds = TICKS_MISSED * INTERVAL
    async with running(watching.poller):
        await asked(watching, 1)


async def test_news_do_not_put_off_the_sweep_that_is_overdue(watching: PollerHarness) -> None:
    poller = watching.poller
    async with running(poller):
        for seconds in range(0, int(TICKS_MISSED * INTERVAL) + 10, 10):
            watching.clock.seconds = seconds
            watching.keeper.db.signal(SignalName.SUBSCRIPTIONS).set()
            await until(lambda: not poller._news.is_set)
        await asked(watching, 1)


async def test_ticks_in_time_keep_the_watchdog_quiet(watching: PollerHarness) -> None:
    async with running(watching.poller):
        for number in range(1, 5):
            watching.clock.seconds = number * INTERVAL
            watching.poller.tick()
            await asked(watching, number)
            await finished(watching, watching.poller, watching.clock.seconds)

    assert len(watching.source.asked()) == 4


async def test_a_sweep_that_stalls_is_given_up_and_the_next_one_works(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STALLED_SECONDS", 0.01)
    watching.source.may_answer.clear()
    async with running(watching.poller):
        watching.poller.tick()
        await asked(watching, 1)
        watching.clock.seconds = 1
        await until(lambda: watching.source.at_once == 0)

        monkeypatch.setattr(worker, "STALLED_SECONDS", 60)
        watching.source.may_answer.set()
        watching.source.holds(USDC, 7, block=11)
        watching.poller.tick()
        await finished(watching, watching.poller, 1)

    assert await watching.keeper.changes() == [(USDC, 5, 7)]


async def test_a_sweep_that_moves_is_not_given_up_however_long_it_takes(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STALLED_SECONDS", 0.01)
    watching.source.may_answer.clear()
    async with running(watching.poller):
        watching.poller.tick()
        await asked(watching, 1)
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert watching.source.at_once == 1
        watching.source.may_answer.set()
        watching.clock.seconds = 0.005
        await finished(watching, watching.poller, 0.005)


async def test_what_a_given_up_sweep_still_brings_is_refused(watching: PollerHarness) -> None:
    stale = poller_of(watching.keeper, watching.source, watching.clock)
    watching.source.may_answer.clear()
    late = asyncio.create_task(stale.sweep())
    await asked(watching, 1)
    watching.source.holds(USDC, 9, block=12)
    await watching.keeper.db.run(sweeps.begin_sweep)

    watching.source.may_answer.set()
    await late

    assert await watching.keeper.changes() == []
    assert (await watching.keeper.balances())[POLYGON, USDC] == 5
    await watching.poller.sweep()
    assert await watching.keeper.changes() == [(USDC, 5, 9)]


async def test_stopping_in_the_middle_of_a_sweep_ends_its_questions(watching: PollerHarness) -> None:
    watching.source.may_answer.clear()
    async with running(watching.poller):
        watching.poller.tick()
        await asked(watching, 1)

    await until(lambda: watching.source.at_once == 0)
    assert await swept(watching) == 2
