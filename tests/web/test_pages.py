"""The pages, over real HTTP and from a thread of their own."""

import asyncio
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout

from bot.web import pages
from bot.web.connection_limit import MOST_CONNECTIONS
from bot.web.pages import BLOCKED, CannotListen, Findings, serve_pages
from bot.web.stats import BotStats
from tests.program import ROOT
from tests.waits import HANG_SECONDS

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

    async def counts(self) -> BotStats:
        return BotStats("1.2.3", len(self.unhealthy), len(self.not_ready))

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
    async with asyncio.timeout(HANG_SECONDS), ClientSession() as session:
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
            with urllib.request.urlopen(
                f"http://{LOOPBACK}:{visitor.port}{path}", timeout=HANG_SECONDS
            ) as answer:
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


# ---------------------------------------------------------------- who opens connections and asks for nothing


WHOLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def half_open(port: int, head: bytes = b"GET /healthz HTT") -> socket.socket:
    one = socket.create_connection((LOOPBACK, port), timeout=HANG_SECONDS)
    one.sendall(head)
    return one


async def is_closed(one: socket.socket) -> bool:
    """Whether the other side ends a connection, sooner or later."""
    try:
        return await asyncio.to_thread(one.recv, 1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_does_not_come_to_its_end_ends_the_connection(bot: Bot, head: bytes) -> None:
    async with serve_pages(LOOPBACK, 0, bot.findings, head_seconds=0.2) as port:
        with half_open(port, head) as one:
            assert await is_closed(one)


async def test_a_head_that_comes_in_two_pieces_is_answered(bot: Bot) -> None:
    async with serve_pages(LOOPBACK, 0, bot.findings) as port:
        with half_open(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r") as one:
            one.sendall(b"\n")

            assert b"200 OK" in await asyncio.to_thread(one.recv, 1000)


async def test_who_asks_for_nothing_makes_way_for_the_next_one(bot: Bot) -> None:
    serving = serve_pages(LOOPBACK, 0, bot.findings, head_seconds=1000)
    async with serving as port, ClientSession() as session:
        idle = [half_open(port) for _ in range(MOST_CONNECTIONS)]

        async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
            assert response.status == 200

        assert await is_closed(idle[0])
        idle[-1].settimeout(0)
        with pytest.raises(BlockingIOError):
            idle[-1].recv(1)
        for one in idle:
            one.close()


async def test_nobody_who_waits_for_an_answer_makes_way(bot: Bot) -> None:
    may_answer, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def answers_late() -> list[str]:
        asked.release()
        await may_answer.wait()
        return []

    findings = replace(bot.findings, unhealthy=answers_late)
    async with serve_pages(LOOPBACK, 0, findings) as port:
        waiting = [half_open(port, WHOLE) for _ in range(MOST_CONNECTIONS)]
        for _ in waiting:
            await asked.acquire()
        with half_open(port, WHOLE) as one_too_many:
            assert await is_closed(one_too_many)
        may_answer.set()

        for one in waiting:
            assert b"200 OK" in await asyncio.to_thread(one.recv, 1000)
            one.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_a_body_that_does_not_come_keeps_nobody_out(bot: Bot, head: bytes) -> None:
    async with serve_pages(LOOPBACK, 0, bot.findings) as port, ClientSession() as session:
        crowd = [half_open(port, head) for _ in range(MOST_CONNECTIONS)]
        for one in crowd:
            await asyncio.to_thread(one.recv, 1000)

        async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
            assert response.status == 200
        for one in crowd:
            one.close()


CROWDED = """
import asyncio, resource, sys
from bot.logs import set_up_logs
from tests.web.test_pages import Bot
from bot.web.pages import serve_pages
from tests.waits import HANG_SECONDS

resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
set_up_logs("INFO", "text", [])

async def main():
    async with serve_pages("127.0.0.1", 0, Bot().findings, head_seconds=1000) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def test_more_connections_than_there_are_descriptors_keep_nobody_out_and_fill_no_log() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CROWDED, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    crowd = [half_open(port) for _ in range(400)]

    async with ClientSession(timeout=ClientTimeout(HANG_SECONDS)) as session:
        for _ in range(3):
            async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
                assert response.status == 200
        for one in crowd:
            one.close()
        async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
            assert response.status == 200
    _, err = await process.communicate(b"")
    assert process.returncode == 0
    assert len(err) < 20_000
