"""Read the JSON bodies and queries of the control; every mistake is a SandboxError with a sentence."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, get_args

from aiohttp import web

from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Chat, Message, SandboxError, Status, TelegramWorld, User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Given = TypeVar("Given", str, int, bool, dict[str, object], list[object])

KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True)
class Body:
    """The JSON object of one request."""

    fields: Json

    def given(self, name: str, kind: type[Given]) -> Given:
        """Return a field that must be there."""
        value = self.given_or_none(name, kind)
        if value is None:
            raise SandboxError(f'"{name}" is missing: {KINDS[kind]} is expected.')
        return value

    def given_or_none(self, name: str, kind: type[Given]) -> Given | None:
        """Return a field that may be missing or null."""
        value = self.fields.get(name)
        # By exact type: True is an int to Python, and no number to a caller.
        if value is None or type(value) is kind:
            return value
        raise SandboxError(f'"{name}" must be {KINDS[kind]}.')

    def seconds(self, name: str) -> float:
        """Return a length of time."""
        return read_seconds(str(self.fields.get(name)), name)

    def moment(self, name: str) -> datetime:
        """Return a moment, written as ISO 8601 with its zone."""
        try:
            moment = datetime.fromisoformat(self.given(name, str))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise SandboxError(f'"{name}" must be a moment with its zone, such as 2026-03-01T12:00:00+00:00.')
        return moment


@dataclass(frozen=True)
class Query:
    """The query parameters of one request."""

    fields: Mapping[str, str]

    def number(self, name: str) -> int:
        """Return a number that must be there."""
        return read_number(self.fields.get(name, ""), name)

    def number_or_none(self, name: str) -> int | None:
        """Return a number that may be missing."""
        return self.number(name) if name in self.fields else None

    def text(self, name: str) -> str:
        """Return a text; empty where it is missing."""
        return self.fields.get(name, "")

    def seconds(self, name: str) -> float:
        """Return a length of time; none is 0."""
        return read_seconds(self.fields.get(name, "0"), name)


def post_handler(act: Callable[[Body], object]) -> Handler:
    """Make a handler that answers a POST with what `act` returns, as JSON; nothing is an empty object."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            # Functions that return nothing still answer with JSON, so that callers can parse every answer.
            return web.json_response(act(await _read_body(request)) or {})
        except SandboxError as error:
            return _refused(error)

    return answer


def get_handler(look: Callable[[Query], object]) -> Handler:
    """Make a handler that answers a GET with what `look` returns, as JSON."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(look(Query(request.query)))
        except SandboxError as error:
            return _refused(error)

    return answer


def async_get_handler(look: Callable[[Query], Awaitable[web.StreamResponse]]) -> Handler:
    """Make a handler that answers a GET with a response that may have to wait."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await look(Query(request.query))
        except SandboxError as error:
            return _refused(error)

    return answer


def read_number(written: str, name: str) -> int:
    """Read a whole number."""
    try:
        return int(written)
    except ValueError:
        raise SandboxError(f'"{name}" must be a whole number.') from None


def read_seconds(written: str, name: str) -> float:
    """Read a length of time."""
    try:
        return float(written)
    except ValueError:
        raise SandboxError(f'"{name}" must be a number of seconds.') from None


def read_status(written: object) -> Status:
    """Read a member's status."""
    found = next((status for status in STATUSES if status == written), None)
    if found is None:
        raise SandboxError(f"A status must be one of {', '.join(STATUSES)}.")
    return found


async def _read_body(request: web.Request) -> Body:
    try:
        body = await request.json()
    except ValueError:
        raise SandboxError("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise SandboxError("The body must be a JSON object.")
    return Body(body)


def _refused(error: SandboxError) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)


class Names:
    """Finds the chats, people and messages that a body names by id; SandboxError where there is none."""

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world

    def chat(self, body: Body, name: str = "chat") -> Chat:
        """Return the chat that must be named."""
        return self._world.chat(body.given(name, int))

    def user(self, body: Body, name: str = "user") -> User:
        """Return the person that must be named."""
        return self._world.user(body.given(name, int))

    def by(self, body: Body) -> User | None:
        """Return the person in `by`, if one is named."""
        return self.user(body, "by") if "by" in body.fields else None

    def message(self, body: Body, name: str = "message") -> Message:
        """Return the message of the chat that must be named."""
        return message_in(self.chat(body), body.given(name, int))

    def message_or_none(self, body: Body, name: str) -> Message | None:
        """Return the message of the chat, if one is named."""
        return self.message(body, name) if name in body.fields else None


def message_in(chat: Chat, number: int) -> Message:
    """Return a message of a chat; SandboxError where it has none of this number."""
    if number not in chat.messages:
        raise SandboxError(f"{chat.title} shows no message {number}.")
    return chat.messages[number]
