import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from structlog.testing import capture_logs

from bot import dispatcher
from bot.domain.assets import Part
from bot.domain.deliver.alerts import Alert
from bot.domain.deliver.delivery import (
    QUESTION_PAUSE,
    UNKNOWN_OUTCOME_BACKOFF,
    UNKNOWNS_SET_ASIDE,
    DeliveryId,
    DeliveryUpdate,
    Epoch,
)
from bot.domain.deliver.outage import CHATS_IN_DOUBT, PROBE_BACKOFF
from bot.domain.deliver.outcomes import (
    Offline,
    Outcome,
    Park,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Unreachable,
)
from bot.domain.deliver.unconfirmed import QUESTIONS_MOST, UNKNOWNS_UNASKED
from bot.domain.places import Place
from bot.store import delivery_results
from bot.store.chats import chats, mutes
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox import queue, withdraw
from tests.dispatcher_harness import DispatcherHarness, open_dispatcher_harness
from tests.store.conftest import OLGA, OPS, olga, words
from tests.waits import until


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DispatcherHarness]:
    async with open_dispatcher_harness(tmp_path) as one:
        yield one


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "WRITE_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "LOOK_AGAIN_SECONDS", 0.01)


# ---------------------------------------------------------------- due


async def test_what_fails_that_was_due_keeps_nothing_from_being_sent(harness: DispatcherHarness) -> None:
    keeper = harness.keeper
    await keeper.db.run(mutes.mute, OPS, (), timedelta(minutes=1), olga())
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(minutes=1), olga())
    await keeper.rows(REFUSES_TO_END_THE_FIRST)
    await harness.change()
    with capture_logs() as lines:
        async with harness.open():
            harness.clock.seconds = 120
            await harness.change()
            await harness.arrived(1)

    assert len(harness.telegram.texts(OLGA)) == 1
    assert harness.telegram.texts(OPS) == []
    assert {line["action"] for line in lines if line["log_level"] == "error"} == {"due_failed"}


REFUSES_TO_END_THE_FIRST = """
CREATE TRIGGER refuse BEFORE DELETE ON mute WHEN OLD.id = (SELECT min(id) FROM mute)
BEGIN SELECT RAISE(ABORT, 'no'); END;
"""


# ---------------------------------------------------------------- not sent


async def test_a_throttled_chat_is_held_and_others_go(harness: DispatcherHarness) -> None:
    harness.telegram.answer_for[OPS.chat_id] = lambda _: SendThrottled(30)
    await harness.change()
    async with harness.open():
        await harness.arrived(1)
        harness.clock.seconds = 29.9
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.settled()
        assert len(harness.telegram.taken) == 2

        del harness.telegram.answer_for[OPS.chat_id]
        harness.clock.seconds = 30
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)

    assert harness.telegram.texts(OPS) == ["4:5>6"]
    assert await harness.states() == ["told", "told"]


async def test_an_unknown_outcome_is_the_same_text_again(harness: DispatcherHarness) -> None:
    harness.telegram.answers = [SendUnknown("read timeout"), SendUnknown("read timeout")]
    await harness.change()
    async with harness.open():
        await until(lambda: len(harness.telegram.taken) == 2)
        await harness.settled()
        await harness.change()
        harness.clock.seconds = 5
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(4)

    by_id: dict[DeliveryId, set[str]] = {}
    for delivery in harness.telegram.taken:
        by_id.setdefault(delivery.id, set()).add(delivery.text)
    assert all(len(texts) == 1 for texts in by_id.values())
    assert len(harness.telegram.texts()) == 2
    assert await harness.states() == ["told"] * 4
    assert harness.dispatcher.counts.possible_duplicates == 2


async def test_a_known_failure_is_tried_again_later(harness: DispatcherHarness) -> None:
    harness.telegram.answers = [RetryLater("refused"), RetryLater("refused")]
    await harness.change()
    async with harness.open():
        await until(lambda: len(harness.telegram.taken) == 2)
        await harness.settled()
        assert await harness.states() == ["bound", "bound"]
        harness.clock.seconds = 1
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)


