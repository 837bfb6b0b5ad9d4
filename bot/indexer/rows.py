"""The shape of one row of a reply, and how its fields are parsed (docs/indexer-gateway.md, "Token rows").

A row whose amount, account or contract is not certain is refused. Names, prices and
metadata stay undecoded until somebody wants them, and never cause a refusal.
"""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from bot.domain.assets import (
    AMOUNT_MAX,
    SINGLE_BALANCE_KINDS,
    WITH_IDS,
    Address,
    Amount,
    Description,
    Quote,
)
from bot.indexer.loose_json import decode_object, try_decode

SIGNED_MAX: Final = 2**63 - 1
"""What fits the integers of the store: block numbers and chain ids."""

BLOCK_MAX: Final = 2**40
"""More blocks than any chain has. A larger number is a mistake, beside which every true block looks old."""

NATIVE_KIND: Final = "NATIVE"

ADDRESSES_KEPT = 16_384
"""Addresses that are parsed once only: every reply names the same contracts."""

_AMOUNT_DIGITS = len(str(AMOUNT_MAX))
_ADDRESS_LENGTH = 42
_ADDRESS_BYTES = 20
_DECIMALS_MAX = 255
_PRICE_LENGTH = 100
_TEXT: Decoder[str] = Decoder(str)
_MOMENT: Decoder[datetime] = Decoder(datetime)
_TEXT_OR_NOTHING: Decoder[tuple[str | None]] = Decoder(tuple[str | None])
_ABSENT = Raw()
_KIND_UNSAID = "UNKNOWN"


class NativeRow(Struct, rename="camel", kw_only=True, frozen=True, gc=False):
    """One native balance as it comes; with an `error_reason`, its `balance` means nothing."""

    account_address: str = ""
    chain_id: int
    balance: str
    error_reason: str | None = None
    symbol: Raw = _ABSENT
    price_usd: Raw = field(default=_ABSENT, name="priceUSD")
    price_updated_at: Raw = _ABSENT


class TokenRow(Struct, rename="camel", kw_only=True, frozen=True, gc=False):
    """One token balance as it comes."""

    account_address: str = ""
    chain_id: int
    contract_address: str
    contract_type: str = ""
    token_id: str | None = field(default=None, name="tokenID")
    balance: str
    block_number: int | None = None
    unique_collectibles: Raw = _ABSENT
    is_summary: Raw = _ABSENT
    price_usd: Raw = field(default=_ABSENT, name="priceUSD")
    price_updated_at: Raw = _ABSENT
    contract_info: Raw = _ABSENT


def parse_amount(digits: str) -> int | None:
    """Return a decimal number in 0..2^256-1; None for any other spelling, leading zeros included."""
    if not (digits.isdigit() and digits.isascii()) or len(digits) > _AMOUNT_DIGITS:
        return None
    if digits[0] == "0" and digits != "0":
        return None
    amount = int(digits)
    return amount if amount <= AMOUNT_MAX else None


@lru_cache(maxsize=ADDRESSES_KEPT)
def parse_address(spelling: str) -> Address | None:
    """Return an address in lower case whatever its casing, None for what is no address."""
    lower = spelling.lower()
    if len(spelling) != _ADDRESS_LENGTH or not lower.startswith("0x"):
        return None
    try:
        digits = bytes.fromhex(lower[2:])
    except ValueError:
        return None
    return Address(lower) if len(digits) == _ADDRESS_BYTES else None  # fromhex skips spaces


def read_amount(row: TokenRow) -> Amount | None:
    """Return the amount of a token row, None where a field of it is malformed."""
    amount = parse_amount(row.balance)
    block = row.block_number or None
    if amount is None or (block is not None and not 0 < block <= BLOCK_MAX):
        return None
    if row.contract_type in SINGLE_BALANCE_KINDS or not row.unique_collectibles:
        return Amount(amount, None, block)
    return _collection_of(row, amount, block)


def read_token_id(row: TokenRow) -> int | None:
    """Return the token id of a row, 0 where it names none; None where it can't be read."""
    return parse_amount(row.token_id) if row.token_id else 0


def has_ids(row: TokenRow) -> bool:
    """Whether the row shows that its contract, of an unknown type, counts items with ids."""
    if read_token_id(row):
        return True
    amount = read_amount(row) if row.unique_collectibles else None
    return amount is not None and bool(amount.uniques)


