"""What a change is worth: by the price that comes with it, or else by the last one that anybody saw."""

import pytest

from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import Change
from bot.store.balances.prices import PRICES_SAVED_EVERY
from tests.builders import POLYGON, TREASURY, USDC, at
from tests.poller.conftest import INTERVAL, PollerHarness

HOUR = PRICES_SAVED_EVERY.total_seconds()


async def next_change(harness: PollerHarness, seconds: float = INTERVAL) -> Change:
    """Let time pass and a sweep see what is there then; returns the one change that it tells."""
    harness.clock.seconds += seconds
    await harness.poller.sweep()
    (alert,) = await harness.keeper.alerts()
    assert isinstance(alert, ChangeAlert)
    return alert.change


def lose(harness: PollerHarness) -> None:
    del harness.source.listed[POLYGON, TREASURY][USDC]


async def test_what_is_gone_from_the_answer_is_worth_what_it_last_was(watching: PollerHarness) -> None:
    lose(watching)

    change = await next_change(watching)

    assert (change.after.amount_raw, change.price_usd, change.priced_at) == (0, "1", at(0))


async def test_a_price_that_comes_with_a_change_counts(watching: PollerHarness) -> None:
    watching.source.price = "2"
    watching.source.holds(USDC, 6, block=11)

    change = await next_change(watching)

    assert (change.price_usd, change.priced_at) == ("2", None)


async def test_where_an_answer_names_no_price_the_last_one_counts(watching: PollerHarness) -> None:
    watching.source.price = None
    watching.source.holds(USDC, 6, block=11)

    change = await next_change(watching)

    assert (change.price_usd, change.priced_at) == ("1", at(0))


async def test_what_never_had_a_price_is_worth_nothing_known(harness: PollerHarness) -> None:
    harness.source.price = None
    await harness.keeper.watch()
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    lose(harness)

    change = await next_change(harness)

    assert (change.price_usd, change.priced_at) == (None, None)


async def test_what_is_lost_while_the_bot_is_away_is_worth_what_it_last_was(watching: PollerHarness) -> None:
    await watching.restart()
    lose(watching)

    change = await next_change(watching, 3 * HOUR)

    assert (change.price_usd, change.priced_at) == ("1", at(0))


@pytest.mark.parametrize(("seconds", "kept"), [(HOUR - 1, "1"), (HOUR, "2")])
async def test_prices_of_quiet_sweeps_are_stored_once_an_hour(
    watching: PollerHarness, seconds: float, kept: str
) -> None:
    watching.source.price = "2"
    watching.clock.seconds += seconds
    await watching.poller.sweep()

    await watching.restart()
    lose(watching)

    assert (await next_change(watching)).price_usd == kept


async def test_a_quiet_sweep_writes_no_price(watching: PollerHarness) -> None:
    await watching.poller.sweep()
    before = await watching.keeper.written()
    await watching.poller.sweep()

    assert await watching.keeper.written() - before == 2  # the number of the sweep, and the chain


async def test_prices_of_before_a_restart_are_known_at_once(watching: PollerHarness) -> None:
    await watching.restart()
    watching.source.price = None
    watching.clock.seconds += INTERVAL
    await watching.poller.sweep()

    prices = {one.contract: (price.usd, price.seen_at) for one, price in watching.poller.prices.items()}
    assert prices == {USDC: ("1", at(0))}
