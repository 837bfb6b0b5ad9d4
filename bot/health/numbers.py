"""How much there is of everything that is stored, by the words of the metrics page."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeVar

from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.store.maintenance.stats import DatabaseStats
from bot.web.stats import StoredStats

T = TypeVar("T", int, float)

OTHER_CHAINS = "other"
"""The label of chains without a name in the registry; names from the indexer are never used as labels."""


def stored_stats(
    stored: DatabaseStats, asked: Collection[ChainId], registry: Chains, now: datetime
) -> StoredStats:
    """Return the numbers with ages instead of moments, by name of each chain that is `asked`."""
    since = stored.waiting_since
    return StoredStats(
        changes=stored.changes,
        digests=stored.digests,
        messages=stored.deliveries,
        waiting=stored.waiting,
        oldest_seconds=max(0.0, (now - since).total_seconds()) if since else 0.0,
        parked=stored.parked,
        unreported=stored.unreported,
        ringing=stored.ringing,
        kept_back={str(kind): count for kind, count in stored.kept_back.items()},
        chain_age_seconds=_by_name(
            (
                (chain_id, max(0.0, (now - at).total_seconds()))
                for chain_id, at in stored.complete_at.items()
                if chain_id in asked
            ),
            max,
            registry,
        ),
        unknown_views=_by_name(stored.unknown_views.items(), lambda one, other: one + other, registry),
        accounts=stored.accounts,
        subscriptions=stored.subscriptions,
        size_bytes=stored.size_bytes,
    )


def _by_name(
    values: Iterable[tuple[ChainId, T]], merge: Callable[[T, T], T], registry: Chains
) -> dict[str, T]:
    """Return values by chain name; chains that the registry does not know are merged into one."""
    named: dict[str, T] = {}
    for chain_id, value in values:
        chain = registry.get(chain_id)
        name = OTHER_CHAINS if chain.name == str(chain_id) else chain.name
        named[name] = merge(named[name], value) if name in named else value
    return named
