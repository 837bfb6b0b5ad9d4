"""Finds the tokens that accounts of a destination hold, or held, by their symbol."""

from collections.abc import Collection

from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.places import Place
from bot.domain.symbols import symbol_key
from bot.store.balances.look_alikes import look_alikes
from bot.store.database.door import Database, Value
from bot.store.rows import to_asset, to_blob


def held_tokens(db: Database, place: Place, symbol: str) -> list[Asset]:
    """Return the tokens whose symbol reads like this one and that an account watched here holds.

    Where none is held, those that were held as far as changes are kept; in the order of chains.
    """
    key = symbol_key(symbol)
    # A word that no token is called by must not cost a walk through all changes.
    if not key or db.execute("SELECT 1 FROM asset WHERE symbol_key = ?", [key]).fetchone() is None:
        return []
    values: list[Value] = [place.chat_id, place.thread_id or 0, key, to_blob(NATIVE)]
    for had in _HAD:
        rows = db.execute(_TOKENS + had + " ORDER BY x.chain_id, x.contract", values).fetchall()
        if rows:
            return [to_asset(chain_id, contract) for chain_id, contract in rows]
    return []


def ever_held(db: Database, account: Address, assets: Collection[Asset]) -> frozenset[Asset]:
    """Return those of these assets that an account holds, or held as far as changes are kept."""
    rows = db.execute(
        "SELECT x.chain_id, x.contract FROM account a JOIN balance b ON b.account_id = a.id"
        " JOIN asset x ON x.id = b.asset_id WHERE a.address = ? UNION"
        " SELECT x.chain_id, x.contract FROM account a JOIN change h ON h.account_id = a.id"
        " JOIN asset x ON x.id = h.asset_id WHERE a.address = ?",
        [to_blob(account), to_blob(account)],
    )
    return frozenset(to_asset(chain_id, contract) for chain_id, contract in rows).intersection(assets)


def chains_of_contract(db: Database, contract: Address) -> list[ChainId]:
    """Return the chains on which a contract was ever seen as a token."""
    rows = db.execute("SELECT chain_id FROM asset WHERE contract = ? ORDER BY chain_id", [to_blob(contract)])
    return [ChainId(chain_id) for (chain_id,) in rows]


def certain_symbol(db: Database, assets: Collection[Asset]) -> str:
    """Return the symbol of some tokens, if all have the same and nothing else on their chains; else ""."""
    keys = [
        db.execute(
            "SELECT symbol FROM asset WHERE chain_id = ? AND contract = ?",
            [asset.chain_id, to_blob(asset.contract)],
        ).fetchone()
        for asset in assets
    ]
    symbols = {row[0] if row else None for row in keys}
    if len(symbols) != 1 or None in symbols:
        return ""
    (symbol,) = symbols
    return "" if look_alikes(db, [(asset, symbol) for asset in assets]) else str(symbol)


_TOKENS = """
SELECT DISTINCT x.chain_id, x.contract FROM destination d JOIN chat c ON c.id = d.chat_id
JOIN subscription s ON s.destination_id = d.id
"""

_OF_PLACE = " WHERE c.telegram_id = ? AND d.thread_id = ? AND x.symbol_key = ? AND x.contract <> ?"

_HAD = (
    " JOIN balance b ON b.account_id = s.account_id JOIN asset x ON x.id = b.asset_id" + _OF_PLACE,
    " JOIN change h ON h.account_id = s.account_id JOIN asset x ON x.id = h.asset_id" + _OF_PLACE,
)
