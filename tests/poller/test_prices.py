"""What a change is worth: by the price that comes with it, or else by the last one that anybody saw."""

import sqlite3
from datetime import datetime
from decimal import Decimal

import pytest

from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import Change
from bot.domain.observe.prices import PRICE_RENEWED_AFTER
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Level, Unit
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.rows import to_moment
from tests.builders import POLYGON, REGISTRY, TREASURY, USDC, VERIFIED, at
from tests.poller.conftest import INTERVAL, PollerHarness
from tests.store.conftest import OLGA, olga

HOUR = 3_600
RENEWED = PRICE_RENEWED_AFTER.total_seconds()


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


async def stored(harness: PollerHarness) -> tuple[str, datetime]:
    """Return the stored price of USDC, and when the source named it."""
    ((usd, priced_at),) = await harness.keeper.rows(
        "SELECT price_usd, priced_at FROM asset WHERE contract <> x''"
    )
    return usd, to_moment(priced_at)


@pytest.mark.parametrize(("price", "kept"), [("2", ("2", at(INTERVAL))), ("1.001", ("1", at(0)))])
async def test_a_price_that_moved_by_a_step_is_stored_with_a_quiet_sweep(
    watching: PollerHarness, price: str, kept: tuple[str, datetime]
) -> None:
    watching.source.price = price
    watching.clock.seconds += INTERVAL
    await watching.poller.sweep()

    assert await stored(watching) == kept


@pytest.mark.parametrize(("seconds", "since"), [(RENEWED - 1, 0), (RENEWED, RENEWED)])
async def test_a_price_that_stays_is_stored_once_in_half_an_hour(
    watching: PollerHarness, seconds: float, since: float
) -> None:
    watching.clock.seconds += seconds
    await watching.poller.sweep()

    assert await stored(watching) == ("1", at(since))


async def test_a_price_that_could_not_be_stored_is_stored_with_the_next_sweep(
    watching: PollerHarness,
) -> None:
    await watching.keeper.rows(
        "CREATE TRIGGER full BEFORE UPDATE OF price_usd ON asset BEGIN SELECT raise(abort, 'full'); END"
    )
    watching.source.price = "2"
    with pytest.raises(sqlite3.Error):
        await watching.poller.sweep()
    await watching.keeper.script("DROP TRIGGER full")

    await watching.poller.sweep()

    assert (await stored(watching))[0] == "2"


async def test_a_quiet_sweep_writes_no_price(watching: PollerHarness) -> None:
    await watching.poller.sweep()
    before = await watching.keeper.written()
    await watching.poller.sweep()

    # Its number, how it went, and the chain.
    assert await watching.keeper.written() - before == 3


async def test_a_price_that_the_source_no_longer_names_stays_with_its_age(watching: PollerHarness) -> None:
    await watching.restart()
    watching.source.price = None
    watching.clock.seconds += INTERVAL
    await watching.poller.sweep()

    assert await stored(watching) == ("1", at(0))


async def test_a_price_is_stored_and_told_with_the_age_that_its_source_names(harness: PollerHarness) -> None:
    harness.source.price_updated_at = at(-3 * HOUR)
    await harness.keeper.watch()
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    assert await stored(harness) == ("1", at(-3 * HOUR))
    harness.source.holds(USDC, 6, block=11)

    change = await next_change(harness)

    assert (change.price_usd, change.priced_at) == ("1", at(-3 * HOUR))


async def test_an_answer_with_an_older_price_than_the_stored_one_is_told_by_the_newer(
    watching: PollerHarness,
) -> None:
    watching.source.price, watching.source.price_updated_at = "2", at(-HOUR)
    watching.source.holds(USDC, 6, block=11)

    change = await next_change(watching)

    assert (change.price_usd, change.priced_at) == ("1", at(0))


async def test_an_old_price_that_stays_is_not_written_again(harness: PollerHarness) -> None:
    harness.source.price_updated_at = at(-3 * HOUR)
    await harness.keeper.watch()
    await harness.poller.sweep()
    await harness.poller.sweep()
    before = await harness.keeper.written()
    await harness.poller.sweep()

    assert await harness.keeper.written() - before == 3


@pytest.mark.parametrize(("age", "rings"), [(0, 1), (3 * HOUR, 0)])
async def test_an_alarm_in_dollars_rings_by_no_price_that_is_old_by_its_source(
    watching: PollerHarness, age: float, rings: int
) -> None:
    below = AlarmTerms(Side.BELOW, Level(Decimal(1), Unit.DOLLARS))
    watching.source.holds(USDC, 5_000_000, block=11)
    await next_change(watching)
    by = ValueTerms(VERIFIED, REGISTRY)
    await watching.keeper.db.run(firings.set_alarm, OLGA, TREASURY, below, olga(), by=by)
    watching.source.price = "0.1"
    watching.source.price_updated_at = at(watching.clock.seconds + INTERVAL - age)
    watching.clock.seconds += INTERVAL
    await watching.poller.sweep()

    assert len(await watching.keeper.rows("SELECT 1 FROM firing")) == rings
