"""Finds symbols that look like another known one: their keys (see `domain/symbols`) are equal."""

from collections.abc import Collection

from bot.domain.assets import Asset
from bot.domain.symbols import symbol_key
from bot.store.database.door import Database
from bot.store.rows import to_blob

# Two EXISTS and not one with OR: each then uses an index, `asset_symbol` or the key of `balance`.
LOOKS_LIKE_ANOTHER = """
(EXISTS (SELECT 1 FROM asset o
   WHERE o.symbol_key = x.symbol_key AND o.chain_id = x.chain_id AND o.id <> x.id)
 OR EXISTS (SELECT 1 FROM asset o JOIN balance h ON h.account_id = a.id AND h.asset_id = o.id
   WHERE o.symbol_key = x.symbol_key AND o.chain_id <> x.chain_id AND o.symbol <> x.symbol))
"""
"""A condition on the asset `x`, which changed in the account `a` or is held by it.

On the same chain any other asset with an equal key makes it a look-alike. Of the account's assets on other
chains only one that is spelled otherwise does: the same symbol on two chains is mostly the same token.
"""


def look_alikes(db: Database, symbols: Collection[tuple[Asset, str | None]]) -> frozenset[Asset]:
    """Return the assets, stored or not, whose symbol looks like that of another asset of their chain."""
    return frozenset(
        asset
        for asset, symbol in symbols
        if (key := symbol_key(symbol))
        and db.execute(
            "SELECT 1 FROM asset WHERE symbol_key = ? AND chain_id = ? AND contract <> ?",
            [key, asset.chain_id, to_blob(asset.contract)],
        ).fetchone()
    )
