"""`/watch`: accounts, and tokens in every account of a chat."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from bot.chat.buttons.data import Button, Screen, button, rows, with_keyboard
from bot.chat.commands.arguments.addresses import WORD
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import NOTHING_SAID, TypedCondition
from bot.chat.commands.arguments.errors import BadLine, LineRefused, Offer
from bot.chat.commands.arguments.lookup import find
from bot.chat.commands.arguments.loud_rules import TypedLoudRule
from bot.chat.commands.arguments.tokens import ambiguous, contracts_called
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.mute import END_MUTE
from bot.chat.commands.watch import words
from bot.chat.commands.watch.grammar import (
    NO_ADDRESS,
    Clauses,
    WatchEntry,
    bad_line,
    contracts_of,
    is_token_line,
    numbered_lines,
    read_token_line,
    write_line,
    write_spec,
)
from bot.chat.commands.watch.lines import read_lines
from bot.chat.commands.watch.specs import filter_meant, loud_rule_meant
from bot.chat.commands.watch.unwatch import STOP
from bot.chat.commands.words import EXAMPLE_ACCOUNT, EXAMPLE_CONTRACT, listing_warning, mutes_shown
from bot.chat.permissions import Incoming
from bot.chat.text.conditions import filter_words
from bot.chat.text.html import Html, fill, join
from bot.chat.text.loud import BELL, loud_words
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chains import Chains
from bot.domain.chat.mutes import ActiveMutes, Mute, MuteScope
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, Scope, WatchSpec
from bot.store.chats import mutes, names, subscriptions

WATCH_COMMAND = Command(
    name="watch",
    does="Post every balance change of an address here",
    grammar="/watch ADDRESS… [contract SYMBOL or ADDRESS…] [on CHAIN,…] [in|out] [min AMOUNT] [as LABEL]",
    examples=(
        Example(f"/watch {EXAMPLE_ACCOUNT} as Treasury", "watches all it holds, under a name"),
        Example(
            f"/watch {EXAMPLE_ACCOUNT} on polygon, base as Treasury", "these chains only; the name comes last"
        ),
        Example(f"/watch {EXAMPLE_ACCOUNT} out min $100", "reports only what goes out, from $100; see /only"),
        Example(f"/watch {EXAMPLE_ACCOUNT} contract {EXAMPLE_CONTRACT}", "watches one token of it"),
        Example(f"/watch token {EXAMPLE_CONTRACT}", "watches a token in every account watched here"),
    ),
    who=Who.CHANGERS,
    aliases=("add",),
)

# ---------------------------------------------------------------- accounts


@dataclass(frozen=True, slots=True)
class WatchRequest(Request):
    """`/watch` for accounts; at least one entry or one bad line."""

    needs = WATCH_COMMAND.needs
    entries: tuple[WatchEntry, ...]
    bad: tuple[BadLine, ...]
    unused: tuple[str, ...] = ()
    """The titles of a spreadsheet's columns that aren't used."""
    lines: int = field(default=1, compare=False)
    """Number of lines typed."""

    @property
    def missing(self) -> Missing | None:
        """The account, where clauses alone were typed."""
        return Missing.ACCOUNT if [bad.reason for bad in self.bad] == [NO_ADDRESS] else None

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take accounts in."""
        if self.lines == 1 and self.bad and not self.entries:
            listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
            if not self.bad[0].offers and find(listed, self.bad[0].word):
                return (words.watched_already(self.bad[0].word),)
            return (await _refused(services, incoming.place, self.bad[0]),)
        called = await _by_their_names(services, incoming.place, self.entries)
        found, unresolved = await _resolved(services, incoming.place, called)
        resolved, specs = [entry for entry, _ in found], [spec for _, spec in found]
        if self.lines == 1 and unresolved and not resolved:
            return (await _refused(services, incoming.place, unresolved[0]),)
        subscribed = await _subscribe(services, incoming, specs)
        bad = [*self.bad, *unresolved]
        if len(specs) == 1 and not bad and not self.unused:
            return (await _watched(services, incoming.place, resolved[0], specs[0], subscribed[0]),)
        entries: dict[SubscribeOutcome, list[WatchEntry]] = {outcome: [] for outcome in SubscribeOutcome}
        for entry, spec, result in zip(resolved, specs, subscribed, strict=True):
            entries[result.outcome].append(entry)
            taken = result.taken
            if taken is not None:
                correction = write_spec(replace(spec, label=taken.free), services.chains)
                reason = words.why_label_taken(taken)
                bad.append(BadLine(entry.line_number, spec.label, reason, correction=correction))
        # Refused labels were found after the lines: all of them are listed in the order they were typed.
        bad.sort(key=lambda line: line.line_number)
        created = [result for result in subscribed if result.outcome is SubscribeOutcome.CREATED]
        named = frozenset(chain_id for entry in resolved for chain_id in entry.scope.chains)
        new = entries[SubscribeOutcome.CREATED]
        keeping = await _keeping(services, incoming.place, new)
        kept = tuple(dict.fromkeys(mute for mute in keeping if mute is not None))
        answer = words.bulk_watched(
            new,
            entries[SubscribeOutcome.ALREADY],
            bad,
            relabelled=entries[SubscribeOutcome.RELABELLED],
            unused=self.unused,
            names_chains=any(entry.chain is not None for entry in resolved),
            over_limit=len(entries[SubscribeOutcome.FULL]),
            first_reading_pending=any(result.known is None for result in created),
            warning=listing_warning(named, await services.listing(), services.chains),
            muted=await _kept_back(services, incoming.place, kept),
            is_all_muted=None not in keeping,
        )
        meant = [line.correction for line in bad if line.correction]
        if not meant:
            return with_keyboard(answer, rows(_unmute(kept))) if kept else answer
        some = "as" if len(meant) == len(bad) else f"{len(meant)} of {len(bad)}"
        again = (f"Watch {some} corrected", "/watch " + "\n".join(meant))
        buttons = await services.button_commands.buttons(incoming.place, again)
        return with_keyboard(answer, rows(buttons, _unmute(kept)))


