"""Closed chats that ask for access, and the list of all chats that owners see."""

from datetime import datetime, timedelta

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.known_chats import AccessRequest, ChatListPage, KnownChat, NamedChats
from bot.domain.places import Place
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import upsert_chat
from bot.store.database.door import Database
from bot.store.rows import Row, to_milliseconds, to_moment_or_none, within_pages

REQUESTS_ANNOUNCED_A_DAY = 20
"""Owners hear of no more requests within a day."""

REQUESTS_KEPT = 500
"""Beyond this the oldest unanswered request is deleted: strangers can't fill the database."""

IGNORED_KEPT = 1000
"""Beyond this the oldest ignored request is deleted: that chat may ask again."""

KEPT_UNANSWERED_FOR = timedelta(days=30)
"""A request that nobody answers is deleted after this time."""

_DAY = timedelta(days=1)


def request_access(db: Database, place: Place, at: datetime) -> AccessRequest | None:
    """Record that a closed chat asks for access; None: owners are not to hear of it now.

    They hear of a chat once a day at most, of no chat that they closed or ignore, and of
    `REQUESTS_ANNOUNCED_A_DAY` in all. Call `mark_request_announced` once they did.
    """
    day_ago = to_milliseconds(at - _DAY)
    with db.transaction():
        if _is_answered(db, place.chat_id):
            return None
        row_id = upsert_chat(db, place)
        # RETURNING gives when owners heard of an earlier request; that moment survives the new one.
        (told_at,) = db.execute(
            "INSERT INTO knock (chat_id, knocked_at) VALUES (?, ?)"
            " ON CONFLICT (chat_id) DO UPDATE SET knocked_at = excluded.knocked_at RETURNING told_at",
            [row_id, to_milliseconds(at)],
        ).fetchone()
        _delete_old_requests(db, at)
        (told_today,) = db.execute("SELECT count(*) FROM knock WHERE told_at > ?", [day_ago]).fetchone()
        if (told_at is not None and told_at > day_ago) or told_today >= REQUESTS_ANNOUNCED_A_DAY:
            return None
        return AccessRequest(row_id, is_last_today=told_today == REQUESTS_ANNOUNCED_A_DAY - 1)


def mark_request_announced(db: Database, row: int, at: datetime) -> None:
    """Record that an owner has heard of a request; `row` is the chat's."""
    db.execute("UPDATE knock SET told_at = ? WHERE chat_id = ?", [to_milliseconds(at), row])


def ignore_request(db: Database, row: int, actor: Actor) -> bool:
    """Ignore all requests of a chat from now on; False: it is ignored already, or has no request."""
    with db.transaction():
        changed = db.execute(
            "UPDATE knock SET is_ignored = 1 WHERE chat_id = ? AND is_ignored = 0"
            " AND chat_id IN (SELECT id FROM chat WHERE open = 0)",
            [row],
        )
        if changed.rowcount != 1:
            return False
        _delete_requests(db, "is_ignored = 1", "knocked_at", IGNORED_KEPT)
        (telegram_id,) = db.execute("SELECT telegram_id FROM chat WHERE id = ?", [row]).fetchone()
        record_audit(db, actor, AuditAction.IGNORE_CHAT, telegram_id)
    return True


def known_chat(db: Database, row: int) -> KnownChat | None:
    """Return a chat by its row, or the supergroup it became; None: there is none."""
    found = db.execute(
        f"{_CHATS} AND c.id = (SELECT coalesce(migrated_to, id) FROM chat WHERE id = ?)", [row]
    ).fetchone()
    return _to_known_chat(found) if found else None


def chat_at(db: Database, chat_id: int) -> KnownChat | None:
    """Return a chat by Telegram's number, or the supergroup it became; None: the bot does not know it."""
    row = db.execute("SELECT id FROM chat WHERE telegram_id = ?", [chat_id]).fetchone()
    return known_chat(db, row[0]) if row else None


def chats_named(db: Database, name: str) -> NamedChats:
    """Return the chats that a title or an @name means, in any casing.

    Those whose title merely has a word that begins like it are apart: they may be meant.
    """
    wanted = " ".join(name.split()).casefold()
    known = [_to_known_chat(row) for row in db.execute(f"{_CHATS} {_IN_ORDER}")]
    if wanted.startswith("@"):
        username = wanted.removeprefix("@")
        return NamedChats(tuple(chat for chat in known if chat.place.username.casefold() == username))
    titled = [(" ".join(chat.place.title.split()).casefold(), chat) for chat in known]
    return NamedChats(
        tuple(chat for title, chat in titled if title == wanted),
        tuple(chat for title, chat in titled if title != wanted and f" {wanted}" in f" {title}"),
    )


def channels(db: Database) -> list[Place]:
    """Return the channels that the bot knows, open ones first."""
    rows = db.execute(f"{_CHATS} AND c.kind = 'channel' ORDER BY c.open DESC, c.id")
    return [_to_known_chat(row).place for row in rows]


