"""Prices that sweeps leave out are asked for beside them, in few questions and rarely."""

import asyncio
from decimal import Decimal

import pytest

from bot.domain.assets import Address, Asset, Quote
from bot.domain.observe.prices import PRICE_ASKED_AFTER, UNPRICED_ASKED_AFTER
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Level, Unit
from bot.indexer.errors import (
    ChainRefused,
    IndexerError,
    LeftAlone,
    OverBudget,
    Unavailable,
)
from bot.poller.prices import LOOKED_AFTER, TOKENS_PER_QUESTION
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.rows import to_blob, to_milliseconds
from tests.builders import DAI, POLYGON, PUNKS, REGISTRY, TREASURY, USDC, VERIFIED, address, asset, at
from tests.poller.conftest import INTERVAL, PollerHarness
from tests.store.conftest import OLGA, olga
from tests.waits import until

OLD = PRICE_ASKED_AFTER.total_seconds() + INTERVAL
DAY = UNPRICED_ASKED_AFTER.total_seconds()
LOOK = LOOKED_AFTER.total_seconds()


async def sweep(harness: PollerHarness, seconds: float = INTERVAL) -> list[list[Asset]]:
    """Let time pass and a sweep see what is there then; returns of what prices were asked after it."""
    harness.clock.seconds += seconds
    before = len(harness.source.prices_asked)
    await harness.poller.sweep()
    await answered(harness)
    return [sorted(one) for one in harness.source.prices_asked[before:]]


async def answered(harness: PollerHarness) -> None:
    """Wait until no price is being asked for, and what came is stored."""
    await until(lambda: harness.poller.prices_are_answered)
    await harness.poller.sweep_new_subscriptions()


async def price_of(harness: PollerHarness, contract: Address = USDC) -> tuple[str | None, int | None]:
    """Return what is stored of a price, and of when it is."""
    ((usd, priced_at),) = await harness.keeper.rows(
        "SELECT price_usd, priced_at FROM asset WHERE contract = ?", to_blob(contract)
    )
    return usd, priced_at


@pytest.fixture
async def unpriced(harness: PollerHarness) -> PollerHarness:
    """Olga watches the treasury, whose rows have no prices, and nothing was read yet."""
    harness.source.price = None
    await harness.keeper.watch()
    return harness


# ---------------------------------------------------------------- what is asked


async def test_a_price_that_sweeps_leave_out_is_asked_for_and_stored(unpriced: PollerHarness) -> None:
    unpriced.source.quotes[asset(USDC)] = Quote("2")

    assert await sweep(unpriced) == [[asset(USDC)]]

    assert await price_of(unpriced) == ("2", to_milliseconds(at(INTERVAL)))


async def test_where_sweeps_bring_all_prices_nothing_is_ever_asked(watching: PollerHarness) -> None:
    for seconds in (INTERVAL, LOOK, OLD, DAY, INTERVAL):
        assert await sweep(watching, seconds) == []


async def test_a_price_is_asked_again_once_it_is_old_and_not_before(unpriced: PollerHarness) -> None:
    unpriced.source.quotes[asset(USDC)] = Quote("2")
    await sweep(unpriced)

    assert await sweep(unpriced, LOOK) == []
    assert await sweep(unpriced, OLD) == [[asset(USDC)]]


async def test_a_price_that_a_sweep_names_as_of_long_ago_is_asked_for(unpriced: PollerHarness) -> None:
    unpriced.source.price, unpriced.source.price_updated_at = "1", at(-OLD)
    unpriced.source.quotes[asset(USDC)] = Quote("2", at(-INTERVAL))

    assert await sweep(unpriced) == [[asset(USDC)]]

    assert await price_of(unpriced) == ("2", to_milliseconds(at(-INTERVAL)))


async def test_an_asked_price_is_as_old_as_the_source_says(unpriced: PollerHarness) -> None:
    unpriced.source.quotes[asset(USDC)] = Quote("2", at(-DAY))

    await sweep(unpriced)

    assert await price_of(unpriced) == ("2", to_milliseconds(at(-DAY)))


async def test_many_tokens_are_asked_in_one_question(unpriced: PollerHarness) -> None:
    many = [asset(address(1_000 + number)) for number in range(TOKENS_PER_QUESTION + 5)]
    for one in many:
        unpriced.source.holds(one.contract, 1)
        unpriced.source.symbols[one.contract] = "T"

    asked = await sweep(unpriced)

    assert [len(one) for one in asked] == [TOKENS_PER_QUESTION, 6]
    assert sorted(one for some in asked for one in some) == sorted([*many, asset(USDC)])


async def test_neither_coins_nor_collections_are_asked_for(unpriced: PollerHarness) -> None:
    unpriced.source.kinds[PUNKS] = "ERC721"
    unpriced.source.symbols[PUNKS] = "PUNK"
    unpriced.source.holds(PUNKS, 1)

    assert await sweep(unpriced) == [[asset(USDC)]]


async def test_what_nobody_holds_any_more_is_not_asked_for(watching: PollerHarness) -> None:
    del watching.source.listed[POLYGON, TREASURY][USDC]
    watching.source.holds(DAI, 1)
    watching.source.symbols[DAI] = "DAI"

    assert await sweep(watching, OLD) == []
    assert await sweep(watching, OLD) == []


