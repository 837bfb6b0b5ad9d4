"""The answer to /balance: what an account holds and is worth, how old that is, and what of it is unknown."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import groupby

from bot.chat.commands.words import unlisted
from bot.chat.text.html import EMPTY, Html, Section, bold, code, fill, paged
from bot.chat.text.outages import vanished, waiting
from bot.chat.text.prices import worth_line
from bot.chat.text.wording import (
    RAW_UNITS,
    account_name,
    age,
    asset_name,
    chain_names,
    clock,
    counted,
    counted_ids,
    ids_held,
)
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import NOT_LISTED, Chains, Listing
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartSeen
from bot.domain.observe.worth import dollars_held, worth_of
from bot.domain.symbols import find_look_alikes
from bot.domain.units import format_shown, format_usd

_PAGES_MOST = 3


def balances(
    account: Address,
    label: str,
    known: Sequence[ChainHoldings],
    chains: Chains,
    now: datetime,
    *,
    listing: Listing = NOT_LISTED,
) -> tuple[Html, ...]:
    """Return what a watched account holds, each chain with its age; those that hold nothing share a line."""
    read, unread = _read_and_unread(known)
    coming = [chain_id for chain_id in unread if not listing.is_known or chain_id in listing.now]
    lines = unlisted(unread, listing, chains)
    if not read:
        nothing = [EMPTY + "No reading yet; the first one is on its way."] if coming or not lines else []
        return paged([Section("", [account_name(account, label)]), Section("", [*nothing, *lines])])
    if coming:
        lines.insert(0, EMPTY + f"Not read yet: {chain_names(coming, chains)}")
    never = [Section("", lines)] if lines else []
    sections = [
        _head(account_name(account, label), known, chains),
        *_sections(read, chains, now, listing=listing),
        *never,
    ]
    return paged(sections, most=_PAGES_MOST)


def live_balances(
    account: Address,
    known: Sequence[ChainHoldings],
    chains: Chains,
    look_alikes: AbstractSet[Asset] = frozenset(),
) -> tuple[Html, ...]:
    """Return what an account that nobody watches here holds at this moment.

    `look_alikes` are those of the assets whose symbol looks like another one that was known before.
    """
    read, unread = _read_and_unread(known)
    head = fill("{}, asked just now", account_name(account, ""))
    silent = fill("No answer from {}: what it holds there is unknown.", chain_names(unread, chains))
    sections = [
        _head(head, known, chains),
        *_sections(read, chains, None, look_alikes),
        *([Section("", [silent])] if unread else []),
    ]
    watch = fill("{} tells this chat when that changes.", code(f"/watch {checksummed(account)}"))
    return paged(sections, watch, most=_PAGES_MOST)


def _head(title: Html, known: Iterable[ChainHoldings], chains: Chains) -> Section:
    """Return what stands above all chains: whose it is, and what all of it is worth."""
    return Section("", [title, *filter(None, [worth_line(worth_of(known, chains), chains)])])


def _read_and_unread(known: Iterable[ChainHoldings]) -> tuple[list[ChainHoldings], list[ChainId]]:
    read, unread = [], []
    for chain in known:
        if any(part.seen_at for part in chain.parts):
            read.append(chain)
        else:
            unread.append(chain.chain_id)
    return read, unread


def _sections(
    read: Sequence[ChainHoldings],
    chains: Chains,
    now: datetime | None,
    known_alike: AbstractSet[Asset] = frozenset(),
    listing: Listing = NOT_LISTED,
) -> Iterator[Section]:
    """Yield a section for each chain, and one for all that hold nothing; without `now`, without ages."""
    shown = [held for chain in read for held in chain.held]
    together = find_look_alikes((held.asset, held.description.symbol) for held in shown)
    alike = together | known_alike | {held.asset for held in shown if held.is_look_alike}
    # What is held back or no longer listed is shown as last known, never among those that hold nothing.
    doubtful = [chain for chain in read if chain.held_back or listing.has_dropped(chain.chain_id)]
    empty = [chain for chain in read if _is_empty(chain) and chain not in doubtful]
    for chain in read:
        if chain in doubtful:
            yield _last_known(chain, _section(chain, chains, alike, now), chains)
        elif chain not in empty:
            yield _section(chain, chains, alike, now)
    if empty:
        titles = chain_names([chain.chain_id for chain in empty], chains)
        oldest = min(filter(None, (part.seen_at for chain in empty for part in chain.parts)))
        yield Section(bold(titles) + _as_of(oldest, now), [EMPTY + "nothing held"])


def _last_known(chain: ChainHoldings, section: Section, chains: Chains) -> Section:
    """Return the section of a chain that is held back or no longer listed, with the reason above it."""
    why = EMPTY + "The source no longer lists this chain; last known:"
    if chain.held_back:
        wait = waiting(chain.chain_id, chains)
        why = fill("Held back since then: {}; {}. Last known:", vanished(chain.held_back), wait)
    return Section(section.heading, [why, *(section.lines or [EMPTY + "nothing held"])])


def _is_empty(chain: ChainHoldings) -> bool:
    """Whether all of it was seen, and nothing is there."""
    return not chain.held and not chain.left_out and all(part.is_current for part in chain.parts)


def _section(chain: ChainHoldings, chains: Chains, alike: frozenset[Asset], now: datetime | None) -> Section:
    """Return what is current under the age of the chain, and below it, part by part, what is not."""

    def lines(held: Iterable[NamedBalance]) -> list[Html]:
        return [_line(balance, chains, alike) for balance in held]

    title = bold(chains.get(chain.chain_id).title)
    current = [part for part in chain.parts if part.is_current]
    others = [part for part in chain.parts if not part.is_current]
    # Where all parts are unknown since one moment, the heading says it once, not each part.
    if not current and len({part.unknown_since for part in others}) == 1:
        known = [*lines(chain.held), *_left_out(chain)]
        return Section(title + f": {_unknown(others[0], now)}", known or [EMPTY + "nothing"])
    shown: list[Html] = []
    for part in current:
        is_said = part.held or part.left_out or not others
        shown += lines(part.held) if is_said else [EMPTY + f"{part.kind}: nothing held"]
    for state, parts in groupby(others, key=lambda part: f"{part.kind} {_unknown(part, now)}"):
        held = [balance for part in parts for balance in part.held]
        is_nothing = state.endswith(":") and not held and not chain.left_out
        shown += [EMPTY + (f"{state} nothing" if is_nothing else state), *lines(held)]
    seen_at = min((part.seen_at for part in current if part.seen_at), default=None)
    return Section(title + (_as_of(seen_at, now) if seen_at else EMPTY), [*shown, *_left_out(chain)])


def _left_out(chain: ChainHoldings) -> list[Html]:
    """Return the line about tokens that are held and ignored here, if there are any."""
    return [fill("{}, not shown", counted(chain.left_out, "ignored token"))] if chain.left_out else []


def _as_of(seen_at: datetime, now: datetime | None) -> str:
    if now is None:
        return ""
    return f" · as of {clock(seen_at, now.astimezone(UTC).date())} UTC, {age(now - seen_at)} ago"


def _unknown(part: PartSeen, now: datetime | None) -> str:
    if now is None:
        return "unknown: no whole answer"
    if part.unknown_since is None:
        return "not read yet"
    since = clock(part.unknown_since, now.astimezone(UTC).date(), pattern="%H:%M")
    return f"unknown since {since} UTC; last known:"


def _line(held: NamedBalance, chains: Chains, alike: frozenset[Asset]) -> Html:
    asset, description, holding, _ = held
    decimals = decimals_of(asset, description, chains)
    amount = format_shown(holding.amount_raw, decimals or 0)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    ids = ids_held(description, holding)
    kept = f" · {counted_ids(ids)}" if ids else ""
    usd = dollars_held(held, chains)
    worth_it = "" if usd is None else f" · {format_usd(usd)}"
    return fill("{} {}{}{}{}", amount, asset_name(asset, description, chains, alike), raw, kept, worth_it)
