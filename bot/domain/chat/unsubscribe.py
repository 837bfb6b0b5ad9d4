"""What becomes of an /unwatch command, and of its Undo button."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.subscriptions import WatchSpec


@dataclass(frozen=True, slots=True)
class UnsubscribeResult:
    """What became of an /unwatch command."""

    row: int | None
    """The row id that the Undo button carries; None: there was nothing to end."""
    still_to_come: int
    """Changes observed before, whose alerts are still sent."""


class UndoOutcome(StrEnum):
    """What became of pressing Undo."""

    DONE = "done"
    NO_ROOM = "no room"
    """Some subscriptions exceed the chat's limit; Undo can be pressed again later."""
    ALREADY = "already"
    TOO_LATE = "too late"


@dataclass(frozen=True, slots=True)
class RestoredSubscription:
    """One subscription that Undo restored, or why it could not."""

    outcome: SubscribeOutcome
    number: int
    spec: WatchSpec
    is_known: bool = False
    """Whether its account was read for somebody else meanwhile, so that no first reading follows."""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of pressing Undo, subscription by subscription."""

    outcome: UndoOutcome
    ones: tuple[RestoredSubscription, ...] = ()
