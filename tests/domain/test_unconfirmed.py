"""When a message in doubt is sent once more, and when Telegram is asked first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.delivery import (
    LONGEST_PAUSE,
    LONGEST_UNKNOWN_PAUSE,
    QUESTION_PAUSE,
    UNKNOWN_OUTCOME_BACKOFF,
    UNKNOWNS_SET_ASIDE,
    Delivery,
    DeliveryState,
    DeliveryUpdate,
    update_after,
)
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Offline,
    Outcome,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    TopicLost,
    Unreachable,
)
from bot.domain.deliver.unconfirmed import (
    UNKNOWNS_UNASKED,
    after_question,
    asks_first,
)
from tests.builders import NOON, delivery

UNKNOWN = SendUnknown("read timeout")
ANSWERED = None
"""Telegram took the question: the answer to it says no more."""
SILENCES = (UNKNOWN, RetryLater("no route"), Offline("refused"))

SEND_MAY_HANG = timedelta(seconds=30)
BACK_AT_WORK = timedelta(seconds=60)


def sends(send: Outcome, question: Callable[[datetime], Outcome | None]) -> Iterator[datetime]:
    """Yield when a message leaves whose sends all have that outcome; each look may ask instead."""
    one, now = delivery(), NOON
    while True:
        found = after_question(one, question(now), now, 0.5) if asks_first(one) else one
        if isinstance(found, Delivery):
            yield now
            found = update_after(found, send, now, 0.5)
        now = found.not_before
        one = delivery(unknowns=found.unknowns, unanswered_questions=found.unanswered_questions)


def within(moments: Iterator[datetime], span: timedelta) -> list[datetime]:
    found = []
    for moment in moments:
        if moment > NOON + span:
            break
        found.append(moment)
    return found


@given(st.integers(0, 20))
def test_three_sends_without_an_answer_need_no_question_and_any_further_one_does(unknowns: int) -> None:
    assert asks_first(delivery(unknowns=unknowns)) == (unknowns >= 3)


def test_known_failures_ask_nothing() -> None:
    assert not asks_first(delivery(attempts=50))


@pytest.mark.parametrize("silence", SILENCES)
def test_while_questions_get_no_answer_a_quarter_of_an_hour_lies_between_two_copies(silence: Outcome) -> None:
    moments = within(sends(UNKNOWN, lambda _: silence), timedelta(hours=6))

    assert len(moments) == UNKNOWNS_UNASKED + 23
    assert all(
        after - before >= LONGEST_UNKNOWN_PAUSE for before, after in pairwise(moments[UNKNOWNS_UNASKED - 1 :])
    )


def test_where_questions_are_answered_and_sends_are_not_pauses_grow_to_a_quarter_of_an_hour() -> None:
    moments = within(sends(UNKNOWN, lambda _: ANSWERED), timedelta(hours=6))

    pauses = [(after - before).total_seconds() for before, after in pairwise(moments)]
    growing = len(UNKNOWN_OUTCOME_BACKOFF.steps)
    assert pauses[:growing] == list(UNKNOWN_OUTCOME_BACKOFF.steps)
    assert set(pauses[growing:]) == {LONGEST_UNKNOWN_PAUSE.total_seconds()}
    assert len(within(iter(moments), timedelta(minutes=10))) == 10


def test_a_message_stands_aside_once_its_pauses_are_longer_than_any_other() -> None:
    longest = LONGEST_PAUSE.total_seconds()

    assert UNKNOWN_OUTCOME_BACKOFF.steps[UNKNOWNS_SET_ASIDE - 2] <= longest
    assert UNKNOWN_OUTCOME_BACKOFF.steps[UNKNOWNS_SET_ASIDE - 1] > longest


@given(st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_once_telegram_is_back_a_message_in_doubt_leaves_within_a_minute(outage: timedelta) -> None:
    back_at = NOON + outage

    moments = sends(UNKNOWN, lambda now: UNKNOWN if now < back_at else ANSWERED)

    first = next(moment for moment in moments if moment >= back_at)
    assert first - back_at + SEND_MAY_HANG <= BACK_AT_WORK


@given(st.timedeltas(timedelta(0), timedelta(minutes=2)))
def test_after_a_short_fault_that_meets_sends_alone_a_message_leaves_within_a_minute(
    fault: timedelta,
) -> None:
    over_at = NOON + fault

    first = next(moment for moment in sends(UNKNOWN, lambda _: ANSWERED) if moment >= over_at)
    assert first - over_at + SEND_MAY_HANG <= BACK_AT_WORK


@given(st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_a_message_that_only_sends_fail_is_little_later_than_the_fault_was_long(fault: timedelta) -> None:
    over_at = NOON + fault

    first = next(moment for moment in sends(UNKNOWN, lambda _: ANSWERED) if moment >= over_at)

    assert first - over_at <= max(BACK_AT_WORK, min(1.5 * fault, LONGEST_UNKNOWN_PAUSE))


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), min_size=1, max_size=20))
def test_whatever_questions_bring_copies_are_few_and_then_rare(stretches: list[tuple[bool, int]]) -> None:
    answers = chain.from_iterable(repeat(is_answer, times) for is_answer, times in stretches)
    brought = chain((ANSWERED if is_answer else UNKNOWN for is_answer in answers), repeat(ANSWERED))

    moments = within(sends(UNKNOWN, lambda _: next(brought)), timedelta(hours=6))

    rare = moments[len(UNKNOWN_OUTCOME_BACKOFF.steps) :]
    assert all(third - first >= LONGEST_UNKNOWN_PAUSE for first, third in zip(rare, rare[2:], strict=False))


@pytest.mark.parametrize("silence", SILENCES)
def test_a_message_sent_for_want_of_answers_is_asked_about_again_as_soon(silence: Outcome) -> None:
    one = delivery(unknowns=7, unanswered_questions=36)

    leaves = after_question(one, silence, NOON, 0.5)
    assert leaves == one

    update = update_after(leaves, UNKNOWN, NOON, 0.5)
    assert (update.not_before, update.unanswered_questions) == (NOON + QUESTION_PAUSE, 1)


@pytest.mark.parametrize(
    "answer", [ANSWERED, SendRefused("odd", is_final=False), Offline("unknown method", has_answered=True)]
)
def test_whatever_answer_is_an_answer(answer: Outcome | None) -> None:
    one = delivery(unknowns=3, unanswered_questions=5)

    assert after_question(one, answer, NOON, 0.5) == replace(one, unanswered_questions=0)


@pytest.mark.parametrize("silence", SILENCES)
def test_a_question_without_an_answer_is_no_send_and_asked_again(silence: Outcome) -> None:
    one = delivery(unknowns=4, attempts=2, refusals=1, form=Form.BARE)

    waits = after_question(one, silence, NOON, 0.5)

    assert isinstance(waits, DeliveryUpdate)
    assert (waits.state, waits.not_before) == (DeliveryState.READY, NOON + QUESTION_PAUSE)
    assert waits.unanswered_questions == 1
    assert (waits.unknowns, waits.attempts, waits.refusals, waits.form) == (4, 2, 1, Form.BARE)


@pytest.mark.parametrize(
    "outcome",
    [SendThrottled(30), Unreachable("blocked"), ChatMoved(-1007), TopicLost("closed", is_certain=True)],
)
def test_what_a_question_finds_out_about_the_chat_holds_as_if_a_message_had(outcome: Outcome) -> None:
    one = delivery(unknowns=3, unanswered_questions=2)

    assert after_question(one, outcome, NOON, 0.5) == update_after(one, outcome, NOON, 0.5)


@pytest.mark.parametrize("outcome", [RetryLater("no route"), SendThrottled(3)])
def test_a_send_that_did_not_leave_keeps_what_questions_found_out(outcome: Outcome) -> None:
    update = update_after(delivery(unknowns=4, unanswered_questions=2), outcome, NOON, 0.5)

    assert update.unanswered_questions == 2
