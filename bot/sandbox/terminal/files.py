"""Files that go between the terminal's machine and a chat."""

from pathlib import Path

from bot.sandbox.telegram.world.world import Document, SandboxError, TelegramWorld
from bot.sandbox.terminal.names import ChatOrTopic, place_title


def read_here(path: str) -> tuple[str, bytes]:
    """Return the name and the content of a file of this machine."""
    named = Path(path).expanduser()
    try:
        return named.name, named.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} can't be read: {error.strerror}.") from None


def write_here(path: str, content: bytes) -> None:
    """Write a new file on this machine."""
    try:
        # Never over another one: what is typed at a sandbox must not cost anything.
        with Path(path).expanduser().open("xb") as file:
            file.write(content)
    except OSError as error:
        raise SandboxError(f"{path} can't be written: {error.strerror}.") from None


def newest_file(world: TelegramWorld, place: ChatOrTopic) -> Document:
    """Return the newest file that the bot sent to a place."""
    messages = world.messages(place.chat, place.thread_id)
    sent = [message.document for message in messages if message.from_bot and message.document]
    if not sent:
        raise SandboxError(f"The bot sent no file to {place_title(place)}.")
    return sent[-1]
