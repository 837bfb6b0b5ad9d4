"""Taking an end back: the wish returns whole, its readings start anew."""

from datetime import timedelta

import pytest

from bot.domain.assets import ChainId
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription, UndoOutcome, UndoResult
from bot.domain.places import Place
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.chats import subscriptions, unsubscribe
from bot.store.chats.unsubscribe import UNDO_FOR
from tests.builders import NOON, POLYGON, TREASURY, USDC, VAULT, VERIFIED, reading
from tests.store.conftest import ALERTS_TOPIC, LIMIT, OLGA, OPS, Keeper, olga

TILL = WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}), chains=frozenset({POLYGON})), "Till")


async def end(keeper: Keeper, *numbers: int, place: Place = OLGA) -> int:
    parting = await keeper.db.run(unsubscribe.unsubscribe, place, numbers, olga(), VERIFIED)
    assert parting.row is not None
    return parting.row


async def undone(
    keeper: Keeper, row: int, *, place: Place = OLGA, after: timedelta = timedelta(0)
) -> UndoResult:
    return await keeper.db.run(
        unsubscribe.undo_unsubscribe, row, place, olga(NOON + after), limit=LIMIT, status=VERIFIED
    )


async def test_a_wish_returns_whole(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(VAULT), TILL)
    before = await keeper.rows(
        "SELECT number, contracts, chains, label, created_by, created_at FROM subscription"
    )

    row = await end(keeper, 1, 2)
    outcome = await undone(keeper, row, after=timedelta(minutes=5))

    assert outcome == UndoResult(
        UndoOutcome.DONE,
        (
            RestoredSubscription(SubscribeOutcome.CREATED, 1, WatchSpec(VAULT)),
            RestoredSubscription(SubscribeOutcome.CREATED, 2, TILL),
        ),
    )
    assert (
        await keeper.rows("SELECT number, contracts, chains, label, created_by, created_at FROM subscription")
        == before
    )


async def test_columns_of_a_later_day_return_too(keeper: Keeper) -> None:
    await keeper.subscribe(TILL)
    await keeper.script(
        "ALTER TABLE subscription ADD COLUMN mood TEXT; UPDATE subscription SET mood = 'calm'"
    )

    await undone(keeper, await end(keeper, 1))

    assert await keeper.value("SELECT mood FROM subscription") == "calm"


async def test_a_wish_that_returns_starts_with_a_fresh_baseline(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.alerts()
    row = await end(keeper, 1)
    late = await keeper.judged(reading({USDC: 6}, native=100))

    await undone(keeper, row)

    await keeper.record_poll(late)
    assert await keeper.alerts() == []
    await keeper.record(reading({USDC: 7}, native=100))
    assert [baseline.balances for baseline in await keeper.baselines()] == [2]


async def test_what_another_chat_reads_needs_no_first_reading(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))

    outcome = await undone(keeper, await end(keeper, 1))

    assert [one.is_known for one in outcome.ones] == [True]


async def test_an_end_is_taken_back_once(keeper: Keeper) -> None:
    await keeper.watch()
    row = await end(keeper, 1)
    await undone(keeper, row)

    assert await undone(keeper, row) == UndoResult(UndoOutcome.ALREADY)
    assert len(await keeper.db.run(subscriptions.subscriptions_here, OLGA)) == 1


@pytest.mark.parametrize(
    ("after", "outcome"),
    [(UNDO_FOR, UndoOutcome.DONE), (UNDO_FOR + timedelta(seconds=1), UndoOutcome.TOO_LATE)],
)
async def test_an_end_can_be_taken_back_for_a_day(
    keeper: Keeper, after: timedelta, outcome: UndoOutcome
) -> None:
    await keeper.watch()

    assert (await undone(keeper, await end(keeper, 1), after=after)).outcome is outcome


async def test_a_full_chat_takes_nothing_back_until_there_is_room(keeper: Keeper) -> None:
    await keeper.subscribe(
        *[WatchSpec(TREASURY, Scope(chains=frozenset({ChainId(chain)}))) for chain in range(1, LIMIT + 1)]
    )
    row = await end(keeper, 1)
    await keeper.watch(VAULT)

    full = await undone(keeper, row)
    assert (full.outcome, [one.outcome for one in full.ones]) == (
        UndoOutcome.NO_ROOM,
        [SubscribeOutcome.FULL],
    )
    await end(keeper, 2)
    back = await undone(keeper, row)
    assert (back.outcome, [one.outcome for one in back.ones]) == (
        UndoOutcome.DONE,
        [SubscribeOutcome.CREATED],
    )


async def test_an_end_belongs_to_its_chat_and_knows_its_topic(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    row = await end(keeper, 1, place=ALERTS_TOPIC)

    assert await keeper.db.run(unsubscribe.unsubscribe_place, row, OPS.chat_id) == ALERTS_TOPIC
    assert await keeper.db.run(unsubscribe.unsubscribe_place, row, OLGA.chat_id) is None
    assert await keeper.db.run(unsubscribe.unsubscribe_place, row + 1, OPS.chat_id) is None


async def test_nothing_ended_is_nothing_to_take_back(keeper: Keeper) -> None:
    assert (await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(), VERIFIED)).row is None


async def test_what_is_long_past_is_forgotten(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(VAULT)
    row = await end(keeper, 1)

    await keeper.db.run(unsubscribe.unsubscribe, OLGA, [2], olga(NOON + timedelta(days=8)), VERIFIED)

    assert await keeper.db.run(unsubscribe.unsubscribe_place, row, OLGA.chat_id) is None
    assert await keeper.value("SELECT count(*) FROM parted") == 1
