"""What must be told: alerts that wait, deliveries on their way, and what became of them.

A delivery is composed once, in the transaction that binds its alerts, and is
the same text on every attempt. It is marked as being sent before the request
leaves, so that a crash in between is known to be in doubt.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from bot.domain.alerts import Alert, ChangeAlert, NoticeAlert
from bot.domain.delivery import (
    AlertState,
    Delivery,
    DeliveryState,
    Settlement,
    bind_at,
    message_id,
)
from bot.domain.model import AlertId, Change, DeliveryId, MoveKind
from bot.store.database import transaction
from bot.store.notices import to_notice
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_item_moves,
    to_milliseconds,
    to_moment,
)

ALERTS_READ_AT_ONCE = 500

Compose = Callable[[Sequence[Alert], str, datetime], tuple[str, int]]
"""Alerts, the message id and the moment make a text and the number of alerts it tells, at least one."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """What can be sent now, and when to look again."""

    due: tuple[Delivery, ...]
    """At most one of each chat: the oldest that is not sent."""
    next_at: datetime | None
    """When more becomes due by itself; None: only when something new happens."""
    troubles: tuple[str, ...] = ()
    """What could not be composed; it waits on, and others do not wait for it."""


def outbox(db: Database, now: datetime, group_wait_seconds: float, compose: Compose) -> Outbox:
    """Bind what waited long enough into deliveries, and return what is due.

    While a chat is held or can't be reached, what waits for it is not bound: it becomes fewer messages then.
    """
    later: list[datetime] = []
    troubles: list[str] = []
    with transaction(db):
        for destination_id, first_at, last_at, hold_until in db.execute(_WAITING).fetchall():
            at = bind_at(to_moment(first_at), to_moment(last_at), group_wait_seconds)
            at = max(at, to_moment(hold_until))
            if at > now:
                later.append(at)
                continue
            try:
                with db.atomic():
                    _bind(db, destination_id, now, compose)
            except sqlite3.Error:
                raise
            except Exception as error:  # noqa: BLE001 - one destination's text must not silence the others
                troubles.append(f"destination {destination_id}: {error!r}")
    heads = [(_to_delivery(tuple(row)), to_moment(at)) for *row, at in db.execute(_HEADS).fetchall()]
    later += [at for _, at in heads if at > now]
    due = tuple(delivery for delivery, at in heads if at <= now)
    return Outbox(due, min(later, default=None), tuple(troubles))


def mark_sending(db: Database, delivery_id: DeliveryId) -> bool:
    """Mark a delivery as leaving now; False: it is no longer waiting to leave."""
    changed = db.execute(
        "UPDATE delivery SET state = 'sending' WHERE id = ? AND state = 'ready'", [delivery_id]
    )
    return changed.rowcount == 1


def settle(db: Database, delivery_id: DeliveryId, settlement: Settlement) -> None:
    """Write what became of an attempt: the delivery, its alerts and its chat together."""
    with transaction(db):
        db.execute(
            "UPDATE delivery SET state = ?, attempts = ?, unknowns = ?, not_before = ?, message_id = ?,"
            " reason = ? WHERE id = ?",
            [
                settlement.state,
                settlement.attempts,
                settlement.unknowns,
                to_milliseconds(settlement.not_before),
                settlement.message_id,
                settlement.reason,
                delivery_id,
            ],
        )
        if settlement.state is DeliveryState.SENT:
            db.execute("UPDATE alert SET state = ? WHERE delivery_id = ?", [AlertState.TOLD, delivery_id])
        _settle_chat(db, delivery_id, settlement)


def doubt_unfinished_sends(db: Database, now: datetime) -> int:
    """Put back what was being sent when the last run ended; its outcome is unknown. Returns how many."""
    with transaction(db):
        changed = db.execute(
            "UPDATE delivery SET state = 'ready', unknowns = unknowns + 1, not_before = ?,"
            " reason = 'the program ended while it was being sent'"
            f" WHERE {_UNFINISHED} AND state = 'sending'",
            [to_milliseconds(now)],
        )
        closed = db.execute(
            "SELECT DISTINCT c.id FROM delivery d JOIN destination n ON n.id = d.destination_id"
            f" JOIN chat c ON c.id = n.chat_id WHERE d.{_UNFINISHED} AND c.open = 0"
        )
        for (chat_id,) in closed.fetchall():
            withdraw(db, chat_id)
    return changed.rowcount


def withdraw(db: Database, chat_id: int) -> int:
    """Withdraw what waits for a chat, but what is being sent right now; returns the number of alerts.

    Part of the caller's transaction.
    """
    here = "destination_id IN (SELECT id FROM destination WHERE chat_id = ?)"
    ready = f"{_UNFINISHED} AND state = 'ready' AND {here}"
    waiting = db.execute(
        f"UPDATE alert SET state = 'withdrawn' WHERE state = 'waiting' AND {here}", [chat_id]
    )
    bound = db.execute(
        "UPDATE alert SET state = 'withdrawn' WHERE state = 'bound'"
        f" AND delivery_id IN (SELECT id FROM delivery WHERE {ready})",
        [chat_id],
    )
    db.execute(f"UPDATE delivery SET state = 'withdrawn' WHERE {ready}", [chat_id])
    return waiting.rowcount + bound.rowcount


def waiting_alerts(db: Database, destination_id: int) -> int:
    """Return how many changes a destination is still to be told."""
    (count,) = db.execute(
        "SELECT (SELECT count(change_id) FROM alert WHERE destination_id = ?1 AND state = 'waiting')"
        " + (SELECT count(l.change_id) FROM delivery d JOIN alert l ON l.delivery_id = d.id"
        f" WHERE d.destination_id = ?1 AND d.{_UNFINISHED} AND l.state = 'bound')",
        [destination_id],
    ).fetchone()
    return int(count)


_UNFINISHED = "state IN ('ready', 'sending')"
"""In the very words of the index `delivery_unfinished`, or SQLite doesn't use it."""

