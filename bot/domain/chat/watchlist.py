"""What one destination watches, as it can be written down and taken over by another one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.domain.assets import Address, ChainId
from bot.domain.chat.subscribe import SubscribeResult
from bot.domain.rules.alarms import AlarmTerms
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule
from bot.domain.subscriptions import WatchSpec


class WatchedAlarm(NamedTuple):
    """An alarm on an account."""

    account: Address
    terms: AlarmTerms


class IgnoredContract(NamedTuple):
    """A contract that is not reported."""

    contract: Address
    chains: frozenset[ChainId]
    """Empty: on every chain."""


class WatchlistName(NamedTuple):
    """What an address is called that is not watched."""

    address: Address
    name: str


@dataclass(frozen=True, slots=True)
class Watchlist:
    """What a destination watches, with all that says which of it is reported, and how."""

    specs: tuple[WatchSpec, ...] = ()
    alarms: tuple[WatchedAlarm, ...] = ()
    filter: Condition | None = None
    """Of all that has no filter of its own; None: none."""
    loud: LoudRule | None = None
    """Of all that is watched; None: none."""
    ignored: tuple[IgnoredContract, ...] = ()
    names: tuple[WatchlistName, ...] = ()


class Fit(StrEnum):
    """How something that is to be added fits what stands."""

    NEW = "new"
    KNOWN = "known"
    UNWATCHED = "unwatched"
    """An alarm on an account that would not be watched."""
    IN_USE = "in use"
    """A setting of a whole place, where it would change what is watched already; a name that is taken."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What becomes of a watchlist that is added to what a destination watches, where nothing is changed."""

    results: tuple[SubscribeResult, ...]
    """Of each spec."""
    alarms: tuple[Fit, ...]
    """Of each alarm."""
    filter: Fit | None = None
    """Of the filter; None: there is none. So for the rest."""
    loud: Fit | None = None
    ignored: tuple[Fit, ...] = ()
    names: tuple[Fit, ...] = ()
    own_loud_rules: Fit | None = None
    """Of the loud rules of single specs."""
    standing: int = 0
    """How much is watched before."""
