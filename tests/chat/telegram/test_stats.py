"""What became of requests to Telegram, and when that means that nothing can be sent."""

import pytest

from bot.chat.telegram.errors import RequestResult
from bot.chat.telegram.stats import FORGOTTEN_AFTER_SECONDS, TROUBLES, RequestStats


def sends(*answers: RequestResult, now: float = 0.0) -> RequestStats:
    stats = RequestStats()
    for result in answers:
        stats.count("sendMessage", result, now)
    return stats


@pytest.mark.parametrize("result", TROUBLES)
def test_two_failures_in_a_row_are_told(result: RequestResult) -> None:
    assert sends(result).sending_trouble(0) is None, "one is bad luck"
    assert sends(result, result).sending_trouble(0) == TROUBLES[result]


@pytest.mark.parametrize("result", [one for one in RequestResult if one not in TROUBLES])
def test_what_telegram_looked_at_shows_that_it_is_there(result: RequestResult) -> None:
    stats = sends(RequestResult.UNREACHABLE, RequestResult.UNREACHABLE, result)

    assert stats.sending_trouble(0) is None


def test_what_failed_long_ago_says_nothing_of_now() -> None:
    stats = sends(RequestResult.UNREACHABLE, RequestResult.UNREACHABLE, now=10)

    assert stats.sending_trouble(10 + FORGOTTEN_AFTER_SECONDS) is not None
    assert stats.sending_trouble(11 + FORGOTTEN_AFTER_SECONDS) is None


def test_polls_say_nothing_of_sending_and_are_counted_all_the_same() -> None:
    stats = RequestStats()
    for _ in range(3):
        stats.count("getUpdates", RequestResult.UNREACHABLE, 0)

    assert stats.sending_trouble(0) is None
    assert stats.requests == {("getUpdates", RequestResult.UNREACHABLE): 3}


def test_a_file_that_takes_too_long_says_nothing_of_messages() -> None:
    stats = RequestStats()
    for _ in range(3):
        stats.count("sendDocument", RequestResult.TIMED_OUT, 0)
    assert stats.sending_trouble(0) is None

    for _ in range(2):
        stats.count("sendDocument", RequestResult.UNREACHABLE, 0)
    assert stats.sending_trouble(0) is not None
