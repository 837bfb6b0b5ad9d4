"""What people say they want to hear of, and what that means: without a line of the bot's own."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Literal, NamedTuple

from tests.simulation.small_world import ATOKEN, CARDS, CHAINS, DAI, DECIMALS, NATIVE_DECIMALS, USD

Unit = Literal["tokens", "dollars", "percent"]

PRICES = {USD: Decimal("1.5"), DAI: Decimal("0.25")}
"""What a whole token costs; all others have no price, and never will."""


class Clause(NamedTuple):
    """Some of all changes: `out min 1000 USD on polygon`; with nothing said, all of them."""

    direction: int = 0
    """1: only what comes in; -1: only what goes out."""
    least: Decimal | None = None
    unit: Unit = "tokens"
    contract: str | None = None
    """The least counts for this token alone, on every chain; all of others is wanted."""
    chains: frozenset[int] = frozenset()


def wants(clause: Clause, chain_id: int, contract: str, told: int, now: int) -> bool | None:
    """Return whether a clause lets an amount be told that was last told otherwise; None: nobody can know."""
    if clause.chains and chain_id not in clause.chains:
        return False
    moved = now - told
    if moved * clause.direction < 0:
        return False
    if clause.least is None or clause.contract not in {None, contract}:
        return True
    return _UNITS[clause.unit](Fraction(clause.least), contract, told, now)


def _by_tokens(least: Fraction, contract: str, told: int, now: int) -> bool:
    return Fraction(abs(now - told), 10 ** _decimals(contract)) >= least


def _by_dollars(least: Fraction, contract: str, told: int, now: int) -> bool | None:
    price = PRICES.get(contract)
    if price is None:
        return None
    return Fraction(abs(now - told), 10 ** _decimals(contract)) * Fraction(price) >= least


def _by_percent(least: Fraction, _contract: str, told: int, now: int) -> bool:
    return 0 in {told, now} or Fraction(100 * abs(now - told), told) >= least


_UNITS: dict[Unit, Callable[[Fraction, str, int, int], bool | None]] = {
    "tokens": _by_tokens,
    "dollars": _by_dollars,
    "percent": _by_percent,
}


def _decimals(contract: str) -> int:
    return DECIMALS.get(contract, 0) if contract else NATIVE_DECIMALS


def some_clause(rng: Random) -> Clause:
    """Return what somebody may want, so little or so much that amounts of the small world are either."""
    unit: Unit = rng.choice(("tokens", "tokens", "dollars", "percent"))
    levels = {
        "tokens": ("0.000004", "0.0009", "3", "1000000000000"),
        "dollars": ("0.000003", "0.001", "1000"),
        "percent": ("30", "100", "5000"),
    }
    return Clause(
        rng.choice((0, 0, 0, 1, -1)),
        Decimal(rng.choice(levels[unit])) if rng.random() < 0.8 else None,
        unit,
        rng.choice((USD, DAI, ATOKEN, CARDS)) if rng.random() < 0.2 else None,
        frozenset(rng.sample(CHAINS, 2)) if rng.random() < 0.15 else frozenset(),
    )
