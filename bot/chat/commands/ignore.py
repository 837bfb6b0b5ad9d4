"""`/ignore` and `/unignore`: tokens that a chat does not want to see alerts about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from bot.chat.buttons import alert_buttons, toasts
from bot.chat.buttons.data import ButtonAction, Press, Screen, button, pager, rows
from bot.chat.commands.arguments.addresses import WORD, read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.chat.commands.arguments.tokens import Choice, ambiguous, contracts_called, written
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Missing,
    Refusal,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.watch.grammar import (
    Clauses,
    contracts_of,
    is_token_line,
    read_clauses,
    write_scope,
)
from bot.chat.commands.watch.unwatch import STOP
from bot.chat.commands.words import EXAMPLE_CONTRACT, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import symbol
from bot.chat.text.wording import chain_names, counted, folded, short_address, token_names, token_words
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.ignore_list import IGNORED_MOST, IgnoredToken, IgnoreListPage, IgnoreResult
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, Scope
from bot.domain.symbols import symbol_key
from bot.store.chats import ignore_list, subscriptions
from bot.store.outbox import delivered

TOKENS_A_PAGE = 8

IGNORE_COMMAND = Command(
    name="ignore",
    does="Stop alerts about a token, or show which are stopped",
    grammar="/ignore [SYMBOL or CONTRACT…] [on CHAIN,…]",
    examples=(
        Example("/ignore USDC", "stops alerts about a token that is held, by its symbol"),
        Example(f"/ignore {EXAMPLE_CONTRACT}", "the same by its contract"),
        Example(f"/ignore {EXAMPLE_CONTRACT} on polygon", "stops it on this chain only"),
        Example("/ignore", "shows what is ignored, with buttons that take it back"),
    ),
    who=Who.CHANGERS,
)
UNIGNORE_COMMAND = Command(
    name="unignore",
    does="Get alerts about an ignored token again",
    grammar="/unignore SYMBOL or CONTRACT…",
    examples=(Example(f"/unignore {EXAMPLE_CONTRACT}", "reports its changes again"),),
    who=Who.CHANGERS,
)

STOP_IGNORING = ButtonAction("hear")
"""Takes back that a token is ignored; the page is the one of /ignore it stands on."""
SHOW_PAGE = ButtonAction("ignored")
"""Shows a page of /ignore; the row is the page."""

# ---------------------------------------------------------------- /ignore


@dataclass(frozen=True, slots=True)
class IgnoreRequest(Request):
    """`/ignore` of contracts; at least one, or a symbol."""

    needs = IGNORE_COMMAND.needs
    contracts: tuple[Address, ...]
    chains: frozenset[ChainId]
    """Empty: every chain."""
    symbols: tuple[str, ...] = ()
    """Tokens held here that are named by their symbol."""
    beside: frozenset[ChainId] = field(default=frozenset(), compare=False)
    """Chains that are named beside the addresses, as in `eth:0x…` or a link."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Report contracts no more, but to subscriptions that name them, which the answer lists."""
        if self.beside and not self.chains:
            return (await self._where(services, incoming.place),)
        try:
            choices = await contracts_called(
                services.db, services.chains, incoming.place, self.symbols, self.chains
            )
        except LineRefused as refused:
            return (refused.sentence,)
        if len(choices) > 1:
            return (await self._which(services, incoming.place, choices),)
        contracts = (*self.contracts, *choices[0].contracts)
        result = await services.db.run(
            ignore_list.ignore, incoming.place, contracts, self.chains, incoming.actor(services.now())
        )
        return (await _ignored_screen(services, incoming.place, result),)

    async def _which(self, services: Services, place: Place, choices: Sequence[Choice]) -> Screen:
        """Ask which contracts are meant by a symbol that several have."""
        on = write_scope(Scope(chains=self.chains), services.chains)
        offers = [
            Offer(choice.text, f"/ignore {written((*self.contracts, *choice.contracts))}{on}")
            for choice in choices
        ]
        buttons = await services.button_commands.buttons(
            place, *((offer.text, offer.line) for offer in offers)
        )
        return Screen(ambiguous(self.symbols, offers).sentence, rows(*([one] for one in buttons)))

    async def _where(self, services: Services, place: Place) -> Screen:
        """Ask on which chains: an address that comes with a chain may be another token elsewhere."""
        contracts = " ".join(map(checksummed, self.contracts))
        title = chain_names(sorted(self.beside), services.chains, last=" and ")
        names = ", ".join(services.chains.get(chain_id).name for chain_id in sorted(self.beside))
        offers = [
            (f"Only on {title}", f"/ignore {contracts} on {names}"),
            ("On every chain", f"/ignore {contracts}"),
        ]
        buttons = await services.button_commands.buttons(place, *offers)
        return Screen(
            fill("Ignore {} only on {}, or on every chain?", token_names(self.contracts), title),
            rows(buttons),
        )


