"""The connection to Telegram: one `Bot`, with the time limits that keep outcomes known."""

import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx
from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.chat.telegram.errors import RequestResult, failure_of
from bot.chat.telegram.stats import RequestStats
from bot.chat.telegram.transport import TelegramRequest

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 15.0
READ_SECONDS = 30.0
"""Long: a throttled server pauses by itself, and a read given up is an outcome unknown (telegram.md 3.2)."""

POOL_SECONDS = 5.0


class TelegramBot(Bot):
    """The library's client, which counts what becomes of its requests and gives updates as they came."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        base_file_url: str,
        request: HTTPXRequest,
        get_updates_request: HTTPXRequest,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            token,
            base_url=base_url,
            base_file_url=base_file_url,
            request=request,
            get_updates_request=get_updates_request,
        )
        self._stats = RequestStats()
        self._monotonic = monotonic

    @property
    def stats(self) -> RequestStats:
        """What became of all requests since the start."""
        return self._stats

    async def raw_updates(
        self, *, offset: int | None, timeout_seconds: int, patience_seconds: float, kinds: Sequence[str]
    ) -> object:
        """Return what `getUpdates` says, unread: one update that can't be read must not hide the others."""
        asked = {"offset": offset, "timeout": timeout_seconds, "allowed_updates": kinds}
        return await self._post("getUpdates", asked, read_timeout=timeout_seconds + patience_seconds)

    async def _do_post(self, endpoint: str, data: dict[str, Any], **timeouts: Any) -> Any:  # noqa: ANN401 - as the library has it
        """Carry one request, the one way they all take; the types are the library's."""
        try:
            result = await super()._do_post(endpoint, data, **timeouts)
        except Exception as error:
            self._stats.count(endpoint, failure_of(error).result, self._monotonic())
            raise
        self._stats.count(endpoint, RequestResult.OK, self._monotonic())
        return result


def build_bot(token: str, api_url: str) -> TelegramBot:
    """Return a bot that speaks to the API under this root, which the official server and others share."""
    os.environ["PTB_TIMEDELTA"] = "1"  # spans of time as such: the library warns at each one otherwise

    def request(pool: int) -> HTTPXRequest:
        return TelegramRequest(
            connection_pool_size=pool,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            write_timeout=WRITE_SECONDS,
            pool_timeout=POOL_SECONDS,
            httpx_kwargs={"verify": _trusted()},
        )

    return TelegramBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=request(64),
        get_updates_request=request(1),
    )


@cache
def _trusted() -> SSLContext:
    """Return whom connections trust; reading all the certificates there are takes 50 ms each time."""
    return httpx.create_ssl_context()


class TokenRefused(Exception):
    """Telegram does not know the bot's token: check telegram.token with @BotFather."""


async def introduce(bot: Bot) -> bool:
    """Ask Telegram who the bot is; False: it gives no answer now. Raises TokenRefused.

    Until it has answered, the bot does not know its own name. The library's error
    holds the token and is not passed on (telegram.md 4.4).
    """
    try:
        await bot.initialize()
    except InvalidToken:
        raise TokenRefused(TokenRefused.__doc__) from None
    except TelegramError:
        return False
    return True
