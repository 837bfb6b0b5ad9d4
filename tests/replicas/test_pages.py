"""The pages of two replicas over one database server: each answers for the whole bot."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from bot import app
from bot.domain.replicas.roles import Role
from bot.health import health
from bot.health.health import Health
from bot.sandbox.gateway.faults.kinds import AnswerError
from bot.settings.load import load_settings
from tests import postgres_server
from tests.postgres_server import free_port
from tests.replicas.proxy import Direction, Proxy
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import HANG_SECONDS

REFUSED_KEY = AnswerError(name="Unauthorized", code=1000, status=401, message="Unauthorized access")
AWAY = "the database server does not answer"
TAKEN = """
UPDATE lease SET replica_id = 'somebody else', epoch = epoch + 1,
until = extract(epoch from clock_timestamp()) * 1000 + 500
"""


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks at the pages of one replica."""

    session: ClientSession
    port: int
    stop: asyncio.Event

    async def reasons(self, path: str = "/readyz") -> list[str]:
        status, text = await self._get(path)
        answer = json.loads(text)
        assert answer["ok"] is (status == 200) is (not answer["reasons"])
        return list(answer["reasons"])

    async def sees(self, wanted: Callable[[list[str]], bool], path: str = "/readyz") -> None:
        """Look until the reasons are as wanted."""
        reasons: list[str] = []
        try:
            async with asyncio.timeout(HANG_SECONDS):
                while not wanted(reasons):
                    await asyncio.sleep(0.05)
                    reasons = await self._reasons_or_none(path)
        except TimeoutError:
            raise AssertionError(f"{path} shows {reasons}") from None

    async def is_green(self) -> None:
        await self.sees(lambda reasons: reasons == ["all is well"])

    async def is_red(self, words: str) -> None:
        await self.sees(lambda reasons: any(reason.startswith(words) for reason in reasons))
        assert await self.reasons("/healthz") == []

    async def metrics(self) -> Mapping[str, float]:
        _, text = await self._get("/metrics")
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def roles(self) -> set[str]:
        numbers = await self.metrics()
        return {role for role in Role if numbers[f"balance_bot_role {role}"]}

    async def _get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, await response.text()

    async def _reasons_or_none(self, path: str) -> list[str]:
        try:
            return await self.reasons(path) or ["all is well"]
        except ClientConnectionError:
            return ["nobody listens yet"]


@dataclass(frozen=True)
class Pair:
    """Alpha, which has all roles, and beta, which stands by; both reach the server through one proxy."""

    stack: Stack
    proxy: Proxy
    alpha: Visitor
    beta: Visitor
    parts: list[Health]
    """Those of alpha, then those of beta."""

    @property
    def both(self) -> tuple[Visitor, Visitor]:
        return self.alpha, self.beta

    async def have_changed_hands_since(self, before: Mapping[str, float]) -> bool:
        """Say whether each role went to somebody else, came back, and is done."""
        now = await self.alpha.metrics()
        epochs = [f"balance_bot_lease_epoch {role}" for role in Role]
        return (
            all(now.get(epoch, 0) >= before[epoch] + 2 for epoch in epochs)
            and await self.alpha.roles() | await self.beta.roles() == set(Role)
            and not await self.alpha.reasons()
        )


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.PostgresServer]:
    with postgres_server.running() as one:
        yield one


@asynccontextmanager
async def running(stack: Stack, session: ClientSession, name: str) -> AsyncIterator[Visitor]:
    """Run a replica until the end of the block, or until it is stopped."""
    port, stop = free_port(), asyncio.Event()
    stack.lines |= {"web": [f'listen = "127.0.0.1:{port}"'], "store": [f'replica = "{name}"']}
    run = asyncio.create_task(app.run(load_settings(stack.config), stop, stack.announced.append))
    try:
        yield Visitor(session, port, stop)
    finally:
        stop.set()
        await run


