"""Reads the changes that a destination watched, each with what became of it there.

This is the one way to them, for pages as for files. Others wait for the database meanwhile, so one look reads
no more than a slice, and `Slice.rest` says where to go on. What is of another destination is never in it.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.assets import Address, Asset
from bot.domain.deliver.alerts import AlertId, ChangeAlert
from bot.domain.deliver.delivery import AlertState, DeliveryId
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.traces import Silence
from bot.domain.explain.explanations import Explanation
from bot.domain.history.changes import PastChange, Selection, Slice, Span
from bot.domain.observations import Change, MoveKind
from bot.domain.subscriptions import DestinationId
from bot.store.balances.look_alikes import LOOKS_LIKE_ANOTHER
from bot.store.database.door import AnyOf, Database, Value
from bot.store.explain.explanations import explanations_of, explanations_of_spans
from bot.store.history.counterparty_names import KnownHere
from bot.store.outbox.unreported import items_between
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_blob,
    to_description,
    to_holding,
    to_item_moves,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
)

CHANGES_AT_ONCE = 20_000
"""So many numbers of changes are searched in one look: ten milliseconds of work."""

_SET_BACK_MOST, _SET_BACK_BY_MOST = 1_000, timedelta(days=1) // timedelta(milliseconds=1)
"""Changes that a clock which was set back may have put before others, and by how much."""


def span_of(db: Database, destination_id: DestinationId, since: datetime | None = None) -> Span | None:
    """Return where the changes of a destination are, or those since a moment; None: there are none."""
    ends = [db.execute(one, [destination_id, destination_id]).fetchone() for one in _ENDS]
    oldest = min((low for low, _ in ends if low is not None), default=None)
    newest = max((high for _, high in ends if high is not None), default=None)
    if oldest is None or newest is None:
        return None
    if since is not None:
        # By number from there on: where the clock was set back, the order of the numbers counts, and of those
        # that were observed soon after the moment another one than the first may have been recorded first.
        rows = db.execute(
            "SELECT id, observed_at FROM change WHERE observed_at >= ? ORDER BY observed_at, id LIMIT ?",
            [to_milliseconds(since), _SET_BACK_MOST],
        ).fetchall()
        if not rows:
            return None
        (_, first_at), *_ = rows
        oldest = max(oldest, min(change_id for change_id, at in rows if at - first_at < _SET_BACK_BY_MOST))
    return Span(oldest, newest) if oldest <= newest else None


def read_slice(
    db: Database,
    destination_id: DestinationId,
    selection: Selection,
    span: Span,
    most: int,
    *,
    newest_first: bool = True,
) -> Slice:
    """Return up to so many changes of a destination from one end of a span, in that order."""
    if newest_first:
        looked_at = Span(max(span.oldest, span.newest - CHANGES_AT_ONCE + 1), span.newest)
    else:
        looked_at = Span(span.oldest, min(span.newest, span.oldest + CHANGES_AT_ONCE - 1))
    ids = _ids(db, destination_id, selection, looked_at, most, newest_first=newest_first)
    later = _LaterAlerts(db, destination_id)
    explained = explanations_of(db, ids)
    read = {
        row[0]: _to_past_change(db, later, row, explained.get(row[0]))
        for row in _rows(db, destination_id, ids)
    }
    last = ids[-1] if len(ids) == most else (looked_at.oldest if newest_first else looked_at.newest)
    rest = Span(span.oldest, last - 1) if newest_first else Span(last + 1, span.newest)
    return Slice(tuple(read[one] for one in ids), rest if rest.oldest <= rest.newest else None)


def with_known_counterparties(
    db: Database, destination_id: DestinationId, found: Iterable[PastChange]
) -> list[PastChange]:
    """Return changes of a destination with what is known there of those whom their transfers were with."""
    here = KnownHere(db, destination_id)
    return [
        replace(one, told=replace(one.told, counterparties=here.names(one.told, one.id))) for one in found
    ]


def _ids(
    db: Database,
    destination_id: DestinationId,
    selection: Selection,
    span: Span,
    most: int,
    *,
    newest_first: bool,
) -> list[int]:
    """Return the numbers of the first changes in a span, in order."""
    where, values = _selected(db, selection)
    join = " JOIN change c ON c.id = t.change_id JOIN asset x ON x.id = c.asset_id" if where else ""
    order = "t.change_id DESC" if newest_first else "t.change_id"
    found: set[int] = set()
    for table in TRACES:
        found.update(
            change_id
            for (change_id,) in db.execute(
                f"SELECT t.change_id FROM {table} t{join} WHERE t.destination_id = ?"
                f" AND t.change_id BETWEEN ? AND ?{where} ORDER BY {order} LIMIT ?",
                [destination_id, *span, *values, most],
            )
        )
    return sorted(found, reverse=newest_first)[:most]


def _selected(db: Database, selection: Selection) -> tuple[str, list[Value]]:
    """Return the conditions that a change `c` of an asset `x` is one of these, as part of a statement."""
    conditions: dict[str, AnyOf] = {}
    if selection.accounts:
        conditions["c.account_id"] = _account_ids(db, selection.accounts)
    if selection.assets:
        conditions["c.asset_id"] = _asset_ids(db, selection.assets)
    if selection.chains:
        conditions["x.chain_id"] = db.any_of(sorted(selection.chains))
    where = "".join(f" AND {column} {one.sql}" for column, one in conditions.items())
    return where, [value for one in conditions.values() for value in one.values]


def _account_ids(db: Database, accounts: Collection[Address]) -> AnyOf:
    these = db.any_of(map(to_blob, sorted(accounts)))
    rows = db.execute(f"SELECT id FROM account WHERE address {these.sql}", these.values)
    return db.any_of(row_id for (row_id,) in rows.fetchall())


def _asset_ids(db: Database, assets: Collection[Asset]) -> AnyOf:
    found = (
        db.execute("SELECT id FROM asset WHERE chain_id = ? AND contract = ?", [chain_id, to_blob(contract)])
        for chain_id, contract in sorted(assets)
    )
    return db.any_of([row_id for rows in found for (row_id,) in rows.fetchall()])


def _rows(db: Database, destination_id: DestinationId, ids: Collection[int]) -> list[Row]:
    if not ids:
        return []
    these = db.any_of(ids)
    return db.execute(
        f"{_CHANGES} WHERE c.id {these.sql} ORDER BY c.id", [destination_id, destination_id, *these.values]
    ).fetchall()


TRACES = ("alert", "unalerted")
"""Where a destination's changes are found; of one that is in both, its alert says what became of it."""

