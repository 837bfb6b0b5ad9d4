"""Begins and ends sweeps: what one is planned from, and what it leaves behind beside its batches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.ask.progress import LastSweep
from bot.domain.ask.questions import Allowance
from bot.domain.assets import NATIVE, Address, Asset, ChainId, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.alerts import DoubtEnd, HeldBack, MassLoss, SourceRefuses
from bot.domain.observations import SweepNumber
from bot.domain.observe.mass_loss import DoubtedChain
from bot.domain.subscriptions import Subscription, SubscriptionId
from bot.store.balances.coverage import all_subscriptions, unlisted_assets
from bot.store.balances.snapshots import stored_sweep
from bot.store.chats.audit import record_audit
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_owner_alerts
from bot.store.polling.chains import asked_chains
from bot.store.polling.firings import has_alarms_in_dollars
from bot.store.polling.gaps import close_ended_gaps, keep_chain_gaps, open_account_gaps
from bot.store.polling.outages import enqueue_outage_notices
from bot.store.rows import (
    part_to_blob,
    to_address,
    to_asset,
    to_blob,
    to_chains,
    to_milliseconds,
    to_moment,
    words_of,
)

DESCRIBED_AT_ONCE = 100
"""How many known assets one sweep asks the source to describe again; new ones come on top."""

_OWNERS_TOLD_AGAIN_MS = 3_600_000
"""A chain that is doubted again and again is reported to owners once an hour."""

_LOSS_TOLD = "mass loss told {}"
"""The setting that says when owners were last told of a chain's losses."""


@dataclass(frozen=True, slots=True)
class SweepInput:
    """Everything a sweep is planned from, read at one moment."""

    subscriptions: tuple[Subscription, ...]
    chains: frozenset[ChainId]
    """Asked where a subscription names none."""
    last: LastSweep | None
    """How the sweep before went, if there was one."""
    newest: SubscriptionId
    """The newest subscription there is: what only later ones ask for is not recorded from this sweep."""
    unlisted: Mapping[Address, Sequence[Asset]]
    """Assets that lists no longer show though they are held: asked for by contract."""
    generations: Mapping[Address, int]
    """Accounts with coverage, and a count that grows whenever some of it ends."""
    highest_blocks: Mapping[ChainId, int]
    """Of each chain: what was known there when the last sweep began, so before its accounts were read."""
    newest_blocks: Mapping[ChainId, int]
    """Of each chain: the newest block that was ever read there."""
    undescribed: Mapping[Address, Sequence[Asset]]
    """Held assets that the source has to describe, by an account that holds them."""
    believed: frozenset[ChainId]
    """Chains whose losses an owner confirmed: they are recorded, however many they are."""
    doubts: Mapping[ChainId, DoubtedChain]
    """Chains held back since too much vanished on them at once."""
    prices_are_wanted: bool = False
    """Whether somebody has an alarm that prices can ring."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep asked, and what answered."""

    sweep: SweepNumber
    started_at: datetime
    ended_at: datetime
    asked: frozenset[ChainId]
    answered: Mapping[ChainId, int | None]
    """Chains that gave any usable answer, with the newest block seen there, if any."""
    unknown: Sequence[tuple[Address, ChainId, frozenset[Part]]] = ()
    """Parts that were asked for and gave no usable answer."""
    lost: Mapping[ChainId, tuple[int, int]] = field(default_factory=dict)
    """Chains on which too much vanished at once: how many token balances, of how many."""
    doubts: Mapping[ChainId, DoubtedChain] = field(default_factory=dict)
    """What is missing of these chains after this sweep."""
    settled: frozenset[ChainId] = frozenset()
    """Chains that were held back until now, and whose missing balances are recorded as gone."""
    summary: LastSweep | None = None
    """What others read of it; None: nothing of it is theirs."""
    refused: str | None = None
    """What owners get a notice of: why the source refuses to answer."""


def begin_sweep(db: Database) -> SweepNumber:
    """Return the number of a new sweep; from now on batches of older ones are not recorded."""
    with db.transaction():
        number = stored_sweep(db) + 1
        db.upsert_many("setting", ["name", "value"], [("sweep", str(number))], key=["name"])
    return SweepNumber(number)


