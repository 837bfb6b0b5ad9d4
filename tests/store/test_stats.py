"""What can be counted of everything stored."""

from dataclasses import fields
from datetime import time, timedelta

import pytest

from bot.domain.assets import NATIVE_PART
from bot.domain.deliver.delivery import Parking
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction
from bot.domain.rules.quiet import QuietHours
from bot.store.chats import chats, migrate, mutes
from bot.store.chats.rules import filters, quiet
from bot.store.maintenance import stats
from tests.builders import POLYGON, TREASURY, USDC, at, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

OF_NOW = {
    "waiting",
    "waiting_since",
    "parked",
    "unreported",
    "ringing",
    "kept_back",
    "complete_at",
    "unknown_views",
    "accounts",
    "subscriptions",
    "size_bytes",
}
"""What may fall; all else is counted for good."""


async def test_an_empty_store_counts_nothing(keeper: Keeper) -> None:
    counted = await keeper.db.run(stats.collect_stats)

    assert (counted.changes, counted.deliveries) == (0, 0)
    assert (counted.waiting, counted.waiting_since, counted.parked) == (0, None, 0)
    assert (counted.accounts, counted.subscriptions) == (0, 0)
    assert (counted.complete_at, counted.unknown_views) == ({}, {})
    assert counted.size_bytes > 0


async def test_what_is_kept_back_is_counted_by_what_keeps_it(keeper: Keeper) -> None:
    await keeper.watch(place=OLGA)
    await keeper.record(reading({USDC: 5}))
    await keeper.deliver_all()
    await keeper.db.run(quiet.set_quiet, OLGA, QuietHours(time(11), time(13)), olga(), "")
    await keeper.record(reading({USDC: 6}))
    assert (await keeper.db.run(stats.collect_stats)).kept_back == {"mute": 0, "quiet": 1, "budget": 0}

    await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga())
    await keeper.record(reading({USDC: 7}))
    await keeper.script("UPDATE alert SET reason = 'muted' WHERE reason = 'mute'")

    counted = await keeper.db.run(stats.collect_stats)
    assert counted.kept_back == {"mute": 1, "quiet": 1, "budget": 0}, "an earlier version said 'muted'"


async def test_what_was_recorded_is_counted(keeper: Keeper) -> None:
    await keeper.watch(place=OLGA)
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.record(reading({USDC: 6}, native=100))

    counted = await keeper.db.run(stats.collect_stats)

    assert counted.changes == 1
    assert (counted.accounts, counted.subscriptions) == (1, 2)


async def test_what_filters_hold_back_is_counted_until_it_is_reported(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.db.run(filters.set_filter, OLGA, [], Condition(Direction.OUT), olga())
    await keeper.record(reading({USDC: 6}, native=100))
    assert (await keeper.db.run(stats.collect_stats)).unreported == 1

    await keeper.db.run(filters.set_filter, OLGA, [], None, olga())

    assert (await keeper.db.run(stats.collect_stats)).unreported == 0


async def test_what_was_ever_counted_does_not_fall_where_topics_become_one(keeper: Keeper) -> None:
    group = Place(ALERTS_TOPIC.chat_id, "supergroup", "Ops")
    for place in (group, ALERTS_TOPIC):
        await keeper.watch(place=place)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}, native=100))
    before = await keeper.db.run(stats.collect_stats)

    await keeper.script("UPDATE destination SET lost = 'closed' WHERE thread_id <> 0")
    await keeper.db.run(migrate.take_over_lost_topics, group, olga())

    after = await keeper.db.run(stats.collect_stats)
    counters = {field.name for field in fields(after)} - OF_NOW
    assert [getattr(after, name) for name in counters] == [getattr(before, name) for name in counters]
    assert after.waiting < before.waiting, "or nothing became one"


async def test_alerts_wait_until_they_are_told_whether_they_are_composed_or_not(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100), when=at(1))
    await keeper.record(reading({USDC: 6}, native=100), when=at(2))
    assert (await keeper.db.run(stats.collect_stats)).waiting == 2

    due = await keeper.due(at(10))
    counted = await keeper.db.run(stats.collect_stats)
    assert (counted.waiting, counted.waiting_since, counted.deliveries) == (2, at(1), len(due))

    for delivery in due:
        await keeper.sent(delivery, at(10))
    counted = await keeper.db.run(stats.collect_stats)
    assert (counted.waiting, counted.waiting_since) == (0, None)


async def test_alerts_of_a_chat_that_cannot_be_reached_are_parked_and_do_not_wait(keeper: Keeper) -> None:
    await keeper.watch(place=OLGA)
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.db.run(chats.mark_unreachable, OPS.chat_id, Parking("kicked", None))

    counted = await keeper.db.run(stats.collect_stats)

    assert (counted.waiting, counted.parked) == (1, 1)


async def test_chains_have_the_moment_they_were_last_seen_and_what_is_unknown_there(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.reach(60, {POLYGON: None})
    assert (await keeper.db.run(stats.collect_stats)).unknown_views == {}

    await keeper.reach(120, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({NATIVE_PART}))])

    counted = await keeper.db.run(stats.collect_stats)
    assert counted.complete_at == {POLYGON: at(120)}
    assert counted.unknown_views == {POLYGON: 1}


@pytest.mark.parametrize("sql", [stats._COUNTS, stats._BACKLOG, stats._UNKNOWN])
async def test_nothing_of_the_history_is_read_to_count_it(keeper: Keeper, sql: str) -> None:
    steps = await keeper.plan(sql)

    read_through = [step for step in steps if step.startswith("SCAN") and "USING" not in step]
    assert not [step for step in read_through if step.split()[1] in ("l", "d", "alert", "delivery", "change")]


async def test_what_a_mute_holds_does_not_wait_and_waits_from_its_end_on(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga())
    await keeper.record(reading({USDC: 6}, native=100), when=at(1))
    assert (await keeper.db.run(stats.collect_stats)).waiting == 0

    await keeper.outbox(at(3600))

    counted = await keeper.db.run(stats.collect_stats)
    assert (counted.waiting, counted.waiting_since) == (2, at(3600)), "with the receipt"
