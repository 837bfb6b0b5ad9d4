"""What an alert says of the transfers behind its change: with whom, and what to beware of."""

from dataclasses import replace

import pytest

from bot.chat.text.alerts import compose
from bot.domain.assets import Address, Amount, Asset, ChainId
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.names import NO_NAMES, CounterpartyNames
from bot.domain.explain.transfers import NOBODY, TransactionHash
from bot.domain.observations import ItemMove, MoveKind
from tests.builders import address, transaction
from tests.chat.reading import CHAINS, POLYGON, TREASURY, USDC, VAULT, read, seen
from tests.chat.text.alert_builders import NOON, alert, collection, composed, lines, token

PAYROLL = Address("0x91c4a2d0f2b1b5d8e0c3a67f4e9d5b8c2a07be31")
RENT = Address("0x6a3b1f0000000000000000000000000000c49d27")
FORGED = Address("0x91c4" + "f" * 32 + "be31")
TX = transaction(1)
NAMED = CounterpartyNames(names={PAYROLL: "Payroll", RENT: "Rent"})
EXPLAINED, PARTLY = ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY


def leg(amount: int, to: Address = PAYROLL, tx: TransactionHash = TX, *, token_id: int | None = None) -> Leg:
    return Leg(to, amount, token_id, tx, 0, 12, NOON)


def explained(*legs: Leg, outcome: ExplanationOutcome = EXPLAINED) -> Explanation:
    return Explanation(outcome=outcome, legs=legs, listed_at=NOON)


def told(
    before: int, after: int, *legs: Leg, names: CounterpartyNames = NO_NAMES, partly: bool = False
) -> ChangeAlert:
    found = explained(*legs, outcome=PARTLY if partly else EXPLAINED)
    return replace(alert(before, after), explanation=found, counterparties=names)


def below(one: ChangeAlert) -> str:
    return "\n".join(line.strip() for line in lines(one)[1:-1])


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (told(3_400, 2_150, leg(-1_250), names=NAMED), "3,400 → 2,150 · to Payroll · tx"),
        (told(2_150, 3_400, leg(1_250), names=NAMED), "2,150 → 3,400 · from Payroll · tx"),
        (told(3_400, 2_150, leg(-1_250)), "3,400 → 2,150 · to 0x91C4a2…07bE31 · tx"),
        (told(0, 9, leg(9, NOBODY)), "0 → 9 · minted · tx"),
        (told(9, 0, leg(-9, NOBODY)), "9 → 0, all of it · burnt · tx"),
        (
            told(3_400, 2_150, leg(-250, RENT), leg(-1_000), names=NAMED),
            "3,400 → 2,150\n1,000 to Payroll · tx\n250 to Rent · tx",
        ),
        (
            told(3_400, 2_150, leg(-1_300), leg(50, VAULT), names=NAMED),
            "3,400 → 2,150\n1,300 to Payroll · tx\n50 from 0xababab…ababab · tx",
        ),
    ],
)
def test_an_alert_says_with_whom_its_change_was(one: ChangeAlert, text: str) -> None:
    assert below(one).casefold() == text.casefold()


def test_what_went_to_one_in_several_transactions_is_one_sum_with_a_link_to_each() -> None:
    several = [leg(-250, tx=transaction(number)) for number in range(1, 6)]

    few, many = told(3_400, 2_650, *several[:3], names=NAMED), told(3_400, 2_150, *several, names=NAMED)

    assert below(few) == "3,400 → 2,650 · to Payroll · tx, tx, tx"
    assert below(many) == "3,400 → 2,150 · to Payroll · tx, tx, tx and 2 more"


def test_of_many_counterparties_the_largest_three_are_named() -> None:
    twelve = [leg(-number, address(number)) for number in range(1, 13)]

    text = below(told(100, 22, *twelve))

    assert [line.split(" to ")[0] for line in text.split("\n")[1:]] == ["12", "11", "10", "and 9 more"]
    assert text.count(" · tx") == 3


