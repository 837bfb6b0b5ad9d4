"""Labels of one destination: each names one address, whatever its upper and lower case."""

import re
from collections import defaultdict
from collections.abc import Iterable

from bot.domain.assets import Address

CHARACTERS_MOST = 64
"""Characters per label."""

_NUMBERED = re.compile(r"(?P<base>.*\S)\s+(?P<number>[0-9]{1,6})")

Thing = Address | frozenset[Address]
"""What a label stands for: an account, or a set of contracts."""


def thing_of(account: Address | None, contracts: frozenset[Address]) -> Thing:
    """Return what the label of a subscription stands for."""
    return contracts if account is None else account


class Labels:
    """The labels of one destination.

    Former versions let two things have one label; such a label stays with both.
    """

    def __init__(self, given: Iterable[tuple[str, Thing]]) -> None:
        self._named: dict[str, list[Thing]] = defaultdict(list)
        for label, thing in given:
            self.give(label, thing)

    def give(self, label: str, thing: Thing) -> None:
        """Add a label; "" is none."""
        if label:
            self._named[label.casefold()].append(thing)

    def holder(self, label: str, thing: Thing) -> Thing | None:
        """Return what else has this label; None: it is free for this thing."""
        named = self._named.get(label.casefold(), [])
        return None if thing in named or not named else named[0]

    def free(self, label: str) -> str:
        """Return a free label that is like this one: `Treasury 2` for `Treasury`, `Vault 3` for `Vault 2`."""
        numbered = _NUMBERED.fullmatch(label)
        base, number = (numbered["base"], int(numbered["number"]) + 1) if numbered else (label, 2)
        while True:
            ending = f" {number}"
            name = base[: CHARACTERS_MOST - len(ending)].rstrip() + ending
            if name.casefold() not in self._named:
                return name
            number += 1

    def fitting(self, label: str, thing: Thing) -> str:
        """Return the label itself if it is free for this thing, else a free one like it."""
        return label if self.holder(label, thing) is None else self.free(label)
