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
    FULL = "full"
    """The chat has reached its limit of subscriptions."""
    TAKEN = "taken"
    """The label is already used for something else in that chat."""


@dataclass(frozen=True, slots=True)
class LabelTaken:
    """A label that names something else already."""

    by: Address
    """An account, or a contract."""
    free: str
    """A name beside it that is free."""


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What came of a wish, and what is known already of what it asks for."""

    outcome: SubscribeOutcome
    number: int
    known: Baseline | None = None
    """What was read of the account before; None: its first reading is still to come."""
    taken: LabelTaken | None = None
    """Why the label can't be had, where it can't."""
