import asyncio
import gzip
import json
from dataclasses import replace

import aiohttp
import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    Delay,
    DripBody,
    DropConnection,
    GzipBomb,
    Redirect,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, example_world
from tests.sandbox.gateway.client import USDC, Client, token_rows

# Faults of whole answers


QUOTA = AnswerError(name="QuotaExceeded", code=1200, status=429, message="Project quota exceeded.")


async def test_an_error_answers_as_many_calls_as_it_says(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, status=423, times=2))

    answers = [await client.summary() for _ in range(3)]

    assert [answer.status for answer in answers] == [423, 423, 200]
    assert answers[0].body == {
        "error": "QuotaExceeded",
        "code": 1200,
        "msg": "Project quota exceeded.",
        "status": 423,
    }


async def test_an_error_without_a_count_answers_until_healed(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(QUOTA)

    before = [await client.summary() for _ in range(3)]
    gateway.faults.heal()
    after = await client.summary()

    assert [answer.status for answer in before] == [429, 429, 429]
    assert after.status == 200


async def test_an_error_brings_its_headers_and_its_cause(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, cause="too busy", headers={"Retry-After": 60}, times=1))

    answer = await client.summary()

    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["cause"] == "too busy"


async def test_faults_of_whole_answers_take_their_turns(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, times=1), replace(QUOTA, code=2003, status=400, times=1))

    assert [(await client.summary()).status for _ in range(3)] == [429, 400, 200]


@pytest.mark.parametrize("status", [200, 502])
async def test_html_can_come_instead_of_an_answer(client: Client, gateway: Gateway, status: int) -> None:
    gateway.faults.add(AnswerHtml(status=status, times=1))

    async with client.session.post(f"{gateway.url}/Ping") as response:
        assert response.status == status
        assert response.content_type == "text/html"
        assert (await response.text()).startswith("<html>")
    assert (await client.call("Ping", {})).status == 200


async def test_a_body_can_be_cut_off(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(CutBody(times=1))

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.summary()

    assert (await client.summary()).status == 200


async def test_a_connection_can_be_dropped(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(DropConnection())

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.summary()

    gateway.faults.heal()
    assert (await client.summary()).status == 200


async def test_a_delay_outlasts_an_impatient_client(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Delay(seconds=3600))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.summary()

    gateway.faults.heal()
    assert (await client.summary()).status == 200


async def test_latency_is_part_of_every_call(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(latency_seconds=3600)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.call("Ping", {})

    gateway.knobs = Knobs()
    assert (await client.call("Ping", {})).status == 200


async def test_a_call_waits_at_the_gate_until_it_is_released(client: Client, gateway: Gateway) -> None:
    gateway.gate.hold()
    call = asyncio.create_task(client.summary(chainIds=[1]))
    await gateway.gate.until_waiting(1)
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, 7)
    assert not call.done()

    gateway.gate.release()

    assert token_rows(await call)[USDC]["balance"] == "7"


async def test_the_gate_may_hold_calls_of_one_method_alone(client: Client, gateway: Gateway) -> None:
    gateway.gate.hold("GetChains")
    held = asyncio.create_task(client.call("GetChains", {}))
    await gateway.gate.until_waiting(1)

    assert (await client.call("Ping", {})).status == 200
    assert not held.done()
    gateway.gate.release()

    assert (await held).status == 200


async def test_a_held_call_does_not_keep_the_gateway_from_stopping() -> None:
    gateway = Gateway(example_world())
    async with aiohttp.ClientSession() as session:
        async with gateway.serve():
            gateway.gate.hold()
            call = asyncio.create_task(Client(session, gateway).summary())
            await gateway.gate.until_waiting(1)

        with pytest.raises(aiohttp.ClientConnectionError):
            await call


@pytest.mark.parametrize("status", [302, 307])
async def test_calls_can_be_redirected(client: Client, gateway: Gateway, status: int) -> None:
    gateway.faults.add(Redirect(location="/elsewhere", status=status, times=1))

    async with client.session.post(f"{gateway.url}/Ping", json={}, allow_redirects=False) as response:
        assert response.status == status
        assert response.headers["Location"] == "/elsewhere"
    assert (await client.call("Ping", {})).status == 200


async def test_a_body_can_come_a_byte_at_a_time(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(DripBody(seconds_per_byte=0, times=1))

    answer = await client.call("Ping", {})

    assert answer.body == {"status": True}
    assert answer.headers["Content-Length"] == str(len('{"status":true}'))


async def test_a_body_can_come_too_slowly(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(DripBody(seconds_per_byte=3600))

    headers = {"X-Access-Key": "any"}
    async with client.session.post(f"{gateway.url}/Ping", json={}, headers=headers) as response:
        assert response.status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await response.read()


async def test_a_body_can_be_a_bomb(gateway: Gateway) -> None:
    gateway.faults.add(GzipBomb(unpacked_bytes=8 * 2**20 + 5))

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        headers = {"X-Access-Key": "any"}
        async with session.post(f"{gateway.url}/Ping", json={}, headers=headers) as response:
            packed = await response.read()

    unpacked = gzip.decompress(packed)
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 20_000
    assert len(unpacked) == 8 * 2**20 + 5
    assert json.loads(unpacked) == {"status": True}


async def test_a_bomb_smaller_than_the_answer_is_the_answer(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(GzipBomb(unpacked_bytes=1))

    assert (await client.call("Ping", {})).body == {"status": True}
