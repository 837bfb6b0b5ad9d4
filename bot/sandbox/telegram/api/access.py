"""Which chats the bot's calls may touch, and Telegram's words for refusing the others.

See docs/telegram.md, "Answers to a request".
"""

from bot.sandbox.telegram.api.parameters import Parameters
from bot.sandbox.telegram.world.wire import ApiError, bad_request, forbidden
from bot.sandbox.telegram.world.world import IN_CHARGE, PRESENT, Chat, TelegramWorld, User


class BotRights:
    """Finds the chat that a call names and refuses it where the bot may not do that there.

    From least to most: read the chat, edit own messages, see members, act, write.
    """

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world

    def readable(self, parameters: Parameters) -> Chat:
        """Return a chat the bot may read; a basic group stays readable to those who left it."""
        chat = self._known(parameters)
        if chat.type in ("supergroup", "channel"):
            self._refuse_outsiders(chat)
        return chat

    def editable(self, parameters: Parameters) -> Chat:
        """Return a chat where the bot may edit its messages; a private one even when it is blocked."""
        chat = self._known(parameters)
        if chat.id in self._world.deactivated:
            raise forbidden("user is deactivated")
        # A chat that is gone has a refusal of its own, in `reachable`; editing there still works.
        if chat.type != "private" and not chat.is_gone:
            self._refuse_outsiders(chat)
        return chat

    def members_of(self, parameters: Parameters) -> Chat:
        """Return a chat whose members the bot may see."""
        chat = self._known(parameters)
        if chat.type != "private":
            _refuse_gone(chat)
            self._refuse_outsiders(chat)
        return chat

    def reachable(self, parameters: Parameters) -> Chat:
        """Return a chat where the bot is and may act, whether or not it may write there."""
        self._refuse_unmet(parameters)
        chat = self.editable(parameters)
        _refuse_gone(chat)
        if chat.type == "private" and self._status(chat) == "kicked":
            raise forbidden("bot was blocked by the user")
        return chat

    def writable(self, parameters: Parameters, what: str) -> Chat:
        """Return a chat where the bot may send; `what` is for the refusal: "text messages", "documents"."""
        chat = self.reachable(parameters)
        status = self._status(chat)
        if chat.type == "channel" and not (status in IN_CHARGE and chat.bot_may_post):
            raise bad_request("need administrator rights in the channel chat")
        if status == "restricted" or what in chat.forbidden:
            raise bad_request(f"not enough rights to send {what} to the chat")
        return chat

    def _known(self, parameters: Parameters) -> Chat:
        written = parameters.text("chat_id")
        if not written:
            raise bad_request("chat_id is empty")
        chat = self._named(written) or self._world.chats.get(parameters.integer("chat_id") or 0)
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def _named(self, written: str) -> Chat | None:
        """Return the public group or channel of this name; people have no chat by name."""
        named = (chat for chat in self._world.chats.values() if chat.type != "private" and chat.username)
        return next((chat for chat in named if f"@{chat.username}".lower() == written.lower()), None)

    def _refuse_unmet(self, parameters: Parameters) -> None:
        """Refuse bots, and people known from a group who never wrote first."""
        # A private chat has the id of its person, so an unmet person is found among the users.
        user = self._world.users.get(parameters.integer("chat_id") or 0)
        if user is None or user.id in self._world.chats:
            return
        if user.is_bot:
            raise forbidden("bot can't send messages to bots")
        if any(self._meets(user, chat) for chat in self._world.chats.values()):
            raise forbidden("bot can't initiate conversation with a user")

    def _meets(self, user: User, chat: Chat) -> bool:
        return user.id in chat.members and self._status(chat) in PRESENT

    def _refuse_outsiders(self, chat: Chat) -> None:
        status = self._status(chat)
        if status == "kicked":
            raise forbidden(f"bot was kicked from the {chat.type} chat")
        if status not in PRESENT:
            raise forbidden(f"bot is not a member of the {chat.type} chat")

    def _status(self, chat: Chat) -> str:
        return chat.members.get(self._world.bot.id, "left")


def _refuse_gone(chat: Chat) -> None:
    if chat.migrated_to is not None:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            {"migrate_to_chat_id": chat.migrated_to},
        )
    if chat.is_deleted:
        raise forbidden("the group chat was deleted")
