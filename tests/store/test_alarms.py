"""Alarms ring once for each crossing, whatever happens between: restarts, silence, doubts, moved chats."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.assets import Asset, ChainId, Description, Price
from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.alerts import AlarmEnded, AlarmRang, AlarmRepeated, NoticeAlert
from bot.domain.observations import Poll
from bot.domain.places import Place
from bot.domain.rules.alarms import Alarm, AlarmTerms, Side, Step, Value, judge_alarm
from bot.domain.rules.conditions import Level, Unit
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.balances.prices import save_prices
from bot.store.chats import button_commands, mutes, unsubscribe
from bot.store.chats.rules import alarms
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.maintenance import retention, stats
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.chains import choose_chains
from bot.store.polling.firings import Acknowledged, SetResult
from tests.builders import (
    BASE,
    DAI,
    POLYGON,
    REGISTRY,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    at,
    coin,
    reading,
)
from tests.examples import examples
from tests.new_database import sqlite_of
from tests.store.conftest import LIMIT, OLGA, OPS, Keeper, Meanwhile, olga, open_new_keeper

BY = ValueTerms(VERIFIED, REGISTRY)
WHOLE = 10**18
COINS = Level(Decimal("0.5"), assets=frozenset({coin(POLYGON), coin(BASE)}), symbol="POL")
BELOW = AlarmTerms(Side.BELOW, COINS)
TOTAL = replace(BELOW, is_total=True)
THIRD = replace(BELOW, level=replace(COINS, number=Decimal("0.3")))
AGAIN = replace(BELOW, again=timedelta(hours=6))
DOLLARS = AlarmTerms(Side.BELOW, Level(Decimal(1000), Unit.DOLLARS))
PRICED = {asset(USDC): Description("ERC20", "USDC", 0, price_usd="1")}
Told = tuple[str, Decimal | None]


class Story:
    """What happens to the coins of an account on two chains, a minute apart."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.minutes = 0

    @property
    def now(self) -> datetime:
        return at(60 * self.minutes)

    async def watch(self) -> None:
        await self.keeper.db.run(choose_chains, [POLYGON, BASE], [])
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Relayer"))

    async def begin(self, *amounts: str, tokens: int = 0) -> "Story":
        await self.watch()
        await self.see(*amounts, tokens=tokens)
        await self.keeper.alerts()
        return self

    async def poll(self, polygon: str, base: str = "1", *, tokens: int = 0) -> Poll:
        self.minutes += 1
        listed = {USDC: tokens} if tokens else {}
        poll = await self.keeper.judged(
            reading(listed, native=int(Decimal(polygon) * WHOLE), named={USDC: tokens}),
            reading({}, native=int(Decimal(base) * WHOLE), chain_id=BASE),
            when=self.now,
            descriptions=PRICED,
        )
        return replace(poll, described=PRICED if tokens else {})

    async def see(self, polygon: str, base: str = "1", *, tokens: int = 0) -> None:
        """Let a whole sweep see this."""
        poll = await self.poll(polygon, base, tokens=tokens)
        await self.keeper.record_poll(poll)
        await self.finish(poll)

    async def finish(self, poll: Poll | None = None, answered: tuple[ChainId, ...] = (POLYGON, BASE)) -> None:
        if poll is None:
            self.minutes += 1
        await self.keeper.reach(
            60 * self.minutes, dict.fromkeys(answered), sweep=None if poll is None else poll.sweep
        )
        await self.judge()

    async def judge(self, prices: Mapping[Asset, str] | None = None, moved: tuple[Asset, ...] = ()) -> None:
        sweep = await self.keeper.value("SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'sweep'")
        after: int | None = 0
        while after is not None:
            after = await self.keeper.db.run(
                firings.judge_pending, sweep, after, BY, self.now, prices=prices, moved=moved
            )

    async def set(
        self, terms: AlarmTerms = BELOW, place: Place = OLGA, number: int | None = None
    ) -> SetResult:
        return await self.keeper.db.run(
            firings.set_alarm, place, TREASURY, terms, olga(self.now), by=BY, number=number
        )

    async def end(self, alarm: Alarm, place: Place = OLGA) -> None:
        await self.keeper.db.run(alarms.end_alarms, place, [alarm.row], olga(self.now))

    async def told(self, place: Place = OLGA) -> list[Told]:
        """Return what alarms told since the last look: rang, repeated or ended, and the amount."""
        notices = [one.notice for one in await self.keeper.alerts(place) if isinstance(one, NoticeAlert)]
        return [
            (type(one).__name__.removeprefix("Alarm").casefold(), one.value)
            for one in notices
            if isinstance(one, AlarmRang | AlarmRepeated | AlarmEnded)
        ]

    async def alarms(self, place: Place = OLGA) -> list[Alarm]:
        return await self.keeper.db.run(firings.alarms_with_values, place, BY, self.now)

    async def see_only_recorded(self, polygon: str) -> None:
        """Let a sweep see this that has not ended yet."""
        await self.keeper.record_poll(await self.poll(polygon))

    async def poll_base(self, base: str) -> Poll:
        """Return what a sweep sees of the one chain that is still watched."""
        self.minutes += 1
        one = reading({}, native=int(Decimal(base) * WHOLE), chain_id=BASE)
        return await self.keeper.judged(one, when=self.now)

    async def deliveries(self) -> list[int]:
        """Return the messages that told of a ring, the newest last."""
        rows = await self.keeper.rows(
            'SELECT delivery_id FROM alert WHERE notice LIKE \'{"kind": "alarm rang"%\' ORDER BY id'
        )
        return [row for (row,) in rows]

    async def acknowledge(self, delivery: int) -> Acknowledged:
        return await self.keeper.db.run(firings.acknowledge, delivery, OLGA, olga(self.now))

    async def repeat(self, after: timedelta) -> None:
        await self.keeper.db.run(firings.repeat_due, self.now + after, BY)


