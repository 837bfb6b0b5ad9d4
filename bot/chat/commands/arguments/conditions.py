"""How conditions are read and written: `out min $1000 on polygon`, `to Payroll, Tax`, in any order.

What stands before them is for the command: `split_who` finds where they begin, since a label may contain any
of their words.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from bot.chat.commands.arguments.amounts import TypedAmount, read_amount, write_amount
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.addresses import checksummed
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.rules.conditions import Condition, Direction

_WORD = re.compile(r"\S+")
_WORD_OR_QUOTED = re.compile(r"[\"“”„][^\"“”„]*[\"“”„][,;]*|\S+")
_DIRECTIONS = {
    "in": Direction.IN,
    "incoming": Direction.IN,
    "out": Direction.OUT,
    "outgoing": Direction.OUT,
}
FROM, TO = "from", "to"
_SIDES = {FROM: Direction.IN, TO: Direction.OUT}
"""What stands before somebody at the other end."""
_LEAST = "min"
_ALSO_LEAST = frozenset({"above", "over", "more", "at", ">", ">=", "≥"})
_BEFORE_LEAST = re.compile(r"^(?:(?:than|least)\b|[>≥]=?) ?", re.IGNORECASE)
"""What remains of “more than $100”, “at least $100” and “>$100”."""
_ON = "on"
_ALL = "all"
ONLY, LOUD = "only", "loud"
"""Before a rule among other clauses: which changes are reported, and which ring."""
CONDITION_WORDS = frozenset({*_DIRECTIONS, *_SIDES, _LEAST, *_ALSO_LEAST, _ON})
_LIKE_AN_AMOUNT = re.compile(r"\$|[>≥]|\.?[0-9](?!x)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TypedCondition:
    """A condition as it was typed; which tokens and names are meant is for the place to say."""

    direction: Direction | None = None
    amounts: tuple[TypedAmount, ...] = ()
    chains: frozenset[ChainId] = frozenset()
    counterparties: tuple[str, ...] = ()
    """What follows each “from” or “to”: one name or address, or several."""
    is_all: bool = False
    """Whether “all” was typed: every change, as far as nothing else limits it."""
    text: str = field(default="", compare=False)
    """As it was typed."""


NOTHING_SAID = TypedCondition()


def _may_begin(word: str) -> bool:
    return word.casefold() in CONDITION_WORDS or like_an_amount(word)


def like_an_amount(word: str) -> bool:
    """Whether a word begins like an amount, and not like an address."""
    return _LIKE_AN_AMOUNT.match(word) is not None


def split_who(
    text: str, names: Callable[[str], bool], begins: Callable[[str], bool] = _may_begin
) -> tuple[str, str]:
    """Return whom a text is about, "" for all, and the condition that follows.

    The most words that name something count; where none do, those before the first one that `begins` a
    condition.
    """
    words = list(_WORD.finditer(text))
    ends = [word.start() for word in words if begins(word.group())] + [len(text)]
    for end in reversed(ends):
        who = text[:end].strip(" ,:")
        if who and names(who):
            return who, text[end:].strip()
    return text[: ends[0]].strip(" ,:"), text[ends[0] :].strip()


def read_condition(text: str, chains: ChainReader) -> TypedCondition:
    """Return the condition that a text is, all of it; "" is every change. Raises LineRefused."""
    result = TypedCondition(text=text)
    for clause, rest in _clauses(text):
        if clause in _DIRECTIONS or clause in _SIDES:
            result = replace(result, direction=_direction(clause, result))
        if clause in _SIDES:
            result = replace(result, counterparties=(*result.counterparties, _named(clause, rest)))
        elif not clause and rest.casefold() == _ALL:
            result = replace(result, is_all=True)
        elif clause == _ON:
            if not rest:
                raise LineRefused(_ON, "is followed by nothing. A chain comes after it, such as polygon.")
            result = replace(result, chains=result.chains | chains.several(rest))
        elif rest or clause == _LEAST or clause in _ALSO_LEAST:
            result = replace(result, amounts=(*result.amounts, _least(rest)))
    _refuse_two_levels(result.amounts)
    return result


def _direction(clause: str, before: TypedCondition) -> Direction:
    """Return which way a clause means; raises LineRefused where another one means the other way."""
    direction = _DIRECTIONS.get(clause) or _SIDES[clause]
    if before.direction in {None, direction}:
        return direction
    if clause in _SIDES or before.counterparties:
        way, other = ("incoming", "outgoing") if direction is Direction.IN else ("outgoing", "incoming")
        raise LineRefused(clause, f"means {way} changes, what stands beside it {other} ones. Leave one out.")
    other = f"together with “{before.direction}” means every change."
    raise LineRefused(clause, f"{other} Leave both out.")


def _named(clause: str, rest: str) -> str:
    if not rest:
        raise LineRefused(clause, "is followed by nothing. A name or an address comes after it.")
    return rest


def refuse_counterparties(typed: TypedCondition) -> None:
    """Raise LineRefused where a condition names somebody that is judged before transfers are known."""
    if typed.counterparties:
        clause = FROM if typed.direction is Direction.IN else TO
        raise LineRefused(clause, "is for /only: who is at the other end is not known in time for this.")


def begins_rule(word: str, behind: str) -> bool:
    """Whether a word among other clauses begins a rule, `only out` or `loud all`, and is not of a name.

    “only on CHAIN” limits what is watched, and not what is reported of it.
    """
    literal = word.casefold()
    if literal not in {ONLY, LOUD}:
        return False
    following = behind.lstrip(" ,;").split(maxsplit=1)
    first = following[0].casefold() if following else ""
    if literal == ONLY:
        return first == _ALL or (first != _ON and _may_begin(first))
    return first == _ALL or first.startswith("@") or _may_begin(first)


def begins_condition(word: str, behind: str) -> bool:
    """Whether a word among other clauses begins a condition, by what stands behind it.

    “in” may also stand before a chain (`in polygon`), which is none.
    """
    literal, following = word.casefold(), behind.lstrip(" ,;").split(maxsplit=1)
    if literal not in {*_DIRECTIONS, *_SIDES, _LEAST}:
        return False
    if literal != "in" or not following:
        return True
    return _may_begin(following[0]) or following[0].casefold() in {"as", ONLY, LOUD}


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the word that begins each clause, in lower case, and what follows it; first what has none."""
    clause, begins = "", 0
    for word in _WORD_OR_QUOTED.finditer(text):
        literal = word.group().casefold().rstrip(",;")
        if literal in CONDITION_WORDS:
            if clause or text[begins : word.start()].strip():
                yield clause, text[begins : word.start()].strip(" ,;")
            clause, begins = literal, word.end()
    if clause or text[begins:].strip():
        yield clause, text[begins:].strip(" ,;")


