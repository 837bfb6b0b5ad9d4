"""Where digests alone tell of changes: each is told exactly once, whatever is set in between."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.deliver.alerts import (
    Alert,
    NoticeAlert,
)
from bot.domain.rules.digests import DigestSchedule
from bot.domain.rules.quiet import QuietHours
from bot.store.chats import mutes
from bot.store.chats.rules import filters, quiet
from bot.store.chats.rules.digests import DigestResult
from tests.builders import NOON, USDC, asset
from tests.examples import examples
from tests.store.conftest import OLGA, OPS, Keeper, olga, open_new_keeper
from tests.store.digest_reader import (
    DAY,
    EIGHT,
    EVENING,
    HOUR,
    ONLY,
    Reader,
    amounts_of,
    digests_in,
    one_digest,
)
from tests.store.test_filters import DESCRIBED, THOUSAND, seen


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


async def test_within_a_mute_within_quiet_hours_a_digest_and_what_follows_it_come_once_at_the_last_end(
    keeper: Keeper,
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    night = QuietHours(time(19), time(7))
    await keeper.db.run(quiet.set_quiet, OLGA, night, olga(NOON), "said")
    told: list[tuple[datetime, list[Alert]]] = []
    for hours in range(24):
        now = NOON + hours * HOUR
        await keeper.outbox(now)
        if now == EIGHT - HOUR:
            await keeper.db.run(mutes.mute, OLGA, (), 3 * HOUR, olga(now))
        await reader.look(now)
        if heard := await reader.told():
            told.append((now, heard))
        if now == EIGHT + HOUR:
            await reader.see(8_000)

    ((at, alerts),) = told

    assert at == NOON + 19 * HOUR
    assert [digest.due_at for digest, _ in digests_in(alerts)] == [EIGHT]
    assert amounts_of(alerts) == [(10_000, 9_000, 1)], "what was read after it waits for the next one"


@pytest.mark.both_engines
@example(story=[0, 1, 0])
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
    # An amount that goes back at once to what it was, without a block, waits for readings that agree.
    await reader.see(last, last)
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
    others = list(but_for)
    for before, after, _ in steps:
        while amount != before:
            leads = [one for one in others if one[0] == amount and one[1] != amount]
            assert leads, (steps, but_for)
            amount = leads[0][1]
            # Each leads on once: amounts may come again.
            others.remove(leads[0])
        amount = after
    if not but_for:
        assert amount == last
