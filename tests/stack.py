"""The whole bot between its two neighbours, over real local HTTP and a real database."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg

from bot import app
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, GatewayWorld, example_world
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Chat, Message, User
from bot.settings.load import load_settings
from bot.wiring import Now, clock
from tests import postgres_server
from tests.fork_server import REACHED, BotProcess, ForkServer, open_fork_server
from tests.new_database import put_new_database
from tests.waits import HANG_SECONDS, until

OWNER = 7001
ACCESS_KEY = "AQAAAAAAAStackTestKey"
POLL: Final = "GetTokenBalancesSummary"
"""What sweeps ask; the gateway is asked for prices and transfers beside that."""

ACCOUNT = EXAMPLE_ACCOUNT
CHECKSUMMED = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
SHORT = "0x8e3E…d8B9"

ETHEREUM, POLYGON, ARBITRUM, BASE, OPTIMISM = 1, 137, 42161, 8453, 10
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
USDC_POLYGON = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
USDC_ARBITRUM = "0xaf88d065e77c8cc2239327c5edb3a432268e5831"
SKYWEAVER = "0x631998e91476da5b870d741192fc5cbc55f5a52e"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"


@dataclass
class Stack:
    """Two neighbours, an owner called Olga in her private chat, and a bot that can be started and stopped."""

    directory: Path
    gateway: Gateway
    telegram: Telegram
    olga: User
    chat: Chat
    store_url: str | None = None
    """The server that holds the database; None: a file does."""
    lines: dict[str, list[str]] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    """What whoever started the bot read on the screen."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: asyncio.Task[None] | None = None
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    _fork_server: ForkServer | None = None
    _heard: dict[int, int] = field(default_factory=dict)

    @property
    def world(self) -> GatewayWorld:
        """The world the gateway shows."""
        return self.gateway.world

    @property
    def config(self) -> Path:
        """The configuration as an operator would write it."""
        sections: dict[str, list[str]] = {
            "telegram": [f'token = "{SANDBOX_TOKEN}"', f'api_url = "{self.telegram.url}"'],
            "indexer": [
                f'url = "{self.gateway.url}"',
                f'access_key = "{ACCESS_KEY}"',
                "poll_interval_seconds = 0.1",
                "timeout_seconds = 5",
            ],
            "store": [f'path = "{self.directory / "data" / "bot.sqlite3"}"']
            if self.store_url is None
            else [f'url = "{self.store_url}"'],
            "access": [f"owners = [{OWNER}]"],
            "delivery": [
                "group_wait_seconds = 0.05",
                "explain_wait_seconds = 0",
                "private_messages_per_second = 1000",
                "messages_per_second = 1000",
                "group_messages_per_minute = 1000",
            ],
            "web": ['listen = ""'],
        }
        for section, more in self.lines.items():
            keys = {line.split("=")[0].strip() for line in more}
            kept = [line for line in sections.get(section, []) if line.split("=")[0].strip() not in keys]
            sections[section] = kept + more
        text = "\n".join(f"[{name}]\n" + "\n".join(lines) for name, lines in sections.items())
        path = self.directory / "config.toml"
        path.write_text(text)
        return path

    def start(self, *, before_sweep: Callable[[], object] = lambda: None, now: Now | None = None) -> None:
        """Start the bot in this process; in one of its own it makes its first database itself."""
        data = self.directory / "data"
        if self.store_url is None and not data.exists():
            data.mkdir(mode=0o700)
            put_new_database(data / "bot.sqlite3")
        # One time for all: a price says of when it is, and transfers are listed for a month.
        self.world.clock = self.gateway.clock = now or clock
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(
            app.run(
                load_settings(self.config),
                self._stop,
                self.announced.append,
                before_sweep=before_sweep,
                now=now,
            )
        )

    async def start_process(self, stand_still_at: str | None = None, clock_ahead: float = 0) -> BotProcess:
        """Start the bot as a program of its own, which can be killed: anywhere, or where it stands still.

        Its time of day may be ahead by some seconds.
        """
        if self._fork_server is None:
            self._fork_server = await self._exits.enter_async_context(open_fork_server())
        self.reached.unlink(missing_ok=True)
        return await self._fork_server.start(self.config, stand_still_at, clock_ahead)

    @property
    def reached(self) -> Path:
        """The file that is there once a bot stands still."""
        return self.directory / REACHED

    @property
    def log(self) -> str:
        """All that bots in processes of their own have logged so far."""
        return "" if self._fork_server is None else "".join(self._fork_server.log)

    async def kill(self, process: BotProcess) -> None:
        """End a process as `kill -9` does, whatever it is doing."""
        process.kill()
        await process.wait()

    async def stop(self) -> None:
        """Ask the bot to stop, as SIGTERM does, and see it end."""
        if self._running is not None:
            self._stop.set()
            running, self._running = self._running, None
            await running

    def say(
        self,
        text: str,
        *,
        chat: Chat | None = None,
        user: User | None = None,
        topic: int | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """Let somebody write, Olga in her chat unless named."""
        return self.telegram.says(
            user or self.olga, chat or self.chat, text, thread_id=topic, reply_to=reply_to
        )

    async def hears(self, wanted: str | Callable[[Message], bool], *, chat: Chat | None = None) -> Message:
        """Return the next message of the bot, after those heard before, that contains a text."""
        chat = chat or self.chat
        message = await self.telegram.wait_for_message(
            chat, wanted, after=self._heard.get(chat.id, 0), timeout_seconds=HANG_SECONDS
        )
        self._heard[chat.id] = message.message_id
        return message

    async def presses(self, message: Message, button: str, *, user: User | None = None) -> str:
        """Let somebody press a button, Olga unless named, and return what they are told for a moment."""
        query = self.telegram.presses(user or self.olga, message, button)
        return (await self.telegram.wait_for_toast(query, timeout_seconds=HANG_SECONDS)).text

    async def forges(self, message: Message, data: str, *, user: User | None = None) -> str:
        """Let somebody press what no button says, and return what they are told for a moment."""
        query = self.telegram.presses_unshown(user or self.olga, message, data)
        return (await self.telegram.wait_for_toast(query, timeout_seconds=HANG_SECONDS)).text

    async def shows(self, message: Message, wanted: str) -> Message:
        """Wait until a message shows a text, and return it as it is then."""
        chat = self.telegram.chat(message.chat_id)
        await until(lambda: wanted in chat.messages[message.message_id].text)
        return chat.messages[message.message_id]

    async def watches(self, command: str = f"/watch {CHECKSUMMED} as Treasury") -> Message:
        """Let Olga watch something, and wait for the first reading."""
        self.say(command)
        await self.hears("Watching")
        return await self.hears("Watching")

    def said(self, chat: Chat | None = None) -> list[str]:
        """Return all that the bot said in a chat."""
        return [message.text for message in self.telegram.messages(chat or self.chat) if message.from_bot]

    def lists_transfers(self, wait: float = 60) -> None:
        """Let the gateway list transfers, as it does not without, and alerts wait so long for them."""
        self.gateway.knobs = replace(self.gateway.knobs, history_lag_seconds=0)
        self.lines["delivery"] = [*self.lines.get("delivery", ()), f"explain_wait_seconds = {wait}"]

    async def explained(self) -> None:
        """Wait until the transfers of every change so far were asked for."""
        await until(lambda: self.rows(_UNEXPLAINED) == [(0,)])

    def rows(self, sql: str, *values: int | str) -> list[tuple[Any, ...]]:
        """Execute a statement beside the bot, and return the rows it gives."""
        if self.store_url is not None:
            with psycopg.connect(self.store_url) as server:
                cursor = server.execute(sql.replace("%", "%%").replace("?", "%s").encode(), values)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.directory / "data" / "bot.sqlite3")) as file, file:
            return file.execute(sql, values).fetchall()

    async def asked(self, more: int = 1) -> None:
        """Wait until the gateway was asked for balances this many times more."""
        wanted = self.balance_requests() + more
        await until(lambda: self.balance_requests() >= wanted)

    async def knocked(self) -> None:
        """Wait until both neighbours were asked for something."""
        await until(lambda: bool(self.gateway.requests and self.telegram.calls))

    def balance_requests(self) -> int:
        """Return how often the gateway was asked for balances."""
        return sum(request.method == POLL for request in self.gateway.requests)


