"""Whether Telegram as a whole can be reached, told by outcomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.outage import CHATS_IN_DOUBT, PROBE_BACKOFF, Outage
from bot.domain.deliver.outcomes import (
    Offline,
    Outcome,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    Unreachable,
)

NO_CONNECTION = Offline("no connection")
NO_ANSWER = SendUnknown("read timeout")


def after(*outcomes: tuple[int, Outcome], now: float = 0.0) -> Outage:
    outage = Outage()
    for chat, outcome in outcomes:
        outage = outage.after(chat, outcome, now, 0.0)
    return outage


def test_without_a_connection_one_failure_is_an_outage() -> None:
    outage = after((1, NO_CONNECTION), now=100.0)

    assert not outage.is_over
    assert outage.probe_at == 100.0 + PROBE_BACKOFF.steps[0]


def test_one_chat_without_an_answer_is_no_outage_however_often() -> None:
    assert after(*[(1, NO_ANSWER)] * 20).is_over


def test_several_chats_in_a_row_without_an_answer_are_an_outage() -> None:
    chats = range(CHATS_IN_DOUBT)

    assert not after(*((chat, NO_ANSWER) for chat in chats)).is_over
    assert after(*((chat, NO_ANSWER) for chat in chats[1:])).is_over


def test_an_answer_in_between_clears_the_doubt() -> None:
    assert after((1, NO_ANSWER), (2, NO_ANSWER), (3, Sent(1)), (4, NO_ANSWER)).is_over


@pytest.mark.parametrize(
    "answer",
    [Sent(1), SendThrottled(5), Unreachable("blocked"), SendRefused("too long", is_final=True)],
    ids=lambda one: type(one).__name__,
)
def test_any_answer_ends_an_outage(answer: Outcome) -> None:
    assert after((1, NO_CONNECTION), (1, answer)) == Outage()


@pytest.mark.parametrize("failure", [NO_ANSWER, NO_CONNECTION, RetryLater("busy")])
def test_each_probe_in_vain_makes_the_next_pause_longer(failure: Outcome) -> None:
    outage, pauses = after((1, NO_CONNECTION)), []
    for _ in range(10):
        assert outage.probe_at is not None
        now = outage.probe_at
        outage = outage.probed(now, 0.0).after(1, failure, now, 0.0)
        assert outage.probe_at is not None
        pauses.append(outage.probe_at - now)

    assert pauses == sorted(pauses)
    assert pauses[-1] == PROBE_BACKOFF.steps[-1]


def test_a_probe_that_hangs_lets_another_one_leave() -> None:
    outage = after((1, NO_CONNECTION), now=100.0)

    assert not outage.lets_leave(100.9)
    assert outage.lets_leave(101.0)
    hanging = outage.probed(101.0, 0.0)
    assert not hanging.lets_leave(102.9)
    assert hanging.lets_leave(103.0)


def test_while_all_is_well_everything_may_leave_and_is_no_probe() -> None:
    assert Outage().lets_leave(0.0)
    assert Outage().probed(0.0, 0.0) == Outage()


def test_what_left_before_the_outage_and_fails_late_makes_no_pause_longer() -> None:
    outage = after((1, NO_CONNECTION), now=100.0)
    late = outage.after(2, NO_CONNECTION, 100.5, 0.0)

    assert (late.probe_at, late.probes) == (outage.probe_at, outage.probes)
    assert late.doubtful == {1, 2}


@given(st.integers(0, 100), st.floats(0, 0.999))
def test_a_telegram_that_is_back_is_noticed_within_half_a_minute(failures: int, jitter: float) -> None:
    outage, now = Outage().after(1, NO_CONNECTION, 0.0, jitter), 0.0
    for _ in range(failures):
        now = outage.probe_at or now
        outage = outage.probed(now, jitter).after(1, NO_CONNECTION, now, jitter)

    assert outage.probe_at is not None
    assert 0 < outage.probe_at - now < 30
