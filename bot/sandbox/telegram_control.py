"""The sandbox's own door: what tests do to the local Telegram in one process, others do over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar, get_args

from aiohttp import web

from bot.sandbox.telegram_api import BotApi
from bot.sandbox.telegram_faults import (
    Answer,
    Close,
    Error,
    Fault,
    Faults,
    Garbage,
    Hold,
    Page,
    Reset,
    after,
    before,
)
from bot.sandbox.telegram_people import People
from bot.sandbox.telegram_wire import Json, user_json
from bot.sandbox.telegram_world import Chat, Message, SandboxError, Status, User

Handler = Callable[[web.Request], Awaitable[web.Response]]
Given = TypeVar("Given", str, int, bool, dict[str, object])

KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}
STATUSES: tuple[Status, ...] = get_args(Status)


class Control:
    """Answers `/sandbox/…`; what cannot be done is 400 with a sentence that says why."""

    def __init__(self, people: People, faults: Faults, api: BotApi) -> None:
        self._people = people
        self._faults = faults
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """Return where it answers."""
        return [
            web.post("/sandbox/users", _explained(self._add_user)),
            web.post("/sandbox/chats", _explained(self._add_chat)),
            web.post("/sandbox/topics", _explained(self._add_topic)),
            web.post("/sandbox/say", _explained(self._say)),
            web.post("/sandbox/press", _explained(self._press)),
            web.get("/sandbox/messages", _explained(self._messages)),
            web.post("/sandbox/fault", _explained(self._fault)),
            web.post("/sandbox/heal", _explained(self._heal)),
            web.get("/sandbox/calls", _explained(self._calls)),
        ]

    async def _add_user(self, request: web.Request) -> web.Response:
        body = await _body(request)
        user = self._people.add_user(
            _given(body, "first_name", str),
            user_id=_given_or_none(body, "id", int),
            username=_given_or_none(body, "username", str) or "",
        )
        return web.json_response(user_json(user))

    async def _add_chat(self, request: web.Request) -> web.Response:
        body = await _body(request)
        kind = _given(body, "type", str)
        if kind == "private":
            chat = self._people.add_private_chat(self._people.user(_given(body, "user", int)))
        else:
            chat = self._add_shared_chat(kind, body)
        return web.json_response({"id": chat.id, "type": chat.type, "title": chat.title})

    def _add_shared_chat(self, kind: str, body: Json) -> Chat:
        people = self._people
        kinds = {
            "group": people.add_group,
            "supergroup": people.add_supergroup,
            "forum": people.add_forum,
            "channel": people.add_channel,
        }
        if kind not in kinds:
            raise SandboxError(f'"type" must be private or one of {", ".join(kinds)}.')
        usual = "administrator" if kind == "channel" else "member"
        return kinds[kind](
            _given(body, "title", str),
            self._members(_given_or_none(body, "members", dict) or {}),
            bot=_status(body.get("bot", usual)),
            chat_id=_given_or_none(body, "id", int),
        )

    def _members(self, statuses: Json) -> dict[User, Status]:
        return {
            self._people.user(_number(user_id, "members")): _status(status)
            for user_id, status in statuses.items()
        }

    async def _add_topic(self, request: web.Request) -> web.Response:
        body = await _body(request)
        thread_id = self._people.add_topic(self._chat(body), _given(body, "title", str))
        return web.json_response({"thread": thread_id})

    async def _say(self, request: web.Request) -> web.Response:
        body = await _body(request)
        message = self._people.says(
            self._people.user(_given(body, "user", int)),
            self._chat(body),
            _given(body, "text", str),
            thread_id=_given_or_none(body, "thread", int),
        )
        return web.json_response(_message_json(message))

    async def _press(self, request: web.Request) -> web.Response:
        body = await _body(request)
        chat = self._chat(body)
        message = chat.messages.get(_given(body, "message", int))
        if message is None:
            raise SandboxError(f"{chat.title} shows no message {body['message']}.")
        user = self._people.user(_given(body, "user", int))
        query_id = self._people.presses(user, message, _given(body, "button", str))
        return web.json_response({"query": query_id})

    async def _messages(self, request: web.Request) -> web.Response:
        """Show what is newer; with `wait`, once the bot has said something new or the time is over."""
        chat = self._people.chat(_number(request.query.get("chat", ""), "chat"))
        newest_known = _number(request.query.get("after", "0"), "after")
        thread = request.query.get("thread")
        thread_id = _number(thread, "thread") if thread is not None else None

        def newer() -> list[Message]:
            return [m for m in self._people.messages(chat, thread_id) if m.message_id > newest_known]

        await self._wait(
            lambda: any(m.from_bot for m in newer()) or None, _seconds(request.query.get("wait", "0"))
        )
        return web.json_response([_message_json(message) for message in newer()])

    async def _wait(self, look: Callable[[], bool | None], seconds: float) -> None:
        try:
            await self._people.changed.wait_for(look, seconds)
        except TimeoutError:
            return

    async def _fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        chat_id = _given_or_none(body, "chat", int)
        self._faults.add(
            _read_fault(body),
            times=_given_or_none(body, "times", int),
            chat_id=self._people.chat(chat_id).id if chat_id is not None else None,
            method=_given_or_none(body, "method", str) or "sendMessage",
        )
        return web.json_response({})

    async def _heal(self, _: web.Request) -> web.Response:
        self._faults.heal()
        return web.json_response({})

    async def _calls(self, request: web.Request) -> web.Response:
        method = request.query.get("method")
        return web.json_response(
            [
                {**asdict(call), "received_at": call.received_at.isoformat()}
                for call in self._api.calls
                if method in (None, call.method)
            ]
        )

    def _chat(self, body: Json) -> Chat:
        return self._people.chat(_given(body, "chat", int))


def _explained(handler: Handler) -> Handler:
    """Turn what cannot be done into an answer that says so."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except SandboxError as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        raise SandboxError("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise SandboxError("The body must be a JSON object.")
    return body


