"""Which of the listed transfers explain a change: all that lie between its two readings.

Never some of them because they happen to sum up: each that is listed in between counts, and the rest is said.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import TransactionHash, Transfer
from bot.domain.observations import Change

EARLIER_BY = timedelta(seconds=120)
"""The amount before may have been so old when it was read: the source's view of a chain is behind."""

LATER_BY = timedelta(seconds=30)
"""A block may say so much more than the clock showed when the amount after was read."""


def explain(
    change: Change,
    transfers: Iterable[Transfer],
    *,
    previous_at: datetime | None,
    is_complete: bool,
    taken: Collection[TransactionHash],
    listed_at: datetime,
) -> Explanation:
    """Return what a list of transfers says about a change.

    The list may hold transfers of other accounts and assets, in any order, and any of them more than once.
    `previous_at` is when the amount before was last seen, None: nobody knows. `taken` are the transactions
    that explain other changes of the same balance: no reading lies in the middle of one. A list that is not
    complete explains nothing, even where it happens to sum up: what is missing may cancel itself out.
    """
    if not is_complete:
        return _unknown(WhyUnknown.CUT, listed_at)
    window = _Window.of(change, previous_at)
    legs: list[Leg] = []
    left_out = 0
    for transfer in _once(transfers):
        is_of_change = transfer.asset == change.asset and change.account in {
            transfer.sender,
            transfer.receiver,
        }
        is_inside = is_of_change and transfer.transaction not in taken and window.holds(transfer)
        of_transfer = list(_legs(transfer, change.account))
        if is_inside is None and of_transfer:
            return _unknown(WhyUnknown.UNANSWERED, listed_at)
        if is_inside:
            legs += of_transfer
            left_out += not of_transfer
    outcome = ExplanationOutcome.NONE_LISTED
    if legs:
        outcome = ExplanationOutcome.PARTLY if rest_of(change, legs) else ExplanationOutcome.EXPLAINED
    return Explanation(
        outcome=outcome,
        legs=tuple(legs),
        left_out=left_out,
        is_approximate=window.is_approximate,
        listed_at=listed_at,
    )


def rest_of(change: Change, legs: Iterable[Leg]) -> dict[int | None, int]:
    """Return how much of a change these do not explain, signed and without zeros; empty: they explain it all.

    By token id where the ids are known on both sides, else under None.
    """
    legs = tuple(legs)
    total = change.after.amount_raw - change.before.amount_raw
    rest: dict[int | None, int] = {one.token_id: one.after_raw - one.before_raw for one in change.items}
    is_by_id = bool(rest) and sum(rest.values()) == total and all(leg.token_id is not None for leg in legs)
    if not is_by_id:
        rest = {None: total}
    for leg in legs:
        key = leg.token_id if is_by_id else None
        rest[key] = rest.get(key, 0) - leg.amount_raw
    return {key: amount for key, amount in rest.items() if amount}


def _unknown(why: WhyUnknown, listed_at: datetime) -> Explanation:
    return Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=why, listed_at=listed_at)


def _once(transfers: Iterable[Transfer]) -> list[Transfer]:
    """Return each transfer once, in the order of blocks and logs, whatever order it was listed in."""
    # One that was mined anew after a reorganisation counts where it is now; one with its time, by that.
    by_age = sorted(transfers, key=lambda one: (one.block, one.at is not None, str(one.at)))
    unique = {(*_position(one), one.asset): one for one in by_age}
    return sorted(unique.values(), key=lambda one: (one.block, *_position(one)))


def _position(transfer: Transfer) -> tuple[int, str, str, str, str]:
    log_index = -1 if transfer.log_index is None else transfer.log_index
    return log_index, transfer.transaction, transfer.sender, transfer.receiver, str(transfer.moved)


def _legs(transfer: Transfer, account: Address) -> Iterator[Leg]:
    """Yield what a transfer moves into or out of an account; nothing where it moves nothing."""
    direction = (transfer.receiver == account) - (transfer.sender == account)
    for moved in transfer.moved:
        if moved.amount_raw:
            yield Leg(
                counterparty=transfer.sender if direction > 0 else transfer.receiver,
                amount_raw=direction * moved.amount_raw,
                token_id=moved.token_id,
                transaction=transfer.transaction,
                log_index=transfer.log_index,
                block=transfer.block,
                at=transfer.at,
            )


class _Window(NamedTuple):
    """Between which moments a change happened; each end is a block where it is known, or else a time."""

    after_block: int | None
    to_block: int | None
    since: datetime | None
    until: datetime

    @classmethod
    def of(cls, change: Change, previous_at: datetime | None) -> "_Window":
        before, after = change.before.block, change.after.block
        # After a reorganisation the blocks of two readings do not tell which came first.
        if before is not None and after is not None and after <= before:
            before = after = None
        since = None if previous_at is None else previous_at - EARLIER_BY
        return cls(before, after, since, change.observed_at + LATER_BY)

    @property
    def is_approximate(self) -> bool:
        return self.after_block is None or self.to_block is None

    def holds(self, transfer: Transfer) -> bool | None:
        """Whether a transfer lies in it; None: nobody can say."""
        begun = self._has_begun(transfer)
        ended = self._has_ended(transfer)
        if begun is False or ended:
            return False
        return None if begun is None or ended is None else True

    def _has_begun(self, transfer: Transfer) -> bool | None:
        if self.after_block is not None:
            return transfer.block > self.after_block
        return None if transfer.at is None or self.since is None else transfer.at >= self.since

    def _has_ended(self, transfer: Transfer) -> bool | None:
        if self.to_block is not None:
            return transfer.block > self.to_block
        return None if transfer.at is None else transfer.at > self.until
