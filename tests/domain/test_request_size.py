"""How requests get smaller and larger, and how questions are cut."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Question
from bot.domain.ask.refused_targets import Pair
from bot.domain.ask.request_size import (
    GOOD_SWEEPS_TO_GROW,
    RequestSize,
    first_and_rest,
    halves,
    pair_count,
    sized,
    smallest,
)
from bot.domain.assets import ChainId
from tests.builders import BASE, ETHEREUM, POLYGON, TREASURY, VAULT, address, question

CHAINS = (ETHEREUM, POLYGON, BASE)


def pairs_of(questions: Iterable[Question]) -> Counter[Pair]:
    """Return what questions ask for, and how often."""
    return Counter(
        (account, chain_id) for one in questions for account in one.accounts for chain_id in one.chain_ids
    )


def after_good_sweeps(size: RequestSize, sweeps: int) -> RequestSize:
    for _ in range(sweeps):
        size = size.after_good_sweep()
    return size


some_accounts = st.lists(st.integers(1, 12).map(address), min_size=1, max_size=12, unique=True).map(tuple)
some_chains = st.lists(st.integers(1, 9).map(ChainId), min_size=1, max_size=9, unique=True).map(tuple)
questions = st.builds(
    Question,
    accounts=some_accounts,
    chain_ids=some_chains,
    contract_status=st.sampled_from(["ALL", "VERIFIED"]),
)

# ---------------------------------------------------------------- size


def test_what_worked_is_used_after_more_did_not() -> None:
    assert RequestSize(50, 50).worked(12) == RequestSize(50, 12)


def test_what_worked_does_not_make_requests_larger() -> None:
    assert RequestSize(50, 12).worked(25) == RequestSize(50, 12)


def test_twenty_good_sweeps_double_the_size() -> None:
    assert after_good_sweeps(RequestSize(50, 12), GOOD_SWEEPS_TO_GROW) == RequestSize(50, 24)


def test_nineteen_good_sweeps_do_not() -> None:
    assert after_good_sweeps(RequestSize(50, 12), GOOD_SWEEPS_TO_GROW - 1).now == 12


def test_trouble_starts_the_count_again() -> None:
    size = after_good_sweeps(RequestSize(50, 12), GOOD_SWEEPS_TO_GROW - 1).worked(12)

    assert after_good_sweeps(size, GOOD_SWEEPS_TO_GROW - 1).now == 12
    assert after_good_sweeps(size, GOOD_SWEEPS_TO_GROW).now == 24


@given(st.integers(1, 500), st.lists(st.none() | st.integers(0, 600)))
def test_a_size_stays_between_one_and_the_most(most: int, steps: list[int | None]) -> None:
    size = RequestSize(most, most)
    for worked in steps:
        size = size.after_good_sweep() if worked is None else size.worked(worked)

        assert 1 <= size.now <= most


@given(st.integers(1, 500), st.integers(1, 500))
def test_good_sweeps_alone_lead_back_to_the_most(most: int, now: int) -> None:
    size = RequestSize(most, min(most, now))

    assert after_good_sweeps(size, GOOD_SWEEPS_TO_GROW * most.bit_length()) == RequestSize(most, most)


# ---------------------------------------------------------------- cutting


def test_accounts_are_halved_before_chains() -> None:
    assert halves(question(TREASURY, VAULT, chains=CHAINS)) == (
        question(TREASURY, chains=CHAINS),
        question(VAULT, chains=CHAINS),
    )


def test_a_single_account_is_halved_by_its_chains() -> None:
    assert halves(question(TREASURY, chains=CHAINS)) == (
        question(TREASURY, chains=[ETHEREUM]),
        question(TREASURY, chains=[POLYGON, BASE]),
    )


def test_one_account_on_one_chain_cannot_be_halved() -> None:
    assert halves(question(TREASURY)) == ()


def leaves(one: Question) -> list[Question]:
    parts = halves(one)
    return [one] if not parts else [leaf for part in parts for leaf in leaves(part)]


@given(questions)
def test_halving_to_the_end_asks_for_each_account_on_each_chain_once(one: Question) -> None:
    assert pairs_of(leaves(one)) == pairs_of([one])
    assert all(pair_count(leaf) == 1 for leaf in leaves(one))


@given(questions)
def test_halves_are_a_partition_and_change_nothing_else(one: Question) -> None:
    parts = halves(one)
    if not parts:
        assert pair_count(one) == 1
        return

    assert pairs_of(parts) == pairs_of([one])
    first, second = (part.accounts if len(one.accounts) > 1 else part.chain_ids for part in parts)
    assert 0 <= len(second) - len(first) <= 1
    assert {(part.contract_status, part.contracts, part.natives) for part in parts} == {
        (one.contract_status, one.contracts, one.natives)
    }


@given(questions)
def test_the_first_account_and_the_rest_are_a_partition(one: Question) -> None:
    cut = first_and_rest(one)
    if cut:
        assert len(cut[0].accounts) == 1
        assert pairs_of(cut) == pairs_of([one])


@given(questions, st.integers(1, 12))
def test_questions_are_cut_to_size_without_loss(one: Question, size: int) -> None:
    parts = sized(one, size)

    assert pairs_of(parts) == pairs_of([one])
    assert all(len(part.accounts) <= size for part in parts)


@given(questions, st.integers(0, 100))
def test_the_least_question_is_a_part_of_it(one: Question, turn: int) -> None:
    least = smallest(one, turn)

    assert pair_count(least) == 1
    assert pairs_of([least]) <= pairs_of([one])


def test_the_least_question_is_another_one_each_turn() -> None:
    one = question(TREASURY, VAULT, chains=[POLYGON, BASE])

    assert len({smallest(one, turn) for turn in range(4)}) == 4
