"""What must be told: alerts that wait, deliveries on their way, and what became of them.

A delivery is composed once, in the transaction that binds its alerts, and is
the same text on every attempt. It is marked as being sent before the request
leaves, so that a crash in between is known to be in doubt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from bot.domain.delivery import (
    AlertState,
    Delivery,
    DeliveryState,
    Settlement,
    bind_at,
    message_id,
)
from bot.domain.model import (
    Alert,
    AlertId,
    Change,
    ChangeAlert,
    DeliveryId,
    MoveKind,
    NoticeAlert,
)
from bot.store.database import transaction
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_milliseconds,
    to_moment,
    to_notice,
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


def outbox(db: Database, now: datetime, group_wait_seconds: float, compose: Compose) -> Outbox:
    """Bind what waited long enough into deliveries, and return what is due."""
    later: list[datetime] = []
    with transaction(db):
        for destination_id, first_at, last_at in db.execute(_WAITING).fetchall():
            at = bind_at(to_moment(first_at), to_moment(last_at), group_wait_seconds)
            if at > now:
                later.append(at)
            else:
                _bind(db, destination_id, now, compose)
    heads = [(_to_delivery(tuple(row)), to_moment(at)) for *row, at in db.execute(_HEADS).fetchall()]
    later += [at for _, at in heads if at > now]
    due = tuple(delivery for delivery, at in heads if at <= now)
    return Outbox(due, min(later, default=None))


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
    changed = db.execute(
        "UPDATE delivery SET state = 'ready', unknowns = unknowns + 1, not_before = ?,"
        " reason = 'the program ended while it was being sent' WHERE state = 'sending'",
        [to_milliseconds(now)],
    )
    return changed.rowcount


def withdraw(db: Database, chat_id: int) -> int:
    """Withdraw what waits for a chat, but what is being sent right now; returns the number of alerts.

    Part of the caller's transaction.
    """
    here = "destination_id IN (SELECT id FROM destination WHERE chat_id = ?)"
    db.execute(
        f"UPDATE delivery SET state = 'withdrawn' WHERE state = 'ready' AND {here}",
        [chat_id],
    )
    changed = db.execute(
        f"UPDATE alert SET state = 'withdrawn' WHERE {here} AND (state = 'waiting'"
        " OR state = 'bound' AND delivery_id IN (SELECT id FROM delivery WHERE state = 'withdrawn'))",
        [chat_id],
    )
    return changed.rowcount


def waiting_alerts(db: Database, destination_id: int) -> int:
    """Return how many changes a destination is still to be told."""
    (count,) = db.execute(
        "SELECT count(*) FROM alert WHERE destination_id = ? AND state IN ('waiting', 'bound')"
        " AND change_id IS NOT NULL",
        [destination_id],
    ).fetchone()
    return int(count)


_WAITING = """
SELECT destination_id, min(created_at), max(created_at) FROM alert
WHERE state = 'waiting' GROUP BY destination_id
"""

_HEADS = """
SELECT d.id, c.telegram_id, n.thread_id, c.kind, d.text, d.attempts, d.unknowns,
       max(d.not_before, ifnull(c.hold_until, 0))
FROM delivery d
JOIN destination n ON n.id = d.destination_id
JOIN chat c ON c.id = n.chat_id
WHERE c.unavailable IS NULL AND d.state = 'ready' AND d.id = (
  SELECT min(o.id) FROM delivery o JOIN destination m ON m.id = o.destination_id
  WHERE m.chat_id = c.id AND o.state IN ('ready', 'sending'))
ORDER BY d.id
"""

_ALERTS_WAITING = """
SELECT l.id, l.label, l.notice, l.created_at, a.address, x.chain_id, x.contract,
       x.kind, x.symbol, x.decimals, x.rebasing,
       c.kind, c.before, c.uniques_before, c.after, c.uniques_after, c.block, c.price_usd, c.observed_at
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
    block, price_usd, observed_at = rest
    change = Change(
        to_address(account),
        to_asset(chain_id, contract),
        MoveKind(kind),
        to_holding(before, uniques_before, None),
        to_holding(after, uniques_after, block),
        to_moment(observed_at),
        price_usd,
    )
    return ChangeAlert(
        AlertId(alert_id), change, label, to_description(asset_kind, symbol, decimals, rebasing)
    )


def _to_delivery(row: Row) -> Delivery:
    delivery_id, telegram_id, thread_id, kind, text, attempts, unknowns = row
    return Delivery(
        DeliveryId(delivery_id), telegram_id, thread_id or None, kind != "private", text, attempts, unknowns
    )
