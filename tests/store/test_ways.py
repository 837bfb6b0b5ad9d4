"""The way of a message is found by its id where people read it, and nowhere else."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.alerts import ChangeAlert, MuteKind
from bot.domain.deliver.delivery import Delivery, DeliveryId, DeliveryState
from bot.domain.deliver.message_ids import delivery_of, message_id, read_message_id
from bot.domain.deliver.outcomes import (
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
)
from bot.domain.history.ways import MessageWay, Obstacle
from bot.domain.places import Place
from bot.store.chats import mutes
from bot.store.history import ways
from bot.store.maintenance import retention
from bot.store.outbox import withdraw
from tests.builders import DAI, USDC, at, reading
from tests.store.conftest import ALERTS_TOPIC, EVERYONE, OLGA, OPS, Keeper, change, olga

PAUL = Place(7002, "private", "Paul")


async def way(keeper: Keeper, delivery: Delivery, place: Place = OLGA) -> MessageWay | None:
    return await keeper.db.run(ways.find_message, place, delivery.id, at(2))


async def here(keeper: Keeper, delivery: Delivery, place: Place = OLGA) -> MessageWay:
    found = await way(keeper, delivery, place)
    assert found is not None
    return found


async def leaving(keeper: Keeper, place: Place = OLGA, amount: int = 6, second: float = 1) -> Delivery:
    """Let a change become a message that is being sent to a place."""
    await change(keeper, amount)
    while due := await keeper.due(at(second)):
        for delivery in due:
            if (delivery.chat_id, delivery.thread_id) == (place.chat_id, place.thread_id):
                return delivery
            await keeper.sent(delivery)
    raise AssertionError("nothing leaves there")


async def test_a_sent_message_says_how_it_was_seen_and_when_it_left(watching: Keeper) -> None:
    delivery = await leaving(watching)
    await watching.came_back(delivery, Sent(77), at(3))

    found = await here(watching, delivery)

    (one,) = found.alerts
    assert isinstance(one.alert, ChangeAlert)
    assert one.alert.change.after.amount_raw == 6
    assert one.seen is not None
    assert (one.seen.at, one.seen.sweep, one.trace.wanted_by) == (at(0), 2, (1,))
    assert (found.state, found.message, found.more) == (DeliveryState.SENT, message_id(delivery.id), 0)
    assert (found.waiting_since, found.tried_at, found.at, found.attempts) == (at(0), at(1), at(3), 1)


@pytest.mark.parametrize(
    ("outcome", "state", "tries"),
    [
        (None, DeliveryState.SENDING, (0, 0)),
        (RetryLater("busy"), DeliveryState.READY, (1, 0)),
        (Offline("no connection"), DeliveryState.READY, (0, 0)),
        (SendUnknown("no answer"), DeliveryState.READY, (0, 1)),
        (SendRefused("too odd", is_final=False), DeliveryState.READY, (1, 0)),
        (SendRefused("too odd", is_final=True), DeliveryState.DEAD, (1, 0)),
    ],
)
async def test_each_state_is_told_with_its_attempts_and_reason(
    watching: Keeper, outcome: Outcome | None, state: DeliveryState, tries: tuple[int, int]
) -> None:
    delivery = await leaving(watching)
    if outcome is not None:
        await watching.came_back(delivery, outcome, at(2))

    found = await here(watching, delivery)

    assert (found.state, (found.failures, found.unknowns)) == (state, tries)
    assert found.reason == getattr(outcome, "reason", "")
    assert found.obstacle is None


@pytest.mark.parametrize(
    ("outcome", "obstacle"),
    [
        (SendThrottled(30), Obstacle("", at(32))),
        (Unreachable("no rights", Park.NO_RIGHTS), Obstacle("no rights", at(47))),
        (Offline("no connection"), None),
    ],
)
async def test_what_keeps_the_whole_chat_waiting_is_told(
    watching: Keeper, outcome: Outcome, obstacle: Obstacle | None
) -> None:
    delivery = await leaving(watching)
    await watching.came_back(delivery, outcome, at(2))

    assert (await here(watching, delivery)).obstacle == obstacle


async def test_a_message_that_was_dropped_taken_back_or_dissolved_is_still_known(watching: Keeper) -> None:
    dropped = await leaving(watching)
    await watching.came_back(dropped, Offline("no connection"), at(2))
    await watching.db.run(withdraw.expire, at(0) + timedelta(days=2), timedelta(days=1))
    assert (await here(watching, dropped)).state is DeliveryState.EXPIRED

    await watching.record(reading({USDC: 7, DAI: 1}, native=100), when=at(10))
    (dissolved,) = [one for one in await watching.due(at(60)) if one.chat_id == OLGA.chat_id]
    await watching.came_back(dissolved, SendRefused("too odd", is_final=True), at(61))
    found = await here(watching, dissolved)
    assert (found.state, found.alerts) == (DeliveryState.DISSOLVED, ())

    (single, *_) = [one for one in await watching.due(at(120)) if one.chat_id == OLGA.chat_id]
    await watching.came_back(single, Offline("no connection"), at(121))
    await watching.deny(OLGA)
    assert (await here(watching, single)).state is DeliveryState.WITHDRAWN


async def test_what_a_mute_kept_back_is_told_with_its_end(watching: Keeper) -> None:
    await watching.db.run(mutes.mute, OLGA, [], timedelta(hours=1), olga())
    await change(watching, 6)
    await watching.db.run(mutes.unmute, OLGA, [], olga(at(30)))
    (delivery,) = [one for one in await watching.due(at(31)) if one.chat_id == OLGA.chat_id]

    found = await here(watching, delivery)

    kept = found.alerts[-1]
    assert (kept.kept_back_by, kept.released_at) == (MuteKind.MUTE, at(30))
    assert found.waiting_since == at(30)


async def test_a_message_is_known_in_its_place_alone(watching: Keeper) -> None:
    by_place = {}
    await change(watching, 6)
    while due := await watching.due(at(1)):
        for delivery in due:
            topic = Place(delivery.chat_id, "", "", delivery.thread_id)
            by_place[topic.chat_id, topic.thread_id] = delivery
            await watching.sent(delivery)
    assert len(by_place) == len(EVERYONE)

    for place in (*EVERYONE, PAUL):
        for (chat_id, thread_id), delivery in by_place.items():
            is_its_own = (chat_id, thread_id) == (place.chat_id, place.thread_id)
            assert (await way(watching, delivery, place) is not None) == is_its_own


async def test_what_a_lost_topic_was_to_get_is_known_in_the_chat_where_it_stands(watching: Keeper) -> None:
    delivery = await leaving(watching, ALERTS_TOPIC)
    assert await way(watching, delivery, OPS) is None

    await watching.came_back(delivery, TopicLost("gone", is_certain=True), at(2))

    assert (await here(watching, delivery, OPS)).is_in_chat
    assert await way(watching, delivery, OLGA) is None


async def test_what_was_sent_before_its_topic_was_lost_is_not_said_to_stand_in_the_chat(
    watching: Keeper,
) -> None:
    first = await leaving(watching, ALERTS_TOPIC)
    await watching.sent(first, at(1))
    second = await leaving(watching, ALERTS_TOPIC, 7, 6)
    await watching.came_back(second, TopicLost("gone", is_certain=True), at(7))

    assert not (await here(watching, first, OPS)).is_in_chat
    assert (await here(watching, second, OPS)).is_in_chat


async def test_what_is_forgotten_is_unknown(watching: Keeper) -> None:
    first = await leaving(watching)
    await watching.sent(first)
    await change(watching, 7, 5)
    (second,) = [one for one in await watching.due(at(6)) if one.chat_id == OLGA.chat_id]
    await watching.sent(second, at(100))

    while await watching.db.run(retention.delete_old_rows, at(5)):
        pass

    assert await way(watching, first) is None
    assert await way(watching, second) is not None


async def test_of_many_alerts_the_first_are_told_and_the_others_counted(watching: Keeper) -> None:
    for number in range(ways.ALERTS_SHOWN + 2):
        await change(watching, 10 + number, number)
    (delivery,) = [one for one in await watching.due(at(60)) if one.chat_id == OLGA.chat_id]

    found = await here(watching, delivery)

    assert len(found.alerts) == ways.ALERTS_SHOWN
    assert found.more == 2


async def test_the_newest_message_is_that_of_the_place(watching: Keeper) -> None:
    delivery = await leaving(watching)
    before = await watching.db.run(ways.newest_message, OLGA)
    await watching.sent(delivery)

    assert await watching.db.run(ways.newest_message, OLGA) == delivery.id != before
    assert await watching.db.run(ways.newest_message, PAUL) is None


@given(st.integers(min_value=1, max_value=2**55))
def test_an_id_is_read_however_it_is_spelled(number: int) -> None:
    shown = message_id(DeliveryId(number))
    spelled = shown.lower().replace("0", "o").replace("1", "l")

    for typed in (shown, spelled, f"· {shown}", f"({shown})"):
        assert read_message_id(typed) == shown
        assert delivery_of(shown) == number


@pytest.mark.parametrize("typed", ["", "7KQ2", "7KQ2U", "Treasury", "7KQ 2F", "7" * 13, "7KQ2Ñ"])
def test_what_is_no_id_is_not_read_as_one(typed: str) -> None:
    assert read_message_id(typed) is None
