"""How amounts are read and written: `1000`, `1,000`, `10k`, `$500`, `500 USD`, `0.5 ETH`, `5%`.

The one reader of amounts for all commands. What can be read in two ways is refused, never guessed: a comma
has to group three digits, since `1,5` is 1.5 for one reader and a slip for another.
"""

import re
from dataclasses import dataclass
from decimal import Context, Decimal

from bot.chat.commands.arguments.addresses import NamedAddress, read_words
from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.addresses import checksummed
from bot.domain.assets import NATIVE, Asset
from bot.domain.rules.conditions import Level, Unit

_NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+"
_AMOUNT = re.compile(
    rf"(?P<dollar>\$ ?)?(?P<number>{_NUMBER})(?![0-9.,_]*[0-9])(?P<times>k|m|mn|b|bn)?(?![a-z0-9])"
    rf"|(?P<glued>{_NUMBER})(?=[a-z])(?P<symbol>\S+)",
    re.IGNORECASE | re.ASCII,
)
_LIKE_A_COMMA = re.compile(r"\$?[0-9]+,[0-9]+(?:k|m|mn|b|bn|%)?", re.ASCII | re.IGNORECASE)
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}
_DOLLARS = frozenset({"$", "usd", "dollar", "dollars"})
_PERCENT = frozenset({"%", "percent"})
_DIGITS_MOST = 80
"""As many as the largest amount has, and a few for what stands behind the point."""
_EXACT = Context(prec=2 * _DIGITS_MOST)
"""The usual context would round after 28 digits."""


@dataclass(frozen=True, slots=True)
class TypedAmount:
    """An amount as it was typed; which token is meant is for the place to say."""

    number: Decimal
    unit: Unit = Unit.TOKENS
    symbol: str = ""
    """Of the token that it counts; "": of any, or there are contracts."""
    contracts: tuple[NamedAddress, ...] = ()
    """The tokens that it counts, by their addresses."""


def read_amount(text: str) -> TypedAmount:
    """Return the amount that a text is, all of it; raises LineRefused with the reason."""
    text = " ".join(text.split())
    found = _AMOUNT.match(text)
    if found is None:
        raise _no_amount(text)
    rest = [*filter(None, [found["symbol"]]), *text[found.end() :].split()]
    number = _number(found["number"] or found["glued"], (found["times"] or "").casefold())
    if found["dollar"]:
        return _without(rest, TypedAmount(number, Unit.DOLLARS))
    if rest and rest[0].casefold() in _DOLLARS:
        return _without(rest[1:], TypedAmount(number, Unit.DOLLARS))
    if rest and rest[0].casefold() in _PERCENT:
        return _without(rest[1:], TypedAmount(number, Unit.PERCENT))
    words = read_words(" ".join(rest))
    refused = next((word.refused for word in words if word.refused), None)
    if refused is not None:
        raise refused
    contracts = tuple(word.named for word in words if word.named)
    if len(contracts) == len(words):
        return TypedAmount(number, contracts=contracts)
    if rest[0].isdigit():
        raise _no_amount(text)
    return _without(rest[1:], TypedAmount(number, symbol=rest[0]))


def _without(rest: list[str], amount: TypedAmount) -> TypedAmount:
    """Return the amount, where nothing follows it; raises LineRefused."""
    if rest:
        raise LineRefused(" ".join(rest), "stands behind an amount and is no part of it.")
    return amount


def _number(digits: str, times: str) -> Decimal:
    if len(digits) > _DIGITS_MOST:
        raise LineRefused(digits, "is more than there can be.")
    number = _EXACT.create_decimal(digits.replace(",", "").replace("_", ""))
    return _EXACT.normalize(_EXACT.multiply(number, _TIMES[times]))


def _no_amount(text: str) -> LineRefused:
    first, *rest = text.split() or [""]
    if _LIKE_A_COMMA.fullmatch(first):
        whole, _, part = first.partition(",")
        return LineRefused(first, f"could be {whole}.{part} or {whole}{part}. Write one of these.")
    typed = text if rest and rest[0].isdigit() else first
    return LineRefused(typed or "min", "isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%.")


def write_amount(level: Level) -> str:
    """Return the text that is read as this level, its tokens by their contracts."""
    number = f"{level.number:f}"
    match level.unit:
        case Unit.DOLLARS:
            return f"${number}"
        case Unit.PERCENT:
            return f"{number}%"
        case Unit.TOKENS:
            coins = [asset for asset in level.assets if asset.contract == NATIVE]
            tokens = [level.symbol] if coins else map(_written, sorted(level.assets))
            return " ".join([number, *tokens])


def _written(asset: Asset) -> str:
    return f"eip155:{asset.chain_id}:{checksummed(asset.contract)}"
