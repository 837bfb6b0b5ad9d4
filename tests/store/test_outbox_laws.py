"""Whatever happens in whatever order: no alert is lost, none is told that was not sent, none twice."""

import asyncio
import json
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.delivery import (
    LONGEST_UNKNOWN_PAUSE,
    AlertState,
    Delivery,
    DeliveryId,
    DeliveryState,
    DeliveryUpdate,
    update_after,
)
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
    Offline,
    Outcome,
    Park,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    TopicLost,
    Unreachable,
    Vanished,
)
from bot.domain.explain.explanations import Explanation, ExplanationOutcome
from bot.domain.places import Place
from bot.store import delivery_results
from bot.store.chats import chats, mutes
from bot.store.database.connection import DatabaseThread
from bot.store.explain.explanations import save_explanations
from bot.store.outbox import withdraw
from tests.builders import BASE, NOON, POLYGON, TREASURY, USDC, reading
from tests.examples import examples
from tests.faulty_database import Fate
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga, open_new_keeper

pytestmark = pytest.mark.both_engines

MOVED_OPS = -100200300
"""What the group becomes where it moves."""

OUTCOMES = st.one_of(
    st.builds(Sent, st.integers(1, 10**6)),
    st.builds(RetryLater, st.just("refused")),
    st.builds(SendThrottled, st.integers(1, 60)),
    st.builds(SendUnknown, st.just("timeout")),
    st.builds(Unreachable, st.just("kicked"), st.sampled_from(Park)),
    st.builds(Offline, st.just("no connection")),
    st.builds(Vanished, st.just("removed")),
    st.builds(SendRefused, st.just("odd"), st.booleans()),
    st.builds(Misread, st.just("odd"), st.sampled_from([Form.BARE, Form.PLAIN])),
    st.builds(TopicLost, st.just("closed"), st.booleans()),
    st.builds(ChatMoved, st.just(MOVED_OPS)),
)
STEPS_BETWEEN_LOOKS = 4
"""Each look heals a whole database."""

SCOPES = ((), (MuteScope(TREASURY),), *((MuteScope(TREASURY, frozenset({one})),) for one in (POLYGON, BASE)))
"""What is muted: everything, an account, or what it has on a chain on which changes come, or do not."""

CHATS = st.sampled_from([OLGA, OPS])


def known_as(chat_id: int) -> int:
    """Return the number a chat had at first."""
    return OPS.chat_id if chat_id == MOVED_OPS else chat_id


@dataclass
class Model:
    """What the outbox promised so far."""

    texts: dict[DeliveryId, str] = field(default_factory=dict)
    sent: list[DeliveryId] = field(default_factory=list)
    in_flight: dict[int, Delivery] = field(default_factory=dict)
    unsettled: dict[int, tuple[Delivery, DeliveryUpdate]] = field(default_factory=dict)
    """By chat: what came of a message, where nobody knows whether that was written."""

    @property
    def busy(self) -> set[int]:
        """Chats for which something is still to be done, by all their numbers."""
        known = self.in_flight.keys() | self.unsettled.keys()
        return {*known, MOVED_OPS} if OPS.chat_id in known else set(known)


