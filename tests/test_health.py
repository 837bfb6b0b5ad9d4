"""What the pages say of the whole bot: each reason is caused, seen, and seen to go away."""

import asyncio
import json
import random
import re
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientConnectionError, ClientSession
from telegram.error import TelegramError

from bot import app
from bot.chat.telegram import receiver
from bot.chat.telegram.connection import build_bot
from bot.chat.telegram.stats import TROUBLES
from bot.domain.ask import progress
from bot.domain.ask.progress import LastSweep
from bot.health import health
from bot.health.health import Health
from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    Delay,
    DropConnection,
    FailHistory,
)
from bot.sandbox.gateway.faults.kinds import Fault as GatewayFault
from bot.sandbox.telegram.api.faults import Close, Error, Garbage, ProxyPage, TelegramFault, before
from bot.web.pages import BLOCKED
from tests.builders import NOON
from tests.chat.reading import moves
from tests.stack import ACCOUNT, CHECKSUMMED, OWNER, POLL, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.test_program import LOOPBACK, ROOT, _free_port
from tests.waits import HANG_SECONDS, until

REFUSED_KEY = AnswerError(name="Unauthorized", code=1000, status=401, message="Unauthorized access")
NO_QUOTA = AnswerError(name="QuotaExceeded", code=1200, status=423)


@dataclass
class Visit:
    """Somebody who looks at the pages of a running bot, and into its parts."""

    stack: Stack
    session: ClientSession
    port: int
    parts: list[Health]

    @property
    def health(self) -> Health:
        return self.parts[0]

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://{LOOPBACK}:{self.port}{path}") as response:
            return response.status, await response.text()

    async def reasons(self, path: str = "/readyz") -> list[str]:
        status, text = await self.get(path)
        answer = json.loads(text)
        assert answer["ok"] is (status == 200) is (not answer["reasons"])
        return list(answer["reasons"])

    async def sees(self, wanted: Callable[[list[str]], bool], path: str = "/readyz") -> list[str]:
        """Look until the reasons are as wanted."""
        reasons: list[str] = []
        try:
            async with asyncio.timeout(HANG_SECONDS):
                while not wanted(reasons := await self._reasons_or_none(path)):  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{path} shows {reasons}") from None
        return reasons

    async def is_red(self, words: str) -> None:
        """See /readyz give a reason, while a restart would cure nothing."""
        await self.sees(lambda reasons: any(words in reason for reason in reasons))
        assert await self.reasons("/healthz") == []

    async def is_green(self) -> None:
        await self.sees(lambda reasons: not reasons)

    async def _reasons_or_none(self, path: str) -> list[str]:
        try:
            return await self.reasons(path)
        except ClientConnectionError:
            return ["nobody listens yet"]


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten what would be too long to look on; the real lengths are rules of their own."""
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(receiver, "CONTESTED_SECONDS", 1.0)
    monkeypatch.setattr(health, "DATABASE_ANSWERS_SECONDS", 1.0)


def _lasting_port() -> int:
    """Return a free port that no outgoing connection is given by chance before the bot listens there."""
    while True:
        with socket.socket() as one, suppress(OSError):
            port = random.randrange(10_000, 30_000)  # noqa: S311 - no secret
            one.bind((LOOPBACK, port))
            return port


@asynccontextmanager
async def visited(directory: Path, **sections: list[str]) -> AsyncIterator[Visit]:
    """Prepare a bot that Olga's pages look at; the test starts it."""
    port, parts = _lasting_port(), list[Health]()

    def built(*arguments: object, **options: object) -> Health:
        one = Health(*arguments, **options)  # type: ignore[arg-type]
        parts.append(one)
        return one

    sections["web"] = [f'listen = "{LOOPBACK}:{port}"']
    async with AsyncExitStack() as exits:
        patch = exits.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(app, "Health", built)
        stack = await exits.enter_async_context(open_stack(directory, **sections))
        yield Visit(stack, await exits.enter_async_context(ClientSession()), port, parts)


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visited(tmp_path) as one:
        one.stack.start()
        await one.is_green()
        yield one


@pytest.fixture
async def watching(visit: Visit) -> Visit:
    await visit.stack.watches()
    return visit


