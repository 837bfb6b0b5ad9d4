"""Compares a new reading of an account on a chain with what is stored of it.

Decides only: others fetch the answers and store the verdicts. Four rules carry everything:
absence means something only inside an observed part; a first observation is a baseline;
what is missing from a list is a question to ask by name, not a zero; and what contradicts
newer knowledge is held until other readings agree.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from bot.domain.assets import NATIVE, NATIVE_PART, NOTHING, Amount, Asset, Part
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Hold, Move, MoveKind, Reading, Standing, Verdict, View
from bot.domain.observe.readings import Coverage, observed_parts

READINGS_FOR_OLDER = 3
"""So many readings in a row must agree on an older block, or on what is only now listed.

After a reorganisation of the chain the older block is repeated; a lagging replica catches up.
"""

READINGS_FOR_RETURN = 2
"""So many must agree on a return to the amount before the last change, where no block tells their order."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

REBASING_STEPS = 100
"""A rebasing amount is reported when it differs by one part in so many from the amount last alerted."""


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
    """Return what moved, what is missing and what is to be stored of one account on one chain.

    `wanted` are the parts that people asked for, `status` the one that lists all tokens. `known_block` is
    the highest block known on the chain when the account was last read: a token that appears with an older
    block, or with none, was held before and is only now listed. Of `collections` the block is compared too:
    their items may be exchanged without another amount. `observed_at` is when the reading was made: the
    more time has passed, the more an amount may have moved by itself.
    """
    # Most readings are of one of these two kinds, and say no more when each of their assets is looked at.
    if not (view.coverage or view.balances or view.holds):
        return _first_verdict(reading, wanted, status)
    if _reads_as_stored(view, reading, wanted, status):
        return Verdict(reading.account, reading.chain_id)
    return compare_assets(
        view,
        reading,
        wanted=wanted,
        status=status,
        known_block=known_block,
        collections=collections,
        observed_at=observed_at,
    )


def compare_assets(
    view: View,
    reading: Reading,
    *,
    wanted: frozenset[Part],
    status: Part,
    known_block: int | None,
    collections: frozenset[Asset],
    observed_at: datetime,
) -> Verdict:
    """Return what `compare` does, by a look at each asset."""
    coverage = Coverage(wanted & view.coverage.keys(), status)
    sightings, absent = _look(view, reading, coverage, collections)
    missing = tuple(asset for asset in absent if asset in view.balances)
    believed, holds = _held(sightings, absent, view, status, known_block)
    moves: list[Move] = []
    balances: dict[Asset, Balance | None] = {}
    for sighting in believed:
        move = None
        # Interest below a step is stored, so that its speed is known, but not reported.
        if not _is_interest(sighting, view, observed_at):
            move = _move(sighting, status, known_block)
        moves += [move] if move is not None else []
        after = _after(sighting, reading, is_alerted=move is not None)
        if _has_to_be_stored(sighting.stored, after, by_block=sighting.is_collection):
            balances[sighting.asset] = after
    parts = _compare_parts(view, reading, wanted, coverage, missing)
    return Verdict(
        account=reading.account,
        chain_id=reading.chain_id,
        first_seen=parts.first_seen,
        seen_again=parts.seen_again,
        still_unknown=parts.still_unknown,
        never_seen=parts.never_seen,
        moves=tuple(moves),
        missing=missing,
        balances=balances,
        holds=holds,
        drifts=dict(_drifts(believed, view, observed_at)),
        drifted=frozenset(sighting.asset for sighting in believed if sighting.has_drifted) - view.drifting,
    )


def settles(view: View, verdict: Verdict) -> bool:
    """Return whether the same reading says nothing new once this verdict about it is recorded.

    A suspicious one has to be counted again, and what gave no answer asked for.
    """
    # With a part that is seen for the first time, what was stored before is compared only from now on.
    is_beside = bool(verdict.first_seen and (view.balances or view.holds))
    return not (is_beside or verdict.missing or verdict.unexplained or any(verdict.holds.values()))


