"""Digests: each change is in exactly one, one of each period is made, and none waits for ever."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.deliver.alerts import (
    Alert,
    BlindSpan,
    ChangeAlert,
    Digest,
    DigestContent,
    NoticeAlert,
)
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.digests import DigestSchedule
from bot.domain.subscriptions import WatchSpec
from bot.store.chats import audit, digests, filters, ignore_list, migrate, mutes, zones
from bot.store.chats.digests import DigestResult
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.maintenance import retention, stats
from bot.store.polling.chains import choose_chains
from bot.store.polling.digest_content import with_digests
from bot.store.polling.digests import (
    LOOKS_AGAIN_AFTER,
    MADE_AT_ONCE,
    TRIED_AGAIN_AFTER,
    WAITS_AT_MOST,
    DigestTerms,
    make_due,
)
from tests.builders import BASE, DAI, NOON, POLYGON, REGISTRY, TREASURY, USDC, VERIFIED, asset, at
from tests.examples import examples
from tests.store.conftest import ALERTS_TOPIC, CHAINS, OLGA, OPS, Keeper, olga, open_new_keeper
from tests.store.test_filters import DESCRIBED, THOUSAND, seen

MINUTE, HOUR, DAY, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
EVENING = DigestSchedule(time(20))
"""Due eight hours after noon, where times are in UTC."""
SUNDAYS = DigestSchedule(time(20), 6)
ONLY = replace(EVENING, is_only=True)
EIGHT = NOON + 8 * HOUR
TERMS = DigestTerms(chains=REGISTRY, status=VERIFIED, interval_seconds=60)
SUPER = -100_1001


@dataclass
class Reader:
    """Somebody who has digests set, and the moment that it is for the bot."""

    keeper: Keeper
    now: datetime = NOON
    place: Place = OLGA
    block: int = 0
    price: str | None = "1"

    async def set(self, schedule: DigestSchedule | None) -> DigestResult:
        result = await self.keeper.db.run(
            digests.set_digest, self.place, schedule, olga(self.now), "as a test says"
        )
        await self.look(self.now)
        return result

    async def begin(
        self,
        schedule: DigestSchedule | None = EVENING,
        *,
        condition: Condition | None = None,
        held: int = 10_000,
    ) -> "Reader":
        await self.keeper.db.run(choose_chains, CHAINS, CHAINS)
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Treasury", filter=condition), place=self.place)
        await self.see(held)
        await self.keeper.alerts(self.place)
        await self.set(schedule)
        return self

    async def see(self, *amounts: int, dai: int = 0) -> None:
        described = {one: words._replace(price_usd=self.price) for one, words in DESCRIBED.items()}
        for amount in amounts:
            self.block += 1
            poll = await self.keeper.judged(
                seen({USDC: amount, DAI: dai}, self.block), when=self.now, descriptions=described
            )
            await self.keeper.record_poll(replace(poll, described=described))

    async def look(self, now: datetime, swept_at: datetime | None = None) -> datetime | None:
        """Let a digest be made if one is due; the last sweep ended just then, or when it is said."""
        self.now = now
        await self.keeper.rows("DELETE FROM last_sweep")
        await self.keeper.rows(
            "INSERT INTO last_sweep (id, ended_at, took_ms, seen_ms, silent_ms, refusals, asked)"
            " VALUES (1, ?, 9, 9, 0, 0, '')",
            *ms(swept_at or now),
        )
        return await self.keeper.db.run(make_due, now, TERMS)

    async def told(self) -> list[Alert]:
        """Return what arrives, digests with what they tell."""
        heard: list[Alert] = []

        def listen(db: Database, alerts: Sequence[Alert], _: str, __: datetime) -> tuple[str, int]:
            heard.extend(with_digests(db, alerts, REGISTRY))
            return "…", len(alerts)

        while (
            taken := await self.keeper.claim(self.place.chat_id, self.now + 99 * DAY, compose=listen)
        ).delivery:
            await self.keeper.sent(taken.delivery, self.now)
        return heard

    async def digests(self, now: datetime) -> list[Digest]:
        """Return the digests that a look at this moment makes; changes follow none of them."""
        await self.look(now)
        return [notice for notice, _ in digests_in(await self.told())]


def digests_in(alerts: Collection[Alert]) -> list[tuple[Digest, DigestContent]]:
    return [
        (alert.notice, alert.digest)
        for alert in alerts
        if isinstance(alert, NoticeAlert) and isinstance(alert.notice, Digest) and alert.digest is not None
    ]


def amounts_of(changes: Collection[Alert]) -> list[tuple[int, int, int]]:
    """Return of each change: before, after, steps."""
    return [
        (one.change.before.amount_raw, one.change.after.amount_raw, one.steps)
        for one in changes
        if isinstance(one, ChangeAlert)
    ]


def one_digest(alerts: Collection[Alert]) -> tuple[Digest, DigestContent]:
    (found,) = digests_in(alerts)
    return found


# ---------------------------------------------------------------- when


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
    await keeper.db.close()
    (tmp_path / "copy.sqlite3").write_bytes(keeper.path.read_bytes())
    keeper.db = await DatabaseThread.open(keeper.path)
    assert len(await reader.digests(EIGHT)) == 1
    await keeper.db.close()

    keeper.db = await DatabaseThread.open(tmp_path / "copy.sqlite3")

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


# ---------------------------------------------------------------- what


async def test_a_digest_of_nothing_says_how_fresh_it_is(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await keeper.reach(60, {POLYGON: None, BASE: None})
    await reader.look(EIGHT)

    digest, content = one_digest(await reader.told())

    assert (content.nets, content.more, content.is_cut) == ((), 0, False)
    assert (digest.chains, digest.unread, digest.oldest_at) == (2, 1, at(60))


async def test_the_changes_of_a_balance_are_one_net_whatever_was_told_meanwhile(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_000, 9_500)
    assert len(await reader.told()) == 2
    await reader.see(9_200)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert amounts_of(content.nets) == [(10_000, 9_200, 3)]


async def test_the_nets_of_most_worth_come_first_and_the_rest_is_counted(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_999, dai=500)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert [one.change.asset.contract for one in content.nets] == [DAI, USDC]


async def test_a_net_shows_the_days_up_to_the_end_of_its_digest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    for day, amount in ((1, 12_000), (3, 8_000), (5, 11_000)):
        await reader.look(NOON + day * DAY)
        await reader.see(amount)
    await reader.look(EIGHT + 7 * DAY)
    await reader.see(1)

    *_, (_, content) = digests_in(await reader.told())

    assert [one.sparkline for one in content.nets] == ["▇▇▁▁▅▅▅"]
    await reader.look(EIGHT + 8 * DAY)
    _, content = one_digest(await reader.told())
    assert [one.sparkline for one in content.nets] == ["▇▄▄▆▆▆▁"]


async def test_what_is_told_in_one_digest_is_not_in_the_next(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_000)
    await reader.look(EIGHT)
    await reader.see(8_000)
    await reader.look(EIGHT + DAY)

    nets = [amounts_of(content.nets) for _, content in digests_in(await reader.told())]

    assert nets == [[(10_000, 9_000, 1)], [(9_000, 8_000, 1)]]


async def test_worth_is_added_up_at_both_ends(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.look(NOON)
    reader.now = EIGHT
    await reader.see(9_000)
    await keeper.rows("UPDATE asset SET price_usd = '1', priced_at = ?", 10**15)
    await reader.look(EIGHT)

    first, _ = one_digest(await reader.told())
    (second,) = await reader.digests(EIGHT + DAY)

    assert first.worth is not None
    assert int(first.worth.usd) == 9_000
    assert second.former_worth == first.worth


@pytest.mark.parametrize(("most", "is_added_up"), [(1, True), (0, False)])
async def test_the_worth_of_too_many_accounts_is_not_added_up(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, most: int, *, is_added_up: bool
) -> None:
    monkeypatch.setattr("bot.store.polling.digests.ADDED_UP_MOST", most)
    reader = await Reader(keeper).begin()

    (digest,) = await reader.digests(EIGHT)

    assert (digest.worth is not None) is (digest.former_worth is not None) is is_added_up


async def test_what_filters_hold_back_is_listed_and_stays_held_back(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(condition=THOUSAND)
    await reader.see(9_400, 9_500, dai=600)
    await reader.look(EIGHT)

    alerts = await reader.told()

    digest, content = one_digest(alerts)
    assert (digest.follow, content.nets) == (0, ())
    assert amounts_of(content.held_back) == [(0, 600, 1), (10_000, 9_500, 2)], "the largest first"
    assert amounts_of(alerts) == []
    await reader.see(9_000, dai=600)
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 3)]


async def test_what_is_kept_for_the_next_digest_is_not_said_to_be_held_back_by_filters(
    keeper: Keeper,
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    await reader.look(EIGHT)
    await reader.see(8_000)

    alerts = await reader.told()

    assert one_digest(alerts)[1].held_back == ()
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_a_token_without_a_price_is_new_the_first_time_only(keeper: Keeper) -> None:
    reader = await Reader(keeper, price=None).begin()
    new = []
    for days, dai in enumerate((5, 0, 7)):
        await reader.see(10_000, 10_000, dai=dai)  # what is gone counts when it is read again
        await reader.look(EIGHT + days * DAY)
        _, content = one_digest(await reader.told())
        new.append([one.change.asset.contract for one in content.new_tokens])

    assert new == [[DAI], [], []]


async def test_a_token_with_a_price_is_no_unknown_one(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(10_000, dai=5)
    await reader.look(EIGHT)

    assert one_digest(await reader.told())[1].new_tokens == ()


@pytest.mark.parametrize(("place", "expected"), [(OLGA, 1), (OPS, 0)])
async def test_a_digest_has_what_could_not_be_read_of_what_is_watched_there(
    keeper: Keeper, place: Place, expected: int
) -> None:
    await keeper.watch(place=OPS, account=TREASURY, chains=[BASE])
    reader = await Reader(keeper, place=OLGA).begin()
    await Reader(keeper, place=place).set(EVENING)
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON + HOUR, NOON + 2 * HOUR))
    # Over before it begins, and too short to speak of.
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON - 2 * HOUR, NOON - HOUR))
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON + 3 * HOUR, NOON + 3.005 * HOUR))
    await reader.look(EIGHT)

    _, content = one_digest(await Reader(keeper, EIGHT, place).told())

    span = BlindSpan(POLYGON, None, "", NOON + HOUR, NOON + 2 * HOUR)
    assert content.spans == ((span,) if expected else ())


def ms(*moments: datetime) -> list[int]:
    return [int(moment.timestamp() * 1_000) for moment in moments]


async def test_too_many_changes_are_cut_and_that_is_said(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.polling.digest_content.READ_MOST", 2)
    reader = await Reader(keeper).begin()
    await reader.see(9_000, 8_000, 7_000)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert content.is_cut
    assert amounts_of(content.nets) == [(9_000, 7_000, 2)]


async def test_ignored_tokens_are_in_no_digest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await keeper.db.run(ignore_list.ignore, OLGA, [asset(DAI).contract], frozenset(), olga())
    await reader.see(10_000, dai=500)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert content.nets == ()


# ---------------------------------------------------------------- only


async def test_changes_have_no_alerts_where_digests_alone_tell_them(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000, 8_000, 8_500)
    assert await reader.told() == []
    await reader.look(EIGHT)

    alerts = await reader.told()

    digest, content = one_digest(alerts)
    assert (digest.follow, content.held_back, content.nets) == (1, (), ())
    assert amounts_of(alerts) == [(10_000, 8_500, 3)]
    assert isinstance(alerts[0], NoticeAlert), "the digest comes first"
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_what_cannot_be_added_up_comes_at_once_though_digests_alone_tell(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    described = {asset(USDC): DESCRIBED[asset(USDC)]._replace(decimals=6)}
    poll = await keeper.judged(seen({USDC: 9_000_000_000}, 9), when=NOON, descriptions=described)

    await keeper.record_poll(replace(poll, described=described))

    assert amounts_of(await reader.told()) == [(10_000, 9_000_000_000, 2)]


async def test_another_destination_has_its_alerts(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await keeper.watch(place=OPS)
    await reader.see(10_000)
    await keeper.alerts(OPS)

    await reader.see(9_000)

    assert amounts_of(await keeper.alerts(OPS)) == [(10_000, 9_000, 1)]


@pytest.mark.parametrize("schedule", [None, EVENING])
async def test_what_was_kept_for_a_digest_is_told_when_that_ends(
    keeper: Keeper, schedule: DigestSchedule | None
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000, 8_000)

    assert await reader.set(schedule) == DigestResult(ONLY, 1)

    assert amounts_of(await reader.told()) == [(10_000, 8_000, 2)]
    await reader.see(7_000)
    assert amounts_of(await reader.told()) == [(8_000, 7_000, 1)]


async def test_another_time_for_digests_tells_nothing_that_is_kept_for_them(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)

    assert await reader.set(replace(ONLY, at=time(21))) == DigestResult(ONLY, 0)

    assert await reader.told() == []


async def test_a_change_that_was_told_before_is_not_told_again_by_digests_alone(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(EVENING)
    await reader.see(9_000)
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 1)]
    await reader.set(ONLY)
    await reader.see(8_000)
    await reader.look(EIGHT)

    alerts = await reader.told()

    assert amounts_of(one_digest(alerts)[1].nets) == [(10_000, 9_000, 1)]
    assert amounts_of(alerts) == [(9_000, 8_000, 1)]
    # What followed it is in no other digest.
    await reader.look(EIGHT + DAY)
    assert one_digest(await reader.told())[1].nets == ()


async def test_a_mute_holds_a_digest_and_what_follows_it(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    await keeper.db.run(mutes.mute, OLGA, (), 10 * HOUR, olga())
    await reader.look(EIGHT)
    assert await reader.told() == []

    await keeper.db.run(mutes.end_expired, NOON + 11 * HOUR)

    alerts = await reader.told()
    assert len(digests_in(alerts)) == 1
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    story=st.lists(
        st.one_of(
            st.integers(0, 3_000),
            st.sampled_from(["look", "daily", "only", "off", "filter", "no filter"]),
        ),
        max_size=25,
    ),
)
async def test_each_change_is_told_once_and_is_in_one_digest(
    tmp_path_factory: pytest.TempPathFactory, story: Sequence[int | str]
) -> None:
    """What is told in the end goes from the first amount to the last, without a hole or a repetition.

    Whatever was changed in between; and the nets of digests, with what follows them, do the same.
    """
    keeper = await open_new_keeper(tmp_path_factory.mktemp("law") / "bot.sqlite3")
    reader = await Reader(keeper).begin(EVENING, held=1_000)
    schedules = {"daily": EVENING, "only": ONLY, "off": None}
    told: list[Alert] = []
    last = 1_000
    for event in story:
        if isinstance(event, int):
            last = event
            await reader.see(event)
        elif event == "look":
            await reader.look(reader.now + DAY)
        elif event in schedules:
            await reader.set(schedules[event])
        else:
            condition = THOUSAND if event == "filter" else None
            await keeper.db.run(filters.set_filter, OLGA, [], condition, olga(reader.now))
        told += await reader.told()
    await keeper.db.run(filters.set_filter, OLGA, [], None, olga(reader.now))
    await reader.set(EVENING)
    await reader.look(reader.now + DAY)
    told += await reader.told()
    await keeper.db.close()

    assert_goes_on(amounts_of(told), 1_000, last)
    if "off" not in story:
        assert_goes_on(
            [part for _, content in digests_in(told) for part in amounts_of(content.nets)],
            1_000,
            last,
            but_for=amounts_of(told),
        )


def assert_goes_on(
    steps: Collection[tuple[int, int, int]],
    first: int,
    last: int,
    *,
    but_for: Collection[tuple[int, int, int]] = (),
) -> None:
    """Check that each step begins where the one before ended; `but_for` may lead on where one is missing."""
    amount = first
    for before, after, _ in steps:
        while amount != before:
            leads = [one for one in but_for if one[0] == amount and one[1] != amount]
            assert leads, (steps, but_for)
            amount = leads[0][1]
        amount = after
    if not but_for:
        assert amount == last


# ---------------------------------------------------------------- where


async def test_a_group_takes_its_digests_along(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=OPS).begin(ONLY)
    await reader.see(9_000)
    await keeper.migrate(OPS.chat_id, SUPER)
    reader.place = OPS.moved_to(SUPER)

    await reader.look(EIGHT)

    alerts = await reader.told()
    assert len(digests_in(alerts)) == 1
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_the_digests_of_the_supergroup_count_and_tell_what_either_kept(keeper: Keeper) -> None:
    there = OPS.moved_to(SUPER)
    await Reader(keeper, place=there).set(replace(EVENING, at=time(21)))
    reader = await Reader(keeper, place=OPS).begin(ONLY)
    await reader.see(9_000)
    await keeper.migrate(OPS.chat_id, SUPER)
    reader.place = there

    assert await keeper.db.run(digests.digest_here, there) == replace(ONLY, at=time(21))
    assert await reader.look(EIGHT) == EIGHT + HOUR
    await reader.look(EIGHT + HOUR)
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 1)]


async def test_a_closed_chat_gets_no_digest_and_one_that_opens_gets_the_next(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=OPS).begin()
    await reader.see(9_000)
    await keeper.deny(OPS)
    assert await reader.look(EIGHT) == EIGHT + DAY
    await keeper.allow(OPS)
    assert await reader.told() == []

    await reader.look(EIGHT + DAY)

    _, content = one_digest(await reader.told())
    assert content.nets == (), "what was withdrawn was not told"


async def test_the_digests_of_a_lost_topic_end_and_tell_what_they_kept(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=ALERTS_TOPIC).begin(ONLY)
    await reader.see(9_000)
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await keeper.rows("SELECT * FROM digest_schedule") == []
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 1)]


async def test_who_set_digests_is_kept_and_setting_the_same_is_not(keeper: Keeper) -> None:
    reader = Reader(keeper)
    for schedule in (EVENING, EVENING, None):
        await reader.set(schedule)

    entries, _ = await keeper.db.run(audit.audit_page, 1, 10)
    assert [(entry.action, entry.subject) for entry in entries] == [("digest", "as a test says")] * 2


async def test_digests_that_were_made_long_ago_are_forgotten_but_for_the_newest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    for days in range(3):
        await reader.look(EIGHT + days * DAY)

    await keeper.db.run(retention.delete_old_rows, EIGHT + WEEK)

    assert await keeper.value("SELECT count(*) FROM digest") == 1
