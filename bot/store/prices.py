"""What assets were last worth: what is lost is no longer in an answer, and a restart forgets answers."""

from collections.abc import Collection
from datetime import timedelta

from sqlite_utils import Database

from bot.domain.assets import Asset, Price
from bot.store.database import transaction
from bot.store.rows import to_asset, to_blob, to_milliseconds, to_moment

KEPT_ANEW_AFTER = timedelta(hours=1)
"""A stored price is left alone for so long: a quiet sweep writes none."""


def last_prices(db: Database) -> dict[Asset, Price]:
    """Return what each asset was last seen to be worth, of those that had a price."""
    rows = db.execute(
        "SELECT chain_id, contract, price_usd, priced_at FROM asset WHERE price_usd IS NOT NULL"
    )
    return {to_asset(chain_id, contract): Price(usd, to_moment(at)) for chain_id, contract, usd, at in rows}


def save_prices(db: Database, prices: Collection[tuple[Asset, Price]]) -> None:
    """Store what assets are worth, of those that are stored."""
    with transaction(db):
        db.conn.executemany(
            "UPDATE asset SET price_usd = ?, priced_at = ? WHERE chain_id = ? AND contract = ?",
            [
                (price.usd, to_milliseconds(price.seen_at), asset.chain_id, to_blob(asset.contract))
                for asset, price in prices
            ],
        )
