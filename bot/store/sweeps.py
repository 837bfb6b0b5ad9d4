"""Sweeps: what they plan from, and how far they reached."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlite_utils import Database

from bot.domain.assets import Address, Asset, ChainId, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.alerts import HeldBack, HoldEnd, MassLoss
from bot.domain.observations import SweepNumber
from bot.domain.subscriptions import Subscription, SubscriptionId
from bot.store.alerts import enqueue_owner_alerts
from bot.store.audit import record_audit
from bot.store.coverage import all_subscriptions, marks, unlisted_assets
from bot.store.database import transaction
from bot.store.outages import enqueue_outage_notices
from bot.store.rows import part_to_blob, to_address, to_asset, to_blob, to_milliseconds
from bot.store.snapshots import stored_sweep

DESCRIBED_AT_ONCE = 100
"""Assets of which one sweep asks what they are, beside the new ones."""

_OWNERS_TOLD_AGAIN_MS = 3_600_000
_LOSS_TOLD = "mass loss told {}"
"""The setting that says when owners were last told of a chain's losses."""


@dataclass(frozen=True, slots=True)
class SweepInput:
    """Everything a sweep plans from."""

    subscriptions: tuple[Subscription, ...]
    newest: SubscriptionId
    unlisted: Mapping[Address, Sequence[Asset]]
    generations: Mapping[Address, int]
    """Accounts of which something is covered, with how often some of their coverage ended."""
    highest_blocks: Mapping[ChainId, int]
    undescribed: Mapping[Address, Sequence[Asset]]
    """Held assets that the source has to be asked about, each with one account that holds it."""
    believed: frozenset[ChainId]
    """Chains whose losses an owner believes, however many they are."""
    doubted: frozenset[ChainId]
    """Chains of which too much vanished at once, and has not come back yet."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How far a sweep reached."""

    sweep: SweepNumber
    started_at: datetime
    ended_at: datetime
    asked: frozenset[ChainId]
    answered: Mapping[ChainId, int | None]
    """Chains that gave any usable answer, with a block known there."""
    unknown: Sequence[tuple[Address, ChainId, frozenset[Part]]] = ()
    """What was asked for and not seen."""
    lost: Mapping[ChainId, tuple[int, int]] = field(default_factory=dict)
    """Chains of which too much vanished at once: how many token balances, of how many."""
    settled: frozenset[ChainId] = frozenset()
    """Chains that were doubted until now, of which what is missing is recorded as gone."""


def begin_sweep(db: Database) -> SweepNumber:
    """Give out the next number; what an older sweep brings from now on is refused."""
    with transaction(db):
        number = stored_sweep(db) + 1
        db.execute("REPLACE INTO setting (name, value) VALUES ('sweep', ?)", [str(number)])
    return SweepNumber(number)


def sweep_input(db: Database, now: datetime) -> SweepInput:
    """Return what is to be asked, by whom, and what is known of it."""
    subscriptions = tuple(all_subscriptions(db))
    (newest,) = db.execute("SELECT ifnull(max(id), 0) FROM subscription").fetchone()
    covered = db.execute(
        "SELECT address, generation FROM account a"
        " WHERE EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id)"
    )
    blocks = db.execute("SELECT id, highest_block FROM chain WHERE highest_block IS NOT NULL")
    believed = db.execute("SELECT id FROM chain WHERE is_loss_believed = 1")
    doubted = db.execute("SELECT id FROM chain WHERE lost_since IS NOT NULL")
    return SweepInput(
        subscriptions,
        SubscriptionId(newest),
        unlisted_assets(db),
        {to_address(address): generation for address, generation in covered},
        {ChainId(chain_id): block for chain_id, block in blocks},
        _to_describe(db, now),
        frozenset(ChainId(chain_id) for (chain_id,) in believed),
        frozenset(ChainId(chain_id) for (chain_id,) in doubted),
    )


def token_balances_on(db: Database, chains: Iterable[ChainId]) -> dict[ChainId, int]:
    """Return how many token balances are stored on these chains."""
    wanted = tuple(chains)
    rows = db.execute(
        "SELECT x.chain_id, count(*) FROM balance b JOIN asset x ON x.id = b.asset_id"
        f" WHERE x.contract <> x'' AND x.chain_id IN ({marks(wanted)}) GROUP BY x.chain_id",
        wanted,
    )
    return {ChainId(chain_id): count for chain_id, count in rows}


def believe_losses(db: Database, chain_id: ChainId, author: Actor) -> bool:
    """Take what vanished of a chain for gone; False: nothing there is doubted."""
    with transaction(db):
        doubted = db.execute(
            "SELECT is_loss_believed FROM chain WHERE id = ? AND lost_since IS NOT NULL", [chain_id]
        ).fetchone()
        if doubted == (0,):
            db.execute("UPDATE chain SET is_loss_believed = 1 WHERE id = ?", [chain_id])
            db.execute("DELETE FROM setting WHERE name = ?", [_LOSS_TOLD.format(chain_id)])
            record_audit(db, author, AuditAction.BELIEVE, None, str(chain_id))
    return doubted is not None


