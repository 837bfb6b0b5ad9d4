"""Reads what is stored of accounts for new readings to be compared with; keeps the ids of collections."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.assets import COLLECTION_KINDS, WITH_IDS, Address, Amount, Asset, ChainId, Items, Part
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Hold, View
from bot.domain.observe.items import ITEMS_MOST, adds_up
from bot.store.database.door import Database
from bot.store.rows import (
    to_address,
    to_asset,
    to_balance,
    to_blob,
    to_holding,
    to_moment,
    to_moment_or_none,
    to_part,
)

Views = dict[tuple[Address, ChainId], View]

DRIFTS_ENOUGH = 2
"""In so many sweeps an amount of an asset moved without a block: its amounts change by themselves."""

RECENT_SWEEPS = 3
"""An amount that was there this many sweeps ago or later and returns is suspicious, and held."""

FIRST_GENERATION = "first generation"
"""The setting with the `generation` that new accounts begin with: above that of every deleted one."""


def views(db: Database, accounts: Sequence[Address]) -> Views:
    """Return what is stored of these accounts, by account and chain, where anything is."""
    by_id = {account_id: account for account, account_id in account_ids(db, accounts).items()}
    coverage: dict[tuple[Address, ChainId], dict[Part, datetime | None]] = defaultdict(dict)
    balances: dict[tuple[Address, ChainId], dict[Asset, Balance]] = defaultdict(dict)
    theirs = db.any_of(by_id)
    for account_id, chain_id, part, unknown_since in db.execute(
        f"SELECT account_id, chain_id, part, unknown_since FROM coverage WHERE account_id {theirs.sql}",
        theirs.values,
    ):
        coverage[by_id[account_id], chain_id][to_part(part)] = to_moment_or_none(unknown_since)
    # Not in one statement with the balances: many accounts hold the same assets.
    assets = _held_assets(db, by_id)
    for account_id, asset_id, amount, uniques, block, standing, told in db.execute(
        "SELECT account_id, asset_id, amount, uniques, block, standing, told FROM balance"
        f" WHERE account_id {theirs.sql}",
        theirs.values,
    ):
        asset = assets.by_id[asset_id]
        balances[by_id[account_id], asset.chain_id][asset] = to_balance(
            amount, uniques, block, standing, told
        )
    holds = _holds(db, by_id)
    drifts = _drifts(db, by_id)
    previous = _previous(db, by_id)
    return {
        key: View(
            coverage=coverage.get(key, {}),
            balances=held,
            holds=holds.get(key, {}),
            previous=previous.get(key, {}),
            rebasing=assets.rebasing,
            collections=assets.collections.intersection(held),
            drifting=assets.drifting,
            drifted=assets.drifted,
            drifts=drifts.get(key, {}),
        )
        for key in coverage.keys() | balances.keys()
        for held in (balances.get(key, {}),)
    }


@dataclass(frozen=True, slots=True)
class _HeldAssets:
    """The assets that some accounts hold, and which of them are of what nature."""

    by_id: dict[int, Asset]
    rebasing: frozenset[Asset]
    collections: frozenset[Asset]
    drifting: frozenset[Asset]
    drifted: frozenset[Asset]


def _held_assets(db: Database, account_ids: Iterable[int]) -> _HeldAssets:
    by_id: dict[int, Asset] = {}
    rebasing, numbered, drifting, drifted = (set[Asset]() for _ in range(4))
    sweep = stored_sweep(db)
    theirs = db.any_of(account_ids)
    for asset_id, chain_id, contract, rebases, kind, times, since in db.execute(
        "SELECT id, chain_id, contract, rebasing, kind, drifts, drifted_in FROM asset"
        f" WHERE id IN (SELECT asset_id FROM balance WHERE account_id {theirs.sql})",
        theirs.values,
    ):
        asset = by_id[asset_id] = to_asset(chain_id, contract)
        # What drifts is treated as what the source calls rebasing: its amounts change without a transfer.
        if rebases or times >= DRIFTS_ENOUGH:
            rebasing.add(asset)
        if kind.endswith(WITH_IDS):
            numbered.add(asset)
        if times >= DRIFTS_ENOUGH:
            drifting.add(asset)
        elif times and since < sweep:  # what this very sweep saw is no second time
            drifted.add(asset)
    return _HeldAssets(
        by_id=by_id,
        rebasing=frozenset(rebasing),
        collections=frozenset(numbered),
        drifting=frozenset(drifting),
        drifted=frozenset(drifted),
    )


def _holds(db: Database, by_id: Mapping[int, Address]) -> dict[tuple[Address, ChainId], dict[Asset, Hold]]:
    result: dict[tuple[Address, ChainId], dict[Asset, Hold]] = defaultdict(dict)
    theirs = db.any_of(by_id)
    for account_id, chain_id, contract, times, *holding in db.execute(
        "SELECT h.account_id, x.chain_id, x.contract, h.times, h.amount, h.uniques, h.block"
        f" FROM held h JOIN asset x ON x.id = h.asset_id WHERE h.account_id {theirs.sql}",
        theirs.values,
    ):
        asset = to_asset(chain_id, contract)
        result[by_id[account_id], chain_id][asset] = Hold(to_holding(*holding), times)
    return result


def _drifts(db: Database, by_id: Mapping[int, Address]) -> dict[tuple[Address, ChainId], dict[Asset, Drift]]:
    result: dict[tuple[Address, ChainId], dict[Asset, Drift]] = defaultdict(dict)
    theirs = db.any_of(by_id)
    for account_id, chain_id, contract, usual, span_ms, seen_at in db.execute(
        "SELECT d.account_id, x.chain_id, x.contract, d.usual, d.span, d.seen_at"
        f" FROM drift d JOIN asset x ON x.id = d.asset_id WHERE d.account_id {theirs.sql}",
        theirs.values,
    ):
        asset = to_asset(chain_id, contract)
        result[by_id[account_id], chain_id][asset] = Drift(int(usual), span_ms, to_moment(seen_at))
    return result


def _previous(
    db: Database, by_id: Mapping[int, Address]
) -> dict[tuple[Address, ChainId], dict[Asset, Amount]]:
    """Return what was held before the last change of each asset that changed within the recent sweeps."""
    result: dict[tuple[Address, ChainId], dict[Asset, Amount]] = defaultdict(dict)
    theirs = db.any_of(by_id)
    for account_id, chain_id, contract, before, uniques in db.execute(
        "SELECT c.account_id, x.chain_id, x.contract, c.before, c.uniques_before"
        " FROM change c JOIN asset x ON x.id = c.asset_id"
        f" WHERE c.account_id {theirs.sql} AND c.sweep >= ? ORDER BY c.id",
        [*theirs.values, stored_sweep(db) - RECENT_SWEEPS],
    ):  # in order: of several changes the last one stays
        asset = to_asset(chain_id, contract)
        result[by_id[account_id], chain_id][asset] = to_holding(before, uniques, None)
    return result


def items_of(db: Database, account: Address, assets: Iterable[Asset]) -> dict[Asset, Items]:
    """Return the stored token ids of an account's collections, with amounts; without any it is left out."""
    result: dict[Asset, dict[int, int]] = {}
    for asset in assets:
        rows = db.execute(
            "SELECT i.token_id, i.amount FROM item i JOIN account a ON a.id = i.account_id"
            " JOIN asset x ON x.id = i.asset_id WHERE a.address = ? AND x.chain_id = ? AND x.contract = ?",
            [to_blob(account), asset.chain_id, to_blob(asset.contract)],
        ).fetchall()
        if rows:
            result[asset] = {int(token_id): int(amount) for token_id, amount in rows}
    return dict(result)


