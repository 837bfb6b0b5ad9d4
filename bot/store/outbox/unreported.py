"""What filters hold back: of each amount the changes since a destination was last told of it.

A row is there exactly while something of an amount is held back. Whatever ends it makes one alert in the same
transaction, which sums up all of these changes: the filter is met, changed or ended, or a month is over.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address, Asset, ChainId, Description
from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.traces import UNKNOWN_TRACE, AlertCause, Trace
from bot.domain.due import CLOCK_SLACK
from bot.domain.observations import ItemMove, net_items
from bot.domain.observe.filters import HeldBack
from bot.domain.places import Place
from bot.domain.rules.conditions import Difference
from bot.domain.rules.loud import Loudness
from bot.domain.subscriptions import DestinationId, WatchSpec
from bot.store.balances.look_alikes import LOOKS_LIKE_ANOTHER
from bot.store.database.door import Database, Value
from bot.store.each import DUE_AT_ONCE, write_each
from bot.store.outbox.alerts import NewAlert, enqueue_alerts
from bot.store.rows import (
    Row,
    loudness_to_row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_item_moves,
    to_loudness,
    to_milliseconds,
    to_moment,
    to_trace,
)

HELD_BACK_AT_MOST = timedelta(days=30)
"""However little it is, after so long it is reported."""


class UnreportedKey(NamedTuple):
    """Whose change is held back, and from whom; numbers of rows."""

    account_id: int
    asset_id: int
    destination_id: DestinationId


class Unreported(NamedTuple):
    """Changes of one amount that a destination was not told of."""

    label: str
    """What it called the account at the last of them."""
    first_change_id: int
    last_change_id: int
    steps: int
    """How many changes they are."""
    since: int
    """When the first was observed, in milliseconds."""
    held_back: HeldBack
    about: MuteScope
    """The account and its chain."""
    loudness: Loudness
    """How an alert about all of it would arrive, as was judged at the last of these changes."""
    trace: Trace = UNKNOWN_TRACE
    """Of the last of these changes."""


def unreported_of(db: Database, account_ids: Collection[int]) -> dict[UnreportedKey, Unreported]:
    """Return what is held back of some accounts, by whom it is held back from."""
    theirs = db.any_of(account_ids)
    rows = db.execute(f"{_UNREPORTED} WHERE u.account_id {theirs.sql}", theirs.values)
    return dict(map(_to_unreported, rows))


def save_unreported(
    db: Database, kept: Mapping[UnreportedKey, Unreported], ended: Collection[UnreportedKey]
) -> None:
    """Store what is held back from now on, and forget what no longer is. Part of a transaction."""
    db.executemany(
        "DELETE FROM unreported WHERE account_id = ? AND asset_id = ? AND destination_id = ?", sorted(ended)
    )
    db.upsert_many(
        "unreported",
        _COLUMNS,
        [
            (
                *key,
                one.label,
                one.first_change_id,
                one.last_change_id,
                one.steps,
                one.since,
                *loudness_to_row(one.loudness),
            )
            for key, one in sorted(kept.items())
        ],
        key=UnreportedKey._fields,
    )


_COLUMNS = (
    *UnreportedKey._fields,
    "label",
    "first_change_id",
    "last_change_id",
    "steps",
    "since",
    "sound",
    "mentions",
)
"""What was told and where it stands by now is in the two changes."""


def release(
    db: Database,
    destination_id: DestinationId,
    at: int,
    accounts: Collection[int] | None = None,
    cause: AlertCause = AlertCause.ENDED,
) -> int:
    """Report what is held back from a destination, of some accounts or of all; returns how many amounts.

    `at` is now, in milliseconds, and `cause` says why that is. Part of the caller's transaction.
    """
    theirs = None if accounts is None else db.any_of(accounts)
    these = "" if theirs is None else f" AND u.account_id {theirs.sql}"
    values: list[Value] = [destination_id, *(() if theirs is None else theirs.values)]
    rows = db.execute(f"{_UNREPORTED} WHERE u.destination_id = ?{these}", values).fetchall()
    let_unjudged_pass(db, destination_id)
    return _release(db, rows, at, cause)


def let_unjudged_pass(db: Database, destination_id: DestinationId) -> None:
    """Let pass for good what filters could not judge yet: they may have ended. Part of a transaction."""
    db.execute(_LET_PASS, [destination_id] * 2)


# Not `state IN ('waiting', 'held')`: each alone finds its rows by the index of that state.
_UNJUDGED = "explain_until > 0 AND destination_id = ? AND cause = 'no_transfers'"
_LET_PASS = f"""
UPDATE alert SET explain_until = 0 WHERE id IN (
  SELECT id FROM alert WHERE state = 'waiting' AND {_UNJUDGED}
  UNION ALL SELECT id FROM alert WHERE state = 'held' AND {_UNJUDGED})
