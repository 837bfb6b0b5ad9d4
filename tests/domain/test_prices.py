"""Which prices are stored: new ones, those that moved by a step, and those that were not written for long."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Price, Quote
from bot.domain.observe.prices import PRICE_RENEWED_AFTER, PRICE_STEP, price_of, prices_to_store
from tests.builders import NOON, asset

SOON = NOON + timedelta(minutes=1)
ASSET = asset()


def is_to_store(stored: Price | None, usd: str, seen_at: datetime) -> bool:
    """Return whether a price is to replace what is stored of its asset, if anything is."""
    new = prices_to_store({ASSET: Quote(usd)}, seen_at, {ASSET: stored} if stored else {})
    assert new in ({}, {ASSET: Price(usd, seen_at)})
    return bool(new)


def test_the_first_price_is_stored() -> None:
    assert is_to_store(None, "1", NOON)


@pytest.mark.parametrize(
    ("before", "now", "is_stored"),
    [
        ("100", "100", False),
        ("100", "100.9", False),
        ("100", "101", True),
        ("100", "99", True),
        ("0.00000001", "0.000000011", True),
        ("0", "0.0", True),
        ("0", "1", True),
        ("1", "0", True),
        ("1", "9" * 400, True),
    ],
)
def test_a_price_that_moved_by_a_step_is_stored(before: str, now: str, *, is_stored: bool) -> None:
    assert is_to_store(Price(before, NOON), now, SOON) == is_stored


@pytest.mark.parametrize(
    ("age", "is_stored"),
    [
        (timedelta(0), False),
        (PRICE_RENEWED_AFTER - timedelta(seconds=1), False),
        (PRICE_RENEWED_AFTER, True),
        (timedelta(seconds=-1), True),
    ],
)
def test_a_price_that_stays_is_stored_after_a_while_and_one_of_the_future_at_once(
    age: timedelta, *, is_stored: bool
) -> None:
    assert is_to_store(Price("1", NOON), "1", NOON + age) == is_stored


@pytest.mark.parametrize(
    ("updated_at", "at"),
    [
        (None, NOON),
        (NOON, NOON),
        (NOON - timedelta(days=3), NOON - timedelta(days=3)),
        (NOON - timedelta(days=30, milliseconds=-1), NOON - timedelta(days=30, milliseconds=-1)),
        (NOON - timedelta(days=30), NOON),
        (SOON, NOON),
    ],
)
def test_a_price_is_as_old_as_its_source_says_unless_that_can_not_be_right(
    updated_at: datetime | None, at: datetime
) -> None:
    assert price_of(Quote("1", updated_at), NOON) == Price("1", at)
    assert prices_to_store({ASSET: Quote("1", updated_at)}, NOON, {}) == {ASSET: Price("1", at)}


@pytest.mark.parametrize(
    ("stored", "updated_at", "is_stored"),
    [
        (NOON - timedelta(minutes=5), NOON - timedelta(minutes=1), True),
        (NOON - timedelta(minutes=1), NOON - timedelta(minutes=5), False),
        (NOON - timedelta(minutes=5), NOON - timedelta(minutes=5), True),
        (SOON, NOON - timedelta(days=1), True),
    ],
)
def test_an_older_price_replaces_no_newer_one_but_one_of_the_future(
    stored: datetime, updated_at: datetime, *, is_stored: bool
) -> None:
    new = prices_to_store({ASSET: Quote("2", updated_at)}, NOON, {ASSET: Price("1", stored)})

    assert new == ({ASSET: Price("2", updated_at)} if is_stored else {})


def test_an_old_price_that_is_said_again_and_again_is_stored_once() -> None:
    old = NOON - timedelta(days=2)
    new = prices_to_store({ASSET: Quote("1", old)}, NOON, {})

    assert new == {ASSET: Price("1", old)}
    assert prices_to_store({ASSET: Quote("1", old)}, SOON, new) == {}


@given(st.lists(st.decimals(min_value="0.01", max_value="1e9", places=2), min_size=1))
def test_however_prices_move_what_is_stored_is_never_further_off_than_a_step(said: list[object]) -> None:
    stored: Price | None = None
    for usd in map(str, said):
        if is_to_store(stored, usd, SOON):
            stored = Price(usd, SOON)
        assert stored is not None
        assert abs(float(usd) - float(stored.usd)) < PRICE_STEP * float(stored.usd) or usd == stored.usd
