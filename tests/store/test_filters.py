"""What filters hold back adds up, and is reported in the end: nothing is lost, nothing is told twice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.assets import Address, Amount, Description
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import Balance, ItemMove, Move, Reading, Standing, Verdict
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.subscriptions import Scope, SubscriptionId, WatchSpec
from bot.store.chats import ignore_list, migrate, unsubscribe
from bot.store.chats.rules import filters
from bot.store.chats.rules.filters import FilterResult
from bot.store.maintenance import backup, retention
from bot.store.outbox.unreported import HELD_BACK_AT_MOST
from bot.store.polling.rehearsal import rehearse
from tests.builders import (
    BASE,
    DAI,
    NOON,
    PUNKS,
    REGISTRY,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    at,
    held,
    reading,
)
from tests.examples import examples
from tests.store.conftest import OLGA, OPS, Keeper, olga, open_new_keeper
from tests.store.test_backup import TOMORROW, restored

DESCRIBED = {asset(one): Description("ERC20", "USDC", 0, price_usd="1") for one in (USDC, DAI)}


def least(number: int, unit: Unit = Unit.TOKENS, direction: Direction | None = None) -> Condition:
    return Condition(direction, (Level(Decimal(number), unit),))


OUT, IN = Condition(Direction.OUT), Condition(Direction.IN)
THOUSAND = least(1_000)
GROUP, SUPER = Place(-55, "group", "Ops"), Place(-100_55, "supergroup", "Ops")


def seen(amounts: Mapping[Address, int], block: int) -> Reading:
    """Return what a sweep sees that asks by list and by name, so that zero is known to be zero."""
    by_name = {one: held(amount, block=block if amount else None) for one, amount in amounts.items()}
    listed = {one: amount for one, amount in by_name.items() if amount.amount_raw}
    return reading(listed, native=1, named=by_name)


class Story:
    """What happens to the USDC of an account that a chat watches through a filter, a minute apart."""

    def __init__(self, keeper: Keeper, *, price: str | None = "1", decimals: int | None = 0) -> None:
        self.keeper = keeper
        self.description = Description("ERC20", "USDC", decimals, price_usd=price)
        self.minutes = 0

    async def begin(self, condition: Condition | None, amount: int = 10_000) -> "Story":
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Treasury", filter=condition))
        await self.see(amount)
        await self.keeper.alerts()
        return self

    async def see(self, *amounts: int) -> None:
        for amount in amounts:
            self.minutes += 1
            poll = await self.keeper.judged(
                seen({USDC: amount}, self.minutes),
                when=self.now,
                descriptions={asset(USDC): self.description},
            )
            await self.keeper.record_poll(replace(poll, described={asset(USDC): self.description}))

    async def told(self, place: Place = OLGA) -> list[tuple[int, int, int]]:
        """Return of each alert that arrives: before, after, steps."""
        return [
            (alert.change.before.amount_raw, alert.change.after.amount_raw, alert.steps)
            for alert in await self.keeper.alerts(place)
            if isinstance(alert, ChangeAlert)
        ]

    async def set(self, condition: Condition | None, *ids: int) -> FilterResult:
        these = [SubscriptionId(one) for one in ids]
        return await self.keeper.db.run(filters.set_filter, OLGA, these, condition, olga(self.now))

    @property
    def now(self) -> datetime:
        return at(60 * self.minutes)


@pytest.mark.parametrize(
    ("condition", "amounts", "expected"),
    [
        (None, [9_999], [(10_000, 9_999, 1)]),
        (THOUSAND, [9_001], []),
        (THOUSAND, [9_000], [(10_000, 9_000, 1)]),
        # A slow drain: nine hundred and ninety-nine, ten times over.
        (THOUSAND, [9_001, 8_002, 7_003, 6_004], [(10_000, 8_002, 2), (8_002, 6_004, 2)]),
        # What comes back was never told, and is none.
        (THOUSAND, [9_500, 10_000, 9_001], []),
        (OUT, [10_500], []),
        (OUT, [10_500, 9_900], [(10_000, 9_900, 2)]),
        (OUT, [10_500, 10_200], []),
        (IN, [9_000, 10_001], [(10_000, 10_001, 2)]),
        (least(10, Unit.PERCENT), [9_500, 9_000], [(10_000, 9_000, 2)]),
        (least(50, Unit.PERCENT), [0, 1], [(10_000, 0, 1), (0, 1, 1)]),
        (least(500, Unit.DOLLARS), [9_700, 9_500], [(10_000, 9_500, 2)]),
    ],
)
async def test_a_filter_compares_with_what_was_last_told(
    keeper: Keeper, condition: Condition | None, amounts: Sequence[int], expected: list[tuple[int, int, int]]
) -> None:
    story = await Story(keeper).begin(condition)

    await story.see(*amounts)

    assert await story.told() == expected


async def test_a_restored_copy_holds_the_same_back_and_reports_it_once(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_500)
    # What happens behind the copy is known to nobody who goes on from it.
    await restored(keeper)
    await keeper.db.run(backup.record_restore, TOMORROW)
    await keeper.alerts()

    await story.see(9_500)
    assert await story.told() == []
    await story.see(9_000)
    assert await story.told() == [(10_000, 9_000, 2)]
    assert (await story.set(None, 1)).released == 0
    assert await story.told() == []


async def test_a_filter_that_ends_in_a_restored_copy_reports_what_that_held_back(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_500)
    await restored(keeper)
    await keeper.db.run(backup.record_restore, TOMORROW)
    await keeper.alerts()

    assert (await story.set(None, 1)).released == 1

    assert await story.told() == [(10_000, 9_500, 1)]
    await story.see(9_000)
    assert await story.told() == [(9_500, 9_000, 1)]


async def test_what_was_held_back_says_since_when(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_500)
    first = story.now

    await story.see(9_000)

    (alert,) = await keeper.alerts()
    assert isinstance(alert, ChangeAlert)
    assert (alert.since, alert.change.observed_at) == (first, story.now)


async def test_without_a_price_it_is_reported(keeper: Keeper) -> None:
    story = await Story(keeper, price=None).begin(least(500, Unit.DOLLARS))

    await story.see(9_999)

    assert await story.told() == [(10_000, 9_999, 1)]


async def test_a_price_of_more_than_an_hour_ago_is_none(keeper: Keeper) -> None:
    story = await Story(keeper).begin(least(500, Unit.DOLLARS))
    story.description = story.description._replace(price_usd=None)

    story.minutes += 50
    await story.see(9_999)
    assert await story.told() == []

    story.minutes += 20
    await story.see(9_998)
    assert await story.told() == [(10_000, 9_998, 2)]


async def test_without_decimals_it_is_reported_but_for_what_needs_none(keeper: Keeper) -> None:
    story = await Story(keeper, decimals=None).begin(least(500))
    await story.see(9_999)
    assert await story.told() == [(10_000, 9_999, 1)]

    await story.set(OUT, 1)
    await story.see(10_500)
    assert await story.told() == []


async def test_other_decimals_are_reported_whatever_the_amount(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    story.description = story.description._replace(decimals=1)

    await story.see(9_999)

    assert await story.told() == [(10_000, 9_999, 1)]


async def test_the_same_amount_in_other_units_ends_what_is_held_back_and_is_no_news_otherwise(
    keeper: Keeper,
) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_500)
    story.description = story.description._replace(decimals=3)
    await story.see(9_500_000)
    assert await story.told() == [(10_000, 9_500_000, 2)]

    story.description = story.description._replace(decimals=6)
    await story.see(9_500_000_000)
    assert await story.told() == []


@pytest.mark.parametrize(
    ("condition", "steps", "expected"),
    [
        (least(2), [{5: 1}, {5: -1}, {6: 1}, {7: 1}], [(4, 6, 2)]),
        (OUT, [{5: 1}, {5: -1}], []),
        # As many came as went: what was exchanged is measured.
        (least(2), [{5: 1, 1: -1}, {5: -1, 1: 1}], []),
        (least(2), [{5: 1, 1: -1}, {6: 1, 2: -1}], [(4, 4, 2)]),
        # Ids are not known, and as many are held: it can't be said how many were exchanged.
        (least(2), [{0: 1}, {0: -1}], [(4, 4, 2)]),
    ],
)
async def test_items_that_came_and_went_again_are_no_difference(
    keeper: Keeper,
    condition: Condition,
    steps: Sequence[Mapping[int, int]],
    expected: list[tuple[int, int, int]],
) -> None:
    has = {1: 1, 2: 1, 3: 1, 4: 1}
    await keeper.subscribe(WatchSpec(TREASURY, filter=condition))
    await keeper.record(reading({PUNKS: collection(has)}), descriptions={PUNK: COLLECTION})
    await keeper.alerts()

    for minute, moved in enumerate(steps, 1):
        now = has | {one: has.get(one, 0) + by for one, by in moved.items()}
        items = tuple(ItemMove(one, has.get(one, 0), now[one]) for one in moved if one)
        move = Move(PUNK, collection(has), collection(now), frozenset({VERIFIED}), items=items)
        stored = {PUNK: Balance(collection(now), Standing.LISTED)}
        verdict = Verdict(TREASURY, PUNK.chain_id, moves=(move,), balances=stored)
        poll = await keeper.judged(when=at(60 * minute))
        await keeper.record_poll(replace(poll, verdicts=(verdict,), described={PUNK: COLLECTION}))
        has = now

    assert await Story(keeper).told() == expected


PUNK, COLLECTION = asset(PUNKS), Description("ERC721", "PUNK")


def collection(items: Mapping[int, int]) -> Amount:
    return Amount(sum(items.values()), uniques=sum(map(bool, items.values())))


# ---------------------------------------------------------------- whose filter


async def test_one_subscription_that_wants_it_is_enough(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.watch(contracts=[USDC])
    await story.see(10_000)  # what is watched by name begins with a reading of its own
    await keeper.alerts()

    await story.see(9_999)

    assert await story.told() == [(10_000, 9_999, 1)]


async def test_another_subscription_reports_what_was_held_back_of_what_it_is_about(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_500)

    await keeper.watch(contracts=[DAI])
    await keeper.watch(VAULT)
    await keeper.watch(chains=[BASE])
    assert await story.told() == []

    await keeper.watch(contracts=[USDC])
    assert await story.told() == [(10_000, 9_500, 1)]
    await story.see(9_500, 9_499)
    assert await story.told() == [(9_500, 9_499, 1)]


async def test_an_undone_unwatch_reports_what_was_held_back_meanwhile(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.watch(contracts=[USDC])
    await story.see(10_000)
    ended = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [2], olga(), keeper.status)
    await story.see(9_500)
    assert ended.row is not None

    await keeper.db.run(unsubscribe.undo_unsubscribe, ended.row, OLGA, olga(), limit=9, status=keeper.status)

    assert await story.told() == [(10_000, 9_500, 1)]


async def test_the_filter_of_a_place_is_for_what_has_none(keeper: Keeper) -> None:
    story = await Story(keeper).begin(None)
    await story.set(THOUSAND)
    await story.see(9_999)
    assert await story.told() == []

    await story.set(Condition(), 1)
    assert await story.told() == [(10_000, 9_999, 1)]
    await story.see(9_998)
    assert await story.told() == [(9_999, 9_998, 1)]


async def test_each_chat_has_its_own(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.watch(place=OPS)
    await keeper.alerts(OPS)

    await story.see(9_500, 9_000)

    assert await story.told(OPS) == [(10_000, 9_500, 1), (9_500, 9_000, 1)]
    assert await story.told() == [(10_000, 9_000, 2)]


async def test_watching_it_again_with_a_filter_sets_the_filter(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900)

    await keeper.subscribe(WatchSpec(TREASURY, filter=least(50)), when=story.now)
    assert await story.told() == [(10_000, 9_900, 1)]

    await story.see(9_860, 9_850)
    assert await story.told() == [(9_900, 9_850, 2)]


async def test_watching_it_again_without_one_leaves_it(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)

    await keeper.subscribe(WatchSpec(TREASURY, label="Other"), when=story.now)
    await story.see(9_900)

    assert await story.told() == []


# ---------------------------------------------------------------- its end


@pytest.mark.parametrize("end", ["off", "other", "unwatch", "a month"])
async def test_whatever_ends_it_reports_what_was_held_back_once(keeper: Keeper, end: str) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900, 9_800)

    if end == "off":
        assert (await story.set(None, 1)).released == 1
    elif end == "other":
        assert (await story.set(least(5_000), 1)).released == 1
    elif end == "unwatch":
        await keeper.unsubscribe(OLGA, [1])
    else:
        await keeper.outbox(at(120) + HELD_BACK_AT_MOST - timedelta(seconds=1))
        assert await story.told() == []
        await keeper.outbox(at(120) + HELD_BACK_AT_MOST)

    assert await story.told() == [(10_000, 9_800, 2)]
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_the_same_filter_again_reports_nothing(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900)

    assert await story.set(THOUSAND, 1) == FilterResult((THOUSAND,), 0)

    assert await story.told() == []


async def test_a_clock_set_back_does_not_hold_it_back_for_ever(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900)

    await keeper.outbox(NOON - timedelta(days=400))

    assert await story.told() == [(10_000, 9_900, 1)]


async def test_when_the_next_is_due_is_known(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900)

    assert (await keeper.outbox(story.now)).next_at == story.now + HELD_BACK_AT_MOST


async def test_an_undone_unwatch_brings_the_filter_back(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.watch(place=OPS)  # what another chat watches goes on being read
    ended = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(), keeper.status)
    assert ended.row is not None

    await keeper.db.run(unsubscribe.undo_unsubscribe, ended.row, OLGA, olga(), limit=9, status=keeper.status)
    await story.see(10_000, 9_500, 9_000)

    assert await story.told() == [(10_000, 9_000, 2)]


async def test_a_closed_chat_is_told_nothing_of_what_was_held_back(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.watch(place=OPS)
    await story.see(9_900)

    await keeper.deny(OLGA)
    await keeper.allow(OLGA)
    await story.see(9_900, 9_000)

    assert await story.told() == []
    await story.see(8_900)
    assert await story.told() == [(9_900, 8_900, 2)]


async def test_a_group_that_moves_takes_filter_and_what_is_held_back_along(keeper: Keeper) -> None:
    story = Story(keeper)
    await keeper.watch(place=GROUP)
    await story.see(10_000)
    await keeper.db.run(filters.set_filter, GROUP, [], THOUSAND, olga())
    await story.see(9_500)
    await keeper.alerts(GROUP)

    await keeper.migrate(GROUP.chat_id, SUPER.chat_id)
    await story.see(9_100, 9_000)

    assert await story.told(SUPER) == [(10_000, 9_000, 3)]


@pytest.mark.parametrize("is_filtered_there", [True, False])
@pytest.mark.parametrize("becomes", ["supergroup", "here"])
async def test_of_two_places_that_become_one_what_one_was_told_is_not_held_back(
    keeper: Keeper, becomes: str, *, is_filtered_there: bool
) -> None:
    one, there = (GROUP, SUPER) if becomes == "supergroup" else (replace(SUPER, thread_id=7), SUPER)
    story = Story(keeper)
    await keeper.subscribe(WatchSpec(TREASURY, filter=None if is_filtered_there else THOUSAND), place=one)
    await keeper.subscribe(WatchSpec(TREASURY, filter=THOUSAND if is_filtered_there else None), place=there)
    await story.see(10_000)
    await keeper.alerts(one)
    await keeper.alerts(there)
    await story.see(9_500)
    assert await story.told(one if is_filtered_there else there) == [(10_000, 9_500, 1)]

    await become(keeper, one, there)
    await keeper.outbox(story.now + HELD_BACK_AT_MOST)
    assert await story.told(there) == []

    await story.see(8_500)
    assert await story.told(there) == [(9_500, 8_500, 1)]


@pytest.mark.parametrize("becomes", ["supergroup", "here"])
async def test_of_two_places_that_become_one_what_neither_was_told_is_reported(
    keeper: Keeper, becomes: str
) -> None:
    one, there = (GROUP, SUPER) if becomes == "supergroup" else (replace(SUPER, thread_id=7), SUPER)
    story = Story(keeper)
    for place, condition in ((one, THOUSAND), (there, least(2_000))):
        await keeper.subscribe(WatchSpec(TREASURY, filter=condition), place=place)
    await story.see(10_000)
    await keeper.alerts(one)
    await keeper.alerts(there)
    await story.see(9_500, 9_400)

    await become(keeper, one, there)
    await keeper.outbox(story.now)

    assert await story.told(there) == [(10_000, 9_400, 2)]
    assert await keeper.rows("SELECT * FROM unreported") == []


@pytest.mark.parametrize("becomes", ["supergroup", "here"])
@pytest.mark.parametrize(
    ("filters_there", "expected"),
    [
        # It began to hold back later: what the other held back before is not forgotten.
        ((THOUSAND, THOUSAND), [(10_000, 9_700, 3)]),
        # It was told what it had held back, when its filter ended, and the last step.
        ((THOUSAND, None), [(10_000, 9_900, 1)]),
        # It was told a step in the middle.
        ((None, THOUSAND), [(10_000, 9_900, 1), (9_800, 9_700, 1)]),
        ((None, None), [(10_000, 9_900, 1)]),
    ],
)
async def test_of_two_places_that_become_one_each_step_is_told_once(
    keeper: Keeper,
    becomes: str,
    filters_there: tuple[Condition | None, ...],
    expected: list[tuple[int, int, int]],
) -> None:
    one, there = (GROUP, SUPER) if becomes == "supergroup" else (replace(SUPER, thread_id=7), SUPER)
    story = Story(keeper)
    await keeper.subscribe(WatchSpec(TREASURY, filter=THOUSAND), place=one)
    await story.see(10_000, 9_900)
    await keeper.subscribe(WatchSpec(TREASURY), place=there)
    await story.see(9_900)
    for amount, condition in zip((9_800, 9_700), filters_there, strict=True):
        await keeper.db.run(filters.set_filter, there, [SubscriptionId(2)], condition, olga())
        await story.see(amount)
        if condition is None:
            assert (await story.told(there))[-1] == (amount + 100, amount, 1)

    await become(keeper, one, there)
    await keeper.outbox(story.now)

    assert await keeper.value("SELECT count(*) FROM alert WHERE wanted_by = '' AND cause = 'ended'") == 0
    assert await story.told(there) == expected
    assert await keeper.rows("SELECT * FROM unreported") == []


async def become(keeper: Keeper, one: Place, there: Place) -> None:
    """Let one place take over what another, a group or a topic that is lost, watches."""
    if one.thread_id is None:
        await keeper.migrate(one.chat_id, there.chat_id)
        return
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id <> 0")
    await keeper.db.run(migrate.take_over_lost_topics, there, olga())


async def test_what_is_ignored_is_not_reported_at_the_end(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900)

    await keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga())
    await story.set(None, 1)

    assert await story.told() == []


async def test_what_is_ignored_but_named_is_reported_at_the_end(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({USDC})), filter=THOUSAND))
    await story.see(10_000)
    await keeper.alerts()
    await story.see(9_900)

    await keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga())
    await story.set(None, 1, 2)

    assert await story.told() == [(10_000, 9_900, 1)]


async def test_what_is_named_of_another_account_or_elsewhere_is_ignored_all_the_same(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    for spec in (
        WatchSpec(VAULT, Scope(contracts=frozenset({USDC})), filter=THOUSAND),
        WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}), chains=frozenset({BASE})), filter=THOUSAND),
    ):
        await keeper.subscribe(spec)
    await story.see(10_000)
    await keeper.alerts()
    await story.see(9_900)

    await keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga())
    await story.set(None, 1, 2, 3)

    assert await story.told() == []


async def test_a_rehearsal_counts_no_change_of_units_alone(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_990, 8_990)
    # As if the first had only been counted in hundredths from then on.
    await keeper.script(
        "UPDATE change SET before = '10000', after = '1000000', decimals = 2, former_decimals = 0"
        " WHERE after = '9990'"
    )

    replayed = await keeper.db.run(
        rehearse, OLGA, [], least(1), since=story.now - timedelta(days=1), chains=REGISTRY
    )

    assert (replayed.changes, replayed.alerts) == (1, 1)


async def test_history_that_is_held_back_is_not_forgotten(keeper: Keeper) -> None:
    story = await Story(keeper).begin(THOUSAND)
    await story.see(9_900, 9_800)
    await forget_all(keeper)

    await story.set(None, 1)
    await forget_all(keeper)

    assert await story.told() == [(10_000, 9_800, 2)]


async def forget_all(keeper: Keeper) -> None:
    while await keeper.db.run(retention.delete_old_rows, NOON + timedelta(days=900)):
        pass


# ---------------------------------------------------------------- the law

STEPS = st.one_of(
    st.tuples(st.sampled_from([USDC, DAI]), st.integers(17, 24)),
    st.sampled_from([None, least(3), least(5, Unit.DOLLARS), OUT, IN, least(20, Unit.PERCENT)]),
)


@pytest.mark.both_engines
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=4, max_size=25))
@example([least(3), (USDC, 22), (USDC, 24)])
async def test_whatever_is_told_and_held_back_adds_up_to_what_happened(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[Address, int] | Condition | None]
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("filters") / "bot.sqlite3")
    try:
        await keeper.watch()
        amounts = {USDC: 20, DAI: 20}
        told = dict(amounts)
        current: Condition | None = None

        async def see(minute: int) -> None:
            poll = await keeper.judged(
                seen(amounts, minute + 1), when=at(60 * minute), descriptions=DESCRIBED
            )
            await keeper.record_poll(replace(poll, described=DESCRIBED))

        await see(0)
        await keeper.alerts()
        for minute, step in enumerate(steps, 1):
            if isinstance(step, tuple):
                amounts[step[0]] = step[1]
                await see(minute)
            else:
                current = step
                actor = olga(at(60 * minute))
                await keeper.db.run(filters.set_filter, OLGA, [SubscriptionId(1)], current, actor)
            for alert in await keeper.alerts():
                assert isinstance(alert, ChangeAlert)
                contract = alert.change.asset.contract
                assert alert.change.before.amount_raw == told[contract]
                told[contract] = alert.change.after.amount_raw
            # What was told is where it began and all that was told since: the rest is held back.
            assert [one for one in amounts if meets(current, told[one], amounts[one])] == []
    finally:
        await keeper.db.close()


def meets(condition: Condition | None, told: int, now: int) -> bool:
    """Whether what is held back would have to be reported, said once more in other words."""
    if told == now:
        return False
    if condition is None:
        return True
    if condition.direction is not None and (now > told) != (condition.direction == "in"):
        return False
    for level in condition.levels:
        if level.unit is Unit.PERCENT:
            return told == 0 or now == 0 or abs(now - told) * 100 >= level.number * told
        return abs(now - told) >= level.number
    return True