async def test_an_unreachable_chat_is_parked_until_it_speaks(harness: DispatcherHarness) -> None:
    harness.telegram.answer_for[OPS.chat_id] = lambda _: Unreachable("kicked", Park.FOR_GOOD)
    await harness.change()
    async with harness.open():
        await harness.arrived(1)
        harness.clock.seconds = 10_000
        await harness.change()
        await harness.arrived(2)
        assert [one.chat_id for one in harness.telegram.taken].count(OPS.chat_id) == 1

        del harness.telegram.answer_for[OPS.chat_id]
        await harness.keeper.db.run_if_possible(chats.mark_reachable, OPS.chat_id)
        await harness.arrived(4)

    assert [text.count(">") for text in harness.telegram.texts(OPS)] == [1, 1]
    assert await harness.states() == ["told"] * 4


async def test_without_a_connection_one_message_at_a_time_finds_out(harness: DispatcherHarness) -> None:
    harness.telegram.answer_for = dict.fromkeys((OLGA.chat_id, OPS.chat_id), lambda _: Offline("no route"))
    await harness.change()
    async with harness.open():
        await until(lambda: len(harness.telegram.taken) == 2)
        await harness.settled()
        assert not harness.dispatcher.outage.is_over

        for probes in range(1, 4):
            harness.clock.seconds = harness.dispatcher.outage.probe_at or 0.0
            harness.keeper.db.signal(SignalName.OUTBOX).set()
            await until(lambda probes=probes: len(harness.telegram.taken) == 2 + probes)  # type: ignore[misc]
            await harness.settled()

        harness.telegram.answer_for = {}
        harness.clock.seconds = harness.dispatcher.outage.probe_at or 0.0
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)

    assert await harness.states() == ["told", "told"]
    assert harness.dispatcher.counts.possible_duplicates == 0


async def test_chats_that_hang_delay_another_for_a_short_pause_at_most(harness: DispatcherHarness) -> None:
    hanging = [Place(number, "private", "") for number in range(1, CHATS_IN_DOUBT + 1)]
    for place in hanging:
        await harness.keeper.allow(place)
        await harness.keeper.watch(place=place)
    may_end = asyncio.Event()
    harness.telegram.hangs = {place.chat_id: may_end for place in hanging}
    harness.telegram.answer_for = {place.chat_id: lambda _: SendUnknown("read timeout") for place in hanging}
    await harness.change()
    async with harness.open():
        await until(lambda: bool(harness.telegram.texts(OLGA) and harness.telegram.texts(OPS)))
        may_end.set()
        await until(lambda: not harness.dispatcher.outage.is_over)
        may_end.clear()
        harness.clock.seconds = 100
        await harness.change()
        await harness.keeper.db.ping()
        harness.clock.seconds += PROBE_BACKOFF.steps[-1]
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await until(lambda: len(harness.telegram.texts(OLGA)) == len(harness.telegram.texts(OPS)) == 2)
        may_end.set()


async def test_a_chat_that_waits_for_its_turn_does_not_keep_an_outage_going(
    harness: DispatcherHarness,
) -> None:
    harness.telegram.answer_for = {OLGA.chat_id: lambda _: Offline("no route")}
    harness.send_queue.may_leave_to[OPS.chat_id] = asyncio.Event()
    await harness.change()
    async with harness.open():
        await until(lambda: not harness.dispatcher.outage.is_over)
        harness.telegram.answer_for = {}
        harness.clock.seconds = harness.dispatcher.outage.probe_at or 0.0
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await until(lambda: bool(harness.telegram.texts(OLGA)))
        assert harness.send_queue.waiting == 1


async def test_what_has_its_turn_only_after_an_outage_began_does_not_leave_yet(
    harness: DispatcherHarness,
) -> None:
    harness.telegram.answer_for = {OLGA.chat_id: lambda _: Offline("no route")}
    may_leave = harness.send_queue.may_leave_to[OPS.chat_id] = asyncio.Event()
    await harness.change()
    async with harness.open():
        await until(lambda: not harness.dispatcher.outage.is_over)
        may_leave.set()
        await harness.settled()
        assert [one.chat_id for one in harness.telegram.taken] == [OLGA.chat_id]
        assert await harness.keeper.value("SELECT count(*) FROM alert WHERE state = 'waiting'") == 1

        harness.telegram.answer_for = {}
        harness.clock.seconds = harness.dispatcher.outage.probe_at or 0.0
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)


async def test_a_message_that_telegram_never_takes_delays_nothing_behind_it(
    harness: DispatcherHarness,
) -> None:
    harness.telegram.answers = [SendRefused("odd", is_final=True)] * 2
    await harness.change()
    async with harness.open():
        await until(lambda: len(harness.telegram.taken) >= 2)
        await harness.change()
        await harness.told_or_given_up()

    assert sorted(await harness.states()) == ["dead", "dead", "told", "told"]


