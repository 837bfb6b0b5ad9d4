"""Sets which changes of a destination ring, and whom they mention."""

from collections.abc import Collection

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.rules.loud import LoudRule
from bot.domain.subscriptions import DestinationId, SubscriptionId
from bot.store.chats.audit import record_audits, subject_of_subscription
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.subscriptions import subscriptions_of
from bot.store.database.door import Database
from bot.store.rows import loud_rule_to_json, to_loud_rule


def set_loud_rule(
    db: Database, place: Place, ids: Collection[SubscriptionId], rule: LoudRule | None, actor: Actor
) -> tuple[LoudRule | None, ...]:
    """Give these subscriptions a loud rule, or with no `ids` the destination its own; None: end theirs.

    Returns the former rule of each. Without any rule left, all that waits there rings again.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        former = _set(db, destination_id, ids, rule, place=place, actor=actor)
        ring_without_rules(db, destination_id)
        return former


def end_loud_rules(db: Database, place: Place, actor: Actor) -> int:
    """End all loud rules of a destination, so that everything rings again; returns how many there were."""
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        listed = subscriptions_of(db, destination_id)
        theirs = [one.subscription for one in listed if one.subscription.loud is not None]
        former = _set(db, destination_id, (), None, place=place, actor=actor)
        if theirs:
            former += _set(db, destination_id, [one.id for one in theirs], None, place=place, actor=actor)
        ring_without_rules(db, destination_id)
        return sum(rule is not None for rule in former)


def place_loud_rule(db: Database, place: Place) -> LoudRule | None:
    """Return the rule of a destination itself; None: it has none."""
    row = db.execute(
        "SELECT d.loud FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    return None if row is None else to_loud_rule(row[0])


def places_with_loud_rules(db: Database) -> frozenset[DestinationId]:
    """Return the destinations that have a loud rule, of their own or of a subscription."""
    rows = db.execute(
        "SELECT id FROM destination WHERE loud <> ''"
        " UNION SELECT destination_id FROM subscription WHERE loud <> ''"
    )
    return frozenset(DestinationId(destination_id) for (destination_id,) in rows)


def known_people(db: Database, usernames: Collection[str]) -> dict[str, int]:
    """Return Telegram's numbers of people who wrote to the bot, by username in lower case, without the @."""
    rows = db.execute(
        "SELECT username, telegram_id FROM chat WHERE kind = 'private' AND username <> '' ORDER BY id"
    )
    wanted = {name.casefold() for name in usernames}
    return {name.casefold(): user_id for name, user_id in rows if name.casefold() in wanted}


def _set(
    db: Database,
    destination_id: DestinationId,
    ids: Collection[SubscriptionId],
    rule: LoudRule | None,
    *,
    place: Place,
    actor: Actor,
) -> tuple[LoudRule | None, ...]:
    stored = loud_rule_to_json(rule)
    action = AuditAction.UNLOUD if rule is None else AuditAction.LOUD
    if not ids:
        (text,) = db.execute("SELECT loud FROM destination WHERE id = ?", [destination_id]).fetchone()
        db.execute("UPDATE destination SET loud = ? WHERE id = ?", [stored, destination_id])
        record_audits(db, actor, [(action, "")] if text != stored else [], place.chat_id)
        return (to_loud_rule(text),)
    listed = subscriptions_of(db, destination_id)
    meant = [one.subscription for one in listed if one.subscription.id in ids]
    changed = [one for one in meant if one.loud != rule]
    db.executemany("UPDATE subscription SET loud = ? WHERE id = ?", [(stored, one.id) for one in changed])
    audited = [(action, subject_of_subscription(one)) for one in changed]
    record_audits(db, actor, audited, place.chat_id)
    return tuple(one.loud for one in meant)


def ring_without_rules(db: Database, destination_id: DestinationId) -> None:
    """Let all that waits ring again, where no rule is left that could say what is silent.

    Part of the caller's transaction.
    """
    if destination_id in places_with_loud_rules(db):
        return
    as_ever = "SET sound = NULL, mentions = '' WHERE destination_id = ?"
    # Not `state IN (...)`: each alone finds its rows by the index of that state.
    db.execute(f"UPDATE alert {as_ever} AND state = 'waiting'", [destination_id])
    db.execute(f"UPDATE alert {as_ever} AND state = 'held'", [destination_id])
    db.execute(f"UPDATE unreported {as_ever}", [destination_id])
