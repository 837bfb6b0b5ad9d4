"""What each command does: the store first, then the answer.

Each is safe to run twice: Telegram repeats what was not confirmed before a crash.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.chat import replies
from bot.chat.commands import (
    Allow,
    BalanceOf,
    Bare,
    Believe,
    Deny,
    Help,
    Id,
    List,
    Request,
    Start,
    Status,
    Unknown,
    Unwatch,
    Usage,
    Watch,
    WatchToken,
)
from bot.chat.finding import closest_label, find
from bot.chat.gate import Gate, Heard
from bot.chat.holdings import balances
from bot.chat.html import Html
from bot.chat.live import LiveQuestions
from bot.chat.status import status
from bot.chat.watch_lines import LineRefused, read_address
from bot.domain.alerts import Subscribed
from bot.domain.chains import Chains
from bot.domain.model import Address, ListedSubscription, Place, Subscribing, Wish
from bot.domain.status import Sweeps
from bot.store.sqlite import Store

ACCOUNTS_SHOWN = 5
"""By /balance without a name: each is a message, and a chat is not flooded."""

Answer = Iterable[Html]
"""The messages of one answer, in order."""


class Handlers:
    """One method for each command; who may use it was decided before."""

    def __init__(
        self,
        store: Store,
        gate: Gate,
        chains: Chains,
        *,
        max_subscriptions_per_chat: int,
        on_new_wish: Callable[[], None],
        sweeps: Callable[[], Sweeps],
        live: LiveQuestions,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._gate = gate
        self._chains = chains
        self._limit = max_subscriptions_per_chat
        self._on_new_wish = on_new_wish
        self._sweeps = sweeps
        self._live = live
        self._now = now
        self._methods: dict[type, Callable[[Heard, Any], Awaitable[Answer]]] = {
            Start: self._start,
            Help: self._help,
            Id: self._id,
            Allow: self._allow,
            Deny: self._deny,
            Believe: self._believe,
            Watch: self._watch,
            WatchToken: self._watch_token,
            Unwatch: self._unwatch,
            List: self._list,
            BalanceOf: self._balance,
            Status: self._status,
            Bare: self._bare,
            Usage: self._usage,
            Unknown: self._unknown,
        }

    async def carry_out(self, heard: Heard, request: Request | Usage | Unknown) -> Answer:
        """Do what was asked and return what to answer."""
        return await self._methods[type(request)](heard, request)

    # first words

    async def _start(self, heard: Heard, _: Start) -> Answer:
        return (replies.start(is_owner=self._gate.is_owner(heard.sender)),)

    async def _help(self, heard: Heard, request: Help) -> Answer:
        if request.topic is not None:
            return (replies.usage(request.topic),)
        return (replies.help_for(is_owner=self._gate.is_owner(heard.sender)),)

    async def _id(self, heard: Heard, _: Id) -> Answer:
        place = heard.place
        is_open = await self._gate.is_open(place)
        return (replies.here(place.chat_id, place.thread_id, heard.sender.named_user_id, is_open=is_open),)

    async def _bare(self, _: Heard, request: Bare) -> Answer:
        return replies.bare_offer(request.addresses, request.bad)

    async def _usage(self, _: Heard, request: Usage) -> Answer:
        return (replies.usage(request.command, request.reason),)

    async def _unknown(self, _: Heard, request: Unknown) -> Answer:
        return (replies.unknown_command(request.word, request.closest),)

    # chats

    async def _allow(self, heard: Heard, request: Allow) -> Answer:
        place = _meant(heard.place, request.chat_id)
        was_open = await self._gate.is_open(place)
        await self._store.allow(place)
        self._on_new_wish()
        is_here = place.chat_id == heard.place.chat_id
        return (replies.allowed(place.chat_id, place.title, is_here=is_here, was_open=was_open),)

    async def _deny(self, heard: Heard, request: Deny) -> Answer:
        place = _meant(heard.place, request.chat_id)
        was_open = await self._gate.is_open(place)
        withdrawn = await self._store.deny(place)
        is_here = place.chat_id == heard.place.chat_id
        return (
            replies.denied(
                place.chat_id, place.title, is_here=is_here, was_open=was_open, withdrawn=withdrawn
            ),
        )

    async def _believe(self, _: Heard, request: Believe) -> Answer:
        was_doubted = await self._store.believe_losses(request.chain_id)
        return (replies.believed(request.chain_id, self._chains, was_doubted=was_doubted),)

    # watching

    async def _subscribe(self, heard: Heard, wishes: Collection[Wish]) -> list[Subscribed]:
        subscribed = await self._store.subscribe(
            heard.place, tuple(wishes), by=heard.sender.user_id, at=self._now()
        )
        if any(one.outcome is Subscribing.CREATED for one in subscribed):
            self._on_new_wish()
        return subscribed

    async def _watch(self, heard: Heard, request: Watch) -> Answer:
        wishes = [
            Wish(entry.account, entry.contracts, entry.chains, entry.label) for entry in request.entries
        ]
        subscribed = await self._subscribe(heard, wishes)
        if len(wishes) == 1 and not request.bad:
            return (self._watched(wishes[0], subscribed[0]),)
        outcomes = list(zip(request.entries, subscribed, strict=True))
        return replies.bulk_watched(
            [entry for entry, one in outcomes if one.outcome is Subscribing.CREATED],
            [
                entry
                for entry, one in outcomes
                if one.outcome in (Subscribing.ALREADY, Subscribing.RELABELLED)
            ],
            request.bad,
            over_limit=sum(one.outcome is Subscribing.FULL for one in subscribed),
        )

    def _watched(self, wish: Wish, subscribed: Subscribed) -> Html:
        assert wish.account is not None
        match subscribed.outcome:
            case Subscribing.FULL:
                return replies.too_many(self._limit)
            case Subscribing.ALREADY:
                return replies.already_watching(wish.account, wish.label)
            case Subscribing.RELABELLED:
                return replies.label_changed(wish.account, wish.label)
            case Subscribing.CREATED:
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
                )

    async def _watch_token(self, heard: Heard, request: WatchToken) -> Answer:
        if not request.contracts:
            return replies.bulk_watched((), (), request.bad)
        (subscribed,) = await self._subscribe(
            heard, [Wish(None, request.contracts, request.chains, request.label)]
        )
        if subscribed.outcome is Subscribing.FULL:
            return (replies.too_many(self._limit),)
        listed = await self._store.subscriptions_here(heard.place)
        accounts = {one.subscription.account for one in listed} - {None}
        answer = replies.watching_token(
            request.contracts,
            request.label,
            self._chains,
            only_on=sorted(request.chains),
            accounts=len(accounts),
        )
        return (answer, *(replies.bulk_watched((), (), request.bad) if request.bad else ()))

    async def _unwatch(self, heard: Heard, request: Unwatch) -> Answer:
        """Stop what is named, by the whole text or else word by word; what is not found is said."""
        listed = await self._store.subscriptions_here(heard.place)
        words = (request.rest,) if find(listed, request.rest) else request.who
        found = {word: find(listed, word) for word in words}
        ended = {one.number: one for matching in found.values() for one in matching}
        still_to_come = await self._store.unsubscribe(heard.place, tuple(ended)) if ended else 0
        answers = [
            replies.unwatched(
                one.subscription.account,
                one.subscription.contracts,
                one.subscription.label,
                still_to_come=still_to_come if one.number == max(ended) else 0,
            )
            for one in ended.values()
        ]
        return (
            *answers,
            *(
                replies.not_watched(word, closest_label(listed, word))
                for word, matching in found.items()
                if not matching
            ),
        )

    async def _list(self, heard: Heard, _: List) -> Answer:
        listed = await self._store.subscriptions_here(heard.place)
        return replies.watch_list([(one.number, one.subscription) for one in listed], self._chains)

    async def _balance(self, heard: Heard, request: BalanceOf) -> Answer:
        listed = await self._store.subscriptions_here(heard.place)
        meant = tuple(listed) if request.who is None else find(listed, request.who)
        if not meant:
            return await self._unwatched_balance(heard.place, listed, request.who)
        answers: list[Html] = []
        accounts = _accounts(meant, listed)
        for account, label in tuple(accounts.items())[:ACCOUNTS_SHOWN]:
            known = await self._store.holdings_of(heard.place, account, self._sweeps().chains)
            answers += balances(account, label, known, self._chains, self._now())
        if len(accounts) > ACCOUNTS_SHOWN:
            answers.append(replies.more_accounts(len(accounts) - ACCOUNTS_SHOWN))
        return answers

    async def _unwatched_balance(
        self, here: Place, listed: Sequence[ListedSubscription], who: str | None
    ) -> Answer:
        """Ask the source about an address; a name that nothing here has is said to be none."""
        if who is not None and who.casefold().startswith("0x"):
            try:
                account = read_address(who)
            except LineRefused as refused:
                return (replies.no_address(refused.typed, refused.reason),)
            return await self._live.ask(here, account)
        if who is None or not listed:
            return (replies.nothing_watched(),)
        return (replies.not_watched(who, closest_label(listed, who)),)

    async def _status(self, heard: Heard, _: Status) -> Answer:
        sweeps = self._sweeps()
        here = await self._store.watched_here(heard.place, sweeps.chains)
        return (status(here, sweeps, self._chains, self._now()),)


def _meant(here: Place, chat_id: int | None) -> Place:
    """Return the chat a command names, or this one; negative numbers are groups (telegram.md 1)."""
    if chat_id is None or chat_id == here.chat_id:
        return Place(here.chat_id, here.kind, here.title)
    return Place(chat_id, "private" if chat_id > 0 else "group", "")


def _accounts(
    meant: Iterable[ListedSubscription], listed: Iterable[ListedSubscription]
) -> dict[Address, str]:
    """Return the accounts of these subscriptions with their labels; a contract alone means all accounts."""
    chosen = list(meant)
    if any(one.subscription.account is None for one in chosen):
        chosen = list(listed)
    result: dict[Address, str] = {}
    for one in chosen:
        account = one.subscription.account
        if account is not None:
            result[account] = result.get(account) or one.subscription.label
    return result
