"""Finds what people name when they ask for the past of a destination: tokens, and accounts that it left."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from bot.domain.assets import NATIVE, Address, Asset
from bot.domain.history.changes import Span
from bot.domain.subscriptions import DestinationId
from bot.domain.symbols import symbol_key
from bot.store.database.door import Database, Value
from bot.store.history.changes import CHANGES_AT_ONCE, TRACES
from bot.store.rows import to_address, to_asset, to_blob


def tokens_called(db: Database, symbol: str) -> list[Asset]:
    """Return all tokens whose symbol reads like this one, whoever holds them, in the order of chains."""
    key = symbol_key(symbol)
    rows = db.execute(
        "SELECT chain_id, contract FROM asset WHERE symbol_key = ? AND contract <> ?"
        " ORDER BY chain_id, contract",
        [key, to_blob(NATIVE)],
    )
    return [to_asset(chain_id, contract) for chain_id, contract in rows] if key else []


def seen_in(
    db: Database, destination_id: DestinationId, accounts: Collection[Address], assets: Collection[Asset]
) -> list[Asset]:
    """Return those of some assets that accounts hold, or held as far as changes are kept, in their order.

    Without `accounts` these are all that the destination watches.
    """
    if accounts:
        these = db.any_of(map(to_blob, sorted(accounts)))
        whose, values = f"SELECT id FROM account WHERE address {these.sql}", list[Value](these.values)
    else:
        whose = "SELECT account_id FROM subscription WHERE destination_id = ? AND account_id IS NOT NULL"
        values = [destination_id]
    return [
        asset
        for asset in assets
        if db.execute(
            _SEEN.format(whose), [asset.chain_id, to_blob(asset.contract), *values, *values]
        ).fetchone()
    ]


_SEEN = """
SELECT 1 FROM asset x WHERE x.chain_id = ? AND x.contract = ? AND (
  EXISTS (SELECT 1 FROM balance b WHERE b.asset_id = x.id AND b.account_id IN ({0}))
  OR EXISTS (SELECT 1 FROM change c WHERE c.asset_id = x.id AND c.account_id IN ({0})))
"""


def symbols_here(db: Database, destination_id: DestinationId) -> list[str]:
    """Return the symbols of what is held in the accounts that a destination watches."""
    rows = db.execute(
        "SELECT DISTINCT x.symbol FROM subscription s JOIN balance b ON b.account_id = s.account_id"
        " JOIN asset x ON x.id = b.asset_id WHERE s.destination_id = ? AND x.symbol IS NOT NULL",
        [destination_id],
    )
    return sorted(symbol for (symbol,) in rows)


class Labelled(NamedTuple):
    """What one look into a span found of the names that accounts had."""

    accounts: Mapping[str, frozenset[Address]]
    """By their names then."""
    rest: Span | None
    """Where nobody looked yet."""


def labelled_in(db: Database, destination_id: DestinationId, span: Span) -> Labelled:
    """Return what a destination called its accounts at changes in a slice of a span, from its newest end."""
    oldest = max(span.oldest, span.newest - CHANGES_AT_ONCE + 1)
    found: dict[str, set[Address]] = defaultdict(set)
    for table in TRACES:
        for label, address in db.execute(
            f"SELECT DISTINCT t.label, a.address FROM {table} t JOIN change c ON c.id = t.change_id"
            " JOIN account a ON a.id = c.account_id"
            " WHERE t.destination_id = ? AND t.change_id BETWEEN ? AND ? AND t.label <> ''",
            [destination_id, oldest, span.newest],
        ):
            found[label].add(to_address(address))
    rest = Span(span.oldest, oldest - 1) if oldest > span.oldest else None
    return Labelled({label: frozenset(theirs) for label, theirs in found.items()}, rest)
