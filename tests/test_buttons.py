"""Buttons, end to end: whoever presses is checked like whoever types, and a press acts once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands.balance import words as balance_words
from bot.chat.commands.watch import words as watch_words
from bot.domain.chat.command_limits import MEMBER_PER_MINUTE, PRIVATE_PER_MINUTE
from bot.sandbox.telegram.api.faults import Error, before
from bot.sandbox.telegram.world.world import Chat, Message, User
from tests.stack import CHECKSUMMED, SHORT, Stack, buttons_of, open_stack
from tests.waits import HANG_SECONDS, until

OTHER = "0x" + "0d" * 20


@dataclass
class Group:
    """An open group with an administrator and a member; the bot's owner is no more than a member."""

    stack: Stack
    chat: Chat
    admin: User
    member: User

    async def asks(self, text: str, wanted: str = "", *, user: User | None = None) -> Message:
        """Let somebody write, the administrator unless named, and return the answer."""
        self.stack.say(text, chat=self.chat, user=user or self.admin)
        return await self.stack.hears(wanted or (lambda _: True), chat=self.chat)

    async def list(self) -> str:
        return (await self.asks("/list", user=self.member)).text


@pytest.fixture
async def group(stack: Stack) -> Group:
    admin, member = stack.telegram.add_user("Alice"), stack.telegram.add_user("Bob")
    chat = stack.telegram.add_group("Ops", {stack.olga: "member", admin: "administrator", member: "member"})
    stack.say("/allow", chat=chat)
    await stack.hears("open now", chat=chat)
    return Group(stack, chat, admin, member)


@pytest.fixture
async def watching(group: Group) -> Group:
    await group.asks(f"/watch {CHECKSUMMED} as Till")
    await group.stack.hears("balances", chat=group.chat)
    return group


# ---------------------------------------------------------------- undoing


async def test_an_end_can_be_taken_back(watching: Group) -> None:
    stack = watching.stack
    ended = await watching.asks("/unwatch Till")
    assert buttons_of(ended) == ["Undo"]
    assert "Nothing is watched" in await watching.list()

    assert await stack.presses(ended, "Undo", user=watching.admin) == toasts.UNDONE

    shown = await stack.shows(ended, "again")
    assert shown.text == (
        f"👁 Watching Till · {SHORT} (#1) again.\nI'm reading it anew. Changes in between are not reported."
    )
    assert not shown.buttons
    await stack.hears("balances", chat=watching.chat)
    assert f"#1 Till · {SHORT}" in await watching.list()


async def test_an_end_for_which_there_is_no_room_can_be_taken_back_later(tmp_path: Path) -> None:
    async with open_stack(tmp_path, access=["max_subscriptions_per_chat = 1"]) as stack:
        stack.start()
        await stack.watches()
        stack.say("/unwatch Treasury")
        ended = await stack.hears("Stopped watching Treasury")
        stack.say(f"/watch {'0x' + '0d' * 20} as Payroll")
        await stack.hears("Watching Payroll")

        assert await stack.presses(ended, "Undo") == watch_words.NO_ROOM
        assert buttons_of(await stack.shows(ended, "No room for Treasury")) == ["Undo"]
        stack.say("/unwatch Payroll")
        await stack.hears("Stopped watching Payroll")
        assert await stack.presses(ended, "Undo") == toasts.UNDONE
        assert not (await stack.shows(ended, "Watching Treasury")).buttons


async def test_a_second_press_finds_it_done(watching: Group) -> None:
    stack = watching.stack
    ended = await watching.asks("/unwatch Till")
    (button,) = ended.buttons[0]

    first = await stack.forges(ended, button.callback_data, user=watching.admin)
    second = await stack.forges(ended, button.callback_data, user=watching.admin)

    assert (first, second) == (toasts.UNDONE, toasts.ALREADY)
    assert (await watching.list()).count("Till") == 1


async def test_undoing_leaves_alone_what_was_watched_anew(watching: Group) -> None:
    stack = watching.stack
    ended = await watching.asks("/unwatch Till")
    await watching.asks(f"/watch {CHECKSUMMED} as Vault", "Vault")

    await stack.presses(ended, "Undo", user=watching.admin)

    assert "Already watched again" in (await stack.shows(ended, "lready watched again")).text
    await stack.hears("balances", chat=watching.chat)
    assert f"#1 Vault · {SHORT}" in await watching.list()


