"""What rings: begun, ended and repeated by what is stored, in the transaction that stores it.

An alarm rings exactly while it has an open row in `firing`, so neither a restart nor a restored copy rings
anew. An alarm that could not be judged, or that prices may soon move over its level, is `pending`: it is
judged after each sweep.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.assets import NATIVE, Address, Asset
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.alerts import AlarmEnded, AlarmRang, AlarmRepeated, AlarmSubject
from bot.domain.due import CLOCK_SLACK
from bot.domain.observations import SweepNumber
from bot.domain.places import Place
from bot.domain.rules.alarms import (
    QUIET_AFTER_ACKNOWLEDGED,
    Alarm,
    AlarmTerms,
    Firing,
    Step,
    Value,
    judge_alarm,
)
from bot.store.balances.snapshots import stored_sweep
from bot.store.chats.audit import record_audit
from bot.store.chats.rules import alarms as stored
from bot.store.chats.rules.alarms import (
    StoredAlarm,
    alarms_by_row,
    alarms_here,
    alarms_of_accounts,
    open_firings,
)
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.each import DUE_AT_ONCE, write_each
from bot.store.outbox.alerts import NewAlert, enqueue_alerts
from bot.store.outbox.delivered import firings_of
from bot.store.polling.alarm_values import AccountChain, AlarmValues, ValueTerms, values_of
from bot.store.rows import Row, to_address, to_asset, to_blob, to_milliseconds, to_moment, to_moment_or_none

NEAR = Decimal("0.03")
"""A worth that is no further from where something happens is judged after each sweep.

