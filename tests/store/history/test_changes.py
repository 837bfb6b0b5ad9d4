"""What a destination may look up: each of its changes once, newest first, and none of another's."""

import asyncio
import tempfile
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.commands.history.lookup import first_changes
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.traces import Silence
from bot.domain.explain.explanations import Explanation, ExplanationOutcome
from bot.domain.history.changes import PastChange, Selection
from bot.domain.places import Place
from bot.store.chats.chats import destination_here
from bot.store.explain.explanations import save_explanations
from bot.store.history import changes
from bot.store.history.changes import span_of
from tests.builders import BASE, DAI, NOON, TREASURY, USDC, VAULT, Amounts, asset, at, coin, reading
from tests.examples import examples
from tests.new_database import sqlite_of
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, open_new_keeper
from tests.store.test_filters import Story, least

EVERYTHING = Selection()


async def look(
    keeper: Keeper,
    place: Place = OLGA,
    selection: Selection = EVERYTHING,
    *,
    newest_first: bool = True,
    since: datetime | None = None,
) -> list[PastChange]:
    """Return what a place may look up."""
    destination_id = await keeper.db.run(destination_here, place)
    if destination_id is None:
        return []
    span = await keeper.db.run(span_of, destination_id, since)
    found = await first_changes(keeper.db, destination_id, selection, span, 1_000, newest_first=newest_first)
    assert found.rest is None
    return list(found.changes)


def amounts(found: Collection[PastChange]) -> list[tuple[int, int]]:
    return [(one.change.before.amount_raw, one.change.after.amount_raw) for one in found]


async def test_changes_come_newest_first_or_oldest_first(watching: Keeper) -> None:
    for amount in (6, 7, 8):
        await watching.record(reading({USDC: amount}, native=100))

    found = await look(watching)
    assert amounts(found) == [(7, 8), (6, 7), (5, 6)]
    assert amounts(await look(watching, newest_first=False)) == [(5, 6), (6, 7), (7, 8)]
    assert {one.state for one in found} == {AlertState.WAITING}


async def test_nothing_is_found_where_nothing_was_watched_or_nothing_changed(watching: Keeper) -> None:
    elsewhere = Place(7002, "private", "Bob")
    await watching.watch(VAULT, place=elsewhere)

    assert await look(watching, elsewhere) == []
    assert await look(watching, Place(1, "private", "Eve")) == []


async def test_a_change_is_found_only_where_it_was_watched(keeper: Keeper) -> None:
    await keeper.watch(place=OLGA)
    await keeper.watch(VAULT, place=OPS)
    await keeper.watch(place=ALERTS_TOPIC, contracts=[DAI])
    for amount in (1, 2, 3):
        held: Amounts = {USDC: amount, DAI: amount}
        await keeper.record(
            reading(held, native=amount, named={DAI: amount}),
            reading({USDC: 10 * amount}, native=1, account=VAULT),
        )

    assert {one.change.account for one in await look(keeper, OLGA)} == {TREASURY}
    assert {one.change.account for one in await look(keeper, OPS)} == {VAULT}
    assert {one.change.asset for one in await look(keeper, ALERTS_TOPIC)} == {asset(DAI)}


async def test_what_was_watched_before_is_still_found(watching: Keeper) -> None:
    await watching.record(reading({USDC: 6}, native=100))
    await watching.unsubscribe(OLGA, [1])
    await watching.record(reading({USDC: 7}, native=100))

    assert amounts(await look(watching, OLGA)) == [(5, 6)]
    assert amounts(await look(watching, OPS)) == [(6, 7), (5, 6)]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(accounts=frozenset({TREASURY})), 4),
        (Selection(accounts=frozenset({VAULT})), 1),
        (Selection(accounts=frozenset({TREASURY, VAULT})), 5),
        (Selection(assets=frozenset({asset(USDC)})), 2),
        (Selection(assets=frozenset({asset(USDC), coin()})), 3),
        (Selection(frozenset({TREASURY}), frozenset({asset(USDC)})), 1),
        (Selection(chains=frozenset({BASE})), 1),
        (Selection(frozenset({VAULT}), chains=frozenset({BASE})), 0),
        (Selection(accounts=frozenset({DAI})), 0),
        (Selection(assets=frozenset({asset(DAI, BASE)})), 0),
    ],
)
async def test_what_is_asked_for_is_found_and_nothing_else(
    keeper: Keeper, selection: Selection, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "CHANGES_AT_ONCE", 2)
    await keeper.watch()
    await keeper.watch(VAULT)
    for amount in (1, 2):
        await keeper.record(
            reading({USDC: amount, DAI: amount}, native=amount),
            reading({}, native=amount, chain_id=BASE),
            reading({USDC: amount}, native=7, account=VAULT),
        )

    assert len(await look(keeper, OLGA, selection)) == found


async def test_a_message_is_named_once_it_was_made(watching: Keeper) -> None:
    await watching.record(reading({USDC: 6}, native=100))
    (delivery,) = [one for one in await watching.deliver_all() if one.chat_id == OLGA.chat_id]
    await watching.record(reading({USDC: 7}, native=100))

    waits, told = await look(watching)

    assert (told.state, told.message) == (AlertState.SENT, message_id(delivery.id))
    assert (waits.state, waits.message) == (AlertState.WAITING, None)


