"""What became of attempts: the delivery, its alerts, its topic and its chat together."""

from datetime import datetime

from sqlite_utils import Database

from bot.domain.assets import Part
from bot.domain.deliver.alerts import Undelivered
from bot.domain.deliver.delivery import AlertState, DeliveryId, DeliveryState, Settlement
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.unconfirmed import UNKNOWNS_TRUSTED
from bot.domain.subscriptions import DestinationId
from bot.store.alerts import enqueue_alert, enqueue_owner_alerts
from bot.store.chats import mark_unreachable
from bot.store.database import transaction
from bot.store.migrate import move_chat
from bot.store.outbox import UNFINISHED
from bot.store.rows import to_milliseconds
from bot.store.withdraw import withdraw, withdraw_emptied


def apply_outcome(db: Database, delivery_id: DeliveryId, settlement: Settlement, status: Part) -> bool:
    """Write what became of an attempt, or of a question; returns whether that makes something new to be told.

    What was withdrawn or expired while Telegram was asked about it stays so.
    """
    with transaction(db):
        db.execute(
            "UPDATE delivery SET state = ?, attempts = ?, unknowns = ?, refusals = ?, questions = ?,"
            " trust = ?, form = ?, not_before = ?, message_id = ?, reason = ?"
            f" WHERE id = ? AND {UNFINISHED}",
            [
                settlement.state,
                settlement.attempts,
                settlement.unknowns,
                settlement.refusals,
                settlement.questions,
                settlement.unconfirmed_sends_left,
                settlement.form,
                to_milliseconds(settlement.not_before),
                settlement.message_id,
                settlement.reason,
                delivery_id,
            ],
        )
        has_news = _update_alerts(db, delivery_id, settlement)
        _update_chat(db, delivery_id, settlement, status)
        withdraw_emptied(db)
        return has_news


def _retry_set_aside(db: Database, chat_id: int, now: datetime) -> None:
    """Let what stands aside in a chat be tried again: another message was confirmed there."""
    here = "SELECT id FROM destination WHERE chat_id = ?"
    db.execute(
        f"UPDATE delivery SET trust = 1, not_before = ? WHERE {UNFINISHED} AND state = 'ready'"
        f" AND trust <= 0 AND unknowns < {UNKNOWNS_TRUSTED} AND destination_id IN ({here})",
        [to_milliseconds(now), chat_id],
    )


def pause_chat(db: Database, chat_id: int, until: datetime, milliseconds: int) -> None:
    """Remember that Telegram wants a chat left alone."""
    db.execute(
        "UPDATE chat SET hold_until = ?, hold_ms = ? WHERE telegram_id = ?",
        [to_milliseconds(until), milliseconds, chat_id],
    )


def doubt_unfinished_sends(db: Database, now: datetime) -> int:
    """Put back what was being sent when the last run ended; its outcome is unknown. Returns how many.

    The silence was ours: the next answer of Telegram is to be trusted.
    """
    with transaction(db):
        changed = db.execute(
            "UPDATE delivery SET state = 'ready', unknowns = unknowns + 1, questions = 0,"
            " trust = max(trust, 1), not_before = ?, reason = 'the program ended while it was being sent'"
            f" WHERE {UNFINISHED} AND state = 'sending'",
            [to_milliseconds(now)],
        )
        closed = db.execute(
            "SELECT DISTINCT c.id FROM delivery d JOIN destination n ON n.id = d.destination_id"
            f" JOIN chat c ON c.id = n.chat_id WHERE d.{UNFINISHED} AND c.open = 0"
        )
        for (chat_id,) in closed.fetchall():
            withdraw(db, chat_id)
        withdraw_emptied(db)
    return changed.rowcount


def _update_alerts(db: Database, delivery_id: DeliveryId, settlement: Settlement) -> bool:
    match settlement.state:
        case DeliveryState.SENT:
            db.execute("UPDATE alert SET state = ? WHERE delivery_id = ?", [AlertState.TOLD, delivery_id])
        case DeliveryState.DISSOLVED:
            db.execute(
                "UPDATE alert SET state = ?, is_single = 1, delivery_id = NULL WHERE delivery_id = ?",
                [AlertState.WAITING, delivery_id],
            )
        case DeliveryState.DEAD:
            return _mark_dead(db, delivery_id, settlement)
        case _:
            pass
    return settlement.state is DeliveryState.DISSOLVED


def _mark_dead(db: Database, delivery_id: DeliveryId, settlement: Settlement) -> bool:
    """Give up a message, and tell its destination and owners that it had changes to tell."""
    db.execute("UPDATE alert SET state = ? WHERE delivery_id = ?", [AlertState.DEAD, delivery_id])
    changes, destination_id, chat_id, title, is_owner = db.execute(
        "SELECT (SELECT count(change_id) FROM alert WHERE delivery_id = d.id), n.id, c.telegram_id, c.title,"
        " c.is_owner FROM delivery d JOIN destination n ON n.id = d.destination_id"
        " JOIN chat c ON c.id = n.chat_id WHERE d.id = ?",
        [delivery_id],
    ).fetchone()
    if not changes:
        return False
    at = to_milliseconds(settlement.not_before)
    reason = settlement.reason or ""
    number = message_id(delivery_id)
    enqueue_alert(db, DestinationId(destination_id), at, notice=Undelivered(number, changes, reason))
    if not is_owner:
        enqueue_owner_alerts(db, Undelivered(number, changes, reason, chat_id, title), at)
    return True


def _update_chat(db: Database, delivery_id: DeliveryId, settlement: Settlement, status: Part) -> None:
    (destination_id, chat_id, telegram_id) = db.execute(
        "SELECT n.id, c.id, c.telegram_id FROM delivery d JOIN destination n ON n.id = d.destination_id"
        " JOIN chat c ON c.id = n.chat_id WHERE d.id = ?",
        [delivery_id],
    ).fetchone()
    if settlement.hold is not None:
        until, span = settlement.hold.until, settlement.hold.span
        pause_chat(db, telegram_id, until, round(span.total_seconds() * 1000))
    if settlement.parking is not None:
        mark_unreachable(db, telegram_id, settlement.parking)
        db.execute("UPDATE chat SET probes = probes + 1 WHERE id = ?", [chat_id])
    if settlement.shows_the_chat_alive:
        _retry_set_aside(db, chat_id, settlement.not_before)
        db.execute(
            "UPDATE chat SET unavailable = NULL, probe_at = NULL, probes = 0"
            " WHERE id = ? AND (unavailable IS NOT NULL OR probes > 0)",
            [chat_id],
        )
    if settlement.topic_lost is not None:
        db.execute(
            "UPDATE destination SET lost = ?, lost_at = ? WHERE id = ?",
            [settlement.topic_lost, to_milliseconds(settlement.not_before), destination_id],
        )
    if settlement.moved_to is not None:
        chat_id = move_chat(db, telegram_id, settlement.moved_to, status)
    (is_open,) = db.execute("SELECT open FROM chat WHERE id = ?", [chat_id]).fetchone()
    if not is_open:
        withdraw(db, chat_id)
