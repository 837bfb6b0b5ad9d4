"""What stands under a chart and in it: the news first, then lowest and highest, then what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.chart.picture import ChartSpec
from bot.chat.text.html import Html, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import account_name, age, counted, length, moment
from bot.domain.addresses import shortened
from bot.domain.assets import Address
from bot.domain.history.series import Series, Step, UnseenSpan, WorthOnDay
from bot.domain.units import (
    format_signed_units,
    format_signed_usd,
    format_units,
    format_usd,
    subtracted,
)

_NEAR = 50
"""What begins within so small a part of its period begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSubject:
    """What a chart is about."""

    account: Address
    label: str
    what: Html
    """`USDC on Polygon`, or `worth`."""
    period: timedelta
    """How far back somebody looks."""
    is_dollars: bool = False


def spec_of(subject: ChartSubject, series: Series, zone: tzinfo) -> ChartSpec:
    """Return what is drawn: names as they are shown elsewhere, without their formats."""
    label = sanitized(subject.label).visible
    return ChartSpec(
        title=label or shortened(subject.account),
        subtitle=f"{subject.what.visible} · {length(subject.period)}",
        unit="$" if subject.is_dollars else "",
        series=series,
        zone=zone,
    )


def caption(subject: ChartSubject, series: Series, now: datetime, notes: Sequence[Html | str] = ()) -> Html:
    """Return what stands under a chart; `now` is in the reader's zone."""
    first, last = series.steps[0].value, series.steps[-1].value
    moved = subtracted(last, first)
    signed = format_signed_usd(moved) if subject.is_dollars else format_signed_units(moved)
    heading = fill(
        "{} · {} · {}: {} → {} ({})",
        account_name(subject.account, subject.label),
        subject.what,
        length(subject.period),
        _amount(subject, series.steps[0]),
        _amount(subject, series.steps[-1]),
        "±0" if not moved else signed,
    )
    extremes = [
        fill("{} {}, {}", word, _amount(subject, step), moment(step.at, now))
        for word, step in (("Highest", series.high), ("Lowest", series.low))
    ]
    begun = [fill("Begins {}, when its units changed.", moment(series.since, now))] if series.is_cut else []
    if not begun and not _is_whole(subject, series, now):
        begun = [fill("Begins {}: nothing older is known here.", moment(series.since, now))]
    return join("\n", [heading, *extremes, *begun, *_dotted(series.unseen), *notes])


def too_few(subject: ChartSubject, series: Series | None, now: datetime) -> Html:
    """Return what is said where there is no line to draw, as nothing changed or too little is known."""
    named = fill("{} · {}", account_name(subject.account, subject.label), subject.what)
    if series is None:
        return fill("{}: nothing is known of the last {}.", named, length(subject.period))
    amount = _amount(subject, series.steps[-1])
    if subject.is_dollars:
        return fill("{}: {}. It is noted once a day, so a chart needs two days.", named, amount)
    is_whole = _is_whole(subject, series, now)
    span = f"in {length(subject.period)}" if is_whole else f"since {moment(series.since, now)}"
    return fill("{}: {}, no change {}.", named, amount, span)


def not_in_worth(days: Sequence[WorthOnDay]) -> list[Html | str]:
    """Return what daily sums leave out."""
    unpriced = max((day.unpriced for day in days), default=0)
    partial = sum(day.is_partial for day in days)
    left_out: list[Html | str] = []
    if unpriced:
        left_out.append(f"Not counted: {counted(unpriced, 'balance')} without a price.")
    if partial:
        left_out.append(f"Not all of it was read on {counted(partial, 'day')}.")
    return left_out


def _is_whole(subject: ChartSubject, series: Series, now: datetime) -> bool:
    """Whether a series begins about when its period does."""
    return series.since - (now - subject.period) <= subject.period / _NEAR


def _amount(subject: ChartSubject, step: Step) -> str:
    return format_usd(step.value) if subject.is_dollars else format_units(step.value)


def _dotted(unseen: Sequence[UnseenSpan]) -> list[Html]:
    if not unseen:
        return []
    together = sum((span.until - span.since for span in unseen), timedelta())
    return [fill("Dotted: nobody could look for {}.", age(together))]