def save_items(db: Database, account: Address, asset: Asset, items: Items) -> bool:
    """Store the token ids of a collection if they add up to the stored balance; False: they don't.

    The balance may have changed since the ids were asked for.
    """
    with db.transaction():
        row = db.execute(
            "SELECT b.account_id, b.asset_id, b.amount, b.uniques, b.block FROM balance b"
            " JOIN account a ON a.id = b.account_id JOIN asset x ON x.id = b.asset_id"
            " WHERE a.address = ? AND x.chain_id = ? AND x.contract = ?",
            [to_blob(account), asset.chain_id, to_blob(asset.contract)],
        ).fetchone()
        if row is None or not adds_up(items, to_holding(*row[2:])):
            return False
        replace_items(db, row[0], row[1], items)
        return True


def replace_items(db: Database, account_id: int, asset_id: int, items: Items) -> None:
    """Store these token ids of a collection instead of those stored. Part of the caller's transaction."""
    db.execute("DELETE FROM item WHERE account_id = ? AND asset_id = ?", [account_id, asset_id])
    db.executemany(
        "INSERT INTO item (account_id, asset_id, token_id, amount) VALUES (?, ?, ?, ?)",
        [(account_id, asset_id, str(token_id), str(amount)) for token_id, amount in items.items()],
    )


def collections_without_items(db: Database) -> list[tuple[Address, Asset]]:
    """Return the collections without stored ids that are small enough for ids to be stored."""
    # A count of ids is text, as it may exceed 64 bits: only what is short enough is cast to a number.
    kinds = db.any_of(COLLECTION_KINDS)
    rows = db.execute(
        "SELECT a.address, x.chain_id, x.contract FROM balance b JOIN account a ON a.id = b.account_id"
        f" JOIN asset x ON x.id = b.asset_id WHERE (x.kind {kinds.sql} OR x.kind LIKE ?)"
        " AND CASE WHEN length(coalesce(b.uniques, '')) <= 3"
        " THEN CAST(coalesce(b.uniques, '0') AS BIGINT) <= ? ELSE 1 = 0 END"
        " AND NOT EXISTS"
        " (SELECT 1 FROM item i WHERE i.account_id = b.account_id AND i.asset_id = b.asset_id)",
        [*kinds.values, f"%{WITH_IDS}", ITEMS_MOST],
    )
    return [(to_address(address), to_asset(chain_id, contract)) for address, chain_id, contract in rows]


def account_id_of(db: Database, account: Address) -> int:
    """Return the row of an account, inserted if it is new."""
    return add_accounts(db, [account])[account]


def add_accounts(db: Database, accounts: Collection[Address]) -> dict[Address, int]:
    """Return the rows of these accounts, inserted where they are new."""
    # A new one begins with the generation that `retention` left: above those of all deleted accounts.
    db.executemany(
        "INSERT INTO account (address, generation) VALUES"
        f" (?, coalesce((SELECT CAST(value AS BIGINT) FROM setting WHERE name = '{FIRST_GENERATION}'), 0))"
        " ON CONFLICT (address) DO NOTHING",
        [(to_blob(account),) for account in accounts],
    )
    return account_ids(db, accounts)


def account_ids(db: Database, accounts: Iterable[Address]) -> dict[Address, int]:
    """Return the rows of these accounts, those without one left out."""
    these = db.any_of({to_blob(account) for account in accounts})
    rows = db.execute(f"SELECT address, id FROM account WHERE address {these.sql}", these.values)
    return {to_address(address): account_id for address, account_id in rows}


def stored_sweep(db: Database) -> int:
    """Return the number of the newest sweep that has begun, 0 before the first."""
    row = db.execute("SELECT value FROM setting WHERE name = 'sweep'").fetchone()
    return int(row[0]) if row else 0
