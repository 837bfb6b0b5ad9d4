"""The axis of time: where its ticks are, on the clocks of a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chart.time_axis import time_ticks

BERLIN = ZoneInfo("Europe/Berlin")

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.timedeltas(timedelta(minutes=1), timedelta(days=4_000))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"])


@given(MOMENTS, SPANS, ZONES)
def test_ticks_are_few_in_order_and_in_range(since: datetime, span: timedelta, name: str) -> None:
    until = since + span
    moments = [tick.at for tick in time_ticks(since, until, ZoneInfo(name))]
    assert moments == sorted(set(moments))
    assert 0 <= len(moments) <= 8
    assert all(since <= moment <= until for moment in moments)


@given(MOMENTS, st.timedeltas(timedelta(minutes=5), timedelta(days=4_000)), ZONES)
def test_some_time_is_named(since: datetime, span: timedelta, name: str) -> None:
    assert time_ticks(since, since + span, ZoneInfo(name))


def labels(since: str, span: timedelta, zone: ZoneInfo = BERLIN) -> list[str]:
    begin = datetime.fromisoformat(since).replace(tzinfo=zone).astimezone(UTC)
    return [tick.label for tick in time_ticks(begin, begin + span, zone)]


@pytest.mark.parametrize(
    ("since", "span", "expected"),
    [
        ("2026-11-28T14:03", timedelta(minutes=20), ["14:05", "14:10", "14:15", "14:20"]),
        ("2026-11-28T14:03", timedelta(days=1), ["18:00", "29 Nov", "06:00", "12:00"]),
        ("2026-11-21T14:03", timedelta(days=7), ["23 Nov", "25 Nov", "27 Nov"]),
        ("2026-10-29T14:03", timedelta(days=30), ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]),
        ("2025-11-28T14:03", timedelta(days=365), ["2026", "Mar", "May", "Jul", "Sep", "Nov"]),
        ("2021-11-28T14:03", timedelta(days=5 * 365), ["2022", "2023", "2024", "2025", "2026"]),
    ],
)
def test_ticks_are_hours_days_weeks_months_or_years(since: str, span: timedelta, expected: list[str]) -> None:
    assert labels(since, span) == expected


def test_hours_are_those_of_the_zone_when_its_clocks_are_set() -> None:
    assert labels("2026-03-29T00:30", timedelta(hours=5)) == ["01:00", "03:00", "04:00", "05:00", "06:00"]
    assert labels("2026-10-24T23:30", timedelta(hours=5)) == ["25 Oct", "01:00", "02:00", "03:00"]