def test_three_counterparties_are_all_named() -> None:
    three = [leg(-number, address(number)) for number in range(1, 4)]

    assert "more" not in below(told(100, 94, *three))


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            told(3_400, 2_150, leg(-1_238), names=NAMED, partly=True),
            "3,400 → 2,150 · −1,238 to Payroll · tx; 12 without a transfer",
        ),
        (
            told(3_400, 2_150, leg(-1_260), names=NAMED, partly=True),
            "3,400 → 2,150 · −1,260 to Payroll · tx; +10 without a transfer",
        ),
        (
            told(2_150, 3_400, leg(1_260), names=NAMED, partly=True),
            "2,150 → 3,400 · +1,260 from Payroll · tx; −10 without a transfer",
        ),
        (
            told(3_400, 2_150, leg(-1_000), leg(-238, RENT), names=NAMED, partly=True),
            "3,400 → 2,150 · 12 without a transfer\n1,000 to Payroll · tx\n238 to Rent · tx",
        ),
        (
            told(100, 90, *(leg(-1, address(number)) for number in range(1, 5)), partly=True),
            "100 → 90 · 6 without a transfer\n"
            + "".join(f"1 to 0x000000…00000{number} · tx\n" for number in (1, 2, 3))
            + "and 1 more",
        ),
    ],
)
def test_what_is_explained_in_part_says_how_much_is_not(one: ChangeAlert, text: str) -> None:
    assert below(one) == text


@pytest.mark.parametrize(
    "found",
    [
        None,
        Explanation(outcome=ExplanationOutcome.NONE_LISTED, left_out=3),
        *(Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=why) for why in WhyUnknown),
    ],
)
def test_where_no_transfer_is_known_an_alert_is_as_it_ever_was(found: Explanation | None) -> None:
    plain = alert(3_400, 2_150)

    assert lines(replace(plain, explanation=found, counterparties=NAMED)) == lines(plain)


def test_what_is_listed_only_now_has_no_counterparty() -> None:
    listed = alert(0, 5, move=MoveKind.LISTED, block=12)

    assert lines(replace(listed, explanation=explained(leg(5)))) == lines(listed)


def test_the_first_payment_to_somebody_is_said_only_where_it_is_the_first() -> None:
    new = CounterpartyNames(first_time=frozenset({VAULT}))

    assert (
        below(told(9, 4, leg(-5, VAULT), names=new)).casefold()
        == "9 → 4 · to 0xababab…ababab · first time · tx"
    )
    assert "first" not in below(told(9, 4, leg(-5, RENT), names=new))
    assert (
        below(told(9, 2, leg(-5, VAULT), leg(-2, RENT), names=new)).casefold()
        == "9 → 2\n5 to 0xababab…ababab · first time · tx\n2 to 0x6a3b1f…c49d27 · tx"
    )


def test_a_forged_address_is_warned_of_in_a_line_of_its_own() -> None:
    alike = CounterpartyNames(names={PAYROLL: "Payroll"}, look_alikes={FORGED: PAYROLL})

    alone = below(told(9, 4, leg(-5, FORGED), names=alike)).casefold()
    beside = below(told(9, 2, leg(-5, FORGED), leg(-2), names=alike)).casefold()

    assert alone == "9 → 4 · to 0x91c4ff…ffbe31 · tx\n⚠ looks like payroll, is not"
    assert beside.endswith("\n⚠ 0x91c4ff…ffbe31 looks like payroll, is not")
    assert "⚠" not in below(told(9, 4, leg(-5), names=alike))


def test_a_forged_address_is_warned_of_even_where_it_is_not_among_the_largest() -> None:
    alike = CounterpartyNames(names={PAYROLL: "Payroll"}, look_alikes={FORGED: PAYROLL})
    others = [leg(-number, address(number)) for number in range(2, 9)]

    text = below(told(100, 64, *others, leg(-1, FORGED), names=alike)).casefold()

    assert "0x91c4ff" not in text.partition("⚠")[0]
    assert text.endswith("\n⚠ 0x91c4ff…ffbe31 looks like payroll, is not")


def test_what_an_address_without_a_name_looks_like_is_shown_by_its_digits() -> None:
    alike = CounterpartyNames(look_alikes={FORGED: PAYROLL})

    text = below(told(9, 4, leg(-5, FORGED), names=alike)).casefold()

    assert text.endswith("\n⚠ looks like 0x91c4a2…07be31, is not")


def test_an_address_without_a_name_can_not_be_copied_from_an_alert() -> None:
    alike = CounterpartyNames(first_time=frozenset({FORGED}), look_alikes={FORGED: PAYROLL})

    source = composed(told(9, 2, leg(-5, FORGED), leg(-2, RENT), names=alike)).html

    assert "<code>" not in source
    assert FORGED not in source.casefold()
    assert RENT not in source.casefold()


def test_a_transaction_links_to_the_page_of_the_chains_explorer() -> None:
    one = told(9, 4, leg(-5), names=NAMED)
    nowhere = replace(one, change=replace(one.change, asset=Asset(ChainId(2**53), USDC)))

    assert f"{CHAINS.get(POLYGON).explorer_url}/tx/{TX}" in read(composed(one).html).urls
    assert below(nowhere) == "9 → 4 · to Payroll"


