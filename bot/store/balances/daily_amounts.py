"""Reads what accounts held at the end of each of the last days, for the sparklines behind their balances."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from bot.domain.assets import Address, Asset, ChainId
from bot.domain.history.sparkline import DAYS
from bot.domain.subscriptions import DestinationId
from bot.store.balances.watched import watched_of, watched_since
from bot.store.database.door import Database
from bot.store.rows import to_address, to_asset, to_blob, to_milliseconds

DailyAmounts = dict[tuple[Address, Asset], list[int | None]]
"""Amounts in smallest units at the end of each of the last days of 24 hours; None: nobody looked."""

_DAY = timedelta(days=1) // timedelta(milliseconds=1)


def daily_amounts(
    db: Database, destination_id: DestinationId, accounts: Collection[Address], until: datetime
) -> DailyAmounts:
    """Return the amounts of each balance of accounts that changed within the last days.

    Of days that ended before a destination watched an account it knows nothing, nor of days in which nobody
    looked. What changed its units meanwhile is left out.
    """
    begin = to_milliseconds(until) - DAYS * _DAY
    blobs = db.any_of(map(to_blob, accounts))
    rows = db.execute(f"SELECT id, address FROM account WHERE address {blobs.sql}", blobs.values)
    by_id = {account_id: to_address(address) for account_id, address in rows}
    theirs = db.any_of(by_id)
    found: dict[tuple[int, Asset], list[int | None]] = {}
    redenominated = set[tuple[int, Asset]]()
    for account_id, chain_id, contract, amount, day, before, former in db.execute(
        _FIRST_OF_EACH_DAY.format(theirs.sql), [begin, _DAY, *theirs.values, begin, begin]
    ):
        key = account_id, to_asset(chain_id, contract)
        amounts = found.setdefault(key, [int(amount)] * DAYS)
        # The last day comes first, and what the first change of a day found is what the days before it left.
        amounts[:day] = [None if before is None else int(before)] * min(day, DAYS)
        if former:
            redenominated.add(key)
    if found:
        _leave_out_unseen(db, destination_id, found, begin)
    return {
        (by_id[account_id], asset): amounts
        for (account_id, asset), amounts in found.items()
        if (account_id, asset) not in redenominated
    }


def _leave_out_unseen(
    db: Database,
    destination_id: DestinationId,
    found: Mapping[tuple[int, Asset], list[int | None]],
    begin: int,
) -> None:
    """Make unknown what was held before the destination watched it, and on days that lie in a gap."""
    unseen: dict[tuple[int, ChainId], list[tuple[int, int]]] = defaultdict(list)
    watched = watched_of(db, destination_id, {account_id for account_id, _ in found})
    chains, end = db.any_of({asset.chain_id for _, asset in found}), begin + DAYS * _DAY
    account_ids = db.any_of({_ALL, *(account_id for account_id, _ in found)})
    for account_id, chain_id, since, until in db.execute(
        f"SELECT account_id, chain_id, since, coalesce(until, ?) FROM gap WHERE account_id {account_ids.sql}"
        f" AND chain_id {chains.sql} AND (until IS NULL OR until >= ?) AND coalesce(until, ?) - since >= ?",
        [end, *account_ids.values, *chains.values, begin, end, _DAY],
    ):
        unseen[account_id, ChainId(chain_id)].append((since, until))
    for (account_id, asset), amounts in found.items():
        begun = watched_since(watched.get(account_id, []), asset)
        spans = [(0, end if begun is None else begun)]
        spans += [span for key in (_ALL, account_id) for span in unseen[key, asset.chain_id]]
        for day in range(DAYS):
            begins, ends = begin + day * _DAY, begin + (day + 1) * _DAY
            if any(since <= begins and ends <= until for since, until in spans):
                amounts[day] = None


_ALL = 0
"""Stands in a gap for all accounts of its chain."""

# The index of changes has their sweeps, which grow with time, and not their moments.
_FIRST_OF_EACH_DAY = """
SELECT g.account_id, x.chain_id, x.contract, coalesce(b.amount, '0'), g.day,
  CASE WHEN c.kind <> 'listed' THEN c.before END, g.redenominated
FROM (
  SELECT h.account_id, h.asset_id, (h.observed_at - ?) / ? AS day, min(h.id) AS first_id,
    count(h.former_decimals) AS redenominated
  FROM change h
  WHERE h.account_id {}
    AND h.sweep >= (
      SELECT s.sweep FROM change s WHERE s.observed_at >= ? ORDER BY s.observed_at, s.id LIMIT 1)
    AND h.observed_at >= ?
  GROUP BY h.account_id, h.asset_id, day
) g
JOIN change c ON c.id = g.first_id
JOIN asset x ON x.id = g.asset_id
LEFT JOIN balance b ON b.account_id = g.account_id AND b.asset_id = g.asset_id
ORDER BY g.day DESC
"""
