"""The last known prices of assets, each with the moment when the source said so.

/balance shows them, and an alert about a token that an account no longer holds, for which an answer has none.
"""

from collections.abc import Collection
from datetime import datetime

from bot.domain.assets import NATIVE, SINGLE_BALANCE_KINDS, Asset, Price
from bot.domain.observe.prices import PRICE_ASKED_AFTER, UNPRICED_ASKED_AFTER
from bot.store.database.door import Database
from bot.store.rows import to_asset, to_blob, to_milliseconds


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


def prices_to_ask(db: Database, now: datetime, limit: int) -> list[Asset]:
    """Return held tokens whose stored price is missing or old, those that had one first.

    What the source had no price of is left out for a day. Collections have none.
    """
    kinds = db.any_of(sorted(SINGLE_BALANCE_KINDS))
    rows = db.execute(
        "SELECT x.chain_id, x.contract FROM asset x"
        " JOIN balance b ON b.account_id = x.holder AND b.asset_id = x.id"
        f" WHERE x.contract <> ? AND x.kind {kinds.sql} AND (x.priced_at IS NULL OR x.priced_at NOT BETWEEN"
        " CASE WHEN x.price_usd IS NULL THEN ? ELSE ? END AND ?)"
        " ORDER BY CASE WHEN x.price_usd IS NULL THEN 1 ELSE 0 END, x.priced_at NULLS FIRST LIMIT ?",
        [
            to_blob(NATIVE),
            *kinds.values,
            to_milliseconds(now - UNPRICED_ASKED_AFTER),
            to_milliseconds(now - PRICE_ASKED_AFTER),
            to_milliseconds(now),
            limit,
        ],
    )
    return [to_asset(chain_id, contract) for chain_id, contract in rows]


def save_unpriced(db: Database, assets: Collection[Asset], now: datetime) -> None:
    """Store that the source has no price of assets: as its last word, without a price.

    A price of less than a day ago stays, for the source may only have lost it for a while.
    """
    with db.transaction():
        db.executemany(
            "UPDATE asset SET price_usd = NULL, priced_at = ? WHERE chain_id = ? AND contract = ?"
            " AND (price_usd IS NULL OR priced_at NOT BETWEEN ? AND ?)",
            [
                (
                    to_milliseconds(now),
                    asset.chain_id,
                    to_blob(asset.contract),
                    to_milliseconds(now - UNPRICED_ASKED_AFTER),
                    to_milliseconds(now),
                )
                for asset in assets
            ],
        )
