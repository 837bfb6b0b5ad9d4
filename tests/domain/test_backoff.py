"""Pauses by number of failures: bounded, growing, and spread at random."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backoff import Backoff

backoffs = st.builds(
    Backoff,
    st.lists(st.floats(0.01, 3600), min_size=1, max_size=10).map(lambda steps: tuple(sorted(steps))),
    st.floats(0, 1),
)
jitters = st.floats(0, 1, exclude_max=True)


def test_each_failure_has_its_pause_and_the_last_one_repeats() -> None:
    backoff = Backoff((1.0, 2.0, 5.0))

    assert [backoff.seconds(earlier, 0.9) for earlier in range(5)] == [1.0, 2.0, 5.0, 5.0, 5.0]


def test_a_pause_is_lengthened_by_its_spread_at_most() -> None:
    backoff = Backoff((10.0,), spread=0.1)

    assert [backoff.seconds(0, jitter) for jitter in (0.0, 0.5)] == [10.0, 10.5]


@given(backoffs, st.integers(0, 10**6), jitters)
def test_a_pause_is_never_shorter_than_the_first_step_nor_longer_than_the_last_with_its_spread(
    backoff: Backoff, earlier: int, jitter: float
) -> None:
    assert backoff.steps[0] <= backoff.seconds(earlier, jitter) <= backoff.steps[-1] * (1 + backoff.spread)


@given(backoffs, st.integers(0, 20), jitters)
def test_more_failures_never_make_a_pause_shorter(backoff: Backoff, earlier: int, jitter: float) -> None:
    assert backoff.seconds(earlier, jitter) <= backoff.seconds(earlier + 1, jitter)


@given(backoffs, st.integers(0, 20), jitters, jitters)
def test_where_nothing_spreads_it_chance_changes_no_pause(
    backoff: Backoff, earlier: int, one: float, other: float
) -> None:
    steady = Backoff(backoff.steps)

    assert steady.seconds(earlier, one) == steady.seconds(earlier, other)
