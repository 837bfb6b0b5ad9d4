"""`/watch`: accounts, and tokens in every account of a chat."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from bot.chat.buttons.data import Screen, rows, with_keyboard
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.watch import words
from bot.chat.commands.watch.grammar import (
    WORD,
    Clauses,
    WatchEntry,
    contracts_of,
    is_token_line,
    numbered_lines,
    read_clauses,
    read_entries,
    write_scope,
)
from bot.chat.commands.words import EXAMPLE_ACCOUNT, EXAMPLE_CONTRACT, listing_warning
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chains import Chains
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.places import Place
from bot.domain.subscriptions import EVERYTHING, Scope, WatchSpec
from bot.store.chats import subscriptions

WATCH_COMMAND = Command(
    name="watch",
    does="Tell this chat when balances of an address change",
    grammar="/watch ADDRESS… [contract ADDRESS…] [on CHAIN,…] [as LABEL]",
    examples=(
        Example(f"/watch {EXAMPLE_ACCOUNT} as Treasury", "watches all it holds, under a name"),
        Example(f"/watch {EXAMPLE_ACCOUNT} on polygon, base", "watches it on these chains only"),
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

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take accounts in."""
        specs = [WatchSpec(entry.account, entry.scope, entry.label) for entry in self.entries]
        subscribed = await _subscribe(services, incoming, specs)
        if len(specs) == 1 and not self.bad:
            return (await _watched(services, incoming.place, specs[0], subscribed[0]),)
        entries: dict[SubscribeOutcome, list[WatchEntry]] = {outcome: [] for outcome in SubscribeOutcome}
        bad = list(self.bad)
        for entry, spec, result in zip(self.entries, specs, subscribed, strict=True):
            entries[result.outcome].append(entry)
            taken = result.taken
            if taken is not None:
                correction = _line(spec, taken.free, services.chains)
                bad.append(BadLine(entry.line_number, spec.label, words.why_label_taken(taken), correction))
        # Refused labels were found after the lines: all of them are listed in the order they were typed.
        bad.sort(key=lambda line: line.line_number)
        created = [result for result in subscribed if result.outcome is SubscribeOutcome.CREATED]
        named = frozenset(chain_id for entry in self.entries for chain_id in entry.scope.chains)
        answer = words.bulk_watched(
            entries[SubscribeOutcome.CREATED],
            entries[SubscribeOutcome.ALREADY],
            bad,
            relabelled=entries[SubscribeOutcome.RELABELLED],
            over_limit=len(entries[SubscribeOutcome.FULL]),
            first_reading_pending=any(result.known is None for result in created),
            warning=listing_warning(named, services.sweeps().listing, services.chains),
        )
        meant = [line.correction for line in bad if line.correction]
        if not meant:
            return answer
        again = ("Watch as corrected", "/watch " + "\n".join(meant))
        buttons = await services.button_commands.buttons(incoming.place, again)
        return with_keyboard(answer, rows(buttons))


def _read_watch(rest: str, chains: ChainReader) -> "WatchRequest | WatchTokenRequest | Usage":
    lines = numbered_lines(rest)
    if not lines:
        return Usage(WATCH_COMMAND, "")
    if is_token_line(lines[0][1]):
        return _read_watch_token(lines, chains)
    return WatchRequest(*read_entries(lines, chains))


async def _watched(
    services: Services, place: Place, spec: WatchSpec, result: SubscribeResult
) -> Html | Screen:
    """Return the answer to a message with one account."""
    assert spec.account is not None
    match result.outcome:
        case SubscribeOutcome.TAKEN:
            assert result.taken is not None
            return await _label_taken(services, place, spec, result.taken)
        case SubscribeOutcome.FULL:
            return words.too_many(services.max_subscriptions_per_chat)
        case SubscribeOutcome.ALREADY:
            return words.already_watching(spec.account, spec.label)
        case SubscribeOutcome.RELABELLED:
            return words.label_changed(spec.account, spec.label)
        case SubscribeOutcome.CREATED:
            known = result.known
            return words.watching(
                spec.account,
                spec.label,
                services.chains,
                scope=spec.scope,
                first_reading_pending=known is None,
                balances=known.balances if known else 0,
                chain_count=len(known.chains) if known else 0,
                warning=listing_warning(spec.scope.chains, services.sweeps().listing, services.chains),
            )


# ---------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True)
class WatchTokenRequest(Request):
    """`/watch token`; at least one contract or one bad line."""

    needs = WATCH_COMMAND.needs
    scope: Scope
    label: str
    bad: tuple[BadLine, ...]

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take contracts in, for every account watched here."""
        if not self.scope.contracts:
            return words.bulk_watched((), (), self.bad)
        spec = WatchSpec(None, self.scope, self.label)
        (subscribed,) = await _subscribe(services, incoming, [spec])
        if subscribed.outcome is SubscribeOutcome.FULL:
            return (words.too_many(services.max_subscriptions_per_chat),)
        if subscribed.taken is not None:
            return (await _label_taken(services, incoming.place, spec, subscribed.taken),)
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        accounts = {entry.subscription.account for entry in listed} - {None}
        answer = words.watching_token(
            self.scope,
            self.label,
            services.chains,
            accounts=len(accounts),
            warning=listing_warning(self.scope.chains, services.sweeps().listing, services.chains),
        )
        return (answer, *(words.bulk_watched((), (), self.bad) if self.bad else ()))


def _read_watch_token(lines: list[tuple[int, str]], chains: ChainReader) -> WatchTokenRequest | Usage:
    """Read tokens, which may go on over several lines; chains and label stand in the first."""
    (first, line), *others = lines
    after_word = ((first, WORD.sub("", line, count=1)), *others)
    said = [(number, text) for number, text in after_word if text.strip()]
    if not said:
        return Usage(WATCH_COMMAND, "")
    contracts: list[Address] = []
    bad: list[BadLine] = []
    head = Clauses(())
    for number, text in said:
        try:
            clauses = _token_clauses(text, chains, is_first=number == first)
        except LineRefused as refused:
            bad.append(BadLine(number, refused.typed, refused.reason))
        else:
            contracts += contracts_of(clauses)
            head = clauses if number == first else head
    return WatchTokenRequest(replace(head.scope, contracts=frozenset(contracts)), head.label, tuple(bad))


def _token_clauses(line: str, chains: ChainReader, *, is_first: bool) -> Clauses:
    clauses = read_clauses(line, chains)
    if clauses.scope.contracts:
        raise LineRefused("contract", "after the word “token”, the addresses are the contracts")
    if any(one.token for one in clauses.named):
        raise LineRefused("", "a link names a holder too; send it after /watch, without the word “token”")
    if not is_first and (clauses.scope != EVERYTHING or clauses.label):
        raise LineRefused("", "chains and a label stand in the first line, for all tokens")
    return clauses


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
    offer = (f"Watch as {taken.free}", f"/watch {_line(spec, taken.free, services.chains)}")
    buttons = await services.button_commands.buttons(place, offer)
    return Screen(words.label_taken(spec, taken), rows(buttons))


def _line(spec: WatchSpec, label: str, chains: Chains) -> str:
    """Return what follows /watch to ask for the same under another label."""
    if spec.account is None:
        contracts = " ".join(map(checksummed, sorted(spec.scope.contracts)))
        others = replace(spec.scope, contracts=frozenset())
        return f"token {contracts}{write_scope(others, chains)} as {label}"
    return f"{checksummed(spec.account)}{write_scope(spec.scope, chains)} as {label}"


WATCH = Feature(WATCH_COMMAND, _read_watch)
