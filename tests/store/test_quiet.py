"""Quiet hours as they are stored: what is kept back, when it ends, and what happens to them."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from bot.domain.assets import Amount, Description
from bot.domain.chat.mutes import Mute, MuteScope
from bot.domain.deliver.alerts import (
    AlarmRang,
    AlarmSubject,
    ChainGone,
    ChangeAlert,
    MuteKind,
    MuteOver,
)
from bot.domain.deliver.steps import summed
from bot.domain.observations import Balance, ItemMove, Move, Standing, Verdict
from bot.domain.places import Place
from bot.domain.rules.alarms import Side
from bot.domain.rules.conditions import Condition, Level, Unit
from bot.domain.rules.quiet import WEEKENDS, QuietHours
from bot.store.chats import chats, migrate, mutes
from bot.store.chats.rules import quiet, zones
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.rows import to_milliseconds
from tests.builders import POLYGON, PUNKS, TREASURY, USDC, VERIFIED, asset, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, Meanwhile, olga

NIGHT = QuietHours(time(22), time(7))
LARGE = Condition(levels=(Level(Decimal(10), Unit.DOLLARS),))
RANG = AlarmRang(AlarmSubject(1, TREASURY, "", (POLYGON,), Side.BELOW, Decimal(1), USDC), 1, Decimal("0.5"))


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of the week that begins on Monday the second of March, in UTC."""
    return datetime(2026, 3, 1 + day, hour, minute, tzinfo=UTC)


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga and a group watch the treasury, read once and told of it."""
    for place in (OLGA, OPS):
        await keeper.watch(place=place, label="Till")
    await moved(keeper, 5, on(1, 12))
    await keeper.deliver_all()
    return keeper


async def moved(keeper: Keeper, units: int, when: datetime, price: str | None = "1") -> None:
    """Let so many USDC be read, after what is due was done."""
    await keeper.outbox(when)
    described = {asset(USDC): Description("ERC20", "USDC", 0, price_usd=price)}
    poll = await keeper.judged(reading({USDC: units}), when=when, descriptions=described)
    await keeper.record_poll(replace(poll, described=described))


async def set_quiet(keeper: Keeper, hours: QuietHours | None, when: datetime, place: Place = OLGA) -> int:
    return await keeper.db.run(quiet.set_quiet, place, hours, olga(when), "said")


async def muted(keeper: Keeper, when: datetime, place: Place = OLGA) -> list[Mute]:
    """Return the mutes after what is due was done."""
    await keeper.outbox(when)
    return list((await keeper.db.run(mutes.muted_here, place)).mutes)


async def waiting(keeper: Keeper, when: datetime, place: Place = OLGA) -> list[object]:
    """Return what waits to be sent then: amounts, and notices."""
    await keeper.outbox(when)
    alerts = await keeper.alerts(place)
    return [one.change.after.amount_raw if isinstance(one, ChangeAlert) else one.notice for one in alerts]


def over(changes: int, begins: datetime, ends: datetime) -> MuteOver:
    return MuteOver(None, "", begins, ends, changes, ended=MuteKind.QUIET)


# ---------------------------------------------------------------- the two edges


async def test_what_happens_in_quiet_hours_is_held_and_told_at_their_end_after_a_receipt(
    watching: Keeper,
) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))
    await moved(watching, 7, on(2, 3))

    assert await waiting(watching, on(2, 6, 59)) == []
    assert await waiting(watching, on(2, 7)) == [over(2, on(1, 22), on(2, 7)), 6, 7]


async def test_hours_that_another_replica_ends_meanwhile_do_not_begin_and_others_do(watching: Keeper) -> None:
    for place in (OLGA, OPS):
        await set_quiet(watching, NIGHT, on(1, 13), place)

    def judge(db: Database) -> None:
        other = Meanwhile.before(db, lambda db: quiet.set_quiet(db, OLGA, None, olga(on(1, 22)), "said"))
        quiet.judge_due(other, on(1, 22))

    await watching.db.run(judge)

    assert (await watching.db.run(mutes.muted_here, OLGA)).mutes == ()
    assert len((await watching.db.run(mutes.muted_here, OPS)).mutes) == 1


async def test_outside_of_quiet_hours_and_in_other_places_alerts_are_sent_at_once(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 21, 59))

    assert await waiting(watching, on(1, 22)) == [6]
    await moved(watching, 7, on(1, 23))
    assert await waiting(watching, on(1, 23), OPS) == [6, 7]
    await moved(watching, 8, on(2, 7))
    assert await waiting(watching, on(2, 7)) == [over(1, on(1, 22), on(2, 7)), 7, 8]


async def test_quiet_hours_without_news_end_without_a_word(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await watching.outbox(on(1, 23))

    assert await waiting(watching, on(2, 8)) == []
    assert await muted(watching, on(2, 8)) == []


async def test_quiet_comes_back_each_day_of_its_days_alone(watching: Keeper) -> None:
    await set_quiet(watching, replace(NIGHT, days=WEEKENDS), on(2, 12))

    assert [bool(await muted(watching, on(day, 23))) for day in range(2, 10)] == [
        *[False] * 4,
        *[True] * 2,
        *[False] * 2,
    ]


async def test_the_outbox_is_looked_into_at_each_edge(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))

    assert (await watching.outbox(on(1, 13))).next_at == on(1, 22)
    assert (await watching.outbox(on(1, 22))).next_at == on(2, 7)
    assert (await watching.outbox(on(2, 7))).next_at == on(2, 22)


async def test_the_edges_of_many_chats_take_several_looks(
    watching: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (quiet, mutes):
        monkeypatch.setattr(module, "DUE_AT_ONCE", 1)
    for place in (OLGA, OPS):
        await set_quiet(watching, NIGHT, on(1, 13), place)

    for edge, is_quiet in ((on(1, 22), 1), (on(2, 7), 0)):
        assert (await watching.outbox(edge)).next_at == edge
        assert (await watching.outbox(edge)).next_at != edge
        assert len(await muted(watching, edge)) == len(await muted(watching, edge, OPS)) == is_quiet


async def test_hours_that_are_set_within_themselves_begin_at_once(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 23))

    await moved(watching, 6, on(1, 23, 1))

    assert await waiting(watching, on(1, 23, 2)) == []


# ---------------------------------------------------------------- what passes


async def test_changes_that_meet_the_exception_pass_and_others_do_not(watching: Keeper) -> None:
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))
    await moved(watching, 6, on(1, 23))
    await moved(watching, 16, on(2, 1))
    await moved(watching, 17, on(2, 2))

    assert await waiting(watching, on(2, 3)) == [16]
    assert await waiting(watching, on(2, 7)) == [over(2, on(1, 22), on(2, 7)), 6, 17]


async def test_what_is_kept_of_one_balance_passes_as_a_sum_once_that_meets_the_exception(
    watching: Keeper,
) -> None:
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))
    for minute, units in enumerate((9, 13, 11), 1):
        await moved(watching, units, on(1, 23, minute))
    assert await waiting(watching, on(1, 23, 9)) == []

    await moved(watching, 15, on(1, 23, 10))

    (told,) = summed(map(_change, await watching.alerts()), on(1, 23, 10))
    assert (told.change.before.amount_raw, told.change.after.amount_raw, told.steps) == (5, 15, 4)
    await moved(watching, 24, on(1, 23, 11))
    assert await waiting(watching, on(1, 23, 11)) == [], "counted from what was reported"
    assert await waiting(watching, on(2, 7)) == [over(1, on(1, 22), on(2, 7)), 24]


def _change(alert: object) -> ChangeAlert:
    assert isinstance(alert, ChangeAlert)
    return alert


async def test_what_goes_back_and_forth_is_not_added_up(watching: Keeper) -> None:
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))
    for minute, units in enumerate((14, 5, 14, 5), 1):
        await moved(watching, units, on(1, 23, minute))

    assert await waiting(watching, on(1, 23, 9)) == []


async def test_a_sum_that_meets_the_exception_stays_under_a_mute(watching: Keeper) -> None:
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))
    await moved(watching, 13, on(1, 23))
    await mute(watching, timedelta(hours=2), on(1, 23, 1))
    await moved(watching, 21, on(1, 23, 2))
    assert await waiting(watching, on(1, 23, 3)) == []

    assert (await waiting(watching, on(2, 1, 2)))[-2:] == [13, 21], "it passes the quiet hours, not the mute"


async def test_a_change_without_a_price_is_never_taken_for_little(watching: Keeper) -> None:
    await watching.script("UPDATE asset SET price_usd = NULL")
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))

    await moved(watching, 6, on(1, 23), price=None)

    assert await waiting(watching, on(1, 23)) == [6]


@pytest.mark.parametrize(
    ("items", "passes"), [((), True), ((ItemMove(1, 1, 0), ItemMove(2, 0, 1)), False)], ids=["unknown", "one"]
)
async def test_an_exchange_of_unknown_ids_is_never_taken_for_little(
    watching: Keeper, items: tuple[ItemMove, ...], *, passes: bool
) -> None:
    large = Condition(levels=(Level(Decimal(2)),))
    await set_quiet(watching, replace(NIGHT, exception=large), on(1, 13))
    await watching.outbox(on(1, 23))
    five, parts = Amount(5, uniques=5), frozenset({VERIFIED})
    move = Move(asset(PUNKS), five, five, parts, items=items)
    verdict = Verdict(
        TREASURY, POLYGON, moves=(move,), balances={asset(PUNKS): Balance(five, Standing.LISTED)}
    )
    described = {asset(PUNKS): Description("ERC721", "PUNK")}

    poll = await watching.judged(when=on(1, 23))
    await watching.record_poll(replace(poll, verdicts=(verdict,), described=described))

    assert await waiting(watching, on(1, 23)) == [5] * passes


@pytest.mark.parametrize(("decimals", "passes"), [(3, True), (0, False)], ids=["other", "the same"])
async def test_a_change_in_two_units_is_never_taken_for_little(
    watching: Keeper, decimals: int, *, passes: bool
) -> None:
    much = Condition(levels=(Level(Decimal(10**9)),))
    await set_quiet(watching, replace(NIGHT, exception=much), on(1, 13))
    await watching.outbox(on(1, 23))
    described = {asset(USDC): Description("ERC20", "USDC", decimals)}

    poll = await watching.judged(reading({USDC: 6}, native=1), when=on(1, 23))
    await watching.record_poll(replace(poll, described=described))

    assert await waiting(watching, on(1, 23)) == [6] * passes


@pytest.mark.parametrize("alarms_pass", [True, False])
async def test_alarms_pass_unless_they_are_to_be_kept_as_well(watching: Keeper, *, alarms_pass: bool) -> None:
    await set_quiet(watching, replace(NIGHT, alarms_pass=alarms_pass), on(1, 13))
    await watching.outbox(on(1, 23))
    for notice in (RANG, ChainGone(POLYGON)):
        await enqueue(watching, notice, on(1, 23))

    assert await waiting(watching, on(1, 23)) == ([RANG] if alarms_pass else [])
    assert await waiting(watching, on(2, 7)) == [
        over(0, on(1, 22), on(2, 7)),
        *([] if alarms_pass else [RANG]),
        ChainGone(POLYGON),
    ]


async def enqueue(keeper: Keeper, notice: AlarmRang | ChainGone, when: datetime) -> None:
    (destination,) = await keeper.rows(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ?", OLGA.chat_id
    )
    await keeper.db.run(lambda db: enqueue_alert(db, destination[0], to_milliseconds(when), notice=notice))


# ---------------------------------------------------------------- beside mutes


async def mute(keeper: Keeper, span: timedelta, when: datetime) -> None:
    await keeper.outbox(when)
    await keeper.db.run(mutes.mute, OLGA, (), span, olga(when))


async def test_of_a_mute_and_quiet_hours_the_later_end_counts(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await mute(watching, timedelta(hours=2), on(1, 23))
    await moved(watching, 6, on(1, 23, 30))

    assert await waiting(watching, on(2, 1, 30)) == [], "quiet goes on"
    await mute(watching, timedelta(hours=2), on(2, 6))
    assert await waiting(watching, on(2, 7, 30)) == [], "the mute goes on"
    assert [one for one in await waiting(watching, on(2, 8)) if isinstance(one, int)] == [6]


async def test_a_mute_keeps_back_what_quiet_hours_would_let_pass_and_its_end_sends_it(
    watching: Keeper,
) -> None:
    await set_quiet(watching, replace(NIGHT, exception=LARGE), on(1, 13))
    await mute(watching, timedelta(hours=2), on(1, 23))
    await moved(watching, 6, on(1, 23, 30))
    await moved(watching, 66, on(1, 23, 40))

    assert await waiting(watching, on(2, 0, 59)) == []
    assert [one for one in await waiting(watching, on(2, 1)) if isinstance(one, int)] == [66]
    assert [one for one in await waiting(watching, on(2, 7)) if isinstance(one, int)] == [6]


async def test_unmute_ends_this_quiet_and_not_the_next(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))
    result = await watching.db.run(mutes.unmute, OLGA, (), olga(on(1, 23, 30)))

    assert [one.kind for one in result.mutes] == [MuteKind.QUIET]
    assert await muted(watching, on(2, 3)) == []
    assert await waiting(watching, on(2, 3)) == [over(1, on(1, 22), on(1, 23, 30)), 6]
    assert await muted(watching, on(2, 23)) != []


async def test_unmute_of_an_account_leaves_it_quiet(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await watching.outbox(on(1, 23))

    result = await watching.db.run(mutes.unmute, OLGA, (MuteScope(TREASURY),), olga(on(1, 23)))

    assert result.mutes == ()
    assert [one.kind for one in await muted(watching, on(1, 23))] == [MuteKind.QUIET]


# ---------------------------------------------------------------- hours that change


async def test_the_end_of_all_quiet_hours_sends_what_was_kept(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))

    assert await set_quiet(watching, None, on(1, 23, 30)) == 1
    assert await waiting(watching, on(1, 23, 30)) == [over(1, on(1, 22), on(1, 23, 30)), 6]
    assert await muted(watching, on(2, 23)) == []


async def test_setting_the_same_hours_again_ends_nothing(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))

    assert await set_quiet(watching, NIGHT, on(1, 23, 30)) == 0
    assert await waiting(watching, on(1, 23, 30)) == []


async def test_another_zone_within_quiet_hours_is_judged_anew(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))

    # Half past four in the afternoon there.
    await watching.db.run(zones.set_zone, OLGA, "America/Los_Angeles", olga(on(1, 23, 30)))
    assert await waiting(watching, on(1, 23, 30)) == [over(1, on(1, 22), on(1, 23, 30)), 6]
    # Half past eight in the morning there, and then half past midnight.
    await watching.db.run(zones.set_zone, OLGA, "Asia/Tokyo", olga(on(1, 23, 30)))
    assert await muted(watching, on(1, 23, 30)) == []
    assert await muted(watching, on(2, 15, 30)) != []


# ---------------------------------------------------------------- when the bot or the clock is away


async def test_a_bot_that_was_off_at_both_edges_does_with_its_first_look_what_it_missed(
    watching: Keeper,
) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))

    assert [one.until for one in await muted(watching, on(2, 3))] == [on(2, 7)], "the first one was missed"
    await moved(watching, 6, on(2, 4))
    assert await waiting(watching, on(2, 12)) == [over(1, on(1, 22), on(2, 7)), 6], "the second one was"


async def test_a_bot_that_was_off_for_all_of_the_night_is_not_quiet_in_the_morning(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))

    await moved(watching, 6, on(2, 12))

    assert await waiting(watching, on(2, 12)) == [6]


@pytest.mark.parametrize("back", [timedelta(hours=12), timedelta(days=40, hours=12)])
async def test_a_clock_that_is_set_back_makes_no_endless_quiet(watching: Keeper, back: timedelta) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await moved(watching, 6, on(1, 23))

    # Eleven in the morning: it is no quiet hour.
    assert [one for one in await waiting(watching, on(1, 23) - back) if isinstance(one, int)] == [6]
    # In the night of that clock it is.
    night = on(1, 23) - back + timedelta(hours=12)
    assert [one.until for one in await muted(watching, night)] == [night + timedelta(hours=8)]


async def test_a_clock_that_is_set_back_into_quiet_hours_makes_it_quiet(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(2, 8))
    await watching.outbox(on(2, 8))

    assert [one.until for one in await muted(watching, on(2, 6))] == [on(2, 7)]


# ---------------------------------------------------------------- where a place goes


async def test_a_group_takes_its_quiet_hours_along(watching: Keeper) -> None:
    there = OPS.moved_to(-100_1001)
    await set_quiet(watching, NIGHT, on(1, 13), OPS)
    await moved(watching, 6, on(1, 23))

    await watching.migrate(OPS.chat_id, there.chat_id)

    assert await watching.db.run(quiet.quiet_here, there) == NIGHT
    assert [one.kind for one in await muted(watching, on(1, 23), there)] == [MuteKind.QUIET]
    assert await waiting(watching, on(2, 7), there) == [over(1, on(1, 22), on(2, 7)), 6]


async def test_a_group_that_brings_its_zone_along_has_quiet_hours_judged_anew(watching: Keeper) -> None:
    there = OPS.moved_to(-100_1001)
    await watching.db.run(zones.set_zone, OPS, "Asia/Tokyo", olga(on(1, 12)))
    await set_quiet(watching, NIGHT, on(1, 13), there)

    await watching.migrate(OPS.chat_id, there.chat_id)

    assert [one.until for one in await muted(watching, on(1, 14), there)] == [on(1, 22)]


async def test_the_quiet_hours_of_a_lost_topic_are_not_those_of_who_takes_over(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    await set_quiet(keeper, NIGHT, on(1, 13), ALERTS_TOPIC)
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await keeper.db.run(quiet.quiet_here, OPS) is None
    assert await muted(keeper, on(1, 23), OPS) == []


async def test_a_chat_that_is_closed_and_opened_again_is_quiet_as_before(watching: Keeper) -> None:
    await set_quiet(watching, NIGHT, on(1, 13))
    await watching.outbox(on(1, 23))
    await watching.db.run(chats.deny, OLGA, olga(on(1, 23)), watching.status)
    await watching.db.run(chats.allow, OLGA, olga(on(1, 23)))

    assert [one.until for one in await muted(watching, on(1, 23))] == [on(2, 7)]


# ---------------------------------------------------------------- alarms that are kept on


async def test_alarms_that_are_kept_on_pass_a_mute_and_what_it_kept_of_them_is_sent(watching: Keeper) -> None:
    await mute(watching, timedelta(hours=8), on(1, 13))
    for notice in (RANG, ChainGone(POLYGON)):
        await enqueue(watching, notice, on(1, 14))
    assert await waiting(watching, on(1, 14)) == []
    found = await watching.db.run(mutes.find_mute, await watching.value("SELECT id FROM mute"), OLGA.chat_id)
    assert found is not None

    passed = await watching.db.run(mutes.let_alarms_pass, found, olga(on(1, 15)))

    assert passed is not None
    assert passed.alarms_pass
    assert await waiting(watching, on(1, 15)) == [RANG]
    await enqueue(watching, RANG, on(1, 16))
    assert await waiting(watching, on(1, 16)) == [RANG]
    assert [type(one) for one in await waiting(watching, on(1, 21))] == [MuteOver, ChainGone]


async def test_a_mute_that_is_over_lets_nothing_pass(watching: Keeper) -> None:
    await mute(watching, timedelta(hours=8), on(1, 13))
    found = await watching.db.run(mutes.find_mute, await watching.value("SELECT id FROM mute"), OLGA.chat_id)
    assert found is not None
    await watching.db.run(mutes.unmute, OLGA, (), olga(on(1, 14)))

    assert await watching.db.run(mutes.let_alarms_pass, found, olga(on(1, 15))) is None
