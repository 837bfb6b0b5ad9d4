"""Groups that become supergroups and topics that are lost: everything goes along, once."""

from datetime import timedelta

import pytest

from bot.domain.chat.audit import AuditAction
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.deliver.delivery import Delivery
from bot.domain.deliver.outcomes import ChatMoved, Offline, Sent, TopicLost
from bot.domain.places import Place
from bot.store.chats import audit, chats, ignore_list, migrate, mutes, subscriptions
from tests.builders import TREASURY, USDC, VAULT, at, reading
from tests.store.conftest import OLGA, Keeper, olga

GROUP = Place(-55, "group", "Ops")
SUPER = Place(-100_55, "supergroup", "Ops")


@pytest.fixture
async def group(keeper: Keeper) -> Keeper:
    """Let a group watch the treasury, and be told of the first reading."""
    await keeper.allow(GROUP)
    await keeper.watch(place=GROUP, label="Till")
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper


async def watched(keeper: Keeper, place: Place) -> list[tuple[int, str]]:
    return [
        (one.number, one.subscription.label)
        for one in await keeper.db.run(subscriptions.subscriptions_here, place)
    ]


async def test_a_group_takes_everything_along(group: Keeper) -> None:
    await group.record(reading({USDC: 6}, native=100))

    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    assert await watched(group, SUPER) == [(1, "Till")]
    assert await watched(group, GROUP) == []
    assert await group.db.run(chats.decision_on, SUPER.chat_id) is True
    assert [delivery.chat_id for delivery in await group.deliver_all()] == [SUPER.chat_id]
    await group.record(reading({USDC: 7}, native=100))
    assert [delivery.chat_id for delivery in await group.deliver_all()] == [SUPER.chat_id], "no new baseline"


@pytest.mark.parametrize("is_seen_first", [True, False])
async def test_it_may_be_said_twice_and_after_the_new_chat_has_spoken(
    group: Keeper, *, is_seen_first: bool
) -> None:
    if is_seen_first:
        await group.watch(VAULT, place=SUPER, label="Vault")
    for _ in range(2):
        await group.migrate(GROUP.chat_id, SUPER.chat_id)

    labels = [label for _, label in await watched(group, SUPER)]
    assert sorted(labels) == (["Till", "Vault"] if is_seen_first else ["Till"])
    assert len({number for number, _ in await watched(group, SUPER)}) == len(labels)


async def test_a_group_that_was_never_seen_takes_nothing_along_and_is_not_remembered(keeper: Keeper) -> None:
    await keeper.migrate(-77, -100_77)

    assert await keeper.value("SELECT count(*) FROM chat WHERE telegram_id IN (-77, -10077)") == 0


async def test_what_both_watched_is_watched_once(group: Keeper) -> None:
    await group.watch(place=SUPER, label="Treasury")

    await group.migrate(GROUP.chat_id, SUPER.chat_id)
    await group.record(reading({USDC: 6}, native=100))

    assert await watched(group, SUPER) == [(1, "Treasury")]
    delivered = await group.deliver_all()
    assert sum(delivery.text.count(">") for delivery in delivered) == 1


async def test_what_both_were_to_be_told_and_one_was_is_not_told_again(group: Keeper) -> None:
    await group.watch(place=SUPER)
    await group.deliver_all()
    await group.record(reading({USDC: 6}, native=100))
    delivery = (await group.claim(GROUP.chat_id)).delivery
    assert delivery is not None
    await group.sent(delivery)

    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    assert await group.deliver_all() == []


async def test_what_both_were_being_told_comes_once(group: Keeper) -> None:
    await group.watch(place=SUPER)
    await group.allow(SUPER)
    await group.deliver_all()
    await group.record(reading({USDC: 6}, native=100))
    first, second = await group.due()
    assert {first.chat_id, second.chat_id} == {GROUP.chat_id, SUPER.chat_id}
    of_group, of_super = (first, second) if first.chat_id == GROUP.chat_id else (second, first)

    await group.came_back(of_group, ChatMoved(SUPER.chat_id))
    await group.sent(of_super)

    assert await group.deliver_all() == []
    assert await group.value("SELECT count(*) FROM alert WHERE state = 'told' AND change_id IS NOT NULL") == 1


