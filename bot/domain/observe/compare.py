"""What new readings say about what is stored.

Decides only: someone else fetched the answers, someone else will store the
verdicts. Four rules carry everything here: absence means something only
inside an observed part; a first observation is a baseline; what is missing
from a list is a question to ask by name, not a zero; and what contradicts
newer knowledge is held until other readings agree.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from bot.domain.assets import NATIVE, NATIVE_PART, NOTHING, Address, Amount, Asset, ChainId, Part
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Hold, Move, MoveKind, Reading, Standing, Verdict, View
from bot.domain.observe.plan import Wanted
from bot.domain.questions import Answer, Question

Answered = tuple[Question, Answer]


def readings(wanted: Mapping[Address, Wanted], answered: Iterable[Answered]) -> Iterator[Reading]:
    """Merge the answers about a group of accounts into one reading of each account on each wanted chain.

    Rows nobody asked for are left out; a question without an answer leaves its parts unknown.
    """
    pairs = tuple(answered)
    for account, one in wanted.items():
        for chain_id in sorted(one.chains()):
            reading = Reading(account, chain_id)
            for question, answer in pairs:
                if account in question.accounts and _asks(question, chain_id):
                    reading = _merged(reading, question, answer, one)
            yield reading


def with_named(reading: Reading, question: Question, answer: Answer, contracts: Iterable[Address]) -> Reading:
    """Add what a narrow answer says of these contracts: an amount, or nothing; unknown adds nothing."""
    account, chain_id = reading.account, reading.chain_id
    asked = [contract for contract in contracts if contract in question.contracts]
    if not asked or not _tokens_known(question, answer, account, chain_id):
        return reading
    seen = answer.tokens[chain_id].get(account, {})
    added = {Asset(chain_id, contract): seen.get(contract, NOTHING) for contract in asked}
    return replace(reading, named={**reading.named, **added})


READINGS_FOR_OLDER = 3
"""Readings in a row that make an older block, or what is only now listed, believed.

A reorganisation stays; a replica that lags goes away.
"""

READINGS_FOR_RETURN = 2
"""Readings in a row that make a return to what was held before the last change believed, where no block
tells which of the two is newer."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

REBASING_STEPS = 100
"""What rebases is told when it has moved by one of so many parts of what was last told."""


def compare(
    view: View,
    reading: Reading,
    *,
    wanted: frozenset[Part],
    status: Part,
    known_block: int | None = None,
    collections: frozenset[Asset] = frozenset(),
    observed_at: datetime = LONG_AGO,
) -> Verdict:
    """Return what moved, what went missing and what is to be stored of one account on one chain.

    `wanted` are the parts people asked for. `known_block` is the highest block
    known on the chain when the account was last read: what appears with an
    older one, or with none, was there before and is only now listed. Where
    broad and narrow show the same asset, narrow wins. `collections` are those
    whose items may be exchanged without another amount: their block counts too.
    What changes by itself may change by more the longer ago it was `observed_at` last.
    """
    covered = wanted & view.coverage.keys()
    is_behind = _is_behind(view, reading)
    moves: list[Move] = []
    missing: list[Asset] = []
    balances: dict[Asset, Balance | None] = {}
    holds: dict[Asset, Hold | None] = {}
    believed: list[_Sighting] = []
    for asset in _assets(view, reading):
        stored = view.balances.get(asset)
        seen = _seen(reading, asset)
        if seen is None:
            if _is_absent(asset, stored, reading, covered, status):
                if stored is not None:
                    missing.append(asset)
                elif asset in view.holds:
                    holds[asset] = None
            continue
        listed = asset.contract == NATIVE or (reading.listed is not None and asset in reading.listed)
        through = _through(asset, stored, covered, status, listed=listed)
        sighting = _Sighting(asset, stored, seen, listed, through, asset in collections, is_behind)
        hold = _held_on(sighting, view, status, known_block)
        if hold is not None or asset in view.holds:
            holds[asset] = hold
        if hold is not None:
            continue
        believed.append(sighting)
        is_interest = _is_interest(sighting, view, observed_at)
        move = None if is_interest else _move(sighting, status, known_block)
        if move is not None:
            moves.append(move)
        after = _after(sighting, reading, is_told=move is not None)
        if _has_to_be_stored(stored, after, by_block=sighting.is_collection):
            balances[asset] = after
    observed = wanted & _observed(reading, status) - (covered & _half_seen(view, reading, missing, status))
    return Verdict(
        account=reading.account,
        chain_id=reading.chain_id,
        first_seen=frozenset(observed - covered),
        seen_again=frozenset(part for part in observed & covered if view.coverage[part] is not None),
        still_unknown=frozenset(covered - observed),
        never_seen=frozenset(wanted - covered - observed),
        moves=tuple(moves),
        missing=tuple(missing),
        balances=balances,
        holds=holds,
        drifts=dict(_drifts(believed, view, observed_at)),
        drifted=frozenset(one.asset for one in believed if one.has_drifted) - view.drifting,
    )


