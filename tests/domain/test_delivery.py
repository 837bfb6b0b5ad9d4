"""One delivery's life, one outcome at a time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.delivery import (
    KNOWN_FAILURE_BACKOFF,
    REFUSALS_MOST,
    THROTTLE_JITTER,
    UNKNOWN_OUTCOME_BACKOFF,
    DeliveryState,
    DeliveryUpdate,
    Parking,
    Pause,
    bind_at,
    parking_after,
    update_after,
)
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
from bot.domain.deliver.unconfirmed import UNKNOWNS_UNASKED
from tests.builders import NOON, at, delivery

BACK_AT_WORK_SECONDS = 60
"""An alert has to arrive within this time once the last fault is over."""

not_sent: st.SearchStrategy[Outcome] = (
    st.builds(RetryLater, st.text())
    | st.builds(SendThrottled, st.floats(0, 1000))
    | st.builds(SendUnknown, st.text())
    | st.builds(Unreachable, st.text(), st.sampled_from(Park))
    | st.builds(Offline, st.text())
    | st.builds(ChatMoved, st.integers(-(2**52), -1))
    | st.builds(TopicLost, st.text(), st.booleans())
    | st.builds(Misread, st.text(), st.sampled_from([Form.BARE, Form.PLAIN]))
)
jitter = st.floats(0, 1, exclude_max=True)


# ---------------------------------------------------------------- outcomes


def test_what_telegram_has_is_sent() -> None:
    update = update_after(delivery(attempts=2, unknowns=1), Sent(42), NOON, 0.5)

    assert update == DeliveryUpdate(DeliveryState.SENT, NOON, message_id=42, attempts=2, unknowns=1)


@given(not_sent, jitter)
def test_what_telegram_may_still_take_is_sent_again(outcome: Outcome, jitter: float) -> None:
    update = update_after(delivery(attempts=2, unknowns=1), outcome, NOON, jitter)

    assert update.state is DeliveryState.READY
    assert update.message_id is None
    assert update.reason is not None


def test_a_known_failure_is_an_attempt_and_leaves_the_chat_alone() -> None:
    update = update_after(delivery(attempts=1, unknowns=2), RetryLater("no route"), NOON, 0.5)

    assert update == DeliveryUpdate(
        DeliveryState.READY, at(KNOWN_FAILURE_BACKOFF.steps[1]), attempts=2, unknowns=2, reason="no route"
    )


def test_an_unknown_outcome_is_counted_apart_from_attempts() -> None:
    update = update_after(delivery(attempts=1, unknowns=2), SendUnknown("read timeout"), NOON, 0.5)

    assert update == DeliveryUpdate(
        DeliveryState.READY,
        at(UNKNOWN_OUTCOME_BACKOFF.steps[2]),
        attempts=1,
        unknowns=3,
        reason="read timeout",
    )


def test_a_throttled_message_counts_no_attempt_and_holds_its_chat() -> None:
    update = update_after(delivery(attempts=1, unknowns=2), SendThrottled(30), NOON, 0.0)

    assert (update.attempts, update.unknowns) == (1, 2)
    assert update.pause == Pause(at(30), timedelta(seconds=30))
    assert update.parking is None


def test_an_unreachable_chat_counts_no_attempt_and_is_not_held() -> None:
    update = update_after(delivery(attempts=1, unknowns=2), Unreachable("blocked"), NOON, 0.5)

    assert (update.attempts, update.unknowns) == (1, 2)
    assert update.parking == Parking("blocked", NOON + timedelta(days=1), timedelta(days=1))
    assert update.pause is None


@given(st.floats(0, 10_000), jitter)
def test_a_hold_is_never_shorter_than_telegram_wants_and_a_tenth_longer_at_most(
    seconds: float, jitter: float
) -> None:
    update = update_after(delivery(), SendThrottled(seconds), NOON, jitter)

    assert update.pause is not None
    held = update.pause.until - NOON
    assert held == update.pause.span
    assert timedelta(seconds=seconds) <= held <= timedelta(seconds=seconds * (1 + THROTTLE_JITTER))


def test_throttled_chats_do_not_all_come_back_at_once() -> None:
    first, second = (update_after(delivery(), SendThrottled(30), NOON, jitter).pause for jitter in (0.1, 0.9))

    assert first != second


@pytest.mark.parametrize(
    ("outcome", "tries"), [(RetryLater("no route"), 100), (SendUnknown("read timeout"), UNKNOWNS_UNASKED + 1)]
)
def test_pauses_grow_and_stay_below_the_time_an_alert_may_take(outcome: Outcome, tries: int) -> None:
    pauses = [
        (
            update_after(delivery(attempts=times, unknowns=times), outcome, NOON, 0.5).not_before - NOON
        ).total_seconds()
        for times in range(tries)
    ]

    assert pauses == sorted(pauses)
    assert pauses[0] > 0
    assert pauses[-1] < BACK_AT_WORK_SECONDS


# ---------------------------------------------------------------- refused


def test_what_telegram_never_takes_dies_if_it_tells_one_thing() -> None:
    update = update_after(delivery(alerts=1), SendRefused("too long", is_final=True), NOON, 0.5)

    assert (update.state, update.reason) == (DeliveryState.DEAD, "too long")


def test_what_telegram_never_takes_is_dissolved_if_it_tells_several() -> None:
    update = update_after(delivery(alerts=2), SendRefused("too long", is_final=True), NOON, 0.5)

    assert update.state is DeliveryState.DISSOLVED


@given(st.integers(1, 50))
def test_a_refusal_we_do_not_know_is_tried_a_few_times_and_not_for_ever(alerts: int) -> None:
    one, now, attempts = delivery(alerts=alerts), NOON, 0
    while True:
        update = update_after(one, SendRefused("odd", is_final=False), now, 0.5)
        attempts += 1
        if update.state is not DeliveryState.READY:
            break
        assert now < update.not_before <= now + timedelta(seconds=BACK_AT_WORK_SECONDS)
        one, now = replace(one, refusals=update.refusals), update.not_before

    assert attempts == REFUSALS_MOST
    assert update.state is (DeliveryState.DEAD if alerts == 1 else DeliveryState.DISSOLVED)


def test_a_message_whose_formats_are_misread_goes_as_plain_text_at_once() -> None:
    update = update_after(delivery(), Misread("can't parse", Form.PLAIN), NOON, 0.5)

    assert (update.state, update.not_before) == (DeliveryState.READY, NOON)
    assert update.form is Form.PLAIN


def test_a_message_whose_buttons_are_refused_goes_without_them() -> None:
    assert update_after(delivery(), Misread("too long", Form.BARE), NOON, 0.5).form is Form.BARE


@pytest.mark.parametrize("form", [Form.BARE, Form.PLAIN])
def test_a_message_in_its_least_form_that_is_misread_all_the_same_is_refused(form: Form) -> None:
    update = update_after(delivery(form=Form.PLAIN), Misread("can't parse", form), NOON, 0.5)

    assert update.state is DeliveryState.DEAD


def test_what_somebodys_guard_removes_is_sent_once_more_and_no_third_time() -> None:
    first = update_after(delivery(alerts=3), Vanished("removed"), NOON, 0.5)
    second = update_after(delivery(alerts=3, unknowns=first.unknowns), Vanished("removed"), NOON, 0.5)

    assert first.state is DeliveryState.READY
    assert second.state is DeliveryState.DEAD


# ---------------------------------------------------------------- places


def test_a_group_that_moved_is_followed_at_once() -> None:
    update = update_after(delivery(attempts=1), ChatMoved(-1007), NOON, 0.5)

    assert (update.moved_to, update.not_before, update.attempts) == (-1007, NOON, 1)


def test_a_topic_that_is_not_found_is_looked_for_once_more() -> None:
    first = update_after(delivery(), TopicLost("not found", is_certain=False), NOON, 0.5)
    second = update_after(
        delivery(refusals=first.refusals), TopicLost("not found", is_certain=False), first.not_before, 0.5
    )

    assert first.topic_lost is None
    assert at(30) < first.not_before < at(BACK_AT_WORK_SECONDS)
    assert (second.topic_lost, second.not_before) == ("not found", first.not_before)


def test_a_topic_that_is_closed_is_given_up_at_once() -> None:
    update = update_after(delivery(), TopicLost("closed", is_certain=True), NOON, 0.5)

    assert (update.topic_lost, update.not_before) == ("closed", NOON)


def test_a_user_who_is_gone_for_good_is_never_tried_again_by_itself() -> None:
    update = update_after(delivery(), Unreachable("deactivated", Park.FOR_GOOD), NOON, 0.5)

    assert update.parking == Parking("deactivated", None)


def test_a_chat_in_which_the_bot_is_silenced_is_tried_soon_and_then_less_often() -> None:
    pauses = [parking_after("muted", Park.NO_RIGHTS, probes, NOON).probe_at for probes in range(20)]

    assert pauses == sorted(pauses, key=lambda moment: moment or NOON)
    assert pauses[0] is not None
    assert pauses[0] < at(BACK_AT_WORK_SECONDS)
    assert pauses[-1] == at(3600)


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