async def _by_their_names(
    services: Services, place: Place, entries: Sequence[WatchEntry]
) -> list[WatchEntry]:
    """Return the entries, those without a label under the name that /name gave to their address."""
    given = await services.db.run(names.unwatched_names_here, place)
    return [entry if entry.label else replace(entry, label=given.get(entry.account, "")) for entry in entries]


def _read_watch(rest: str, chains: ChainReader) -> "WatchRequest | WatchTokenRequest | Usage":
    lines = numbered_lines(rest)
    if not lines:
        return Usage(WATCH_COMMAND, missing=Missing.ACCOUNT)
    if is_token_line(lines[0][1]):
        return _read_watch_token(lines, chains)
    read = read_lines(rest, chains)
    if not read.count:
        return Usage(WATCH_COMMAND)
    return WatchRequest(read.entries, read.bad, read.unused, read.count)


async def _resolved(
    services: Services, place: Place, entries: Sequence[WatchEntry]
) -> tuple[list[tuple[WatchEntry, WatchSpec]], list[BadLine]]:
    """Return what is asked for, with contracts in place of symbols, and what can't be told."""
    resolved: list[tuple[WatchEntry, WatchSpec]] = []
    bad: list[BadLine] = []
    for entry in entries:
        try:
            choices = await contracts_called(
                services.db, services.chains, place, entry.symbols, entry.scope.chains
            )
            meant = [_about(entry, choice.contracts) for choice in choices]
            if len(meant) > 1:
                lines = [_typed(one, services.chains) for one in meant]
                offers = [Offer(choice.text, line) for choice, line in zip(choices, lines, strict=True)]
                raise ambiguous(entry.symbols, offers)
            resolved.append((meant[0], await _spec(services, place, meant[0])))
        except LineRefused as refused:
            bad.append(bad_line(entry.line_number, "", refused))
    return resolved, bad


