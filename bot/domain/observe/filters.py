"""Filters: which changes of an amount are reported, and when what they held back is over.

What is recorded and what is rehearsed go through the same functions.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.assets import Amount, Asset
from bot.domain.explain.explanations import Explanation, ExplanationOutcome
from bot.domain.observations import ItemMove, MoveKind
from bot.domain.rules.conditions import Condition, Counterparties, Difference, Judgement, judge_any


class Step(NamedTuple):
    """A change of an amount, as a filter looks at it."""

    asset: Asset
    kind: MoveKind
    before: Amount
    after: Amount
    decimals: int | None
    """None: unknown."""
    price_usd: str | None
    """None: there is none that counts."""
    is_collection: bool = False
    is_redenominated: bool = False
    """Whether the amounts before and after may be counted in different units."""


class HeldBack(NamedTuple):
    """What a filter holds back of an amount."""

    told: Amount
    """What was last reported."""
    now: Amount
    """Where the last change that was held back ended."""


def goes_on(held_back: HeldBack, step: Step) -> bool:
    """Whether a change begins where those held back ended; if not, they are a story of their own."""
    return step.kind is MoveKind.MOVED and held_back.now.amount_raw == step.before.amount_raw


def judge_step(filters: Sequence[Condition | None], difference: Difference | None) -> Judgement:
    """Return whether a change is reported, by any of the filters that it meets: not only if NOT_MET.

    The difference is that to what was told; what can't be measured is reported.
    """
    return Judgement.MET if difference is None else judge_any(filters, difference)


def difference_of(
    told: Amount, step: Step, items: tuple[ItemMove, ...] | None, alone: Difference | None = None
) -> Difference | None:
    """Return by how much an amount differs after a change from what was told; None: it can't be measured.

    That is what is no change, or is counted in two units. `items` are the ids that came and went since it
    was `told`, of a collection: empty if they are the same again. None: unknown. `alone` is the difference
    that the change is by itself, if others came before it.
    """
    if step.kind is MoveKind.LISTED or step.is_redenominated:
        return None
    exchanged: int | None = 0
    if step.is_collection and told.amount_raw == step.after.amount_raw:
        exchanged = None if items is None else sum(max(0, one.after_raw - one.before_raw) for one in items)
    return Difference(step.asset, told, step.after, step.decimals, step.price_usd, exchanged, alone=alone)


def with_transfers(difference: Difference | None, known: Explanation | None) -> Difference | None:
    """Return a difference with those who are at the other end of the change that led to it."""
    if difference is None or known is None or not known.legs:
        return difference
    return difference._replace(
        counterparties=Counterparties(
            senders=frozenset(leg.counterparty for leg in known.legs if leg.amount_raw > 0),
            receivers=frozenset(leg.counterparty for leg in known.legs if leg.amount_raw < 0),
            is_complete=known.outcome is ExplanationOutcome.EXPLAINED,
        )
    )


def is_settled(told: Amount, step: Step, items: tuple[ItemMove, ...] | None) -> bool:
    """Whether nothing is left to report after a change: all is as it was when last told.

    `items` are as in `difference_of`.
    """
    return not told.differs_from(step.after) and not (step.is_collection and items != ())
