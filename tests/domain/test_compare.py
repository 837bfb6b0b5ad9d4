"""What a reading says about what is stored: changes, questions, and nothing where nothing is known."""

import pytest

from bot.domain.assets import NATIVE_PART, NOTHING, Address, Amount, Part
from bot.domain.observations import Balance, Hold, Move, MoveKind, Reading, Standing, Verdict, View
from bot.domain.observe.compare import READINGS_FOR_OLDER, compare
from tests.builders import ALL, BROAD, DAI, DEGEN, PUNKS, USDC, VERIFIED, asset, coin, held, reading, view


def judged(
    stored: View, seen: Reading, *, wanted: frozenset[Part] = BROAD, known_block: int | None = None
) -> Verdict:
    return compare(stored, seen, wanted=wanted, status=VERIFIED, known_block=known_block)


def through_list(
    before: int | Amount, after: int | Amount, contract: Address = USDC, kind: MoveKind = MoveKind.MOVED
) -> Move:
    return Move(asset(contract), held(before), held(after), frozenset({VERIFIED}), kind)


def named(*contracts: Address) -> frozenset[Part]:
    return frozenset(Part(contract) for contract in contracts)


# ---------------------------------------------------------------- first and second readings


def test_a_first_reading_is_stored_and_alerts_nobody() -> None:
    verdict = judged(View(), reading({USDC: 5}, native=7))

    assert verdict.moves == ()
    assert verdict.first_seen == BROAD
    assert verdict.balances == {
        coin(): Balance(held(7), Standing.LISTED),
        asset(): Balance(held(5), Standing.LISTED),
    }


def test_a_second_reading_that_differs_alerts() -> None:
    verdict = judged(view({USDC: 5}, native=7), reading({USDC: 6}, native=4))

    assert verdict.moves == (
        Move(coin(), held(7), held(4), frozenset({NATIVE_PART})),
        through_list(5, 6),
    )
    assert verdict.first_seen == frozenset()


def test_a_second_reading_that_is_the_same_says_nothing_new() -> None:
    verdict = judged(view({USDC: 5}, native=7), reading({USDC: 5}, native=7))

    assert verdict.says_nothing_new


def test_another_block_alone_is_no_change_and_not_worth_a_write() -> None:
    verdict = judged(view({USDC: held(5, block=10)}), reading({USDC: held(5, block=20)}))

    assert verdict.says_nothing_new


def test_a_part_seen_for_the_first_time_is_a_baseline_while_another_alerts() -> None:
    verdict = judged(view(native=7, covered={NATIVE_PART}), reading({USDC: 5}, native=8))

    assert [move.asset for move in verdict.moves] == [coin()]
    assert verdict.first_seen == {VERIFIED}
    assert verdict.balances[asset()] == Balance(held(5), Standing.LISTED)


# ---------------------------------------------------------------- unknown is not zero


@pytest.mark.parametrize(
    "nothing_known",
    [reading(), reading({}), reading(native=7), reading(named={DEGEN: 1})],
    ids=["nothing answered", "native unknown", "list unknown", "only another contract answered"],
)
def test_what_is_unknown_changes_nothing(nothing_known: Reading) -> None:
    stored = view({USDC: 5} if nothing_known.listed is None else {}, native=7)

    verdict = judged(stored, nothing_known)

    assert verdict.moves == ()
    assert asset() not in verdict.balances
    assert coin() not in verdict.balances
    assert verdict.missing == ()


def test_a_native_balance_is_never_zero_by_absence_nor_asked_by_name() -> None:
    verdict = judged(view({USDC: 5}, native=7), reading({USDC: 5}, native=None))

    assert verdict.says_nothing_new
    assert verdict.missing == ()
    assert verdict.still_unknown == {NATIVE_PART}


def test_a_native_balance_that_is_said_to_be_zero_is_a_change() -> None:
    verdict = judged(view(native=7), reading({}, native=0))

    assert verdict.moves == (Move(coin(), held(7), NOTHING, frozenset({NATIVE_PART})),)
    assert verdict.balances == {coin(): None}


