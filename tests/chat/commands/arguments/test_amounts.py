"""What people type as an amount, and what of it is refused instead of guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.amounts import TypedAmount, read_amount, write_amount
from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.assets import NATIVE, Asset, ChainId
from bot.domain.rules.conditions import Level, Unit
from tests.builders import USDC


@pytest.mark.parametrize(
    ("typed", "number", "unit", "symbol"),
    [
        ("1000", "1000", Unit.TOKENS, ""),
        ("1,000", "1000", Unit.TOKENS, ""),
        ("130,000.5", "130000.5", Unit.TOKENS, ""),
        ("1_000", "1000", Unit.TOKENS, ""),
        ("10k", "10000", Unit.TOKENS, ""),
        ("1.5M", "1500000", Unit.TOKENS, ""),
        ("2bn", "2000000000", Unit.TOKENS, ""),
        ("$500", "500", Unit.DOLLARS, ""),
        ("$ 10k", "10000", Unit.DOLLARS, ""),
        ("500 USD", "500", Unit.DOLLARS, ""),
        ("500usd", "500", Unit.DOLLARS, ""),
        ("500 $", "500", Unit.DOLLARS, ""),
        ("5%", "5", Unit.PERCENT, ""),
        ("0.5 percent", "0.5", Unit.PERCENT, ""),
        ("0.5 ETH", "0.5", Unit.TOKENS, "ETH"),
        ("0.5ETH", "0.5", Unit.TOKENS, "ETH"),
        ("10k USDC", "10000", Unit.TOKENS, "USDC"),
        ("0", "0", Unit.TOKENS, ""),
    ],
)
def test_an_amount_is_read(typed: str, number: str, unit: Unit, symbol: str) -> None:
    assert read_amount(typed) == TypedAmount(Decimal(number), unit, symbol)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("1,5", "1,5 could be 1.5 or 15. Write one of these."),
        ("1,0000", "1,0000 could be 1.0000 or 10000. Write one of these."),
        ("1.000,50", "1.000,50 isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("12,34,567", "12,34,567 isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("1 000", "1 000 isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("-5", "-5 isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("much", "much isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("$5 USDC", "USDC stands behind an amount and is no part of it."),
        ("5 USDC or so", "or so stands behind an amount and is no part of it."),
        ("9" * 81, "9999999999…9999 is more than there can be."),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_both(typed: str, says: str) -> None:
    with pytest.raises(LineRefused) as refused:
        read_amount(typed)

    assert refused.value.sentence.visible == says


def test_tokens_are_named_by_their_contracts_too() -> None:
    read = read_amount(f"5 eth:{USDC} polygon:{USDC}")

    assert (read.number, read.symbol) == (Decimal(5), "")
    assert [(one.address, one.hints) for one in read.contracts] == [(USDC, ("eth",)), (USDC, ("polygon",))]


NUMBERS = st.decimals(0, 10**40, places=18)


@given(NUMBERS, st.sampled_from(Unit))
def test_what_is_written_is_read_as_the_same(number: Decimal, unit: Unit) -> None:
    read = read_amount(write_amount(Level(number, unit)))

    assert (read.number, read.unit) == (number, unit)


@given(NUMBERS, st.sets(st.integers(1, 2**40).map(ChainId), min_size=1, max_size=3))
def test_tokens_are_written_as_exactly_these(number: Decimal, chains: set[ChainId]) -> None:
    level = Level(number, assets=frozenset(Asset(chain_id, USDC) for chain_id in chains), symbol="USDC")

    read = read_amount(write_amount(level))

    assert read.number == number
    assert {one.hints for one in read.contracts} == {(f"eip155:{chain_id}",) for chain_id in chains}


def test_a_coin_is_written_by_its_symbol() -> None:
    level = Level(Decimal("0.5"), assets=frozenset({Asset(ChainId(1), NATIVE)}), symbol="ETH")

    assert write_amount(level) == "0.5 ETH"
