"""One delivery's life: what a send reported, and the moment, make its next state.

`telegram.md` 3 says what each answer of Telegram means; the sender turns it
into one of the outcomes here. A delivery whose fate Telegram never told is
sent again: rather twice than never, and the message id in its text is the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from bot.domain.assets import Address, ChainId
from bot.domain.backoff import Backoff

DeliveryId = NewType("DeliveryId", int)

GROUP_WAIT_LONGEST_SECONDS = 5.0
"""The grouping window restarts with each alert, but never keeps the first one longer than this."""

KNOWN_FAILURE_BACKOFF = Backoff((1.0, 2.0, 5.0, 10.0, 20.0, 30.0))
REFUSAL_BACKOFF = Backoff((2.0, 10.0))
TOPIC_DOUBT_PAUSE = 45.0
"""Seconds before the next attempt, by how many went before; the last one repeats. All stay below the 60 s
within which an alert has to arrive once the last fault is over."""

UNKNOWN_OUTCOME_BACKOFF = Backoff((5.0, 15.0, 25.0, 40.0, 60.0, 120.0, 300.0, 900.0))
"""After a send that may have arrived. Grows to a quarter of an hour, since each attempt may be a copy; before
the fourth and any later one Telegram is asked (`unconfirmed.py`)."""

REST = timedelta(seconds=UNKNOWN_OUTCOME_BACKOFF.steps[-1])
"""The longest pause that one message makes."""

LONGEST_PAUSE = timedelta(seconds=60)
"""A message that pauses for longer stands aside: later ones of its chat pass it."""

UNKNOWNS_SET_ASIDE = 6
"""Sends of unknown outcome after which a pause is longer than that."""

QUESTION_PAUSE = timedelta(seconds=25)
"""Between two questions: with the half minute that a send may hang, still within the minute after which an
alert has to be there once the last fault is over."""

REFUSALS_MOST = 3
"""Of a message that Telegram refuses for a reason we do not know; then it never takes it."""

THROTTLE_JITTER = 0.1


class AlertState(StrEnum):
    """Where an alert is on its way."""

    WAITING = "waiting"
    MUTED = "held"
    """Its destination does not wish to hear of it yet; the reason is kept."""
    BOUND = "bound"
    TOLD = "told"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """It waited too long; its destination is told how many did."""
    DEAD = "dead"
    """Telegram never takes it; its destination and owners are told."""


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """Its chat was closed before it left."""
    EXPIRED = "expired"
    """All that it tells had waited too long."""
    DISSOLVED = "dissolved"
    """Telegram never takes it as it is: its alerts are sent one by one."""
    DEAD = "dead"
    """Telegram never takes it."""


class Form(StrEnum):
    """How a message is handed over: as composed, or reduced to what Telegram may still take."""

    WHOLE = "whole"
    BARE = "bare"
    """Without its buttons."""
    PLAIN = "plain"
    """Without buttons, links and bold: the visible text alone."""


class Park(StrEnum):
    """How long a chat that can't be written to is left alone, unless it speaks."""

    MUTED = "muted"
    """The bot is there and may not write: others may change that without telling it."""
    GONE = "gone"
    """Blocked, removed, unknown: who takes the bot back tells it, and that news may get lost."""
    FOR_GOOD = "for good"


PARK_BACKOFFS = {
    Park.MUTED: Backoff((45.0, 45.0, 45.0, 90.0, 180.0, 360.0, 900.0, 1800.0, 3600.0)),
    Park.GONE: Backoff((24 * 3600.0,)),
}
"""Seconds until one message is tried there again, by how many tries went before; the last one repeats."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has the message."""

    message_id: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Telegram does not have the message; trying again can help."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offline:
    """No message can reach Telegram at present, this one or another."""

    reason: str
    has_answered: bool = False
    """Whether a server answered at all, if only that it knows neither the token nor the method."""


@dataclass(frozen=True, slots=True)
class SendThrottled:
    """Telegram wants a pause of this chat; the message was not taken."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SendUnknown:
    """Telegram gave no usable answer: it may have the message or not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """Telegram took the message, and somebody's guard against spam removed it at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing can be sent to this chat until something changes there."""

    reason: str
    park: Park = Park.GONE


@dataclass(frozen=True, slots=True)
class ChatMoved:
    """The group has another id now, and keeps everything else."""

    chat_id: int


@dataclass(frozen=True, slots=True)
class TopicLost:
    """Nothing can be sent to this topic of the chat."""

    reason: str
    is_certain: bool
    """Whether it is closed or deleted; a busy forum's old topic may just not be found (telegram.md 6.4)."""


