"""What came of ending subscriptions, and of taking that back."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.subscriptions import WatchSpec


@dataclass(frozen=True, slots=True)
class UnsubscribeResult:
    """What came of ending subscriptions."""

    row: int | None
    """What the button that takes it back calls it; None: nothing was ended."""
    still_to_come: int
    """Changes observed before, which this destination is still to be told."""


class UndoOutcome(StrEnum):
    """What came of taking an end back."""

    DONE = "done"
    NO_ROOM = "no room"
    """For some at least: it can be asked for again."""
    ALREADY = "already"
    TOO_LATE = "too late"


@dataclass(frozen=True, slots=True)
class RestoredSubscription:
    """One wish that returns, or why it does not."""

    outcome: SubscribeOutcome
    number: int
    wish: WatchSpec
    is_known: bool = False
    """Whether what it asks for is being read for somebody else: then no first reading is to come."""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What came of taking an end back, wish by wish."""

    outcome: UndoOutcome
    ones: tuple[RestoredSubscription, ...] = ()
