"""Getting in and getting around, end to end: who may do what, and where the answer goes."""

import re
from pathlib import Path

from bot.sandbox.telegram_world import Chat, User
from tests.house import ACCOUNT, CHECKSUMMED, OWNER, POLYGON, USDC_POLYGON, House, open_house


async def answered(
    house: House, text: str, *, chat: Chat | None = None, user: User | None = None, topic: int | None = None
) -> str:
    house.say(text, chat=chat, user=user, topic=topic)
    return (await house.hears(lambda _: True, chat=chat)).text


async def test_an_owner_is_greeted(house: House) -> None:
    assert "This bot is yours" in await answered(house, "/start")


async def test_a_stranger_learns_the_chats_id_and_how_to_get_in(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    chat = house.telegram.add_private_chat(mallory)

    told = await answered(house, "/start", user=mallory, chat=chat)

    assert str(chat.id) in told
    assert f"/allow {chat.id}" in told


async def test_a_stranger_is_answered_once_an_hour(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    chat = house.telegram.add_private_chat(mallory)
    await answered(house, "/start", user=mallory, chat=chat)

    house.say("/list", user=mallory, chat=chat)
    house.say(f"/watch {CHECKSUMMED}", user=mallory, chat=chat)
    await answered(house, "/help")

    assert len(house.said(chat)) == 1


async def test_a_stranger_may_not_open_a_chat_and_watches_nothing(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    chat = house.telegram.add_private_chat(mallory)
    await answered(house, "/allow", user=mallory, chat=chat)

    house.say(f"/watch {CHECKSUMMED}", user=mallory, chat=chat)

    await house.hears("Mallory")
    assert "Nothing is watched here" in await answered(house, "/list")
    assert house.balance_requests() == 0


async def test_a_stranger_who_is_let_in_may_watch(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    chat = house.telegram.add_private_chat(alice)

    assert "open now" in await answered(house, f"/allow {chat.id}")

    await house.hears("An owner has opened this chat", chat=chat)
    assert "Watching" in await answered(house, f"/watch {CHECKSUMMED}", user=alice, chat=chat)


async def test_everybody_learns_the_ids_even_in_a_closed_chat(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    chat = house.telegram.add_private_chat(mallory)

    told = await answered(house, "/id", user=mallory, chat=chat)

    assert f"Chat id: {chat.id}" in told
    assert "closed" in told


async def test_in_a_group_administrators_change_and_members_look(house: House) -> None:
    alice, bob = house.telegram.add_user("Alice"), house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {house.olga: "member", alice: "administrator", bob: "member"})
    await answered(house, "/allow", chat=group)

    refused = await answered(house, f"/watch {CHECKSUMMED} as Till", chat=group, user=bob)
    taken = await answered(house, f"/watch {CHECKSUMMED} as Till", chat=group, user=alice)
    await house.hears("balances", chat=group)
    looked = await answered(house, "/list", chat=group, user=bob)

    assert "administrators" in refused
    assert "Watching Till" in taken
    assert "Till" in looked


async def test_an_owner_who_is_no_administrator_may_change(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "member"})
    await answered(house, "/allow", chat=group)

    assert "Watching Till" in await answered(house, f"/watch {CHECKSUMMED} as Till", chat=group)


async def test_an_anonymous_administrator_may_change_in_the_own_group(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    group = house.telegram.add_group("Ops", {house.olga: "member", alice: "administrator"})
    await answered(house, "/allow", chat=group)

    house.telegram.says_anonymously(alice, group, f"/watch {CHECKSUMMED} as Till")

    assert "Watching Till" in (await house.hears("Till", chat=group)).text


async def test_a_channel_that_writes_in_a_group_may_not_change(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "member"})
    channel = house.telegram.add_channel("News", {house.olga: "creator"})
    await answered(house, "/allow", chat=group)

    house.telegram.says_as_channel(channel, group, f"/watch {CHECKSUMMED} as Till")

    assert "administrators" in (await house.hears(lambda _: True, chat=group)).text


async def test_a_topic_is_answered_and_alerted_in_the_topic(house: House) -> None:
    forum = house.telegram.add_forum("Team", {house.olga: "creator"})
    topic = house.telegram.add_topic(forum, "Treasury")
    await answered(house, "/allow", chat=forum)

    house.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    answer = await house.hears("Watching Till", chat=forum)
    await house.hears("balances", chat=forum)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    alert = await house.hears("USDC", chat=forum)

    assert answer.thread_id == alert.thread_id == topic


async def test_what_one_topic_watches_is_not_listed_in_another(house: House) -> None:
    forum = house.telegram.add_forum("Team", {house.olga: "creator"})
    treasury, payroll = (house.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    await answered(house, "/allow", chat=forum)
    await answered(house, f"/watch {CHECKSUMMED} as Till", chat=forum, topic=treasury)
    await house.hears("balances", chat=forum)

    assert "Nothing is watched" in await answered(house, "/list", chat=forum, topic=payroll)


async def test_a_command_for_another_bot_is_not_answered(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "creator"}, bot="administrator")
    await answered(house, "/allow", chat=group)

    house.say("/list@another_bot", chat=group)
    told = await answered(house, f"/help@{house.telegram.bot.username}", chat=group)

    assert "/watch" in told
    assert len(house.said(group)) == 2


async def test_a_denied_chat_is_told_nothing_more(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    await answered(house, "/allow", chat=group)
    await answered(house, f"/watch {CHECKSUMMED} as Till", chat=group)
    await house.hears("balances", chat=group)
    await answered(house, f"/watch {CHECKSUMMED} as Treasury")

    assert "closed now" in await answered(house, f"/deny {group.id}")
    said = house.said(group)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await house.hears("USDC")
    await house.asked(2)

    assert house.said(group) == said


async def test_a_chat_of_the_configuration_is_open_without_a_command(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        alice = house.telegram.add_user("Alice")
        chat = house.telegram.add_private_chat(alice)
        house.lines["access"] = [f"chats = [{chat.id}]"]
        house.start()

        assert "Hello" in await answered(house, "/start", user=alice, chat=chat)


async def test_deny_beats_the_configuration_after_a_restart_too(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        alice = house.telegram.add_user("Alice")
        chat = house.telegram.add_private_chat(alice)
        house.lines["access"] = [f"chats = [{chat.id}]"]
        house.start()
        await answered(house, f"/deny {chat.id}")
        await house.stop()
        house.start()

        assert "private" in await answered(house, "/start", user=alice, chat=chat)


async def test_a_repeated_watch_is_already_there_and_a_new_label_is_taken(house: House) -> None:
    await house.watches()

    assert "Already watching" in await answered(house, f"/watch {CHECKSUMMED} as Treasury")
    assert "is called Vault now" in await answered(house, f"/watch {CHECKSUMMED} as Vault")
    assert "Watched here: 1" in await answered(house, "/list")


async def test_many_accounts_are_taken_at_once_and_bad_lines_named(house: House) -> None:
    other = "0x" + "0d" * 20

    told = await answered(
        house, f"/watch {CHECKSUMMED} as Treasury\n{CHECKSUMMED[:-1]}8 as Typo\n{other} as Payroll"
    )

    assert "Treasury" in told
    assert "Payroll" in told
    assert "Line 2" in told
    assert "checksum" in told


async def test_a_balance_shows_what_is_held_and_how_old_that_is(house: House) -> None:
    await house.watches()

    told = await answered(house, "/balance treasury")

    assert "12.5 POL" in told
    assert "50 USDC" in told
    assert re.search(r"as of \d\d:\d\d:\d\d UTC, \d+ s ago", told)


async def test_a_misspelt_label_is_met_with_the_nearest(house: House) -> None:
    await house.watches()

    assert "Did you mean Treasury?" in await answered(house, "/unwatch Tresury")
    assert "Watched here: 1" in await answered(house, "/list")


async def test_a_blocked_bot_parks_its_alerts_and_tells_them_when_unblocked(house: House) -> None:
    await house.watches()
    house.telegram.blocks(house.olga)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await house.asked(3)
    assert not any("USDC" in text for text in house.said())

    house.telegram.unblocks(house.olga)

    assert "+1 USDC" in (await house.hears("USDC")).text


async def test_hostile_names_are_dead_text(house: House) -> None:
    await house.watches(f'/watch {CHECKSUMMED} as <b>Bold</b> <a href="http://evil.example">@olga</a>')

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    alert = await house.hears("USDC")

    assert "<b>Bold</b>" in alert.text
    assert all("evil" not in (entity.url or "") for entity in alert.entities)


async def test_the_limit_of_a_chat_is_said(tmp_path: Path) -> None:
    async with open_house(
        tmp_path, access=[f"owners = [{OWNER}]", "max_subscriptions_per_chat = 1"]
    ) as house:
        house.start()
        await house.watches()

        assert "can watch 1 at most" in await answered(house, "/watch 0x" + "0d" * 20)
