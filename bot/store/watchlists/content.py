"""Reads all that one destination watches, with its rules and alarms."""

from bot.domain.chat.watchlist import IgnoredContract, WatchedAlarm, Watchlist, WatchlistName
from bot.domain.places import Place
from bot.store.chats.chats import destination_here
from bot.store.chats.ignore_list import ignored_here
from bot.store.chats.labels import given_names
from bot.store.chats.rules.alarms import alarms_here
from bot.store.chats.rules.filters import place_filter
from bot.store.chats.rules.loud_rules import place_loud_rule
from bot.store.chats.subscriptions import spec_of, subscriptions_here
from bot.store.database.door import Database

_ALL = 1_000_000
"""On one page: two lists that became one may be longer than one may be."""


def watchlist_here(db: Database, place: Place) -> Watchlist:
    """Return what a destination watches, all in the order in which it was set."""
    specs = tuple(spec_of(one.subscription) for one in subscriptions_here(db, place))
    # What is watched has its label for a name.
    watched = {spec.account for spec in specs}
    given = given_names(db, destination_here(db, place))
    return Watchlist(
        specs=specs,
        alarms=tuple(WatchedAlarm(one.account, one.terms) for one in alarms_here(db, place)),
        filter=place_filter(db, place),
        loud=place_loud_rule(db, place),
        ignored=tuple(
            IgnoredContract(one.contract, one.chains) for one in ignored_here(db, place, 1, _ALL).tokens
        ),
        names=tuple(WatchlistName(*one) for one in given.items() if one[0] not in watched),
    )
