import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import ModuleType

import pytest

from bot.domain.deliver.alerts import Alert, ChangeAlert
from bot.domain.deliver.delivery import Delivery
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.outcomes import RetryLater
from bot.domain.places import Place
from bot.store.database.door import Database
from bot.store.outbox import departures, queue
from bot.store.outbox.queue import ALERTS_READ_AT_ONCE
from tests.builders import NOON, USDC, VAULT, address, at, reading
from tests.store.conftest import ALERTS_TOPIC, EVERYONE, OLGA, OPS, Keeper, change, told, words

MINUTE = timedelta(minutes=1)


def in_topics(due: Sequence[Delivery]) -> list[tuple[int, int | None]]:
    return [(delivery.chat_id, delivery.thread_id) for delivery in due]


# ---------------------------------------------------------------- binding


async def test_nothing_that_waits_is_nothing_due(keeper: Keeper) -> None:
    outbox = await keeper.outbox()

    assert (outbox.due, outbox.next_at) == ((), None)


async def test_what_happened_together_is_one_message_for_each_destination(keeper: Keeper) -> None:
    for place in EVERYONE:
        await keeper.watch(place=place)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}, native=101))

    delivered = await keeper.deliver_all()

    assert sorted(in_topics(delivered), key=str) == [(-1001, 5), (-1001, None), (7001, None)]
    assert [delivery.text.count(">") for delivery in delivered] == [2, 2, 2]


async def test_where_a_message_goes_is_written_on_it(watching: Keeper) -> None:
    await change(watching, 6)

    by_chat = {delivery.chat_id: delivery for delivery in await watching.due()}

    assert by_chat[OLGA.chat_id].is_group is False
    assert by_chat[OLGA.chat_id].thread_id is None
    assert by_chat[OPS.chat_id].is_group is True


async def test_a_message_shows_its_own_id(watching: Keeper) -> None:
    await change(watching, 6)

    for delivery in await watching.deliver_all():
        assert delivery.text.startswith(message_id(delivery.id) + " ")


async def test_the_window_keeps_an_alert_until_it_ends(watching: Keeper) -> None:
    await change(watching, 6)

    early = await watching.outbox(at(1.999), 2)
    assert (early.due, early.next_at) == ((), at(2))

    assert len((await watching.outbox(at(2), 2)).due) == 2


async def test_the_window_restarts_with_each_alert_of_the_destination(watching: Keeper) -> None:
    await change(watching, 6)
    await change(watching, 7, seconds=1.5)

    assert (await watching.outbox(at(2), 2)).next_at == at(3.5)
    (first, *_) = await watching.due(at(3.5), 2)
    assert "5>6" in first.text
    assert "6>7" in first.text


