import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bot import dispatcher
from bot.domain.alerts import Alert
from bot.domain.delivery import (
    REST,
    TRUST,
    UNKNOWN_OUTCOME_PAUSES,
    Offline,
    Outcome,
    Park,
    Refused,
    RetryLater,
    Settlement,
    Throttled,
    Unknown,
    Unreachable,
)
from bot.domain.doubt import QUESTION_PAUSE, UNKNOWNS_UNASKED
from bot.domain.model import DeliveryId, Place
from bot.domain.outage import CHATS_IN_DOUBT, PAUSES
from bot.store.sqlite import Store
from tests.office import Office, open_office
from tests.poller.conftest import until
from tests.store.conftest import OLGA, OPS, words


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path) as one:
        yield one


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "SETTLE_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "LOOK_AGAIN_SECONDS", 0.01)


# ---------------------------------------------------------------- not sent


async def test_a_throttled_chat_is_held_and_others_go(office: Office) -> None:
    office.telegram.answer_for[OPS.chat_id] = lambda _: Throttled(30)
    await office.change()
    async with office.open():
        await office.arrived(1)
        office.clock.seconds = 29.9
        office.keeper.store.outbox_grew.set()
        await office.settled()
        assert len(office.telegram.taken) == 2

        del office.telegram.answer_for[OPS.chat_id]
        office.clock.seconds = 30
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)

    assert office.telegram.texts(OPS) == ["4:5>6"]
    assert office.turns.throttles == [(OPS.chat_id, 30)], "its pace is slowed down, too"
    assert await office.states() == ["told", "told"]


async def test_an_unknown_outcome_is_the_same_text_again(office: Office) -> None:
    office.telegram.answers = [Unknown("read timeout"), Unknown("read timeout")]
    await office.change()
    async with office.open():
        await until(lambda: len(office.telegram.taken) == 2)
        await office.settled()
        await office.change()
        office.clock.seconds = 5
        office.keeper.store.outbox_grew.set()
        await office.arrived(4)

    by_id: dict[DeliveryId, set[str]] = {}
    for delivery in office.telegram.taken:
        by_id.setdefault(delivery.id, set()).add(delivery.text)
    assert all(len(texts) == 1 for texts in by_id.values())
    assert len(office.telegram.texts()) == 2
    assert await office.states() == ["told"] * 4
    assert office.dispatcher.counts.possible_duplicates == 2


async def test_a_known_failure_is_tried_again_later(office: Office) -> None:
    office.telegram.answers = [RetryLater("refused"), RetryLater("refused")]
    await office.change()
    async with office.open():
        await until(lambda: len(office.telegram.taken) == 2)
        await office.settled()
        assert await office.states() == ["bound", "bound"]
        office.clock.seconds = 1
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)


async def test_an_unreachable_chat_is_parked_until_it_speaks(office: Office) -> None:
    office.telegram.answer_for[OPS.chat_id] = lambda _: Unreachable("kicked", Park.FOR_GOOD)
    await office.change()
    async with office.open():
        await office.arrived(1)
        office.clock.seconds = 10_000
        await office.change()
        await office.arrived(2)
        assert [one.chat_id for one in office.telegram.taken].count(OPS.chat_id) == 1

        del office.telegram.answer_for[OPS.chat_id]
        await office.keeper.store.hear_from(OPS.chat_id)
        await office.arrived(4)

    assert [text.count(">") for text in office.telegram.texts(OPS)] == [1, 1]
    assert await office.states() == ["told"] * 4


async def test_without_a_connection_one_message_at_a_time_finds_out(office: Office) -> None:
    office.telegram.answer_for = dict.fromkeys((OLGA.chat_id, OPS.chat_id), lambda _: Offline("no route"))
    await office.change()
    async with office.open():
        await until(lambda: len(office.telegram.taken) == 2)
        await office.settled()
        assert not office.dispatcher.outage.is_over

        for probes in range(1, 4):
            office.clock.seconds = office.dispatcher.outage.probe_at or 0.0
            office.keeper.store.outbox_grew.set()
            await until(lambda probes=probes: len(office.telegram.taken) == 2 + probes)  # type: ignore[misc]
            await office.settled()

        office.telegram.answer_for = {}
        office.clock.seconds = office.dispatcher.outage.probe_at or 0.0
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)

    assert await office.states() == ["told", "told"]
    assert office.dispatcher.counts.possible_duplicates == 0


