"""How requests get smaller and larger, when a source is left alone, and what is asked apart."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Address, ChainId
from bot.domain.observe.request_size import (
    FAILURES_TO_OPEN,
    GOOD_SWEEPS_TO_GROW,
    Breaker,
    Cell,
    RequestSize,
    Spoilers,
    Trouble,
    cells_in,
    halves,
    head_and_tail,
    sized,
    smallest,
)
from bot.domain.questions import Question
from tests.builders import BASE, ETHEREUM, POLYGON, TREASURY, VAULT, address, question

CHAINS = (ETHEREUM, POLYGON, BASE)
OTHER = address(7)


def cells_of(questions: Iterable[Question]) -> Counter[Cell]:
    """Return what questions ask for, and how often."""
    return Counter(
        (account, chain_id) for one in questions for account in one.accounts for chain_id in one.chain_ids
    )


def after_good_sweeps(size: RequestSize, sweeps: int) -> RequestSize:
    for _ in range(sweeps):
        size = size.after_good_sweep()
    return size


def after_failures(breaker: Breaker, times: int, trouble: Trouble = Trouble.OUTAGE) -> Breaker:
    for _ in range(times):
        breaker = breaker.after_failure(trouble, 0, 0)
    return breaker


some_accounts = st.lists(st.integers(1, 12).map(address), min_size=1, max_size=12, unique=True).map(tuple)
some_chains = st.lists(st.integers(1, 9).map(ChainId), min_size=1, max_size=9, unique=True).map(tuple)
questions = st.builds(
    Question,
    accounts=some_accounts,
    chain_ids=some_chains,
    contract_status=st.sampled_from(["ALL", "VERIFIED"]),
)
spoilers = st.builds(
    Spoilers,
    cells=st.frozensets(
        st.tuples(st.integers(1, 12).map(address), st.integers(1, 9).map(ChainId)), max_size=9
    ),
    chains=st.frozensets(st.integers(1, 9).map(ChainId), max_size=3),
    heavy=st.dictionaries(
        st.integers(1, 12).map(address), st.integers(1, 8).map(lambda now: RequestSize(9, now)), max_size=3
    ),
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


# ---------------------------------------------------------------- leaving the source alone


def test_three_failures_in_a_row_open() -> None:
    assert not after_failures(Breaker(), FAILURES_TO_OPEN).is_closed


def test_two_failures_leave_doubt_only() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN - 1)

    assert breaker.is_closed
    assert breaker.is_in_doubt


def test_an_answer_between_starts_the_row_again() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN - 1).after_answer()

    assert not breaker.is_in_doubt
    assert after_failures(breaker, FAILURES_TO_OPEN - 1).is_closed


@pytest.mark.parametrize("trouble", [Trouble.ACCESS, Trouble.QUOTA, Trouble.THROTTLED])
def test_what_holds_for_every_question_opens_at_once(trouble: Trouble) -> None:
    assert not after_failures(Breaker(), 1, trouble).is_closed


def test_a_probe_is_due_after_the_pause_and_not_before() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)

    assert not breaker.is_due(0.99)
    assert breaker.seconds_to_probe(0.25) == 0.75
    assert breaker.is_due(1)
    assert breaker.seconds_to_probe(5) == 0


def test_a_closed_one_needs_no_probe() -> None:
    assert not Breaker().is_due(1e9)
    assert Breaker().seconds_to_probe(0) is None


def test_there_is_one_probe_at_a_time() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN).probing()

    assert not breaker.is_due(1e9)
    assert breaker.probe_abandoned().is_due(1e9)


def test_an_answered_probe_closes() -> None:
    assert after_failures(Breaker(), FAILURES_TO_OPEN).probing().after_answer().is_closed


def test_an_answer_to_what_was_asked_before_does_not_close() -> None:
    assert not after_failures(Breaker(), FAILURES_TO_OPEN).after_answer().is_closed


def test_failures_of_what_was_asked_before_do_not_prolong_a_pause() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)

    assert after_failures(breaker, 30) == breaker


def test_probes_in_vain_make_the_pauses_grow() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)
    pauses = []
    for _ in range(8):
        pauses.append(breaker.seconds_to_probe(0))
        breaker = breaker.probing().after_failure(Trouble.OUTAGE, 0, 0)

    assert pauses == [1, 2, 4, 8, 15, 20, 20, 20]


def test_a_source_that_answers_probes_alone_is_probed_at_growing_pauses_too() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN).probing().after_answer()

    assert after_failures(breaker, FAILURES_TO_OPEN).seconds_to_probe(0) == 2


def test_a_source_that_answers_questions_again_is_trusted_again() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN).probing().after_answer().after_answer()

    assert breaker == Breaker()


def test_another_trouble_has_pauses_of_its_own() -> None:
    breaker = after_failures(Breaker(), FAILURES_TO_OPEN)
    for _ in range(5):
        breaker = breaker.probing().after_failure(Trouble.OUTAGE, 0, 0)

    assert breaker.probing().after_failure(Trouble.QUOTA, 0, 0).seconds_to_probe(0) == 1


@given(st.sampled_from(Trouble), st.integers(0, 40), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_in_their_bounds(trouble: Trouble, times: int, random: float) -> None:
    pause = trouble.pause_seconds(times, random)

    assert 1 <= pause <= (660 if trouble is Trouble.QUOTA else 56)
    assert trouble.pause_seconds(times, 0) <= trouble.pause_seconds(times + 1, 0)


@given(st.lists(st.sampled_from([*Trouble, "answer", "probe", "abandon"])))
def test_nothing_goes_out_but_from_a_closed_one_or_as_the_one_probe(steps: list[Trouble | str]) -> None:
    breaker = Breaker()
    for step in steps:
        match step:
            case Trouble():
                breaker = breaker.after_failure(step, 0, 0.5)
            case "answer":
                breaker = breaker.after_answer()
            case "probe" if breaker.is_due(1e9):
                breaker = breaker.probing()
            case _:
                breaker = breaker.probe_abandoned()

        assert breaker.failures < FAILURES_TO_OPEN
        assert breaker.is_closed or breaker.is_probing or breaker.is_due(1e9)
        assert not (breaker.is_closed and (breaker.is_probing or breaker.is_due(1e9)))


# ---------------------------------------------------------------- splitting


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
    assert halves(question(TREASURY)) is None


def leaves(one: Question) -> list[Question]:
    parts = halves(one)
    return [one] if parts is None else [leaf for part in parts for leaf in leaves(part)]


@given(questions)
def test_halving_to_the_end_asks_for_each_account_on_each_chain_once(one: Question) -> None:
    assert cells_of(leaves(one)) == cells_of([one])
    assert all(cells_in(leaf) == 1 for leaf in leaves(one))


@given(questions)
def test_halves_are_a_partition_and_change_nothing_else(one: Question) -> None:
    parts = halves(one)
    if parts is None:
        assert cells_in(one) == 1
        return

    assert cells_of(parts) == cells_of([one])
    first, second = (part.accounts if len(one.accounts) > 1 else part.chain_ids for part in parts)
    assert 0 <= len(second) - len(first) <= 1
    assert {(part.contract_status, part.contracts, part.natives) for part in parts} == {
        (one.contract_status, one.contracts, one.natives)
    }


@given(questions)
def test_head_and_tail_are_a_partition(one: Question) -> None:
    cut = head_and_tail(one)
    if cut is not None:
        assert len(cut[0].accounts) == 1
        assert cells_of(cut) == cells_of([one])


@given(questions, st.integers(1, 12))
def test_questions_are_cut_to_size_without_loss(one: Question, size: int) -> None:
    parts = sized(one, size)

    assert cells_of(parts) == cells_of([one])
    assert all(len(part.accounts) <= size for part in parts)


@given(questions, st.integers(0, 100))
def test_the_least_question_is_a_part_of_it(one: Question, turn: int) -> None:
    least = smallest(one, turn)

    assert cells_in(least) == 1
    assert cells_of([least]) <= cells_of([one])


def test_the_least_question_is_another_one_each_turn() -> None:
    one = question(TREASURY, VAULT, chains=[POLYGON, BASE])

    assert len({smallest(one, turn) for turn in range(4)}) == 4


# ---------------------------------------------------------------- what is asked apart


def test_what_is_refused_to_one_account_is_asked_without_it_there() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=())

    assert known.usual(question(TREASURY, VAULT, OTHER, chains=CHAINS)) == (
        question(TREASURY, OTHER, chains=CHAINS),
        question(VAULT, chains=[ETHEREUM, POLYGON]),
    )


def test_what_is_refused_to_two_accounts_on_a_chain_is_refused_to_all() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=()).with_cell(TREASURY, BASE, proven=())

    assert known.chains == {BASE}
    assert known.usual(question(TREASURY, VAULT, OTHER, chains=CHAINS)) == (
        question(TREASURY, VAULT, OTHER, chains=[ETHEREUM, POLYGON]),
    )


def test_a_chain_on_which_somebody_was_answered_is_not_to_blame() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=()).with_cell(TREASURY, BASE, proven=[BASE])

    assert known.chains == frozenset()


def test_a_refused_chain_is_probed_by_way_of_one_account_that_was_not_refused_there() -> None:
    known = Spoilers().with_cell(TREASURY, BASE, proven=()).with_chain(BASE)

    (probe,) = known.probes(question(TREASURY, VAULT, OTHER, chains=CHAINS), 0)

    assert probe.question == question(VAULT, chains=[BASE])
    assert probe.rest == question(TREASURY, OTHER, chains=[BASE])
    assert (probe.accounts, probe.chain_ids) == ((), (BASE,))


def test_a_probe_by_the_refused_does_not_use_up_the_chance_of_the_others() -> None:
    known = Spoilers().with_cell(TREASURY, BASE, proven=()).with_chain(BASE)

    (by_refused,) = known.probes(question(TREASURY, chains=CHAINS), 0)
    (by_other,) = known.probes(question(VAULT, chains=CHAINS), 0)
    (by_another,) = known.probes(question(OTHER, chains=CHAINS), 0)

    assert by_refused.key != by_other.key
    assert by_another.key == by_other.key


def test_a_refused_account_is_probed_as_a_whole_and_in_part_by_turns() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=()).with_cell(VAULT, POLYGON, proven=())

    probes = [
        probe.question.chain_ids
        for turn in range(4)
        for probe in known.probes(question(TREASURY, VAULT, chains=CHAINS), turn)
    ]

    assert probes == [(POLYGON, BASE), (POLYGON,), (POLYGON, BASE), (BASE,)]


def test_what_answers_is_forgotten() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=()).with_chain(POLYGON)

    assert known.without(question(VAULT, chains=[BASE, POLYGON])) == Spoilers()


def test_what_others_are_answered_is_no_reason_to_forget() -> None:
    known = Spoilers().with_cell(VAULT, BASE, proven=())

    assert known.without(question(VAULT, chains=[POLYGON])) == known
    assert known.without(question(TREASURY, chains=[BASE])) == known


def test_a_heavy_account_is_asked_alone_and_in_parts_until_it_has_grown() -> None:
    known = Spoilers().with_heavy(VAULT, chains=3, worked=2)
    one = question(TREASURY, VAULT, chains=CHAINS)

    assert known.usual(one) == (
        question(TREASURY, chains=CHAINS),
        question(VAULT, chains=[ETHEREUM, POLYGON]),
        question(VAULT, chains=[BASE]),
    )
    for _ in range(GOOD_SWEEPS_TO_GROW):
        known = known.after_good_sweep()
    assert known.usual(one) == (one,)


@given(questions)
def test_without_spoilers_a_question_is_asked_as_it_is(one: Question) -> None:
    assert Spoilers().usual(one) == (one,)
    assert list(Spoilers().probes(one, 0)) == []


@given(spoilers, questions)
def test_parts_that_spoil_nothing_any_more_are_not_cut_again(known: Spoilers, one: Question) -> None:
    assert all(known.usual(part) == (part,) for part in known.usual(one))


@given(spoilers, questions, st.integers(0, 20))
def test_nothing_is_asked_twice_and_only_what_is_refused_is_left_out(
    known: Spoilers, one: Question, turn: int
) -> None:
    probes = list(known.probes(one, turn))

    usual = cells_of(known.usual(one))
    asked = usual + cells_of(probe.question for probe in probes)
    rest = cells_of(probe.rest for probe in probes if probe.rest)

    assert max((asked + rest).values()) == 1
    assert (asked + rest).keys() <= cells_of([one]).keys()
    refused = {cell for cell in cells_of([one]) if cell in known.cells or cell[1] in known.chains}
    assert usual.keys() == cells_of([one]).keys() - refused


@given(spoilers, questions)
def test_whatever_is_refused_comes_back_in_time(known: Spoilers, one: Question) -> None:
    for turn in range(4 * len(one.chain_ids)):
        for probe in known.probes(one, turn):
            known = known.without(probe.question)
            if probe.rest:
                known = known.without(probe.rest)

    assert cells_of(known.usual(one)) == cells_of([one])


def accounts_of(cells: Iterable[Cell]) -> set[Address]:
    return {account for account, _ in cells}


@given(spoilers, questions, st.integers(0, 20))
def test_an_account_costs_one_probe_and_a_chain_another(known: Spoilers, one: Question, turn: int) -> None:
    probes = list(known.probes(one, turn))

    assert len({probe.key for probe in probes}) == len(probes)
    assert len(probes) <= len(accounts_of(known.cells)) + len(known.chains)
