"""Reads subscriptions for planning, and ends coverage when nobody asks for it any more.

Coverage is what was read of an account at least once since somebody subscribed: a part on a chain that is
covered has a baseline to compare with.
"""

from collections.abc import Collection, Iterable

from bot.domain.ask.plan import watched_parts, watches_by_account
from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.observations import Standing
from bot.domain.subscriptions import DestinationId, Subscription
from bot.store.database.door import Database
from bot.store.rows import SUBSCRIPTIONS, to_address, to_asset, to_blob, to_part, to_subscription

_OF_OPEN_CHATS = SUBSCRIPTIONS + " WHERE c.open = 1"

# Account by account: the key of `coverage` begins with the account, and no index of all with the chain.
_COVERED_ON = "EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id AND v.chain_id = {})"


def all_subscriptions(db: Database) -> list[Subscription]:
    """Return the subscriptions of all open chats, oldest first."""
    return [to_subscription(row) for row in db.execute(_OF_OPEN_CHATS + " ORDER BY s.id")]


def subscriptions_about(db: Database, account_ids: Iterable[int]) -> list[Subscription]:
    """Return the subscriptions of open chats that can be about these accounts, oldest first.

    Those are the ones of the accounts, and the tokens that their destinations watch in every account.
    """
    # Such a token's row names no account: it counts wherever its destination watches one of these.
    # Each account is given once: a statement takes a limited number of values.
    these = db.any_of(account_ids)
    rows = db.execute(
        f"WITH theirs AS (SELECT id, destination_id FROM subscription WHERE account_id {these.sql})"
        f" {_OF_OPEN_CHATS} AND (s.id IN (SELECT id FROM theirs) OR s.account_id IS NULL AND s.destination_id"
        " IN (SELECT destination_id FROM theirs)) ORDER BY s.id",
        these.values,
    )
    return [to_subscription(row) for row in rows]


def end_unwanted_coverage(db: Database, account_ids: Collection[int], status: Part) -> None:
    """Delete coverage of these accounts that no subscription asks for, and the balances known by it alone.

    Who subscribes to it again gets a new baseline. Part of the caller's transaction.
    """
    wanted = watches_by_account(subscriptions_about(db, account_ids))
    for account_id in account_ids:
        (address,) = db.execute("SELECT address FROM account WHERE id = ?", [account_id]).fetchone()
        pairs = wanted.get(to_address(address), [])
        rows = db.execute("SELECT chain_id, part FROM coverage WHERE account_id = ?", [account_id])
        ended = [
            (account_id, chain_id, blob)
            for chain_id, blob in rows.fetchall()
            if to_part(blob) not in watched_parts(pairs, chain_id, status)
        ]
        if not ended:
            continue
        db.executemany("DELETE FROM coverage WHERE account_id = ? AND chain_id = ? AND part = ?", ended)
        # Readings on their way and what the poller remembers refer to the coverage that was: they are
        # recognised by the generation.
        db.execute("UPDATE account SET generation = generation + 1, print = NULL WHERE id = ?", [account_id])
        _delete_uncovered_balances(db, account_id, status)


def destinations_watching(db: Database, chain_id: ChainId, status: Part) -> frozenset[DestinationId]:
    """Return the destinations that watch anything that was ever read on a chain."""
    covered = covered_on(db, chain_id)
    return frozenset(
        pair[0].destination_id
        for account, pairs in watches_by_account(all_subscriptions(db)).items()
        if account in covered
        for pair in pairs
        if watched_parts([pair], chain_id, status)
    )


def is_covered(chain_id: str) -> str:
    """Return the condition that anything watched on a chain was ever read; `chain_id` is its column."""
    return f"EXISTS (SELECT 1 FROM account a WHERE {_COVERED_ON.format(chain_id)})"


def covered_on(db: Database, chain_id: ChainId) -> frozenset[Address]:
    """Return the accounts of which anything was ever read on a chain."""
    rows = db.execute(f"SELECT a.address FROM account a WHERE {_COVERED_ON.format('?')}", [chain_id])
    return frozenset(to_address(address) for (address,) in rows)


def unlisted_assets(db: Database) -> dict[Address, list[Asset]]:
    """Return what accounts hold that the lists no longer show: it is asked for by contract."""
    rows = db.execute(
        "SELECT a.address, x.chain_id, x.contract FROM balance b JOIN account a ON a.id = b.account_id"
        " JOIN asset x ON x.id = b.asset_id WHERE b.standing = 2"
    )
    result: dict[Address, list[Asset]] = {}
    for address, chain_id, contract in rows:
        result.setdefault(to_address(address), []).append(to_asset(chain_id, contract))
    return result


def exclude_contracts(db: Database, contracts: Collection[Address]) -> None:
    """Delete balances of contracts that lists leave out from now on, but for those watched by contract."""
    these = db.any_of(map(to_blob, contracts))
    with db.transaction():
        rows = db.execute(
            "SELECT b.account_id, b.asset_id, EXISTS (SELECT 1 FROM coverage v WHERE"
            " v.account_id = b.account_id AND v.chain_id = x.chain_id AND v.part = x.contract)"
            " FROM balance b JOIN asset x ON x.id = b.asset_id"
            f" WHERE b.standing <> 0 AND x.contract {these.sql}",
            these.values,
        ).fetchall()
        for account_id, asset_id, is_named in rows:
            if is_named:
                _mark_named(db, account_id, asset_id)
            else:
                _delete_balance(db, account_id, asset_id)
            db.execute("UPDATE account SET print = NULL WHERE id = ?", [account_id])


def _mark_named(db: Database, account_id: int, asset_id: int) -> None:
    db.execute(
        "UPDATE balance SET standing = 0 WHERE account_id = ? AND asset_id = ?", [account_id, asset_id]
    )


def _delete_balance(db: Database, account_id: int, asset_id: int) -> None:
    for table in ("balance", "item", "held", "drift"):
        db.execute(f"DELETE FROM {table} WHERE account_id = ? AND asset_id = ?", [account_id, asset_id])


def _delete_uncovered_balances(db: Database, account_id: int, status: Part) -> None:
    """Delete balances that no covered part shows; those that only a watched contract shows become named."""
    rows = db.execute("SELECT chain_id, part FROM coverage WHERE account_id = ?", [account_id])
    covered = {(chain_id, to_part(blob)) for chain_id, blob in rows}
    balances = db.execute(
        "SELECT b.asset_id, x.chain_id, x.contract, b.standing FROM balance b"
        " JOIN asset x ON x.id = b.asset_id WHERE b.account_id = ?",
        [account_id],
    )
    for asset_id, chain_id, contract, standing in balances.fetchall():
        asset = to_asset(chain_id, contract)
        by_name = (chain_id, asset.part) in covered
        by_list = asset.part != NATIVE_PART and standing != Standing.NAMED and (chain_id, status) in covered
        if by_list or (by_name and standing == Standing.NAMED) or (by_name and asset.part == NATIVE_PART):
            continue
        if by_name:
            _mark_named(db, account_id, asset_id)
        else:
            _delete_balance(db, account_id, asset_id)
    # Suspicious readings were compared with the coverage that was: the next reading judges anew.
    db.execute("DELETE FROM held WHERE account_id = ?", [account_id])
