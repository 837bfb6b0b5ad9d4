"""The people, chats, topics and messages of the local Telegram, and changes that the bot isn't told of."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple, TypeVar

from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.world.clock import Clock, MovableClock, utc_now
from bot.sandbox.telegram.world.html import Entity

Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
ChatType = Literal["private", "group", "supergroup", "channel"]
Known = TypeVar("Known")

MAX_TOPIC_CHARACTERS = 128

PRESENT: frozenset[Status] = frozenset({"creator", "administrator", "member", "restricted"})
SPEAKING: frozenset[Status] = PRESENT - {"restricted"}
IN_CHARGE: frozenset[Status] = frozenset({"creator", "administrator"})


class SandboxError(ValueError):
    """Something was asked of the sandbox that can't happen in Telegram; the text says why."""


@dataclass(frozen=True)
class User:
    """A person, or a bot."""

    id: int
    first_name: str
    username: str = ""
    is_bot: bool = False


# The authors that Telegram names where it does not name a person (docs/telegram.md, "Administrators").
ANONYMOUS_ADMIN = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_WRITER = User(136817688, "Channel", "Channel_Bot", is_bot=True)


class InlineButton(NamedTuple):
    """One button under a message; it calls back, opens a link or copies a text."""

    text: str
    callback_data: str = ""
    url: str = ""
    copy_text: str = ""


Buttons = tuple[tuple[InlineButton, ...], ...]


@dataclass(frozen=True)
class Document:
    """A file in a chat; `file_id` is what a bot may send again instead of the file."""

    file_id: str
    file_name: str
    mime_type: str
    content: bytes = field(repr=False)
    pixels: tuple[int, int] | None = None
    """The width and height of a picture that is shown in the chat; None: it is a file to open."""


@dataclass(frozen=True)
class Message:
    """One message as a person sees it; `html` is the text as it was sent, a caption where there is a file."""

    message_id: int
    chat_id: int
    date: datetime
    text: str
    html: str
    thread_id: int | None = None
    entities: tuple[Entity, ...] = ()
    buttons: Buttons = ()
    from_bot: bool = False
    silent: bool = False
    edited_at: datetime | None = None
    sender: User | None = None
    sender_chat_id: int | None = None
    reply_to: int | None = None
    link_preview_options: Mapping[str, object] | None = None
    document: Document | None = None
    origin: Mapping[str, object] | None = None
    """Where a forwarded message comes from, as the Bot API writes it."""

    service: Mapping[str, object] | None = None
    """What happened in the chat, as the Bot API writes it, where nobody said anything."""

    @property
    def edited(self) -> bool:
        """Whether the text or the buttons were changed since."""
        return self.edited_at is not None


@dataclass(eq=False)
class Topic:
    """A topic of a forum."""

    title: str
    closed: bool = False
    opened_by: User | None = None


@dataclass(eq=False)
class Chat:
    """One chat, with its members by user id and its messages by message id."""

    id: int
    type: ChatType
    title: str
    username: str = ""
    is_forum: bool = False
    is_deleted: bool = False
    bot_may_post: bool = True
    """In a channel: whether the bot, as an administrator, has the right to post messages."""

    forbidden: frozenset[str] = frozenset()
    """What the bot may not send here, though it may write: documents, photos."""

    migrated_to: int | None = None
    members: dict[int, Status] = field(default_factory=dict, repr=False)
    topics: dict[int, Topic] = field(default_factory=dict, repr=False)
    messages: dict[int, Message] = field(default_factory=dict, repr=False)
    message_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def is_gone(self) -> bool:
        """Whether the chat was deleted or moved to another id."""
        return self.is_deleted or self.migrated_to is not None


