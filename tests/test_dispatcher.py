import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import dispatcher
from bot.domain.delivery import (
    Delivery,
    Outcome,
)
from bot.domain.message_ids import message_id
from tests.office import Office, dispatcher_of, open_office
from tests.poller.conftest import until
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path) as one:
        yield one


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "SETTLE_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "LOOK_AGAIN_SECONDS", 0.01)


# ---------------------------------------------------------------- sent


async def test_what_waits_is_sent_and_told(office: Office) -> None:
    await office.change()
    async with office.open():
        await office.arrived(2)

    assert office.telegram.texts(OLGA) == ["3:5>6"]
    assert office.telegram.texts(OPS) == ["4:5>6"]
    assert await office.states() == ["told", "told"]


async def test_what_comes_while_it_runs_is_sent_at_once(office: Office) -> None:
    async with office.open():
        await office.settled()
        await office.change()
        await office.arrived(2)

    assert await office.states() == ["told", "told"]


async def test_what_is_told_is_not_sent_again(office: Office) -> None:
    await office.change()
    async with office.open():
        await office.arrived(2)
        office.keeper.store.outbox_grew.set()
        await office.settled()

    assert len(office.telegram.taken) == 2


async def test_alerts_wait_for_the_window_to_end(office: Office) -> None:
    office.dispatcher = dispatcher_of(
        office.keeper.store, office.telegram, office.turns, office.clock, window=2
    )
    await office.change()
    async with office.open():
        await office.settled()
        assert office.telegram.taken == []
        office.clock.seconds = 2
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)


async def test_what_becomes_due_by_itself_is_sent_without_anything_new(office: Office) -> None:
    office.dispatcher = dispatcher_of(
        office.keeper.store, office.telegram, office.turns, office.clock, window=0.05
    )
    await office.change()
    async with office.open():
        await office.settled()
        office.clock.seconds = 0.05
        await office.arrived(2)


# ---------------------------------------------------------------- in order


async def test_one_message_of_a_chat_is_in_flight_at_most_whatever_its_topics(office: Office) -> None:
    await office.keeper.watch(place=ALERTS_TOPIC)
    office.telegram.may_answer.clear()
    async with office.open():
        for _ in range(3):
            await office.change()
            await until(lambda: len(office.telegram.taken) == 2)
        office.telegram.may_answer.set()
        await office.told()

    assert office.telegram.most_per_chat == 1


async def test_a_message_that_waits_for_its_turn_is_not_taken_up_a_second_time(office: Office) -> None:
    office.turns.may_leave.clear()
    await office.change()
    async with office.open():
        await until(lambda: office.turns.waiting == 2)
        for _ in range(3):
            await office.change()
            for _ in range(5):
                await office.keeper.store.respond()
        assert office.turns.waiting == 2
        office.turns.may_leave.set()
        await office.arrived(2)

    assert [text.count(">") for text in office.telegram.texts()] == [4], "what came meanwhile goes along"


async def test_the_messages_of_a_chat_arrive_in_order(office: Office) -> None:
    async with office.open():
        for number in range(1, 6):
            await office.change()
            await office.arrived(2 * number)

    assert [text.split(":")[1] for text in office.telegram.texts()] == ["5>6", "6>7", "7>8", "8>9", "9>10"]


async def test_a_chat_that_answers_slowly_keeps_no_other_waiting(office: Office) -> None:
    slow = asyncio.Event()
    send = office.telegram.send

    async def send_slowly_to_ops(delivery: Delivery) -> Outcome:
        if delivery.chat_id == OPS.chat_id:
            await slow.wait()
        return await send(delivery)

    office.telegram.send = send_slowly_to_ops  # type: ignore[method-assign]
    async with office.open():
        for number in range(1, 4):
            await office.change()
            await until(lambda number=number: len(office.telegram.texts()) == number)  # type: ignore[misc]
        assert office.telegram.texts(OPS) == []
        slow.set()
        await until(lambda: bool(office.telegram.texts(OPS)))


# ---------------------------------------------------------------- the end, and the next start


async def test_what_is_in_flight_at_the_end_may_end(office: Office) -> None:
    office.telegram.may_answer.clear()
    await office.change()
    async with office.open() as task:
        await until(lambda: len(office.telegram.taken) == 2)
        task.cancel()
        finishing = asyncio.create_task(office.dispatcher.finish(10))
        await office.keeper.store.respond()
        assert not finishing.done()
        office.telegram.may_answer.set()
        await finishing

    assert await office.states() == ["told", "told"]


async def test_what_does_not_end_in_time_is_repeated_at_the_next_start_as_it_was(office: Office) -> None:
    office.telegram.may_answer.clear()
    await office.change()
    async with office.open() as task:
        await until(lambda: len(office.telegram.taken) == 2)
        task.cancel()
        await office.dispatcher.finish(0.01)
    assert await office.states() == ["bound", "bound"]

    await office.keeper.reopen()
    office.restarted()
    office.telegram.may_answer.set()
    async with office.open():
        await office.arrived(2)

    first, second = office.telegram.taken[:2], office.telegram.taken[2:]
    assert {(one.id, one.text) for one in first} == {(one.id, one.text) for one in second}
    assert all(one.text.startswith(message_id(one.id)) for one in second)
    assert [one.unknowns for one in second] == [1, 1]
    assert await office.states() == ["told", "told"]


async def test_what_waits_for_its_turn_at_the_end_is_not_waited_for_nor_in_doubt(office: Office) -> None:
    office.turns.may_leave.clear()
    await office.change()
    async with office.open() as task:
        await until(lambda: office.turns.waiting == 2)
        task.cancel()
        await asyncio.wait_for(office.dispatcher.finish(600), 60)

    assert office.telegram.taken == []
    assert await office.states() == ["waiting", "waiting"]


async def test_an_end_with_nothing_in_flight_is_at_once(office: Office) -> None:
    await asyncio.wait_for(office.dispatcher.finish(60), 5)