async def test_what_waited_too_long_is_dropped_and_said_to_be(harness: DispatcherHarness) -> None:
    harness.telegram.answer_for[OPS.chat_id] = lambda _: Unreachable("kicked", Park.FOR_GOOD)
    await harness.change()
    async with harness.open():
        await harness.arrived(1)
    harness.clock.seconds = 72 * 3600 + 1
    harness.telegram.answer_for = {}
    async with harness.open():
        await until(lambda: harness.dispatcher.counts.expired == 1)
        await harness.keeper.db.run_if_possible(chats.mark_reachable, OPS.chat_id)
        await harness.arrived(2)

    assert sorted(await harness.states()) == ["expired", "told"]
    assert harness.telegram.texts(OPS) == ["5:Dropped"]


@pytest.mark.parametrize("answer", [ZeroDivisionError("a bug"), SendThrottled(float("nan"))])
async def test_a_send_that_ends_unexpectedly_may_have_arrived_and_is_repeated(
    harness: DispatcherHarness, answer: Outcome | Exception
) -> None:
    harness.telegram.answers = [answer, answer]
    await harness.change()
    async with harness.open() as task:
        await until(lambda: len(harness.telegram.taken) == 2)
        await harness.settled()
        rows = await harness.keeper.rows("SELECT state, unknowns FROM delivery WHERE state <> 'sent'")
        assert rows == [("ready", 1), ("ready", 1)]
        harness.clock.seconds = 5
        harness.keeper.db.signal(SignalName.OUTBOX).set()
        await harness.arrived(2)
        assert not task.done()

    assert await harness.states() == ["told", "told"]


async def test_a_chat_closed_while_its_message_waits_for_its_turn_is_not_told(
    harness: DispatcherHarness,
) -> None:
    harness.send_queue.may_leave.clear()
    await harness.change()
    async with harness.open():
        await until(lambda: harness.send_queue.waiting == 2)
        assert await harness.keeper.deny(OPS) == 1
        harness.send_queue.may_leave.set()
        await harness.arrived(1)

    assert [delivery.chat_id for delivery in harness.telegram.taken] == [OLGA.chat_id]


async def test_a_turn_that_cannot_be_had_is_asked_for_again(harness: DispatcherHarness) -> None:
    harness.send_queue.troubles = [ValueError("a bug"), ValueError("a bug")]
    await harness.change()
    async with harness.open():
        await harness.arrived(2)


# ---------------------------------------------------------------- a store that fails


def failing_times(work: Callable[..., object], times: int) -> Callable[..., object]:
    left = [sqlite3.OperationalError("disk full")] * times

    def work_or_fail(*args: object, **kwargs: object) -> object:
        if left:
            raise left.pop()
        return work(*args, **kwargs)

    return work_or_fail


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (queue, "outbox"),
        (queue, "claim_next"),
        (delivery_results, "apply_outcome"),
        (delivery_results, "doubt_unfinished_sends"),
        (withdraw, "expire"),
    ],
)
async def test_a_store_that_fails_for_a_while_costs_no_alert_and_no_second_send(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch, module: ModuleType, function: str
) -> None:
    monkeypatch.setattr(module, function, failing_times(getattr(module, function), 3))
    await harness.change()
    async with harness.open() as task:
        await harness.arrived(2)
        assert not task.done()

    assert len(harness.telegram.taken) == 2
    assert await harness.states() == ["told", "told"]


