"""Take the bot's HTTP requests in, let faults happen to them, and send Telegram's envelopes back."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from bot.sandbox.telegram.api.faults import FaultRules, apply_fault
from bot.sandbox.telegram.api.methods import Methods
from bot.sandbox.telegram.api.parameters import Parameters, read_parameters
from bot.sandbox.telegram.world.clock import Clock
from bot.sandbox.telegram.world.wire import ApiError, failure_json, success_json

FETCHED = "file"
"""What stands for a method where a file is fetched."""

TOKEN_FORM = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")


@dataclass(frozen=True)
class BotCall:
    """One request of the bot, as it arrived."""

    method: str
    parameters: dict[str, object]
    received_at: datetime


class BotApi:
    """Answers `/bot<token>/<method>` and `/file/bot<token>/<path>`, and records the calls."""

    def __init__(self, token: str, methods: Methods, faults: FaultRules, now: Clock) -> None:
        self._token = token
        self._methods = methods
        self._faults = faults
        self._now = now
        self.calls: list[BotCall] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; any other path is answered with Telegram's own 404."""
        return [
            web.route(verb, path, answer)
            for path, answer in (
                ("/bot{token}/{method}", self._serve),
                ("/file/bot{token}/{path:.+}", self._serve_file),
                ("/{anywhere:.*}", _not_found),
            )
            # Telegram takes both verbs for every method.
            for verb in ("GET", "POST")
        ]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request.match_info["token"])
            name = self._methods.name_of(request.match_info["method"])
            parameters = await read_parameters(request)
        except ApiError as error:
            return _failure(error)
        # Recorded before any fault: a test counts what the bot asked, whatever came of it.
        self.calls.append(BotCall(name, parameters.values, self._now()))
        fault = self._faults.take(name, parameters.integer("chat_id"))
        if fault is None:
            return await self._accept(name, parameters)
        return await apply_fault(fault, request, lambda: self._accept(name, parameters), self._take_back)

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        try:
            self._check_token(request.match_info["token"])
            file = self._methods.file_at(path)
        except ApiError as error:
            return _failure(error)

        async def accept() -> web.Response:
            return web.Response(body=file.content)

        self.calls.append(BotCall(FETCHED, {"path": path}, self._now()))
        fault = self._faults.take(FETCHED, None)
        if fault is None:
            return await accept()
        return await apply_fault(fault, request, accept, lambda _: None)

    async def _accept(self, name: str, parameters: Parameters) -> web.Response:
        try:
            return web.json_response(success_json(await self._methods.call(name, parameters)))
        except ApiError as error:
            return _failure(error)

    def _take_back(self, accepted: web.Response) -> None:
        """Delete the message that was just sent; other results stay."""
        # Read back from the answer, so that this works for every method that sends a message.
        sent = json.loads(accepted.text or "")["result"]
        if isinstance(sent, dict) and "message_id" in sent:
            self._methods.erase(sent["chat"]["id"], sent["message_id"])

    def _check_token(self, token: str) -> None:
        """Refuse another bot's token with 401, and what is no token at all with 404."""
        if not TOKEN_FORM.fullmatch(token):
            raise ApiError(404, "Not Found")
        if token != self._token:
            raise ApiError(401, "Unauthorized")


async def _not_found(_: web.Request) -> web.Response:
    return _failure(ApiError(404, "Not Found"))


def _failure(error: ApiError) -> web.Response:
    return web.json_response(failure_json(error), status=error.code)
