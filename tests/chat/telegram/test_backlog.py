"""What strangers sent, and how little of it is kept."""

import asyncio

from bot.chat.telegram.backlog import Backlog, Raw


def update(number: int) -> Raw:
    return {"update_id": number}


async def numbers(backlog: Backlog, count: int) -> list[object]:
    return [(await backlog.next())[1]["update_id"] for _ in range(count)]


async def test_chats_take_turns_and_each_is_in_order() -> None:
    backlog = Backlog()
    for chat, number in ((1, 10), (1, 11), (1, 12), (2, 20), (3, 30)):
        assert backlog.add(chat, update(number))

    assert await numbers(backlog, 5) == [10, 20, 30, 11, 12]


async def test_a_flood_of_one_stranger_takes_no_room_from_another() -> None:
    backlog = Backlog(most_of_one_chat=2)

    assert [backlog.add(1, update(number)) for number in range(4)] == [True, True, False, False]
    assert backlog.add(2, update(9))


async def test_all_strangers_together_have_so_much_room() -> None:
    backlog = Backlog(most=2)

    assert [backlog.add(chat, update(chat)) for chat in range(3)] == [True, True, False]
    await backlog.next()
    assert backlog.add(4, update(4))


async def test_what_is_taken_of_a_chat_is_gone_and_makes_room() -> None:
    backlog = Backlog(most=3)
    for chat, number in ((1, 10), (2, 20), (1, 11)):
        backlog.add(chat, update(number))

    assert [raw["update_id"] for raw in backlog.take(1)] == [10, 11]
    assert backlog.take(1) == []
    assert backlog.add(3, update(30))
    assert await numbers(backlog, 2) == [20, 30]


async def test_whoever_waits_for_the_next_has_it_when_it_comes() -> None:
    backlog = Backlog()
    waiting = asyncio.create_task(backlog.next())
    await asyncio.sleep(0)
    assert not waiting.done()

    backlog.add(1, update(10))

    assert (await waiting)[1] == update(10)
