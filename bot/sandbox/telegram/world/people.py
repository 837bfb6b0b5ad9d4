"""What people do in chats: write, edit, forward, press, block. What the bot may hear of becomes an update."""

import itertools
import mimetypes
import re
from dataclasses import replace

from bot.sandbox.telegram.world.clock import Clock
from bot.sandbox.telegram.world.html import Entity, read_plain, utf16_length
from bot.sandbox.telegram.world.updates import Updates
from bot.sandbox.telegram.world.wire import (
    inaccessible_json,
    member_json,
    message_json,
    my_member_json,
    origin_json,
    query_json,
)
from bot.sandbox.telegram.world.world import (
    ANONYMOUS_ADMIN,
    CHANNEL_WRITER,
    IN_CHARGE,
    PRESENT,
    SPEAKING,
    Chat,
    Message,
    SandboxError,
    Status,
    TelegramWorld,
    User,
)

_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMMAND = re.compile(r"(?<![\w/])/(\w{1,64})(?:@(\w{3,32}))?(?!\w)", re.ASCII)


class People(TelegramWorld):
    """A world where people act. The bot hears them in its chats as privacy mode lets it.

    See docs/telegram.md, "Privacy mode".
    """

    def __init__(self, bot: User, clock: Clock) -> None:
        super().__init__(bot, clock)
        self.updates = Updates(self.clock)
        self.open_queries: set[str] = set()
        self._query_ids = itertools.count(4_000_000_001)

    def says(
        self,
        user: User,
        chat: Chat,
        text: str,
        *,
        thread_id: int | None = None,
        reply_to: Message | None = None,
        calling: User | None = None,
    ) -> Message:
        """Send a member's message; in a channel the channel is the author.

        Somebody it is `calling` stands in it by their first name, as people do who have no username.
        """
        self._must_be(user, chat, SPEAKING)
        if chat.type == "channel":
            self._must_be(user, chat, IN_CHARGE)
            return self._hear("channel_post", self._written(chat, text, None, thread_id, reply_to))
        message = self._written(chat, text, user, thread_id, reply_to)
        if calling is not None:
            name, before = calling.first_name, message.text[: message.text.rindex(calling.first_name)]
            called = Entity("text_mention", utf16_length(before), utf16_length(name), user_id=calling.id)
            message = replace(message, entities=(*message.entities, called))
        return self._hear("message", message)

    def says_anonymously(
        self,
        user: User,
        group: Chat,
        text: str,
        *,
        thread_id: int | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """Send an administrator's message in the group's name (docs/telegram.md, "Administrators")."""
        self._must_be(user, group, IN_CHARGE)
        message = self._written(group, text, ANONYMOUS_ADMIN, thread_id, reply_to)
        return self._hear("message", replace(message, sender_chat_id=group.id))

    def says_as_channel(
        self,
        channel: Chat,
        group: Chat,
        text: str,
        *,
        thread_id: int | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """Send a channel's message in a group (docs/telegram.md, "Administrators")."""
        message = self._written(group, text, CHANNEL_WRITER, thread_id, reply_to)
        return self._hear("message", replace(message, sender_chat_id=channel.id))

    def starts(self, user: User, payload: str = "") -> Message:
        """Press Start as a person, with or without a deep link's payload; this unblocks the bot."""
        chat = self.chats.get(user.id) or self.add_private_chat(user)
        # Pressing Start takes a block back, as in every client.
        if chat.members[self.bot.id] == "kicked":
            self.unblocks(user)
        return self.says(user, chat, f"/start {checked_payload(payload)}".rstrip())

    def forwards(
        self, user: User, chat: Chat, text: str, came_from: User | Chat | str, *, thread_id: int | None = None
    ) -> Message:
        """Forward a message of a person, a chat, or somebody of whom only the name is shown."""
        self._must_be(user, chat, SPEAKING)
        message = self._written(chat, text, user, thread_id, None)
        return self._hear(
            "message", replace(message, origin=origin_json(came_from, self.now(), message.message_id))
        )

    def sends_file(
        self,
        user: User,
        chat: Chat,
        name: str,
        content: bytes,
        caption: str = "",
        *,
        thread_id: int | None = None,
        came_from: User | Chat | str | None = None,
    ) -> Message:
        """Send a member's file with what stands under it, or forward one of somebody else."""
        self._must_be(user, chat, SPEAKING if chat.type != "channel" else IN_CHARGE)
        if not content:
            raise SandboxError("A file that is sent has at least one byte.")
        mime_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        author = None if chat.type == "channel" else user
        message = self._written(chat, caption, author, thread_id, None)
        message = replace(
            message,
            document=self.add_document(name, mime_type, content),
            origin=origin_json(came_from, self.now(), message.message_id) if came_from is not None else None,
        )
        return self._hear("message" if author else "channel_post", message)

    def edits(self, message: Message, text: str) -> Message:
        """Edit a message as its author."""
        visible = read_plain(text).text
        kind = "edited_message" if message.sender else "edited_channel_post"
        edited = replace(message, text=visible, html=text, entities=_commands(visible), edited_at=self.now())
        return self._hear(kind, edited)

    def presses(self, user: User, message: Message, button_text: str) -> str:
        """Press a callback button as the message shows it now, and return the query's id."""
        # As it is now: the caller may hold the message from before an edit.
        shown = self.chat(message.chat_id).messages.get(message.message_id, message)
        buttons = [button for row in shown.buttons for button in row]
        pressed = next((button for button in buttons if button.text == button_text), None)
        if pressed is None or not pressed.callback_data:
            raise SandboxError(
                f'No button "{button_text}" calls back there; shown are {[b.text for b in buttons]}.'
            )
        return self.presses_unshown(user, message, pressed.callback_data)

    def presses_unshown(self, user: User, message: Message, callback_data: str) -> str:
        """Send callback data that no button has, as a forging client can (docs/telegram.md, "Buttons")."""
        chat = self.chat(message.chat_id)
        self._must_be(user, chat, PRESENT)
        query_id = str(next(self._query_ids))
        self.open_queries.add(query_id)
        shown = chat.messages.get(message.message_id)
        wire = self.as_wire(shown) if shown else inaccessible_json(chat, message.message_id)
        self.updates.put("callback_query", query_json(query_id, user, wire, callback_data))
        return query_id

    def blocks(self, user: User) -> None:
        """Block the bot as a person."""
        self.changes_bot(self.chat(user.id), "kicked", by=user)

    def unblocks(self, user: User) -> None:
        """Unblock the bot as a person."""
        self.changes_bot(self.chat(user.id), "member", by=user)

    def restricts_bot(self, group: Chat, *, by: User | None = None) -> None:
        """Forbid the bot to write in a group; adding it again as a member allows it."""
        self.changes_bot(group, "restricted", by=by)

    def adds_bot(self, group: Chat, *, by: User | None = None) -> None:
        """Add the bot as a plain member, by the person named or else by somebody in charge."""
        self.changes_bot(group, "member", by=by)

    def removes_bot(self, group: Chat, *, by: User | None = None) -> None:
        """Remove the bot, by the person named or else by somebody in charge."""
        self.changes_bot(group, "kicked", by=by)

    def changes_bot(
        self, chat: Chat, status: Status, *, by: User | None = None, may_post: bool = True
    ) -> None:
        """Change the bot's status in a chat, which sends it an update; `may_post` counts in channels."""
        before = self.member(chat, self.bot)
        chat.members[self.bot.id] = status
        chat.bot_may_post = may_post
        author = by or self._one_in_charge(chat)
        update = my_member_json(chat, author, before, self.member(chat, self.bot), self.now())
        self.updates.put("my_chat_member", update)

    def member(self, chat: Chat, user: User) -> dict[str, object]:
        """Write a user's status in a chat as the Bot API does."""
        may_post = chat.bot_may_post or user != self.bot if chat.type == "channel" else None
        return member_json(user, chat.members.get(user.id, "left"), may_post=may_post)

    def as_wire(self, message: Message) -> dict[str, object]:
        """Write a message as the Bot API does."""
        sender_chat = self.chat(message.sender_chat_id) if message.sender_chat_id else None
        return message_json(self.chat(message.chat_id), message, sender_chat)

    def _written(
        self, chat: Chat, text: str, author: User | None, thread_id: int | None, reply_to: Message | None
    ) -> Message:
        if thread_id is not None and self.topic(chat, thread_id).closed:
            raise SandboxError(f"The topic {thread_id} of {chat.title} is closed.")
        visible = read_plain(text).text
        return Message(
            message_id=next(chat.message_ids),
            chat_id=chat.id,
            thread_id=thread_id,
            date=self.now(),
            text=visible,
            html=text,
            entities=_commands(visible),
            sender=author,
            reply_to=reply_to.message_id if reply_to else None,
        )

    def _hear(self, kind: str, message: Message) -> Message:
        chat = self.chat(message.chat_id)
        self.write(chat, message)
        if self._reaches_bot(chat, message):
            self.updates.put(kind, self.as_wire(message))
        return message

    def _reaches_bot(self, chat: Chat, message: Message) -> bool:
        status = chat.members.get(self.bot.id, "left")
        # Bots never hear bots, so that two of them can't talk for ever.
        if status not in PRESENT or self._is_by_another_bot(message):
            return False
        if chat.type in ("private", "channel") or status == "administrator" or message.service:
            return True
        replied = chat.messages.get(message.reply_to) if message.reply_to else None
        return bool(replied and replied.from_bot) or self._is_command_for_bot(chat, message.text)

    def _is_by_another_bot(self, message: Message) -> bool:
        is_stand_in = message.sender in (ANONYMOUS_ADMIN, CHANNEL_WRITER)
        return bool(message.sender and message.sender.is_bot) and not is_stand_in and not message.service

    def _is_command_for_bot(self, chat: Chat, text: str) -> bool:
        """Say whether it names this bot, or no bot while no other bot wrote since."""
        addressed = [match[2] for match in _COMMAND.finditer(text)]
        if any(name and name.lower() == self.bot.username.lower() for name in addressed):
            return True
        # A command without a name goes to the bot that spoke last in the group.
        return None in addressed and not self._was_answered_by_another_bot(chat)

    def _was_answered_by_another_bot(self, chat: Chat) -> bool:
        for message in reversed(chat.messages.values()):
            if message.from_bot:
                return False
            if self._is_by_another_bot(message):
                return True
        return False

    def _must_be(self, user: User, chat: Chat, statuses: frozenset[Status]) -> None:
        if chat.is_gone:
            raise SandboxError(f"{chat.title} is no more: nobody can do anything there.")
        if user.id in self.deactivated:
            raise SandboxError(f"{user.first_name} has no account any more.")
        status = chat.members.get(user.id, "left")
        if status not in statuses:
            raise SandboxError(f"{user.first_name} cannot do that in {chat.title}: their status is {status}.")

    def _one_in_charge(self, chat: Chat) -> User:
        people = [number for number in chat.members if number != self.bot.id]
        in_charge = [number for number in people if chat.members[number] in IN_CHARGE]
        if not people:
            raise SandboxError(f"{chat.title} has nobody who could do that.")
        return self.user((in_charge or people)[0])


def checked_payload(payload: str) -> str:
    """Return what a start link carries; SandboxError where no link can carry it."""
    if payload and not _PAYLOAD.fullmatch(payload):
        raise SandboxError("A start link carries 1 to 64 of A-Z, a-z, 0-9, _ and -.")
    return payload


def _commands(text: str) -> tuple[Entity, ...]:
    return tuple(
        Entity("bot_command", utf16_length(text[: match.start()]), utf16_length(match.group()))
        for match in _COMMAND.finditer(text)
    )
