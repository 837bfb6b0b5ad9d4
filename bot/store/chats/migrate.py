"""Moves everything of one destination to another: a group became a supergroup, or a topic was lost.

Subscriptions, alerts, mutes and the rest go along. Telegram may announce a move twice, late, or only by
refusing a message, so a move does no harm when it is repeated.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from bot.domain.assets import Part
from bot.domain.chat.access import merged_decision
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.balances.coverage import end_unwanted_coverage
from bot.store.chats import names
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import accounts_of_chat, destination_of
from bot.store.chats.labels import given_names, labels_of, thing_named
from bot.store.chats.mutes import end_all
from bot.store.chats.rules import alarms
from bot.store.chats.rules.loud_rules import ring_without_rules
from bot.store.chats.subscriptions import subject_by_scope, subscriptions_of
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.unreported import merge_unreported
from bot.store.outbox.withdraw import withdraw_all, withdraw_emptied
from bot.store.rows import to_milliseconds

# How near an alert is to having been read: of two about one change, the nearer one is kept.
_HOW_FAR = """
CASE {0}.state WHEN 'told' THEN 3 WHEN 'bound' THEN 2 WHEN 'waiting' THEN 1 WHEN 'held' THEN 1 ELSE 0 END
"""


def migrate(db: Database, old_id: int, new_id: int, status: Part, now: datetime) -> None:
    """Move everything of a group, if it is known, to the supergroup that it became (Telegram's numbers)."""
    with db.transaction():
        known = db.execute("SELECT 1 FROM chat WHERE telegram_id = ?", [old_id]).fetchone()
        if known:
            move_chat(db, old_id, new_id, status, now)


def move_chat(db: Database, old_id: int, new_id: int, status: Part, now: datetime) -> int:
    """Do the same whether the group is known or not; returns the row of the supergroup.

    Where one of the two was closed by command, the supergroup is, and its alerts are withdrawn. Part of the
    caller's transaction.
    """
    old, new = _row_of(db, old_id, "group"), _row_of(db, new_id, "supergroup")
    if old == new:
        return new
    for destination_id, thread_id in db.execute(
        "SELECT id, thread_id FROM destination WHERE chat_id = ?", [old]
    ).fetchall():
        there = destination_of(db, new, thread_id)
        for column in ("filter", "loud"):
            db.execute(
                f"UPDATE destination SET {column} ="
                f" (SELECT o.{column} FROM destination o WHERE o.id = ?) WHERE id = ? AND {column} = ''",
                [destination_id, there],
            )
        merge_destination(db, destination_id, there, now)
    # The supergroup may have a request of its own, which then counts.
    _move_unless_there(db, "knock", old, new, owner="chat_id")
    is_open = _merge_standing(db, old, new)
    # Groups that had become this group point on to the supergroup: nobody has to follow a chain.
    db.execute("UPDATE chat SET migrated_to = ? WHERE migrated_to = ? OR id = ?", [new, old, old])
    withdraw_emptied(db)
    if not is_open:
        withdraw_all(db, new)
        end_unwanted_coverage(db, accounts_of_chat(db, new), status)
    return new


_DELETE_DOUBLE_ALERTS = f"""
DELETE FROM alert WHERE destination_id IN (?, ?) AND EXISTS (
  SELECT 1 FROM alert o WHERE o.change_id = alert.change_id
  AND o.destination_id IN (?, ?) AND o.destination_id <> alert.destination_id
  AND ({_HOW_FAR.format("o")} > {_HOW_FAR.format("alert")}
       OR alert.destination_id = ? AND {_HOW_FAR.format("o")} = {_HOW_FAR.format("alert")}))
"""


def take_over_lost_topics(db: Database, place: Place, actor: Actor) -> int | None:
    """Move the subscriptions of a chat's lost topics to a place in it; returns how many, None: none is lost.

    Their mutes end, and what they ignored and set is dropped: it was meant for the lost ones alone. What
    their filters held back is reported.
    """
    with db.transaction():
        chat = _row_of(db, place.chat_id, place.kind)
        here = destination_of(db, chat, place.thread_id)
        lost = db.execute(
            "SELECT id FROM destination WHERE chat_id = ? AND lost IS NOT NULL AND id <> ?", [chat, here]
        ).fetchall()
        if not lost:
            return None
        # Ended before alerts move: what a mute of a lost topic held is released with its notice.
        for (destination_id,) in lost:
            end_all(db, destination_id, actor.at)
            for table in ("ignored", "quiet", "spent", "digest_schedule"):
                db.execute(f"DELETE FROM {table} WHERE destination_id = ?", [destination_id])
            db.execute("UPDATE destination SET zone = '', budget = 0 WHERE id = ?", [destination_id])
        moved = sum(
            merge_destination(db, destination_id, here, actor.at, is_filtered_anew=True)
            for (destination_id,) in lost
        )
        withdraw_emptied(db)
        db.execute("UPDATE destination SET lost = NULL WHERE chat_id = ? AND lost IS NOT NULL", [chat])
        record_audit(db, actor, AuditAction.HERE, place.chat_id, str(moved))
        db.notify(SignalName.SUBSCRIPTIONS)
    return moved


def former_ids(db: Database, chat_id: int) -> frozenset[int]:
    """Return the numbers that a chat had as a group: the configuration may still name one of them."""
    rows = db.execute(
        "SELECT o.telegram_id FROM chat o JOIN chat n ON n.id = o.migrated_to WHERE n.telegram_id = ?",
        [chat_id],
    )
    return frozenset(number for (number,) in rows)


def merge_destination(
    db: Database, one: int, into: int, now: datetime, *, is_filtered_anew: bool = False
) -> int:
    """Move everything of a destination to another one; returns how many subscriptions that is.

    Of two alerts about one change, the one nearer to being sent is kept. `is_filtered_anew`: the filter of
    the former destination does not come along. Part of the caller's transaction.
    """
    # Where both watched something, a filter may end with a subscription that both had.
    may_end = is_filtered_anew or bool(subscriptions_of(db, DestinationId(into)))
    moved = _merge_subscriptions(db, one, into)
    names.move(db, DestinationId(one), DestinationId(into))
    alarms.move(db, DestinationId(one), DestinationId(into))
    # Before alerts move: one change has one alert in a destination at most.
    db.execute(_DELETE_DOUBLE_ALERTS, [one, into, one, into, one])
    db.notify(SignalName.OUTBOX)
    for table in ("alert", "delivery", "offer", "parting", "spent", "watchlist_import"):
        db.execute(f"UPDATE {table} SET destination_id = ? WHERE destination_id = ?", [into, one])
    # Changes that one of them keeps for its digests are told by those of both.
    db.execute(
        "UPDATE digest_schedule SET due_at = 0,"
        " is_only = (SELECT max(o.is_only) FROM digest_schedule o WHERE o.destination_id IN (?, ?))"
        " WHERE destination_id IN (?, ?)",
        [one, into, one, into],
    )
    # Of these a destination has each but once: where both have one, that of the other destination stays.
    for table, key in _HAD_ONCE.items():
        _move_unless_there(db, table, one, into, key=key)
    merge_unreported(db, DestinationId(one), DestinationId(into), to_milliseconds(now), is_to_report=may_end)
    # After it, as an alert takes its trace from there.
    _move_unless_there(db, "unalerted", one, into, key=("{}.change_id",))
    for column, unset in (("zone", "''"), ("budget", "0")):
        db.execute(
            f"UPDATE destination SET {column} = (SELECT o.{column} FROM destination o WHERE o.id = ?)"
            f" WHERE id = ? AND {column} = {unset}",
            [one, into],
        )
    db.execute(
        "DELETE FROM unalerted WHERE destination_id = ? AND EXISTS (SELECT 1 FROM alert l"
        " WHERE l.change_id = unalerted.change_id AND l.destination_id = unalerted.destination_id)",
        [into],
    )
    # The clock there may be another one now.
    db.execute("UPDATE quiet SET due_at = 0 WHERE destination_id = ?", [into])
    # What a rule of the other one made silent is so no longer, where no rule came along.
    ring_without_rules(db, DestinationId(into))
    return moved


_HAD_ONCE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "blindness": ("{}.chain_id", "{}.account_id"),
        "ignored": ("{}.contract", "{}.chains"),
        "quiet": (),
        "digest_schedule": (),
        "mute": ("coalesce({}.account_id, 0)", "{}.chains", "{}.kind"),
        "worth": ("{}.account_id", "{}.day"),
    }
)
"""By which columns a destination's rows of a table differ."""


