"""A simulated Indexer Gateway with accounts by the thousand, fast enough to measure the bot against.

The sandbox's gateway (`bot/sandbox/gateway`) serves a small world that tests change in every way; this one
serves a large one in which only amounts grow. It joins prepared bytes, so that an answer costs it far less
than it costs the bot to read it: what is measured is the bot.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Self

from aiohttp import web

from bot.sandbox.gateway.errors import BAD_REQUEST, INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.request import (
    AskedPage,
    BalancesRequest,
    Fields,
    Selectors,
    read_balances_request,
    read_fields,
    read_selectors,
)
from tests.benchmarks.load_rows import AccountRows, LoadWorld, PreparedRow

_HOST = "127.0.0.1"
_ROOT = "/rpc/IndexerGateway"
_DEFAULT_PAGE_SIZE = 40
_STOP_SECONDS = 0.1
_ZIP_LEVEL = 6
"""What servers use if nobody says otherwise."""

_Method = Callable[[Fields], bytes]
_Answer = Callable[[bytes], web.Response]
_Handler = Callable[[web.Request], Awaitable[web.Response]]


class LoadGateway:
    """Serves the balances of a `LoadWorld`; `url` is its root for clients while it serves.

    It serves what steady polls ask for: balances of accounts on chains, whole or narrowed to contracts,
    with or without prices and metadata. All contracts are verified; any key will do. Every answer takes
    `latency_seconds` more than it costs, and a page larger than `max_page_size` is refused. With `zips` all
    answers are packed, whatever the client accepts.
    """

    def __init__(
        self,
        world: LoadWorld,
        *,
        latency_seconds: float = 0.1,
        max_page_size: int = 1000,
        natives_on_every_page: bool = True,
        zips: bool = False,
    ) -> None:
        self.world = world
        self.url = ""
        self.control_url = ""
        self._latency_seconds = latency_seconds
        self._max_page_size = max_page_size
        self._natives_on_every_page = natives_on_every_page
        self._zips = zips
        self._zipped: dict[bytes, bytes] = {}
        """Answers given before, by the body of the request: zipping costs more than all the rest."""

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[Self]:
        """Answer on a loopback address until the block ends; port 0 is any free one."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, _HOST, port)
            await site.start()
            self.url = f"{site.name}{_ROOT}"
            self.control_url = f"{site.name}/sandbox"
            yield self
        finally:
            await runner.cleanup()

    def summary(self, fields: Fields) -> bytes:
        """Return the answer to GetTokenBalancesSummary; raises Refused for what cannot be asked."""
        request = read_balances_request(fields)
        if not request.filter.accounts:
            raise CallRefused(INVALID_ARGUMENT.because("filter.accountAddresses is empty"))
        offset, size = self._read_page(request.page)
        prices = not request.filter.omit_prices
        held = [self.world.rows(account, prices=prices) for account in request.filter.accounts]
        chain_ids = self._selected(request.selectors)
        tokens = {chain_id: _tokens(chain_id, held, request.filter.whitelist) for chain_id in chain_ids}
        more = offset + size < sum(map(len, tokens.values()))
        entries = _token_entries(tokens, offset, size, metadata=not request.omit_metadata)
        # Joined, not formatted: formatting a megabyte costs more than all the rest.
        return b"".join(
            (
                b'{"page":',
                _page_object(request.page.number, size, offset + size, more=more),
                b',"nativeBalances":',
                self._natives(request, offset, chain_ids, held),
                b',"balances":[',
                b",".join(entries),
                b"]}",
            )
        )

    def _application(self) -> web.Application:
        application = web.Application()
        methods: dict[str, _Method] = {
            "GetTokenBalancesSummary": self.summary,
            "GetChains": self._chains,
            "Ping": lambda _: b'{"status":true}',
        }
        turn = asyncio.Lock()
        for name, method in methods.items():
            answer = _answer_of(method)
            answer = self._zipping(answer) if self._zips else answer
            application.router.add_post(f"{_ROOT}/{name}", _handler(answer, self._latency_seconds, turn))
        application.router.add_post("/sandbox/move", _handler(_answer_of(self._move), 0.0, turn))
        return application

    def _zipping(self, answer: _Answer) -> _Answer:
        def zipped(body: bytes) -> web.Response:
            if body not in self._zipped:
                content = answer(body).body
                assert isinstance(content, bytes)
                self._zipped[body] = gzip.compress(content, _ZIP_LEVEL)
            return web.Response(
                body=self._zipped[body],
                content_type="application/json",
                headers={"Content-Encoding": "gzip"},
            )

        return zipped

    def _chains(self, fields: Fields) -> bytes:
        wanted = self._selected(read_selectors(fields))
        names = {one.chain_id: one.name for one in self.world.chains}
        chains = [{"chainId": chain_id, "chainName": names[chain_id]} for chain_id in wanted]
        return json.dumps({"chains": chains}).encode()

    def _move(self, fields: Fields) -> bytes:
        try:
            self.world.move(fields.number("balances"))
            self._zipped.clear()
        except ValueError as error:
            raise CallRefused(BAD_REQUEST.because(str(error))) from None
        return b"{}"

    def _selected(self, selectors: Selectors) -> list[int]:
        return [
            one.chain_id
            for one in self.world.chains
            if (not selectors.chain_ids or one.chain_id in selectors.chain_ids)
            and (not selectors.networks or one.name in selectors.networks)
            and selectors.network_type != "TESTNETS"
        ]

    def _read_page(self, page: AskedPage) -> tuple[int, int]:
        """Return how many rows were given before this page, and how many may stand on it."""
        size = page.size or min(_DEFAULT_PAGE_SIZE, self._max_page_size)
        if size > self._max_page_size:
            raise CallRefused(INVALID_ARGUMENT.because(f"pageSize {size} is above {self._max_page_size}"))
        match page.members.get("after"):
            case None:
                return 0, size
            case {"row": str(row)} if row.isdecimal():
                return int(row), size
            case _:
                raise CallRefused(INVALID_ARGUMENT.because("the cursor was not given like this"))

    def _natives(
        self,
        request: BalancesRequest,
        offset: int,
        chain_ids: list[int],
        held: Sequence[Mapping[int, AccountRows]],
    ) -> bytes:
        if request.filter.omit_natives or (offset and not self._natives_on_every_page):
            return b"null"
        entries = (_entry(chain_id, [rows[chain_id].native for rows in held]) for chain_id in chain_ids)
        return b"".join((b"[", b",".join(entries), b"]"))


