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
    """A change of one balance, as far as a chart needs it, and as it is stored.

    Moments are milliseconds since 1970 and amounts texts of smallest units: there may be half a million, and
    values of each would take longer than all the rest.
    """

    at: int
    previous_at: int
    """When the amount before was last seen."""
    before: str | None
    """None: it was held before already, nobody knows since when."""
    after: str
    former_decimals: int | None = None
    """By which the amount before may have to be read, where they were others."""


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
        self._amount = None if amount_raw is None else str(amount_raw)
        """What is held before what was added last, or at the end."""
        self._seen_at = self._at = self._until
        """Since when that is known to be held, and when what was added last happened."""
        self._column = _Column(0)
        self._steps: list[Step] = []
        self._unseen: list[UnseenSpan] = []
        self._is_cut = self._is_done = False

    def add(self, changes: Iterable[AmountChange]) -> bool:
        """Add changes before those that were added, newest first; returns whether older ones matter."""
        since, width = self._since, self._width
        for at, previous_at, before, after, former_decimals in changes:
            if self._is_done:
                break
            if not since <= at <= self._at:
                self._is_done = at < since
                # The clock may have been set back: what was recorded before happened before.
                at = max(min(at, self._at), since)  # noqa: PLW2901 - as a clock that runs right has it
            if after != self._amount:
                self._leap(at, after)
            if (at - since) // width != self._column.number:
                self._close_column((at - since) // width)
            self._column.keep(at, int(after))
            if before is None:
                self._is_done = True
            elif former_decimals is not None:
                self._read_by_former(int(before), int(after), former_decimals)
            self._amount, self._at = before, at
            self._seen_at = previous_at if previous_at < at else at  # noqa: FURB136 - half the time of min()
        return not self._is_done

    def build(self, unseen: Iterable[UnseenSpan] = ()) -> Series | None:
        """Return the series, in which there are these further gaps; None: nothing is known."""
        if not self._is_done and self._amount is not None:
            since = self._known_since
            if since is None or since > self._at:
                since = self._seen_at
            self._keep(max(since, self._since), self._amount)
        self._close_column(0)
        if not self._steps:
            return None
        steps, until = tuple(reversed(self._steps)), _moment(self._until)
        spans = merged([*self._unseen, *unseen], steps[0].at, until)
        return Series(steps=steps, until=until, unseen=spans, is_cut=self._is_cut)

    def _leap(self, at: int, after: str) -> None:
        """Note what was held that the change at a moment did not lead to."""
        if self._amount is None:
            # What is nothing and still watched is nothing to the end; of all else nobody knows.
            if self._known_since is None or after != "0":
                self._until = at
            self._seen_at = self._at = self._until
            return
        seen_at = max(self._seen_at, at)
        self._keep(seen_at, self._amount)
        if not self._is_rebasing:
            self._unseen.append(UnseenSpan(_moment(at), _moment(seen_at)))

    def _read_by_former(self, before_raw: int, after_raw: int, former: int) -> None:
        """Read older amounts by the decimals that were known then, if these are certain."""
        decimals = decimals_of_change(before_raw, after_raw, former, self._decimals)
        if decimals.before == self._decimals:
            return
        self._close_column(self._column.number)
        if decimals.before is None:
            self._is_cut = self._is_done = True
        self._decimals = decimals.before

    def _keep(self, at: int, amount: str) -> None:
        number = (at - self._since) // self._width
        if number != self._column.number:
            self._close_column(number)
        self._column.keep(at, int(amount))

    def _close_column(self, number: int) -> None:
        """Turn the points of the column into steps, and begin another one."""
        decimals = self._decimals or 0
        for _, at, raw in self._column.points():
            self._steps.append(Step(_moment(at), whole_units(raw, decimals)))
        self._column = _Column(number)


class _Column:
    """The amounts of one column of a picture: the newest, lowest, highest and oldest are kept.

    Points are tuples of their order, the newest highest, of their moment and of their amount.
    """

    __slots__ = ("_kept", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._kept: list[tuple[int, int, int]] = []

    def keep(self, at: int, raw: int) -> None:
        """Keep an amount that is older than the others."""
        kept = self._kept
        if not kept:
            self._kept = [(0, at, raw)] * 4
            return
        point = kept[3] = kept[3][0] - 1, at, raw
        if raw < kept[1][2]:
            kept[1] = point
        elif raw > kept[2][2]:
            kept[2] = point

    def points(self) -> list[tuple[int, int, int]]:
        """Return what is kept, the newest first."""
        return sorted(set(self._kept), reverse=True)


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
