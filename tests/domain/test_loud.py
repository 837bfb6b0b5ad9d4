"""Which changes ring where there are loud rules, and whom they call."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Amount
from bot.domain.rules.conditions import Condition, Difference, Direction, Level, Unit
from bot.domain.rules.loud import MENTIONS_MOST, Loudness, LoudRule, Mention, Sound, distinct, judge_loudness
from tests.builders import asset

RING, SILENT = Sound.RING, Sound.SILENT
OLGA, PETR = Mention("@olga", 7001), Mention("@petr")
THOUSAND = Condition(levels=(Level(Decimal(1_000), Unit.DOLLARS),))
OUT = Condition(Direction.OUT)
LOST_1500 = Difference(asset(), Amount(2_000), Amount(500), 0, "1")
LOST_500 = Difference(asset(), Amount(2_000), Amount(1_500), 0, "1")


@pytest.mark.parametrize(
    ("rules", "difference", "expected"),
    [
        ([LoudRule()], LOST_500, RING),
        ([LoudRule(THOUSAND)], LOST_1500, RING),
        ([LoudRule(THOUSAND)], LOST_500, SILENT),
        ([LoudRule(OUT)], LOST_500, RING),
        ([LoudRule(Condition(Direction.IN))], LOST_500, SILENT),
        # Any of them is enough.
        ([LoudRule(THOUSAND), LoudRule(OUT)], LOST_500, RING),
        # The rules of the place are about other accounts.
        ([], LOST_1500, SILENT),
        # Unknown is never silent.
        ([LoudRule(THOUSAND)], LOST_500._replace(price_usd=None), RING),
        ([LoudRule(THOUSAND)], LOST_500._replace(decimals=None), RING),
        ([LoudRule(THOUSAND)], None, RING),
        # But what is known to be the other way is.
        ([LoudRule(replace(THOUSAND, direction=Direction.IN))], LOST_500._replace(price_usd=None), SILENT),
        ([], None, SILENT),
    ],
)
def test_a_change_rings_if_any_rule_means_it_or_may(
    rules: Sequence[LoudRule], difference: Difference | None, expected: Sound
) -> None:
    assert judge_loudness(rules, difference).sound is expected


def test_only_rules_that_mean_a_change_call_their_people_each_once() -> None:
    rules = [LoudRule(OUT, (OLGA, PETR)), LoudRule(THOUSAND, (Mention("@late"),)), LoudRule(OUT, (PETR,))]

    assert judge_loudness(rules, LOST_500) == Loudness(RING, (OLGA, PETR))
    assert judge_loudness(rules[1:2], LOST_500) == Loudness(SILENT)


def test_somebody_with_a_new_name_is_called_once() -> None:
    assert distinct([OLGA, Mention("@olga_new", 7001), PETR, Mention("@PETR")]) == (OLGA, PETR)


@given(st.lists(st.lists(st.text(min_size=1), max_size=MENTIONS_MOST), max_size=5))
def test_an_alert_calls_no_more_than_may_be(names: list[list[str]]) -> None:
    rules = [LoudRule(mentions=tuple(map(Mention, some))) for some in names]

    assert len(judge_loudness(rules, LOST_500).mentions) <= MENTIONS_MOST