class OutboxMachine(RuleBasedStateMachine):
    """A bot whose alerts, answers and crashes come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.now = NOON
        self.amount = 5
        self.steps = 0
        self.model = Model()
        self.closed: set[int] = set()
        path = Path(self.directory.name) / "bot.sqlite3"
        self.keeper = self.wait(open_new_keeper(path))
        for place in (OLGA, OPS, ALERTS_TOPIC):
            self.wait(self.keeper.watch(place=place))
        self.wait(self.keeper.record(reading({USDC: 5}, native=1)))
        self.keeper.explain_wait_seconds = 2.0

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work returns
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        try:
            self._heal()
        finally:
            self.wait(self.keeper.db.close())
            self.loop.close()
            self.directory.cleanup()

    # what happens

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 30.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def something_changes(self) -> None:
        self.amount += 1
        self.wait(self.keeper.record(reading({USDC: self.amount}, native=1), when=self.now))

    @rule(newest=st.booleans())
    def the_transfers_become_known(self, newest: bool) -> None:  # noqa: FBT001 - drawn by name
        ids = [row_id for (row_id,) in self._rows("SELECT id FROM change ORDER BY id DESC")]
        ids = ids[:1] if newest else ids
        none = Explanation(outcome=ExplanationOutcome.NONE_LISTED, listed_at=self.now)
        self.wait(self.keeper.db.run(save_explanations, dict.fromkeys(ids, none), self.now))

    @rule(window=st.sampled_from([0.0, 1.0]))
    def the_dispatcher_looks(self, window: float) -> None:
        due = self.wait(self.keeper.due(self.now, window, self.model.busy))
        assert len({delivery.chat_id for delivery in due}) == len(due)
        for delivery in due:
            chat = known_as(delivery.chat_id)
            assert chat not in self.closed
            assert self.model.texts.setdefault(delivery.id, delivery.text) == delivery.text
            assert chat not in self.model.in_flight
            self.model.in_flight[chat] = delivery

    @rule()
    def the_dispatcher_claims_and_nobody_knows(self) -> None:
        """Let claims be committed without an answer, and be taken back: nothing has left."""
        due = self.wait(self.keeper.due(self.now, 0.0, self.model.busy))
        for delivery in due:
            assert self.model.texts.setdefault(delivery.id, delivery.text) == delivery.text
        known = [delivery.id for delivery in self.model.in_flight.values()]
        taken_back = self.wait(self.keeper.db.run(delivery_results.put_back, self.keeper.epoch, known))
        assert taken_back == len(due)

    @precondition(lambda self: self.model.in_flight.keys() - self.model.unsettled.keys())
    @rule(data=st.data(), outcome=OUTCOMES, jitter=st.floats(0, 0.999), commit=st.sampled_from(Fate))
    def telegram_answers(self, data: st.DataObject, outcome: Outcome, jitter: float, commit: Fate) -> None:
        answered = sorted(self.model.in_flight.keys() - self.model.unsettled.keys())
        chat = data.draw(st.sampled_from(answered))
        delivery = self.model.in_flight[chat]
        if isinstance(outcome, ChatMoved) and not delivery.is_group:
            outcome = SendUnknown("only groups move")
        update = update_after(delivery, outcome, self.now, jitter)
        if commit is not Fate.DONE:
            self.model.unsettled[chat] = delivery, update
        if commit in (Fate.DONE, Fate.UNKNOWN_DONE):
            self._settle(chat, delivery, update)

    @precondition(lambda self: self.model.unsettled)
    @rule()
    def what_may_not_have_been_written_is_written_again(self) -> None:
        for chat, (delivery, update) in sorted(self.model.unsettled.items()):
            self._settle(chat, delivery, update)
        self.model.unsettled.clear()

    def _settle(self, chat: int, delivery: Delivery, update: DeliveryUpdate) -> None:
        self.wait(self.keeper.apply_outcome(delivery.id, update))
        if self.model.in_flight.pop(chat, None) and update.state is DeliveryState.SENT:
            self.model.sent.append(delivery.id)

    @rule()
    def the_bot_is_killed_and_starts_again(self) -> None:
        self.wait(self.keeper.reopen())
        in_doubt = self.wait(self.keeper.start_sending(self.now))
        assert in_doubt == len(self.model.in_flight)
        self.model.in_flight.clear()
        self.model.unsettled.clear()

    @rule(chat=CHATS)
    def a_chat_speaks(self, chat: Place) -> None:
        self.wait(self.keeper.db.run_if_possible(chats.mark_reachable, chat.chat_id))
        if chat is OPS:
            self.wait(self.keeper.db.run_if_possible(chats.mark_reachable, MOVED_OPS))

    @rule(seconds=st.sampled_from([1, 60]))
    def what_is_old_expires(self, seconds: int) -> None:
        self.wait(self.keeper.db.run(withdraw.expire, self.now, timedelta(seconds=seconds)))

    @rule(chat=CHATS, scopes=st.sampled_from(SCOPES), minutes=st.sampled_from([1, 3]))
    def a_chat_mutes(self, chat: Place, minutes: int, scopes: tuple[MuteScope, ...]) -> None:
        self.wait(self.keeper.db.run(mutes.mute, chat, scopes, timedelta(minutes=minutes), olga(self.now)))

    @rule(chat=CHATS, scopes=st.sampled_from(SCOPES))
    def a_chat_unmutes(self, chat: Place, scopes: tuple[MuteScope, ...]) -> None:
        self.wait(self.keeper.db.run(mutes.unmute, chat, scopes, olga(self.now)))

    @rule(chat=CHATS)
    def a_chat_is_closed(self, chat: Place) -> None:
        self.wait(self.keeper.deny(chat))
        self.closed.add(chat.chat_id)

    @rule(chat=CHATS)
    def a_chat_is_opened(self, chat: Place) -> None:
        self.wait(self.keeper.allow(chat))
        self.closed.discard(chat.chat_id)

    # what always holds

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self.wait(self.keeper.rows(sql))
        return rows

    @invariant()
    def an_alert_is_told_exactly_when_its_message_was_sent(self) -> None:
        rows = self._rows(
            "SELECT a.state, d.id, d.state FROM alert a LEFT JOIN delivery d ON d.id = a.delivery_id"
        )
        for state, delivery_id, delivery_state in rows:
            is_sent = delivery_id in self.model.sent
            assert (state == AlertState.SENT) == is_sent
            assert (delivery_state == DeliveryState.SENT) == is_sent

    @invariant()
    def an_alert_that_is_not_told_waits_is_on_its_way_or_was_withdrawn(self) -> None:
        rows = self._rows("SELECT a.state, d.state FROM alert a LEFT JOIN delivery d ON d.id = a.delivery_id")
        for state, delivery_state in rows:
            assert (state, delivery_state) in {
                (AlertState.WAITING, None),
                (AlertState.MUTED, None),
                (AlertState.BOUND, DeliveryState.READY),
                (AlertState.BOUND, DeliveryState.SENDING),
                (AlertState.SENT, DeliveryState.SENT),
                (AlertState.WITHDRAWN, None),
                (AlertState.WITHDRAWN, DeliveryState.WITHDRAWN),
                (AlertState.EXPIRED, None),
                (AlertState.EXPIRED, DeliveryState.EXPIRED),
                (AlertState.DEAD, DeliveryState.DEAD),
            }

    @invariant()
    def what_is_given_up_is_said_to_be(self) -> None:
        ((given_up,),) = self._rows("SELECT count(change_id) FROM alert WHERE state IN ('dead', 'expired')")
        notices = [json.loads(one) for (one,) in self._rows("SELECT notice FROM alert WHERE notice <> ''")]
        assert given_up == sum(one["changes"] for one in notices if one["kind"] in ("dropped", "undelivered"))

    @invariant()
    def no_message_is_sent_twice_after_its_arrival_is_known(self) -> None:
        assert len(self.model.sent) == len(set(self.model.sent))

    @invariant()
    def every_message_tells_something_and_its_text_never_changes(self) -> None:
        rows = self._rows(
            "SELECT d.id, d.text, (SELECT count(*) FROM alert a WHERE a.delivery_id = d.id) FROM delivery d"
            " WHERE d.state <> 'dissolved'"
        )
        for delivery_id, text, alerts in rows:
            assert alerts > 0
            assert len(text.split()) == alerts + 1
            assert self.model.texts.get(delivery_id, text) == text

    @invariant()
    def one_message_of_a_chat_is_in_flight_at_most(self) -> None:
        rows = self._rows("SELECT id FROM delivery WHERE state = 'sending'")
        assert {delivery_id for (delivery_id,) in rows} == {
            delivery.id for delivery in self.model.in_flight.values()
        }

    @invariant()
    def what_waited_for_its_transfers_for_two_seconds_is_held_by_nothing(self) -> None:
        unexplained = self._rows(
            "SELECT count(*) FROM alert WHERE state = 'waiting' AND explain_until > created_at + 2000"
        )
        assert unexplained == [(0,)]

    @invariant()
    def changes_are_bound_in_their_order(self) -> None:
        overtaken = self._rows(
            "SELECT l.id FROM alert l JOIN alert e ON e.destination_id = l.destination_id AND e.id < l.id"
            " WHERE l.state IN ('bound', 'told') AND l.is_single = 0 AND e.state = 'waiting'"
            " AND e.explain_until > 0 AND e.is_single = 0 AND e.released_at IS NULL"
            " AND l.change_id IS NOT NULL AND e.change_id IS NOT NULL"
        )
        assert overtaken == []

    @invariant()
    def once_everything_is_well_again_everything_is_told(self) -> None:
        """Look, now and then and in the end, at a copy in which the source of all trouble is gone."""
        self.steps += 1
        if self.steps % STEPS_BETWEEN_LOOKS == 0:
            self._heal()

    def _heal(self) -> None:
        self.wait(self._heal_a_copy(self.now + LONGEST_UNKNOWN_PAUSE))

    async def _heal_a_copy(self, later: datetime) -> None:
        where = await self.keeper.copied(Path(self.directory.name) / "copy.sqlite3")
        copy = Keeper(await DatabaseThread.open(where), where)
        await copy.start_sending(later)
        for chat_id in (OLGA.chat_id, OPS.chat_id, MOVED_OPS):
            await copy.db.run_if_possible(chats.mark_reachable, chat_id)
        await copy.deliver_all(later)
        states = {state for (state,) in await copy.rows("SELECT state FROM alert")}
        await copy.db.close()
        if isinstance(where, Path):
            where.unlink()
        assert states <= {AlertState.SENT, AlertState.WITHDRAWN, AlertState.EXPIRED, AlertState.DEAD}


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=examples(40), stateful_step_count=30)
