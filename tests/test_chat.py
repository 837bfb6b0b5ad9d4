"""Getting in and getting around, end to end: who may do what, and where the answer goes."""

import re
from pathlib import Path

from bot.sandbox.telegram.world.world import Chat, User
from tests.chat.reading import moves
from tests.stack import ACCOUNT, CHECKSUMMED, OWNER, POLYGON, USDC_POLYGON, Stack, open_stack


async def answered(
    stack: Stack, text: str, *, chat: Chat | None = None, user: User | None = None, topic: int | None = None
) -> str:
    stack.say(text, chat=chat, user=user, topic=topic)
    return (await stack.hears(lambda _: True, chat=chat)).text


async def test_an_owner_is_greeted(stack: Stack) -> None:
    assert "This bot is yours" in await answered(stack, "/start")


async def test_a_stranger_learns_the_chats_id_and_how_to_get_in(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)

    told = await answered(stack, "/start", user=mallory, chat=chat)

    assert str(chat.id) in told
    assert f"/allow {chat.id}" in told


async def test_a_stranger_is_answered_once_an_hour(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)
    await answered(stack, "/start", user=mallory, chat=chat)

    stack.say("/list", user=mallory, chat=chat)
    stack.say(f"/watch {CHECKSUMMED}", user=mallory, chat=chat)
    await answered(stack, "/help")

    assert len(stack.said(chat)) == 1


async def test_a_stranger_may_not_open_a_chat_and_watches_nothing(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)
    await answered(stack, "/allow", user=mallory, chat=chat)

    stack.say(f"/watch {CHECKSUMMED}", user=mallory, chat=chat)

    await stack.hears("Mallory")
    assert "Nothing is watched here" in await answered(stack, "/list")
    assert stack.balance_requests() == 0


async def test_a_stranger_who_is_let_in_may_watch(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    chat = stack.telegram.add_private_chat(alice)

    assert "can use the bot now" in await answered(stack, f"/allow {chat.id}")

    await stack.hears("An owner has opened this chat", chat=chat)
    assert "Watching" in await answered(stack, f"/watch {CHECKSUMMED}", user=alice, chat=chat)


async def test_everybody_learns_the_ids_even_in_a_closed_chat(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)

    told = await answered(stack, "/id", user=mallory, chat=chat)

    assert f"Chat id: {chat.id}" in told
    assert "closed" in told


async def test_in_a_group_administrators_change_and_members_look(stack: Stack) -> None:
    alice, bob = stack.telegram.add_user("Alice"), stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "member", alice: "administrator", bob: "member"})
    await answered(stack, "/allow", chat=group)

    refused = await answered(stack, f"/watch {CHECKSUMMED} as Till", chat=group, user=bob)
    taken = await answered(stack, f"/watch {CHECKSUMMED} as Till", chat=group, user=alice)
    await stack.hears("balances", chat=group)
    looked = await answered(stack, "/list", chat=group, user=bob)

    assert "administrators" in refused
    assert "Watching Till" in taken
    assert "Till" in looked


async def test_an_owner_who_is_no_administrator_may_change(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "member"})
    await answered(stack, "/allow", chat=group)

    assert "Watching Till" in await answered(stack, f"/watch {CHECKSUMMED} as Till", chat=group)


async def test_an_anonymous_administrator_may_change_in_the_own_group(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    group = stack.telegram.add_group("Ops", {stack.olga: "member", alice: "administrator"})
    await answered(stack, "/allow", chat=group)

    stack.telegram.says_anonymously(alice, group, f"/watch {CHECKSUMMED} as Till")

    assert "Watching Till" in (await stack.hears("Till", chat=group)).text


async def test_a_channel_that_writes_in_a_group_may_not_change(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "member"})
    channel = stack.telegram.add_channel("News", {stack.olga: "creator"})
    await answered(stack, "/allow", chat=group)

    stack.telegram.says_as_channel(channel, group, f"/watch {CHECKSUMMED} as Till")

    assert "administrators" in (await stack.hears(lambda _: True, chat=group)).text


async def test_a_topic_is_answered_and_alerted_in_the_topic(stack: Stack) -> None:
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator"})
    topic = stack.telegram.add_topic(forum, "Treasury")
    await answered(stack, "/allow", chat=forum)

    stack.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    answer = await stack.hears("Watching Till", chat=forum)
    await stack.hears("balances", chat=forum)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    alert = await stack.hears("USDC", chat=forum)

    assert answer.thread_id == alert.thread_id == topic