@dataclass(frozen=True, slots=True)
class IgnoredRequest(Request):
    """`/ignore` of nothing: what is ignored, which everybody may see."""

    needs = Action.LOOK
    missing = Missing.TOKEN

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is ignored."""
        return (await _page(services, incoming.place, 1),)


def _read_ignore(rest: str, chains: ChainReader) -> IgnoreRequest | IgnoredRequest | Refusal | Usage:
    if not WORD.search(rest):
        return IgnoredRequest()
    try:
        clauses = _only_tokens(rest, chains)
    except LineRefused as refused:
        return _refused(IGNORE_COMMAND, rest, refused)
    beside = {one.chain(chains.chains) for one in clauses.named}
    listed = frozenset(one for one in beside if one is not None and chains.listing.promises(one))
    symbols = tuple(dict.fromkeys(clauses.others.split()))
    return IgnoreRequest(contracts_of(clauses), clauses.scope.chains, symbols, listed)


def _refused(command: Command, rest: str, refused: LineRefused) -> Refusal | Usage:
    """Return why a line is not taken; how the command is used does not help with a wrong address."""
    is_address = any(word.refused and word.refused.reason == refused.reason for word in read_words(rest))
    return Refusal(refused.sentence) if is_address else Usage(command, refused.sentence)


def _only_tokens(rest: str, chains: ChainReader) -> Clauses:
    """Read contracts and chains, and nothing else; the word “token” before them is allowed.

    Raises LineRefused.
    """
    line = WORD.sub("", rest, count=1) if is_token_line(rest) else rest
    clauses = read_clauses(line, chains)
    if clauses.scope.contracts or clauses.symbols:
        raise LineRefused("contract", "isn't needed: the contracts come first.")
    if clauses.label:
        raise LineRefused("as", "isn't needed: an ignored token has no name of its own.")
    contracts_of(clauses)
    return clauses


async def _find_alert(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Ignore the token that an alert is about, on the chains where it is."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None or found.about.contract is None:
        return None
    contract, chains = found.about.contract, found.about.chains

    async def act(presser: Incoming) -> CallbackResult:
        actor = presser.actor(services.now())
        result = await services.db.run(ignore_list.ignore, found.place, [contract], chains, actor)
        if result.already:
            return CallbackResult(toasts.ALREADY, is_used_up=True)

        async def then() -> Answer:
            return (await _ignored_screen(services, found.place, result),)

        return CallbackResult(IGNORED if result.new else "", is_used_up=bool(result.new), then=then)

    # The rule is of the alert's topic; where that is lost, alert and answer stand in the chat itself.
    return CallbackAction(IGNORE_COMMAND.needs, act, incoming.place if found.is_fallback else found.place)


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of what is ignored."""

    async def act(presser: Incoming) -> CallbackResult:
        page = await _page(services, presser.place, press.row)
        return CallbackResult(redraw=page, is_only_to_see=True)

    return CallbackAction(Action.LOOK, act, incoming.place)


