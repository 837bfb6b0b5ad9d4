"""Which ids of a collection came and went, in few words: they follow a change on its own line."""

from collections.abc import Iterable, Sequence

from bot.domain.observations import ItemMove
from bot.domain.observe.redenomination import Decimals
from bot.domain.units import format_shown

_NAMED_WHOLE = 6
"""Up to so many ids are all named; of more, some of each kind."""

_NAMED_BEFORE_FOLD = 3
_ID_DIGITS_WHOLE = 12
_CHARACTERS_MOST = 25
"""A longer amount is left out: the line has the exact sum, and no room for 78 digits an id."""


WHOLE = Decimals(0, 0)


def items_moved(moves: Iterable[ItemMove], decimals: Decimals = WHOLE) -> list[str]:
    """Return `gone: #12, #13`, `new: #77`, `fewer: #5 (99 → 98)`, `more: …`, each where there are any."""
    told = sorted(move for move in moves if move.before_raw != move.after_raw)
    named_most = len(told) if len(told) <= _NAMED_WHOLE else _NAMED_BEFORE_FOLD
    kinds = {
        "gone": [move for move in told if not move.after_raw],
        "new": [move for move in told if not move.before_raw],
        "fewer": [move for move in told if 0 < move.after_raw < move.before_raw],
        "more": [move for move in told if 0 < move.before_raw < move.after_raw],
    }
    return [f"{kind}: {_named(moved, decimals, named_most)}" for kind, moved in kinds.items() if moved]


def _named(moves: Sequence[ItemMove], decimals: Decimals, most: int) -> str:
    named = ", ".join(_item(move, decimals) for move in moves[:most])
    return named if len(moves) <= most else f"{named} and {len(moves) - most:,} more"


def _item(move: ItemMove, decimals: Decimals) -> str:
    number = f"#{_shortened(move.token_id)}"
    before = format_shown(move.before_raw, decimals.before or 0)
    after = format_shown(move.after_raw, decimals.after or 0)
    if max(len(before), len(after)) > _CHARACTERS_MOST:
        return number
    if move.before_raw and move.after_raw:
        return f"{number} ({before} → {after})"
    amount = after if move.after_raw else before
    return number if amount == "1" else f"{number} ×{amount}"  # noqa: RUF001 - times


def _shortened(token_id: int) -> str:
    """Return the id, or its first and last digits: some are hashes of 78 digits."""
    digits = str(token_id)
    return digits if len(digits) <= _ID_DIGITS_WHOLE else f"{digits[:4]}…{digits[-4:]}"