async def test_the_window_of_one_destination_is_not_kept_open_by_another(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.watch(VAULT, place=OPS)
    await watching.record(reading({USDC: 6}, native=100), reading({}, native=1, account=VAULT), when=at(1.5))

    outbox = await watching.outbox(at(2), 2)

    assert {chat.chat_id for chat in outbox.due} == {OPS.chat_id, OLGA.chat_id}
    assert sorted(in_topics(await watching.due(at(2), 2))) == [(OPS.chat_id, 5), (OLGA.chat_id, None)]


async def test_a_stream_of_alerts_is_kept_for_five_seconds_at_most(watching: Keeper) -> None:
    for seconds in range(6):
        await change(watching, 6 + seconds, seconds=seconds)

    assert (await watching.outbox(at(4.9), 2)).next_at == at(5)
    assert len((await watching.outbox(at(5), 2)).due) == 2


async def test_a_chat_that_somebody_is_about_to_claim_for_is_left_out(watching: Keeper) -> None:
    await change(watching, 6)

    early = await watching.db.run(queue.outbox, at(1), 2, {OLGA.chat_id, OPS.chat_id})
    assert (early.due, early.next_at) == ((), None)

    due = (await watching.db.run(queue.outbox, at(2), 2, {OLGA.chat_id})).due
    assert [chat.chat_id for chat in due] == [OPS.chat_id]


async def test_more_alerts_than_fit_are_told_in_several_messages_in_order(watching: Keeper) -> None:
    for amount in range(6, 13):
        await change(watching, amount)

    def three_at_most(db: Database, alerts: Sequence[Alert], number: str, now: datetime) -> tuple[str, int]:
        return words(db, alerts[:3], number, now)

    texts = []
    while delivery := (await watching.claim(OLGA.chat_id, compose=three_at_most)).delivery:
        texts.append(delivery.text)
        await watching.sent(delivery)

    assert [text.count(">") for text in texts] == [3, 3, 1]
    assert (await told(watching)).count("told") == 7


async def test_more_alerts_than_are_read_at_once_are_all_bound(keeper: Keeper) -> None:
    await keeper.watch()
    tokens = [address(number) for number in range(1, ALERTS_READ_AT_ONCE + 20)]
    await keeper.record(reading(dict.fromkeys(tokens, 1), native=1))
    await keeper.deliver_all()
    await keeper.record(reading(dict.fromkeys(tokens, 2), native=1))

    delivered = await keeper.deliver_all()

    assert [delivery.text.count(">") for delivery in delivered] == [ALERTS_READ_AT_ONCE, 19]


@pytest.mark.parametrize("told_of_them", [0, -1, 99])
async def test_a_text_that_tells_nothing_or_too_much_is_no_message(
    watching: Keeper, told_of_them: int
) -> None:
    await change(watching, 6)

    taken = await watching.claim(OPS.chat_id, compose=lambda _, __, ___, ____: ("…", told_of_them))

    assert taken.delivery is None
    assert len(taken.troubles) == 2, "of the group and of its topic"
    assert await told(watching) == ["waiting"] * 3
    assert len(await watching.deliver_all()) == 3


async def test_a_destination_whose_text_cannot_be_made_does_not_silence_the_others(
    watching: Keeper,
) -> None:
    await watching.watch(VAULT, place=OPS)
    await watching.record(reading({USDC: 6}, native=100), reading({}, native=1, account=VAULT))

    def fail_for_the_vault(
        db: Database, alerts: Sequence[Alert], number: str, now: datetime
    ) -> tuple[str, int]:
        if any(not isinstance(alert, ChangeAlert) for alert in alerts):
            raise ValueError("no words")
        return words(db, alerts, number, now)

    taken = await watching.claim(OPS.chat_id, compose=fail_for_the_vault)

    assert taken.delivery is not None
    assert taken.delivery.thread_id == ALERTS_TOPIC.thread_id
    (trouble,) = taken.troubles
    assert "no words" in trouble
    assert await watching.value("SELECT count(*) FROM delivery WHERE text = ''") == 0
    await watching.sent(taken.delivery)
    assert OPS.chat_id in {delivery.chat_id for delivery in await watching.deliver_all()}


# ---------------------------------------------------------------- order


async def test_at_most_one_message_of_a_chat_is_due_whatever_its_topics(watching: Keeper) -> None:
    await change(watching, 6)

    due = await watching.due()

    assert sorted(delivery.chat_id for delivery in due) == [OPS.chat_id, OLGA.chat_id]


async def test_the_messages_of_a_chat_are_due_in_order(watching: Keeper) -> None:
    delivered: list[Delivery] = []
    for amount in (6, 7, 8):
        await change(watching, amount)
        delivered += await watching.due()
        await watching.reopen()
        await watching.start_sending(NOON)
        delivered += await watching.deliver_all()

    texts = list(dict.fromkeys(one.text for one in delivered if one.chat_id == OLGA.chat_id))
    assert [text.partition(":")[2] for text in texts] == ["5>6", "6>7", "7>8"]


async def test_what_comes_while_a_message_waits_to_be_repeated_becomes_one_message(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.bind()
    for amount in (7, 8, 9):
        await change(watching, amount)

    delivered = [one for one in await watching.deliver_all() if one.chat_id == OLGA.chat_id]

    assert [one.text.count(">") for one in delivered] == [1, 3]


async def test_while_a_message_is_being_sent_nothing_else_of_its_chat_is_due(watching: Keeper) -> None:
    await change(watching, 6)
    assert len(await watching.due()) == 2
    await change(watching, 7)

    assert (await watching.outbox()).due == ()
    assert (await watching.claim(OLGA.chat_id)).delivery is None


async def test_a_message_leaves_once(watching: Keeper) -> None:
    await change(watching, 6)

    first = await watching.claim(OLGA.chat_id)
    second = await watching.claim(OLGA.chat_id)

    assert first.delivery is not None
    assert second.delivery is None


async def test_the_chat_that_waited_longest_comes_first(watching: Keeper) -> None:
    await watching.watch(VAULT, place=Place(42, "private", "Late"))
    await change(watching, 6)
    await watching.record(reading({}, native=7, account=VAULT), when=at(1))

    due = [chat.chat_id for chat in (await watching.outbox(at(9))).due]

    assert set(due[:2]) == {OLGA.chat_id, OPS.chat_id}
    assert due[2:] == [42]


async def test_a_message_that_waits_for_its_next_try_keeps_the_ones_behind_it_waiting(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    due = {delivery.chat_id: delivery for delivery in await watching.due()}
    update = await watching.came_back(due[OLGA.chat_id], RetryLater("connection refused"))
    await change(watching, 7)

    outbox = await watching.outbox()

    assert outbox.due == ()
    assert outbox.next_at == update.not_before
    later = {one.chat_id: one for one in await watching.due(update.not_before)}
    assert later[OLGA.chat_id].id == due[OLGA.chat_id].id


# ---------------------------------------------------------------- pace


async def test_what_left_in_the_last_minute_is_known_after_a_restart(watching: Keeper) -> None:
    await change(watching, 6, seconds=100)
    for delivery in await watching.due(at(100)):
        await watching.sent(delivery, at(100 + (delivery.chat_id == OLGA.chat_id)))
    await watching.reopen()

    left = await watching.db.run(departures.recent_sends, at(110), MINUTE)

    assert [(one.chat_id, one.is_group, one.ago.total_seconds()) for one in left] == [
        (OPS.chat_id, True, 10),
        (OLGA.chat_id, False, 9),
    ]


async def test_what_was_leaving_at_the_end_counts_as_having_left(watching: Keeper) -> None:
    await change(watching, 6, seconds=100)
    await watching.due(at(100))
    await watching.reopen()

    left = await watching.db.run(departures.recent_sends, at(1000), MINUTE)

    assert [one.ago.total_seconds() for one in left] == [0, 0]


async def test_neither_what_left_long_ago_nor_in_the_future_counts(watching: Keeper) -> None:
    assert await watching.db.run(departures.recent_sends, at(-1), MINUTE) == []
    assert len(await watching.db.run(departures.recent_sends, at(60), MINUTE)) == 3
    assert await watching.db.run(departures.recent_sends, at(61), MINUTE) == []


async def test_an_answer_to_a_group_counts_like_a_message_for_a_minute(watching: Keeper) -> None:
    await change(watching, 6, seconds=100)
    for delivery in await watching.due(at(100)):
        await watching.sent(delivery, at(100))
    for seconds in (90, 101, 102):
        await watching.db.run(departures.note_departure, OPS.chat_id, at(seconds))
    await watching.reopen()

    left = await watching.db.run(departures.recent_sends, at(160), MINUTE)

    assert [(one.chat_id, one.ago.total_seconds()) for one in left if one.is_group] == [
        (OPS.chat_id, 60),
        (OPS.chat_id, 59),
        (OPS.chat_id, 58),
    ]


@pytest.mark.parametrize("seconds", [61, -1])
async def test_answers_of_more_than_a_minute_ago_or_of_a_clock_set_back_are_forgotten(
    keeper: Keeper, seconds: int
) -> None:
    await keeper.db.run(departures.note_departure, OPS.chat_id, NOON)

    assert await keeper.db.run(departures.recent_sends, at(seconds), MINUTE) == []
    await keeper.db.run(departures.note_departure, OPS.chat_id, at(seconds))
    assert await keeper.value("SELECT count(*) FROM departure") == 1


# ---------------------------------------------------------------- speed


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (queue, "_HEADS"),
        (queue, "_FIRST_ASIDE"),
        (queue, "_WAITING"),
        (queue, "_HEAD_OF_CHAT"),
        (queue, "_WAITING_OF_CHAT"),
        (departures, "_RECENT_SENDS"),
    ],
)
async def test_looking_into_the_outbox_reads_no_table_whole_that_grows(
    keeper: Keeper, module: ModuleType, name: str
) -> None:
    statement = re.sub(r"\?\d?|:\w+", "1", getattr(module, name))
    plan = await keeper.plan(statement)

    scans = [step for step in plan if re.match(r"SCAN (d|delivery|o|l|alert)\b", step)]
    assert not [step for step in scans if "INDEX delivery_unfinished" not in step]
    assert [
        step
        for step in plan
        if "delivery_unfinished" in step or "alert_waiting" in step or "finished" in step
    ]
