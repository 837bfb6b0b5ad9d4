from datetime import datetime

import pytest

from bot.domain.delivery import (
    Delivery,
    DeliveryState,
    RetryLater,
    Sent,
    Settlement,
    Throttled,
    Unknown,
    Unreachable,
    settle,
)
from tests.builders import NOON, USDC, at, reading
from tests.store.conftest import ALERTS_TOPIC, LONG_AFTER, OLGA, OPS, Keeper

EVERYONE = (OLGA, OPS, ALERTS_TOPIC)


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga, the group and one of its topics watch the treasury, which was read once."""
    for place in EVERYONE:
        await keeper.watch(place=place)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper


async def change(keeper: Keeper, amount: int, seconds: float = 0) -> None:
    await keeper.record(reading({USDC: amount}, native=100), when=at(seconds))


async def attempt(keeper: Keeper, delivery: Delivery, outcome: object, now: datetime = NOON) -> Settlement:
    settlement = settle(delivery, outcome, now, 0.0)  # type: ignore[arg-type]
    assert await keeper.store.mark_sending(delivery.id)
    await keeper.store.settle(delivery.id, settlement)
    return settlement


async def told(keeper: Keeper) -> list[str]:
    rows = await keeper.rows("SELECT state FROM alert WHERE change_id IS NOT NULL ORDER BY id")
    return [state for (state,) in rows]


async def row(keeper: Keeper, delivery: Delivery) -> tuple[object, ...]:
    (found,) = await keeper.rows(
        "SELECT state, attempts, unknowns, message_id, reason FROM delivery WHERE id = ?", delivery.id
    )
    return found


# ---------------------------------------------------------------- what became of an attempt


async def test_what_arrived_is_told_and_never_due_again(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    await attempt(watching, first, Sent(4711))

    assert await row(watching, first) == ("sent", 0, 0, 4711, None)
    assert sorted(await told(watching)) == ["bound", "bound", "told"]
    await watching.reopen()
    assert first.id not in {delivery.id for delivery in await watching.deliver_all(LONG_AFTER)}


async def test_what_did_not_arrive_is_the_same_text_again_and_not_told(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    settlement = await attempt(watching, first, RetryLater("connection refused"))

    assert await row(watching, first) == ("ready", 1, 0, None, "connection refused")
    assert await told(watching) == ["bound"] * 3
    again = next(one for one in await watching.due(settlement.not_before) if one.id == first.id)
    assert (again.text, again.attempts, again.unknowns) == (first.text, 1, 0)


async def test_what_may_have_arrived_is_the_same_text_again_and_counted(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    settlement = await attempt(watching, first, Unknown("read timeout"))
    await change(watching, 7)

    assert await row(watching, first) == ("ready", 0, 1, None, "read timeout")
    again = next(one for one in await watching.due(settlement.not_before) if one.id == first.id)
    assert (again.text, again.attempts, again.unknowns) == (first.text, 0, 1)


async def test_a_held_chat_waits_with_all_its_topics_and_others_go(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}

    settlement = await attempt(watching, due[OPS.chat_id], Throttled(30))
    outbox = await watching.outbox()

    assert settlement.chat_hold_until == at(30)
    assert outbox.next_at == at(30)
    assert {delivery.chat_id for delivery in await watching.deliver_all()} == {OLGA.chat_id}
    await watching.reopen()
    assert await watching.due(at(29.9)) == ()
    assert {delivery.chat_id for delivery in await watching.due(at(30))} == {OPS.chat_id}


async def test_what_comes_while_a_chat_is_held_becomes_one_message_when_it_is_free(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await attempt(watching, due[OLGA.chat_id], Throttled(30))
    for seconds in (5, 10, 15):
        await change(watching, 6 + seconds, seconds=seconds)
        await watching.outbox(at(seconds))

    delivered = [one for one in await watching.deliver_all(at(30)) if one.chat_id == OLGA.chat_id]

    assert [delivery.text.count(">") for delivery in delivered] == [1, 3]


async def test_what_waits_for_a_held_chat_is_looked_at_when_the_hold_ends(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await attempt(watching, due[OLGA.chat_id], Throttled(30))
    await watching.deliver_all()
    await watching.run("DELETE FROM alert WHERE state <> 'told'; DELETE FROM delivery WHERE state = 'ready'")
    await change(watching, 7, seconds=1)

    outbox = await watching.outbox(at(1))

    assert {delivery.chat_id for delivery in outbox.due} == {OPS.chat_id}
    assert outbox.next_at == at(30)


async def test_an_unreachable_chat_is_parked_and_others_go(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}

    await attempt(watching, due[OPS.chat_id], Unreachable("kicked"))

    assert await row(watching, due[OPS.chat_id]) == ("ready", 0, 0, None, "kicked")
    assert {delivery.chat_id for delivery in await watching.deliver_all(LONG_AFTER)} == {OLGA.chat_id}
    assert (await watching.outbox(LONG_AFTER)).next_at is None
    await watching.reopen()
    assert await watching.due(LONG_AFTER) == ()
    await watching.store.hear_from(OPS.chat_id)
    assert (await watching.due())[0] == due[OPS.chat_id]


# ---------------------------------------------------------------- restart


async def test_what_was_being_sent_at_the_end_is_in_doubt_and_repeated_as_it_was(watching: Keeper) -> None:
    await change(watching, 6)
    due = await watching.due()
    assert await watching.store.mark_sending(due[0].id)
    await watching.reopen()

    assert await watching.store.doubt_unfinished_sends(at(60)) == 1

    assert (await row(watching, due[0]))[:3] == ("ready", 0, 1)
    again = {delivery.id: delivery for delivery in await watching.due(at(60))}
    assert again.keys() == {delivery.id for delivery in due}
    assert again[due[0].id].text == due[0].text


async def test_what_waited_at_the_end_is_not_in_doubt(watching: Keeper) -> None:
    await change(watching, 6)
    due = await watching.due()
    await watching.reopen()

    assert await watching.store.doubt_unfinished_sends(at(60)) == 0
    assert await watching.due(at(60)) == due


async def test_what_was_in_doubt_for_a_chat_closed_since_is_withdrawn(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    assert await watching.store.mark_sending(due[OLGA.chat_id].id)
    await watching.deny(OLGA)
    await watching.reopen()

    assert await watching.store.doubt_unfinished_sends(at(60)) == 1

    assert (await row(watching, due[OLGA.chat_id]))[0] == "withdrawn"
    assert {delivery.chat_id for delivery in await watching.deliver_all(at(60))} == {OPS.chat_id}
    assert sorted(await told(watching)) == ["told", "told", "withdrawn"]


@pytest.mark.parametrize(
    "outcome", [RetryLater("refused"), Throttled(3), Unknown("?"), Unreachable("kicked")]
)
async def test_what_comes_back_for_a_chat_closed_since_is_withdrawn(
    watching: Keeper, outcome: object
) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    leaving = due[OLGA.chat_id]
    assert await watching.store.mark_sending(leaving.id)
    assert await watching.deny(OLGA) == 0

    await watching.store.settle(leaving.id, settle(leaving, outcome, NOON, 0.0))  # type: ignore[arg-type]

    assert (await row(watching, leaving))[0] == DeliveryState.WITHDRAWN
    assert sorted(await told(watching)) == ["bound", "bound", "withdrawn"]


async def test_a_closed_chat_is_due_nothing_whatever_else_went_wrong(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.outbox()
    await change(watching, 7)
    await watching.run("UPDATE chat SET open = 0 WHERE kind = 'private'")

    assert {delivery.chat_id for delivery in await watching.deliver_all(LONG_AFTER)} == {OPS.chat_id}


async def test_what_arrived_in_a_chat_closed_since_counts_as_told(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    leaving = due[OLGA.chat_id]
    assert await watching.store.mark_sending(leaving.id)
    await watching.deny(OLGA)

    await watching.store.settle(leaving.id, settle(leaving, Sent(1), NOON, 0.0))

    assert (await row(watching, leaving))[0] == DeliveryState.SENT
    assert "told" in await told(watching)
