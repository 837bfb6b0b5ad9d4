"""Draws a series as a PNG that can be read on a phone, under a light theme and under a dark one."""

from dataclasses import dataclass
from datetime import tzinfo
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from bot.chart.plot import Box, Plot, Stroke
from bot.chart.time_axis import time_ticks
from bot.chart.value_axis import value_axis
from bot.domain.history.series import Series
from bot.domain.units import ELLIPSIS
from bot.domain.zones import zone_word

WIDTH, HEIGHT = 1_200, 750
"""Pixels: a phone shows them at about a third."""

DRAWABLE = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("©«°±·»“”…‹›’™")
"""The characters that the font of Pillow has; it shows a box for every other one."""

_MARGIN = 44
_TITLE_SIZE, _TEXT_SIZE = 56, 42
_LINE = 3  # on both sides of the middle
_DASH, _DASH_AND_BLANK = 6, 18
_END = 11

_BACKGROUND = "#1b2836"
_GRID = "#33465a"
_ZERO = "#7d93a8"
_TEXT = "#f2f6fa"
_MUTED = "#a9bccd"
_SERIES = "#4cc2ff"
_AREA = "#21405a"
_UNSEEN = "#2a3138"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpec:
    """What a chart shows. What the font has no letters for is left out of its titles."""

    title: str
    subtitle: str
    unit: str
    """Written before each amount at the axis: `$`, or nothing."""
    series: Series
    zone: tzinfo
    """That its times are in."""


def can_be_drawn(text: str) -> bool:
    """Whether the font has every letter of a text."""
    return DRAWABLE.issuperset(text)


def chart(spec: ChartSpec) -> bytes:
    """Return a chart as a PNG."""
    series = spec.series
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    small = ImageFont.load_default(_TEXT_SIZE)
    axis = value_axis(series.low.value, series.high.value, unit=spec.unit)
    labels = round(max(draw.textlength(label, small) for label in axis.labels))
    box = Box(_MARGIN + labels + 20, 204, WIDTH - _MARGIN - _END, HEIGHT - 100)
    plot = Plot(series, axis, box)
    strokes = list(plot.strokes())
    for span in series.unseen:
        draw.rectangle((plot.x(span.since), box.top, plot.x(span.until), box.bottom), _UNSEEN)
    if not axis.low:
        for stroke in strokes:
            if not stroke.is_dotted and stroke.top == stroke.bottom:
                draw.rectangle((stroke.left, stroke.top, stroke.right, box.bottom), _AREA)
    _titles(draw, spec)
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        row = plot.y(tick)
        draw.line((box.left, row, box.right, row), _GRID if tick else _ZERO, 2 if tick else 3)
        draw.text((box.left - 20, row), label, _MUTED, small, "rm")
    _times(draw, plot, small, spec.zone)
    for stroke in strokes:
        _stroke(draw, stroke)
    end = plot.x(series.until), plot.y(series.steps[-1].value)
    draw.ellipse((end[0] - _END, end[1] - _END, end[0] + _END, end[1] + _END), _SERIES)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _titles(draw: ImageDraw.ImageDraw, spec: ChartSpec) -> None:
    """Write the titles that the font has letters for, each in a line."""
    row = _MARGIN
    for text, size, colour in ((spec.title, _TITLE_SIZE, _TEXT), (spec.subtitle, _TEXT_SIZE, _MUTED)):
        if text and can_be_drawn(text):
            font = ImageFont.load_default(size)
            draw.text((_MARGIN, row), _fitting(draw, text, font), colour, font)
            row += size + 14


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return a text, cut to the width of the picture."""
    shown = text
    while draw.textlength(shown, font) > WIDTH - 2 * _MARGIN:
        text = text[:-1]
        shown = text + ELLIPSIS
    return shown


def _times(
    draw: ImageDraw.ImageDraw,
    plot: Plot,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    zone: tzinfo,
) -> None:
    """Draw the ticks of time, and name the zone in the lower left corner."""
    series, box = plot.series, plot.box
    row = box.bottom + 18
    name = zone_word(series.until.astimezone(zone))
    draw.text((_MARGIN, row), name, _MUTED, font)
    written = _MARGIN + draw.textlength(name, font)
    for tick in time_ticks(series.since, series.until, zone):
        column = plot.x(tick.at)
        draw.line((column, box.top, column, box.bottom), _GRID, 2)
        half = draw.textlength(tick.label, font) / 2
        if column - half > written + 20 and column + half < WIDTH - 10:
            draw.text((column, row), tick.label, _MUTED, font, "ma")
            written = column + half


def _stroke(draw: ImageDraw.ImageDraw, stroke: Stroke) -> None:
    if not stroke.is_dotted:
        draw.rectangle(
            (stroke.left - _LINE, stroke.top - _LINE, stroke.right + _LINE, stroke.bottom + _LINE), _SERIES
        )
        return
    first = stroke.left // _DASH_AND_BLANK * _DASH_AND_BLANK
    for column in range(first, stroke.right + 1, _DASH_AND_BLANK):
        left, right = max(column, stroke.left), min(column + _DASH, stroke.right)
        if left <= right:
            draw.rectangle((left, stroke.top - _LINE, right, stroke.top + _LINE), _SERIES)
