"""What one row of a reply must look like, and what it then says (indexer-gateway.md 2.2 to 2.4).

A row whose amount, account or contract is not certain is refused; decoration
(names, prices, metadata) is left undecoded until wanted and never spoils a row.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from bot.domain.assets import AMOUNT_MAX, SINGLE_BALANCE_KINDS, WITH_IDS, Address, Amount, Description
from bot.indexer.loose_json import decoded, loosely

SIGNED_MAX: Final = 2**63 - 1
"""What fits the integers of the store: block numbers and chain ids."""

BLOCK_MAX: Final = 2**40
"""More blocks than any chain has: a larger number is a mistake, and would make what is true look older."""

NATIVE_KIND: Final = "NATIVE"

ADDRESSES_KEPT = 16_384
"""Spellings that need not be looked at again: every reply names the same contracts."""

_AMOUNT_DIGITS = len(str(AMOUNT_MAX))
_ADDRESS_LENGTH = 42
_ADDRESS_BYTES = 20
_DECIMALS_MAX = 255
_PRICE_LENGTH = 100
_TEXT: Decoder[str] = Decoder(str)
_TEXT_OR_NOTHING: Decoder[tuple[str | None]] = Decoder(tuple[str | None])
_ABSENT = Raw()
_KIND_UNSAID = "UNKNOWN"


class NativeRow(Struct, rename="camel", kw_only=True, frozen=True, gc=False):
    """One native balance as it comes; an `error_reason` means that the balance is none."""

    account_address: str = ""
    chain_id: int
    balance: str
    error_reason: str | None = None
    symbol: Raw = _ABSENT
    price_usd: Raw = field(default=_ABSENT, name="priceUSD")


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
    contract_info: Raw = _ABSENT


def amount_of(digits: str) -> int | None:
    """Return a decimal number of 0..2^256-1 spelled the one right way, None for any other spelling."""
    if not (digits.isdigit() and digits.isascii()) or len(digits) > _AMOUNT_DIGITS:
        return None
    if digits[0] == "0" and digits != "0":
        return None
    amount = int(digits)
    return amount if amount <= AMOUNT_MAX else None


@lru_cache(maxsize=ADDRESSES_KEPT)
def address_of(spelling: str) -> Address | None:
    """Return an address in lower case whatever its casing, None for what is no address."""
    lower = spelling.lower()
    if len(spelling) != _ADDRESS_LENGTH or not lower.startswith("0x"):
        return None
    try:
        digits = bytes.fromhex(lower[2:])
    except ValueError:
        return None
    return Address(lower) if len(digits) == _ADDRESS_BYTES else None  # fromhex skips spaces


def holding_of(row: TokenRow) -> Amount | None:
    """Return what a token row says is held, None where it cannot be believed."""
    amount = amount_of(row.balance)
    block = row.block_number or None
    if amount is None or (block is not None and not 0 < block <= BLOCK_MAX):
        return None
    if row.contract_type in SINGLE_BALANCE_KINDS or not row.unique_collectibles:
        return Amount(amount, None, block)
    return _collection_of(row, amount, block)


def token_id_of(row: TokenRow) -> int | None:
    """Return the token id of a row, 0 where it names none; None where it can't be read."""
    return amount_of(row.token_id) if row.token_id else 0


def has_ids(row: TokenRow) -> bool:
    """Whether a contract of a type that nobody knows counts items with ids, as its row shows."""
    if token_id_of(row):
        return True
    holding = holding_of(row) if row.unique_collectibles else None
    return holding is not None and bool(holding.uniques)


def folded(rows: Collection[TokenRow]) -> Amount | None:
    """Return what rows of several ids of one contract come to; None where one of them can't be believed.

    A row that sums them up has all of them in it: it counts alone.
    """
    holdings = [holding for row in rows if (holding := holding_of(row)) is not None]
    if len(holdings) < len(rows):
        return None
    summaries = [holding for row, holding in zip(rows, holdings, strict=True) if _sums_up(row, holding)]
    if len(summaries) == 1:
        return summaries[0]
    amount = sum(holding.amount_raw for holding in holdings)
    if amount > AMOUNT_MAX:
        return None
    ids = sum(bool(one.amount_raw) if one.uniques is None else one.uniques for one in holdings)
    return Amount(amount, ids, max((one.block or 0 for one in holdings), default=0) or None)


def _sums_up(row: TokenRow, holding: Amount) -> bool:
    """Whether a row is of more than one id, or says so."""
    return (holding.uniques or 0) > 1 or bytes(row.is_summary) == b"true"


def described_token(row: TokenRow, *, is_numbered: bool = False) -> Description:
    """Return what a token row says of its contract; what is malformed there is absent.

    `is_numbered` says of a type that nobody knows that its items have ids.
    """
    kind = (row.contract_type or _KIND_UNSAID) + (WITH_IDS if is_numbered else "")
    if not row.contract_info:
        return Description(kind, price_usd=price_of(row.price_usd))
    info = loosely(row.contract_info)
    symbol, decimals = info.get("symbol"), info.get("decimals")
    indexing = _inside(_inside(info, "extensions"), "indexingInfo")
    return Description(
        kind=kind,
        symbol=symbol if isinstance(symbol, str) and symbol else None,
        decimals=decimals if type(decimals) is int and 0 <= decimals <= _DECIMALS_MAX else None,
        rebasing=indexing.get("useOnChainBalance") is True,
        price_usd=price_of(row.price_usd),
    )


def described_native(row: NativeRow) -> Description:
    """Return what a native row says of its coin, which has no decimals on the wire."""
    symbol = decoded(_TEXT, row.symbol)
    return Description(kind=NATIVE_KIND, symbol=symbol or None, price_usd=price_of(row.price_usd))


def price_of(spelled: Raw) -> str | None:
    """Return a price as it is spelled, None for what is no plain decimal number."""
    price = decoded(_TEXT, spelled) if spelled else None
    if price is None or len(price) > _PRICE_LENGTH or not price.isascii():
        return None
    whole, dot, fraction = price.partition(".")
    return price if whole.isdigit() and (fraction.isdigit() if dot else True) else None


def _collection_of(row: TokenRow, amount: int, block: int | None) -> Amount | None:
    spelled = decoded(_TEXT_OR_NOTHING, b"[" + bytes(row.unique_collectibles) + b"]")
    if spelled is None:
        return None
    (digits,) = spelled
    if digits is None:
        return Amount(amount, None, block)
    uniques = amount_of(digits)
    return None if uniques is None else Amount(amount, uniques, block)


def _inside(fields: dict[str, object], name: str) -> dict[str, object]:
    inner = fields.get(name)
    return inner if isinstance(inner, dict) else {}