def test_a_contract_asked_by_name_without_an_answer_stays_as_it_was() -> None:
    verdict = judged(view(named={DEGEN: 5}, covered=named(DEGEN)), reading(), wanted=named(DEGEN))

    assert verdict.says_nothing_new
    assert verdict.still_unknown == named(DEGEN)


def test_a_contract_asked_by_name_and_said_to_be_zero_is_a_change() -> None:
    stored = view(named={DEGEN: 5}, covered=named(DEGEN))

    verdict = judged(stored, reading(named={DEGEN: 0}), wanted=named(DEGEN))

    assert verdict.moves == (Move(asset(DEGEN), held(5), NOTHING, named(DEGEN)),)
    assert verdict.balances == {asset(DEGEN): None}


# ---------------------------------------------------------------- absence is a question


def test_an_asset_no_longer_listed_is_a_question_and_not_a_zero() -> None:
    verdict = judged(view({USDC: 5, DAI: 3}), reading({DAI: 3}))

    assert verdict.missing == (asset(),)
    assert verdict.says_nothing_new


def test_a_listed_zero_is_a_change_and_no_question() -> None:
    verdict = judged(view({USDC: 5}), reading({USDC: 0}))

    assert verdict.missing == ()
    assert verdict.moves == (through_list(5, NOTHING),)


def test_what_is_gone_from_the_list_and_nothing_by_name_becomes_a_change_to_zero() -> None:
    verdict = judged(view({USDC: 5}), reading({}, named={USDC: NOTHING}))

    assert verdict.missing == ()
    assert verdict.moves == (through_list(5, NOTHING),)
    assert verdict.balances == {asset(): None}


def test_what_is_gone_from_the_list_and_still_held_becomes_unlisted_without_a_change() -> None:
    verdict = judged(view({USDC: 5}), reading({}, named={USDC: 5}))

    assert verdict.moves == ()
    assert verdict.missing == ()
    assert verdict.balances == {asset(): Balance(held(5), Standing.UNLISTED)}


def test_what_is_gone_from_the_list_and_held_with_another_amount_is_a_change() -> None:
    verdict = judged(view({USDC: 5}), reading({}, named={USDC: 2}))

    assert verdict.moves == (through_list(5, 2),)
    assert verdict.balances == {asset(): Balance(held(2), Standing.UNLISTED)}


def test_nothing_is_missing_from_a_list_that_was_not_seen() -> None:
    verdict = judged(view({USDC: 5}), reading(native=7))

    assert verdict.missing == ()


def test_nothing_is_missing_from_a_list_that_is_seen_for_the_first_time() -> None:
    verdict = judged(view({USDC: 5}, covered={NATIVE_PART}), reading({}, native=0))

    assert verdict.missing == ()
    assert verdict.moves == ()


def test_a_list_of_which_something_gave_no_answer_by_name_is_not_fully_seen() -> None:
    missing = judged(view({USDC: 5}), reading({}, native=0))
    assert missing.still_unknown == {VERIFIED}
    unlisted = judged(view(unlisted={DEGEN: 5}), reading({}, native=0))
    assert unlisted.still_unknown == {VERIFIED}
    back = judged(view(unlisted={DEGEN: 5}, unknown=[VERIFIED]), reading({}, native=0))
    assert back.seen_again == frozenset()


def test_a_list_of_which_everything_gave_an_answer_by_name_is_seen() -> None:
    seen = reading({}, native=0, named={DEGEN: 5})

    assert judged(view(unlisted={DEGEN: 5}), seen).still_unknown == frozenset()
    assert judged(view(unlisted={DEGEN: 5}, unknown=[VERIFIED]), seen).seen_again == {VERIFIED}


def test_an_unlisted_asset_without_an_answer_by_name_stays() -> None:
    verdict = judged(view(unlisted={USDC: 5}), reading({}))

    assert verdict.says_nothing_new
    assert verdict.missing == ()


def test_an_unlisted_asset_that_reads_zero_by_name_is_a_change_for_those_who_watch_the_list() -> None:
    verdict = judged(view(unlisted={USDC: 5}), reading({}, named={USDC: 0}))

    assert verdict.moves == (through_list(5, NOTHING),)


