"""The axis of amounts: a few round ticks that cover all that is shown, and how they are written."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

_STEPS_MOST = 5
"""Between the lowest and the highest amount; with the ends of the axis there may be two more ticks."""
_EXACT = Context(prec=400)
_ROUND_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))

_NARROWEST = Decimal("1e-6")
"""Of the amount: an axis is not narrower, as its ticks would differ in their last digits only."""

_ZERO_IS_NEAR = Decimal("0.5")
"""An axis begins at zero where the lowest amount is below this part of the highest."""

_UNITS = (("T", 12), ("B", 9), ("M", 6), ("", 0))
_PLAIN_MOST = 7
"""Digits before the point up to which a tick is written without a unit."""
_PLACES_MOST = 8
"""Digits behind the point up to which a tick is written out."""


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """From the lowest tick to the highest: everything shown is between the two."""

    ticks: tuple[Decimal, ...]
    """At least two, the lowest first."""
    labels: tuple[str, ...]
    """What is written at each."""

    @property
    def low(self) -> Decimal:
        """The lowest tick."""
        return self.ticks[0]

    @property
    def high(self) -> Decimal:
        """The highest tick."""
        return self.ticks[-1]

    def height_of(self, value: Decimal, height: int) -> int:
        """Return how many of so many pixels above the lowest tick a value is."""
        part = _EXACT.divide(_EXACT.subtract(value, self.low), _EXACT.subtract(self.high, self.low))
        return int(_EXACT.to_integral_value(_EXACT.multiply(part, Decimal(height))))


def value_axis(low: Decimal, high: Decimal, *, unit: str = "") -> ValueAxis:
    """Return the axis for amounts between two; `unit` is written before each number, as `$`."""
    magnitude = max(abs(low), abs(high))
    least = _EXACT.multiply(magnitude, _NARROWEST) if magnitude else Decimal(_STEPS_MOST)
    if low > 0 and (low == high or low < _EXACT.multiply(high, _ZERO_IS_NEAR)):
        low = Decimal(0)
    step = _round_step(max(_EXACT.subtract(high, low), least))
    first = _EXACT.divide(low, step).to_integral_value(ROUND_FLOOR, _EXACT)
    last = _EXACT.divide(high, step).to_integral_value(ROUND_CEILING, _EXACT)
    last = max(last, first + 1)
    ticks = tuple(_EXACT.multiply(step, Decimal(number)) for number in range(int(first), int(last) + 1))
    return ValueAxis(ticks, _labels(ticks, step, unit))


def _round_step(span: Decimal) -> Decimal:
    """Return the smallest of 1, 2 and 5, with zeros, that gives so few ticks to a span."""
    rough = _EXACT.divide(span, Decimal(_STEPS_MOST))
    power = Decimal(1).scaleb(rough.adjusted(), _EXACT)
    return next(step for round_ in _ROUND_STEPS if (step := _EXACT.multiply(round_, power)) >= rough)


def _labels(ticks: tuple[Decimal, ...], step: Decimal, unit: str) -> tuple[str, ...]:
    largest = max(abs(ticks[0]), abs(ticks[-1]))
    places = -step.adjusted()
    if places > _PLACES_MOST or largest.adjusted() >= _UNITS[0][1] + _PLAIN_MOST:
        digits = max(0, largest.adjusted() - step.adjusted())
        return tuple(f"{unit}{tick:.{digits}e}" if tick else f"{unit}0" for tick in ticks)
    letter, zeros = next(
        (letter, zeros) for letter, zeros in _UNITS if not zeros or largest.adjusted() >= zeros + 1
    )
    if largest.adjusted() < _PLAIN_MOST:
        letter, zeros = "", 0
    shown = max(0, places + zeros)
    return tuple(f"{unit}{tick.scaleb(-zeros, _EXACT):,.{shown}f}{letter if tick else ''}" for tick in ticks)