def _reads_as_stored(view: View, reading: Reading, wanted: frozenset[Part], status: Part) -> bool:
    """Whether coin and list are known, and show what is stored: all of it, as it is stored, and no more."""
    # What was asked for by name may be missing from the list: then it loses its mark, at the same amount.
    if reading.native is None or reading.listed is None or reading.named or view.holds:
        return False
    if wanted != {NATIVE_PART, status}:
        return False
    if view.coverage.get(NATIVE_PART, LONG_AGO) or view.coverage.get(status, LONG_AGO):
        return False
    shown = _shown(reading)
    for asset, balance in view.balances.items():
        if balance.standing is not Standing.LISTED or shown.get(asset) != balance.amount:
            return False
    return len(shown) == len(view.balances)


def _first_verdict(reading: Reading, wanted: frozenset[Part], status: Part) -> Verdict:
    """Return the verdict where nothing is stored: all is a baseline, and to be stored as it was read."""
    listed = reading.listed or {}
    observed = wanted & observed_parts(reading, status)
    return Verdict(
        account=reading.account,
        chain_id=reading.chain_id,
        first_seen=observed,
        never_seen=wanted - observed,
        balances={
            asset: Balance(
                seen, Standing.LISTED if asset.contract == NATIVE or asset in listed else Standing.NAMED
            )
            for asset, seen in sorted(_shown(reading).items())
        },
    )


def _shown(reading: Reading) -> dict[Asset, Amount]:
    """Return all that a reading shows to be held; the name wins over the list."""
    shown = {**(reading.listed or {}), **reading.named}
    if reading.native is not None:
        shown[Asset(reading.chain_id, NATIVE)] = reading.native
    return {asset: seen for asset, seen in shown.items() if seen.amount_raw}


def _look(
    view: View, reading: Reading, coverage: Coverage, collections: frozenset[Asset]
) -> tuple["list[_Sighting]", list[Asset]]:
    """Return what the reading shows, and the stored or held assets that its list lacks; in asset order."""
    sightings: list[_Sighting] = []
    absent: list[Asset] = []
    is_behind = _is_behind(view, reading)
    for asset in _assets(view, reading):
        stored = view.balances.get(asset)
        seen = _seen(reading, asset)
        if seen is None:
            absent += [asset] if _is_absent(asset, stored, reading, coverage) else []
            continue
        is_listed = asset.contract == NATIVE or (reading.listed is not None and asset in reading.listed)
        standing = Standing.NAMED if stored is None else stored.standing
        sightings.append(
            _Sighting(
                asset=asset,
                stored=stored,
                seen=seen,
                is_listed=is_listed,
                through=coverage.parts_about(asset, Standing.LISTED if is_listed else standing),
                is_collection=asset in collections,
                is_behind=is_behind,
            )
        )
    return sightings, absent


def _held(
    sightings: "list[_Sighting]", absent: list[Asset], view: View, status: Part, known_block: int | None
) -> tuple["list[_Sighting]", dict[Asset, Hold | None]]:
    """Return the sightings that are believed, and how the holds on the others change."""
    holds: dict[Asset, Hold | None] = {
        asset: None for asset in absent if asset in view.holds and asset not in view.balances
    }
    believed: list[_Sighting] = []
    for sighting in sightings:
        hold = _hold_on(sighting, view, status, known_block)
        if hold is not None or sighting.asset in view.holds:
            holds[sighting.asset] = hold
        if hold is None:
            believed.append(sighting)
    return believed, holds


class _Parts(NamedTuple):
    """What a reading says of the parts that people asked for, as in `Verdict`."""

    first_seen: frozenset[Part]
    seen_again: frozenset[Part]
    still_unknown: frozenset[Part]
    never_seen: frozenset[Part]


