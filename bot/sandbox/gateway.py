"""A simulated Indexer Gateway: a real HTTP server in the vendor's wire format, over a world that tests move.

It lets the bot be tried, tested and measured without an account, and shares no code with the bot's own
reading of these answers, so that both cannot be wrong in the same way.
"""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self

from aiohttp import hdrs, web

from bot.sandbox.gateway_control import Control
from bot.sandbox.gateway_errors import (
    ACCESS_KEY_NOT_FOUND,
    BAD_METHOD,
    BAD_REQUEST,
    BAD_ROUTE,
    UNAUTHORIZED,
    Refused,
    WireError,
)
from bot.sandbox.gateway_faults import AnswerError, AnswerHtml, CutBody, DropConnection, Faults, Gate
from bot.sandbox.gateway_request import (
    Fields,
    RecordedRequest,
    read_balances_request,
    read_fields,
    read_selectors,
)
from bot.sandbox.gateway_rows import Row
from bot.sandbox.gateway_summary import Knobs, selected_chains, summary
from bot.sandbox.world import Chain, World

_ROOT = "/rpc/IndexerGateway"
_KEY_HEADER = "X-Access-Key"
_RECORDED_HEADERS = ("Accept", "Authorization", "Content-Type", "Origin", "User-Agent", "Webrpc", _KEY_HEADER)
_SERVED_BY = {"Webrpc": "webrpc@v0.31.2;gen-golang@v0.23.1;sequence-indexer@v0.4.0"}
_MAX_BODY_BYTES = 64 * 2**20
_STOP_SECONDS = 0.1


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """The gateway and all that a test may turn while it runs: world, knobs, faults, gate.

    `access_keys` are the keys it knows; None stands for any key at all. `requests` has every call, in the
    order of arrival. `url` is the root for clients, `control_url` that of the back door; both are empty
    until it serves.
    """

    def __init__(
        self,
        world: World,
        knobs: Knobs | None = None,
        *,
        access_keys: Collection[str] | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.world = world
        self.knobs = knobs or Knobs()
        self.faults = Faults()
        self.gate = Gate()
        self.requests: list[RecordedRequest] = []
        self.url = ""
        self.control_url = ""
        self._access_keys = access_keys
        self._clock = clock
        self._started_at = clock()
        self._methods: dict[str, Callable[[Fields], Row]] = {
            "GetTokenBalancesSummary": self._token_balances_summary,
            "GetChains": self._chains,
            "Ping": self._ping,
            "Version": self._version,
            "RuntimeStatus": self._runtime_status,
        }

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Answer on a loopback address until the block ends; port 0 is any free one.

        It may be served again afterwards, as a gateway that was down and is back.
        """
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the sandbox is for this machine only, and {host} is no loopback address")
        runner = web.AppRunner(
            self._application(), access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_SECONDS
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            self.control_url = f"{site.name}/sandbox"
            self.url = f"{site.name}{_ROOT}"
            yield self
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.add_routes(Control(self.world, self.faults, self.gate, self.requests).routes())
        application.router.add_route("*", "/{path:.*}", self._receive)
        return application

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        try:
            method = self._routed(request)
        except Refused as refusal:
            return _error_response(refusal.error)
        body = await request.read()
        self._record(method, request, body)
        await asyncio.sleep(self.knobs.latency_seconds + self.faults.delay_seconds())
        await self.gate.passed()
        match self.faults.take_interruption():
            case None:
                return self._answer(method, request, body)
            case AnswerError() as fault:
                return _error_response(fault.error, fault.headers)
            case AnswerHtml() as fault:
                return web.Response(status=fault.status, text=fault.body, content_type="text/html")
            case CutBody():
                return await _cut_off(request, self._answer(method, request, body))
            case DropConnection():
                return _dropped(request)

    def _routed(self, request: web.Request) -> str:
        """Return the method's name; the path counts before the verb (indexer-gateway.md 10)."""
        root, _, method = request.path.rpartition("/")
        if root != _ROOT or method not in self._methods:
            raise Refused(BAD_ROUTE.because(f"no webrpc method defined for path {request.path}"))
        if request.method != hdrs.METH_POST:
            raise Refused(BAD_METHOD.because(f"unsupported method {request.method} (only POST is allowed)"))
        return method

    def _record(self, method: str, request: web.Request, body: bytes) -> None:
        self.requests.append(
            RecordedRequest(
                method=method,
                body=_parsed(body),
                headers={
                    name: request.headers[name] for name in _RECORDED_HEADERS if name in request.headers
                },
                received_at=self._clock(),
            )
        )

    def _answer(self, method: str, request: web.Request, body: bytes) -> web.Response:
        try:
            self._admit(request)
            return _json_response(self._methods[method](read_fields(body)))
        except Refused as refusal:
            return _error_response(refusal.error)

    def _admit(self, request: web.Request) -> None:
        key = request.headers.get(_KEY_HEADER, "")
        if not key:
            raise Refused(UNAUTHORIZED)
        if self._access_keys is not None and key not in self._access_keys:
            raise Refused(ACCESS_KEY_NOT_FOUND)
        content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise Refused(BAD_REQUEST.because(f"unsupported Content-Type {content_type!r}"))

    def _token_balances_summary(self, fields: Fields) -> Row:
        return summary(self.world, read_balances_request(fields), self.knobs, self.faults)

    def _chains(self, fields: Fields) -> Row:
        chains = selected_chains(self.world.chains(), read_selectors(fields))
        return {"chains": [{"chainId": chain.chain_id, "chainName": chain.name} for chain in chains]}

    def _ping(self, _: Fields) -> Row:
        return {"status": True}

    def _version(self, _: Fields) -> Row:
        version = {
            "webrpcVersion": "v1",
            "schemaVersion": "v0.4.0",
            "schemaHash": "0" * 40,
            "appVersion": "sandbox",
        }
        return {"version": version}

    def _runtime_status(self, _: Fields) -> Row:
        status = {
            "healthOK": True,
            "startTime": self._started_at.isoformat(),
            "uptime": int((self._clock() - self._started_at).total_seconds()),
            "ver": "sandbox",
            "branch": "",
            "commitHash": "",
            "backends": [_backend(chain) for chain in self.world.chains()],
        }
        return {"status": status}


def _backend(chain: Chain) -> Row:
    response_time = {"percentiles": {"50": 0.01, "99": 0.05}, "average": 0.01}
    return {"name": chain.name, "chainId": chain.chain_id, "responseTime": response_time}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _json_response(answer: Row, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
        headers={**_SERVED_BY, **(headers or {})},
    )


def _error_response(error: WireError, headers: Mapping[str, object] | None = None) -> web.Response:
    allow = {hdrs.ALLOW: hdrs.METH_POST} if error.code == BAD_METHOD.code else {}
    given = {name: str(value) for name, value in (headers or {}).items()}
    return _json_response(error.envelope(), error.status, allow | given)


async def _cut_off(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Announce the whole body, send half of it and hang up."""
    assert isinstance(whole.body, bytes)
    cut = web.StreamResponse(status=whole.status, headers=whole.headers)
    cut.content_length = len(whole.body)
    await cut.prepare(request)
    await cut.write(whole.body[: len(whole.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
