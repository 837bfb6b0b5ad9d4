"""Conditions in the words that people read: `outgoing changes of $1,000.00 and more on Polygon`."""

from decimal import Decimal

from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.untrusted import sanitized, symbol
from bot.chat.text.wording import chain_names, folded, short_address
from bot.domain.addresses import shortened_more
from bot.domain.chains import Chains
from bot.domain.rules.conditions import EVERYTHING, Condition, Direction, Level, Unit
from bot.domain.units import format_usd

_CENTS = 2


def show_condition(condition: Condition, chains: Chains) -> Html:
    """Return which changes a condition means."""
    of_all = [level for level in condition.levels if not level.assets]
    named = [level for level in condition.levels if level.assets]
    least = join(", ", map(show_level, of_all or named))
    amounts = fill(" of {} and more", least) if condition.levels else EMPTY
    if of_all and named:
        own = (fill("{}: {} and more", _token(level), f"{level.number:,f}") for level in named)
        amounts += fill(" ({})", join(", ", own))
    on = chain_names(sorted(condition.chains), chains, last=" and ") if condition.chains else ""
    others = ", and all of other tokens" if named and not of_all else ""
    changes = _DIRECTIONS[condition.direction] + _with_whom(condition)
    return fill("{}{}{}{}", changes, amounts, f" on {on}" if on else "", others)


def _with_whom(condition: Condition) -> Html:
    """Return ` to Payroll or Tax`; nothing where nobody is named."""
    if not condition.counterparties:
        return EMPTY
    names = [sanitized(one.name) or EMPTY + shortened_more(one.address) for one in condition.counterparties]
    side = "from" if condition.direction is Direction.IN else "to"
    return fill(" {} {}", side, folded(names, last=" or "))


def filter_words(condition: Condition | None, chains: Chains) -> Html:
    """Return what a filter lets through, to be read behind a name."""
    if condition in {None, EVERYTHING}:
        return EMPTY + "every change"
    assert condition is not None
    return fill("only {}", show_condition(condition, chains))


def show_level(level: Level) -> Html:
    """Return `$1,000.00`, `5%`, `1,000 tokens`, `0.5 ETH`."""
    match level.unit:
        case Unit.DOLLARS:
            return EMPTY + _dollars(level.number)
        case Unit.PERCENT:
            return EMPTY + f"{level.number:,f}%"
        case Unit.TOKENS:
            return (
                fill("{} {}", f"{level.number:,f}", _token(level))
                if level.assets
                else EMPTY + f"{level.number:,f} token{'' if level.number == 1 else 's'}"
            )


def _token(level: Level) -> Html:
    """Return what people call the tokens of a level, or their contracts."""
    contracts = sorted({asset.contract for asset in level.assets})
    return symbol(level.symbol) or join(", ", map(short_address, contracts))


_DIRECTIONS = {
    None: EMPTY + "changes",
    Direction.IN: EMPTY + "incoming changes",
    Direction.OUT: EMPTY + "outgoing changes",
}


def _dollars(number: Decimal) -> str:
    exponent = number.as_tuple().exponent
    has_less_than_cents = isinstance(exponent, int) and exponent < -_CENTS
    return f"${number:,f}" if has_less_than_cents else format_usd(number)