def finish_sweep(db: Database, reach: SweepResult, stale_after: timedelta, status: Part) -> int:
    """Note how far a sweep reached, and return how many notices of blindness and its end that makes.

    A quiet sweep writes one row a chain, and one a part that newly went blind. Of a chain that gave no
    usable answer nothing is written: its age shows by itself.
    """
    with transaction(db):
        if reach.sweep != stored_sweep(db):
            return 0
        for account, chain_id, parts in reach.unknown:
            if chain_id in reach.answered:
                _go_blind(db, account, chain_id, parts, reach.started_at)
        ended = _holds_ended(db, reach)
        for chain_id, block in reach.answered.items():
            db.execute(
                "INSERT INTO chain (id, highest_block, complete_at) VALUES (?1, ?2, ?3) ON CONFLICT (id)"
                " DO UPDATE SET complete_at = ?3, lost_since = NULL, is_loss_believed = 0, lost = NULL,"
                " held = NULL, highest_block ="
                " CASE WHEN ?2 IS NULL THEN highest_block ELSE max(ifnull(highest_block, 0), ?2) END",
                [chain_id, block, to_milliseconds(reach.started_at)],
            )
        told = sum(_doubt_losses(db, chain_id, *loss, reach) for chain_id, loss in reach.lost.items())
        return told + enqueue_outage_notices(
            db,
            reach.ended_at,
            asked=reach.asked,
            answered=frozenset(reach.answered),
            held_back=held_back(db) | ended,
            stale_after=stale_after,
            status=status,
        )


def held_back(db: Database) -> dict[ChainId, HeldBack]:
    """Return the chains of which too much vanished at once, with how much it was."""
    rows = db.execute("SELECT id, ifnull(lost, 0), ifnull(held, 0) FROM chain WHERE lost_since IS NOT NULL")
    return {ChainId(chain_id): HeldBack(lost, held) for chain_id, lost, held in rows}


def _holds_ended(db: Database, reach: SweepResult) -> dict[ChainId, HeldBack]:
    """Return the chains that were held back until this sweep, with how that ends."""
    believed = {
        chain_id for (chain_id,) in db.execute("SELECT id FROM chain WHERE is_loss_believed = 1").fetchall()
    }
    return {
        chain_id: one._replace(end=_end_of(chain_id, believed, reach))
        for chain_id, one in held_back(db).items()
        if chain_id in reach.answered
    }


def _end_of(chain_id: ChainId, believed: Collection[ChainId], reach: SweepResult) -> HoldEnd:
    if chain_id not in reach.settled:
        return HoldEnd.BACK
    return HoldEnd.BELIEVED if chain_id in believed else HoldEnd.SETTLED


def _doubt_losses(db: Database, chain_id: ChainId, lost: int, held: int, reach: SweepResult) -> int:
    """Hold a chain back, and let owners know, of one that comes and goes not more than once an hour."""
    at = to_milliseconds(reach.ended_at)
    db.execute(
        "UPDATE chain SET lost_since = ?, lost = ?, held = ? WHERE id = ? AND lost_since IS NULL",
        [at, lost, held, chain_id],
    )
    row = db.execute(
        "SELECT lost_since, ifnull(lost, 0), ifnull(held, 0) FROM chain WHERE id = ?", [chain_id]
    ).fetchone()
    told_at = _owners_told_at(db, chain_id, at)
    if row is None or (told_at is not None and (told_at >= row[0] or at - told_at < _OWNERS_TOLD_AGAIN_MS)):
        return 0
    db.execute("REPLACE INTO setting (name, value) VALUES (?, ?)", [_LOSS_TOLD.format(chain_id), str(at)])
    return enqueue_owner_alerts(db, MassLoss(chain_id, *row[1:]), at)


def _owners_told_at(db: Database, chain_id: ChainId, now: int) -> int | None:
    """Return when owners were last told of a chain's losses; None: never, or by a clock that was set back."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", [_LOSS_TOLD.format(chain_id)]).fetchone()
    return None if row is None or int(row[0]) > now else int(row[0])


def _to_describe(db: Database, now: datetime) -> dict[Address, list[Asset]]:
    """Return what is to be asked for (again) by now, each with one that holds it; the longest due first."""
    rows = db.execute(
        "SELECT x.chain_id, x.contract, a.address FROM asset x JOIN account a ON a.id = x.holder"
        " JOIN balance b ON b.account_id = x.holder AND b.asset_id = x.id"
        " WHERE x.contract <> x'' AND (x.describe_at IS NULL OR x.describe_at <= ?)"
        " ORDER BY x.describe_at LIMIT ?",
        [to_milliseconds(now), DESCRIBED_AT_ONCE],
    )
    result: dict[Address, list[Asset]] = defaultdict(list)
    for chain_id, contract, address in rows:
        result[to_address(address)].append(to_asset(chain_id, contract))
    return dict(result)


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
