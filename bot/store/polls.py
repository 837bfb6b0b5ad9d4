"""Sweeps: what they plan from and compare with, and how far they reached."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from bot.domain.model import (
    NATIVE,
    Address,
    Asset,
    Balance,
    ChainId,
    Part,
    Subscription,
    SubscriptionId,
    SweepNumber,
    View,
)
from bot.store.database import transaction
from bot.store.rows import (
    part_to_blob,
    to_address,
    to_asset,
    to_balance,
    to_blob,
    to_milliseconds,
    to_moment_or_none,
    to_part,
)
from bot.store.wishes import all_subscriptions, marks, unlisted_assets

Views = dict[tuple[Address, ChainId], View]


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything a sweep plans from."""

    subscriptions: tuple[Subscription, ...]
    newest: SubscriptionId
    unlisted: Mapping[Address, Sequence[Asset]]
    read_before: frozenset[Address]
    """Accounts of which something is covered."""
    highest_blocks: Mapping[ChainId, int]
    undescribed: Mapping[Address, Sequence[Asset]]
    """Held assets of which the source has not said yet what they are, each with one account that holds it."""


def begin_sweep(db: Database) -> SweepNumber:
    """Give out the next number; what an older sweep brings from now on is refused."""
    with transaction(db):
        number = stored_sweep(db) + 1
        db.execute("REPLACE INTO setting (name, value) VALUES ('sweep', ?)", [str(number)])
    return SweepNumber(number)


def watched(db: Database) -> Watched:
    """Return what is to be asked, by whom, and what is known of it."""
    subscriptions = tuple(all_subscriptions(db))
    (newest,) = db.execute("SELECT ifnull(max(id), 0) FROM subscription").fetchone()
    covered = db.execute(
        "SELECT address FROM account a WHERE EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id)"
    )
    blocks = db.execute("SELECT id, highest_block FROM chain WHERE highest_block IS NOT NULL")
    return Watched(
        subscriptions,
        SubscriptionId(newest),
        unlisted_assets(db),
        frozenset(to_address(address) for (address,) in covered),
        {ChainId(chain_id): block for chain_id, block in blocks},
        _undescribed_holdings(db),
    )


def views(db: Database, accounts: Sequence[Address]) -> Views:
    """Return what is stored of these accounts, by account and chain."""
    ids = account_ids(db, accounts)
    coverage: dict[tuple[Address, ChainId], dict[Part, datetime | None]] = defaultdict(dict)
    balances: dict[tuple[Address, ChainId], dict[Asset, Balance]] = defaultdict(dict)
    placeholders = marks(ids)
    by_id = {account_id: account for account, account_id in ids.items()}
    for account_id, chain_id, part, unknown_since in db.execute(
        "SELECT account_id, chain_id, part, unknown_since FROM coverage"
        f" WHERE account_id IN ({placeholders})",
        tuple(by_id),
    ):
        coverage[by_id[account_id], chain_id][to_part(part)] = to_moment_or_none(unknown_since)
    for account_id, chain_id, contract, *rest in db.execute(
        "SELECT b.account_id, x.chain_id, x.contract, b.amount, b.uniques, b.block, b.standing"
        f" FROM balance b JOIN asset x ON x.id = b.asset_id WHERE b.account_id IN ({placeholders})",
        tuple(by_id),
    ):
        balances[by_id[account_id], chain_id][to_asset(chain_id, contract)] = to_balance(*rest)
    keys = coverage.keys() | balances.keys()
    return {key: View(dict(coverage.get(key, {})), dict(balances.get(key, {}))) for key in keys}


def undescribed(db: Database, assets: Iterable[Asset]) -> frozenset[Asset]:
    """Return those of which the source was never asked what they are; natives need no asking."""
    return frozenset(
        asset
        for asset in assets
        if asset.contract != NATIVE
        and not db.execute(
            "SELECT 1 FROM asset WHERE chain_id = ? AND contract = ? AND described_at IS NOT NULL",
            [asset.chain_id, to_blob(asset.contract)],
        ).fetchone()
    )


def finish_sweep(
    db: Database,
    sweep: SweepNumber,
    started_at: datetime,
    answered: Mapping[ChainId, int | None],
    unknown: Iterable[tuple[Address, ChainId, frozenset[Part]]],
) -> None:
    """Note how far the view of each chain reaches: one row a chain, and one a part that newly went blind.

    `answered` holds the chains that gave any usable answer, with a block known
    there. Of a chain that gave none nothing is written: its age shows by itself.
    """
    with transaction(db):
        if sweep != stored_sweep(db):
            return
        for account, chain_id, parts in unknown:
            if chain_id in answered:
                _go_blind(db, account, chain_id, parts, started_at)
        for chain_id, block in answered.items():
            db.execute(
                "INSERT INTO chain (id, highest_block, complete_at) VALUES (?1, ?2, ?3) ON CONFLICT (id)"
                " DO UPDATE SET complete_at = ?3, highest_block ="
                " CASE WHEN ?2 IS NULL THEN highest_block ELSE max(ifnull(highest_block, 0), ?2) END",
                [chain_id, block, to_milliseconds(started_at)],
            )


def _undescribed_holdings(db: Database) -> dict[Address, list[Asset]]:
    """Return them with one of their holders each; all are looked up in a single pass over the balances."""
    undescribed_ids = "SELECT id FROM asset WHERE described_at IS NULL AND contract <> x''"
    if db.execute(undescribed_ids).fetchone() is None:
        return {}
    rows = db.execute(
        "SELECT a.address, x.chain_id, x.contract FROM (SELECT asset_id, min(account_id) AS account_id"
        f" FROM balance WHERE asset_id IN ({undescribed_ids}) GROUP BY asset_id) holder"
        " JOIN account a ON a.id = holder.account_id JOIN asset x ON x.id = holder.asset_id"
    )
    result: dict[Address, list[Asset]] = defaultdict(list)
    for address, chain_id, contract in rows:
        result[to_address(address)].append(to_asset(chain_id, contract))
    return result


def account_id_of(db: Database, account: Address) -> int:
    """Return the row of an account, made if need be."""
    db.execute("INSERT OR IGNORE INTO account (address) VALUES (?)", [to_blob(account)])
    (account_id,) = db.execute("SELECT id FROM account WHERE address = ?", [to_blob(account)]).fetchone()
    return int(account_id)


def account_ids(db: Database, accounts: Iterable[Address]) -> dict[Address, int]:
    """Return the rows of those accounts that have one."""
    blobs = tuple({to_blob(account) for account in accounts})
    rows = db.execute(f"SELECT address, id FROM account WHERE address IN ({marks(blobs)})", blobs)
    return {to_address(address): account_id for address, account_id in rows}


def stored_sweep(db: Database) -> int:
    """Return the number of the newest sweep that has begun."""
    row = db.execute("SELECT value FROM setting WHERE name = 'sweep'").fetchone()
    return int(row[0]) if row else 0


def _go_blind(
    db: Database, account: Address, chain_id: ChainId, parts: frozenset[Part], at: datetime
) -> None:
    """Mark parts unknown since they were last seen, unless they are marked already."""
    db.execute(
        "UPDATE coverage SET unknown_since = ifnull((SELECT complete_at FROM chain WHERE id = ?1), ?2)"
        " WHERE unknown_since IS NULL AND chain_id = ?1 AND account_id ="
        f" (SELECT id FROM account WHERE address = ?3) AND part IN ({marks(parts)})",
        [chain_id, to_milliseconds(at), to_blob(account), *map(part_to_blob, parts)],
    )