async def test_chats_that_hang_delay_another_for_a_short_pause_at_most(office: Office) -> None:
    hanging = [Place(number, "private", "") for number in range(1, CHATS_IN_DOUBT + 1)]
    for place in hanging:
        await office.keeper.allow(place)
        await office.keeper.watch(place=place)
    may_end = asyncio.Event()
    office.telegram.hangs = {place.chat_id: may_end for place in hanging}
    office.telegram.answer_for = {place.chat_id: lambda _: Unknown("read timeout") for place in hanging}
    await office.change()
    async with office.open():
        await until(lambda: bool(office.telegram.texts(OLGA) and office.telegram.texts(OPS)))
        may_end.set()
        await until(lambda: not office.dispatcher.outage.is_over)
        may_end.clear()
        office.clock.seconds = 100
        await office.change()
        await office.keeper.store.respond()
        office.clock.seconds += PAUSES[-1]
        office.keeper.store.outbox_grew.set()
        await until(lambda: len(office.telegram.texts(OLGA)) == len(office.telegram.texts(OPS)) == 2)
        may_end.set()


async def test_a_chat_that_waits_for_its_turn_does_not_keep_an_outage_going(office: Office) -> None:
    office.telegram.answer_for = {OLGA.chat_id: lambda _: Offline("no route")}
    office.turns.may_leave_to[OPS.chat_id] = asyncio.Event()
    await office.change()
    async with office.open():
        await until(lambda: not office.dispatcher.outage.is_over)
        office.telegram.answer_for = {}
        office.clock.seconds = office.dispatcher.outage.probe_at or 0.0
        office.keeper.store.outbox_grew.set()
        await until(lambda: bool(office.telegram.texts(OLGA)))
        assert office.turns.waiting == 1


async def test_what_has_its_turn_only_after_an_outage_began_does_not_leave_yet(office: Office) -> None:
    office.telegram.answer_for = {OLGA.chat_id: lambda _: Offline("no route")}
    may_leave = office.turns.may_leave_to[OPS.chat_id] = asyncio.Event()
    await office.change()
    async with office.open():
        await until(lambda: not office.dispatcher.outage.is_over)
        may_leave.set()
        await office.settled()
        assert [one.chat_id for one in office.telegram.taken] == [OLGA.chat_id]
        assert await office.keeper.value("SELECT count(*) FROM alert WHERE state = 'waiting'") == 1

        office.telegram.answer_for = {}
        office.clock.seconds = office.dispatcher.outage.probe_at or 0.0
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)


async def test_a_message_that_telegram_never_takes_delays_nothing_behind_it(office: Office) -> None:
    office.telegram.answers = [Refused("odd", is_final=True)] * 2
    await office.change()
    async with office.open():
        await until(lambda: len(office.telegram.taken) == 2)
        await office.change()
        await office.told_or_given_up()

    assert sorted(await office.states()) == ["dead", "dead", "told", "told"]


async def test_what_waited_too_long_is_dropped_and_said_to_be(office: Office) -> None:
    office.telegram.answer_for[OPS.chat_id] = lambda _: Unreachable("kicked", Park.FOR_GOOD)
    await office.change()
    async with office.open():
        await office.arrived(1)
    office.clock.seconds = 72 * 3600 + 1
    office.telegram.answer_for = {}
    async with office.open():
        await until(lambda: office.dispatcher.counts.expired == 1)
        await office.keeper.store.hear_from(OPS.chat_id)
        await office.arrived(2)

    assert sorted(await office.states()) == ["expired", "told"]
    assert office.telegram.texts(OPS) == ["5:Dropped"]


@pytest.mark.parametrize("answer", [ZeroDivisionError("a bug"), Throttled(float("nan"))])
async def test_a_send_that_ends_unexpectedly_may_have_arrived_and_is_repeated(
    office: Office, answer: Outcome | Exception
) -> None:
    office.telegram.answers = [answer, answer]
    await office.change()
    async with office.open() as task:
        await until(lambda: len(office.telegram.taken) == 2)
        await office.settled()
        rows = await office.keeper.rows("SELECT state, unknowns FROM delivery WHERE state <> 'sent'")
        assert rows == [("ready", 1), ("ready", 1)]
        office.clock.seconds = 5
        office.keeper.store.outbox_grew.set()
        await office.arrived(2)
        assert not task.done()

    assert await office.states() == ["told", "told"]


async def test_a_chat_closed_while_its_message_waits_for_its_turn_is_not_told(office: Office) -> None:
    office.turns.may_leave.clear()
    await office.change()
    async with office.open():
        await until(lambda: office.turns.waiting == 2)
        assert await office.keeper.deny(OPS) == 1
        office.turns.may_leave.set()
        await office.arrived(1)

    assert [delivery.chat_id for delivery in office.telegram.taken] == [OLGA.chat_id]


