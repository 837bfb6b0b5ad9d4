"""The local Telegram's control over HTTP: what tests do in this process, others do by these routes.

docs/sandbox.md lists all of them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

from aiohttp import web

from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.api.methods import Methods
from bot.sandbox.telegram.api.routes import BotApi
from bot.sandbox.telegram.control.bodies import (
    Query,
    async_get_handler,
    get_handler,
    message_in,
    post_handler,
)
from bot.sandbox.telegram.control.chats import ChatActs
from bot.sandbox.telegram.control.faults import FaultActs
from bot.sandbox.telegram.control.people import PeopleActs
from bot.sandbox.telegram.control.shown import seen_in, show_chat, show_message, show_seen
from bot.sandbox.telegram.world.groups import Groups
from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Message, SandboxError

Found = TypeVar("Found")


class TelegramControl:
    """All routes under `/sandbox/`; what cannot be done is 400 with a sentence that says why."""

    def __init__(self, groups: Groups, *, api: BotApi, methods: Methods, troubles: FaultActs) -> None:
        self._groups = groups
        self._api = api
        self._methods = methods
        self._troubles = troubles

    def routes(self) -> list[web.RouteDef]:
        """Return the routes: POSTs that do something, GETs that look."""
        acts = {**ChatActs(self._groups).acts(), **PeopleActs(self._groups).acts(), **self._troubles.acts()}
        looks = {
            "chats": self._chats,
            "seen": self._seen,
            "menu": self._menu,
            "calls": self._calls,
            "counts": self._counts,
            "limits": lambda _: self._troubles.show_limits(),
            "clock": lambda _: self._troubles.show_clock(),
        }
        return [
            *(web.post(f"/sandbox/{name}", post_handler(act)) for name, act in acts.items()),
            *(web.get(f"/sandbox/{name}", get_handler(look)) for name, look in looks.items()),
            web.get("/sandbox/messages", async_get_handler(self._messages)),
            web.get("/sandbox/toast", async_get_handler(self._toast)),
            web.get("/sandbox/document", async_get_handler(self._document)),
        ]

    def _chats(self, _: Query) -> list[Json]:
        return [show_chat(chat) for chat in self._groups.chats.values()]

    def _seen(self, query: Query) -> Json:
        chat = self._groups.chat(query.number("chat"))
        return show_seen(seen_in(self._groups, chat, query.number_or_none("thread")))

    def _menu(self, query: Query) -> list[Json]:
        chat, user = self._groups.chat(query.number("chat")), self._groups.user(query.number("user"))
        return self._methods.commands.shown(chat, user, query.text("language"))

    def _calls(self, query: Query) -> list[Json]:
        method = query.text("method")
        return [
            {**asdict(call), "received_at": call.received_at.isoformat()}
            for call in self._api.calls
            if method in ("", call.method)
        ]

    def _counts(self, _: Query) -> Json:
        """Count calls by method, the bot's messages in all chats, waiting updates, and 429s."""
        chats = self._groups.chats.values()
        return {
            "calls": Counter(call.method for call in self._api.calls),
            "messages": sum(len(seen_in(self._groups, chat).messages) for chat in chats),
            "duplicates": sum(seen_in(self._groups, chat).duplicates for chat in chats),
            "updates": self._groups.updates.waiting_count,
            "floods": self._troubles.flood_count,
        }

    async def _messages(self, query: Query) -> web.Response:
        """Show messages after an id; with `wait`, once the bot has sent one or the time is over."""
        chat = self._groups.chat(query.number("chat"))
        newest_known = query.number_or_none("after") or 0
        thread_id = query.number_or_none("thread")

        def newer() -> list[Message]:
            return [m for m in self._groups.messages(chat, thread_id) if m.message_id > newest_known]

        await _found(
            # Only the bot's messages end the wait: what the caller said itself is known to it.
            self._groups.changed,
            lambda: any(m.from_bot for m in newer()) or None,
            query.seconds("wait"),
        )
        return web.json_response([show_message(message) for message in newer()])

    async def _toast(self, query: Query) -> web.Response:
        """Show the bot's answer to a pressed button; with `wait`, as soon as there is one."""
        query_id = query.text("query")
        toast = await _found(
            self._methods.toasted, lambda: self._methods.toasts.get(query_id), query.seconds("wait")
        )
        if toast is None:
            raise SandboxError(f"The press {query_id} was not answered.")
        return web.json_response(asdict(toast))

    async def _document(self, query: Query) -> web.Response:
        """Return the file of a message."""
        message = message_in(self._groups.chat(query.number("chat")), query.number("message"))
        if message.document is None:
            raise SandboxError(f"The message {message.message_id} has no file.")
        return web.Response(body=message.document.content, content_type=message.document.mime_type)


async def _found(signal: ChangeSignal, look: Callable[[], Found | None], seconds: float) -> Found | None:
    """Return what the look finds in time, None where it finds nothing."""
    try:
        return await signal.wait_for(look, seconds)
    except TimeoutError:
        return None
