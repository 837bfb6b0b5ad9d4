"""How the sandbox's own door shows things: as a person sees them, not as the Bot API writes them."""

from bot.sandbox.telegram.control.seen import Seen
from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Chat, Message


def message_shown(message: Message) -> Json:
    """Show a message."""
    return {
        "message_id": message.message_id,
        "chat": message.chat_id,
        "thread": message.thread_id,
        "text": message.text,
        "html": message.html,
        "buttons": [[button._asdict() for button in row] for row in message.buttons],
        "file": message.document.file_name if message.document else None,
        "service": message.service,
        "date": message.date.isoformat(),
        "edited": message.edited,
        "from_bot": message.from_bot,
        "silent": message.silent,
    }


def chat_shown(chat: Chat) -> Json:
    """Show a chat."""
    return {"id": chat.id, "type": chat.type, "title": chat.title}


def seen_shown(seen: Seen) -> Json:
    """Show what is seen of the bot, and how often."""
    return {
        "count": len(seen.messages),
        "texts": seen.texts,
        "by_text": dict(seen.by_text),
        "by_id": dict(seen.by_id),
        "duplicates": seen.duplicates,
    }
