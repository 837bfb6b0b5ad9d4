"""How loud rules are read and written as a clause: `loud out min $1000 @olga`."""

import re
from dataclasses import dataclass, field

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import (
    TypedCondition,
    read_condition,
    refuse_counterparties,
    write_condition,
)
from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.chains import Chains
from bot.domain.rules.loud import MENTIONS_MOST, LoudRule

USERNAME = re.compile(r"(?:[,;]\s*|(?<!\S))@([a-z][a-z0-9_]{3,31})[,;]?(?!\S)", re.IGNORECASE | re.ASCII)
"""Telegram's name of somebody, with the @ before it."""

_NO_USERNAME = re.compile(r"(?<!\S)@\S*")
_WHY_NO_USERNAME = (
    "is no @name of Telegram's: behind the @ stand 4 to 32 letters, digits and _, a letter first."
)


@dataclass(frozen=True, slots=True)
class TypedLoudRule:
    """A loud rule as it was typed; which tokens and people are meant is for the place to say."""

    condition: TypedCondition
    names: tuple[str, ...] = ()
    """Whom it mentions, without the @; each once."""
    text: str = field(default="", compare=False)
    """As it was typed."""


def refuse_no_username(text: str) -> None:
    """Raise LineRefused where something begins like a @name and is none."""
    found = _NO_USERNAME.search(text)
    if found is not None:
        raise LineRefused(found[0], _WHY_NO_USERNAME)


def read_loud_rule(text: str, chains: ChainReader) -> TypedLoudRule:
    """Return the loud rule that a text is, all of it; “all” is every change. Raises LineRefused."""
    names = {name.casefold(): name for name in reversed(USERNAME.findall(text))}
    rest = " ".join(USERNAME.sub(" ", text).split())
    refuse_no_username(rest)
    if len(names) > MENTIONS_MOST:
        raise LineRefused("", f"It mentions {len(names)} people; {MENTIONS_MOST} at most are called.")
    condition = read_condition(rest, chains)
    refuse_counterparties(condition)
    return TypedLoudRule(condition, tuple(reversed(names.values())), text)


def write_loud_rule(rule: LoudRule, chains: Chains) -> str:
    """Return the text that is read as this rule, but for people without a @name, who can't be typed."""
    names = [one.name for one in rule.mentions if one.name.startswith("@")]
    return " ".join((write_condition(rule.condition, chains) or "all", *names))
