"""When the source is left alone, and when it is probed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.breaker import FAILURES_TO_OPEN, Breaker, PauseReason


def after_failures(breaker: Breaker, times: int, reason: PauseReason = PauseReason.OUTAGE) -> Breaker:
    for _ in range(times):
        breaker = breaker.after_failure(reason, 0, 0)
    return breaker


def test_three_failures_in_a_row_open() -> None:
    assert not after_failures(Breaker(), FAILURES_TO_OPEN).is_closed


def test_two_failures_leave_it_closed_and_about_to_open() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN - 1)

    assert breaker.is_closed
    assert breaker.is_about_to_open


def test_an_answer_between_starts_the_row_again() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN - 1).after_answer()

    assert not breaker.is_about_to_open
    assert after_failures(breaker, FAILURES_TO_OPEN - 1).is_closed


@pytest.mark.parametrize("reason", [reason for reason in PauseReason if reason is not PauseReason.OUTAGE])
def test_what_holds_for_every_question_opens_at_once(reason: PauseReason) -> None:
    assert not after_failures(Breaker(), 1, reason).is_closed


def test_a_probe_is_due_after_the_pause_and_not_before() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)

    assert breaker.seconds_to_probe(0.25) == 0.75
    assert breaker.seconds_to_probe(1) == 0
    assert breaker.seconds_to_probe(5) == 0


def test_a_closed_one_needs_no_probe() -> None:
    assert Breaker().seconds_to_probe(1e9) is None


def test_an_answered_probe_closes() -> None:
    assert after_failures(Breaker(), FAILURES_TO_OPEN).after_answer(of_probe=True).is_closed


def test_an_answer_to_what_was_asked_before_does_not_close() -> None:
    assert not after_failures(Breaker(), FAILURES_TO_OPEN).after_answer().is_closed


def test_failures_of_what_was_asked_before_do_not_prolong_a_pause() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)

    assert after_failures(breaker, 30) == breaker


def test_probes_in_vain_make_the_pauses_grow() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)
    pauses = []
    for _ in range(8):
        pauses.append(breaker.seconds_to_probe(0))
        breaker = breaker.after_failure(PauseReason.OUTAGE, 0, 0, of_probe=True)

    assert pauses == [1, 2, 4, 8, 15, 20, 20, 20]


def test_a_source_that_answers_probes_alone_is_probed_at_growing_pauses_too() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN).after_answer(of_probe=True)

    assert after_failures(breaker, FAILURES_TO_OPEN).seconds_to_probe(0) == 2


def test_a_source_that_answers_questions_again_is_trusted_again() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN).after_answer(of_probe=True).after_answer()

    assert breaker == Breaker()


def test_another_reason_has_pauses_of_its_own() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)
    for _ in range(5):
        breaker = breaker.after_failure(PauseReason.OUTAGE, 0, 0, of_probe=True)
    breaker = breaker.after_failure(PauseReason.QUOTA, 0, 0, of_probe=True)

    assert breaker.seconds_to_probe(0) == 1


@given(st.sampled_from(PauseReason), st.integers(0, 40), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_in_their_bounds(reason: PauseReason, earlier: int, jitter: float) -> None:
    pause = reason.value.seconds(earlier, jitter)

    assert 1 <= pause <= {PauseReason.QUOTA: 660, PauseReason.NOT_OFFERED: 3961}.get(reason, 56)
    assert reason.value.seconds(earlier, 0) <= reason.value.seconds(earlier + 1, 0)


@given(st.lists(st.tuples(st.sampled_from([*PauseReason, "answer"]), st.booleans())))
def test_one_that_is_open_closes_by_a_probe_alone_and_always_comes_to_one(
    steps: list[tuple[PauseReason | str, bool]],
) -> None:
    breaker = Breaker()
    for step, is_probe in steps:
        before = breaker
        of_probe = is_probe and not before.is_closed
        if isinstance(step, PauseReason):
            breaker = breaker.after_failure(step, 0, 0.5, of_probe=of_probe)
        else:
            breaker = breaker.after_answer(of_probe=of_probe)

        assert breaker.failures < FAILURES_TO_OPEN
        assert breaker.is_closed or breaker.seconds_to_probe(1e9) == 0
        assert before.is_closed or of_probe or breaker == before