@pytest.fixture
async def story(keeper: Keeper) -> Story:
    return await Story(keeper).begin("0.8")


async def test_an_alarm_rings_once_and_ends_beyond_its_level(story: Story) -> None:
    await story.set()

    for amount in ("0.5", "0.49", "0.3", "0.51", "0.4", "0.525", "0.6"):
        await story.see(amount)

    assert await story.told() == [("rang", Decimal("0.49")), ("ended", Decimal("0.525"))]


async def test_what_rings_is_counted_until_it_ends(story: Story) -> None:
    await story.set()

    await story.see("0.4")
    assert (await story.keeper.db.run(stats.collect_stats)).ringing == 1

    await story.see("1")
    assert (await story.keeper.db.run(stats.collect_stats)).ringing == 0


async def test_each_chain_rings_by_itself(story: Story) -> None:
    await story.set()

    await story.see("0.4", "0.3")

    assert await story.told() == [("rang", Decimal("0.4")), ("rang", Decimal("0.3"))]


async def test_a_total_rings_once_for_all_chains(story: Story) -> None:
    await story.set(TOTAL)

    await story.see("0.4", "0.3")
    assert await story.told() == []
    await story.see("0.4", "0.09")

    assert await story.told() == [("rang", Decimal("0.49"))]


async def test_only_on_the_chains_that_are_named(story: Story) -> None:
    await story.set(replace(BELOW, chains=frozenset({BASE})))

    await story.see("0.4")
    assert await story.told() == []
    await story.see("0.4", "0.3")

    assert await story.told() == [("rang", Decimal("0.3"))]


async def test_what_is_below_already_counts_as_told(story: Story) -> None:
    await story.see("0.4")

    result = await story.set()
    await story.see("0.3")

    assert [firing.asset for firing in result.alarm.firings] == [coin(POLYGON)]
    await story.see("0.3", "0.2")
    assert [(one.asset, one.is_from_start) for one in (await story.alarms())[0].firings] == [
        (coin(POLYGON), True),
        (coin(BASE), False),
    ]
    assert await story.told() == [("rang", Decimal("0.2"))]
    await story.see("0.6", "0.2")
    assert await story.told() == [("ended", Decimal("0.6"))]


