"""The value of balances in dollars, where the indexer gives a price; nothing is estimated.

A sum says what it leaves out: balances without a price, those of ignored tokens, and unknown ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.holdings import ChainHoldings, NamedBalance
from bot.domain.units import added_usd, format_usd, usd_value

_CHARACTERS_MOST = 40
"""A value with more characters comes from a wrong price."""


@dataclass(frozen=True, slots=True)
class Worth:
    """The value of several balances, and what is not in it."""

    usd: Decimal = Decimal(0)
    priced: int = 0
    """The number of balances in it."""
    unpriced: int = 0
    outdated: int = 0
    """Of the unpriced ones, those whose price is known and too old to count."""
    ignored: int = 0
    unknown: frozenset[ChainId] = frozenset()
    """The chains of which something was never read."""
    last_known: frozenset[ChainId] = frozenset()
    """The chains of which something can't be read, is late or doubted: the sum has its last known amounts."""

    def merged(self, other: "Worth") -> "Worth":
        """Return the value of both together."""
        return Worth(
            usd=added_usd(self.usd, other.usd),
            priced=self.priced + other.priced,
            unpriced=self.unpriced + other.unpriced,
            outdated=self.outdated + other.outdated,
            ignored=self.ignored + other.ignored,
            unknown=self.unknown | other.unknown,
            last_known=self.last_known | other.last_known,
        )


def dollars(amount_raw: int, decimals: int | None, price_usd: str | None) -> Decimal | None:
    """Return the value of an amount; None if it is zero, or price or decimals are unknown or absurd."""
    if decimals is None:
        return None
    try:
        value = usd_value(amount_raw, decimals, price_usd)
        is_shown = bool(value) and len(format_usd(value or Decimal(0))) <= _CHARACTERS_MOST
    except ArithmeticError:
        return None
    return value if is_shown else None


def dollars_held(held: NamedBalance, chains: Chains) -> Decimal | None:
    """Return the value of one balance; None as for `dollars`."""
    decimals = decimals_of(held.asset, held.description, chains)
    return dollars(held.amount.amount_raw, decimals, held.description.price_usd)


def worth_of(known: Iterable[ChainHoldings], chains: Chains) -> Worth:
    """Return the value of all balances of an account."""
    total = Worth()
    for chain in known:
        here = {chain.chain_id}
        values = [dollars_held(held, chains) for held in chain.held]
        priced = [value for value in values if value is not None]
        outdated = sum(_is_outdated(held) for held in chain.held)
        is_unknown = any(part.seen_at is None for part in chain.parts)
        is_last_known = chain.held_back is not None or any(
            part.unknown_since is not None or part.is_late for part in chain.parts
        )
        total = total.merged(
            Worth(
                usd=added_usd(*priced),
                priced=len(priced),
                unpriced=len(values) - len(priced),
                outdated=outdated,
                ignored=chain.left_out,
                unknown=frozenset(here if is_unknown else ()),
                last_known=frozenset(here if is_last_known else ()),
            )
        )
    return total


def _is_outdated(held: NamedBalance) -> bool:
    return held.description.price_usd is None and held.description.price_updated_at is not None
