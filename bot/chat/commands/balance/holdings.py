"""The answer to /balance: what an account holds and is worth, how old that is, and what of it is unknown."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from bot.chat.commands.words import unlisted
from bot.chat.text.html import EMPTY, Html, Section, bold, code, expandable, fill, join, paged
from bot.chat.text.outages import vanished, waiting
from bot.chat.text.prices import without_a_price, worth_line
from bot.chat.text.wording import (
    RAW_UNITS,
    account_name,
    age,
    asset_name,
    chain_names,
    counted,
    counted_ids,
    ids_held,
    moment,
)
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import NOT_LISTED, Chains, Listing
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartSeen
from bot.domain.observe.worth import dollars_held, worth_of
from bot.domain.symbols import find_look_alikes
from bot.domain.units import added_usd, format_shown, format_usd

_PAGES_MOST = 3

ACCOUNTS_A_PAGE = 20

_SMALL = Decimal(1)
"""Dollars: what is worth less is folded into a line."""

_FOLDED_A_LINE = 20
"""Balances: a line with more might not fit a message."""

_READ_TOGETHER = timedelta(minutes=2)
"""Chains read within so long of each other have one age, that of the oldest."""


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
    as_of = oldest_of_the_newest(known)
    when = [EMPTY + read_at(as_of, now)] if as_of else []
    sections = [
        _head([account_name(account, label), *when], known, chains),
        *_sections(read, chains, now, listing=listing, as_of=as_of),
        *never,
    ]
    return paged(sections, most=_PAGES_MOST)


def oldest_of_the_newest(known: Iterable[ChainHoldings]) -> datetime | None:
    """Return when chains were read, leaving out those that are much older; None: nothing is current."""
    ages = [seen_at for chain in known if (seen_at := _seen_at(chain))]
    return min(filter(lambda seen_at: seen_at >= max(ages) - _READ_TOGETHER, ages), default=None)


def read_at(seen_at: datetime, now: datetime) -> str:
    """Return `As of 14:03:22 UTC, 2 s ago`."""
    return f"As of {moment(seen_at, now, pattern='%H:%M:%S')}, {age(now - seen_at)} ago"


def _seen_at(chain: ChainHoldings) -> datetime | None:
    """Return when the oldest part was read that is current; None: none is."""
    return min((part.seen_at for part in chain.parts if part.seen_at and part.is_current), default=None)


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
        _head([head], known, chains),
        *_sections(read, chains, None, look_alikes),
        *([Section("", [silent])] if unread else []),
    ]
    watch = fill("{} alerts this chat when that changes.", code(f"/watch {checksummed(account)}"))
    return paged(sections, watch, most=_PAGES_MOST)


def _head(lines: Sequence[Html], known: Iterable[ChainHoldings], chains: Chains) -> Section:
    """Return what stands above all chains: whose it is, when it was read, and what all of it is worth."""
    return Section("", [*lines, *filter(None, [worth_line(worth_of(known, chains), chains)])])


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
    *,
    listing: Listing = NOT_LISTED,
    as_of: datetime | None = None,
) -> Iterator[Section]:
    """Yield a section for each chain, by worth, and one for all that hold nothing.

    Those that were read `as_of` or later have no age of their own; without `now` none has.
    """
    shown = [held for chain in read for held in chain.held]
    together = find_look_alikes((held.asset, held.description.symbol) for held in shown)
    alike = together | known_alike | {held.asset for held in shown if held.is_look_alike}
    # What is held back or no longer listed is shown as last known, never among those that hold nothing.
    doubtful = [chain for chain in read if chain.held_back or listing.has_dropped(chain.chain_id)]
    empty = [chain for chain in read if _is_empty(chain) and chain not in doubtful]
    for chain in sorted(read, key=lambda chain: worth_of([chain], chains).usd, reverse=True):
        if chain in doubtful:
            # An age of its own: what is believed no longer is as old as that.
            yield _last_known(chain, _section(chain, chains, alike, now), chains)
        elif chain not in empty:
            yield _section(chain, chains, alike, now, as_of)
    if empty:
        titles = chain_names([chain.chain_id for chain in empty], chains)
        oldest = min(filter(None, (part.seen_at for chain in empty for part in chain.parts)))
        yield Section(bold(titles) + _as_of(oldest, now, as_of), [EMPTY + "nothing held"])


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


def _section(
    chain: ChainHoldings,
    chains: Chains,
    alike: frozenset[Asset],
    now: datetime | None,
    as_of: datetime | None = None,
) -> Section:
    """Return what is current under the chain and its worth, and below it, part by part, what is not."""

    def lines(held: Iterable[NamedBalance]) -> list[Html]:
        return _lines(held, chains, alike)

    worth = worth_of([chain], chains)
    title = bold(chains.get(chain.chain_id).title) + (f" · {format_usd(worth.usd)}" if worth.priced else "")
    current = [part for part in chain.parts if part.is_current]
    others = [part for part in chain.parts if not part.is_current]
    # Where all parts are unknown since one moment, the heading says it once, not each part.
    if not current and len({part.unknown_since for part in others}) == 1:
        known = [*lines(chain.held), *_left_out(chain)]
        return Section(title + f": {_unknown(others[0], now)}", known or [EMPTY + "nothing"])
    shown = lines(held for part in current for held in part.held)
    if others:
        shown += [
            EMPTY + f"{part.kind}: nothing held" for part in current if not (part.held or part.left_out)
        ]
    for state, parts in groupby(others, key=lambda part: f"{part.kind} {_unknown(part, now)}"):
        held = [balance for part in parts for balance in part.held]
        is_nothing = state.endswith(":") and not held and not chain.left_out
        shown += [EMPTY + (f"{state} nothing" if is_nothing else state), *lines(held)]
    seen_at = _seen_at(chain)
    return Section(title + (_as_of(seen_at, now, as_of) if seen_at else EMPTY), [*shown, *_left_out(chain)])


def _left_out(chain: ChainHoldings) -> list[Html]:
    """Return the line about tokens that are held and ignored here, if there are any."""
    return [fill("{}, not shown", counted(chain.left_out, "ignored token"))] if chain.left_out else []


def _as_of(seen_at: datetime, now: datetime | None, as_of: datetime | None = None) -> str:
    if now is None or (as_of is not None and seen_at >= as_of):
        return ""
    return f" · {read_at(seen_at, now).replace('As', 'as', 1)}"


def _unknown(part: PartSeen, now: datetime | None) -> str:
    if now is None:
        return "unknown: no whole answer"
    if part.unknown_since is None:
        return "not read yet"
    return f"unknown since {moment(part.unknown_since, now)}; last known:"


def _lines(held: Iterable[NamedBalance], chains: Chains, alike: frozenset[Asset]) -> list[Html]:
    """Return balances by worth, those without a price last; several of less than a dollar share a line."""
    worth = [(one, dollars_held(one, chains)) for one in held]
    by_worth = sorted(worth, key=lambda pair: pair[1] or Decimal(0), reverse=True)
    small = [(one, usd) for one, usd in by_worth if usd is not None and usd < _SMALL]
    if len(small) == 1:
        small = []
    lines = [_line(one, usd, chains, alike) for one, usd in by_worth if (one, usd) not in small]
    for start in range(0, len(small), _FOLDED_A_LINE):
        lines.append(_folded(small[start : start + _FOLDED_A_LINE], chains, alike, is_rest=bool(lines)))
    return lines


def _folded(
    small: Sequence[tuple[NamedBalance, Decimal]], chains: Chains, alike: frozenset[Asset], *, is_rest: bool
) -> Html:
    """Return small balances in a quotation: what they are worth together, then each amount."""
    amounts = join(", ", (_amount(one, chains, alike) for one, _ in small))
    usd = format_usd(added_usd(*(usd for _, usd in small)))
    return expandable(
        fill("{}{} under $1, together {}: {}", "and " if is_rest else "", f"{len(small):,}", usd, amounts)
    )


def _line(held: NamedBalance, usd: Decimal | None, chains: Chains, alike: frozenset[Asset]) -> Html:
    worth = "" if usd is None else f" · {format_usd(usd)}"
    return _amount(held, chains, alike) + worth + (f" {held.sparkline}" if held.sparkline else "")


def _amount(held: NamedBalance, chains: Chains, alike: frozenset[Asset]) -> Html:
    asset, description, holding = held.asset, held.description, held.amount
    decimals = decimals_of(asset, description, chains)
    amount = format_shown(holding.amount_raw, decimals or 0)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    ids = ids_held(description, holding)
    kept = f" · {counted_ids(ids)}" if ids else ""
    return fill("{} {}{}{}", amount, asset_name(asset, description, chains, alike), raw, kept)


# ---------------------------------------------------------------- several accounts


@dataclass(frozen=True, slots=True)
class NamedHoldings:
    """What an account holds on the chains where it has one label."""

    account: Address
    label: str
    known: Sequence[ChainHoldings]


def by_worth(named: Iterable[NamedHoldings], chains: Chains) -> list[NamedHoldings]:
    """Return accounts, the one that is worth most first."""
    return sorted(named, key=lambda one: worth_of(one.known, chains).usd, reverse=True)


def table(
    named: Sequence[NamedHoldings], chains: Chains, now: datetime, *, accounts: int, page: int = 1
) -> Html:
    """Return a page of several accounts, each with its worth, below the sum of all of them.

    `accounts` is the number of addresses: one may have several names.
    """
    everything = [chain for one in named for chain in one.known]
    as_of = oldest_of_the_newest(everything)
    head = [bold(f"All {accounts:,} accounts") if accounts > 1 else account_name(named[0].account, "")]
    if as_of is not None:
        head.append(EMPTY + read_at(as_of, now))
    head += filter(None, [worth_line(worth_of(everything, chains), chains)])
    lines = [_row(one, chains, now, as_of) for one in on_page(named, page)]
    pages = pages_of(named)
    number = [Section("", [EMPTY + f"{page}/{pages}"])] if pages > 1 else []
    (text,) = paged([Section("", head), Section("", lines), *number], most=1)
    return text


def on_page(named: Sequence[NamedHoldings], page: int) -> Sequence[NamedHoldings]:
    """Return what stands on a page of several accounts."""
    return named[(page - 1) * ACCOUNTS_A_PAGE : page * ACCOUNTS_A_PAGE]


def pages_of(named: Sequence[NamedHoldings]) -> int:
    """Return how many pages so many take; at least one."""
    return max(1, -(-len(named) // ACCOUNTS_A_PAGE))


def _row(one: NamedHoldings, chains: Chains, now: datetime, as_of: datetime | None) -> Html:
    """Return an account, what it is worth, what that leaves out, and its age where it is another one."""
    return (
        account_name(one.account, one.label)
        + f" · {_short_worth(one.known, chains)}{_older(one, now, as_of)}"
    )


def _older(one: NamedHoldings, now: datetime, as_of: datetime | None) -> str:
    own = oldest_of_the_newest(one.known)
    return _as_of(own, now, as_of) if own is not None else ""


def _short_worth(known: Sequence[ChainHoldings], chains: Chains) -> str:
    if not any(part.seen_at for chain in known for part in chain.parts):
        return "not read yet"
    worth = worth_of(known, chains)
    said = [
        format_usd(worth.usd) if worth.priced else "",
        *without_a_price(worth),
        f"{counted(worth.ignored, 'ignored token')}" if worth.ignored else "",
        f"unknown on {chain_names(sorted(worth.unknown), chains, last=' and ')}" if worth.unknown else "",
        f"as last known on {chain_names(sorted(worth.last_known), chains, last=' and ')}"
        if worth.last_known
        else "",
    ]
    return ", ".join(filter(None, said)) or "nothing held"
