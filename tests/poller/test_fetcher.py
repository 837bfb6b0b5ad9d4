"""Many questions asked of a source that is down, slow, choosy, or all of that in turn."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.domain.ask.questions import Question, Reply
from bot.domain.ask.refused_targets import Pair
from bot.domain.ask.request_size import GOOD_SWEEPS_TO_GROW
from bot.domain.assets import Address, ChainId
from bot.indexer.errors import (
    AccessRefused,
    ChainRefused,
    IndexerError,
    QuestionRefused,
    QuotaExceeded,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    TimedOut,
    TooMuchAsked,
    Unavailable,
    WrongEndpoint,
)
from bot.poller.fetcher import SEARCH_REQUESTS, Fetcher, Replied
from tests.builders import BASE, POLYGON, address, question
from tests.poller.conftest import Clock, Source, Trouble, failing, no_trouble

CHAINS = tuple(ChainId(number) for number in range(1, 21))
FIFTY = [address(number) for number in range(1, 51)]
BAD = FIFTY[17]
BAD_CHAIN = CHAINS[12]
WHOLE = question(*FIFTY, chains=CHAINS)

REFUSED = QuestionRefused("invalid", status=400, code=2001)
TIMED_OUT = TimedOut("too slow")
DOWN = Unavailable("no route", name="ClientConnectorError")


@dataclass
class World(Source):
    """A source that lets others go on before it answers, as a network does."""

    in_flight: int = 0
    most_in_flight: int = 0

    async def reply(self, question: Question) -> Reply:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            return await super().reply(question)
        finally:
            self.in_flight -= 1


@dataclass
class FetcherHarness:
    """A fetcher with its source and its clock."""

    world: World = field(default_factory=World)
    clock: Clock = field(default_factory=Clock)
    fetcher: Fetcher = field(init=False)

    def __post_init__(self) -> None:
        self.fetcher = Fetcher(
            self.world, accounts_per_request=50, monotonic=self.clock.monotonic, rng=lambda: 0.0
        )

    async def sweep(self, *questions: Question, at_once: int = 4) -> list[Replied]:
        """Ask in one sweep, and return all that was answered."""
        room = asyncio.Semaphore(at_once)

        async def one(question: Question) -> tuple[Replied, ...]:
            async with room:
                return await self.fetcher.ask(question)

        self.fetcher.begin()
        answered = await asyncio.gather(*map(one, questions or (WHOLE,)))
        self.fetcher.finish()
        return [pair for pairs in answered for pair in pairs]

    async def requests(self, *questions: Question, at_once: int = 4) -> int:
        """Return how many requests a sweep takes."""
        self.world.asked()
        await self.sweep(*questions, at_once=at_once)
        return len(self.world.asked())


@pytest.fixture
def harness() -> FetcherHarness:
    return FetcherHarness()


def batches(number: int, accounts: int = 50, chains: Iterable[ChainId] = CHAINS) -> list[Question]:
    """Return so many questions for accounts of their own."""
    on = tuple(chains)
    starts = range(1, number * accounts + 1, accounts)
    return [question(*map(address, range(start, start + accounts)), chains=on) for start in starts]


def pairs_of(questions: Iterable[Question]) -> Counter[Pair]:
    return Counter(
        (account, chain_id) for one in questions for account in one.accounts for chain_id in one.chain_ids
    )


def seen(answered: Iterable[Replied]) -> Counter[Pair]:
    return pairs_of(question for question, _ in answered)


def unseen(answered: Iterable[Replied], *questions: Question) -> set[Pair]:
    """Return what was asked and not answered; nothing was answered twice."""
    pairs = seen(answered)
    assert max(pairs.values(), default=1) == 1
    return set(pairs_of(questions or (WHOLE,)) - pairs)


def larger_than(accounts: int, error: IndexerError) -> Trouble:
    return lambda question: error if len(question.accounts) > accounts else None


def about(error: IndexerError, *, account: Address | None = None, chain: ChainId | None = None) -> Trouble:
    """Fail whatever asks for this account, on this chain."""
    return lambda question: (
        error
        if (account is None or account in question.accounts)
        and (chain is None or chain in question.chain_ids)
        else None
    )


# ---------------------------------------------------------------- a source that is well


async def test_a_question_that_is_answered_is_asked_once_and_as_it_is(harness: FetcherHarness) -> None:
    answered = await harness.sweep()

    assert harness.world.asked() == [WHOLE]
    assert [pair[0] for pair in answered] == [WHOLE]
    assert (harness.fetcher.answers, harness.fetcher.troubles) == (1, [])
    assert harness.fetcher.probe_in_seconds is None


async def test_questions_are_asked_at_once(harness: FetcherHarness) -> None:
    await harness.sweep(*batches(100), at_once=32)

    assert harness.world.most_in_flight == 32
    assert harness.fetcher.answers == 100


async def test_each_answer_is_progress() -> None:
    moved: list[str] = []
    fetcher = Fetcher(World(), accounts_per_request=50, progress=lambda: moved.append("on"))

    await fetcher.ask(WHOLE)

    assert moved == ["on"]


# ---------------------------------------------------------------- too large


@pytest.mark.parametrize(
    "error", [ReplyTooLarge(), REFUSED, TIMED_OUT, TooMuchAsked(status=400, code=2004)], ids=str
)
async def test_what_is_too_large_is_asked_in_parts_until_all_is_answered(
    harness: FetcherHarness, error: IndexerError
) -> None:
    harness.world.trouble = larger_than(7, error)

    assert unseen(await harness.sweep()) == set()
    assert harness.fetcher.size.now == 7


async def test_the_size_that_works_is_remembered(harness: FetcherHarness) -> None:
    harness.world.trouble = larger_than(25, TIMED_OUT)
    await harness.sweep()

    assert await harness.requests() == 2
    assert harness.fetcher.troubles == []


async def test_the_size_is_found_once_for_all_batches(harness: FetcherHarness) -> None:
    harness.world.trouble = larger_than(25, ReplyTooLarge())
    many = batches(100)

    assert await harness.requests(*many) <= 200 + 10
    assert harness.fetcher.answers >= 200


async def test_batches_that_all_time_out_at_once_are_too_large_if_the_least_question_does_not(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = larger_than(6, TIMED_OUT)
    many = batches(8)

    assert unseen(await harness.sweep(*many), *many) == set()
    assert harness.fetcher.size.now == 6


async def test_the_size_is_found_in_one_sweep_though_a_chain_is_refused_as_well(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = lambda one: (
        REFUSED if len(one.accounts) > 7 or BAD_CHAIN in one.chain_ids else None
    )
    many = batches(4)

    answered = await harness.sweep(*many)

    assert {chain_id for _, chain_id in unseen(answered, *many)} == {BAD_CHAIN}
    assert harness.fetcher.size.now == 6  # two accounts show the chain, the other 48 are halved


async def test_twenty_good_sweeps_let_requests_grow_again(harness: FetcherHarness) -> None:
    harness.world.trouble = larger_than(25, TIMED_OUT)
    await harness.sweep()
    harness.world.trouble = no_trouble

    for _ in range(GOOD_SWEEPS_TO_GROW - 1):
        await harness.sweep()
    assert harness.fetcher.size.now == 25
    await harness.sweep()
    assert harness.fetcher.size.now == 50


async def test_sweeps_without_answers_or_with_small_questions_prove_no_size(harness: FetcherHarness) -> None:
    harness.world.trouble = larger_than(25, TIMED_OUT)
    await harness.sweep()

    for _ in range(GOOD_SWEEPS_TO_GROW):
        await harness.sweep(question(BAD, chains=CHAINS))
    harness.world.trouble = failing(ReplyMalformed())
    await harness.sweep()

    assert harness.fetcher.size.now == 25


async def test_a_source_that_hangs_for_long_does_not_make_requests_smaller(harness: FetcherHarness) -> None:
    harness.world.trouble = failing(TIMED_OUT)
    for _ in range(10):
        await harness.sweep()
        harness.clock.seconds += harness.fetcher.probe_in_seconds or 0
    harness.world.trouble = no_trouble

    assert unseen(await harness.sweep()) == set()
    assert harness.fetcher.size.now == 50


@pytest.mark.parametrize("error", [ReplyMalformed(), DOWN], ids=str)
async def test_what_smaller_questions_do_not_help_is_not_asked_in_parts(
    harness: FetcherHarness, error: IndexerError
) -> None:
    harness.world.trouble = failing(error)

    assert await harness.sweep() == []
    assert harness.world.asked() == [WHOLE]
    assert harness.fetcher.troubles == [error]


# ---------------------------------------------------------------- an account that is refused


@pytest.mark.parametrize("error", [REFUSED, ReplyTooLarge(), TIMED_OUT], ids=str)
async def test_one_poisonous_account_costs_a_search_once_and_then_one_request_a_sweep(
    harness: FetcherHarness, error: IndexerError
) -> None:
    harness.world.trouble = about(error, account=BAD, chain=BAD_CHAIN)

    assert unseen(await harness.sweep()) == {(BAD, BAD_CHAIN)}
    assert len(harness.world.asked()) <= 2 + 2 * 6 + 2 * 5 + 2
    for _ in range(4):
        assert unseen(await harness.sweep()) == {(BAD, BAD_CHAIN)}
        assert len(harness.world.asked()) == 3
        assert harness.fetcher.troubles == [error]
    assert harness.fetcher.size.now == 50
    assert harness.fetcher.probe_in_seconds is None


async def test_what_is_refused_is_named_in_the_log_once(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, account=BAD, chain=BAD_CHAIN)

    with capture_logs() as logs:
        await harness.sweep()
        await harness.sweep()

    (line,) = [one for one in logs if one.get("action") == "asked_apart"]
    assert (line["account"], line["chain_id"], line["whole_chain"]) == (BAD, BAD_CHAIN, False)
    assert line["trouble"] == str(REFUSED)


async def test_an_account_refused_on_every_chain_costs_one_request_a_sweep(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, account=BAD)

    assert unseen(await harness.sweep()) == {(BAD, chain_id) for chain_id in CHAINS}
    assert len(harness.world.asked()) <= 2 + 2 * 6 + 2 * 20
    for _ in range(4):
        assert await harness.requests() == 2
        assert harness.fetcher.troubles == [REFUSED]


async def test_a_refused_account_that_answers_again_is_asked_with_the_others(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, account=BAD)
    await harness.sweep()
    await harness.sweep()
    harness.world.trouble = no_trouble

    for _ in range(2):
        await harness.sweep()

    assert await harness.requests() == 1
    assert unseen(await harness.sweep()) == set()


async def test_a_poisonous_account_leaves_the_other_batches_alone(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, account=BAD)
    many = batches(20)

    assert {account for account, _ in unseen(await harness.sweep(*many), *many)} == {BAD}
    assert await harness.requests(*many) == 21


async def test_two_poisonous_accounts_alone_do_not_take_the_chains_from_the_others(
    harness: FetcherHarness,
) -> None:
    bad = FIFTY[:2]
    harness.world.trouble = lambda one: REFUSED if {*bad} & {*one.accounts} else None
    many = [question(*bad, chains=CHAINS), question(*FIFTY[2:], chains=CHAINS)]

    await harness.sweep(*many, at_once=1)

    assert {account for account, _ in unseen(await harness.sweep(*many, at_once=1), *many)} == {*bad}


async def test_an_account_that_is_too_much_for_one_request_is_asked_by_parts_of_its_chains(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = lambda one: (
        ReplyTooLarge() if BAD in one.accounts and len(one.chain_ids) > 5 else None
    )

    assert unseen(await harness.sweep()) == set()
    assert unseen(await harness.sweep()) == set()
    assert harness.fetcher.troubles == []
    assert await harness.requests() == 1 + 4
    assert harness.fetcher.size.now == 50


async def test_what_is_refused_in_lists_may_be_asked_by_name(harness: FetcherHarness) -> None:
    harness.world.trouble = lambda one: REFUSED if BAD in one.accounts and not one.contracts else None
    named = question(*FIFTY, chains=CHAINS, contracts=[address(999)])
    await harness.sweep()
    harness.world.asked()

    assert unseen(await harness.sweep(named), named) == set()
    assert harness.world.asked() == [named]


# ---------------------------------------------------------------- a chain that is refused


@pytest.mark.parametrize(
    "error",
    [REFUSED, ChainRefused(code=1106), TIMED_OUT],
    ids=["2001", "1106", "hanging"],
)
async def test_one_poisonous_chain_costs_a_search_once_and_then_one_request_a_sweep(
    harness: FetcherHarness, error: IndexerError
) -> None:
    harness.world.trouble = about(error, chain=BAD_CHAIN)

    assert unseen(await harness.sweep()) == {(account, BAD_CHAIN) for account in FIFTY}
    assert len(harness.world.asked()) <= 2 * (2 + 2 * 5 + 5)
    for _ in range(4):
        assert unseen(await harness.sweep()) == {(account, BAD_CHAIN) for account in FIFTY}
        assert len(harness.world.asked()) == 2
        assert harness.fetcher.troubles == [error]
    assert harness.fetcher.size.now == 50


async def test_a_poisonous_chain_is_searched_for_once_and_not_by_every_batch(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, chain=BAD_CHAIN)
    many = batches(100)

    assert await harness.requests(*many, at_once=32) <= 100 + 32 + 2 * (2 + 2 * 5)
    assert await harness.requests(*many, at_once=32) == 101


async def test_a_hanging_chain_is_found_where_each_account_is_asked_alone(harness: FetcherHarness) -> None:
    harness.world.trouble = about(TIMED_OUT, chain=BAD_CHAIN)
    many = batches(40, accounts=1)

    await harness.sweep(*many, at_once=32)

    assert {chain_id for _, chain_id in unseen(await harness.sweep(*many), *many)} == {BAD_CHAIN}
    assert harness.fetcher.probe_in_seconds is None


async def test_several_poisonous_chains_are_all_found(harness: FetcherHarness) -> None:
    bad = {*CHAINS[3:7], CHAINS[15]}
    harness.world.trouble = lambda one: REFUSED if bad & {*one.chain_ids} else None
    many = batches(10)

    await harness.sweep(*many)

    assert {chain_id for _, chain_id in unseen(await harness.sweep(*many), *many)} == bad
    assert await harness.requests(*many) == 10 + len(bad)


async def test_a_chain_that_answers_again_joins_in_the_same_sweep(harness: FetcherHarness) -> None:
    harness.world.trouble = about(REFUSED, chain=BAD_CHAIN)
    await harness.sweep()
    harness.world.trouble = no_trouble

    assert unseen(await harness.sweep()) == set()
    await harness.sweep()
    assert await harness.requests() == 1


async def test_no_question_waits_for_what_another_one_tries_again(
    harness: FetcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.world.trouble = about(REFUSED, chain=BAD_CHAIN)
    many = batches(4)
    await harness.sweep(*many)
    is_over = asyncio.Event()
    reply = harness.world.reply

    async def reply_late(question: Question) -> Reply:
        if question.chain_ids == (BAD_CHAIN,):
            await is_over.wait()
        return await reply(question)

    monkeypatch.setattr(harness.world, "reply", reply_late)
    harness.fetcher.begin()
    retrying, *others = [asyncio.create_task(harness.fetcher.ask(one)) for one in many]

    async with asyncio.timeout(60):
        await asyncio.gather(*others)
    assert not retrying.done()
    is_over.set()
    await retrying


async def test_accounts_that_are_refused_on_a_chain_hide_no_other_there(harness: FetcherHarness) -> None:
    bad = {address(number) for number in range(1, 6)}
    harness.world.trouble = lambda one: (
        REFUSED if bad & {*one.accounts} and BAD_CHAIN in one.chain_ids else None
    )
    many = batches(12, accounts=1)

    for _ in range(6):
        await harness.sweep(*many, at_once=1)

    assert unseen(await harness.sweep(*many, at_once=1), *many) == {(account, BAD_CHAIN) for account in bad}


async def test_several_hanging_chains_are_no_outage(harness: FetcherHarness) -> None:
    bad = {*CHAINS[3:8]}
    harness.world.trouble = lambda one: TIMED_OUT if bad & {*one.chain_ids} else None
    for _ in range(3):
        await harness.sweep()
        harness.clock.seconds += 60

    assert {chain_id for _, chain_id in unseen(await harness.sweep())} == bad
    assert harness.fetcher.probe_in_seconds is None


# ---------------------------------------------------------------- a source that refuses everything


async def test_a_source_that_refuses_everything_costs_no_more_than_a_bounded_search(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = failing(REFUSED)
    many = batches(100)

    for _ in range(5):
        assert await harness.requests(*many) <= 2 * len(many) + SEARCH_REQUESTS + 2 * len(CHAINS)
    assert harness.fetcher.answers == 0
    assert harness.fetcher.troubles != []
    assert harness.fetcher.probe_in_seconds is None


async def test_a_source_that_refused_everything_is_asked_whole_questions_again_soon(
    harness: FetcherHarness,
) -> None:
    many = batches(100)
    harness.world.trouble = failing(REFUSED)
    for _ in range(5):
        await harness.sweep(*many)
    harness.world.trouble = no_trouble

    first = await harness.sweep(*many)
    probed = 2 + 5  # accounts by which chains were found and then probed in vain
    assert len(unseen(first, *many)) <= probed * len(CHAINS)
    for _ in range(3):
        await harness.sweep(*many)

    assert await harness.requests(*many) == len(many)
    assert unseen(await harness.sweep(*many), *many) == set()


# ---------------------------------------------------------------- an outage


@pytest.mark.parametrize("error", [DOWN, TIMED_OUT, ReplyMalformed()], ids=str)
@pytest.mark.parametrize("at_once", [1, 4])
async def test_an_outage_costs_a_handful_of_requests(
    harness: FetcherHarness, error: IndexerError, at_once: int
) -> None:
    harness.world.trouble = failing(error)

    assert await harness.requests(*batches(100), at_once=at_once) <= 3 + at_once
    assert harness.fetcher.probe_in_seconds == 1


async def test_failures_between_answers_are_no_outage(harness: FetcherHarness) -> None:
    many = batches(99, accounts=1)
    odd = {one.accounts[0] for number, one in enumerate(many) if number % 3}
    harness.world.trouble = lambda one: DOWN if odd & {*one.accounts} else None

    await harness.sweep(*many, at_once=1)

    assert harness.fetcher.answers == 33
    assert harness.fetcher.probe_in_seconds is None


async def test_nothing_is_asked_during_a_pause(harness: FetcherHarness) -> None:
    harness.world.trouble = failing(DOWN)
    await harness.sweep(*batches(100))
    harness.world.trouble = no_trouble
    harness.clock.seconds = 0.9

    assert await harness.requests(*batches(100)) == 0
    assert harness.fetcher.troubles == []
    assert harness.fetcher.probe_in_seconds == pytest.approx(0.1)


async def test_after_a_pause_one_small_question_goes_out_and_the_others_wait_for_it(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = failing(DOWN)
    await harness.sweep(*batches(100))
    harness.world.asked()
    harness.clock.seconds = 1

    assert await harness.sweep(*batches(100), at_once=32) == []
    (probe,) = harness.world.asked()
    assert (len(probe.accounts), len(probe.chain_ids)) == (1, 1)
    assert harness.fetcher.probe_in_seconds == 2


@pytest.mark.parametrize("error", [DOWN, TIMED_OUT], ids=str)
@pytest.mark.parametrize("at_once", [1, 4, 32])
async def test_a_source_that_is_back_is_asked_everything_in_the_same_sweep(
    harness: FetcherHarness, error: IndexerError, at_once: int
) -> None:
    many = batches(100)
    harness.world.trouble = failing(error)
    await harness.sweep(*many, at_once=at_once)
    harness.world.trouble = no_trouble
    harness.clock.seconds = 1
    harness.world.asked()

    assert unseen(await harness.sweep(*many, at_once=at_once), *many) == set()
    assert len(harness.world.asked()) == 101
    assert harness.fetcher.probe_in_seconds is None
    assert harness.world.most_in_flight == at_once


@pytest.mark.parametrize("times_up", [0, 1])
async def test_a_question_that_is_trouble_itself_does_not_hide_that_the_source_is_back(
    harness: FetcherHarness, times_up: int
) -> None:
    many = batches(5, accounts=1)
    for _ in range(times_up):
        await harness.sweep(*many)
    harness.world.trouble = failing(DOWN)
    await harness.sweep(*many)
    bad = {many[0].accounts[0], many[-1].accounts[0]}
    harness.world.trouble = lambda one: TIMED_OUT if bad & {*one.accounts} else None

    for _ in range(6):
        harness.clock.seconds += 60
        await harness.sweep(*many)

    assert {account for account, _ in unseen(await harness.sweep(*many), *many)} == bad


async def test_a_source_is_found_back_within_half_a_minute_however_long_it_was_away(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = failing(DOWN)
    pauses = []
    for _ in range(30):
        await harness.sweep(*batches(5))
        pauses.append(harness.fetcher.probe_in_seconds or 0)
        harness.clock.seconds += pauses[-1]

    assert pauses == sorted(pauses)
    assert max(pauses) < 30


async def test_a_probe_that_is_given_up_makes_room_for_another(harness: FetcherHarness) -> None:
    harness.world.trouble = failing(DOWN)
    await harness.sweep(*batches(3))
    harness.world.trouble = no_trouble
    harness.clock.seconds = 1
    harness.world.may_answer.clear()
    harness.fetcher.begin()
    hanging = asyncio.create_task(harness.fetcher.ask(WHOLE))
    waiting = asyncio.create_task(harness.fetcher.ask(WHOLE))
    while harness.world.at_once == 0:  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0)

    hanging.cancel()
    harness.world.may_answer.set()

    assert unseen(await waiting) == set()
    assert hanging.cancelled()


async def test_an_outage_blames_neither_accounts_nor_chains(harness: FetcherHarness) -> None:
    two = question(*FIFTY[:2], chains=[POLYGON, BASE])
    harness.world.trouble = failing(TIMED_OUT)
    for _ in range(5):
        await harness.sweep(two)
        harness.clock.seconds += 60
    harness.world.trouble = no_trouble
    await harness.sweep(two)

    assert await harness.requests(two) == 1


async def test_a_single_question_that_fails_sweep_after_sweep_is_an_outage_too(
    harness: FetcherHarness,
) -> None:
    harness.world.trouble = failing(TIMED_OUT)

    waits = []
    for _ in range(3):
        await harness.sweep(question())
        waits.append(harness.fetcher.probe_in_seconds)

    assert waits == [None, None, 1]


# ---------------------------------------------------------------- what holds for every question


@pytest.mark.parametrize("error", [AccessRefused(), WrongEndpoint(), QuotaExceeded(), Throttled()], ids=str)
async def test_what_holds_for_every_question_ends_the_sweep_and_is_probed_after_a_pause(
    harness: FetcherHarness, error: IndexerError
) -> None:
    many = batches(100)
    harness.world.trouble = failing(error)
    assert await harness.requests(*many, at_once=1) == 1
    assert harness.fetcher.probe_in_seconds == 1
    harness.clock.seconds = 1
    assert await harness.requests(*many) == 1
    assert (harness.fetcher.probe_in_seconds or 0) > 1

    harness.world.trouble = no_trouble
    harness.clock.seconds = 60
    assert unseen(await harness.sweep(*many), *many) == set()


async def test_a_sweep_that_is_over_stays_over_when_the_pause_ends(harness: FetcherHarness) -> None:
    harness.world.trouble = failing(Throttled())
    harness.fetcher.begin()
    await harness.fetcher.ask(WHOLE)
    harness.clock.seconds = 60
    harness.world.trouble = no_trouble

    assert await harness.fetcher.ask(WHOLE) == ()
    harness.fetcher.begin()
    assert await harness.fetcher.ask(WHOLE) != ()


@pytest.mark.parametrize(
    ("error", "longest"), [(AccessRefused(), 60), (QuotaExceeded(), 600), (Throttled(), 60)], ids=str
)
async def test_pauses_grow_up_to_their_bound(
    harness: FetcherHarness, error: IndexerError, longest: float
) -> None:
    harness.world.trouble = failing(error)
    pauses = []
    for _ in range(20):
        await harness.sweep()
        pauses.append(harness.fetcher.probe_in_seconds or 0)
        harness.clock.seconds += pauses[-1]

    assert pauses == sorted(pauses)
    assert pauses[0] >= 1
    assert longest / 2 < pauses[-1] <= longest


# ---------------------------------------------------------------- the law

pairs = st.frozensets(st.tuples(st.integers(1, 12).map(address), st.integers(1, 6).map(ChainId)), max_size=6)
errors = st.sampled_from([REFUSED, ReplyTooLarge()])


def choosy(bad: frozenset[Pair], most: int, error: IndexerError) -> Callable[[Question], IndexerError | None]:
    """Refuse what is too large, and whatever asks for one of these."""
    return lambda one: error if len(one.accounts) > most or bad & pairs_of([one]).keys() else None


@given(pairs, st.integers(1, 12), errors, st.integers(1, 5), st.integers(1, 8))
def test_in_the_end_all_is_answered_but_what_is_refused_and_nothing_twice(
    bad: frozenset[Pair], most: int, error: IndexerError, per_batch: int, at_once: int
) -> None:
    harness = FetcherHarness()
    harness.world.trouble = choosy(bad, most, error)
    many = batches(-(-12 // per_batch), per_batch, map(ChainId, range(1, 7)))

    async def sweeps() -> list[Replied]:
        for _ in range(20):
            await harness.sweep(*many, at_once=at_once)
        return await harness.sweep(*many, at_once=at_once)

    assert unseen(asyncio.run(sweeps()), *many) == bad & pairs_of(many).keys()
