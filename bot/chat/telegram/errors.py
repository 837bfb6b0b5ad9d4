"""What each error of the library means, for the request that failed and for the message it carried.

A 400 or 403 is sorted by its words, a 409 means that another program polls, and a 429 arrives as RetryAfter.
The order of the cases matters: to the library permanent refusals are network errors, too, and whoever tries
those again does so for ever (docs/telegram.md, "Answers to a request", "The library's errors").
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from telegram import Message
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

from bot.chat.telegram.transport import LONGEST_WORDS, NotConnected, TooManyRequests, Unreadable
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

LARGEST_MESSAGE_ID = 2**53
"""Telegram counts from one in each chat; what is not such a number can't be kept."""

PROXY_PAUSE_SECONDS = 30.0
"""The pause where something before Telegram wants one and does not say how long."""


class RequestResult(StrEnum):
    """How Telegram answered one request, whatever it was about."""

    OK = "ok"
    REFUSED = "refused"
    """This request; the next may be taken."""
    THROTTLED = "throttled"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word, no secret
    CONFLICT = "conflict"
    """Another program receives updates with the same token."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error of the library means."""

    result: RequestResult
    """For the request."""
    outcome: Outcome
    """For the message that it carried, if it carried one."""


REFUSALS: tuple[tuple[Callable[[str], Outcome], tuple[str, ...]], ...] = (
    (
        lambda reason: Unreachable(reason, Park.FOR_GOOD),
        ("user is deactivated", "bot can't send messages to bots"),
    ),
    (
        lambda reason: Unreachable(reason, Park.GONE),
        (
            "bot was blocked by the user",
            "bot was kicked from",
            "bot is not a member of",
            "the group chat was deleted",
            "bot can't initiate conversation with a user",
            "chat not found",
            "peer_id_invalid",
        ),
    ),
    (
        lambda reason: Unreachable(reason, Park.NO_RIGHTS),
        (
            "not enough rights to send",
            "have no rights to send a message",
            "need administrator rights",
            "chat_write_forbidden",
            "chat_restricted",
            "have no write access to the chat",
            "chat_admin_required",
        ),
    ),
    (lambda _: TopicLost("not found", is_certain=False), ("message thread not found",)),
    (lambda _: TopicLost("closed", is_certain=True), ("topic_closed",)),
    (lambda _: TopicLost("deleted", is_certain=True), ("topic_deleted",)),
    (lambda reason: Misread(reason, Form.PLAIN), ("can't parse entities",)),
    (
        lambda reason: Misread(reason, Form.BARE),
        ("reply markup is too long", "button_data_invalid", "button_url_invalid", "reply_markup_invalid"),
    ),
    (
        lambda reason: SendRefused(reason, is_final=True),
        ("message is too long", "text is too long", "message text is empty", "message_too_long"),
    ),
)
"""What the words of a refusal mean. In lower case: the library capitalizes the first letter of a refusal and
lowers all others, so `TOPIC_CLOSED` arrives as `Topic_closed`."""

NOTHING_TO_CHANGE = (
    "message is not modified",
    "message to edit not found",
    "message can't be edited",
    "query is too old",
)
"""Refusals of an edit or a toast that leave nothing to do: it is as wanted, or what it was about is gone."""


def failure_of(error: Exception, chat_id: int | None = None) -> Failure:  # noqa: PLR0911 - one for each kind
    """Return what an error of a request means, and for the message to `chat_id` that it carried, if any.

    Numbers were brought into their ranges where they came in (`transport.py`).
    """
    match error:
        case RetryAfter():
            return Failure(RequestResult.THROTTLED, SendThrottled(_seconds_of(error)))
        case ChatMigrated() if error.new_chat_id == chat_id:
            return Failure(RequestResult.REFUSED, RetryLater("the group became itself"))
        case ChatMigrated():
            return Failure(RequestResult.REFUSED, ChatMoved(error.new_chat_id))
        case Conflict():
            return Failure(RequestResult.CONFLICT, RetryLater(error.message[:LONGEST_WORDS]))
        case InvalidToken():  # 401 and 404 alike: a proxy can fake both, so the message waits
            return Failure(
                RequestResult.TOKEN_REFUSED, Offline("Telegram refuses the token", has_answered=True)
            )
        case Forbidden() | BadRequest() if isinstance(error.__cause__, Unreadable):
            return Failure(RequestResult.REFUSED, RetryLater("it was refused, and why can't be read"))
        case Forbidden() | BadRequest():
            return Failure(RequestResult.REFUSED, _refused(error.message))
        case TimedOut():
            return Failure(RequestResult.TIMED_OUT, _unanswered(error))
        case NetworkError():
            return Failure(RequestResult.UNREACHABLE, _unanswered(error))
        case _:  # garbage with 200 raises anything, and the message may well have been taken
            return Failure(RequestResult.UNREADABLE, SendUnknown(type(error).__name__))


def outcome_of(message: Message) -> Outcome:
    """Return what an answer to a send means: sent, if its message id can be kept, else unknown."""
    number = message.message_id
    return (
        Sent(number) if type(number) is int and 0 < number <= LARGEST_MESSAGE_ID else SendUnknown("no number")
    )


def changes_nothing(outcome: Outcome) -> bool:
    """Return whether an edit or a toast was refused because nothing is left to do."""
    return isinstance(outcome, SendRefused) and any(
        words in outcome.reason.lower() for words in NOTHING_TO_CHANGE
    )


def _seconds_of(error: RetryAfter) -> float:
    wanted = error.retry_after
    return wanted.total_seconds() if isinstance(wanted, timedelta) else float(wanted)


def _refused(reason: str) -> Outcome:
    """Sort by words: Telegram gives refusals no code of their own."""
    lowered = reason.lower()
    for outcome, words in REFUSALS:
        if any(word in lowered for word in words):
            return outcome(reason)
    return RetryLater(reason) if lowered.startswith("forbidden") else SendRefused(reason, is_final=False)


def _unanswered(error: NetworkError) -> Outcome:
    """Sort by kind, then by words, since the library keeps no status; what is left may have arrived."""
    if isinstance(error, NotConnected):
        return Offline(f"no connection ({error.message})")
    if isinstance(error, TooManyRequests):
        return RetryLater("too many requests of ours at once")
    lowered = error.message.lower()
    if "sent message was immediately deleted" in lowered:
        return Vanished("it was deleted as soon as it was sent")
    # A 429 of a proxy: without Telegram's `retry_after` the library makes no RetryAfter of it.
    if lowered.startswith("too many requests"):
        return SendThrottled(PROXY_PAUSE_SECONDS)
    if lowered.startswith("request entity too large"):
        return SendRefused("it is too large", is_final=True)
    return SendUnknown(type(error).__name__)