def test_an_unlisted_asset_that_is_listed_again_says_nothing_but_its_standing() -> None:
    verdict = judged(view(unlisted={USDC: 5}), reading({USDC: 5}))

    assert verdict.moves == ()
    assert verdict.balances == {asset(): Balance(held(5), Standing.LISTED)}


def test_a_listed_asset_keeps_its_standing_while_only_its_name_is_answered() -> None:
    wanted = BROAD | named(USDC)

    verdict = judged(view({USDC: 5}, covered=wanted), reading(named={USDC: 5}), wanted=wanted)

    assert verdict.says_nothing_new
    assert verdict.still_unknown == BROAD


# ---------------------------------------------------------------- newly present


@pytest.mark.parametrize(
    ("block", "known_block", "kind"),
    [
        (101, 100, MoveKind.MOVED),
        (100, 100, MoveKind.LISTED),
        (99, 100, MoveKind.LISTED),
        (None, 100, MoveKind.LISTED),
        (None, None, MoveKind.LISTED),
        (1, None, MoveKind.MOVED),
    ],
)
def test_what_is_newly_listed_is_a_gain_only_if_its_block_is_newer_than_what_was_known(
    block: int | None, known_block: int | None, kind: MoveKind
) -> None:
    seen = held(5, block=block)

    verdict = judged(
        view(holds={asset(): Hold(seen, READINGS_FOR_OLDER - 1)}),
        reading({USDC: seen}),
        known_block=known_block,
    )

    assert verdict.moves == (through_list(NOTHING, seen, kind=kind),)


def test_what_a_name_newly_shows_is_a_gain_whatever_its_block() -> None:
    seen = held(5, block=1)

    verdict = judged(
        view(covered=named(DEGEN), holds={asset(DEGEN): Hold(seen, READINGS_FOR_OLDER - 1)}),
        reading(named={DEGEN: seen}),
        wanted=named(DEGEN),
        known_block=100,
    )

    assert verdict.moves == (Move(asset(DEGEN), NOTHING, held(5, block=1), named(DEGEN)),)


def test_a_new_native_balance_is_a_gain_without_any_block() -> None:
    verdict = judged(view(), reading({}, native=5), known_block=100)

    assert verdict.moves == (Move(coin(), NOTHING, held(5), frozenset({NATIVE_PART})),)


def test_a_zero_that_was_not_held_is_nothing() -> None:
    verdict = judged(view(), reading({USDC: 0}, native=0, named={DEGEN: 0}))

    assert verdict.says_nothing_new


# ---------------------------------------------------------------- broad and narrow


def test_where_list_and_name_show_the_same_asset_the_name_wins() -> None:
    wanted = BROAD | named(USDC)

    verdict = judged(
        view({USDC: 5}, covered=wanted), reading({USDC: 5}, native=0, named={USDC: 9}), wanted=wanted
    )

    assert verdict.moves == (Move(asset(), held(5), held(9), frozenset({VERIFIED, Part(USDC)})),)


def test_a_change_seen_both_ways_is_heard_by_both() -> None:
    wanted = BROAD | named(USDC)

    verdict = judged(view({USDC: 5}, covered=wanted), reading({USDC: 6}, named={USDC: 6}), wanted=wanted)

    assert [move.through for move in verdict.moves] == [{VERIFIED, Part(USDC)}]


def test_watching_all_does_not_cover_what_only_a_name_showed() -> None:
    wanted = BROAD | named(DEGEN)

    verdict = judged(
        view(named={DEGEN: 5}, covered=wanted), reading({}, native=0, named={DEGEN: 6}), wanted=wanted
    )

    assert [move.through for move in verdict.moves] == [named(DEGEN)]
    assert verdict.balances == {asset(DEGEN): Balance(held(6), Standing.NAMED)}


def test_what_only_a_name_showed_is_not_missing_from_the_list() -> None:
    wanted = BROAD | named(DEGEN)

    verdict = judged(view(named={DEGEN: 5}, covered=wanted), reading({}), wanted=wanted)

    assert verdict.missing == ()


