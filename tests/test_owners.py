"""What owners do, end to end: let people in and shut them out, and share the bot with other owners."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands.owners import words as owner_words
from bot.sandbox.telegram.world.world import Chat, User
from tests.stack import OWNER, Stack, buttons_of, open_stack
from tests.waits import until


def person(stack: Stack, name: str = "Mallory", username: str = "") -> tuple[User, Chat]:
    user = stack.telegram.add_user(name, username=username)
    return user, stack.telegram.add_private_chat(user)


async def asks(stack: Stack, user: User, chat: Chat) -> None:
    """Let somebody ask for access."""
    stack.say("/start", user=user, chat=chat)
    await stack.hears("This bot is private", chat=chat)


async def may_list(stack: Stack, user: User, chat: Chat) -> bool:
    """Let somebody ask for what they watch, and return whether they are answered with it."""
    stack.say("/list", user=user, chat=chat)
    stack.say("/id", user=user, chat=chat)
    answer = await stack.hears(lambda one: "watched" in one.text or "Your user id" in one.text, chat=chat)
    return "watched" in answer.text


# ---------------------------------------------------------------- by reply


async def test_a_reply_to_a_request_lets_in_who_asked(stack: Stack) -> None:
    mallory, chat = person(stack)
    await asks(stack, mallory, chat)
    knock = await stack.hears("🚪")

    stack.say("/allow", reply_to=knock)

    assert (await stack.hears("can use")).text == "Mallory can use the bot now."
    await stack.hears("An owner has opened this chat", chat=chat)
    assert await may_list(stack, mallory, chat)


async def test_a_reply_to_a_request_of_a_group_opens_the_group(stack: Stack) -> None:
    bob, _ = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {bob: "creator"})
    stack.say("/list", user=bob, chat=group)
    knock = await stack.hears("🚪 Bob")

    stack.say("/deny", reply_to=knock)
    assert "Ops is already closed" in (await stack.hears("Ops")).text
    stack.say("/allow", reply_to=knock)

    assert (await stack.hears("can use")).text == "Ops can use the bot now."


async def test_a_reply_to_what_names_no_chat_is_about_this_one(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/id", chat=group)
    answer = await stack.hears("Chat id", chat=group)

    stack.say("/allow", chat=group, reply_to=answer)

    await stack.hears("This chat is open now", chat=group)


async def test_a_reply_in_an_open_group_lets_in_the_author(stack: Stack) -> None:
    bob, chat = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    said = stack.say("May I?", user=bob, chat=group)

    stack.say("/allow", chat=group, reply_to=said)
    assert (await stack.hears("Bob", chat=group)).text == "Bob can use the bot now."
    assert await may_list(stack, bob, chat)

    stack.say("/deny", chat=group, reply_to=said)
    assert "Bob can no longer use the bot." in (await stack.hears("Bob", chat=group)).text
    assert not await may_list(stack, bob, chat)


async def test_a_reply_in_a_closed_group_asks_which_of_both_is_meant(stack: Stack) -> None:
    bob, chat = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    said = stack.say("Could you open it?", user=bob, chat=group)

    stack.say("/allow", chat=group, reply_to=said)

    question = await stack.hears("or let Bob use the bot", chat=group)
    assert buttons_of(question) == ["Open this chat", "Let Bob in"]
    assert await stack.presses(question, "Open this chat", user=bob) == toasts.NOT_OPEN
    await stack.presses(question, "Open this chat")
    await stack.hears("This chat is open now", chat=group)
    assert not await may_list(stack, bob, chat)


async def test_a_command_in_a_topic_is_no_reply_to_who_opened_it(stack: Stack) -> None:
    bob, _ = person(stack, "Bob")
    forum = stack.telegram.add_forum("Ops", {stack.olga: "creator", bob: "administrator"})
    topic = stack.telegram.add_topic(forum, "Alerts", by=bob)

    stack.say("/allow", chat=forum, topic=topic)

    await stack.hears("This chat is open now", chat=forum)


# ---------------------------------------------------------------- by name


@pytest.mark.parametrize("typed", ["Mallory", "mallory smith", "@mal", "@MAL", "https://t.me/mal"])
async def test_who_has_written_is_let_in_by_name(stack: Stack, typed: str) -> None:
    mallory, chat = person(stack, "Mallory Smith" if " " in typed else "Mallory", "mal")
    await asks(stack, mallory, chat)

    stack.say(f"/allow {typed}")

    await stack.hears("can use the bot now")
    assert await may_list(stack, mallory, chat)


async def test_a_name_of_several_is_asked_about(stack: Stack) -> None:
    people = [person(stack), person(stack)]
    for user, chat in people:
        await asks(stack, user, chat)

    stack.say("/allow Mallory")

    question = await stack.hears("Several are called Mallory")
    first, second = (f"{user.id} Mallory" for user, _ in people)
    assert sorted(buttons_of(question)) == sorted([first, second])
    await stack.presses(question, second)
    await stack.hears("can use the bot now")
    assert [await may_list(stack, user, chat) for user, chat in people] == [False, True]


async def test_a_part_of_a_name_is_offered_and_never_taken(stack: Stack) -> None:
    mallory, chat = person(stack, "Eve Mallory")
    await asks(stack, mallory, chat)

    stack.say("/allow Mal")

    assert buttons_of(await stack.hears("Do you mean one of these?")) == [f"{mallory.id} Eve Mallory"]
    assert not await may_list(stack, mallory, chat)


@pytest.mark.parametrize("typed", ["Mallory", "@mal"])
async def test_who_never_wrote_is_not_known_by_name(stack: Stack, typed: str) -> None:
    stack.telegram.add_user("Mallory", username="mal")

    stack.say(f"/allow {typed}")

    assert f"any chat called {typed}" in (await stack.hears("I don't know")).text


async def test_a_chat_is_closed_by_its_name(stack: Stack) -> None:
    group = stack.telegram.add_group("Night Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    stack.say("/deny night ops")

    assert (await stack.hears("closed")).text == (
        f"Night Ops is closed now. /allow {group.id} opens it again."
    )


# ---------------------------------------------------------------- one's own chat


async def test_closing_ones_own_chat_is_asked_first(stack: Stack) -> None:
    for typed in ("/deny", f"/deny {OWNER}"):
        stack.say(typed)
        await stack.hears("This is your own chat")
    stack.say("/deny Olga")
    question = await stack.hears("This is your own chat")
    assert buttons_of(question) == ["Close Olga"]
    stack.say("/list")
    await stack.hears("watched")

    assert await stack.presses(question, "Close Olga") == owner_words.CHAT_CLOSED

    await stack.shows(question, "This chat is closed now. /allow opens it again.")
    stack.say("/list")
    offer = await stack.hears("This chat is closed")
    await stack.presses(offer, "Open this chat")
    await stack.hears("This chat is open now")


async def test_closing_a_group_is_not_asked_first(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    stack.say("/deny", chat=group)

    await stack.hears("This chat is closed now", chat=group)


async def test_an_owners_private_chat_is_not_closed_from_a_group(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})

    stack.say(f"/deny {OWNER}", chat=group)

    await stack.hears(f"Please send me /deny {OWNER} in private", chat=group)
    stack.say("/list")
    await stack.hears("watched")


# ---------------------------------------------------------------- opening by a button


async def test_an_owner_in_a_closed_group_is_offered_to_open_it(stack: Stack) -> None:
    bob, _ = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "member", bob: "creator"})

    stack.say("/list", chat=group)

    offer = await stack.hears("You own this bot", chat=group)
    assert buttons_of(offer) == ["Open this chat"]
    assert not any("private" in text for text in stack.said(group))
    assert await stack.presses(offer, "Open this chat", user=bob) == toasts.NOT_OPEN
    await stack.presses(offer, "Open this chat")
    await stack.hears("This chat is open now", chat=group)
    await until(lambda: group.messages[offer.message_id].buttons == ())


async def test_a_stranger_in_a_closed_group_is_offered_nothing(stack: Stack) -> None:
    bob, _ = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {bob: "creator"})

    stack.say("/list", user=bob, chat=group)

    assert buttons_of(await stack.hears("This bot is private", chat=group)) == []


async def test_an_owner_who_adds_the_bot_is_offered_to_open_the_group(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="left")

    stack.telegram.adds_bot(group, by=stack.olga)
    await stack.hears("Hello", chat=group)
    stack.telegram.removes_bot(group)
    stack.telegram.adds_bot(group, by=stack.olga)
    greeting = await stack.hears("Hello", chat=group)
    assert buttons_of(greeting) == ["Open this chat"]

    await stack.presses(greeting, "Open this chat")
    await stack.hears("This chat is open now", chat=group)
    assert not any("🚪" in text for text in stack.said())


async def test_a_group_that_somebody_else_adds_the_bot_to_is_offered_nothing(stack: Stack) -> None:
    bob, _ = person(stack, "Bob")
    group = stack.telegram.add_group("Ops", {bob: "creator"}, bot="left")

    stack.telegram.adds_bot(group, by=bob)

    assert buttons_of(await stack.hears("Hello", chat=group)) == []
    await stack.hears("🚪 Bob")


# ---------------------------------------------------------------- several owners


@pytest.fixture
async def claimed(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a bot that Olga owns by its link."""
    async with open_stack(tmp_path, access=["owners = []"]) as stack:
        stack.start()
        await until(lambda: bool(stack.announced))
        stack.say(f"/start {stack.announced[-1].rpartition('=')[2]}")
        await stack.hears("This bot is yours")
        yield stack