class _Sighting(NamedTuple):
    """One asset that a reading speaks of, beside what is stored of it."""

    asset: Asset
    stored: Balance | None
    seen: Amount
    listed: bool
    through: frozenset[Part]
    """The covered parts it belongs to."""
    is_collection: bool
    is_behind: bool
    """Whether the reading it is part of knows less than what is stored."""

    @property
    def differs(self) -> bool:
        """Whether it is not what is stored; items may be exchanged for as many others."""
        if self.stored is None or self.seen.differs_from(self.stored.amount):
            return True
        return self.is_collection and (self.seen.block or 0) > (self.stored.amount.block or 0) > 0

    @property
    def moved_raw(self) -> int:
        """How much more there is than is stored."""
        return self.seen.amount_raw - (0 if self.stored is None else self.stored.amount.amount_raw)

    @property
    def is_of_another_block(self) -> bool:
        """Whether something happened to it since the stored block, or that was taken back."""
        stored = None if self.stored is None else self.stored.amount.block
        return stored is not None and self.seen.block not in (None, stored)

    @property
    def has_drifted(self) -> bool:
        """Whether the amount moved while its block stood still; without a block nobody knows."""
        is_same_block = self.stored is not None and self.seen.block == self.stored.amount.block is not None
        return is_same_block and bool(self.moved_raw and self.seen.amount_raw) and not self.is_collection

    @property
    def last_alerted_raw(self) -> int:
        """The amount that people know."""
        if self.stored is None:
            return 0
        return (
            self.stored.amount.amount_raw
            if self.stored.last_alerted_raw is None
            else self.stored.last_alerted_raw
        )

    @property
    def before_raw(self) -> int:
        """The amount that people know, or the stored one where interest would hide which way it moved."""
        if self.stored is None or (self.seen.amount_raw - self.last_alerted_raw) * self.moved_raw > 0:
            return self.last_alerted_raw
        return self.stored.amount.amount_raw


def _asks(question: Question, chain_id: ChainId) -> bool:
    return not question.chain_ids or chain_id in question.chain_ids


def _merged(reading: Reading, question: Question, answer: Answer, wanted: Wanted) -> Reading:
    chain_id = reading.chain_id
    if question.contracts:
        here = [contract for contract, chains in wanted.named.items() if chain_id in chains]
        return with_named(reading, question, answer, here)
    if chain_id not in wanted.broad:
        return reading
    native = answer.natives.get(chain_id, {}).get(reading.account)
    listed = None
    if _tokens_known(question, answer, reading.account, chain_id):
        tokens = answer.tokens[chain_id].get(reading.account, {})
        listed = {Asset(chain_id, contract): holding for contract, holding in tokens.items()}
    return replace(reading, native=native, listed=listed)


def _tokens_known(question: Question, answer: Answer, account: Address, chain_id: ChainId) -> bool:
    return (
        account in question.accounts
        and chain_id in answer.tokens
        and (chain_id, account) not in answer.doubtful
    )


