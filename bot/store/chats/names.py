"""Names that a destination gives to addresses, so that alerts say who was paid: adds, lists, removes them."""

from bot.domain.assets import Address
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.names import (
    NAMES_MOST,
    FoundName,
    GivenName,
    NameOutcome,
    NameResult,
    NamesPage,
)
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.chats.labels import given_names, label_taken, labels_of
from bot.store.chats.subscriptions import subscriptions_of
from bot.store.database.door import Database
from bot.store.rows import Row, to_address, to_blob, to_milliseconds, to_moment, to_place, within_pages


def give_name(db: Database, place: Place, address: Address, name: str, actor: Actor) -> NameResult:
    """Let a destination call an address so; nothing changes if it is watched, or something else has the name.

    Upper and lower case make no other name. Beyond `NAMES_MOST` no further address gets one.
    """
    with db.transaction():
        return give_name_within(db, place, address, name, actor)


def give_name_within(db: Database, place: Place, address: Address, name: str, actor: Actor) -> NameResult:
    """Do the same as part of the caller's transaction."""
    destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
    result = _judged(db, destination_id, address, name)
    if result.outcome in {NameOutcome.GIVEN, NameOutcome.CHANGED}:
        db.execute(
            "INSERT INTO name (destination_id, address, name, created_at, created_by, created_by_name)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (destination_id, address) DO UPDATE SET"
            " name = excluded.name, created_at = excluded.created_at, created_by = excluded.created_by,"
            " created_by_name = excluded.created_by_name",
            [destination_id, to_blob(address), name, to_milliseconds(actor.at), actor.user_id, actor.name],
        )
        record_audit(db, actor, AuditAction.NAME, place.chat_id, f"{address} as {name}")
    return result


def _judged(db: Database, destination_id: DestinationId, address: Address, name: str) -> NameResult:
    listed, names = subscriptions_of(db, destination_id), given_names(db, destination_id)
    labels = [one.subscription.label for one in listed if one.subscription.account == address]
    if labels:
        return NameResult(NameOutcome.WATCHED, watched_as=next(filter(None, labels), ""))
    former = names.get(address, "")
    if former == name:
        return NameResult(NameOutcome.SAME, former)
    taken = label_taken(labels_of(listed, names), name, address)
    if taken is not None:
        return NameResult(NameOutcome.TAKEN, former, taken)
    if former:
        return NameResult(NameOutcome.CHANGED, former)
    # There may be more than that: two destinations with names each may have become one.
    return NameResult(NameOutcome.FULL if len(names) >= NAMES_MOST else NameOutcome.GIVEN)


def remove_name(db: Database, found: FoundName, actor: Actor) -> bool:
    """Take a name away; False: it is gone already, or another one by now."""
    name = found.name
    with db.transaction():
        ended = db.execute("DELETE FROM name WHERE id = ? AND name = ?", [name.row, name.name])
        if ended.rowcount:
            subject = f"{name.address} as {name.name}"
            record_audit(db, actor, AuditAction.UNNAME, found.place.chat_id, subject)
        return bool(ended.rowcount)


def names_here(db: Database, place: Place, page: int, page_size: int) -> NamesPage:
    """Return a page of the names of a destination, from page 1; beyond the last page, the last one."""
    names = sorted(_all_here(db, place), key=lambda one: one.name.casefold())
    page, pages = within_pages(page, len(names), page_size)
    shown = names[(page - 1) * page_size : page * page_size]
    return NamesPage(tuple(shown), page, pages, len(names))


def name_here(db: Database, place: Place, who: Address | str) -> GivenName | None:
    """Return the name that a destination gave to an address, or that is spelled so; None: there is none."""
    return next(
        (one for one in _all_here(db, place) if one.address == who or one.name.casefold() == who.casefold()),
        None,
    )


def unwatched_names_here(db: Database, place: Place) -> dict[Address, str]:
    """Return the names that a destination gave to addresses, without those that it watches."""
    destination_id = destination_here(db, place)
    if destination_id is None:
        return {}
    watched = {one.subscription.account for one in subscriptions_of(db, destination_id)}
    return {one: name for one, name in given_names(db, destination_id).items() if one not in watched}


def find_name(db: Database, row: int, chat_id: int) -> FoundName | None:
    """Return the name that a button of this chat is about; None: it is gone, or another chat's."""
    found = db.execute(
        f"SELECT {_COLUMNS}, c.kind, c.title, d.thread_id FROM name n"
        " JOIN destination d ON d.id = n.destination_id JOIN chat c ON c.id = d.chat_id"
        " WHERE n.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    *columns, kind, title, thread_id = found
    return FoundName(_to_name(columns), to_place(chat_id, kind, title, thread_id))


def names_of(db: Database, destination_id: DestinationId) -> dict[Address, str]:
    """Return what a destination calls addresses: by its labels, and else by the names that it gave."""
    names = given_names(db, destination_id)
    for one in reversed(subscriptions_of(db, destination_id)):
        if one.subscription.account is not None and one.subscription.label:
            names[one.subscription.account] = one.subscription.label
    return names


def move(db: Database, one: DestinationId, into: DestinationId) -> None:
    """Give the names of a destination to another one, as part of the caller's transaction.

    An address that has a name there keeps it; a name that is taken there becomes the next free one.
    """
    there = given_names(db, into)
    labels = labels_of(subscriptions_of(db, into), there)
    for address, name in given_names(db, one).items():
        if address in there:
            continue
        free = labels.free_or_same(name, address)
        labels.give(free, address)
        db.execute(
            "UPDATE name SET destination_id = ?, name = ? WHERE destination_id = ? AND address = ?",
            [into, free, one, to_blob(address)],
        )
    db.execute("DELETE FROM name WHERE destination_id = ?", [one])


_COLUMNS = "n.id, n.address, n.name, n.created_by_name, n.created_at"


def _all_here(db: Database, place: Place) -> list[GivenName]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM name n WHERE n.destination_id = ? ORDER BY n.id",
        [destination_here(db, place)],
    )
    return list(map(_to_name, rows))


def _to_name(row: Row) -> GivenName:
    row_id, blob, name, given_by, given_at = row
    return GivenName(row_id, to_address(blob), name, given_by, to_moment(given_at))
