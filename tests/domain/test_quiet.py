"""When it is quiet: a year in four zones, with both changes of the clock."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.rules.quiet import EVERY_DAY, WEEKDAYS, WEEKENDS, QuietHours, QuietSpan, quiet_span
from tests.examples import examples

ZONES = [
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
]
BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU = ZONES
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NIGHT = QuietHours(time(22), time(7))
NOON_HOUR = QuietHours(time(12), time(13))
IN_THE_CHANGE = QuietHours(time(2, 15), time(2, 45))
OVER_THE_CHANGE = QuietHours(time(1, 30), time(3, 30))
WHOLE_DAYS = QuietHours(time(), time(), WEEKENDS)
SHAPES = [
    NIGHT,
    NOON_HOUR,
    IN_THE_CHANGE,
    OVER_THE_CHANGE,
    WHOLE_DAYS,
    QuietHours(time(22), time(7), WEEKDAYS),
]


def on(year_day: str, clock: str, zone: ZoneInfo = BERLIN, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(f"{year_day} {clock}").replace(tzinfo=zone, fold=fold).astimezone(UTC)


def spans_of_a_year(hours: QuietHours, zone: ZoneInfo) -> Iterator[QuietSpan]:
    """Yield the quiet hours that a clock meets that is set to each end in turn."""
    now = YEAR
    while now < YEAR + timedelta(days=366):
        span = quiet_span(hours, now, zone)
        assert span is not None
        yield span
        now = span.ends


def by_the_wall_clock(hours: QuietHours, minute: datetime, zone: ZoneInfo) -> bool:
    """Say whether it is quiet by what the clock on the wall shows, which is what people mean."""
    there = minute.astimezone(zone)
    shown, today = there.time(), there.weekday()
    if hours.begins < hours.ends:
        return today in hours.days and hours.begins <= shown < hours.ends
    began_today = today in hours.days and shown >= hours.begins
    return began_today or ((today - 1) % 7 in hours.days and shown < hours.ends)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("hours", [NIGHT, NOON_HOUR, WHOLE_DAYS, QuietHours(time(22), time(7), WEEKDAYS)])
def test_all_year_round_it_is_quiet_when_the_clock_on_the_wall_says_so(
    hours: QuietHours, zone: ZoneInfo
) -> None:
    spans = list(spans_of_a_year(hours, zone))
    index = 0
    for minutes in range(0, 365 * 24 * 60, 5):
        minute = YEAR + timedelta(minutes=minutes)
        while spans[index].ends <= minute:
            index += 1
        assert (spans[index].begins <= minute) == by_the_wall_clock(hours, minute, zone), minute


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("hours", SHAPES)
def test_quiet_comes_back_all_year_and_ends_each_time(hours: QuietHours, zone: ZoneInfo) -> None:
    spans = list(spans_of_a_year(hours, zone))

    assert len(spans) >= 52
    assert all(span.begins < span.ends for span in spans)
    assert all(one.ends < other.begins for one, other in itertools.pairwise(spans))
    assert all(other.begins - one.ends <= timedelta(days=6) for one, other in itertools.pairwise(spans))


@given(
    hours=st.builds(
        QuietHours,
        st.integers(0, 1439).map(lambda minute: time(*divmod(minute, 60))),
        st.integers(0, 1439).map(lambda minute: time(*divmod(minute, 60))),
        st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    ).filter(lambda hours: not hours.is_always),
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 365 * 24 * 60),
)
@example(hours=IN_THE_CHANGE, zone=BERLIN, minute=87 * 24 * 60)
@settings(max_examples=examples(200))
def test_whenever_it_is_judged_it_is_the_same_span(hours: QuietHours, zone: ZoneInfo, minute: int) -> None:
    now = YEAR + timedelta(minutes=minute)
    span = quiet_span(hours, now, zone)

    assert span is not None
    assert now < span.ends
    for at in (span.begins, span.begins + (span.ends - span.begins) / 2, span.ends - timedelta(seconds=1)):
        assert quiet_span(hours, at, zone) == span
    later = quiet_span(hours, span.ends, zone)
    assert later is not None
    assert later.begins > span.ends


@pytest.mark.parametrize(
    ("hours", "now", "begins", "ends"),
    [
        # The night in which Berlin's clock goes from 2:00 to 3:00 has an hour less, and its end stays 7:00.
        (NIGHT, on("2026-03-28", "23:00"), on("2026-03-28", "22:00"), on("2026-03-29", "07:00")),
        (NIGHT, on("2026-10-25", "06:59"), on("2026-10-24", "22:00"), on("2026-10-25", "07:00")),
        # Left out: 2:15 and 2:45 both are 3:00 then, so there is none until the next day.
        (IN_THE_CHANGE, on("2026-03-29", "01:00"), on("2026-03-30", "02:15"), on("2026-03-30", "02:45")),
        # Twice: from the first 2:15 to the second 2:45.
        (
            IN_THE_CHANGE,
            on("2026-10-25", "01:00"),
            on("2026-10-25", "02:15"),
            on("2026-10-25", "02:45", fold=1),
        ),
        (OVER_THE_CHANGE, on("2026-03-29", "01:45"), on("2026-03-29", "01:30"), on("2026-03-29", "03:30")),
        (OVER_THE_CHANGE, on("2026-10-25", "01:45"), on("2026-10-25", "01:30"), on("2026-10-25", "03:30")),
        # Days that follow one another are one quiet.
        (WHOLE_DAYS, on("2026-10-25", "12:00"), on("2026-10-24", "00:00"), on("2026-10-26", "00:00")),
    ],
)
def test_the_days_on_which_the_clock_is_changed(
    hours: QuietHours, now: datetime, begins: datetime, ends: datetime
) -> None:
    assert quiet_span(hours, now, BERLIN) == (begins, ends)


def test_the_night_of_a_change_is_an_hour_shorter_or_longer() -> None:
    spring = quiet_span(NIGHT, on("2026-03-28", "23:00"), BERLIN)
    autumn = quiet_span(NIGHT, on("2026-10-24", "23:00"), BERLIN)

    assert spring is not None
    assert autumn is not None
    assert spring.ends - spring.begins == timedelta(hours=8)
    assert autumn.ends - autumn.begins == timedelta(hours=10)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    fridays = QuietHours(time(22), time(7), frozenset({4}))

    span = quiet_span(fridays, on("2026-11-28", "03:00"), BERLIN)

    assert span == (on("2026-11-27", "22:00"), on("2026-11-28", "07:00"))
    assert quiet_span(fridays, span.ends, BERLIN) == (on("2026-12-04", "22:00"), on("2026-12-05", "07:00"))


def test_hours_of_all_days_without_an_end_never_end() -> None:
    assert QuietHours(time(), time()).is_always
    assert not WHOLE_DAYS.is_always
    assert not NIGHT.is_always
    assert EVERY_DAY == WEEKDAYS | WEEKENDS
