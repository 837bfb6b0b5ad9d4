"""How many messages of changes each destination wants in an hour."""

from datetime import datetime
from typing import NamedTuple

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.alerts import MuteKind
from bot.domain.places import Place
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.mutes import end_all
from bot.store.database.door import Database
from bot.store.outbox.budgets import HOUR, hold_if_spent, spent_of
from bot.store.rows import to_milliseconds


class Budget(NamedTuple):
    """What a place wants in an hour, and what it had in the last one."""

    messages: int = 0
    """0: as many as there are."""
    spent: int = 0


class BudgetResult(NamedTuple):
    """What became of a budget that was set."""

    before: int
    released: int
    """Changes that were kept back and are sent now."""


def set_budget(db: Database, place: Place, messages: int, actor: Actor) -> BudgetResult:
    """Let a place have at most so many messages of changes in an hour; 0: as many as there are."""
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        (before,) = db.execute("SELECT budget FROM destination WHERE id = ?", [destination_id]).fetchone()
        if before == messages:
            return BudgetResult(before, 0)
        record_audit(db, actor, AuditAction.BUDGET, place.chat_id, str(messages) if messages else "any")
        # Before the budget is forgotten, which the receipt names.
        released = 0 if messages else end_all(db, destination_id, actor.at, MuteKind.BUDGET)
        db.execute("UPDATE destination SET budget = ? WHERE id = ?", [messages, destination_id])
        if not hold_if_spent(db, destination_id, actor.at):
            released += end_all(db, destination_id, actor.at, MuteKind.BUDGET)
        return BudgetResult(before, released)


def budget_here(db: Database, place: Place, now: datetime) -> Budget:
    """Return the budget of a place."""
    row = db.execute(
        "SELECT d.id, d.budget FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    if row is None:
        return Budget()
    since = to_milliseconds(now - HOUR)
    return Budget(row[1], sum(at > since for at in spent_of(db, row[0])))
