"""What Telegram says of the bot before it works: who it is, and whether somebody else receives for it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from telegram import Bot
from telegram.error import TelegramError

from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.errors import RequestResult, failure_of


class TelegramUnavailable(Exception):
    """Telegram gives no usable answer; the text says how."""


@dataclass(frozen=True, slots=True)
class TelegramProbe:
    """What Telegram says."""

    username: str
    waiting: int
    """Updates that nobody has fetched yet."""
    webhook_host: str
    """Where Telegram sends updates instead; "" if they can be fetched."""
    joins_groups: bool


async def probe_telegram(bot: Bot) -> TelegramProbe:
    """Ask who the bot is and how it receives; raises TokenRefused or TelegramSilent.

    The library's errors hold the token and are not passed on (telegram.md 4.4).
    """
    try:
        await bot.initialize()
        me = bot.bot
        webhook = await bot.get_webhook_info()
    except TelegramError as error:
        match failure_of(error).result:
            case RequestResult.TOKEN_REFUSED:
                raise TokenRefused(TokenRefused.__doc__) from None
            case RequestResult.TIMED_OUT:
                raise TelegramUnavailable("it takes too long to answer") from None
            case _:
                raise TelegramUnavailable(
                    f"it can't be reached, or gives no usable answer ({type(error).__name__})"
                ) from None
    return TelegramProbe(
        me.username or "",
        webhook.pending_update_count,
        urlsplit(webhook.url).hostname or "",
        bool(me.can_join_groups),
    )
