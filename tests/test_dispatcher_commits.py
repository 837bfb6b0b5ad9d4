"""A dispatcher over a database that goes away: nothing is lost, and nothing sent twice that had an answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot import dispatcher
from bot.store import delivery_results
from bot.store.outbox import queue
from tests.dispatcher_harness import DispatcherHarness, open_dispatcher_harness
from tests.examples import examples
from tests.faulty_database import Fate, failure_of, make_faulty
from tests.store.conftest import OLGA, OPS
from tests.waits import HANG_SECONDS, until

UNKNOWN = [Fate.UNKNOWN_DONE, Fate.UNKNOWN_LOST]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DispatcherHarness]:
    async with open_dispatcher_harness(tmp_path) as one:
        await make_faulty(one.keeper.db)
        yield one


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "WRITE_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "LOOK_AGAIN_SECONDS", 0.01)


LetFail = Callable[[ModuleType, str, list[Fate]], list[Fate]]


@pytest.fixture
def let_fail(monkeypatch: pytest.MonkeyPatch) -> LetFail:
    """Let units of work end like this, one after the other; later ones are done."""

    def let_fail(module: ModuleType, function: str, fates: list[Fate]) -> list[Fate]:
        work = getattr(module, function)

        def fail(*args: object, **kwargs: object) -> object:
            fate = fates.pop(0) if fates else Fate.DONE
            done: object = work(*args, **kwargs) if fate in (Fate.DONE, Fate.UNKNOWN_DONE) else None
            if fate is not Fate.DONE:
                raise failure_of(fate)
            return done

        monkeypatch.setattr(module, function, fail)
        return fates

    return let_fail


async def unknowns(harness: DispatcherHarness) -> int:
    return int(await harness.keeper.value("SELECT sum(unknowns) FROM delivery"))


@pytest.mark.parametrize("fate", [Fate.LOST, *UNKNOWN])
async def test_a_claim_that_may_be_committed_blocks_no_chat_and_doubts_nothing(
    harness: DispatcherHarness, let_fail: LetFail, fate: Fate
) -> None:
    let_fail(queue, "claim_next", [fate] * 3)
    await harness.change()
    async with harness.open():
        await harness.arrived(2)

    assert await harness.states() == ["told", "told"]
    assert len(harness.telegram.taken) == 2
    assert await unknowns(harness) == 0


async def test_a_message_that_is_being_sent_stays_claimed_while_another_claim_is_taken_back(
    harness: DispatcherHarness, let_fail: LetFail
) -> None:
    fates = let_fail(queue, "claim_next", [])
    harness.telegram.hangs[OLGA.chat_id] = asyncio.Event()
    await harness.keeper.deny(OPS)
    await harness.change()
    async with harness.open():
        await until(lambda: harness.telegram.under_way == [OLGA.chat_id])
        fates.append(Fate.UNKNOWN_DONE)
        await harness.keeper.allow(OPS)
        await harness.change()
        await until(lambda: bool(harness.telegram.texts(OPS)))
        harness.telegram.hangs[OLGA.chat_id].set()
        await until(lambda: len(harness.telegram.texts(OLGA)) == 2)
        await harness.settled()

    assert len({delivery.id for delivery in harness.telegram.taken}) == len(harness.telegram.taken)


@pytest.mark.parametrize("fate", [Fate.LOST, *UNKNOWN])
async def test_an_outcome_is_written_until_it_is_known_to_be(
    harness: DispatcherHarness, let_fail: LetFail, fate: Fate
) -> None:
    left = let_fail(delivery_results, "apply_outcome", [fate] * 4)
    await harness.change()
    async with harness.open():
        await harness.arrived(2)
        await harness.change()
        await harness.arrived(4)

    assert left == []
    assert await harness.states() == ["told"] * 4
    assert len(harness.telegram.taken) == 4


async def test_an_outcome_is_given_up_at_once_where_another_replica_sends(
    harness: DispatcherHarness, let_fail: LetFail
) -> None:
    left = let_fail(delivery_results, "apply_outcome", [Fate.ROLE_LOST] * 2)
    await harness.change()
    async with harness.open():
        await until(lambda: not left)
        await harness.settled()

    assert len(harness.telegram.taken) == 2
    assert await harness.states() == ["bound", "bound"], "left to whoever has them in doubt"


async def test_while_the_database_is_away_nothing_leaves_and_then_all_of_it(
    harness: DispatcherHarness,
) -> None:
    faulty = await make_faulty(harness.keeper.db)
    await harness.change()
    harness.send_queue.may_leave.clear()
    with capture_logs() as lines:
        async with harness.open() as task:
            await until(lambda: harness.send_queue.waiting == 2)
            faulty.is_away = True
            harness.send_queue.may_leave.set()
            await until(lambda: "take_waits" in {line["action"] for line in lines})
            assert harness.telegram.taken == []
            faulty.is_away = False
            await harness.arrived(2)
            assert not task.done()

    assert await harness.states() == ["told", "told"]


async def test_it_ends_in_time_though_the_database_is_away(harness: DispatcherHarness) -> None:
    faulty = await make_faulty(harness.keeper.db)
    harness.telegram.may_answer.clear()
    await harness.change()
    async with harness.open() as task:
        await until(lambda: len(harness.telegram.taken) == 2)
        faulty.is_away = True
        harness.telegram.may_answer.set()
        await until(lambda: len(harness.telegram.arrived) == 2)
        task.cancel()
        await asyncio.wait_for(harness.dispatcher.finish(0.01), HANG_SECONDS)
        assert not harness.dispatcher._in_flight
        faulty.is_away = False


FATES = st.lists(st.sampled_from([Fate.DONE, Fate.LOST, *UNKNOWN]), max_size=60)


@given(st.lists(FATES, min_size=1, max_size=4))
@settings(max_examples=examples(25))
def test_whatever_becomes_of_commits_all_is_told_in_order_and_no_answer_leads_to_a_copy(
    fates: list[list[Fate]],
) -> None:
    asyncio.run(_play(fates))


async def _play(fates: list[list[Fate]]) -> None:
    with TemporaryDirectory() as directory:
        async with open_dispatcher_harness(Path(directory)) as harness:
            faulty = await make_faulty(harness.keeper.db)
            async with harness.open():
                for bad in fates:
                    await harness.change()
                    faulty.fates.extend(bad)
                    await harness.told()
                    faulty.fates.clear()
            taken = [delivery.id for delivery in harness.telegram.taken]
            assert len(set(taken)) == len(taken)
            assert await unknowns(harness) == 0
            for place in (OLGA, OPS):
                steps = [one for text in harness.telegram.texts(place) for one in text.split(" ")]
                amounts = [step.partition(":")[2] for step in steps]
                assert amounts == [f"{5 + number}>{6 + number}" for number in range(len(fates))]
