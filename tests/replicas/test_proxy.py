"""The proxy passes everything on but what it is told to fail at."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.replicas.proxy import Direction, Proxy
from tests.waits import until


class Echo:
    """A server that says again what it hears, and counts that."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(100):
                self.heard += some
                writer.write(some)
        except ConnectionError:
            pass
        writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]).serve() as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    yield reader, writer
    writer.close()


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def test_what_is_cut_is_reset_and_may_come_back(proxy: Proxy, client: Client) -> None:
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        await client[0].read()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"b")
    assert await reader.readexactly(1) == b"b"
    writer.close()


async def test_what_is_refused_may_not_come_back_until_healed(proxy: Proxy, client: Client) -> None:
    proxy.refuse()

    with pytest.raises(ConnectionResetError):
        await client[0].read()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    proxy.heal()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"c")
    assert await reader.readexactly(1) == b"c"
    writer.close()


async def test_what_is_frozen_to_the_server_gets_there_once_healed(
    proxy: Proxy, client: Client, echo: Echo
) -> None:
    proxy.freeze({Direction.TO_SERVER})
    client[1].write(b"b")
    await asyncio.sleep(0.05)
    assert echo.heard == b"a"

    proxy.heal()

    assert await client[0].readexactly(1) == b"b"


async def test_what_is_frozen_to_the_client_is_done_and_not_heard_of(
    proxy: Proxy, client: Client, echo: Echo
) -> None:
    proxy.freeze({Direction.TO_CLIENT})
    client[1].write(b"b")

    await until(lambda: echo.heard == b"ab")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client[0].read(1)
    proxy.heal()
    assert await client[0].readexactly(1) == b"b"


async def test_what_is_cut_while_frozen_never_gets_there(proxy: Proxy, client: Client, echo: Echo) -> None:
    proxy.freeze(Direction)
    client[1].write(b"b")
    await asyncio.sleep(0.05)

    proxy.cut()
    proxy.heal()

    with pytest.raises(ConnectionResetError):
        await client[0].read()
    assert echo.heard == b"a"


async def test_a_word_is_passed_on_and_its_answer_held(proxy: Proxy, client: Client, echo: Echo) -> None:
    said = proxy.hold_answer_to(b"COMMIT")
    client[1].write(b"b")
    assert await client[0].readexactly(1) == b"b"
    client[1].write(b"COMMIT")

    await said.wait()
    await until(lambda: echo.heard == b"abCOMMIT")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client[0].read(1)
    proxy.release_answers()
    assert await client[0].readexactly(6) == b"COMMIT"


async def test_a_request_is_held_before_it_arrives(proxy: Proxy, client: Client, echo: Echo) -> None:
    came, goes_on = proxy.hold_request(b"BEGIN")
    client[1].write(b"BEGIN")
    await came.wait()
    await asyncio.sleep(0.05)
    assert echo.heard == b"a"

    goes_on.set()

    assert await client[0].readexactly(5) == b"BEGIN"
