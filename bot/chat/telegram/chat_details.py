"""What Telegram says of a chat that the bot has not heard of yet, or may no longer write to."""

import structlog
from telegram import Bot, ChatMember, ChatMemberAdministrator
from telegram.error import BadRequest, Forbidden

from bot.domain.places import Place

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 10.0
"""The longest wait for such an answer; whoever asked is an owner who waits for it."""


class ChatDetails:
    """Asks Telegram about chats; trouble is no answer."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def look_up(self, chat: int | str) -> Place | None:
        """Return a chat by its id, or a public group or channel by its @name; None: it can't be seen."""
        try:
            found = await self._bot.get_chat(chat, read_timeout=ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything
            log.info("a chat is not known", action="chat_unknown", error=type(error).__name__)
            return None
        return Place(
            found.id, str(found.type), found.title or found.full_name or "", username=found.username or ""
        )

    async def posting_trouble(self, channel_id: int) -> str:
        """Return why the bot can't post in a channel, "" if it can, or if nobody says."""
        try:
            own = await self._bot.get_chat_member(channel_id, self._bot.id, read_timeout=ANSWER_SECONDS)
        except (BadRequest, Forbidden) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - as above
            log.info("rights are not known", action="chat_unknown", error=type(error).__name__)
            return ""
        return why_not_posting(own)


def why_not_posting(own: ChatMember) -> str:
    """Return why the bot can't post in a channel where it has this status, "" if it can."""
    if not isinstance(own, ChatMemberAdministrator):
        return "the bot is not an administrator there"
    return "" if own.can_post_messages else "the bot may not post there"
