"""What the tests of the local Telegram use: a client without manners, and ways to look at what came."""

import json
from dataclasses import dataclass

from aiohttp import ClientSession

from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Chat

Json = dict[str, object]
CALLING: Json = {"text": "b", "callback_data": "c"}


@dataclass
class Reply:
    status: int
    text: str

    @property
    def description(self) -> str:
        return str(json.loads(self.text)["description"])

    @property
    def result(self) -> Json:
        result = json.loads(self.text)["result"]
        assert isinstance(result, dict)
        return result

    @property
    def updates(self) -> list[Json]:
        result = json.loads(self.text)["result"]
        assert isinstance(result, list)
        return result


class Api:
    """A bot that says what it is told to."""

    def __init__(self, session: ClientSession, telegram: Telegram) -> None:
        self._session = session
        self._telegram = telegram

    async def call(self, method: str, **parameters: object) -> Reply:
        return await self.call_as(SANDBOX_TOKEN, method, **parameters)

    async def call_as(self, token: str, method: str, **parameters: object) -> Reply:
        url = f"{self._telegram.url}/bot{token}/{method}"
        async with self._session.post(url, json=parameters) as response:
            return Reply(response.status, await response.text())

    async def send(self, chat: Chat, text: str = "hello", **parameters: object) -> Reply:
        return await self.call("sendMessage", chat_id=chat.id, text=text, **parameters)

    async def control(self, path: str, body: object) -> Reply:
        async with self._session.post(f"{self._telegram.url}/sandbox/{path}", json=body) as response:
            return Reply(response.status, await response.text())

    async def look(self, path: str, **query: str) -> list[Json]:
        async with self._session.get(f"{self._telegram.url}/sandbox/{path}", params=query) as response:
            found = await response.json()
            assert isinstance(found, list)
            return found


def texts(telegram: Telegram, chat: Chat, thread_id: int | None = None) -> list[str]:
    return [message.text for message in telegram.messages(chat, thread_id)]


def keyboard(*buttons: Json) -> Json:
    return {"inline_keyboard": [list(buttons)]}


async def heard(api: Api) -> list[object]:
    messages = [update.get("message") for update in (await api.call("getUpdates")).updates]
    return [message["text"] for message in messages if isinstance(message, dict)]


async def last_message(api: Api) -> Json:
    update = (await api.call("getUpdates", offset=-1)).updates[0]
    message = update["message"]
    assert isinstance(message, dict)
    return message


async def statuses(api: Api) -> list[tuple[str, str]]:
    changes = [update.get("my_chat_member") for update in (await api.call("getUpdates")).updates]
    return [
        (change["old_chat_member"]["status"], change["new_chat_member"]["status"])
        for change in changes
        if isinstance(change, dict)
    ]