async def test_what_is_newly_watched_is_looked_at_with_the_next_sweep(harness: PollerHarness) -> None:
    harness.source.price = None
    assert await sweep(harness) == []
    await harness.keeper.watch()
    await harness.poller.sweep_new_subscriptions()

    assert await sweep(harness) == [[asset(USDC)]]


# ---------------------------------------------------------------- what has no price


async def test_what_has_no_price_is_asked_again_after_a_day_and_after_a_restart_too(
    unpriced: PollerHarness,
) -> None:
    unpriced.source.quotes[asset(USDC)] = None
    assert await sweep(unpriced) == [[asset(USDC)]]

    assert await price_of(unpriced) == (None, to_milliseconds(at(INTERVAL)))
    assert await sweep(unpriced, OLD) == []
    await unpriced.restart()
    assert await sweep(unpriced, OLD) == []
    assert await sweep(unpriced, DAY) == [[asset(USDC)]]


async def test_a_sweep_that_names_a_price_of_what_had_none_is_believed_at_once(
    unpriced: PollerHarness,
) -> None:
    unpriced.source.quotes[asset(USDC)] = None
    await sweep(unpriced)
    unpriced.source.price = "3"

    await sweep(unpriced)

    assert await price_of(unpriced) == ("3", to_milliseconds(at(2 * INTERVAL)))


@pytest.mark.parametrize(("age", "is_kept"), [(OLD, True), (DAY + INTERVAL, False)])
async def test_a_last_price_outlives_an_answer_without_one_for_a_day(
    watching: PollerHarness, age: float, *, is_kept: bool
) -> None:
    watching.source.price = None
    watching.source.quotes[asset(USDC)] = None

    assert await sweep(watching, age) == [[asset(USDC)]]

    assert await price_of(watching) == (
        ("1", to_milliseconds(at(0))) if is_kept else (None, to_milliseconds(at(age)))
    )


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("trouble", [Unavailable("down"), ChainRefused("not this chain")])
async def test_what_fails_changes_nothing_and_is_asked_again_when_a_price_is_old(
    unpriced: PollerHarness, trouble: IndexerError
) -> None:
    unpriced.source.prices_trouble = trouble
    assert await sweep(unpriced) == [[asset(USDC)]]

    assert await price_of(unpriced) == (None, None)
    assert await sweep(unpriced, LOOK) == []
    assert await sweep(unpriced, OLD) == [[asset(USDC)]]


@pytest.mark.parametrize("trouble", [LeftAlone(), OverBudget()])
async def test_what_was_not_sent_is_sent_with_the_next_look(
    unpriced: PollerHarness, trouble: IndexerError
) -> None:
    unpriced.source.prices_trouble = trouble
    assert await sweep(unpriced) == [[asset(USDC)]]

    assert await sweep(unpriced) == []
    assert await sweep(unpriced, LOOK) == [[asset(USDC)]]


async def test_one_token_that_is_refused_costs_no_other_its_price(unpriced: PollerHarness) -> None:
    bad, good = asset(address(1_000)), [asset(address(1_001 + number)) for number in range(9)]
    for one in [bad, *good]:
        unpriced.source.holds(one.contract, 1)
        unpriced.source.symbols[one.contract] = "T"
        unpriced.source.quotes[one] = Quote("2")
    unpriced.source.price_refused = bad

    await sweep(unpriced)

    assert [(await price_of(unpriced, one.contract))[0] for one in good] == ["2"] * len(good)
    assert (await price_of(unpriced, bad.contract))[0] is None
    assert len(unpriced.source.prices_asked) <= 10


async def test_prices_that_hang_delay_no_sweep(unpriced: PollerHarness) -> None:
    unpriced.source.prices_may_come.clear()
    await unpriced.poller.sweep()
    await until(lambda: bool(unpriced.source.prices_asked))

    unpriced.source.holds(USDC, 6, block=11)
    unpriced.clock.seconds += OLD
    async with asyncio.timeout(10):
        await unpriced.poller.sweep()

    assert await unpriced.keeper.changes() == [(USDC, 5, 6)]
    assert len(unpriced.source.prices_asked) == 1
    unpriced.source.prices_may_come.set()
    await answered(unpriced)


# ---------------------------------------------------------------- alarms


async def set_alarm(harness: PollerHarness, dollars: str) -> None:
    below = AlarmTerms(Side.BELOW, Level(Decimal(dollars), Unit.DOLLARS))
    by = ValueTerms(VERIFIED, REGISTRY)
    await harness.keeper.db.run(firings.set_alarm, OLGA, TREASURY, below, olga(), by=by)


@pytest.mark.parametrize(("usd", "rings"), [("0.5", 1), ("2", 0)])
async def test_a_price_that_was_asked_for_rings_an_alarm_at_once_though_no_sweep_ends(
    unpriced: PollerHarness, usd: str, rings: int
) -> None:
    unpriced.source.holds(USDC, 5_000_000, block=10)
    unpriced.source.quotes[asset(USDC)] = Quote("2")
    await sweep(unpriced)
    await set_alarm(unpriced, "5")
    assert await sweep(unpriced) == []
    unpriced.source.quotes[asset(USDC)] = Quote(usd)
    assert await sweep(unpriced, OLD) == [[asset(USDC)]]

    assert len(await unpriced.keeper.rows("SELECT 1 FROM firing")) == rings
