"""When digests are made: one of each period, however the clock is set, and none waits for ever."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.deliver.alerts import Alert
from bot.domain.places import Place
from bot.domain.rules.digests import DigestSchedule
from bot.store.chats.rules import zones
from bot.store.chats.rules.digests import set_digest
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.maintenance import stats
from bot.store.polling.digests import (
    LOOKS_AGAIN_AFTER,
    MADE_AT_ONCE,
    TRIED_AGAIN_AFTER,
    WAITS_AT_MOST,
    make_due,
)
from tests.builders import NOON
from tests.store.conftest import OLGA, OPS, Keeper, Meanwhile, olga
from tests.store.digest_reader import (
    DAY,
    EIGHT,
    EVENING,
    HOUR,
    MINUTE,
    ONLY,
    SUNDAYS,
    TERMS,
    Reader,
    amounts_of,
    digests_in,
    one_digest,
)


async def test_a_digest_is_made_when_it_is_due_and_not_before(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()

    assert await reader.look(EIGHT - HOUR) == EIGHT
    assert await reader.told() == []
    assert await reader.look(EIGHT) == EIGHT + DAY
    assert len(await reader.told()) == 1
    assert await reader.look(EIGHT + HOUR) == EIGHT + DAY
    assert await reader.told() == []


async def test_a_weekly_digest_is_made_once_a_week(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(SUNDAYS)  # and that day is one

    made = [len(await reader.digests(EIGHT + DAY * days)) for days in range(15)]

    assert [days for days, digests in enumerate(made) if digests] == [0, 7, 14]


async def test_nobody_gets_digests_who_set_none_or_ended_them(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.set(None)

    assert await reader.look(EIGHT + DAY) is None
    assert await reader.told() == []


async def test_a_digest_that_another_replica_ends_just_before_it_is_made_is_not_made(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.swept(EIGHT)

    made = await keeper.db.run(_made_after, lambda db: set_digest(db, OLGA, None, olga(EIGHT), ""))

    assert made is None
    assert await reader.told() == []


async def test_a_digest_that_another_replica_puts_off_just_before_it_is_made_comes_then(
    keeper: Keeper,
) -> None:
    reader = await Reader(keeper).begin()
    await reader.swept(EIGHT)
    later = DigestSchedule(time(21))

    made = await keeper.db.run(_made_after, lambda db: set_digest(db, OLGA, later, olga(EIGHT), ""))

    assert made == EIGHT + HOUR
    assert await reader.told() == []


async def test_a_digest_that_another_replica_makes_just_before_is_made_once(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.swept(EIGHT)

    assert await keeper.db.run(_made_after, lambda db: make_due(db, EIGHT, TERMS)) == EIGHT + DAY
    assert len(digests_in(await reader.told())) == 1


def _made_after(db: Database, work: Callable[[Database], object]) -> datetime | None:
    """Let another replica do something once this one has seen that a digest is due."""
    return make_due(Meanwhile.before(db, work), EIGHT, TERMS)


async def test_what_was_missed_while_the_bot_was_off_is_one_digest_and_a_late_one(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    late = EIGHT + 3 * DAY + HOUR

    (digest,) = await reader.digests(late)

    assert (digest.due_at, digest.begins_at, digest.ends_at) == (late - HOUR, NOON, late)
    assert await reader.digests(late + HOUR) == []


async def test_a_late_digest_waits_for_the_first_sweep_after_a_start(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    late = EIGHT + 3 * HOUR
    assert await reader.look(late, NOON) == late + LOOKS_AGAIN_AFTER
    assert await reader.told() == []
    # What the sweep finds is in it.
    reader.now = late + MINUTE
    await reader.see(9_000)

    assert await reader.look(late + MINUTE) == EIGHT + DAY

    alerts = await reader.told()
    assert one_digest(alerts)[0].ends_at == late + MINUTE
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_a_digest_waits_for_no_sweep_longer_than_for_some_minutes(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    late = EIGHT + 3 * HOUR
    looks = [late]
    while (at := await reader.look(looks[-1], NOON)) != EIGHT + DAY:
        assert at is not None
        looks.append(at)

    assert looks[-1] == late + WAITS_AT_MOST
    assert one_digest(await reader.told())[0].due_at == EIGHT


async def test_a_digest_waits_for_no_sweep_while_sweeps_go_on(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()

    assert await reader.look(EIGHT, EIGHT - 2 * MINUTE) == EIGHT + DAY


async def test_a_clock_set_back_while_a_digest_waits_makes_it_wait_no_longer(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.look(EIGHT + 10 * HOUR, NOON)
    then = EIGHT + HOUR
    await reader.look(then, NOON - DAY)

    assert await reader.look(then + WAITS_AT_MOST, NOON - DAY) == EIGHT + DAY
    assert len(digests_in(await reader.told())) == 1


async def test_one_that_was_made_is_sent_once_though_the_bot_ended_before_it_was(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.look(EIGHT)
    await keeper.reopen()

    await reader.look(EIGHT + HOUR)

    assert len(digests_in(await reader.told())) == 1


async def test_a_digest_whose_transaction_failed_is_made_by_a_later_look(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    with monkeypatch.context() as patch:
        patch.setattr("bot.store.polling.digests.release", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await reader.look(EIGHT)
    assert await reader.told() == []
    assert await reader.look(EIGHT) == EIGHT + TRIED_AGAIN_AFTER

    await reader.look(EIGHT + TRIED_AGAIN_AFTER)

    alerts = await reader.told()
    assert one_digest(alerts)[0].follow == 1
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_a_restored_copy_makes_what_is_due_by_what_it_knows_once(
    keeper: Keeper, tmp_path: Path
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    copy = await keeper.copied(tmp_path / "copy.sqlite3")
    assert len(await reader.digests(EIGHT)) == 1
    await keeper.db.close()

    keeper.db = await DatabaseThread.open(copy)

    await reader.look(EIGHT + DAY)
    alerts = await reader.told()
    assert one_digest(alerts)[0].due_at == EIGHT + DAY
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]
    assert await reader.digests(EIGHT + DAY) == []


async def test_a_digest_that_cannot_be_made_keeps_no_other_from_being_made(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    await keeper.allow(OPS)
    other = Reader(keeper, place=OPS)
    await other.set(EVENING)
    monkeypatch.setattr("bot.store.polling.digests.release", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await reader.look(EIGHT)

    assert len(digests_in(await other.told())) == 1


@pytest.mark.parametrize("back", [timedelta(seconds=2), 2 * HOUR, 30 * HOUR])
async def test_a_clock_set_back_repeats_no_digest_and_stops_none(keeper: Keeper, back: timedelta) -> None:
    reader = await Reader(keeper).begin()
    assert len(await reader.digests(EIGHT)) == 1
    then = EIGHT - back

    made = [now for hours in range(96) if await reader.digests(now := then + hours * HOUR)]

    assert made, "none was stopped"
    assert made[0] > EIGHT, "none is repeated"
    assert made[0] <= EIGHT + 2 * DAY


async def test_a_clock_that_was_years_ahead_stops_no_digest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    assert len(await reader.digests(EIGHT + 1_000 * DAY)) == 1

    await reader.look(NOON)

    assert len(await reader.digests(EIGHT)) == 1
    assert len(await reader.digests(EIGHT + 1_000 * DAY)) == 1
    assert (await keeper.db.run(stats.collect_stats)).digests == 3


async def test_many_that_are_due_at_once_let_others_at_the_database_in_between(keeper: Keeper) -> None:
    places = [Place(-2000 - number, "group", "Ops") for number in range(2 * MADE_AT_ONCE + 1)]
    for place in places:
        await keeper.allow(place)
        await Reader(keeper, place=place).set(EVENING)
    reader = Reader(keeper)
    looks = []
    while (due_at := await reader.look(EIGHT)) == EIGHT:
        looks.append(due_at)

    assert len(looks) == 2
    assert await keeper.value("SELECT count(*) FROM digest") == len(places)


# ---------------------------------------------------------------- zones


@pytest.mark.parametrize(("zone", "hours"), [("", 8), ("Europe/Berlin", 7), ("America/New_York", 13)])
async def test_a_digest_comes_by_the_clock_of_its_place(keeper: Keeper, zone: str, hours: int) -> None:
    reader = Reader(keeper)
    await keeper.db.run(zones.set_zone, OLGA, zone, olga())
    await reader.begin()

    assert await reader.look(NOON) == NOON + hours * HOUR


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 10, 25)),
        ("America/New_York", date(2026, 3, 8)),
        ("America/New_York", date(2026, 11, 1)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
    ],
)
@pytest.mark.parametrize("at", [time(1, 45), time(2, 15), time(8)])
async def test_each_day_has_one_digest_though_the_clock_is_set_on_it(
    keeper: Keeper, zone: str, day: date, at: time
) -> None:
    there = ZoneInfo(zone)
    await keeper.db.run(zones.set_zone, OLGA, zone, olga())
    noon = datetime.combine(day - DAY, time(12), there).astimezone(UTC)
    reader = Reader(keeper, noon)
    await reader.begin(DigestSchedule(at))

    made = [
        digest
        for minutes in range(0, 48 * 60, 15)
        for digest in await reader.digests(noon + minutes * MINUTE)
    ]

    assert [digest.due_at.astimezone(there).date() for digest in made] == [day, day + DAY]
    assert all(digest.ends_at - digest.due_at < 15 * MINUTE for digest in made), "on time"
    # Nothing lies between the two.
    assert [digest.begins_at for digest in made] == [noon, made[0].ends_at]


@pytest.mark.parametrize("before", [MINUTE, 3 * HOUR])
async def test_a_clock_set_back_across_the_moment_of_a_digest_makes_it_once(
    keeper: Keeper, before: timedelta
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    await reader.look(EIGHT)
    first = await reader.told()
    assert amounts_of(first) == [(10_000, 9_000, 1)]
    reader.now = EIGHT - before
    await reader.see(8_000)

    looks = [EIGHT - before + minutes * MINUTE for minutes in range(0, 24 * 60 + 200, 20)]
    told: list[Alert] = []
    for at in looks:
        await reader.look(at)
        told += await reader.told()

    assert [digest.due_at for digest, _ in digests_in([*first, *told])] == [EIGHT, EIGHT + DAY]
    assert amounts_of(told) == [(9_000, 8_000, 1)]


async def test_another_zone_moves_the_next_digest_and_makes_up_for_none(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    # In Karachi it is past eight already, and was before that zone was set.
    await keeper.db.run(zones.set_zone, OLGA, "Asia/Karachi", olga(NOON + 4 * HOUR))

    assert await reader.look(NOON + 4 * HOUR) == NOON + 3 * HOUR + DAY
    assert await reader.told() == []


async def test_a_time_that_was_set_for_later_today_counts_today_and_an_earlier_one_tomorrow(
    keeper: Keeper,
) -> None:
    reader = await Reader(keeper).begin()
    await reader.set(DigestSchedule(time(11)))
    assert await reader.look(NOON) == NOON - HOUR + DAY

    await reader.set(DigestSchedule(time(13)))

    assert await reader.look(NOON) == NOON + HOUR
    assert await reader.told() == []
