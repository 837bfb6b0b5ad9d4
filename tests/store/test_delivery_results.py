from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.deliver.alerts import NoticeAlert, Undelivered
from bot.domain.deliver.delivery import (
    LONGEST_PAUSE,
    LONGEST_UNKNOWN_PAUSE,
    UNKNOWNS_SET_ASIDE,
    Delivery,
    DeliveryId,
    DeliveryState,
    DeliveryUpdate,
    update_after,
)
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
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
from bot.domain.deliver.unconfirmed import UNKNOWNS_RETRIED_EARLY, UNKNOWNS_UNASKED
from bot.store import delivery_results
from bot.store.chats import chats
from tests.builders import DAI, NOON, USDC, at, held, reading
from tests.store.conftest import ALERTS_TOPIC, LONG_AFTER, OLGA, OPS, Keeper, change, told

ALERTS_DESTINATION = 3


async def row(keeper: Keeper, delivery: Delivery) -> tuple[object, ...]:
    (found,) = await keeper.rows(
        "SELECT state, attempts, unknowns, message_id, reason FROM delivery WHERE id = ?", delivery.id
    )
    return found


# ---------------------------------------------------------------- what became of an attempt


async def test_what_arrived_is_told_and_never_due_again(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    await watching.came_back(first, Sent(4711))

    assert await row(watching, first) == ("sent", 0, 0, 4711, None)
    assert sorted(await told(watching)) == ["bound", "told", "waiting"]
    await watching.reopen()
    assert first.id not in {delivery.id for delivery in await watching.deliver_all(LONG_AFTER)}


async def test_what_did_not_arrive_is_the_same_text_again_and_not_told(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    update = await watching.came_back(first, RetryLater("connection refused"))

    assert await row(watching, first) == ("ready", 1, 0, None, "connection refused")
    assert sorted(await told(watching)) == ["bound", "bound", "waiting"]
    again = next(one for one in await watching.due(update.not_before) if one.id == first.id)
    assert (again.text, again.attempts, again.unknowns) == (first.text, 1, 0)


async def test_what_may_have_arrived_is_the_same_text_again_and_counted(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    update = await watching.came_back(first, SendUnknown("read timeout"))
    await change(watching, 7)

    assert await row(watching, first) == ("ready", 0, 1, None, "read timeout")
    again = next(one for one in await watching.due(update.not_before) if one.id == first.id)
    assert (again.text, again.attempts, again.unknowns) == (first.text, 0, 1)


async def in_doubt(watching: Keeper, *, unknowns: int) -> tuple[Delivery, DeliveryUpdate]:
    """Let a send to Olga's chat get no answer, for so many times by then; then something else changes."""
    await change(watching, 6)
    first = next(one for one in await watching.due() if one.chat_id == OLGA.chat_id)
    update = await watching.came_back(replace(first, unknowns=unknowns - 1), SendUnknown("read timeout"))
    await change(watching, 7)
    return first, update


async def due_in_private(watching: Keeper, now: datetime = NOON) -> list[DeliveryId]:
    return [one.id for one in await watching.due(now) if one.chat_id == OLGA.chat_id]


async def test_a_message_that_pauses_briefly_keeps_what_is_behind_it_waiting(watching: Keeper) -> None:
    first, update = await in_doubt(watching, unknowns=UNKNOWNS_SET_ASIDE - 1)

    assert await due_in_private(watching) == []
    assert (await watching.outbox()).next_at == update.not_before
    assert await due_in_private(watching, update.not_before) == [first.id]


async def test_a_message_that_pauses_for_long_stands_aside_until_that_is_over(watching: Keeper) -> None:
    first, update = await in_doubt(watching, unknowns=UNKNOWNS_SET_ASIDE)

    assert update.not_before > NOON + LONGEST_PAUSE
    assert (await watching.outbox()).next_at == update.not_before
    (passing,) = await due_in_private(watching)
    assert passing > first.id

    await watching.apply_outcome(passing, DeliveryUpdate(DeliveryState.READY, at(5)))
    assert await due_in_private(watching, update.not_before) == [first.id]


async def test_what_came_of_a_send_says_whether_more_waits_in_its_chat(watching: Keeper) -> None:
    arrived = DeliveryUpdate(DeliveryState.SENT, NOON, message_id=5)
    await change(watching, 6)
    by_chat = {delivery.chat_id: delivery for delivery in await watching.due()}

    assert not await watching.apply_outcome(by_chat[OLGA.chat_id].id, arrived)
    assert await watching.apply_outcome(by_chat[OPS.chat_id].id, arrived)  # its topic is still to come

    (of_the_topic,) = await watching.due()
    assert await watching.apply_outcome(of_the_topic.id, replace(arrived, state=DeliveryState.READY))
    (of_the_topic,) = await watching.due()
    assert not await watching.apply_outcome(of_the_topic.id, arrived)


@pytest.mark.parametrize(
    ("unknowns", "is_due"), [(UNKNOWNS_RETRIED_EARLY - 1, True), (UNKNOWNS_RETRIED_EARLY, False)]
)
async def test_it_is_tried_early_when_another_arrives_unless_there_were_too_many_copies(
    watching: Keeper, unknowns: int, *, is_due: bool
) -> None:
    first, _ = await in_doubt(watching, unknowns=unknowns)
    (passing,) = await due_in_private(watching)

    await watching.apply_outcome(passing, DeliveryUpdate(DeliveryState.SENT, at(1), message_id=5))

    assert await due_in_private(watching, at(1)) == [first.id] * is_due


async def test_a_clock_set_back_ends_no_rest_and_makes_none_longer(watching: Keeper) -> None:
    first, update = await in_doubt(watching, unknowns=UNKNOWNS_RETRIED_EARLY)
    (passing,) = await due_in_private(watching)
    await watching.apply_outcome(passing, DeliveryUpdate(DeliveryState.WITHDRAWN, NOON))

    assert await due_in_private(watching, at(-3600)) == [first.id]
    await watching.apply_outcome(first.id, replace(update, not_before=at(-3600) + LONGEST_UNKNOWN_PAUSE))
    assert await due_in_private(watching, at(-3600)) == []


async def test_what_is_asked_about_is_not_marked_as_leaving(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()
    found = DeliveryUpdate(DeliveryState.READY, NOON, unknowns=3, unanswered_questions=5)
    await watching.apply_outcome(first.id, found)

    taken = await watching.claim(first.chat_id)

    assert taken.delivery is None
    assert taken.question is not None
    assert (taken.question.unknowns, taken.question.unanswered_questions) == (3, 5)
    assert (await row(watching, first))[0] == "ready"


async def test_what_was_withdrawn_while_telegram_was_asked_stays_so(watching: Keeper) -> None:
    await change(watching, 6)
    first = next(one for one in await watching.due() if one.chat_id == OLGA.chat_id)
    found = DeliveryUpdate(DeliveryState.READY, NOON, unknowns=3)
    await watching.apply_outcome(first.id, found)

    await watching.deny(OLGA)
    await watching.allow(OLGA)
    await watching.apply_outcome(first.id, replace(found, unanswered_questions=1))

    assert (await row(watching, first))[0] == "withdrawn"


async def test_a_held_chat_waits_with_all_its_topics_and_others_go(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}

    update = await watching.came_back(due[OPS.chat_id], SendThrottled(30))
    outbox = await watching.outbox()

    assert update.pause is not None
    assert update.pause.until == at(30)
    assert outbox.next_at == at(30)
    await watching.sent(due[OLGA.chat_id])
    assert await watching.deliver_all() == []
    await watching.reopen()
    assert await watching.due(at(29.9)) == ()
    assert {delivery.chat_id for delivery in await watching.due(at(30))} == {OPS.chat_id}


async def test_what_comes_while_a_chat_is_held_becomes_one_message_when_it_is_free(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await watching.came_back(due[OLGA.chat_id], SendThrottled(30))
    for seconds in (5, 10, 15):
        await change(watching, 6 + seconds, seconds=seconds)

    delivered = [one for one in await watching.deliver_all(at(30)) if one.chat_id == OLGA.chat_id]

    assert [delivery.text.count(">") for delivery in delivered] == [1, 3]


async def test_what_waits_for_a_held_chat_is_looked_at_when_the_hold_ends(watching: Keeper) -> None:
    await watching.db.run_if_possible(
        delivery_results.pause_chat, OLGA.chat_id, at(30), timedelta(seconds=30)
    )
    await change(watching, 7, seconds=1)

    outbox = await watching.outbox(at(1))

    assert {chat.chat_id for chat in outbox.due} == {OPS.chat_id}
    assert outbox.next_at == at(30)


async def test_a_clock_set_back_makes_no_hold_longer_than_it_was_meant(watching: Keeper) -> None:
    await watching.db.run_if_possible(
        delivery_results.pause_chat, OLGA.chat_id, at(3600 + 30), timedelta(seconds=30)
    )
    await change(watching, 7)

    outbox = await watching.outbox(at(0))

    assert {chat.chat_id for chat in outbox.due} == {OPS.chat_id}
    assert outbox.next_at == at(30)
    assert OLGA.chat_id in {chat.chat_id for chat in (await watching.outbox(at(30))).due}


async def test_a_clock_set_back_delays_no_attempt_and_no_alert(watching: Keeper) -> None:
    await change(watching, 6, seconds=3600)
    due = {delivery.chat_id: delivery for delivery in await watching.due(at(3600))}
    await watching.came_back(due[OLGA.chat_id], SendUnknown("read timeout"), at(3600))
    await watching.came_back(due[OPS.chat_id], RetryLater("busy"), at(3600))
    await change(watching, 7, seconds=3601)

    delivered = await watching.deliver_all(at(0))

    assert {delivery.chat_id for delivery in delivered} == {OLGA.chat_id, OPS.chat_id}
    assert set(await told(watching)) == {"told"}


@pytest.mark.parametrize(("park", "seconds"), [(Park.NO_RIGHTS, 45), (Park.GONE, 24 * 3600)])
async def test_a_clock_set_back_makes_no_probe_later_than_it_was_meant(
    watching: Keeper, park: Park, seconds: float
) -> None:
    await watching.deny(OLGA)
    await change(watching, 6, seconds=3600)
    (first,) = await watching.due(at(3600))
    await watching.came_back(first, Unreachable("not now", park), at(3600))
    assert (await watching.outbox(at(3600))).next_at == at(3600 + seconds)

    assert (await watching.outbox(at(0))).next_at == at(seconds)


async def test_an_unreachable_chat_is_parked_and_others_go(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}

    await watching.came_back(due[OPS.chat_id], Unreachable("kicked", Park.FOR_GOOD))
    await watching.sent(due[OLGA.chat_id])

    assert await row(watching, due[OPS.chat_id]) == ("ready", 0, 0, None, "kicked")
    assert await watching.deliver_all(LONG_AFTER) == []
    assert (await watching.outbox(LONG_AFTER)).next_at is None
    await watching.reopen()
    assert await watching.due(LONG_AFTER) == ()
    await watching.db.run_if_possible(chats.mark_reachable, OPS.chat_id)
    assert [delivery.id for delivery in await watching.due()] == [due[OPS.chat_id].id]


async def test_a_silenced_chat_is_tried_again_and_again_and_back_when_one_arrives(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await watching.sent(due[OLGA.chat_id])
    muted = Unreachable("not enough rights", Park.NO_RIGHTS)
    await watching.came_back(due[OPS.chat_id], muted)

    probe_at = (await watching.outbox()).next_at
    assert probe_at == at(45)
    (probe,) = await watching.due(probe_at)
    assert (probe.id, probe.probes) == (due[OPS.chat_id].id, 1)
    await watching.came_back(probe, muted, probe_at)
    assert await watching.due(at(80)) == ()
    (probe,) = await watching.due(at(90))
    await watching.came_back(probe, Sent(1), at(90))

    assert len(await watching.deliver_all(at(90))) == 1, "the other topic's"
    assert await watching.value("SELECT probes FROM chat WHERE telegram_id = ?", OPS.chat_id) == 0


# ---------------------------------------------------------------- refused


async def test_a_refused_message_of_several_alerts_is_sent_in_as_many(watching: Keeper) -> None:
    await watching.record(reading({USDC: 6, DAI: held(7, block=20)}, native=101))
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    refused = due[OLGA.chat_id]
    assert refused.alerts == 3

    await watching.came_back(refused, SendRefused("too long", is_final=True))
    await change(watching, 8)
    texts = [one.text for one in await watching.deliver_all() if one.chat_id == OLGA.chat_id]

    assert await row(watching, refused) == ("dissolved", 0, 0, None, "too long")
    assert [text.count(">") for text in texts] == [1, 1, 1, 1]
    assert len({text.split()[0] for text in [refused.text, *texts]}) == 5, "each has an id of its own"


async def test_a_refused_message_of_one_alert_is_given_up_and_its_destination_and_owners_hear_of_it(
    watching: Keeper,
) -> None:
    await watching.apply_configuration([OPS.chat_id], owners=[OLGA.chat_id])
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await watching.sent(due[OLGA.chat_id])

    await watching.came_back(due[OPS.chat_id], SendRefused("odd", is_final=True))

    assert (await row(watching, due[OPS.chat_id]))[0] == "dead"
    assert sorted(await told(watching)) == ["dead", "told", "waiting"]
    number = message_id(due[OPS.chat_id].id)
    assert await watching.notices(OLGA) == [Undelivered(number, 1, "odd", OPS.chat_id, "Ops")]
    assert Undelivered(number, 1, "odd") in [
        alert.notice for alert in await watching.alerts(OPS) if isinstance(alert, NoticeAlert)
    ]


async def test_a_refused_notice_makes_no_notice_of_its_own(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    (baseline,) = await keeper.due()

    await keeper.came_back(baseline, SendRefused("odd", is_final=True))

    assert await keeper.deliver_all(LONG_AFTER) == []


async def test_a_message_that_was_misread_is_the_same_in_another_form(watching: Keeper) -> None:
    await change(watching, 6)
    (first, *_) = await watching.due()

    await watching.came_back(first, Misread("can't parse", Form.PLAIN))

    again = {delivery.id: delivery for delivery in await watching.due()}[first.id]
    assert again == replace(first, form=Form.PLAIN)


# ---------------------------------------------------------------- topics


async def test_what_a_lost_topic_is_to_be_told_goes_to_its_chat(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.script(
        f"UPDATE alert SET state = 'told' WHERE destination_id <> {ALERTS_DESTINATION} AND state = 'waiting'"
    )
    (first,) = await watching.due()
    assert first.thread_id == ALERTS_TOPIC.thread_id

    await watching.came_back(first, TopicLost("closed", is_certain=True))

    (again,) = await watching.due()
    assert (again.id, again.thread_id, again.fallback_reason) == (first.id, None, "closed")


async def topic_told(keeper: Keeper, now: datetime) -> tuple[int | None, str | None]:
    """Return where the topic's next message goes, and why it is not the topic; others are delivered."""
    for delivery in await keeper.due(now):
        if delivery.chat_id == OPS.chat_id and (delivery.thread_id or delivery.fallback_reason):
            return delivery.thread_id, delivery.fallback_reason
        await keeper.sent(delivery, now)
    raise AssertionError("nothing is due")


async def lose_topic(keeper: Keeper, reason: str) -> None:
    await keeper.script(f"DELETE FROM subscription WHERE destination_id <> {ALERTS_DESTINATION}")
    await change(keeper, 6)
    (first,) = await keeper.due()
    await keeper.came_back(first, TopicLost(reason, is_certain=True))
    await keeper.deliver_all()


@pytest.mark.parametrize(
    ("reason", "minutes", "goes_to"),
    [
        ("closed", 59, (None, "closed")),
        ("closed", 61, (ALERTS_TOPIC.thread_id, None)),
        ("closed", -10, (ALERTS_TOPIC.thread_id, None)),
        ("deleted", 61, (None, "deleted")),
    ],
)
async def test_a_closed_topic_is_tried_again_after_an_hour(
    watching: Keeper, reason: str, minutes: int, goes_to: tuple[int | None, str | None]
) -> None:
    await lose_topic(watching, reason)

    await change(watching, 7, 60 * minutes)

    assert await topic_told(watching, at(60 * minutes)) == goes_to


async def test_a_topic_that_is_closed_still_is_left_alone_for_another_hour(watching: Keeper) -> None:
    await lose_topic(watching, "closed")
    await change(watching, 7, 3700)
    (tried,) = await watching.due(at(3700))
    await watching.came_back(tried, TopicLost("closed", is_certain=True), at(3700))

    assert await topic_told(watching, at(3700)) == (None, "closed")


async def test_a_message_that_may_have_arrived_astray_does_not_go_to_the_topic_as_well(
    watching: Keeper,
) -> None:
    await lose_topic(watching, "closed")
    await change(watching, 7)
    (fallback_reason,) = await watching.due()
    await watching.came_back(fallback_reason, SendUnknown("no answer"))

    assert await topic_told(watching, at(3700)) == (None, "closed")


async def test_a_lost_topic_in_which_somebody_speaks_is_found_again(watching: Keeper) -> None:
    await watching.script(f"UPDATE destination SET lost = 'closed' WHERE id = {ALERTS_DESTINATION}")

    await watching.db.run_if_possible(chats.mark_reachable, OPS.chat_id, ALERTS_TOPIC.thread_id)
    await change(watching, 6)

    delivered = await watching.deliver_all()
    assert {(one.thread_id, one.fallback_reason) for one in delivered} == {(None, None), (5, None)}


# ---------------------------------------------------------------- written twice, as a commit may be unknown


async def everything(keeper: Keeper) -> list[list[tuple[object, ...]]]:
    tables = ("delivery", "alert", "chat", "destination")
    return [await keeper.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]


HAPPENED_SINCE = """
UPDATE chat SET hold_until = 77, unavailable = 'since', probes = 5;
UPDATE destination SET lost = NULL
"""

ANY_OUTCOME = [
    Sent(4711),
    RetryLater("refused"),
    SendThrottled(3),
    SendUnknown("?"),
    Unreachable("kicked"),
    ChatMoved(-1009),
    TopicLost("closed", is_certain=True),
    SendRefused("odd", is_final=True),
    Misread("odd", Form.PLAIN),
]


@pytest.mark.parametrize("outcome", ANY_OUTCOME, ids=lambda one: type(one).__name__)
async def test_what_came_of_a_send_changes_nothing_when_it_is_written_again(
    watching: Keeper, outcome: Outcome
) -> None:
    await change(watching, 6)
    leaving = next(one for one in await watching.due() if one.chat_id == OPS.chat_id)
    update = await watching.came_back(leaving, outcome)
    await watching.script(HAPPENED_SINCE)
    since = await everything(watching)

    assert await watching.apply_outcome(leaving.id, update), "whether more waits is found out by a look"

    assert await everything(watching) == since


@pytest.mark.parametrize("outcome", ANY_OUTCOME[2:7], ids=lambda one: type(one).__name__)
async def test_what_came_of_a_question_changes_nothing_when_it_is_written_again(
    watching: Keeper, outcome: Outcome
) -> None:
    await change(watching, 6)
    leaving = next(one for one in await watching.due() if one.chat_id == OPS.chat_id)
    await watching.came_back(replace(leaving, unknowns=UNKNOWNS_UNASKED), RetryLater("refused"))
    question = (await watching.claim(OPS.chat_id, LONG_AFTER)).question
    assert question is not None
    update = update_after(question, outcome, LONG_AFTER, 0.0)
    await watching.apply_outcome(question.id, update)
    await watching.script(HAPPENED_SINCE)
    since = await everything(watching)

    await watching.apply_outcome(question.id, update)

    assert await everything(watching) == since


async def test_what_a_question_says_of_a_chat_counts_though_its_message_was_withdrawn(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    leaving = next(one for one in await watching.due() if one.chat_id == OPS.chat_id)
    await watching.came_back(replace(leaving, unknowns=UNKNOWNS_UNASKED), RetryLater("refused"))
    question = (await watching.claim(OPS.chat_id, LONG_AFTER)).question
    assert question is not None
    await watching.deny(OPS)

    await watching.apply_outcome(question.id, update_after(question, SendThrottled(30), LONG_AFTER, 0.0))

    assert (await row(watching, leaving))[0] == DeliveryState.WITHDRAWN
    assert await watching.value("SELECT hold_ms FROM chat WHERE telegram_id = ?", OPS.chat_id) == 30_000


async def test_what_is_in_doubt_stays_so_whatever_an_ended_epoch_learns(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.start_sending()
    leaving, *_ = await watching.due()
    ended = watching.epoch
    await watching.start_sending(at(60))
    since = await everything(watching)

    watching.epoch = ended
    await watching.came_back(leaving, Sent(4711))

    assert await everything(watching) == since


async def test_what_was_claimed_unknowingly_is_put_back_without_a_doubt(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.start_sending()
    leaving = {one.chat_id: one for one in await watching.due()}
    known, unknown = leaving[OLGA.chat_id], leaving[OPS.chat_id]

    assert await watching.db.run(delivery_results.put_back, watching.epoch, [known.id]) == 1

    assert (await row(watching, known))[:3] == ("sending", 0, 0)
    assert (await row(watching, unknown))[:3] == ("ready", 0, 0)
    again = (await watching.claim(OPS.chat_id)).delivery
    assert again is not None
    assert (again.id, again.text, again.unknowns) == (unknown.id, unknown.text, 0)


async def test_what_another_epoch_claimed_is_not_put_back(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.due()
    await watching.start_sending()

    watching.epoch = await watching.db.run(delivery_results.begin_epoch)

    assert await watching.db.run(delivery_results.put_back, watching.epoch, []) == 0


# ---------------------------------------------------------------- restart


async def test_what_was_being_sent_at_the_end_is_in_doubt_and_repeated_as_it_was(watching: Keeper) -> None:
    await change(watching, 6)
    due = await watching.due()
    await watching.reopen()

    assert await watching.start_sending(at(60)) == 2

    assert (await row(watching, due[0]))[:3] == ("ready", 0, 1)
    again = {delivery.id: delivery for delivery in await watching.due(at(60))}
    assert again.keys() == {delivery.id for delivery in due}
    assert again[due[0].id].text == due[0].text


async def test_what_an_epoch_sends_that_has_not_ended_is_not_in_doubt(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.start_sending()
    ended = (await watching.claim(OPS.chat_id)).delivery
    watching.epoch = await watching.db.run(delivery_results.begin_epoch)
    current = (await watching.claim(OLGA.chat_id)).delivery
    assert ended is not None
    assert current is not None

    assert await watching.db.run(delivery_results.doubt_unfinished_sends, at(60), watching.epoch) == 1

    assert (await row(watching, ended))[:3] == ("ready", 0, 1)
    assert (await row(watching, current))[:3] == ("sending", 0, 0)


async def test_what_is_repeated_is_in_doubt_once_the_epoch_that_repeats_it_has_ended(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    await watching.due()
    await watching.start_sending(at(60))
    assert len(await watching.due(at(60))) == 2

    assert await watching.db.run(delivery_results.doubt_unfinished_sends, at(61), watching.epoch) == 0
    assert await watching.start_sending(at(62)) == 2


async def test_what_waited_at_the_end_is_not_in_doubt(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.bind()
    await watching.reopen()

    assert await watching.start_sending(at(60)) == 0
    assert [delivery.unknowns for delivery in await watching.due(at(60))] == [0, 0]


async def test_what_was_in_doubt_for_a_chat_closed_since_is_withdrawn(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    await watching.sent(due[OPS.chat_id])
    await watching.deny(OLGA)
    await watching.reopen()

    assert await watching.start_sending(at(60)) == 1

    assert (await row(watching, due[OLGA.chat_id]))[0] == "withdrawn"
    assert {delivery.chat_id for delivery in await watching.deliver_all(at(60))} == {OPS.chat_id}
    assert sorted(await told(watching)) == ["told", "told", "withdrawn"]


@pytest.mark.parametrize(
    "outcome", [RetryLater("refused"), SendThrottled(3), SendUnknown("?"), Unreachable("kicked")]
)
async def test_what_comes_back_for_a_chat_closed_since_is_withdrawn(
    watching: Keeper, outcome: object
) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    leaving = due[OLGA.chat_id]
    assert await watching.deny(OLGA) == 0

    await watching.apply_outcome(leaving.id, update_after(leaving, outcome, NOON, 0.0))  # type: ignore[arg-type]

    assert (await row(watching, leaving))[0] == DeliveryState.WITHDRAWN
    assert sorted(await told(watching)) == ["bound", "waiting", "withdrawn"]


async def test_a_closed_chat_is_due_nothing_whatever_else_went_wrong(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.bind()
    await change(watching, 7)
    await watching.script("UPDATE chat SET open = 0 WHERE kind = 'private'")

    assert {delivery.chat_id for delivery in await watching.deliver_all(LONG_AFTER)} == {OPS.chat_id}


async def test_what_arrived_in_a_chat_closed_since_counts_as_told(watching: Keeper) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    leaving = due[OLGA.chat_id]
    await watching.deny(OLGA)

    await watching.apply_outcome(leaving.id, update_after(leaving, Sent(1), NOON, 0.0))

    assert (await row(watching, leaving))[0] == DeliveryState.SENT
    assert "told" in await told(watching)