def _compare_parts(
    view: View, reading: Reading, wanted: frozenset[Part], coverage: Coverage, missing: tuple[Asset, ...]
) -> _Parts:
    covered = coverage.parts
    half_seen = _half_seen(view, reading, missing, coverage.status)
    observed = wanted & observed_parts(reading, coverage.status) - (covered & half_seen)
    return _Parts(
        first_seen=observed - covered,
        seen_again=frozenset(part for part in observed & covered if view.coverage[part] is not None),
        still_unknown=covered - observed,
        never_seen=wanted - covered - observed,
    )


class _Sighting(NamedTuple):
    """One asset that a reading shows, beside what is stored of it."""

    asset: Asset
    stored: Balance | None
    seen: Amount
    is_listed: bool
    through: frozenset[Part]
    """The covered parts that show it; none: nobody gets an alert about it."""
    is_collection: bool
    is_behind: bool
    """Whether the reading shows an older block of some token than is stored."""

    @property
    def differs(self) -> bool:
        """Whether it is another amount than is stored, or a collection with a newer block."""
        if self.stored is None or self.seen.differs_from(self.stored.amount):
            return True
        return self.is_collection and (self.seen.block or 0) > (self.stored.amount.block or 0) > 0

    @property
    def moved_raw(self) -> int:
        """How much more is held than is stored, negative if less."""
        return self.seen.amount_raw - (0 if self.stored is None else self.stored.amount.amount_raw)

    @property
    def is_of_another_block(self) -> bool:
        """Whether a transaction touched it since the stored block, or was undone."""
        stored = None if self.stored is None else self.stored.amount.block
        return stored is not None and self.seen.block not in (None, stored)

    @property
    def has_drifted(self) -> bool:
        """Whether the amount moved while its block stood still; False without a block."""
        is_same_block = self.stored is not None and self.seen.block == self.stored.amount.block is not None
        return is_same_block and bool(self.moved_raw and self.seen.amount_raw) and not self.is_collection

    @property
    def last_alerted_raw(self) -> int:
        """The amount of the last alert; the stored one if nothing was left unreported since."""
        if self.stored is None:
            return 0
        return (
            self.stored.amount.amount_raw
            if self.stored.last_alerted_raw is None
            else self.stored.last_alerted_raw
        )

    @property
    def before_raw(self) -> int:
        """The amount to name as the one before.

        The last alerted amount; the stored one where interest since then would flip the sign of the change.
        """
        if self.stored is None or (self.seen.amount_raw - self.last_alerted_raw) * self.moved_raw > 0:
            return self.last_alerted_raw
        return self.stored.amount.amount_raw


def _is_behind(view: View, reading: Reading) -> bool:
    """Whether a token shows an older block than is stored: the source may not know yet what is absent."""
    for asset, balance in view.balances.items():
        seen = _seen(reading, asset)
        if seen is not None and seen.block is not None and seen.block < (balance.amount.block or 0):
            return True
    return False


def _half_seen(view: View, reading: Reading, missing: tuple[Asset, ...], status: Part) -> frozenset[Part]:
    """Return the listing part if a token of it was asked for by name and not answered: it is half seen."""
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


def _is_absent(asset: Asset, stored: Balance | None, reading: Reading, coverage: Coverage) -> bool:
    """Whether a list lacks a token that stood in it; the native coin stands in no list."""
    if asset.contract == NATIVE or (stored is not None and stored.standing is not Standing.LISTED):
        return False
    return reading.listed is not None and coverage.status in coverage.parts


def _standing(sighting: _Sighting, reading: Reading) -> Standing:
    if sighting.is_listed:
        return Standing.LISTED
    if sighting.stored is None or sighting.stored.standing is Standing.NAMED:
        return Standing.NAMED
    return sighting.stored.standing if reading.listed is None else Standing.UNLISTED