Others are judged when a price was stored anew of something that the account holds, which it is when it has
moved by a hundredth: from one such moment to the next a worth moves by little more than two.
"""

ALARMS_AT_ONCE = 25
"""Judged in one transaction after a sweep: some seven milliseconds of work for accounts of fifty assets."""

_ASSETS_LOOKED_UP = 50
"""Where prices of more assets moved, all alarms in dollars are judged."""

_CALM, _NEAR, _MOVED = 0, 1, 2
"""Values of `alarm.pending`."""


class SetResult(NamedTuple):
    """What came of setting an alarm."""

    alarm: Alarm
    former: AlarmTerms | None
    """What it replaces; None: it is new."""


class NothingComparedError(Exception):
    """An alarm is about nothing that its destination watches of the account."""


# ---------------------------------------------------------------- by readings


def judge_batch(
    db: Database,
    touched: Mapping[int, bool],
    read: Collection[AccountChain],
    terms: ValueTerms,
    now: datetime,
) -> list[NewAlert]:
    """Judge the alarms on accounts that a batch wrote of, and return their notices.

    `touched` says of each account whether an amount moved. To be called when all of it is written, inside
    that transaction. Dollars wait for the prices of the whole sweep.
    """
    found = alarms_of_accounts(db, touched)
    if not found:
        return []
    in_dollars = [one for one in found if one.terms.is_in_dollars]
    _set_pending(db, {one: _MOVED if touched[one.account_id] else _NEAR for one in in_dollars})
    return _judge(db, [one for one in found if not one.terms.is_in_dollars], terms, now, read_just_now=read)


def judge_pending(
    db: Database,
    sweep: SweepNumber,
    after: int,
    terms: ValueTerms,
    now: datetime,
    *,
    moved: Collection[Asset] = (),
    prices: Mapping[Asset, str] | None = None,
) -> int | None:
    """Judge the next alarms that a finished sweep may change, those behind the row `after`.

    `moved` are the assets of which a price was stored anew, `prices` those of the sweep. Returns the row of
    the last, None: there was none left.
    """
    if sweep != stored_sweep(db):  # a newer one has begun, and says more
        return None
    rows = _next_pending(db, after, moved)
    if not rows:
        return None
    with db.transaction():
        found = alarms_by_row(db, rows)
        alerts = _judge(db, found, terms, now, prices=prices)
        enqueue_alerts(db, alerts, to_milliseconds(now))
    return rows[-1]


def has_alarms_in_dollars(db: Database) -> bool:
    """Whether anybody has an alarm that prices can ring."""
    return db.execute("SELECT 1 FROM alarm WHERE is_in_dollars = 1").fetchone() is not None


def _next_pending(db: Database, after: int, moved: Collection[Asset]) -> list[int]:
    by_price, values = "1 = 0", []
    if len(moved) > _ASSETS_LOOKED_UP:
        by_price = "a.is_in_dollars = 1"
    elif moved:
        ids = _asset_ids(db, moved)
        these = db.any_of(ids)
        by_price = (
            "a.is_in_dollars = 1 AND EXISTS (SELECT 1 FROM balance b WHERE b.account_id = a.account_id"
            f" AND b.asset_id {these.sql})"
        )
        values = [*these.values]
    rows = db.execute(
        f"SELECT a.id FROM alarm a WHERE a.id > ? AND (a.pending > 0 OR ({by_price})) ORDER BY a.id LIMIT ?",
        [after, *values, ALARMS_AT_ONCE],
    )
    return [row for (row,) in rows]


def _asset_ids(db: Database, assets: Iterable[Asset]) -> list[int]:
    found = (
        db.execute(
            "SELECT id FROM asset WHERE chain_id = ? AND contract = ?", [one.chain_id, to_blob(one.contract)]
        ).fetchone()
        for one in assets
    )
    return [row[0] for row in found if row is not None]


def _judge(
    db: Database,
    found: Sequence[StoredAlarm],
    terms: ValueTerms,
    now: datetime,
    *,
    prices: Mapping[Asset, str] | None = None,
    read_just_now: Collection[AccountChain] = (),
    is_told: bool = False,
) -> list[NewAlert]:
    """Begin and end what rings, and return the notices; none where somebody `is_told` otherwise."""
    known = values_of(db, found, terms, now, prices=prices, read_just_now=read_just_now)
    ringing = open_firings(db, found)
    alerts: list[NewAlert] = []
    for alarm in found:
        compared = known[alarm.row]
        before = {one.asset: one for one in ringing.get(alarm.row, ())}
        for value in compared.values:
            alerts += _step(
                db, alarm, compared, value, before.pop(value.asset, None), now=now, is_told=is_told
            )
        # What is no longer watched rings no more, and there is nothing to say of it.
        if compared.values:
            _close(db, before.values(), now)
    _set_pending(db, {one: _pending_after(one, known[one.row].values) for one in found})
    return alerts


def _step(
    db: Database,
    alarm: StoredAlarm,
    compared: AlarmValues,
    value: Value,
    firing: Firing | None,
    *,
    now: datetime,
    is_told: bool,
) -> list[NewAlert]:
    step = judge_alarm(alarm.terms, value.number, is_ringing=firing is not None)
    if step is None or value.number is None:
        return []
    subject = subject_of(alarm, compared, value.asset)
    if step is Step.ENDS:
        assert firing is not None
        _close(db, [firing], now)
        notice: AlarmEnded | AlarmRang = AlarmEnded(subject, firing.row, firing.since, value.number)
    else:
        notice = AlarmRang(
            subject,
            _open(db, alarm, value.asset, now),
            value.number,
            is_by_price=alarm.terms.is_in_dollars and alarm.pending != _MOVED,
            unpriced=value.unpriced,
        )
    return [] if is_told else [NewAlert.of_notice(alarm.destination_id, notice, compared.label)]


def _open(db: Database, alarm: StoredAlarm, asset: Asset | None, now: datetime) -> int:
    again = alarm.terms.again
    (row,) = db.execute(
        "INSERT INTO firing (alarm_id, chain_id, contract, since, told_at, next_at)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        [
            alarm.row,
            asset.chain_id if asset else 0,
            to_blob(asset.contract if asset else NATIVE),
            to_milliseconds(now),
            to_milliseconds(now),
            None if again is None else to_milliseconds(now + again),
        ],
    ).fetchone()
    # A repetition is a new moment to look at.
    db.notify(SignalName.OUTBOX)
    return int(row)


def _close(db: Database, firings: Iterable[Firing], now: datetime) -> None:
    db.executemany(
        "UPDATE firing SET ended_at = ? WHERE id = ?", [(to_milliseconds(now), one.row) for one in firings]
    )


def _pending_after(alarm: StoredAlarm, values: Sequence[Value]) -> int:
    """Return whether an alarm is to be judged after the next sweep whatever its prices do."""
    numbers = [one.number for one in values]
    if None in numbers or not numbers:
        # Whether an amount moved is still to be said once it can be judged.
        return max(alarm.pending, _NEAR)
    edges = (alarm.terms.level.number, alarm.terms.ends_at)
    is_near = alarm.terms.is_in_dollars and any(
        abs(number - edge) <= NEAR * max(number, edge)
        for number in numbers
        if number is not None
        for edge in edges
    )
    return _NEAR if is_near else _CALM


def _set_pending(db: Database, pending: Mapping[StoredAlarm, int]) -> None:
    changed = [(value, one.row) for one, value in pending.items() if value != one.pending]
    db.executemany("UPDATE alarm SET pending = ? WHERE id = ?", changed)


def subject_of(alarm: StoredAlarm, compared: AlarmValues, asset: Asset | None) -> AlarmSubject:
    """Return what a notice says an alarm is about."""
    level = alarm.terms.level
    contracts = {one.contract for one in level.assets}
    return AlarmSubject(
        number=alarm.number,
        account=alarm.account,
        label=compared.label,
        chains=(asset.chain_id,) if asset else compared.chains,
        side=alarm.terms.side,
        level=level.number,
        contract=asset.contract if asset else contracts.pop() if len(contracts) == 1 else None,
        symbol=level.symbol,
        is_sum=alarm.terms.is_sum,
        is_in_dollars=alarm.terms.is_in_dollars,
    )


# ---------------------------------------------------------------- by people


def set_alarm(
    db: Database,
    place: Place,
    account: Address,
    terms: AlarmTerms,
    actor: Actor,
    *,
    by: ValueTerms,
    number: int | None = None,
) -> SetResult:
    """Set an alarm, or how that of the same level ends and is repeated; what rings already counts as told.

    `number` is that of one that was ended, which it gets again. Raises NothingComparedError, and sets none,
    where nothing of it is watched.
    """
    with db.transaction():
        return set_alarm_within(db, place, account, terms, actor, by=by, number=number)


def set_alarm_within(
    db: Database,
    place: Place,
    account: Address,
    terms: AlarmTerms,
    actor: Actor,
    *,
    by: ValueTerms,
    number: int | None = None,
) -> SetResult:
    """Do the same as part of the caller's transaction, which is to undo it where that raises."""
    alarm, former = stored.set_alarm(db, place, account, terms, actor, number=number)
    _judge(db, [alarm], by, actor.at, is_told=True)
    # The first sweep judges it too: it may see what nobody has read yet.
    db.execute("UPDATE alarm SET pending = ? WHERE id = ?", [_NEAR, alarm.row])
    (shown,) = _with_values(db, [alarm], by, actor.at)
    if not shown.chains:
        raise NothingComparedError
    return SetResult(shown, former.terms if former else None)