async def test_a_bot_that_sees_and_tells_is_green(watching: Visit) -> None:
    assert (await watching.get("/readyz"))[0] == 200
    assert (await watching.get("/healthz"))[0] == 200


# ---------------------------------------------------------------- it does not see


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (AnswerHtml(status=503), "the indexer has been silent for"),
        (DropConnection(), "the indexer has been silent for"),
        (REFUSED_KEY, "the indexer refuses to answer: The indexer refused the access key"),
        (NO_QUOTA, "the indexer refuses to answer: The quota of the indexer project is used up"),
        (AnswerHtml(status=404), "the indexer refuses to answer: No Indexer Gateway answers"),
    ],
)
async def test_a_source_in_trouble_is_told_until_it_answers(
    watching: Visit, fault: GatewayFault, words: str
) -> None:
    watching.stack.gateway.faults.add(fault)
    await watching.is_red(words)

    watching.stack.gateway.faults.heal()

    await watching.is_green()


async def test_a_gateway_that_is_gone_is_told_and_no_restart_asked_for(tmp_path: Path) -> None:
    async with visited(tmp_path, indexer=[f'url = "http://{LOOPBACK}:{_free_port()}"']) as visit:
        visit.stack.start()

        await visit.is_red("the indexer has not answered yet")


async def test_before_the_first_sweep_nothing_is_seen(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        visit.stack.gateway.faults.add(Delay(seconds=30, method="GetTokenBalancesSummary"))
        visit.stack.start()
        await visit.is_green()
        visit.stack.say(f"/watch {CHECKSUMMED} as Treasury")

        await visit.is_red("no sweep has finished for")


def test_silence_is_three_intervals_or_two_sweeps_or_a_quarter_of_a_minute_whatever_is_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()

    def silence(interval: float, seen_seconds: float, took_seconds: float = 0.0) -> float:
        last = LastSweep(ended_at=NOON, seen_seconds=seen_seconds, took_seconds=took_seconds)
        return progress.silence_seconds(interval, last)

    assert silence(1, 0) == progress.silence_seconds(1, None) == 15
    assert silence(60, 0) == 180
    assert silence(60, 100) == 200
    assert silence(1, 1, took_seconds=300) == 15, "time limits of an outage make no patience"


# ---------------------------------------------------------------- it does not hear, or does not tell


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (before(Error(401, "Unauthorized")), "Telegram refuses the token"),
        (before(Error(404, "Not Found")), "Telegram refuses the token"),
        (before(ProxyPage(502)), "Telegram can't be reached"),
        (before(Close()), "Telegram can't be reached"),
        (before(Garbage()), "what Telegram answers can't be read"),
    ],
)
async def test_a_telegram_in_trouble_is_told_until_it_answers(
    watching: Visit, fault: TelegramFault, words: str
) -> None:
    watching.stack.telegram.fault(fault, method=None)
    watching.stack.say("/id")  # it ends the poll that is under way
    watching.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    await watching.is_red(f"nothing is received: {words}")

    watching.stack.telegram.heal()

    await watching.is_green()
    assert "+1 USDC" in (await watching.stack.hears("USDC")).text


async def test_a_telegram_that_takes_no_message_is_told_though_it_is_heard(watching: Visit) -> None:
    watching.stack.telegram.fault(before(Error(401, "Unauthorized")))
    watching.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    watching.stack.say("/id")

    await watching.is_red("nothing can be sent: Telegram refuses the token")
    assert not any("received" in reason for reason in await watching.reasons())

    watching.stack.telegram.heal()

    await watching.is_green()


async def test_a_chat_that_refuses_is_no_trouble_of_the_bot(watching: Visit) -> None:
    watching.stack.telegram.fault(before(Error(403, "Forbidden: bot was blocked by the user")))
    watching.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    for _ in range(3):
        watching.stack.say("/id")
    await watching.stack.asked(3)

    assert not any("sent" in reason for reason in await watching.reasons())


