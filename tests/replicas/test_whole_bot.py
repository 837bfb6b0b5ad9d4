"""The whole bot over a database server: it does what it does over a file, and shares it with others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession

from bot.store.chats.owners import apply_access
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.maintenance.backup import record_restore
from bot.store.rows import to_milliseconds, to_moment
from tests import postgres_server
from tests.builders import NOON, VERIFIED
from tests.chat.reading import moves
from tests.postgres_server import free_port
from tests.stack import ACCOUNT, OWNER, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import HANG_SECONDS, STOP_SECONDS, until


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.PostgresServer]:
    with postgres_server.running() as one:
        yield one


@pytest.fixture
async def stack(tmp_path: Path, server: postgres_server.PostgresServer) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bots."""
    async with open_stack(tmp_path, None, server.empty_database()) as one:
        yield one


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'balance-bot'"


SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"


async def test_it_watches_tells_and_goes_on_after_a_restart(stack: Stack) -> None:
    stack.start()
    await stack.watches()
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    await stack.stop()
    usdc_moves(stack, 5)

    stack.start()

    await stack.hears("+5 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 2


async def test_asked_to_stop_while_it_starts_it_leaves_no_connection(stack: Stack) -> None:
    stack.start()
    await until(lambda: stack.rows(CONNECTIONS) != [(0,)])

    await stack.stop()

    await until(lambda: stack.rows(CONNECTIONS) == [(0,)])


async def test_of_several_that_start_at_once_one_notes_that_the_database_is_a_copy(stack: Stack) -> None:
    stack.start()
    await stack.watches()
    await stack.stop()
    stack.rows("INSERT INTO setting (name, value) VALUES ('copied_at', ?)", str(to_milliseconds(NOON)))
    assert stack.store_url is not None
    those = [await DatabaseThread.open(stack.store_url, replica=str(number)) for number in range(3)]
    await asyncio.gather(*(one.run(apply_access, [OWNER], (), VERIFIED) for one in those))

    found = await asyncio.gather(*(one.run(record_restore, NOON + timedelta(hours=1)) for one in those))

    assert sorted(found, key=bool) == [None, None, NOON]
    assert stack.rows("SELECT telegram_id, open FROM chat") == [(OWNER, 1)]
    assert stack.rows("SELECT count(*) FROM alert WHERE state = 'waiting'") == [(1,)]
    for one in those:
        await one.close()


async def test_at_the_end_nobody_waits_for_a_server_that_does_not_answer(stack: Stack) -> None:
    assert stack.store_url is not None
    db = await DatabaseThread.open(stack.store_url)
    waiting = asyncio.create_task(db.run(lambda one: one.execute("SELECT pg_sleep(9)").fetchall()))
    await until(lambda: stack.rows(SLEEPING) == [(1,)])

    await db.close()

    with pytest.raises(DatabaseUnavailable):
        await waiting


async def test_while_the_server_is_away_the_start_waits_and_says_so_and_can_be_stopped(
    tmp_path: Path,
) -> None:
    port, listen = free_port(), f"127.0.0.1:{free_port()}"
    url = f"postgresql://127.0.0.1:{port}/bot"
    async with (
        open_stack(tmp_path, None, url, web=[f'listen = "{listen}"']) as stack,
        ClientSession() as session,
    ):

        async def page(name: str) -> str:
            with suppress(ClientConnectionError):
                async with session.get(f"http://{listen}/{name}") as response:
                    return f"{response.status} {await response.text()}"
            return ""

        stack.start()
        async with asyncio.timeout(HANG_SECONDS):
            while f"127.0.0.1:{port}" not in (ready := await page("readyz")):  # noqa: ASYNC110 - nobody sets one
                await asyncio.sleep(0.05)

        assert ready.startswith("503")
        assert (await page("healthz")).startswith("200")
        assert stack.gateway.requests == []
        async with asyncio.timeout(STOP_SECONDS):
            await stack.stop()


async def recorded_ago(stack: Stack) -> timedelta:
    """Return how long ago, by our clock, a bot whose own is an hour ahead says that it recorded something."""
    process = await stack.start_process(clock_ahead=3600)
    await stack.watches()
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    await stack.kill(process)
    ((at,),) = stack.rows("SELECT max(observed_at) FROM change")
    return datetime.now(UTC) - to_moment(at)


async def test_a_bot_whose_clock_is_wrong_writes_moments_as_the_others_read_them(stack: Stack) -> None:
    assert abs(await recorded_ago(stack)) < timedelta(minutes=30)


async def test_over_a_file_it_goes_by_the_only_clock_there_is(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        assert abs(await recorded_ago(stack) + timedelta(hours=1)) < timedelta(minutes=30)
