"""The local Telegram server: serves the Bot API and the control, and is what tests call in this process.

It stands in for the real Bot API wherever the bot is tried, tested or measured without an account. It shares
no code with the bot, so that both can't be wrong in the same way.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.telegram.api.faults import FaultRules, Hang, TelegramFault, after, before
from bot.sandbox.telegram.api.limits import FloodRefusal, Limiter, Seconds, TelegramLimits
from bot.sandbox.telegram.api.methods import Methods, Toast
from bot.sandbox.telegram.api.routes import BotApi, BotCall
from bot.sandbox.telegram.control.faults import FaultActs
from bot.sandbox.telegram.control.routes import TelegramControl
from bot.sandbox.telegram.control.shown import Seen, seen_in
from bot.sandbox.telegram.world.clock import Clock, utc_now
from bot.sandbox.telegram.world.groups import Groups
from bot.sandbox.telegram.world.world import Chat, User

SANDBOX_TOKEN = "123456789:AAF-sandbox-token-for-local-use-only0"  # noqa: S105 - it opens nothing
SANDBOX_BOT = User(123456789, "Balance Bot", "balance_sandbox_bot", is_bot=True)
SANDBOX_USER_ID = 1000
USUAL_LIMITS = TelegramLimits()
MAX_UPLOAD_BYTES = 50 * 2**20

# Polls and held requests in progress are cut off at the end; nobody needs their answers any more.
CLOSING_SECONDS = 0.05


class Telegram(Groups):
    """A whole Telegram for one bot: people and chats, what they do, what goes wrong, and what was asked.

    `url` is the root of all addresses: the bot's methods are under `{url}/bot{token}/`, the control under
    `{url}/sandbox/`. It is empty until it serves.
    """

    def __init__(
        self,
        *,
        token: str = SANDBOX_TOKEN,
        bot: User = SANDBOX_BOT,
        clock: Clock = utc_now,
        max_request_bytes: int = MAX_UPLOAD_BYTES,
    ) -> None:
        super().__init__(bot, clock)
        self.token = token
        self.url = ""
        self._max_request_bytes = max_request_bytes
        self._runner: web.AppRunner | None = None
        self._refusal: asyncio.Task[None] | None = None
        self._faults = FaultRules()
        self._limiter = Limiter()
        self._methods = Methods(self, self._limiter)
        self._api = BotApi(token, self._methods, self._faults, self.clock)

    @property
    def calls(self) -> list[BotCall]:
        """Every request with the right token and a known method, oldest first."""
        return self._api.calls

    @property
    def floods(self) -> list[FloodRefusal]:
        """Every 429 caused by the bot's own pace, oldest first; those set as faults don't count."""
        return self._limiter.floods

    def enforce_limits(
        self, limits: TelegramLimits = USUAL_LIMITS, *, seconds: Seconds | None = None
    ) -> None:
        """Refuse what is above the limits, counted by the clock given or else by this Telegram's own."""
        self._limiter.enforce(limits, seconds or (lambda: self.now().timestamp()))

    def lift_limits(self) -> None:
        """Accept any number of messages again, as in the beginning."""
        self._limiter.lift()

    def fault(
        self,
        fault: TelegramFault,
        *,
        times: int | None = None,
        chat: Chat | None = None,
        method: str | None = "sendMessage",
    ) -> None:
        """Break the next `times` requests, or all until healed; None as method means any."""
        self._faults.add(fault, times=times, chat_id=chat.id if chat else None, method=method)

    def hold_before(self, *, chat: Chat | None = None, method: str = "sendMessage") -> Hang:
        """Hold the next request before it is accepted."""
        hold = Hang()
        self.fault(before(hold), times=1, chat=chat, method=method)
        return hold

    def hold_after(self, *, chat: Chat | None = None, method: str = "sendMessage") -> Hang:
        """Accept the next request and hold its answer."""
        hold = Hang()
        self.fault(after(hold), times=1, chat=chat, method=method)
        return hold

    def seen(self, chat: Chat, thread_id: int | None = None) -> Seen:
        """Return what a person sees of the bot in a chat, or in one topic of it."""
        return seen_in(self, chat, thread_id)

    def menu(self, user: User, chat: Chat, language: str = "") -> list[dict[str, object]]:
        """Return the commands that a person sees in a chat."""
        return self._methods.commands.shown(chat, user, language)

    def heal(self, *, chat: Chat | None = None, method: str | None = None) -> None:
        """Remove the faults set for this chat and method, or all; held requests go on."""
        self._faults.heal(chat_id=chat.id if chat else None, method=method)

    async def wait_for_toast(self, query_id: str, *, timeout_seconds: float = 60) -> Toast:
        """Wait for the bot's answer to the press of a button."""
        return await self._methods.toasted.wait_for(
            lambda: self._methods.toasts.get(query_id), timeout_seconds
        )

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Answer on a loopback address until the block ends; port 0 is any free one.

        Outside the block connections are refused. It may be served again, on the same port too, with
        everything as it was: that is a Telegram that was down and is back.
        """
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the sandbox is for this machine only, and {host} is no loopback address")
        await self._open(host, port)
        try:
            yield self
        finally:
            if self._refusal is not None:
                self._refusal.cancel()
            await self._close()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Cut all connections and refuse new ones until the block ends; the port stays the same."""
        address = urlsplit(self.url)
        await self._close()
        yield
        await self._open(str(address.hostname), int(address.port or 0))

    def refuse_for(self, seconds: float) -> None:
        """Refuse all connections for a while, for callers over HTTP: they couldn't ask for the end of it."""
        # Kept in a field: the loop only holds weak references to tasks.
        self._refusal = asyncio.create_task(self._refuse(seconds))

    async def _refuse(self, seconds: float) -> None:
        async with self.refusing():
            await asyncio.sleep(seconds)

    async def _open(self, host: str, port: int) -> None:
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=CLOSING_SECONDS)
        self._runner = runner
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self.url = site.name

    async def _close(self) -> None:
        # Closed once, though `refusing` and the end of `serve` may both ask for it.
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=self._max_request_bytes)
        control = TelegramControl(
            self,
            api=self._api,
            methods=self._methods,
            troubles=FaultActs(self, self._faults, self._limiter, self.refuse_for),
        )
        application.add_routes([*control.routes(), *self._api.routes()])
        return application


def example_telegram() -> Telegram:
    """Build a Telegram with one person, Alice, in a private chat with the bot."""
    telegram = Telegram()
    telegram.add_private_chat(telegram.add_user("Alice", user_id=SANDBOX_USER_ID, username="you"))
    return telegram