def _move_unless_there(
    db: Database, table: str, one: int, into: int, *, owner: str = "destination_id", key: Sequence[str] = ()
) -> None:
    """Give the rows of one owner to another, and delete those of which that one has its own by the key."""
    same = "".join(f" AND {column.format('o')} = {column.format(table)}" for column in key)
    db.execute(
        f"UPDATE {table} SET {owner} = ? WHERE {owner} = ?"
        f" AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.{owner} = ?{same})",
        [into, one, into],
    )
    db.execute(f"DELETE FROM {table} WHERE {owner} = ?", [one])


def _row_of(db: Database, chat_id: int, kind: str) -> int:
    """Return the row of a chat, inserted closed if it is new, or that of its supergroup."""
    db.execute(
        "INSERT INTO chat (telegram_id, kind, title, open) VALUES (?, ?, '', 0)"
        " ON CONFLICT (telegram_id) DO NOTHING",
        [chat_id, kind],
    )
    (row_id,) = db.execute(
        "SELECT coalesce(migrated_to, id) FROM chat WHERE telegram_id = ?", [chat_id]
    ).fetchone()
    return int(row_id)


def _merge_standing(db: Database, old: int, new: int) -> bool:
    """Open the new chat if the old one was open, unless a command closed either; returns whether it is."""
    standing = "SELECT decided, open, title FROM chat WHERE id = ?"
    old_decided, old_open, title = db.execute(standing, [old]).fetchone()
    new_decided, new_open, _ = db.execute(standing, [new]).fetchone()
    decided = merged_decision((old_decided, new_decided))
    is_open = max(old_open, new_open) if decided is None else decided
    db.execute(
        "UPDATE chat SET decided = ?, open = ?, title = coalesce(nullif(title, ''), ?) WHERE id = ?",
        [decided, is_open, title, new],
    )
    db.execute("UPDATE chat SET decided = NULL, open = 0 WHERE id = ?", [old])
    return bool(is_open)


