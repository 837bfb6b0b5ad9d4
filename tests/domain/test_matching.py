"""A change is explained by all that is listed between its readings, or it is said what lacks."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, Address, Amount, Asset, ChainId
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown
from bot.domain.explain.matching import explain, rest_of
from bot.domain.explain.retention import is_listed_no_longer
from bot.domain.explain.transfers import NOBODY, Moved, TransactionHash, Transfer
from bot.domain.observations import Change, ItemMove
from tests.builders import (
    BASE,
    DEGEN,
    NOON,
    POLYGON,
    PUNKS,
    TREASURY,
    USDC,
    VAULT,
    address,
    asset,
    at,
    change,
    coin,
    held,
    transaction,
    transfer,
)

PAYROLL = address(7)
EXPLAINED, PARTLY = ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY
NONE_LISTED, UNKNOWN = ExplanationOutcome.NONE_LISTED, ExplanationOutcome.UNKNOWN

HOUR_BEFORE = at(-3600)
"""When the amount before was last seen, if nothing else is said."""


def explained(
    what: Change,
    *transfers: Transfer,
    previous_at: datetime | None = HOUR_BEFORE,
    is_complete: bool = True,
    taken: Iterable[TransactionHash] = (),
) -> Explanation:
    return explain(
        what,
        transfers,
        previous_at=previous_at,
        is_complete=is_complete,
        taken=frozenset(taken),
        listed_at=at(1),
    )


def moved(before: int, after: int, *, of: Asset | None = None, items: Sequence[ItemMove] = ()) -> Change:
    """Return a change from block 10 to block 20."""
    what = change(held(before, block=10), held(after, block=20), of=of)
    return replace(what, items=tuple(items))


def numbers(explanation: Explanation) -> list[tuple[Address, int]]:
    return [(leg.counterparty, leg.amount_raw) for leg in explanation.legs]


# ---------------------------------------------------------------- the four outcomes


def test_transfers_that_sum_up_to_the_change_explain_it() -> None:
    found = explained(
        moved(100, 55),
        transfer(50, sender=TREASURY, receiver=PAYROLL, block=12, number=1),
        transfer(5, block=20, number=2),
    )

    assert found.outcome is EXPLAINED
    assert numbers(found) == [(PAYROLL, -50), (VAULT, 5)]
    assert not rest_of(moved(100, 55), found.legs)
    assert not found.is_approximate
    assert found.listed_at == at(1)


def test_a_leg_keeps_what_the_source_lists_of_its_transfer() -> None:
    (leg,) = explained(moved(0, 5), transfer(5, block=12, number=3, log_index=8, at=at(-60))).legs

    assert (leg.transaction, leg.log_index, leg.block, leg.at) == (transaction(3), 8, 12, at(-60))


@pytest.mark.parametrize("listed", [4, 6])
def test_transfers_that_sum_up_to_something_else_explain_a_part_and_the_rest_is_exact(listed: int) -> None:
    found = explained(moved(0, 5), transfer(listed, block=12))

    assert found.outcome is PARTLY
    assert numbers(found) == [(VAULT, listed)]
    assert rest_of(moved(0, 5), found.legs) == {None: 5 - listed}


def test_a_fee_that_a_token_takes_on_the_way_stays_as_the_rest() -> None:
    found = explained(moved(0, 97), transfer(100, block=12))

    assert (found.outcome, rest_of(moved(0, 97), found.legs)) == (PARTLY, {None: -3})


def test_where_nothing_is_listed_nothing_is_said_to_be_known() -> None:
    found = explained(moved(0, 5))

    assert (found.outcome, found.legs, found.why_unknown) == (NONE_LISTED, (), None)


def test_a_list_that_is_not_complete_explains_nothing_even_if_it_sums_up() -> None:
    for transfers in ([], [transfer(5, block=12)], [transfer(4, block=12)]):
        found = explained(moved(0, 5), *transfers, is_complete=False)

        assert (found.outcome, found.why_unknown, found.legs) == (UNKNOWN, WhyUnknown.CUT, ())


def test_none_are_chosen_because_they_happen_to_sum_up() -> None:
    found = explained(
        moved(0, 5), transfer(5, block=12, number=1), transfer(3, block=13, number=2, sender=PAYROLL)
    )

    assert found.outcome is PARTLY
    assert numbers(found) == [(VAULT, 5), (PAYROLL, 3)]


# ---------------------------------------------------------------- what belongs to a change


def test_a_change_begins_behind_the_block_before_and_ends_with_its_own() -> None:
    listed = [transfer(1, block=block, number=block) for block in (9, 10, 11, 20, 21)]

    assert [leg.block for leg in explained(moved(0, 2), *listed).legs] == [11, 20]


def test_transfers_of_another_contract_chain_or_account_are_none_of_its() -> None:
    others = [
        transfer(5, block=12, of=asset(DEGEN)),
        transfer(5, block=12, of=asset(USDC, BASE)),
        transfer(5, block=12, of=coin()),
        transfer(5, block=12, receiver=PAYROLL),
    ]

    assert explained(moved(0, 5), *others).outcome is NONE_LISTED
    assert explained(moved(0, 5), *others, transfer(5, block=12)).outcome is EXPLAINED


def test_a_transfer_between_two_accounts_explains_both() -> None:
    between = transfer(5, sender=TREASURY, receiver=VAULT, block=12)
    paid, got = moved(5, 0), replace(moved(0, 5), account=VAULT)

    assert numbers(explained(paid, between)) == [(VAULT, -5)]
    assert numbers(explained(got, between)) == [(TREASURY, 5)]
    assert explained(paid, between).outcome is explained(got, between).outcome is EXPLAINED


def test_what_is_minted_comes_from_nobody_and_what_is_burnt_goes_there() -> None:
    found = explained(
        moved(5, 3),
        transfer(1, sender=NOBODY, block=12, number=1),
        transfer(3, sender=TREASURY, receiver=NOBODY, block=13, number=2),
    )

    assert (found.outcome, numbers(found)) == (EXPLAINED, [(NOBODY, 1), (NOBODY, -3)])


def test_what_an_account_pays_itself_is_told_and_changes_no_sum() -> None:
    itself = transfer(9, sender=TREASURY, block=12, number=1)

    assert numbers(explained(moved(0, 5), itself, transfer(5, block=13, number=2))) == [
        (TREASURY, 0),
        (VAULT, 5),
    ]
    assert explained(moved(0, 5), itself).outcome is PARTLY


def test_transfers_of_nothing_are_left_out_and_counted() -> None:
    poison = [transfer(0, sender=TREASURY, receiver=PAYROLL, block=12, number=one) for one in (1, 2)]
    elsewhere = transfer(0, block=21, number=3)

    found = explained(moved(0, 5), *poison, elsewhere, transfer(5, block=13, number=4))
    assert (found.outcome, numbers(found), found.left_out) == (EXPLAINED, [(VAULT, 5)], 2)
    by_time = numbered((-3_650, 0), (-600, 0), (-500, 5), (10, 0))
    assert explained(change(0, 5, of=coin()), *by_time).left_out == 1
    alone = explained(moved(0, 5), *poison)
    assert (alone.outcome, alone.left_out) == (NONE_LISTED, 2)


def test_the_largest_amount_is_exact() -> None:
    whole = transfer(AMOUNT_MAX, block=12)
    assert explained(moved(0, AMOUNT_MAX), whole).outcome is EXPLAINED
    found = explained(moved(0, AMOUNT_MAX - 1), whole)
    assert (found.outcome, rest_of(moved(0, AMOUNT_MAX - 1), found.legs)) == (PARTLY, {None: -1})


# ---------------------------------------------------------------- collections


def test_a_batch_is_compared_id_by_id() -> None:
    batch = (Moved(2, 7), Moved(1, 8), Moved(0, 9))
    items = [ItemMove(7, 0, 2), ItemMove(8, 3, 4)]
    what = moved(3, 6, of=asset(PUNKS), items=items)

    found = explained(what, transfer(batch, of=asset(PUNKS), block=12))
    assert (found.outcome, [(leg.token_id, leg.amount_raw) for leg in found.legs]) == (
        EXPLAINED,
        [(7, 2), (8, 1)],
    )
    assert found.left_out == 0

    other = explained(what, transfer((Moved(1, 7), Moved(2, 8)), of=asset(PUNKS), block=12))
    assert (other.outcome, rest_of(what, other.legs)) == (PARTLY, {7: 1, 8: -1})


def test_an_exchange_changes_no_amount_and_is_explained_by_its_ids() -> None:
    what = moved(1, 1, of=asset(PUNKS), items=[ItemMove(7, 1, 0), ItemMove(8, 0, 1)])
    out = transfer((Moved(1, 7),), sender=TREASURY, receiver=VAULT, of=asset(PUNKS), block=12, log_index=1)
    into = transfer((Moved(1, 8),), of=asset(PUNKS), block=12, log_index=2)

    assert explained(what, out, into).outcome is EXPLAINED
    half = explained(what, out)
    assert (half.outcome, rest_of(what, half.legs)) == (PARTLY, {8: 1})


def test_where_either_side_knows_no_ids_the_number_of_items_counts() -> None:
    by_ids = transfer((Moved(1, 7),), of=asset(PUNKS), block=12)
    without = transfer((Moved(1),), of=asset(PUNKS), block=12)

    assert explained(moved(0, 1, of=asset(PUNKS)), by_ids).outcome is EXPLAINED
    known = moved(0, 1, of=asset(PUNKS), items=[ItemMove(7, 0, 1)])
    assert explained(known, without).outcome is EXPLAINED
    some_known = moved(0, 2, of=asset(PUNKS), items=[ItemMove(7, 0, 1)])
    assert explained(some_known, by_ids).outcome is PARTLY


# ---------------------------------------------------------------- by time


def test_without_blocks_time_tells_approximately() -> None:
    what = change(0, 2, of=coin())
    moments = [HOUR_BEFORE, HOUR_BEFORE + SECOND, NOON, NOON + SECOND]
    listed = [transfer(1, of=coin(), number=one, block=one, at=moment) for one, moment in enumerate(moments)]

    found = explained(what, *listed)
    assert [leg.at for leg in found.legs] == moments[1:3]
    assert (found.outcome, found.is_approximate) == (EXPLAINED, True)


SECOND = timedelta(seconds=1)


def numbered(*seconds: tuple[float, int]) -> list[Transfer]:
    """Return transfers of so much at so many seconds after noon, each in a block of its own."""
    return [
        transfer(amount, of=coin(), number=one, block=one, at=at(second))
        for one, (second, amount) in enumerate(sorted(seconds), 1)
    ]


def amounts(found: Explanation) -> list[int]:
    return [leg.amount_raw for leg in found.legs]


@pytest.mark.parametrize("seconds", [-3_600, -3_720, 1, 30])
def test_shortly_before_and_after_a_cut_moves_if_that_makes_the_sum_exact(seconds: float) -> None:
    what = change(0, 7, of=coin())
    listed = numbered((-600, 2), (seconds, 5))

    assert explained(what, *listed).outcome is EXPLAINED
    assert amounts(explained(change(0, 6, of=coin()), *listed)) == [2]
    assert explained(change(0, 6, of=coin()), *listed).outcome is PARTLY


@pytest.mark.parametrize("seconds", [-3_721, 31])
def test_beyond_that_it_does_not(seconds: float) -> None:
    found = explained(change(0, 7, of=coin()), *numbered((-600, 2), (seconds, 5)))

    assert (found.outcome, amounts(found)) == (PARTLY, [2])


def test_a_reading_may_lack_what_was_mined_shortly_before_it() -> None:
    listed = numbered((-600, 2), (-8, 7), (60, 1))
    before, after = change(0, 2, of=coin()), change(2, 10, of=coin(), observed_at=at(61))

    assert amounts(explained(before, *listed)) == [2]
    assert explained(before, *listed).outcome is EXPLAINED
    found = explained(after, *listed, previous_at=NOON)
    assert (found.outcome, amounts(found)) == (EXPLAINED, [7, 1])


@pytest.mark.parametrize("seconds", [-3_569, -121])
def test_what_both_readings_are_certain_of_stays_in(seconds: float) -> None:
    found = explained(change(0, 2, of=coin()), *numbered((-600, 2), (seconds, 7)))

    assert found.outcome is PARTLY
    assert sorted(amounts(found)) == [2, 7]


def test_a_cut_moves_over_neighbours_and_leaves_none_out() -> None:
    listed = numbered((-3_650, 5), (-3_640, 1), (-600, 2))
    found = explained(change(0, 7, of=coin()), *listed)
    assert (found.outcome, amounts(found)) == (PARTLY, [2])

    found = explained(change(0, 8, of=coin()), *listed)
    assert (found.outcome, amounts(found)) == (EXPLAINED, [5, 1, 2])


def test_a_cut_moves_no_further_than_it_has_to() -> None:
    listed = numbered((-3_650, -1), (-3_640, 1), (-3_630, 5), (-600, 2))

    assert amounts(explained(change(0, 7, of=coin()), *listed)) == [5, 2]
    assert amounts(explained(change(0, 2, of=coin()), *listed)) == [2]


def test_where_either_cut_could_move_as_far_nobody_can_say_which() -> None:
    found = explained(change(0, 7, of=coin()), *numbered((-3_650, 5), (-600, 2), (10, 5)))

    assert (found.outcome, amounts(found)) == (PARTLY, [2])


def test_where_payments_by_different_people_could_each_be_it_nobody_can_say_which() -> None:
    between, beside = numbered((-10, 5), (10, 5))
    just_before, long_before = at(-30), at(-600)

    def read(*listed: Transfer, previous_at: datetime) -> Explanation:
        return explained(change(0, 5, of=coin()), *listed, previous_at=previous_at)

    found = read(between, beside._replace(sender=PAYROLL), previous_at=just_before)
    assert (found.outcome, found.why_unknown, found.legs) == (UNKNOWN, WhyUnknown.AMBIGUOUS, ())
    assert read(between, beside, previous_at=just_before).outcome is EXPLAINED
    assert read(between, beside._replace(sender=PAYROLL), previous_at=long_before).outcome is EXPLAINED


def test_a_cut_moves_only_if_the_ids_are_right_too() -> None:
    what = replace(change(0, 1, of=asset(PUNKS)), items=(ItemMove(7, 0, 1),))

    for token_id, outcome in ((7, EXPLAINED), (8, NONE_LISTED)):
        late = transfer((Moved(1, token_id),), of=asset(PUNKS), at=at(10))
        assert explained(what, late).outcome is outcome


def test_no_cut_goes_through_a_block() -> None:
    first, second, third = numbered((-3_650, 1), (-3_649, 5), (-600, 2))
    listed = [first._replace(block=2), second, third]

    assert explained(change(0, 7, of=coin()), *listed).outcome is PARTLY
    assert explained(change(0, 8, of=coin()), *listed).outcome is EXPLAINED


def test_an_end_whose_block_is_known_goes_by_its_block() -> None:
    into = change(0, held(5, block=20))
    assert explained(into, transfer(5, block=20, at=at(9999))).outcome is EXPLAINED
    assert explained(into, transfer(5, block=21)).outcome is NONE_LISTED
    assert explained(into, transfer(5, block=20, at=at(-9999))).outcome is NONE_LISTED

    out = change(held(5, block=10), 0)
    leaves = transfer(5, sender=TREASURY, receiver=VAULT, block=11, at=at(-9999))
    assert explained(out, leaves).outcome is EXPLAINED
    assert explained(out, leaves).is_approximate
    assert explained(out, leaves._replace(block=10)).outcome is NONE_LISTED
    assert explained(out, leaves._replace(at=at(9999))).outcome is NONE_LISTED


def test_blocks_that_go_back_after_a_reorganisation_tell_no_order() -> None:
    what = change(held(0, block=20), held(5, block=19))

    found = explained(what, transfer(5, block=19))
    assert (found.outcome, found.is_approximate) == (EXPLAINED, True)


def test_a_transfer_of_which_nobody_can_say_when_it_was_makes_the_change_unknown() -> None:
    into = change(0, held(5, block=20))
    untimed = transfer(5, block=20, at=None)

    for found in (explained(into, untimed), explained(into, transfer(5, block=20), previous_at=None)):
        assert (found.outcome, found.why_unknown, found.legs) == (UNKNOWN, WhyUnknown.UNANSWERED, ())


def test_a_transfer_without_a_time_does_no_harm_where_its_block_tells() -> None:
    into = change(0, held(5, block=20))

    assert explained(into, transfer(5, block=21, at=None)).outcome is NONE_LISTED
    assert explained(into, transfer(0, block=20, at=None)).outcome is NONE_LISTED
    assert explained(moved(0, 5), transfer(5, block=20, at=None), previous_at=None).outcome is EXPLAINED


def test_what_explains_another_change_of_the_balance_explains_no_second_one() -> None:
    what = change(0, 5, of=coin())
    listed = [transfer(5, of=coin(), number=number, at=at(-60)) for number in (1, 2)]

    assert explained(what, *listed).outcome is PARTLY
    found = explained(what, *listed, taken=[transaction(1)])
    assert (found.outcome, [leg.transaction for leg in found.legs]) == (EXPLAINED, [transaction(2)])


# ---------------------------------------------------------------- laws

ACCOUNTS = (TREASURY, VAULT, PAYROLL, NOBODY)
ASSETS = (asset(), asset(DEGEN), coin())
BLOCKS = st.integers(1, 30)


def a_minute_each(block: int) -> datetime:
    return NOON + timedelta(minutes=block)


@st.composite
def some_transfers(draw: st.DrawFn) -> list[Transfer]:
    """Return transfers between a few accounts, each in a transaction of its own."""
    listed = []
    for number in range(draw(st.integers(0, 8))):
        block = draw(BLOCKS)
        listed.append(
            transfer(
                draw(st.integers(0, 3) | st.just(AMOUNT_MAX)),
                sender=draw(st.sampled_from(ACCOUNTS)),
                receiver=draw(st.sampled_from(ACCOUNTS)),
                of=draw(st.sampled_from(ASSETS)),
                number=number,
                log_index=draw(st.none() | st.integers(0, 2)),
                block=block,
                at=a_minute_each(block),
            )
        )
    return listed


def effect(one: Transfer, what: Change) -> int:
    """Return what a transfer does to the balance of a change."""
    amount = sum(part.amount_raw for part in one.moved) if one.asset == what.asset else 0
    return amount * ((one.receiver == what.account) - (one.sender == what.account))


@given(
    listed=some_transfers(),
    difference=st.integers(-3, 3),
    before=BLOCKS,
    further=BLOCKS,
    is_complete=st.booleans(),
)
def test_explained_means_complete_and_exact_and_else_the_rest_is(
    listed: list[Transfer], difference: int, before: int, further: int, *, is_complete: bool
) -> None:
    what = change(held(10, block=before), held(10 + difference, block=before + further))
    inside = [
        one
        for one in listed
        if before < one.block <= before + further
        and one.asset == what.asset
        and what.account in {one.sender, one.receiver}
        and any(part.amount_raw for part in one.moved)
    ]

    found = explained(what, *listed, is_complete=is_complete)

    if not is_complete:
        assert found.outcome is UNKNOWN
        return
    assert {leg.transaction for leg in found.legs} == {one.transaction for one in inside}
    told = sum(leg.amount_raw for leg in found.legs)
    assert told == sum(effect(one, what) for one in inside)
    assert told + sum(rest_of(what, found.legs).values()) == difference
    is_exact = bool(inside) and told == difference
    assert found.outcome is (EXPLAINED if is_exact else PARTLY if inside else NONE_LISTED)


@given(
    listed=some_transfers(),
    difference=st.integers(-3, 3),
    rng=st.randoms(use_true_random=False),
    by_time=st.booleans(),
)
def test_neither_order_nor_repetition_matters(
    listed: list[Transfer], difference: int, rng: random.Random, *, by_time: bool
) -> None:
    blocks = (None, None) if by_time else (5, 25)
    what = change(Amount(9, None, blocks[0]), Amount(9 + difference, None, blocks[1]))
    what = replace(what, observed_at=a_minute_each(25))
    mixed = listed + [one for one in listed if rng.random() < 0.5]
    mixed += [one._replace(at=None) for one in listed if rng.random() < 0.5]
    rng.shuffle(mixed)

    assert explained(what, *mixed, previous_at=a_minute_each(5)) == explained(
        what, *listed, previous_at=a_minute_each(5)
    )


@given(happened=some_transfers(), read_at=st.sets(BLOCKS, min_size=2), by_blocks=st.booleans())
def test_all_changes_of_a_world_are_explained_and_share_no_transfer(
    happened: list[Transfer], read_at: set[int], *, by_blocks: bool
) -> None:
    balance: list[tuple[int, int | None]] = []
    reads = sorted(read_at)
    for read in reads:
        effects = [(one.block, effect(one, change())) for one in happened if one.block <= read]
        touched = [block for block, amount in effects if amount]
        balance.append((10 + sum(amount for _, amount in effects), max(touched, default=0)))
    taken: set[TransactionHash] = set()
    stored = balance[0]
    for index in range(1, len(reads)):
        now = balance[index]
        if now[0] == stored[0]:
            continue
        what = change(
            Amount(stored[0], None, stored[1] if by_blocks else None),
            Amount(now[0], None, now[1] if by_blocks else None),
            observed_at=a_minute_each(reads[index]),
        )
        found = explained(what, *happened, previous_at=a_minute_each(reads[index - 1]), taken=taken)
        used = {leg.transaction for leg in found.legs}

        assert not used & taken
        told = sum(leg.amount_raw for leg in found.legs)
        assert (found.outcome is EXPLAINED) == (told == now[0] - stored[0] and bool(used))
        if by_blocks:
            assert found.outcome is EXPLAINED
        taken |= used
        stored = now


# ---------------------------------------------------------------- how long the source lists them


@pytest.mark.parametrize(("chain_id", "days"), [(POLYGON, 30), (ChainId(421614), 20)])
def test_the_source_lists_a_transfer_for_so_many_days(chain_id: ChainId, days: int) -> None:
    assert is_listed_no_longer(chain_id, NOON, NOON + timedelta(days=days))
    assert not is_listed_no_longer(chain_id, NOON, NOON + timedelta(days=days, seconds=-1))
