"""Nobody waits for a stranger: whatever they do, owners and open chats are answered meanwhile."""

from collections import defaultdict

import pytest

from bot.chat.turns import Rank, Turns
from bot.sandbox.gateway_faults import Delay
from bot.sandbox.telegram import too_many_requests
from bot.sandbox.telegram_world import Chat, User
from tests.house import CHECKSUMMED, House, buttons_of, until

CROWD = 250


def strangers(house: House, count: int) -> list[tuple[User, Chat]]:
    users = [house.telegram.add_user(f"Stranger {number}") for number in range(count)]
    return [(user, house.telegram.add_private_chat(user)) for user in users]


def answered(house: House, crowd: list[tuple[User, Chat]]) -> int:
    return sum(bool(house.said(chat)) for _, chat in crowd)


def takes_the_bot_in_again(house: House, group: Chat, user: User, times: int) -> None:
    for _ in range(times):
        house.telegram.removes_bot(group, by=user)
        house.telegram.adds_bot(group, by=user)


async def all_is_dealt_with(house: House, group: Chat) -> None:
    """Wait until all that came from a group was dealt with: what an owner says there comes after it."""
    house.telegram.joins(house.olga, group)
    house.say("/id", chat=group)
    await house.hears("user id", chat=group)


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[Rank]]:
    """Return, by chat, with which rank each message asked for its turn."""
    seen: dict[int, list[Rank]] = defaultdict(list)
    turn = Turns.turn

    async def noted(turns: Turns, chat_id: int, *, is_group: bool, rank: Rank = Rank.ALERT) -> None:
        seen[chat_id].append(rank)
        await turn(turns, chat_id, is_group=is_group, rank=rank)

    monkeypatch.setattr(Turns, "turn", noted)
    return seen


async def test_what_strangers_are_told_and_cause_leaves_last(
    house: House, ranks: dict[int, list[Rank]]
) -> None:
    ((mallory, private),) = strangers(house, 1)
    group = house.telegram.add_supergroup("Mine", {mallory: "creator"})

    house.say("/start", user=mallory, chat=private)
    await house.hears("private", chat=private)
    await house.hears("asks to use me")
    takes_the_bot_in_again(house, group, mallory, 1)
    await house.hears("Hello", chat=group)
    await house.hears("asks to use me")

    assert {*ranks[private.id], *ranks[group.id], *ranks[house.chat.id]} == {Rank.STRANGER}


async def test_what_owners_and_open_chats_are_told_does_not(
    house: House, ranks: dict[int, list[Rank]]
) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})

    house.say("/allow", chat=group)
    await house.hears("open", chat=group)
    house.say("/status")
    await house.hears("Nothing is watched")

    assert {*ranks[group.id], *ranks[house.chat.id]} == {Rank.ANSWER}


async def test_a_crowd_of_strangers_does_not_keep_an_owner_waiting(house: House) -> None:
    crowd = strangers(house, CROWD)
    for user, chat in crowd:
        house.say("/start", user=user, chat=chat)

    house.say("/id")
    await house.hears("Chat id")

    assert answered(house, crowd) < CROWD / 2
    await until(lambda: answered(house, crowd) == CROWD)


async def test_a_group_that_was_closed_is_not_greeted_however_often_it_takes_the_bot_in(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    group = house.telegram.add_supergroup("Mine", {mallory: "creator"})
    house.say(f"/deny {group.id}")
    await house.hears("closed")

    takes_the_bot_in_again(house, group, mallory, 10)

    await all_is_dealt_with(house, group)
    assert not any("Hello" in text for text in house.said(group))


async def test_a_group_that_nobody_decided_on_is_greeted_once_an_hour(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    group = house.telegram.add_supergroup("Mine", {mallory: "creator"})

    takes_the_bot_in_again(house, group, mallory, 10)

    await all_is_dealt_with(house, group)
    assert sum("Hello" in text for text in house.said(group)) == 1


async def test_presses_in_a_group_that_telegram_paused_keep_no_other_chat_waiting(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await house.hears("balances", chat=group)
    house.say("/balance", chat=group)
    shown = await house.hears(lambda message: "Refresh" in buttons_of(message), chat=group)
    house.telegram.fault(too_many_requests(60), chat=group)
    house.say("/status", chat=group)
    await until(lambda: any(call.method == "sendMessage" for call in house.telegram.calls[-3:]))

    for _ in range(3):
        await house.presses(shown, "Refresh")
    house.say("/status")

    await house.hears("Nothing is watched")
    assert house.said(group)[-1] == shown.text, "the group is paused still"


async def test_what_is_asked_for_a_chat_that_is_closed_meanwhile_is_not_said_there(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open", chat=group)
    house.gateway.faults.add(Delay(seconds=1.2))
    house.say(f"/balance {CHECKSUMMED}", chat=group)
    await house.hears("Asking", chat=group)

    house.say(f"/deny {group.id}")
    await house.hears("closed")

    house.say(f"/balance {CHECKSUMMED}")
    await house.hears("asked just now")
    assert not any("asked just now" in text for text in house.said(group))


async def test_what_is_asked_for_an_open_chat_is_said_there(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open", chat=group)
    house.gateway.faults.add(Delay(seconds=1.2))

    house.say(f"/balance {CHECKSUMMED}", chat=group)

    await house.hears("asked just now", chat=group)


async def test_who_closes_a_chat_in_it_is_answered_there(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open", chat=group)

    house.say("/deny", chat=group)

    await house.hears("closed", chat=group)