async def _spec(services: Services, place: Place, entry: WatchEntry) -> WatchSpec:
    """Return what to store of an entry; raises LineRefused where the tokens of its rules are unclear."""
    try:
        reported = await filter_meant(services.db, services.chains, place, entry.condition)
        loud = await loud_rule_meant(services.db, services.chains, place, entry.loud)
    except LineRefused as refused:
        # What a token may mean is one word: each is offered as the whole line.
        offers = [
            Offer(one.text, _typed(_with_word(entry, refused.word, one.line), services.chains))
            for one in refused.offers
        ]
        raise refused.offering(*offers) from None
    return WatchSpec(entry.account, entry.scope, entry.label, reported, loud)


def _with_word(entry: WatchEntry, word: str, meant: str) -> WatchEntry:
    """Return an entry with another word in its rules."""
    condition = replace(entry.condition, text=entry.condition.text.replace(word, meant, 1))
    loud = replace(entry.loud, text=entry.loud.text.replace(word, meant, 1)) if entry.loud else None
    return replace(entry, condition=condition, loud=loud)


def _typed(entry: WatchEntry, chains: Chains) -> str:
    return write_line(entry.account, entry.scope, entry.label, chains, entry.rules)


def _about(entry: WatchEntry, contracts: Collection[Address]) -> WatchEntry:
    scope = replace(entry.scope, contracts=entry.scope.contracts | frozenset(contracts))
    return replace(entry, scope=scope, symbols=())


async def _refused(services: Services, place: Place, bad: BadLine) -> Screen:
    """Return why the one line of a message is not taken, with buttons for what it may have meant."""
    offers = [(offer.text, f"/watch {offer.line}") for offer in bad.offers]
    if not offers and bad.correction:
        offers = [("Watch as corrected", f"/watch {bad.correction}")]
    buttons = await services.button_commands.buttons(place, *offers)
    return Screen(bad.sentence, rows(*([one] for one in buttons)))


async def _watched(
    services: Services, place: Place, entry: WatchEntry, spec: WatchSpec, result: SubscribeResult
) -> Html | Screen:
    """Return the answer to a message with one account."""
    assert spec.account is not None
    match result.outcome:
        case SubscribeOutcome.TAKEN:
            assert result.taken is not None
            return await _label_taken(services, place, spec, result.taken)
        case SubscribeOutcome.FULL:
            return words.too_many(services.max_subscriptions_per_chat)
        case SubscribeOutcome.ALREADY | SubscribeOutcome.KEPT:
            return join("\n", (words.already_watching(spec.account, spec.label), *_reported(services, spec)))
        case SubscribeOutcome.RELABELLED:
            return join("\n", (words.label_changed(spec.account, spec.label), *_reported(services, spec)))
        case SubscribeOutcome.CREATED:
            known = result.known
            wider = await _wider(services, place, spec)
            kept = tuple(mute for mute in await _keeping(services, place, [entry]) if mute is not None)
            text = words.watching(
                spec.account,
                spec.label,
                services.chains,
                scope=spec.scope,
                first_reading_pending=known is None,
                balances=known.balances if known else 0,
                chain_count=len(known.chains) if known else 0,
                warning=listing_warning(spec.scope.chains, await services.listing(), services.chains),
                muted=await _kept_back(services, place, kept),
            )
            more = [words.watched_wider(wider)] if wider else []
            if entry.chain is not None and not (await services.listing()).promises(entry.chain):
                more.append(words.chain_not_listed(entry.chain, services.chains))
            more += _reported(services, spec)
            following = await _next(services, place, entry, wider)
            return Screen(join("\n", [text, *more]), rows(following, _unmute(kept)))