async def test_what_the_other_tells_is_not_repeated_if_the_first_gave_no_answer(group: Keeper) -> None:
    await group.watch(place=SUPER)
    await group.allow(SUPER)
    await group.deliver_all()
    await group.record(reading({USDC: 6}, native=100))
    of_group, of_super = sorted(await group.due(), key=lambda one: one.chat_id, reverse=True)
    assert of_group.chat_id == GROUP.chat_id
    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    await group.came_back(of_group, Offline("no connection"))
    await group.sent(of_super)

    assert await group.deliver_all(at(3600)) == []
    assert await group.value("SELECT count(*) FROM alert WHERE state = 'told' AND change_id IS NOT NULL") == 1


async def test_what_one_is_never_told_does_not_keep_it_from_the_other(group: Keeper) -> None:
    await group.watch(place=SUPER)
    await group.allow(SUPER)
    await group.deliver_all()
    await group.record(reading({USDC: 6}, native=100))
    await group.script("UPDATE alert SET state = 'expired' WHERE state = 'waiting' AND destination_id = 1")

    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    assert [delivery.text.count(">") for delivery in await group.deliver_all()] == [1]


async def test_a_group_that_moved_while_a_message_was_on_its_way_is_followed(group: Keeper) -> None:
    await group.record(reading({USDC: 6}, native=100))
    (delivery,) = await group.due()

    await group.came_back(delivery, ChatMoved(SUPER.chat_id))

    (again,) = await group.due()
    assert (again.id, again.text, again.chat_id) == (delivery.id, delivery.text, SUPER.chat_id)
    await group.came_back(again, Sent(1))
    assert await group.deliver_all() == []


async def test_a_refusal_of_either_counts(group: Keeper) -> None:
    await group.deny(SUPER)

    await group.migrate(GROUP.chat_id, SUPER.chat_id)
    await group.record(reading({USDC: 6}, native=100))

    assert await group.db.run(chats.decision_on, SUPER.chat_id) is False
    assert await group.deliver_all() == []


async def test_commands_about_the_old_number_mean_the_new_chat(group: Keeper) -> None:
    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    await group.deny(GROUP)

    assert await group.db.run(chats.decision_on, SUPER.chat_id) is False


async def test_a_chat_that_the_configuration_opens_by_its_old_number_stays_open(keeper: Keeper) -> None:
    await keeper.watch(place=GROUP)
    await keeper.migrate(GROUP.chat_id, SUPER.chat_id)

    await keeper.apply_configuration([GROUP.chat_id], [])

    assert await keeper.db.run(migrate.former_ids, SUPER.chat_id) == {GROUP.chat_id}
    assert await keeper.value("SELECT open FROM chat WHERE telegram_id = ?", SUPER.chat_id) == 1


async def test_moves_in_a_row_are_followed_to_the_end(group: Keeper) -> None:
    await group.migrate(GROUP.chat_id, SUPER.chat_id)
    await group.migrate(SUPER.chat_id, -100_77)

    assert await group.db.run(migrate.former_ids, -100_77) == {GROUP.chat_id, SUPER.chat_id}
    assert await watched(group, Place(-100_77, "supergroup", "Ops")) == [(1, "Till")]


# ---------------------------------------------------------------- topics

TOPIC = Place(-100_55, "supergroup", "Ops", thread_id=5)
OTHER = Place(-100_55, "supergroup", "Ops", thread_id=6)


async def test_what_a_lost_topic_watches_can_be_taken_over(keeper: Keeper) -> None:
    await keeper.watch(TREASURY, place=TOPIC, label="Till")
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.script("UPDATE destination SET lost = 'closed'")
    await keeper.record(reading({USDC: 6}, native=100))

    assert await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga()) == 1

    assert await watched(keeper, OTHER) == [(1, "Till")]
    (delivery,) = await keeper.due()
    assert (delivery.thread_id, delivery.fallback_reason) == (6, None)


async def test_topics_that_are_not_lost_keep_what_they_watch(keeper: Keeper) -> None:
    await keeper.watch(TREASURY, place=TOPIC, label="Till")

    assert await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga()) is None

    assert await watched(keeper, TOPIC) == [(1, "Till")]
    assert await watched(keeper, OLGA) == []


async def test_a_topic_that_is_lost_and_watches_nothing_new_is_taken_over_too(keeper: Keeper) -> None:
    await keeper.watch(TREASURY, place=TOPIC, label="Till")
    await keeper.watch(TREASURY, place=OTHER, label="Treasury")
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    assert await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga()) == 0

    assert await watched(keeper, OTHER) == [(1, "Treasury")]
    assert await watched(keeper, TOPIC) == []
    assert await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga()) is None


