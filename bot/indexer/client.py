"""The client of the Indexer Gateway: a whole answer, or an IndexerError.

The pages of one answer count together or not at all.
"""

import asyncio
import random
import time
import weakref
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Final, Self

import structlog

from bot.domain.ask.questions import Allowance, Answer, Question, Reply
from bot.domain.assets import Address, Asset, ChainId, Items, Quote
from bot.domain.explain.questions import HistoryAnswer, HistoryQuestion
from bot.indexer.budget import BOUNDS, Bounds, Budget, Share
from bot.indexer.errors import ChainRefused, MetadataFailed, QuestionRefused, ReplyIncomplete, ReplyTooLarge
from bot.indexer.extras import prices
from bot.indexer.extras.history import read_history
from bot.indexer.extras.line import SECONDS_MOST, ExtraLine
from bot.indexer.items import ItemCollector
from bot.indexer.pages import PageMark
from bot.indexer.replies.collector import ReplyCollector
from bot.indexer.transport import IndexerCounts, Transport
from bot.indexer.wire import (
    decode_chains,
    decode_ping,
    encode_chains_question,
    encode_question,
    first_page,
    items_question,
)

SAFE_PAGE_SIZE: Final = 40
"""The size that every published client uses (docs/indexer-gateway.md, "Pages")."""

log = structlog.get_logger(__name__)


