"""The connection to Telegram: one `Bot`, with the time limits that keep outcomes known."""

from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

TelegramBot = Bot
"""The library's client, for who only passes it on."""

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 15.0
READ_SECONDS = 30.0
"""Long: a throttled server pauses by itself, and a read given up is an outcome unknown (telegram.md 3.2)."""

POOL_SECONDS = 5.0


def build_bot(token: str, api_url: str) -> Bot:
    """Return a bot that speaks to the API under this root, which the official server and others share."""

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
