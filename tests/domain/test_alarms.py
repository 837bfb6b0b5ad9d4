"""An alarm rings once when its level is crossed, and ends a little beyond; unknown changes nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.rules.alarms import AlarmTerms, Side, Step, is_to_repeat, judge_alarm
from bot.domain.rules.conditions import Level, Unit
from tests.builders import NOON, USDC, asset

LEVEL = Level(Decimal("0.5"), assets=frozenset({asset(USDC)}), symbol="ETH")
BELOW, ABOVE = AlarmTerms(Side.BELOW, LEVEL), AlarmTerms(Side.ABOVE, LEVEL)

numbers = st.decimals(0, 10**9, places=6)
sides = st.sampled_from(Side)
all_terms = st.builds(AlarmTerms, sides, numbers.map(Level))


@pytest.mark.parametrize(
    ("terms", "value", "is_ringing", "step"),
    [
        pytest.param(BELOW, "0.499999999999999999", False, Step.RINGS, id="a hair below"),
        pytest.param(BELOW, "0.5", False, None, id="equal is not below"),
        pytest.param(BELOW, "0.500000000000000001", False, None, id="a hair above"),
        pytest.param(ABOVE, "0.5", False, None, id="equal is not above"),
        pytest.param(ABOVE, "0.500000000000000001", False, Step.RINGS, id="above"),
        pytest.param(BELOW, "0.5", True, None, id="back at the level: it is not over yet"),
        pytest.param(BELOW, "0.524999999999999999", True, None, id="nearly a twentieth beyond"),
        pytest.param(BELOW, "0.525", True, Step.ENDS, id="a twentieth beyond"),
        pytest.param(ABOVE, "0.475000000000000001", True, None, id="nearly a twentieth below"),
        pytest.param(ABOVE, "0.475", True, Step.ENDS, id="a twentieth below"),
        pytest.param(BELOW, "0.4", True, None, id="still below: no second ring"),
        pytest.param(BELOW, None, False, None, id="unknown does not ring"),
        pytest.param(BELOW, None, True, None, id="unknown does not end"),
    ],
)
def test_a_value_changes_this(terms: AlarmTerms, value: str | None, *, is_ringing: bool, step: Step) -> None:
    number = None if value is None else Decimal(value)

    assert judge_alarm(terms, number, is_ringing=is_ringing) is step


def test_an_alarm_ends_where_somebody_says() -> None:
    terms = AlarmTerms(Side.BELOW, LEVEL, until=Decimal("0.5"))

    assert judge_alarm(terms, Decimal("0.5"), is_ringing=True) is Step.ENDS
    assert judge_alarm(terms, Decimal("0.49"), is_ringing=True) is None


def steps_over(terms: AlarmTerms, values: list[Decimal | None]) -> list[Step]:
    is_ringing, steps = False, []
    for value in values:
        step = judge_alarm(terms, value, is_ringing=is_ringing)
        if step is not None:
            steps.append(step)
            is_ringing = step is Step.RINGS
    return steps


@given(all_terms, st.lists(numbers | st.none()))
def test_rings_and_ends_take_turns_and_a_ring_comes_first(
    terms: AlarmTerms, values: list[Decimal | None]
) -> None:
    steps = steps_over(terms, values)

    assert steps == [Step.RINGS, Step.ENDS] * (len(steps) // 2) + [Step.RINGS] * (len(steps) % 2)


@given(all_terms, st.lists(numbers | st.none()))
def test_what_is_unknown_between_changes_nothing(terms: AlarmTerms, values: list[Decimal | None]) -> None:
    assert steps_over(terms, values) == steps_over(terms, [one for one in values if one is not None])


@given(all_terms, numbers)
def test_no_value_rings_and_ends_an_alarm(terms: AlarmTerms, value: Decimal) -> None:
    assert not (terms.rings_at(value) and terms.has_ended_at(value))


@given(sides, st.decimals("0.01", 10**9, places=6))
def test_who_wavers_by_less_than_a_twentieth_around_the_level_rings_once(side: Side, number: Decimal) -> None:
    wave = [number * Decimal(factor) for factor in ("0.96", "1.04") * 3]

    assert steps_over(AlarmTerms(side, Level(number)), list(wave)) == [Step.RINGS]


def test_dollars_are_a_sum_even_if_nobody_says_total() -> None:
    dollars = Level(Decimal(1000), Unit.DOLLARS)

    assert AlarmTerms(Side.BELOW, dollars).is_sum
    assert not BELOW.is_sum
    assert AlarmTerms(Side.BELOW, LEVEL, is_total=True).is_sum


def test_a_repetition_is_due_at_its_moment_and_never_without_one() -> None:
    assert is_to_repeat(NOON, NOON)
    assert not is_to_repeat(NOON + timedelta(seconds=1), NOON)
    assert not is_to_repeat(None, NOON)
