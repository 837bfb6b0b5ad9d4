"""The library's client for the Bot API: with our time limits, counted, and giving updates unparsed."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.chat.telegram.errors import RequestResult, failure_of
from bot.chat.telegram.stats import RequestStats
from bot.chat.telegram.transport import FileTooLarge, TelegramRequest, Unreadable, proxy_for

REQUESTS_AT_ONCE = 64


class TelegramBot(Bot):
    """The library's client, which also counts its requests and can return updates unparsed."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        base_file_url: str,
        request: TelegramRequest,
        get_updates_request: TelegramRequest,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            token,
            base_url=base_url,
            base_file_url=base_file_url,
            request=request,
            get_updates_request=get_updates_request,
        )
        self._files = request
        self._stats = RequestStats()
        self._monotonic = monotonic

    @property
    def stats(self) -> RequestStats:
        """The counts of all requests since the start."""
        return self._stats

    async def raw_updates(
        self, *, offset: int | None, timeout_seconds: int, patience_seconds: float, kinds: Sequence[str]
    ) -> object:
        """Return the result of `getUpdates` unparsed, so that one bad update hides no other."""
        asked = {"offset": offset, "timeout": timeout_seconds, "allowed_updates": kinds}
        return await self._post("getUpdates", asked, read_timeout=timeout_seconds + patience_seconds)

    async def download(self, file_id: str, most_bytes: int) -> bytes:
        """Return what is in a file that somebody sent; raises FileTooLarge, or an error of the library.

        The token is a part of the address that Telegram hands files out at, and of no error.
        """
        found = await self._post("getFile", {"file_id": file_id})
        path, size = (found.get("file_path"), found.get("file_size")) if isinstance(found, dict) else ("", 0)
        if not isinstance(path, str) or not path:
            raise Unreadable("it says of no place to fetch the file from")
        if isinstance(size, int) and size > most_bytes:
            raise FileTooLarge
        content = await self._files.fetch(f"{self.base_file_url}/{path}", most_bytes)
        if isinstance(size, int) and len(content) < size:
            raise Unreadable("the file is cut")
        return content

    async def _do_post(self, endpoint: str, data: dict[str, Any], **timeouts: Any) -> Any:  # noqa: ANN401 - as the library has it
        """Make one request, and count it; all of them pass here. The types are the library's."""
        try:
            result = await super()._do_post(endpoint, data, **timeouts)
        except Exception as error:
            self._stats.count(endpoint, failure_of(error).result, self._monotonic())
            raise
        self._stats.count(endpoint, RequestResult.OK, self._monotonic())
        return result


def build_bot(token: str, api_url: str) -> TelegramBot:
    """Return a client of the Bot API server at this address; raises ProxyUnusable."""
    proxy_for(api_url)  # or each request would fail alone, and the program with none of them
    os.environ["PTB_TIMEDELTA"] = "1"  # timedeltas instead of numbers: else the library warns of each one

    return TelegramBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=TelegramRequest(REQUESTS_AT_ONCE),
        get_updates_request=TelegramRequest(1),
    )


class TokenRefused(Exception):
    """Telegram does not know the bot's token: check telegram.token with @BotFather."""


async def introduce(bot: Bot) -> bool:
    """Ask Telegram who the bot is; returns False without an answer. Raises TokenRefused.

    Until it has answered, the bot does not know its own name.
    """
    try:
        await bot.initialize()
    except InvalidToken:
        pass
    except TelegramError:
        return False
    else:
        return True
    # Out here, or it would keep the library's error, whose text contains the token.
    raise TokenRefused(TokenRefused.__doc__)
