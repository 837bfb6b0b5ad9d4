"""The connection to Telegram: one `Bot`, with the time limits that keep outcomes known."""

import os

import structlog
from telegram import Bot, BotCommand
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.chat.menu import COMMANDS, Who

TelegramBot = Bot
"""The library's client, for who only passes it on."""

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 15.0
READ_SECONDS = 30.0
"""Long: a throttled server pauses by itself, and a read given up is an outcome unknown (telegram.md 3.2)."""

POOL_SECONDS = 5.0


def build_bot(token: str, api_url: str) -> Bot:
    """Return a bot that speaks to the API under this root, which the official server and others share."""
    os.environ["PTB_TIMEDELTA"] = "1"  # spans of time as such: the library warns at each one otherwise

    def request(pool: int) -> HTTPXRequest:
        return HTTPXRequest(
            connection_pool_size=pool,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            write_timeout=WRITE_SECONDS,
            pool_timeout=POOL_SECONDS,
        )

    return Bot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=request(64),
        get_updates_request=request(1),
    )


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


async def publish_menu(bot: Bot) -> None:
    """Tell Telegram's apps which commands there are; that it fails is only noted."""
    try:
        await bot.set_my_commands(
            [BotCommand(command.name, command.does) for command in COMMANDS if command.who is not Who.OWNERS]
        )
    except TelegramError as error:
        log.warning("the menu was not published", action="menu_failed", error=type(error).__name__)
