"""A delivery, which is one composed message for one destination, and what an outcome of sending it changes.

`update_after` decides everything: when it is sent again, in which form, whether it is given up, and what is
written of its chat and topic. A message that may have arrived is sent again, since twice is better than
never; its text contains the same message id, so people see that it is the same one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from bot.domain.assets import Address, ChainId
from bot.domain.backoff import Backoff
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
    Offline,
    Outcome,
    Park,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    TopicLost,
    Unreachable,
    Vanished,
)

DeliveryId = NewType("DeliveryId", int)

Epoch = NewType("Epoch", int)
"""Numbers the runs of whoever sends: a higher one began once the lower ones had ended."""

GROUP_WAIT_LONGEST_SECONDS = 5.0
"""The longest wait of the first alert of a message: the grouping window restarts with each further alert."""

# These three stay below the 60 s within which an alert has to arrive once the last fault is over.
KNOWN_FAILURE_BACKOFF = Backoff((1.0, 2.0, 5.0, 10.0, 20.0, 30.0))
"""After a send that certainly did not arrive and may succeed when repeated."""

REFUSAL_BACKOFF = Backoff((2.0, 10.0))
"""After a refusal for a reason unknown to us."""

TOPIC_DOUBT_PAUSE = 45.0
"""Seconds after a topic was not found, before it is tried once more."""

UNKNOWN_OUTCOME_BACKOFF = Backoff((5.0, 15.0, 25.0, 25.0, 25.0, 25.0, 60.0, 120.0, 300.0, 900.0))
"""After a send that may have arrived; before the fourth attempt and later ones Telegram is asked first.

Steady for two minutes, so that no alert is late after a short fault that meets sends alone; then they grow to
a quarter of an hour, since each attempt may be a copy.
"""

LONGEST_UNKNOWN_PAUSE = timedelta(seconds=UNKNOWN_OUTCOME_BACKOFF.steps[-1])
"""The longest pause that one message makes."""

LONGEST_PAUSE = timedelta(seconds=60)
"""A message that pauses for longer stands aside: later ones of its chat pass it."""

UNKNOWNS_SET_ASIDE = 8
"""Sends of unknown outcome after which a pause is longer than that."""

QUESTION_PAUSE = timedelta(seconds=25)
"""Between two questions: with the half minute that a send may hang, still within the minute after which an
alert has to be there once the last fault is over."""

REFUSALS_MOST = 3
"""Refusals for unknown reasons after which a message is given up."""

THROTTLE_JITTER = 0.1
"""The longest addition to a pause that Telegram wants, as a part of it."""


PARK_BACKOFFS = {
    Park.NO_RIGHTS: Backoff((45.0, 45.0, 45.0, 90.0, 180.0, 360.0, 900.0, 1800.0, 3600.0)),
    Park.GONE: Backoff((24 * 3600.0,)),
}
"""Before a message is tried in a chat that can't be written to, by how many were tried there in vain."""


class AlertState(StrEnum):
    """Where an alert is on its way. The values are those in the database."""

    WAITING = "waiting"
    """For a message to be composed of it and others."""
    MUTED = "held"
    """Until a mute of its destination, or of its account there, ends."""
    BOUND = "bound"
    """To a delivery, which is unfinished."""
    SENT = "told"
    WITHDRAWN = "withdrawn"
    """Its chat was closed, or its subscription ended, before it was sent."""
    EXPIRED = "expired"
    """It waited too long; a notice tells its destination how many did."""
    DEAD = "dead"
    """Telegram refuses it for good; notices tell its destination and the owners."""


class DeliveryState(StrEnum):
    """Where a delivery is on its way. The values are those in the database."""

    READY = "ready"
    """To be sent (again) from its `not_before` on."""
    SENDING = "sending"
    """Written before the request leaves: found at a start, it may have arrived or not."""
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """Its chat was closed before it left."""
    EXPIRED = "expired"
    """All its alerts had waited too long."""
    DISSOLVED = "dissolved"
    """Telegram refuses it as a whole: its alerts wait again, to be sent one by one."""
    DEAD = "dead"
    """Telegram refuses it for good, though it contains one alert only."""


