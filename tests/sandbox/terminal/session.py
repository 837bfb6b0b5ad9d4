"""A terminal without a terminal: a test types, and looks at what is shown; no bot but what the test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from telegram import Bot

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from bot.sandbox.terminal.names import find_person, places
from bot.sandbox.terminal.scenario import scenario_telegram, scenario_world
from bot.sandbox.terminal.terminal import Terminal
from tests.waits import HANG_SECONDS


@dataclass
class ScriptedScreen:
    """A screen on which a test types."""

    shown: list[str] = field(default_factory=list)
    prompt: str = ""
    _typed: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    _asked: int = 0
    _changed: ChangeSignal = field(default_factory=ChangeSignal)

    def show(self, text: str) -> None:
        self.shown.append(text)
        self._changed.send()

    async def line(self, prompt: str) -> str:
        self.prompt = prompt
        self._asked += 1
        self._changed.send()
        line = await self._typed.get()
        if line is None:
            raise EOFError
        return line

    def put(self, line: str | None) -> None:
        """Type a line; None is Ctrl-D."""
        self._typed.put_nowait(line)

    async def types(self, line: str) -> str:
        """Type a line, and return what was shown until the next one was asked for."""
        await self._wait(lambda: self._asked or None)
        asked, before = self._asked, len(self.shown)
        self.put(line)
        await self._wait(lambda: self._asked > asked or None)
        return "\n".join(self.shown[before:])

    async def shows(self, text: str) -> str:
        """Return the first thing shown that contains a text."""
        return await self._wait(lambda: next((one for one in self.shown if text in one), None))

    async def _wait(self, look: Callable[[], object]) -> str:
        return str(await self._changed.wait_for(look, HANG_SECONDS))


@dataclass
class Pauses:
    """Pauses that end when the test says so, each kind known by its seconds."""

    _begun: Counter[float] = field(default_factory=Counter)
    _ended: Counter[float] = field(default_factory=Counter)
    _changed: ChangeSignal = field(default_factory=ChangeSignal)

    async def sleep(self, seconds: float) -> None:
        self._begun[seconds] += 1
        number = self._begun[seconds]
        self._changed.send()
        await self._changed.wait_for(lambda: self._ended[seconds] >= number or None)

    async def has_begun(self, seconds: float, number: int = 1) -> None:
        await self._changed.wait_for(lambda: self._begun[seconds] >= number or None, HANG_SECONDS)

    def end(self, seconds: float) -> None:
        self._ended[seconds] += 1
        self._changed.send()


@dataclass
class Session:
    """Everything that a terminal is about."""

    screen: ScriptedScreen
    telegram: Telegram
    gateway: Gateway
    bot: Bot
    pauses: Pauses
    running: asyncio.Task[None]

    @property
    def alice(self) -> User:
        return find_person(self.telegram, "alice")

    @property
    def bob(self) -> User:
        return find_person(self.telegram, "bob")

    @property
    def ops(self) -> Chat:
        return places(self.telegram)["ops-group"].chat

    @property
    def team(self) -> Chat:
        return places(self.telegram)["team"].chat

    def private(self, user: User) -> Chat:
        return self.telegram.chat(user.id)


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Serve a Telegram to a bot that does what the test says, and run a terminal beside it."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(scenario_telegram().serve())
        bot = await stack.enter_async_context(Bot(telegram.token, base_url=f"{telegram.url}/bot"))
        gateway, screen, pauses = Gateway(scenario_world()), ScriptedScreen(), Pauses()
        running = asyncio.create_task(Terminal(telegram, gateway, screen, pauses.sleep).run())
        yield Session(screen, telegram, gateway, bot, pauses, running)
        running.cancel()
        await asyncio.wait({running})