def sweep_input(db: Database, now: datetime) -> SweepInput:
    """Return what a sweep that begins `now` is planned from."""
    subscriptions = tuple(all_subscriptions(db))
    (newest,) = db.execute("SELECT coalesce(max(id), 0) FROM subscription").fetchone()
    covered = db.execute(
        "SELECT address, generation FROM account a"
        " WHERE EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id)"
    )
    blocks = db.execute("SELECT id, highest_block FROM chain WHERE highest_block IS NOT NULL")
    newest_blocks = db.execute("SELECT id, newest_block FROM chain WHERE newest_block IS NOT NULL")
    believed = db.execute("SELECT id FROM chain WHERE is_loss_believed = 1")
    return SweepInput(
        subscriptions=subscriptions,
        chains=asked_chains(db),
        last=last_sweep(db),
        newest=SubscriptionId(newest),
        unlisted=unlisted_assets(db),
        generations={to_address(address): generation for address, generation in covered},
        highest_blocks={ChainId(chain_id): block for chain_id, block in blocks},
        newest_blocks={ChainId(chain_id): block for chain_id, block in newest_blocks},
        undescribed=_to_describe(db, now),
        believed=frozenset(ChainId(chain_id) for (chain_id,) in believed),
        doubts=_doubts(db),
        prices_are_wanted=has_alarms_in_dollars(db),
    )


def token_balances_on(db: Database, chains: Iterable[ChainId]) -> dict[ChainId, dict[Address, int]]:
    """Count the token balances stored of each account on these chains; what has none is left out."""
    wanted = db.any_of(chains)
    rows = db.execute(
        "SELECT x.chain_id, a.address, count(*) FROM balance b JOIN asset x ON x.id = b.asset_id"
        " JOIN account a ON a.id = b.account_id"
        f" WHERE x.contract <> ? AND x.chain_id {wanted.sql} GROUP BY x.chain_id, a.address",
        [to_blob(NATIVE), *wanted.values],
    )
    held: dict[ChainId, dict[Address, int]] = defaultdict(dict)
    for chain_id, address, count in rows:
        held[ChainId(chain_id)][to_address(address)] = count
    return dict(held)


def believe_losses(db: Database, chain_id: ChainId, actor: Actor) -> bool:
    """Let the next sweep record a chain's missing balances as gone; False: the chain is not held back."""
    with db.transaction():
        doubted = db.execute(
            "SELECT is_loss_believed FROM chain WHERE id = ? AND lost_since IS NOT NULL", [chain_id]
        ).fetchone()
        if doubted == (0,):  # else it is believed already, or not held back
            db.execute("UPDATE chain SET is_loss_believed = 1 WHERE id = ?", [chain_id])
            # The next loss there is another one, and news to owners at once.
            db.execute("DELETE FROM setting WHERE name = ?", [_LOSS_TOLD.format(chain_id)])
            record_audit(db, actor, AuditAction.BELIEVE, None, str(chain_id))
    return doubted is not None


def finish_sweep(db: Database, result: SweepResult, stale_after: timedelta, status: Part) -> None:
    """Write when each chain was seen and what is unknown, and enqueue the notices that follow from it.

    A quiet sweep writes one row of its own, one for each chain, and one for each part that newly gives no
    answer. Of a chain that gives no usable answer only the first such sweep is written, as the beginning of a
    gap.
    """
    with db.transaction():
        if result.sweep != stored_sweep(db):  # a newer one has begun, and says more
            return
        # While the old `complete_at` still stands: unknown since then is what this writes.
        for account, chain_id, parts in result.unknown:
            if chain_id in result.answered:
                _mark_unknown(db, account, chain_id, parts, result.started_at)
        if result.unknown:
            open_account_gaps(db, result.answered.keys())
        close_ended_gaps(db, result.started_at)
        keep_chain_gaps(
            db,
            silent=result.asked - result.answered.keys(),
            answered=result.answered.keys(),
            at=result.started_at,
            stale_after=stale_after,
        )
        # Before `chain` is updated, which clears who was held back.
        ended = _holds_ended(db, result)
        # Complete as of the sweep's start, for its first answers are that old. A block never goes back: an
        # answer may come from a server of the source that lags behind.
        for chain_id, block in result.answered.items():
            db.execute(
                "INSERT INTO chain (id, highest_block, complete_at) VALUES (?, ?, ?) ON CONFLICT (id)"
                " DO UPDATE SET complete_at = excluded.complete_at, lost_since = NULL, is_loss_believed = 0,"
                " lost = NULL, held = NULL, missing = NULL, missed = NULL, highest_block ="
                " CASE WHEN excluded.highest_block IS NULL OR chain.highest_block > excluded.highest_block"
                " THEN chain.highest_block ELSE excluded.highest_block END",
                [chain_id, block, to_milliseconds(result.started_at)],
            )
        for chain_id in ended:
            db.execute("DELETE FROM account_with_losses WHERE chain_id = ?", [chain_id])
        for chain_id, loss in result.lost.items():
            _doubt_losses(db, chain_id, *loss, result)
        _save_doubts(db, result.doubts)
        enqueue_outage_notices(
            db,
            result.ended_at,
            asked=result.asked,
            answered=frozenset(result.answered),
            held_back=held_back(db) | ended,
            stale_after=stale_after,
            status=status,
        )
        if result.refused is not None:
            enqueue_owner_alerts(db, SourceRefuses(result.refused), to_milliseconds(result.ended_at))
        if result.summary is not None:
            _save_last_sweep(db, result.summary, stale_after)


