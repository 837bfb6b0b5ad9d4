"""A balance of some days in as many characters: `▁▂▂▅▇`."""

from collections.abc import Sequence

DAYS = 7

_HEIGHTS = "▁▂▃▄▅▆▇"
_UNKNOWN = "·"


def sparkline(amounts: Sequence[int | None]) -> str:
    """Return a character for each amount, `·` where it is unknown; "" if all that is known is the same.

    The lowest amount is the lowest character and the highest is the highest.
    """
    known = [amount for amount in amounts if amount is not None]
    if len(set(known)) < 2:  # noqa: PLR2004 - one amount has no shape
        return ""
    low, high = min(known), max(known)
    # Whole numbers: amounts have up to 78 digits.
    return "".join(
        _UNKNOWN if amount is None else _HEIGHTS[(amount - low) * (len(_HEIGHTS) - 1) // (high - low)]
        for amount in amounts
    )
