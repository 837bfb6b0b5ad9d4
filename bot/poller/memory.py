"""What the poller remembers from sweep to sweep, to ask and compare less.

Nothing here is needed for being right: all of it is lost with the process, and
the next sweep reads and compares everything once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.compare import Answered
from bot.domain.mass_loss import Doubt
from bot.domain.model import Address, Asset, ChainId, Part
from bot.domain.plan import Wanted

Unseen = tuple[ChainId, frozenset[Part]]
"""Parts of an account on one chain that gave no answer."""


class Fingerprint(NamedTuple):
    """All that was read of an account, in so few bytes: equal only if nothing at all is different."""

    generation: int | None
    """Of the account's coverage; None: nothing of it is covered."""
    asked: Wanted
    answers: tuple[tuple[tuple[ChainId, ...], tuple[Address, ...], bytes], ...]
    """Of each answer that speaks of the account: chains, contracts and digest."""


class Quiet(NamedTuple):
    """A reading that had nothing to say, so that the same one again has not either."""

    fingerprint: Fingerprint
    unseen: tuple[Unseen, ...]
    """What it could not see."""


def fingerprint(
    account: Address, generation: int | None, asked: Wanted, answered: Iterable[Answered]
) -> Fingerprint:
    """Return what was read of an account as one value to compare."""
    return Fingerprint(
        generation,
        asked,
        tuple(
            (question.chain_ids, question.contracts, answer.digests[account])
            for question, answer in answered
            if account in answer.digests
        ),
    )


@dataclass(slots=True)
class KnownBlocks:
    """The highest block known on each chain, and what was known when each account was last read.

    What appears in an account with a block no higher than that was there before.
    """

    _highest: dict[ChainId, int] = field(default_factory=dict)
    _at_start: dict[ChainId, int] = field(default_factory=dict)
    _at_reading: dict[Address, Mapping[ChainId, int]] = field(default_factory=dict)

    def start_from(self, stored: Mapping[ChainId, int]) -> None:
        """Take over what an earlier run stored; nothing was read in this one yet."""
        if not self._highest:
            self._at_start |= stored
            self._highest |= stored

    def now(self) -> dict[ChainId, int]:
        """Return what is known at this moment."""
        return dict(self._highest)

    def when_read(self, account: Address, chain_id: ChainId) -> int | None:
        """Return what was known of a chain when the account was last read, in this run or an earlier one."""
        return self._at_reading.get(account, self._at_start).get(chain_id)

    def note(
        self,
        read: Mapping[Address, frozenset[ChainId]],
        known: Mapping[ChainId, int],
        seen: Mapping[ChainId, int],
    ) -> None:
        """Keep what was `known` when a group of accounts was asked for, and the highest blocks `seen` then.

        `read` are the chains on which each account's tokens could be read; on the others what was known
        when they last were stays.
        """
        of_group = {
            chain_id: max(known.get(chain_id, 0), seen.get(chain_id, 0)) for chain_id in {*known, *seen}
        }
        for chain_id, block in of_group.items():
            self._highest[chain_id] = max(block, self._highest.get(chain_id, 0))
        shared: dict[tuple[int, frozenset[ChainId]], Mapping[ChainId, int]] = {}
        for account, chains in read.items():
            before = self._at_reading.get(account, self._at_start)
            key = (id(before), chains)
            if key not in shared:
                fresh = {chain_id: block for chain_id, block in of_group.items() if chain_id in chains}
                shared[key] = {**before, **fresh}
            self._at_reading[account] = shared[key]


@dataclass(slots=True)
class Memory:
    """What one poller remembers."""

    blocks: KnownBlocks = field(default_factory=KnownBlocks)
    quiet: dict[Address, Quiet] = field(default_factory=dict)
    doubts: dict[ChainId, Doubt] = field(default_factory=dict)
    """Chains of which too much vanished at once, as the last sweep left them."""
    losers: dict[ChainId, frozenset[Address]] = field(default_factory=dict)
    """Whose balances vanished there: the doubt does not end while one of them can't be read."""
    unlearned: dict[tuple[Address, Asset], None] | None = None
    """Collections of which the ids are not stored, as they came up; None: not looked up yet."""