async def test_a_telegram_that_was_never_reached_is_told(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        visit.stack.telegram.fault(before(Close()), method=None)
        visit.stack.start()

        await visit.is_red("Telegram has not answered yet")


async def test_another_program_with_the_same_token_is_told_until_it_is_gone(watching: Visit) -> None:
    telegram = watching.stack.telegram
    other = build_bot(telegram.token, telegram.url)
    await other.initialize()

    async def poll_too() -> None:
        while True:
            with suppress(TelegramError):
                await other.get_updates(timeout=5)

    rival = asyncio.create_task(poll_too())
    await watching.is_red("another program receives with this token")
    rival.cancel()
    await asyncio.wait({rival})
    await other.shutdown()

    await watching.is_green()


async def test_a_webhook_of_another_deployment_is_told_and_left_alone(tmp_path: Path) -> None:
    webhook = {"url": "https://elsewhere.example/x", "has_custom_certificate": False}
    answer = json.dumps({"ok": True, "result": {**webhook, "pending_update_count": 0}})
    async with visited(tmp_path) as visit:
        visit.stack.telegram.fault(before(Garbage(answer)), method="getWebhookInfo")
        visit.stack.start()

        await visit.is_red("the token's updates go to a webhook at elsewhere.example")
        assert not any(call.method == "deleteWebhook" for call in visit.stack.telegram.calls)


# ---------------------------------------------------------------- it can't remember


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
async def test_a_full_disk_is_told_until_there_is_room_and_no_alert_is_lost(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        process = await visit.stack.start_process()
        await visit.is_green()
        await visit.stack.watches()
        limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
        visit.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
        await visit.is_red("the database can't be written")

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)

        await visit.is_green()
        assert "+1 USDC" in (await visit.stack.hears("USDC")).text
        assert sum("USDC" in moves(text) for text in visit.stack.said()) == 1


# ---------------------------------------------------------------- what a restart would cure


async def test_a_database_thread_that_hangs_is_told(visit: Visit) -> None:
    may_go_on = threading.Event()
    try:
        assert visit.health.db is not None
        visit.health.db._executor.submit(may_go_on.wait)

        hung = "the database thread gives no answer"
        await visit.sees(lambda reasons: hung in reasons, "/healthz")
        assert hung in await visit.reasons()
        assert "\nbalance_bot_database_up 0.0\n" in (await visit.get("/metrics"))[1]
    finally:
        may_go_on.set()

    await visit.sees(lambda reasons: not reasons, "/healthz")
    await visit.is_green()


async def test_a_worker_that_ended_is_told(visit: Visit) -> None:
    async def end() -> None:
        pass

    ended = asyncio.create_task(end())
    await ended
    visit.health.workers = {**visit.health.workers, "poller": ended}

    assert await visit.reasons("/healthz") == ["the poller has ended"]


async def test_an_event_loop_that_is_blocked_is_told(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.pages.ANSWER_SECONDS", 0.2)
    seen: list[list[str]] = []
    somebody = threading.Thread(target=lambda: asyncio.run(_look_from_elsewhere(visit.port, seen)))
    somebody.start()
    while somebody.is_alive():
        time.sleep(0.01)  # noqa: ASYNC251 - this is what blocks the loop

    assert seen == [["the event loop is blocked"]]
    assert await visit.reasons("/healthz") == []


async def _look_from_elsewhere(port: int, seen: list[list[str]]) -> None:
    async with ClientSession() as session, session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
        assert response.status == 503
        seen.append((await response.json())["reasons"])


# ---------------------------------------------------------------- the manual


def test_the_manual_explains_every_reason() -> None:
    manual = (ROOT / "docs" / "monitoring.md").read_text()
    source = "\n".join(path.read_text() for path in (ROOT / "bot" / "health").glob("*.py"))
    told = re.findall(r'(?:yield|yield from|Trouble|return|append) ?[\[(]*f?"([a-zA-Z][^"{]+)', source)

    assert len(told) >= 10
    assert [
        words for words in (*told, *TROUBLES.values(), BLOCKED) if words.rstrip(" :(") not in manual
    ] == []


# ---------------------------------------------------------------- how much of everything


async def test_the_metrics_count_what_happens_and_name_nobody(watching: Visit) -> None:
    watching.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await watching.stack.hears("USDC")
    await watching.stack.asked(2)

    wanted = (
        "balance_bot_ready 1.0",
        "balance_bot_changes_total 1.0",
        "balance_bot_messages_total 2.0",  # and the baseline
        'balance_bot_deliveries_total{outcome="sent"} 2.0',
        "balance_bot_possible_duplicates_total 0.0",
        "balance_bot_alerts_waiting 0.0",
        "balance_bot_alerts_oldest_seconds 0.0",
        'balance_bot_commands_total{command="watch"} 1.0',
        "balance_bot_accounts 1.0",
        "balance_bot_subscriptions 1.0",
        'balance_bot_rows_total{outcome="refused"} 0.0',
    )
    text = await _metrics_with(watching, wanted)

    for chain in ("mainnet", "polygon", "base"):
        assert f'balance_bot_chain_age_seconds{{chain="{chain}"}}' in text
    for outcome in ("seen", "idle"):
        assert f'balance_bot_sweeps_total{{result="{outcome}"}}' in text
    assert 'balance_bot_indexer_requests_total{method="GetTokenBalancesSummary",outcome="answered"}' in text
    assert 'balance_bot_telegram_requests_total{method="sendMessage",outcome="ok"}' in text
    for secret in (ACCOUNT, CHECKSUMMED, ACCOUNT[2:], "Treasury", "USDC", "AQAAAA", "AAF-"):
        assert secret not in text
    assert not re.search(rf"\b{OWNER}\b", text)  # a span of time may have these digits


async def test_the_metrics_show_what_waits_and_what_failed(watching: Visit) -> None:
    watching.stack.telegram.fault(before(ProxyPage(502)))
    watching.stack.gateway.faults.add(AnswerHtml(method=POLL, status=503, times=3))
    watching.stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    await _metrics_with(
        watching,
        (
            "balance_bot_alerts_waiting 1.0",
            'balance_bot_telegram_requests_total{method="sendMessage",outcome="unreachable"}',
            'balance_bot_deliveries_total{outcome="unknown"}',
            'balance_bot_indexer_requests_total{method="GetTokenBalancesSummary",outcome="unavailable"} 3.0',
        ),
    )
    text = (await watching.get("/metrics"))[1]
    (oldest,) = (line for line in text.splitlines() if line.startswith("balance_bot_alerts_oldest_seconds "))
    assert float(oldest.split()[1]) > 0


async def _metrics_with(visit: Visit, wanted: tuple[str, ...]) -> str:
    text = ""

    async def is_there() -> bool:
        nonlocal text
        text = (await visit.get("/metrics"))[1]
        return all(f"\n{line}" in text for line in wanted)

    await _until(is_there, lambda: f"missing: {[line for line in wanted if line not in text]}\n{text}")
    return text


async def _until(happened: Callable[[], Awaitable[bool]], explain: Callable[[], str]) -> None:
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while not await happened():  # noqa: ASYNC110 - pages tell nobody that they changed
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(explain()) from None


# ---------------------------------------------------------------- it does not list transfers

HISTORY: Final = "GetTransactionHistory"


@pytest.mark.parametrize(
    "fault",
    [
        Delay(seconds=HANG_SECONDS, method=HISTORY),
        DropConnection(method=HISTORY),
        CutBody(method=HISTORY),
        AnswerHtml(status=503, method=HISTORY),
        AnswerHtml(status=404, method=HISTORY),
        replace(REFUSED_KEY, method=HISTORY),
        replace(NO_QUOTA, method=HISTORY),
        AnswerError(name="RateLimited", code=1201, status=429, headers={"Retry-After": "60"}, method=HISTORY),
        FailHistory(chain_id=POLYGON),
    ],
    ids=["hangs", "drops", "cut", "503", "404", "key", "quota", "throttled", "chain"],
)
async def test_trouble_with_transfers_is_no_trouble_of_the_bot(tmp_path: Path, fault: GatewayFault) -> None:
    async with visited(tmp_path, delivery=["explain_wait_seconds = 0.1"]) as visit:
        stack = visit.stack
        stack.gateway.faults.add(fault)
        stack.start()
        await stack.watches()
        for number in range(1, 5):
            stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
            await stack.hears(f"→ {50 - number}")
        await until(lambda: any(call.method == HISTORY for call in stack.gateway.requests))
        await stack.asked(3)

        assert await visit.reasons() == []
        assert visit.health.source.counts.answered == visit.health.source.requests_sent
        assert not [text for text in stack.said() if "indexer" in text], "owners get no notice"
