"""When daily work is due, and which stored moments are impossible."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.due import CLOCK_SLACK, Schedule, is_due, is_impossible, next_at, next_midnight
from tests.builders import NOON

DAY = timedelta(days=1)
moments = st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000)).map(lambda since: NOON + since)


def test_what_was_never_done_is_due() -> None:
    assert is_due(None, NOON, DAY)


def test_what_is_to_be_done_later_is_not_due() -> None:
    assert not is_due(Schedule(NOON + timedelta(seconds=1)), NOON, DAY)


def test_what_was_missed_is_due_however_long_ago() -> None:
    assert is_due(Schedule(NOON), NOON, DAY)
    assert is_due(Schedule(NOON - 400 * DAY), NOON, DAY)


def test_a_clock_that_was_wrong_once_puts_nothing_off_for_years() -> None:
    assert is_due(Schedule(NOON + 3650 * DAY), NOON, DAY)


def test_what_was_done_late_is_due_at_its_usual_time_again() -> None:
    late = NOON + 3 * DAY + timedelta(hours=2)

    assert next_at(Schedule(NOON), late, DAY) == NOON + 4 * DAY


@given(moments)
def test_a_day_begins_after_each_moment_of_the_day_before(now: datetime) -> None:
    midnight = next_midnight(now)

    assert timedelta(0) < midnight - now <= DAY
    assert (midnight - datetime(1970, 1, 1, tzinfo=UTC)) % DAY == timedelta(0)


def test_a_day_begins_in_utc_wherever_the_clock_stands() -> None:
    now = datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2)))

    assert next_midnight(now) == datetime(2026, 3, 2, tzinfo=UTC)


def test_what_was_done_for_the_first_time_is_due_a_day_later() -> None:
    assert next_at(None, NOON, DAY) == NOON + DAY


@given(st.none() | st.builds(Schedule, moments), moments)
def test_what_was_done_is_not_due_at_once_and_is_within_a_day(due: Schedule | None, now: datetime) -> None:
    done = Schedule(next_at(due, now, DAY))

    assert not is_due(done, now, DAY)
    assert is_due(done, now + DAY, DAY)


@given(st.timedeltas(timedelta(0), 400 * DAY), st.timedeltas(timedelta(0), 400 * DAY))
def test_a_moment_is_impossible_once_the_clock_was_set_back_by_more_than_the_slack(
    longest: timedelta, set_back: timedelta
) -> None:
    stored = NOON + longest

    assert is_impossible(stored, NOON - set_back, longest) == (set_back > CLOCK_SLACK)


@given(st.timedeltas(timedelta(0), 400 * DAY), moments)
def test_no_moment_is_impossible_while_the_clock_goes_on(longest: timedelta, now: datetime) -> None:
    assert not is_impossible(now, now, longest)
    assert not is_impossible(now - longest, now)
