"""Reads since when a destination watches each balance of an account: of what was before it knows nothing."""

from collections import defaultdict
from collections.abc import Collection

from bot.domain.assets import Asset
from bot.domain.subscriptions import DestinationId, Scope
from bot.store.database.door import Database
from bot.store.rows import to_scope

Watched = list[tuple[Scope, int]]
"""What of an account is watched, and since when, in milliseconds since 1970."""


def watched_of(
    db: Database, destination_id: DestinationId, account_ids: Collection[int]
) -> dict[int, Watched]:
    """Return what a destination watches of each of these accounts; without those of which it is nothing."""
    result: dict[int, Watched] = defaultdict(list)
    theirs = db.any_of(account_ids)
    in_each: Watched = []
    for account_id, created_at, contracts, chains in db.execute(
        "SELECT account_id, created_at, contracts, chains FROM subscription"
        f" WHERE destination_id = ? AND (account_id IS NULL OR account_id {theirs.sql})",
        [destination_id, *theirs.values],
    ):
        scope = to_scope({"contracts": contracts, "chains": chains})
        (in_each if account_id is None else result[account_id]).append((scope, created_at))
    for watched in result.values():
        # A token that is watched in every account is so since the account is one of these.
        first = min(since for _, since in watched)
        watched += [(scope, max(since, first)) for scope, since in in_each]
    return dict(result)


def watched_since(watched: Watched, asset: Asset) -> int | None:
    """Return since when an asset is watched, in milliseconds; None: it is not."""
    return min((since for scope, since in watched if scope.covers(asset)), default=None)