class TelegramWorld:
    """Everything that exists, as far as the bot's account is concerned. Message ids count per chat."""

    def __init__(self, bot: User, clock: Clock = utc_now) -> None:
        self.bot = bot
        self.clock = MovableClock(clock)
        self.users: dict[int, User] = {user.id: user for user in (bot, ANONYMOUS_ADMIN, CHANNEL_WRITER)}
        self.chats: dict[int, Chat] = {}
        self.deactivated: set[int] = set()
        self.documents: dict[str, Document] = {}
        self.changed = ChangeSignal()
        # Ids of groups are negative, of supergroups and channels below -1000000000000, as in Telegram.
        self._user_ids = itertools.count(1001)
        self._group_ids = itertools.count(-5001, -1)
        self._supergroup_ids = itertools.count(-1_001_000_000_001, -1)

    def now(self) -> datetime:
        """Return the time in this Telegram; its clock can be moved."""
        return self.clock()

    def add_user(self, first_name: str, *, user_id: int | None = None, username: str = "") -> User:
        """Add a person's account; the bot meets them only in a chat."""
        user = User(_free(self.users, user_id, self._user_ids), first_name, username)
        self.users[user.id] = user
        return user

    def rename_bot(self, username: str) -> None:
        """Change the bot's @name, as its owner can; the bot is not told."""
        self.bot = self.users[self.bot.id] = replace(self.bot, username=username)

    def add_bot(self, first_name: str, username: str, *, user_id: int | None = None) -> User:
        """Add another bot; ours never receives what it writes."""
        bot = User(_free(self.users, user_id, self._user_ids), first_name, username, is_bot=True)
        self.users[bot.id] = bot
        return bot

    def add_private_chat(self, user: User) -> Chat:
        """Add a person's private chat with the bot, as if they had pressed Start."""
        members: dict[int, Status] = {user.id: "member", self.bot.id: "member"}
        number = _free(self.chats, user.id, self._user_ids)
        return self._keep(Chat(number, "private", user.first_name, user.username, members=members))

    def add_group(
        self,
        title: str,
        members: Mapping[User, Status] | None = None,
        *,
        bot: Status = "member",
        chat_id: int | None = None,
    ) -> Chat:
        """Add a basic group."""
        number = _free(self.chats, chat_id, self._group_ids)
        return self._keep(Chat(number, "group", title, members=self._statuses(members, bot)))

    def add_supergroup(
        self,
        title: str,
        members: Mapping[User, Status] | None = None,
        *,
        bot: Status = "member",
        chat_id: int | None = None,
    ) -> Chat:
        """Add a supergroup without topics."""
        number = _free(self.chats, chat_id, self._supergroup_ids)
        return self._keep(Chat(number, "supergroup", title, members=self._statuses(members, bot)))

    def add_forum(
        self,
        title: str,
        members: Mapping[User, Status] | None = None,
        *,
        bot: Status = "member",
        chat_id: int | None = None,
    ) -> Chat:
        """Add a supergroup with topics; the General topic needs no adding."""
        forum = self.add_supergroup(title, members, bot=bot, chat_id=chat_id)
        self.turn_on_topics(forum)
        return forum

    def add_channel(
        self,
        title: str,
        members: Mapping[User, Status] | None = None,
        *,
        bot: Status = "administrator",
        chat_id: int | None = None,
    ) -> Chat:
        """Add a channel."""
        number = _free(self.chats, chat_id, self._supergroup_ids)
        return self._keep(Chat(number, "channel", title, members=self._statuses(members, bot)))

    def add_topic(self, forum: Chat, title: str, *, by: User | None = None) -> int:
        """Open a topic and return its thread id; `by` is who opened it, as messages in it say."""
        if not forum.is_forum:
            raise SandboxError(f"{forum.title} is no forum, so it has no topics.")
        if not 1 <= len(title) <= MAX_TOPIC_CHARACTERS:
            raise SandboxError(f"A topic's name has 1 to {MAX_TOPIC_CHARACTERS} characters.")
        thread_id = next(forum.message_ids)
        forum.topics[thread_id] = Topic(title, opened_by=by)
        return thread_id

    def turn_on_topics(self, supergroup: Chat) -> None:
        """Make a supergroup a forum; earlier messages belong to General."""
        if supergroup.type != "supergroup":
            raise SandboxError(f"{supergroup.title} is no supergroup, so it cannot have topics.")
        if not supergroup.messages and not supergroup.is_forum:
            next(supergroup.message_ids)  # 1 is the General topic's, which no message may name
        supergroup.is_forum = True

    def close_topic(self, forum: Chat, thread_id: int) -> None:
        """Close a topic: nobody can write in it."""
        self.topic(forum, thread_id).closed = True

    def delete_topic(self, forum: Chat, thread_id: int) -> None:
        """Delete a topic with its messages."""
        self.topic(forum, thread_id)
        del forum.topics[thread_id]
        forum.messages = {
            number: message for number, message in forum.messages.items() if message.thread_id != thread_id
        }

    def reopen_topic(self, forum: Chat, thread_id: int) -> None:
        """Open a closed topic again."""
        self.topic(forum, thread_id).closed = False

    def migrate(self, group: Chat, *, chat_id: int | None = None) -> Chat:
        """Turn a basic group into a new supergroup with the same members and no messages."""
        if group.type != "group" or group.is_gone:
            raise SandboxError(f"{group.title} is no basic group that lives, so it cannot be upgraded.")
        supergroup = self.add_supergroup(group.title, chat_id=chat_id)
        # Message ids begin anew in the supergroup, and old messages stay in the group.
        supergroup.members = dict(group.members)
        group.migrated_to = supergroup.id
        return supergroup

    def delete_group(self, group: Chat) -> None:
        """Delete a group; of a supergroup the bot only learns that it was removed."""
        if group.type == "private":
            raise SandboxError(f"{group.title} is no group that could be deleted.")
        if group.type == "group":
            group.is_deleted = True
        # Of a deleted supergroup the real server only says that the bot was kicked.
        group.members[self.bot.id] = "kicked"

    def deactivate(self, user: User) -> None:
        """Delete a person's account; the bot gets no update."""
        self.deactivated.add(user.id)

    def set_member(self, chat: Chat, user: User, status: Status) -> None:
        """Change a person's status in a chat; the bot gets no update."""
        chat.members[user.id] = status

    def forbid(self, chat: Chat, *kinds: str) -> None:
        """Let the bot send no documents or photos in a chat, only what is left; the bot gets no update."""
        chat.forbidden = frozenset(kinds)

    def user(self, user_id: int) -> User:
        """Return the user of this id; SandboxError where there is none."""
        return _known(self.users, user_id, "user")

    def chat(self, chat_id: int) -> Chat:
        """Return the chat of this id; SandboxError where there is none."""
        return _known(self.chats, chat_id, "chat")

    def topic(self, forum: Chat, thread_id: int) -> Topic:
        """Return a topic of a forum; SandboxError where there is none."""
        if thread_id not in forum.topics:
            raise SandboxError(f"{forum.title} has no topic {thread_id}.")
        return forum.topics[thread_id]

    def messages(self, chat: Chat, thread_id: int | None = None) -> list[Message]:
        """Return the messages of a chat, or of one topic of it, oldest first."""
        return [
            message
            for message in chat.messages.values()
            if thread_id is None or message.thread_id == thread_id
        ]

    async def wait_for_message(
        self,
        chat: Chat,
        wanted: str | Callable[[Message], bool],
        *,
        after: int = 0,
        timeout_seconds: float = 60,
    ) -> Message:
        """Return the first message of the bot that contains the text, or satisfies the condition.

        Messages up to the id `after` do not count. TimeoutError says what stands there instead.
        """

        def look() -> Message | None:
            newer = (m for m in chat.messages.values() if m.from_bot and m.message_id > after)
            return next(
                (m for m in newer if (wanted in m.text if isinstance(wanted, str) else wanted(m))), None
            )

        try:
            return await self.changed.wait_for(look, timeout_seconds)
        except TimeoutError:
            shown = [message.text for message in chat.messages.values()]
            raise TimeoutError(f"Waited for {wanted!r} in {chat.title}, which shows {shown}") from None

    def add_document(self, file_name: str, mime_type: str, content: bytes) -> Document:
        """Store a file under a new id."""
        document = Document(f"sandbox-file-{len(self.documents) + 1}", file_name, mime_type, content)
        self.documents[document.file_id] = document
        return document

    def write(self, chat: Chat, message: Message) -> None:
        """Add a message to its chat, or replace its earlier form."""
        chat.messages[message.message_id] = message
        self.changed.send()

    def erase(self, chat: Chat, message_id: int) -> None:
        """Delete a message."""
        del chat.messages[message_id]
        self.changed.send()

    def _keep(self, chat: Chat) -> Chat:
        self.chats[chat.id] = chat
        return chat

    def _statuses(self, members: Mapping[User, Status] | None, bot: Status) -> dict[int, Status]:
        return {**{user.id: status for user, status in (members or {}).items()}, self.bot.id: bot}


def _free(taken: Mapping[int, object], wanted: int | None, counted: Iterator[int]) -> int:
    """Return the wanted id, or the next free one."""
    if wanted in taken:
        raise SandboxError(f"The id {wanted} is taken.")
    return wanted if wanted is not None else next(number for number in counted if number not in taken)


def _known(kept: Mapping[int, Known], number: int, word: str) -> Known:
    if number not in kept:
        raise SandboxError(f"There is no {word} {number}.")
    return kept[number]
