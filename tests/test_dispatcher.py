import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest

from bot import dispatcher
from bot.domain.deliver.delivery import Delivery, DeliveryUpdate
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
    Offline,
    Outcome,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    TopicLost,
    Unreachable,
    Vanished,
)
from bot.store.database.signals import SignalName
from bot.store.outbox import queue
from bot.store.outbox.queue import Outbox
from tests.dispatcher_harness import DispatcherHarness, dispatcher_of, open_dispatcher_harness
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS
from tests.waits import HANG_SECONDS, until


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DispatcherHarness]:
    async with open_dispatcher_harness(tmp_path) as one:
        yield one


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "WRITE_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "LOOK_AGAIN_SECONDS", 0.01)


# ---------------------------------------------------------------- sent


async def test_what_waits_is_sent_and_told(harness: DispatcherHarness) -> None:
    await harness.change()
    async with harness.open():
        await harness.arrived(2)

    assert harness.telegram.texts(OLGA) == ["3:5>6"]
    assert harness.telegram.texts(OPS) == ["4:5>6"]
    assert await harness.states() == ["told", "told"]


async def test_what_comes_while_it_runs_is_sent_at_once(harness: DispatcherHarness) -> None:
    async with harness.open():
        await harness.settled()
        await harness.change()
        await harness.arrived(2)

    assert await harness.states() == ["told", "told"]


async def test_what_is_told_is_not_sent_again(harness: DispatcherHarness) -> None:
    await harness.change()
    async with harness.open():
        await harness.arrived(2)
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.settled()

    assert len(harness.telegram.taken) == 2


async def test_alerts_wait_for_the_window_to_end(harness: DispatcherHarness) -> None:
    harness.dispatcher = dispatcher_of(
        harness.keeper.db, harness.telegram, harness.send_queue, harness.clock, window=2
    )
    await harness.change()
    async with harness.open():
        await harness.settled()
        assert harness.telegram.taken == []
        harness.clock.seconds = 2
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)


async def test_what_becomes_due_by_itself_is_sent_without_anything_new(harness: DispatcherHarness) -> None:
    harness.dispatcher = dispatcher_of(
        harness.keeper.db, harness.telegram, harness.send_queue, harness.clock, window=0.05
    )
    await harness.change()
    async with harness.open():
        await harness.settled()
        harness.clock.seconds = 0.05
        await harness.arrived(2)