async def test_neither_a_restart_nor_a_second_setting_rings_again(story: Story) -> None:
    await story.set()
    await story.see("0.4")
    assert await story.told() == [("rang", Decimal("0.4"))]

    await story.keeper.reopen()
    await story.set()
    await story.see("0.3")

    assert await story.told() == []


async def test_a_restored_copy_does_not_ring_again(story: Story, tmp_path: Path) -> None:
    await story.set()
    await story.see("0.4")
    await story.told()
    copy = await story.keeper.copied(tmp_path / "copy.sqlite3")

    await story.keeper.db.close()
    story.keeper.db = await DatabaseThread.open(copy)
    await story.see("0.3")

    assert await story.told() == []


async def test_the_ring_is_stored_with_the_reading_or_not_at_all(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story.set()
    poll = await story.poll("0.4")

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("bot.store.polling.record.enqueue_alerts", fail)
        with pytest.raises(RuntimeError):
            await story.keeper.record_poll(poll)
    assert await story.keeper.value("SELECT count(*) FROM firing") == 0

    await story.keeper.record_poll(poll)
    assert await story.told() == [("rang", Decimal("0.4"))]


# ---------------------------------------------------------------- unknown


async def test_a_silent_chain_keeps_what_rings_and_says_since_when_it_is_unknown(story: Story) -> None:
    await story.set(AGAIN)
    await story.see("0.4")
    seen = story.now
    await story.told()

    story.minutes += 60
    await story.finish(answered=(BASE,))
    await story.repeat(timedelta(hours=6))

    assert await story.told() == [("repeated", None)]
    (alarm,) = await story.alarms()
    assert alarm.values[0] == Value(coin(POLYGON), None, seen)
    assert len(alarm.firings) == 1
    await story.see("0.3")
    assert await story.told() == []


async def test_a_total_that_lacks_a_chain_is_judged_when_it_is_back_though_nothing_changed(
    story: Story,
) -> None:
    await story.set(TOTAL)
    story.minutes += 60
    poll = await story.poll("0.1", "1")
    only_polygon = replace(poll, verdicts=poll.verdicts[:1])
    await story.keeper.record_poll(only_polygon)
    await story.finish(only_polygon, answered=(POLYGON,))
    await story.keeper.script("UPDATE balance SET amount = '1' WHERE amount = '1000000000000000000'")
    assert await story.told() == []

    await story.finish()

    assert [name for name, _ in await story.told()] == ["rang"]


async def test_a_chain_held_back_as_doubted_is_judged_when_that_ends(story: Story) -> None:
    await story.set()
    await story.keeper.reach(60, {}, lost={POLYGON: (9, 9)})
    await story.see_only_recorded("0.4")
    assert await story.told() == []
    assert (await story.alarms())[0].values[0].number is None

    await story.finish()

    assert await story.told() == [("rang", Decimal("0.4"))]


async def test_what_was_never_read_is_unknown(keeper: Keeper) -> None:
    story = Story(keeper)
    await story.watch()

    result = await story.set(replace(BELOW, chains=frozenset({POLYGON})))

    assert all(one.number is None for one in result.alarm.values)
    await story.see("0.4")
    assert await story.told() == [("rang", Decimal("0.4"))]


# ---------------------------------------------------------------- dollars


async def test_prices_ring_an_alarm_in_dollars_though_no_amount_moved(keeper: Keeper) -> None:
    story = await Story(keeper).begin("0", "0", tokens=1100)
    await story.set(DOLLARS)
    await story.judge({asset(USDC): "1"})

    await story.judge({asset(USDC): "0.9"}, (asset(USDC),))

    (notice,) = [one.notice for one in await keeper.alerts() if isinstance(one, NoticeAlert)]
    assert isinstance(notice, AlarmRang)
    assert (notice.value, notice.is_by_price, notice.unpriced) == (Decimal(990), True, 0)


async def test_an_amount_that_moved_rings_it_and_no_price_is_blamed(keeper: Keeper) -> None:
    story = await Story(keeper).begin("0", "0", tokens=1100)
    await story.set(DOLLARS)
    await story.judge({asset(USDC): "1"})
    poll = await story.poll("0", "0", tokens=900)
    await keeper.record_poll(poll)

    await story.judge({asset(USDC): "1"})

    notices = [one.notice for one in await keeper.alerts() if isinstance(one, NoticeAlert)]
    (notice,) = [one for one in notices if isinstance(one, AlarmRang)]
    assert (notice.value, notice.is_by_price) == (Decimal(900), False)


async def test_what_never_had_a_price_counts_as_nothing_and_is_counted(keeper: Keeper) -> None:
    story = await Story(keeper).begin("3", "0", tokens=900)
    await story.set(replace(DOLLARS, side=Side.ABOVE))

    await story.judge({asset(USDC): "2"}, (asset(USDC),))

    (notice,) = [one.notice for one in await keeper.alerts() if isinstance(one, NoticeAlert)]
    assert isinstance(notice, AlarmRang)
    assert (notice.value, notice.unpriced) == (Decimal(1800), 1)


@pytest.mark.parametrize(
    ("age", "number"),
    [
        (timedelta(minutes=59), Decimal(1100)),
        (timedelta(minutes=61), None),
        (timedelta(hours=25), Decimal(0)),
    ],
)
async def test_a_price_counts_for_an_hour_then_nobody_knows_and_after_a_day_there_is_none(
    keeper: Keeper, age: timedelta, number: Decimal | None
) -> None:
    story = await Story(keeper).begin("0", "0", tokens=1100)
    await keeper.db.run(save_prices, [(asset(USDC), Price("1", story.now - age))])

    (value,) = (await story.set(DOLLARS)).alarm.values

    assert value.number == number


async def test_a_worth_far_from_its_level_is_not_judged_before_a_price_moves(keeper: Keeper) -> None:
    story = await Story(keeper).begin("0", "0", tokens=5000)
    await story.set(DOLLARS)
    await story.judge({asset(USDC): "1"})

    pending = await keeper.value("SELECT pending FROM alarm")
    await story.judge({asset(USDC): "0.1"})
    unmoved = await story.told()
    await story.judge({asset(USDC): "0.1"}, (asset(DAI),))
    other_moved = await story.told()
    await story.judge({asset(USDC): "0.1"}, (asset(USDC),))

    assert (pending, unmoved, other_moved) == (0, [], [])
    assert await story.told() == [("rang", Decimal(500))]


async def test_a_worth_near_its_level_is_judged_after_each_sweep(keeper: Keeper) -> None:
    story = await Story(keeper).begin("0", "0", tokens=1020)
    await story.set(DOLLARS)
    await story.judge({asset(USDC): "1"})

    await story.judge({asset(USDC): "0.98"})

    assert await story.told() == [("rang", Decimal("999.60"))]


# ---------------------------------------------------------------- repetition, and who has it


async def test_it_is_repeated_only_where_somebody_said_so(story: Story) -> None:
    await story.set()
    await story.see("0.4")
    await story.repeat(timedelta(days=2))

    assert await story.told() == [("rang", Decimal("0.4"))]


async def test_it_is_repeated_at_its_moments_and_once_after_a_long_time_off(story: Story) -> None:
    await story.set(AGAIN)
    await story.see("0.4")
    await story.keeper.script("UPDATE chain SET complete_at = complete_at + 999999999")

    await story.repeat(timedelta(hours=5, minutes=59))
    first = await story.told()
    await story.repeat(timedelta(hours=30))

    assert first == [("rang", Decimal("0.4"))]
    assert await story.told() == [("repeated", Decimal("0.4"))]
    await story.repeat(timedelta(hours=30))
    assert await story.told() == []


async def test_a_repetition_that_fails_keeps_nobody_from_being_told(story: Story) -> None:
    broken = await story.set(AGAIN)
    await story.set(replace(AGAIN, level=replace(COINS, number=Decimal("0.45"))))
    await story.see("0.4")
    await story.told()
    terms = "UPDATE alarm SET terms = ? WHERE id = ?"
    (kept,) = (await story.keeper.rows("SELECT terms FROM alarm ORDER BY id LIMIT 1"))[0]
    await story.keeper.db.run(lambda db: db.execute(terms, ["{", broken.alarm.row]))

    with pytest.raises(ValueError, match="Expecting"):
        await story.repeat(timedelta(hours=7))
    await story.keeper.db.run(lambda db: db.execute(terms, [kept, broken.alarm.row]))

    assert await story.told() == [("repeated", None)]
    await story.repeat(timedelta(hours=7))
    assert await story.told() == [("repeated", None)], "the other one, which is no longer broken"


async def test_of_very_many_repetitions_a_part_is_told_at_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firings, "DUE_AT_ONCE", 1)
    await story.set(AGAIN)
    await story.see("0.4", "0.3")
    await story.told()

    for told in (1, 1, 0):
        await story.repeat(timedelta(hours=6))
        assert len(await story.told()) == told


