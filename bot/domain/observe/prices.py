"""When a price is new enough to be stored: one that moves little need not be written with each sweep."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.assets import Asset, Price

PRICE_STEP = 0.01
"""A share by which a price has to move to be stored at once: what is shown is never further off."""

PRICE_RENEWED_AFTER = timedelta(minutes=30)
"""A stored price that the source still names is written anew after so long, however little it moved."""

PRICE_KEPT = timedelta(hours=1)
"""A stored price that is older is none, unless sweeps are rarer."""


def price_kept(late_after_seconds: float) -> timedelta:
    """Return how old a stored price may be, where a sweep is late after so many seconds."""
    # Where sweeps are rarer than an hour, the newest price is older than that and still the newest.
    return max(PRICE_KEPT, timedelta(seconds=late_after_seconds))


def prices_to_store(
    said: Mapping[Asset, str], seen_at: datetime, stored: Mapping[Asset, Price]
) -> dict[Asset, Price]:
    """Return of what the source says at a moment the prices that are to replace what is stored.

    A price of the future, as a clock that was set back leaves it, is replaced at once.
    """
    renewed_before = seen_at - PRICE_RENEWED_AFTER
    result = {}
    for asset, usd in said.items():
        known = stored.get(asset)
        # In one expression, without calls: there are thousands of prices in each sweep.
        if (
            known is None
            or not renewed_before < known.seen_at <= seen_at
            or (usd != known.usd and abs(float(usd) - (before := float(known.usd))) >= PRICE_STEP * before)
        ):
            result[asset] = Price(usd, seen_at)
    return result
