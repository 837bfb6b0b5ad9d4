"""Judges anew the alerts that filters let pass because the transfers behind a change were not known yet.

What they would have held back, had these been known, is held back after all, as long as nothing was sent.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.chains import Chains
from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.alerts import AlertId
from bot.domain.deliver.traces import Silence, why_reported
from bot.domain.explain.explanations import Explanation
from bot.domain.observe.filters import (
    HeldBack,
    difference_of,
    is_settled,
    judge_step,
    with_transfers,
)
from bot.domain.rules.conditions import Condition, Judgement
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.explain.explanations import explanations_of
from bot.store.outbox.unreported import Unreported, UnreportedKey, items_between, save_unreported
from bot.store.polling.steps import STEP_COLUMNS, StoredStep, to_step
from bot.store.rows import (
    Row,
    filters_to_json,
    to_filters,
    to_holding,
    to_loudness,
)


def judge_explained(db: Database, change_ids: Collection[int], _at: int, *, chains: Chains) -> None:
    """Judge the alerts about some changes by what is known of their transfers. Part of a transaction.

    One that waits for that is taken back if its filters don't mean it, and its change is held back, as if
    that had been known at once: unless it is on its way already, or the balance has changed again since.
    """
    these = db.any_of(change_ids)
    rows = db.execute(f"{_WAITING} AND l.change_id {these.sql} ORDER BY l.id", these.values).fetchall()
    if not rows:
        return
    waiting = [_to_waiting(row, chains) for row in rows]
    known = explanations_of(db, {one.stored.change_id for one in waiting})
    for one in waiting:
        _judge(db, one, known.get(one.stored.change_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """An alert whose filters could not judge without transfers."""

    alert_id: AlertId
    key: UnreportedKey
    unreported: Unreported
    """What would be held back without it."""
    filters: tuple[Condition, ...]
    trace: tuple[str, str]
    """The columns of who wanted it, and of these filters."""
    stored: StoredStep
    is_last: bool
    """Whether nothing has become of the balance since."""


def _judge(db: Database, one: _Waiting, known: Explanation | None) -> None:
    step, told = one.stored.step, one.unreported.held_back.told
    alone = difference_of(step.before, step, one.stored.items or None)
    items = one.stored.items or None
    if one.unreported.steps > 1 and step.is_collection:
        items = items_between(db, one.unreported.first_change_id, one.stored.change_id)
    difference = with_transfers(
        alone if one.unreported.steps == 1 else difference_of(told, step, items, alone), known
    )
    judged = judge_step(one.filters, difference)
    if judged is Judgement.NOT_MET and one.is_last:
        _take_back(db, one, is_settled=is_settled(told, step, items))
    elif judged not in {Judgement.NOT_MET, Judgement.NO_TRANSFERS}:
        cause, passed = why_reported(one.filters, difference, judged)
        db.execute(
            "UPDATE alert SET cause = ?, filters = ? WHERE id = ?",
            [cause, filters_to_json(passed), one.alert_id],
        )


def _take_back(db: Database, one: _Waiting, *, is_settled: bool) -> None:
    """Hold back what an alert is about, and leave the trace of that in place of the alert."""
    db.execute("DELETE FROM alert WHERE id = ?", [one.alert_id])
    why = Silence.SETTLED if is_settled else Silence.FILTER
    db.insert_many(
        "unalerted",
        ("destination_id", "change_id", "reason", "label", "wanted_by", "filters"),
        [(one.key.destination_id, one.stored.change_id, why, one.unreported.label, *one.trace)],
    )
    if not is_settled:
        save_unreported(db, {one.key: one.unreported}, [])
    # What stands behind it waited for it.
    db.notify(SignalName.OUTBOX)


_WAITING = f"""
SELECT l.id, l.destination_id, l.label, coalesce(l.first_change_id, c.id), l.steps, l.sound, l.mentions,
       l.wanted_by, l.filters, c.asset_id, f.before, f.uniques_before, f.observed_at,
       NOT EXISTS (SELECT 1 FROM change n
         WHERE n.account_id = c.account_id AND n.asset_id = c.asset_id AND n.id > c.id)
       AND NOT EXISTS (SELECT 1 FROM unreported u WHERE u.account_id = c.account_id
         AND u.asset_id = c.asset_id AND u.destination_id = l.destination_id),
       {STEP_COLUMNS}
FROM alert l JOIN change c ON c.id = l.change_id
JOIN change f ON f.id = coalesce(l.first_change_id, l.change_id)
JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id
WHERE l.cause = 'no_transfers' AND l.explain_until > 0 AND l.state IN ('waiting', 'held')
"""


def _to_waiting(row: Row, chains: Chains) -> _Waiting:
    alert_id, destination_id, label, first_id, steps, sound, mentions, *rest = row
    wanted_by, filters, asset_id, before, uniques_before, since, is_last, *columns = rest
    stored = to_step(tuple(columns), chains)
    return _Waiting(
        alert_id=AlertId(alert_id),
        key=UnreportedKey(stored.account_id, asset_id, DestinationId(destination_id)),
        unreported=Unreported(
            label=label,
            first_change_id=first_id,
            last_change_id=stored.change_id,
            steps=steps,
            since=since,
            held_back=HeldBack(to_holding(before, uniques_before, None), stored.step.after),
            about=MuteScope(stored.address, frozenset({stored.step.asset.chain_id})),
            loudness=to_loudness(sound, mentions),
        ),
        filters=to_filters(filters),
        trace=(wanted_by, filters),
        stored=stored,
        is_last=bool(is_last),
    )