async def test_who_moved_it_is_kept_and_nobody_where_nothing_is_lost(keeper: Keeper) -> None:
    await keeper.watch(TREASURY, place=TOPIC)
    await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga())
    assert await keeper.value("SELECT count(*) FROM audit WHERE deed = 'here'") == 0

    await keeper.script("UPDATE destination SET lost = 'closed'")
    await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga())

    entries, _ = await keeper.db.run(audit.audit_page, 1, 1)
    assert (entries[0].action, entries[0].subject, entries[0].actor.name) == (AuditAction.HERE, "1", "Olga")


async def test_what_a_lost_topic_did_not_wish_to_hear_is_no_wish_of_the_place_that_takes_over(
    keeper: Keeper,
) -> None:
    await keeper.watch(VAULT, place=TOPIC)
    await keeper.watch(TREASURY, place=OTHER)
    await keeper.record(reading({USDC: 5}), reading({USDC: 5}, account=VAULT))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, TOPIC, (), timedelta(days=30), olga())
    await keeper.db.run(ignore_list.ignore, TOPIC, [USDC], [], olga())
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga())
    await keeper.record(reading({USDC: 6}), reading({USDC: 7}, account=VAULT))

    assert (await keeper.db.run(mutes.muted_here, OTHER)).mutes == ()
    assert await amounts(keeper, OTHER) == [6, 7]


async def test_what_a_mute_held_in_a_lost_topic_is_told_when_it_is_taken_over(keeper: Keeper) -> None:
    await keeper.watch(VAULT, place=TOPIC)
    await keeper.record(reading({USDC: 5}, account=VAULT))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, TOPIC, (), timedelta(days=30), olga())
    await keeper.record(reading({USDC: 7}, account=VAULT))
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OTHER, olga())

    assert await amounts(keeper, OTHER) == [7]


async def test_what_the_chat_was_told_is_not_told_again_for_its_lost_topic(keeper: Keeper) -> None:
    await keeper.watch(TREASURY, place=SUPER)
    await keeper.watch(TREASURY, place=TOPIC)
    await keeper.record(reading({USDC: 5}))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}))
    await keeper.sent(await leaving(keeper, SUPER))
    await keeper.came_back(await leaving(keeper, SUPER), TopicLost("closed", is_certain=True))

    await keeper.db.run(migrate.take_over_lost_topics, SUPER, olga())

    assert await keeper.deliver_all() == []


# ---------------------------------------------------------------- standing


async def test_a_group_that_becomes_a_closed_chat_is_told_nothing_of_what_waited(
    group: Keeper,
) -> None:
    await group.watch(VAULT, place=SUPER)
    await group.record(reading({USDC: 5}, account=VAULT))
    await group.deliver_all()
    await group.record(reading({USDC: 6}, account=VAULT))
    await group.deny(GROUP)

    await group.migrate(GROUP.chat_id, SUPER.chat_id)
    await group.allow(SUPER)
    await group.record(reading({USDC: 99}), reading({USDC: 99}, account=VAULT))

    assert await amounts(group, SUPER) == []


async def test_a_message_that_leaves_keeps_what_its_chat_has_become_waiting(group: Keeper) -> None:
    await group.watch(VAULT, place=SUPER)
    await group.record(reading({USDC: 5}, account=VAULT))
    await group.deliver_all()
    await group.record(reading({USDC: 6}, account=VAULT))
    await group.bind()
    await group.record(reading({USDC: 7}))
    await leaving(group, GROUP)

    await group.migrate(GROUP.chat_id, SUPER.chat_id)

    assert (await group.outbox(at(60))).due == ()
    assert (await group.claim(SUPER.chat_id, at(60))).delivery is None


async def leaving(keeper: Keeper, place: Place) -> Delivery:
    """Return the next message of a chat, which leaves."""
    delivery = (await keeper.claim(place.chat_id)).delivery
    assert delivery is not None
    return delivery


async def amounts(keeper: Keeper, place: Place) -> list[int]:
    """Return the amounts of the changes that wait for a place."""
    return [one.change.after.amount_raw for one in await keeper.alerts(place) if isinstance(one, ChangeAlert)]
