"""`/list` and `/here`: what a chat watches, shown, and moved here from topics that are lost."""

from collections import defaultdict
from dataclasses import dataclass

from bot.chat.buttons.data import Press, Screen, in_pairs, pager
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Who,
)
from bot.chat.commands.rules.settings import rules_set
from bot.chat.commands.times.digest import digest_line
from bot.chat.commands.times.settings import times_set
from bot.chat.commands.watch import entry, words
from bot.chat.commands.watch.entry import SHOW_PAGE, entry_button
from bot.chat.commands.watch.unwatch import STOP, UNWATCH_COMMAND, end
from bot.chat.commands.words import mutes_shown, unlisted_of
from bot.chat.permissions import Incoming
from bot.domain.assets import Address
from bot.domain.places import Place
from bot.domain.rules.alarms import AlarmTerms
from bot.store.chats import migrate, mutes, subscriptions
from bot.store.chats.rules import alarms
from bot.store.chats.rules.digests import digest_here

LIST_COMMAND = Command(
    name="list",
    does="Show what this chat watches",
    grammar="/list",
    examples=(Example("/list", "shows all of it"),),
    who=Who.READERS,
)
HERE_COMMAND = Command(
    name="here",
    does="Move here what closed or deleted topics watched",
    grammar="/here",
    examples=(Example("/here", "moves it to the topic where you send this, with the alerts still to come"),),
    who=Who.CHANGERS,
)

ENTRIES_A_PAGE = 10
"""Each has a button."""

# ---------------------------------------------------------------- /list


@dataclass(frozen=True, slots=True)
class ListRequest(Request):
    """`/list`."""

    needs = LIST_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is watched."""
        return (await _page(services, incoming.place, 1),)


def _read_list(_rest: str, _chains: ChainReader) -> ListRequest:
    return ListRequest()


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of the list."""

    async def act(presser: Incoming) -> CallbackResult:
        page = await _page(services, presser.place, press.row)
        return CallbackResult(redraw=page, is_only_to_see=True)

    return CallbackAction(LIST_COMMAND.needs, act, incoming.place)


async def _find_subscription(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """End the subscription that a button names; where that is an opened entry, the list takes its place."""
    listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
    named = tuple(entry for entry in listed if entry.subscription.id == press.row)
    if not named:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        answer = await end(services, presser, named)
        left = await _page(services, presser.place, press.page) if press.page is not None else None

        async def then() -> Answer:
            return answer

        return CallbackResult(is_used_up=True, redraw=left, then=then)

    return CallbackAction(UNWATCH_COMMAND.needs, act, incoming.place)


async def _page(services: Services, place: Place, page: int) -> Screen:
    """Return one page of the list, the last one where there are not so many any more."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    active = await services.db.run(mutes.muted_here, place)
    muted = mutes_shown(active, place, services.chains, await services.now_in(place))
    listing = await services.listing()
    unlisted = unlisted_of([one.subscription for one in listed], listing, services.chains)
    pages = max(1, -(-len(listed) // ENTRIES_A_PAGE))
    page = min(max(1, page), pages)
    shown = listed[(page - 1) * ENTRIES_A_PAGE : page * ENTRIES_A_PAGE]
    digests = digest_line(await services.db.run(digest_here, place))
    on: dict[Address, list[AlarmTerms]] = defaultdict(list)
    for alarm in await services.db.run(alarms.alarms_here, place):
        on[alarm.account].append(alarm.terms)
    first = [*muted, *await rules_set(services, place), *digests, *unlisted]
    text = words.watch_list(
        shown, len(listed), services.chains, first, alarms=on, last=await times_set(services, place)
    )
    if pages > 1:
        text += f"\n\n{page}/{pages}"
    buttons = in_pairs([entry_button(one, page) for one in shown])
    return Screen(text, buttons + pager(SHOW_PAGE, page, pages))


# ---------------------------------------------------------------- /here


@dataclass(frozen=True, slots=True)
class HereRequest(Request):
    """`/here`."""

    needs = HERE_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take over what lost topics of this chat watched."""
        actor = incoming.actor(services.now())
        moved = await services.db.run(migrate.take_over_lost_topics, incoming.place, actor)
        if moved is None and incoming.place.is_private:
            return (words.here_is_for_topics(),)
        return (words.moved_here(moved),)


def _read_here(_rest: str, _chains: ChainReader) -> HereRequest:
    return HereRequest()


LIST = Feature(LIST_COMMAND, _read_list, {SHOW_PAGE: _find_page, STOP: _find_subscription, **entry.CALLBACKS})
HERE = Feature(HERE_COMMAND, _read_here)
