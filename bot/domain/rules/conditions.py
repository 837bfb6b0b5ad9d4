"""Conditions on a balance's difference: `out min $1000 on Polygon`.

Filters, loud rules and exceptions from quiet hours all ask the same question here. Unknown is an answer of
its own: what can't be judged for want of a price, or of its transfers, is never taken for little.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.domain.assets import Address, Amount, Asset, ChainId
from bot.domain.units import usd_value, whole_units

PRICE_COUNTS_FOR = timedelta(hours=1)
"""An older price says nothing about what an amount is worth now."""


class Direction(StrEnum):
    """Which way a balance moved."""

    IN = "in"
    OUT = "out"


class Unit(StrEnum):
    """What the number of a level counts."""

    TOKENS = "tokens"
    """Whole tokens, or items of a collection."""
    DOLLARS = "dollars"
    PERCENT = "percent"
    """Of the amount that was last reported."""


@dataclass(frozen=True, slots=True)
class Level:
    """An amount that a difference is measured by."""

    number: Decimal
    unit: Unit = Unit.TOKENS
    assets: frozenset[Asset] = frozenset()
    """Only of these; empty: of whatever moved."""
    symbol: str = ""
    """What people call those assets."""


@dataclass(frozen=True, slots=True)
class Counterparty:
    """Somebody at the other end of transfers."""

    address: Address
    name: str = field(default="", compare=False)
    """What the reader calls it; "": nothing, or it was not looked up. It is never stored."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which differences are meant; by default all of them."""

    direction: Direction | None = None
    """None: both."""
    levels: tuple[Level, ...] = ()
    """The least that counts: that of an asset by name, or else the one for all; with neither, anything."""
    chains: frozenset[ChainId] = frozenset()
    """Only on these chains; empty: on all."""
    counterparties: tuple[Counterparty, ...] = ()
    """Only what comes from any of these, or goes to any of them: a direction is set then; empty: whoever."""

    def level_for(self, asset: Asset) -> Level | None:
        """Return the level that an asset is measured by; None: there is none for it."""
        general = None
        for level in self.levels:
            if asset in level.assets:
                return level
            if not level.assets:
                general = level
        return general


EVERYTHING = Condition()


def named(condition: Condition, names: Mapping[Address, str]) -> Condition:
    """Return a condition with what its reader calls those whom it names."""
    found = tuple(Counterparty(one.address, names.get(one.address, "")) for one in condition.counterparties)
    return replace(condition, counterparties=found)


class Counterparties(NamedTuple):
    """Who is at the other end of the transfers behind a change."""

    senders: frozenset[Address]
    receivers: frozenset[Address]
    is_complete: bool = True
    """Whether nobody else can be."""


class Difference(NamedTuple):
    """A balance as it was last reported, and as it is now."""

    asset: Asset
    told: Amount
    now: Amount
    decimals: int | None
    """0 for a collection; None: unknown, or not the same for both amounts."""
    price_usd: str | None
    """None: there is none that counts."""
    exchanged: int | None = 0
    """The items of a collection that came while as many others left; None: that is not known."""
    counterparties: Counterparties | None = None
    """Of the change that led to `now`; None: its transfers are not known, or not yet."""
    alone: "Difference | None" = None
    """That change by itself, where `told` is from before others; None: it is all there is."""


class Judgement(StrEnum):
    """Whether a difference meets a condition, or why nobody can know; the better one comes first."""

    MET = "met"
    NO_PRICE = "no_price"
    NO_DECIMALS = "no_decimals"
    NO_IDS = "no_ids"
    """Items came while as many left, and which ones is not known."""
    NO_TRANSFERS = "no_transfers"
    """All else is met, and who is at the other end is not known."""
    NOT_MET = "not_met"

    @property
    def is_unknown(self) -> bool:
        """Whether it can't be judged."""
        return self not in {Judgement.MET, Judgement.NOT_MET}


def judge(condition: Condition, difference: Difference) -> Judgement:
    """Return whether a difference meets a condition; equal to the level is enough.

    What is not met by amounts is not met, whoever is at the other end. Where somebody is named, the newest
    change alone is enough: what was held back before it may have come from elsewhere.
    """
    judged = _judge_amounts(condition, difference)
    if not condition.counterparties:
        return judged
    if difference.alone is not None:
        judged = _best(judged, _judge_amounts(condition, difference.alone))
    if judged is Judgement.NOT_MET:
        return judged
    return _judge_counterparties(condition, difference.counterparties, judged)


def _judge_counterparties(condition: Condition, known: Counterparties | None, judged: Judgement) -> Judgement:
    if known is None:
        return Judgement.NO_TRANSFERS
    there = known.senders if condition.direction is Direction.IN else known.receivers
    if any(one.address in there for one in condition.counterparties):
        return judged
    return Judgement.NOT_MET if known.is_complete else Judgement.NO_TRANSFERS


def _judge_amounts(condition: Condition, difference: Difference) -> Judgement:
    if condition.chains and difference.asset.chain_id not in condition.chains:
        return Judgement.NOT_MET
    moved = difference.now.amount_raw - difference.told.amount_raw
    # Where as many items came as went, both directions happened.
    if moved and condition.direction is not None and (condition.direction is Direction.IN) != (moved > 0):
        return Judgement.NOT_MET
    level = condition.level_for(difference.asset)
    measured = abs(moved) or difference.exchanged
    if measured is None:
        return Judgement.MET if level is None else Judgement.NO_IDS
    if not measured and condition != EVERYTHING:
        return Judgement.NOT_MET
    return Judgement.MET if level is None else _reaches(level, difference, measured)


def judge_any(conditions: Iterable[Condition | None], difference: Difference) -> Judgement:
    """Return the best judgement that any of these conditions comes to; None stands for every change.

    Where there is no condition, none is met.
    """
    judgements = [
        Judgement.MET if condition is None else judge(condition, difference) for condition in conditions
    ]
    return _best(*judgements, Judgement.NOT_MET)


def _best(*judgements: Judgement) -> Judgement:
    return min(judgements, key=_BEST_FIRST.index)


_BEST_FIRST = tuple(Judgement)


def _reaches(level: Level, difference: Difference, moved: int) -> Judgement:
    if level.unit is Unit.PERCENT:
        is_met = _is_share(level.number, difference, moved)
    elif difference.decimals is None:
        return Judgement.NO_DECIMALS
    elif level.unit is Unit.TOKENS:
        is_met = whole_units(moved, difference.decimals) >= level.number
    else:
        worth = usd_value(moved, difference.decimals, difference.price_usd)
        if worth is None:
            return Judgement.NO_PRICE
        is_met = worth >= level.number
    return Judgement.MET if is_met else Judgement.NOT_MET


def _is_share(percent: Decimal, difference: Difference, moved: int) -> bool:
    told, now = difference.told.amount_raw, difference.now.amount_raw
    parts, whole = percent.as_integer_ratio()
    # All of it is gone, or there was nothing a part could be measured by: that is news at any level.
    return not told or not now or moved * 100 * whole >= parts * told


def price_that_counts(price_usd: str | None, priced_at: datetime | None, now: datetime) -> str | None:
    """Return a price unless it is too old to count; `priced_at` is None for one that was read just now."""
    return None if priced_at is not None and now - priced_at > PRICE_COUNTS_FOR else price_usd
