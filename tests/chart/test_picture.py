"""The picture itself: a PNG of one size, in which there is a line, and no box for a letter."""

from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from bot.chart.picture import DRAWABLE, HEIGHT, WIDTH, ChartSpec, can_be_drawn, chart
from bot.domain.history.series import Series, Step, UnseenSpan
from tests.builders import at
from tests.examples import examples

SERIES = Series(
    steps=(Step(at(0), Decimal(3_400)), Step(at(5_000), Decimal(2_150))),
    until=at(9_000),
    unseen=(UnseenSpan(at(6_000), at(7_000)),),
)


def drawn(title: str = "Treasury", subtitle: str = "USDC on Polygon", series: Series = SERIES) -> bytes:
    return chart(
        ChartSpec(title=title, subtitle=subtitle, unit="$", series=series, zone=ZoneInfo("Europe/Berlin"))
    )


def test_a_chart_is_a_png_that_telegram_takes_as_a_photo() -> None:
    picture = drawn()
    image = Image.open(BytesIO(picture))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    assert len(picture) < 10_000_000
    assert WIDTH + HEIGHT < 10_000


def test_the_same_series_is_the_same_picture_and_another_one_is_not() -> None:
    other = Series(steps=SERIES.steps[:1], until=SERIES.until)
    assert drawn() == drawn()
    assert drawn() != drawn(series=other)


def test_the_font_has_every_character_that_is_drawn() -> None:
    font = ImageFont.load_default(40)
    box = font.getmask("\N{CJK UNIFIED IDEOGRAPH-4E2D}")
    boxes = [one for one in DRAWABLE if bytes(font.getmask(one)) == bytes(box)]
    assert not boxes


@pytest.mark.parametrize("text", ["財庫", "🚀", "Käse", "Мост", "a\u202eb", "a\nb"])
def test_a_name_that_the_font_has_no_letters_for_is_left_to_the_caption(text: str) -> None:
    assert not can_be_drawn(text)
    assert drawn(title=text) == drawn(title="")


def test_a_name_that_it_has_letters_for_is_drawn() -> None:
    assert can_be_drawn("Treasury · 0x8e3E…d8B9")
    assert drawn(title="Treasury") != drawn(title="")


def test_a_long_name_is_cut() -> None:
    assert drawn(title="W" * 200) == drawn(title="W" * 300)


@settings(max_examples=examples(20))
@given(
    st.dictionaries(st.integers(0, 10**8), st.decimals(0, 10**40, places=18), min_size=1, max_size=30),
    st.text(max_size=40),
    st.integers(0, 10**6),
)
def test_any_series_can_be_drawn(amounts: dict[int, Decimal], text: str, more: int) -> None:
    steps = tuple(Step(at(second), amounts[second]) for second in sorted(amounts))
    until = at(max(amounts) + more)
    assert drawn(title=text, subtitle=text, series=Series(steps=steps, until=until)).startswith(b"\x89PNG")
