"""Asks for the prices of held tokens that sweeps leave out, beside the polls and far more rarely.

Sweeps don't wait for it; the source counts and limits these requests apart from those of the polls.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from math import ceil
from typing import Final, Protocol

import structlog

from bot.domain.ask.plan import chunks
from bot.domain.assets import Address, Asset, ChainId, Quote
from bot.domain.observe.prices import PRICE_ASKED_AFTER
from bot.indexer.errors import ChainRefused, IndexerError, LeftAlone, OverBudget, QuestionRefused
from bot.store.balances import prices
from bot.store.database.connection import DatabaseThread

TOKENS_PER_QUESTION: Final = 100
"""The source documents no limit; what it refuses is asked in halves."""

LOOKED_AFTER: Final = PRICE_ASKED_AFTER / 3
"""How often anybody looks whether a price is missing or old."""

TOKENS_LOOKED_AT: Final = 2_000
"""More than all requests that may go out between two looks can ask for."""

log = structlog.get_logger(__name__)


class PriceSource(Protocol):
    """Where prices come from."""

    async def token_prices(self, assets: Collection[Asset]) -> Mapping[Asset, Quote | None]:
        """Return the price of each asset, None where there is none, or raise an IndexerError."""


class PriceQuestions:
    """Decides which prices are asked for, and remembers which were."""

    def __init__(self, source: PriceSource, db: DatabaseThread, *, now: Callable[[], datetime]) -> None:
        self._source = source
        self._db = db
        self._now = now
        self._looked_at: datetime | None = None
        self._asked_at: dict[Asset, datetime] = {}

    def look_again(self) -> None:
        """Let the next look be at once: something new may be held."""
        self._looked_at = None

    async def wanted(self, current: Mapping[ChainId, AbstractSet[Address]]) -> list[Asset]:
        """Return the assets whose price is to be asked now, but for those of which a sweep has a current one.

        It looks once in five minutes; what was asked is left out for a quarter of an hour, answered or not.
        """
        now = self._now()
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOKED_AFTER:
            return []
        self._looked_at = now
        self._asked_at = {
            asset: at for asset, at in self._asked_at.items() if timedelta(0) <= now - at < PRICE_ASKED_AFTER
        }
        found = await self._db.run(prices.prices_to_ask, now, TOKENS_LOOKED_AT)
        return [
            asset
            for asset in found
            if asset not in self._asked_at and asset.contract not in current.get(asset.chain_id, ())
        ]

    async def ask(self, wanted: Collection[Asset]) -> dict[Asset, Quote]:
        """Return the prices that the source names, and store of which assets it has none.

        It ends with the first question that fails; those behind it wait for the next look.
        """
        answers: dict[Asset, Quote | None] = {}
        questions = deque(chunks(tuple(wanted), TOKENS_PER_QUESTION))
        while questions:
            some = questions.popleft()
            trouble = None
            try:
                answers |= await self._source.token_prices(some)
            except (LeftAlone, OverBudget):  # nothing was sent
                break
            except IndexerError as error:
                trouble = error
            self._asked_at |= dict.fromkeys(some, self._now())
            if trouble is None:
                continue
            if not isinstance(trouble, QuestionRefused) or isinstance(trouble, ChainRefused):
                log.debug("prices are unknown", action="prices_unknown", trouble=str(trouble))
                break
            # One token may be to blame; a single one that is refused has no price.
            if len(some) == 1:
                answers[some[0]] = None
            else:
                questions.extendleft(chunks(some, ceil(len(some) / 2)))
        unpriced = [asset for asset, quote in answers.items() if quote is None]
        if unpriced:
            await self._db.run(prices.save_unpriced, unpriced, self._now())
        return {asset: quote for asset, quote in answers.items() if quote is not None}