async def test_a_turn_that_cannot_be_had_is_asked_for_again(office: Office) -> None:
    office.turns.troubles = [ValueError("a bug"), ValueError("a bug")]
    await office.change()
    async with office.open():
        await office.arrived(2)


# ---------------------------------------------------------------- a store that fails


def failing_times(work: Callable[..., object], times: int) -> Callable[..., object]:
    left = [sqlite3.OperationalError("disk full")] * times

    async def work_or_fail(*args: object, **kwargs: object) -> object:
        if left:
            raise left.pop()
        return await work(*args, **kwargs)  # type: ignore[misc]

    return work_or_fail


@pytest.mark.parametrize("method", ["outbox", "take", "settle", "doubt_unfinished_sends", "expire"])
async def test_a_store_that_fails_for_a_while_costs_no_alert_and_no_second_send(
    office: Office, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    store = office.keeper.store
    monkeypatch.setattr(store, method, failing_times(getattr(store, method), 3))
    await office.change()
    async with office.open() as task:
        await office.arrived(2)
        assert not task.done()

    assert len(office.telegram.taken) == 2
    assert await office.states() == ["told", "told"]


async def test_an_outcome_that_was_not_written_is_kept_until_it_is(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = office.keeper.store
    settlements: list[Settlement] = []
    settle = store.settle

    async def settle_at_the_third_try(delivery_id: DeliveryId, settlement: Settlement) -> None:
        settlements.append(settlement)
        if len(settlements) < 3:
            raise sqlite3.OperationalError("disk full")
        await settle(delivery_id, settlement)

    monkeypatch.setattr(store, "settle", settle_at_the_third_try)
    await office.keeper.deny(OPS)
    await office.change()
    async with office.open():
        await office.arrived(1)

    assert settlements[0] == settlements[1] == settlements[2]
    assert len(office.telegram.taken) == 1


def never_written(store: Store, monkeypatch: pytest.MonkeyPatch, is_so: Callable[[Settlement], bool]) -> None:
    settle = store.settle

    async def refuse(delivery_id: DeliveryId, settlement: Settlement) -> None:
        if is_so(settlement):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        await settle(delivery_id, settlement)

    monkeypatch.setattr(store, "settle", refuse)


async def test_a_message_whose_number_can_never_be_written_was_told_and_its_chat_hears_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_written(office.keeper.store, monkeypatch, lambda one: one.message_id is not None)
    async with office.open():
        for count in (2, 4):
            await office.change()
            await office.arrived(count)

    assert await office.states() == ["told"] * 4
    assert office.dispatcher.counts.outcomes["unwritable"] == 4
    assert len(office.telegram.taken) == 4


async def test_what_can_never_be_written_is_given_up_counted_and_announced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_written(office.keeper.store, monkeypatch, lambda one: one.hold is not None)
    await office.keeper.deny(OPS)
    office.telegram.answers = [Throttled(3)]
    await office.change()
    async with office.open():
        await office.arrived(1)

    assert office.dispatcher.counts.outcomes["unwritable"] == 1
    assert "dead" in await office.states()
    assert "could not be written (OverflowError)" in str(await office.keeper.rows("SELECT notice FROM alert"))


async def test_alerts_that_cannot_be_composed_keep_no_other_chat_waiting(office: Office) -> None:
    is_broken = True

    def compose(alerts: Sequence[Alert], number: str, now: datetime) -> tuple[str, int]:
        if is_broken and alerts[0].id == 3:
            raise ValueError("no words")
        return words(alerts, number, now)

    office.restarted(compose)
    await office.change()
    async with office.open():
        await office.arrived(1)
        assert office.telegram.texts(OLGA) == []
        is_broken = False
        await office.arrived(2)

    assert await office.states() == ["told", "told"]


# ---------------------------------------------------------------- in doubt

PAUSE = QUESTION_PAUSE.total_seconds()


async def in_doubt_three_times(office: Office) -> None:
    """Let Olga's chat have a message of which three sends got no answer."""
    await office.keeper.deny(OPS)
    office.telegram.answers = [Unknown("read timeout")] * UNKNOWNS_UNASKED
    await office.change()
    async with office.open():
        for number, pause in enumerate(UNKNOWN_OUTCOME_PAUSES[:UNKNOWNS_UNASKED], start=1):
            await office.tried(number)
            office.clock.seconds += pause
            office.keeper.store.outbox_grew.set()
    office.telegram.asked.clear()


async def test_a_message_in_doubt_waits_until_telegram_answers_a_question(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.replies = [Unknown("read timeout")] * 2
    async with office.open():
        for questions in (1, 2):
            await office.asked(questions)
            await office.passed(1)
            assert len(office.telegram.asked) == questions, "asked again before the pause is over"
            await office.passed(PAUSE)
        await office.arrived(1)

    assert len(office.telegram.taken) == UNKNOWNS_UNASKED + 1
    assert len(office.telegram.asked) == 3
    assert office.dispatcher.counts.possible_duplicates == UNKNOWNS_UNASKED, "a question repeats nothing"
    assert await office.states() == ["told"]


async def test_a_question_may_be_all_that_finds_out_that_telegram_is_back(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.replies = [Offline("no route")]
    async with office.open():
        await office.asked(1)
        assert not office.dispatcher.outage.is_over
        await office.passed(PAUSE)
        await office.arrived(1)

    assert office.dispatcher.outage.is_over


async def test_a_pause_that_telegram_wants_of_a_question_holds_the_chat(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.replies = [Throttled(30)]
    async with office.open():
        await office.asked(1)
        assert office.turns.throttles == [(OLGA.chat_id, 30)]
        assert len(office.telegram.taken) == UNKNOWNS_UNASKED
        await office.passed(31)
        await office.arrived(1)


async def test_after_a_restart_the_next_answer_lets_a_message_in_doubt_go(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.may_answer.clear()
    async with office.open() as task:
        await until(lambda: len(office.telegram.taken) == UNKNOWNS_UNASKED + 1)
        task.cancel()
        await office.dispatcher.finish(0.01)

    await office.keeper.reopen()
    office.restarted()
    office.telegram.may_answer.set()
    async with office.open():
        await office.arrived(1)

    assert len(office.telegram.asked) == 2


async def test_a_question_that_ends_unexpectedly_is_asked_again(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.replies = [ZeroDivisionError("a bug")]
    async with office.open() as task:
        await office.arrived(1)
        assert not task.done()

    assert len(office.telegram.asked) == 2
    assert len(office.telegram.taken) == UNKNOWNS_UNASKED + 1


async def stands_aside(office: Office) -> None:
    """Let the sends go on without an answer, though questions get one."""
    office.telegram.answers = [Unknown("read timeout")] * TRUST
    for sends in range(1, TRUST + 1):
        await office.tried(UNKNOWNS_UNASKED + sends)
        await office.passed(PAUSE)


async def test_a_message_that_alone_gets_no_answer_stands_aside_for_a_quarter_of_an_hour(
    office: Office,
) -> None:
    await in_doubt_three_times(office)
    async with office.open():
        await stands_aside(office)
        await office.passed(REST.total_seconds() - PAUSE - 1)
        assert len(office.telegram.taken) == UNKNOWNS_UNASKED + TRUST
        await office.passed(1)
        await office.arrived(1)

    assert len({one.text for one in office.telegram.taken}) == 1


async def test_what_stands_aside_lets_later_ones_pass_and_goes_when_one_of_them_arrives(
    office: Office,
) -> None:
    await in_doubt_three_times(office)
    async with office.open():
        await stands_aside(office)
        await office.change()
        await office.arrived(2)

    first, *_ = office.telegram.taken
    assert [one.id == first.id for one in office.telegram.arrived] == [False, True]
    assert await office.states() == ["told", "told"]


async def test_a_chat_that_is_closed_while_telegram_is_asked_is_not_told(office: Office) -> None:
    await in_doubt_three_times(office)
    async with office.open():
        office.turns.may_leave.clear()
        await until(lambda: office.turns.waiting == 1)
        may_answer = office.telegram.may_reply = asyncio.Event()
        office.turns.may_leave.set()
        await until(lambda: bool(office.telegram.asked))
        assert await office.keeper.deny(OLGA) == 1
        may_answer.set()
        await office.settled()

    assert len(office.telegram.taken) == UNKNOWNS_UNASKED
    assert await office.states() == ["withdrawn"]


async def test_what_is_asked_when_the_program_ends_is_not_in_doubt(office: Office) -> None:
    await in_doubt_three_times(office)
    office.telegram.may_reply = asyncio.Event()
    async with office.open() as task:
        await until(lambda: bool(office.telegram.asked))
        task.cancel()
        await office.dispatcher.finish(60)

    await office.keeper.reopen()
    office.restarted()
    office.telegram.may_reply.set()
    async with office.open():
        await office.arrived(1)

    assert office.dispatcher.counts.possible_duplicates == 0