def _merge_subscriptions(db: Database, one: int, into: int) -> int:
    """Move the subscriptions that the other destination lacks, and delete the rest; returns how many move.

    A number that is taken there becomes the next new one; a label that is taken gets the next free name.
    """
    listed = subscriptions_of(db, DestinationId(into))
    there = {subject_by_scope(other.subscription) for other in listed}
    labels, moved = labels_of(listed, given_names(db, DestinationId(into))), 0
    for other in subscriptions_of(db, DestinationId(one)):
        subscription = other.subscription
        if subject_by_scope(subscription) in there:
            db.execute("DELETE FROM subscription WHERE id = ?", [subscription.id])
            continue
        moved += 1
        target = thing_named(subscription)
        free = labels.free_or_same(subscription.label, target)
        labels.give(free, target)
        db.execute(
            "UPDATE subscription SET destination_id = ?, label = ?, number = coalesce("
            " (SELECT s.number FROM subscription s WHERE s.id = ? AND NOT EXISTS"
            "   (SELECT 1 FROM subscription o WHERE o.destination_id = ? AND o.number = s.number)),"
            " (SELECT max(o.number) + 1 FROM subscription o WHERE o.destination_id = ?)) WHERE id = ?",
            [into, free, subscription.id, into, into, subscription.id],
        )
    return moved
