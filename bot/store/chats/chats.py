"""Chats: which may use the bot (are open), and which can be sent to at present (are reachable)."""

from collections.abc import Collection
from datetime import timedelta

from bot.domain.ask.plan import chunks
from bot.domain.assets import Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.delivery import Parking
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.balances.coverage import end_unwanted_coverage
from bot.store.chats.audit import record_audit
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.withdraw import withdraw_all
from bot.store.rows import LISTING_PARTS, part_to_blob, to_milliseconds

_ACCOUNTS_AT_ONCE = 1000
"""SQLite takes a limited number of values in one statement."""


def decision_on(db: Database, chat_id: int) -> bool | None:
    """Return whether /allow (True) or /deny (False) was last said of a chat; None: neither."""
    row = db.execute(
        "SELECT decided FROM chat WHERE id ="
        " (SELECT coalesce(migrated_to, id) FROM chat WHERE telegram_id = ?)",
        [chat_id],
    ).fetchone()
    return None if row is None or row[0] is None else bool(row[0])


def open_among(db: Database, chat_ids: Collection[int]) -> frozenset[int]:
    """Return which of these chats are open; a group is as open as the supergroup it became."""
    these = db.any_of(chat_ids)
    rows = db.execute(
        "SELECT c.telegram_id FROM chat c JOIN chat n ON n.id = coalesce(c.migrated_to, c.id)"
        f" WHERE n.open = 1 AND c.telegram_id {these.sql}",
        these.values,
    )
    return frozenset(chat_id for (chat_id,) in rows)


def allow(db: Database, place: Place, actor: Actor) -> None:
    """Open a chat by command, whether it is known yet or not."""
    with db.transaction():
        _decide(db, upsert_chat(db, place), place.chat_id, actor, AuditAction.ALLOW)
        db.notify(SignalName.SUBSCRIPTIONS)


def deny(db: Database, place: Place, actor: Actor, status: Part) -> int:
    """Close a chat by command and withdraw its alerts; returns how many.

    Its subscriptions stay. If it is opened again they start with a new baseline; its mutes are gone.
    """
    with db.transaction():
        row_id = upsert_chat(db, place)
        _decide(db, row_id, place.chat_id, actor, AuditAction.DENY)
        withdrawn = withdraw_all(db, row_id)
        end_unwanted_coverage(db, accounts_of_chat(db, row_id), status)
    return withdrawn


def apply_configuration(
    db: Database, open_chats: Collection[int], owners: Collection[int], status: Part
) -> None:
    """Open and close the chats that no command decided on, as the configuration says now.

    `open_chats` and `owners` are Telegram's numbers; an owner's private chat is open, too. Part of the
    caller's transaction. It also deletes what was read under another contract status than `status`.
    """
    for owner in owners:
        upsert_chat(db, Place(owner, "private", ""))
    # Known before anybody writes there, so that owners see them in the list; Telegram's numbers of
    # people are positive.
    db.executemany(
        "INSERT INTO chat (telegram_id, kind, title, open) VALUES (?, ?, '', 1)"
        " ON CONFLICT (telegram_id) DO NOTHING",
        [(chat_id, "private" if chat_id > 0 else "group") for chat_id in open_chats],
    )
    theirs = db.any_of(owners)
    db.execute(f"UPDATE chat SET is_owner = 1 WHERE is_owner = 0 AND telegram_id {theirs.sql}", theirs.values)
    db.execute(
        f"UPDATE chat SET is_owner = 0 WHERE is_owner = 1 AND NOT telegram_id {theirs.sql}", theirs.values
    )
    # The configuration may still name a group by the number it had before it became a supergroup.
    named = {*open_chats, *owners}
    _open_exactly(db, named | _successors_of(db, named), status)
    # Balances read with another list of tokens say nothing about the one that is read now.
    others = db.any_of(part_to_blob(part) for part in LISTING_PARTS if part != status)
    read_otherwise = db.execute(
        f"SELECT DISTINCT account_id FROM coverage WHERE part {others.sql}", others.values
    ).fetchall()
    for some in chunks(read_otherwise, _ACCOUNTS_AT_ONCE):
        end_unwanted_coverage(db, [account_id for (account_id,) in some], status)


def close_former_owner(db: Database, user_id: int, open_chats: Collection[int], status: Part) -> None:
    """Close the private chat of somebody who owns the bot no more, unless it is open for another reason.

    Part of the caller's transaction.
    """
    db.execute("UPDATE chat SET is_owner = 0 WHERE telegram_id = ?", [user_id])
    if user_id in open_chats:
        return
    closed = db.execute(
        "UPDATE chat SET open = 0 WHERE telegram_id = ? AND open = 1 AND decided IS NULL RETURNING id",
        [user_id],
    ).fetchall()
    for (row_id,) in closed:
        withdraw_all(db, row_id)
        end_unwanted_coverage(db, accounts_of_chat(db, row_id), status)


def _open_exactly(db: Database, open_chats: Collection[int], status: Part) -> None:
    """Open these chats and close all others, except those that a command decided on."""
    undecided = db.execute(
        "SELECT id, telegram_id, open FROM chat WHERE decided IS NULL AND migrated_to IS NULL"
    ).fetchall()
    for row_id, telegram_id, is_open in undecided:
        if is_open == (telegram_id in open_chats):
            continue
        db.execute("UPDATE chat SET open = ? WHERE id = ?", [telegram_id in open_chats, row_id])
        if is_open:
            withdraw_all(db, row_id)
        end_unwanted_coverage(db, accounts_of_chat(db, row_id), status)