def _reported(services: Services, spec: WatchSpec) -> list[Html]:
    """Return which changes are reported, and which ring, where the command says so."""
    lines = []
    if spec.filter is not None:
        lines.append(fill("Reported: {}.", filter_words(spec.filter, services.chains)))
    if spec.loud is not None:
        lines.append(fill("{} {}.", BELL, loud_words(spec.loud, services.chains)))
    return lines


async def _keeping(services: Services, place: Place, entries: Sequence[WatchEntry]) -> list[Mute | None]:
    """Return for each entry the mute that keeps its first reading back for longest; None: it is sent."""
    here = (await services.db.run(mutes.muted_here, place)).mutes
    scopes = [MuteScope(entry.account, entry.scope.chains) for entry in entries]
    return [
        max(
            (mute for mute in here if mute.keeps_first_reading(scope)),
            key=lambda mute: mute.until,
            default=None,
        )
        for scope in scopes
    ]


async def _kept_back(services: Services, place: Place, kept: Sequence[Mute]) -> Html:
    now = await services.now_in(place)
    return words.kept_back(mutes_shown(ActiveMutes(tuple(kept)), place, services.chains, now))


def _unmute(kept: Sequence[Mute]) -> list[Button]:
    """Return the button that ends a mute; of several, /unmute names which."""
    return [button("Unmute", END_MUTE, mute.row) for mute in kept if len(kept) == 1]


async def _wider(services: Services, place: Place, spec: WatchSpec) -> ListedSubscription | None:
    """Return what is watched of the same account on more chains, so that a limit to some changes nothing."""
    if not spec.scope.chains:
        return None
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    alike = [
        one
        for one in listed
        if one.subscription.account == spec.account
        and one.subscription.scope.contracts == spec.scope.contracts
    ]
    return next((one for one in alike if not one.subscription.scope.chains), None)


async def _next(
    services: Services, place: Place, entry: WatchEntry, wider: ListedSubscription | None
) -> list[Button]:
    """Return buttons for what a link may have meant, or one to end what makes a limit useless."""
    if wider is not None:
        return [button(f"Stop #{wider.number}", STOP, wider.subscription.id)]
    offers = []
    if entry.chain is not None and (await services.listing()).promises(entry.chain):
        scope = replace(entry.scope, chains=frozenset({entry.chain}))
        line = _typed(replace(entry, scope=scope), services.chains)
        offers.append((f"Only on {services.chains.get(entry.chain).title}", f"/watch {line}"))
    if entry.is_token_page:
        offers.append(("Watch as token", f"/watch token {checksummed(entry.account)}"))
    return await services.button_commands.buttons(place, *offers)


# ---------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True)
class WatchTokenRequest(Request):
    """`/watch token`; at least one contract or one bad line."""

    needs = WATCH_COMMAND.needs
    scope: Scope
    label: str
    bad: tuple[BadLine, ...]
    symbols: tuple[str, ...] = ()
    """Tokens held here that are named by their symbol."""
    condition: TypedCondition = NOTHING_SAID
    """Which changes are to be reported."""
    loud: TypedLoudRule | None = None
    """Which of them ring; None: nothing is said about that."""
    lines: int = field(default=1, compare=False)
    """Number of lines typed."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take contracts in, for every account watched here."""
        if not self.scope.contracts and not self.symbols:
            one = [await _refused(services, incoming.place, self.bad[0])] if self.lines == 1 else None
            return one or words.refused_lines(self.bad)
        try:
            choices = await contracts_called(
                services.db, services.chains, incoming.place, self.symbols, self.scope.chains
            )
            reported = await filter_meant(services.db, services.chains, incoming.place, self.condition)
            loud = await loud_rule_meant(services.db, services.chains, incoming.place, self.loud)
        except LineRefused as refused:
            return (refused.sentence,)
        scopes = [
            replace(self.scope, contracts=self.scope.contracts | frozenset(choice.contracts))
            for choice in choices
        ]
        specs = [WatchSpec(None, scope, self.label, reported, loud) for scope in scopes]
        if len(specs) > 1:
            offers = [
                Offer(choice.text, write_spec(spec, services.chains))
                for choice, spec in zip(choices, specs, strict=True)
            ]
            unclear = bad_line(1, "", ambiguous(self.symbols, offers))
            return (await _refused(services, incoming.place, unclear),)
        spec = specs[0]
        (subscribed,) = await _subscribe(services, incoming, [spec])
        if subscribed.outcome is SubscribeOutcome.FULL:
            return (words.too_many(services.max_subscriptions_per_chat),)
        if subscribed.taken is not None:
            return (await _label_taken(services, incoming.place, spec, subscribed.taken),)
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        accounts = {entry.subscription.account for entry in listed} - {None}
        answer = words.watching_token(
            spec.scope,
            self.label,
            services.chains,
            accounts=len(accounts),
            warning=listing_warning(self.scope.chains, await services.listing(), services.chains),
        )
        answer = join("\n", (answer, *_reported(services, spec)))
        return (answer, *(words.refused_lines(self.bad) if self.bad else ()))


