"""Gives subscriptions of a destination another label, or takes it away."""

from collections.abc import Collection
from dataclasses import replace

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.subscribe import LabelTaken
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, SubscriptionId
from bot.store.chats.audit import record_audits, subject_of_subscription
from bot.store.chats.chats import destination_here
from bot.store.chats.labels import given_names, label_taken, labels_of, thing_named
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database


def rename(
    db: Database, place: Place, ids: Collection[SubscriptionId], label: str, actor: Actor
) -> tuple[ListedSubscription, ...] | LabelTaken:
    """Give these subscriptions of a destination a label, "" for none, and return them as they are now.

    They must all be of one account, or of the same tokens. Nothing changes if the label names something else.
    """
    with db.transaction():
        listed = subscriptions_here(db, place)
        meant = [one for one in listed if one.subscription.id in ids]
        labels = labels_of(listed, given_names(db, destination_here(db, place)))
        for one in meant:
            taken = label_taken(labels, label, thing_named(one.subscription))
            if taken is not None:
                return taken
        renamed = [replace(one, subscription=replace(one.subscription, label=label)) for one in meant]
        changed = [one.subscription for one, was in zip(renamed, meant, strict=True) if one != was]
        db.executemany("UPDATE subscription SET label = ? WHERE id = ?", [(label, one.id) for one in changed])
        audited = [(AuditAction.RELABEL, subject_of_subscription(one)) for one in changed]
        record_audits(db, actor, audited, place.chat_id)
        return tuple(renamed)
