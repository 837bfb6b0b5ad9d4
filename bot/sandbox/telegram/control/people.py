"""Control routes for what people do in chats: write, press, join, leave, pin, rename."""

import base64
import binascii
from collections.abc import Callable, Mapping

from bot.sandbox.telegram.control.bodies import Body, Names
from bot.sandbox.telegram.control.shown import show_message
from bot.sandbox.telegram.world.groups import Groups
from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Chat, SandboxError, User

_ORIGINS = frozenset({"from_user", "from_chat", "from_name"})


class PeopleActs:
    """The POSTs by which people do something that the bot may hear of."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._names = Names(groups)

    def acts(self) -> Mapping[str, Callable[[Body], object]]:
        """Return the functions by the last part of their path."""
        return {
            "say": self._say,
            "start": self._start,
            "forward": self._forward,
            "send-file": self._send_file,
            "edit": self._edit,
            "press": self._press,
            "join": self._join,
            "leave": self._leave,
            "pin": self._pin,
            "rename": self._rename,
        }

    def _say(self, body: Body) -> Json:
        chat, text = self._names.chat(body), body.given("text", str)
        thread_id = body.given_or_none("thread", int)
        replied = self._names.message_or_none(body, "reply_to")
        # A channel speaks for itself and has no user.
        if "channel" in body.fields:
            channel = self._names.chat(body, "channel")
            said = self._groups.says_as_channel(channel, chat, text, thread_id=thread_id, reply_to=replied)
            return show_message(said)
        anonymous = body.given_or_none("anonymous", bool)
        says = self._groups.says_anonymously if anonymous else self._groups.says
        return show_message(says(self._names.user(body), chat, text, thread_id=thread_id, reply_to=replied))

    def _start(self, body: Body) -> Json:
        """Press Start in private, or add the bot to the chat named."""
        user, payload = self._names.user(body), body.given_or_none("payload", str) or ""
        if "chat" in body.fields:
            return show_message(self._groups.starts_in(user, self._names.chat(body), payload))
        return show_message(self._groups.starts(user, payload))

    def _forward(self, body: Body) -> Json:
        return show_message(
            self._groups.forwards(
                self._names.user(body),
                self._names.chat(body),
                body.given("text", str),
                self._origin(body),
                thread_id=body.given_or_none("thread", int),
            )
        )

    def _send_file(self, body: Body) -> Json:
        came_from = self._origin(body) if body.fields.keys() & _ORIGINS else None
        return show_message(
            self._groups.sends_file(
                self._names.user(body),
                self._names.chat(body),
                body.given("name", str),
                _content(body),
                body.given_or_none("caption", str) or "",
                thread_id=body.given_or_none("thread", int),
                came_from=came_from,
            )
        )

    def _origin(self, body: Body) -> User | Chat | str:
        if "from_user" in body.fields:
            return self._names.user(body, "from_user")
        if "from_chat" in body.fields:
            return self._names.chat(body, "from_chat")
        return body.given("from_name", str)

    def _edit(self, body: Body) -> Json:
        return show_message(self._groups.edits(self._names.message(body), body.given("text", str)))

    def _press(self, body: Body) -> Json:
        """Press a button by its text, or send callback data that no button has."""
        user, message = self._names.user(body), self._names.message(body)
        if "data" in body.fields:
            return {"query": self._groups.presses_unshown(user, message, body.given("data", str))}
        return {"query": self._groups.presses(user, message, body.given("button", str))}

    def _join(self, body: Body) -> None:
        self._groups.joins(self._names.user(body), self._names.chat(body), by=self._names.by(body))

    def _leave(self, body: Body) -> None:
        self._groups.leaves(self._names.user(body), self._names.chat(body), by=self._names.by(body))

    def _pin(self, body: Body) -> None:
        self._groups.pins(self._names.user(body), self._names.message(body))

    def _rename(self, body: Body) -> None:
        self._groups.renames(self._names.user(body), self._names.chat(body), body.given("title", str))


def _content(body: Body) -> bytes:
    """Return what is in a file: a text, or any bytes in base64."""
    if "base64" not in body.fields:
        return body.given("content", str).encode()
    try:
        return base64.b64decode(body.given("base64", str), validate=True)
    except binascii.Error:
        raise SandboxError('"base64" must be valid base64.') from None