def test_what_was_known_by_name_and_gets_listed_is_told_to_those_who_watch_the_list() -> None:
    wanted = BROAD | named(DEGEN)
    seen = held(5, block=3)

    verdict = judged(view(named={DEGEN: seen}, covered=wanted), reading({DEGEN: seen}), wanted=wanted)

    assert verdict.moves == (through_list(NOTHING, seen, DEGEN, MoveKind.LISTED),)
    assert verdict.balances == {asset(DEGEN): Balance(seen, Standing.LISTED)}


def test_what_was_known_by_name_is_a_baseline_where_the_list_is_seen_for_the_first_time() -> None:
    wanted = BROAD | named(DEGEN)

    verdict = judged(
        view(named={DEGEN: 5}, covered=named(DEGEN)), reading({DEGEN: 5}, named={DEGEN: 5}), wanted=wanted
    )

    assert verdict.moves == ()
    assert verdict.first_seen == {VERIFIED}


def test_a_name_asked_for_the_first_time_alerts_only_those_who_watch_the_list() -> None:
    wanted = BROAD | named(USDC)

    verdict = judged(view({USDC: 5}), reading({USDC: 6}, named={USDC: 6}), wanted=wanted)

    assert [move.through for move in verdict.moves] == [{VERIFIED}]
    assert verdict.first_seen == named(USDC)


def test_another_status_is_another_part_and_starts_from_a_baseline() -> None:
    verdict = compare(
        view({USDC: 5}),
        reading({USDC: 6, DEGEN: 4}, native=0),
        wanted=frozenset({NATIVE_PART, ALL}),
        status=ALL,
    )

    assert verdict.first_seen == {ALL}
    assert verdict.moves == ()
    assert verdict.missing == ()


# ---------------------------------------------------------------- collections


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (held(3, uniques=3), held(4, uniques=4)),
        (held(3, uniques=3), held(3, uniques=2)),
        (held(3, uniques=2), held(4, uniques=2)),
    ],
    ids=["items and ids", "ids only", "items only"],
)
def test_a_collection_changes_with_its_items_or_its_ids(before: Amount, after: Amount) -> None:
    verdict = judged(view({PUNKS: before}), reading({PUNKS: after}))

    assert verdict.moves == (through_list(before, after, PUNKS),)


def test_ids_that_nobody_counted_are_no_change_and_are_not_forgotten() -> None:
    stored = view({PUNKS: held(3, uniques=2)})

    listed_again = judged(stored, reading({PUNKS: held(3)}))
    unlisted = judged(stored, reading({}, named={PUNKS: held(3)}))

    assert listed_again.says_nothing_new
    assert unlisted.moves == ()
    assert unlisted.balances == {asset(PUNKS): Balance(held(3, uniques=2), Standing.UNLISTED)}


def test_ids_counted_for_the_first_time_are_remembered_without_a_change() -> None:
    verdict = judged(view({PUNKS: held(3)}), reading({PUNKS: held(3, uniques=2)}))

    assert verdict.moves == ()
    assert verdict.balances == {asset(PUNKS): Balance(held(3, uniques=2), Standing.LISTED)}


# ---------------------------------------------------------------- seen, seen again, unknown


def test_a_part_that_was_unknown_and_answers_is_seen_again() -> None:
    verdict = judged(view({USDC: 5}, native=7, unknown={VERIFIED}), reading({USDC: 5}, native=7))

    assert verdict.seen_again == {VERIFIED}
    assert not verdict.says_nothing_new


def test_a_part_that_was_known_and_answers_is_not_seen_again() -> None:
    verdict = judged(view({USDC: 5}, native=7), reading({USDC: 5}, native=7))

    assert verdict.seen_again == frozenset()


def test_a_part_that_was_never_answered_is_not_there_yet() -> None:
    verdict = judged(View(), reading(native=7))

    assert verdict.never_seen == {VERIFIED}
    assert verdict.still_unknown == frozenset()


def test_a_native_balance_without_an_answer_is_not_seen_by_way_of_a_missing_asset() -> None:
    stored = view({USDC: 5}, native=7, unknown={NATIVE_PART})

    verdict = judged(stored, reading({}, named={USDC: NOTHING}))

    assert verdict.seen_again == frozenset()
    assert verdict.still_unknown == {NATIVE_PART}
