"""Places: the chats and topics where people write and get answers and alerts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or one topic of a chat."""

    chat_id: int
    """Telegram's id of the chat."""
    kind: str
    """Telegram's type of chat: private, group, supergroup or channel."""
    title: str
    thread_id: int | None = None
    username: str = field(default="", compare=False)
    """The public @name of the chat or the person, without the @; "" if none is known."""

    @property
    def is_channel(self) -> bool:
        """Whether this is a channel: nobody speaks there, so nothing is posted there but alerts."""
        return self.kind == "channel"

    @property
    def is_private(self) -> bool:
        """Whether this is the private chat of one person with the bot."""
        return self.kind == "private"

    def moved_to(self, chat_id: int) -> "Place":
        """Return the same place in the supergroup that its group was turned into."""
        return Place(chat_id, "supergroup", self.title, self.thread_id)
