"""What the bot answers about what it does not tell, though it is watched."""

from collections.abc import Sequence

from bot.chat.foreign import foreign
from bot.chat.html import EMPTY, Html, bold, code, fill, join
from bot.chat.wording import chain_names, counted, folded, short_address
from bot.domain.chains import Chains
from bot.domain.ignoring import IGNORED_MOST, IgnoredHere, IgnoredToken, Ignoring
from bot.domain.model import Address

# ---------------------------------------------------------------- ignored tokens


def ignoring(
    ignored: Ignoring, chains: Chains, *, named: Sequence[int] = (), is_watched: bool = False
) -> Html:
    """Return the answer to /ignore.

    `named` are the numbers of subscriptions that name one of the contracts, and are told all the same;
    `is_watched`: one of the addresses is watched as an account.
    """
    lines = []
    if ignored.new:
        lines.append(_ignored(ignored.new, chains, named))
    if ignored.already:
        lines.append(fill("Ignored already: {}.", folded([_token(one, chains) for one in ignored.already])))
    if ignored.over_limit:
        room = f"{ignored.over_limit:,}", f"{IGNORED_MOST:,}"
        lines.append(fill("No room for {} more: one chat ignores {} at most.", *room))
    if ignored.still_to_come:
        lines.append(EMPTY + f"{counted(ignored.still_to_come, 'change')} from before will still come.")
    if is_watched:
        lines.append(fill("As an account it is watched on: {} is for that.", code("/unwatch")))
    return join("\n", lines)


def ignored_list(here: IgnoredHere, chains: Chains) -> Html:
    """Return a page of what is ignored; the numbers are those on the buttons."""
    if not here.total:
        return fill("Nothing is ignored here. {} ends what is told of a token.", code("/ignore 0x…"))
    of = f" · page {here.page}/{here.pages}" if here.pages > 1 else ""
    lines = [
        fill("{}. {}", str(number), _token(token, chains)) for number, token in enumerate(here.tokens, 1)
    ]
    return join("\n", (f"Ignored here: {here.total:,}{of}", *lines))


def heard_again(token: IgnoredToken, chains: Chains) -> Html:
    """Return what a message shows whose button took an /ignore back."""
    return fill("{} is told again. What changed of it meanwhile is not.", _token(token, chains))


def hearing_again(found: Sequence[Address], others: Sequence[Address]) -> Html:
    """Return the answer to /unignore."""
    lines = []
    if found:
        what = folded([short_address(contract) for contract in found], last=" and ")
        lines.append(
            fill("{} {} told again. What changed meanwhile is not.", what, "is" if len(found) == 1 else "are")
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


def token_words(token: IgnoredToken) -> str:
    """Return how a button calls a token: by its symbol, or else by its address."""
    return foreign(token.symbol).visible or short_address(token.contract).visible


def _ignored(new: Sequence[IgnoredToken], chains: Chains, named: Sequence[int]) -> Html:
    what = folded([_token(token, chains) for token in new], last=" and ")
    is_one = len(new) == 1
    if not named:
        theirs, them = ("Its changes are", "it") if is_one else ("Their changes are", "them")
        return fill("Ignoring {} here. {} no longer told, and /balance leaves {} out.", what, theirs, them)
    numbers = folded([f"#{number}" for number in named], last=" and ")
    them = "it" if is_one else "some of them"
    verbs = ("watches", "is") if len(named) == 1 else ("watch", "are")
    return fill(
        "Ignoring {} here, except for {}, which {} {} by name and {} still told.",
        what,
        numbers,
        verbs[0],
        them,
        verbs[1],
    )


def _token(token: IgnoredToken, chains: Chains) -> Html:
    symbol = foreign(token.symbol)
    named = bold(symbol) + " · " + short_address(token.contract) if symbol else short_address(token.contract)
    return named + f" on {chain_names(sorted(token.chains), chains, last=' and ')}" if token.chains else named
