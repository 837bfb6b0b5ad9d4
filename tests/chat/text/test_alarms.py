"""What people read of alarms."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.chat.text.alarms import amount_shown, ended, how_long, rang, repeated
from bot.domain.assets import NATIVE
from bot.domain.deliver.alerts import AlarmEnded, AlarmRang, AlarmRepeated, AlarmSubject
from bot.domain.rules.alarms import Side
from tests.builders import BASE, NOON, POLYGON, REGISTRY, TREASURY

RELAYER = AlarmSubject(2, TREASURY, "Relayer", (BASE,), Side.BELOW, Decimal("0.5"), NATIVE, "ETH")
TOTAL = RELAYER._replace(chains=(BASE, POLYGON), is_sum=True)
WORTH = RELAYER._replace(level=Decimal(1000), contract=None, symbol="", is_sum=True, is_in_dollars=True)
RANG = AlarmRang(RELAYER, 1, Decimal("0.493000012345"))
LATER = NOON + timedelta(hours=3, minutes=10)


def test_a_ring_says_whose_what_and_below_which_level() -> None:
    assert rang(RANG, REGISTRY).visible == "⏰ Relayer · Base: 0.493000… ETH, below 0.5"


def test_a_sum_says_so_and_names_no_chain() -> None:
    assert rang(replace(RANG, subject=TOTAL), REGISTRY).visible == (
        "⏰ Relayer: 0.493000… ETH in total, below 0.5"
    )


def test_a_ring_by_price_says_that_and_what_has_no_price() -> None:
    by_price = AlarmRang(WORTH, 1, Decimal("999.994"), is_by_price=True, unpriced=2)

    assert rang(by_price, REGISTRY).visible == (
        "⏰ Relayer: worth $999.99, below $1,000.00"
        " (by price, no amount changed; 2 balances without a price not counted)"
    )


@pytest.mark.parametrize(
    ("value", "unknown_since", "by", "text"),
    [
        ("0.4", None, "", "⏰ Relayer · Base: still 0.4 ETH, below 0.5 since 12:00 UTC"),
        ("0.4", None, "Olga", "⏰ Relayer · Base: still 0.4 ETH, below 0.5 since 12:00 UTC (Olga had it)"),
        (None, LATER, "", "⏰ Relayer · Base: unknown since 15:10 UTC; when last read it was below 0.5"),
    ],
)
def test_a_repetition_says_the_amount_or_that_it_is_unknown(
    value: str | None, unknown_since: datetime | None, by: str, text: str
) -> None:
    number = None if value is None else Decimal(value)

    assert (
        repeated(AlarmRepeated(RELAYER, 1, NOON, number, unknown_since, by), REGISTRY, NOON).visible == text
    )


def test_an_end_says_for_how_long_it_was_so() -> None:
    one = AlarmEnded(RELAYER, 1, NOON, Decimal("1.2"))

    assert ended(one, REGISTRY, LATER).visible == (
        "✓ Relayer · Base: 1.2 ETH again, was below 0.5 for 3 h 10 min"
    )


def test_an_account_without_a_name_is_its_address() -> None:
    assert "0x" in rang(replace(RANG, subject=RELAYER._replace(label="")), REGISTRY).visible


@pytest.mark.parametrize(
    ("value", "text"),
    [("0", "0"), ("1E+3", "1,000"), ("1234.5", "1,234.5"), ("0.0000001", "0.000000…"), ("-2.5", "−2.5")],
)
def test_amounts_are_exact_but_for_a_cut_that_is_marked(value: str, text: str) -> None:
    assert amount_shown(Decimal(value)) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=3, seconds=5), "3 min"),
        (timedelta(hours=3, minutes=10), "3 h 10 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=1, hours=2, minutes=5), "1 day 2 h"),
        (-timedelta(minutes=1), "0 s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, text: str) -> None:
    assert how_long(span) == text
