"""The whole program in a process of its own, between neighbours that keep the time of what they are asked."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.assets import Address
from bot.domain.chat.audit import Actor
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, example_world
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Chat
from bot.store.chats import subscriptions
from bot.store.chats.chats import allow
from tests.benchmarks.poller import open_database
from tests.benchmarks.processes import ended
from tests.builders import VERIFIED

POLYGON = 137
USDC = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
LOOK_SECONDS = 0.02
LONGEST_SECONDS = 120.0
INTERVAL_SECONDS = 0.1
ACCESS_KEY = "bench"
UNLIMITED = ("group_wait_seconds = 0", "private_messages_per_second = 1000", "messages_per_second = 1000")
"""What the configuration says of delivery so that nothing waits."""
OWNER = Actor(None, "the bench", datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Bench:
    """A gateway whose world moves at will, and a Telegram in which chats watch one account of it."""

    gateway: Gateway
    telegram: Telegram
    directory: Path
    name: str

    def move(self) -> int:
        """Let the watched account gain a dollar, and return what it holds then, in whole ones."""
        self.gateway.world.move(POLYGON, USDC, EXAMPLE_ACCOUNT, 1_000_000)
        return self.gateway.world.token(POLYGON, USDC, EXAMPLE_ACCOUNT) // 1_000_000

    async def watch(self, chats: Sequence[Chat]) -> None:
        """Let chats watch the account, before the program is started."""
        async with open_database(self.database) as db:
            for chat in chats:
                place = Place(chat.id, chat.type, chat.title)
                await db.run(allow, place, OWNER)
                await db.run(
                    subscriptions.subscribe,
                    place,
                    [WatchSpec(Address(EXAMPLE_ACCOUNT))],
                    OWNER,
                    limit=1,
                    status=VERIFIED,
                )

    @asynccontextmanager
    async def running(self, *delivery: str, interval_seconds: float = INTERVAL_SECONDS) -> AsyncIterator[int]:
        """Run the program, with what its configuration says of delivery; yields its process id."""
        config = self.directory / f"{self.name}.toml"
        config.write_text(self._configuration(delivery, interval_seconds))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(config)), stderr=asyncio.subprocess.DEVNULL
        )
        async with ended(process):
            yield process.pid
            if process.returncode is not None:
                raise RuntimeError(f"the bot ended with status {process.returncode}")

    def said(self, chat: Chat) -> str:
        """Return all that stands in a chat."""
        return "\n".join(message.text for message in self.telegram.messages(chat))

    @property
    def database(self) -> Path:
        """Where the program keeps its database."""
        return self.directory / f"{self.name}.sqlite3"

    def _configuration(self, delivery: Sequence[str], interval_seconds: float) -> str:
        return "\n".join(
            [
                "[telegram]",
                f'token = "{SANDBOX_TOKEN}"',
                f'api_url = "{self.telegram.url}"',
                "[indexer]",
                f'url = "{self.gateway.url}"',
                f'access_key = "{ACCESS_KEY}"',
                f"poll_interval_seconds = {interval_seconds}",
                "[store]",
                f'path = "{self.database}"',
                "[delivery]",
                *delivery,
                "[web]",
                'listen = ""',
            ]
        )


@asynccontextmanager
async def open_bench(directory: Path, name: str) -> AsyncIterator[Bench]:
    """Serve both neighbours until the block ends."""
    gateway = Gateway(example_world(), access_keys=frozenset({ACCESS_KEY}))
    telegram = Telegram()
    async with gateway.serve(), telegram.serve():
        yield Bench(gateway, telegram, directory, name)


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what the neighbours see; raises TimeoutError where that takes too long."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not happened():  # noqa: ASYNC110 - the neighbours tell nobody
            await asyncio.sleep(LOOK_SECONDS)
