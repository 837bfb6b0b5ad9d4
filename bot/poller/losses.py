"""The losses of one sweep, kept back until its end shows whether balances are gone or an index is rebuilt."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import structlog

from bot.domain.ask.plan import Wanted
from bot.domain.assets import NATIVE, NATIVE_PART, Address, ChainId, Part
from bot.domain.observations import Move, Poll, Verdict
from bot.domain.observe.mass_loss import LOST_AT_LEAST, DoubtedChain, counted_on, doubted_chains
from bot.poller.batch import without
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
    wanted: Mapping[Address, Wanted]
    """What this sweep asks: of what others hold it can't say whether that has vanished, too."""
    db: DatabaseThread
    unknown: Sequence[Unknown]
    """What could not be read in this sweep so far; grows with it."""
    polls: list[Poll] = field(default_factory=list)
    """Each batch with losses, whole."""
    unanswered: list[Verdict] = field(default_factory=list)
    """Those with assets that a list lacks and that no answer by name explains."""
    doubted: dict[ChainId, tuple[int, int]] = field(default_factory=dict)
    """Chains that lost too much at once to be believed: how many token balances, of how many."""
    settled: frozenset[ChainId] = frozenset()
    """Chains that were doubted before this sweep, and whose losses are believed now."""

    async def judge(self) -> None:
        """Decide, once all batches are read, on which chains losses are doubted."""
        lost = Counter(
            verdict.chain_id
            for poll in self.polls
            for verdict in poll.verdicts
            for move in verdict.moves
            if _is_lost(move)
        )
        # Questions by name may fail while an index is rebuilt: what has no answer has vanished all the same.
        vanished = lost + Counter(verdict.chain_id for verdict in self.unanswered for _ in verdict.missing)
        counted = {chain_id: vanished[chain_id] for chain_id in lost}
        doubts = self.watched.doubts
        many = {
            chain_id: count
            for chain_id, count in counted.items()
            if count >= LOST_AT_LEAST or chain_id in doubts
        }
        held = await self._held_on(many) if many else {}
        # A doubt does not end while somebody who lost something there can't be read.
        unread = {
            chain_id for chain_id, doubt in doubts.items() if self._unread_on(chain_id) & doubt.accounts
        }
        doubted = (doubted_chains(many, held, doubts) | unread) - self.watched.believed
        self.settled = frozenset(doubts.keys() & counted.keys()) - doubted
        self.doubted = {chain_id: (vanished[chain_id], held.get(chain_id, 0)) for chain_id in doubted}
        for chain_id, (count, of) in self.doubted.items():
            log.warning(
                "too much vanished at once", action="mass_loss", chain_id=chain_id, lost=count, held=of
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

    def doubts(self) -> dict[ChainId, DoubtedChain]:
        """Return the doubts as they stand after this sweep."""
        vanished = self._accounts_with_losses()
        lost = {chain_id: count for chain_id, (count, _) in self.doubted.items()}
        return {
            chain_id: doubt._replace(accounts=doubt.accounts | vanished[chain_id])
            for chain_id, doubt in counted_on(self.watched.doubts, lost).items()
        }

    async def _held_on(self, chains: Collection[ChainId]) -> dict[ChainId, int]:
        """Count the token balances, with those that vanished now, of the accounts that could be read."""
        stored = await self.db.run(sweeps.token_balances_on, chains)
        with_losses = self._accounts_with_losses()
        held = {}
        for chain_id in chains:
            unread = self._unread_on(chain_id) - with_losses[chain_id]
            held[chain_id] = sum(
                count
                for account, count in stored.get(chain_id, {}).items()
                if account not in unread and account in self.wanted
            )
        return held

    def _accounts_with_losses(self) -> dict[ChainId, set[Address]]:
        """Return whose token balances vanished in this sweep."""
        accounts: dict[ChainId, set[Address]] = defaultdict(set)
        lost = (verdict for poll in self.polls for verdict in poll.verdicts if has_losses(verdict))
        for verdict in chain(self.unanswered, lost):
            accounts[verdict.chain_id].add(verdict.account)
        return accounts

    def _unread_on(self, chain_id: ChainId) -> frozenset[Address]:
        return frozenset(
            account for account, on, parts in self.unknown if on == chain_id and parts - {NATIVE_PART}
        )


def has_losses(verdict: Verdict) -> bool:
    """Whether a token balance is gone, or some ids of one, by this verdict."""
    return any(map(_is_lost, verdict.moves))


def _is_lost(move: Move) -> bool:
    # An index that is rebuilt may lack some rows of a collection, which has one for each id.
    has_fewer_ids = (move.after.uniques or 0) < (move.before.uniques or 0)
    return move.asset.contract != NATIVE and (move.is_loss or has_fewer_ids)