# Each end by a look-up: min and max in one statement would read everything between.
_HERE = "destination_id = ? AND change_id IS NOT NULL"
_ENDS = tuple(
    f"SELECT (SELECT change_id FROM {table} WHERE {_HERE} ORDER BY change_id LIMIT 1),"
    f" (SELECT change_id FROM {table} WHERE {_HERE} ORDER BY change_id DESC LIMIT 1)"
    for table in TRACES
)

_CHANGES = f"""
SELECT c.id, a.address, x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing,
       c.kind, c.before, c.uniques_before, c.block_before, c.after, c.uniques_after, c.block, c.items,
       c.price_usd, c.priced_at, c.observed_at, c.decimals, c.former_decimals, {LOOKS_LIKE_ANOTHER},
       l.id, coalesce(l.label, u.label, ''), l.state,
       CASE WHEN l.id IS NULL THEN u.reason ELSE l.reason END, l.steps, l.first_change_id,
       f.before, f.uniques_before, f.observed_at, l.delivery_id, d.tried_at
FROM change c
JOIN account a ON a.id = c.account_id
JOIN asset x ON x.id = c.asset_id
LEFT JOIN alert l ON l.change_id = c.id AND l.destination_id = ?
LEFT JOIN change f ON f.id = l.first_change_id
LEFT JOIN delivery d ON d.id = l.delivery_id
LEFT JOIN unalerted u ON u.change_id = c.id AND u.destination_id = ?
"""