async def test_undoing_takes_a_new_number_where_the_old_one_is_taken(watching: Group) -> None:
    stack = watching.stack
    ended = await watching.asks("/unwatch Till")
    await watching.asks(f"/watch {OTHER} as Payroll", "Payroll")

    await stack.presses(ended, "Undo", user=watching.admin)

    assert "(#2) again" in (await stack.shows(ended, "again")).text


# ---------------------------------------------------------------- who may press


@pytest.fixture
async def undo(watching: Group) -> Message:
    return await watching.asks("/unwatch Till")


async def test_a_member_may_not_undo(watching: Group, undo: Message) -> None:
    assert await watching.stack.presses(undo, "Undo", user=watching.member) == toasts.ADMINISTRATORS_ONLY
    assert "Nothing is watched" in await watching.list()


async def test_an_owner_who_is_no_administrator_may_undo(watching: Group, undo: Message) -> None:
    assert await watching.stack.presses(undo, "Undo") == toasts.UNDONE


async def test_who_is_no_longer_administrator_may_no_longer_undo(watching: Group, undo: Message) -> None:
    watching.stack.telegram.set_member(watching.chat, watching.admin, "member")

    assert await watching.stack.presses(undo, "Undo", user=watching.admin) == toasts.ADMINISTRATORS_ONLY


async def test_where_nobody_knows_who_administers_nobody_may(watching: Group, undo: Message) -> None:
    stack = watching.stack
    stack.telegram.fault(before(Error(400, "Bad Request: not now")), method="getChatAdministrators")

    assert await stack.presses(undo, "Undo", user=watching.admin) == toasts.ADMINISTRATORS_ONLY

    stack.telegram.heal()
    assert await stack.presses(undo, "Undo", user=watching.admin) == toasts.UNDONE


async def test_in_a_chat_that_was_closed_nobody_may(watching: Group, undo: Message) -> None:
    stack = watching.stack
    stack.say(f"/deny {watching.chat.id}")
    await stack.hears("closed now")

    assert await stack.presses(undo, "Undo", user=watching.admin) == toasts.NOT_OPEN


async def test_a_member_may_refresh(watching: Group) -> None:
    shown = await watching.asks("/balance Till", "USDC")

    assert buttons_of(shown) == ["Refresh"]
    assert await watching.stack.presses(shown, "Refresh", user=watching.member) == balance_words.REFRESHED


async def test_refreshing_shows_what_is_held_now(watching: Group) -> None:
    stack = watching.stack
    shown = await watching.asks("/balance Till", "50 USDC")
    stack.world.move(137, "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359", CHECKSUMMED.lower(), 1_000_000)
    await stack.hears("+1 USDC", chat=watching.chat)

    await stack.presses(shown, "Refresh", user=watching.member)

    await stack.shows(shown, "51 USDC")


async def test_what_is_no_longer_watched_is_not_refreshed(watching: Group) -> None:
    shown = await watching.asks("/balance Till", "USDC")
    await watching.asks("/unwatch Till", "Stopped")

    assert await watching.stack.presses(shown, "Refresh", user=watching.admin) == toasts.NOT_HERE


# ---------------------------------------------------------------- forged and foreign


async def toasts_for(stack: Stack, message: Message, forged: Iterable[str], user: User) -> set[str]:
    """Press what nobody was shown, one after the other, and return all that is said to it."""
    return {await stack.forges(message, data, user=user) for data in forged}


async def test_what_is_no_button_of_ours_is_refused_politely(stack: Stack) -> None:
    stack.say("/start")
    message = await stack.hears("Hello")
    forged = (" ", "undo", "undo:", "undo:x", "nothing:1", "undo:1:2:3", "undo:-1", "undo:²", "a" * 64)

    assert await toasts_for(stack, message, forged, stack.olga) == {toasts.UNKNOWN_BUTTON}


async def test_a_row_that_is_not_there_does_nothing(stack: Stack) -> None:
    stack.say("/start")
    message = await stack.hears("Hello")
    forged = ("undo:999", "do:999", "balance:999:1", "allow:999", "deny:999:1", "ignore:999")

    assert await toasts_for(stack, message, forged, stack.olga) == {toasts.NOT_HERE}


