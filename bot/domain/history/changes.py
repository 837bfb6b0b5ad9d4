"""The changes that a destination watched, as it may look them up: each with what became of it there."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bot.domain.assets import Address, Asset, ChainId
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.deliver.delivery import AlertState
from bot.domain.explain.explanations import Explanation
from bot.domain.observations import Change


class Selection(NamedTuple):
    """Of which changes somebody wants to know."""

    accounts: frozenset[Address] = frozenset()
    """Empty: of every account."""
    assets: frozenset[Asset] = frozenset()
    """Empty: of every asset."""
    chains: frozenset[ChainId] = frozenset()
    """Empty: on every chain."""


class Span(NamedTuple):
    """Changes from one number to another, both included; numbers grow as changes are recorded."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """A change that a destination watched, and what became of it there."""

    id: int
    """Its number among all changes."""
    change: Change
    """By itself; its amounts have blocks in which they were seen, as far as these are known."""
    told: ChangeAlert
    """As an alert tells it: it may sum up what a filter held back before."""
    state: AlertState | None
    """How far its alert is; None: it has no alert of its own."""
    reason: str = ""
    """Why its alert is kept back, or why it has none; "": nothing is the matter with it."""
    message: str | None = None
    """The id at the end of the message with its alert; None: no message was made of it so far.

    Without an alert of its own: of the message that sums it up.
    """
    tried_at: datetime | None = None
    """When that message was to leave for the first time; None: there is none, or nobody noted it."""
    explanation: Explanation | None = None
    """What is known of the transfers behind the change by itself; None: nobody asked for them."""


class Slice(NamedTuple):
    """What one look into a span found."""

    changes: tuple[PastChange, ...]
    rest: Span | None
    """Where nobody looked yet; None: there is nothing more."""
