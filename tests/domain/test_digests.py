"""When digests are due: once for each day of the clock, however the clock is set."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.rules.digests import DigestSchedule, last_due, next_due

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
MORNING = DigestSchedule(time(8))
MONDAYS = DigestSchedule(time(8), 0)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

schedules = st.builds(
    DigestSchedule,
    st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60)),
    st.none() | st.integers(0, 6),
)
moments = (
    st.integers(-5_844, 1_461)
    .map(lambda days: timedelta(days=days))
    .flatmap(
        lambda days: st.integers(0, 86_399).map(lambda seconds: NEW_YEAR + days + timedelta(seconds=seconds))
    )
)


def a_year(schedule: DigestSchedule, zone: ZoneInfo) -> list[datetime]:
    """Return when digests are due over a year, as a bot goes from one to the next."""
    at, found = NEW_YEAR, []
    while (at := next_due(schedule, at, zone)) < NEW_YEAR + timedelta(days=365):
        found.append(at)
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 8, 23])
def test_a_daily_digest_is_due_once_on_every_day_of_a_year(zone: str, hour: int) -> None:
    there = ZoneInfo(zone)

    due = a_year(DigestSchedule(time(hour, 30)), there)

    days = [at.astimezone(there).date() for at in due]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert len(due) in {364, 365}
    odd = [at for at in due if at.astimezone(there).time() != time(hour, 30)]
    # But for a day on which that time is left out, it is always the same time.
    assert len(odd) <= 1


@pytest.mark.parametrize("zone", ZONES)
def test_a_weekly_digest_is_due_once_on_each_of_its_weekdays(zone: str) -> None:
    there = ZoneInfo(zone)

    days = [at.astimezone(there) for at in a_year(MONDAYS, there)]

    assert {(day.weekday(), day.time()) for day in days} == {(0, time(8))}
    assert len(days) == 52


@given(schedules, moments, st.sampled_from(ZONES))
def test_the_last_one_and_the_next_one_stand_on_both_sides_of_now(
    schedule: DigestSchedule, now: datetime, zone: str
) -> None:
    there = ZoneInfo(zone)

    last, following = last_due(schedule, now, there), next_due(schedule, now, there)

    assert last <= now < following
    assert following - last <= schedule.longest
    assert next_due(schedule, last, there) == following
    assert last_due(schedule, following, there) == following
    assert last_due(schedule, following - timedelta(microseconds=1), there) == last


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        # Left out: the first time after it. It comes twice: the first counts.
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00:00+00:00"),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30:00+00:00"),
        ("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08T07:00:00+00:00"),
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30:00+00:00"),
        # Where clocks are set by half an hour.
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:30:00+00:00"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45:00+00:00"),
    ],
)
def test_a_time_that_is_left_out_is_the_next_and_one_that_comes_twice_counts_once(
    zone: str, day: date, at: time, expected: str
) -> None:
    schedule, there = DigestSchedule(at), ZoneInfo(zone)
    midnight = datetime.combine(day, time(), there).astimezone(UTC)

    due = next_due(schedule, midnight, there)

    assert due == datetime.fromisoformat(expected)
    assert next_due(schedule, due, there).astimezone(there).date() == day + timedelta(days=1)
