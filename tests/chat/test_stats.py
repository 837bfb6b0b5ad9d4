"""What became of requests to Telegram, and when that means that nothing can be sent."""

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

from bot.chat.telegram.stats import FORGOTTEN_AFTER_SECONDS, TROUBLES, Answered, RequestStats, sort_answer


def sends(*answers: Answered, now: float = 0.0) -> RequestStats:
    stats = RequestStats()
    for answered in answers:
        stats.note("sendMessage", answered, now)
    return stats


@pytest.mark.parametrize("answered", TROUBLES)
def test_two_failures_in_a_row_are_told(answered: Answered) -> None:
    assert sends(answered).sending_trouble(0) is None, "one is bad luck"
    assert sends(answered, answered).sending_trouble(0) == TROUBLES[answered]


@pytest.mark.parametrize("answered", [one for one in Answered if one not in TROUBLES])
def test_what_telegram_looked_at_shows_that_it_is_there(answered: Answered) -> None:
    stats = sends(Answered.UNREACHABLE, Answered.UNREACHABLE, answered)

    assert stats.sending_trouble(0) is None


def test_what_failed_long_ago_says_nothing_of_now() -> None:
    stats = sends(Answered.UNREACHABLE, Answered.UNREACHABLE, now=10)

    assert stats.sending_trouble(10 + FORGOTTEN_AFTER_SECONDS) is not None
    assert stats.sending_trouble(11 + FORGOTTEN_AFTER_SECONDS) is None


def test_polls_say_nothing_of_sending_and_are_counted_all_the_same() -> None:
    stats = RequestStats()
    for _ in range(3):
        stats.note("getUpdates", Answered.UNREACHABLE, 0)

    assert stats.sending_trouble(0) is None
    assert stats.requests == {("getUpdates", Answered.UNREACHABLE): 3}


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (InvalidToken("x"), Answered.TOKEN_REFUSED),
        (Conflict("x"), Answered.CONFLICT),
        (BadRequest("x"), Answered.REFUSED),
        (Forbidden("x"), Answered.REFUSED),
        (ChatMigrated(-100), Answered.REFUSED),
        (TimedOut(), Answered.TIMED_OUT),
        (NetworkError("x"), Answered.UNREACHABLE),
        (TelegramError("Invalid server response"), Answered.UNREADABLE),
        (KeyError("result"), Answered.UNREADABLE),
    ],
)
def test_every_error_of_the_library_has_its_place(error: Exception, answered: Answered) -> None:
    assert sort_answer(error) is answered


def test_a_pause_that_telegram_asks_for_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of its own future

    assert sort_answer(RetryAfter(5)) is Answered.THROTTLED
