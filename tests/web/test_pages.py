"""The pages, over real HTTP and from a thread of their own."""

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientConnectionError, ClientSession

from bot.web import pages
from bot.web.figures import Figures
from bot.web.pages import BLOCKED, CannotListen, Findings, serve_pages

LOOPBACK = "127.0.0.1"


@dataclass
class Bot:
    """What is wrong with a bot, as it finds out itself."""

    unhealthy: list[str] = field(default_factory=list)
    not_ready: list[str] = field(default_factory=list)

    async def is_unhealthy(self) -> list[str]:
        return self.unhealthy

    async def is_not_ready(self) -> list[str]:
        return self.not_ready

    async def counts(self) -> Figures:
        return Figures("1.2.3", len(self.unhealthy), len(self.not_ready))

    @property
    def findings(self) -> Findings:
        return Findings(self.is_unhealthy, self.is_not_ready, self.counts)


@dataclass
class Visitor:
    """Somebody who looks at the pages."""

    session: ClientSession
    port: int

    async def get(self, path: str) -> tuple[int, object]:
        async with self.session.get(f"http://{LOOPBACK}:{self.port}{path}") as response:
            return response.status, await response.json()

    async def status(self, method: str, path: str) -> int:
        async with self.session.request(method, f"http://{LOOPBACK}:{self.port}{path}") as response:
            return response.status


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest.fixture
async def visitor(bot: Bot) -> AsyncIterator[Visitor]:
    async with serve_pages(LOOPBACK, 0, bot.findings) as port, ClientSession() as session:
        yield Visitor(session, port)


async def test_a_sound_bot_is_healthy_and_ready(visitor: Visitor) -> None:
    assert await visitor.get("/healthz") == (200, {"ok": True, "reasons": []})
    assert await visitor.get("/readyz") == (200, {"ok": True, "reasons": []})


async def test_a_bot_that_does_not_see_is_not_ready_and_yet_healthy(bot: Bot, visitor: Visitor) -> None:
    bot.not_ready = ["nothing seen for 200 s", "Telegram has not answered yet"]

    assert await visitor.get("/readyz") == (503, {"ok": False, "reasons": bot.not_ready})
    assert await visitor.get("/healthz") == (200, {"ok": True, "reasons": []})


async def test_a_bot_that_a_restart_would_cure_is_unhealthy(bot: Bot, visitor: Visitor) -> None:
    bot.unhealthy = ["the poller has ended"]

    assert await visitor.get("/healthz") == (503, {"ok": False, "reasons": ["the poller has ended"]})


async def test_each_look_finds_out_anew(bot: Bot, visitor: Visitor) -> None:
    bot.not_ready = ["nothing seen"]
    assert await visitor.status("GET", "/readyz") == 503

    bot.not_ready = []
    assert await visitor.status("GET", "/readyz") == 200


async def test_only_looking_is_possible_and_only_at_these_pages(visitor: Visitor) -> None:
    assert await visitor.status("HEAD", "/healthz") == 200
    assert await visitor.status("POST", "/healthz") == 405
    assert await visitor.status("GET", "/") == 404


async def test_the_pages_close_with_their_block(bot: Bot) -> None:
    async with ClientSession() as session:
        async with serve_pages(LOOPBACK, 0, bot.findings) as port:
            assert await Visitor(session, port).status("GET", "/healthz") == 200

        with pytest.raises(ClientConnectionError):
            await Visitor(session, port).status("GET", "/healthz")


async def test_a_page_that_hangs_does_not_keep_the_others_nor_the_end_waiting(bot: Bot) -> None:
    looked = asyncio.Event()

    async def find_out_for_ever() -> list[str]:
        looked.set()
        await asyncio.Event().wait()
        return []

    findings = Findings(find_out_for_ever, bot.is_not_ready, bot.counts)
    async with asyncio.timeout(20), ClientSession() as session:
        async with serve_pages(LOOPBACK, 0, findings) as port:
            visitor = Visitor(session, port)
            hanging = asyncio.create_task(visitor.status("GET", "/healthz"))
            await looked.wait()
            assert await visitor.status("GET", "/readyz") == 200

        with pytest.raises(ClientConnectionError):
            await hanging


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_blocked_event_loop_is_told(
    visitor: Visitor, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ANSWER_SECONDS", 0.2)
    seen: list[tuple[int, str]] = []

    def look() -> None:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{visitor.port}{path}", timeout=20) as answer:
                seen.append((answer.status, answer.read().decode()))
        except urllib.error.HTTPError as refused:
            with refused:
                seen.append((refused.code, refused.read().decode()))

    somebody = threading.Thread(target=look)
    somebody.start()
    while somebody.is_alive():
        time.sleep(0.01)  # noqa: ASYNC251 - this is what blocks the loop

    ((status, text),) = seen
    assert status == 503
    assert BLOCKED in text
    assert await visitor.status("GET", path) == 200, "and it is not once it runs again"


async def test_the_metrics_are_text_for_prometheus(bot: Bot, visitor: Visitor) -> None:
    bot.not_ready = ["nothing seen"]

    async with visitor.session.get(f"http://{LOOPBACK}:{visitor.port}/metrics") as response:
        text = await response.text()

    assert response.status == 200
    assert response.content_type == "text/plain"
    assert "\nbalance_bot_ready 0.0\n" in text
    assert "\nbalance_bot_healthy 1.0\n" in text


async def test_an_address_that_is_taken_is_named(bot: Bot, visitor: Visitor) -> None:
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{visitor.port} .*web\.listen"):
        async with serve_pages(LOOPBACK, visitor.port, bot.findings):
            pass


async def test_an_address_of_another_machine_is_named(bot: Bot) -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:0"):
        async with serve_pages("192.0.2.1", 0, bot.findings):
            pass
