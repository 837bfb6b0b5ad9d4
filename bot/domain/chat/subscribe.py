"""What becomes of a /watch command, entry by entry."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.assets import Address
from bot.domain.deliver.alerts import Baseline


class SubscribeOutcome(StrEnum):
    """What became of one entry of a /watch command."""

    CREATED = "created"
    ALREADY = "already"
    RELABELLED = "relabelled"
    KEPT = "kept"
    """It is there under another label, which stays: nothing that stands was to be changed."""
    FULL = "full"
    """The chat has reached its limit of subscriptions."""
    TAKEN = "taken"
    """The label is already used for something else in that chat."""


@dataclass(frozen=True, slots=True)
class LabelTaken:
    """The label in a /watch is already used for something else in that chat."""

    by: Address
    """The account or contract that has the label."""
    free: str
    """A similar label that is free."""


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What became of one entry of a /watch command, and what is known about its account already."""

    outcome: SubscribeOutcome
    number: int
    known: Baseline | None = None
    """What was read of the account before; None: its first reading is still to come."""
    taken: LabelTaken | None = None
    """Why the label can't be had, where it can't."""
