"""What a person sees in a chat, counted, and how the control writes it as JSON."""

import re
from collections import Counter
from dataclasses import dataclass

from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Chat, Message, TelegramWorld

MESSAGE_ID = re.compile(r"(?<![A-Z0-9])[A-Z0-9]{4,10}$")
"""The short message id at the end of an alert; by it losses and duplicates are counted."""


@dataclass(frozen=True)
class Seen:
    """The bot's messages in a chat now, oldest first: with edits, without what was deleted.

    A file counts by its caption.
    """

    messages: tuple[Message, ...]

    @property
    def texts(self) -> list[str]:
        """The texts, one for each message."""
        return [message.text for message in self.messages]

    @property
    def by_text(self) -> Counter[str]:
        """How often each text occurs."""
        return Counter(self.texts)

    @property
    def by_id(self) -> Counter[str]:
        """How often each message id occurs; texts without one are not counted."""
        return self.by(MESSAGE_ID)

    def by(self, mark: re.Pattern[str]) -> Counter[str]:
        """Count the messages by a mark in their text, the last one if there are several."""
        found = (mark.findall(message.text.rstrip()) for message in self.messages)
        return Counter(marks[-1] for marks in found if marks)

    def times(self, wanted: str) -> int:
        """Return how many messages contain this."""
        return sum(wanted in text for text in self.texts)

    @property
    def duplicates(self) -> int:
        """How many messages show an id that another one showed before."""
        return sum(count - 1 for count in self.by_id.values())


def seen_in(world: TelegramWorld, chat: Chat, thread_id: int | None = None) -> Seen:
    """Return what a person sees of the bot in a chat, or in one topic of it."""
    return Seen(tuple(message for message in world.messages(chat, thread_id) if message.from_bot))


def show_message(message: Message) -> Json:
    """Show a message."""
    return {
        "message_id": message.message_id,
        "chat": message.chat_id,
        "thread": message.thread_id,
        "text": message.text,
        "html": message.html,
        "buttons": [[button._asdict() for button in row] for row in message.buttons],
        "file": message.document.file_name if message.document else None,
        "file_bytes": len(message.document.content) if message.document else None,
        "is_picture": bool(message.document and message.document.pixels),
        "service": message.service,
        "date": message.date.isoformat(),
        "edited": message.edited,
        "from_bot": message.from_bot,
        "silent": message.silent,
        "mentions": [entity.user_id for entity in message.entities if entity.user_id],
    }


def show_chat(chat: Chat) -> Json:
    """Show a chat."""
    return {"id": chat.id, "type": chat.type, "title": chat.title}


def show_seen(seen: Seen) -> Json:
    """Show what is seen of the bot, and how often."""
    return {
        "count": len(seen.messages),
        "texts": seen.texts,
        "by_text": dict(seen.by_text),
        "by_id": dict(seen.by_id),
        "duplicates": seen.duplicates,
    }
