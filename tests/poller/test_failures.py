import sqlite3
from collections.abc import Callable

import pytest

from bot.domain.ask.questions import Allowance
from bot.domain.assets import NATIVE
from bot.domain.deliver.alerts import ChangeAlert, SourceRefuses
from bot.domain.observations import MoveKind
from bot.indexer.errors import (
    AccessRefused,
    IndexerError,
    QuestionRefused,
    QuotaExceeded,
    ReplyMalformed,
    Throttled,
    Unavailable,
    WrongEndpoint,
)
from bot.poller.fetcher import ENDS_SWEEP
from tests.builders import DAI, POLYGON, TREASURY, USDC, VAULT, address, at
from tests.poller.conftest import PollerHarness, failing, failing_for, poller_of
from tests.store.conftest import OLGA


async def ages(harness: PollerHarness) -> list[tuple[object, object]]:
    return list((await harness.keeper.ages()).values())


async def amount(harness: PollerHarness) -> int | None:
    return (await harness.keeper.balances()).get((POLYGON, USDC))


# ---------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    "error", [Unavailable(), ReplyMalformed(), QuestionRefused(), *(kind() for kind in ENDS_SWEEP)]
)
async def test_a_source_that_fails_changes_nothing_and_does_not_end_the_sweep(
    watching: PollerHarness, error: IndexerError
) -> None:
    watching.source.trouble = failing(error)
    watching.clock.seconds = 60

    await watching.poller.sweep()

    assert await watching.keeper.alerts() == []
    assert await amount(watching) == 5
    assert watching.poller.progress.finished_at == 60
    last = await watching.last()
    assert (last.ended_at, last.trouble, last.silent_seconds) == (at(60), str(error), 60)
    assert await ages(watching) == [(at(0), None)]


async def test_a_source_that_answers_again_is_no_trouble_any_more(watching: PollerHarness) -> None:
    watching.source.trouble = failing(Unavailable())
    await watching.poller.sweep()
    watching.source.trouble = lambda _: None
    watching.clock.seconds = 120

    await watching.poller.sweep()

    last = await watching.last()
    assert (last.ended_at, last.trouble, last.silent_seconds) == (at(120), None, 0)


async def test_the_length_of_a_sweep_without_an_answer_is_no_measure_of_the_next(
    watching: PollerHarness,
) -> None:
    def take_time(seconds: float) -> Callable[[object], IndexerError | None]:
        def answer(_: object) -> IndexerError | None:
            watching.clock.seconds += seconds
            return Unavailable() if seconds > 10 else None

        return answer

    for seconds in (7, 30):
        watching.source.trouble = take_time(seconds)
        await watching.poller.sweep()

    last = await watching.last()
    assert last.took_seconds >= 30
    assert (last.seen_seconds, last.silent_seconds) == (7, last.took_seconds)


async def test_a_poller_that_takes_over_counts_on_how_long_the_source_is_silent(
    watching: PollerHarness,
) -> None:
    watching.source.trouble = failing(Unavailable())
    watching.clock.seconds = 100
    await watching.poller.sweep()
    await watching.restart()
    for seconds in (130, 150):
        watching.clock.seconds = seconds
        await watching.poller.sweep()
    assert (await watching.last()).silent_seconds == 150

    watching.source.trouble = lambda _: None
    await watching.poller.sweep()
    watching.source.trouble = failing(Unavailable())
    watching.clock.seconds = 170
    await watching.poller.sweep()

    assert (await watching.last()).silent_seconds == 20


async def test_a_poller_that_takes_over_from_one_that_was_answered_begins_at_nothing(
    watching: PollerHarness,
) -> None:
    await watching.restart()
    watching.source.trouble = failing(Unavailable())
    watching.clock.seconds = 30

    await watching.poller.sweep()

    assert (await watching.last()).silent_seconds == 30


async def test_what_was_asked_is_known_to_others(watching: PollerHarness) -> None:
    assert (await watching.last()).asked == {POLYGON}


async def test_what_the_source_still_allows_is_known_to_others(watching: PollerHarness) -> None:
    assert (await watching.last()).allowance == Allowance()

    watching.source.allowance = Allowance(3000, 2999, 10_000, 0, 17)
    await watching.poller.sweep()

    assert (await watching.last()).allowance == watching.source.allowance


async def test_a_sweep_with_nothing_to_ask_ends_a_row_of_refusals(watching: PollerHarness) -> None:
    watching.source.trouble = failing(AccessRefused())
    for _ in range(2):
        watching.clock.seconds += 60
        await watching.poller.sweep()
    assert (await watching.last()).refusals == 2
    await watching.keeper.unsubscribe(OLGA, [1])
    await watching.restart()

    await watching.poller.sweep()

    assert (await watching.last()).refusals == 0


async def test_owners_are_told_of_a_source_that_refuses_once_over_all_restarts(
    watching: PollerHarness,
) -> None:
    await watching.keeper.apply_configuration([], [OLGA.chat_id])
    watching.source.trouble = failing(AccessRefused("no"))
    for _ in range(4):
        watching.clock.seconds += 60
        await watching.poller.sweep()
        await watching.restart()

    told = [notice for notice in await watching.keeper.notices() if isinstance(notice, SourceRefuses)]
    assert told == [SourceRefuses(str(AccessRefused("no")))]
    assert (await watching.last()).refusals == 4


