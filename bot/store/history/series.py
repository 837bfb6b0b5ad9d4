"""Reads what a chart of a balance is made of: its changes, newest first, its gaps, and daily worth."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.assets import Address, Asset, ChainId, Description
from bot.domain.history.series import COLUMNS, SeriesBuilder, UnseenSpan, WorthOnDay
from bot.domain.subscriptions import DestinationId
from bot.store.balances.look_alikes import look_alikes
from bot.store.balances.snapshots import DRIFTS_ENOUGH
from bot.store.balances.watched import watched_of, watched_since
from bot.store.database.door import Database
from bot.store.rows import to_blob, to_description, to_milliseconds, to_moment, to_moment_or_none

ROWS_AT_ONCE = 5_000
"""Some eight milliseconds of work: others wait for the database meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceKey:
    """One balance as a destination knows it."""

    destination_id: DestinationId
    account_id: int
    asset_id: int
    chain_id: ChainId
    description: Description
    is_look_alike: bool
    is_rebasing: bool
    known_since: datetime | None
    """Since when the destination watches it; None: it does not."""
    oldest: datetime | None
    """When what it was before its oldest change was last seen; None: it has none."""


def find_balance(
    db: Database, destination_id: DestinationId, account: Address, asset: Asset
) -> BalanceKey | None:
    """Return a balance, whether anything of it is held or not; None: account or asset were never seen."""
    row = db.execute(
        "SELECT a.id, x.id, x.kind, x.symbol, x.decimals, x.rebasing, x.drifts,"
        " (SELECT coalesce(h.previous_at, h.observed_at) FROM change h WHERE h.asset_id = x.id"
        " AND h.account_id = a.id ORDER BY h.id LIMIT 1)"
        " FROM account a JOIN asset x ON x.chain_id = ? AND x.contract = ? WHERE a.address = ?",
        [asset.chain_id, to_blob(asset.contract), to_blob(account)],
    ).fetchone()
    if row is None:
        return None
    account_id, asset_id, kind, symbol, decimals, rebasing, drifts, oldest = row
    watched = watched_of(db, destination_id, [account_id]).get(account_id, [])
    return BalanceKey(
        destination_id=destination_id,
        account_id=account_id,
        asset_id=asset_id,
        chain_id=asset.chain_id,
        description=to_description(kind, symbol, decimals, rebasing),
        is_look_alike=bool(look_alikes(db, [(asset, symbol)])),
        is_rebasing=bool(rebasing) or drifts >= DRIFTS_ENOUGH,
        known_since=to_moment_or_none(watched_since(watched, asset)),
        oldest=to_moment_or_none(oldest),
    )


AFTER_ALL = 2**63 - 1
"""Behind the number of the newest change."""


def add_changes(
    db: Database, key: BalanceKey, builder: SeriesBuilder, before: int, since: datetime, *, is_seen: bool
) -> int | None:
    """Add the next changes before that of a number to a series; returns the last, None: there are no more.

    Of a balance that the destination sees now (`is_seen`) all changes belong to it since it watches the
    account; of others, and of those before, the ones that it was told, or that were kept back there.
    """
    visible_since = to_milliseconds(key.known_since) if is_seen and key.known_since else AFTER_ALL
    balance = key.asset_id, key.account_id
    last = db.execute(_LAST_OF_SLICE, [*balance, before, ROWS_AT_ONCE - 1]).fetchone()
    oldest, observed_at = last or (0, 0)
    rows = db.execute(
        _CHANGES, [*balance, before, oldest, visible_since, key.destination_id, key.destination_id]
    )
    # The one before the window says what was held when that begins, which the next one says as well.
    is_over = observed_at < to_milliseconds(since)
    return oldest if builder.add(rows) and not is_over else None


_LAST_OF_SLICE = """
SELECT h.id, h.observed_at FROM change h WHERE h.asset_id = ? AND h.account_id = ? AND h.id < ?
ORDER BY h.id DESC LIMIT 1 OFFSET ?
"""

_CHANGES = """
SELECT h.observed_at, coalesce(h.previous_at, h.observed_at),
  CASE WHEN h.kind <> 'listed' THEN h.before END, h.after, h.former_decimals
FROM change h WHERE h.asset_id = ? AND h.account_id = ? AND h.id < ? AND h.id >= ? AND (h.observed_at >= ?
  OR EXISTS (SELECT 1 FROM alert t WHERE t.change_id = h.id AND t.destination_id = ?)
  OR EXISTS (SELECT 1 FROM unalerted u WHERE u.destination_id = ? AND u.change_id = h.id))
ORDER BY h.id DESC
"""


def unseen_spans(db: Database, key: BalanceKey, since: datetime, until: datetime) -> list[UnseenSpan]:
    """Return the gaps of an account on a chain, and those of all of the chain, that a picture can show."""
    begin, end = to_milliseconds(since), to_milliseconds(until)
    rows = db.execute(
        "SELECT since, coalesce(until, ?) FROM gap WHERE (account_id = 0 OR account_id = ?) AND chain_id = ?"
        " AND since < ? AND (until IS NULL OR until > ?) AND coalesce(until, ?) - since >= ?",
        [end, key.account_id, key.chain_id, end, begin, end, (end - begin) // COLUMNS],
    )
    return [UnseenSpan(to_moment(one), to_moment(other)) for one, other in rows]


def changed_assets(
    db: Database, destination_id: DestinationId, account: Address, assets: Collection[Asset]
) -> list[Asset]:
    """Return those of some assets of which the destination knows changes in an account, in their order."""
    return [
        asset
        for asset in assets
        if db.execute(
            _CHANGED,
            [asset.chain_id, to_blob(asset.contract), to_blob(account), destination_id, destination_id],
        ).fetchone()
    ]


_CHANGED = """
SELECT 1 FROM asset x WHERE x.chain_id = ? AND x.contract = ? AND EXISTS (
  SELECT 1 FROM change h JOIN account a ON a.id = h.account_id WHERE a.address = ? AND h.asset_id = x.id AND (
    EXISTS (SELECT 1 FROM alert t WHERE t.change_id = h.id AND t.destination_id = ?)
    OR EXISTS (SELECT 1 FROM unalerted u WHERE u.destination_id = ? AND u.change_id = h.id)))
"""


def daily_worth(
    db: Database, destination_id: DestinationId, account: Address, since: datetime
) -> list[WorthOnDay]:
    """Return what an account was worth to a destination on each day since a moment, the earliest first."""
    rows = db.execute(
        "SELECT w.at, w.usd, w.unpriced, w.unknown, w.last_known FROM worth w"
        " JOIN account a ON a.id = w.account_id WHERE w.destination_id = ? AND a.address = ? AND w.at >= ?"
        " ORDER BY w.day",
        [destination_id, to_blob(account), to_milliseconds(since)],
    )
    return [
        WorthOnDay(to_moment(at), Decimal(usd), unpriced, is_partial=bool(unknown or last_known))
        for at, usd, unpriced, unknown, last_known in rows
    ]
