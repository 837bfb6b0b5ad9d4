"""The losses of one sweep, kept back until its end shows whether balances are gone or an index is rebuilt."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from bot.domain.assets import NATIVE, NATIVE_PART, Address, ChainId, Part
from bot.domain.observations import Poll, Verdict
from bot.domain.observe.mass_loss import LOST_AT_LEAST, NEWLY_DOUBTED, DoubtedChain, doubted_chains
from bot.poller.batch import without
from bot.poller.memory import Memory
from bot.store.database.connection import DatabaseThread
from bot.store.polling import sweeps
from bot.store.polling.sweeps import SweepInput

log = structlog.get_logger(__name__)

Unknown = tuple[Address, ChainId, frozenset[Part]]
"""Parts of an account on a chain that gave no usable answer."""


@dataclass(slots=True)
class SweepLosses:
    """What vanished in one sweep, chain by chain."""

    watched: SweepInput
    memory: Memory
    db: DatabaseThread
    unknown: Sequence[Unknown]
    """What could not be read in this sweep so far; grows with it."""
    polls: list[Poll] = field(default_factory=list)
    """Each batch with losses, whole."""
    doubted: dict[ChainId, tuple[int, int]] = field(default_factory=dict)
    """Chains that lost too much at once to be believed: how many token balances, of how many."""
    settled: frozenset[ChainId] = frozenset()
    """Chains that were doubted before this sweep, and whose losses are believed now."""

    async def judge(self) -> None:
        """Decide, once all batches are read, on which chains losses are doubted."""
        counted = Counter(
            verdict.chain_id
            for poll in self.polls
            for verdict in poll.verdicts
            for move in verdict.moves
            if move.is_loss and move.asset.contract != NATIVE
        )
        doubts = self._doubts_before()
        many = {
            chain_id: count
            for chain_id, count in counted.items()
            if count >= LOST_AT_LEAST or chain_id in doubts
        }
        held = await self.db.run(sweeps.token_balances_on, many) if many else {}
        # A doubt does not end while somebody who lost something there can't be read.
        unread = {
            chain_id for chain_id in doubts if self._unread_on(chain_id) & self._with_losses_before(chain_id)
        }
        doubted = (doubted_chains(many, held, doubts) | unread) - self.watched.believed
        self.settled = frozenset(doubts.keys() & counted.keys()) - doubted
        self.doubted = {chain_id: (counted[chain_id], held.get(chain_id, 0)) for chain_id in doubted}
        for chain_id, (lost, of) in self.doubted.items():
            log.warning(
                "too much vanished at once", action="mass_loss", chain_id=chain_id, lost=lost, held=of
            )

    def believed(self) -> Iterator[Poll]:
        """Yield what to record now: only verdicts with losses, without doubted chains."""
        for poll in self.polls:
            yield without(
                poll,
                [
                    verdict
                    for verdict in poll.verdicts
                    if not has_losses(verdict) or verdict.chain_id in self.doubted
                ],
            )

    def accounts_with_losses(self) -> dict[ChainId, frozenset[Address]]:
        """Return whose balances vanished on the doubted chains, as far as it is known."""
        by_chain = {chain_id: set(self._with_losses_before(chain_id)) for chain_id in self.doubted}
        for poll in self.polls:
            for verdict in poll.verdicts:
                if verdict.chain_id in by_chain and has_losses(verdict):
                    by_chain[verdict.chain_id].add(verdict.account)
        return {chain_id: frozenset(accounts) for chain_id, accounts in by_chain.items()}

    def _doubts_before(self) -> dict[ChainId, DoubtedChain]:
        return dict.fromkeys(self.watched.doubted, NEWLY_DOUBTED) | self.memory.doubts

    def _unread_on(self, chain_id: ChainId) -> frozenset[Address]:
        return frozenset(
            account for account, on, parts in self.unknown if on == chain_id and parts - {NATIVE_PART}
        )

    def _with_losses_before(self, chain_id: ChainId) -> frozenset[Address]:
        """Return who lost something on a chain that is doubted already.

        After a restart nobody remembers: whoever can't be read now may be one of them.
        """
        is_forgotten = chain_id in self.watched.doubted and chain_id not in self.memory.accounts_with_losses
        return (
            self._unread_on(chain_id)
            if is_forgotten
            else self.memory.accounts_with_losses.get(chain_id, frozenset())
        )


def has_losses(verdict: Verdict) -> bool:
    """Whether a token balance is gone, by this verdict."""
    return any(move.is_loss and move.asset.contract != NATIVE for move in verdict.moves)
