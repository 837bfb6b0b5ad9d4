"""Names those whom filters are about, as their readers call them by now."""

from bot.domain.assets import Address
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, named
from bot.domain.subscriptions import DestinationId
from bot.store.chats.chats import destination_here
from bot.store.chats.names import names_of
from bot.store.database.door import Database


def with_names(
    db: Database, destination_id: DestinationId | None, filters: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """Return filters with the names that a destination has for those whom they are about."""
    if destination_id is None or not any(one.counterparties for one in filters):
        return filters
    names = names_of(db, destination_id)
    return tuple(named(one, names) for one in filters)


def called_here(db: Database, place: Place) -> dict[Address, str]:
    """Return what addresses are called in a place: by its labels, and by the names that it gave."""
    destination_id = destination_here(db, place)
    return {} if destination_id is None else names_of(db, destination_id)