def upsert_chat(db: Database, place: Place) -> int:
    """Insert a chat, closed, or update its kind and names; returns its row, or that of its supergroup.

    An empty name does not replace a known one. Part of the caller's transaction.
    """
    # ON CONFLICT and not OR IGNORE: only so does RETURNING give the row that was there.
    (row_id,) = db.execute(
        "INSERT INTO chat (telegram_id, kind, title, username, open) VALUES (?, ?, ?, ?, 0)"
        " ON CONFLICT (telegram_id) DO UPDATE SET kind = excluded.kind,"
        " title = coalesce(nullif(excluded.title, ''), chat.title),"
        " username = coalesce(nullif(excluded.username, ''), chat.username)"
        " RETURNING coalesce(migrated_to, id)",
        [place.chat_id, place.kind, place.title, place.username],
    ).fetchone()
    return int(row_id)


def mark_reachable(db: Database, chat_id: int, thread_id: int | None = None) -> None:
    """Let messages be sent to a chat and a topic again, as somebody writes to the bot there."""
    with db.transaction():
        was_unreachable = db.execute(
            "UPDATE chat SET unavailable = NULL, probe_at = NULL, probes = 0"
            " WHERE telegram_id = ? AND unavailable IS NOT NULL",
            [chat_id],
        )
        if was_unreachable.rowcount:
            db.notify(SignalName.OUTBOX)
        mark_topic_reachable(db, chat_id, thread_id)


def mark_topic_reachable(db: Database, chat_id: int, thread_id: int | None) -> None:
    """Let messages be sent to a topic again that could not be written to, as somebody writes there."""
    was_lost = db.execute(
        "UPDATE destination SET lost = NULL WHERE lost IS NOT NULL AND thread_id = ?"
        " AND chat_id = (SELECT id FROM chat WHERE telegram_id = ?)",
        [thread_id or 0, chat_id],
    )
    if was_lost.rowcount:
        db.notify(SignalName.OUTBOX)


def mark_unreachable(db: Database, chat_id: int, parking: Parking) -> None:
    """Send nothing to a chat until somebody writes to the bot there, or a probe succeeds."""
    db.execute(
        "UPDATE chat SET unavailable = ?, probe_at = ?, probe_ms = ? WHERE telegram_id = ?",
        [
            parking.reason,
            None if parking.probe_at is None else to_milliseconds(parking.probe_at),
            parking.span // timedelta(milliseconds=1),
            chat_id,
        ],
    )


def update_title(db: Database, place: Place) -> None:
    """Update the kind, title and @name of a chat that is known; others are not inserted."""
    named = [place.kind, place.title, place.username]
    db.execute(
        "UPDATE chat SET kind = ?, title = ?, username = ?"
        " WHERE telegram_id = ? AND (kind <> ? OR title <> ? OR username <> ?)",
        [*named, place.chat_id, *named],
    )


def destination_here(db: Database, place: Place) -> DestinationId | None:
    """Return the destination of a place; None: nothing was ever set or watched there."""
    row = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    return None if row is None else DestinationId(row[0])


def destination_of(db: Database, chat_row: int, thread_id: int | None) -> DestinationId:
    """Return the destination of a chat's row and a topic (None: none), inserted if it isn't there.

    Part of the caller's transaction.
    """
    key = [chat_row, thread_id or 0]
    db.execute(
        "INSERT INTO destination (chat_id, thread_id) VALUES (?, ?)"
        " ON CONFLICT (chat_id, thread_id) DO NOTHING",
        key,
    )
    (row_id,) = db.execute("SELECT id FROM destination WHERE chat_id = ? AND thread_id = ?", key).fetchone()
    return DestinationId(row_id)


def _successors_of(db: Database, chats: Collection[int]) -> set[int]:
    """Return the numbers of the supergroups that groups of these numbers became."""
    these = db.any_of(chats)
    rows = db.execute(
        "SELECT n.telegram_id FROM chat o JOIN chat n ON n.id = o.migrated_to"
        f" WHERE o.telegram_id {these.sql}",
        these.values,
    )
    return {number for (number,) in rows}


def _decide(db: Database, row_id: int, chat_id: int, actor: Actor, action: AuditAction) -> None:
    """Open or close a chat by command, and end its request for access, if there is one."""
    opens = action is AuditAction.ALLOW
    # A repeated command changes nothing and is not audited.
    changed = db.execute(
        "UPDATE chat SET decided = ?, open = ? WHERE id = ?"
        " AND (decided IS NULL OR decided <> ? OR open <> ?)",
        [opens, opens, row_id, opens, opens],
    )
    db.execute("DELETE FROM knock WHERE chat_id = ?", [row_id])
    if changed.rowcount:
        record_audit(db, actor, action, chat_id)


def accounts_of_chat(db: Database, row_id: int) -> list[int]:
    """Return the rows of the accounts that a chat is subscribed to."""
    rows = db.execute(
        "SELECT DISTINCT s.account_id FROM subscription s JOIN destination d ON d.id = s.destination_id"
        " WHERE d.chat_id = ? AND s.account_id IS NOT NULL",
        [row_id],
    )
    return [account_id for (account_id,) in rows]
