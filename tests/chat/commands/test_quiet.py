"""How quiet hours are typed, and written as they are typed."""

from datetime import datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.command import Usage
from bot.chat.commands.times.hours import TypedHours, read_hours, write_hours
from bot.chat.commands.times.quiet import NoQuietRequest, QuietRequest, ShowQuietRequest, hours_set
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.rules.quiet import EVERY_DAY, MIDNIGHT, WEEKDAYS, WEEKENDS, QuietHours
from tests.builders import NOON, POLYGON
from tests.chat.commands.builders import parsed
from tests.chat.reading import CHAINS

READER = ChainReader(CHAINS)
NIGHT = (time(22), time(7))


def read(text: str) -> TypedHours:
    return read_hours(text, READER)


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        ("22:00-07:00", NIGHT),
        ("22-7", NIGHT),
        ("22:00 - 7:00", NIGHT),
        ("22:00\u20137:00", NIGHT),
        ("from 10pm to 7am", NIGHT),
        ("10 PM until 7 AM", NIGHT),
        ("12am-12pm", (MIDNIGHT, time(12))),
        ("18:30-24:00", (time(18, 30), MIDNIGHT)),
    ],
)
def test_hours_are_typed_in_many_ways(typed: str, hours: tuple[time, time]) -> None:
    assert read(typed) == TypedHours(*hours)


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("on weekdays", WEEKDAYS),
        ("weekdays", WEEKDAYS),
        ("weekends", WEEKENDS),
        ("on mon,tue", {0, 1}),
        ("on Monday, Tuesday and Friday", {0, 1, 4}),
        ("on mon-thu", {0, 1, 2, 3}),
        ("fri-mon", {4, 5, 6, 0}),
        ("daily", EVERY_DAY),
        ("every day", EVERY_DAY),
        ("sundays", {6}),
        ("", EVERY_DAY),
    ],
)
def test_days_are_typed_in_many_ways(typed: str, days: set[int]) -> None:
    assert read(f"22-7 {typed}").days == frozenset(days)
    assert read(f"{typed} 22-7".strip()).days == frozenset(days)


def test_clauses_come_in_any_order() -> None:
    whole = read("22-7 on weekdays except out min $10k all")
    assert read("on weekdays from 22 to 7 except out min $10k all") == whole

    assert whole.exception is not None
    assert (whole.exception.direction, whole.alarms_pass, whole.days) == (Direction.OUT, False, WEEKDAYS)
    for typed in ("except out min $10k on weekdays all", "all except out min $10k on weekdays"):
        assert read(f"22-7 {typed}") == whole


def test_a_chain_and_a_token_called_like_a_day_belong_to_the_exception() -> None:
    typed = read("22-7 except min 100 SUN on polygon on weekends")

    assert typed.exception is not None
    assert typed.exception.chains == {POLYGON}
    assert [amount.symbol for amount in typed.exception.amounts] == ["SUN"]
    assert typed.days == WEEKENDS


@pytest.mark.parametrize(
    "typed",
    [
        "tonight", "22:00", "25-7", "22:60-7", "13pm-7", "22-7 sometimes", "22-7 except", "0:00-24:00",
        "22-22", "22-7 except min", "22-7 except min 1,5",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(typed: str) -> None:
    with pytest.raises(LineRefused):
        read(typed)
    assert isinstance(parsed(f"/quiet {typed}"), Usage)


@pytest.mark.parametrize(
    ("typed", "request_type"),
    [("/quiet", ShowQuietRequest), ("/quiet off", NoQuietRequest), ("/quiet 22-7", QuietRequest)],
)
def test_the_command_shows_sets_and_ends(typed: str, request_type: type) -> None:
    assert isinstance(parsed(typed), request_type)


times = st.integers(0, 1439).map(lambda minute: time(*divmod(minute, 60)))
exceptions = st.builds(
    Condition,
    st.none() | st.sampled_from(Direction),
    st.integers(1, 10**6).map(lambda number: (Level(Decimal(number), Unit.DOLLARS),)),
    st.sets(st.just(POLYGON)).map(frozenset),
)


@given(
    hours=st.builds(
        QuietHours,
        begins=times,
        ends=times,
        days=st.sets(st.integers(0, 6), min_size=1).map(frozenset),
        exception=st.none() | exceptions,
        alarms_pass=st.booleans(),
    ).filter(lambda hours: not hours.is_always)
)
def test_what_is_written_is_read_as_the_same(hours: QuietHours) -> None:
    typed = read(write_hours(hours, CHAINS))

    assert (typed.begins, typed.ends, typed.days, typed.alarms_pass) == (
        hours.begins,
        hours.ends,
        hours.days,
        hours.alarms_pass,
    )
    if hours.exception is None:
        assert typed.exception is None
    else:
        assert typed.exception is not None
        assert (typed.exception.direction, typed.exception.chains) == (
            hours.exception.direction,
            hours.exception.chains,
        )
        assert [one.number for one in typed.exception.amounts] == [
            level.number for level in hours.exception.levels
        ]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (NOON, "Next: 22:00 CET."),
        (NOON.replace(hour=23), "It is quiet now, until 07:00 CET."),
    ],
)
def test_the_answer_says_when_on_the_clock_of_the_chat(now: datetime, said: str) -> None:
    shown = hours_set(QuietHours(*NIGHT), "Europe/Berlin", CHAINS, now).visible

    assert "22:00\u201307:00 (Europe/Berlin)" in shown
    assert said in shown