@dataclass(frozen=True, slots=True)
class Misread:
    """Telegram can't make out our formatting, or our buttons; in another form it takes the same text."""

    reason: str
    form: Form


@dataclass(frozen=True, slots=True)
class SendRefused:
    """Telegram does not take this message, whatever chat it is for."""

    reason: str
    is_final: bool
    """Whether it never will; else the reason is one we do not know."""


Outcome = (
    Sent
    | RetryLater
    | Offline
    | SendThrottled
    | SendUnknown
    | Vanished
    | Unreachable
    | ChatMoved
    | TopicLost
    | Misread
    | SendRefused
)


@dataclass(frozen=True, slots=True)
class About:
    """Which changes a message tells of, for the buttons under it."""

    accounts: tuple[Address, ...] = ()
    """In the order of its changes; none: it tells of no change."""
    contract: Address | None = None
    """The only token it tells of; None: several things, or a chain's coin."""
    symbol: str = ""
    """Of that token, "" if nobody knows."""
    chains: frozenset[ChainId] = frozenset()
    """Where anything changed."""
    is_look_alike: bool = False
    """Whether its symbol looks like another known one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One composed message on its way to one destination."""

    id: DeliveryId
    chat_id: int
    """Telegram's number of the chat."""
    thread_id: int | None
    """The topic; None: none, or it is lost."""
    is_group: bool
    text: str
    """HTML, the same on every attempt."""
    attempts: int
    unknowns: int
    refusals: int = 0
    form: Form = Form.WHOLE
    alerts: int = 1
    """How many alerts it tells."""
    probes: int = 0
    """How often its chat was tried in vain since it could last be written to."""
    unanswered_questions: int = 0
    """In a row, since its last send, while nobody knows what became of that (`unconfirmed.py`)."""
    fallback_reason: str | None = None
    """Why it does not go to its topic but to the chat itself."""
    about: About = About()


@dataclass(frozen=True, slots=True)
class Parking:
    """A chat that can't be written to."""

    reason: str
    probe_at: datetime | None
    """When one message is tried there again; None: never by itself."""
    span: timedelta = timedelta(0)
    """How long that is from the moment it was parked: a clock set back must not make it longer."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A chat that Telegram wants left alone for a while."""

    until: datetime
    span: timedelta
    """How long that is from the moment it was wanted: a clock set back must not make it longer."""


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """What is to be written of a delivery after an attempt."""

    state: DeliveryState
    not_before: datetime
    message_id: int | None = None
    attempts: int = 0
    unknowns: int = 0
    refusals: int = 0
    unanswered_questions: int = 0
    form: Form = Form.WHOLE
    reason: str | None = None
    pause: Pause | None = None
    """Of its chat."""
    parking: Parking | None = None
    """Of its chat."""
    moved_to: int | None = None
    """Where its chat is now."""
    topic_lost: str | None = None
    """Why its topic can't be written to."""

    @classmethod
    def again(cls, delivery: Delivery, not_before: datetime) -> "DeliveryUpdate":
        """Return that it is as it was, and to be sent again."""
        return cls(
            DeliveryState.READY,
            not_before,
            attempts=delivery.attempts,
            unknowns=delivery.unknowns,
            refusals=delivery.refusals,
            unanswered_questions=delivery.unanswered_questions,
            form=delivery.form,
        )

    @property
    def shows_the_chat_alive(self) -> bool:
        """Whether Telegram looked at the chat and found nothing wrong with it."""
        return self.state is DeliveryState.SENT


def update_after(delivery: Delivery, outcome: Outcome, now: datetime, jitter: float) -> DeliveryUpdate:
    """Return a delivery's next state.

    `jitter` in [0, 1) spreads what was throttled. A message that its chat, its
    topic, Telegram as a whole or its own form keeps from arriving counts no attempt.
    """
    again = DeliveryUpdate.again(delivery, now)
    match outcome:
        case SendThrottled(seconds):
            span = timedelta(seconds=seconds * (1 + THROTTLE_JITTER * jitter))
            return replace(again, pause=Pause(now + span, span), reason=f"throttled for {seconds:g} s")
        case Unreachable(reason, park):
            return replace(again, parking=parking(reason, park, delivery.probes, now), reason=reason)
        case ChatMoved(chat_id):
            return replace(again, moved_to=chat_id, reason=f"the group is {chat_id} now")
        case TopicLost(reason, is_certain):
            return _without_topic(delivery, again, reason, is_certain=is_certain)
        case _:
            return _update_of_message(delivery, outcome, again)


def unwritable(update: DeliveryUpdate, reason: str, now: datetime) -> DeliveryUpdate:
    """Return what is written where a update can't be: that the message was sent, or is given up."""
    state = DeliveryState.SENT if update.state is DeliveryState.SENT else DeliveryState.DEAD
    return DeliveryUpdate(state, now, reason=f"what came of it could not be written ({reason})")