async def test_a_clock_that_was_set_back_does_not_put_a_repetition_off(story: Story) -> None:
    await story.set(AGAIN)
    story.minutes += 60 * 24 * 30
    await story.see("0.4")
    await story.told()
    story.minutes -= 60 * 24 * 30

    await story.repeat(timedelta())
    await story.repeat(timedelta())

    assert [name for name, _ in await story.told()] == ["repeated"]


async def test_who_has_it_is_kept_and_stops_repetitions_for_a_day(story: Story) -> None:
    await story.set(AGAIN)
    await story.see("0.4")
    await story.told()
    (delivery,) = await story.deliveries()

    assert await story.acknowledge(delivery) == Acknowledged(is_over=False)
    assert await story.acknowledge(delivery) == Acknowledged(is_over=False, by="Olga")
    await story.repeat(timedelta(hours=23, minutes=59))
    assert await story.told() == []
    await story.repeat(timedelta(hours=24))

    assert [name for name, _ in await story.told()] == ["repeated"]
    assert (await story.alarms())[0].firings[0].acknowledged_by == "Olga"


async def test_who_takes_it_just_before_it_repeats_hears_nothing_for_a_day(story: Story) -> None:
    await story.set(AGAIN)
    await story.see("0.4")
    await story.told()
    (delivery,) = await story.deliveries()
    later = story.now + timedelta(hours=6)

    def repeat(db: Database) -> None:
        other = Meanwhile.before(db, lambda db: firings.acknowledge(db, delivery, OLGA, olga(later)))
        firings.repeat_due(other, later, BY)

    await story.keeper.db.run(repeat)

    assert await story.told() == []
    await story.repeat(timedelta(hours=29, minutes=59))
    assert await story.told() == []
    await story.repeat(timedelta(hours=30))
    assert [name for name, _ in await story.told()] == ["repeated"]


