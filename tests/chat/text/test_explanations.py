"""What people read who ask what the transfers behind a change are."""

from dataclasses import replace

import pytest

from bot.chat.text.counterparties import counterparty_name
from bot.chat.text.history.explanations import explanation_lines
from bot.domain.assets import Address, ChainId, Description
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.names import NO_NAMES, CounterpartyNames
from bot.domain.explain.transfers import NOBODY
from bot.domain.observations import Change, ItemMove
from tests.builders import (
    NOON,
    POLYGON,
    PUNKS,
    REGISTRY,
    TREASURY,
    VAULT,
    address,
    asset,
    at,
    change,
    change_alert,
    transaction,
)

USDC = Description("ERC20", "USDC", 6)
PAYROLL = Address("0x91c4a2000000000000000000000000000007be31")
EXPLAINED, PARTLY = ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY
WHOLE = 1_000_000


def leg(amount: int, counterparty: Address = PAYROLL, *, number: int = 1, token_id: int | None = None) -> Leg:
    return Leg(counterparty, amount, token_id, transaction(number), 0, 12, NOON)


def explanation(
    *legs: Leg, outcome: ExplanationOutcome = EXPLAINED, left_out: int = 0, is_approximate: bool = False
) -> Explanation:
    return Explanation(
        outcome=outcome, legs=legs, left_out=left_out, is_approximate=is_approximate, listed_at=at(63)
    )


def told(
    what: Change,
    found: Explanation | None,
    names: CounterpartyNames = NO_NAMES,
    description: Description = USDC,
) -> ChangeAlert:
    alert = change_alert(what, description=description)
    return replace(alert, explanation=found, counterparties=names)


def lines(
    what: Change,
    found: Explanation | None,
    names: CounterpartyNames = NO_NAMES,
    description: Description = USDC,
) -> list[str]:
    return [one.visible for one in explanation_lines(told(what, found, names, description), REGISTRY, NOON)]


def test_counterparties_are_listed_with_the_moment_when_the_source_listed_them() -> None:
    found = explanation(leg(-1_000 * WHOLE), leg(-250 * WHOLE, VAULT))
    known = CounterpartyNames(names={PAYROLL: "Payroll"}, first_time=frozenset({VAULT}))

    assert lines(change(3_400 * WHOLE, 2_150 * WHOLE), found, known) == [
        "Transfers, as listed at 12:01:03 UTC:",
        "−1,000 to Payroll · tx",
        "−250 to 0x444444…444444 · first time · tx",
    ]


def test_a_transaction_is_a_link_where_the_chain_has_an_explorer() -> None:
    found = explanation(*(leg(-WHOLE, number=number) for number in range(5)))

    _, line = explanation_lines(told(change(5 * WHOLE, 0), found), REGISTRY, NOON)
    assert line.visible == "−5 to 0x91c4A2…07BE31 · tx, tx, tx and 2 more"
    assert f"{REGISTRY.get(POLYGON).explorer_url}/tx/{transaction(2)}" in line.source
    assert transaction(3) not in line.source

    nowhere = change(5 * WHOLE, 0, of=asset(chain_id=ChainId(999_999)))
    _, plain = explanation_lines(told(nowhere, found), REGISTRY, NOON)
    assert plain.visible == "−5 to 0x91c4A2…07BE31"


def test_what_is_minted_burnt_or_paid_to_itself_has_words_of_its_own() -> None:
    found = explanation(leg(9 * WHOLE, NOBODY), leg(0, TREASURY))
    assert lines(change(0, 9 * WHOLE), found)[1:] == ["+9 minted · tx", "±0 to itself · tx"]
    assert lines(change(9 * WHOLE, 0), explanation(leg(-9 * WHOLE, NOBODY)))[1:] == ["−9 burnt · tx"]


def test_of_many_counterparties_the_largest_are_named_and_the_others_counted() -> None:
    few = explanation(*(leg(-number * WHOLE, address(number)) for number in range(1, 6)))
    many = explanation(*(leg(-number * WHOLE, address(number)) for number in range(1, 13)))

    assert len(lines(change(15 * WHOLE, 0), few)) == 1 + 5
    told = lines(change(78 * WHOLE, 0), many)
    assert [line.split()[0] for line in told[1:4]] == ["−12", "−11", "−10"]
    assert told[4:] == ["and 9 more"]


def test_of_what_is_explained_in_part_the_rest_is_said() -> None:
    found = explanation(leg(-1_238 * WHOLE), outcome=PARTLY)

    assert lines(change(3_400 * WHOLE, 2_150 * WHOLE), found)[1:] == [
        "−1,238 to 0x91c4A2…07BE31 · tx",
        "the other −12: the source lists no transfer",
    ]


def test_items_are_named() -> None:
    what = replace(
        change(2, 2, of=asset(PUNKS)),
        items=(ItemMove(7, 1, 0), ItemMove(8, 0, 1), ItemMove(9, 0, 1), ItemMove(10, 1, 0)),
    )
    found = explanation(leg(-1, VAULT, token_id=7), leg(1, VAULT, token_id=8), outcome=PARTLY)

    assert lines(what, found, description=Description("ERC721", "PUNK", 0))[1:] == [
        "±0 (#7, #8) with 0x444444…444444 · tx",
        "the other ±0 (#9, #10): the source lists no transfer",
    ]


def test_where_nothing_is_listed_that_is_no_word_about_what_there_was() -> None:
    found = explanation(outcome=ExplanationOutcome.NONE_LISTED, left_out=2)

    assert lines(change(), found) == [
        "Transfers: the source lists none, as listed at 12:01:03 UTC",
        "2 transfers of nothing left out",
    ]


def test_what_was_found_by_time_is_approximate() -> None:
    found = explanation(leg(5 * WHOLE), is_approximate=True, left_out=1)

    assert lines(change(0, 5 * WHOLE), found)[2:] == [
        "found by time, so approximate",
        "1 transfer of nothing left out",
    ]


@pytest.mark.parametrize("why", WhyUnknown)
def test_what_is_unknown_is_said_with_its_reason(why: WhyUnknown) -> None:
    found = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=why, listed_at=at(63))

    (line,) = lines(change(), found)
    assert line.startswith("Transfers: ")
    assert ("not asked" in line) == (why in {WhyUnknown.QUOTA, WhyUnknown.TOO_OLD, WhyUnknown.REBASING})


def test_what_nobody_asked_about_is_no_unknown_answer() -> None:
    assert lines(change(), None) == ["Transfers: not asked for"]


def test_without_decimals_amounts_are_in_smallest_units() -> None:
    found = explanation(leg(5))

    assert lines(change(0, 5), found, description=Description("ERC20", "USDC", None))[1:] == [
        "+5 (raw units) from 0x91c4A2…07BE31 · tx"
    ]


def test_a_name_with_markup_is_text() -> None:
    name = counterparty_name(PAYROLL, CounterpartyNames(names={PAYROLL: "<b>Pay</b>"}))

    assert name.visible == "<b>Pay</b>"


def test_a_look_alike_is_warned_of() -> None:
    known = CounterpartyNames(names={VAULT: "Payroll"}, look_alikes={PAYROLL: VAULT})

    assert lines(change(5 * WHOLE, 0), explanation(leg(-5 * WHOLE)), known)[1:] == [
        "−5 to 0x91c4A2…07BE31 · ⚠ looks like Payroll, is not · tx"
    ]
