"""Who owns the bot: those the configuration names, or else who first used the link, and whom they added."""

import hmac
import json
from collections.abc import Collection
from datetime import datetime, timedelta

from bot.domain.assets import Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.claims import GOOD_FOR, ClaimResult
from bot.domain.places import Place
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import apply_configuration, close_former_owner, upsert_chat
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.rows import to_milliseconds

_REMEMBERED_FOR = timedelta(days=30)
"""How long an expired code is known as such; after it, it is answered like any wrong one."""


def apply_access(
    db: Database, configured: Collection[int], open_chats: Collection[int], status: Part
) -> None:
    """Make owners and open chats those of the configuration; to be called at the start.

    `configured` owners, if any, end an ownership by code for good.
    """
    # In one transaction: another program may be making somebody an owner just now.
    with db.transaction():
        if configured:
            db.execute("DELETE FROM owner")
            db.execute("DELETE FROM claim")
        apply_configuration(db, open_chats, owners_of(db, configured), status)


def owners_of(db: Database, configured: Collection[int]) -> frozenset[int]:
    """Return the user ids of the owners: the `configured` ones, else those the bot was told of."""
    stored = db.execute("SELECT user_id FROM owner").fetchall()
    return frozenset(configured) or frozenset(user_id for (user_id,) in stored)


def save_claim_code(db: Database, code_hash: bytes, now: datetime) -> None:
    """Save the hash of a new code and let all former ones expire."""
    with db.transaction():
        db.execute("DELETE FROM claim WHERE expires_at < ?", [to_milliseconds(now - _REMEMBERED_FOR)])
        db.execute(
            "UPDATE claim SET expires_at = ? WHERE used_by IS NULL AND expires_at > ?",
            [to_milliseconds(now), to_milliseconds(now)],
        )
        db.execute(
            "INSERT INTO claim (code_hash, expires_at) VALUES (?, ?)",
            [code_hash, to_milliseconds(now + GOOD_FOR)],
        )


def use_claim_code(db: Database, code_hash: bytes, place: Place, actor: Actor) -> ClaimResult:
    """Make the actor the owner, in their private chat, if the code is valid and nobody owns the bot yet."""
    with db.transaction():
        known = _known(db, code_hash)
        if known is None:
            return ClaimResult.UNKNOWN
        expires_at, used_by = known
        if used_by is not None:
            # Who was removed since does not come back by the link.
            is_owner = used_by == actor.user_id and _is_owner(db, used_by)
            return ClaimResult.OWNED if is_owner else ClaimResult.USED
        if to_milliseconds(actor.at) >= expires_at:
            return ClaimResult.EXPIRED
        if db.execute("SELECT 1 FROM owner").fetchone() is not None:
            return ClaimResult.USED
        _take_over(db, code_hash, place, actor)
    return ClaimResult.OWNED


def add_owner(db: Database, place: Place, actor: Actor) -> bool:
    """Make an owner of the person whose private chat this is; False: they are one already."""
    with db.transaction():
        if _is_owner(db, place.chat_id):
            return False
        _make_owner(db, place, actor.at)
        record_audit(db, actor, AuditAction.ADD_OWNER, place.chat_id)
    return True


def remove_owner(db: Database, user_id: int, actor: Actor, open_chats: Collection[int], status: Part) -> bool:
    """Make somebody an owner no more; False: they are none, or the last one.

    Their private chat is closed, unless a command opened it, or the configuration does (`open_chats`).
    """
    with db.transaction():
        removed = db.execute(
            "DELETE FROM owner WHERE user_id = ? AND EXISTS (SELECT 1 FROM owner o WHERE o.user_id <> ?)",
            [user_id, user_id],
        )
        if not removed.rowcount:
            return False
        close_former_owner(db, user_id, open_chats, status)
        record_audit(db, actor, AuditAction.REMOVE_OWNER, user_id)
    return True


def owners_with_menu(db: Database) -> frozenset[int]:
    """Return the owners whose private chats were given the owners' command menu."""
    row = db.execute("SELECT value FROM setting WHERE name = 'owner menus'").fetchone()
    return frozenset(json.loads(row[0])) if row else frozenset()


def save_owners_with_menu(db: Database, owners: Collection[int]) -> None:
    """Save whose command menu has to be taken away when they are no owner any more."""
    with db.transaction():
        menus = ("owner menus", json.dumps(sorted(owners)))
        db.upsert_many("setting", ["name", "value"], [menus], key=["name"])


def _known(db: Database, code_hash: bytes) -> tuple[int, int | None] | None:
    """Return when a code expires and who used it; None: there was no such code."""
    # Compared with every hash, each in constant time: how long it takes says nothing about the codes.
    found = None
    for kept, expires_at, used_by in db.execute("SELECT code_hash, expires_at, used_by FROM claim"):
        if hmac.compare_digest(kept, code_hash):
            found = (expires_at, used_by)
    return found


def _is_owner(db: Database, user_id: int) -> bool:
    return db.execute("SELECT 1 FROM owner WHERE user_id = ?", [user_id]).fetchone() is not None


def _take_over(db: Database, code_hash: bytes, place: Place, actor: Actor) -> None:
    db.execute("UPDATE claim SET used_by = ? WHERE code_hash = ?", [actor.user_id, code_hash])
    _make_owner(db, place, actor.at)
    record_audit(db, actor, AuditAction.CLAIM, None)


def _make_owner(db: Database, place: Place, at: datetime) -> None:
    """Make somebody an owner, and open their private chat; part of the caller's transaction."""
    db.execute("INSERT INTO owner (user_id, claimed_at) VALUES (?, ?)", [place.chat_id, to_milliseconds(at)])
    row_id = upsert_chat(db, place)
    # An owner's chat is open by who it belongs to: an earlier /deny doesn't count any more.
    db.execute(
        "UPDATE chat SET is_owner = 1, open = 1, decided = NULL, unavailable = NULL WHERE id = ?", [row_id]
    )
    db.execute("DELETE FROM knock WHERE chat_id = ?", [row_id])
    db.notify(SignalName.SUBSCRIPTIONS)