async def test_an_alarm_that_another_replica_ends_just_before_it_repeats_is_silent(story: Story) -> None:
    alarm = (await story.set(AGAIN)).alarm
    await story.see("0.4")
    await story.told()
    later = story.now + timedelta(hours=6)

    def repeat(db: Database) -> datetime | None:
        other = Meanwhile.before(db, lambda db: alarms.end_alarms(db, OLGA, [alarm.row], olga(later)))
        return firings.repeat_due(other, later, BY)

    assert await story.keeper.db.run(repeat) is None
    assert await story.told() == []


async def test_a_press_on_a_former_ring_says_that_it_is_over(story: Story) -> None:
    await story.set(AGAIN)
    await story.see("0.4")
    await story.told()
    (former,) = await story.deliveries()
    await story.see("0.6")
    await story.see("0.39")
    await story.told()

    assert await story.acknowledge(former) == Acknowledged(is_over=True)
    assert not (await story.alarms())[0].firings[0].acknowledged_by


# ---------------------------------------------------------------- with all the rest


async def test_unwatch_ends_it_and_undo_brings_it_back_judged_afresh(story: Story) -> None:
    keeper = story.keeper
    await story.set()
    await story.see("0.4")
    await story.told()
    ended = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(story.now), VERIFIED)
    assert await story.alarms() == []
    assert ended.row is not None

    await keeper.db.run(
        unsubscribe.undo_unsubscribe, ended.row, OLGA, olga(story.now), limit=LIMIT, status=VERIFIED
    )
    assert [one.number for one in await story.alarms()] == [1]
    await story.see("0.4")

    assert await story.told() == [("rang", Decimal("0.4"))]
    actions = [action for (action,) in await keeper.rows("SELECT deed FROM audit ORDER BY id")]
    assert actions == ["watch", "alarm", "unwatch", "end alarm", "undo", "alarm"]


