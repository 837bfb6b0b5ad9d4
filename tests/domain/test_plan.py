"""From wishes to the fewest questions that observe them."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.plan import (
    CONTRACTS_PER_QUESTION,
    Batch,
    Wanted,
    batches,
    narrow_questions,
    wanted_by,
    watched_parts,
    watches_by_account,
    with_unlisted,
)
from bot.domain.ask.questions import Question
from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.subscriptions import Subscription
from tests.builders import (
    ALL,
    BASE,
    DAI,
    DEGEN,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    address,
    asset,
    subscription,
)

CHAINS = frozenset({ETHEREUM, POLYGON})


def wanted_of(*subscriptions: Subscription) -> dict[Address, Wanted]:
    return wanted_by(subscriptions, CHAINS)


def planned(
    wanted: dict[Address, Wanted],
    *,
    accounts_per_request: int = 50,
    contracts_left_out: tuple[Address, ...] = (),
    metadata_for: Iterable[Address] = (),
) -> list[Batch]:
    return list(
        batches(
            wanted,
            accounts_per_request=accounts_per_request,
            contract_status=VERIFIED,
            contracts_left_out=contracts_left_out,
            metadata_for=frozenset(metadata_for),
        )
    )


def questions_of(wanted: dict[Address, Wanted]) -> list[Question]:
    return [question for batch in planned(wanted) for question in batch.questions]


# ---------------------------------------------------------------- what is wanted


def test_watching_an_account_wants_all_of_it_on_every_chain() -> None:
    assert wanted_of(subscription()) == {TREASURY: Wanted(broad=CHAINS)}


def test_watching_an_account_on_a_chain_wants_that_chain_only() -> None:
    assert wanted_of(subscription(chains=[BASE])) == {TREASURY: Wanted(broad=frozenset({BASE}))}


def test_watching_a_contract_of_an_account_wants_it_by_name_and_nothing_else() -> None:
    assert wanted_of(subscription(contracts=[USDC])) == {TREASURY: Wanted(named={USDC: CHAINS})}


def test_wishes_of_several_chats_add_up() -> None:
    wanted = wanted_of(
        subscription(destination=1, chains=[POLYGON]),
        subscription(destination=2, chains=[BASE]),
        subscription(destination=3, contracts=[USDC], chains=[POLYGON]),
        subscription(destination=4, contracts=[USDC], chains=[BASE]),
    )

    both = frozenset({POLYGON, BASE})
    assert wanted == {TREASURY: Wanted(broad=both, named={USDC: both})}


def test_accounts_of_which_the_same_is_wished_share_one_value() -> None:
    wanted = wanted_of(
        subscription(TREASURY), subscription(VAULT), subscription(address(1), contracts=[USDC])
    )

    assert wanted[TREASURY] is wanted[VAULT]
    assert wanted[address(1)] != wanted[VAULT]


def test_a_contract_alone_is_wanted_of_each_account_its_destination_watches() -> None:
    wanted = wanted_of(
        subscription(TREASURY, chains=[POLYGON]),
        subscription(VAULT, chains=[BASE]),
        subscription(None, contracts=[DEGEN]),
    )

    assert wanted[TREASURY].named == {DEGEN: {POLYGON}}
    assert wanted[VAULT].named == {DEGEN: {BASE}}


def test_a_contract_alone_is_not_wanted_of_what_another_destination_watches() -> None:
    wanted = wanted_of(
        subscription(TREASURY, destination=1), subscription(None, destination=2, contracts=[DEGEN])
    )

    assert wanted == {TREASURY: Wanted(broad=CHAINS)}


def test_a_contract_alone_is_wanted_on_the_chains_that_both_name() -> None:
    wanted = wanted_of(
        subscription(TREASURY, chains=[POLYGON, BASE]),
        subscription(None, contracts=[DEGEN], chains=[BASE, ETHEREUM]),
    )

    assert wanted[TREASURY].named == {DEGEN: {BASE}}


def test_a_contract_alone_without_a_chain_in_common_is_not_wanted() -> None:
    wanted = wanted_of(
        subscription(TREASURY, chains=[POLYGON]), subscription(None, contracts=[DEGEN], chains=[BASE])
    )

    assert wanted[TREASURY].named == {}


def test_a_contract_alone_may_name_a_chain_that_is_asked_for_nobody_else() -> None:
    wanted = wanted_of(subscription(TREASURY), subscription(None, contracts=[DEGEN], chains=[BASE]))

    assert wanted == {TREASURY: Wanted(broad=CHAINS, named={DEGEN: frozenset({BASE})})}


def test_a_contract_alone_needs_an_account_to_look_at() -> None:
    assert wanted_of(subscription(None, contracts=[DEGEN])) == {}


def test_wishes_pair_the_account_with_what_to_look_at() -> None:
    watch, token = subscription(TREASURY, number=1), subscription(None, number=2, contracts=[DEGEN])

    assert watches_by_account([token, watch]) == {TREASURY: [(watch, watch), (watch, token)]}


def test_parts_are_those_of_the_chain() -> None:
    wanted = Wanted(broad=frozenset({POLYGON}), named={DEGEN: frozenset({BASE}), USDC: frozenset({POLYGON})})

    assert wanted.parts(POLYGON, VERIFIED) == {NATIVE_PART, VERIFIED, Part(USDC)}
    assert wanted.parts(BASE, VERIFIED) == {Part(DEGEN)}
    assert wanted.parts(ETHEREUM, VERIFIED) == frozenset()
    assert wanted.chains() == {POLYGON, BASE}


def test_wished_parts_are_those_of_the_wishes_that_cover_the_chain() -> None:
    broad = subscription(chains=[POLYGON])
    named = subscription(contracts=[DEGEN])

    on_polygon = watched_parts([(broad, broad), (named, named)], POLYGON, VERIFIED)
    on_base = watched_parts([(broad, broad), (named, named)], BASE, VERIFIED)

    assert on_polygon == {NATIVE_PART, VERIFIED, Part(DEGEN)}
    assert on_base == {Part(DEGEN)}


# ---------------------------------------------------------------- what lost its listing


def test_what_lost_its_listing_is_asked_by_name_while_all_is_wanted() -> None:
    wanted = {TREASURY: Wanted(broad=frozenset({POLYGON}))}

    result = with_unlisted(wanted, {TREASURY: [asset(USDC, POLYGON)]})

    assert result == {TREASURY: Wanted(broad=frozenset({POLYGON}), named={USDC: frozenset({POLYGON})})}
    assert wanted == {TREASURY: Wanted(broad=frozenset({POLYGON}))}


def test_what_lost_its_listing_is_left_alone_where_only_names_are_wanted() -> None:
    wanted = {TREASURY: Wanted(broad=frozenset({BASE}), named={DEGEN: frozenset({POLYGON})})}

    assert with_unlisted(wanted, {TREASURY: [asset(USDC, POLYGON)]}) == wanted


def test_what_lost_its_listing_is_left_alone_where_nobody_watches() -> None:
    assert with_unlisted({}, {TREASURY: [asset(USDC, POLYGON)]}) == {}


def test_what_lost_its_listing_adds_a_chain_to_what_is_asked_by_name_already() -> None:
    wanted = {TREASURY: Wanted(broad=frozenset({POLYGON}), named={USDC: frozenset({BASE})})}

    result = with_unlisted(wanted, {TREASURY: [asset(USDC, POLYGON)]})

    assert result[TREASURY].named == {USDC: {POLYGON, BASE}}


# ---------------------------------------------------------------- questions


def test_two_chats_that_watch_one_account_cost_one_question() -> None:
    one = questions_of(wanted_of(subscription(destination=1)))
    two = questions_of(wanted_of(subscription(destination=1), subscription(destination=2)))

    assert two == one
    assert len(two) == 1


def test_a_broad_question_asks_for_natives_and_all_tokens_of_the_status() -> None:
    (question,) = questions_of({TREASURY: Wanted(broad=CHAINS)})

    assert question == Question((TREASURY,), (ETHEREUM, POLYGON), contract_status=VERIFIED)
    assert question.natives
    assert question.contracts == ()


def test_a_narrow_question_asks_for_any_status_and_no_natives() -> None:
    (question,) = questions_of({TREASURY: Wanted(named={USDC: CHAINS})})

    assert question.contract_status == ALL
    assert question.natives is False
    assert question.contracts == (USDC,)


def test_contracts_left_out_are_left_out_of_lists_but_not_of_names() -> None:
    wanted = {TREASURY: Wanted(broad=CHAINS, named={DAI: CHAINS})}

    ((broad, narrow),) = (batch.questions for batch in planned(wanted, contracts_left_out=(DAI,)))

    assert broad.contracts_left_out == (DAI,)
    assert narrow.contracts_left_out == ()


def test_accounts_with_the_same_chains_share_a_question_and_others_do_not() -> None:
    wanted = {
        address(1): Wanted(broad=CHAINS),
        address(2): Wanted(broad=frozenset({BASE})),
        address(3): Wanted(broad=CHAINS),
    }

    assert [batch.accounts for batch in planned(wanted)] == [(address(1), address(3)), (address(2),)]


def test_only_accounts_never_read_before_are_described() -> None:
    wanted = {address(number): Wanted(broad=CHAINS) for number in (1, 2)}

    described = {
        question.accounts: question.metadata
        for batch in planned(wanted, metadata_for=[address(2)])
        for question in batch.questions
    }

    assert described == {(address(1),): False, (address(2),): True}


def test_an_account_of_which_nothing_is_wanted_is_not_asked() -> None:
    assert planned({TREASURY: Wanted()}) == []


def test_more_names_than_a_question_takes_become_several_questions() -> None:
    contracts = [address(number) for number in range(2 * CONTRACTS_PER_QUESTION + 1)]

    questions = narrow_questions({TREASURY: contracts}, CHAINS, metadata=False)

    assert [len(question.contracts) for question in questions] == [50, 50, 1]


def test_an_account_is_only_asked_for_names_of_its_own_questions() -> None:
    contracts = [address(number) for number in range(CONTRACTS_PER_QUESTION)]

    first, second = narrow_questions({TREASURY: contracts, VAULT: [USDC]}, CHAINS, metadata=False)

    assert (first.accounts, second.accounts) == ((TREASURY,), (VAULT,))


# ---------------------------------------------------------------- the law

accounts = st.sampled_from([address(number) for number in range(1, 7)])
contracts = st.sampled_from([address(number) for number in range(100, 104)]) | st.integers(200, 330).map(
    address
)
chains = st.frozensets(st.sampled_from([ETHEREUM, POLYGON, BASE]))


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    account = draw(st.none() | accounts)
    return subscription(
        account,
        destination=draw(st.integers(1, 3)),
        contracts=draw(st.frozensets(contracts, min_size=0 if account else 1, max_size=60)),
        chains=draw(chains),
    )


unlisted_assets = st.dictionaries(
    accounts, st.lists(st.builds(asset, contracts, st.sampled_from([ETHEREUM, POLYGON, BASE])))
)


def asked(batch: Batch) -> Counter[tuple[Address, ChainId, Part]]:
    """Return what a batch observes, and by how many questions."""
    return Counter(
        (account, chain_id, part)
        for question in batch.questions
        for account in question.accounts
        for chain_id in question.chain_ids
        for part in (map(Part, question.contracts) if question.contracts else (NATIVE_PART, VERIFIED))
    )


@given(st.lists(subscriptions(), max_size=12), unlisted_assets, st.integers(1, 4), st.frozensets(accounts))
def test_everything_wanted_is_asked_by_exactly_one_question(
    wishing: list[Subscription],
    unlisted: dict[Address, list[Asset]],
    accounts_per_request: int,
    new: frozenset[Address],
) -> None:
    wanted = with_unlisted(wanted_of(*wishing), unlisted)

    plan = planned(wanted, accounts_per_request=accounts_per_request, metadata_for=new)

    times = sum((asked(batch) for batch in plan), Counter())
    for account, one in wanted.items():
        for chain_id in one.chains():
            for part in one.parts(chain_id, VERIFIED):
                assert times[account, chain_id, part] == 1


@given(st.lists(subscriptions(), max_size=12))
def test_everything_wished_on_a_chain_that_is_asked_is_wanted_and_nothing_else(
    wishing: list[Subscription],
) -> None:
    wanted = wanted_of(*wishing)

    for account, pairs in watches_by_account(wishing).items():
        for chain_id in CHAINS:
            assert wanted[account].parts(chain_id, VERIFIED) == watched_parts(pairs, chain_id, VERIFIED)


@given(st.lists(subscriptions(), max_size=12), st.integers(1, 4))
def test_no_question_is_larger_than_it_may_be(wishing: list[Subscription], accounts_per_request: int) -> None:
    plan = planned(wanted_of(*wishing), accounts_per_request=accounts_per_request)

    read = [account for batch in plan for account in batch.accounts]
    assert len(read) == len(set(read))
    for batch in plan:
        assert len(batch.accounts) <= accounts_per_request
        for question in batch.questions:
            assert set(question.accounts) <= set(batch.accounts)
            assert len(question.contracts) <= CONTRACTS_PER_QUESTION
            assert question.chain_ids
            assert not question.networks
            if question.contracts:
                assert (question.contract_status, question.natives) == (ALL, False)