@dataclass(frozen=True, slots=True)
class About:
    """Which changes a message contains, for the buttons under it."""

    accounts: tuple[Address, ...] = ()
    """In the order of its changes or first readings; empty: it contains other notices only."""
    contract: Address | None = None
    """The only token that changed; None: several did, or a chain's coin."""
    symbol: str = ""
    """Of that token, "" if unknown."""
    chains: frozenset[ChainId] = frozenset()
    """Those of the changes."""
    is_look_alike: bool = False
    """Whether its symbol looks like another known one."""
    is_first_reading: bool = False
    """Whether it contains first readings, and no changes."""
    is_alarm: bool = False
    """Whether it says of an alarm that it rings."""
    lacks_transfers: bool = False
    """Whether there is more to be said of the transfers behind its changes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One composed message for one destination, and how its attempts ended so far."""

    id: DeliveryId
    chat_id: int
    """Telegram's number of the chat."""
    thread_id: int | None
    """The topic; None: none, or it is lost."""
    is_group: bool
    text: str
    """HTML, the same on every attempt."""
    attempts: int
    """Those that certainly did not arrive, and may succeed when repeated."""
    unknowns: int
    """Attempts that may have arrived."""
    refusals: int = 0
    """For reasons unknown to us, or because its topic was not found."""
    form: Form = Form.WHOLE
    alerts: int = 1
    """How many alerts it contains."""
    probes: int = 0
    """Messages tried in its chat in vain since that could last be written to."""
    unanswered_questions: int = 0
    """In a row, since its last send, which may have arrived (`unconfirmed.py`)."""
    fallback_reason: str | None = None
    """Why it goes to the chat itself and not to its topic; None: it goes where it was meant to."""
    about: About = About()
    is_silent: bool = False
    """Whether it arrives without sound, on every attempt."""


@dataclass(frozen=True, slots=True)
class Parking:
    """Until when nothing is sent to a chat that can't be written to."""

    reason: str
    probe_at: datetime | None
    """When one message is tried there again; None: only once an update comes from the chat."""
    span: timedelta = timedelta(0)
    """How long that is from now: stored beside the moment, so that a clock set back makes no pause longer."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when Telegram wants nothing to be sent to a chat."""

    until: datetime
    span: timedelta
    """How long that is from now, as in `Parking`."""


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """What is to be written after an attempt, or a question: of the delivery, its chat and its topic."""

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
    """Of its chat, as is what follows."""
    parking: Parking | None = None
    moved_to: int | None = None
    """The id that it has now."""
    topic_lost: str | None = None
    """Why its topic can't be written to."""

    @classmethod
    def again(cls, delivery: Delivery, not_before: datetime) -> "DeliveryUpdate":
        """Return the update that changes nothing but the moment of the next attempt."""
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
        """Whether the outcome proves that the chat can be written to."""
        return self.state is DeliveryState.SENT


def update_after(delivery: Delivery, outcome: Outcome, now: datetime, jitter: float) -> DeliveryUpdate:
    """Return what an outcome changes.

    `jitter`, drawn from [0, 1), lengthens a pause that Telegram wants. Only what is the matter with the
    message itself counts as an attempt: not a chat, a topic or a Telegram that can't take any.
    """
    again = DeliveryUpdate.again(delivery, now)
    match outcome:
        case SendThrottled(seconds):
            span = timedelta(seconds=seconds * (1 + THROTTLE_JITTER * jitter))
            return replace(again, pause=Pause(now + span, span), reason=f"throttled for {seconds:g} s")
        case Unreachable(reason, park):
            return replace(again, parking=parking_after(reason, park, delivery.probes, now), reason=reason)
        case ChatMoved(chat_id):
            return replace(again, moved_to=chat_id, reason=f"the group is {chat_id} now")
        case TopicLost(reason, is_certain):
            return _without_topic(delivery, again, reason, is_certain=is_certain)
        case _:
            return _update_of_message(delivery, outcome, again)