async def test_a_failing_batch_leaves_the_others_alone(harness: PollerHarness) -> None:
    poller = poller_of(harness.keeper, harness.source, harness.clock, accounts_per_request=1)
    await harness.keeper.watch()
    await harness.keeper.watch(VAULT)
    await poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.trouble = failing_for(VAULT, Unavailable())
    harness.source.holds(USDC, 7, block=11)
    harness.source.natives[POLYGON, VAULT] = 1
    harness.clock.seconds = 60

    await poller.sweep()

    assert await harness.keeper.changes() == [(USDC, 5, 7)]
    assert await ages(harness) == [(at(60), None)]
    (vault,) = (await harness.keeper.ages(VAULT)).values()
    assert vault == (at(60), at(0))
    harness.source.trouble = lambda _: None
    await poller.sweep()
    assert await harness.keeper.changes() == [(NATIVE, 0, 1)]


@pytest.mark.parametrize("error", [ValueError("a bug"), sqlite3.OperationalError("disk full")])
async def test_a_batch_that_ends_unexpectedly_leaves_the_others_alone_and_is_unknown(
    harness: PollerHarness, error: Exception
) -> None:
    poller = poller_of(harness.keeper, harness.source, harness.clock, accounts_per_request=1)
    await harness.keeper.watch()
    await harness.keeper.watch(VAULT)
    await poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.trouble = lambda question: error if VAULT in question.accounts else None
    harness.source.holds(USDC, 7, block=11)
    harness.clock.seconds = 60

    await poller.sweep()

    assert await harness.keeper.changes() == [(USDC, 5, 7)]
    (vault,) = (await harness.keeper.ages(VAULT)).values()
    assert vault[1] == at(0)


async def test_what_could_not_be_recorded_is_told_by_the_next_sweep_as_what_it_is(
    watching: PollerHarness,
) -> None:
    watching.source.holds(DAI, 3, block=11)
    watching.clock.seconds = 60
    await watching.keeper.refuse_inserts("alert")
    await watching.poller.sweep()
    assert await ages(watching) == [(at(0), None)]

    await watching.keeper.take_inserts()
    await watching.poller.sweep()

    (alert,) = await watching.keeper.alerts()
    assert isinstance(alert, ChangeAlert)
    assert alert.change.kind is MoveKind.MOVED


@pytest.mark.parametrize("kind", [AccessRefused, QuotaExceeded, Throttled, WrongEndpoint])
async def test_what_holds_for_every_question_is_asked_once_a_sweep(
    harness: PollerHarness, kind: type[IndexerError]
) -> None:
    for number in range(1, 6):
        await harness.keeper.watch(address(number))
    poller = poller_of(
        harness.keeper, harness.source, harness.clock, accounts_per_request=1, batches_at_once=1
    )
    harness.source.trouble = failing(kind())

    await poller.sweep()
    assert len(harness.source.asked()) == 1

    harness.clock.seconds = 60
    await poller.sweep()
    assert len(harness.source.asked()) == 1


async def test_what_concerns_one_question_does_not_keep_the_others_from_being_asked(
    harness: PollerHarness,
) -> None:
    for number in range(1, 6):
        await harness.keeper.watch(address(number))
    poller = poller_of(
        harness.keeper, harness.source, harness.clock, accounts_per_request=1, batches_at_once=1
    )
    harness.source.trouble = failing_for(address(1), Unavailable())

    await poller.sweep()

    assert len(harness.source.asked()) == 5


async def test_three_failures_in_a_row_are_an_outage_and_nothing_else_is_asked(
    harness: PollerHarness,
) -> None:
    for number in range(1, 6):
        await harness.keeper.watch(address(number))
    poller = poller_of(
        harness.keeper, harness.source, harness.clock, accounts_per_request=1, batches_at_once=1
    )
    harness.source.trouble = failing(Unavailable())

    await poller.sweep()

    assert len(harness.source.asked()) == 3


async def test_a_silent_chain_is_unknown_and_never_zero(watching: PollerHarness) -> None:
    watching.source.silent.add(POLYGON)
    watching.clock.seconds = 60

    await watching.poller.sweep()

    assert await watching.keeper.alerts() == []
    assert await watching.keeper.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}
    assert await ages(watching) == [(at(0), None)]


async def test_doubtful_tokens_are_unknown_and_natives_beside_them_are_read(watching: PollerHarness) -> None:
    watching.source.doubtful.add((POLYGON, TREASURY))
    watching.source.listed.clear()
    watching.source.natives[POLYGON, TREASURY] = 90
    watching.clock.seconds = 60

    await watching.poller.sweep()

    assert await watching.keeper.changes() == [(NATIVE, 100, 90)]
    assert await amount(watching) == 5
    assert await ages(watching) == [(at(60), at(0))]


async def test_what_was_unknown_is_told_with_its_net_effect_when_it_is_back(watching: PollerHarness) -> None:
    watching.source.doubtful.add((POLYGON, TREASURY))
    for seconds in (60, 120):
        watching.clock.seconds = seconds
        watching.source.holds(USDC, 5 + seconds, block=10 + seconds)
        await watching.poller.sweep()
    assert await watching.keeper.alerts() == []
    watching.source.doubtful.clear()

    await watching.poller.sweep()

    assert await watching.keeper.changes() == [(USDC, 5, 125)]
    assert await ages(watching) == [(at(120), None)]
