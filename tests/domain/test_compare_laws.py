"""What holds for every reading and everything that may be stored."""

from dataclasses import dataclass, replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, NATIVE_PART, NOTHING, Address, Amount, Asset, Part
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Hold, Move, Reading, Standing, Verdict, View
from bot.domain.observe.compare import READINGS_FOR_OLDER, compare, compare_assets, settles
from tests.builders import BROAD, DAI, DEGEN, NOON, PUNKS, USDC, VERIFIED, asset, at, coin, reading, view

CONTRACTS = (USDC, DAI, DEGEN, PUNKS)
PARTS = (NATIVE_PART, VERIFIED, *(Part(contract) for contract in CONTRACTS))

amounts = st.integers(0, 3) | st.integers(0, AMOUNT_MAX)
counts = st.none() | st.integers(0, 3)
holdings = st.builds(Amount, amounts, counts, counts)
something = holdings.filter(lambda holding: holding.amount_raw > 0)
by_contract = st.dictionaries(st.sampled_from(CONTRACTS), holdings)
parts = st.frozensets(st.sampled_from(PARTS))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    return reading(
        draw(st.none() | by_contract), native=draw(st.none() | st.integers(0, 3)), named=draw(by_contract)
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    standings = st.sampled_from(Standing)
    tokens = draw(st.dictionaries(st.sampled_from(CONTRACTS), st.builds(Balance, something, standings)))
    native = draw(st.dictionaries(st.just(coin()), st.builds(Balance, something, st.just(Standing.LISTED))))
    return View(
        draw(st.dictionaries(st.sampled_from(PARTS), st.none() | st.just(NOON))),
        {asset(contract): balance for contract, balance in tokens.items()} | native,
    )


@dataclass(frozen=True)
class Case:
    """One comparison, whole."""

    stored: View
    seen: Reading
    wanted: frozenset[Part]
    known_block: int | None
    collections: frozenset[Asset] = frozenset()
    observed_at: datetime = NOON

    def judged(self) -> Verdict:
        return compare(
            self.stored,
            self.seen,
            wanted=self.wanted,
            status=VERIFIED,
            known_block=self.known_block,
            collections=self.collections,
            observed_at=self.observed_at,
        )

    def judged_one_by_one(self) -> Verdict:
        """Return what looking at each asset says."""
        return compare_assets(
            self.stored,
            self.seen,
            wanted=self.wanted,
            status=VERIFIED,
            known_block=self.known_block,
            collections=self.collections,
            observed_at=self.observed_at,
        )

    def says(self, one: Asset) -> list[Amount]:
        """Return everything that the reading says of an asset."""
        if one == coin():
            return [self.seen.native] if self.seen.native is not None else []
        return [said[one] for said in (self.seen.named, self.seen.listed or {}) if one in said]


known_blocks = st.none() | st.integers(0, 3)
cases = st.builds(Case, views(), readings(), parts, known_blocks)


def recorded(stored: View, verdict: Verdict) -> View:
    """Return what is stored once the verdict is."""
    seen = verdict.first_seen | verdict.seen_again
    balances = dict(stored.balances)
    for one, balance in verdict.balances.items():
        if balance is None:
            del balances[one]
        else:
            balances[one] = balance
    holds = {one: hold for one, hold in {**stored.holds, **verdict.holds}.items() if hold is not None}
    return stored._replace(
        coverage={**stored.coverage, **dict.fromkeys(seen)},
        balances=balances,
        holds=holds,
        previous={**stored.previous, **{move.asset: move.before for move in verdict.moves}},
        drifting=stored.drifting | (verdict.drifted & stored.drifted),
        drifted=(stored.drifted | verdict.drifted) - (verdict.drifted & stored.drifted),
        drifts={**stored.drifts, **verdict.drifts},
    )


def applied(before: dict[Asset, Amount], moves: tuple[Move, ...]) -> dict[Asset, int]:
    """Return the amounts after these moves, zeroes left out."""
    after = {one: holding.amount_raw for one, holding in before.items()}
    after |= {move.asset: move.after.amount_raw for move in moves}
    return {one: amount for one, amount in after.items() if amount}


@given(cases)
def test_what_was_read_as_often_as_it_takes_says_nothing_new_when_it_is_read_again(case: Case) -> None:
    for _ in range(READINGS_FOR_OLDER):
        case = replace(case, stored=recorded(case.stored, case.judged()))

    assert case.judged().says_nothing_new


@st.composite
def older_cases(draw: st.DrawFn) -> Case:
    """Return one comparison with what changed, drifted and was held before."""
    case = draw(cases)
    some = st.frozensets(st.sampled_from([coin(), *map(asset, CONTRACTS)]))
    holds = st.dictionaries(
        st.sampled_from([coin(), *map(asset, CONTRACTS)]), st.builds(Hold, holdings, st.integers(1, 2))
    )
    drifts = st.builds(Drift, st.integers(1, 9), st.integers(0, 9), st.just(NOON))
    stored = case.stored._replace(
        holds=draw(holds),
        previous=draw(st.dictionaries(st.sampled_from([coin(), *map(asset, CONTRACTS)]), holdings)),
        rebasing=draw(some),
        drifting=draw(some),
        drifted=draw(some),
        drifts={one: draw(drifts) for one in case.stored.balances if draw(st.booleans())},
    )
    return replace(case, stored=stored, collections=draw(some))


@st.composite
def repeated_cases(draw: st.DrawFn) -> Case:
    """Return one comparison with a whole reading of what is stored, but for one thing."""
    off = draw(st.sampled_from(("nothing", "list", "coin", "named", "wanted", "unseen", "held", "standing")))
    case = draw(older_cases())
    amounts = {one: balance.amount for one, balance in case.stored.balances.items()}
    stored = case.stored._replace(
        coverage={NATIVE_PART: None, VERIFIED: None},
        balances={
            one: Balance(
                amount,
                draw(st.sampled_from(Standing)) if off == "standing" and one.contract else Standing.LISTED,
                draw(st.none() | st.integers(1, 3).filter(amount.amount_raw.__ne__)),
            )
            for one, amount in amounts.items()
        },
        holds=case.stored.holds if off == "held" else {},
    )
    if off == "unseen":
        part = draw(st.sampled_from(sorted(BROAD)))
        stored = stored._replace(
            coverage=draw(st.sampled_from(({}, {part: None}, {**stored.coverage, part: NOON})))
        )
    listed = {one: amount for one, amount in amounts.items() if one.contract}
    seen = Reading(
        case.seen.account,
        case.seen.chain_id,
        native=draw(st.none() | st.just(case.seen.native)) if off == "coin" else amounts.get(coin(), NOTHING),
        listed=draw(st.none() | st.just(listed | dict(case.seen.listed or {}))) if off == "list" else listed,
    )
    if off == "named":
        one = asset(draw(st.sampled_from(CONTRACTS)))
        named = {one: draw(st.sampled_from((NOTHING, amounts.get(one, NOTHING))))}
        # What lost its mark is missing from the list, and still there by name.
        without = {other: amount for other, amount in listed.items() if other != one}
        seen = seen._replace(named=named, listed=draw(st.sampled_from((listed, without))))
    return replace(case, stored=stored, seen=seen, wanted=draw(parts) if off == "wanted" else BROAD)


@st.composite
def first_cases(draw: st.DrawFn) -> Case:
    """Return one comparison with little or nothing stored."""
    case = draw(older_cases())
    kept = draw(st.sampled_from(("nothing", "coverage", "balances", "holds")))
    coverage = case.stored.coverage if kept == "coverage" else {}
    balances = case.stored.balances if kept == "balances" else {}
    holds = case.stored.holds if kept == "holds" else {}
    return replace(case, stored=case.stored._replace(coverage=coverage, balances=balances, holds=holds))


@given(repeated_cases())
def test_a_reading_of_what_is_stored_says_what_its_assets_say(case: Case) -> None:
    assert case.judged() == case.judged_one_by_one()


@given(first_cases())
def test_a_first_reading_says_what_its_assets_say(case: Case) -> None:
    verdict, one_by_one = case.judged(), case.judged_one_by_one()

    assert verdict == one_by_one
    assert list(verdict.balances) == list(one_by_one.balances)


@given(older_cases(), known_blocks, st.integers(0, 10))
def test_a_reading_that_settles_says_nothing_new_once_it_is_recorded(
    case: Case, block: int | None, seconds: int
) -> None:
    verdict = case.judged()

    stored = recorded(case.stored, verdict)
    again = replace(case, stored=stored, known_block=block, observed_at=at(seconds)).judged()

    is_settled = again.says_nothing_new and settles(stored, again)
    assert is_settled or not settles(case.stored, verdict)


@given(older_cases())
def test_a_reading_that_is_held_or_leaves_a_question_open_does_not_settle(case: Case) -> None:
    verdict = case.judged()

    if verdict.missing or any(verdict.holds.values()):
        assert not settles(case.stored, verdict)


@given(cases)
def test_a_first_reading_settles(case: Case) -> None:
    verdict = replace(case, stored=View()).judged()

    assert settles(View(), verdict) or verdict.missing or any(verdict.holds.values())


@given(cases)
def test_what_is_held_is_neither_told_nor_stored(case: Case) -> None:
    verdict = case.judged()

    held_on = {one for one, hold in verdict.holds.items() if hold is not None}
    assert not held_on & {move.asset for move in verdict.moves}
    assert not held_on & verdict.balances.keys()


@given(cases)
def test_what_a_reading_does_not_speak_of_is_neither_changed_nor_stored(case: Case) -> None:
    verdict = case.judged()

    for one in {move.asset for move in verdict.moves} | verdict.balances.keys():
        assert case.says(one)
    for one in verdict.missing:
        assert not case.says(one)


@given(cases)
def test_a_zero_is_told_or_stored_only_where_somebody_said_zero(case: Case) -> None:
    verdict = case.judged()

    zeroed = {move.asset for move in verdict.moves if not move.after.amount_raw}
    gone = {one for one, balance in verdict.balances.items() if balance is None}
    for one in zeroed | gone:
        assert 0 in [said.amount_raw for said in case.says(one)]


@given(cases)
def test_a_change_is_told_only_through_parts_that_were_covered_and_are_wanted(case: Case) -> None:
    for move in case.judged().moves:
        assert move.through
        assert move.through <= case.wanted & case.stored.coverage.keys()
        assert move.through <= {move.asset.part, VERIFIED}


@given(cases)
def test_every_change_is_stored_or_was_stored_before(case: Case) -> None:
    verdict = case.judged()

    after = recorded(case.stored, verdict).balances
    for move in verdict.moves:
        stored = after.get(move.asset)
        assert (stored.amount.amount_raw if stored else 0) == move.after.amount_raw


@given(cases)
def test_an_amount_that_changes_in_a_covered_part_is_told(case: Case) -> None:
    verdict = case.judged()

    told = {move.asset for move in verdict.moves}
    for one, after in verdict.balances.items():
        stored = case.stored.balances.get(one)
        amounts_differ = (stored.amount.amount_raw if stored else 0) != (
            after.amount.amount_raw if after else 0
        )
        if amounts_differ and one not in told:
            covered = case.wanted & case.stored.coverage.keys()
            is_listed = one.contract and one in (case.seen.listed or {})
            was_listed = one.contract and stored is not None and stored.standing is not Standing.NAMED
            assert one.part not in covered
            assert VERIFIED not in covered or not (is_listed or was_listed)


@given(cases)
def test_only_a_listed_token_goes_missing_and_only_from_a_list_that_was_seen(case: Case) -> None:
    for one in case.judged().missing:
        assert case.seen.listed is not None
        assert one.contract
        assert case.stored.balances[one].standing is Standing.LISTED


def everything_answered(case: Case, verdict: Verdict) -> bool:
    """Whether all that stands or stood in the list was read, in it or by name."""
    listed = case.seen.listed or {}
    unlisted = {one for one, balance in case.stored.balances.items() if balance.standing is Standing.UNLISTED}
    return not verdict.missing and unlisted <= listed.keys() | case.seen.named.keys()


@given(cases)
def test_the_wanted_parts_fall_into_four(case: Case) -> None:
    observed = {Part(one.contract) for one in case.seen.named}
    observed |= {NATIVE_PART} if case.seen.native is not None else set()
    observed |= {VERIFIED} if case.seen.listed is not None else set()
    covered = case.stored.coverage.keys()

    verdict = case.judged()

    if VERIFIED in covered and not everything_answered(case, verdict):
        observed -= {VERIFIED}
    assert verdict.first_seen == case.wanted & observed - covered
    assert verdict.still_unknown == case.wanted & covered - observed
    assert verdict.never_seen == case.wanted - covered - observed
    assert verdict.seen_again == {
        part for part in case.wanted & covered & observed if case.stored.coverage[part] is not None
    }


# ---------------------------------------------------------------- whole readings of a watched account

blocks = st.integers(1, 5)
held_tokens = st.dictionaries(
    st.sampled_from(CONTRACTS),
    st.builds(Amount, st.integers(1, 3) | st.integers(1, AMOUNT_MAX), st.none(), blocks),
)
natives = st.integers(0, 3)


def moves_between(
    before: dict[Address, Amount], coins_before: int, after: dict[Address, Amount], coins_after: int
) -> tuple[Move, ...]:
    """Return the moves from one whole reading to the next, repeated until it is believed.

    What is not listed any more is confirmed gone.
    """
    gone = {contract: NOTHING for contract in before if contract not in after}
    stored = view(before, native=coins_before)
    seen = reading(after, native=coins_after, named=gone)
    moves: list[Move] = []
    for _ in range(READINGS_FOR_OLDER):
        verdict = compare(stored, seen, wanted=BROAD, status=VERIFIED)
        assert verdict.missing == ()
        moves += verdict.moves
        stored = recorded(stored, verdict)
    return tuple(sorted(moves, key=lambda move: move.asset))


@given(held_tokens, natives)
def test_comparing_a_reading_with_what_it_stored_is_empty(tokens: dict[Address, Amount], coins: int) -> None:
    seen = reading(tokens, native=coins)
    first = compare(View(), seen, wanted=BROAD, status=VERIFIED)

    second = compare(recorded(View(), first), seen, wanted=BROAD, status=VERIFIED)

    assert second.says_nothing_new
    assert second.missing == ()


@given(held_tokens, natives, held_tokens, natives)
def test_moves_applied_to_before_give_after(
    before: dict[Address, Amount], coins_before: int, after: dict[Address, Amount], coins_after: int
) -> None:
    moves = moves_between(before, coins_before, after, coins_after)

    stored = view(before, native=coins_before).balances
    seen = view(after, native=coins_after).balances
    told = applied({one: balance.amount for one, balance in stored.items()}, moves)
    assert told == {one: balance.amount.amount_raw for one, balance in seen.items()}


@given(held_tokens, natives, held_tokens, natives)
def test_there_mirrors_back_again(
    here: dict[Address, Amount], coins_here: int, there: dict[Address, Amount], coins_there: int
) -> None:
    forth = moves_between(here, coins_here, there, coins_there)
    back = moves_between(there, coins_there, here, coins_here)

    told = [(move.asset, move.before.amount_raw, move.after.amount_raw, move.through) for move in forth]
    mirrored = [(move.asset, move.after.amount_raw, move.before.amount_raw, move.through) for move in back]
    assert told == mirrored