async def _ignored_screen(services: Services, place: Place, ignored: IgnoreResult) -> Screen:
    """Return the answer to /ignore, with buttons to undo it and to stop what names the token all the same."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    tokens = ignored.new + ignored.already
    named = [entry for entry in listed if any(_names(entry, token) for token in tokens)]
    accounts = {entry.subscription.account for entry in listed}
    text = tokens_ignored(
        ignored,
        services.chains,
        named=[one.number for one in named],
        is_watched=any(token.contract in accounts for token in tokens),
    )
    # One button takes back one line; of several, the page of /ignore has the buttons.
    undo = (
        [button("Undo", STOP_IGNORING, token.row) for token in ignored.new] if len(ignored.new) == 1 else []
    )
    stops = [button(f"Stop #{entry.number}", STOP, entry.subscription.id) for entry in named[:2]]
    return Screen(text, rows([*undo, *stops]))


async def _page(services: Services, place: Place, page: int) -> Screen:
    here = await services.db.run(ignore_list.ignored_here, place, page, TOKENS_A_PAGE)
    again = [
        button(
            f"{number}. Unignore {token_words(token.contract, token.symbol)}",
            STOP_IGNORING,
            token.row,
            here.page,
        )
        for number, token in enumerate(here.tokens, 1)
    ]
    pairs = [again[start : start + 2] for start in range(0, len(again), 2)]
    keyboard = rows(*pairs) + pager(SHOW_PAGE, here.page, here.pages)
    return Screen(ignored_list(here, services.chains), keyboard)


def _names(one: ListedSubscription, token: IgnoredToken) -> bool:
    """Whether a subscription names a token on a chain where it is ignored."""
    chains = one.subscription.scope.chains
    overlap = not chains or not token.chains or not chains.isdisjoint(token.chains)
    return token.contract in one.subscription.scope.contracts and overlap


# ---------------------------------------------------------------- /unignore


@dataclass(frozen=True, slots=True)
class UnignoreRequest(Request):
    """`/unignore`; at least one contract."""

    needs = UNIGNORE_COMMAND.needs
    contracts: tuple[Address, ...]
    symbols: tuple[str, ...] = ()
    """Ignored tokens that are named by their symbol."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Report changes of contracts again."""
        here = await services.db.run(ignore_list.ignored_here, incoming.place, 1, 2 * IGNORED_MOST)
        called = {
            symbol: [
                token.contract for token in here.tokens if symbol_key(token.symbol) == symbol_key(symbol)
            ]
            for symbol in self.symbols
        }
        missing = next((symbol for symbol, found in called.items() if not found), None)
        if missing is not None:
            return (
                fill(
                    "No ignored token is called “{}”. {} shows what is ignored.",
                    typed_word(missing),
                    "/ignore",
                ),
            )
        contracts = tuple(dict.fromkeys((*self.contracts, *chain.from_iterable(called.values()))))
        actor = incoming.actor(services.now())
        found = await services.db.run(ignore_list.unignore, incoming.place, contracts, actor)
        return (
            tokens_unignored(
                [_name_of(contract, here.tokens) for contract in contracts if contract in found],
                [contract for contract in contracts if contract not in found],
            ),
        )


def _read_unignore(rest: str, chains: ChainReader) -> UnignoreRequest | IgnoredRequest | Refusal | Usage:
    if not WORD.search(rest):
        return IgnoredRequest()
    try:
        clauses = _only_tokens(rest, chains)
    except LineRefused as refused:
        return _refused(UNIGNORE_COMMAND, rest, refused)
    # A rule without chains can't be taken back for one chain only.
    if clauses.scope.chains:
        return Usage(
            UNIGNORE_COMMAND,
            "/unignore is for every chain; for one line only, use the buttons of /ignore.",
        )
    return UnignoreRequest(contracts_of(clauses), tuple(dict.fromkeys(clauses.others.split())))


