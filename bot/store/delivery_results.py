"""Writes what came of sending a message: to the message, its alerts, its topic and its chat at once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.assets import Part
from bot.domain.deliver.alerts import Undelivered
from bot.domain.deliver.delivery import AlertState, DeliveryId, DeliveryState, DeliveryUpdate, Epoch
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.unconfirmed import UNKNOWNS_RETRIED_EARLY
from bot.domain.subscriptions import DestinationId
from bot.store.chats.chats import mark_unreachable
from bot.store.chats.migrate import move_chat
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.alerts import enqueue_alert, enqueue_owner_alerts
from bot.store.outbox.queue import ASIDE, NOT_AWAITED, UNFINISHED
from bot.store.outbox.withdraw import withdraw, withdraw_emptied
from bot.store.rows import to_milliseconds


def apply_outcome(
    db: Database, delivery_id: DeliveryId, update: DeliveryUpdate, status: Part, *, epoch: Epoch
) -> bool:
    """Write what came of a send, or of a question about one; returns whether more may wait in the chat.

    `status` is the contract status whose lists are read, for chats that turn out to be closed. `epoch` is
    that of the claim: what was written already, or is in doubt by now, stays as it is.
    """
    with db.transaction():
        # Only while unfinished: it may have been withdrawn or have expired while Telegram was asked.
        written = db.execute(
            "UPDATE delivery SET state = ?, attempts = ?, unknowns = ?, refusals = ?, questions = ?,"
            f" form = ?, not_before = ?, message_id = ?, reason = ?, epoch = {NOT_AWAITED}"
            f" WHERE id = ? AND epoch = ? AND {UNFINISHED}",
            [
                update.state,
                update.attempts,
                update.unknowns,
                update.refusals,
                update.unanswered_questions,
                update.form,
                to_milliseconds(update.not_before),
                update.message_id,
                update.reason,
                delivery_id,
                epoch,
            ],
        )
        if not written.rowcount and not _end_awaiting(db, delivery_id, epoch):
            return True
        _update_alerts(db, delivery_id, update)
        more_waits = _update_chat(db, delivery_id, update, status)
        # Two chats may have become one, now or while this message was on its way, and another message may
        # have its alerts: then it isn't repeated.
        if update.state is DeliveryState.READY or update.moved_to is not None:
            withdraw_emptied(db)
        return more_waits


def _end_awaiting(db: Database, delivery_id: DeliveryId, epoch: Epoch) -> bool:
    """Note that the outcome is there; False: it was before, and of what it changed much may be new since."""
    awaited = db.execute(
        f"UPDATE delivery SET epoch = {NOT_AWAITED} WHERE id = ? AND epoch = ?", [delivery_id, epoch]
    )
    return bool(awaited.rowcount)


def put_back(db: Database, epoch: Epoch, claimed: Iterable[DeliveryId]) -> int:
    """Make ready again what is marked as `sending` in an epoch beside what was `claimed`; returns how many.

    For an epoch's own sender, which knows what it claimed, after a claim whose commit is unknown: what it
    does not know of did not leave.
    """
    known = db.any_of(claimed)
    changed = db.execute(
        f"UPDATE delivery SET state = 'ready', epoch = {NOT_AWAITED}"
        f" WHERE {UNFINISHED} AND state = 'sending' AND epoch = ? AND NOT id {known.sql}",
        [epoch, *known.values],
    )
    return changed.rowcount


def _retry_set_aside(db: Database, chat_id: int, now: datetime) -> None:
    """Let the messages that rest in a chat be sent once more, as another one was confirmed there."""
    here = "SELECT id FROM destination WHERE chat_id = ?"
    db.execute(
        f"UPDATE delivery SET not_before = ? WHERE {UNFINISHED} AND state = 'ready' AND {ASIDE}"
        f" AND unknowns < {UNKNOWNS_RETRIED_EARLY} AND destination_id IN ({here})",
        [to_milliseconds(now), to_milliseconds(now), chat_id],
    )


def pause_chat(db: Database, chat_id: int, until: datetime, span: timedelta) -> None:
    """Send nothing to a chat until a moment, as Telegram asked; `span` is how long that is."""
    # The length is kept beside the end: only by it does a clock that was set back show (see `outbox`).
    db.execute(
        "UPDATE chat SET hold_until = ?, hold_ms = ? WHERE telegram_id = ?",
        [to_milliseconds(until), span // timedelta(milliseconds=1), chat_id],
    )


def begin_epoch(db: Database) -> Epoch:
    """Begin a new epoch of sending, which ends all before it; returns its number.

    To be called behind the fence of whoever sends: then nobody claims in an epoch that has ended.
    """
    (number,) = db.execute(
        "INSERT INTO setting (name, value) VALUES ('sending epoch', '1') ON CONFLICT (name)"
        " DO UPDATE SET value = CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT) RETURNING value"
    ).fetchone()
    return Epoch(int(number))


def doubt_unfinished_sends(db: Database, now: datetime, epoch: Epoch) -> int:
    """Count every send of an epoch before this one as one without an answer; returns how many.

    To be called once an epoch has begun: whoever was sending in an ended one writes no outcome any more.
    """
    with db.transaction():
        changed = db.execute(
            "UPDATE delivery SET state = 'ready', unknowns = unknowns + 1, questions = 0,"
            f" epoch = {NOT_AWAITED}, not_before = ?, reason = 'the program ended while it was being sent'"
            f" WHERE {UNFINISHED} AND state = 'sending' AND epoch < ?",
            [to_milliseconds(now), epoch],
        )
        # A message on its way outlives the closing of its chat; with nobody left to send it, it ends here.
        closed = db.execute(
            "SELECT DISTINCT c.id FROM delivery d JOIN destination n ON n.id = d.destination_id"
            f" JOIN chat c ON c.id = n.chat_id WHERE d.{UNFINISHED} AND c.open = 0"
        )
        for (chat_id,) in closed.fetchall():
            withdraw(db, chat_id)
        withdraw_emptied(db)
    return changed.rowcount


def _update_alerts(db: Database, delivery_id: DeliveryId, update: DeliveryUpdate) -> None:
    match update.state:
        case DeliveryState.SENT:
            db.execute("UPDATE alert SET state = ? WHERE delivery_id = ?", [AlertState.SENT, delivery_id])
        case DeliveryState.DISSOLVED:
            db.execute(
                "UPDATE alert SET state = ?, is_single = 1, delivery_id = NULL WHERE delivery_id = ?",
                [AlertState.WAITING, delivery_id],
            )
            db.notify(SignalName.OUTBOX)
        case DeliveryState.DEAD:
            _mark_dead(db, delivery_id, update)
        case _:
            pass


def _mark_dead(db: Database, delivery_id: DeliveryId, update: DeliveryUpdate) -> None:
    """Give a message up; its destination and the owners learn how many changes it told."""
    db.execute("UPDATE alert SET state = ? WHERE delivery_id = ?", [AlertState.DEAD, delivery_id])
    changes, destination_id, chat_id, title, is_owner = db.execute(
        "SELECT (SELECT count(change_id) FROM alert WHERE delivery_id = d.id), n.id, c.telegram_id, c.title,"
        " c.is_owner FROM delivery d JOIN destination n ON n.id = d.destination_id"
        " JOIN chat c ON c.id = n.chat_id WHERE d.id = ?",
        [delivery_id],
    ).fetchone()
    if not changes:  # a notice about a lost notice could itself be lost, and so on
        return
    at = to_milliseconds(update.not_before)
    reason = update.reason or ""
    number = message_id(delivery_id)
    enqueue_alert(db, DestinationId(destination_id), at, notice=Undelivered(number, changes, reason))
    if not is_owner:  # an owner's own chat has just been told
        enqueue_owner_alerts(
            db,
            Undelivered(message_id=number, changes=changes, reason=reason, chat_id=chat_id, title=title),
            at,
        )


def _update_chat(db: Database, delivery_id: DeliveryId, update: DeliveryUpdate, status: Part) -> bool:
    """Write what a send said of its chat; returns whether more may wait there."""
    destination_id, chat_id, telegram_id, is_open, was_doubted, more_waits = db.execute(
        _CHAT_OF_DELIVERY, [delivery_id]
    ).fetchone()
    if update.pause is not None:
        pause_chat(db, telegram_id, update.pause.until, update.pause.span)
    if update.parking is not None:
        mark_unreachable(db, telegram_id, update.parking)
        db.execute("UPDATE chat SET probes = probes + 1 WHERE id = ?", [chat_id])
    if update.shows_the_chat_alive:
        _retry_set_aside(db, chat_id, update.not_before)
        if was_doubted:
            db.execute(
                "UPDATE chat SET unavailable = NULL, probe_at = NULL, probes = 0 WHERE id = ?", [chat_id]
            )
    if update.topic_lost is not None:
        db.execute(
            "UPDATE destination SET lost = ?, lost_at = ? WHERE id = ?",
            [update.topic_lost, to_milliseconds(update.not_before), destination_id],
        )
    # Last, as it replaces the chat: all of the above is merged into the new one.
    if update.moved_to is not None:
        chat_id = move_chat(db, telegram_id, update.moved_to, status, update.not_before)
        (is_open,) = db.execute("SELECT open FROM chat WHERE id = ?", [chat_id]).fetchone()
    # The chat may have been closed while the message was on its way, when it could not be withdrawn.
    if not is_open:
        withdraw(db, chat_id)
    return bool(more_waits) or update.moved_to is not None


_CHAT_OF_DELIVERY = f"""
SELECT n.id, c.id, c.telegram_id, c.open, c.probes > 0 OR c.unavailable IS NOT NULL,
       EXISTS (SELECT 1 FROM destination m WHERE m.chat_id = c.id AND (
         EXISTS (SELECT 1 FROM alert l WHERE l.destination_id = m.id AND l.state = 'waiting')
         OR EXISTS (SELECT 1 FROM delivery o WHERE o.destination_id = m.id AND o.{UNFINISHED})))
FROM delivery d JOIN destination n ON n.id = d.destination_id JOIN chat c ON c.id = n.chat_id
WHERE d.id = ?
"""