def alarms_with_values(db: Database, place: Place, by: ValueTerms, now: datetime) -> list[Alarm]:
    """Return the alarms of a place with what they compare and what rings of them, by number."""
    return _with_values(db, alarms_here(db, place), by, now)


def _with_values(db: Database, found: Sequence[StoredAlarm], by: ValueTerms, now: datetime) -> list[Alarm]:
    known, ringing = values_of(db, found, by, now), open_firings(db, found)
    return [
        Alarm(
            row=one.row,
            number=one.number,
            account=one.account,
            label=known[one.row].label,
            terms=one.terms,
            firings=tuple(ringing.get(one.row, ())),
            values=known[one.row].values,
            chains=known[one.row].chains,
        )
        for one in found
    ]


class Acknowledged(NamedTuple):
    """What came of a press on [I have it]."""

    is_over: bool
    """Whether none of what the message is about rings any more."""
    by: str = ""
    """Who had it already, "" for nobody."""


def acknowledge(db: Database, delivery: int, place: Place, actor: Actor) -> Acknowledged:
    """Note who takes care of what a message says that it rings; its repetitions stop for a day."""
    with db.transaction():
        these = db.any_of(firings_of(db, delivery))
        rows = db.execute(
            "SELECT f.id, f.acknowledged_by, o.address, f.next_at FROM firing f"
            " JOIN alarm a ON a.id = f.alarm_id JOIN account o ON o.id = a.account_id"
            f" WHERE f.ended_at IS NULL AND f.id {these.sql} ORDER BY f.id",
            these.values,
        ).fetchall()
        if not rows:
            return Acknowledged(is_over=True)
        had = next((by for _, by, *_ in rows if by), "")
        if had == actor.name:
            return Acknowledged(is_over=False, by=had)
        at = to_milliseconds(actor.at)
        again_at = to_milliseconds(actor.at + QUIET_AFTER_ACKNOWLEDGED)
        for row, _, address, next_at in rows:
            db.execute(
                "UPDATE firing SET acknowledged_by = ?, acknowledged_at = ?, next_at = ? WHERE id = ?",
                [actor.name or "somebody", at, None if next_at is None else again_at, row],
            )
            record_audit(db, actor, AuditAction.ACKNOWLEDGE, place.chat_id, to_address(address))
        return Acknowledged(is_over=False)


