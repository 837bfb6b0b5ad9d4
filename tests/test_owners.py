"""What owners do, end to end: let people in and shut them out, by whatever they call them."""

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands.owners import words as owner_words
from bot.sandbox.telegram.world.world import Chat, User
from tests.stack import OWNER, Stack, buttons_of
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

    assert buttons_of(await stack.hears("Do you mean one of these?")) == ["Eve Mallory"]
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
