"""Keeps what was found of the transfers behind changes, and lets the alerts about them leave."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.sums import explanation_of_sum
from bot.domain.explain.transfers import TransactionHash
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.rows import Row, to_address, to_blob, to_milliseconds, to_moment_or_none

AGAIN_AFTER = timedelta(minutes=1)
"""The source's history may be behind its balances: what is not explained is asked for once more."""

Judge = Callable[[Database, Collection[int], int], None]
"""Judges anew the alerts about some changes, by what is stored of them now; gets now, in milliseconds.

Part of the transaction that stores it.
"""


def judge_nothing(_db: Database, _change_ids: Collection[int], _at: int) -> None:
    """Let every alert leave as it is."""


def save_explanations(
    db: Database, found: Mapping[int, Explanation], now: datetime, judge: Judge = judge_nothing
) -> None:
    """Store what was found of changes, by their numbers, and let the alerts about them leave.

    What was listed before stays where nothing is known this time. Alerts that are still to be sent are judged
    anew before they leave. What is not explained is asked for once more after a minute. Changes that were
    deleted meanwhile are left out.
    """
    with db.transaction():
        write_explanations(db, found, now, judge)


def write_explanations(db: Database, found: Mapping[int, Explanation], now: datetime, judge: Judge) -> None:
    """Store what was found of changes, as `save_explanations` does, within the caller's transaction."""
    these = db.any_of(sorted(found))
    rows = db.execute(
        "SELECT c.id, c.account_id, e.outcome FROM change c LEFT JOIN explanation e ON e.change_id = c.id"
        f" WHERE c.id {these.sql} ORDER BY c.id",
        these.values,
    ).fetchall()
    at = to_milliseconds(now)
    db.executemany(
        "UPDATE change SET ask_at = ? WHERE id = ?",
        [
            (
                at + _AGAIN_AFTER_MS if before is None and _may_be_listed_later(found[change_id]) else None,
                change_id,
            )
            for change_id, _, before in rows
        ],
    )
    _write(
        db,
        [
            (change_id, account_id, found[change_id])
            for change_id, account_id, before in rows
            if found[change_id].outcome is not ExplanationOutcome.UNKNOWN
            or before in {None, ExplanationOutcome.UNKNOWN}
        ],
    )
    judge(db, found.keys(), at)
    released = db.execute(
        f"UPDATE alert SET explain_until = 0 WHERE change_id {these.sql} AND explain_until > 0", these.values
    )
    if released.rowcount:
        db.notify(SignalName.OUTBOX)


_AGAIN_AFTER_MS = AGAIN_AFTER // timedelta(milliseconds=1)


def _may_be_listed_later(explanation: Explanation) -> bool:
    if explanation.outcome is ExplanationOutcome.UNKNOWN:
        return explanation.why_unknown in {WhyUnknown.QUOTA, WhyUnknown.UNANSWERED, WhyUnknown.AMBIGUOUS}
    return explanation.outcome is not ExplanationOutcome.EXPLAINED


def save_unasked(db: Database, change_ids: Collection[int], why: WhyUnknown) -> None:
    """Store of new changes why their transfers are not asked for. Part of the caller's transaction."""
    if change_ids:
        unknown = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=why)
        db.insert_many("explanation", _COLUMNS, [_to_row(one, unknown) for one in change_ids])


def explanations_of(db: Database, change_ids: Collection[int]) -> dict[int, Explanation]:
    """Return what is known of the transfers behind changes, by their numbers.

    Those that nobody asked about yet are not among them.
    """
    these = db.any_of(change_ids)
    legs: dict[int, list[Leg]] = defaultdict(list)
    for change_id, *row in db.execute(f"{_LEGS} WHERE change_id {these.sql} ORDER BY {_ORDER}", these.values):
        legs[change_id].append(_to_leg(row))
    rows = db.execute(
        "SELECT change_id, outcome, reason, left_out, is_approximate, listed_at FROM explanation"
        f" WHERE change_id {these.sql}",
        these.values,
    )
    return {
        change_id: Explanation(
            outcome=ExplanationOutcome(outcome),
            legs=tuple(legs.get(change_id, ())),
            why_unknown=None if reason is None else WhyUnknown(reason),
            left_out=left_out,
            is_approximate=bool(is_approximate),
            listed_at=to_moment_or_none(listed_at),
        )
        for change_id, outcome, reason, left_out, is_approximate, listed_at in rows
    }