def _answer_of(method: _Method) -> _Answer:
    def answer(body: bytes) -> web.Response:
        return web.Response(body=method(read_fields(body)), content_type="application/json")

    return answer


def _handler(answer: _Answer, latency_seconds: float, turn: asyncio.Lock) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(latency_seconds)
        async with turn:  # what comes together leaves one by one, or it would come together for ever
            await asyncio.sleep(0)
            try:
                return answer(body)
            except CallRefused as refusal:
                return web.json_response(refusal.error.envelope(), status=refusal.error.status)

    return handle


def _tokens(
    chain_id: int, held: Sequence[Mapping[int, AccountRows]], whitelist: Collection[str]
) -> list[PreparedRow]:
    rows = chain.from_iterable(one[chain_id].tokens for one in held)
    return [row for row in rows if row.contract in whitelist] if whitelist else list(rows)


def _token_entries(
    tokens: Mapping[int, list[PreparedRow]], offset: int, size: int, *, metadata: bool
) -> Iterator[bytes]:
    """Yield the entry of every chain, with those of its rows that belong on this page."""
    for chain_id, rows in tokens.items():
        here = rows[max(0, offset) : max(0, offset + size)]
        offset -= len(rows)
        yield _entry(chain_id, [row.head + (row.info if metadata else b"}") for row in here])


def _entry(chain_id: int, rows: list[bytes]) -> bytes:
    return b"".join((b'{"chainId":%d,"results":[' % chain_id, b",".join(rows), b"]}"))


def _page_object(number: int, size: int, rows_given: int, *, more: bool) -> bytes:
    """Return the answer's page object; the cursor is an object (docs/indexer-gateway.md, "Pages")."""
    if more:
        page: dict[str, object] = {"page": number + 1, "pageSize": size, "more": True, "column": "id"}
        page["after"] = {"row": str(rows_given)}
    else:
        page = {"page": number + 1 if number else 0, "pageSize": size, "more": False}
    return json.dumps(page, separators=(",", ":")).encode()
