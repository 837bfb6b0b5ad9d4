"""Names those whom filters are about, as their readers call them by now."""

from bot.domain.rules.conditions import Condition, named
from bot.domain.subscriptions import DestinationId
from bot.store.chats.subscriptions import labels_by_account, subscriptions_of
from bot.store.database.door import Database


def with_names(
    db: Database, destination_id: DestinationId | None, filters: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """Return filters with the names that a destination has for those whom they are about."""
    if destination_id is None or not any(one.counterparties for one in filters):
        return filters
    names = labels_by_account(subscriptions_of(db, destination_id))
    return tuple(named(one, names) for one in filters)
