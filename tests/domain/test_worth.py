"""What holdings are worth: exact sums, and what is not in them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import HeldBack
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartKind, PartSeen
from bot.domain.observe.worth import Worth, dollars, worth_of
from tests.builders import NOON
from tests.chat.reading import BASE, CHAINS, ETHEREUM, OTHER, POLYGON, USDC

HOUR = timedelta(hours=1)


def held(
    amount: int,
    price: str | None = None,
    *,
    decimals: int | None = 6,
    contract: Address = USDC,
    kind: str = "ERC20",
    chain_id: ChainId = ETHEREUM,
) -> NamedBalance:
    asset = Asset(chain_id, contract)
    return NamedBalance(asset, Description(kind, "T", decimals, price_usd=price), Amount(amount))


def seen(*holds: NamedBalance, left_out: int = 0) -> PartSeen:
    return PartSeen(PartKind.TOKENS, NOON, None, holds, left_out)


def chain(*parts: PartSeen, chain_id: ChainId = ETHEREUM) -> ChainHoldings:
    return ChainHoldings(chain_id, parts)


# ---------------------------------------------------------------- one balance


@pytest.mark.parametrize(
    ("decimals", "price"),
    [(None, "1"), (6, None), (6, "0"), (6, "dear"), (6, "-1"), (0, "9" * 60)],
    ids=["no decimals", "no price", "free", "no number", "negative", "absurd"],
)
def test_what_nobody_can_tell_is_worth_nothing_that_is_said(decimals: int | None, price: str | None) -> None:
    assert dollars(5_000_000, decimals, price) is None


def test_a_price_that_is_too_old_to_count_is_told_from_none() -> None:
    old = held(5)
    old = old._replace(description=old.description._replace(price_updated_at=NOON - HOUR))

    worth = worth_of([chain(seen(old, held(5), held(5, "1"), held(5, "0")))], CHAINS)

    assert (worth.priced, worth.unpriced, worth.outdated) == (1, 3, 1)


def test_nothing_is_worth_nothing() -> None:
    assert dollars(0, 6, "1") is None


@given(st.integers(1, 10**24), st.integers(0, 77), st.decimals("0.000001", "999.999999", places=6))
def test_worth_is_exact(amount: int, decimals: int, price: Decimal) -> None:
    value = dollars(amount, decimals, f"{price:f}")

    assert value is not None
    assert Fraction(value) == Fraction(price) * amount / 10**decimals


def test_all_there_can_be_of_a_dear_token_is_a_mistake() -> None:
    assert dollars(AMOUNT_MAX, 0, "1000") is None


# ---------------------------------------------------------------- a sum


@given(st.lists(st.tuples(st.integers(0, 10**20), st.none() | st.decimals(0, 10**6, places=8)), max_size=20))
def test_a_sum_is_what_its_balances_are_worth_and_counts_the_others(
    balances: list[tuple[int, Decimal | None]],
) -> None:
    holds = [held(amount, None if price is None else f"{price:f}") for amount, price in balances if amount]

    total = worth_of([chain(seen(*holds))], CHAINS)

    values = [Fraction(price) * amount / 10**6 for amount, price in balances if amount and price is not None]
    assert Fraction(total.usd) == sum(values)
    assert total.priced == sum(value > 0 for value in values)
    assert total.priced + total.unpriced == len(holds)


def test_accounts_are_worth_together_what_each_is_worth() -> None:
    one, other = chain(seen(held(1, "1"))), chain(seen(held(2, "3")), chain_id=BASE)

    assert worth_of([one], CHAINS).merged(worth_of([other], CHAINS)) == worth_of([one, other], CHAINS)


def test_the_coin_of_a_chain_has_the_decimals_of_its_chain() -> None:
    coin = held(10**18, "2500", decimals=None, contract=NATIVE, kind="NATIVE")

    assert worth_of([chain(seen(coin))], CHAINS).usd == 2500


# ---------------------------------------------------------------- what is not in it


def test_what_is_not_counted_is_in_it_by_number_and_by_chain() -> None:
    unread = chain(PartSeen(PartKind.TOKENS, None), chain_id=BASE)
    whole = chain(seen(held(1_000_000, "1"), held(7, contract=OTHER), left_out=2))

    assert worth_of([whole, unread], CHAINS) == Worth(
        usd=Decimal(1), priced=1, unpriced=1, ignored=2, unknown=frozenset({BASE})
    )


def test_what_gives_no_answer_counts_as_last_known() -> None:
    blind = PartSeen(PartKind.TOKENS, NOON, NOON, (held(1_000_000, "1", chain_id=POLYGON),))

    assert worth_of([chain(blind, chain_id=POLYGON)], CHAINS) == Worth(
        usd=Decimal(1), priced=1, last_known=frozenset({POLYGON})
    )


def test_what_was_seen_too_long_ago_counts_as_last_known() -> None:
    late = replace(seen(held(1_000_000, "1", chain_id=POLYGON)), is_late=True)

    assert worth_of([chain(late, chain_id=POLYGON)], CHAINS) == Worth(
        usd=Decimal(1), priced=1, last_known=frozenset({POLYGON})
    )


def test_what_is_held_back_counts_as_last_known() -> None:
    doubted = replace(chain(seen(held(1_000_000, "1"))), held_back=HeldBack(12, 13))

    assert worth_of([doubted], CHAINS) == Worth(
        usd=Decimal(1), priced=1, last_known=frozenset({doubted.chain_id})
    )


def test_nothing_held_is_worth_nothing() -> None:
    assert worth_of([chain(seen())], CHAINS) == worth_of([], CHAINS) == Worth()
