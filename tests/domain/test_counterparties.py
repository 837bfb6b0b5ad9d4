"""With whom a change was: netted, whom it looks like, and what stayed within one's own accounts."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Address
from bot.domain.explain.counterparties import CounterpartyTotal, counterparty_totals
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.explain.look_alikes import look_alike, resembles
from bot.domain.explain.netting import ExplainedChange, amount_within, is_within, within_accounts
from bot.domain.explain.transfers import NOBODY
from tests.builders import BASE, NOON, TREASURY, USDC, VAULT, address, asset, transaction

PAYROLL, BROKER = address(7), address(8)


def leg(
    amount: int,
    counterparty: Address = VAULT,
    *,
    number: int = 1,
    log_index: int | None = 0,
    token_id: int | None = None,
) -> Leg:
    return Leg(counterparty, amount, token_id, transaction(number), log_index, 12, NOON)


# ---------------------------------------------------------------- netted


def test_what_moved_with_one_address_is_netted_with_its_transactions() -> None:
    assert counterparty_totals(
        [leg(-5, PAYROLL), leg(2, PAYROLL, number=2), leg(-1, PAYROLL, log_index=1)]
    ) == (CounterpartyTotal(PAYROLL, -4, (), (transaction(1), transaction(2))),)


def test_the_largest_come_first_and_equals_as_they_came() -> None:
    found = counterparty_totals([leg(1, VAULT), leg(-9, PAYROLL), leg(3, BROKER), leg(-3, NOBODY)])

    assert [one.address for one in found] == [PAYROLL, BROKER, NOBODY, VAULT]


def test_an_exchange_of_items_nets_to_nothing_and_names_its_ids() -> None:
    exchanged = [leg(-1, PAYROLL, token_id=7), leg(1, PAYROLL, token_id=8)]
    back_again = [leg(1, BROKER, token_id=9), leg(-1, BROKER, token_id=9, number=2)]

    first, second = counterparty_totals([*back_again, *exchanged])
    assert (first.address, first.amount_raw, first.items) == (PAYROLL, 0, ((7, -1), (8, 1)))
    assert (second.address, second.items) == (BROKER, ())


LEGS = st.lists(
    st.builds(leg, st.integers(-(2**256), 2**256), st.sampled_from((VAULT, PAYROLL, BROKER, NOBODY)))
)


@given(LEGS)
def test_nothing_is_lost_by_netting(legs: list[Leg]) -> None:
    found = counterparty_totals(legs)

    assert sum(one.amount_raw for one in found) == sum(one.amount_raw for one in legs)
    assert {one.address for one in found} == {one.counterparty for one in legs}
    sizes = [abs(one.amount_raw) for one in found]
    assert sizes == sorted(sizes, reverse=True)


# ---------------------------------------------------------------- look-alikes

TRUE_ONE = Address("0xabcd" + "1" * 32 + "ef01")
FORGED = Address("0xabcd" + "2" * 32 + "ef01")


def test_an_address_that_begins_and_ends_like_another_looks_like_it() -> None:
    assert resembles(FORGED, TRUE_ONE)
    assert not resembles(TRUE_ONE, TRUE_ONE)
    assert not resembles(Address(f"0xabc0{FORGED[6:]}"), TRUE_ONE)
    assert not resembles(Address(f"{FORGED[:-1]}2"), TRUE_ONE)


def test_a_copy_of_a_named_or_earlier_address_is_warned_of() -> None:
    assert look_alike(FORGED, {TRUE_ONE}, []) == TRUE_ONE
    assert look_alike(FORGED, {PAYROLL}, [BROKER, TRUE_ONE]) == TRUE_ONE
    assert look_alike(FORGED, {PAYROLL}, [BROKER]) is None


def test_a_named_address_is_never_warned_of() -> None:
    assert look_alike(FORGED, {TRUE_ONE, FORGED}, [TRUE_ONE]) is None


def test_of_two_earlier_ones_the_first_is_true_and_its_copy_is_warned_of_each_time() -> None:
    assert look_alike(FORGED, (), [TRUE_ONE, FORGED]) == TRUE_ONE
    assert look_alike(TRUE_ONE, (), [TRUE_ONE, FORGED]) is None


# ---------------------------------------------------------------- within one's own accounts


def explained(
    account: Address, *legs: Leg, outcome: ExplanationOutcome = ExplanationOutcome.EXPLAINED
) -> ExplainedChange:
    return ExplainedChange(account, asset(USDC), Explanation(outcome=outcome, legs=legs))


def netted(*changes: ExplainedChange) -> Sequence[tuple[bool, int]]:
    within = within_accounts(changes)
    return [(is_within(change, within), amount_within(change, within)) for change in changes]


def test_one_transfer_that_explains_two_accounts_stays_within_them() -> None:
    paid, got = explained(TREASURY, leg(-5, VAULT)), explained(VAULT, leg(5, TREASURY))

    assert netted(paid, got) == [(True, -5), (True, 5)]
    assert netted(paid) == [(False, 0)]


def test_two_transfers_of_the_same_amount_are_none_between_two_accounts() -> None:
    paid = explained(TREASURY, leg(-5, VAULT, number=1))

    assert netted(paid, explained(VAULT, leg(5, TREASURY, number=2))) == [(False, 0), (False, 0)]
    assert netted(paid, explained(VAULT, leg(5, TREASURY, log_index=1))) == [(False, 0), (False, 0)]
    assert netted(paid, explained(VAULT, leg(5, PAYROLL))) == [(False, 0), (False, 0)]
    elsewhere = explained(VAULT, leg(5, TREASURY))._replace(asset=asset(USDC, BASE))
    assert netted(paid, elsewhere) == [(False, 0), (False, 0)]


def test_a_change_that_is_not_explained_exactly_is_not_netted() -> None:
    paid = explained(TREASURY, leg(-5, VAULT), outcome=ExplanationOutcome.PARTLY)

    assert netted(paid, explained(VAULT, leg(5, TREASURY))) == [(False, 0), (False, 0)]


def test_of_a_change_that_went_out_too_only_its_part_stays_within() -> None:
    paid = explained(TREASURY, leg(-5, VAULT), leg(-2, PAYROLL, number=2))

    assert netted(paid, explained(VAULT, leg(5, TREASURY))) == [(False, -5), (True, 5)]


def test_items_are_netted_id_by_id() -> None:
    paid = explained(TREASURY, leg(-1, VAULT, token_id=7), leg(-1, VAULT, token_id=8))

    assert netted(paid, explained(VAULT, leg(1, TREASURY, token_id=7))) == [(False, -1), (True, 1)]


def test_what_an_account_paid_itself_is_no_transfer_between_two() -> None:
    assert netted(explained(TREASURY, leg(0, TREASURY))) == [(False, 0)]
    with_another = explained(TREASURY, leg(0, TREASURY, number=2), leg(-5, VAULT))
    assert netted(with_another, explained(VAULT, leg(5, TREASURY))) == [(True, -5), (True, 5)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from((TREASURY, VAULT, PAYROLL)),
            st.sampled_from((TREASURY, VAULT, PAYROLL, BROKER)),
            st.integers(0, 5),
        )
    ),
    st.sets(st.sampled_from((TREASURY, VAULT, PAYROLL))),
)
def test_what_stays_within_sums_to_nothing(
    paid: list[tuple[Address, Address, int]], seen: set[Address]
) -> None:
    changes = []
    for account in sorted(seen):
        legs = [
            leg(amount * ((account == to) - (account == who)), who if account == to else to, number=number)
            for number, (who, to, amount) in enumerate(paid)
            if account in {who, to}
        ]
        changes.append(explained(account, *legs))
    within = within_accounts(changes)

    assert not sum(amount_within(change, within) for change in changes)
    own = {(one.sender, one.receiver) for one in within}
    assert {who for pair in own for who in pair} <= seen
