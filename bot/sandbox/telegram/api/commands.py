"""The command menus that a bot sets: one list for each scope and language.

See docs/telegram.md, "Command menus".
"""

import re

from bot.sandbox.telegram.api.access import BotRights
from bot.sandbox.telegram.api.parameters import Parameters
from bot.sandbox.telegram.world.wire import Json, bad_request
from bot.sandbox.telegram.world.world import IN_CHARGE, Chat, User

MAX_COMMANDS = 100
MAX_NAME_CHARACTERS = 32
MAX_DESCRIPTION_CHARACTERS = 256
GENERAL_SCOPES = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
CHAT_SCOPES = frozenset({"chat", "chat_administrators", "chat_member"})

_NAME = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")

Scope = tuple[str, int, int]
"""Its type, its chat or 0, its member or 0."""


class Commands:
    """Keeps the lists; a list stays until it is deleted, also across restarts of the bot."""

    def __init__(self, access: BotRights) -> None:
        self._access = access
        self._lists: dict[tuple[Scope, str], list[Json]] = {}

    def set(self, parameters: Parameters) -> bool:
        """Replace a list; an empty one deletes it."""
        # Both are checked before anything changes.
        commands, place = _read_commands(parameters), self._place(parameters)
        if commands:
            self._lists[place] = commands
        else:
            self._lists.pop(place, None)
        return True

    def get(self, parameters: Parameters) -> list[Json]:
        """Return the list of exactly this scope and language."""
        return self._lists.get(self._place(parameters), [])

    def delete(self, parameters: Parameters) -> bool:
        """Delete a list, if there is one."""
        self._lists.pop(self._place(parameters), None)
        return True

    def shown(self, chat: Chat, user: User, language: str) -> list[Json]:
        """Return the menu that a person sees in a chat: the first list found, from the narrowest scope on."""
        places = (
            # In each scope the list in the person's language beats the one without a language.
            (scope, code)
            for scope in _scopes_seen(chat, user)
            for code in dict.fromkeys((language, ""))
        )
        return next((self._lists[place] for place in places if place in self._lists), [])

    def _place(self, parameters: Parameters) -> tuple[Scope, str]:
        language = parameters.text("language_code")
        scope = self._read_scope(parameters.mapping("scope") or {"type": "default"})
        if not _LANGUAGE.fullmatch(language):
            raise bad_request("invalid language code specified")
        return scope, language

    def _read_scope(self, written: Json) -> Scope:
        kind = written.get("type")
        if kind in GENERAL_SCOPES:
            return str(kind), 0, 0
        if kind not in CHAT_SCOPES:
            raise bad_request("can't parse BotCommandScope: Unsupported type specified")
        if not written.get("chat_id"):
            raise bad_request("can't parse BotCommandScope: Empty chat_id specified")
        member = written.get("user_id", 0) if kind == "chat_member" else 0
        if kind == "chat_member" and (not isinstance(member, int) or member <= 0):
            raise bad_request("can't parse BotCommandScope: Invalid user_id specified")
        chat = self._access.members_of(Parameters({"chat_id": written["chat_id"]}, {}))
        return str(kind), chat.id, int(str(member))


def _scopes_seen(chat: Chat, user: User) -> tuple[Scope, ...]:
    """Return the scopes that show in a chat, the narrowest first."""
    if chat.type == "private":
        return ("chat", chat.id, 0), ("all_private_chats", 0, 0), ("default", 0, 0)
    in_charge = chat.members.get(user.id) in IN_CHARGE
    return (
        ("chat_member", chat.id, user.id),
        *((("chat_administrators", chat.id, 0),) if in_charge else ()),
        ("chat", chat.id, 0),
        *((("all_chat_administrators", 0, 0),) if in_charge else ()),
        ("all_group_chats", 0, 0),
        ("default", 0, 0),
    )


def _read_commands(parameters: Parameters) -> list[Json]:
    written = parameters.structure("commands")
    if written is None:
        return []
    if not isinstance(written, list):
        raise bad_request("expected an Array of BotCommand")
    commands = [_read_command(command) for command in written]
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return commands


def _read_command(written: object) -> Json:
    if not isinstance(written, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name = _read_field(written, "command").strip().removeprefix("/")
    description = _read_field(written, "description").strip()
    if not name:
        raise bad_request("command must be non-empty")
    if len(name) > MAX_NAME_CHARACTERS:
        raise bad_request(f"command length must not exceed {MAX_NAME_CHARACTERS}")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise bad_request(f"command description length must not exceed {MAX_DESCRIPTION_CHARACTERS}")
    if not _NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


def _read_field(written: Json, name: str) -> str:
    value = written.get(name)
    if value is None:
        raise bad_request(f"can't parse BotCommand: Can't find field \"{name}\"")
    if not isinstance(value, str):
        raise bad_request(f'can\'t parse BotCommand: Field "{name}" must be of type String')
    return value
