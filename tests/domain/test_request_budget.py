"""How many requests may go out beside the polls."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.explain.budget import POLLS_FOR_ONE, REQUESTS_MOST, SECONDS_FOR_ONE, RequestBudget

# Whole eighths of seconds: sums of them are exact.
STEPS = st.lists(st.tuples(st.integers(0, 8 * 90).map(lambda eighths: eighths / 8), st.integers(0, 50)))


def spent(budget: RequestBudget, times: int) -> RequestBudget:
    for _ in range(times):
        budget = budget.after_request(0, 0.0)
    return budget


def test_it_starts_full() -> None:
    assert RequestBudget(since=0.0).left(0, 0.0) == REQUESTS_MOST


def test_each_request_takes_one_and_the_last_one_is_the_last() -> None:
    assert spent(RequestBudget(since=0.0), 19).left(0, 0.0) == 1
    assert spent(RequestBudget(since=0.0), 20).left(0, 0.0) == 0


def test_a_tenth_of_the_polls_is_earned() -> None:
    empty = spent(RequestBudget(since=0.0), 20)

    assert empty.left(9, 0.0) < 1
    assert empty.left(10, 0.0) == 1
    assert empty.left(73, 0.0) == 7.3


def test_one_a_minute_is_earned_however_little_is_polled() -> None:
    empty = spent(RequestBudget(since=0.0), 20)

    assert empty.left(2, 59.0) < 1
    assert empty.left(2, 60.0) == 1


def test_polls_and_time_are_not_added_up() -> None:
    assert spent(RequestBudget(since=0.0), 20).left(30, 180.0) == 3


def test_it_never_holds_more_than_at_the_start() -> None:
    rested = RequestBudget(since=0.0).after_request(0, 0.0)

    assert rested.left(10_000, 1e6) == REQUESTS_MOST
    assert rested.after_request(10_000, 1e6).left(10_000, 1e6) == REQUESTS_MOST - 1


@given(STEPS)
def test_what_goes_out_is_a_full_budget_and_what_was_earned_since_at_most(
    steps: list[tuple[float, int]],
) -> None:
    """Whoever asks for all that is left at any moments gets what was there at first, and what was earned."""
    budget, now, polled, sent = RequestBudget(since=0.0), 0.0, 0, 0
    for seconds, polls in steps:
        now, polled = now + seconds, polled + polls
        while budget.left(polled, now) >= 1:
            budget, sent = budget.after_request(polled, now), sent + 1

        assert sent <= REQUESTS_MOST + polled / POLLS_FOR_ONE + now / SECONDS_FOR_ONE
        assert 0 <= budget.left(polled, now) < 1


@given(STEPS)
def test_waiting_never_takes_anything(steps: list[tuple[float, int]]) -> None:
    budget, now, polled = spent(RequestBudget(since=0.0), 7), 0.0, 0
    left = budget.left(polled, now)
    for seconds, polls in steps:
        now, polled = now + seconds, polled + polls
        before, left = left, budget.left(polled, now)
        assert left >= before