def _hold_on(sighting: _Sighting, view: View, status: Part, known_block: int | None) -> Hold | None:
    """Return the hold on a suspicious sighting; None: it is believed."""
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
    """Return how many readings in a row have to agree before this one is believed."""
    asset, stored, seen, _, through, *_ = sighting
    if not through or not seen.differs_from(NOTHING if stored is None else stored.amount):
        return 1
    # Held before, and only now listed: believed once lists have shown it several times in a row.
    if stored is None and not _is_gain(seen, known_block) and (through == {status} or seen.block is not None):
        return READINGS_FOR_OLDER
    # A lagging replica misses new arrivals, so its zero may be outdated.
    if sighting.is_behind and asset.contract and seen == NOTHING:
        return READINGS_FOR_OLDER
    if stored is not None and seen.block is not None and seen.block < (stored.amount.block or 0):
        return READINGS_FOR_OLDER
    # The native coin has no block: two replicas that answer in turn would report each change for ever.
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
    """Whether the amount is known to change by itself, or did so for the second time now."""
    asset = sighting.asset
    return asset in view.rebasing or (asset in view.drifted and sighting.has_drifted)


def _is_interest(sighting: _Sighting, view: View, at: datetime) -> bool:
    """Whether this is interest that is too little to be reported, and no transfer."""
    alerted, seen, moved = sighting.last_alerted_raw, sighting.seen.amount_raw, abs(sighting.moved_raw)
    is_within_a_step = bool(alerted and seen and moved) and abs(seen - alerted) * REBASING_STEPS < alerted
    if not is_within_a_step or not _rebases(sighting, view) or _is_transfer(sighting, view):
        return False
    drift = view.drifts.get(sighting.asset)
    return drift is None or not drift.is_exceeded_by(moved, at)


def _is_transfer(sighting: _Sighting, view: View) -> bool:
    """Whether its block shows a transfer.

    Interest may come with a new block, but takes nothing away. Where it was seen to come without one, every
    new block is a transfer.
    """
    is_less = sighting.moved_raw < 0
    return sighting.is_of_another_block and (is_less or sighting.asset in view.drifting)


def _drifts(sightings: Iterable[_Sighting], view: View, at: datetime) -> Iterator[tuple[Asset, Drift]]:
    """Yield, of rebasing assets that moved, how they usually move by themselves."""
    for sighting in sightings:
        stored, seen, moved = sighting.stored, sighting.seen.amount_raw, abs(sighting.moved_raw)
        if stored is None or not (moved and seen and _rebases(sighting, view)):
            continue
        known = view.drifts.get(sighting.asset)
        if known is not None:
            known = known.of_another_amount(stored.amount.amount_raw, seen)
        # A transfer says nothing of interest, and would make the usual drift look far too large.
        if not _is_transfer(sighting, view):
            known = Drift.first(moved, at) if known is None else known.updated(moved, at)
        if known is not None:
            yield sighting.asset, known


def _after(sighting: _Sighting, reading: Reading, *, is_alerted: bool) -> Balance | None:
    """Return what is to be stored of a sighting; None: nothing is held."""
    stored, seen = sighting.stored, sighting.seen
    if not seen.amount_raw:
        return None
    # Ids that this reading did not count are not forgotten.
    if stored is not None and seen.uniques is None and not seen.differs_from(stored.amount):
        seen = seen._replace(uniques=stored.amount.uniques)
    last_alerted = (
        seen.amount_raw if is_alerted or stored is None or not sighting.through else sighting.last_alerted_raw
    )
    return Balance(
        seen, _standing(sighting, reading), None if last_alerted == seen.amount_raw else last_alerted
    )


def _has_to_be_stored(stored: Balance | None, after: Balance | None, *, by_block: bool) -> bool:
    """Whether the stored row would differ.

    A block alone is not worth a write, as the next change brings it; but `by_block` collections are compared.
    """
    if stored is None or after is None:
        return stored is not after
    if by_block and (after.amount.block or 0) > (stored.amount.block or 0):
        return True
    return (after.amount[:2], after[1:]) != (stored.amount[:2], stored[1:])
