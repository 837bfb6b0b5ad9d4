"""What is refused is asked apart, hides no others, and comes back."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Question
from bot.domain.ask.refused_targets import Pair, RefusedTargets
from bot.domain.ask.request_size import GOOD_SWEEPS_TO_GROW, RequestSize
from bot.domain.assets import Address, ChainId
from tests.builders import BASE, ETHEREUM, POLYGON, TREASURY, VAULT, address, question
from tests.domain.test_request_size import pairs_of, questions

CHAINS = (ETHEREUM, POLYGON, BASE)
OTHER = address(7)

targets = st.builds(
    RefusedTargets,
    pairs=st.frozensets(
        st.tuples(st.integers(1, 12).map(address), st.integers(1, 9).map(ChainId)), max_size=9
    ),
    chains=st.frozensets(st.integers(1, 9).map(ChainId), max_size=3),
    oversized=st.dictionaries(
        st.integers(1, 12).map(address), st.integers(1, 8).map(lambda now: RequestSize(9, now)), max_size=3
    ),
)


def test_what_is_refused_to_one_account_is_asked_without_it_there() -> None:
    known = RefusedTargets().with_pair(question(VAULT, chains=[BASE]), answered=())

    assert known.accepted(question(TREASURY, VAULT, OTHER, chains=CHAINS)) == (
        question(TREASURY, OTHER, chains=CHAINS),
        question(VAULT, chains=[ETHEREUM, POLYGON]),
    )


def test_what_is_refused_to_two_accounts_on_a_chain_is_refused_to_all() -> None:
    known = (
        RefusedTargets()
        .with_pair(question(VAULT, chains=[BASE]), answered=())
        .with_pair(question(TREASURY, chains=[BASE]), answered=())
    )

    assert known.chains == {BASE}
    assert known.accepted(question(TREASURY, VAULT, OTHER, chains=CHAINS)) == (
        question(TREASURY, VAULT, OTHER, chains=[ETHEREUM, POLYGON]),
    )


def test_a_chain_on_which_somebody_was_answered_is_not_to_blame() -> None:
    known = (
        RefusedTargets()
        .with_pair(question(VAULT, chains=[BASE]), answered=())
        .with_pair(question(TREASURY, chains=[BASE]), answered=[BASE])
    )

    assert known.chains == frozenset()


def test_a_refused_chain_is_retried_by_way_of_one_account_that_was_not_refused_there() -> None:
    known = RefusedTargets().with_pair(question(TREASURY, chains=[BASE]), answered=()).with_chains([BASE])

    (retry,) = known.retries(question(TREASURY, VAULT, OTHER, chains=CHAINS), 0)

    assert retry.question == question(VAULT, chains=[BASE])
    assert retry.rest == question(TREASURY, OTHER, chains=[BASE])


def test_a_retry_by_the_refused_does_not_use_up_the_chance_of_the_others() -> None:
    known = RefusedTargets().with_pair(question(TREASURY, chains=[BASE]), answered=()).with_chains([BASE])

    (by_refused,) = known.retries(question(TREASURY, chains=CHAINS), 0)
    (by_other,) = known.retries(question(VAULT, chains=CHAINS), 0)
    (by_another,) = known.retries(question(OTHER, chains=CHAINS), 0)

    assert by_refused.key != by_other.key
    assert by_another.key == by_other.key


def test_a_refused_account_is_retried_as_a_whole_and_in_part_by_turns() -> None:
    known = (
        RefusedTargets()
        .with_pair(question(VAULT, chains=[BASE]), answered=())
        .with_pair(question(VAULT, chains=[POLYGON]), answered=())
    )

    retries = [
        retry.question.chain_ids
        for turn in range(4)
        for retry in known.retries(question(TREASURY, VAULT, chains=CHAINS), turn)
    ]

    assert retries == [(POLYGON, BASE), (POLYGON,), (POLYGON, BASE), (BASE,)]


def test_what_answers_is_forgotten() -> None:
    known = RefusedTargets().with_pair(question(VAULT, chains=[BASE]), answered=()).with_chains([POLYGON])

    assert known.without(question(VAULT, chains=[BASE, POLYGON])) == RefusedTargets()


def test_what_others_are_answered_is_no_reason_to_forget() -> None:
    known = RefusedTargets().with_pair(question(VAULT, chains=[BASE]), answered=())

    assert known.without(question(VAULT, chains=[POLYGON])) == known
    assert known.without(question(TREASURY, chains=[BASE])) == known


def test_an_oversized_account_is_asked_alone_and_in_parts_until_it_has_grown() -> None:
    known = RefusedTargets().with_oversized(VAULT, chains=3, worked=2)
    one = question(TREASURY, VAULT, chains=CHAINS)

    assert known.accepted(one) == (
        question(TREASURY, chains=CHAINS),
        question(VAULT, chains=[ETHEREUM, POLYGON]),
        question(VAULT, chains=[BASE]),
    )
    for _ in range(GOOD_SWEEPS_TO_GROW):
        known = known.after_good_sweep()
    assert known.accepted(one) == (one,)


@given(questions)
def test_without_targets_a_question_is_asked_as_it_is(one: Question) -> None:
    assert RefusedTargets().accepted(one) == (one,)
    assert list(RefusedTargets().retries(one, 0)) == []


@given(targets, questions)
def test_accepted_parts_are_not_cut_again(known: RefusedTargets, one: Question) -> None:
    assert all(known.accepted(part) == (part,) for part in known.accepted(one))


@given(targets, questions, st.integers(0, 20))
def test_nothing_is_asked_twice_and_only_what_is_refused_is_left_out(
    known: RefusedTargets, one: Question, turn: int
) -> None:
    retries = list(known.retries(one, turn))

    accepted = pairs_of(known.accepted(one))
    asked = accepted + pairs_of(retry.question for retry in retries)
    rest = pairs_of(retry.rest for retry in retries if retry.rest)

    assert max((asked + rest).values()) == 1
    assert (asked + rest).keys() <= pairs_of([one]).keys()
    refused = {pair for pair in pairs_of([one]) if pair in known.pairs or pair[1] in known.chains}
    assert accepted.keys() == pairs_of([one]).keys() - refused


@given(targets, questions)
def test_whatever_is_refused_comes_back_in_time(known: RefusedTargets, one: Question) -> None:
    for turn in range(4 * len(one.chain_ids)):
        for retry in known.retries(one, turn):
            known = known.without(retry.question)
            if retry.rest:
                known = known.without(retry.rest)

    assert pairs_of(known.accepted(one)) == pairs_of([one])


def accounts_of(pairs: Iterable[Pair]) -> set[Address]:
    return {account for account, _ in pairs}


@given(targets, questions, st.integers(0, 20))
def test_an_account_costs_one_retry_and_a_chain_another(
    known: RefusedTargets, one: Question, turn: int
) -> None:
    retries = list(known.retries(one, turn))

    assert len({retry.key for retry in retries}) == len(retries)
    assert len(retries) <= len(accounts_of(known.pairs)) + len(known.chains)