def _observed(reading: Reading, status: Part) -> frozenset[Part]:
    parts = {asset.part for asset in reading.named}
    if reading.native is not None:
        parts.add(NATIVE_PART)
    if reading.listed is not None:
        parts.add(status)
    return frozenset(parts)


def _is_behind(view: View, reading: Reading) -> bool:
    """Whether a token shows an older block than is stored: what is absent may only be not there yet."""
    for asset, balance in view.balances.items():
        seen = _seen(reading, asset)
        if seen is not None and seen.block is not None and seen.block < (balance.amount.block or 0):
            return True
    return False


def _half_seen(view: View, reading: Reading, missing: list[Asset], status: Part) -> frozenset[Part]:
    """Return the list where something that stands or stood in it gave no answer by name."""
    unanswered = missing or any(
        balance.standing is Standing.UNLISTED and _seen(reading, asset) is None
        for asset, balance in view.balances.items()
    )
    return frozenset({status} if unanswered else ())


def _assets(view: View, reading: Reading) -> list[Asset]:
    native = {Asset(reading.chain_id, NATIVE)} if reading.native is not None else set()
    known = native | view.balances.keys() | view.holds.keys()
    return sorted(known | reading.named.keys() | (reading.listed or {}).keys())


def _seen(reading: Reading, asset: Asset) -> Amount | None:
    """Return what the reading says of the asset; None: nothing, which is not zero."""
    if asset.contract == NATIVE:
        return reading.native
    if asset in reading.named:
        return reading.named[asset]
    return reading.listed.get(asset) if reading.listed is not None else None


def _is_absent(
    asset: Asset, stored: Balance | None, reading: Reading, covered: frozenset[Part], status: Part
) -> bool:
    """Whether a list lacks what stood in it; natives stand in no list and have no name to ask by."""
    if asset.contract == NATIVE or (stored is not None and stored.standing is not Standing.LISTED):
        return False
    return reading.listed is not None and status in covered


def _through(
    asset: Asset, stored: Balance | None, covered: frozenset[Part], status: Part, *, listed: bool
) -> frozenset[Part]:
    if asset.contract == NATIVE:
        return covered & {NATIVE_PART}
    was_listed = stored is not None and stored.standing is not Standing.NAMED
    return covered & ({asset.part, status} if listed or was_listed else {asset.part})


def _standing(sighting: _Sighting, reading: Reading) -> Standing:
    if sighting.listed:
        return Standing.LISTED
    if sighting.stored is None or sighting.stored.standing is Standing.NAMED:
        return Standing.NAMED
    return sighting.stored.standing if reading.listed is None else Standing.UNLISTED


def _held_on(sighting: _Sighting, view: View, status: Part, known_block: int | None) -> Hold | None:
    """Return what is to be held for now; None: the sighting is believed."""
    needed = _readings_needed(sighting, view.previous.get(sighting.asset), status, known_block)
    if needed == 1:
        return None
    held = view.holds.get(sighting.asset)
    agrees = held is not None and not sighting.seen.differs_from(held.amount)
    times = held.times + 1 if held is not None and agrees else 1
    return Hold(sighting.seen, times) if times < needed else None


def _readings_needed(
    sighting: _Sighting, previous: Amount | None, status: Part, known_block: int | None
) -> int:
    """Return how many readings in a row have to say what this one says before it is believed."""
    asset, stored, seen, _, through, *_ = sighting
    if not through or not seen.differs_from(NOTHING if stored is None else stored.amount):
        return 1
    if stored is None and not _is_gain(seen, known_block) and (through == {status} or seen.block is not None):
        return READINGS_FOR_OLDER
    if sighting.is_behind and asset.contract and seen == NOTHING:
        return READINGS_FOR_OLDER
    if stored is not None and seen.block is not None and seen.block < (stored.amount.block or 0):
        return READINGS_FOR_OLDER
    if seen.block is None and previous is not None and not seen.differs_from(previous):
        return READINGS_FOR_RETURN
    return 1


