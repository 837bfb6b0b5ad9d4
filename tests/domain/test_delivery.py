"""One delivery's life, one outcome at a time."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import (
    KNOWN_FAILURE_PAUSES,
    THROTTLE_JITTER,
    UNKNOWN_OUTCOME_PAUSES,
    DeliveryState,
    Outcome,
    RetryLater,
    Sent,
    Settlement,
    Throttled,
    Unknown,
    Unreachable,
    bind_at,
    message_id,
    settle,
)
from bot.domain.model import DeliveryId
from tests.builders import NOON, at, delivery

BACK_AT_WORK_SECONDS = 60
"""An alert has to arrive within this time once the last fault is over."""

not_sent: st.SearchStrategy[Outcome] = (
    st.builds(RetryLater, st.text())
    | st.builds(Throttled, st.floats(0, 1000))
    | st.builds(Unknown, st.text())
    | st.builds(Unreachable, st.text())
)
dice = st.floats(0, 1, exclude_max=True)


# ---------------------------------------------------------------- outcomes


def test_what_telegram_has_is_sent() -> None:
    settlement = settle(delivery(attempts=2, unknowns=1), Sent(42), NOON, 0.5)

    assert settlement == Settlement(DeliveryState.SENT, NOON, message_id=42, attempts=2, unknowns=1)


@given(not_sent, dice)
def test_what_telegram_does_not_say_it_has_is_sent_again(outcome: Outcome, dice: float) -> None:
    settlement = settle(delivery(attempts=2, unknowns=1), outcome, NOON, dice)

    assert settlement.state is DeliveryState.READY
    assert settlement.message_id is None
    assert settlement.reason is not None


def test_a_known_failure_is_an_attempt_and_leaves_the_chat_alone() -> None:
    settlement = settle(delivery(attempts=1, unknowns=2), RetryLater("no route"), NOON, 0.5)

    assert settlement == Settlement(
        DeliveryState.READY, at(KNOWN_FAILURE_PAUSES[1]), attempts=2, unknowns=2, reason="no route"
    )


def test_an_unknown_outcome_is_counted_apart_from_attempts() -> None:
    settlement = settle(delivery(attempts=1, unknowns=2), Unknown("read timeout"), NOON, 0.5)

    assert settlement == Settlement(
        DeliveryState.READY, at(UNKNOWN_OUTCOME_PAUSES[2]), attempts=1, unknowns=3, reason="read timeout"
    )


def test_a_throttled_message_counts_no_attempt_and_holds_its_chat() -> None:
    settlement = settle(delivery(attempts=1, unknowns=2), Throttled(30), NOON, 0.0)

    assert (settlement.attempts, settlement.unknowns) == (1, 2)
    assert settlement.chat_hold_until == at(30)
    assert settlement.chat_unavailable is None


def test_an_unreachable_chat_counts_no_attempt_and_is_not_held() -> None:
    settlement = settle(delivery(attempts=1, unknowns=2), Unreachable("blocked"), NOON, 0.5)

    assert (settlement.attempts, settlement.unknowns) == (1, 2)
    assert settlement.chat_unavailable == "blocked"
    assert settlement.chat_hold_until is None


@given(st.floats(0, 10_000), dice)
def test_a_hold_is_never_shorter_than_telegram_wants_and_a_tenth_longer_at_most(
    seconds: float, dice: float
) -> None:
    settlement = settle(delivery(), Throttled(seconds), NOON, dice)

    assert settlement.chat_hold_until is not None
    held = settlement.chat_hold_until - NOON
    assert timedelta(seconds=seconds) <= held <= timedelta(seconds=seconds * (1 + THROTTLE_JITTER))


def test_throttled_chats_do_not_all_come_back_at_once() -> None:
    first, second = (settle(delivery(), Throttled(30), NOON, dice).chat_hold_until for dice in (0.1, 0.9))

    assert first != second


@pytest.mark.parametrize("outcome", [RetryLater("no route"), Unknown("read timeout")])
def test_pauses_grow_and_stay_below_the_time_an_alert_may_take(outcome: Outcome) -> None:
    pauses = [
        (
            settle(delivery(attempts=times, unknowns=times), outcome, NOON, 0.5).not_before - NOON
        ).total_seconds()
        for times in range(100)
    ]

    assert pauses == sorted(pauses)
    assert pauses[0] > 0
    assert pauses[-1] < BACK_AT_WORK_SECONDS


# ---------------------------------------------------------------- the grouping window


@pytest.mark.parametrize(
    ("last", "wait", "bound"),
    [
        (0, 1.0, 1.0),
        (0.5, 1.0, 1.5),
        (3.9, 1.0, 4.9),
        (4.5, 1.0, 5.0),
        (30.0, 1.0, 5.0),
        (0, 0.0, 0.0),
        (0, 5.0, 5.0),
        (2.0, 5.0, 5.0),
    ],
    ids=str,
)
def test_the_window_restarts_with_each_alert_but_keeps_none_longer_than_five_seconds(
    last: float, wait: float, bound: float
) -> None:
    assert bind_at(NOON, at(last), wait) == at(bound)


def test_a_longer_wait_that_the_operator_chose_is_kept_but_not_restarted() -> None:
    assert bind_at(NOON, NOON, 20.0) == at(20)
    assert bind_at(NOON, at(15), 20.0) == at(20)


# ---------------------------------------------------------------- message ids

numbers = st.integers(1, 2**50 - 1).map(DeliveryId)


@given(numbers)
def test_a_message_id_is_four_to_ten_capitals_and_digits_and_always_the_same(number: DeliveryId) -> None:
    assert re.fullmatch(r"[A-Z0-9]{4,10}", message_id(number))
    assert message_id(number) == message_id(number)


@given(numbers, numbers)
def test_two_deliveries_never_share_a_message_id(one: DeliveryId, other: DeliveryId) -> None:
    assert (message_id(one) == message_id(other)) == (one == other)


@given(numbers, st.integers(0, 49))
def test_deliveries_a_power_of_two_apart_never_share_a_message_id(number: DeliveryId, power: int) -> None:
    assert message_id(number) != message_id(DeliveryId(number + 2**power))


@pytest.mark.parametrize("start", [1, 2**25 - 50_000, 2**30 - 50_000])
def test_neighbours_never_share_a_message_id(start: int) -> None:
    ids = {message_id(DeliveryId(number)) for number in range(start, start + 100_000)}

    assert len(ids) == 100_000


def test_message_ids_of_neighbours_look_different() -> None:
    one, other = message_id(DeliveryId(1)), message_id(DeliveryId(2))

    assert sum(a != b for a, b in zip(one, other, strict=True)) >= 3


def test_a_message_id_stays_what_it_is_from_release_to_release() -> None:
    assert [message_id(DeliveryId(number)) for number in (1, 2, 1_000_000)] == ["MMZ0N", "99Y1A", "XEVT0"]