# ---------------------------------------------------------------- by the clock


def repeat_due(db: Database, now: datetime, by: ValueTerms) -> datetime | None:
    """Tell again what still rings and is due; returns when the next is due, None: nothing is."""
    # What was told in the future was so before the clock was set back: it would wait too long.
    at, slack = to_milliseconds(now), to_milliseconds(now + CLOCK_SLACK)

    def due() -> list[Row]:
        return db.execute(
            f"{_DUE} AND (f.next_at <= ? OR f.told_at > ? OR coalesce(f.acknowledged_at, 0) > ?)"
            " ORDER BY f.id LIMIT ?",
            [at, slack, slack, DUE_AT_ONCE],
        ).fetchall()

    def repeat(row: Row) -> None:
        _repeat(db, row, by, now)

    write_each(db, due, repeat)
    (first,) = db.execute(
        "SELECT min(f.next_at) FROM firing f JOIN alarm a ON a.id = f.alarm_id"
        " JOIN destination d ON d.id = a.destination_id JOIN chat c ON c.id = d.chat_id"
        " WHERE f.ended_at IS NULL AND f.next_at IS NOT NULL AND c.open = 1"
    ).fetchone()
    return to_moment_or_none(first)


def _repeat(db: Database, due: Row, by: ValueTerms, now: datetime) -> None:
    alarm_id, row, chain_id, contract, since, acknowledged_by = due
    (alarm,) = alarms_by_row(db, [alarm_id])
    compared = values_of(db, [alarm], by, now)[alarm_id]
    asset = to_asset(chain_id, contract) if chain_id else None
    at, again = to_milliseconds(now), alarm.terms.again or timedelta(days=1)
    db.execute(
        "UPDATE firing SET told_at = ?, next_at = ?, acknowledged_at ="
        " CASE WHEN acknowledged_at > ? THEN ? ELSE acknowledged_at END WHERE id = ?",
        [at, to_milliseconds(now + again), at, at, row],
    )
    value = next((one for one in compared.values if one.asset == asset), Value(asset, None))
    # It ends with the next reading that says so, and not by a repetition.
    if value.number is not None and alarm.terms.has_ended_at(value.number):
        return
    notice = AlarmRepeated(
        subject_of(alarm, compared, asset),
        row,
        to_moment(since),
        value.number,
        value.unknown_since,
        acknowledged_by,
    )
    enqueue_alerts(db, [NewAlert.of_notice(alarm.destination_id, notice, compared.label)], at)


_DUE = """
SELECT f.alarm_id, f.id, f.chain_id, f.contract, f.since, f.acknowledged_by
FROM firing f JOIN alarm a ON a.id = f.alarm_id
JOIN destination d ON d.id = a.destination_id JOIN chat c ON c.id = d.chat_id
WHERE f.ended_at IS NULL AND f.next_at IS NOT NULL AND c.open = 1
"""
