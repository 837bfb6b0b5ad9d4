"""One delivery's life: what a send reported, and the moment, make its next state.

`telegram.md` 3 says what each answer of Telegram means; the sender turns it
into one of the outcomes here. A delivery whose fate Telegram never told is
sent again: rather twice than never, and the message id in its text is the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.model import DeliveryId

GROUP_WAIT_LONGEST_SECONDS = 5.0
"""The grouping window restarts with each alert, but never keeps the first one longer than this."""

KNOWN_FAILURE_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
UNKNOWN_OUTCOME_PAUSES = (5.0, 15.0, 45.0)
"""Seconds before the next attempt, by how many went before; the last one repeats. All stay below the 60 s
within which an alert has to arrive once the last fault is over."""

THROTTLE_JITTER = 0.1

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORTEST_ID = 5
_SCATTER = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it is a bijection modulo any power of two."""


class AlertState(StrEnum):
    """Where an alert is on its way."""

    WAITING = "waiting"
    BOUND = "bound"
    TOLD = "told"
    WITHDRAWN = "withdrawn"


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """Its chat was closed before it left."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has the message."""

    message_id: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Telegram does not have the message; trying again can help."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Telegram wants a pause of this chat; the message was not taken."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """Telegram gave no usable answer: it may have the message or not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing can be sent to this chat until something changes there."""

    reason: str


Outcome = Sent | RetryLater | Throttled | Unknown | Unreachable


@dataclass(frozen=True, slots=True)
class Delivery:
    """One composed message on its way to one destination."""

    id: DeliveryId
    chat_id: int
    """Telegram's number of the chat."""
    thread_id: int | None
    is_group: bool
    text: str
    """HTML, the same on every attempt."""
    attempts: int
    unknowns: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to be written of a delivery after an attempt."""

    state: DeliveryState
    not_before: datetime
    message_id: int | None = None
    attempts: int = 0
    unknowns: int = 0
    chat_hold_until: datetime | None = None
    chat_unavailable: str | None = None
    reason: str | None = None


def settle(delivery: Delivery, outcome: Outcome, now: datetime, dice: float) -> Settlement:
    """Return a delivery's next state.

    `dice` in [0, 1) spreads what was throttled. A throttled or unreachable
    message counts no attempt: only the chat has to wait.
    """
    again = Settlement(DeliveryState.READY, now, attempts=delivery.attempts, unknowns=delivery.unknowns)
    match outcome:
        case Sent(message_id):
            return replace(again, state=DeliveryState.SENT, message_id=message_id)
        case Throttled(seconds):
            until = now + timedelta(seconds=seconds * (1 + THROTTLE_JITTER * dice))
            return replace(again, chat_hold_until=until, reason=f"throttled for {seconds:g} s")
        case Unreachable(reason):
            return replace(again, chat_unavailable=reason, reason=reason)
        case RetryLater(reason):
            at = now + _pause(KNOWN_FAILURE_PAUSES, delivery.attempts)
            return replace(again, not_before=at, attempts=delivery.attempts + 1, reason=reason)
        case Unknown(reason):
            at = now + _pause(UNKNOWN_OUTCOME_PAUSES, delivery.unknowns)
            return replace(again, not_before=at, unknowns=delivery.unknowns + 1, reason=reason)


def bind_at(first_waiting_at: datetime, last_waiting_at: datetime, group_wait_seconds: float) -> datetime:
    """Return when what waits for one destination becomes a message."""
    longest = max(GROUP_WAIT_LONGEST_SECONDS, group_wait_seconds)
    return min(
        last_waiting_at + timedelta(seconds=group_wait_seconds),
        first_waiting_at + timedelta(seconds=longest),
    )


def message_id(delivery_id: DeliveryId) -> str:
    """Return the short id people see: a fixed bijection of the row's number, five or more signs."""
    width = _SHORTEST_ID
    while delivery_id >= 1 << (5 * width):
        width += 1
    scattered = delivery_id * _SCATTER % (1 << (5 * width))
    return "".join(_ALPHABET[scattered >> (5 * place) & 31] for place in reversed(range(width)))


def _pause(pauses: tuple[float, ...], times: int) -> timedelta:
    return timedelta(seconds=pauses[min(times, len(pauses) - 1)])