def _given(body: Json, name: str, kind: type[Given]) -> Given:
    value = _given_or_none(body, name, kind)
    if value is None:
        raise SandboxError(f'"{name}" is missing: {KINDS[kind]} is expected.')
    return value


def _given_or_none(body: Json, name: str, kind: type[Given]) -> Given | None:
    value = body.get(name)
    if value is None or type(value) is kind:
        return value
    raise SandboxError(f'"{name}" must be {KINDS[kind]}.')


def _number(written: str, name: str) -> int:
    try:
        return int(written)
    except ValueError:
        raise SandboxError(f'"{name}" must be a whole number.') from None


def _seconds(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise SandboxError('"wait" must be a number of seconds.') from None


def _status(written: object) -> Status:
    found = next((status for status in STATUSES if status == written), None)
    if found is None:
        raise SandboxError(f"A status must be one of {', '.join(STATUSES)}.")
    return found


def _read_fault(body: Json) -> Fault:
    places = {"before": before, "after": after}
    place = _given_or_none(body, "place", str) or "before"
    if place not in places:
        raise SandboxError('"place" must be before or after (the request is accepted).')
    return places[place](_read_answer(body))


def _read_answer(body: Json) -> Answer:
    answers: dict[str, Callable[[], Answer]] = {
        "close": Close,
        "reset": Reset,
        "hold": Hold,
        "garbage": Garbage,
        "page": lambda: Page(_given_or_none(body, "code", int) or Page.status),
        "error": lambda: Error(
            _given(body, "code", int),
            _given(body, "description", str),
            _given_or_none(body, "parameters", dict),
        ),
    }
    answer = _given(body, "answer", str)
    if answer not in answers:
        raise SandboxError(f'"answer" must be one of {", ".join(answers)}.')
    return answers[answer]()


def _message_json(message: Message) -> Json:
    """Write a message as a person sees it, not as the Bot API does."""
    return {
        "message_id": message.message_id,
        "chat": message.chat_id,
        "thread": message.thread_id,
        "text": message.text,
        "html": message.html,
        "buttons": [[button._asdict() for button in row] for row in message.buttons],
        "date": message.date.isoformat(),
        "edited": message.edited,
        "from_bot": message.from_bot,
        "silent": message.silent,
    }
