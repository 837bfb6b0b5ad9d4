"""What a command about the past is about: `[WHO] [TOKEN] [on CHAIN,…] [7d]`, in any order.

Names of what is watched here are found first, the longest of them before all, since a label may contain any
word. Then addresses, lengths of time, tokens and chains are read; what is left may be the name that an
account had before. Behind “token” stand tokens alone, and behind “on” chains.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.arguments.addresses import NamedAddress, is_service_name, no_address, read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.chat.commands.arguments.lookup import closest_label, find
from bot.chat.commands.arguments.tokens import ambiguous
from bot.chat.commands.command import Command, Services
from bot.chat.commands.history import periods
from bot.chat.commands.history.lookup import first_changes
from bot.chat.commands.words import nothing_watched
from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.untrusted import symbol
from bot.chat.text.wording import account_name, chain_names, folded, short_address
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.history.changes import Selection, Span
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, ListedSubscription
from bot.domain.symbols import is_plain
from bot.store.balances.held_tokens import certain_symbol, chains_of_contract
from bot.store.chats import chats, subscriptions
from bot.store.chats.labels import given_names
from bot.store.database.connection import DatabaseThread
from bot.store.history import changes, subjects

_TOKEN, _ON = frozenset({"token", "tokens"}), frozenset({"on"})
_OF_TIME = frozenset({"last", "past", "this", "the", "since", "ago"})
_SAYS_NOTHING = _OF_TIME | {"all", "of", "for", "everything"}
_WORDS_MOST = 60
_NO_CHAIN = ChainId(0)


_NEVER_HERE = "was never watched here, and is no token that was held here."
ONLY_NAMED = "isn't watched: ask about the account that paid it, or was paid by it."
"""Said of a name that no watched account has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What somebody asks the past about, in the place where that is asked."""

    destination_id: DestinationId
    selection: Selection
    name: Html
    """Accounts and tokens; empty: everything that is watched here."""
    on: str
    """The chains, as in ` on Polygon`; "": all of them."""
    typed: str
    """What is typed for the same, whatever is called otherwise by then; "" for everything."""
    period: str = ""
    """The length of time as it is typed, "" if none was named."""
    last: str = ""
    """What follows “the last” of it: `7 days`."""
    since: datetime | None = None
    """When that began; None: none was named."""

    @property
    def of(self) -> Html:
        """What follows “2 changes”: ` of Treasury on Polygon`, or nothing."""
        return fill(" of {}{}", self.name, self.on) if self.name else EMPTY + self.on


async def read_subject(
    services: Services, place: Place, command: Command, text: str, now: datetime
) -> Subject | Screen:
    """Return what a command is about, or the answer that says why nobody can tell."""
    try:
        chains = ChainReader(services.chains, await services.listing())
        return await find_subject(services.db, chains, place, text, now) or Screen(nothing_watched())
    except LineRefused as refused:
        offers = [
            (offer.text, f"/{command.name} {text.replace(refused.word, offer.line, 1)}")
            for offer in refused.offers
        ]
        buttons = await services.button_commands.buttons(place, *offers)
        return Screen(refused.sentence, rows(*([one] for one in buttons)))


async def find_subject(
    db: DatabaseThread, chains: ChainReader, place: Place, text: str, now: datetime
) -> Subject | None:
    """Return what a text is about; None: nothing is watched in the place, or ever was. Raises LineRefused."""
    listed = await db.run(subscriptions.subscriptions_here, place)
    destination_id = await db.run(chats.destination_here, place)
    span = None if destination_id is None else await db.run(changes.span_of, destination_id)
    if destination_id is None or (not listed and span is None):
        return None
    return await _Reader(db, chains, listed, destination_id, span).read(text, now)


def names_account(text: str) -> bool:
    """Whether a text names an account for certain: then no message that is replied to has to."""
    return any(word.named or word.text.startswith("#") for word in read_words(text))


class _Reader:
    """Reads one text in one place, and notes what is understood so far."""

    def __init__(
        self,
        db: DatabaseThread,
        chains: ChainReader,
        listed: Sequence[ListedSubscription],
        destination_id: DestinationId,
        span: Span | None,
    ) -> None:
        self._db = db
        self._reader = chains
        self._chains = chains.chains
        self._listed = listed
        self._destination_id = destination_id
        self._span = span
        self._accounts: dict[Address, str] = {}
        """With what each is called here, or was."""
        self._tokens: dict[str, tuple[Html, frozenset[Asset]]] = {}
        """By what is typed for each: what is shown of it, and what it means."""
        self._on: frozenset[ChainId] = frozenset()
        """The chains that are typed."""
        self._watched_on: frozenset[ChainId] = frozenset()
        """Those on which the accounts are watched, where that is not all of them."""
        self._span_back: timedelta | None = None

    async def read(self, text: str, now: datetime) -> Subject:
        """Return what all of a text says; raises LineRefused."""
        words = text.split()
        if len(words) > _WORDS_MOST:
            raise LineRefused("", "Those are too many words. Name an account, a token, or a time such as 7d.")
        # A label may contain “on” and “token”.
        free, tokens, on = _clauses(await self._without_watched(words, 2))
        # Before numbers mean what is watched here: of `7 days`, the 7 does not.
        named = await self._without_watched(self._without_period(free), 1)
        if on:
            chains = self._without_period(on, is_named=True)
            self._on |= self._reader.several(
                " ".join(word for word in chains if word.casefold() not in _OF_TIME)
            )
        free = await self._without_addresses(named)
        so_far = dict(self._tokens), self._on
        span_back = self._span_back
        if await self._without_tokens(free):
            # A former name may contain the symbol of a token.
            self._tokens, self._on = so_far
            free = await self._without_former(free)
        # What is left is read once more.
        self._span_back = span_back
        unknown = await self._without_tokens([*free, *self._without_period(tokens)])
        if unknown:
            raise await self._unknown(" ".join(unknown))
        return await self._subject(now)

    # ---------------------------------------------------------------- accounts

    async def _without_watched(self, words: Sequence[str], least: int) -> Sequence[str]:
        """Note what is watched here by names of so many words or more; returns the other words."""
        labels = {one.subscription.label.casefold() for one in self._listed}

        def names(text: str, length: int) -> bool:
            is_likely = length in {1, len(words)} or text.casefold() in labels
            return is_likely and bool(find(self._listed, text))

        run = _longest_run(words, names, least)
        if run is None:
            return words
        await self._note(find(self._listed, " ".join(words[run])))
        return await self._without_watched([*words[: run.start], *words[run.stop :]], least)

    async def _note(self, found: Iterable[ListedSubscription]) -> None:
        """Note what subscriptions are about: all of their accounts, unless each is about less."""
        meant = [one.subscription for one in found]
        for one in meant:
            if one.account is not None:
                self._accounts[one.account] = self._accounts.get(one.account) or one.label
        if all(one.scope.contracts for one in meant):
            for contract in sorted({contract for one in meant for contract in one.scope.contracts}):
                await self._note_contract(NamedAddress(contract))
        if all(one.scope.chains for one in meant):
            self._watched_on |= {chain_id for one in meant for chain_id in one.scope.chains}

    async def _without_addresses(self, words: Sequence[str]) -> list[str]:
        """Note accounts that were watched here before, by their addresses; returns the other words."""
        others = []
        for word in words:
            named = _address(word)
            if named is None or named.is_token_page or not await self._was_watched(named.address):
                others.append(word)
                continue
            self._accounts[named.address] = ""
            if named.token is not None:
                await self._note_contract(NamedAddress(named.token, hints=named.hints))
        return others

    async def _was_watched(self, account: Address) -> bool:
        selection = Selection(accounts=frozenset({account}))
        return bool((await first_changes(self._db, self._destination_id, selection, self._span, 1)).changes)

    async def _without_former(self, words: list[str]) -> list[str]:
        """Note an account by a name that it had here before; returns the other words."""
        labelled: dict[str, tuple[str, frozenset[Address]]] = {}
        span = self._span
        while span is not None:
            found = await self._db.run(subjects.labelled_in, self._destination_id, span)
            # The newest first: of two accounts that had one name, the later one is meant.
            for label, accounts in found.accounts.items():
                labelled.setdefault(label.casefold(), (label, accounts))
            span = found.rest
        run = _longest_run(words, lambda text, _: text.casefold() in labelled, 1)
        if run is None:
            return words
        label, accounts = labelled[" ".join(words[run]).casefold()]
        self._accounts |= dict.fromkeys(accounts, label)
        return [*words[: run.start], *words[run.stop :]]

    # ---------------------------------------------------------------- tokens, chains, time

    async def _without_tokens(self, words: Sequence[str]) -> list[str]:
        """Note tokens that are held here or were, and chains; returns the other words."""
        return [
            word
            for word in words
            if word.casefold() not in _SAYS_NOTHING
            and not await self._note_token(word)
            and not self._note_chain(word)
            and not self._note_period(word, periods.read_named(word))
        ]

    async def _note_token(self, word: str) -> bool:
        named = _address(word)
        if named is not None:
            return await self._note_contract(named, is_seen=True)
        coins = frozenset(
            Asset(chain_id, NATIVE)
            for chain_id in self._chains.mainnets()
            if self._chains.get(chain_id).native_symbol.casefold() == word.casefold()
        )
        if coins:
            coin = self._chains.get(min(coins).chain_id).native_symbol
            self._tokens[coin] = EMPTY + coin, coins
            return True
        found = await self._seen(await self._db.run(subjects.tokens_called, word))
        if len({asset.chain_id for asset in found}) < len(found):
            raise self._several(word, found)
        if found:
            typed = " ".join(f"eip155:{one.chain_id}:{checksummed(one.contract)}" for one in found)
            self._tokens[typed] = await self._token_name(found), frozenset(found)
        return bool(found)

    async def _note_contract(self, named: NamedAddress, *, is_seen: bool = False) -> bool:
        """Note the token of a contract; with `is_seen` only if it is held here, or was."""
        chain_id = named.chain(self._chains)
        there = await self._db.run(chains_of_contract, named.contract) if chain_id is None else [chain_id]
        # Where it was never seen there is nothing, which must not read like no token at all.
        found = [Asset(one, named.contract) for one in there or [_NO_CHAIN]]
        if is_seen:
            found = await self._seen(found)
        if found:
            before = "" if chain_id is None else f"eip155:{chain_id}:"
            typed = before + checksummed(named.contract)
            self._tokens[typed] = await self._token_name(found), frozenset(found)
        return bool(found)

    async def _seen(self, assets: Sequence[Asset]) -> list[Asset]:
        somewhere = self._on | self._watched_on
        on = [asset for asset in assets if not somewhere or asset.chain_id in somewhere]
        return await self._db.run(subjects.seen_in, self._destination_id, tuple(self._accounts), on)

    async def _token_name(self, assets: Sequence[Asset]) -> Html:
        spelled = await self._db.run(certain_symbol, assets) if assets else ""
        contracts = sorted({asset.contract for asset in assets})
        return symbol(spelled) or folded([short_address(contract) for contract in contracts])

    def _several(self, word: str, found: Sequence[Asset]) -> LineRefused:
        offers = [
            Offer(
                f"{shortened(one.contract)} {self._chains.get(one.chain_id).title}",
                f"eip155:{one.chain_id}:{checksummed(one.contract)}",
            )
            for one in found[:OFFERED_MOST]
        ]
        return ambiguous((word,), offers)

    def _note_chain(self, word: str) -> bool:
        chain_id = self._chains.find(word)
        if chain_id is None or (periods.is_year(word) and chain_id not in self._chains.mainnets()):
            return False
        self._on |= {chain_id}
        return True

    def _without_period(self, words: Sequence[str], *, is_named: bool = False) -> list[str]:
        """Note how far back somebody looks; returns the other words. `is_named`: “week” means that here."""
        return [
            word
            for word in periods.put_together(words)
            if not self._note_period(word, periods.read_number(word))
            and not (is_named and self._note_period(word, periods.read_named(word)))
        ]

    def _note_period(self, word: str, span: timedelta | None) -> bool:
        if span is not None and self._span_back is not None:
            raise LineRefused(word, "is a second length of time. One is enough.")
        self._span_back = self._span_back or span
        return span is not None

    # ---------------------------------------------------------------- what comes of it

    async def _unknown(self, text: str) -> LineRefused:
        """Return why words are not taken, with what was probably meant."""
        unclear = periods.unclear(text)
        if unclear is not None:
            return unclear
        refused = next((word.refused for word in read_words(text) if word.refused), None)
        if refused is not None or is_service_name(text):
            return refused or no_address(text)
        names = await self._db.run(given_names, self._destination_id)
        is_named = text.casefold() in {name.casefold() for name in names.values()}
        if is_named or _address(text) is not None:
            return LineRefused(text, ONLY_NAMED if is_named else _NEVER_HERE)
        label = closest_label(self._listed, text)
        no_length = None if label else periods.no_length(text)
        if no_length is not None:
            return no_length
        symbols = [
            one for one in await self._db.run(subjects.symbols_here, self._destination_id) if is_plain(one)
        ]
        close = difflib.get_close_matches(text.casefold(), [one.casefold() for one in symbols], n=1)
        near = [one for one in symbols if [one.casefold()] == close]
        meant = label or next(iter(near), "")
        lead = "Nothing here is called"
        if not meant:
            return LineRefused(text, "/list shows what is watched.", lead=lead)
        return LineRefused(text, f"Did you mean {meant}?", lead=lead).offering(Offer(meant, meant))

    async def _subject(self, now: datetime) -> Subject:
        span = self._span_back
        assets = frozenset(asset for _, meant in self._tokens.values() for asset in meant)
        # Whoever names a chain asks about that one, whether it is watched there or not.
        on = self._chains.in_order(self._on or self._watched_on)
        names = [
            folded([account_name(account, label) for account, label in self._accounts.items()]),
            folded([name for name, _ in self._tokens.values()]),
        ]
        name = join(", ", [one for one in names if one])
        typed = [
            *map(checksummed, self._accounts),
            *(["token", *self._tokens] if self._tokens else []),
            *(["on", ", ".join(self._chains.get(one).name for one in on)] if on else []),
        ]
        return Subject(
            destination_id=self._destination_id,
            selection=Selection(frozenset(self._accounts), assets, frozenset(on)),
            name=name,
            on=f" on {chain_names(on, self._chains, last=' and ')}" if on else "",
            typed=" ".join(typed),
            period=periods.spelled(span) if span else "",
            last=periods.in_words(span) if span else "",
            since=now - span if span else None,
        )


def _clauses(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the words before any clause, those behind “token”, and those behind “on”."""
    clauses: dict[frozenset[str], list[str]] = {frozenset(): [], _TOKEN: [], _ON: []}
    current = frozenset[str]()
    for word in words:
        begun = next((clause for clause in (_TOKEN, _ON) if word.casefold() in clause), None)
        if begun is None:
            clauses[current].append(word)
        else:
            current = begun
    free, tokens, on = clauses.values()
    return free, tokens, on


def _longest_run(words: Sequence[str], names: Callable[[str, int], bool], least: int) -> slice | None:
    """Return where the most words in a row stand that name something; None: none do."""
    for length in range(len(words), least - 1, -1):
        for start in range(len(words) - length + 1):
            run = slice(start, start + length)
            if names(" ".join(words[run]), length):
                return run
    return None


def _address(word: str) -> NamedAddress | None:
    named = [one.named for one in read_words(word)]
    return named[0] if len(named) == 1 else None
