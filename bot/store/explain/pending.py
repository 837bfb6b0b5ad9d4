"""Reads the changes whose transfers are to be asked for, and explains them by an answer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.due import CLOCK_SLACK
from bot.domain.explain.explanations import Explanation, ExplanationOutcome
from bot.domain.explain.matching import EARLIER_BY, LATER_BY, explain, plainly_between
from bot.domain.explain.questions import HistoryAnswer
from bot.domain.explain.transfers import TransactionHash, Transfer
from bot.domain.explain.unexplained import Unexplained
from bot.domain.observations import Change, MoveKind
from bot.store.database.door import Database
from bot.store.explain.explanations import AGAIN_AFTER, Judge, write_explanations
from bot.store.rows import (
    to_address,
    to_asset,
    to_holding,
    to_item_moves,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
)

NEIGHBOURS_MOST = 50
"""Changes of a balance before and after one, whose transfers don't explain it."""


def due_changes(db: Database, now: datetime, most: int) -> list[Unexplained]:
    """Return the changes whose transfers are asked for by now, in order; of more than `most` the newest."""
    # A moment that far ahead was stored before the clock was set back.
    rows = db.execute(
        f"{_CHANGES} WHERE c.ask_at IS NOT NULL AND (c.ask_at <= ? OR c.ask_at > ?)"
        " ORDER BY c.ask_at DESC LIMIT ?",
        [to_milliseconds(now), to_milliseconds(now + AGAIN_AFTER + CLOCK_SLACK), most],
    ).fetchall()
    return sorted(map(_to_unexplained, rows), key=lambda one: one.row)


def next_ask_at(db: Database) -> datetime | None:
    """Return when transfers are asked for next by themselves; None: there is nothing to ask for."""
    (at,) = db.execute("SELECT min(ask_at) FROM change WHERE ask_at IS NOT NULL").fetchone()
    return to_moment_or_none(at)


def unexplained_of(db: Database, change_ids: Collection[int]) -> list[Unexplained]:
    """Return those of some changes that are not explained and may be, in their order."""
    these = db.any_of(change_ids)
    rows = db.execute(
        f"{_CHANGES} WHERE c.id {these.sql} AND c.kind = ? AND coalesce(e.outcome, '') <> 'explained'"
        " AND coalesce(e.reason, '') <> 'rebasing' ORDER BY c.id",
        [*these.values, MoveKind.MOVED],
    ).fetchall()
    return [_to_unexplained(row) for row in rows]


def save_answer(
    db: Database, about: Iterable[Unexplained], answer: HistoryAnswer, now: datetime, judge: Judge
) -> dict[int, Explanation]:
    """Explain changes by an answer, store that, and return it by their numbers; see `save_explanations`."""
    found: dict[int, Explanation] = {}
    with db.transaction():
        # Here and not before: nobody else can explain a change by the same transfers meanwhile.
        for one in about:
            neighbours = _neighbours(db, one.row)
            taken = _taken(db, neighbours, found)
            unexplained = {
                other
                for other in neighbours
                if other not in found or found[other].outcome is not ExplanationOutcome.EXPLAINED
            }
            taken |= _claimed(db, unexplained, one, answer.transfers, taken)
            found[one.row] = explain(
                one.change,
                answer.transfers,
                previous_at=one.previous_at,
                is_complete=answer.is_complete,
                taken=taken,
                listed_at=now,
            )
        write_explanations(db, found, now, judge)
    return found


def _neighbours(db: Database, change_id: int) -> set[int]:
    """Return the changes of the same balance shortly before and after one."""
    return {
        neighbour
        for statement in (_BEFORE, _AFTER)
        for (neighbour,) in db.execute(statement, [change_id, NEIGHBOURS_MOST]).fetchall()
    }


def _taken(
    db: Database, neighbours: Collection[int], found: Mapping[int, Explanation]
) -> set[TransactionHash]:
    """Return the transactions that explain changes."""
    stored = db.any_of(set(neighbours) - found.keys())
    taken = db.execute(
        f"SELECT DISTINCT transaction_hash FROM leg WHERE change_id {stored.sql}", stored.values
    ).fetchall()
    return {TransactionHash("0x" + blob.hex()) for (blob,) in taken} | {
        leg.transaction for one in neighbours if one in found for leg in found[one].legs
    }


def _claimed(
    db: Database,
    neighbours: Collection[int],
    one: Unexplained,
    transfers: Collection[Transfer],
    taken: Collection[TransactionHash],
) -> set[TransactionHash]:
    """Return the transactions that belong to changes next to one, which are not explained, or not yet.

    What is listed late would else explain the next change of the same amount. To an earlier change belongs
    all that is as old, to a later one what explains it without a doubt, and to neither what lies between the
    two readings of this one.
    """
    if one.previous_at is None or None not in {one.change.before.block, one.change.after.block}:
        return set()
    these = db.any_of(neighbours)
    first, last = one.previous_at - EARLIER_BY, one.change.observed_at + LATER_BY
    rows = db.execute(
        f"{_CHANGES} WHERE c.id {these.sql} AND coalesce(e.outcome, '') <> 'explained'"
        " AND c.observed_at >= ? AND coalesce(c.previous_at, 0) <= ?",
        [*these.values, to_milliseconds(first), to_milliseconds(last)],
    ).fetchall()
    others = list(map(_to_unexplained, rows))
    earlier = [other.change.observed_at for other in others if other.row < one.row]
    older = {each.transaction for each in transfers if earlier and each.at and each.at <= max(earlier)}
    later: set[TransactionHash] = set()
    for other in others:
        if other.row > one.row:
            later |= plainly_between(other.change, transfers, previous_at=other.previous_at, taken=taken)
    return older | later - plainly_between(one.change, transfers, previous_at=one.previous_at, taken=taken)


_NEIGHBOURS = """
SELECT n.id FROM change c JOIN change n ON n.asset_id = c.asset_id AND n.account_id = c.account_id
WHERE c.id = ?
"""
_BEFORE = f"{_NEIGHBOURS} AND n.id < c.id ORDER BY n.id DESC LIMIT ?"
_AFTER = f"{_NEIGHBOURS} AND n.id > c.id ORDER BY n.id LIMIT ?"

_CHANGES = """
SELECT c.id, a.address, x.chain_id, x.contract, c.kind, c.before, c.uniques_before, c.block_before,
       c.after, c.uniques_after, c.block, c.items, c.observed_at, c.previous_at, e.outcome
FROM change c JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id
LEFT JOIN explanation e ON e.change_id = c.id
"""


def _to_unexplained(row: Sequence[Any]) -> Unexplained:
    change_id, account, chain_id, contract, kind, before, uniques_before, block_before, *rest = row
    after, uniques_after, block, items, observed_at, previous_at, outcome = rest
    change = Change(
        account=to_address(account),
        asset=to_asset(chain_id, contract),
        kind=MoveKind(kind),
        before=to_holding(before, uniques_before, block_before),
        after=to_holding(after, uniques_after, block),
        observed_at=to_moment(observed_at),
        items=to_item_moves(items),
    )
    return Unexplained(change_id, change, to_moment_or_none(previous_at), outcome is not None)
