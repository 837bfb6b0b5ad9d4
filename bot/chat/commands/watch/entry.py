"""One entry of /list, opened by its button: its balances, and where it is renamed, muted and stopped."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from bot.chat.buttons.data import Button, ButtonAction, Press, Screen, button, rows
from bot.chat.commands.balance.balance import SHOW_APART
from bot.chat.commands.command import Answer, CallbackAction, CallbackResult, FindCallback, Services
from bot.chat.commands.mute import MUTE_COMMAND, MUTED, UNMUTED, muted_already
from bot.chat.commands.watch import words
from bot.chat.commands.watch.rename import RENAME_COMMAND
from bot.chat.commands.watch.unwatch import STOP
from bot.chat.commands.words import mutes_shown
from bot.chat.permissions import Incoming
from bot.domain.addresses import shortened
from bot.domain.chat.access import Action
from bot.domain.chat.mutes import DEFAULT, ActiveMutes, FoundMute, Mute, MuteScope
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import mutes, subscriptions

SHOW_PAGE = ButtonAction("list")
"""Shows a page of /list; the row is the page."""
OPEN = ButtonAction("entry")
"""Opens an entry; `row` is the subscription's id, here and below, and `page` that of /list to go back to."""
MUTE = ButtonAction("mute")
"""Mutes the account of an entry for an hour, on its chains."""
UNMUTE = ButtonAction("sound")
"""Ends the mute of just that account and those chains."""
RENAME = ButtonAction("name")
"""Says how an entry is renamed."""


def entry_button(entry: ListedSubscription, page: int) -> Button:
    """Return the button that opens an entry of /list."""
    one = entry.subscription
    name = one.label or (shortened(one.account) if one.account else f"token {min(one.scope.contracts)}")
    return button(f"#{entry.number} {name}", OPEN, one.id, page)


async def _screen(
    services: Services, place: Place, entry: ListedSubscription, here: ActiveMutes, page: int
) -> Screen:
    """Return an entry with its buttons, and what is muted of it."""
    one = entry.subscription
    scope = _scope(entry)
    about = [mute for mute in here.mutes if mute.scope is None or (scope and mute.scope.meets(scope))]
    muted = mutes_shown(ActiveMutes(tuple(about)), place, services.chains, await services.now_in(place))
    first = [button("Balances", SHOW_APART, one.id)] if one.account else []
    first.append(button("Rename", RENAME, one.id))
    # A token is not muted but ignored; /ignore has the words for that.
    toggle = [] if scope is None else [button("Mute 1 h", MUTE, one.id, page)]
    if _own_mute(entry, here) is not None:
        toggle = [button("Unmute", UNMUTE, one.id, page)]
    second = [*toggle, button("Stop", STOP, one.id, page)]
    return Screen(
        words.opened_entry(entry.number, one, services.chains, muted),
        rows(first, second, [button("‹ List", SHOW_PAGE, page)]),
    )


def _scope(entry: ListedSubscription) -> MuteScope | None:
    """Return what a mute of this entry is about; None: a token can't be muted."""
    one = entry.subscription
    return MuteScope(one.account, one.scope.chains) if one.account else None


def _own_mute(entry: ListedSubscription, here: ActiveMutes) -> Mute | None:
    """Return the mute of just this account on just these chains."""
    scope = _scope(entry)
    return next((mute for mute in here.mutes if mute.scope is not None and mute.scope == scope), None)


async def _entry(services: Services, place: Place, press: Press) -> ListedSubscription | None:
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    return next((entry for entry in listed if entry.subscription.id == press.row), None)


_Act = Callable[[Services, Incoming, ListedSubscription, ActiveMutes], Awaitable[str]]
"""Does something with an entry and returns the toast."""


def _finds(needs: Action, act: _Act, *, is_only_to_see: bool = False) -> FindCallback:
    """Return what finds the entry of a press, does something with it, and shows it as it is then."""

    async def find(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
        entry = await _entry(services, incoming.place, press)
        if entry is None or (needs is not Action.LOOK and entry.subscription.account is None):
            return None

        async def done(presser: Incoming) -> CallbackResult:
            before = await services.db.run(mutes.muted_here, presser.place)
            toast = await act(services, presser, entry, before)
            here = await services.db.run(mutes.muted_here, presser.place)
            shown = await _screen(services, presser.place, entry, here, press.page or 1)
            return CallbackResult(toast, shown, is_only_to_see=is_only_to_see)

        return CallbackAction(needs, done, incoming.place)

    return find


async def _open(_: Services, __: Incoming, ___: ListedSubscription, ____: ActiveMutes) -> str:
    return ""


async def _mute(services: Services, presser: Incoming, entry: ListedSubscription, here: ActiveMutes) -> str:
    standing, scope = _own_mute(entry, here), _scope(entry)
    # A second press must not prolong what the first one began.
    if standing is not None:
        return muted_already(standing.until, await services.now_in(presser.place))
    if scope is not None:
        actor = presser.actor(services.now())
        await services.db.run(mutes.mute, presser.place, (scope,), DEFAULT, actor)
    return MUTED


async def _unmute(services: Services, presser: Incoming, entry: ListedSubscription, here: ActiveMutes) -> str:
    standing = _own_mute(entry, here)
    if standing is not None:
        actor = presser.actor(services.now())
        await services.db.run(mutes.end_mute, FoundMute(standing, presser.place), actor)
    return UNMUTED


async def _find_rename(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Say what is typed to rename an entry."""
    entry = await _entry(services, incoming.place, press)
    if entry is None:
        return None

    async def act(_: Incoming) -> CallbackResult:
        async def then() -> Answer:
            return (words.how_to_rename(entry.number, entry.subscription),)

        return CallbackResult(then=then)

    return CallbackAction(RENAME_COMMAND.needs, act, incoming.place)


CALLBACKS: Mapping[ButtonAction, FindCallback] = MappingProxyType(
    {
        OPEN: _finds(Action.LOOK, _open, is_only_to_see=True),
        MUTE: _finds(MUTE_COMMAND.needs, _mute),
        UNMUTE: _finds(MUTE_COMMAND.needs, _unmute),
        RENAME: _find_rename,
    }
)