async def test_what_comes_when_a_task_is_about_to_end_is_sent_too(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = harness.dispatcher._write

    async def write_and_meet_a_look(delivery: Delivery, update: DeliveryUpdate) -> bool:
        more_waits = await write(delivery, update)
        if harness.amount == 6:
            await harness.change()
            for _ in range(5):
                await harness.keeper.db.ping()
        return more_waits

    monkeypatch.setattr(harness.dispatcher, "_write", write_and_meet_a_look)
    await harness.change()
    async with harness.open():
        await harness.told()

    assert harness.telegram.texts(OLGA)[-1].endswith("6>7")
    assert harness.telegram.texts(OPS)[-1].endswith("6>7")


async def test_a_chat_that_has_got_everything_is_no_reason_to_look(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look = 0, queue.outbox

    def counted(*arguments: Any) -> Outbox:  # noqa: ANN401 - whatever it takes
        nonlocal looks
        looks += 1
        return look(*arguments)

    monkeypatch.setattr(queue, "outbox", counted)
    harness.telegram.may_answer.clear()
    await harness.change()
    async with harness.open():
        await until(lambda: len(harness.telegram.taken) == 2)
        await harness.keeper.db.ping()
        looks_before = looks
        harness.telegram.may_answer.set()
        await harness.arrived(2)

    assert looks == looks_before


# ---------------------------------------------------------------- in order


async def test_one_message_of_a_chat_is_in_flight_at_most_whatever_its_topics(
    harness: DispatcherHarness,
) -> None:
    await harness.keeper.watch(place=ALERTS_TOPIC)
    harness.telegram.may_answer.clear()
    async with harness.open():
        for _ in range(3):
            await harness.change()
            await until(lambda: len(harness.telegram.taken) == 2)
        harness.telegram.may_answer.set()
        await harness.told()

    assert harness.telegram.most_per_chat == 1


async def test_a_message_that_waits_for_its_turn_is_not_taken_up_a_second_time(
    harness: DispatcherHarness,
) -> None:
    harness.send_queue.may_leave.clear()
    await harness.change()
    async with harness.open():
        await until(lambda: harness.send_queue.waiting == 2)
        for _ in range(3):
            await harness.change()
            for _ in range(5):
                await harness.keeper.db.ping()
        assert harness.send_queue.waiting == 2
        harness.send_queue.may_leave.set()
        await harness.arrived(2)

    assert [text.count(">") for text in harness.telegram.texts()] == [4], "what came meanwhile goes along"


async def test_the_messages_of_a_chat_arrive_in_order(harness: DispatcherHarness) -> None:
    async with harness.open():
        for number in range(1, 6):
            await harness.change()
            await harness.arrived(2 * number)

    assert [text.split(":")[1] for text in harness.telegram.texts()] == ["5>6", "6>7", "7>8", "8>9", "9>10"]


async def test_a_chat_that_answers_slowly_keeps_no_other_waiting(harness: DispatcherHarness) -> None:
    slow = asyncio.Event()
    send = harness.telegram.send

    async def send_slowly_to_ops(delivery: Delivery) -> Outcome:
        if delivery.chat_id == OPS.chat_id:
            await slow.wait()
        return await send(delivery)

    harness.telegram.send = send_slowly_to_ops  # type: ignore[method-assign]
    async with harness.open():
        for number in range(1, 4):
            await harness.change()
            await until(lambda number=number: len(harness.telegram.texts()) == number)  # type: ignore[misc]
        assert harness.telegram.texts(OPS) == []
        slow.set()
        await until(lambda: bool(harness.telegram.texts(OPS)))


# ---------------------------------------------------------------- the end, and the next start


async def test_what_is_in_flight_at_the_end_may_end(harness: DispatcherHarness) -> None:
    harness.telegram.may_answer.clear()
    await harness.change()
    async with harness.open() as task:
        await until(lambda: len(harness.telegram.taken) == 2)
        task.cancel()
        finishing = asyncio.create_task(harness.dispatcher.finish(10))
        await harness.keeper.db.ping()
        assert not finishing.done()
        harness.telegram.may_answer.set()
        await finishing

    assert await harness.states() == ["told", "told"]


async def test_what_does_not_end_in_time_is_repeated_at_the_next_start_as_it_was(
    harness: DispatcherHarness,
) -> None:
    harness.telegram.may_answer.clear()
    await harness.change()
    async with harness.open() as task:
        await until(lambda: len(harness.telegram.taken) == 2)
        task.cancel()
        await harness.dispatcher.finish(0.01)
    assert await harness.states() == ["bound", "bound"]

    await harness.keeper.reopen()
    harness.restarted()
    harness.telegram.may_answer.set()
    async with harness.open():
        await harness.arrived(2)

    first, second = harness.telegram.taken[:2], harness.telegram.taken[2:]
    assert {(one.id, one.text) for one in first} == {(one.id, one.text) for one in second}
    assert all(one.text.startswith(message_id(one.id)) for one in second)
    assert [one.unknowns for one in second] == [1, 1]
    assert await harness.states() == ["told", "told"]


async def test_what_waits_for_its_turn_at_the_end_is_not_waited_for_nor_in_doubt(
    harness: DispatcherHarness,
) -> None:
    harness.send_queue.may_leave.clear()
    await harness.change()
    async with harness.open() as task:
        await until(lambda: harness.send_queue.waiting == 2)
        task.cancel()
        await asyncio.wait_for(harness.dispatcher.finish(600), HANG_SECONDS)

    assert harness.telegram.taken == []
    assert await harness.states() == ["waiting", "waiting"]


async def test_an_end_with_nothing_in_flight_is_at_once(harness: DispatcherHarness) -> None:
    await asyncio.wait_for(harness.dispatcher.finish(2 * HANG_SECONDS), HANG_SECONDS)


OUTCOMES: dict[str, Outcome] = {
    "chat_moved": ChatMoved(-1007),
    "misread": Misread("odd", Form.PLAIN),
    "offline": Offline("no route"),
    "refused": SendRefused("odd", is_final=True),
    "retry_later": RetryLater("conflict"),
    "sent": Sent(1),
    "throttled": SendThrottled(3),
    "topic_lost": TopicLost("closed", is_certain=True),
    "unknown": SendUnknown("read timeout"),
    "unreachable": Unreachable("blocked"),
    "vanished": Vanished("deleted"),
}


def test_metrics_have_a_label_for_each_outcome() -> None:
    assert {type(one) for one in OUTCOMES.values()} == set(get_args(Outcome))
    assert {dispatcher.outcome_label(one) for one in OUTCOMES.values()} == OUTCOMES.keys()