def chats_of_owners(db: Database) -> list[KnownChat]:
    """Return the private chats of all owners, in the order in which the bot met them."""
    return [_to_known_chat(row) for row in db.execute(f"{_CHATS} AND c.is_owner = 1 ORDER BY c.id")]


def meet_chat(db: Database, place: Place) -> int:
    """Insert a chat that asked for nothing, so that a button can name it; returns its row."""
    with db.transaction():
        return upsert_chat(db, place)


def known_chats(db: Database, page: int, page_size: int) -> ChatListPage:
    """Return one page of the chats, from page 1: those that ask for access, then open ones, then others."""
    (total,) = db.execute("SELECT count(*) FROM chat WHERE migrated_to IS NULL").fetchone()
    page, pages = within_pages(page, total, page_size)
    rows = db.execute(f"{_CHATS} {_IN_ORDER} LIMIT ? OFFSET ?", [page_size, (page - 1) * page_size])
    return ChatListPage(tuple(map(_to_known_chat, rows)), total, page, pages)


def count_requests(db: Database) -> int:
    """Count the chats that ask for access and have no answer."""
    (count,) = db.execute(f"SELECT count(*) FROM ({_CHATS}) known WHERE knocked_at IS NOT NULL").fetchone()
    return int(count)


def _is_answered(db: Database, chat_id: int) -> bool:
    """Return whether owners have closed a chat or ignore its requests."""
    row = db.execute(
        "SELECT c.decided, k.is_ignored FROM chat c LEFT JOIN knock k ON k.chat_id = c.id"
        " WHERE c.telegram_id = ?",
        [chat_id],
    ).fetchone()
    return row is not None and (row[0] == 0 or row[1] == 1)


def _delete_old_requests(db: Database, at: datetime) -> None:
    """Delete unanswered requests that are old or too many."""
    # Those that owners heard of within a day stay: they count towards the most in a day.
    unanswered = f"is_ignored = 0 AND coalesce(told_at, 0) <= {to_milliseconds(at - _DAY)}"
    _delete_requests(
        db, f"{unanswered} AND knocked_at < {to_milliseconds(at - KEPT_UNANSWERED_FOR)}", "knocked_at", 0
    )
    _delete_requests(db, "is_ignored = 0", f"NOT ({unanswered}), knocked_at", REQUESTS_KEPT)


def _delete_requests(db: Database, which: str, oldest_first: str, kept: int) -> None:
    """Delete the oldest requests beyond so many, and the chats that are known by these alone."""
    (count,) = db.execute(f"SELECT count(*) FROM knock WHERE {which}").fetchone()
    if count <= kept:
        return
    forgotten = db.execute(
        f"DELETE FROM knock WHERE chat_id IN (SELECT chat_id FROM knock WHERE {which}"
        f" ORDER BY {oldest_first} LIMIT ?) RETURNING chat_id",
        [count - kept],
    ).fetchall()
    # Groups that became this chat refer to it, so they go first.
    for (chat_id,) in forgotten:
        for former in ("migrated_to = ?", "id = ?"):
            db.execute(f"DELETE FROM chat WHERE {former} AND {_KNOWN_BY_REQUEST}", [chat_id])


_KNOWN_BY_REQUEST = """
open = 0 AND decided IS NULL AND is_owner = 0 AND id < (SELECT max(id) FROM chat)
AND NOT EXISTS (SELECT 1 FROM destination d WHERE d.chat_id = chat.id)
AND NOT EXISTS (SELECT 1 FROM knock k WHERE k.chat_id = chat.id)
AND NOT EXISTS (SELECT 1 FROM chat o WHERE o.migrated_to = chat.id)
"""
"""The chat with the highest row stays: its number would be given again, and old buttons mean another chat."""

_CHATS = """
SELECT c.id, c.telegram_id, c.kind, c.title, c.username, c.open, c.is_owner, c.unavailable,
  (SELECT count(*) FROM subscription s JOIN destination d ON d.id = s.destination_id
   WHERE d.chat_id = c.id) AS subscriptions,
  CASE WHEN c.open = 0 AND c.decided IS NULL AND k.is_ignored = 0 THEN k.knocked_at END AS knocked_at
FROM chat c LEFT JOIN knock k ON k.chat_id = c.id
WHERE c.migrated_to IS NULL
"""

# Those with a request come first, the newest request on top.
_IN_ORDER = "ORDER BY knocked_at DESC NULLS LAST, c.is_owner DESC, c.open DESC, c.id"


def _to_known_chat(row: Row) -> KnownChat:
    row_id, telegram_id, kind, title, username, is_open, is_owner, *rest = row
    unavailable, subscriptions, knocked_at = rest
    return KnownChat(
        row=row_id,
        place=Place(telegram_id, kind, title, username=username),
        is_open=bool(is_open),
        is_owner=bool(is_owner),
        subscriptions=subscriptions,
        unavailable=unavailable,
        requested_at=to_moment_or_none(knocked_at),
    )