class IndexerClient:
    """One Indexer Gateway, to be entered once: `async with IndexerClient(url, key) as client`.

    All times are in seconds; `Transport` documents the options that are its own. What is asked beside the
    polls has to be answered within `extra_timeout_seconds`.
    """

    def __init__(
        self,
        url: str,
        access_key: str = "",
        access_key_header: str = "X-Access-Key",
        *,
        timeout_seconds: float = 30.0,
        extra_timeout_seconds: float = SECONDS_MOST,
        page_size: int = 1000,
        max_concurrent_requests: int = 4,
        pages_max: int = 10_000,
        bounds: Bounds = BOUNDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._bounds = bounds
        self._budget = Budget(bounds)
        self._key = access_key
        connect = partial(Transport, url, access_key, access_key_header, sleep=sleep, rng=rng, now=now)
        self._transport = connect(
            timeout_seconds=timeout_seconds, max_concurrent_requests=max_concurrent_requests
        )
        self.extra_counts = IndexerCounts()
        """What became of all requests that went out beside the polls."""
        connect_extra = partial(
            connect,
            timeout_seconds=min(timeout_seconds, extra_timeout_seconds),
            max_concurrent_requests=1,
            attempts=1,
            counts=self.extra_counts,
        )
        self._history = ExtraLine(connect_extra(), self._transport, monotonic=monotonic, rng=rng)
        self._prices = ExtraLine(connect_extra(), self._transport, monotonic=monotonic, rng=rng)
        self._page_size = page_size
        self._pages_max = pages_max

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        await self._history.__aenter__()
        await self._prices.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._prices.__aexit__(kind, error, traceback)
        await self._history.__aexit__(kind, error, traceback)
        await self._transport.__aexit__(kind, error, traceback)

    @property
    def requests_sent(self) -> int:
        """HTTP requests since the start, repeated ones included."""
        return self._transport.requests_sent

    @property
    def counts(self) -> IndexerCounts:
        """What became of all requests since the start, but those beside the polls."""
        return self._transport.counts

    @property
    def allowance(self) -> Allowance:
        """What the last answer that spoke of limits said of them."""
        return self._transport.allowance

    @property
    def clock_ahead_seconds(self) -> float | None:
        """How far our clock is ahead of the service's, by its last answer; None: unknown."""
        return self._transport.clock_ahead_seconds

    async def balances(self, question: Question) -> Answer:
        """Return the answer to a question, read in full; raises as `reply` does."""
        reply = await self.reply(question)
        answer = reply.about(question.accounts)
        return replace(answer, descriptions=reply.descriptions(question.accounts))

    async def reply(self, question: Question) -> Reply:
        """Return the reply to a question, all pages together, whose rows are read when somebody wants them.

        Raises an IndexerError, or ValueError for a question that must not be sent. An answer whose pages
        do not come to an end is a ReplyIncomplete.
        """
        collected = ReplyCollector(question, conceal=self._key)
        share = Share(self._budget)
        # The reply reads its rows as long as the poller keeps it: the budget is free when it is let go.
        weakref.finalize(collected, share.end)
        await self._read(_Reading("GetTokenBalancesSummary", question, collected.add, share))
        self.counts.rows_read += collected.rows - collected.refused_rows
        self.counts.rows_refused += collected.refused_rows

        reply = await self._transport.in_turn(collected.reply)
        counted = collected.refused_rows

        def about(accounts: Collection[Address]) -> Answer:
            nonlocal counted
            answer = reply.about(accounts)
            if answer.refused_rows != counted:
                self.counts.rows_refused += answer.refused_rows - counted
                # Reading may find more rows to refuse in sorting: each counts once, however often it is read.
                counted = reply.about(()).refused_rows
            return answer

        return replace(reply, about=about)

    async def items(self, account: Address, asset: Asset, *, items_max: int = 200) -> Items:
        """Return the amount of each token id that an account holds of a collection, of any contract status.

        Raises TooManyItems at more than `items_max` ids, zero amounts included; another IndexerError where
        anything is doubtful; ValueError for a native coin.
        """
        collected = ItemCollector(account, asset, items_max=items_max, conceal=self._key)
        question = items_question(account, asset)
        share = Share(self._budget)
        try:
            await self._read(_Reading("GetTokenBalancesDetails", question, collected.add, share))
        finally:
            share.end()
        return collected.items()

    @property
    def history_is_ready(self) -> bool:
        """Whether a question for transfers would go out now and is likely to be answered."""
        return self._history.is_ready

    async def history(self, question: HistoryQuestion, *, on_demand: bool = False) -> HistoryAnswer:
        """Return the transfers that the source lists, or raise an IndexerError soon; nothing is asked twice.

        It never delays a poll, nor makes one fail, and goes out only while no poll has to wait. LeftAlone
        where it failed or was throttled lately; OverBudget where it has used up its share of the requests,
        which what people ask for `on_demand` does not need. ValueError for a question that must not be sent.
        """
        return await read_history(
            self._history, question, on_demand=on_demand, conceal=self._key, monotonic=self._monotonic
        )

    async def token_prices(self, assets: Collection[Asset]) -> Mapping[Asset, Quote | None]:
        """Return the price of each token, None where the source has none; what is not answered is left out.

        It goes beside the polls, never repeated, as far as its share of the requests allows. Raises an
        IndexerError, or ValueError for no tokens or a native coin.
        """
        share = self._prices.share()
        try:
            body, read = prices.encode_prices_question(assets), partial(prices.decode_prices, asked=assets)
            return await self._prices.ask(prices.METHOD, body, read, share, on_demand=False)
        finally:
            share.end()

    async def chains(self, network_type: str = "MAINNETS") -> tuple[tuple[ChainId, str], ...]:
        """Return the chains that the service knows, with its names for them; `network_type` may be `ALL`."""
        return await self._transport.ask("GetChains", encode_chains_question(network_type), decode_chains)

    async def ping(self) -> None:
        """Return if the service answers that it is well; raise an IndexerError if not."""
        await self._transport.ask("Ping", b"{}", decode_ping)

    async def _read(self, reading: "_Reading") -> None:
        """Ask for page after page to the last one; raise where all together exceed the bounds."""
        page = b""
        began_at = self._monotonic()
        for _ in range(self._pages_max):
            mark = await (self._page(reading, page) if page else self._first_page(reading))
            reading.share.keep(mark.rows, mark.kept_bytes)
            if not mark.more:
                return
            if self._monotonic() - began_at > self._bounds.seconds:
                raise ReplyTooLarge(f"no end of pages after {self._bounds.seconds:g} s")
            # A cursor that does not move, or pages of known rows alone, would go on for ever.
            if mark.page == page or not mark.new_rows:
                raise ReplyIncomplete("its pages repeat themselves")
            page = mark.page
        raise ReplyIncomplete(f"more than {self._pages_max} pages")

    async def _first_page(self, reading: "_Reading") -> PageMark:
        """Ask for the first page; if its size is refused, in the size that every gateway takes."""
        page_size = self._page_size
        try:
            return await self._page(reading, first_page(page_size))
        # A kind of QuestionRefused, but no smaller page helps where a chain is not allowed.
        except ChainRefused:
            raise
        except QuestionRefused:
            if page_size <= SAFE_PAGE_SIZE:
                raise
        mark = await self._page(reading, first_page(SAFE_PAGE_SIZE))
        # Only after the small page was answered: else the size was not to blame.
        if self._page_size > SAFE_PAGE_SIZE:
            self._page_size = SAFE_PAGE_SIZE
            log.warning(
                "the indexer refuses large pages", action="page_size", refused=page_size, used=SAFE_PAGE_SIZE
            )
        return mark

    async def _page(self, reading: "_Reading", page: bytes) -> PageMark:
        """Ask for one page; if the service fails at metadata, a second time without."""
        question = reading.question
        try:
            return await self._ask(reading, encode_question(question, page))
        except MetadataFailed:
            bare = encode_question(replace(question, metadata=False), page)
        return await self._ask(reading, bare)

    async def _ask(self, reading: "_Reading", body: bytes) -> PageMark:
        try:
            return await self._transport.ask(
                reading.method, body, reading.add, on_bytes=reading.share.receive
            )
        finally:
            reading.share.page_done()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One question, and where its pages go."""

    method: str
    question: Question
    add: Callable[[bytes], PageMark]
    share: Share