@pytest.fixture
async def pair(
    tmp_path: Path, server: postgres_server.PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    parts = list[Health]()

    def built(**options: Any) -> Health:  # noqa: ANN401 - whatever the program gives it
        parts.append(Health(**options))
        return parts[-1]

    monkeypatch.setattr(app, "Health", built)
    url = server.empty_database()
    async with AsyncExitStack() as exits:
        proxy = await exits.enter_async_context(Proxy(int(url.rpartition(":")[2].split("/")[0])).serve())
        through = f"postgresql://postgres@127.0.0.1:{proxy.port}/bot"
        stack = await exits.enter_async_context(open_stack(tmp_path, None, through))
        session = await exits.enter_async_context(ClientSession())
        alpha = await exits.enter_async_context(running(stack, session, "alpha"))
        await alpha.is_green()
        beta = await exits.enter_async_context(running(stack, session, "beta"))
        await beta.is_green()
        exits.callback(proxy.heal)
        yield Pair(stack, proxy, alpha, beta, parts)


async def test_each_says_who_does_what_and_what_the_other_says_of_itself(pair: Pair) -> None:
    await pair.stack.watches()
    pair.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await pair.stack.hears("+1 USDC")

    assert [await one.roles() for one in pair.both] == [set(Role), set()]
    numbers = [await one.metrics() for one in pair.both]
    for name in ("replicas", "changes_total", "accounts", *(f"lease_epoch {role}" for role in Role)):
        assert numbers[0][f"balance_bot_{name}"] == numbers[1][f"balance_bot_{name}"]
    assert numbers[1]["balance_bot_replicas"] == 2
    pair.stack.say("/status")
    await pair.stack.hears("2 replicas: alpha does everything, beta stands by")

    pair.stack.gateway.faults.add(REFUSED_KEY)
    await pair.alpha.is_red("the indexer refuses to answer: ")
    await pair.beta.is_red("alpha: the indexer refuses to answer: ")

    pair.stack.gateway.faults.heal()
    for one in pair.both:
        await one.is_green()


async def test_one_that_is_asked_to_stop_is_followed_by_the_other_without_a_reason(pair: Pair) -> None:
    pair.alpha.stop.set()

    async with asyncio.timeout(HANG_SECONDS):
        while await pair.beta.roles() != set(Role):
            assert not [
                reason for reason in await pair.beta.reasons() if "role" in reason or "seen" in reason
            ]

    await pair.beta.is_green()
    await pair.stack.watches()
    pair.stack.say("/status")
    await pair.stack.hears("1 replica: beta does everything")


@pytest.mark.parametrize("way", ["refused", "frozen"])
async def test_a_database_that_is_away_is_told_at_once_and_cured_by_no_restart(pair: Pair, way: str) -> None:
    await pair.stack.watches()
    if way == "refused":
        pair.proxy.refuse()
    else:
        pair.proxy.freeze(Direction)

    for one in pair.both:
        assert any(reason.startswith(AWAY) for reason in await one.reasons()), "with the first question"
        assert await one.reasons("/healthz") == []
        numbers = await one.metrics()
        assert (numbers["balance_bot_database_up"], numbers["balance_bot_ready"]) == (0, 0)
    pair.proxy.heal()

    for one in pair.both:
        await one.is_green()
    pair.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await pair.stack.hears("+1 USDC")


async def test_a_thread_that_hangs_though_the_database_answers_is_cured_by_a_restart(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HUNG_SECONDS", 0.5)
    may_go_on = threading.Event()
    pair.parts[1]._opened._executor.submit(may_go_on.wait)
    try:
        await pair.beta.sees(lambda reasons: reasons == ["the database thread gives no answer"], "/healthz")
        assert await pair.alpha.reasons("/healthz") == []
    finally:
        may_go_on.set()

    await pair.beta.sees(lambda reasons: reasons == ["all is well"], "/healthz")


async def test_counters_go_on_when_roles_are_lost_and_had_again(pair: Pair) -> None:
    await pair.stack.watches()
    swept, told = "balance_bot_sweeps_total seen", "balance_bot_deliveries_total sent"
    before = await pair.alpha.metrics()

    # In a thread, as the proxy on the way there is in this loop.
    await asyncio.to_thread(pair.stack.rows, TAKEN)
    async with asyncio.timeout(HANG_SECONDS):
        while not await pair.have_changed_hands_since(before):  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.05)
    pair.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await pair.stack.hears("+1 USDC")
    after, elsewhere = await pair.alpha.metrics(), await pair.beta.metrics()
    assert after[swept] >= before[swept]
    assert after[told] >= before[told] > 0
    assert after[swept] + elsewhere.get(swept, 0) > before[swept]
    assert after[told] + elsewhere.get(told, 0) > before[told]
