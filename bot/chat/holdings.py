"""The answer to /balance: what an account holds, how old that is, and what of it is unknown."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.chat.html import EMPTY, Html, bold, fill
from bot.chat.pages import Section, paged
from bot.chat.wording import (
    RAW_UNITS,
    account_name,
    asset_name,
    clock,
    counted_ids,
    decimals_of,
    find_look_alikes,
    ids_held,
)
from bot.domain.chains import Chains
from bot.domain.model import Address, Asset, ChainBalances, Description, Holding
from bot.domain.units import format_shown

_PAGES_MOST = 3


def balances(
    account: Address, label: str, known: Sequence[ChainBalances], chains: Chains, now: datetime
) -> tuple[Html, ...]:
    """Return what an account holds by chain, each with its age."""
    look_alikes = find_look_alikes(
        ((asset, description) for chain in known for asset, description, _ in chain.balances), chains
    )
    sections = [Section("", [account_name(account, label)])]
    sections += [_section(chain, chains, look_alikes, now) for chain in known]
    if not known:
        sections.append(Section("", [EMPTY + "No reading yet; the first one is on its way."]))
    return paged(sections, most=_PAGES_MOST)


def _section(chain: ChainBalances, chains: Chains, look_alikes: frozenset[Asset], now: datetime) -> Section:
    lines = [_line(*balance, chains, look_alikes) for balance in chain.balances]
    heading = bold(chains.get(chain.chain_id).title) + _freshness(chain.seen_at, chain.unknown_since, now)
    return Section(heading, lines or [EMPTY + "nothing held"])


def _freshness(seen_at: datetime, unknown_since: datetime | None, now: datetime) -> str:
    today = now.astimezone(UTC).date()
    if unknown_since is None:
        return f" · as of {clock(seen_at, today)} UTC, {_age(now - seen_at)} ago"
    return f": unknown since {clock(unknown_since, today, pattern='%H:%M')} UTC; last known:"


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _line(
    asset: Asset,
    description: Description,
    holding: Holding,
    chains: Chains,
    look_alikes: frozenset[Asset],
) -> Html:
    decimals = decimals_of(asset, description, chains)
    amount = format_shown(holding.amount_raw, decimals or 0)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    ids = ids_held(description, holding)
    kept = f" · {counted_ids(ids)}" if ids else ""
    return fill("{} {}{}{}", amount, asset_name(asset, description, chains, look_alikes), raw, kept)