def unwritable(update: DeliveryUpdate, reason: str, now: datetime) -> DeliveryUpdate:
    """Return a lesser update for one that the database can't store: the message was sent, or is given up."""
    state = DeliveryState.SENT if update.state is DeliveryState.SENT else DeliveryState.DEAD
    return DeliveryUpdate(state, now, reason=f"what came of it could not be written ({reason})")


def parking_after(reason: str, park: Park, probes: int, now: datetime) -> Parking:
    """Return until when nothing is sent to a chat, after `probes` messages that were tried there in vain."""
    backoff = PARK_BACKOFFS.get(park)
    if backoff is None:
        return Parking(reason, None)
    span = _pause(backoff, probes)
    return Parking(reason, now + span, span)


def bind_at(first_waiting_at: datetime, last_waiting_at: datetime, group_wait_seconds: float) -> datetime:
    """Return when the alerts that wait for one destination become a message."""
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
    """Return the update for an outcome that says nothing of the chat or its topic."""
    now = again.not_before
    match outcome:
        case Sent(message_id):
            return replace(again, state=DeliveryState.SENT, message_id=message_id)
        case RetryLater(reason):
            at = now + _pause(KNOWN_FAILURE_BACKOFF, delivery.attempts)
            return replace(again, not_before=at, attempts=delivery.attempts + 1, reason=reason)
        case Offline(reason):
            # No attempt is counted: every message would meet this, and `Outage` decides when one leaves.
            return replace(again, reason=reason)
        case SendUnknown(reason):
            return _after_no_answer(again, reason)
        case Vanished(reason):
            return _after_vanishing(again, reason)
        # Only ever to a lesser form, so that this comes to an end.
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
    """Return when a message that may have arrived is sent once more: later each time."""
    unknowns = again.unknowns + 1
    if again.unanswered_questions:
        # This send was forced after a quarter of an hour of failed questions; its own timeout adds nothing,
        # so count it as one more failed question.
        at = again.not_before + QUESTION_PAUSE
        return replace(again, not_before=at, unknowns=unknowns, unanswered_questions=1, reason=reason)
    at = again.not_before + _pause(UNKNOWN_OUTCOME_BACKOFF, again.unknowns)
    return replace(again, not_before=at, unknowns=unknowns, reason=reason)


def _after_vanishing(again: DeliveryUpdate, reason: str) -> DeliveryUpdate:
    """Try a message once more that was deleted on arrival; a second time, it would be so for ever."""
    if again.unknowns:
        return replace(again, state=DeliveryState.DEAD, reason=reason)
    at = again.not_before + _pause(UNKNOWN_OUTCOME_BACKOFF, 0)
    return replace(again, not_before=at, unknowns=1, reason=reason)


def _without_topic(
    delivery: Delivery, again: DeliveryUpdate, reason: str, *, is_certain: bool
) -> DeliveryUpdate:
    """Try a topic once more that was not found; after that the message goes to the chat itself."""
    if is_certain or delivery.refusals:
        return replace(again, topic_lost=reason, refusals=0, reason=reason)
    at = again.not_before + timedelta(seconds=TOPIC_DOUBT_PAUSE)
    return replace(again, not_before=at, refusals=1, reason=reason)


def _is_less(form: Form, than: Form) -> bool:
    forms = list(Form)
    return forms.index(form) > forms.index(than)


def _refused(delivery: Delivery, again: DeliveryUpdate, reason: str, *, is_final: bool) -> DeliveryUpdate:
    """Give a message up after its last try; one of several alerts is sent in pieces before that."""
    refusals = delivery.refusals + 1
    if not is_final and refusals < REFUSALS_MOST:
        at = again.not_before + _pause(REFUSAL_BACKOFF, delivery.refusals)
        return replace(again, not_before=at, refusals=refusals, reason=reason)
    state = DeliveryState.DISSOLVED if delivery.alerts > 1 else DeliveryState.DEAD
    return replace(again, state=state, refusals=refusals, reason=reason)