def _to_past_change(
    db: Database, later: "_LaterAlerts", row: Row, explanation: Explanation | None
) -> PastChange:
    change_id, account, chain_id, contract, asset_kind, symbol, decimals, rebasing, *rest = row
    kind, before, uniques_before, block_before, after, uniques_after, block, items, *rest = rest
    price_usd, priced_at, observed_at, decimals_then, former_decimals, is_look_alike, *alert = rest
    alert_id, label, state, reason, steps, first_id, told, uniques_told, first_at, *sent = alert
    delivery_id, tried_at = sent
    if alert_id is None and reason in _SUMMED_UP_LATER:
        delivery_id = later.summing_up(change_id, (account, chain_id, contract))
    description = to_description(asset_kind, symbol, decimals, rebasing)
    change = Change(
        account=to_address(account),
        asset=to_asset(chain_id, contract),
        kind=MoveKind(kind),
        before=to_holding(before, uniques_before, block_before),
        after=to_holding(after, uniques_after, block),
        observed_at=to_moment(observed_at),
        price_usd=price_usd,
        items=to_item_moves(items),
        priced_at=to_moment_or_none(priced_at),
        decimals=decimals_then,
        former_decimals=former_decimals,
    )
    summed, explanation_of_sum = change, explanation
    if first_id is not None:
        (explanation_of_sum,) = explanations_of_spans(db, [(first_id, change_id)])
        moved = items_between(db, first_id, change_id) or () if description.is_collection else ()
        summed = replace(change, before=to_holding(told, uniques_told, None), items=moved)
    return PastChange(
        id=change_id,
        change=change,
        told=ChangeAlert(
            id=AlertId(alert_id or 0),
            change=summed,
            label=label,
            description=description,
            is_look_alike=bool(is_look_alike),
            steps=steps or 1,
            since=to_moment_or_none(first_at),
            explanation=explanation_of_sum,
        ),
        state=None if state is None else AlertState(state),
        reason=reason or "",
        message=None if delivery_id is None else message_id(DeliveryId(delivery_id)),
        tried_at=to_moment_or_none(tried_at),
        explanation=explanation,
    )


_SUMMED_UP_LATER = (Silence.FILTER, Silence.DIGEST)


class _LaterAlerts:
    """Finds the messages that sum up changes of a slice, which are asked about the oldest first.

    A filter may hold back a hundred thousand changes of one amount: they are walked once and not for each.
    """

    def __init__(self, db: Database, destination_id: DestinationId) -> None:
        self._db = db
        self._destination_id = destination_id
        self._next: dict[tuple[bytes, int, bytes], Row | None] = {}
        """Of each amount the next alert after what was asked about last; None: there is none."""

    def summing_up(self, change_id: int, amount: tuple[bytes, int, bytes]) -> int | None:
        """Return the message that sums up a change with later ones of the amount; None: none so far."""
        # The next alert about the amount says it: only what was held back until then is in it.
        row = self._next.get(amount)
        if amount not in self._next or (row is not None and row[0] <= change_id):
            row = self._db.execute(_NEXT_ALERT, [self._destination_id, change_id]).fetchone()
            self._next[amount] = row
        if row is None:
            return None
        _, delivery_id, first_change_id = row
        is_in_it = first_change_id is not None and first_change_id <= change_id
        return delivery_id if is_in_it else None


_NEXT_ALERT = """
SELECT n.id, l.delivery_id, l.first_change_id FROM change c
JOIN change n ON n.asset_id = c.asset_id AND n.account_id = c.account_id AND n.id > c.id
JOIN alert l ON l.change_id = n.id AND l.destination_id = ?
WHERE c.id = ? ORDER BY n.id LIMIT 1
"""
