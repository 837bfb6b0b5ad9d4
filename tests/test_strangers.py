"""Nobody waits for a stranger: whatever they do, owners and open chats are answered meanwhile."""

from collections import defaultdict

import pytest

from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.sandbox.telegram.api.faults import too_many_requests
from bot.sandbox.telegram.world.world import Chat, User
from tests.stack import CHECKSUMMED, Stack, buttons_of
from tests.waits import until

CROWD = 250


def strangers(stack: Stack, count: int) -> list[tuple[User, Chat]]:
    users = [stack.telegram.add_user(f"Stranger {number}") for number in range(count)]
    return [(user, stack.telegram.add_private_chat(user)) for user in users]


def answered(stack: Stack, crowd: list[tuple[User, Chat]]) -> int:
    return sum(bool(stack.said(chat)) for _, chat in crowd)


def takes_the_bot_in_again(stack: Stack, group: Chat, user: User, times: int) -> None:
    for _ in range(times):
        stack.telegram.removes_bot(group, by=user)
        stack.telegram.adds_bot(group, by=user)


async def all_is_dealt_with(stack: Stack, group: Chat) -> None:
    """Wait until all that came from a group was dealt with: what an owner says there comes after it."""
    stack.telegram.joins(stack.olga, group)
    stack.say("/id", chat=group)
    await stack.hears("user id", chat=group)


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[Rank]]:
    """Return, by chat, with which rank each message asked for its turn."""
    seen: dict[int, list[Rank]] = defaultdict(list)
    turn = SendQueue.turn

    async def noted(turns: SendQueue, chat_id: int, *, is_group: bool, rank: Rank = Rank.ALERT) -> None:
        seen[chat_id].append(rank)
        await turn(turns, chat_id, is_group=is_group, rank=rank)

    monkeypatch.setattr(SendQueue, "turn", noted)
    return seen


async def test_what_strangers_are_told_and_cause_leaves_last(
    stack: Stack, ranks: dict[int, list[Rank]]
) -> None:
    ((mallory, private),) = strangers(stack, 1)
    group = stack.telegram.add_supergroup("Mine", {mallory: "creator"})

    stack.say("/start", user=mallory, chat=private)
    await stack.hears("private", chat=private)
    await stack.hears("would like to use this bot")
    takes_the_bot_in_again(stack, group, mallory, 1)
    await stack.hears("Hello", chat=group)
    await stack.hears("would like to use this bot")

    assert {*ranks[private.id], *ranks[group.id], *ranks[stack.chat.id]} == {Rank.STRANGER}


async def test_what_owners_and_open_chats_are_told_does_not(
    stack: Stack, ranks: dict[int, list[Rank]]
) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})

    stack.say("/allow", chat=group)
    await stack.hears("open", chat=group)
    stack.say("/status")
    await stack.hears("Nothing is watched")

    assert {*ranks[group.id], *ranks[stack.chat.id]} == {Rank.ANSWER}


async def test_a_crowd_of_strangers_does_not_keep_an_owner_waiting(stack: Stack) -> None:
    crowd = strangers(stack, CROWD)
    for user, chat in crowd:
        stack.say("/start", user=user, chat=chat)

    stack.say("/id")
    await stack.hears("Chat id")

    assert answered(stack, crowd) < CROWD / 2
    await until(lambda: answered(stack, crowd) == CROWD)


async def test_a_group_that_was_closed_is_not_greeted_however_often_it_takes_the_bot_in(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    group = stack.telegram.add_supergroup("Mine", {mallory: "creator"})
    stack.say(f"/deny {group.id}")
    await stack.hears("closed")

    takes_the_bot_in_again(stack, group, mallory, 10)

    await all_is_dealt_with(stack, group)
    assert not any("Hello" in text for text in stack.said(group))


async def test_a_group_that_nobody_decided_on_is_greeted_once_an_hour(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    group = stack.telegram.add_supergroup("Mine", {mallory: "creator"})

    takes_the_bot_in_again(stack, group, mallory, 10)

    await all_is_dealt_with(stack, group)
    assert sum("Hello" in text for text in stack.said(group)) == 1


async def test_presses_in_a_group_that_telegram_paused_keep_no_other_chat_waiting(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    stack.say("/balance", chat=group)
    shown = await stack.hears(lambda message: "Refresh" in buttons_of(message), chat=group)
    stack.telegram.fault(too_many_requests(60), chat=group)
    stack.say("/status", chat=group)
    await until(lambda: any(call.method == "sendMessage" for call in stack.telegram.calls[-3:]))

    for _ in range(3):
        await stack.presses(shown, "Refresh")
    stack.say("/status")

    await stack.hears("Nothing is watched")
    assert stack.said(group)[-1] == shown.text, "the group is paused still"


async def test_what_is_asked_for_a_chat_that_is_closed_meanwhile_is_not_said_there(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open", chat=group)
    stack.gateway.gate.hold()
    stack.say(f"/balance {CHECKSUMMED}", chat=group)
    await stack.hears("Asking", chat=group)

    stack.say(f"/deny {group.id}")
    await stack.hears("closed")
    stack.gateway.gate.release()

    stack.say(f"/balance {CHECKSUMMED}")
    await stack.hears("asked just now")
    assert not any("asked just now" in text for text in stack.said(group))


async def test_what_is_asked_for_an_open_chat_is_said_there(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open", chat=group)
    stack.gateway.gate.hold()

    stack.say(f"/balance {CHECKSUMMED}", chat=group)
    await stack.hears("Asking", chat=group)
    stack.gateway.gate.release()

    await stack.hears("asked just now", chat=group)


async def test_who_closes_a_chat_in_it_is_answered_there(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open", chat=group)

    stack.say("/deny", chat=group)

    await stack.hears("closed", chat=group)