async def second_owner(stack: Stack, name: str = "Alice") -> tuple[User, Chat]:
    user, chat = person(stack, name)
    stack.say(f"/owners add {user.id}")
    await stack.hears("is an owner of this bot now")
    await stack.hears("made you an owner", chat=chat)
    return user, chat


async def test_an_owner_adds_another_one_who_may_do_the_same(claimed: Stack) -> None:
    alice, chat = await second_owner(claimed)

    carol, hers = person(claimed, "Carol")
    claimed.say(f"/owners add {carol.id}", user=alice, chat=chat)

    assert (
        await claimed.hears("is an owner", chat=chat)
    ).text == f"👑 Carol ({carol.id}) is an owner of this bot now."
    await claimed.hears(f"Alice ({alice.id}) made you an owner", chat=hers)
    heard = await claimed.hears("👑")
    assert f"Carol ({carol.id}) is an owner of this bot now: Alice ({alice.id}) added them." in heard.text
    await claimed.stop()
    claimed.start()
    claimed.say("/owners", user=carol, chat=hers)
    assert "Owners: 3" in (await claimed.hears("Owners", chat=hers)).text


async def test_who_is_called_by_a_name_becomes_an_owner_by_a_button_only(claimed: Stack) -> None:
    mallory, chat = person(claimed, username="mal")
    await asks(claimed, mallory, chat)

    claimed.say("/owners add Mallory")
    await claimed.hears("Make Mallory")
    claimed.say("/owners add @mal")
    question = await claimed.hears("Make Mallory")
    assert f"({mallory.id}), @mal an owner?" in question.text
    claimed.say("/owners")
    await claimed.hears("Owners: 1")
    await claimed.presses(question, "Add Mallory")

    await claimed.hears("is an owner of this bot now")


