"""Loud rules: which changes ring, and whom they mention.

A destination without a rule hears every change, as ever. With one, changes that no rule means arrive without
sound. What can't be judged rings: nothing is silent by mistake.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.domain.rules.conditions import EVERYTHING, Condition, Difference, Judgement, judge

MENTIONS_MOST = 20
"""People that one rule, and one alert, may mention: more would crowd out what they are to read."""


class Sound(StrEnum):
    """How an alert arrives where there is a loud rule. The values are those in the database."""

    RING = "ring"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody whom an alert calls."""

    name: str
    """As people read it: `@olga`, or the name of somebody without a username."""
    user_id: int | None = None
    """Telegram's number; None: not known, and only the name calls them."""


@dataclass(frozen=True, slots=True)
class LoudRule:
    """Which changes ring, and whom they mention."""

    condition: Condition = EVERYTHING
    mentions: tuple[Mention, ...] = ()


class Loudness(NamedTuple):
    """How one alert arrives."""

    sound: Sound | None = None
    """None: no rule says anything about it, so it rings."""
    mentions: tuple[Mention, ...] = ()


AS_EVER = Loudness()


def judge_loudness(rules: Iterable[LoudRule], difference: Difference | None) -> Loudness:
    """Return how a change arrives where there are loud rules, by those that may mean it.

    It rings if any of them does, or may: `difference` is None if it can't be measured.
    """
    loud = [rule for rule in rules if difference is None or _may_mean(rule.condition, difference)]
    if not loud:
        return Loudness(Sound.SILENT)
    mentions = distinct(mention for rule in loud for mention in rule.mentions)
    return Loudness(Sound.RING, mentions[:MENTIONS_MOST])


def distinct(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """Return the mentions, each person once."""
    by_person: dict[int | str, Mention] = {}
    for one in mentions:
        by_person.setdefault(one.user_id or one.name.casefold(), one)
    return tuple(by_person.values())


def _may_mean(condition: Condition, difference: Difference) -> bool:
    return judge(condition, difference) is not Judgement.NOT_MET
