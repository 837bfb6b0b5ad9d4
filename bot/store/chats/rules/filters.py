"""Sets which changes a destination wants alerts about; whatever a former filter held back is reported."""

from collections.abc import Collection
from typing import NamedTuple

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.subscriptions import SubscriptionId
from bot.store.balances.snapshots import account_id_of
from bot.store.chats.audit import record_audits, subject_of_subscription
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.counterparties import with_names
from bot.store.chats.subscriptions import subscriptions_of
from bot.store.database.door import Database
from bot.store.outbox.unreported import release
from bot.store.rows import condition_to_json, to_condition, to_milliseconds


class FilterResult(NamedTuple):
    """What became of a filter that was set."""

    former: tuple[Condition | None, ...]
    """What was set before: of each subscription, or of the destination alone; None: nothing."""
    released: int
    """Of so many amounts something was held back, which is reported now."""


def set_filter(
    db: Database, place: Place, ids: Collection[SubscriptionId], condition: Condition | None, actor: Actor
) -> FilterResult:
    """Let only some changes of these subscriptions be reported; no `ids`: of all that have no own filter.

    Without a condition they are reported as the destination says, and where it says nothing, all of them.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        stored = condition_to_json(condition)
        action = AuditAction.UNFILTER if condition is None else AuditAction.FILTER
        if not ids:
            (former,) = db.execute("SELECT filter FROM destination WHERE id = ?", [destination_id]).fetchone()
            db.execute("UPDATE destination SET filter = ? WHERE id = ?", [stored, destination_id])
            changed = former != stored
            record_audits(db, actor, [(action, "")] if changed else [], place.chat_id)
            released = release(db, destination_id, to_milliseconds(actor.at)) if changed else 0
            return FilterResult((to_condition(former),), released)
        listed = subscriptions_of(db, destination_id)
        meant = [one.subscription for one in listed if one.subscription.id in ids]
        changed_ones = [one for one in meant if one.filter != condition]
        db.executemany(
            "UPDATE subscription SET filter = ? WHERE id = ?", [(stored, one.id) for one in changed_ones]
        )
        audited = [(action, subject_of_subscription(one)) for one in changed_ones]
        record_audits(db, actor, audited, place.chat_id)
        # A token that is watched in every account is held back in any of them.
        is_everywhere = any(one.account is None for one in changed_ones)
        accounts = {account_id_of(db, one.account) for one in changed_ones if one.account is not None}
        theirs = None if is_everywhere else accounts
        return FilterResult(
            tuple(one.filter for one in meant), release(db, destination_id, to_milliseconds(actor.at), theirs)
        )


def place_filter(db: Database, place: Place) -> Condition | None:
    """Return which changes are reported of subscriptions that have no filter of their own; None: all."""
    row = db.execute(
        "SELECT d.id, d.filter FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    condition = None if row is None else to_condition(row[1])
    return None if condition is None else with_names(db, row[0], (condition,))[0]
