"""Which label names what in one destination: one label, whatever its case, names one address."""

import re
from collections import defaultdict
from collections.abc import Iterable

from bot.domain.assets import Address

CHARACTERS_MOST = 64
"""Of a label."""

_NUMBERED = re.compile(r"(?P<base>.*\S)\s+(?P<number>[0-9]{1,6})")

Thing = Address | frozenset[Address]
"""What a label names: an account, or contracts in all accounts."""


def thing_of(account: Address | None, contracts: frozenset[Address]) -> Thing:
    """Return what a label of a wish names."""
    return contracts if account is None else account


class Labels:
    """The labels of one destination; one that two things have, as was possible once, stays with both."""

    def __init__(self, given: Iterable[tuple[str, Thing]]) -> None:
        self._named: dict[str, list[Thing]] = defaultdict(list)
        for label, thing in given:
            self.give(label, thing)

    def give(self, label: str, thing: Thing) -> None:
        """Let a label name something."""
        if label:
            self._named[label.casefold()].append(thing)

    def holder(self, label: str, thing: Thing) -> Thing | None:
        """Return what else a label names already; None: it is free for this thing."""
        named = self._named.get(label.casefold(), [])
        return None if thing in named or not named else named[0]

    def free(self, label: str) -> str:
        """Return the next name that is free: `Treasury 2` beside `Treasury`, `Vault 3` beside `Vault 2`."""
        numbered = _NUMBERED.fullmatch(label)
        base, number = (numbered["base"], int(numbered["number"]) + 1) if numbered else (label, 2)
        while True:
            ending = f" {number}"
            name = base[: CHARACTERS_MOST - len(ending)].rstrip() + ending
            if name.casefold() not in self._named:
                return name
            number += 1

    def fitting(self, label: str, thing: Thing) -> str:
        """Return the label itself where it is free for this thing, or else the next name that is."""
        return label if self.holder(label, thing) is None else self.free(label)