def last_sweep(db: Database) -> LastSweep | None:
    """Return how the last sweep went that came to its end; None: there was none yet."""
    row = db.execute(
        "SELECT ended_at, took_ms, seen_ms, silent_ms, trouble, refusals, asked,"
        " rate_limit, rate_remaining, quota_limit, quota_remaining, quota_overage FROM last_sweep"
    ).fetchone()
    if row is None:
        return None
    ended_at, took_ms, seen_ms, silent_ms, trouble, refusals, asked, *allowed = row
    return LastSweep(
        ended_at=to_moment(ended_at),
        took_seconds=took_ms / 1000,
        seen_seconds=seen_ms / 1000,
        silent_seconds=silent_ms / 1000,
        trouble=trouble,
        refusals=refusals,
        asked=to_chains(asked),
        allowance=Allowance(*allowed),
    )


def _save_last_sweep(db: Database, last: LastSweep, stale_after: timedelta) -> None:
    row = {
        "id": 1,
        "ended_at": to_milliseconds(last.ended_at),
        "took_ms": round(last.took_seconds * 1000),
        "seen_ms": round(last.seen_seconds * 1000),
        "silent_ms": round(last.silent_seconds * 1000),
        "trouble": last.trouble,
        "refusals": last.refusals,
        "asked": words_of(last.asked),
        "stale_ms": stale_after // timedelta(milliseconds=1),
        "rate_limit": last.allowance.rate_limit,
        "rate_remaining": last.allowance.rate_remaining,
        "quota_limit": last.allowance.quota_limit,
        "quota_remaining": last.allowance.quota_remaining,
        "quota_overage": last.allowance.quota_overage,
    }
    db.upsert_many("last_sweep", list(row), [list(row.values())], key=["id"])


def held_back(db: Database) -> dict[ChainId, HeldBack]:
    """Return the chains that are held back, with how much vanished there at once."""
    rows = db.execute(
        "SELECT id, coalesce(lost, 0), coalesce(held, 0) FROM chain WHERE lost_since IS NOT NULL"
    )
    return {ChainId(chain_id): HeldBack(lost, held) for chain_id, lost, held in rows}


def _holds_ended(db: Database, result: SweepResult) -> dict[ChainId, HeldBack]:
    """Return the chains that were held back until this sweep, with how that ended."""
    believed = {
        chain_id for (chain_id,) in db.execute("SELECT id FROM chain WHERE is_loss_believed = 1").fetchall()
    }
    return {
        chain_id: one._replace(end=_end_of(chain_id, believed, result))
        for chain_id, one in held_back(db).items()
        if chain_id in result.answered
    }


def _end_of(chain_id: ChainId, believed: Collection[ChainId], result: SweepResult) -> DoubtEnd:
    if chain_id not in result.settled:
        return DoubtEnd.BACK
    return DoubtEnd.BELIEVED if chain_id in believed else DoubtEnd.SETTLED


