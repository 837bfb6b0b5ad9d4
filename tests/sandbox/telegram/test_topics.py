"""Forums: where a message lands, and which topics are shut."""

import pytest
from telegram import Bot, ForumTopicClosed, ForumTopicReopened
from telegram.error import BadRequest

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, SandboxError, User
from tests.sandbox.telegram.client import Api, texts


@pytest.fixture
def forum(telegram: Telegram, alice: User) -> Chat:
    return telegram.add_forum("Ops", {alice: "creator"})


async def test_a_message_lands_in_its_topic_or_in_general(telegram: Telegram, api: Api, forum: Chat) -> None:
    topic, other = telegram.add_topic(forum, "Treasury"), telegram.add_topic(forum, "Other")
    inside = await api.send(forum, "inside", message_thread_id=topic)
    await api.send(forum, "general")

    assert inside.result["message_thread_id"] == topic
    assert texts(telegram, forum, topic) == ["inside"]
    assert texts(telegram, forum, other) == []
    assert telegram.messages(forum)[-1].thread_id is None


async def test_a_topic_that_is_general_unknown_or_deleted_is_not_found(
    telegram: Telegram, api: Api, forum: Chat
) -> None:
    deleted = telegram.add_topic(forum, "Deleted")
    await api.send(forum, "inside", message_thread_id=deleted)
    telegram.delete_topic(forum, deleted)

    for thread_id in (1, 99, deleted):
        reply = await api.send(forum, message_thread_id=thread_id)
        assert reply.description == "Bad Request: message thread not found"
    assert telegram.messages(forum) == []
    with pytest.raises(SandboxError, match="Ops has no topic"):
        telegram.delete_topic(forum, deleted)


async def test_a_closed_topic_takes_nothing_until_it_is_reopened(
    bot: Bot, telegram: Telegram, api: Api, forum: Chat, alice: User
) -> None:
    topic = telegram.add_topic(forum, "Treasury")
    telegram.close_topic(forum, topic)
    assert (await api.send(forum, message_thread_id=topic)).description == "Bad Request: TOPIC_CLOSED"
    assert (await api.send(forum, "general")).status == 200
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(forum.id, "hello", message_thread_id=topic)
    with pytest.raises(SandboxError, match="is closed"):
        telegram.says(alice, forum, "/status", thread_id=topic)

    telegram.reopen_topic(forum, topic)
    assert (await api.send(forum, message_thread_id=topic)).status == 200


async def test_a_library_bot_hears_that_a_topic_was_closed_and_reopened_by_somebody_in_charge(
    bot: Bot, telegram: Telegram, forum: Chat, alice: User
) -> None:
    topic = telegram.add_topic(forum, "Treasury")
    telegram.closes_topic(alice, forum, topic)
    telegram.reopens_topic(alice, forum, topic)

    closed, reopened = (update.message for update in await bot.get_updates())
    assert closed is not None
    assert reopened is not None
    assert isinstance(closed.forum_topic_closed, ForumTopicClosed)
    assert isinstance(reopened.forum_topic_reopened, ForumTopicReopened)
    assert (closed.message_thread_id, closed.is_topic_message, closed.text) == (topic, True, None)
    telegram.set_member(forum, alice, "member")
    with pytest.raises(SandboxError, match="their status is member"):
        telegram.closes_topic(alice, forum, topic)


async def test_a_supergroup_gets_topics_and_its_messages_stand_in_general(
    telegram: Telegram, api: Api, alice: User
) -> None:
    plain = telegram.add_supergroup("Ops", {alice: "creator"})
    await api.send(plain, "before", message_thread_id=99)
    telegram.turn_on_topics(plain)

    assert (
        await api.send(plain, message_thread_id=99)
    ).description == "Bad Request: message thread not found"
    assert (await api.send(plain, "inside", message_thread_id=telegram.add_topic(plain, "New"))).status == 200
    assert [message.thread_id is None for message in telegram.messages(plain)] == [True, False]
    with pytest.raises(SandboxError, match="is no supergroup"):
        telegram.turn_on_topics(telegram.add_group("Basic"))


@pytest.mark.parametrize("title", ["", "x" * 129])
def test_a_topics_name_is_neither_empty_nor_too_long(title: str) -> None:
    telegram = Telegram()
    forum = telegram.add_forum("Ops")
    assert telegram.add_topic(forum, "x" * 128)

    with pytest.raises(SandboxError, match="1 to 128 characters"):
        telegram.add_topic(forum, title)
