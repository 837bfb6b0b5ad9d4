"""Of several changes together nothing is said that is not true of all of them."""

from dataclasses import replace

import pytest

from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.sums import explanation_of_sum
from bot.domain.explain.transfers import TransactionHash
from tests.builders import NOON, VAULT, at

EXPLAINED, PARTLY, NONE_LISTED, UNKNOWN = ExplanationOutcome
LEG = Leg(VAULT, 5, None, TransactionHash("0x" + "1" * 64), 3, 7, NOON)
OTHER_LEG = LEG._replace(amount_raw=-3, block=8)


def step(outcome: ExplanationOutcome, *legs: Leg, why: WhyUnknown | None = None) -> Explanation:
    is_unknown = outcome is UNKNOWN
    return Explanation(
        outcome=outcome,
        legs=legs,
        why_unknown=(why or WhyUnknown.CUT) if is_unknown else None,
        listed_at=None if is_unknown else NOON,
    )


def test_one_change_is_explained_as_it_is() -> None:
    assert explanation_of_sum([step(PARTLY, LEG)]) == step(PARTLY, LEG)
    assert explanation_of_sum([None]) is None


def test_where_nobody_asked_about_any_nothing_is_said() -> None:
    assert explanation_of_sum([None, None]) is None


@pytest.mark.parametrize("outcome", [EXPLAINED, NONE_LISTED, UNKNOWN])
def test_what_is_true_of_each_is_true_of_all(outcome: ExplanationOutcome) -> None:
    legs = [[LEG], [OTHER_LEG]] if outcome is EXPLAINED else [[], []]

    assert explanation_of_sum([step(outcome, *some) for some in legs]) == step(outcome, *legs[0], *legs[1])


@pytest.mark.parametrize("other", [step(NONE_LISTED), step(UNKNOWN), step(PARTLY, OTHER_LEG), None])
def test_one_that_is_not_explained_leaves_the_sum_explained_in_part(other: Explanation | None) -> None:
    whole = explanation_of_sum([step(EXPLAINED, LEG), other])

    assert whole == step(PARTLY, LEG, *(() if other is None else other.legs))


@pytest.mark.parametrize(("other", "why"), [(None, WhyUnknown.UNANSWERED), (step(UNKNOWN), WhyUnknown.CUT)])
def test_without_any_transfer_one_that_is_unknown_makes_all_unknown(
    other: Explanation | None, why: WhyUnknown
) -> None:
    whole = explanation_of_sum([step(NONE_LISTED), other])

    assert whole == replace(step(UNKNOWN, why=why), listed_at=NOON)


def test_of_two_reasons_the_later_one_is_given() -> None:
    whole = explanation_of_sum([step(UNKNOWN, why=WhyUnknown.CUT), step(UNKNOWN, why=WhyUnknown.QUOTA)])

    assert whole == step(UNKNOWN, why=WhyUnknown.QUOTA)


def test_it_is_as_old_as_the_oldest_answer_and_as_rough_as_the_roughest() -> None:
    rough = replace(step(EXPLAINED, LEG), is_approximate=True, left_out=2, listed_at=at(60))

    assert explanation_of_sum([rough, replace(step(EXPLAINED, OTHER_LEG), left_out=1)]) == replace(
        step(EXPLAINED, LEG, OTHER_LEG), is_approximate=True, left_out=3
    )
