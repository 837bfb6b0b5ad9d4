"""The world's values as the Bot API's JSON, and the errors and envelopes it answers with."""

from collections.abc import Mapping
from datetime import datetime

from bot.sandbox.telegram.world.html import Entity, utf16_slice
from bot.sandbox.telegram.world.world import ANONYMOUS_ADMIN, Buttons, Chat, Document, Message, Status, User

Json = dict[str, object]

ADMINISTRATOR_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)

TOPIC_COLOR = 0x6FB9F0

MEMBER_RIGHTS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
    "can_edit_tag",
    "can_react_to_messages",
)


class ApiError(Exception):
    """An answer that is not ok, with Telegram's code and words."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, object] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> ApiError:
    """Return the error for a request that asks for something wrong."""
    return ApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> ApiError:
    """Return the error for a chat that the bot may not use."""
    return ApiError(403, f"Forbidden: {reason}")


def success_json(result: object) -> Json:
    """Wrap a result."""
    return {"ok": True, "result": result}


def failure_json(error: ApiError) -> Json:
    """Wrap an error; parameters only where there are any."""
    envelope: Json = {"ok": False, "error_code": error.code, "description": error.description}
    return {**envelope, "parameters": dict(error.parameters)} if error.parameters else envelope


def user_json(user: User) -> Json:
    """Write a user."""
    return _present(
        id=user.id, is_bot=user.is_bot, first_name=user.first_name, username=user.username or None
    )


def me_json(bot: User) -> Json:
    """Write the bot as it sees itself; privacy mode is on (docs/telegram.md, "Privacy mode")."""
    return {
        **user_json(bot),
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def chat_json(chat: Chat) -> Json:
    """Write a chat as messages carry it."""
    name = "first_name" if chat.type == "private" else "title"
    named: Json = {"id": chat.id, "type": chat.type, name: chat.title}
    return {**named, **_present(username=chat.username or None, is_forum=chat.is_forum or None)}


def full_chat_json(chat: Chat) -> Json:
    """Write a chat as getChat does."""
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    return {
        **chat_json(chat),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def member_json(user: User, status: Status, *, may_post: bool | None = None) -> Json:
    """Write a user's status in a chat, with the rights that belong to it; None: the chat is no channel."""
    details: dict[Status, Json] = {
        "creator": {"is_anonymous": False},
        "administrator": {
            "can_be_edited": False,
            "is_anonymous": False,
            **dict.fromkeys(ADMINISTRATOR_RIGHTS, True),
            **_present(can_post_messages=may_post, can_edit_messages=may_post),
        },
        "restricted": {"is_member": True, "until_date": 0, **dict.fromkeys(MEMBER_RIGHTS, False)},
        "kicked": {"until_date": 0},
    }
    return {"user": user_json(user), "status": status, **details.get(status, {})}


def my_member_json(chat: Chat, by: User, before: Json, after: Json, when: datetime) -> Json:
    """Write a change of the bot's own status in a chat."""
    return {
        "chat": chat_json(chat),
        "from": user_json(by),
        "date": _unix(when),
        "old_chat_member": before,
        "new_chat_member": after,
    }


def origin_json(came_from: User | Chat | str, when: datetime, message_id: int) -> Json:
    """Write where a message was forwarded from; a bare name hides who it is."""
    if isinstance(came_from, User):
        return {"type": "user", "date": _unix(when), "sender_user": user_json(came_from)}
    if isinstance(came_from, str):
        return {"type": "hidden_user", "date": _unix(when), "sender_user_name": came_from}
    if came_from.type == "channel":
        post: Json = {"chat": chat_json(came_from), "message_id": message_id}
        return {"type": "channel", "date": _unix(when), **post}
    return {"type": "chat", "date": _unix(when), "sender_chat": chat_json(came_from)}


def message_json(chat: Chat, message: Message, sender_chat: Chat | None = None) -> Json:
    """Write a message, with the one it answers."""
    # One level only: the answered message comes without the one that it answers itself.
    replied = chat.messages.get(message.reply_to) if message.reply_to else None
    answered = _bare_message_json(chat, replied) if replied else _topic_opening_json(chat, message)
    return {**_bare_message_json(chat, message, sender_chat), **_present(reply_to_message=answered)}