async def test_an_outcome_that_was_not_written_is_kept_until_it_is(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    settlements: list[DeliveryUpdate] = []
    settle = delivery_results.apply_outcome

    def settle_at_the_third_try(
        db: Database, delivery_id: DeliveryId, update: DeliveryUpdate, status: Part, *, epoch: Epoch
    ) -> None:
        settlements.append(update)
        if len(settlements) < 3:
            raise sqlite3.OperationalError("disk full")
        settle(db, delivery_id, update, status, epoch=epoch)

    monkeypatch.setattr(delivery_results, "apply_outcome", settle_at_the_third_try)
    await harness.keeper.deny(OPS)
    await harness.change()
    async with harness.open():
        await harness.arrived(1)

    assert settlements[0] == settlements[1] == settlements[2]
    assert len(harness.telegram.taken) == 1


def never_written(monkeypatch: pytest.MonkeyPatch, is_so: Callable[[DeliveryUpdate], bool]) -> None:
    settle = delivery_results.apply_outcome

    def refuse(
        db: Database, delivery_id: DeliveryId, update: DeliveryUpdate, status: Part, *, epoch: Epoch
    ) -> None:
        if is_so(update):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        settle(db, delivery_id, update, status, epoch=epoch)

    monkeypatch.setattr(delivery_results, "apply_outcome", refuse)


async def test_a_message_whose_number_can_never_be_written_was_told_and_its_chat_hears_the_next(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_written(monkeypatch, lambda one: one.message_id is not None)
    async with harness.open():
        for count in (2, 4):
            await harness.change()
            await harness.arrived(count)

    assert await harness.states() == ["told"] * 4
    assert harness.dispatcher.counts.outcomes["unwritable"] == 4
    assert len(harness.telegram.taken) == 4


async def test_what_can_never_be_written_is_given_up_counted_and_announced(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_written(monkeypatch, lambda one: one.pause is not None)
    await harness.keeper.deny(OPS)
    harness.telegram.answers = [SendThrottled(3)]
    await harness.change()
    async with harness.open():
        await harness.arrived(1)

    assert harness.dispatcher.counts.outcomes["unwritable"] == 1
    assert "dead" in await harness.states()
    assert "could not be written (OverflowError)" in str(
        await harness.keeper.rows("SELECT notice FROM alert")
    )


async def test_a_chat_whose_outcome_was_refused_for_long_hears_the_next_once_it_is_written(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter(range(3 * dispatcher.WRITE_TRIES))
    never_written(monkeypatch, lambda _: next(refusals, None) is not None)
    async with harness.open():
        for count in (2, 4):
            await harness.change()
            await harness.arrived(count)

    assert next(refusals, None) is None
    assert await harness.states() == ["told"] * 4
    assert len(harness.telegram.taken) == 4


async def test_alerts_that_cannot_be_composed_keep_no_other_chat_waiting(harness: DispatcherHarness) -> None:
    is_broken = True

    def compose(db: Database, alerts: Sequence[Alert], number: str, now: datetime) -> tuple[str, int]:
        if is_broken and alerts[0].id == 3:
            raise ValueError("no words")
        return words(db, alerts, number, now)

    harness.restarted(compose)
    await harness.change()
    async with harness.open():
        await harness.arrived(1)
        assert harness.telegram.texts(OLGA) == []
        is_broken = False
        await harness.arrived(2)

    assert await harness.states() == ["told", "told"]


# ---------------------------------------------------------------- in doubt

PAUSE = QUESTION_PAUSE.total_seconds()


async def in_doubt_three_times(harness: DispatcherHarness) -> None:
    """Let Olga's chat have a message of which three sends got no answer."""
    await harness.keeper.deny(OPS)
    harness.telegram.answers = [SendUnknown("read timeout")] * UNKNOWNS_UNASKED
    await harness.change()
    async with harness.open():
        for number, pause in enumerate(UNKNOWN_OUTCOME_BACKOFF.steps[:UNKNOWNS_UNASKED], start=1):
            await harness.tried(number)
            harness.clock.seconds += pause
            harness.keeper.db.signal(SignalName.OUTBOX).set()
    harness.telegram.asked.clear()


async def test_a_message_in_doubt_waits_until_telegram_answers_a_question(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.replies = [SendUnknown("read timeout")] * 2
    async with harness.open():
        for questions in (1, 2):
            await harness.asked(questions)
            await harness.passed(1)
            assert len(harness.telegram.asked) == questions, "asked again before the pause is over"
            await harness.passed(PAUSE)
        await harness.arrived(1)

    assert len(harness.telegram.taken) == UNKNOWNS_UNASKED + 1
    assert len(harness.telegram.asked) == 3
    assert harness.dispatcher.counts.possible_duplicates == UNKNOWNS_UNASKED, "a question repeats nothing"
    assert await harness.states() == ["told"]


async def test_a_question_may_be_all_that_finds_out_that_telegram_is_back(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.replies = [Offline("no route")]
    async with harness.open():
        await harness.asked(1)
        assert not harness.dispatcher.outage.is_over
        await harness.passed(PAUSE)
        await harness.arrived(1)

    assert harness.dispatcher.outage.is_over


async def test_a_pause_that_telegram_wants_of_a_question_holds_the_chat(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.replies = [SendThrottled(30)]
    async with harness.open():
        await harness.asked(1)
        assert len(harness.telegram.taken) == UNKNOWNS_UNASKED
        await harness.passed(31)
        await harness.arrived(1)


async def test_after_a_restart_the_next_answer_lets_a_message_in_doubt_go(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.may_answer.clear()
    async with harness.open() as task:
        await until(lambda: len(harness.telegram.taken) == UNKNOWNS_UNASKED + 1)
        task.cancel()
        await harness.dispatcher.finish(0.01)

    await harness.keeper.reopen()
    harness.restarted()
    harness.telegram.may_answer.set()
    async with harness.open():
        await harness.arrived(1)

    assert len(harness.telegram.asked) == 2


async def test_a_question_that_ends_unexpectedly_is_asked_again(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.replies = [ZeroDivisionError("a bug")]
    async with harness.open() as task:
        await harness.arrived(1)
        assert not task.done()

    assert len(harness.telegram.asked) == 2
    assert len(harness.telegram.taken) == UNKNOWNS_UNASKED + 1


async def stands_aside(harness: DispatcherHarness) -> None:
    """Let the sends go on without an answer, though questions get one."""
    harness.telegram.answers = [SendUnknown("read timeout")] * (UNKNOWNS_SET_ASIDE - UNKNOWNS_UNASKED)
    for sends in range(UNKNOWNS_UNASKED + 1, UNKNOWNS_SET_ASIDE):
        await harness.tried(sends)
        await harness.passed(UNKNOWN_OUTCOME_BACKOFF.steps[sends - 1])
    await harness.tried(UNKNOWNS_SET_ASIDE)


async def test_a_message_that_alone_gets_no_answer_stands_aside_for_a_while(
    harness: DispatcherHarness,
) -> None:
    await in_doubt_three_times(harness)
    async with harness.open():
        await stands_aside(harness)
        await harness.passed(UNKNOWN_OUTCOME_BACKOFF.steps[UNKNOWNS_SET_ASIDE - 1] - 1)
        assert len(harness.telegram.taken) == UNKNOWNS_SET_ASIDE
        await harness.passed(1)
        await harness.arrived(1)

    assert len({one.text for one in harness.telegram.taken}) == 1


async def test_where_questions_are_never_answered_a_message_leaves_after_a_quarter_of_an_hour(
    harness: DispatcherHarness,
) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.replies = [Offline("no route")] * QUESTIONS_MOST
    async with harness.open():
        for questions in range(1, QUESTIONS_MOST):
            await harness.asked(questions)
            assert len(harness.telegram.taken) == UNKNOWNS_UNASKED
            await harness.passed(PAUSE)
        await harness.arrived(1)

    assert await harness.states() == ["told"]


async def test_what_stands_aside_lets_later_ones_pass_and_goes_when_one_of_them_arrives(
    harness: DispatcherHarness,
) -> None:
    await in_doubt_three_times(harness)
    async with harness.open():
        await stands_aside(harness)
        await harness.change()
        await harness.arrived(2)

    first, *_ = harness.telegram.taken
    assert [one.id == first.id for one in harness.telegram.arrived] == [False, True]
    assert await harness.states() == ["told", "told"]


async def test_a_chat_that_is_closed_while_telegram_is_asked_is_not_told(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    async with harness.open():
        harness.send_queue.may_leave.clear()
        await until(lambda: harness.send_queue.waiting == 1)
        may_answer = harness.telegram.may_reply = asyncio.Event()
        harness.send_queue.may_leave.set()
        await until(lambda: bool(harness.telegram.asked))
        assert await harness.keeper.deny(OLGA) == 1
        may_answer.set()
        await harness.settled()

    assert len(harness.telegram.taken) == UNKNOWNS_UNASKED
    assert await harness.states() == ["withdrawn"]


async def test_what_is_asked_when_the_program_ends_is_not_in_doubt(harness: DispatcherHarness) -> None:
    await in_doubt_three_times(harness)
    harness.telegram.may_reply = asyncio.Event()
    async with harness.open() as task:
        await until(lambda: bool(harness.telegram.asked))
        task.cancel()
        await harness.dispatcher.finish(60)

    await harness.keeper.reopen()
    harness.restarted()
    harness.telegram.may_reply.set()
    async with harness.open():
        await harness.arrived(1)

    assert harness.dispatcher.counts.possible_duplicates == 0
