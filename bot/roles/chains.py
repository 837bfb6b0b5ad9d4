"""The lists of chains that the indexer shows, asked for at the start and once a day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.indexer.client import IndexerClient
from bot.indexer.errors import IndexerError
from bot.settings.sections import Settings
from bot.store.database.connection import DatabaseThread
from bot.store.polling.chains import choose_chains, update_chains
from bot.wiring import Now, contract_status

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 15.0
ANEW_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ChainLists:
    """What the indexer listed."""

    mainnets: frozenset[ChainId]
    testnets: frozenset[ChainId]
    asked_at: float
    """On the monotonic clock."""


async def list_chains(source: IndexerClient, registry: Chains, monotonic: Callable[[], float]) -> ChainLists:
    """Return the mainnets and the test networks that the indexer lists; raises IndexerError."""
    asked_at = monotonic()
    listed = frozenset(chain_id for chain_id, _ in await source.chains("ALL"))
    mainnets = frozenset(
        chain_id for chain_id, _ in await source.chains() if not registry.is_testnet(chain_id)
    )
    return ChainLists(mainnets, listed - mainnets, asked_at)


@dataclass(frozen=True, slots=True)
class ChainKeeper:
    """Stores the lists, and which chains are polled where a subscription names none."""

    settings: Settings
    source: IndexerClient
    registry: Chains
    db: DatabaseThread
    now: Now
    monotonic: Callable[[], float]

    async def begin(self, lists: ChainLists | None) -> None:
        """Choose by what is stored, and by lists that were just asked for, if there are any."""
        # Older ones may be out of date: another replica knows better, and has stored it.
        if lists is not None and self.monotonic() - lists.asked_at < AGAIN_SECONDS:
            await self._save(lists)
        await self._choose()

    async def run(self) -> None:
        """Ask the indexer for its list of chains once a day; after a failure, soon again."""
        pause = AGAIN_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = AGAIN_SECONDS
            try:
                await self._save(await list_chains(self.source, self.registry, self.monotonic))
                await self._choose()
            except IndexerError:
                continue
            except Exception:
                log.exception("the list of chains could not be kept", action="chains_failed")
                continue
            pause = ANEW_SECONDS

    async def _save(self, lists: ChainLists) -> None:
        status = contract_status(self.settings)
        await self.db.run(update_chains, lists.mainnets, self.now(), status, testnets=lists.testnets)

    async def _choose(self) -> None:
        await self.db.run(choose_chains, self.settings.indexer.chains, self.registry.mainnets())
