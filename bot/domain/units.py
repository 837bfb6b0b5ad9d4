"""Smallest units to decimal text, exactly.

Everything here is whole-number arithmetic: 2^256-1 has 78 digits, more than a
float or a default Decimal context keeps.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import reduce

MINUS = "\N{MINUS SIGN}"
ELLIPSIS = "…"
_SHOWN_PLACES = 6
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_CENT = Decimal("0.01")
_PRICE_DIGITS_MOST = 100
"""Digits before the point. A longer price is nonsense, and would not fit the exact context."""


def format_exact(amount_raw: int, decimals: int) -> str:
    """Return an amount with every digit and separated thousands: `1,234.000001`, `−5`."""
    whole, fraction = _split(abs(amount_raw), decimals)
    sign = MINUS if amount_raw < 0 else ""
    return f"{sign}{whole:,}.{fraction}" if fraction else f"{sign}{whole:,}"


def format_shown(amount_raw: int, decimals: int) -> str:
    """Return an amount with at most six decimals; more are cut and marked with `…`, never rounded."""
    whole, fraction = _split(abs(amount_raw), decimals)
    sign = MINUS if amount_raw < 0 else ""
    if len(fraction) > _SHOWN_PLACES:
        fraction = fraction[:_SHOWN_PLACES] + ELLIPSIS
    return f"{sign}{whole:,}.{fraction}" if fraction else f"{sign}{whole:,}"


def format_signed(delta_raw: int, decimals: int) -> str:
    """Return a difference with its sign and every digit: `+0.42`, `−1,250`."""
    return ("+" if delta_raw >= 0 else "") + format_exact(delta_raw, decimals)


def plain_number(amount_raw: int, decimals: int) -> str:
    """Return an amount with every digit as programs read it: `1234.000001`, `-5`."""
    whole, fraction = _split(abs(amount_raw), decimals)
    sign = "-" if amount_raw < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def usd_value(amount_raw: int, decimals: int, price_usd: str | None) -> Decimal | None:
    """Return what an amount is worth in dollars, unrounded; None if the price is missing or nonsense."""
    price = _price(price_usd)
    return None if price is None else _EXACT.multiply(whole_units(amount_raw, decimals), price)


def plain_price(price_usd: str | None) -> str | None:
    """Return a price with every digit as programs read it; None if it is missing or nonsense."""
    price = _price(price_usd)
    # Of a number like 1e-999999 the digits would fill the file.
    return None if price is None or price.adjusted() <= -_PRICE_DIGITS_MOST else f"{price:f}"


def whole_units(amount_raw: int, decimals: int) -> Decimal:
    """Return an amount in whole units, exactly."""
    return _EXACT.scaleb(Decimal(amount_raw), -decimals)


def format_units(value: Decimal) -> str:
    """Return an amount in whole units as `format_shown` does: `1,234.000001`."""
    decimals = max(0, -int(value.as_tuple().exponent))
    return format_shown(int(_EXACT.scaleb(value, decimals)), decimals)


def format_signed_units(value: Decimal) -> str:
    """Return a difference in whole units with its sign: `+0.42`, `−1,250`."""
    return ("+" if value >= 0 else "") + format_units(value)


def subtracted(value: Decimal, other: Decimal) -> Decimal:
    """Return a difference, exactly."""
    return _EXACT.subtract(value, other)


def added_usd(*values: Decimal) -> Decimal:
    """Return the sum of dollar values, unrounded."""
    return reduce(_EXACT.add, values, Decimal(0))


def format_usd(value: Decimal) -> str:
    """Return dollars and cents, `$1,250.00`; a value that would round to zero is `<$0.01`."""
    cents = _EXACT.quantize(value.copy_abs(), _CENT)
    if cents == 0 and value != 0:
        return f"<${_CENT}"
    sign = MINUS if value < 0 else ""
    return f"{sign}${cents:,}"


def format_signed_usd(value: Decimal) -> str:
    """Return a difference in dollars with its sign, `−$1,250.00`, `+$0.10`; `<$0.01` has no sign."""
    shown = format_usd(value)
    return f"+{shown}" if shown.startswith("$") else shown


def _price(price_usd: str | None) -> Decimal | None:
    """Return a price that may be reckoned with."""
    try:
        price = Decimal(price_usd or "")
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 and price.adjusted() < _PRICE_DIGITS_MOST else None


def _split(amount_raw: int, decimals: int) -> tuple[int, str]:
    if decimals == 0:
        return amount_raw, ""
    whole, rest = divmod(amount_raw, 10**decimals)
    return whole, str(rest).rjust(decimals, "0").rstrip("0")