"""


def merge_unreported(
    db: Database, one: DestinationId, into: DestinationId, at: int, *, is_to_report: bool
) -> None:
    """Give another destination what is held back from one, once it has the alerts of both.

    Of what both were not told, the one that goes further back counts. Steps that one was told are not told
    again; the others are reported if any was, or if it `is_to_report`. `at` is now, in milliseconds. Part of
    the caller's transaction.
    """
    rows = db.execute(f"{_UNREPORTED} WHERE u.destination_id IN (?, ?)", [one, into]).fetchall()
    held_back = sorted(map(_to_unreported, rows), key=lambda pair: -pair[1].first_change_id)
    save_unreported(db, {}, [key for key, _ in held_back])
    # The one that goes back furthest comes last, and stays.
    longest = {key._replace(destination_id=into): unreported for key, unreported in held_back}
    kept: dict[UnreportedKey, Unreported] = {}
    alerts: list[NewAlert] = []
    for key, unreported in longest.items():
        spans = _untold(db, key, unreported)
        if is_to_report or spans != [unreported]:
            alerts += [alert_of(key, span, AlertCause.ENDED) for span in spans]
        else:
            kept[key] = unreported
    save_unreported(db, kept, [])
    enqueue_alerts(db, sorted(alerts, key=lambda alert: alert.change_id or 0), at)


def _untold(db: Database, key: UnreportedKey, unreported: Unreported) -> list[Unreported]:
    """Return the steps that no alert of the destination tells, those that follow one another as one."""
    values = [key.account_id, key.asset_id, unreported.first_change_id]
    told = db.execute(
        "SELECT coalesce(l.first_change_id, l.change_id), l.change_id FROM change c"
        " JOIN alert l ON l.change_id = c.id AND l.destination_id = ?"
        " WHERE c.account_id = ? AND c.asset_id = ? AND c.id >= ?",
        [key.destination_id, *values],
    ).fetchall()
    steps = db.execute(
        "SELECT id FROM change WHERE account_id = ? AND asset_id = ? AND id >= ? AND id <= ? ORDER BY id",
        [*values, unreported.last_change_id],
    )
    runs: list[list[int]] = [[]]
    for (step,) in steps:
        if any(first <= step <= last for first, last in told):
            runs.append([])
        else:
            runs[-1].append(step)
    return [
        unreported._replace(first_change_id=run[0], last_change_id=run[-1], steps=len(run))
        for run in runs
        if run
    ]


def release_subscribed(
    db: Database, destination_id: DestinationId, specs: Collection[WatchSpec], at: int
) -> None:
    """Report what is held back of what new subscriptions are about: they may want it.

    `at` is now, in milliseconds. Part of the caller's transaction.
    """
    rows = db.execute(f"{_UNREPORTED} WHERE u.destination_id = ?", [destination_id]).fetchall()
    wanted = [row for row in rows if any(_is_about(spec, row) for spec in specs)]
    let_unjudged_pass(db, destination_id)
    _release(db, wanted, at, AlertCause.ENDED)


def _is_about(spec: WatchSpec, row: Row) -> bool:
    *_, address, chain_id, contract, _, _ = row
    asset = to_asset(chain_id, contract)
    return (
        spec.account in {None, to_address(address)}
        and spec.scope.covers_chain(asset.chain_id)
        and (not spec.scope.contracts or asset.contract in spec.scope.contracts)
    )


def release_old(db: Database, now: datetime) -> datetime | None:
    """Report what has been held back for too long; returns when the next of it is, None: there is none."""
    # What begins in the future was held back before the clock was set back: it would wait too long.
    before, slack = to_milliseconds(now - HELD_BACK_AT_MOST), to_milliseconds(now + CLOCK_SLACK)

    def due() -> list[Row]:
        return db.execute(
            "SELECT DISTINCT destination_id FROM unreported WHERE since <= ? OR since > ?"
            " ORDER BY destination_id LIMIT ?",
            [before, slack, DUE_AT_ONCE],
        ).fetchall()

    def release_due(row: Row) -> None:
        old = f"{_UNREPORTED} WHERE u.destination_id = ? AND (u.since <= ? OR u.since > ?)"
        rows = db.execute(old, [row[0], before, slack]).fetchall()
        _release(db, rows, to_milliseconds(now), AlertCause.OLD)

    write_each(db, due, release_due)
    (first,) = db.execute("SELECT min(since) FROM unreported").fetchone()
    return None if first is None else to_moment(first) + HELD_BACK_AT_MOST


def items_between(db: Database, first_change_id: int, last_change_id: int) -> tuple[ItemMove, ...] | None:
    """Return which ids of a collection came and went from one change to another; None: that is not known."""
    rows = db.execute(
        "SELECT c.items FROM change f"
        " JOIN change c ON c.account_id = f.account_id AND c.asset_id = f.asset_id"
        " WHERE f.id = ? AND c.id BETWEEN ? AND ? ORDER BY c.id",
        [first_change_id, first_change_id, last_change_id],
    )
    steps = [to_item_moves(items) for (items,) in rows]
    return net_items(steps) if all(steps) else None


class HeldBackHere(NamedTuple):
    """What a filter holds back of one amount, to be shown."""

    account: Address
    label: str
    asset: Asset
    description: Description
    held_back: HeldBack
    steps: int
    since: datetime
    is_look_alike: bool


def held_back_here(db: Database, place: Place) -> list[HeldBackHere]:
    """Return what filters hold back from a place, the oldest first."""
    rows = db.execute(_HELD_BACK_HERE, [place.chat_id, place.thread_id or 0])
    return [
        HeldBackHere(
            account=to_address(address),
            label=label,
            asset=to_asset(chain_id, contract),
            description=to_description(kind, symbol, decimals, rebasing),
            held_back=HeldBack(
                told=to_holding(before, uniques_before, None), now=to_holding(after, uniques_after, None)
            ),
            steps=steps,
            since=to_moment(since),
            is_look_alike=bool(is_look_alike),
        )
        for (
            address,
            label,
            chain_id,
            contract,
            kind,
            symbol,
            decimals,
            rebasing,
            before,
            uniques_before,
            after,
            uniques_after,
            steps,
            since,
            is_look_alike,
        ) in rows
    ]


_HELD_BACK_HERE = f"""
SELECT a.address, u.label, x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing,
       f.before, f.uniques_before, l.after, l.uniques_after, u.steps, u.since, {LOOKS_LIKE_ANOTHER}