def _doubt_losses(db: Database, chain_id: ChainId, lost: int, held: int, result: SweepResult) -> None:
    """Hold a chain back and enqueue a notice for owners, at most once an hour."""
    at = to_milliseconds(result.ended_at)
    db.execute(
        "UPDATE chain SET lost_since = ?, lost = ?, held = ? WHERE id = ? AND lost_since IS NULL",
        [at, lost, held, chain_id],
    )
    row = db.execute(
        "SELECT lost_since, coalesce(lost, 0), coalesce(held, 0) FROM chain WHERE id = ?", [chain_id]
    ).fetchone()
    told_at = _owners_told_at(db, chain_id, at)
    if row is None or (told_at is not None and (told_at >= row[0] or at - told_at < _OWNERS_TOLD_AGAIN_MS)):
        return
    told = (_LOSS_TOLD.format(chain_id), str(at))
    db.upsert_many("setting", ["name", "value"], [told], key=["name"])
    enqueue_owner_alerts(db, MassLoss(chain_id, *row[1:]), at)


def _doubts(db: Database) -> dict[ChainId, DoubtedChain]:
    """Return what is missing of the chains that are held back."""
    rows = db.execute(
        "SELECT id, coalesce(missing, 0), coalesce(missed, 0) FROM chain WHERE lost_since IS NOT NULL"
    ).fetchall()
    if not rows:  # as in nearly every sweep
        return {}
    accounts: dict[int, set[Address]] = defaultdict(set)
    for chain_id, address in db.execute(
        "SELECT l.chain_id, a.address FROM account_with_losses l JOIN account a ON a.id = l.account_id"
    ):
        accounts[chain_id].add(to_address(address))
    return {
        ChainId(chain_id): DoubtedChain(lost, times, frozenset(accounts[chain_id]))
        for chain_id, lost, times in rows
    }


def _save_doubts(db: Database, doubts: Mapping[ChainId, DoubtedChain]) -> None:
    """Write what is missing of chains that are held back, as far as that is not stored already."""
    before = _doubts(db) if doubts else {}
    for chain_id, doubt in doubts.items():
        known = before.get(chain_id, DoubtedChain())
        if (doubt.lost, doubt.times) != (known.lost, known.times):
            db.execute(
                "UPDATE chain SET missing = ?, missed = ? WHERE id = ?", [doubt.lost, doubt.times, chain_id]
            )
        db.executemany(
            "INSERT INTO account_with_losses (chain_id, account_id)"
            " SELECT ?, a.id FROM account a WHERE a.address = ?",
            [(chain_id, to_blob(account)) for account in doubt.accounts - known.accounts],
        )


def _owners_told_at(db: Database, chain_id: ChainId, now: int) -> int | None:
    """Return when owners last had a notice of a chain's losses; None: never, or in what is now the future."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", [_LOSS_TOLD.format(chain_id)]).fetchone()
    return None if row is None or int(row[0]) > now else int(row[0])


def _to_describe(db: Database, now: datetime) -> dict[Address, list[Asset]]:
    """Return the assets due to be described (again), by an account that holds them; the longest due first."""
    # The source describes what an account holds, so an asset needs one that holds it still.
    rows = db.execute(
        "SELECT x.chain_id, x.contract, a.address FROM asset x JOIN account a ON a.id = x.holder"
        " JOIN balance b ON b.account_id = x.holder AND b.asset_id = x.id"
        " WHERE x.contract <> ? AND (x.describe_at IS NULL OR x.describe_at <= ?)"
        " ORDER BY x.describe_at NULLS FIRST, x.id LIMIT ?",
        [to_blob(NATIVE), to_milliseconds(now), DESCRIBED_AT_ONCE],
    )
    result: dict[Address, list[Asset]] = defaultdict(list)
    for chain_id, contract, address in rows:
        result[to_address(address)].append(to_asset(chain_id, contract))
    return dict(result)


def _mark_unknown(
    db: Database, account: Address, chain_id: ChainId, parts: frozenset[Part], at: datetime
) -> None:
    """Mark parts as unknown since their chain was last complete, unless they are marked already."""
    these = db.any_of(map(part_to_blob, parts))
    db.execute(
        "UPDATE coverage SET unknown_since = coalesce((SELECT complete_at FROM chain WHERE id = ?), ?)"
        " WHERE unknown_since IS NULL AND chain_id = ? AND account_id ="
        f" (SELECT id FROM account WHERE address = ?) AND part {these.sql}",
        [chain_id, to_milliseconds(at), chain_id, to_blob(account), *these.values],
    )
