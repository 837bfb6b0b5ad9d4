"""What holdings are worth in dollars, as far as the source names prices: decoration, and never a guess.

A sum says what it leaves out: what has no price, what is ignored here, what is unknown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import chain_names, counted, decimals_of, folded
from bot.domain.assets import Asset, ChainId, Price
from bot.domain.chains import Chains
from bot.domain.observe.freshness import ChainHoldings, NamedBalance
from bot.domain.units import added_usd, format_usd, usd_value

_CHARACTERS_MOST = 40
"""More dollars than that are a mistake of whoever made the price."""


@dataclass(frozen=True, slots=True)
class Worth:
    """A sum, and what is not in it."""

    usd: Decimal = Decimal(0)
    priced: int = 0
    """Balances that are in it."""
    unpriced: int = 0
    ignored: int = 0
    unknown: frozenset[ChainId] = frozenset()
    """Where something was not read."""
    last_known: frozenset[ChainId] = frozenset()
    """Where something gives no answer now; what it was is in the sum."""

    def and_also(self, other: "Worth") -> "Worth":
        """Return what both are worth together."""
        return Worth(
            added_usd(self.usd, other.usd),
            self.priced + other.priced,
            self.unpriced + other.unpriced,
            self.ignored + other.ignored,
            self.unknown | other.unknown,
            self.last_known | other.last_known,
        )


def with_prices(
    known: Iterable[ChainHoldings], prices: Mapping[Asset, Price], not_before: datetime
) -> list[ChainHoldings]:
    """Return holdings with the prices the source named since that moment."""

    def priced(held: NamedBalance) -> NamedBalance:
        price = prices.get(held.asset)
        usd = price.usd if price is not None and price.seen_at >= not_before else None
        return held._replace(description=held.description._replace(price_usd=usd))

    return [
        replace(
            chain,
            parts=tuple(replace(part, held=tuple(map(priced, part.held))) for part in chain.parts),
        )
        for chain in known
    ]


def dollars(amount_raw: int, decimals: int | None, price_usd: str | None) -> Decimal | None:
    """Return what an amount is worth; None for nothing, and where price or decimals are unknown or absurd."""
    if decimals is None:
        return None
    try:
        value = usd_value(amount_raw, decimals, price_usd)
        is_shown = bool(value) and len(format_usd(value or Decimal(0))) <= _CHARACTERS_MOST
    except ArithmeticError:
        return None
    return value if is_shown else None


def dollars_held(held: NamedBalance, chains: Chains) -> Decimal | None:
    """Return what one balance is worth, if that is known."""
    decimals = decimals_of(held.asset, held.description, chains)
    return dollars(held.amount.amount_raw, decimals, held.description.price_usd)


def worth(known: Iterable[ChainHoldings], chains: Chains) -> Worth:
    """Return what an account's holdings are worth together."""
    total = Worth()
    for chain in known:
        here = {chain.chain_id}
        values = [dollars_held(held, chains) for held in chain.held]
        priced = [value for value in values if value is not None]
        is_unknown = any(part.seen_at is None for part in chain.parts)
        is_last_known = any(part.unknown_since is not None for part in chain.parts)
        total = total.and_also(
            Worth(
                added_usd(*priced),
                len(priced),
                len(values) - len(priced),
                chain.left_out,
                frozenset(here if is_unknown else ()),
                frozenset(here if is_last_known else ()),
            )
        )
    return total


def worth_line(sum_: Worth, chains: Chains) -> Html:
    """Return the sum and what it leaves out; nothing where nothing is held."""
    if not sum_.priced:
        return EMPTY + "Worth unknown: no price of it is known." if sum_.unpriced else EMPTY
    left_out: list[Html | str] = []
    if sum_.unpriced:
        left_out.append(f"{counted(sum_.unpriced, 'balance')} without a price")
    if sum_.ignored:
        left_out.append(f"{counted(sum_.ignored, 'balance')} of ignored tokens")
    if sum_.unknown:
        left_out.append(f"what is unknown on {_names(sum_.unknown, chains)}")
    line = fill("Worth {}", format_usd(sum_.usd))
    if left_out:
        line += fill(", not counting {}", folded(left_out, last=" and "))
    if sum_.last_known:
        line += fill("; on {} as last known", _names(sum_.last_known, chains))
    return line


def _names(chain_ids: frozenset[ChainId], chains: Chains) -> str:
    return chain_names(sorted(chain_ids), chains, last=" and ")
