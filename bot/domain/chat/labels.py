"""Labels of one destination: each names one address, whatever its upper and lower case."""

import re
from collections import defaultdict
from collections.abc import Iterable

from bot.domain.assets import Address

CHARACTERS_MOST = 64
"""Characters per label."""

_NUMBERED = re.compile(r"(?P<base>.*\S)\s+(?P<number>[0-9]{1,6})")

LabelTarget = Address | frozenset[Address]
"""What a label stands for: an account, or a set of contracts."""


def label_target(account: Address | None, contracts: frozenset[Address]) -> LabelTarget:
    """Return what the label of a subscription stands for."""
    return contracts if account is None else account


class Labels:
    """The labels of one destination.

    Former versions let two targets have one label; such a label stays with both.
    """

    def __init__(self, given: Iterable[tuple[str, LabelTarget]]) -> None:
        self._named: dict[str, list[LabelTarget]] = defaultdict(list)
        for label, target in given:
            self.give(label, target)

    def give(self, label: str, target: LabelTarget) -> None:
        """Add a label; "" is none."""
        if label:
            self._named[label.casefold()].append(target)

    def holder(self, label: str, target: LabelTarget) -> LabelTarget | None:
        """Return what else has this label; None: it is free for this target."""
        named = self._named.get(label.casefold(), [])
        return None if target in named or not named else named[0]

    def free(self, label: str) -> str:
        """Return a free label that is like this one: `Treasury 2` for `Treasury`, `Vault 3` for `Vault 2`."""
        numbered = _NUMBERED.fullmatch(label)
        base, number = (numbered["base"], int(numbered["number"]) + 1) if numbered else (label, 2)
        while True:
            # The label is cut, not the number: that is what makes it another one.
            ending = f" {number}"
            name = base[: CHARACTERS_MOST - len(ending)].rstrip() + ending
            if name.casefold() not in self._named:
                return name
            number += 1

    def free_or_same(self, label: str, target: LabelTarget) -> str:
        """Return the label itself if it is free for this target, else a free one like it."""
        return label if self.holder(label, target) is None else self.free(label)
