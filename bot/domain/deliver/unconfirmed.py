"""A message that may have arrived: when Telegram is asked before it is sent once more.

The first repetitions follow soon, since most doubts are bad luck. After three unknown outcomes a message
leaves only once Telegram answers a request that leaves nothing in the chat: "typing…". A Telegram that takes
messages and answers nothing makes one copy in a quarter of an hour then, and one that is back is noticed
within a minute. Where questions are answered and the message is not, its pauses grow to a quarter of an hour.
"""

from dataclasses import replace
from datetime import datetime

from bot.domain.deliver.delivery import (
    LONGEST_UNKNOWN_PAUSE,
    QUESTION_PAUSE,
    Delivery,
    DeliveryUpdate,
    update_after,
)
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Offline,
    Outcome,
    RetryLater,
    SendThrottled,
    SendUnknown,
    TopicLost,
    Unreachable,
)

UNKNOWNS_UNASKED = 3
"""Sends of unknown outcome that need no question."""

UNKNOWNS_RETRIED_EARLY = 10
"""After so many a message keeps its pause though another one arrives in its chat: copies are many by then."""

QUESTIONS_MOST = 1 + LONGEST_UNKNOWN_PAUSE // QUESTION_PAUSE
"""Questions without an answer after which a message is sent all the same, since only the question itself
may be failing."""


def asks_first(delivery: Delivery) -> bool:
    """Return whether Telegram is to be asked before this message is sent again."""
    return delivery.unknowns >= UNKNOWNS_UNASKED


def after_question(
    delivery: Delivery, outcome: Outcome | None, now: datetime, jitter: float
) -> Delivery | DeliveryUpdate:
    """Return the message that may be sent now, or what is to be written of it while it waits.

    An outcome about the chat is treated as if a message had received it. None: the question succeeded.
    """
    match outcome:
        case SendThrottled() | Unreachable() | ChatMoved() | TopicLost():
            return update_after(delivery, outcome, now, jitter)
        case SendUnknown(reason) | RetryLater(reason) | Offline(reason, has_answered=False):
            pass
        case _:
            return replace(delivery, unanswered_questions=0)
    # The count is kept, not reset: that is how `update_after` knows that this send had no answer before it.
    if delivery.unanswered_questions + 1 >= QUESTIONS_MOST:
        return delivery
    again = DeliveryUpdate.again(delivery, now + QUESTION_PAUSE)
    return replace(again, unanswered_questions=delivery.unanswered_questions + 1, reason=reason)