def test_a_name_is_shown_as_text_whatever_is_in_it() -> None:
    hostile = CounterpartyNames(names={PAYROLL: "⚠ +5 <b>USDC</b> @everyone\n\u202e"})

    message = composed(told(9, 4, leg(-5), names=hostile))

    assert "<b>USDC" not in message.html
    assert "to +5 <b>USDC</b> @everyone · tx" in seen(message.html)
    assert "<code>+5 &lt;b&gt;USDC&lt;/b&gt; @everyone</code>" in message.html


def test_a_name_of_which_nothing_is_visible_gives_way_to_the_digits() -> None:
    assert (
        "to 0x91c4a2…07be31"
        in below(told(9, 4, leg(-5), names=CounterpartyNames(names={PAYROLL: "\u200b"}))).casefold()
    )


def test_items_of_a_collection_are_paid_like_anything_else() -> None:
    gone = collection(Amount(3), Amount(2), items=[(7, 1, 0)])
    found = explained(leg(-1, token_id=7))

    assert below(replace(gone, explanation=found, counterparties=NAMED)).endswith(" · to Payroll · tx")


def test_items_that_no_transfer_explains_are_counted() -> None:
    gone = collection(Amount(3), Amount(1), items=[(7, 1, 0), (8, 1, 0)])
    found = explained(leg(-1, token_id=7), outcome=PARTLY)

    text = below(replace(gone, explanation=found, counterparties=NAMED))

    assert text.endswith(" · −1 to Payroll · tx; 1 item without a transfer")


def between(sender: Address, receiver: Address, amount: int = 5) -> tuple[ChangeAlert, ChangeAlert]:
    """Return both ends of one transfer."""
    known = CounterpartyNames(names={TREASURY: "Treasury", VAULT: "Savings"})
    out = replace(
        alert(9, 9 - amount, account=sender),
        explanation=explained(leg(-amount, receiver)),
        counterparties=known,
    )
    into = replace(
        alert(0, amount, account=receiver, label="Savings"),
        explanation=explained(leg(amount, sender)),
        counterparties=known,
    )
    return out, into


def test_what_moves_within_ones_own_accounts_is_said_once() -> None:
    shown = lines(*between(TREASURY, VAULT))

    assert [line for line in shown if "→" in line] == [
        "    9 → 4 · to Savings · tx",
        "    0 → 5 · from Treasury · tx",
    ]
    assert shown[-2] == "Both changes: ⇄ within your accounts"
    assert sum("within your accounts" in line for line in shown) == 1


def test_of_many_changes_it_is_said_how_many_are_within() -> None:
    shown = lines(*between(TREASURY, VAULT), told(7, 6, leg(-1, RENT)))

    assert shown[-2] == "2 of these changes: ⇄ within your accounts"


def test_without_a_common_transfer_nothing_is_within() -> None:
    out, into = between(TREASURY, VAULT)
    elsewhere = replace(into, explanation=explained(leg(5, TREASURY, transaction(2))))

    assert not any("within" in line for line in lines(out, elsewhere))
    assert not any("within" in line for line in lines(out))


def test_changes_that_are_folded_say_with_whom_they_were_and_have_no_links() -> None:
    many = [
        replace(told(9, 4, leg(-5), names=NAMED), change=replace(alert(9, 4).change, asset=token(number)))
        for number in range(1, 41)
    ]

    message = compose(many, "7KQ2F", CHAINS, NOON)

    assert message.alerts == 40
    assert seen(message.html).count("· to Payroll") == 40
    assert message.html.count("/tx/") == 8


def test_the_steps_of_several_moves_of_ids_are_no_trouble() -> None:
    exchanged = replace(
        collection(Amount(2), Amount(2)),
        explanation=explained(leg(-1, VAULT, token_id=7), leg(1, VAULT, token_id=8)),
    )
    exchanged = replace(
        exchanged, change=replace(exchanged.change, items=(ItemMove(7, 1, 0), ItemMove(8, 0, 1)))
    )

    assert below(exchanged).casefold().endswith(" · with 0xababab…ababab · tx")


def test_of_many_forged_addresses_three_are_named_and_the_others_counted() -> None:
    forged = [Address(f"0x91c4{number:032x}be31") for number in range(1, 6)]
    alike = CounterpartyNames(names={PAYROLL: "Payroll"}, look_alikes=dict.fromkeys(forged, PAYROLL))

    text = below(told(100, 95, *(leg(-1, one) for one in forged), names=alike))

    assert text.count("looks like Payroll, is not") == 3
    assert text.endswith("\n⚠ 2 more look like others that are known")
