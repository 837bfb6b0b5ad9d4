"""The last known prices of assets, each with the moment when the source said so.

/balance shows them, and an alert about a token that an account no longer holds, for which an answer has none.
"""

from collections.abc import Collection

from bot.domain.assets import Asset, Price
from bot.store.database.door import Database
from bot.store.rows import to_blob, to_milliseconds


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
