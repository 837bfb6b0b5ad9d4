"""Files that people send, fetched from Telegram within bounds."""

from dataclasses import dataclass

import structlog
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.transport import FileTooLarge

log = structlog.get_logger(__name__)

KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class IncomingDocument:
    """A file that somebody sent; it stays with Telegram until it is fetched."""

    file_id: str
    file_name: str
    size_bytes: int | None
    """As Telegram says; None: it doesn't."""
    mime_type: str
    """As the sender's app says, "" if it doesn't."""


class Downloads:
    """Fetches files; why one can't be had is said in words, which never contain the token."""

    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot

    async def download(self, document: IncomingDocument, most_bytes: int) -> bytes | str:
        """Return what is in a file; a `str` is the reason why it can't be had."""
        too_large = f"it is larger than {most_bytes // KILOBYTE:,} KB"
        if document.size_bytes is not None and document.size_bytes > most_bytes:
            return too_large
        try:
            return await self._bot.download(document.file_id, most_bytes)
        except FileTooLarge:
            return too_large
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything
            log.info("a file was not fetched", action="download_failed", error=type(error).__name__)
            return _reason(error)


def _reason(error: Exception) -> str:
    """Say it by the kind of the error; BadRequest and TimedOut are kinds of NetworkError, too."""
    match error:
        case RetryAfter():
            return "Telegram wants a pause; please try again in a minute"
        case TimedOut():
            return "Telegram did not hand it out in time; please try again"
        case BadRequest() | Forbidden() | InvalidToken():
            return "Telegram does not hand it out; please send the file again"
        case NetworkError():
            return "the connection to Telegram broke off; please try again"
        case _:
            return "what Telegram sent is not the file; please try again"