async def test_what_was_held_back_names_the_message_that_sums_it_up(keeper: Keeper) -> None:
    story = await Story(keeper).begin(least(3), 5)
    await keeper.deliver_all()
    await story.see(6, 7, 8)
    (delivery,) = await keeper.deliver_all()
    await story.see(9)

    found = await look(keeper)

    message = message_id(delivery.id)
    assert [(one.state, one.reason, one.message) for one in found] == [
        (None, Silence.FILTER, None),
        (AlertState.SENT, "", message),
        (None, Silence.FILTER, message),
        (None, Silence.FILTER, message),
    ]
    assert amounts(found) == [(8, 9), (7, 8), (6, 7), (5, 6)]
    assert (found[1].told.change.before.amount_raw, found[1].told.steps) == (5, 3)


async def test_steps_of_two_messages_name_each_its_own_and_what_waits_names_none(keeper: Keeper) -> None:
    story = await Story(keeper).begin(least(1_000))
    await keeper.deliver_all()
    messages = []
    for steps in [(10_400, 10_800, 11_000), (11_400, 12_000)]:
        await story.see(*steps)
        messages += [message_id(one.id) for one in await keeper.deliver_all()] * len(steps)
    await story.see(12_100, 12_200)

    found = await look(keeper, newest_first=False)

    assert len(set(messages)) == 2
    assert [one.message for one in found] == [*messages, None, None]


async def test_what_is_held_back_for_long_is_walked_once_for_all_of_a_slice(keeper: Keeper) -> None:
    story = await Story(keeper).begin(least(1_000))
    await story.see(*range(10_001, 10_031))
    executed: list[str] = []
    await keeper.db.run(lambda db: sqlite_of(db).set_trace_callback(executed.append))

    found = await look(keeper)

    assert [(one.reason, one.message) for one in found] == [(Silence.FILTER, None)] * 30
    assert len([one for one in executed if "JOIN change n" in one]) == 1


async def test_only_what_was_recorded_since_a_moment_is_looked_up(watching: Keeper) -> None:
    for amount in (6, 7, 8):
        await watching.record(reading({USDC: amount}, native=100), when=at(amount))

    found = [len(await look(watching, since=since)) for since in (None, at(0), at(7), at(8), at(8.5))]

    assert found == [3, 3, 2, 1, 0]


async def test_none_since_a_moment_is_left_out_where_the_clock_was_set_back(watching: Keeper) -> None:
    for amount, second in ((6, 100), (7, 200), (8, 150), (9, 250)):
        await watching.record(reading({USDC: amount}, native=100), when=at(second))

    assert amounts(await look(watching, since=at(120))) == [(8, 9), (7, 8), (6, 7)]
    assert amounts(await look(watching, since=at(210))) == [(8, 9)]


async def test_a_clock_that_was_years_ahead_once_shows_nothing_older_than_was_asked_for(
    watching: Keeper,
) -> None:
    for amount, second in ((6, 200_000_000), (7, 200), (8, 300)):
        await watching.record(reading({USDC: amount}, native=100), when=at(second))

    assert amounts(await look(watching, since=at(250))) == [(7, 8)]


async def test_the_changes_of_a_group_are_found_once_it_is_a_supergroup(watching: Keeper) -> None:
    group = Place(-77, "group", "Old")
    await watching.watch(place=group)
    await watching.record(reading({USDC: 6}, native=100))
    before = amounts(await look(watching, group))

    await watching.migrate(-77, -100_77)

    assert amounts(await look(watching, group.moved_to(-100_77))) == before == [(5, 6)]
    assert await look(watching, group) == []


@pytest.mark.both_engines
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=8),
    st.integers(1, 3),
    st.integers(1, 5),
)
@settings(max_examples=examples(30))
def test_pages_show_each_change_once_and_in_order_whatever_is_recorded_meanwhile(
    steps: list[tuple[int, int]], page: int, at_once: int
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "CHANGES_AT_ONCE", at_once)
        asyncio.run(_turn_pages(Path(directory), steps, page))


async def _turn_pages(directory: Path, steps: list[tuple[int, int]], page: int) -> None:
    """Each step turns some pages, and then the amount of one of two accounts changes."""
    keeper = await open_new_keeper(directory / "bot.sqlite3")
    held = [1, 1]

    async def change(whose: int) -> None:
        held[whose] += 1
        await keeper.record(
            reading({USDC: held[0]}, native=1), reading({USDC: held[1]}, native=1, account=VAULT)
        )

    try:
        await keeper.watch(place=OLGA)
        await keeper.watch(VAULT, place=OPS)
        for whose in (0, 0, 1, 0, 1, 0):
            await change(whose)
        destination_id = await keeper.db.run(destination_here, OLGA)
        assert destination_id is not None
        expected, shown = [one.id for one in await look(keeper)], list[int]()
        rest = await keeper.db.run(span_of, destination_id)
        for pages, whose in [*steps, (len(expected), 0)]:
            for _ in range(pages):
                found = await first_changes(keeper.db, destination_id, EVERYTHING, rest, page)
                assert len(found.changes) == page or found.rest is None
                shown += [one.id for one in found.changes]
                rest = found.rest
            await change(whose)
        assert shown == expected == sorted(expected, reverse=True)
    finally:
        await keeper.db.close()


async def test_what_is_known_of_the_transfers_behind_a_change_comes_with_it(watching: Keeper) -> None:
    for amount in (6, 7):
        await watching.record(reading({USDC: amount}, native=100))
    explained = Explanation(outcome=ExplanationOutcome.NONE_LISTED, listed_at=NOON)
    await watching.db.run(save_explanations, {1: explained}, NOON)

    newest, oldest = await look(watching)
    assert (oldest.explanation, oldest.told.explanation) == (explained, explained)
    assert newest.explanation is None
