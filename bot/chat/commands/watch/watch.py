"""What this chat watches: taking it in, listing it, ending it, and taking that back."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import Answer, ButtonCommands, CallbackAction, CallbackResult
from bot.chat.buttons.data import Does, Keyboard, Press, Screen, button, pager, rows
from bot.chat.commands import chain_replies, replies
from bot.chat.commands.arguments.addresses import Named
from bot.chat.commands.arguments.lookup import closest_label, find_all
from bot.chat.commands.requests import BadLine, Bare, Here, List, Unwatch, Watch, WatchEntry, WatchToken
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.chat.text.quiet_replies import mutes_shown
from bot.domain.addresses import checksummed
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.chat.unsubscribe import UndoOutcome
from bot.domain.observe.freshness import Sweeps
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, WatchSpec
from bot.store.store import Store

ADDRESSES_OFFERED = 50
"""More than a message can hold are not offered by buttons."""


class Watching:
    """Subscriptions of a chat, by command and by button."""

    def __init__(
        self,
        store: Store,
        chains: Chains,
        offering: ButtonCommands,
        *,
        sweeps: Callable[[], Sweeps],
        max_subscriptions_per_chat: int,
        on_new_wish: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._chains = chains
        self._offering = offering
        self._sweeps = sweeps
        self._limit = max_subscriptions_per_chat
        self._on_new_wish = on_new_wish
        self._now = now

    async def watch(self, incoming: Incoming, request: Watch) -> Answer:
        """Take accounts in."""
        wishes = [
            WatchSpec(entry.account, entry.contracts, entry.chains, entry.label) for entry in request.entries
        ]
        subscribed = await self._subscribe(incoming, wishes)
        if len(wishes) == 1 and not request.bad:
            return (await self._watched(incoming.place, wishes[0], subscribed[0]),)
        entries: dict[SubscribeOutcome, list[WatchEntry]] = {outcome: [] for outcome in SubscribeOutcome}
        bad = list(request.bad)
        for entry, wish, one in zip(request.entries, wishes, subscribed, strict=True):
            entries[one.outcome].append(entry)
            if one.taken is not None:
                instead = _line(wish, one.taken.free, self._chains)
                reason = replies.why_label_taken(one.taken)
                bad.append(BadLine(entry.line_number, wish.label, reason, instead))
        bad.sort(key=lambda line: line.line_number)
        created = [one for one in subscribed if one.outcome is SubscribeOutcome.CREATED]
        named = frozenset(chain_id for entry in request.entries for chain_id in entry.chains)
        answer = replies.bulk_watched(
            entries[SubscribeOutcome.CREATED],
            entries[SubscribeOutcome.ALREADY],
            bad,
            relabelled=entries[SubscribeOutcome.RELABELLED],
            over_limit=len(entries[SubscribeOutcome.FULL]),
            first_reading_pending=any(one.known is None for one in created),
            unsure=chain_replies.unsure(named, self._sweeps().listing, self._chains),
        )
        meant = [line.instead for line in bad if line.instead]
        if not meant:
            return answer
        again = ("Watch as corrected", "/watch " + "\n".join(meant))
        return _with_buttons(answer, rows(await self._offering.buttons(incoming.place, again)))

    async def watch_token(self, incoming: Incoming, request: WatchToken) -> Answer:
        """Take contracts in, for every account watched here."""
        if not request.contracts:
            return replies.bulk_watched((), (), request.bad)
        wish = WatchSpec(None, request.contracts, request.chains, request.label)
        (subscribed,) = await self._subscribe(incoming, [wish])
        if subscribed.outcome is SubscribeOutcome.FULL:
            return (replies.too_many(self._limit),)
        if subscribed.taken is not None:
            return (await self._label_taken(incoming.place, wish, subscribed.taken),)
        listed = await self._store.subscriptions_here(incoming.place)
        accounts = {one.subscription.account for one in listed} - {None}
        answer = replies.watching_token(
            request.contracts,
            request.label,
            self._chains,
            only_on=sorted(request.chains),
            accounts=len(accounts),
            unsure=chain_replies.unsure(request.chains, self._sweeps().listing, self._chains),
        )
        return (answer, *(replies.bulk_watched((), (), request.bad) if request.bad else ()))

    async def bare(self, incoming: Incoming, request: Bare) -> Answer:
        """Offer what can be done with addresses that came without a command."""
        lines = [watch_line(one) for one in request.named]
        answer = replies.bare_offer(lines, request.bad)
        if not 0 < len(lines) <= ADDRESSES_OFFERED:
            return answer
        if len(lines) == 1:
            return _with_buttons(answer, await self._offered(incoming.place, request.named[0]))
        offers = [("Watch them", "/watch " + ("\n" if any(" " in one for one in lines) else " ").join(lines))]
        if not any(one.token for one in request.named):
            offers.append(("Watch as token", f"/watch token {' '.join(lines)}"))
        return _with_buttons(answer, rows(await self._offering.buttons(incoming.place, *offers)))

    async def _offered(self, place: Place, named: Named) -> Keyboard:
        """Return buttons for one address; a holder's page is of one token, an explorer's of one chain."""
        account, line = checksummed(named.address), watch_line(named)
        chain_id = self._chains.at_host(named.host) if named.host else None
        offers = [("Watch this token there", f"/watch {line}")] if named.token else []
        offers.append(("Watch all", f"/watch {account}"))
        if chain_id is not None and self._sweeps().listing.promises(chain_id):
            title = self._chains.get(chain_id).title
            offers.append((f"Watch on {title}", f"/watch {line} on {title}"))
        if not named.token:
            offers.append(("Watch as token", f"/watch token {account}"))
        buttons = await self._offering.buttons(place, *offers, ("Balances now", f"/balance {account}"))
        return rows(*(buttons[start : start + 2] for start in range(0, len(buttons), 2)))

    async def unwatch(self, incoming: Incoming, request: Unwatch) -> Answer:
        """Stop what is named, by the whole text or else word by word; what is not found is said."""
        listed = await self._store.subscriptions_here(incoming.place)
        found = find_all(listed, request.rest, request.who)
        ended = {one.number: one for matching in found.values() for one in matching}
        missing = [word for word, matching in found.items() if not matching]
        answers: list[Html | Screen] = []
        if ended:
            answers += await self._ended(incoming, tuple(ended.values()))
        if len(missing) == 1:
            closest = closest_label(listed, missing[0])
            offered = [(f"Stop {closest}", f"/unwatch {closest}")] if closest else []
            buttons = await self._offering.buttons(incoming.place, *offered)
            answers.append(Screen(replies.not_watched(missing[0], closest), rows(buttons)))
        elif missing:
            answers += replies.none_of_these(missing)
        return answers

    async def here(self, incoming: Incoming, _: Here) -> Answer:
        """Take over what lost topics of this chat watched."""
        moved = await self._store.take_over_lost_topics(incoming.place, incoming.actor(self._now()))
        if moved:
            self._on_new_wish()
        return (replies.moved_here(moved),)

    async def show_list(self, incoming: Incoming, _: List) -> Answer:
        """Show what is watched."""
        return (await self._list_page(incoming.place, 1),)

    async def ready_list(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Show another page of the list."""

        async def act(presser: Incoming) -> CallbackResult:
            page = await self._list_page(presser.place, press.row)
            return CallbackResult(redraw=page, is_only_to_see=True)

        return CallbackAction(Action.LOOK, act, incoming.place)

    async def ready_undo(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Take an /unwatch of this chat back."""
        place = await self._store.unsubscribe_place(press.row, incoming.place.chat_id)
        if place is None:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            undone = await self._store.undo_unsubscribe(press.row, presser.place, presser.actor(self._now()))
            match undone.outcome:
                case UndoOutcome.ALREADY:
                    return CallbackResult(toasts.ALREADY, is_used_up=True)
                case UndoOutcome.TOO_LATE:
                    return CallbackResult(toasts.TOO_LATE, is_used_up=True)
                case UndoOutcome.DONE:
                    self._on_new_wish()
                    return CallbackResult(toasts.UNDONE, Screen(replies.undone(undone.ones, self._limit)))
                case UndoOutcome.NO_ROOM:
                    self._on_new_wish()
                    again = rows([button("Undo", Does.UNDO, press.row)])
                    return CallbackResult(
                        toasts.NO_ROOM, Screen(replies.undone(undone.ones, self._limit), again)
                    )

        return CallbackAction(Action.CHANGE, act, place)

    async def ready_stop(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """End the subscription that a button names; its number may be another's by now."""
        listed = await self._store.subscriptions_here(incoming.place)
        named = tuple(one for one in listed if one.subscription.id == press.row)
        if not named:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            async def then() -> Answer:
                return await self._ended(presser, named)

            return CallbackResult(is_used_up=True, then=then)

        return CallbackAction(Action.CHANGE, act, incoming.place)

    async def _ended(self, incoming: Incoming, ended: Sequence[ListedSubscription]) -> list[Html | Screen]:
        """End subscriptions and word it; a button takes it back."""
        numbers = tuple(one.number for one in ended)
        parting = await self._store.unsubscribe(incoming.place, numbers, incoming.actor(self._now()))
        told = replies.unwatched([one.subscription for one in ended], still_to_come=parting.still_to_come)
        undo = [button("Undo", Does.UNDO, parting.row)] if parting.row is not None else []
        return _with_buttons(told, rows(undo))

    async def _subscribe(self, incoming: Incoming, wishes: Collection[WatchSpec]) -> list[SubscribeResult]:
        subscribed = await self._store.subscribe(incoming.place, tuple(wishes), incoming.actor(self._now()))
        if any(one.outcome is SubscribeOutcome.CREATED for one in subscribed):
            self._on_new_wish()
        return subscribed

    async def _label_taken(self, place: Place, wish: WatchSpec, taken: LabelTaken) -> Screen:
        """Refuse a label that names something else, and offer the next one that is free."""
        offer = (f"Watch as {taken.free}", f"/watch {_line(wish, taken.free, self._chains)}")
        return Screen(replies.label_taken(wish, taken), rows(await self._offering.buttons(place, offer)))

    async def _watched(self, place: Place, wish: WatchSpec, subscribed: SubscribeResult) -> Html | Screen:
        assert wish.account is not None
        match subscribed.outcome:
            case SubscribeOutcome.TAKEN:
                assert subscribed.taken is not None
                return await self._label_taken(place, wish, subscribed.taken)
            case SubscribeOutcome.FULL:
                return replies.too_many(self._limit)
            case SubscribeOutcome.ALREADY:
                return replies.already_watching(wish.account, wish.label)
            case SubscribeOutcome.RELABELLED:
                return replies.label_changed(wish.account, wish.label)
            case SubscribeOutcome.CREATED:
                known = subscribed.known
                return replies.watching(
                    wish.account,
                    wish.label,
                    self._chains,
                    contracts=wish.contracts,
                    only_on=sorted(wish.chains),
                    first_reading_pending=known is None,
                    balances=known.balances if known else 0,
                    chain_count=len(known.chains) if known else 0,
                    unsure=chain_replies.unsure(wish.chains, self._sweeps().listing, self._chains),
                )

    async def _list_page(self, place: Place, page: int) -> Screen:
        """Return one page of the list, the last one where there are not so many any more."""
        listed = await self._store.subscriptions_here(place)
        muted = mutes_shown(await self._store.muted_here(place), place, self._chains, self._now())
        entries = [(one.number, one.subscription) for one in listed]
        unlisted = chain_replies.unlisted_of(
            [one.subscription for one in listed], self._sweeps().chains, self._sweeps().listing, self._chains
        )
        pages = replies.watch_list(entries, self._chains, [*muted, *unlisted])
        page = min(max(1, page), len(pages))
        return Screen(pages[page - 1], pager(Does.LIST, page, len(pages)))


def watch_line(named: Named) -> str:
    """Return what follows /watch to watch what somebody named: of a holder's page that token only."""
    account = checksummed(named.address)
    return f"{account} contract {checksummed(named.token)}" if named.token else account


def _with_buttons(pages: Sequence[Html], keyboard: Keyboard) -> list[Html | Screen]:
    """Return the pages, the last one with the buttons."""
    return [*pages[:-1], Screen(pages[-1], keyboard)]


def _line(wish: WatchSpec, label: str, chains: Chains) -> str:
    """Return what follows /watch to ask for the same under another label."""
    contracts = " ".join(map(checksummed, sorted(wish.contracts)))
    if wish.account is None:
        line = f"token {contracts}"
    else:
        line = checksummed(wish.account) + (f" contract {contracts}" if contracts else "")
    on = ", ".join(chains.get(chain_id).name for chain_id in sorted(wish.chains))
    return line + (f" on {on}" if on else "") + f" as {label}"
