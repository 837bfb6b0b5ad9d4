"""Find the people, chats and topics that somebody names at the terminal.

Any case will do, and the beginning of a name where no other name begins like it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bot.sandbox.telegram.world.world import PRESENT, Chat, Message, SandboxError, TelegramWorld, User

PRIVATE = "private"
Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class ChatOrTopic:
    """Where somebody writes: a chat, or a topic of it."""

    chat: Chat
    thread_id: int | None = None


def resolve_name(word: str, known: Mapping[str, Named], what: str) -> Named:
    """Return what a word names, exactly or by its beginning; SandboxError lists what there is."""
    names = {name.casefold(): name for name in known}
    typed = word.casefold()
    # An exact name wins, so that "ops" can be meant although "ops-group" exists.
    found = [typed] if typed in names else [name for name in names if name.startswith(typed)]
    if len(found) == 1:
        return known[names[found[0]]]
    listed = ", ".join(known)
    if found:
        raise SandboxError(f"“{word}” may be {' or '.join(names[name] for name in found)}.")
    raise SandboxError(f"There is no {what} “{word}”. There {'is' if len(known) == 1 else 'are'}: {listed}.")


def find_person(world: TelegramWorld, name: str) -> User:
    """Return the person of this name."""
    return resolve_name(name, {user.first_name: user for user in people(world)}, "person")


def people(world: TelegramWorld) -> tuple[User, ...]:
    """Return everybody who is no bot."""
    return tuple(user for user in world.users.values() if not user.is_bot)


def find_place(world: TelegramWorld, name: str, user: User) -> ChatOrTopic:
    """Return the chat or topic of this name; `private` is the person's own chat with the bot."""
    return resolve_name(name, {PRIVATE: ChatOrTopic(world.chat(user.id)), **places(world)}, "chat")


def places(world: TelegramWorld) -> dict[str, ChatOrTopic]:
    """Return every group and every topic there is, by name."""
    found: dict[str, ChatOrTopic] = {}
    for chat in shared_chats(world):
        found[chat.title] = ChatOrTopic(chat)
        found |= {topic.title: ChatOrTopic(chat, thread_id) for thread_id, topic in chat.topics.items()}
    return found


def shared_chats(world: TelegramWorld) -> Iterable[Chat]:
    """Return the groups that are still there."""
    return (chat for chat in world.chats.values() if chat.type != "private" and not chat.is_gone)


def default_place(user: User, here: ChatOrTopic, world: TelegramWorld) -> ChatOrTopic:
    """Return where a person writes when no place is given: here, where they are a member, or in private."""
    is_here = here.chat.type != "private" and here.chat.members.get(user.id) in PRESENT
    return here if is_here else ChatOrTopic(world.chat(user.id))


def place_title(place: ChatOrTopic) -> str:
    """Return how a place is called; a private chat is called after the person."""
    if place.thread_id is not None and place.thread_id in place.chat.topics:
        return place.chat.topics[place.thread_id].title
    return place.chat.title.lower() if place.chat.type == "private" else place.chat.title


def speaker_in(user: User, place: ChatOrTopic) -> str:
    """Return who speaks where, as it stands before what is typed."""
    name = user.first_name.lower()
    return name if place.chat.type == "private" else f"{name} in {place_title(place)}"


def place_of(world: TelegramWorld, message: Message) -> ChatOrTopic:
    """Return where a message stands."""
    return ChatOrTopic(world.chat(message.chat_id), message.thread_id)
