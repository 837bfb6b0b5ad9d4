"""When the source is asked again what an asset is."""

from datetime import timedelta
from itertools import pairwise

import pytest

from bot.domain.assets import Description
from bot.domain.observe.descriptions import LONGEST_PAUSE, REFRESHED_AFTER, asked_again_in, is_complete


def test_what_is_complete_is_refreshed_after_a_week() -> None:
    assert asked_again_in(0) == REFRESHED_AFTER


def test_what_is_open_is_asked_soon_then_less_often_but_never_given_up() -> None:
    pauses = [asked_again_in(asked) for asked in range(1, 12)]

    assert [pause // timedelta(minutes=1) for pause in pauses[:4]] == [1, 2, 4, 8]
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert pauses[-1] == asked_again_in(10**6) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("description", "complete"),
    [
        (Description("ERC20", "USDC", 6), True),
        (Description("ERC20", "USDC", 0), True),
        (Description("ERC20", "USDC"), False),
        (Description("ERC20", None, 6), False),
        (Description("ERC1155", "GOLD"), True),
        (Description("ERC1155"), False),
        (Description("UNKNOWN"), False),
    ],
)
def test_symbol_and_decimals_make_a_description_complete(description: Description, *, complete: bool) -> None:
    assert is_complete(description) == complete
