"""Tokens that a chat does not wish to hear of: ignoring them, and taking that back."""

from collections.abc import Callable
from datetime import datetime

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import Answer, CallbackAction, CallbackResult
from bot.chat.buttons.data import Does, Press, Screen, button, pager, rows
from bot.chat.commands.requests import Ignore, Ignored, Unignore
from bot.chat.permissions import Incoming
from bot.chat.text import quiet_replies
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.ignore_list import IgnoredToken, IgnoreResult
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.store import Store

TOKENS_A_PAGE = 8


class IgnoringTokens:
    """What a chat ignores, by command and by button."""

    def __init__(self, store: Store, chains: Chains, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._chains = chains
        self._now = now

    async def ignore(self, incoming: Incoming, request: Ignore) -> Answer:
        """Tell no more of contracts; what names them is still told, and said to be."""
        ignored = await self._store.ignore(
            incoming.place, request.contracts, request.chains, incoming.actor(self._now())
        )
        return (await self._ignored(incoming.place, ignored),)

    async def unignore(self, incoming: Incoming, request: Unignore) -> Answer:
        """Tell of contracts again."""
        actor = incoming.actor(self._now())
        found = await self._store.unignore(incoming.place, request.contracts, actor)
        return (
            quiet_replies.hearing_again(
                [one for one in request.contracts if one in found],
                [one for one in request.contracts if one not in found],
            ),
        )

    async def show_ignored(self, incoming: Incoming, _: Ignored) -> Answer:
        """Show what is ignored."""
        return (await self._page(incoming.place, 1),)

    async def ready_ignored(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Show another page of what is ignored."""

        async def act(presser: Incoming) -> CallbackResult:
            return CallbackResult(redraw=await self._page(presser.place, press.row), is_only_to_see=True)

        return CallbackAction(Action.LOOK, act, incoming.place)

    async def ready_hear(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Take back that a token is ignored."""
        found = await self._store.find_rule(press.row, incoming.place.chat_id)
        if found is None:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            was_ignored = await self._store.delete_rule(found, presser.actor(self._now()))
            if press.page is not None:
                shown = await self._page(presser.place, press.page)
            else:
                shown = Screen(quiet_replies.heard_again(found.token, self._chains))
            return CallbackResult(toasts.UNDONE if was_ignored else toasts.ALREADY, shown)

        return CallbackAction(Action.CHANGE, act, found.place)

    async def ready_leave_out(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Ignore the token that a message tells of, on the chains where it does."""
        found = await self._store.find_delivery(press.row, incoming.place.chat_id)
        if found is None or found.about.contract is None:
            return None
        contract, chains = found.about.contract, found.about.chains

        async def act(presser: Incoming) -> CallbackResult:
            actor = presser.actor(self._now())
            ignored = await self._store.ignore(found.place, [contract], chains, actor)
            if ignored.already:
                return CallbackResult(toasts.ALREADY, is_used_up=True)

            async def then() -> Answer:
                return (await self._ignored(found.place, ignored),)

            return CallbackResult(
                toasts.LEFT_OUT if ignored.new else "", is_used_up=bool(ignored.new), then=then
            )

        return CallbackAction(Action.CHANGE, act, incoming.place if found.is_fallback else found.place)

    async def _ignored(self, place: Place, ignored: IgnoreResult) -> Screen:
        """Word what was ignored; one token can be taken back, and what names it ended, by a button."""
        listed = await self._store.subscriptions_here(place)
        tokens = ignored.new + ignored.already
        named = [one for one in listed if any(_names(one, token) for token in tokens)]
        accounts = {one.subscription.account for one in listed}
        text = quiet_replies.ignoring(
            ignored,
            self._chains,
            named=[one.number for one in named],
            is_watched=any(token.contract in accounts for token in tokens),
        )
        undo = (
            [button("Undo", Does.HEAR, token.row) for token in ignored.new] if len(ignored.new) == 1 else []
        )
        stops = [button(f"Stop #{one.number}", Does.STOP, one.subscription.id) for one in named[:2]]
        return Screen(text, rows([*undo, *stops]))

    async def _page(self, place: Place, page: int) -> Screen:
        here = await self._store.ignored_here(place, page, TOKENS_A_PAGE)
        again = [
            button(
                f"{number}. Hear {quiet_replies.token_words(token.contract, token.symbol)}",
                Does.HEAR,
                token.row,
                here.page,
            )
            for number, token in enumerate(here.tokens, 1)
        ]
        pairs = [again[start : start + 2] for start in range(0, len(again), 2)]
        keyboard = rows(*pairs) + pager(Does.IGNORED, here.page, here.pages)
        return Screen(quiet_replies.ignored_list(here, self._chains), keyboard)


def _names(one: ListedSubscription, token: IgnoredToken) -> bool:
    """Whether a subscription names a token on a chain where it is ignored."""
    chains = one.subscription.chains
    overlap = not chains or not token.chains or not chains.isdisjoint(token.chains)
    return token.contract in one.subscription.contracts and overlap