async def test_unwatch_of_another_subscription_leaves_it(story: Story) -> None:
    await story.keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({DAI}))))
    await story.set()

    await story.keeper.unsubscribe(OLGA, [2])

    assert len(await story.alarms()) == 1


async def test_what_is_no_longer_watched_rings_no_more(story: Story) -> None:
    keeper = story.keeper
    await keeper.subscribe(WatchSpec(TREASURY, Scope(chains=frozenset({BASE}))))
    await story.set(AGAIN)
    await story.see("0.4")
    await story.told()
    await keeper.unsubscribe(OLGA, [1])

    await story.keeper.record_poll(await story.poll_base("0.9"))

    assert await story.told() == []
    assert await keeper.value("SELECT count(*) FROM firing WHERE ended_at IS NULL") == 0


async def test_a_mute_of_the_account_holds_it_and_of_another_does_not(story: Story) -> None:
    keeper = story.keeper
    await story.set()
    await keeper.db.run(mutes.mute, OLGA, [MuteScope(VAULT)], timedelta(hours=1), olga(story.now))
    await story.see("0.4")
    assert await story.told() == [("rang", Decimal("0.4"))]
    await keeper.db.run(mutes.mute, OLGA, [MuteScope(TREASURY)], timedelta(hours=1), olga(story.now))
    await story.see("0.6")
    assert await story.told() == []

    await keeper.db.run(mutes.unmute, OLGA, [], olga(story.now))

    assert await story.told() == [("ended", Decimal("0.6"))]


async def test_a_closed_chat_hears_nothing_and_once_open_again_no_second_ring(keeper: Keeper) -> None:
    await keeper.apply_configuration([OPS.chat_id], [])
    await keeper.subscribe(WatchSpec(TREASURY, label="Relayer"), place=OPS)
    story = await Story(keeper).begin("0.8")
    await story.set(place=OPS)
    await story.see("0.4")
    assert await story.told(OPS) == [("rang", Decimal("0.4"))]

    await keeper.deny(OPS)
    await story.see("0.6")
    await keeper.allow(OPS)
    await story.see("0.3")

    assert await story.told(OPS) == []


async def test_a_group_that_becomes_a_supergroup_takes_them_along(keeper: Keeper) -> None:
    group = Place(-77, "group", "Ops")
    await keeper.subscribe(WatchSpec(TREASURY, label="Relayer"), place=group)
    story = await Story(keeper).begin("0.8")
    await story.set(place=group)
    await story.see("0.4")

    await keeper.migrate(-77, OPS.chat_id)
    await story.see("0.3")

    assert await story.told(OPS) == [("rang", Decimal("0.4"))]
    assert [len(one.firings) for one in await story.alarms(OPS)] == [1]


async def test_other_terms_for_the_same_level_replace_it_and_another_level_stands_beside(
    story: Story,
) -> None:
    first = await story.set()
    second = await story.set(AGAIN)
    third = await story.set(THIRD)

    assert (first.former, second.former, third.former) == (None, BELOW, None)
    assert [one.number for one in await story.alarms()] == [1, 2]


