"""Which differences of a balance a condition means, and which nobody can judge."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, Amount, Asset, ChainId
from bot.domain.rules.conditions import (
    Condition,
    Counterparties,
    Counterparty,
    Difference,
    Direction,
    Judgement,
    Level,
    Unit,
    judge,
    price_that_counts,
)
from tests.builders import DAI, NOON, TREASURY, USDC

POLYGON, BASE = ChainId(137), ChainId(8453)
USD_COIN = Asset(POLYGON, USDC)

MET, NOT_MET = Judgement.MET, Judgement.NOT_MET


def difference(
    told: int,
    now: int,
    *,
    decimals: int | None = 6,
    price: str | None = "1",
    exchanged: int = 0,
    asset: Asset = USD_COIN,
) -> Difference:
    return Difference(asset, Amount(told), Amount(now), decimals, price, exchanged)


def least(number: str, unit: Unit = Unit.TOKENS, *assets: Asset) -> Level:
    return Level(Decimal(number), unit, frozenset(assets))


def of(*levels: Level, direction: Direction | None = None) -> Condition:
    return Condition(direction, levels)


MILLION = 1_000_000


@pytest.mark.parametrize(
    ("condition", "moved", "expected"),
    [
        (Condition(), difference(5, 4), MET),
        (of(direction=Direction.IN), difference(5, 4), NOT_MET),
        (of(direction=Direction.IN), difference(4, 5), MET),
        (of(direction=Direction.OUT), difference(4, 5), NOT_MET),
        (of(direction=Direction.OUT), difference(5, 4), MET),
        # Exactly the level is enough, the smallest unit less is not.
        (of(least("1")), difference(MILLION, 0), MET),
        (of(least("1")), difference(MILLION, 1), NOT_MET),
        (of(least("0.000001")), difference(1, 0), MET),
        (of(least("1")), difference(1, 0, decimals=None), Judgement.NO_DECIMALS),
        (of(least("1", Unit.DOLLARS)), difference(0, MILLION), MET),
        (of(least("1", Unit.DOLLARS)), difference(0, MILLION, price="0.99"), NOT_MET),
        (of(least("1", Unit.DOLLARS)), difference(0, MILLION, price=None), Judgement.NO_PRICE),
        (of(least("1", Unit.DOLLARS)), difference(0, MILLION, price="dear"), Judgement.NO_PRICE),
        (of(least("1", Unit.DOLLARS)), difference(0, MILLION, decimals=None), Judgement.NO_DECIMALS),
        # Of what was last reported; all of it, and anything where there was nothing, at any level.
        (of(least("5", Unit.PERCENT)), difference(100, 95), MET),
        (of(least("5", Unit.PERCENT)), difference(100, 96), NOT_MET),
        (of(least("5", Unit.PERCENT)), difference(100, 95, decimals=None), MET),
        (of(least("200", Unit.PERCENT)), difference(100, 0), MET),
        (of(least("200", Unit.PERCENT)), difference(0, 1), MET),
        (of(least("200", Unit.PERCENT)), difference(100, 1), NOT_MET),
        # An exchange of items counts those that came, whichever way is meant.
        (of(least("1")), difference(3, 3, decimals=0, exchanged=1), MET),
        (of(least("2")), difference(3, 3, decimals=0, exchanged=1), NOT_MET),
        (of(direction=Direction.OUT), difference(3, 3, decimals=0, exchanged=1), MET),
        # Both have to be so.
        (of(least("1"), direction=Direction.IN), difference(MILLION, 0), NOT_MET),
        # A direction that is wrong for certain needs no price.
        (of(least("1", Unit.DOLLARS), direction=Direction.IN), difference(1, 0, price=None), NOT_MET),
    ],
)
def test_a_difference_meets_what_is_said_of_it(
    condition: Condition, moved: Difference, expected: Judgement
) -> None:
    assert judge(condition, moved) is expected


def test_a_chain_that_is_not_named_is_not_meant() -> None:
    on_base = Condition(chains=frozenset({BASE}))

    assert judge(on_base, difference(5, 4)) is NOT_MET
    assert judge(on_base, difference(5, 4, asset=Asset(BASE, USDC))) is MET


def test_the_level_of_a_token_counts_before_that_of_all_and_says_nothing_of_others() -> None:
    usdc, everything = least("100", Unit.TOKENS, USD_COIN), least("1")
    other = Asset(POLYGON, DAI)

    assert judge(of(everything, usdc), difference(MILLION, 0)) is NOT_MET
    assert judge(of(everything, usdc), difference(MILLION, 0, asset=other)) is MET
    assert judge(of(usdc), difference(1, 0, asset=other)) is MET


PAYROLL, TAX = Counterparty(TREASURY, "Payroll"), Counterparty(DAI)
TO_THEM = Condition(Direction.OUT, counterparties=(PAYROLL, TAX))


def between(*senders: Counterparty, to: tuple[Counterparty, ...] = (), whole: bool = True) -> Counterparties:
    return Counterparties(
        frozenset(one.address for one in senders), frozenset(one.address for one in to), whole
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (between(to=(PAYROLL,)), MET),
        (between(to=(TAX,)), MET),
        (between(to=(Counterparty(USDC), TAX)), MET),
        (between(to=(Counterparty(USDC),)), NOT_MET),
        # Who sent is not who was sent to.
        (between(PAYROLL), NOT_MET),
        # One that is known is enough; who else there was may be any of them.
        (between(to=(PAYROLL,), whole=False), MET),
        (between(to=(Counterparty(USDC),), whole=False), Judgement.NO_TRANSFERS),
        (None, Judgement.NO_TRANSFERS),
    ],
)
def test_any_of_those_that_are_named_is_enough_and_unknown_is_not_nobody(
    known: Counterparties | None, expected: Judgement
) -> None:
    assert judge(TO_THEM, difference(5, 4)._replace(counterparties=known)) is expected


def test_what_comes_from_somebody_is_no_matter_of_what_goes_there() -> None:
    from_them = Condition(Direction.IN, counterparties=(PAYROLL,))

    assert judge(from_them, difference(4, 5)._replace(counterparties=between(PAYROLL))) is MET
    assert judge(from_them, difference(4, 5)._replace(counterparties=between(to=(PAYROLL,)))) is NOT_MET
    assert judge(from_them, difference(5, 4)._replace(counterparties=between(PAYROLL))) is NOT_MET


@pytest.mark.parametrize("known", [None, between(to=(PAYROLL,)), between(PAYROLL, to=(TAX,))])
def test_what_amounts_do_not_meet_is_not_met_whoever_it_was(known: Counterparties | None) -> None:
    condition = Condition(Direction.OUT, (least("1"),), counterparties=(PAYROLL, TAX))

    assert judge(condition, difference(MILLION, 1)._replace(counterparties=known)) is NOT_MET
    assert judge(condition, difference(0, MILLION)._replace(counterparties=known)) is NOT_MET


def test_without_a_price_who_it_was_decides_first() -> None:
    condition = Condition(Direction.OUT, (least("1", Unit.DOLLARS),), counterparties=(PAYROLL,))
    unpriced = difference(MILLION, 0, price=None)

    assert judge(condition, unpriced._replace(counterparties=between(to=(PAYROLL,)))) is Judgement.NO_PRICE
    assert judge(condition, unpriced._replace(counterparties=between(to=(TAX,)))) is NOT_MET
    # So nothing that is known later can turn what another filter was unsure of into “not met”.
    assert judge(condition, unpriced) is Judgement.NO_TRANSFERS


def test_what_was_held_back_before_does_not_hide_what_goes_to_somebody() -> None:
    paid = difference(9, 4)
    sum_of_both = difference(0, 4)._replace(alone=paid, counterparties=between(to=(PAYROLL,)))

    assert judge(TO_THEM, sum_of_both) is MET
    # A direction alone is that of the sum, as ever.
    assert judge(Condition(Direction.OUT), sum_of_both) is NOT_MET


@given(
    st.integers(0, AMOUNT_MAX),
    st.integers(0, AMOUNT_MAX),
    st.integers(0, 30),
    st.decimals("0.000001", 10**9, places=6),
)
def test_a_level_is_compared_exactly(told: int, now: int, decimals: int, number: Decimal) -> None:
    moved = difference(told, now, decimals=decimals)

    expected = Fraction(abs(now - told), 10**decimals) >= Fraction(number)

    assert (judge(of(Level(number)), moved) is MET) == expected


def test_a_price_counts_for_an_hour() -> None:
    assert price_that_counts("2", None, NOON) == "2"
    assert price_that_counts("2", NOON - timedelta(hours=1), NOON) == "2"
    assert price_that_counts("2", NOON - timedelta(hours=1, seconds=1), NOON) is None
    assert price_that_counts(None, None, NOON) is None
