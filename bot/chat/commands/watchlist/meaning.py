"""What a watchlist means in a place: its tokens, people and accounts, which only the place can tell."""

import asyncio
from dataclasses import dataclass, field, replace

from bot.chat.commands.arguments.alarms import may_begin_alarm, read_alarm, with_signs_apart
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import NOTHING_SAID, read_condition, split_who
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.arguments.lookup import address_meant, find
from bot.chat.commands.arguments.loud_rules import read_loud_rule
from bot.chat.commands.arguments.tokens import ambiguous, contracts_called
from bot.chat.commands.rules.alarm import terms_meant
from bot.chat.commands.watch.grammar import bad_line, contracts_of, read_token_line
from bot.chat.commands.watch.name import read_named
from bot.chat.commands.watch.specs import filter_meant, loud_rule_meant
from bot.chat.commands.watchlist.reader import CommandLine, ImportLine, TypedWatchlist
from bot.domain.assets import Address
from bot.domain.chains import Chains
from bot.domain.chat.watchlist import IgnoredContract, WatchedAlarm, Watchlist, WatchlistName
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule
from bot.domain.subscriptions import ListedSubscription, WatchSpec
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.connection import DatabaseThread

_LINES_AT_ONCE = 50
"""Then others on the event loop have their turn."""

ALARMS_MOST = 500
"""Of one list: each is judged as it is set, and all of them while others wait for the database."""

_WHOLE_CHAT = "all"


@dataclass(slots=True)
class MeantWatchlist:
    """A watchlist with the numbers of its lines."""

    specs: list[tuple[int, WatchSpec]] = field(default_factory=list)
    alarms: list[tuple[int, WatchedAlarm]] = field(default_factory=list)
    filter: Condition | None = None
    loud: LoudRule | None = None
    ignored: list[IgnoredContract] = field(default_factory=list)
    names: list[WatchlistName] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)

    @property
    def watchlist(self) -> Watchlist:
        """The same without the numbers."""
        return Watchlist(
            specs=tuple(spec for _, spec in self.specs),
            alarms=tuple(alarm for _, alarm in self.alarms),
            filter=self.filter,
            loud=self.loud,
            ignored=tuple(self.ignored),
            names=tuple(self.names),
        )


async def watchlist_meant(
    db: DatabaseThread, chains: ChainReader, place: Place, typed: TypedWatchlist
) -> MeantWatchlist:
    """Return what a watchlist means in a place, and which of its lines can't be told."""
    meant = MeantWatchlist(bad=list(typed.bad))
    for done, line in enumerate(typed.lines):
        if not done % _LINES_AT_ONCE:
            await asyncio.sleep(0)
        try:
            meant.specs.append((line.line_number, await _spec(db, chains.chains, place, line)))
        except LineRefused as refused:
            meant.bad.append(_bad(line.line_number, refused))
    reader = _Commands(db, place, chains, await db.run(subscriptions_here, place), meant)
    for done, command in enumerate(typed.commands):
        if not done % _LINES_AT_ONCE:
            await asyncio.sleep(0)
        try:
            await reader.read(command)
        except LineRefused as refused:
            meant.bad.append(_bad(command.line_number, refused))
    meant.bad.sort(key=lambda one: one.line_number)
    return meant


def _bad(number: int, refused: LineRefused) -> BadLine:
    return bad_line(number, "", refused)


async def _spec(db: DatabaseThread, chains: Chains, place: Place, line: ImportLine) -> WatchSpec:
    """Return what a line asks for; raises LineRefused."""
    contracts = line.scope.contracts
    if line.symbols:
        choices = await contracts_called(db, chains, place, line.symbols, line.scope.chains)
        if len(choices) > 1:
            raise ambiguous(line.symbols, ())
        contracts |= frozenset(choices[0].contracts)
    return WatchSpec(
        line.account,
        replace(line.scope, contracts=contracts),
        line.label,
        await filter_meant(db, chains, place, line.condition),
        await loud_rule_meant(db, chains, place, line.loud),
    )


class _Commands:
    """Reads the commands of a watchlist, by what is watched in it and in the place."""

    def __init__(
        self,
        db: DatabaseThread,
        place: Place,
        chains: ChainReader,
        listed: list[ListedSubscription],
        meant: MeantWatchlist,
    ) -> None:
        self._db = db
        self._place = place
        self._chains = chains
        self._listed = listed
        self._meant = meant
        self._labelled = {
            spec.label.casefold(): spec.account for _, spec in meant.specs if spec.label and spec.account
        }

    async def read(self, command: CommandLine) -> None:
        """Add what a command asks for; raises LineRefused."""
        match command.word:
            case "only":
                await self._only(_without_all(command.rest))
            case "loud":
                await self._loud(_without_all(command.rest))
            case "ignore":
                self._ignore(command.rest)
            case "name":
                self._meant.names.append(WatchlistName(*read_named(command.rest, self._chains.chains)))
            case _ if len(self._meant.alarms) >= ALARMS_MOST:
                raise LineRefused(f"/{command.word}", _TOO_MANY)
            case _:
                alarm = await self._alarm(with_signs_apart(command.rest))
                self._meant.alarms.append((command.line_number, alarm))

    async def _only(self, rest: str) -> None:
        typed = read_condition(rest, self._chains)
        if self._meant.filter is not None or typed == NOTHING_SAID:
            raise LineRefused("/only", _TWICE if self._meant.filter is not None else _NOTHING)
        self._meant.filter = await filter_meant(self._db, self._chains.chains, self._place, typed)

    async def _loud(self, rest: str) -> None:
        if self._meant.loud is not None:
            raise LineRefused("/loud", _TWICE)
        typed = read_loud_rule(rest, self._chains)
        self._meant.loud = await loud_rule_meant(self._db, self._chains.chains, self._place, typed)

    def _ignore(self, rest: str) -> None:
        clauses = read_token_line(rest, self._chains)
        if clauses.others or clauses.label or not clauses.named:
            raise LineRefused(clauses.others or "/ignore", _CONTRACTS_ALONE)
        self._meant.ignored += [
            one
            for contract in contracts_of(clauses)
            if (one := IgnoredContract(contract, clauses.scope.chains)) not in self._meant.ignored
        ]

    async def _alarm(self, text: str) -> WatchedAlarm:
        who, rest = split_who(text, lambda named: self._account(named) is not None, may_begin_alarm)
        account = self._account(who)
        if account is None:
            raise LineRefused(who, "is no account of this list or this chat.")
        typed = read_alarm(rest, self._chains)
        terms = await terms_meant(self._db, self._chains.chains, self._place, account, typed)
        return WatchedAlarm(account, terms)

    def _account(self, who: str) -> Address | None:
        """Return the one account that a name or an address means; None: none, or several."""
        address = address_meant(who)
        if address is not None:
            return address
        labelled = self._labelled.get(who.casefold())
        accounts = {one.subscription.account for one in find(self._listed, who)}
        return labelled or (accounts.pop() if len(accounts) == 1 else None)


def _without_all(rest: str) -> str:
    first, _, others = rest.partition(" ")
    return others if first.casefold() == _WHOLE_CHAT else rest


_TOO_MANY = f"is one alarm too many: a list sets {ALARMS_MOST}. Send the others in a list of their own."
_TWICE = "stands there twice for the whole chat."
_NOTHING = "says nothing. Say which changes are reported, as in “/only all min $100”."
_CONTRACTS_ALONE = "is no contract. /ignore takes addresses here, and chains behind “on”."
