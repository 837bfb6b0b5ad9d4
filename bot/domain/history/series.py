"""A balance over time, as a chart draws it: steps, and the spans in which nobody looked.

A balance holds from one change to the next. A year may have a change a minute, and no picture has so many
columns: of each column the first, the lowest, the highest and the last amount are kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.observe.descriptions import decimals_of_change
from bot.domain.units import whole_units

COLUMNS = 2_000
"""More than a picture has pixels from left to right."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


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
    is_cut: bool = False
    """Whether it begins where the units of the amount changed: what was before can't be compared."""

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


# ---------------------------------------------------------------- from changes


class AmountChange(NamedTuple):
    """A change of one balance, as far as a chart needs it. Moments are milliseconds since 1970.

    There may be half a million of them: a `datetime` of each would take as long as all the rest.
    """

    at: int
    previous_at: int
    """When the amount before was last seen."""
    before_raw: int
    after_raw: int
    former_decimals: int | None = None
    """By which the amount before may have to be read, where they were others."""


class _Point(NamedTuple):
    order: int
    at: int
    raw: int


class SeriesBuilder:
    """Builds the series of one balance from its changes, which are added newest first.

    `known_since` is since when somebody looked, as far as that is known beside the changes; `amount_raw` what
    is held at the end, None: the series ends with the last change. The amounts of what is `rebasing` move by
    themselves between changes.
    """

    def __init__(
        self,
        since: datetime,
        until: datetime,
        *,
        known_since: datetime | None,
        amount_raw: int | None,
        decimals: int | None,
        is_rebasing: bool = False,
    ) -> None:
        self._since, self._until = _milliseconds(since), _milliseconds(until)
        self._width = max(1, -(-(self._until - self._since) // COLUMNS))
        self._known_since = None if known_since is None else _milliseconds(known_since)
        self._decimals = decimals
        self._is_rebasing = is_rebasing
        self._raw = amount_raw
        """What is held before what was added last, or at the end."""
        self._seen_at = self._at = self._until
        """Since when that is known to be held, and when what was added last happened."""
        self._steps: list[Step] = []
        self._column: list[_Point] = []
        """The newest point, the lowest, the highest and the oldest."""
        self._number = 0
        self._unseen: list[UnseenSpan] = []
        self._is_cut = self._is_done = False

    def add(self, change: AmountChange) -> bool:
        """Add the change before the one that was added last; returns whether an older one matters."""
        if self._is_done:
            return False
        if self._raw is None:
            # What is nothing and still watched is nothing to the end; of all else nobody knows.
            is_nothing = self._known_since is not None and not change.after_raw
            self._until = self._until if is_nothing else min(self._until, max(change.at, self._since))
            self._seen_at = self._at = self._until
        # The clock may have been set back: what was recorded before happened before.
        at = max(min(change.at, self._at), self._since)
        if self._raw is not None and change.after_raw != self._raw:
            # It moved without a change that is known here.
            seen_at = max(self._seen_at, at)
            self._keep(seen_at, self._raw)
            if not self._is_rebasing:
                self._unseen.append(UnseenSpan(_moment(at), _moment(seen_at)))
        self._keep(at, change.after_raw)
        self._is_done = change.at < self._since
        if change.former_decimals is not None:
            self._read_by_former(change, change.former_decimals)
        self._raw, self._at = change.before_raw, at
        self._seen_at = min(change.previous_at, at)
        return not self._is_done

    def build(self, unseen: Iterable[UnseenSpan] = ()) -> Series | None:
        """Return the series, in which there are these further gaps; None: nothing is known."""
        if not self._is_done and self._raw is not None:
            known_since = self._seen_at if self._known_since is None else self._known_since
            self._keep(max(min(known_since, self._seen_at), self._since), self._raw)
        self._close_column()
        if not self._steps:
            return None
        steps, until = tuple(reversed(self._steps)), _moment(self._until)
        spans = merged([*self._unseen, *unseen], steps[0].at, until)
        return Series(steps=steps, until=until, unseen=spans, is_cut=self._is_cut)

    def _read_by_former(self, change: AmountChange, former: int) -> None:
        """Read older amounts by the decimals that were known then, if these are certain."""
        decimals = decimals_of_change(change.before_raw, change.after_raw, former, self._decimals)
        if decimals.before == self._decimals:
            return
        self._close_column()
        if decimals.before is None:
            self._is_cut = self._is_done = True
        self._decimals = decimals.before

    def _keep(self, at: int, raw: int) -> None:
        """Keep a point of a column, if it is the newest or oldest, the lowest or highest there."""
        number = (at - self._since) // self._width
        if number != self._number:
            self._close_column()
            self._number = number
        column = self._column
        if not column:
            self._column = [_Point(0, at, raw)] * 4
            return
        point = column[3] = _Point(column[3].order - 1, at, raw)
        if raw < column[1].raw:
            column[1] = point
        if raw > column[2].raw:
            column[2] = point

    def _close_column(self) -> None:
        """Turn the points of the column into steps, the newest first."""
        for point in sorted(set(self._column), reverse=True):
            self._steps.append(Step(_moment(point.at), whole_units(point.raw, self._decimals or 0)))
        self._column = []


# ---------------------------------------------------------------- from daily rows


class WorthOnDay(NamedTuple):
    """What an account was worth on a day, and what is not in the sum."""

    at: datetime
    usd: Decimal
    unpriced: int
    """Balances without a price."""
    is_partial: bool
    """Whether something was unknown, or only last known."""


def worth_series(days: Sequence[WorthOnDay], until: datetime) -> Series | None:
    """Return the series of daily rows, the earliest first; nobody looked where a day is missing."""
    if not days:
        return None
    ends = [*(day.at for day in days[1:]), until]
    unseen = [UnseenSpan(day.at + _DAY, end) for day, end in zip(days, ends, strict=True)]
    steps = tuple(Step(day.at, day.usd) for day in days)
    # A day's row is written some moments after midnight.
    late = (span for span in unseen if span.until - span.since >= _DAY / 2)
    return Series(steps=steps, until=until, unseen=merged(late, steps[0].at, until))


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
