"""A message that Telegram may have or not: when it is sent once more, and when Telegram is asked first.

The first pauses are short, since most doubts are bad luck. After three unknown outcomes a message
leaves only once a question was answered, which nobody sees. A Telegram that takes messages and answers
nothing makes a copy in a quarter of an hour at most then, and one that is back is noticed within a minute.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.deliver.delivery import (
    REST,
    UNKNOWN_OUTCOME_BACKOFF,
    ChatMoved,
    Delivery,
    Offline,
    Outcome,
    RetryLater,
    Settlement,
    Throttled,
    TopicLost,
    Unknown,
    Unreachable,
    settle,
)

UNKNOWNS_UNASKED = 3
"""So many sends of unknown outcome need no question (telegram.md 3.2)."""

UNKNOWNS_TRUSTED = 10
"""After so many nothing but a restart gives a message new trust."""

QUESTION_PAUSE = timedelta(seconds=UNKNOWN_OUTCOME_BACKOFF.steps[-1])
"""With the half minute that a send may hang, still within the time an alert may take."""

QUESTIONS_MOST = REST // QUESTION_PAUSE
"""After so many in vain a message is sent once more all the same."""


def asks_first(delivery: Delivery) -> bool:
    """Return whether Telegram is to be asked before this message is sent again."""
    return delivery.unknowns >= UNKNOWNS_UNASKED


def after_question(delivery: Delivery, outcome: Outcome, now: datetime, dice: float) -> Delivery | Settlement:
    """Return the message that may be sent now, or what is to be written of it while it waits.

    A silence is worth trust: that it ends will be news.
    """
    match outcome:
        case Throttled() | Unreachable() | ChatMoved() | TopicLost():
            return settle(delivery, outcome, now, dice)
        case Unknown(reason) | RetryLater(reason) | Offline(reason):
            unconfirmed_sends_left = (
                max(delivery.unconfirmed_sends_left, 1)
                if delivery.unknowns < UNKNOWNS_TRUSTED
                else delivery.unconfirmed_sends_left
            )
        case _:
            return replace(delivery, is_answered=True)
    if delivery.questions + 1 >= QUESTIONS_MOST:
        return replace(delivery, unconfirmed_sends_left=unconfirmed_sends_left)
    again = Settlement.again(delivery, now + QUESTION_PAUSE)
    return replace(
        again, questions=delivery.questions + 1, unconfirmed_sends_left=unconfirmed_sends_left, reason=reason
    )