async def test_rows_of_another_chat_do_nothing_here(watching: Group, undo: Message) -> None:
    stack = watching.stack
    stack.say("/start")
    private = await stack.hears("Hello")
    (button,) = undo.buttons[0]

    assert await stack.forges(private, button.callback_data) == toasts.NOT_HERE
    assert "Nothing is watched" in await watching.list()


async def test_who_decides_about_chats_does_so_in_private(watching: Group, undo: Message) -> None:
    stack = watching.stack
    forged = ("allow:1", "allow:2", "deny:1:1", "deny:2:1", "ignore:1")

    assert await toasts_for(stack, undo, forged, stack.olga) == {toasts.NOT_HERE}


async def test_a_member_sees_no_other_chats(watching: Group, undo: Message) -> None:
    pressed = await toasts_for(watching.stack, undo, ("chats:1", "audit:1"), watching.admin)

    assert pressed == {toasts.NOT_HERE}


async def test_who_is_let_in_is_no_owner(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    chat = stack.telegram.add_private_chat(alice)
    stack.say(f"/allow {chat.id}")
    message = await stack.hears("opened", chat=chat)
    forged = ("chats:1", "audit:1", "allow:1", "deny:1:1", "ignore:1")

    assert await toasts_for(stack, message, forged, alice) == {toasts.OWNERS_ONLY}


async def test_a_stranger_may_press_nothing(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)
    stack.say("/start", user=mallory, chat=chat)
    message = await stack.hears("private", chat=chat)
    forged = ("chats:1", "audit:1", "allow:1", "deny:1:1", "ignore:1", "list:1")

    assert await toasts_for(stack, message, forged, mallory) == {toasts.NOT_OPEN}


# ---------------------------------------------------------------- when Telegram is not well


async def test_a_press_that_can_not_be_answered_is_done_all_the_same(watching: Group, undo: Message) -> None:
    stack = watching.stack
    stack.telegram.fault(before(Error(400, "Bad Request: query is too old")), method="answerCallbackQuery")

    stack.telegram.presses(watching.admin, undo, "Undo")

    await stack.shows(undo, "again")
    await stack.hears("balances", chat=watching.chat)
    assert "Till" in await watching.list()


async def test_a_message_that_can_not_be_changed_undoes_nothing(watching: Group, undo: Message) -> None:
    stack = watching.stack
    stack.telegram.fault(before(Error(400, "Bad Request: message can't be edited")), method="editMessageText")

    assert await stack.presses(undo, "Undo", user=watching.admin) == toasts.UNDONE

    await stack.hears("balances", chat=watching.chat)
    assert "Till" in await watching.list()


async def test_a_button_of_a_message_out_of_reach_works(watching: Group, undo: Message) -> None:
    stack = watching.stack
    (button,) = undo.buttons[0]
    stack.telegram.erase(watching.chat, undo.message_id)

    assert await stack.forges(undo, button.callback_data, user=watching.admin) == toasts.UNDONE

    await stack.hears("balances", chat=watching.chat)
    assert "Till" in await watching.list()


async def test_a_page_of_a_message_out_of_reach_is_to_be_asked_for_again(stack: Stack) -> None:
    stack.say("/list")
    message = await stack.hears("Nothing is watched")
    stack.telegram.erase(stack.chat, message.message_id)

    assert await stack.forges(message, "list:1") == toasts.TOO_OLD


async def test_a_press_survives_a_restart(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()
        stack.say("/unwatch Treasury")
        ended = await stack.hears("Stopped")
        await stack.stop()
        query = stack.telegram.presses(stack.olga, ended, "Undo")
        stack.start()

        toast = await stack.telegram.wait_for_toast(query, timeout_seconds=HANG_SECONDS)
        assert toast.text == toasts.UNDONE


# ---------------------------------------------------------------- addresses without a command


@pytest.fixture
async def offered(stack: Stack) -> Message:
    stack.say(f"https://polygonscan.com/address/{CHECKSUMMED}")
    return await stack.hears("What shall I do")


async def test_an_address_alone_offers_what_can_be_done_with_it(offered: Message) -> None:
    assert buttons_of(offered) == ["Watch all", "Watch on Polygon", "Watch as token", "Balances now"]


async def test_an_address_that_names_no_chain_offers_none(stack: Stack) -> None:
    stack.say(CHECKSUMMED)

    assert buttons_of(await stack.hears("What shall I do")) == ["Watch all", "Watch as token", "Balances now"]


async def test_an_address_is_watched_by_a_button(stack: Stack, offered: Message) -> None:
    await stack.presses(offered, "Watch all")

    assert CHECKSUMMED in (await stack.hears("Watching")).text
    left = ["Watch on Polygon", "Watch as token", "Balances now"]
    await until(lambda: buttons_of(stack.chat.messages[offered.message_id]) == left)


async def test_an_address_is_watched_as_a_token_by_a_button(stack: Stack, offered: Message) -> None:
    await stack.presses(offered, "Watch as token")

    assert "token 0x8e3E…d8B9 in every account" in (await stack.hears("Watching")).text


async def test_an_address_is_looked_at_by_a_button(stack: Stack, offered: Message) -> None:
    await stack.presses(offered, "Balances now")

    await stack.hears("asked just now")
    assert len(buttons_of(stack.chat.messages[offered.message_id])) == 4


async def test_an_offer_is_taken_once(stack: Stack, offered: Message) -> None:
    data = offered.buttons[0][0].callback_data

    await stack.forges(offered, data)
    await stack.hears("Watching")

    assert await stack.forges(offered, data) == toasts.ALREADY


async def test_many_addresses_are_offered_together(stack: Stack) -> None:
    stack.say(f"{CHECKSUMMED}\n{OTHER}")
    offered = await stack.hears("What shall I do")

    assert buttons_of(offered) == ["Watch 2", "Watch as token"]
    await stack.presses(offered, "Watch 2")
    assert "Watching 2 accounts" in (await stack.hears("Watching")).text


async def test_a_member_may_take_no_offer_that_changes_something(watching: Group) -> None:
    stack = watching.stack
    missed = await watching.asks("/unwatch Tll", "Did you mean Till?")
    assert buttons_of(missed) == ["Stop Till"]

    assert await stack.presses(missed, "Stop Till", user=watching.member) == toasts.ADMINISTRATORS_ONLY

    await stack.presses(missed, "Stop Till", user=watching.admin)
    await stack.hears("Stopped watching Till", chat=watching.chat)


async def test_an_offer_of_another_chat_is_not_taken(stack: Stack, offered: Message) -> None:
    alice = stack.telegram.add_user("Alice")
    chat = stack.telegram.add_private_chat(alice)
    stack.say(f"/allow {chat.id}")
    message = await stack.hears("opened", chat=chat)

    data = offered.buttons[0][0].callback_data

    assert await stack.forges(message, data, user=alice) == toasts.NOT_HERE


# ---------------------------------------------------------------- what was meant


async def test_a_mistyped_command_is_offered_as_it_was_meant(stack: Stack) -> None:
    stack.say(f"/wacth {CHECKSUMMED} as Till")
    missed = await stack.hears("I don't know")
    assert buttons_of(missed) == ["/watch"]

    await stack.presses(missed, "/watch")

    await stack.hears("Watching Till")


@pytest.mark.parametrize("mistyped", ["alow@balance_sandbox_bot 1002", "unwach@balance_sandbox_bot Till"])
async def test_a_member_gets_no_button_for_what_is_not_theirs_to_do(watching: Group, mistyped: str) -> None:
    missed = await watching.asks(f"/{mistyped}", "Did you mean", user=watching.member)

    assert not missed.buttons


async def test_a_member_gets_a_button_to_look(watching: Group) -> None:
    missed = await watching.asks("/balanec@balance_sandbox_bot Till", "Did you mean", user=watching.member)
    assert buttons_of(missed) == ["/balance"]

    await watching.stack.presses(missed, "/balance", user=watching.member)

    await watching.stack.hears("50 USDC", chat=watching.chat)


async def test_an_administrator_gets_a_button_to_change_and_none_to_own(watching: Group) -> None:
    assert buttons_of(await watching.asks("/unwach@balance_sandbox_bot Till", "mean /unwatch")) == [
        "/unwatch"
    ]
    assert not buttons_of(await watching.asks("/alow@balance_sandbox_bot 1002", "mean /allow"))


async def test_an_owner_gets_a_button_to_own(watching: Group) -> None:
    missed = await watching.asks("/alow@balance_sandbox_bot 1002", "mean /allow", user=watching.stack.olga)

    assert buttons_of(missed) == ["/allow"]


async def test_a_mistyped_chain_is_offered_as_it_was_meant(stack: Stack) -> None:
    stack.say(f"/watch {CHECKSUMMED} on polygn as Till")
    missed = await stack.hears("Did you mean Polygon?")

    await stack.presses(missed, "Watch as corrected")

    assert "on Polygon" in (await stack.hears("Watching Till")).text


async def test_a_mistyped_label_is_offered_as_it_was_meant(stack: Stack) -> None:
    await stack.watches()
    stack.say("/balance Tresury")
    missed = await stack.hears("Did you mean Treasury?")

    await stack.presses(missed, "Treasury")

    await stack.hears("50 USDC")


async def test_what_resembles_nothing_offers_nothing(stack: Stack) -> None:
    stack.say("/xyzzy")

    assert not (await stack.hears("I don't know")).buttons


# ---------------------------------------------------------------- pages


async def test_a_long_list_is_turned_page_by_page_and_misses_no_entry(stack: Stack) -> None:
    accounts = "\n".join(f"0x{number:040x} as Account number {number}" for number in range(1, 26))
    stack.say(f"/watch {accounts}")
    await stack.hears("Watching")
    stack.say("/list")
    first = await stack.hears("Watched here: 25")
    assert first.text.endswith("1/3")
    assert buttons_of(first) == [*(f"#{number} Account number {number}" for number in range(1, 11)), "›"]

    await stack.presses(first, "›")
    second = await stack.shows(first, "2/3")
    assert buttons_of(second)[-2:] == ["‹", "›"]
    await stack.presses(second, "›")
    third = await stack.shows(second, "3/3")
    assert buttons_of(third)[-1] == "‹"
    pages = (first, second, third)
    lines = [line.split(" ")[0] for page in pages for line in page.text.split("\n") if line[:1] == "#"]
    assert lines == [f"#{number}" for number in range(1, 26)]
    assert [one.split(" ")[0] for page in pages for one in buttons_of(page) if one[0] == "#"] == lines

    await stack.presses(third, "#25 Account number 25")
    opened = await stack.shows(third, f"\n0x{25:040x}")
    await stack.presses(opened, "‹ List")
    assert (await stack.shows(third, "3/3")).text == third.text


async def test_a_page_beyond_the_last_is_the_last(stack: Stack) -> None:
    await stack.watches()
    stack.say("/list")
    shown = await stack.hears("Watched here: 1")

    assert await stack.forges(shown, "list:999") == ""
    assert await stack.forges(shown, "list:0") == ""
    assert stack.chat.messages[shown.message_id].text == shown.text


# ---------------------------------------------------------------- too many

TOO_MANY = "Too many at once. Please press again in "


async def test_presses_count_like_commands_and_one_too_many_does_nothing(stack: Stack) -> None:
    await stack.watches()
    stack.say("/balance Treasury")
    shown = await stack.hears("USDC")
    stack.say("/unwatch Treasury")
    await stack.hears("Stopped watching")
    (refresh,) = shown.buttons[0]

    told = [await stack.forges(shown, refresh.callback_data) for _ in range(PRIVATE_PER_MINUTE)]

    assert [one.startswith(TOO_MANY) for one in told] == [False] * (PRIVATE_PER_MINUTE - 1) + [True], (
        "/balance counts too, and what changes something does not"
    )


async def test_a_press_that_changes_something_is_not_refused_where_looks_are(stack: Stack) -> None:
    await stack.watches()
    stack.say("/balance Treasury")
    shown = await stack.hears("USDC")
    stack.say("/unwatch Treasury")
    ended = await stack.hears("Stopped watching")
    (refresh,) = shown.buttons[0]
    for _ in range(PRIVATE_PER_MINUTE):
        await stack.forges(shown, refresh.callback_data)

    assert await stack.presses(ended, "Undo") == toasts.UNDONE


async def test_presses_of_one_member_leave_the_others_their_own(watching: Group) -> None:
    stack = watching.stack
    shown = await watching.asks("/balance Till", "USDC")

    told = [await stack.presses(shown, "Refresh", user=watching.member) for _ in range(MEMBER_PER_MINUTE + 1)]

    assert told[-1].startswith(TOO_MANY)
    assert await stack.presses(shown, "Refresh") == balance_words.REFRESHED