def explanations_of_spans(db: Database, spans: Sequence[tuple[int | None, int]]) -> list[Explanation | None]:
    """Return what is known of each span of changes of one balance, by the numbers of its first and last.

    The first is None where there is only the last. None is returned where nobody asked yet, and of a span of
    more changes than are read for a message.
    """
    changes = [[last] if first is None else _between(db, first, last) for first, last in spans]
    known = explanations_of(db, {one for some in changes for one in some})
    return [explanation_of_sum([known.get(one) for one in some]) if some else None for some in changes]


SUMMED_MOST = 200
"""Changes of one balance whose transfers a message sums up."""


def _between(db: Database, first: int, last: int) -> list[int]:
    """Return the changes of one balance from one to another; none where they are too many."""
    rows = db.execute(
        "SELECT c.id FROM change f JOIN change c ON c.account_id = f.account_id AND c.asset_id = f.asset_id"
        " WHERE f.id = ? AND c.id BETWEEN ? AND ? ORDER BY c.id LIMIT ?",
        [first, first, last, SUMMED_MOST + 1],
    ).fetchall()
    return [change_id for (change_id,) in rows] if len(rows) <= SUMMED_MOST else []


_LEGS = """
SELECT change_id, counterparty, amount, token_id, transaction_hash, log_index, block, mined_at FROM leg
"""
_ORDER = "change_id, position"


def _write(db: Database, found: Sequence[tuple[int, int, Explanation]]) -> None:
    """Write the explanations of changes of accounts, by the numbers of both, in place of former ones."""
    rows = [_to_row(change_id, one) for change_id, _, one in found]
    db.upsert_many("explanation", _COLUMNS, rows, key=("change_id",))
    db.executemany("DELETE FROM leg WHERE change_id = ?", [(change_id,) for change_id, *_ in found])
    db.insert_many(
        "leg",
        ("change_id", "position", "account_id", *_LEG_COLUMNS),
        [
            (change_id, position, account_id, *_leg_to_row(leg))
            for change_id, account_id, one in found
            for position, leg in enumerate(one.legs)
        ],
    )


_COLUMNS = ("change_id", "outcome", "reason", "left_out", "is_approximate", "listed_at")


def _to_row(change_id: int, one: Explanation) -> Row:
    return (
        change_id,
        one.outcome,
        one.why_unknown,
        one.left_out,
        one.is_approximate,
        None if one.listed_at is None else to_milliseconds(one.listed_at),
    )


_LEG_COLUMNS = ("counterparty", "amount", "token_id", "transaction_hash", "log_index", "block", "mined_at")


def _leg_to_row(leg: Leg) -> Row:
    return (
        to_blob(leg.counterparty),
        str(leg.amount_raw),
        None if leg.token_id is None else str(leg.token_id),
        bytes.fromhex(leg.transaction[2:]),
        leg.log_index,
        leg.block,
        None if leg.at is None else to_milliseconds(leg.at),
    )


def _to_leg(row: Sequence[Any]) -> Leg:
    counterparty, amount, token_id, transaction_hash, log_index, block, mined_at = row
    return Leg(
        counterparty=to_address(counterparty),
        amount_raw=int(amount),
        token_id=None if token_id is None else int(token_id),
        transaction=TransactionHash("0x" + transaction_hash.hex()),
        log_index=log_index,
        block=block,
        at=to_moment_or_none(mined_at),
    )
