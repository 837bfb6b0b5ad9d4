"""What a process says of the roles it has: nothing while all is well, and each reason only when it holds."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.chat.telegram.receiver import ReceiverProgress
from bot.domain.ask.progress import LastSweep
from bot.health.reasons import silent_seconds_by_the_clock, source_reasons, telegram_reasons
from bot.poller.worker import PollerProgress
from tests.builders import NOON

INTERVAL = 60.0
WELL = LastSweep(ended_at=NOON, took_seconds=2.0, seen_seconds=2.0)
NOT_YET = "no sweep has finished yet"


def swept(last: LastSweep | None = WELL, *, has_swept: bool = True) -> PollerProgress:
    """Return how far a poller is whose last sweep ended at 0 s."""
    return PollerProgress(0.0, 0.0, last, has_swept=has_swept)


def reasons(
    progress: PollerProgress | None,
    *,
    seconds: float = 1.0,
    has_answered: bool = True,
    takes_over: bool = False,
    now: datetime = NOON,
) -> list[str]:
    return list(
        source_reasons(
            progress,
            interval_seconds=INTERVAL,
            has_answered=has_answered,
            takes_over=takes_over,
            monotonic=seconds,
            now=now,
        )
    )


def test_a_poller_that_is_answered_is_well() -> None:
    assert reasons(swept()) == []


@pytest.mark.parametrize(
    ("progress", "seconds", "reason"),
    [
        (swept(), 181, "no sweep has finished for 181 s"),
        (
            swept(replace(WELL, silent_seconds=100.0)),
            81,
            "the indexer has been silent for 181 s: no word why",
        ),
        (
            swept(replace(WELL, silent_seconds=300.0, trouble="closed for lunch")),
            1,
            "the indexer has been silent for 301 s: closed for lunch",
        ),
        (
            swept(replace(WELL, refusals=1, trouble="no such key")),
            1,
            "the indexer refuses to answer: no such key",
        ),
    ],
)
def test_a_source_in_trouble_is_told(progress: PollerProgress, seconds: float, reason: str) -> None:
    assert reasons(progress, seconds=seconds) == [reason]


def test_a_source_that_never_answered_this_process_is_told() -> None:
    assert reasons(swept(), has_answered=False) == ["the indexer has not answered yet: no word why"]


def test_a_process_that_just_starts_has_seen_nothing() -> None:
    assert reasons(swept(has_swept=False)) == reasons(None) == [NOT_YET]
    assert (
        reasons(swept(None, has_swept=False), takes_over=True) == reasons(None, takes_over=True) == [NOT_YET]
    )


def test_one_that_takes_over_counts_on_what_was_swept_just_now() -> None:
    begun = swept(has_swept=False)

    assert reasons(begun, takes_over=True, now=NOON + timedelta(seconds=170)) == []
    assert reasons(begun, takes_over=True, now=NOON + timedelta(seconds=190)) == [NOT_YET]


def test_whoever_does_not_poll_counts_silence_by_the_clock() -> None:
    silent = replace(WELL, silent_seconds=30.0)

    assert silent_seconds_by_the_clock(silent, NOON + timedelta(seconds=5)) == 35
    assert silent_seconds_by_the_clock(silent, NOON - timedelta(seconds=5)) == 30, "a clock that lags"
    assert silent_seconds_by_the_clock(None, NOON) == 0


def test_telegram_in_trouble_is_told_and_receiving_only_by_who_receives() -> None:
    deaf = ReceiverProgress(0.0, failures=9, trouble="Telegram refuses the token")

    def told(
        received: ReceiverProgress | None, *, is_introduced: bool = True, sent: str | None = None
    ) -> object:
        return [*telegram_reasons(received, is_introduced=is_introduced, sending_trouble=sent, monotonic=1.0)]

    assert told(deaf) == ["nothing is received: Telegram refuses the token"]
    assert told(None) == told(ReceiverProgress(0.0)) == []
    assert told(None, sent="Telegram can't be reached") == ["nothing can be sent: Telegram can't be reached"]
    assert told(None, is_introduced=False) == ["Telegram has not answered yet"]
