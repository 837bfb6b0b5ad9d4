"""Alarms: an amount is to stay above or below a level, and rings once when it no longer does.

An alarm has no state of its own: it rings exactly while it has an open firing, a row that says since when.
What is unknown begins and ends none.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum

from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.rules.conditions import Level, Unit

BEYOND = Decimal("0.05")
"""An alarm ends this share beyond its level, where nobody says at which amount."""

QUIET_AFTER_ACKNOWLEDGED = timedelta(hours=24)
"""So long nothing is repeated once somebody has it."""

_EXACT = Context(prec=200)


class Side(StrEnum):
    """On which side of its level an amount rings."""

    BELOW = "below"
    ABOVE = "above"

    def holds(self, value: Decimal, level: Decimal) -> bool:
        """Whether a value is on this side of a level; equal to it is on neither."""
        return value < level if self is Side.BELOW else value > level


@dataclass(frozen=True, slots=True)
class AlarmTerms:
    """When an alarm rings, when it ends, and how often it is repeated meanwhile."""

    side: Side
    level: Level
    """In tokens of its assets, each by itself unless `is_total`; or in dollars, for all balances together."""
    until: Decimal | None = None
    """At this amount it ends; None: a twentieth beyond the level."""
    again: timedelta | None = None
    """How often it is repeated; None: never."""
    chains: frozenset[ChainId] = frozenset()
    """Only on these chains; empty: on all."""
    is_total: bool = False
    """Whether the amounts of all its assets are added up; dollars always are."""

    @property
    def is_in_dollars(self) -> bool:
        """Whether it is about what an account is worth."""
        return self.level.unit is Unit.DOLLARS

    @property
    def is_sum(self) -> bool:
        """Whether one value is compared, and not that of each asset."""
        return self.is_total or self.is_in_dollars

    @property
    def ends_at(self) -> Decimal:
        """The amount at which it ends."""
        if self.until is not None:
            return self.until
        share = 1 + BEYOND if self.side is Side.BELOW else 1 - BEYOND
        return _EXACT.normalize(_EXACT.multiply(self.level.number, share))

    @property
    def named_coins(self) -> "AlarmTerms":
        """The same alarm with the chains of its coins named, so that it means the same wherever it is set."""
        coins = {asset.chain_id for asset in self.level.assets if asset.contract == NATIVE}
        return replace(self, chains=frozenset(coins)) if coins and not self.chains else self

    def rings_like(self, other: "AlarmTerms") -> bool:
        """Whether two alarms on one account ring at the same values, however they end and are repeated."""
        return _compared(self) == _compared(other)

    def rings_at(self, value: Decimal) -> bool:
        """Whether a value begins to ring."""
        return self.side.holds(value, self.level.number)

    def has_ended_at(self, value: Decimal) -> bool:
        """Whether a value ends what rings; there are values that neither begin nor end anything."""
        return not self.side.holds(value, self.ends_at)


def _compared(terms: AlarmTerms) -> tuple[object, ...]:
    """Return what a value is compared with; what the tokens are called is no part of it."""
    level, on = terms.level, terms.chains
    assets = frozenset(asset for asset in level.assets if not on or asset.chain_id in on)
    return terms.side, level.number, level.unit, assets, on if not assets else None, terms.is_sum


class Step(StrEnum):
    """What a value changes."""

    RINGS = "rings"
    ENDS = "ends"


def judge_alarm(terms: AlarmTerms, value: Decimal | None, *, is_ringing: bool) -> Step | None:
    """Return what a value changes; None: nothing, as always where it is unknown (None)."""
    if value is None:
        return None
    if is_ringing:
        return Step.ENDS if terms.has_ended_at(value) else None
    return Step.RINGS if terms.rings_at(value) else None


@dataclass(frozen=True, slots=True)
class Firing:
    """What rings, from when it began until it ends."""

    row: int
    """Its row id, which never means another one."""
    asset: Asset | None
    """Of which asset the amount is; None: of all of the alarm's together."""
    since: datetime
    is_from_start: bool = False
    """Whether it began as the alarm was set, which said so: nothing has rung."""
    acknowledged_by: str = ""
    """Who has it, "" for nobody."""
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What an alarm compares, as far as it is known."""

    asset: Asset | None
    """None: all of the alarm's assets together."""
    number: Decimal | None
    """None: unknown."""
    unknown_since: datetime | None = None
    """Since when, where it was known before."""
    unpriced: int = 0
    """The number of balances that never had a price, which count as nothing."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of a destination."""

    row: int
    """Its row id, which buttons carry."""
    number: int
    """What people type for it: `A2`."""
    account: Address
    label: str
    """What the destination calls the account, "" for nothing."""
    terms: AlarmTerms
    firings: tuple[Firing, ...] = ()
    """What rings of it now."""
    values: tuple[Value, ...] = ()
    """What it compares now."""
    chains: tuple[ChainId, ...] = ()
    """Where it does; empty: nothing of it is watched."""


def is_to_repeat(next_at: datetime | None, now: datetime) -> bool:
    """Whether what rings is to be told once more."""
    return next_at is not None and next_at <= now
