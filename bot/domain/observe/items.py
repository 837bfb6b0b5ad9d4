"""Which items of a collection came and went.

A summary says that a collection changed, not which ids. They come from a second question,
and count only where they add up to what the summary says.
"""

from collections.abc import Mapping

from bot.domain.assets import Amount, Asset, Items
from bot.domain.observations import ItemMove, Move, MoveKind, Verdict

ITEMS_MOST = 200
"""The most ids that are stored of one collection of one account; of larger ones only the count is known."""

KnownItems = Mapping[Asset, Items]


def adds_up(items: Items, holding: Amount) -> bool:
    """Whether these ids are as many, and amount to as much, as the summary says."""
    ids_agree = holding.uniques is None or holding.uniques == len(items)
    return ids_agree and sum(items.values()) == holding.amount_raw


def item_moves(before: Items, after: Items) -> tuple[ItemMove, ...]:
    """Return the ids whose amounts differ, in order."""
    return tuple(
        ItemMove(token_id, before.get(token_id, 0), after.get(token_id, 0))
        for token_id in sorted(before.keys() | after.keys())
        if before.get(token_id, 0) != after.get(token_id, 0)
    )


def with_items(
    verdict: Verdict, collections: frozenset[Asset], stored: KnownItems, seen: KnownItems
) -> tuple[Verdict, dict[Asset, Items]]:
    """Return the verdict with the ids of its moves, and the ids to store of each collection, {} for none.

    `stored` and `seen` leave out what is unknown. If only the block moved and the ids are the same, nothing
    happened; if the ids are unknown, the next reading asks again.
    """
    moves: list[Move] = []
    keep: dict[Asset, Items] = {}
    again: set[Asset] = set()
    for move in verdict.moves:
        known = stored.get(move.asset)
        if known is None and move.asset not in collections:
            moves.append(move)
            continue
        if known is None and _came_first(move):
            known = {}
        items = _seen_items(move, seen)
        # Only the block moved and the ids are unknown: do not store the block, so the next sweep asks again.
        if _has_same_amount(move) and known is not None and items is None:
            again.add(move.asset)
            continue
        item_changes = () if known is None or items is None else item_moves(known, items)
        if item_changes or known is None or not _has_same_amount(move):
            moves.append(move._replace(items=item_changes))
        keep[move.asset] = items or {}
    balances = {asset: balance for asset, balance in verdict.balances.items() if asset not in again}
    explained = verdict._replace(moves=tuple(moves), balances=balances, unexplained=tuple(sorted(again)))
    return explained, keep


def _seen_items(move: Move, seen: KnownItems) -> Items | None:
    if move.is_loss:
        return {}
    items = seen.get(move.asset)
    return items if items is not None and adds_up(items, move.after) else None


def _came_first(move: Move) -> bool:
    """Whether nothing of the collection was held before: then all ids that are held now are new."""
    return move.kind is MoveKind.MOVED and not move.before.amount_raw


def _has_same_amount(move: Move) -> bool:
    return move.kind is MoveKind.MOVED and not move.after.differs_from(move.before)
