"""What was really paid in a world, and what may be said of a change because of it.

Simple, and without a line of the bot's own: both cannot be wrong in the same way. The laws hold whatever
the source's history does, short of inventing transfers:

- Each leg of an explanation was paid, to or by that account, and no payment is a leg of two changes of one
  balance.
- Legs lie between the block of the amount before and that of the amount after, or where one is not known,
  about as late as the two readings.
- What is said to explain a change is all that was paid in between: from the amount before, payment by
  payment, to the amount after.
- What is said to explain a part of it sums up to something else, and nothing is said to be listed where
  nothing is.
- Payments of nothing, of other contracts and of other accounts explain nothing.
- While the source's history is whole and answers, every change that payments make is explained.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.simulation.ledger import Cell

NOBODY = "0x" + "0" * 40
"""Pays what is minted, and is paid what is burnt."""

EARLY, LATE = timedelta(seconds=120), timedelta(seconds=30)
"""How far off what is found by time may be: a node and an index have clocks of their own."""


class Payment(NamedTuple):
    """So much that goes from one to the other."""

    chain_id: int
    contract: str
    """"" is the native coin."""
    sender: str
    receiver: str
    amount: int
    token_id: int | None
    block: int
    at: datetime


class Side(NamedTuple):
    """A payment as the account sees it on whose balance it tells."""

    block: int
    counterparty: str
    token_id: int | None
    amount: int
    """Below zero where it was paid by the account; 0 where it paid itself."""


class Paid(NamedTuple):
    """A side, when it was paid, and what of all ids the account had then."""

    side: Side
    at: datetime
    total: int


class Explained(NamedTuple):
    """What the bot says of one change."""

    number: int
    cell: Cell
    is_listing: bool
    before: int
    after: int
    items: tuple[tuple[int, int], ...]
    """By how much each id of a collection changed; empty if unknown."""
    block_before: int | None
    block_after: int | None
    previous_at: datetime | None
    observed_at: datetime
    outcome: str
    """explained, partly, none, unknown; "" where nothing is stored."""
    reason: str
    is_approximate: bool
    sides: tuple[Side, ...]
    transactions: tuple[str, ...]


@dataclass
class PaymentLedger:
    """All that was paid in one world, and which of it has explained something."""

    of_cell: dict[Cell, list[Paid]] = field(default_factory=lambda: defaultdict(list))
    unpaid: set[Cell] = field(default_factory=set)
    """Amounts that have changed without a payment: nothing can be counted from one to the next."""
    said: dict[int, Explained] = field(default_factory=dict)
    """What was said last of each change."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each was said, of all changes."""

    def pays(self, one: Payment) -> None:
        """Note a payment; of nothing, it moves nothing and explains nothing."""
        payer = Cell(one.sender, one.chain_id, one.contract)
        if one.amount and one.sender == one.receiver:
            self._note(payer, Side(one.block, one.sender, one.token_id, 0), one.at)
        elif one.amount:
            self._note(payer, Side(one.block, one.receiver, one.token_id, -one.amount), one.at)
            paid = payer._replace(account=one.receiver)
            self._note(paid, Side(one.block, one.sender, one.token_id, one.amount), one.at)

    def drifts(self, cell: Cell) -> None:
        """Note that an amount changed without a payment."""
        self.unpaid.add(cell)

    def _note(self, cell: Cell, side: Side, at: datetime) -> None:
        paid = self.of_cell[cell]
        paid.append(Paid(side, at, (paid[-1].total if paid else 0) + side.amount))

    # ------------------------------------------------------------ what is said

    def hears(self, one: Explained) -> None:
        """Check what is said of a change, in place of what was said of it before."""
        self.said[one.number] = one
        self.outcomes[one.outcome] += 1
        sides, known = Counter(one.sides), Counter(paid.side for paid in self._paid(one))
        assert sides <= known, f"never paid: {sides - known} of {one}"
        self._check_that_none_explains_twice(one)
        self._check_the_window(one)
        match one.outcome:
            case "explained":
                assert _adds_up(one), f"does not add up: {one}"
                self._check_that_all_is_there(one)
            case "partly":
                assert one.sides, f"partly explained by nothing: {one}"
                assert not _adds_up(one), f"the parts are the whole: {one}"
                ways = [] if one.cell in self.unpaid else self._ways(one)
                assert not ways or any(sides <= way for way in ways), f"more than was paid: {one}, {ways}"
            case "none":
                assert not one.sides, f"none are listed, and these are: {one}"
            case "unknown":
                assert not one.sides, f"nothing is known, and this is: {one}"
                assert one.reason, f"unknown for no reason: {one}"
                assert one.reason != "ambiguous" or self._fits_others(one), f"who else could it be: {one}"
        if one.outcome != "unknown":
            assert not one.reason, f"a reason for what is known: {one}"
        assert len(set(one.transactions)) == len({side.block for side in one.sides}), (
            f"a block has one transaction here: {one}"
        )

    def check_that_all_is_explained(self, changes: Iterable[int]) -> None:
        """Check that nothing is left open of changes that payments explain: all of these were listed."""
        for one in filter(None, map(self.said.get, changes)):
            is_paid = not one.is_listing and one.cell not in self.unpaid and any(self._ways(one))
            is_explained = one.outcome == "explained" or one.reason == "ambiguous"
            assert not is_paid or is_explained, f"paid, and not explained: {one}"

    def changed_pockets(self, accounts: Collection[str], cell: Cell, amount: int) -> bool:
        """Return whether payments among some accounts, one after the other, come to so much for one."""
        total, totals = 0, {0}
        for paid in self.of_cell[cell]:
            if paid.side.counterparty in accounts:
                total += paid.side.amount
                if total - amount in totals:
                    return True
                totals.add(total)
            else:
                total, totals = 0, {0}
        return False

    def check_that_it_adds_up(self, held: Mapping[Cell, Sequence[int]]) -> None:
        """Check this ledger itself: what everybody holds is what was paid."""
        for cell, paid in self.of_cell.items():
            if cell in held and cell not in self.unpaid:
                assert paid[-1].total == held[cell][-1], f"{cell} holds {held[cell]}, and was paid {paid}"

    def _paid(self, one: Explained) -> list[Paid]:
        """Return what was paid, without ids where the source listed none, and nobody could know them."""
        paid = self.of_cell[one.cell]
        if all(side.token_id is not None for side in one.sides):
            return paid
        return [each._replace(side=each.side._replace(token_id=None)) for each in paid]

    def _check_that_none_explains_twice(self, one: Explained) -> None:
        used, known = Counter[Side](), Counter(_without_id(paid.side) for paid in self.of_cell[one.cell])
        for other in self.said.values():
            if other.cell == one.cell:
                used.update(map(_without_id, other.sides))
        assert used <= known, f"explains two changes: {used - known}, one of them {one}"

    def _check_the_window(self, one: Explained) -> None:
        is_exact = None not in _blocks(one)
        assert one.is_approximate is not is_exact or not one.sides, f"is it approximate? {one}"
        inside = {paid.side for paid in self._paid(one) if self._is_in_window(one, paid)}
        assert set(one.sides) <= inside, f"not in between: {set(one.sides) - inside} of {one}"

    def _check_that_all_is_there(self, one: Explained) -> None:
        """Check that the sides lead from the amount before to the amount after, and leave nothing out."""
        if one.cell in self.unpaid:
            return
        assert Counter(one.sides) in self._ways(one), (
            f"not what was paid from {one.before} to {one.after}: {one}, but {self.of_cell[one.cell]}"
        )
        if None not in _blocks(one):
            between = Counter(self._between(one))
            assert Counter(one.sides) == between, f"left out: {between - Counter(one.sides)} of {one}"

    def _ways(self, one: Explained) -> list[Counter[Side]]:
        """Return each row of payments in the window that leads from one amount to the other."""
        paid = [each for each in self._paid(one) if self._is_in_window(one, each)]
        totals = [paid[0].total - paid[0].side.amount] if paid else []
        totals += [each.total for each in paid]
        return [
            Counter(each.side for each in paid[first:last])
            for first in range(len(paid))
            for last in range(first + 1, len(totals))
            if (totals[first], totals[last]) == (one.before, one.after)
        ]

    def _fits_others(self, one: Explained) -> bool:
        """Whether payments by different people come to as much, for who knows the difference alone."""
        paid = [each.side for each in self._paid(one) if self._is_in_window(one, each)]
        people = {
            frozenset(side.counterparty for side in paid[first:last])
            for first in range(len(paid))
            for last in range(first + 1, len(paid) + 1)
            if sum(side.amount for side in paid[first:last]) == one.after - one.before
        }
        return len(people) > 1

    def _is_in_window(self, one: Explained, paid: Paid) -> bool:
        """Whether a payment lies between the two readings of a change, by blocks or else by time."""
        after, until = _blocks(one)
        since = one.previous_at and one.previous_at - EARLY
        is_after = paid.side.block > after if after is not None else since is None or paid.at >= since
        is_until = paid.side.block <= until if until is not None else paid.at <= one.observed_at + LATE
        return is_after and is_until

    def _between(self, one: Explained) -> list[Side]:
        """Return what was paid between the two blocks; nothing where one is not known."""
        if None in _blocks(one):
            return []
        return [paid.side for paid in self._paid(one) if self._is_in_window(one, paid)]


def _blocks(one: Explained) -> tuple[int | None, int | None]:
    """Return between which blocks a change lies; an older one after a newer one says nothing."""
    before, after = one.block_before, one.block_after
    return (None, None) if before is not None and after is not None and after <= before else (before, after)


def _without_id(side: Side) -> Side:
    return side._replace(token_id=None)


def _adds_up(one: Explained) -> bool:
    """Whether the sides are as much as the change, each id by itself where the ids are known."""
    if sum(side.amount for side in one.sides) != one.after - one.before:
        return False
    by_id = Counter[int | None]()
    for side in one.sides:
        by_id[side.token_id] += side.amount
    items: dict[int | None, int] = dict(one.items)
    return not items or None in by_id or all(by_id[item] == items.get(item, 0) for item in {*by_id, *items})
