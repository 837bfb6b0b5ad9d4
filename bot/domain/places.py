"""Where people write and are answered."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody writes and is answered: a chat, or one topic of it."""

    chat_id: int
    """Telegram's number."""
    kind: str
    """private, group, supergroup or channel."""
    title: str
    thread_id: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether one person is alone with the bot here."""
        return self.kind == "private"

    def moved_to(self, chat_id: int) -> "Place":
        """Return the same place in the supergroup that its group has become."""
        return Place(chat_id, "supergroup", self.title, self.thread_id)
