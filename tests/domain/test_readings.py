"""From answers to readings: what was asked for is known or unknown, the rest is left out."""

import pytest

from bot.domain.ask.plan import Wanted
from bot.domain.assets import NATIVE_PART, NOTHING, Address, ChainId, Part
from bot.domain.observations import Reading, Standing
from bot.domain.observe.readings import Answered, Coverage, readings, with_named
from tests.builders import (
    DAI,
    DEGEN,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    answer,
    asset,
    coin,
    held,
    question,
    reading,
)

ALL_OF_POLYGON = Wanted(broad=frozenset({POLYGON}))


def read(wanted: dict[Address, Wanted], *answered: Answered) -> dict[tuple[Address, ChainId], Reading]:
    return {(one.account, one.chain_id): one for one in readings(wanted, answered)}


def only(wanted: Wanted, *answered: Answered) -> Reading:
    (one,) = readings({TREASURY: wanted}, answered)
    return one


def named_on(*chains: ChainId, contract: Address = DEGEN) -> Wanted:
    return Wanted(named={contract: frozenset(chains)})


# ---------------------------------------------------------------- broad answers


def test_an_answer_says_what_is_held() -> None:
    said = answer({POLYGON: {TREASURY: {USDC: 5}}}, natives={POLYGON: {TREASURY: 7}})

    assert only(ALL_OF_POLYGON, (question(), said)) == reading({USDC: 5}, native=7)


def test_an_account_that_an_answered_chain_does_not_list_holds_no_tokens() -> None:
    said = answer({POLYGON: {VAULT: {USDC: 5}}}, natives={POLYGON: {TREASURY: 0}})

    assert only(ALL_OF_POLYGON, (question(TREASURY, VAULT), said)) == reading({}, native=0)


def test_an_account_without_a_native_row_has_an_unknown_native_balance() -> None:
    said = answer({POLYGON: {}}, natives={POLYGON: {VAULT: 7}})

    assert only(ALL_OF_POLYGON, (question(TREASURY, VAULT), said)) == reading({}, native=None)


def test_a_chain_that_is_missing_from_the_answer_is_unknown() -> None:
    said = answer({ETHEREUM: {TREASURY: {USDC: 5}}}, natives={ETHEREUM: {TREASURY: 7}})

    assert only(ALL_OF_POLYGON, (question(), said)) == reading()


def test_natives_and_tokens_fail_independently() -> None:
    tokens_only = answer({POLYGON: {TREASURY: {USDC: 5}}})
    natives_only = answer(natives={POLYGON: {TREASURY: 7}})

    assert only(ALL_OF_POLYGON, (question(), tokens_only)) == reading({USDC: 5})
    assert only(ALL_OF_POLYGON, (question(), natives_only)) == reading(native=7)


def test_a_doubtful_account_has_unknown_tokens_while_others_are_known() -> None:
    said = answer(
        {POLYGON: {TREASURY: {USDC: 5}, VAULT: {USDC: 6}}},
        natives={POLYGON: {TREASURY: 7, VAULT: 8}},
        doubtful=[(POLYGON, TREASURY)],
    )
    both = {TREASURY: ALL_OF_POLYGON, VAULT: ALL_OF_POLYGON}

    result = read(both, (question(TREASURY, VAULT), said))

    assert result[TREASURY, POLYGON] == reading(native=7)
    assert result[VAULT, POLYGON] == reading({USDC: 6}, native=8, account=VAULT)


def test_doubt_on_one_chain_leaves_the_others_alone() -> None:
    said = answer(
        {POLYGON: {TREASURY: {USDC: 5}}, ETHEREUM: {TREASURY: {USDC: 6}}}, doubtful=[(POLYGON, TREASURY)]
    )
    wanted = {TREASURY: Wanted(broad=frozenset({POLYGON, ETHEREUM}))}

    result = read(wanted, (question(chains=(POLYGON, ETHEREUM)), said))

    assert result[TREASURY, POLYGON].listed is None
    assert result[TREASURY, ETHEREUM] == reading({USDC: 6}, chain_id=ETHEREUM)


def test_a_question_without_an_answer_leaves_everything_unknown() -> None:
    assert only(ALL_OF_POLYGON) == reading()


def test_an_answer_about_others_says_nothing() -> None:
    said = answer({POLYGON: {}}, natives={POLYGON: {VAULT: 7}})

    assert only(ALL_OF_POLYGON, (question(VAULT), said)) == reading()


def test_a_chain_asked_for_somebody_else_is_left_out() -> None:
    said = answer({POLYGON: {}, ETHEREUM: {TREASURY: {USDC: 5}}})

    result = read({TREASURY: ALL_OF_POLYGON}, (question(chains=(POLYGON, ETHEREUM)), said))

    assert result.keys() == {(TREASURY, POLYGON)}


# ---------------------------------------------------------------- narrow answers


def test_a_contract_asked_by_name_is_an_amount_or_nothing() -> None:
    asked = question(contracts=[DEGEN])

    held_there = only(named_on(POLYGON), (asked, answer({POLYGON: {TREASURY: {DEGEN: 5}}})))
    not_there = only(named_on(POLYGON), (asked, answer({POLYGON: {}})))

    assert held_there == reading(named={DEGEN: 5})
    assert not_there == reading(named={DEGEN: NOTHING})