FROM unreported u JOIN change f ON f.id = u.first_change_id JOIN change l ON l.id = u.last_change_id
JOIN account a ON a.id = u.account_id JOIN asset x ON x.id = u.asset_id
JOIN destination d ON d.id = u.destination_id JOIN chat c ON c.id = d.chat_id
WHERE c.telegram_id = ? AND d.thread_id = ? ORDER BY f.id
"""


def _release(db: Database, rows: Sequence[Row], at: int, cause: AlertCause) -> int:
    unreported = dict(map(_to_unreported, rows))
    in_order = sorted(unreported.items(), key=lambda one: one[1].last_change_id)
    enqueue_alerts(db, [alert_of(key, one, cause) for key, one in in_order], at)
    save_unreported(db, {}, unreported)
    return len(unreported)


def alert_of(
    key: UnreportedKey, one: Unreported, cause: AlertCause, difference: Difference | None = None
) -> NewAlert:
    """Return the alert that sums up changes; without a `difference` no exception from quiet is judged."""
    return NewAlert(
        destination_id=key.destination_id,
        about=frozenset({one.about}),
        label=one.label,
        change_id=one.last_change_id,
        first_change_id=one.first_change_id if one.steps > 1 else None,
        steps=one.steps,
        loudness=one.loudness,
        difference=difference,
        trace=one.trace,
        cause=cause,
    )


_UNREPORTED = """
SELECT u.account_id, u.asset_id, u.destination_id,
       u.label, u.first_change_id, u.last_change_id, u.steps, u.since, u.sound, u.mentions,
       f.before, f.uniques_before, l.after, l.uniques_after, a.address, x.chain_id, x.contract,
       coalesce(t.wanted_by, ''), coalesce(t.filters, '')
FROM unreported u JOIN change f ON f.id = u.first_change_id JOIN change l ON l.id = u.last_change_id
JOIN account a ON a.id = u.account_id JOIN asset x ON x.id = u.asset_id
LEFT JOIN unalerted t ON t.destination_id = u.destination_id AND t.change_id = u.last_change_id
"""


def _to_unreported(row: Row) -> tuple[UnreportedKey, Unreported]:
    account_id, asset_id, destination_id, label, first, last, steps, since, sound, mentions, *rest = row
    before, uniques_before, after, uniques_after, address, chain_id, _, *trace = rest
    return UnreportedKey(account_id, asset_id, DestinationId(destination_id)), Unreported(
        label=label,
        first_change_id=first,
        last_change_id=last,
        steps=steps,
        since=since,
        held_back=HeldBack(
            told=to_holding(before, uniques_before, None), now=to_holding(after, uniques_after, None)
        ),
        about=MuteScope(to_address(address), frozenset({ChainId(chain_id)})),
        loudness=to_loudness(sound, mentions),
        trace=to_trace(*trace),
    )
