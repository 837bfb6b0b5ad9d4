"""Where the lines of a step chart go, in pixels from the upper left corner of the picture."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.chart.value_axis import ValueAxis
from bot.domain.history.series import Series


@dataclass(frozen=True, slots=True)
class Box:
    """The pixels of the plot, its edges included."""

    left: int
    top: int
    right: int
    bottom: int


class Stroke(NamedTuple):
    """A horizontal or vertical line."""

    left: int
    top: int
    right: int
    bottom: int
    is_dotted: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """A series in a box."""

    series: Series
    axis: ValueAxis
    box: Box

    def x(self, at: datetime) -> int:
        """Return the column of a moment; what lies outside is moved to the edge."""
        span = max(self.series.until - self.series.since, timedelta(microseconds=1))
        passed = min(max(at - self.series.since, timedelta()), span)
        return self.box.left + passed * (self.box.right - self.box.left) // span

    def y(self, value: Decimal) -> int:
        """Return the row of a value."""
        return self.box.bottom - self.axis.height_of(value, self.box.bottom - self.box.top)

    def strokes(self) -> Iterator[Stroke]:
        """Yield the line from left to right: level while an amount holds, upright where it changes."""
        steps = self.series.steps
        ends = [*(step.at for step in steps[1:]), self.series.until]
        rows = [self.y(step.value) for step in steps]
        for step, end, row, before in zip(steps, ends, rows, [rows[0], *rows], strict=False):
            if row != before:
                column = self.x(step.at)
                yield Stroke(column, min(row, before), column, max(row, before))
            yield from self._level(row, step.at, end)

    def _level(self, row: int, since: datetime, until: datetime) -> Iterator[Stroke]:
        unseen = self.series.unseen
        at = since
        for number in range(bisect_right(unseen, since, key=lambda span: span.until), len(unseen)):
            begin, end = unseen[number]
            if begin >= until:
                break
            if begin > at:
                yield Stroke(self.x(at), row, self.x(begin), row)
                at = begin
            end = min(end, until)
            yield Stroke(self.x(at), row, self.x(end), row, is_dotted=True)
            at = end
        if at < until or since == until:
            yield Stroke(self.x(at), row, self.x(until), row)