def _move(sighting: _Sighting, status: Part, known_block: int | None) -> Move | None:
    asset, stored, seen, listed, through, *_ = sighting
    if stored is not None and not sighting.differs:
        newly_listed = listed and stored.standing is Standing.NAMED and status in through
        return Move(asset, NOTHING, seen, frozenset({status}), MoveKind.LISTED) if newly_listed else None
    if not through or (stored is None and not seen.amount_raw):
        return None
    if stored is None and through == {status} and not _is_gain(seen, known_block):
        return Move(asset, NOTHING, seen, through, MoveKind.LISTED)
    before = NOTHING if stored is None else stored.amount._replace(amount_raw=sighting.before_raw)
    return Move(asset, before, seen, through)


def _is_gain(seen: Amount, known_block: int | None) -> bool:
    return seen.block is not None and (known_block is None or seen.block > known_block)


def _rebases(sighting: _Sighting, view: View) -> bool:
    """Whether it is known to change by itself, or shows it now for the second time."""
    asset = sighting.asset
    return asset in view.rebasing or (asset in view.drifted and sighting.has_drifted)


def _is_interest(sighting: _Sighting, view: View, at: datetime) -> bool:
    """Whether an amount that changes by itself has changed too little to be told, and nobody moved it."""
    told, seen, moved = sighting.last_alerted_raw, sighting.seen.amount_raw, abs(sighting.moved_raw)
    is_within_a_step = bool(told and seen and moved) and abs(seen - told) * REBASING_STEPS < told
    if not is_within_a_step or not _rebases(sighting, view) or _is_transfer(sighting, view):
        return False
    drift = view.drifts.get(sighting.asset)
    return drift is None or not drift.is_exceeded_by(moved, at)


def _is_transfer(sighting: _Sighting, view: View) -> bool:
    """Whether its block says that somebody moved it.

    Interest may come with a block, but takes nothing away; where it was seen to come without one, only
    transfers have blocks.
    """
    is_less = sighting.moved_raw < 0
    return sighting.is_of_another_block and (is_less or sighting.asset in view.drifting)


def _drifts(sightings: Iterable[_Sighting], view: View, at: datetime) -> Iterator[tuple[Asset, Drift]]:
    """Yield how what rebases moves by itself, once it moved that way."""
    for one in sightings:
        stored, seen, moved = one.stored, one.seen.amount_raw, abs(one.moved_raw)
        if stored is None or not (moved and seen and _rebases(one, view)):
            continue
        known = view.drifts.get(one.asset)
        if known is not None:
            known = known.of_another_amount(stored.amount.amount_raw, seen)
        if not _is_transfer(one, view):
            known = Drift.first(moved, at) if known is None else known.and_also(moved, at)
        if known is not None:
            yield one.asset, known


def _after(sighting: _Sighting, reading: Reading, *, is_told: bool) -> Balance | None:
    """Return what is to be stored of a sighting; ids that nobody counted this time are not forgotten."""
    stored, seen = sighting.stored, sighting.seen
    if not seen.amount_raw:
        return None
    if stored is not None and seen.uniques is None and not seen.differs_from(stored.amount):
        seen = seen._replace(uniques=stored.amount.uniques)
    told = seen.amount_raw if is_told or stored is None or not sighting.through else sighting.last_alerted_raw
    return Balance(seen, _standing(sighting, reading), None if told == seen.amount_raw else told)


def _has_to_be_stored(stored: Balance | None, after: Balance | None, *, by_block: bool) -> bool:
    """Whether the stored row would differ.

    A block alone is not worth a write, the next change brings it; of collections it is compared.
    """
    if stored is None or after is None:
        return stored is not after
    if by_block and (after.amount.block or 0) > (stored.amount.block or 0):
        return True
    return (after.amount[:2], after[1:]) != (stored.amount[:2], stored[1:])
