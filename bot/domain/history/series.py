"""A balance over time, as a chart draws it: steps, and the spans in which nobody looked.

A balance holds from one reading that changed it to the next. A year may have a change a minute, and no
picture so many columns: of each column the first, the lowest, the highest and the last amount are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

COLUMNS = 2_000
"""More than a picture has pixels from left to right."""


class Step(NamedTuple):
    """An amount that holds from a moment until the next step."""

    at: datetime
    value: Decimal


class UnseenSpan(NamedTuple):
    """A span in which nobody looked."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """An amount over time."""

    steps: tuple[Step, ...]
    """At least one; the earliest first."""
    until: datetime
    """Until when the last one holds."""
    unseen: tuple[UnseenSpan, ...] = ()
    """The earliest first; they do not touch."""

    @property
    def since(self) -> datetime:
        """When the first step begins."""
        return self.steps[0].at

    @property
    def low(self) -> Step:
        """The first of the lowest steps."""
        return min(self.steps, key=lambda step: step.value)

    @property
    def high(self) -> Step:
        """The first of the highest steps."""
        return max(self.steps, key=lambda step: step.value)


def merged(spans: Iterable[UnseenSpan], since: datetime, until: datetime) -> tuple[UnseenSpan, ...]:
    """Return spans within two moments as few that do not touch, the earliest first."""
    result: list[UnseenSpan] = []
    for span in sorted(spans):
        begin, end = max(span.since, since), min(span.until, until)
        if begin >= end:
            continue
        if result and begin <= result[-1].until:
            result[-1] = UnseenSpan(result[-1].since, max(end, result[-1].until))
        else:
            result.append(UnseenSpan(begin, end))
    return tuple(result)
