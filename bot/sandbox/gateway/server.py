"""A simulated Indexer Gateway: an HTTP server in the vendor's wire format over a world that tests change.

The bot can be tried, tested and measured with it without an account. It shares no code with the bot's own
reading of these answers, so that both can't be wrong in the same way.
"""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from aiohttp import hdrs, web

from bot.sandbox.gateway.answers import error_response, html_response, json_response, send
from bot.sandbox.gateway.balances import (
    BalancesQuery,
    balances,
    balances_by_contract,
    native_balances,
)
from bot.sandbox.gateway.control.routes import GatewayControl
from bot.sandbox.gateway.errors import (
    ACCESS_KEY_NOT_FOUND,
    BAD_METHOD,
    BAD_REQUEST,
    BAD_ROUTE,
    UNAUTHORIZED,
    CallRefused,
    TooLarge,
)
from bot.sandbox.gateway.faults.active import ActiveFaults, CallFaults
from bot.sandbox.gateway.faults.kinds import GatewayCall
from bot.sandbox.gateway.history.request import read_history_accounts, read_history_request
from bot.sandbox.gateway.history.transactions import HistoryQuery, transaction_history
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.limits import CallGate, Session, UsageMeter
from bot.sandbox.gateway.prices import (
    AskedPrices,
    PricesQuery,
    read_price_request,
    read_prices_request,
    token_price,
    token_prices,
)
from bot.sandbox.gateway.request import (
    BalancesRequest,
    Fields,
    RecordedRequest,
    read_balances_request,
    read_contract_request,
    read_fields,
    read_native_accounts,
    read_native_request,
    read_selectors,
    select_chains,
)
from bot.sandbox.gateway.rows import Row
from bot.sandbox.gateway.world import GatewayChain, GatewayWorld, utc_now

_ROOT = "/rpc/IndexerGateway"
_KEY_HEADER = "X-Access-Key"
_RECORDED_HEADERS = ("Accept", "Authorization", "Content-Type", "Origin", "User-Agent", "Webrpc", _KEY_HEADER)
_MAX_BODY_BYTES = 64 * 2**20
_STOP_SECONDS = 0.1


