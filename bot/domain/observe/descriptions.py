"""When the source is asked again what an asset is."""

from datetime import timedelta

from bot.domain.assets import Description

REFRESHED_AFTER = timedelta(days=7)
"""Names and decimals change, if seldom."""

TRUSTED_IN_ALERTS_FOR = timedelta(days=1)
"""What is older is asked for before an alert tells an amount by it."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)


def is_complete(description: Description) -> bool:
    """Whether nothing is missing that amounts are told with; items may have no decimals."""
    has_decimals = description.decimals is not None or description.is_collection
    return description.symbol is not None and has_decimals


def asked_again_in(asked_in_vain: int) -> timedelta:
    """Return how long what was just described stands, after so many answers in a row that left it open."""
    if not asked_in_vain:
        return REFRESHED_AFTER
    doublings = min(asked_in_vain - 1, 16)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
