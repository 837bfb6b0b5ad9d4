"""Quiet hours: hours of the day, on the clock of a place, in which it wants alerts kept back.

They are kept as times of day and weekdays, never as offsets from UTC: when they begin and end is worked out
for each day by the clock of the zone. What is said of a time that a change of the clock leaves out or repeats
stands at `zones.moment_of`: quiet lasts through both of two.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from bot.domain.rules.conditions import Condition
from bot.domain.zones import moment_of

EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
WEEKENDS = EVERY_DAY - WEEKDAYS
MIDNIGHT = time()

_DAYS = range(-8, 16)
"""From today: those of a week may follow one another, and hours of one weekday may be left out once."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When a place wants quiet, and what is not kept back then."""

    begins: time
    ends: time
    """On the next day, if it is no later than `begins`; `MIDNIGHT` is the end of a day."""
    days: frozenset[int] = EVERY_DAY
    """The weekdays on which they begin; 0 is Monday."""
    exception: Condition | None = None
    """Changes that are sent all the same; None: none are."""
    alarms_pass: bool = True

    @property
    def is_always(self) -> bool:
        """Whether they never end."""
        return self.begins == self.ends and self.days == EVERY_DAY


class QuietSpan(NamedTuple):
    """When quiet hours begin and end, in UTC."""

    begins: datetime
    ends: datetime


def quiet_span(hours: QuietHours, now: datetime, zone: tzinfo) -> QuietSpan | None:
    """Return the quiet hours that are now, or else the next ones; None: there are none for two weeks.

    Those that follow one another without a pause are one span; at its end it is no longer quiet.
    """
    spans: list[QuietSpan] = []
    for days in _DAYS:
        day = now.astimezone(zone).date() + timedelta(days=days)
        span = _span_on(hours, day, zone)
        # A change of the clock may leave all of them out.
        if day.weekday() not in hours.days or span.begins >= span.ends:
            continue
        if spans and span.begins <= spans[-1].ends:
            spans[-1] = QuietSpan(spans[-1].begins, max(spans[-1].ends, span.ends))
        else:
            spans.append(span)
    return next((span for span in spans if span.ends > now), None)


def _span_on(hours: QuietHours, day: date, zone: tzinfo) -> QuietSpan:
    last = day if hours.ends > hours.begins else day + timedelta(days=1)
    return QuietSpan(moment_of(day, hours.begins, zone), moment_of(last, hours.ends, zone, is_end=True))
