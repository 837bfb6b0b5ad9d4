"""The line of what holdings are worth, and of what is not in the sum."""

from decimal import Decimal

import pytest

from bot.chat.text.prices import worth_line
from bot.domain.observe.worth import Worth
from tests.chat.reading import BASE, CHAINS, POLYGON


@pytest.mark.parametrize(
    ("worth", "line"),
    [
        (Worth(usd=Decimal(53), priced=2), "Worth $53.00"),
        (Worth(usd=Decimal("0.000001"), priced=1), "Worth <$0.01"),
        (
            Worth(usd=Decimal(1), priced=1, unpriced=1, unknown=frozenset({BASE})),
            "Worth $1.00, not counting 1 balance without a price and what is unknown on Base",
        ),
        (
            Worth(usd=Decimal(1), priced=1, ignored=2),
            "Worth $1.00, not counting 2 balances of ignored tokens",
        ),
        (
            Worth(usd=Decimal(1), priced=1, last_known=frozenset({POLYGON})),
            "Worth $1.00; on Polygon as last known",
        ),
        (
            Worth(usd=Decimal(1), priced=1, unpriced=3, outdated=1),
            "Worth $1.00, not counting 2 balances without a price and 1 balance whose price is old",
        ),
        (
            Worth(usd=Decimal(1), priced=1, unpriced=2, outdated=2),
            "Worth $1.00, not counting 2 balances whose price is old",
        ),
        (Worth(unpriced=1), "Worth unknown: no price of it is known."),
        (Worth(unpriced=2, outdated=1), "Worth unknown: no current price of it is known."),
        (Worth(unknown=frozenset({BASE})), ""),
        (Worth(), ""),
    ],
    ids=[
        "whole",
        "dust",
        "not counted",
        "ignored",
        "last known",
        "old prices",
        "old prices alone",
        "without prices",
        "without current prices",
        "unknown",
        "nothing",
    ],
)
def test_a_line_says_the_sum_and_what_is_not_in_it(worth: Worth, line: str) -> None:
    assert worth_line(worth, CHAINS).visible == line
