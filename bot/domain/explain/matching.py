"""Which of the listed transfers explain a change: all that lie between its two readings.

Never some of them because they happen to sum up: each that is listed in between counts, and the rest is said.
Where a reading has no block, it is uncertain by a little which transfers it saw, and only there a cut moves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, chain, groupby
from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import TransactionHash, Transfer
from bot.domain.observations import Change

EARLIER_BY = timedelta(seconds=120)
"""A reading may lack what was mined so long before it: the source's view may be behind."""

LATER_BY = timedelta(seconds=30)
"""A reading may have what seems to be mined so long after it: clocks differ."""


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
    first, second = _readings(change, previous_at)
    blocks = []
    for block in _blocks(change, transfers, taken):
        was_seen, is_seen = first.saw(block), second.saw(block)
        if not (was_seen and first.is_certain_of(block)) and (is_seen or not second.is_certain_of(block)):
            if block.legs and (was_seen is None or is_seen is None):
                return _unknown(WhyUnknown.UNANSWERED, listed_at)
            blocks.append(block)
    legs = _legs_between(change, blocks, first, second)
    if legs is None:
        return _unknown(WhyUnknown.AMBIGUOUS, listed_at)
    outcome = ExplanationOutcome.NONE_LISTED
    if legs:
        outcome = ExplanationOutcome.PARTLY if rest_of(change, legs) else ExplanationOutcome.EXPLAINED
    return Explanation(
        outcome=outcome,
        legs=tuple(legs),
        left_out=sum(block.left_out for block in blocks if second.saw(block) and not first.saw(block)),
        is_approximate=first.block is None or second.block is None,
        listed_at=listed_at,
    )


def plainly_between(
    change: Change,
    transfers: Iterable[Transfer],
    *,
    previous_at: datetime | None,
    taken: Collection[TransactionHash],
) -> frozenset[TransactionHash]:
    """Return the transactions that explain all of a change without a doubt about what its readings saw.

    None where those between the readings, as far as their blocks and times tell, sum up to something else.
    """
    first, second = _readings(change, previous_at)
    blocks = _blocks(change, transfers, taken)
    legs = _legs_of(block for block in blocks if second.saw(block) and first.saw(block) is False)
    return frozenset() if rest_of(change, legs) else frozenset(leg.transaction for leg in legs)


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


# ---------------------------------------------------------------- what the two readings saw


class _Block(NamedTuple):
    """What moved into and out of an account in a block; a reading sees all of it or nothing."""

    number: int
    at: datetime | None
    legs: tuple[Leg, ...]
    left_out: int
    """Transfers of nothing."""


class _ReadingCut(NamedTuple):
    """A reading of a balance: what it saw is known by its block, or else by its time, within margins."""

    block: int | None
    at: datetime | None

    def saw(self, block: _Block) -> bool | None:
        """Whether it saw a block, as far as is known; None: nobody can say."""
        if self.block is not None:
            return block.number <= self.block
        return None if block.at is None or self.at is None else block.at <= self.at

    def is_certain_of(self, block: _Block) -> bool:
        """Whether it is beyond doubt that it saw a block, or that it did not."""
        if self.block is not None:
            return True
        if block.at is None or self.at is None:
            return False
        return not -EARLIER_BY <= block.at - self.at <= LATER_BY


def _readings(change: Change, previous_at: datetime | None) -> tuple[_ReadingCut, _ReadingCut]:
    before, after = change.before.block, change.after.block
    # After a reorganisation the blocks of two readings do not tell which came first.
    if before is not None and after is not None and after <= before:
        before = after = None
    return _ReadingCut(before, previous_at), _ReadingCut(after, change.observed_at)


def _blocks(
    change: Change, transfers: Iterable[Transfer], taken: Collection[TransactionHash]
) -> Iterator[_Block]:
    """Yield the blocks that may concern a change, in order."""
    # Before each is kept once: a list may be long, and of hundreds of changes.
    concerned = [
        one
        for one in transfers
        if change.account in {one.sender, one.receiver}
        and one.asset == change.asset
        and one.transaction not in taken
    ]
    for number, group in groupby(_once(concerned), key=lambda one: one.block):
        of_block = list(group)
        legs = [tuple(_legs(one, change.account)) for one in of_block]
        yield _Block(
            number=number,
            at=next((one.at for one in of_block if one.at is not None), None),
            legs=tuple(chain(*legs)),
            left_out=sum(not some for some in legs),
        )


def _legs_between(
    change: Change, blocks: Sequence[_Block], first: _ReadingCut, second: _ReadingCut
) -> list[Leg] | None:
    """Return what moved between two readings: the run of blocks that sums up, with the least doubt.

    Where none does, or two with as much doubt do, it is what seems to lie between. None: such runs lead to
    different people, and which one was read nobody can say.
    """
    start, end = (sum(bool(one.saw(block)) for block in blocks) for one in (first, second))
    is_new = [not first.saw(block) and first.is_certain_of(block) for block in blocks]
    is_old = [bool(second.saw(block)) and second.is_certain_of(block) for block in blocks]
    latest_start = is_new.index(True) if any(is_new) else len(blocks)
    earliest_end = len(blocks) - is_old[::-1].index(True) if any(is_old) else 0
    totals = list(accumulate((sum(leg.amount_raw for leg in block.legs) for block in blocks), initial=0))
    difference = change.after.amount_raw - change.before.amount_raw
    ways: dict[int, list[list[Leg]]] = defaultdict(list)
    for begin in range(latest_start + 1):
        for stop in range(max(begin, earliest_end), len(blocks) + 1):
            if totals[stop] - totals[begin] == difference:
                legs = _legs_of(blocks[begin:stop])
                if not rest_of(change, legs):
                    ways[abs(begin - start) + abs(stop - end)].append(legs)
    if len({frozenset(leg.counterparty for leg in legs) for legs in chain.from_iterable(ways.values())}) > 1:
        return None
    best = ways[min(ways)] if ways else []
    return best[0] if len(best) == 1 else _legs_of(blocks[start:end])


def _legs_of(blocks: Iterable[_Block]) -> list[Leg]:
    return [leg for block in blocks for leg in block.legs]
