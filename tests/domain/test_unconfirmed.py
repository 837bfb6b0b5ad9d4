"""When a message in doubt is sent once more, and when Telegram is asked first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.delivery import (
    REST,
    UNCONFIRMED_SENDS_MAX,
    ChatMoved,
    Delivery,
    DeliveryState,
    Form,
    Misread,
    Offline,
    Outcome,
    Refused,
    RetryLater,
    Sent,
    Settlement,
    Throttled,
    TopicLost,
    Unknown,
    Unreachable,
    settle,
)
from bot.domain.deliver.unconfirmed import (
    QUESTION_PAUSE,
    UNKNOWNS_TRUSTED,
    UNKNOWNS_UNASKED,
    after_question,
    asks_first,
)
from tests.builders import NOON, delivery

UNKNOWN = Unknown("read timeout")
ANSWERED = Refused("Message text is empty", is_final=True)
SILENCES = (UNKNOWN, RetryLater("no route"), Offline("refused"))

SEND_MAY_HANG = timedelta(seconds=30)
BACK_AT_WORK = timedelta(seconds=60)


def sends(send: Outcome, question: Callable[[datetime], Outcome]) -> Iterator[datetime]:
    """Yield when a message leaves whose sends all have that outcome; each look may ask instead."""
    one, now = delivery(), NOON
    while True:
        found = after_question(one, question(now), now, 0.5) if asks_first(one) else one
        if isinstance(found, Delivery):
            yield now
            found = settle(found, send, now, 0.5)
        now = found.not_before
        one = delivery(
            unknowns=found.unknowns,
            questions=found.questions,
            unconfirmed_sends_left=found.unconfirmed_sends_left,
        )


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
    assert all(after - before >= REST for before, after in pairwise(moments[UNKNOWNS_UNASKED - 1 :]))


def test_where_questions_are_answered_and_sends_are_not_three_more_leave_before_the_long_pauses() -> None:
    moments = within(sends(UNKNOWN, lambda _: ANSWERED), timedelta(hours=6))

    short = UNKNOWNS_UNASKED + UNCONFIRMED_SENDS_MAX
    assert len(moments) == short + 23
    assert moments[short - 1] <= NOON + timedelta(minutes=2)
    assert all(after - before == REST for before, after in pairwise(moments[short - 1 :]))


@given(st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_once_telegram_is_back_a_message_in_doubt_leaves_within_a_minute(outage: timedelta) -> None:
    back_at = NOON + outage

    moments = sends(UNKNOWN, lambda now: UNKNOWN if now < back_at else ANSWERED)

    first = next(moment for moment in moments if moment >= back_at)
    assert first - back_at + SEND_MAY_HANG <= BACK_AT_WORK


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_whatever_questions_bring_copies_are_few_and_then_rare(answers: list[bool]) -> None:
    brought = chain((ANSWERED if answer else UNKNOWN for answer in answers), repeat(ANSWERED))

    moments = within(sends(UNKNOWN, lambda _: next(brought)), timedelta(hours=2))

    assert all(after - before >= REST for before, after in pairwise(moments[UNKNOWNS_TRUSTED:]))


def test_a_silence_is_worth_trust_until_there_were_too_many_copies() -> None:
    def trust_after(unknowns: int) -> int:
        found = after_question(delivery(unknowns=unknowns, unconfirmed_sends_left=0), UNKNOWN, NOON, 0.5)
        return found.unconfirmed_sends_left

    assert (trust_after(UNKNOWNS_TRUSTED - 1), trust_after(UNKNOWNS_TRUSTED)) == (1, 0)


@pytest.mark.parametrize("answer", [ANSWERED, Sent(5), Misread("can't parse entities", Form.PLAIN)])
def test_whatever_answer_is_an_answer(answer: Outcome) -> None:
    one = delivery(unknowns=3)

    assert after_question(one, answer, NOON, 0.5) == replace(one, is_answered=True)


@pytest.mark.parametrize("silence", SILENCES)
def test_a_question_without_an_answer_is_no_send_and_asked_again(silence: Outcome) -> None:
    one = delivery(unknowns=4, attempts=2, refusals=1, form=Form.BARE, unconfirmed_sends_left=0)

    waits = after_question(one, silence, NOON, 0.5)

    assert isinstance(waits, Settlement)
    assert (waits.state, waits.not_before) == (DeliveryState.READY, NOON + QUESTION_PAUSE)
    assert (waits.questions, waits.unconfirmed_sends_left) == (1, 1)
    assert (waits.unknowns, waits.attempts, waits.refusals, waits.form) == (4, 2, 1, Form.BARE)


@pytest.mark.parametrize(
    "outcome",
    [Throttled(30), Unreachable("blocked"), ChatMoved(-1007), TopicLost("closed", is_certain=True)],
)
def test_what_a_question_finds_out_about_the_chat_holds_as_if_a_message_had(outcome: Outcome) -> None:
    one = delivery(unknowns=3, questions=2, unconfirmed_sends_left=1)

    assert after_question(one, outcome, NOON, 0.5) == settle(one, outcome, NOON, 0.5)


@pytest.mark.parametrize("outcome", [RetryLater("no route"), Throttled(3)])
def test_a_send_that_did_not_leave_keeps_what_questions_found_out(outcome: Outcome) -> None:
    settlement = settle(delivery(unknowns=4, questions=2, unconfirmed_sends_left=1), outcome, NOON, 0.5)

    assert (settlement.questions, settlement.unconfirmed_sends_left) == (2, 1)
