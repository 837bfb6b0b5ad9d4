"""How alarms are read and written: `below 0.5 ETH until 0.6 again 6h on base total`, in any order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.chat.commands.arguments.amounts import TypedAmount, read_amount, write_amount
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import like_an_amount
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Unit

SHORTEST_AGAIN = timedelta(minutes=5)
LONGEST_AGAIN = timedelta(days=30)

_WORD = re.compile(r"\S+")
_SIDES = {
    "below": Side.BELOW,
    "under": Side.BELOW,
    "<": Side.BELOW,
    "above": Side.ABOVE,
    "over": Side.ABOVE,
    ">": Side.ABOVE,
}
_UNTIL, _ON, _TOTAL = "until", "on", "total"
_AGAIN = frozenset({"again", "every", "repeat"})
_CLAUSES = frozenset({*_SIDES, *_AGAIN, _UNTIL, _ON, _TOTAL})
_MENTION = re.compile(r"(?<!\S)@\w+", re.ASCII)
_SIGN = re.compile(r"(?<!\S)([<>])(?=[.$0-9])", re.ASCII)
_BARE_LEVEL = re.compile(
    r"(?:below|under|<|above|over|>) \.?[0-9][0-9.,_]*[km]?(?=,? (?:again|every|repeat|until|on|total)\b|$)",
    re.IGNORECASE | re.ASCII,
)
_LENGTH = re.compile(
    r"(?P<number>[0-9]{1,5}) ?(?P<unit>m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class TypedAlarm:
    """An alarm as it was typed; which tokens are meant is for the place to say."""

    side: Side
    amount: TypedAmount
    until: TypedAmount | None = None
    again: timedelta | None = None
    chains: frozenset[ChainId] = frozenset()
    is_total: bool = False


def with_signs_apart(text: str) -> str:
    """Return a text with a blank behind “<” and “>”, which people type without one: `>0.5 ETH`."""
    return _SIGN.sub(r"\1 ", text)


def with_token_behind(token: str, text: str) -> str | None:
    """Return an alarm whose token stood before it, `USDC` and `below 40`; None: it has one, or needs none."""
    bare = _BARE_LEVEL.match(text)
    return None if bare is None else f"{bare[0]} {token}{text[bare.end() :]}"


def may_begin_alarm(word: str) -> bool:
    """Whether a word may be the first one of an alarm, and not of a name."""
    return word.casefold() in _CLAUSES or like_an_amount(word)


def read_alarm(text: str, chains: ChainReader, side: Side | None = None) -> TypedAlarm:
    """Return the alarm that a text is, all of it; `side` counts where it names none. Raises LineRefused.

    Where neither does, both sides are offered.
    """
    _check_mentions(text)
    level, amount, until, again = "", None, None, None
    on: frozenset[ChainId] = frozenset()
    is_total = is_repeated = False
    for clause, rest in _clauses(text):
        if clause in _SIDES or not clause:
            if amount is not None:
                raise LineRefused(clause or rest, "is a second level. Send one alarm for each.")
            side = _SIDES.get(clause, side)
            level, amount = rest, read_amount(rest)
        elif clause == _UNTIL:
            until = read_amount(rest)
        elif clause in _AGAIN:
            again, is_repeated = (_length(rest) if rest else again), True
        elif clause == _ON:
            on |= _chains(rest, chains)
        else:
            is_total = True
            if rest:
                raise LineRefused(rest, "stands behind “total” and is no part of an alarm.")
    _check_again(again, is_repeated=is_repeated)
    if amount is None:
        raise LineRefused("", "How low, or how high? Send it as in “below 0.5 ETH”.")
    _check_level(amount)
    if side is None:
        raise _without_side(level)
    return _checked(TypedAlarm(side, amount, until, again, on, is_total))


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the word that begins each clause, in lower case, and what follows it; first what has none."""
    clause, begins = "", 0
    for word in _WORD.finditer(text):
        literal = word.group().casefold().rstrip(",;")
        if literal in _CLAUSES:
            rest = text[begins : word.start()].strip(" ,;")
            if clause or rest:
                yield clause, rest
            clause, begins = literal, word.end()
    rest = text[begins:].strip(" ,;")
    if clause or rest:
        yield clause, rest


def _chains(rest: str, chains: ChainReader) -> frozenset[ChainId]:
    if not rest:
        raise LineRefused(_ON, "is followed by nothing. A chain comes after it, such as polygon.")
    return chains.several(rest)


def _length(rest: str) -> timedelta:
    read = _LENGTH.fullmatch(rest)
    span = _UNITS[read["unit"][0].casefold()] * int(read["number"]) if read else None
    if span is None or not SHORTEST_AGAIN <= span <= LONGEST_AGAIN:
        raise LineRefused(rest, "isn't how often I can repeat something: 5m to 30d, as in “again 6h”.")
    return span


def _checked(alarm: TypedAlarm) -> TypedAlarm:
    """Return an alarm that can ring and end; raises LineRefused."""
    amount, until = alarm.amount, alarm.until
    if alarm.side is Side.BELOW and not amount.number:
        raise LineRefused("below 0", "never happens. Send an amount above zero.")
    if until is None:
        return alarm
    is_other = until.unit is not amount.unit and until.unit is not Unit.TOKENS
    if is_other or until.contracts or until.symbol.casefold() not in {"", amount.symbol.casefold()}:
        raise LineRefused(_UNTIL, "counts something else than the level. Send both in the same unit.")
    if alarm.side.holds(until.number, amount.number):
        wanted = "at least" if alarm.side is Side.BELOW else "at most"
        raise LineRefused(f"until {until.number:f}", f"must be {wanted} the level: there the alarm ends.")
    return alarm


def _without_side(level: str) -> LineRefused:
    sides = [Offer(f"{side.capitalize()} {level}", f"{side} {level}") for side in Side]
    return LineRefused(level, "may be too little or too much. When is it to ring?").offering(*sides)


def _check_mentions(text: str) -> None:
    mention = _MENTION.search(text)
    if mention is not None:
        why = (
            "can't be mentioned by an alarm: it rings for everybody here. /loud mentions people, of changes."
        )
        raise LineRefused(mention[0], why)


def _check_again(again: timedelta | None, *, is_repeated: bool) -> None:
    if is_repeated and again is None:
        raise LineRefused("again", "is followed by no time. Say how often, as in “again 6h”.")


def _check_level(amount: TypedAmount) -> None:
    if amount.unit is Unit.PERCENT:
        raise LineRefused("%", "is a part, and of nothing here. Send an amount, as in 0.5 ETH or $500.")
    if amount.unit is Unit.TOKENS and not amount.symbol and not amount.contracts:
        raise LineRefused(f"{amount.number:f}", "of what? Name the token or dollars, as in 0.5 ETH or $500.")


def write_alarm(who: str, terms: AlarmTerms, chains: Chains) -> str:
    """Return the command that sets these terms for an account."""
    on = ", ".join(chains.get(chain_id).name for chain_id in sorted(terms.chains))
    clauses = [
        f"/alarm {who} {terms.side} {write_amount(terms.level)}",
        f"{_UNTIL} {terms.until:f}" if terms.until is not None else "",
        f"again {written_length(terms.again)}" if terms.again is not None else "",
        f"{_ON} {on}" if on else "",
        _TOTAL if terms.is_total else "",
    ]
    return " ".join(filter(None, clauses))


def written_length(span: timedelta) -> str:
    """Return a length of time as it is typed: `6h`."""
    for letter in ("d", "h"):
        if not span % _UNITS[letter]:
            return f"{span // _UNITS[letter]}{letter}"
    return f"{span // _UNITS['m']}m"