def parking(reason: str, park: Park, probes: int, now: datetime) -> Parking:
    """Return until when a chat is left alone that was tried in vain so often before."""
    backoff = PARK_BACKOFFS.get(park)
    if backoff is None:
        return Parking(reason, None)
    span = _pause(backoff, probes)
    return Parking(reason, now + span, span)


def bind_at(first_waiting_at: datetime, last_waiting_at: datetime, group_wait_seconds: float) -> datetime:
    """Return when what waits for one destination becomes a message."""
    longest = max(GROUP_WAIT_LONGEST_SECONDS, group_wait_seconds)
    return min(
        last_waiting_at + timedelta(seconds=group_wait_seconds),
        first_waiting_at + timedelta(seconds=longest),
    )


def _update_of_message(  # noqa: PLR0911 - one for each outcome
    delivery: Delivery,
    outcome: Sent | RetryLater | Offline | SendUnknown | Vanished | Misread | SendRefused,
    again: DeliveryUpdate,
) -> DeliveryUpdate:
    """Do so where neither the chat nor its topic is the matter."""
    now = again.not_before
    match outcome:
        case Sent(message_id):
            return replace(again, state=DeliveryState.SENT, message_id=message_id)
        case RetryLater(reason):
            at = now + _pause(KNOWN_FAILURE_BACKOFF, delivery.attempts)
            return replace(again, not_before=at, attempts=delivery.attempts + 1, reason=reason)
        case Offline(reason):
            return replace(again, reason=reason)
        case SendUnknown(reason):
            return _after_no_answer(again, reason)
        case Vanished(reason):
            return _after_vanishing(again, reason)
        case Misread(reason, form) if _is_less(form, delivery.form):
            return replace(again, form=form, reason=reason)
        case Misread(reason):
            return _refused(delivery, again, reason, is_final=True)
        case SendRefused(reason, is_final):
            return _refused(delivery, again, reason, is_final=is_final)


def _pause(backoff: Backoff, earlier: int) -> timedelta:
    # No jitter: messages of different chats fail at moments of their own, and the pacer spreads them.
    return timedelta(seconds=backoff.seconds(earlier, 0.0))


def _after_no_answer(again: DeliveryUpdate, reason: str) -> DeliveryUpdate:
    """Send once more what may have arrived, later and later."""
    unknowns = again.unknowns + 1
    if again.unanswered_questions:
        # It left after a quarter of an hour in which nothing was answered, so its own silence is no news. It
        # counts as a question, and the next one follows as soon: only that notices when Telegram is back.
        at = again.not_before + QUESTION_PAUSE
        return replace(again, not_before=at, unknowns=unknowns, unanswered_questions=1, reason=reason)
    at = again.not_before + _pause(UNKNOWN_OUTCOME_BACKOFF, again.unknowns)
    return replace(again, not_before=at, unknowns=unknowns, reason=reason)


def _after_vanishing(again: DeliveryUpdate, reason: str) -> DeliveryUpdate:
    """Try what was removed at once one more time: a guard that removes all of it would for ever."""
    if again.unknowns:
        return replace(again, state=DeliveryState.DEAD, reason=reason)
    at = again.not_before + _pause(UNKNOWN_OUTCOME_BACKOFF, 0)
    return replace(again, not_before=at, unknowns=1, reason=reason)


def _without_topic(
    delivery: Delivery, again: DeliveryUpdate, reason: str, *, is_certain: bool
) -> DeliveryUpdate:
    """Look once more for a topic that was not found; then the message goes to the chat itself."""
    if is_certain or delivery.refusals:
        return replace(again, topic_lost=reason, refusals=0, reason=reason)
    at = again.not_before + timedelta(seconds=TOPIC_DOUBT_PAUSE)
    return replace(again, not_before=at, refusals=1, reason=reason)


def _is_less(form: Form, than: Form) -> bool:
    forms = list(Form)
    return forms.index(form) > forms.index(than)


def _refused(delivery: Delivery, again: DeliveryUpdate, reason: str, *, is_final: bool) -> DeliveryUpdate:
    """Give up what Telegram never takes: what tells several things is sent singly first."""
    refusals = delivery.refusals + 1
    if not is_final and refusals < REFUSALS_MOST:
        at = again.not_before + _pause(REFUSAL_BACKOFF, delivery.refusals)
        return replace(again, not_before=at, refusals=refusals, reason=reason)
    state = DeliveryState.DISSOLVED if delivery.alerts > 1 else DeliveryState.DEAD
    return replace(again, state=state, refusals=refusals, reason=reason)