def test_a_contract_asked_by_name_on_a_chain_without_an_answer_is_unknown() -> None:
    asked = question(contracts=[DEGEN])

    assert only(named_on(POLYGON), (asked, answer({}))) == reading()
    doubted = answer({POLYGON: {}}, doubtful=[(POLYGON, TREASURY)])
    assert only(named_on(POLYGON), (asked, doubted)) == reading()


def test_a_contract_that_was_not_in_the_question_is_not_known_to_be_nothing() -> None:
    said = answer({POLYGON: {}})

    assert only(named_on(POLYGON), (question(contracts=[USDC]), said)) == reading()


def test_rows_that_only_others_of_the_group_asked_for_are_left_out() -> None:
    asked = question(TREASURY, VAULT, contracts=[DEGEN, USDC])
    said = answer({POLYGON: {TREASURY: {DEGEN: 5, USDC: 6}, VAULT: {DEGEN: 7, USDC: 8}}})
    wanted = {TREASURY: named_on(POLYGON), VAULT: named_on(POLYGON, contract=USDC)}

    result = read(wanted, (asked, said))

    assert result[TREASURY, POLYGON] == reading(named={DEGEN: 5})
    assert result[VAULT, POLYGON] == reading(named={USDC: 8}, account=VAULT)


def test_a_contract_is_known_only_on_the_chains_where_it_is_wanted() -> None:
    wanted = Wanted(named={DEGEN: frozenset({POLYGON}), USDC: frozenset({ETHEREUM})})
    asked = question(chains=(POLYGON, ETHEREUM), contracts=[DEGEN, USDC])
    said = answer({POLYGON: {TREASURY: {DEGEN: 5, USDC: 6}}, ETHEREUM: {TREASURY: {DEGEN: 7, USDC: 8}}})

    result = read({TREASURY: wanted}, (asked, said))

    assert result[TREASURY, POLYGON] == reading(named={DEGEN: 5})
    assert result[TREASURY, ETHEREUM] == reading(named={USDC: 8}, chain_id=ETHEREUM)


def test_a_broad_and_a_narrow_answer_make_one_reading() -> None:
    wanted = Wanted(broad=frozenset({POLYGON}), named={DEGEN: frozenset({POLYGON})})
    listed = answer({POLYGON: {TREASURY: {USDC: 5}}}, natives={POLYGON: {TREASURY: 7}})
    by_name = answer({POLYGON: {TREASURY: {DEGEN: 3}}})

    result = only(wanted, (question(), listed), (question(contracts=[DEGEN]), by_name))

    assert result == reading({USDC: 5}, native=7, named={DEGEN: 3})


def test_several_narrow_answers_add_up() -> None:
    wanted = Wanted(named={DEGEN: frozenset({POLYGON}), USDC: frozenset({POLYGON})})
    first = (question(contracts=[DEGEN]), answer({POLYGON: {TREASURY: {DEGEN: 5}}}))
    second = (question(contracts=[USDC]), answer({POLYGON: {}}))

    assert only(wanted, first, second) == reading(named={DEGEN: 5, USDC: 0})


# ---------------------------------------------------------------- what was missing, asked by name


def test_what_was_missing_is_completed_by_name() -> None:
    asked = question(contracts=[USDC, DEGEN])
    said = answer({POLYGON: {TREASURY: {USDC: 5}}})

    completed = with_named(reading({}), asked, said, [USDC, DEGEN])

    assert completed.named == {asset(USDC): held(5), asset(DEGEN): NOTHING}


def test_what_was_missing_stays_unknown_where_the_second_answer_is() -> None:
    asked = question(contracts=[USDC])

    assert with_named(reading({}), asked, answer({}), [USDC]) == reading({})
    assert with_named(
        reading({}), question(VAULT, contracts=[USDC]), answer({POLYGON: {}}), [USDC]
    ) == reading({})


def test_a_later_name_beats_an_earlier_one_and_keeps_the_others() -> None:
    seen = reading(named={USDC: 1, DEGEN: 2})

    completed = with_named(seen, question(contracts=[USDC]), answer({POLYGON: {}}), [USDC])

    assert completed == reading(named={USDC: 0, DEGEN: 2})


# ---------------------------------------------------------------- of which assets parts speak


def coverage_of(*parts: Part) -> Coverage:
    return Coverage(frozenset(parts), VERIFIED)


@pytest.mark.parametrize("standing", Standing)
def test_a_token_is_spoken_of_by_its_name_however_it_is_known(standing: Standing) -> None:
    assert coverage_of(Part(USDC)).speaks_of(asset(USDC), standing)
    assert not coverage_of(Part(DAI)).speaks_of(asset(USDC), standing)


def test_a_list_speaks_of_what_stands_or_stood_in_it_and_not_of_what_was_only_named() -> None:
    speaks = {standing: coverage_of(VERIFIED).speaks_of(asset(USDC), standing) for standing in Standing}

    assert speaks == {Standing.LISTED: True, Standing.UNLISTED: True, Standing.NAMED: False}


def test_the_native_coin_stands_in_no_list() -> None:
    assert coverage_of(NATIVE_PART).speaks_of(coin(), Standing.LISTED)
    assert not coverage_of(VERIFIED).speaks_of(coin(), Standing.LISTED)


def test_all_parts_that_show_an_asset_are_named() -> None:
    assert coverage_of(VERIFIED, Part(USDC), NATIVE_PART).parts_about(asset(USDC), Standing.LISTED) == {
        VERIFIED,
        Part(USDC),
    }
