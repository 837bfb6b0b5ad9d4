"""Ends subscriptions, and takes that back: they return as they were, and begin with a new baseline."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from bot.domain.assets import Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription, UndoOutcome, UndoResult, UnsubscribeResult
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, ListedSubscription, WatchSpec
from bot.store.balances.coverage import end_unwanted_coverage
from bot.store.balances.snapshots import account_id_of
from bot.store.chats.audit import record_audit, subject_of, subject_of_subscription
from bot.store.chats.chats import upsert_chat
from bot.store.chats.labels import given_names, labels_of, thing_named
from bot.store.chats.rules import alarms
from bot.store.chats.rules.loud_rules import ring_without_rules
from bot.store.chats.subscriptions import (
    insert_subscriptions,
    known_of,
    next_number,
    room_left,
    subject_by_scope,
    subscriptions_here,
    subscriptions_of,
)
from bot.store.database.door import Database
from bot.store.outbox.queue import waiting_alerts
from bot.store.outbox.unreported import release, release_subscribed
from bot.store.rows import (
    Row,
    to_address,
    to_condition,
    to_loud_rule,
    to_milliseconds,
    to_moment,
    to_place,
    to_scope,
)

UNDO_FOR = timedelta(hours=24)
"""How long an /unwatch can be undone."""

_KEPT_FOR = timedelta(days=7)
"""How long an old "Undo" button is still answered by saying that it is too late."""


def unsubscribe(
    db: Database, place: Place, numbers: Collection[int], actor: Actor, status: Part
) -> UnsubscribeResult:
    """End subscriptions of a destination by their numbers; alerts about earlier changes are still sent."""
    with db.transaction():
        listed = [one for one in subscriptions_here(db, place) if one.number in numbers]
        if not listed:
            return UnsubscribeResult(None, 0)
        destination_id = listed[0].subscription.destination_id
        parting = _save(db, destination_id, listed, actor)
        accounts: set[int] = set()
        for one in listed:
            accounts |= _accounts_about(db, one)
            db.execute("DELETE FROM subscription WHERE id = ?", [one.subscription.id])
            record_audit(
                db, actor, AuditAction.UNWATCH, place.chat_id, subject_of_subscription(one.subscription)
            )
        # Before the coverage ends: it was observed, and nothing will be added to it.
        release(db, destination_id, to_milliseconds(actor.at), accounts)
        end_unwanted_coverage(db, accounts, status)
        ring_without_rules(db, destination_id)
        db.execute(
            "UPDATE parting SET alarms = ? WHERE id = ?",
            [alarms.end_unwatched(db, destination_id, place.chat_id, actor), parting],
        )
        return UnsubscribeResult(parting, waiting_alerts(db, destination_id))


def unsubscribe_place(db: Database, parting: int, chat_id: int) -> Place | None:
    """Return where an /unwatch was said, by its row; None: it is forgotten, or was in another chat."""
    row = db.execute(
        "SELECT c.kind, c.title, d.thread_id FROM parting p JOIN destination d ON d.id = p.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE p.id = ? AND c.telegram_id = ?",
        [parting, chat_id],
    ).fetchone()
    return to_place(chat_id, *row) if row else None


def undo_unsubscribe(
    db: Database, parting: int, place: Place, actor: Actor, *, limit: int, status: Part
) -> UndoResult:
    """Undo an /unwatch: each subscription returns as it was, under its number if that is free.

    Those for which the chat has no room are left out, and the same button brings them back later.
    """
    with db.transaction():
        destination_id, ended_at, undone_at, ended_alarms = db.execute(
            "SELECT destination_id, ended_at, undone_at, alarms FROM parting WHERE id = ?", [parting]
        ).fetchone()
        if undone_at is not None:
            return UndoResult(UndoOutcome.ALREADY)
        if actor.at - to_moment(ended_at) > UNDO_FOR:
            return UndoResult(UndoOutcome.TOO_LATE)
        upsert_chat(db, place)
        # While the chat has room: the first in order return, and the button stays good for the rest.
        ones = tuple(
            _restored(db, DestinationId(destination_id), row, limit=limit, status=status)
            for row in db.execute(
                "SELECT number, address, others FROM parted WHERE parting_id = ? ORDER BY number", [parting]
            ).fetchall()
        )
        is_full = any(one.outcome is SubscribeOutcome.FULL for one in ones)
        if not is_full:
            db.execute("UPDATE parting SET undone_at = ? WHERE id = ?", [to_milliseconds(actor.at), parting])
        created = [one.spec for one in ones if one.outcome is SubscribeOutcome.CREATED]
        for spec in created:
            subject = subject_of(spec.account, spec.scope.contracts, spec.label)
            record_audit(db, actor, AuditAction.UNDO, place.chat_id, subject)
        release_subscribed(db, DestinationId(destination_id), created, to_milliseconds(actor.at))
        alarms.restore(db, DestinationId(destination_id), place.chat_id, ended_alarms, actor)
        return UndoResult(UndoOutcome.NO_ROOM if is_full else UndoOutcome.DONE, ones)


def _save(
    db: Database, destination_id: DestinationId, listed: Collection[ListedSubscription], actor: Actor
) -> int:
    """Save subscriptions, with whatever columns they have, to be restored; old ones are deleted."""
    now = to_milliseconds(actor.at)
    db.execute("DELETE FROM parting WHERE ended_at < ?", [to_milliseconds(actor.at - _KEPT_FOR)])
    (parting,) = db.execute(
        "INSERT INTO parting (destination_id, ended_at) VALUES (?, ?) RETURNING id", [destination_id, now]
    ).fetchone()
    for one in listed:
        # All columns, whichever there are: a column that is added later returns with the subscription, too.
        found = db.execute(
            "SELECT s.*, a.address FROM subscription s LEFT JOIN account a ON a.id = s.account_id"
            " WHERE s.id = ?",
            [one.subscription.id],
        )
        columns = [column[0] for column in found.description]
        row = dict(zip(columns, found.fetchone(), strict=True))
        # By address and not by row: the account may be deleted meanwhile, when nobody watches it.
        address = row.pop("address")
        others = {name: value for name, value in row.items() if name not in _GIVEN_ANEW}
        db.execute(
            "INSERT INTO parted (parting_id, number, address, others) VALUES (?, ?, ?, ?)",
            [parting, one.number, address, json.dumps(others)],
        )
    return int(parting)


_GIVEN_ANEW = frozenset({"id", "destination_id", "number", "account_id"})
"""Columns whose values may be other ones when a subscription returns."""


def _restored(
    db: Database, destination_id: DestinationId, row: Row, *, limit: int, status: Part
) -> RestoredSubscription:
    wanted, address, kept = row
    others = json.loads(kept)
    listed = subscriptions_of(db, destination_id)
    account = None if address is None else to_address(address)
    condition, loud = to_condition(others.get("filter", "")), to_loud_rule(others.get("loud", ""))
    former = WatchSpec(account, to_scope(others), others["label"], condition, loud)
    labels = labels_of(listed, given_names(db, destination_id))
    spec = replace(former, label=labels.free_or_same(former.label, thing_named(former)))
    standing = {subject_by_scope(one.subscription): one.number for one in listed}.get(subject_by_scope(spec))
    if standing is not None:
        return RestoredSubscription(SubscribeOutcome.ALREADY, standing, spec)
    if room_left(db, destination_id, limit) <= 0:
        return RestoredSubscription(SubscribeOutcome.FULL, 0, spec)
    taken = {one.number for one in listed}
    number = next_number(db, destination_id) if wanted in taken else wanted
    insert_subscriptions(db, destination_id, {number: spec}, others)
    (known,) = known_of(db, destination_id, [spec], status)
    return RestoredSubscription(SubscribeOutcome.CREATED, number, spec, known is not None)


def _accounts_about(db: Database, one: ListedSubscription) -> set[int]:
    """Return the rows of the accounts whose coverage may end with a subscription."""
    if one.subscription.account is not None:
        return {account_id_of(db, one.subscription.account)}
    rows = db.execute(
        "SELECT DISTINCT account_id FROM subscription WHERE destination_id = ? AND account_id IS NOT NULL",
        [one.subscription.destination_id],
    )
    return {account_id for (account_id,) in rows}
