from datetime import UTC, datetime

import aiohttp
import pytest

from bot.sandbox.gateway.faults.kinds import AnswerHtml
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, example_world
from tests.sandbox.gateway.client import SUMMARY, Client, native_rows

# What was asked


async def test_each_call_is_recorded_as_it_arrived() -> None:
    noon = datetime(2026, 5, 20, 12, tzinfo=UTC)
    async with (
        Gateway(example_world(), clock=lambda: noon).serve() as gateway,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, gateway)
        await client.call("GetChains", {"networkType": "ALL"}, key="mine", Accept="application/json")
        await client.call("Ping", b"{", key=None)

    chains, ping = gateway.requests
    assert (chains.method, chains.body, chains.received_at) == ("GetChains", {"networkType": "ALL"}, noon)
    assert chains.headers["X-Access-Key"] == "mine"
    assert chains.headers["Accept"] == "application/json"
    assert "Origin" not in chains.headers
    assert (ping.method, ping.body) == ("Ping", None)
    assert "X-Access-Key" not in ping.headers


async def test_a_call_that_meets_a_fault_is_recorded_too(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(AnswerHtml(times=1))

    await client.summary()

    assert [request.method for request in gateway.requests] == [SUMMARY]


# Coming and going


async def test_a_gateway_that_was_down_comes_back_with_its_world() -> None:
    gateway = Gateway(example_world())
    async with gateway.serve():
        port = int(gateway.url.split(":")[2].split("/")[0])
        gateway.world.set_native(1, EXAMPLE_ACCOUNT, 3)

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await Client(session, gateway).summary()
        async with gateway.serve(port=port):
            answer = await Client(session, gateway).summary(chainIds=[1])

    assert gateway.url == f"http://127.0.0.1:{port}/rpc/IndexerGateway"
    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"] == "3"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - that is what is refused
async def test_other_machines_are_not_served(host: str) -> None:
    with pytest.raises(ValueError, match="no loopback address"):
        async with Gateway(example_world()).serve(host):
            pass