async def test_what_one_topic_watches_is_not_listed_in_another(stack: Stack) -> None:
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator"})
    treasury, payroll = (stack.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    await answered(stack, "/allow", chat=forum)
    await answered(stack, f"/watch {CHECKSUMMED} as Till", chat=forum, topic=treasury)
    await stack.hears("balances", chat=forum)

    assert "Nothing is watched" in await answered(stack, "/list", chat=forum, topic=payroll)


async def test_a_command_for_another_bot_is_not_answered(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", chat=group)

    stack.say("/list@another_bot", chat=group)
    told = await answered(stack, f"/help@{stack.telegram.bot.username}", chat=group)

    assert "/watch" in told
    assert len(stack.said(group)) == 2


async def test_a_denied_chat_is_told_nothing_more(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    await answered(stack, "/allow", chat=group)
    await answered(stack, f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    await answered(stack, f"/watch {CHECKSUMMED} as Treasury")

    assert "closed now" in await answered(stack, f"/deny {group.id}")
    said = stack.said(group)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await stack.hears("USDC")
    await stack.asked(2)

    assert stack.said(group) == said


async def test_a_chat_of_the_configuration_is_open_without_a_command(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        alice = stack.telegram.add_user("Alice")
        chat = stack.telegram.add_private_chat(alice)
        stack.lines["access"] = [f"chats = [{chat.id}]"]
        stack.start()

        assert "Hello" in await answered(stack, "/start", user=alice, chat=chat)


async def test_deny_beats_the_configuration_after_a_restart_too(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        alice = stack.telegram.add_user("Alice")
        chat = stack.telegram.add_private_chat(alice)
        stack.lines["access"] = [f"chats = [{chat.id}]"]
        stack.start()
        await answered(stack, f"/deny {chat.id}")
        await stack.stop()
        stack.start()

        assert "private" in await answered(stack, "/start", user=alice, chat=chat)


async def test_a_repeated_watch_is_already_there_and_a_new_label_is_taken(stack: Stack) -> None:
    await stack.watches()

    assert "Already watching" in await answered(stack, f"/watch {CHECKSUMMED} as Treasury")
    assert "is called Vault now" in await answered(stack, f"/watch {CHECKSUMMED} as Vault")
    assert "Watched here: 1" in await answered(stack, "/list")


async def test_many_accounts_are_taken_at_once_and_bad_lines_named(stack: Stack) -> None:
    other = "0x" + "0d" * 20

    told = await answered(
        stack, f"/watch {CHECKSUMMED} as Treasury\n{CHECKSUMMED[:-1]}8 as Typo\n{other} as Payroll"
    )

    assert "Treasury" in told
    assert "Payroll" in told
    assert "Line 2" in told
    assert "checksum" in told


async def test_a_balance_shows_what_is_held_and_how_old_that_is(stack: Stack) -> None:
    await stack.watches()

    told = await answered(stack, "/balance treasury")

    assert "12.5 POL" in told
    assert "50 USDC" in told
    assert re.search(r"As of \d\d:\d\d:\d\d UTC, \d+ s ago", told)


async def test_a_misspelt_label_is_met_with_the_nearest(stack: Stack) -> None:
    await stack.watches()

    assert "Did you mean Treasury?" in await answered(stack, "/unwatch Tresury")
    assert "Watched here: 1" in await answered(stack, "/list")


async def test_a_blocked_bot_parks_its_alerts_and_tells_them_when_unblocked(stack: Stack) -> None:
    await stack.watches()
    stack.telegram.blocks(stack.olga)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await stack.asked(3)
    assert not any("USDC" in moves(text) for text in stack.said())

    stack.telegram.unblocks(stack.olga)

    assert "+1 USDC" in (await stack.hears("USDC")).text


async def test_hostile_names_are_dead_text(stack: Stack) -> None:
    await stack.watches(f'/watch {CHECKSUMMED} as <b>Bold</b> <a href="http://evil.example">@olga</a>')

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    alert = await stack.hears("USDC")

    assert "<b>Bold</b>" in alert.text
    assert all("evil" not in (entity.url or "") for entity in alert.entities)


async def test_the_limit_of_a_chat_is_said(tmp_path: Path) -> None:
    async with open_stack(
        tmp_path, access=[f"owners = [{OWNER}]", "max_subscriptions_per_chat = 1"]
    ) as stack:
        stack.start()
        await stack.watches()

        assert "can watch 1 at most" in await answered(stack, "/watch 0x" + "0d" * 20)