def _read_watch_token(lines: list[tuple[int, str]], chains: ChainReader) -> WatchTokenRequest | Usage:
    """Read tokens, which may go on over several lines; chains and label stand in the first."""
    (first, line), *others = lines
    after_word = ((first, WORD.sub("", line, count=1)), *others)
    said = [(number, text) for number, text in after_word if text.strip()]
    if not said:
        return Usage(WATCH_COMMAND)
    contracts: list[Address] = []
    symbols: list[str] = []
    bad: list[BadLine] = []
    head = Clauses(())
    for number, text in said:
        try:
            clauses = read_token_line(text, chains)
            _refuse_beside_first(clauses, is_first=number == first)
        except LineRefused as refused:
            bad.append(_of_tokens(bad_line(number, text, refused)))
        else:
            contracts += contracts_of(clauses)
            symbols += clauses.others.split()
            head = clauses if number == first else head
    return WatchTokenRequest(
        scope=replace(head.scope, contracts=frozenset(contracts)),
        label=head.label,
        bad=tuple(bad),
        symbols=tuple(dict.fromkeys(symbols)),
        condition=head.condition,
        loud=head.loud,
        lines=len(said),
    )


def _of_tokens(bad: BadLine) -> BadLine:
    """Return a refused line with what it may have meant behind the word “token”, as it was typed."""
    # Of tokens the addresses are the contracts: a clause that names another is no choice.
    offers = tuple(
        replace(offer, line=f"token {offer.line.strip()}")
        for offer in bad.offers
        if " contract " not in offer.line.partition(" as ")[0]
    )
    return replace(bad, correction=bad.correction and f"token {bad.correction}", offers=offers)


def _refuse_beside_first(clauses: Clauses, *, is_first: bool) -> None:
    plain = replace(Clauses(clauses.named), others=clauses.others)
    if not is_first and clauses != plain:
        raise LineRefused("", "Chains and a name belong in the first line; they are for all tokens.")


# ---------------------------------------------------------------- what both do


async def _subscribe(
    services: Services, incoming: Incoming, specs: Collection[WatchSpec]
) -> list[SubscribeResult]:
    actor = incoming.actor(services.now())
    return await services.db.run(
        subscriptions.subscribe,
        incoming.place,
        tuple(specs),
        actor,
        limit=services.max_subscriptions_per_chat,
        status=services.contract_status,
    )


async def _label_taken(services: Services, place: Place, spec: WatchSpec, taken: LabelTaken) -> Screen:
    """Refuse a label that names something else, and offer the next one that is free."""
    offer = (
        f"Watch as {taken.free}",
        f"/watch {write_spec(replace(spec, label=taken.free), services.chains)}",
    )
    buttons = await services.button_commands.buttons(place, offer)
    return Screen(words.label_taken(spec, taken), rows(buttons))


WATCH = Feature(WATCH_COMMAND, _read_watch)