async def test_whoever_wrote_what_is_replied_to_becomes_an_owner(claimed: Stack) -> None:
    bob, chat = person(claimed, "Bob")
    group = claimed.telegram.add_group("Ops", {claimed.olga: "creator", bob: "member"})
    said = claimed.say("hello", user=bob, chat=group)

    claimed.say("/owners add", chat=group, reply_to=said)

    await claimed.hears(f"Bob ({bob.id}) is an owner of this bot now", chat=group)
    await claimed.hears("made you an owner", chat=chat)
    claimed.say("/owners add", chat=group)
    await claimed.hears("/owners · Show who owns the bot", chat=group)


async def test_who_is_no_owner_adds_none(claimed: Stack) -> None:
    mallory, chat = person(claimed)
    claimed.say(f"/allow {chat.id}")
    await claimed.hears("can use the bot")
    await claimed.hears("opened this chat", chat=chat)

    claimed.say(f"/owners add {mallory.id}", user=mallory, chat=chat)

    await claimed.hears("Only an owner", chat=chat)
    claimed.say("/owners")
    await claimed.hears("Owners: 1")


async def test_a_group_is_no_owner(claimed: Stack) -> None:
    group = claimed.telegram.add_group("Ops", {claimed.olga: "creator"})

    claimed.say(f"/owners add {group.id}")

    await claimed.hears("Ops is not a person")


async def test_an_owner_who_is_removed_may_do_nothing_any_more_nor_come_back_by_the_link(
    claimed: Stack,
) -> None:
    alice, chat = await second_owner(claimed)
    link = claimed.announced[-1].rpartition("=")[2]
    claimed.say("/owners", user=alice, chat=chat)
    shown = await claimed.hears("Owners: 2", chat=chat)
    assert buttons_of(shown) == ["Remove Olga"]

    assert await claimed.presses(shown, "Remove Olga", user=alice) == owner_words.OWNER_REMOVED

    await claimed.shows(shown, "Owners: 1")
    await claimed.hears(f"You no longer own this bot: Alice ({alice.id}) removed you.")
    for typed in ("/chats", f"/start {link}", "/owners"):
        claimed.say(typed)
    await claimed.hears("This bot is private")
    await claimed.hears("This link has been used")
    await claimed.stop()
    claimed.start()
    claimed.say("/list")
    await claimed.hears("This bot is private")
    claimed.say("/audit", user=alice, chat=chat)
    audit = (await claimed.hears("Who changed what", chat=chat)).text
    assert f"Alice ({alice.id}) removed an owner · Olga ({OWNER})" in audit
    assert f"Olga ({OWNER}) added an owner · " in audit


async def test_nobody_removes_themselves_so_that_the_last_owner_stays(claimed: Stack) -> None:
    alice, chat = await second_owner(claimed)
    claimed.say("/owners")
    shown = await claimed.hears("Owners: 2")
    (row,) = (button.callback_data for row in shown.buttons for button in row)
    claimed.say("/owners", user=alice, chat=chat)
    hers = await claimed.hears("Owners: 2", chat=chat)

    assert await claimed.forges(hers, row, user=alice) == owner_words.NOT_ONESELF

    claimed.say("/owners")
    await claimed.hears("Owners: 2")


async def test_owners_that_the_configuration_names_are_shown_and_not_changed(stack: Stack) -> None:
    alice, _ = person(stack, "Alice")

    stack.say("/owners")
    shown = await stack.hears("Owners: 1")
    assert "The configuration names the owners (access.owners)" in shown.text
    assert buttons_of(shown) == []
    stack.say(f"/owners add {alice.id}")
    await stack.hears("The configuration names the owners")

    assert await stack.forges(shown, "disown:1") == toasts.NOT_HERE


async def test_owners_are_shown_in_private_only(claimed: Stack) -> None:
    group = claimed.telegram.add_group("Ops", {claimed.olga: "creator"})

    claimed.say("/owners", chat=group)

    await claimed.hears("in a private chat only", chat=group)
