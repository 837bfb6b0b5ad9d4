"""Reads when something that a destination watches could not be read."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from bot.domain.ask.plan import wanted_by, watches_by_account
from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import BlindSpan
from bot.domain.history.changes import Selection
from bot.domain.history.gaps import SHORTEST_GAP, merged
from bot.domain.observe.recipients import label_on
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database, Value
from bot.store.polling.chains import asked_chains
from bot.store.rows import (
    SUBSCRIPTIONS,
    to_address,
    to_blob,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
    to_subscription,
)

GAPS_READ_MOST = 1_000


def watched_since(
    db: Database, destination_id: DestinationId, accounts: Collection[Address]
) -> datetime | None:
    """Return since when a destination watches any of some accounts, or without `accounts` anything at all."""
    these = db.any_of(map(to_blob, sorted(accounts)))
    theirs = f" AND a.address {these.sql}" if accounts else ""
    (first,) = db.execute(
        "SELECT min(s.created_at) FROM subscription s LEFT JOIN account a ON a.id = s.account_id"
        f" WHERE s.destination_id = ?{theirs}",
        [destination_id, *(these.values if accounts else ())],
    ).fetchone()
    return to_moment_or_none(first)


def gaps_between(
    db: Database,
    destination_id: DestinationId,
    selection: Selection,
    after: datetime,
    until: datetime | None,
    *,
    now: datetime,
) -> list[BlindSpan]:
    """Return the gaps that began after a moment and up to another one, the latest first.

    They are of what the destination watches now, as far as that is selected. With `until` None they are all
    since then, and those that last whenever they began.
    """
    rows = db.execute(f"{SUBSCRIPTIONS} WHERE s.destination_id = ?", [destination_id])
    subscriptions = [to_subscription(row) for row in rows]
    on = {
        account: _selected(selection, wanted.chains())
        for account, wanted in wanted_by(subscriptions, asked_chains(db)).items()
        if account in selection.accounts or not selection.accounts
    }
    where, values = _about(db, on)
    began = [to_milliseconds(one) for one in (after, until) if one is not None]
    lasted = [to_milliseconds(now), SHORTEST_GAP // timedelta(milliseconds=1)]
    found = db.execute(
        f"{_GAPS} AND g.since > ?{' AND g.since <= ?' if until else ''}{where} ORDER BY g.since DESC LIMIT ?",
        [*lasted, *began, *values, GAPS_READ_MOST],
    ).fetchall()
    if until is None:
        found += db.execute(f"{_GAPS} AND g.until IS NULL{where}", [*lasted, *values]).fetchall()
    watches = watches_by_account(subscriptions)
    spans = []
    for address, chain, since, ended in found:
        account, chain_id = None if address is None else to_address(address), ChainId(chain)
        if account is None or chain_id in on[account]:
            label = "" if account is None else label_on(watches.get(account, ()), chain_id)
            spans.append(BlindSpan(chain_id, account, label, to_moment(since), to_moment_or_none(ended)))
    return merged(spans)


def _selected(selection: Selection, chains: frozenset[ChainId]) -> frozenset[ChainId]:
    if selection.assets:
        chains &= {asset.chain_id for asset in selection.assets}
    return chains & selection.chains if selection.chains else chains


def _about(db: Database, on: Mapping[Address, Collection[ChainId]]) -> tuple[str, list[Value]]:
    """Return the condition that a gap may be of some accounts or their chains, as part of a statement."""
    these = db.any_of(map(to_blob, sorted(on)))
    rows = db.execute(f"SELECT id FROM account WHERE address {these.sql}", these.values).fetchall()
    accounts = db.any_of([_ALL_OF_THE_CHAIN, *(row_id for (row_id,) in rows)])
    chains = db.any_of(sorted({chain_id for of_one in on.values() for chain_id in of_one}))
    where = f" AND g.account_id {accounts.sql} AND g.chain_id {chains.sql}"
    return where, [*accounts.values, *chains.values]


_ALL_OF_THE_CHAIN = 0

_GAPS = """
SELECT a.address, g.chain_id, g.since, g.until FROM gap g LEFT JOIN account a ON a.id = g.account_id
WHERE coalesce(g.until, ?) - g.since >= ?
"""