def _topic_opening_json(chat: Chat, message: Message) -> Json | None:
    """Write the notice that a topic was opened: what answers nothing in a topic seems to answer that."""
    topic = chat.topics.get(message.thread_id or 0)
    if topic is None:
        return None
    return {
        "message_id": message.thread_id,
        **_present(**{"from": user_json(topic.opened_by) if topic.opened_by else None}),
        "chat": chat_json(chat),
        "date": _unix(message.date),
        "message_thread_id": message.thread_id,
        "is_topic_message": True,
        "forum_topic_created": {"name": topic.title, "icon_color": TOPIC_COLOR},
    }


def query_json(query_id: str, user: User, message: Json, data: str) -> Json:
    """Write a press of a button."""
    return {
        "id": query_id,
        "from": user_json(user),
        "message": message,
        "chat_instance": "1",
        "data": data,
    }


def inaccessible_json(chat: Chat, message_id: int) -> Json:
    """Write what stands for a message that is gone: its date is 0."""
    return {"chat": chat_json(chat), "message_id": message_id, "date": 0}


def _bare_message_json(chat: Chat, message: Message, sender_chat: Chat | None = None) -> Json:
    author: Json = {"from": user_json(message.sender)} if message.sender else {}
    return {
        "message_id": message.message_id,
        **author,
        **_present(sender_chat=_sender_chat_json(chat, message, sender_chat)),
        "chat": chat_json(chat),
        "date": _unix(message.date),
        **_thread_json(chat, message),
        **_present(
            edit_date=_unix(message.edited_at) if message.edited_at else None,
            **_text_json(message),
            **_file_json(message.document),
            reply_markup=_keyboard_json(message.buttons) if message.buttons else None,
            link_preview_options=message.link_preview_options,
            forward_origin=message.origin,
        ),
        **(message.service or {}),
    }


def _text_json(message: Message) -> Json:
    """Write what is said; below a file it is a caption."""
    name, entities = ("caption", "caption_entities") if message.document else ("text", "entities")
    return {
        name: message.text or None,
        entities: [_entity_json(entity, message.text) for entity in message.entities] or None,
    }


def _file_json(file: Document | None) -> Json:
    if file is None:
        return {}
    known: Json = {
        "file_id": file.file_id,
        "file_unique_id": file.file_id,
        "file_size": len(file.content),
    }
    if file.pixels is not None:
        width, height = file.pixels
        return {"photo": [{**known, "width": width, "height": height}]}
    return {"document": {**known, "file_name": file.file_name, "mime_type": file.mime_type}}


def _sender_chat_json(chat: Chat, message: Message, sender_chat: Chat | None) -> Json | None:
    if sender_chat is not None:
        return chat_json(sender_chat)
    if message.sender == ANONYMOUS_ADMIN or chat.type == "channel":
        return chat_json(chat)
    return None


def _thread_json(chat: Chat, message: Message) -> Json:
    """Write the thread, with a mark if it is a topic's and not of replies (docs/telegram.md, "Topics")."""
    if message.thread_id is not None:
        return {"message_thread_id": message.thread_id, "is_topic_message": True}
    if message.reply_to is not None and chat.type == "supergroup":
        return {"message_thread_id": _first_of_replies(chat, message.reply_to)}
    return {}


def _first_of_replies(chat: Chat, message_id: int) -> int:
    message = chat.messages.get(message_id)
    if message is None or message.reply_to is None:
        return message_id
    return _first_of_replies(chat, message.reply_to)


def _entity_json(entity: Entity, text: str) -> Json:
    where: Json = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    user = user_json(User(entity.user_id, utf16_slice(text, entity))) if entity.user_id else None
    return {**where, **_present(url=entity.url or None, language=entity.language or None, user=user)}


def _keyboard_json(buttons: Buttons) -> Json:
    return {
        "inline_keyboard": [
            [
                {
                    "text": button.text,
                    **_present(
                        callback_data=button.callback_data or None,
                        url=button.url or None,
                        copy_text={"text": button.copy_text} if button.copy_text else None,
                    ),
                }
                for button in row
            ]
            for row in buttons
        ]
    }


def _present(**fields: object) -> Json:
    """Leave out what is not there: the wire has no nulls."""
    return {name: value for name, value in fields.items() if value is not None}


def _unix(when: datetime) -> int:
    return int(when.timestamp())
