"""Transfers between two accounts of one destination: money that changed pockets, and nothing more."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bot.domain.assets import Address, Asset
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.explain.transfers import TransactionHash


class ExplainedChange(NamedTuple):
    """What is known of the transfers behind a change, and whose and of what the change is."""

    account: Address
    asset: Asset
    explanation: Explanation


class Passage(NamedTuple):
    """What a transfer moves of one thing, the same seen from either end."""

    asset: Asset
    transaction: TransactionHash
    log_index: int | None
    sender: Address
    receiver: Address
    amount_raw: int
    token_id: int | None


def within_accounts(changes: Iterable[ExplainedChange]) -> frozenset[Passage]:
    """Return what moved between the accounts of these changes, as it explains both of its ends exactly.

    Changes of which less than all is explained say nothing here, and bridges are two transfers, not one.
    """
    ends = {(passage, change.account) for change in changes for _, passage in _passages(change)}
    return frozenset(
        passage
        for passage, account in ends
        if account == passage.sender and (passage, passage.receiver) in ends
    )


def is_within(change: ExplainedChange, within: Collection[Passage]) -> bool:
    """Whether all of a change moved between those accounts."""
    passages = [passage for _, passage in _passages(change)]
    return bool(passages) and all(passage in within for passage in passages)


def amount_within(change: ExplainedChange, within: Collection[Passage]) -> int:
    """Return how much of a change moved between those accounts, signed as the change is."""
    return sum(leg.amount_raw for leg, passage in _passages(change) if passage in within)


def _passages(change: ExplainedChange) -> Iterator[tuple[Leg, Passage]]:
    """Yield what moved, if it explains all of a change; what an account pays itself moves nothing."""
    if change.explanation.outcome is not ExplanationOutcome.EXPLAINED:
        return
    for leg in change.explanation.legs:
        if leg.amount_raw:
            ends = (leg.counterparty, change.account)
            sender, receiver = ends if leg.amount_raw > 0 else reversed(ends)
            yield (
                leg,
                Passage(
                    asset=change.asset,
                    transaction=leg.transaction,
                    log_index=leg.log_index,
                    sender=sender,
                    receiver=receiver,
                    amount_raw=abs(leg.amount_raw),
                    token_id=leg.token_id,
                ),
            )
