"""Budgets as they are stored: what counts, what waits, and that none of it is lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from bot.domain.assets import Description
from bot.domain.deliver.alerts import (
    AlarmRang,
    AlarmSubject,
    Alert,
    ChainGone,
    ChangeAlert,
    MuteKind,
    MuteOver,
    NoticeAlert,
)
from bot.domain.deliver.steps import summed
from bot.domain.places import Place
from bot.domain.rules.alarms import Side
from bot.domain.rules.quiet import QuietHours
from bot.store.chats import migrate, mutes
from bot.store.chats.rules import budgets, quiet
from bot.store.chats.rules.budgets import Budget
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.outbox.withdraw import expire
from bot.store.rows import to_milliseconds
from tests.builders import NOON, POLYGON, TREASURY, USDC, asset, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

RANG = AlarmRang(AlarmSubject(1, TREASURY, "", (POLYGON,), Side.BELOW, Decimal(1), USDC), 1, Decimal(0))
DESCRIBED = {asset(USDC): Description("ERC20", "USDC", 0, price_usd="1")}


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga and a group watch the treasury, read once and told of it."""
    for place in (OLGA, OPS):
        await keeper.watch(place=place, label="Till")
    await moved(keeper, 100, -10)
    await keeper.deliver_all()
    await keeper.script("DELETE FROM spent")
    return keeper


async def moved(keeper: Keeper, units: int, minute: float) -> None:
    await keeper.outbox(after(minute))
    poll = await keeper.judged(reading({USDC: units}), when=after(minute), descriptions=DESCRIBED)
    await keeper.record_poll(replace(poll, described=DESCRIBED))


async def allow(keeper: Keeper, messages: int, minute: float = 0, place: Place = OLGA) -> int:
    """Set a budget, and return how many changes that sends."""
    result = await keeper.db.run(budgets.set_budget, place, messages, olga(after(minute)))
    return result.released


async def messages(keeper: Keeper, minute: float, place: Place = OLGA) -> list[list[object]]:
    """Return what each message says that can be sent then: amounts as summed, and notices."""
    sent: list[list[object]] = []

    def listen(_: Database, alerts: Sequence[Alert], __: str, now: datetime) -> tuple[str, int]:
        changes = summed((one for one in alerts if isinstance(one, ChangeAlert)), now)
        sent.append(
            [
                *(one.notice for one in alerts if isinstance(one, NoticeAlert)),
                *((one.change.before.amount_raw, one.change.after.amount_raw, one.steps) for one in changes),
            ]
        )
        return "…", len(alerts)

    await keeper.outbox(after(minute))
    while (taken := await keeper.claim(place.chat_id, after(minute), compose=listen)).delivery:
        await keeper.sent(taken.delivery, after(minute))
        await keeper.outbox(after(minute))
    return sent


def over(changes: int, begins: float, ends: float, budget: int = 2) -> MuteOver:
    return MuteOver(None, "", after(begins), after(ends), changes, ended=MuteKind.BUDGET, budget=budget)


async def test_what_is_above_the_budget_waits_and_comes_as_one_message_that_says_why(
    watching: Keeper,
) -> None:
    await allow(watching, 2)
    for minute in range(1, 6):
        await moved(watching, 100 + minute, minute)
        expected = [[(99 + minute, 100 + minute, 1)]] if minute <= 2 else []
        assert await messages(watching, minute) == expected

    assert await messages(watching, 60.9) == []
    assert await messages(watching, 61) == [[over(3, 2, 61), (102, 105, 3)]]


async def test_without_a_budget_and_in_other_places_nothing_waits(watching: Keeper) -> None:
    await allow(watching, 1)
    for minute in range(1, 4):
        await moved(watching, 100 + minute, minute)
        assert await messages(watching, minute, OPS) == [[(99 + minute, 100 + minute, 1)]]


async def test_the_hour_slides(watching: Keeper) -> None:
    await allow(watching, 2)
    for minute in (0, 40, 61, 62, 99, 101):
        await moved(watching, 100 + minute, minute)
    # Each of these was looked at when it came, so the third one leaves once the first is an hour old.
    sent = [minute for minute in range(103, 260) if await messages(watching, minute)]

    assert sent == [103]


async def test_alarms_outages_and_what_was_held_by_nobody_do_not_count_and_do_not_wait(
    watching: Keeper,
) -> None:
    await allow(watching, 1)
    await moved(watching, 101, 1)
    assert len(await messages(watching, 1)) == 1
    notices: tuple[AlarmRang | ChainGone, ...] = (RANG, ChainGone(POLYGON))
    for number, notice in enumerate(notices, 2):
        await enqueue(watching, notice, number)
        assert await messages(watching, number) == [[notice]]

    assert await watching.db.run(budgets.budget_here, OLGA, after(4)) == Budget(1, 1)


async def enqueue(keeper: Keeper, notice: AlarmRang | ChainGone, minute: float) -> None:
    (destination,) = await keeper.rows(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ?", OLGA.chat_id
    )
    at = to_milliseconds(after(minute))
    await keeper.db.run(lambda db: enqueue_alert(db, destination[0], at, notice=notice))


