"""Sparklines: seven days of a balance in seven characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.history.sparkline import sparkline

HEIGHTS = "▁▂▃▄▅▆▇"
AMOUNTS = st.lists(st.none() | st.integers(0, 2**256 - 1), max_size=7)


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ([1, 2, 2, 5, 7], "▁▂▂▅▇"),
        ([7, 0], "▇▁"),
        ([None, None, 3, 4], "··▁▇"),
        ([10**77, 10**77 + 1], "▁▇"),
        ([5, 5, 5], ""),
        ([None, 5], ""),
        ([None, None], ""),
        ([], ""),
    ],
)
def test_amounts_are_shown_by_height(amounts: list[int | None], shown: str) -> None:
    assert sparkline(amounts) == shown


@given(AMOUNTS)
def test_each_amount_has_a_character_and_a_higher_one_is_never_lower(amounts: list[int | None]) -> None:
    shown = sparkline(amounts)
    known = {amount for amount in amounts if amount is not None}
    if len(known) < 2:
        assert shown == ""
        return
    pairs = list(zip(amounts, shown, strict=True))
    assert all((amount is None) == (character == "·") for amount, character in pairs)
    heights = sorted((amount, HEIGHTS.index(shown)) for amount, shown in pairs if amount is not None)
    assert [height for _, height in heights] == sorted(height for _, height in heights)
    assert (heights[0][1], heights[-1][1]) == (0, 6)
