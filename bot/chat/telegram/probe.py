"""What Telegram knows of the bot, asked before it runs: its name, and where its updates go."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from telegram import Bot
from telegram.error import TelegramError

from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.errors import RequestResult, failure_of


class TelegramUnavailable(Exception):
    """Telegram gave no usable answer; the text says how."""


@dataclass(frozen=True, slots=True)
class TelegramProbe:
    """What Telegram answered."""

    username: str
    waiting: int
    """Updates that were not fetched yet."""
    webhook_host: str
    """The host that Telegram sends updates to; "" if they can be fetched."""
    joins_groups: bool


async def probe_telegram(bot: Bot) -> TelegramProbe:
    """Ask who the bot is and how it receives updates; raises TokenRefused or TelegramUnavailable."""
    try:
        await bot.initialize()
        me = bot.bot
        webhook = await bot.get_webhook_info()
    except TelegramError as error:
        failure = _failure(error)
    else:
        return TelegramProbe(
            me.username or "",
            webhook.pending_update_count,
            urlsplit(webhook.url).hostname or "",
            bool(me.can_join_groups),
        )
    # Out here, or it would keep the library's error, whose text may contain the token.
    raise failure


def _failure(error: TelegramError) -> TokenRefused | TelegramUnavailable:
    match failure_of(error).result:
        case RequestResult.TOKEN_REFUSED:
            return TokenRefused(TokenRefused.__doc__)
        case RequestResult.TIMED_OUT:
            return TelegramUnavailable("it takes too long to answer")
        case _:
            return TelegramUnavailable(
                f"it can't be reached, or gives no usable answer ({type(error).__name__})"
            )
