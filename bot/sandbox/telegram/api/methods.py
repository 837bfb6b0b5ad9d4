"""The methods of the Bot API, one function each, refusing in Telegram's words.

See docs/telegram.md, "Answers to a request".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.api.access import BotRights
from bot.sandbox.telegram.api.commands import Commands
from bot.sandbox.telegram.api.draft import Draft, read_buttons, read_caption, read_draft
from bot.sandbox.telegram.api.files import as_picture, file_at, file_json, read_file
from bot.sandbox.telegram.api.limits import Limiter
from bot.sandbox.telegram.api.parameters import Parameters
from bot.sandbox.telegram.world.html import Entity
from bot.sandbox.telegram.world.people import People
from bot.sandbox.telegram.world.wire import ApiError, Json, bad_request, full_chat_json, me_json
from bot.sandbox.telegram.world.world import IN_CHARGE, PRESENT, Chat, Document, Message

GENERAL_TOPIC = 1
DELETABLE = timedelta(hours=48)
MAX_TOAST_CHARACTERS = 200
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


@dataclass(frozen=True)
class Toast:
    """The bot's answer to a pressed button: a note at the top of the screen, or a window to close."""

    query_id: str
    text: str
    is_window: bool


class Methods:
    """All methods by name: parameters in, result out, ApiError where Telegram would refuse."""

    def __init__(self, people: People, limiter: Limiter) -> None:
        self._people = people
        self._limiter = limiter
        self._access = BotRights(people)
        self.commands = Commands(self._access)
        self.toasts: dict[str, Toast] = {}
        self.toasted = ChangeSignal()
        self._table = {
            "getMe": self._get_me,
            "sendMessage": self._send_message,
            "sendDocument": self._send_document,
            "sendPhoto": self._send_photo,
            "editMessageText": self._edit_message_text,
            "editMessageCaption": self._edit_message_caption,
            "editMessageReplyMarkup": self._edit_message_reply_markup,
            "answerCallbackQuery": self._answer_callback_query,
            "deleteMessage": self._delete_message,
            "setMyCommands": self.commands.set,
            "getMyCommands": self.commands.get,
            "deleteMyCommands": self.commands.delete,
            "getFile": lambda parameters: file_json(parameters, people),
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "getChatAdministrators": self._get_chat_administrators,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "sendChatAction": self._send_chat_action,
            "leaveChat": self._leave_chat,
        }
        self._names = {name.lower(): name for name in ("getUpdates", *self._table)}

    @property
    def names(self) -> list[str]:
        """The methods there are, as documented."""
        return list(self._names.values())

    def name_of(self, written: str) -> str:
        """Return a method's name as documented; Telegram takes any case."""
        if written.lower() not in self._names:
            raise ApiError(404, "Not Found")
        return self._names[written.lower()]

    async def call(self, name: str, parameters: Parameters) -> object:
        """Return the method's result; ApiError where Telegram would refuse."""
        if name == "getUpdates":
            return await self._get_updates(parameters)
        chat = self._people.chats.get(parameters.integer("chat_id") or 0)
        if chat is None:
            return self._table[name](parameters)
        # Checked before and counted after the method: what is refused for another reason does not count.
        self._limiter.check(name, chat)
        result = self._table[name](parameters)
        self._limiter.count(name, chat)
        return result

    def file_at(self, path: str) -> Document:
        """Return the file that is fetched from a path; ApiError where there is none."""
        return file_at(path, self._people)

    def erase(self, chat_id: int, message_id: int) -> None:
        """Delete a message from its chat."""
        self._people.erase(self._people.chat(chat_id), message_id)

    async def _get_updates(self, parameters: Parameters) -> list[Json]:
        self._people.updates.refuse_beside_webhook()
        self._allow_updates(parameters)
        limit = parameters.integer("limit")
        return await self._people.updates.poll(
            offset=parameters.integer("offset") or 0,
            limit=100 if limit is None else limit,
            timeout_seconds=parameters.integer("timeout") or 0,
        )

    def _allow_updates(self, parameters: Parameters) -> None:
        kinds = parameters.structure("allowed_updates")
        if isinstance(kinds, list):
            self._people.updates.allow([str(kind) for kind in kinds])

    def _get_me(self, _: Parameters) -> Json:
        return me_json(self._people.bot)

    def _send_message(self, parameters: Parameters) -> Json:
        draft = read_draft(parameters)
        return self._send(self._access.writable(parameters, "text messages"), draft, parameters)

    def _send_document(self, parameters: Parameters) -> Json:
        draft = read_caption(parameters)
        chat = self._access.writable(parameters, "documents")
        return self._send(chat, draft, parameters, read_file(parameters, "document", self._people))

    def _send_photo(self, parameters: Parameters) -> Json:
        draft = read_caption(parameters)
        chat = self._access.writable(parameters, "photos")
        picture = as_picture(read_file(parameters, "photo", self._people))
        return self._send(chat, draft, parameters, picture)

    def _send(
        self, chat: Chat, draft: Draft, parameters: Parameters, document: Document | None = None
    ) -> Json:
        message = Message(
            message_id=0,
            chat_id=chat.id,
            thread_id=_thread(chat, parameters),
            date=self._people.now(),
            text=draft.text,
            html=draft.html,
            entities=self._shown(chat, draft.entities),
            buttons=draft.buttons,
            from_bot=True,
            silent=parameters.boolean("disable_notification"),
            sender=None if chat.type == "channel" else self._people.bot,
            reply_to=_replied_id(chat, parameters),
            link_preview_options=draft.link_preview_options,
            document=document,
        )
        # The id is taken only now, so that a refused message leaves no gap.
        return self._write(chat, replace(message, message_id=next(chat.message_ids)))

    def _edit_message_text(self, parameters: Parameters) -> Json:
        draft = read_draft(parameters)
        chat, before = self._own_message(parameters)
        if before.document is not None:
            raise bad_request("there is no text in the message to edit")
        return self._reword(chat, before, draft)

    def _edit_message_caption(self, parameters: Parameters) -> Json:
        draft = read_caption(parameters)
        chat, before = self._own_message(parameters)
        if before.document is None:
            raise bad_request("there is no caption in the message to edit")
        return self._reword(chat, before, draft)

    def _reword(self, chat: Chat, before: Message, draft: Draft) -> Json:
        after = replace(
            before,
            text=draft.text,
            html=draft.html,
            entities=self._shown(chat, draft.entities),
            buttons=draft.buttons,
            link_preview_options=draft.link_preview_options,
        )
        return self._rewrite(chat, before, after)

    def _shown(self, chat: Chat, entities: Sequence[Entity]) -> tuple[Entity, ...]:
        """Leave out mentions of people whom the bot can't know: their names stay as plain text."""
        there = {user_id for user_id, status in chat.members.items() if status in PRESENT}
        known = there | self._people.chats.keys()
        return tuple(one for one in entities if not one.user_id or one.user_id in known)

    def _edit_message_reply_markup(self, parameters: Parameters) -> Json:
        buttons = read_buttons(parameters)
        chat, before = self._own_message(parameters)
        return self._rewrite(chat, before, replace(before, buttons=buttons))

    def _answer_callback_query(self, parameters: Parameters) -> bool:
        toast = Toast(
            parameters.text("callback_query_id"), parameters.text("text"), parameters.boolean("show_alert")
        )
        if len(toast.text) > MAX_TOAST_CHARACTERS:
            raise bad_request("MESSAGE_TOO_LONG")
        # A query can be answered once; afterwards it is as unknown as an old one.
        if toast.query_id not in self._people.open_queries:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self._people.open_queries.remove(toast.query_id)
        self.toasts[toast.query_id] = toast
        self.toasted.send()
        return True

    def _delete_message(self, parameters: Parameters) -> bool:
        chat = self._access.reachable(parameters)
        message = chat.messages.get(parameters.integer("message_id") or 0)
        if message is None:
            raise bad_request("message to delete not found")
        is_in_charge = chat.members.get(self._people.bot.id) in IN_CHARGE
        if not (message.from_bot or chat.type == "private" or is_in_charge):
            raise bad_request("message can't be deleted")
        if not is_in_charge and self._people.now() - message.date > DELETABLE:
            raise bad_request("message can't be deleted for everyone")
        self._people.erase(chat, message.message_id)
        return True

    def _get_chat(self, parameters: Parameters) -> Json:
        return full_chat_json(self._access.readable(parameters))

    def _get_chat_member(self, parameters: Parameters) -> Json:
        chat = self._access.members_of(parameters)
        user = self._people.users.get(parameters.integer("user_id") or 0)
        if user is None:
            raise bad_request("user not found")
        return self._people.member(chat, user)

    def _get_chat_administrators(self, parameters: Parameters) -> list[Json]:
        chat = self._access.members_of(parameters)
        if chat.type == "private":
            raise bad_request("there are no administrators in the private chat")
        return [
            self._people.member(chat, self._people.user(number))
            for number, status in chat.members.items()
            if status in IN_CHARGE
        ]

    def _set_webhook(self, parameters: Parameters) -> bool:
        url = parameters.text("url")
        if not url:
            return self._delete_webhook(parameters)
        if not url.lower().startswith("https://"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self._allow_updates(parameters)
        self._people.updates.set_webhook(url)
        return True

    def _delete_webhook(self, parameters: Parameters) -> bool:
        self._people.updates.delete_webhook()
        if parameters.boolean("drop_pending_updates"):
            self._people.updates.clear()
        return True

    def _get_webhook_info(self, _: Parameters) -> Json:
        updates = self._people.updates
        state: Json = {
            "url": updates.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": updates.waiting_count,
        }
        return {**state, "allowed_updates": list(updates.allowed)} if updates.allowed else state

    def _send_chat_action(self, parameters: Parameters) -> bool:
        _thread(self._access.reachable(parameters), parameters)
        if not parameters.text("action"):
            raise bad_request("wrong parameter action in request")
        return True

    def _leave_chat(self, parameters: Parameters) -> bool:
        chat = self._access.readable(parameters)
        if chat.type == "private":
            raise bad_request("chat member status can't be changed in private chats")
        self._people.changes_bot(chat, "left", by=self._people.bot)
        return True

    def _write(self, chat: Chat, message: Message) -> Json:
        self._people.write(chat, message)
        return self._people.as_wire(message)

    def _rewrite(self, chat: Chat, before: Message, after: Message) -> Json:
        """Replace a message by its edited form; refused where it looks the same, however it is written."""
        if replace(after, html=before.html) == before:
            raise bad_request(NOT_MODIFIED)
        return self._write(chat, replace(after, edited_at=self._people.now()))

    def _own_message(self, parameters: Parameters) -> tuple[Chat, Message]:
        chat = self._access.editable(parameters)
        message = chat.messages.get(parameters.integer("message_id") or 0)
        if message is None:
            raise bad_request("message to edit not found")
        if not message.from_bot:
            raise bad_request("message can't be edited")
        return chat, message


def _thread(chat: Chat, parameters: Parameters) -> int | None:
    """Return the topic to write in, None for General or without topics (docs/telegram.md, "Topics")."""
    thread_id = parameters.integer("message_thread_id")
    if not thread_id or not chat.is_forum:
        return None
    if thread_id == GENERAL_TOPIC or thread_id not in chat.topics:
        raise bad_request("message thread not found")
    if chat.topics[thread_id].closed:
        raise bad_request("TOPIC_CLOSED")
    return thread_id


def _replied_id(chat: Chat, parameters: Parameters) -> int | None:
    wanted = parameters.mapping("reply_parameters") or {}
    message_id = wanted.get("message_id")
    if message_id is None:
        return None
    if isinstance(message_id, int) and message_id in chat.messages:
        return message_id
    if wanted.get("allow_sending_without_reply") is True:
        return None
    raise bad_request("message to be replied not found")