async def test_off_ends_what_rings(story: Story) -> None:
    await story.set()
    await story.see("0.4")
    await story.told()
    (alarm,) = await story.alarms()

    await story.keeper.db.run(alarms.end_alarms, OLGA, [alarm.row], olga())
    await story.see("0.9")

    assert await story.told() == []
    assert await story.keeper.value("SELECT count(*) FROM firing") == 0


async def test_a_number_is_never_given_to_another_alarm(story: Story) -> None:
    first = (await story.set()).alarm
    await story.end(first)

    second = (await story.set(THIRD)).alarm

    assert (first.number, second.number) == (1, 2)
    await story.keeper.reopen()
    await story.end(second)
    assert (await story.set(TOTAL)).alarm.number == 3


async def test_undo_of_off_brings_back_the_same_number(story: Story) -> None:
    first = (await story.set()).alarm
    await story.set(THIRD)
    await story.end(first)

    again = (await story.set(number=1)).alarm

    assert again.number == 1
    assert (await story.set(TOTAL)).alarm.number == 3


async def test_a_number_that_was_never_given_or_is_taken_is_not_to_be_had(story: Story) -> None:
    await story.set()

    assert (await story.set(THIRD, number=7)).alarm.number == 2
    assert (await story.set(TOTAL, number=1)).alarm.number == 3


async def test_alarms_keep_their_numbers_where_their_group_goes(keeper: Keeper) -> None:
    group = Place(-77, "group", "Ops")
    await keeper.subscribe(WatchSpec(TREASURY, label="Relayer"), place=group)
    story = await Story(keeper).begin("0.8")
    await story.end((await story.set(place=group)).alarm, group)
    await story.set(THIRD, place=group)

    await keeper.migrate(-77, OPS.chat_id)

    assert [one.number for one in await story.alarms(OPS)] == [2]
    assert (await story.set(place=OPS)).alarm.number == 3


async def test_no_button_that_came_along_means_an_alarm_of_the_place_it_came_to(keeper: Keeper) -> None:
    group = Place(-77, "group", "Ops")
    for place in (group, OPS):
        await keeper.subscribe(WatchSpec(TREASURY, label="Relayer"), place=place)
    story = await Story(keeper).begin("0.8")
    await story.set(place=OPS)
    await story.set(THIRD, place=group)
    commands = ["/alarm A1 off", "/mute 1h"]
    await keeper.db.run(button_commands.save_button_commands, group, commands, story.now)

    await keeper.migrate(-77, OPS.chat_id)

    assert [one.number for one in await story.alarms(OPS)] == [1, 2]
    assert await keeper.rows("SELECT command FROM offer") == [("/mute 1h",)]


async def test_what_rang_is_forgotten_with_the_history_but_not_while_it_rings(story: Story) -> None:
    await story.set()
    for amount in ("0.4", "0.6", "0.39"):
        await story.see(amount)

    await story.keeper.db.run(retention.delete_old_rows, story.now + timedelta(days=400))

    assert await story.keeper.rows("SELECT ended_at FROM firing") == [(None,)]


async def test_a_batch_without_alarms_costs_one_look(story: Story) -> None:
    poll = await story.poll("0.4")
    statements: list[str] = []
    await story.keeper.db.run(lambda db: sqlite_of(db).set_trace_callback(statements.append))

    await story.keeper.record_poll(poll)

    assert sum("FROM alarm" in one for one in statements) == 1


@pytest.mark.both_engines
@given(amounts=st.lists(st.integers(30, 70), min_size=1, max_size=8, unique=True))
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_read_what_is_told_is_what_the_law_says(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[int]
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("law") / "bot.sqlite3")
    story = await Story(keeper).begin("0.8")
    await story.set()
    expected, is_ringing = [], False
    for amount in amounts:
        number = Decimal(amount) / 100
        step = judge_alarm(BELOW, number, is_ringing=is_ringing)
        if step is not None:
            is_ringing = step is Step.RINGS
            expected.append(("rang" if is_ringing else "ended", number))
        await story.see(f"{number}")
        await keeper.reopen()

    assert await story.told() == expected
    await keeper.db.close()
