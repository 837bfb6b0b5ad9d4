"""When a price is new enough to be stored: one that moves little need not be written with each sweep."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.assets import Asset, Description, Price, Quote

PRICE_STEP = 0.01
"""A share by which a price has to move to be stored at once: what is shown is never further off."""

PRICE_RENEWED_AFTER = timedelta(minutes=30)
"""A stored price that the source still names is written anew after so long, however little it moved."""

PRICE_ASKED_AFTER = timedelta(minutes=15)
"""The source is asked for the price of what is held, if the stored one is older."""

UNPRICED_ASKED_AFTER = timedelta(days=1)
"""The source is asked again for the price of what it had none of."""

STAMP_BELIEVED = timedelta(days=30)
"""A moment that a source names with a price and that is longer ago is none that it keeps up to date."""

PRICE_KEPT = timedelta(hours=1)
"""A stored price that is older is none, unless sweeps are rarer."""


def price_kept(late_after_seconds: float) -> timedelta:
    """Return how old a stored price may be, where a sweep is late after so many seconds."""
    # Where sweeps are rarer than an hour, the newest price is older than that and still the newest.
    return max(PRICE_KEPT, timedelta(seconds=late_after_seconds))


def price_of(quote: Quote, read_at: datetime) -> Price:
    """Return a price with the moment of which it is: the source's where that can be right, else `read_at`.

    One of the future can't be. One of a month ago is taken for a word that nobody keeps up: the same answer
    values balances by that price.
    """
    updated_at = quote.updated_at
    can_be_right = updated_at is not None and read_at - STAMP_BELIEVED < updated_at <= read_at
    return Price(quote.usd, updated_at if updated_at is not None and can_be_right else read_at)


def described_price(said: Description, read_at: datetime) -> Price | None:
    """Return the price in a description, with the moment of which it is; None: it names none."""
    if said.price_usd is None:
        return None
    return price_of(Quote(said.price_usd, said.price_updated_at), read_at)


def prices_to_store(
    said: Mapping[Asset, Quote], read_at: datetime, stored: Mapping[Asset, Price]
) -> dict[Asset, Price]:
    """Return of what the source says at a moment the prices that are to replace what is stored.

    An older price replaces no newer one, but for one of the future, as a clock that was set back leaves it.
    """
    result = {}
    earliest = read_at - STAMP_BELIEVED
    for asset, (usd, updated_at) in said.items():
        known = stored.get(asset)
        at = updated_at if updated_at is not None and earliest < updated_at <= read_at else read_at
        # In one expression, without calls: there are thousands of prices in each sweep.
        if (
            known is None
            or not at - PRICE_RENEWED_AFTER < known.seen_at <= read_at
            or (
                usd != known.usd
                and at >= known.seen_at
                and abs(float(usd) - (before := float(known.usd))) >= PRICE_STEP * before
            )
        ):
            result[asset] = Price(usd, at)
    return result