async def _find_ignored(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Take back that a token is ignored."""
    found = await services.db.run(ignore_list.find_rule, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        was_ignored = await services.db.run(ignore_list.delete_rule, found, presser.actor(services.now()))
        if press.page is not None:
            shown = await _page(services, presser.place, press.page)
        else:
            shown = Screen(token_unignored(found.token, services.chains))
        return CallbackResult(toasts.UNDONE if was_ignored else toasts.ALREADY, shown)

    return CallbackAction(UNIGNORE_COMMAND.needs, act, found.place)


# ---------------------------------------------------------------- words

IGNORED = "Ignored from now on."


def tokens_ignored(
    ignored: IgnoreResult, chains: Chains, *, named: Sequence[int] = (), is_watched: bool = False
) -> Html:
    """Return the answer to /ignore.

    `named` are the numbers of subscriptions that name one of the contracts, and are reported all the same;
    `is_watched`: one of the addresses is watched as an account.
    """
    lines = []
    if ignored.new:
        lines.append(_newly_ignored(ignored.new, chains, named))
    if ignored.already:
        lines.append(
            fill("Already ignored: {}.", folded([_token(token, chains) for token in ignored.already]))
        )
    if ignored.over_limit:
        room = f"{ignored.over_limit:,}", f"{IGNORED_MOST:,}"
        lines.append(fill("No room for {} more: one chat ignores {} at most.", *room))
    if ignored.still_to_come:
        lines.append(EMPTY + f"{counted(ignored.still_to_come, 'change')} from before will still come.")
    if is_watched:
        lines.append(fill("It is still watched as an account; {} stops that.", code("/unwatch")))
    return join("\n", lines)


def ignored_list(here: IgnoreListPage, chains: Chains) -> Html:
    """Return a page of what is ignored; the numbers are those on the buttons."""
    if not here.total:
        return fill("Nothing is ignored here. {} stops alerts about a token.", code("/ignore 0x…"))
    of = f" · page {here.page}/{here.pages}" if here.pages > 1 else ""
    lines = [
        fill("{}. {}", str(number), _token(token, chains)) for number, token in enumerate(here.tokens, 1)
    ]
    return join("\n", (f"Ignored here: {here.total:,}{of}", *lines))


def token_unignored(token: IgnoredToken, chains: Chains) -> Html:
    """Return what a message shows whose button took an /ignore back."""
    return fill("{} is reported again. What changed meanwhile is not.", _token(token, chains))


def _name_of(contract: Address, tokens: Iterable[IgnoredToken]) -> Html:
    symbols = {token.symbol for token in tokens if token.contract == contract}
    return _named(symbol(symbols.pop()) if len(symbols) == 1 else EMPTY, contract)


def tokens_unignored(found: Sequence[Html], others: Sequence[Address]) -> Html:
    """Return the answer to /unignore."""
    lines = []
    if found:
        what = folded(found, last=" and ")
        lines.append(
            fill(
                "{} {} reported again. What changed meanwhile is not.",
                what,
                "is" if len(found) == 1 else "are",
            )
        )
    if others:
        what = folded([short_address(contract) for contract in others], last=" and ")
        lines.append(
            fill(
                "{} {} not ignored here. {} shows what is.",
                what,
                "is" if len(others) == 1 else "are",
                code("/ignore"),
            )
        )
    return join("\n", lines)


def _newly_ignored(new: Sequence[IgnoredToken], chains: Chains, named: Sequence[int]) -> Html:
    what = folded([_token(token, chains) for token in new], last=" and ")
    is_one = len(new) == 1
    if not named:
        them = "it" if is_one else "them"
        return fill(
            "Ignoring {}: no more alerts about {} here, and /balance leaves {} out.", what, them, them
        )
    numbers = folded([f"#{number}" for number in named], last=" and ")
    still = "still reports" if len(named) == 1 else "still report"
    them = "it" if is_one else "some of them"
    return fill("Ignoring {}, but {} {} {} by name.", what, numbers, still, them)


def _named(shown: Html, contract: Address) -> Html:
    return bold(shown) + " · " + short_address(contract) if shown else short_address(contract)


def _token(token: IgnoredToken, chains: Chains) -> Html:
    named = _named(symbol(token.symbol), token.contract)
    return named + f" on {chain_names(sorted(token.chains), chains, last=' and ')}" if token.chains else named


IGNORE = Feature(IGNORE_COMMAND, _read_ignore, {alert_buttons.IGNORE: _find_alert, SHOW_PAGE: _find_page})
UNIGNORE = Feature(UNIGNORE_COMMAND, _read_unignore, {STOP_IGNORING: _find_ignored})
