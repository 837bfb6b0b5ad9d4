"""Where the lines of a chart go."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.chart.plot import Box, Plot, Stroke
from bot.chart.value_axis import value_axis
from bot.domain.history.series import Series, Step, UnseenSpan, merged
from tests.builders import at

BOX = Box(100, 50, 1_100, 550)

SECONDS = st.integers(0, 1_000_000)
AMOUNTS = st.decimals(0, 10**12, places=6)
SPANS = st.lists(st.builds(lambda one, other: UnseenSpan(at(one), at(other)), SECONDS, SECONDS), max_size=8)
STEPS = st.dictionaries(SECONDS, AMOUNTS, min_size=1, max_size=40).map(
    lambda amounts: tuple(Step(at(seconds), amounts[seconds]) for seconds in sorted(amounts))
)


def plot(steps: tuple[Step, ...], until: float, *unseen: UnseenSpan) -> Plot:
    end = at(until)
    series = Series(steps=steps, until=end, unseen=merged(unseen, steps[0].at, end))
    return Plot(series, value_axis(series.low.value, series.high.value), BOX)


def is_on(x: int, y: int, stroke: Stroke) -> bool:
    return stroke.left <= x <= stroke.right and stroke.top <= y <= stroke.bottom


@given(STEPS, st.integers(0, 1_000), SPANS)
def test_every_reading_lies_on_the_line(steps: tuple[Step, ...], more: int, unseen: list[UnseenSpan]) -> None:
    drawn = plot(steps, 1_000_000 + more, *unseen)
    strokes = list(drawn.strokes())
    for step in steps:
        assert any(is_on(drawn.x(step.at), drawn.y(step.value), stroke) for stroke in strokes)
    assert any(is_on(drawn.x(drawn.series.until), drawn.y(steps[-1].value), stroke) for stroke in strokes)


@given(STEPS, SPANS)
def test_the_line_is_level_or_upright_without_holes_from_edge_to_edge(
    steps: tuple[Step, ...], unseen: list[UnseenSpan]
) -> None:
    strokes = list(plot(steps, 1_000_001, *unseen).strokes())
    assert strokes[0].left == BOX.left
    assert strokes[-1].right == BOX.right
    for before, after in pairwise(strokes):
        assert before.right == after.left
        assert max(before.top, after.top) <= min(before.bottom, after.bottom)
    assert all(stroke.left == stroke.right or stroke.top == stroke.bottom for stroke in strokes)
    assert all(BOX.left <= stroke.left <= stroke.right <= BOX.right for stroke in strokes)
    assert all(BOX.top <= stroke.top <= stroke.bottom <= BOX.bottom for stroke in strokes)


@given(STEPS, SPANS)
def test_it_is_dotted_exactly_where_nobody_looked(steps: tuple[Step, ...], unseen: list[UnseenSpan]) -> None:
    drawn = plot(steps, 1_000_001, *unseen)
    dotted = [stroke for stroke in drawn.strokes() if stroke.is_dotted]
    for stroke in drawn.strokes():
        if stroke.top == stroke.bottom and not stroke.is_dotted and stroke.right - stroke.left > 2:
            middle = (stroke.left + stroke.right) // 2
            assert not any(drawn.x(span.since) < middle < drawn.x(span.until) for span in drawn.series.unseen)
    for span in drawn.series.unseen:
        columns = range(drawn.x(span.since), drawn.x(span.until) + 1)
        assert all(any(stroke.left <= column <= stroke.right for stroke in dotted) for column in columns)


def test_a_balance_holds_until_it_changes() -> None:
    drawn = plot((Step(at(0), Decimal(0)), Step(at(50), Decimal(10))), 100)
    assert list(drawn.strokes()) == [
        Stroke(100, 550, 600, 550),
        Stroke(600, 50, 600, 550),
        Stroke(600, 50, 1_100, 50),
    ]


def test_a_gap_is_dotted_and_what_surrounds_it_is_not() -> None:
    drawn = plot((Step(at(0), Decimal(10)),), 100, UnseenSpan(at(20), at(30)))
    assert [(stroke.left, stroke.right, stroke.is_dotted) for stroke in drawn.strokes()] == [
        (100, 300, False),
        (300, 400, True),
        (400, 1_100, False),
    ]


def test_a_series_of_one_moment_is_drawn_all_the_same() -> None:
    drawn = plot((Step(at(0), Decimal(10)),), 0)
    assert list(drawn.strokes()) == [Stroke(100, drawn.y(Decimal(10)), 100, drawn.y(Decimal(10)))]


def test_columns_follow_time() -> None:
    drawn = plot((Step(at(0), Decimal(10)),), 100)
    assert [drawn.x(at(0) + timedelta(seconds=second)) for second in (-5, 0, 25, 100, 101)] == [
        100,
        100,
        350,
        1_100,
        1_100,
    ]
