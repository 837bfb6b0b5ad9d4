"""Which of the listed transfers explain a change: all that lie between its two readings.

Never some of them because they happen to sum up: each that is listed in between counts, and the rest is said.
Where a reading has no block, it is uncertain by a little which transfers it saw, and only there a cut moves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import accumulate, chain, groupby, product
from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import TransactionHash, Transfer
from bot.domain.observations import Change

EARLIER_BY = timedelta(seconds=120)
"""What was mined so long before the first reading may be missing in it: the source's view may be behind."""

LATER_BY = timedelta(seconds=30)
"""What seems to be mined so long after the second reading may be in it: clocks differ."""


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
    found: dict[_Place, list[Transfer]] = {place: [] for place in _Place}
    for transfer in _once(transfers):
        is_of_account = change.account in {transfer.sender, transfer.receiver}
        if is_of_account and transfer.asset == change.asset and transfer.transaction not in taken:
            found[window.place_of(transfer)].append(transfer)
    if any(_moves(transfer) for transfer in found[_Place.UNKNOWN]):
        return _unknown(WhyUnknown.UNANSWERED, listed_at)
    between = found[_Place.BETWEEN]
    legs = _legs(between, change.account)
    if rest_of(change, legs):
        early, late = (_by_block(found[place], change.account) for place in (_Place.EARLY, _Place.LATE))
        legs = _extended(change, early, legs, late) or legs
    outcome = ExplanationOutcome.NONE_LISTED
    if legs:
        outcome = ExplanationOutcome.PARTLY if rest_of(change, legs) else ExplanationOutcome.EXPLAINED
    return Explanation(
        outcome=outcome,
        legs=tuple(legs),
        left_out=sum(not _moves(transfer) for transfer in between),
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


def _moves(transfer: Transfer) -> bool:
    """Whether a transfer moves anything."""
    return any(moved.amount_raw for moved in transfer.moved)


def _legs(transfers: Iterable[Transfer], account: Address) -> list[Leg]:
    """Return what transfers move into or out of an account."""
    return [leg for transfer in transfers for leg in _legs_of(transfer, account)]


def _legs_of(transfer: Transfer, account: Address) -> Iterator[Leg]:
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


# ---------------------------------------------------------------- where a cut is uncertain


def _by_block(transfers: Iterable[Transfer], account: Address) -> list[list[Leg]]:
    """Return what transfers in order move, block by block: a reading sees all of a block or nothing."""
    blocks = (_legs(group, account) for _, group in groupby(transfers, key=lambda one: one.block))
    return [legs for legs in blocks if legs]


def _extended(
    change: Change, early: Sequence[Sequence[Leg]], between: Sequence[Leg], late: Sequence[Sequence[Leg]]
) -> list[Leg] | None:
    """Return the legs in between and the fewest neighbouring blocks that make the sum exact.

    None: nothing does, or two ways do and nobody can say which one.
    """
    difference = change.after.amount_raw - change.before.amount_raw - _sum(between)
    before = list(accumulate((_sum(block) for block in reversed(early)), initial=0))
    after = list(accumulate((_sum(block) for block in late), initial=0))
    ways: dict[int, list[list[Leg]]] = defaultdict(list)
    for count, further in product(range(len(before)), range(len(after))):
        if before[count] + after[further] == difference:
            legs = [*chain(*early[len(early) - count :]), *between, *chain(*late[:further])]
            if not rest_of(change, legs):
                ways[count + further].append(legs)
    fewest = ways[min(ways)] if ways else []
    return fewest[0] if len(fewest) == 1 else None


def _sum(legs: Iterable[Leg]) -> int:
    return sum(leg.amount_raw for leg in legs)


class _Place(Enum):
    """Where a transfer lies, as seen from the two readings of a change."""

    OUTSIDE = auto()
    EARLY = auto()
    """Shortly before the first reading, which may have missed it."""
    BETWEEN = auto()
    LATE = auto()
    """Shortly after the second reading, which may have seen it."""
    UNKNOWN = auto()


class _Window(NamedTuple):
    """The two readings of a change; each is a block where it is known, or else a time."""

    after_block: int | None
    to_block: int | None
    previous_at: datetime | None
    observed_at: datetime

    @classmethod
    def of(cls, change: Change, previous_at: datetime | None) -> "_Window":
        before, after = change.before.block, change.after.block
        # After a reorganisation the blocks of two readings do not tell which came first.
        if before is not None and after is not None and after <= before:
            before = after = None
        return cls(before, after, previous_at, change.observed_at)

    @property
    def is_approximate(self) -> bool:
        return self.after_block is None or self.to_block is None

    def place_of(self, transfer: Transfer) -> _Place:
        places = {self._seen_from_first(transfer), self._seen_from_second(transfer)}
        for place in (_Place.OUTSIDE, _Place.UNKNOWN, _Place.EARLY, _Place.LATE):
            if place in places:
                return place
        return _Place.BETWEEN

    def _seen_from_first(self, transfer: Transfer) -> _Place:
        if self.after_block is not None:
            return _Place.BETWEEN if transfer.block > self.after_block else _Place.OUTSIDE
        if transfer.at is None or self.previous_at is None:
            return _Place.UNKNOWN
        if transfer.at > self.previous_at:
            return _Place.BETWEEN
        return _Place.EARLY if transfer.at >= self.previous_at - EARLIER_BY else _Place.OUTSIDE

    def _seen_from_second(self, transfer: Transfer) -> _Place:
        if self.to_block is not None:
            return _Place.BETWEEN if transfer.block <= self.to_block else _Place.OUTSIDE
        if transfer.at is None:
            return _Place.UNKNOWN
        if transfer.at <= self.observed_at:
            return _Place.BETWEEN
        return _Place.LATE if transfer.at <= self.observed_at + LATER_BY else _Place.OUTSIDE