class Gateway:
    """The server, with everything a test may change while it runs: world, knobs, faults, gate, access keys.

    `access_keys` are the keys it knows, and None stands for any key at all; one that is taken away is
    disabled. `requests` has every call, in the order of arrival. `url` is the root for clients, `control_url`
    that of the control over HTTP; both are empty until it serves.
    """

    def __init__(
        self,
        world: GatewayWorld,
        knobs: Knobs | None = None,
        *,
        access_keys: Collection[str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.world = world
        self.knobs = knobs or Knobs()
        self.faults = ActiveFaults()
        self.gate = CallGate()
        self.requests: list[RecordedRequest] = []
        self.url = ""
        self.control_url = ""
        self.access_keys = access_keys
        self._limits = UsageMeter()
        self.clock = clock
        self._started_at = clock()
        self._methods: dict[str, Callable[[Fields, CallFaults], Row]] = {
            "GetTokenBalancesSummary": self._token_balances_summary,
            "GetTokenBalancesDetails": self._token_balances_details,
            "GetTokenBalancesByContract": self._token_balances_by_contract,
            "GetNativeTokenBalance": self._native_token_balance,
            "GetTransactionHistory": self._transaction_history,
            "GetTokenPrices": self._token_prices,
            "GetTokenPrice": self._token_price,
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
        # First, as the last route takes every path that is left.
        application.add_routes(GatewayControl(self).routes())
        application.router.add_route("*", "/{path:.*}", self._receive)
        return application

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        try:
            method = self._routed(request)
        except CallRefused as refusal:
            return error_response(refusal.error)
        body = await request.read()
        # Recorded before the gate, so that a test sees the calls that it holds.
        self._record(method, request, body)
        await self.gate.wait_open(method)
        # The world is read after the gate: a held call answers with what is true when it goes on.
        call = self._call(method, body)
        faults = self.faults.faults_of(call)
        latency = self.knobs.latency(accounts=len(call.accounts), chains=len(call.chain_ids))
        await asyncio.sleep(latency + faults.delay_seconds())
        return await send(request, faults.interruption, lambda: self._answer(method, request, body, faults))

    def _routed(self, request: web.Request) -> str:
        """Return the method's name; the path counts before the verb (docs/indexer-gateway.md, "Errors")."""
        # An unknown path is 404 whatever the verb; a known one with a wrong verb is 405.
        root, _, method = request.path.rpartition("/")
        if root != _ROOT or method not in self._methods:
            raise CallRefused(BAD_ROUTE.because(f"no webrpc method defined for path {request.path}"))
        if request.method != hdrs.METH_POST:
            raise CallRefused(
                BAD_METHOD.because(f"unsupported method {request.method} (only POST is allowed)")
            )
        return method

    def _record(self, method: str, request: web.Request, body: bytes) -> None:
        self.requests.append(
            RecordedRequest(
                method=method,
                body=_parsed(body),
                headers={
                    name: request.headers[name] for name in _RECORDED_HEADERS if name in request.headers
                },
                received_at=self.clock(),
            )
        )

    def _call(self, method: str, body: bytes) -> GatewayCall:
        """Return what faults match a call by; a body that cannot be read asks for nothing."""
        try:
            fields = read_fields(body)
            accounts = read_history_accounts(fields) | read_native_accounts(fields)
            return GatewayCall(method=method, accounts=accounts, chain_ids=self._chain_ids(method, fields))
        except CallRefused:
            return GatewayCall(method=method)

    def _chain_ids(self, method: str, fields: Fields) -> frozenset[int]:
        readers = {"GetTokenPrices": read_prices_request, "GetTokenPrice": read_price_request}
        if method in readers:
            return frozenset(asked.chain_id for asked in readers[method](fields))
        return select_chains(self.world.chains(), read_selectors(fields), self.knobs).chain_ids

    def _answer(self, method: str, request: web.Request, body: bytes, faults: CallFaults) -> web.Response:
        headers: dict[str, str] = {}
        try:
            # Charged before the body is parsed: bad requests use up the limit as well.
            headers = self._limits.charge(self._session(request), self.knobs, self.clock())
            _require_json(request)
            return json_response(self._methods[method](read_fields(body), faults), headers=headers)
        except CallRefused as refusal:
            return error_response(refusal.error, {**headers, **refusal.headers})
        except TooLarge:
            return html_response(413, "<html><body><h1>413 Request Entity Too Large</h1></body></html>")

    def _session(self, request: web.Request) -> Session:
        """Return who calls; raises CallRefused for a key that is unknown, disabled or missing."""
        key = request.headers.get(_KEY_HEADER, "")
        if not key:
            if self.knobs.missing_key == "refused":
                raise CallRefused(UNAUTHORIZED)
            return "Public"
        if self.access_keys is not None and key not in self.access_keys:
            raise CallRefused(ACCESS_KEY_NOT_FOUND)
        return "AccessKey"

    def _token_balances_summary(self, fields: Fields, faults: CallFaults) -> Row:
        return balances(self._asked(read_balances_request(fields), faults, by_token_id=False))

    def _token_balances_details(self, fields: Fields, faults: CallFaults) -> Row:
        return balances(self._asked(read_balances_request(fields), faults, by_token_id=True))

    def _token_balances_by_contract(self, fields: Fields, faults: CallFaults) -> Row:
        return balances_by_contract(self._asked(read_contract_request(fields), faults, by_token_id=True))

    def _native_token_balance(self, fields: Fields, faults: CallFaults) -> Row:
        return native_balances(self._asked(read_native_request(fields), faults, by_token_id=False))

    def _token_prices(self, fields: Fields, faults: CallFaults) -> Row:
        return token_prices(self._priced(read_prices_request(fields), faults))

    def _token_price(self, fields: Fields, faults: CallFaults) -> Row:
        return token_price(self._priced(read_price_request(fields), faults))

    def _priced(self, asked: tuple[AskedPrices, ...], faults: CallFaults) -> PricesQuery:
        return PricesQuery(world=self.world, knobs=self.knobs, faults=faults, chains=asked)

    def _transaction_history(self, fields: Fields, faults: CallFaults) -> Row:
        return transaction_history(
            HistoryQuery(
                world=self.world,
                knobs=self.knobs,
                faults=faults,
                request=read_history_request(fields),
                now=self.clock(),
            )
        )

    def _asked(self, request: BalancesRequest, faults: CallFaults, *, by_token_id: bool) -> BalancesQuery:
        return BalancesQuery(
            world=self.world, knobs=self.knobs, faults=faults, request=request, by_token_id=by_token_id
        )

    def _chains(self, fields: Fields, faults: CallFaults) -> Row:
        chosen = select_chains(self.world.chains(), read_selectors(fields), self.knobs)
        shown = [chain for chain in chosen.chains if not faults.leaves_out_chain(chain.chain_id)]
        chains: list[Row] = [{"chainId": chain.chain_id, "chainName": chain.name} for chain in shown]
        invented = faults.invented_chains()
        return {
            "chains": chains + [{"chainId": number, "chainName": f"chain-{number}"} for number in invented]
        }

    def _ping(self, _: Fields, __: CallFaults) -> Row:
        return {"status": True}

    def _version(self, _: Fields, __: CallFaults) -> Row:
        version = {
            "webrpcVersion": "v1",
            "schemaVersion": "v0.4.0",
            "schemaHash": "0" * 40,
            "appVersion": "sandbox",
        }
        return {"version": version}

    def _runtime_status(self, _: Fields, __: CallFaults) -> Row:
        status = {
            "healthOK": True,
            "startTime": self._started_at.isoformat(),
            "uptime": int((self.clock() - self._started_at).total_seconds()),
            "ver": "sandbox",
            "branch": "",
            "commitHash": "",
            "backends": [_backend(chain) for chain in self.world.chains()],
        }
        return {"status": status}


def _require_json(request: web.Request) -> None:
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise CallRefused(BAD_REQUEST.because(f"unsupported Content-Type {content_type!r}"))


def _backend(chain: GatewayChain) -> Row:
    response_time = {"percentiles": {"50": 0.01, "99": 0.05}, "average": 0.01}
    return {"name": chain.name, "chainId": chain.chain_id, "responseTime": response_time}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