def _least(text: str) -> TypedAmount:
    amount = read_amount(_BEFORE_LEAST.sub("", text))
    if not amount.number:
        raise LineRefused(text, "is nothing: every change is more. Send an amount above zero.")
    return amount


def _refuse_two_levels(amounts: tuple[TypedAmount, ...]) -> None:
    about = [(one.symbol.casefold(), one.contracts) for one in amounts]
    if len(set(about)) < len(about):
        raise LineRefused(_LEAST, "stands there twice for the same tokens. One amount is enough.")


def write_condition(condition: Condition, chains: Chains) -> str:
    """Return the text that is read as this condition; "" for every change."""
    on = ", ".join(chains.get(chain_id).name for chain_id in sorted(condition.chains))
    side = FROM if condition.direction is Direction.IN else TO
    others = ", ".join(checksummed(one.address) for one in condition.counterparties)
    clauses = [
        f"{side} {others}" if others else condition.direction or "",
        *(f"{_LEAST} {write_amount(level)}" for level in condition.levels),
        f"{_ON} {on}" if on else "",
    ]
    return " ".join(filter(None, clauses))


def write_filter(condition: Condition | None, chains: Chains) -> str:
    """Return the clause of /watch that is read as this filter; "" for none."""
    if condition is None:
        return ""
    text = write_condition(condition, chains)
    # Without “only”, what follows “on” limits what is watched.
    if not condition.chains and text:
        return text
    return f"{ONLY} {text}" if text and not text.startswith(f"{_ON} ") else f"{ONLY} {_ALL} {text}".rstrip()
