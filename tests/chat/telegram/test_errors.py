"""What each error of the library means for the request (`test_outgoing.py`: for its message)."""

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.chat.telegram.errors import RequestResult, changes_nothing, failure_of


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (InvalidToken("x"), RequestResult.TOKEN_REFUSED),
        (Conflict("x"), RequestResult.CONFLICT),
        (BadRequest("x"), RequestResult.REFUSED),
        (Forbidden("x"), RequestResult.REFUSED),
        (ChatMigrated(-100), RequestResult.REFUSED),
        (TimedOut(), RequestResult.TIMED_OUT),
        (NetworkError("x"), RequestResult.UNREACHABLE),
        (TelegramError("Invalid server response"), RequestResult.UNREADABLE),
        (KeyError("result"), RequestResult.UNREADABLE),
    ],
)
def test_every_error_of_the_library_has_its_place(error: Exception, result: RequestResult) -> None:
    assert failure_of(error).result is result


def test_a_pause_that_telegram_asks_for_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of its own future

    assert failure_of(RetryAfter(5)).result is RequestResult.THROTTLED


@pytest.mark.parametrize(
    "words",
    [
        "Message is not modified: specified new message content and reply markup are exactly the same",
        "Message to edit not found",
        "Message can't be edited",
        "Query is too old and response timeout expired or query id is invalid",
    ],
)
def test_an_edit_or_toast_that_has_nothing_left_to_do_is_no_failure(words: str) -> None:
    assert changes_nothing(failure_of(BadRequest(words)).outcome)


@pytest.mark.parametrize(
    "error", [BadRequest("Message is too long"), Forbidden("bot was blocked"), TimedOut()]
)
def test_any_other_refusal_of_an_edit_is_a_failure(error: TelegramError) -> None:
    assert not changes_nothing(failure_of(error).outcome)