def read_total(rows: Collection[TokenRow]) -> Amount | None:
    """Return the total of rows of several token ids of one contract; None where one of them is malformed.

    If one row is the sum of the others, it counts alone.
    """
    amounts = [one for row in rows if (one := read_amount(row)) is not None]
    if len(amounts) < len(rows):
        return None
    summaries = [one for row, one in zip(rows, amounts, strict=True) if _sums_up(row, one)]
    if len(summaries) == 1:
        return summaries[0]
    amount = sum(one.amount_raw for one in amounts)
    if amount > AMOUNT_MAX:
        return None
    ids = sum(bool(one.amount_raw) if one.uniques is None else one.uniques for one in amounts)
    return Amount(amount, ids, max((one.block or 0 for one in amounts), default=0) or None)


def _sums_up(row: TokenRow, amount: Amount) -> bool:
    """Whether a row speaks of more than one id, or says that it is a summary."""
    return (amount.uniques or 0) > 1 or bytes(row.is_summary) == b"true"


def describe_token(row: TokenRow, *, is_numbered: bool = False) -> Description:
    """Return what a token row says of its contract; malformed fields are left out.

    `is_numbered`: the contract is of an unknown type, and its items have ids.
    """
    kind = (row.contract_type or _KIND_UNSAID) + (WITH_IDS if is_numbered else "")
    quote = read_quote(row)
    if not row.contract_info:
        return _with_price(Description(kind), quote)
    info = decode_object(row.contract_info)
    symbol, decimals = info.get("symbol"), info.get("decimals")
    indexing = _inside(_inside(info, "extensions"), "indexingInfo")
    described = Description(
        kind=kind,
        symbol=_without_zeros(symbol) if isinstance(symbol, str) else None,
        decimals=decimals if type(decimals) is int and 0 <= decimals <= _DECIMALS_MAX else None,
        rebasing=indexing.get("useOnChainBalance") is True,
    )
    return _with_price(described, quote)


def describe_native(row: NativeRow) -> Description:
    """Return what a native row says of its coin, which has no decimals on the wire."""
    symbol = try_decode(_TEXT, row.symbol)
    described = Description(kind=NATIVE_KIND, symbol=_without_zeros(symbol) if symbol else None)
    return _with_price(described, read_quote(row))


def _without_zeros(symbol: str) -> str | None:
    # Old contracts pad their symbol to 32 bytes; PostgreSQL takes no text with such a character.
    return symbol.replace("\0", "") or None


def _with_price(described: Description, quote: Quote | None) -> Description:
    if quote is None:
        return described
    return described._replace(price_usd=quote.usd, price_updated_at=quote.updated_at)


def read_quote(row: NativeRow | TokenRow) -> Quote | None:
    """Return the price that a row names, None where it names none that can be believed."""
    price = parse_price(row.price_usd)
    return None if price is None else Quote(price, parse_moment(row.price_updated_at))


def parse_price(spelled: Raw) -> str | None:
    """Return a price as it is spelled, None unless it is a plain decimal number above zero.

    A price of zero is none: by it the largest change would be worth less than any filter asks for.
    """
    price = try_decode(_TEXT, spelled) if spelled else None
    if price is None or len(price) > _PRICE_LENGTH or not price.isascii():
        return None
    whole, dot, fraction = price.partition(".")
    is_number = whole.isdigit() and (fraction.isdigit() if dot else True)
    return price if is_number and price.strip("0.") else None


def parse_moment(spelled: Raw) -> datetime | None:
    """Return a moment with its zone; None where it can't be read, or is what a service writes for none."""
    moment = try_decode(_MOMENT, spelled) if spelled else None
    return moment if moment is not None and moment.tzinfo is not None and moment.year > 1 else None


def _collection_of(row: TokenRow, amount: int, block: int | None) -> Amount | None:
    spelled = try_decode(_TEXT_OR_NOTHING, b"[" + bytes(row.unique_collectibles) + b"]")
    if spelled is None:
        return None
    (digits,) = spelled
    if digits is None:
        return Amount(amount, None, block)
    uniques = parse_amount(digits)
    return None if uniques is None else Amount(amount, uniques, block)


def _inside(fields: dict[str, object], name: str) -> dict[str, object]:
    inner = fields.get(name)
    return inner if isinstance(inner, dict) else {}
