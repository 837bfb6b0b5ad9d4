"""The last known prices of assets.

They are stored because an answer has no price for a token that the account no longer holds, which is when
an alert about it is sent.
"""

from collections.abc import Collection
from datetime import timedelta

from bot.domain.assets import Asset, Price
from bot.store.database.door import Database
from bot.store.rows import to_asset, to_blob, to_milliseconds, to_moment

PRICES_SAVED_EVERY = timedelta(hours=1)
"""A stored price is not replaced before: a sweep without changes writes nothing."""


def last_prices(db: Database) -> dict[Asset, Price]:
    """Return the last known price of each asset that ever had one."""
    rows = db.execute(
        "SELECT chain_id, contract, price_usd, priced_at FROM asset WHERE price_usd IS NOT NULL"
    )
    return {to_asset(chain_id, contract): Price(usd, to_moment(at)) for chain_id, contract, usd, at in rows}


def save_prices(db: Database, prices: Collection[tuple[Asset, Price]]) -> None:
    """Store prices of assets; those of unknown assets are left out."""
    with db.transaction():
        db.executemany(
            "UPDATE asset SET price_usd = ?, priced_at = ? WHERE chain_id = ? AND contract = ?",
            [
                (price.usd, to_milliseconds(price.seen_at), asset.chain_id, to_blob(asset.contract))
                for asset, price in prices
            ],
        )