LISTS_NOTHING = Knobs(history_lag_seconds=1e9)
"""What an alert says must not depend on which is faster, unless a test is about that."""

_UNEXPLAINED = """
SELECT count(*) FROM change
WHERE ask_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM explanation e WHERE e.change_id = change.id)
"""


def buttons_of(message: Message) -> list[str]:
    """Return what the buttons of a message say, in their order."""
    return [button.text for row in message.buttons for button in row]


@asynccontextmanager
async def open_stack(
    directory: Path,
    world: GatewayWorld | None = None,
    store_url: str | None = None,
    /,
    **sections: list[str],
) -> AsyncIterator[Stack]:
    """Build the neighbours; the bot is started by the test, and stopped here at the latest.

    Without `store_url` the database is a file, or on the server that this run of tests is about.
    """
    if store_url is None and postgres_server.FOR_STACKS is not None:
        store_url = postgres_server.FOR_STACKS.empty_database()
    telegram = Telegram()
    olga = telegram.add_user("Olga", user_id=OWNER)
    chat = telegram.add_private_chat(olga)
    async with AsyncExitStack() as exits:
        gateway = await exits.enter_async_context(
            Gateway(world or example_world(), LISTS_NOTHING, access_keys=frozenset({ACCESS_KEY})).serve()
        )
        await exits.enter_async_context(telegram.serve())
        stack = Stack(directory, gateway, telegram, olga, chat, store_url, lines=sections, _exits=exits)
        exits.push_async_callback(stack.stop)
        yield stack
