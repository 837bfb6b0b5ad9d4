"""What people do to groups; Telegram writes a service message about it, and the bot hears of it."""

from collections.abc import Sequence
from typing import Literal

from bot.sandbox.telegram.world.people import People, checked_payload
from bot.sandbox.telegram.world.wire import Json, user_json
from bot.sandbox.telegram.world.world import IN_CHARGE, PRESENT, Chat, Message, SandboxError, User

Side = Literal["to", "from"]
"""Which service message of a migration: `to` stands in the old group, `from` in the new supergroup."""


class Groups(People):
    """A world where people change groups. Service messages reach every bot, also under privacy mode."""

    def migrates(
        self, group: Chat, *, tells: Sequence[Side] = ("to", "from"), chat_id: int | None = None
    ) -> Chat:
        """Upgrade a group to a supergroup and return that; send the service messages in this order.

        `tells` may be empty or repeat a side: real updates come late, twice or not at all (docs/telegram.md,
        "Supergroups").
        `tells_of_migration` sends one later, or again.
        """
        supergroup = self.migrate(group, chat_id=chat_id)
        for side in tells:
            self.tells_of_migration(group, side)
        return supergroup

    def tells_of_migration(self, group: Chat, side: Side) -> Message:
        """Send the service message of one side, each time as a new message."""
        if group.migrated_to is None:
            raise SandboxError(f"{group.title} was not upgraded, so there is nothing to tell.")
        if side == "to":
            return self._noted(group, {"migrate_to_chat_id": group.migrated_to})
        return self._noted(self.chat(group.migrated_to), {"migrate_from_chat_id": group.id})

    def starts_in(self, user: User, group: Chat, payload: str = "") -> Message:
        """Add the bot by a deep link, which sends /start with its name (docs/telegram.md, "Deep links")."""
        if group.members.get(self.bot.id) not in PRESENT:
            self.adds_bot(group, by=user)
        return self.says(user, group, f"/start@{self.bot.username} {checked_payload(payload)}".rstrip())

    def joins(self, user: User, group: Chat, *, by: User | None = None) -> None:
        """Join a group, or be added by somebody; of its own joining the bot gets both kinds of update."""
        if user == self.bot:
            self.adds_bot(group, by=by)
        else:
            # People's status changes in silence; what the bot hears is the service message.
            self.set_member(group, user, "member")
        self._noted(group, {"new_chat_members": [user_json(user)]}, by=by or user)

    def leaves(self, user: User, group: Chat, *, by: User | None = None) -> None:
        """Leave a group, or be removed by somebody; a bot that left gets no more updates from it."""
        self._must_be(user, group, PRESENT)
        # Before the bot is out, or it would not hear of its own leaving.
        self._noted(group, {"left_chat_member": user_json(user)}, by=by or user)
        if user == self.bot:
            self.removes_bot(group, by=by)
        else:
            self.set_member(group, user, "kicked" if by else "left")

    def pins(self, user: User, message: Message) -> None:
        """Pin a message; in a group only somebody in charge can."""
        chat = self.chat(message.chat_id)
        self._must_be(user, chat, PRESENT if chat.type == "private" else IN_CHARGE)
        self._noted(chat, {"pinned_message": self.as_wire(message)}, by=user, thread_id=message.thread_id)

    def renames(self, user: User, group: Chat, title: str) -> None:
        """Rename a group, as somebody in charge."""
        self._must_be(user, group, IN_CHARGE)
        group.title = title
        self._noted(group, {"new_chat_title": title}, by=user)

    def closes_topic(self, user: User, forum: Chat, thread_id: int) -> None:
        """Close a topic as somebody in charge, which sends a service message."""
        self._must_be(user, forum, IN_CHARGE)
        self.close_topic(forum, thread_id)
        self._noted(forum, {"forum_topic_closed": {}}, by=user, thread_id=thread_id)

    def reopens_topic(self, user: User, forum: Chat, thread_id: int) -> None:
        """Reopen a topic as somebody in charge, which sends a service message."""
        self._must_be(user, forum, IN_CHARGE)
        self.reopen_topic(forum, thread_id)
        self._noted(forum, {"forum_topic_reopened": {}}, by=user, thread_id=thread_id)

    def _noted(
        self, chat: Chat, service: Json, *, by: User | None = None, thread_id: int | None = None
    ) -> Message:
        """Send the service message about what somebody did."""
        return self._hear(
            "channel_post" if chat.type == "channel" else "message",
            Message(
                message_id=next(chat.message_ids),
                chat_id=chat.id,
                thread_id=thread_id,
                date=self.now(),
                text="",
                html="",
                sender=None if chat.type == "channel" else by or self._one_in_charge(chat),
                service=service,
            ),
        )
