"""Time zones: what is meant by a name, and which moment by a time of day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.zones import local, moment_of, zone_meant, zone_named, zone_word, zones_like

NAMES = available_timezones()
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Lord Howe", "Australia/Lord_Howe"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("berln", None),
        ("", None),
        ("+2", None),
        ("indianapolis", None),  # two names of one zone: none is chosen for somebody
    ],
)
def test_a_zone_is_meant_by_its_name_or_its_city(typed: str, meant: str | None) -> None:
    assert zone_meant(typed, NAMES) == meant


@pytest.mark.parametrize(
    ("typed", "first"),
    [("berln", "Europe/Berlin"), ("york", "America/New_York"), ("zürich", "Europe/Zurich")],
)
def test_what_is_in_doubt_is_offered(typed: str, first: str) -> None:
    assert zones_like(typed, NAMES)[0] == first


@pytest.mark.parametrize("typed", ["", "+2", "UTC+2", "gmt -03:00", "x", "qwertzuiop"])
def test_what_is_like_nothing_offers_nothing(typed: str) -> None:
    assert zones_like(typed, NAMES) == ()


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("Europe/Berlin", "CET", "CEST"),
        ("America/New_York", "EST", "EDT"),
        ("Asia/Kathmandu", "+05:45", "+05:45"),
        ("America/Sao_Paulo", "-03:00", "-03:00"),
        ("", "UTC", "UTC"),
    ],
)
def test_a_zone_is_called_as_people_there_call_it(zone: str, winter: str, summer: str) -> None:
    assert zone_word(local(datetime(2026, 1, 1, tzinfo=UTC), zone)) == winter
    assert zone_word(local(datetime(2026, 7, 1, tzinfo=UTC), zone)) == summer


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "Europe", "\x00"])
def test_a_zone_that_this_machine_does_not_know_is_utc(name: str) -> None:
    assert zone_named(name) is UTC


@pytest.mark.parametrize(
    ("zone", "day", "at", "first", "last"),
    [
        # Set forward from 2:00 to 3:00 at 1:00 UTC: 3:00 is the first time after 1:59 that there is.
        ("Europe/Berlin", date(2026, 3, 29), time(2, 0), "01:00", "01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "01:00", "01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(3, 0), "01:00", "01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(1, 59), "00:59", "00:59"),
        # Set back from 3:00 to 2:00: each time in between comes twice.
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "00:30", "01:30"),
        ("Europe/Berlin", date(2026, 10, 25), time(3, 0), "02:00", "02:00"),
        ("America/New_York", date(2026, 3, 8), time(2, 30), "07:00", "07:00"),
        # Half an hour, from 2:00 to 2:30 and back.
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "15:30", "15:30"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "14:45", "15:15"),
        ("Asia/Kathmandu", date(2026, 3, 29), time(2, 30), "20:45", "20:45"),
    ],
)
def test_a_time_that_is_left_out_is_the_next_and_one_that_comes_twice_the_first_or_the_last(
    zone: str, day: date, at: time, first: str, last: str
) -> None:
    there = ZoneInfo(zone)

    assert f"{moment_of(day, at, there):%H:%M}" == first
    assert f"{moment_of(day, at, there, is_end=True):%H:%M}" == last


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    minute=st.integers(0, 1439),
)
def test_a_clock_there_shows_that_time_or_the_first_one_after_it(
    zone: ZoneInfo, day: date, minute: int
) -> None:
    at = time(*divmod(minute, 60))
    moment = moment_of(day, at, zone)

    shown = moment.astimezone(zone)
    assert (shown.date(), shown.time()) >= (day, at)
    before = (moment - timedelta(seconds=1)).astimezone(zone)
    assert (before.date(), before.time()) < (day, at)
    assert moment_of(day, at, zone, is_end=True) >= moment
