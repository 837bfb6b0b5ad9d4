"""A message that Telegram may have or not: when it is sent once more, and when Telegram is asked first.

The first pauses are short, since most doubts are bad luck. After three unknown outcomes a message
leaves only if a question was answered just before: one that takes the message's own way and that
Telegram always refuses, so that nobody ever sees it. A Telegram that takes messages and answers
nothing makes no more copies then, and one that is back is noticed within a minute.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.delivery import (
    UNKNOWN_OUTCOME_PAUSES,
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

QUESTION_PAUSE = timedelta(seconds=UNKNOWN_OUTCOME_PAUSES[-1])
"""With the half minute that a send may hang, still within the time an alert may take."""

QUESTIONS_MOST = 36
"""Then a message is sent whatever they said: a quarter of an hour after the send before it."""


def asks_first(delivery: Delivery) -> bool:
    """Return whether Telegram is to be asked before this message is sent again."""
    return delivery.unknowns >= UNKNOWNS_UNASKED


def after_question(delivery: Delivery, outcome: Outcome, now: datetime, dice: float) -> Delivery | Settlement:
    """Return the message that may be sent now, or what is to be written of it while it waits.

    An answer lets it go while there is trust in answers; a silence that ends is worth some. Without any, the
    questions do not see what keeps the sends from being answered, and waiting bounds the copies.
    """
    match outcome:
        case Throttled() | Unreachable() | ChatMoved() | TopicLost():
            return settle(delivery, outcome, now, dice)
        case Unknown(reason) | RetryLater(reason) | Offline(reason):
            is_answered, trust = False, max(delivery.trust, 1)
        case _:
            is_answered, trust = True, delivery.trust
            reason = "no send gets an answer, though questions do"
    if (is_answered and trust > 0) or delivery.questions + 1 >= QUESTIONS_MOST:
        return replace(delivery, trust=trust, is_answered=is_answered)
    return replace(
        Settlement.again(delivery, now + QUESTION_PAUSE),
        questions=delivery.questions + 1,
        trust=trust,
        reason=reason,
    )
