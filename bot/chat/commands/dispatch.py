"""What each command does: the store first, then the answer.

Each is safe to run twice: Telegram repeats what was not confirmed before a crash.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import Answer, ButtonCommands, CallbackAction, CallbackResult
from bot.chat.buttons.data import Press, Screen, rows
from bot.chat.commands import replies
from bot.chat.commands.balance.balance import Looking
from bot.chat.commands.ignore import IgnoringTokens
from bot.chat.commands.mute import Muting
from bot.chat.commands.owners.access import Opening
from bot.chat.commands.parser import parse
from bot.chat.commands.requests import (
    Allow,
    Audit,
    BalanceOf,
    Bare,
    Believe,
    Chats,
    Deny,
    Help,
    Here,
    Id,
    Ignore,
    Ignored,
    List,
    Mute,
    NotForUs,
    PossibleKey,
    Request,
    Start,
    Status,
    Unignore,
    Unknown,
    Unmute,
    Unwatch,
    Usage,
    Watch,
    WatchToken,
    needs,
)
from bot.chat.commands.watch.watch import Watching
from bot.chat.permissions import Incoming, Permissions
from bot.domain.chains import Chains, Listing
from bot.domain.chat.access import Action, Permission
from bot.store.store import Store


class Handlers:
    """One method for each command; who may use it was decided before."""

    def __init__(
        self,
        store: Store,
        permissions: Permissions,
        chains: Chains,
        *,
        username: Callable[[], str],
        listing: Callable[[], Listing],
        offering: ButtonCommands,
        watching: Watching,
        looking: Looking,
        ignoring: IgnoringTokens,
        muting: Muting,
        opening: Opening,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._permissions = permissions
        self._chains = chains
        self._username = username
        self._listing = listing
        self._now = now
        self._offering = offering
        self._methods: dict[type, Callable[[Incoming, Any], Awaitable[Answer]]] = {
            Start: self._start,
            Help: self._help,
            Id: self._id,
            Usage: self._usage,
            Unknown: self._unknown,
            Watch: watching.watch,
            WatchToken: watching.watch_token,
            Unwatch: watching.unwatch,
            List: watching.show_list,
            Here: watching.here,
            Bare: watching.bare,
            Mute: muting.mute,
            Unmute: muting.unmute,
            Ignore: ignoring.ignore,
            Ignored: ignoring.show_ignored,
            Unignore: ignoring.unignore,
            BalanceOf: looking.balance,
            Status: looking.status,
            Allow: opening.allow,
            Deny: opening.deny,
            Chats: opening.chats,
            Audit: opening.audit,
            Believe: opening.believe,
            PossibleKey: self._possible_key,
        }

    async def carry_out(self, incoming: Incoming, request: Request | Usage | Unknown) -> Answer:
        """Do what was asked and return what to answer."""
        return await self._methods[type(request)](incoming, request)

    async def ready_offer(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Find the command that a button of this chat stands for; what changes something is done once."""
        offer = await self._store.find_button_command(press.row, incoming.place.chat_id)
        request = self._parsed(offer.command) if offer else None
        if offer is None or request is None or isinstance(request, NotForUs):
            return None
        needed = needs(request)

        async def act(presser: Incoming) -> CallbackResult:
            if offer.is_done:
                return CallbackResult(toasts.ALREADY, is_used_up=True)

            async def then() -> Answer:
                answer = await self.carry_out(presser, request)
                if needed is not Action.LOOK:
                    await self._store.mark_button_command_done(press.row, self._now())
                return answer

            return CallbackResult(is_used_up=needed is not Action.LOOK, then=then)

        return CallbackAction(needed, act, offer.place)

    async def _start(self, incoming: Incoming, _: Start) -> Answer:
        is_owner = self._permissions.is_owner(incoming.author)
        knocking = await self._store.count_access_requests() if is_owner and incoming.place.is_private else 0
        return (replies.start(is_owner=is_owner, knocking=knocking),)

    async def _help(self, incoming: Incoming, request: Help) -> Answer:
        if request.topic is not None:
            return (replies.usage(request.topic),)
        return (replies.help_for(is_owner=self._permissions.is_owner(incoming.author)),)

    async def _id(self, incoming: Incoming, _: Id) -> Answer:
        place = incoming.place
        is_open = await self._permissions.is_open(place)
        return (replies.here(place.chat_id, place.thread_id, incoming.author.named_user_id, is_open=is_open),)

    async def _usage(self, _: Incoming, request: Usage) -> Answer:
        return (replies.usage(request.command, request.reason),)

    async def _possible_key(self, _heard: Incoming, _: PossibleKey) -> Answer:
        return (replies.possible_key(),)

    async def _unknown(self, incoming: Incoming, request: Unknown) -> Answer:
        """Name the command that was probably meant; a button for it has whoever may give it themselves."""
        closest = request.closest
        meant = f"/{closest.name} {request.rest}".strip() if closest else ""
        offered = [(f"/{closest.name}", meant)] if closest and await self._may(incoming, meant) else []
        buttons = await self._offering.buttons(incoming.place, *offered)
        return (Screen(replies.unknown_command(request.word, closest), rows(buttons)),)

    def _parsed(self, command: str) -> Request | Usage | Unknown | NotForUs | None:
        return parse(command, self._username(), self._chains, self._listing())

    async def _may(self, incoming: Incoming, command: str) -> bool:
        """Whether somebody may give a command: else others would give it for them by a button."""
        request = self._parsed(command)
        if request is None or isinstance(request, NotForUs):
            return False
        return await self._permissions.judge(incoming, needs(request)) is Permission.ALLOWED
