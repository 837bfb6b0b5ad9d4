"""When digests are due: once for each day of the clock, however the clock is set."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.rules.digests import DigestSchedule, last_due, next_due

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
BERLIN = ZoneInfo("Europe/Berlin")
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
    ("day", "expected"),
    [
        (date(2026, 3, 29), "2026-03-29T01:00:00+00:00"),  # 02:30 is left out: 03:00 CEST
        (date(2026, 10, 25), "2026-10-25T00:30:00+00:00"),  # it comes twice: the first counts
    ],
)
def test_a_time_that_is_left_out_is_the_next_and_one_that_comes_twice_counts_once(
    day: date, expected: str
) -> None:
    schedule = DigestSchedule(time(2, 30))
    midnight = datetime.combine(day, time(), BERLIN).astimezone(UTC)

    due = next_due(schedule, midnight, BERLIN)

    assert due == datetime.fromisoformat(expected)
    assert next_due(schedule, due, BERLIN).astimezone(BERLIN).date() == day + timedelta(days=1)