_WAITING = """
SELECT destination_id, first_at, last_at, hold_until FROM (
  SELECT n.id AS destination_id, ifnull(c.hold_until, 0) AS hold_until,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id LIMIT 1) AS first_at,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id DESC LIMIT 1) AS last_at
  FROM destination n JOIN chat c ON c.id = n.chat_id
  WHERE c.open = 1 AND c.unavailable IS NULL)
WHERE first_at IS NOT NULL
"""

_HEADS = f"""
SELECT d.id, c.telegram_id, n.thread_id, c.kind, d.text, d.attempts, d.unknowns,
       max(d.not_before, ifnull(c.hold_until, 0))
FROM (
  SELECT min(first_of_destination) AS id FROM (
    SELECT m.chat_id, (SELECT min(o.id) FROM delivery o
                       WHERE o.destination_id = m.id AND o.{_UNFINISHED}) AS first_of_destination
    FROM destination m)
  WHERE first_of_destination IS NOT NULL GROUP BY chat_id) head
JOIN delivery d ON d.id = head.id
JOIN destination n ON n.id = d.destination_id
JOIN chat c ON c.id = n.chat_id
WHERE c.open = 1 AND c.unavailable IS NULL AND d.state = 'ready'
ORDER BY d.id
"""

_ALERTS_WAITING = """
SELECT l.id, l.label, l.notice, l.created_at, a.address, x.chain_id, x.contract,
       x.kind, x.symbol, x.decimals, x.rebasing,
       c.kind, c.before, c.uniques_before, c.after, c.uniques_after, c.block, c.items, c.price_usd,
       c.observed_at
FROM alert l
LEFT JOIN change c ON c.id = l.change_id
LEFT JOIN account a ON a.id = c.account_id
LEFT JOIN asset x ON x.id = c.asset_id
WHERE l.destination_id = ? AND l.state = 'waiting' ORDER BY l.id LIMIT ?
"""


def _bind(db: Database, destination_id: int, now: datetime, compose: Compose) -> None:
    """Make as many deliveries of what waits for a destination as it takes, oldest first."""
    while waiting := [
        _to_alert(row) for row in db.execute(_ALERTS_WAITING, [destination_id, ALERTS_READ_AT_ONCE])
    ]:
        while waiting:
            delivery_id = db.execute(
                "INSERT INTO delivery (destination_id, text, state, not_before) VALUES (?, '', 'ready', ?)",
                [destination_id, to_milliseconds(now)],
            ).lastrowid
            assert delivery_id is not None
            text, told = compose(waiting, message_id(DeliveryId(delivery_id)), now)
            if not 0 < told <= len(waiting):
                raise ValueError(f"a message of {len(waiting)} alerts tells {told} of them")
            db.execute("UPDATE delivery SET text = ? WHERE id = ?", [text, delivery_id])
            db.conn.executemany(
                "UPDATE alert SET state = 'bound', delivery_id = ? WHERE id = ?",
                [(delivery_id, alert.id) for alert in waiting[:told]],
            )
            waiting = waiting[told:]


def _settle_chat(db: Database, delivery_id: DeliveryId, settlement: Settlement) -> None:
    (chat_id, is_open) = db.execute(
        "SELECT c.id, c.open FROM delivery d JOIN destination n ON n.id = d.destination_id"
        " JOIN chat c ON c.id = n.chat_id WHERE d.id = ?",
        [delivery_id],
    ).fetchone()
    if settlement.chat_hold_until is not None:
        db.execute(
            "UPDATE chat SET hold_until = ? WHERE id = ?",
            [to_milliseconds(settlement.chat_hold_until), chat_id],
        )
    if settlement.chat_unavailable is not None:
        db.execute("UPDATE chat SET unavailable = ? WHERE id = ?", [settlement.chat_unavailable, chat_id])
    if not is_open:
        withdraw(db, chat_id)


def _to_alert(row: Row) -> Alert:
    alert_id, label, notice, created_at, account, chain_id, contract, *rest = row
    if notice is not None:
        return NoticeAlert(AlertId(alert_id), to_notice(notice), to_moment(created_at))
    asset_kind, symbol, decimals, rebasing, kind, before, uniques_before, after, uniques_after, *rest = rest
    block, items, price_usd, observed_at = rest
    change = Change(
        to_address(account),
        to_asset(chain_id, contract),
        MoveKind(kind),
        to_holding(before, uniques_before, None),
        to_holding(after, uniques_after, block),
        to_moment(observed_at),
        price_usd,
        to_item_moves(items),
    )
    return ChangeAlert(
        AlertId(alert_id), change, label, to_description(asset_kind, symbol, decimals, rebasing)
    )


def _to_delivery(row: Row) -> Delivery:
    delivery_id, telegram_id, thread_id, kind, text, attempts, unknowns = row
    return Delivery(
        DeliveryId(delivery_id), telegram_id, thread_id or None, kind != "private", text, attempts, unknowns
    )