async def test_a_thousand_changes_under_a_budget_lose_nothing(watching: Keeper) -> None:
    await allow(watching, 2)
    sent: list[list[object]] = []
    for step in range(1, 1001):
        await moved(watching, 100 + step, step / 2)
        if step % 3 == 0:
            sent += await messages(watching, step / 2)
    for minute in range(500, 700, 10):
        sent += await messages(watching, minute)

    changes = [one for message in sent for one in message if isinstance(one, tuple)]
    assert sum(steps for *_, steps in changes) == 1000
    assert [before for before, *_ in changes] == [100, *(now for _, now, _ in changes[:-1])], (
        "no gap, no overlap"
    )
    assert changes[-1][1] == 1100
    assert len(sent) <= 2 * (700 / 60 + 1)


async def test_nothing_of_it_expires(watching: Keeper) -> None:
    await allow(watching, 1)
    await moved(watching, 101, 1)
    await messages(watching, 1)
    await moved(watching, 102, 2)

    await messages(watching, 3, OPS)

    days = 3 * 24 * 60
    assert await watching.db.run(expire, after(days), timedelta(days=1)) == 0
    assert await messages(watching, days) == [[over(1, 1, 61, budget=1), (101, 102, 1)]]


async def test_the_end_of_a_budget_sends_what_it_kept(watching: Keeper) -> None:
    await allow(watching, 1)
    await moved(watching, 101, 1)
    await messages(watching, 1)
    await moved(watching, 102, 2)

    assert await allow(watching, 0, 3) == 1
    assert await messages(watching, 3) == [[over(1, 1, 3, budget=1), (101, 102, 1)]]


@pytest.mark.parametrize(("anew", "released"), [(2, 0), (3, 0), (4, 2)])
async def test_another_budget_counts_what_was_sent_under_the_former(
    watching: Keeper, anew: int, released: int
) -> None:
    await allow(watching, 3)
    for minute in range(1, 6):
        await moved(watching, 100 + minute, minute)
        await messages(watching, minute)

    assert await allow(watching, anew, 6) == released
    assert bool(await messages(watching, 6)) is bool(released)
    assert await messages(watching, 63) != [] or released


async def test_a_mute_within_quiet_hours_within_a_budget_each_end_without_the_others(
    watching: Keeper,
) -> None:
    """From noon: the budget until 13:10, a mute from 12:30 to 13:30, quiet from 13:00 to 14:00."""
    await allow(watching, 1)
    await watching.db.run(quiet.set_quiet, OLGA, QuietHours(time(13), time(14)), olga(after(0)), "")
    await moved(watching, 101, 10)
    assert len(await messages(watching, 10)) == 1
    await moved(watching, 102, 20)
    await watching.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga(after(30)))

    kinds = {}
    for minute in (35, 65, 75, 95, 125):
        await moved(watching, 103 + minute, minute)
        kinds[minute] = {one.kind for one in (await watching.db.run(mutes.muted_here, OLGA)).mutes}
    mute, hush, budget = MuteKind.MUTE, MuteKind.QUIET, MuteKind.BUDGET

    assert kinds == {35: {mute, budget}, 65: {mute, hush, budget}, 75: {mute, hush}, 95: {hush}, 125: set()}
    (message,) = await messages(watching, 125)
    assert [one for one in message if isinstance(one, tuple)] == [(101, 198, 5), (198, 228, 1)]


async def test_unmute_does_not_end_a_budget(watching: Keeper) -> None:
    await allow(watching, 1)
    await moved(watching, 101, 1)
    await messages(watching, 1)

    result = await watching.db.run(mutes.unmute, OLGA, (), olga(after(2)))

    assert result.mutes == ()
    assert len((await watching.db.run(mutes.muted_here, OLGA)).mutes) == 1


async def test_a_clock_that_is_set_back_makes_no_endless_wait(watching: Keeper) -> None:
    await allow(watching, 1)
    await moved(watching, 101, 1)
    await messages(watching, 1)
    await moved(watching, 102, 2)

    await watching.outbox(after(-600))

    assert (await watching.db.run(mutes.muted_here, OLGA)).mutes == ()
    assert len(await messages(watching, -599)) == 1


async def test_a_group_takes_its_budget_along(watching: Keeper) -> None:
    there = OPS.moved_to(-100_1001)
    await allow(watching, 1, place=OPS)
    await moved(watching, 101, 1)
    await messages(watching, 1, OPS)

    await watching.migrate(OPS.chat_id, there.chat_id)

    assert await watching.db.run(budgets.budget_here, there, after(2)) == Budget(1, 1)
    await moved(watching, 102, 3)
    assert await messages(watching, 3, there) == []
    assert await messages(watching, 61, there) != []


async def test_the_budget_of_a_lost_topic_is_not_that_of_who_takes_over(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    await allow(keeper, 1, place=ALERTS_TOPIC)
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await keeper.db.run(budgets.budget_here, OPS, NOON) == Budget()
