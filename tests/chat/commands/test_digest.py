"""What people type for digests, and what is set by it."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.command import Usage
from bot.chat.commands.times.digest import (
    DigestRequest,
    NoDigestRequest,
    ShowDigestRequest,
    digest_line,
    write_digest,
)
from bot.chat.text.html import Html
from bot.domain.chat.access import Action
from bot.domain.rules.digests import DigestSchedule
from tests.chat.commands.builders import parsed

EIGHT, NINE = time(8), time(9)
DAILY, MONDAYS = DigestSchedule(EIGHT), DigestSchedule(EIGHT, 0)
ONLY = DigestSchedule(EIGHT, is_only=True)


def meant(text: str, former: DigestSchedule | None = None) -> DigestSchedule:
    request = parsed(text)
    assert isinstance(request, DigestRequest), text
    return request.after(former)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("daily 08:00", DAILY),
        ("daily at 8 am", DAILY),
        ("DAILY 8", DAILY),
        ("every day at 12am", DigestSchedule(time(0))),
        ("8:30pm", DigestSchedule(time(20, 30))),
        ("weekly mon 08:00", MONDAYS),
        ("weekly on Mondays, 8:00", MONDAYS),
        ("weekly", MONDAYS),
        ("thurs 9", DigestSchedule(NINE, 3)),
        ("tuesday", DigestSchedule(EIGHT, 1)),
        ("only", ONLY),
        ("daily only 8:00", ONLY),
        ("weekly sun 23:59 only", DigestSchedule(time(23, 59), 6, is_only=True)),
    ],
)
def test_a_rhythm_a_time_and_only_come_in_any_form_and_order(typed: str, expected: DigestSchedule) -> None:
    assert meant(f"/digest {typed}") == expected


@pytest.mark.parametrize(
    ("typed", "former", "expected"),
    [
        ("only", MONDAYS, DigestSchedule(EIGHT, 0, is_only=True)),
        ("9:00", MONDAYS, DigestSchedule(NINE, 0)),
        ("9:00", ONLY, DigestSchedule(NINE, is_only=True)),
        ("daily", ONLY, DAILY),
        ("daily", DigestSchedule(NINE, 3), DigestSchedule(NINE)),
        ("weekly", DigestSchedule(NINE, 3), DigestSchedule(NINE, 3)),
        ("fri", ONLY, DigestSchedule(EIGHT, 4)),
    ],
)
def test_what_is_not_said_stays_but_a_rhythm_without_only_ends_that(
    typed: str, former: DigestSchedule, expected: DigestSchedule
) -> None:
    assert meant(f"/digest {typed}", former) == expected


@pytest.mark.parametrize("typed", ["hourly", "25:00", "13pm", "daily 8:60", "8:00 Treasury", "mondai"])
def test_what_is_no_part_of_a_digest_is_refused(typed: str) -> None:
    request = parsed(f"/digest {typed}")

    assert isinstance(request, Usage)
    assert isinstance(request.reason, Html)
    assert "is no part of a digest" in request.reason.visible


def test_nothing_shows_and_off_ends() -> None:
    assert parsed("/digest") == ShowDigestRequest()
    assert parsed("/digest off") == NoDigestRequest()
    assert ShowDigestRequest().needs is Action.LOOK
    assert NoDigestRequest().needs is Action.CHANGE


schedules = st.builds(
    DigestSchedule,
    st.integers(0, 24 * 60 - 1).map(lambda minute: time(*divmod(minute, 60))),
    st.none() | st.integers(0, 6),
    st.booleans(),
)


@given(schedules, st.none() | schedules)
def test_what_is_written_is_read_as_the_same_whatever_was_set(
    schedule: DigestSchedule, former: DigestSchedule | None
) -> None:
    assert meant(f"/digest {write_digest(schedule)}", former) == schedule


def test_a_line_says_when_and_whether_alone() -> None:
    assert [line.visible for line in digest_line(MONDAYS)] == ["🗞 Digests here: every Monday at 08:00"]
    assert [line.visible for line in digest_line(ONLY)] == [
        "🗞 Digests here: daily at 08:00, which alone tell of changes"
    ]
    assert digest_line(None) == []
