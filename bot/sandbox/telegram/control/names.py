"""Whom and what a request to the sandbox's own door names by their ids."""

from bot.sandbox.telegram.control.bodies import Body
from bot.sandbox.telegram.world.world import Chat, Message, SandboxError, User, World


class Names:
    """Finds what is named; what is not there is said in a sentence."""

    def __init__(self, world: World) -> None:
        self._world = world

    def chat(self, body: Body, name: str = "chat") -> Chat:
        """Return the chat that must be named."""
        return self._world.chat(body.given(name, int))

    def user(self, body: Body, name: str = "user") -> User:
        """Return the person that must be named."""
        return self._world.user(body.given(name, int))

    def by(self, body: Body) -> User | None:
        """Return who does it, if that matters."""
        return self.user(body, "by") if "by" in body.fields else None

    def message(self, body: Body, name: str = "message") -> Message:
        """Return the message of the chat that must be named."""
        return message_in(self.chat(body), body.given(name, int))

    def message_or_none(self, body: Body, name: str) -> Message | None:
        """Return the message of the chat, if one is named."""
        return self.message(body, name) if name in body.fields else None


def message_in(chat: Chat, number: int) -> Message:
    """Return a message that a chat shows."""
    if number not in chat.messages:
        raise SandboxError(f"{chat.title} shows no message {number}.")
    return chat.messages[number]
