"""Charts are made one after the other, and no more wait than may."""

import asyncio

from bot.chat.chart_turns import WAITING_MOST, ChartTurns


async def test_one_is_made_at_a_time_in_order_and_more_than_may_wait_are_refused() -> None:
    turns, making, made, goes_on = ChartTurns(), list[int](), list[int](), asyncio.Event()

    async def take(number: int) -> int | None:
        async def make() -> int:
            making.append(number)
            assert making == [*made, number]
            await goes_on.wait()
            made.append(number)
            return number

        return await turns.take(make)

    waiting = [asyncio.create_task(take(number)) for number in range(WAITING_MOST)]
    await asyncio.sleep(0)
    assert await take(WAITING_MOST) is None
    goes_on.set()
    assert await asyncio.gather(*waiting) == made == list(range(WAITING_MOST))
    assert await take(99) == 99


async def test_one_that_fails_leaves_its_turn_to_the_next() -> None:
    turns = ChartTurns()

    async def fail() -> None:
        raise ValueError

    async def succeed() -> str:
        return "done"

    results = await asyncio.gather(*(turns.take(fail) for _ in range(WAITING_MOST)), return_exceptions=True)
    assert all(isinstance(result, ValueError) for result in results)
    assert await turns.take(succeed) == "done"
