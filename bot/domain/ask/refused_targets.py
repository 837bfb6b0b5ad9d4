"""Accounts and chains that the source refuses: asked apart, so that they hide no others.

What is refused is left out of the usual questions, and asked for by one small question
a sweep until it is answered.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.domain.ask.plan import chunks
from bot.domain.ask.questions import Question
from bot.domain.ask.request_size import RequestSize
from bot.domain.assets import Address, ChainId

Pair = tuple[Address, ChainId]
"""The least that can be asked for: one account on one chain."""


class Retry(NamedTuple):
    """A small question about something that was refused before."""

    question: Question
    rest: Question | None
    """What to ask as well if it is answered; None: nothing."""
    key: tuple[Address | ChainId, bool]
    """Equal for those of which one a sweep is enough."""


@dataclass(frozen=True, slots=True)
class RefusedTargets:
    """What makes the questions fail that include it."""

    pairs: frozenset[Pair] = frozenset()
    """Refused even when asked alone."""
    chains: frozenset[ChainId] = frozenset()
    """Refused for every account."""
    oversized: Mapping[Address, RequestSize] = field(default_factory=dict)
    """Accounts that are too large for one request, with the number of chains that works."""

    def with_pair(self, question: Question, answered: Collection[ChainId]) -> "RefusedTargets":
        """Add one account on one chain; `answered` are the chains on which any account was in this sweep.

        A chain that is refused to two accounts, and answered to none, is taken for refused to all.
        """
        ((account,), (chain_id,)) = question.accounts, question.chain_ids
        pairs = self.pairs | {(account, chain_id)}
        is_refused_to_all = chain_id not in answered and sum(chain_id == on for _, on in pairs) > 1
        return replace(self, pairs=pairs, chains=self.chains | ({chain_id} if is_refused_to_all else set()))

    def with_chains(self, chain_ids: Collection[ChainId]) -> "RefusedTargets":
        """Add chains that the source refuses for every account."""
        return replace(self, chains=self.chains.union(chain_ids))

    def with_oversized(self, account: Address, *, chains: int, worked: int) -> "RefusedTargets":
        """Add an account that was answered only in parts of at most `worked` of its `chains`."""
        known = self.oversized.get(account, RequestSize(chains, chains))
        size = RequestSize(max(known.most, chains), min(known.now, worked))
        return replace(self, oversized={**self.oversized, account: size})

    def without(self, question: Question) -> "RefusedTargets":
        """Forget what was answered."""
        # Called for every answer, and mostly there is nothing to forget.
        if not self.pairs and not self.chains:
            return self
        kept = (
            one for one in self.pairs if not (one[0] in question.accounts and one[1] in question.chain_ids)
        )
        return replace(self, pairs=frozenset(kept), chains=self.chains.difference(question.chain_ids))

    def after_good_sweep(self) -> "RefusedTargets":
        """Let oversized accounts be asked in larger parts, in time; in the end, with the others again."""
        grown = {account: size.after_good_sweep() for account, size in self.oversized.items()}
        return replace(
            self, oversized={account: size for account, size in grown.items() if size.now < size.most}
        )

    def accepted(self, question: Question) -> tuple[Question, ...]:
        """Return a question without what is refused, in parts of which none makes another one fail."""
        chains = self._accepted_chains(question)
        if not chains:
            return ()
        apart = {account for account, chain_id in self.pairs if chain_id in chains} | self.oversized.keys()
        together = tuple(account for account in question.accounts if account not in apart)
        parts = [replace(question, accounts=together, chain_ids=chains)] if together else []
        for account in question.accounts:
            if account in apart:
                good = tuple(chain_id for chain_id in chains if (account, chain_id) not in self.pairs)
                size = self.oversized[account].now if account in self.oversized else len(chains)
                parts += [
                    replace(question, accounts=(account,), chain_ids=some) for some in chunks(good, size)
                ]
        return tuple(parts)

    def retries(self, question: Question, turn: int) -> Iterator[Retry]:
        """Return the small questions by which the refused rest may come back; `turn` counts sweeps."""
        refused = {account for account, _ in self.pairs}.intersection(question.accounts)
        chains = self._accepted_chains(question)
        for account in question.accounts if refused else ():
            bad = tuple(chain_id for chain_id in chains if (account, chain_id) in self.pairs)
            if bad:
                # All of its chains and one of them take turns: it may come back whole or in part.
                some = bad if turn % 2 == 0 else (bad[turn // 2 % len(bad)],)
                yield Retry(replace(question, accounts=(account,), chain_ids=some), None, (account, True))
        for chain_id in question.chain_ids:
            if chain_id in self.chains:
                yield self._retry_of_chain(question, chain_id)

    def _retry_of_chain(self, question: Question, chain_id: ChainId) -> Retry:
        """Ask for a chain with an account that was not refused there, if there is one.

        The refused ones may be refused for a reason of their own.
        """
        clean = [account for account in question.accounts if (account, chain_id) not in self.pairs]
        account = (clean or question.accounts)[0]
        others = tuple(one for one in question.accounts if one != account)
        of_chain = replace(question, chain_ids=(chain_id,))
        rest = replace(of_chain, accounts=others) if others else None
        return Retry(replace(of_chain, accounts=(account,)), rest, (chain_id, bool(clean)))

    def _accepted_chains(self, question: Question) -> tuple[ChainId, ...]:
        return tuple(chain_id for chain_id in question.chain_ids if chain_id not in self.chains)
