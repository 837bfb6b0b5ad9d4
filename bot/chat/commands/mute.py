"""What a chat wishes to hear only later: muting, and ending that before its time."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import Answer, ButtonCommands, CallbackAction, CallbackResult
from bot.chat.buttons.data import Does, Press, Screen, button, rows
from bot.chat.commands import replies
from bot.chat.commands.arguments.lookup import address_meant, closest_label, find
from bot.chat.commands.command_table import MUTE
from bot.chat.commands.requests import Mute, Unmute
from bot.chat.permissions import Incoming
from bot.chat.text import quiet_replies
from bot.chat.text.html import Html
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.mutes import DEFAULT, MuteScope
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.store import Store

_LENGTHS = "For how long? 30m, 2h and 1d are understood, and a mute lasts from 1m to 30d."
_TIME = (
    r"[-+\u2212\u2013]?[0-9]+(?:[.,][0-9]+)? ?"
    r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|y|years?)"
)
_LIKE_A_LENGTH = re.compile(rf"(?:^|[\s,])(?:{_TIME}[ ,]*)+$", re.IGNORECASE | re.ASCII)
"""What people write for a length of time, and no label here is."""


class Muting:
    """Mutes of a chat and of its accounts, by command and by button."""

    def __init__(
        self, store: Store, chains: Chains, offering: ButtonCommands, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._chains = chains
        self._offering = offering
        self._now = now

    async def mute(self, incoming: Incoming, request: Mute) -> Answer:
        """Keep what is told here, or of one account, for a while."""
        if not request.who:
            return (await self._muted(incoming, request, ()),)
        listed = await self._store.subscriptions_here(incoming.place)
        found = find(listed, request.rest) or find(listed, request.who)
        is_address = any(address_meant(text) is not None for text in (request.rest, request.who))
        meant = _scopes(found, is_whole=is_address)
        if meant:
            return (await self._muted(incoming, request, meant),)
        if found:
            return (quiet_replies.only_accounts(request.who),)
        if request.who.isdigit() or _LIKE_A_LENGTH.search(request.who):
            return (replies.usage(MUTE, _LENGTHS),)
        closest = closest_label(listed, request.who)
        offered = [(f"Mute {closest}", f"/mute {closest} {request.typed_span}")] if closest else []
        buttons = await self._offering.buttons(incoming.place, *offered)
        return (Screen(replies.not_watched(request.who, closest), rows(buttons)),)

    async def unmute(self, incoming: Incoming, request: Unmute) -> Answer:
        """Tell at once what was kept."""
        meant = await self._named(incoming.place, request.who)
        if request.who and not meant:
            return (await self._nothing_muted(incoming.place, request.who),)
        unmuted = await self._store.unmute(incoming.place, meant, incoming.actor(self._now()))
        if not unmuted.mutes:
            return (await self._nothing_muted(incoming.place, request.who),)
        return (quiet_replies.unmuted(unmuted, incoming.place, self._chains, self._now()),)

    async def ready_unmute(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """End the mute that a button names."""
        found = await self._store.find_mute(press.row, incoming.place.chat_id)
        if found is None:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            unmuted = await self._store.end_mute(found, presser.actor(self._now()))
            if not unmuted.mutes:
                return CallbackResult(toasts.ALREADY, is_used_up=True)
            shown = quiet_replies.unmuted(unmuted, presser.place, self._chains, self._now())
            return CallbackResult(toasts.UNMUTED, Screen(shown))

        return CallbackAction(Action.CHANGE, act, found.place)

    async def ready_quiet(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Mute for an hour where a message was told."""
        found = await self._store.find_delivery(press.row, incoming.place.chat_id)
        if found is None:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            until = await self._all_muted_until(found.place)
            if until is not None:
                return CallbackResult(quiet_replies.muted_already(until, self._now()))
            there = Incoming(found.place, presser.author)
            screen = await self._muted(there, Mute("", "", DEFAULT), ())

            async def then() -> Answer:
                return (screen,)

            return CallbackResult(toasts.MUTED, then=then)

        return CallbackAction(Action.CHANGE, act, incoming.place if found.is_fallback else found.place)

    async def _muted(self, incoming: Incoming, request: Mute, scopes: tuple[MuteScope, ...]) -> Screen:
        actor = incoming.actor(self._now())
        muted = await self._store.mute(incoming.place, scopes, request.span, actor)
        text = quiet_replies.muted(muted, request.span, incoming.place, self._chains, self._now())
        single = [button("Unmute", Does.UNMUTE, one.row) for one in muted.mutes if len(muted.mutes) == 1]
        return Screen(text, rows(single))

    async def _nothing_muted(self, place: Place, who: str) -> Html:
        """Return the answer about what no mute names; all of the place may be muted nevertheless."""
        until = await self._all_muted_until(place)
        if until is None:
            return quiet_replies.nothing_muted(who)
        return quiet_replies.all_muted(until, place, self._now())

    async def _all_muted_until(self, place: Place) -> datetime | None:
        """Return until when everything is muted; None: it is not."""
        here = await self._store.muted_here(place)
        return next((mute.until for mute in here.mutes if mute.account is None), None)

    async def _named(self, place: Place, who: str) -> tuple[MuteScope, ...]:
        """Return the accounts that somebody means; what is muted may be watched no more."""
        listed = await self._store.subscriptions_here(place)
        address = address_meant(who)
        if address is not None:
            return (MuteScope(address),)
        return _scopes(find(listed, who)) if who else ()


def _scopes(found: Iterable[ListedSubscription], *, is_whole: bool = False) -> tuple[MuteScope, ...]:
    """Return the accounts of subscriptions, each on the chains that they cover, or `is_whole`: on all."""
    on: dict[Address, list[frozenset[ChainId]]] = defaultdict(list)
    for one in found:
        if one.subscription.account is not None:
            on[one.subscription.account].append(one.subscription.chains)
    return tuple(
        MuteScope(account, frozenset().union(*chains) if all(chains) and not is_whole else frozenset())
        for account, chains in sorted(on.items())
    )
