"""How to ask a source that does not say what it can bear.

Three memories, all plain values: how many accounts a request may name
(`RequestSize`), whether the source is to be left alone for a while (`Breaker`),
and what spoils the questions it is part of and is therefore asked apart
(`Spoilers`). Seconds of any steady clock come in as `now`; nothing here waits.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from bot.domain.assets import Address, ChainId
from bot.domain.observe.plan import chunks
from bot.domain.questions import Question

GOOD_SWEEPS_TO_GROW = 20

FAILURES_TO_OPEN = 3
"""In a row: an outage. Below that it may be bad luck, or one question."""

PAUSE_JITTER = 0.1
"""The longest addition to a pause, as a part of it."""

Cell = tuple[Address, ChainId]
"""The least that can be asked for: one account on one chain."""


@dataclass(frozen=True, slots=True)
class RequestSize:
    """How many a request may hold: what works now, never above `most`, never below one."""

    most: int
    now: int
    good_sweeps: int = 0
    """In a row, since the size last changed."""

    def worked(self, size: int) -> "RequestSize":
        """Return what to use after a larger request failed whose parts, of this size, were answered."""
        return RequestSize(self.most, max(1, min(size, self.now)))

    def after_good_sweep(self) -> "RequestSize":
        """Return what to use after a sweep in which this size worked."""
        if self.now == self.most:
            return self
        if self.good_sweeps + 1 < GOOD_SWEEPS_TO_GROW:
            return replace(self, good_sweeps=self.good_sweeps + 1)
        return RequestSize(self.most, min(2 * self.now, self.most))


class Trouble(Enum):
    """Why the source is left alone; the values are the pauses before each probe in seconds, the last repeats.

    A source that is back is noticed within a minute, whatever a probe in vain took before: the longest
    pause and a time limit of 30 s stay below that. Only a quota is worth no more than a look now and then.
    """

    OUTAGE = (1.0, 2.0, 4.0, 8.0, 15.0, 20.0)
    THROTTLED = (1.0, 3.0, 10.0, 30.0, 50.0)
    ACCESS = (1.0, 2.0, 5.0, 15.0, 30.0, 50.0)
    QUOTA = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

    def pause_seconds(self, times: int, dice: float) -> float:
        """Return the pause after so many earlier ones; `dice` in [0, 1) lengthens it by up to a tenth."""
        pauses: tuple[float, ...] = self.value
        return pauses[min(times, len(pauses) - 1)] * (1 + PAUSE_JITTER * dice)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether questions may go out: closed (all), open (none before a moment), or probing (one)."""

    failures: int = 0
    """In a row, while closed."""
    openings: int = 0
    """In a row and for the same trouble; pauses grow with them."""
    trouble: Trouble | None = None
    """Of the last opening that nothing has disproved yet."""
    open_until: float | None = None
    """None: closed."""
    is_probing: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether any question may go out."""
        return self.open_until is None

    @property
    def is_in_doubt(self) -> bool:
        """Whether one more failure is an outage."""
        return self.is_closed and self.failures == FAILURES_TO_OPEN - 1

    def is_due(self, now: float) -> bool:
        """Whether one question may go out as a probe."""
        return self.open_until is not None and not self.is_probing and now >= self.open_until

    def seconds_to_probe(self, now: float) -> float | None:
        """Return how long to wait until a probe makes sense; None while closed."""
        return None if self.open_until is None else max(0.0, self.open_until - now)

    def probing(self) -> "Breaker":
        """Let exactly one question out."""
        return replace(self, is_probing=True)

    def probe_abandoned(self) -> "Breaker":
        """Let another probe out: the last one ended without a result."""
        return replace(self, is_probing=False)

    def after_answer(self) -> "Breaker":
        """Return what an answer makes of it.

        The answer to a probe closes, and only the next one shortens the pauses again: a source that answers
        small questions alone is not back yet. While open, an answer is a late one to what was asked before.
        """
        if self.is_probing:
            return Breaker(openings=self.openings, trouble=self.trouble)
        return Breaker() if self.is_closed else self

    def after_failure(self, trouble: Trouble, now: float, dice: float) -> "Breaker":
        """Return what a failure makes of it: only outages take three, or a single one of a probe."""
        if self.is_probing:
            return self._opened(trouble, now, dice)
        if not self.is_closed:
            return self
        if trouble is Trouble.OUTAGE and self.failures + 1 < FAILURES_TO_OPEN:
            return replace(self, failures=self.failures + 1)
        return self._opened(trouble, now, dice)

    def _opened(self, trouble: Trouble, now: float, dice: float) -> "Breaker":
        before = self.openings if trouble is self.trouble else 0
        until = now + trouble.pause_seconds(before, dice)
        return Breaker(openings=before + 1, trouble=trouble, open_until=until)


@dataclass(frozen=True, slots=True)
class Probe:
    """A small question about what was refused before."""

    question: Question
    rest: Question | None
    """What to ask as well if it is answered; None: nothing."""
    accounts: tuple[Address, ...]
    """Whom the trouble concerns; none means everybody."""
    chain_ids: tuple[ChainId, ...]
    """Where it concerns them; all of it stays unknown if the probe fails."""
    key: tuple[Address | ChainId, bool]
    """The same for probes of which one a sweep is enough."""


@dataclass(frozen=True, slots=True)
class Spoilers:
    """What spoils the questions it is part of.

    A chain that was refused to two accounts, while nobody was answered there, is refused to everybody.
    """

    cells: frozenset[Cell] = frozenset()
    """Refused even alone."""
    chains: frozenset[ChainId] = frozenset()
    """Refused to everybody."""
    heavy: Mapping[Address, RequestSize] = field(default_factory=dict)
    """Accounts that are too much for one request, with the number of chains that works."""

    def with_cell(self, account: Address, chain_id: ChainId, proven: Iterable[ChainId]) -> "Spoilers":
        """Add what was refused alone; `proven` are the chains where somebody was answered in this sweep."""
        cells = self.cells | {(account, chain_id)}
        refused = [cell for cell in cells if cell[1] == chain_id]
        if len(refused) > 1 and chain_id not in proven:
            return replace(self, cells=cells, chains=self.chains | {chain_id})
        return replace(self, cells=cells)

    def with_chain(self, chain_id: ChainId) -> "Spoilers":
        """Add a chain that the source refuses by itself, whoever is asked for."""
        return replace(self, chains=self.chains | {chain_id})

    def with_heavy(self, account: Address, *, chains: int, worked: int) -> "Spoilers":
        """Add an account that was answered in parts of at most `worked` of its `chains` only."""
        known = self.heavy.get(account, RequestSize(chains, chains))
        size = RequestSize(max(known.most, chains), min(known.now, worked))
        return replace(self, heavy={**self.heavy, account: size})

    def without(self, question: Question) -> "Spoilers":
        """Forget what was answered."""
        back = [
            (account, chain_id)
            for account, chain_id in self.cells
            if account in question.accounts and chain_id in question.chain_ids
        ]
        return replace(
            self, cells=self.cells.difference(back), chains=self.chains.difference(question.chain_ids)
        )

    def after_good_sweep(self) -> "Spoilers":
        """Let what is asked in parts be asked in larger ones, in time; in the end, with the others again."""
        grown = {account: size.after_good_sweep() for account, size in self.heavy.items()}
        return replace(self, heavy={account: size for account, size in grown.items() if size.now < size.most})

    def usual(self, question: Question) -> tuple[Question, ...]:
        """Return what of a question can be asked as ever, in parts that spoil each other no more."""
        chains = tuple(chain_id for chain_id in question.chain_ids if chain_id not in self.chains)
        bad = self._bad_chains(question.accounts, chains)
        alone = bad.keys() | (self.heavy.keys() & set(question.accounts))
        together = tuple(account for account in question.accounts if account not in alone)
        parts = [replace(question, accounts=together, chain_ids=chains)] if together and chains else []
        for account in question.accounts:
            if account in alone:
                good = tuple(chain_id for chain_id in chains if chain_id not in bad.get(account, ()))
                size = self.heavy[account].now if account in self.heavy else max(1, len(good))
                parts += [
                    replace(question, accounts=(account,), chain_ids=some) for some in chunks(good, size)
                ]
        return tuple(parts)

    def probes(self, question: Question, turn: int) -> Iterator[Probe]:
        """Return the small questions by which the rest of a question may come back; `turn` counts sweeps.

        Of an account, all that is refused and one chain of it take turns: it may come back whole or in part.
        """
        chains = tuple(chain_id for chain_id in question.chain_ids if chain_id not in self.chains)
        for account, bad in self._bad_chains(question.accounts, chains).items():
            some = bad if turn % 2 == 0 else (bad[turn // 2 % len(bad)],)
            probe = replace(question, accounts=(account,), chain_ids=some)
            yield Probe(probe, None, (account,), bad, (account, True))
        for chain_id in question.chain_ids:
            if chain_id in self.chains:
                yield self._chain_probe(question, chain_id)

    def _chain_probe(self, question: Question, chain_id: ChainId) -> Probe:
        """Ask by way of somebody who was not refused there before, if there is one.

        The refused ones may be refused for another reason: they don't use up the chance of the others.
        """
        clean = [account for account in question.accounts if (account, chain_id) not in self.cells]
        account = (clean or question.accounts)[0]
        others = tuple(one for one in question.accounts if one != account)
        rest = replace(question, accounts=others, chain_ids=(chain_id,)) if others else None
        probe = replace(question, accounts=(account,), chain_ids=(chain_id,))
        return Probe(probe, rest, (), (chain_id,), (chain_id, bool(clean)))

    def _bad_chains(
        self, accounts: tuple[Address, ...], chains: tuple[ChainId, ...]
    ) -> dict[Address, tuple[ChainId, ...]]:
        refused = {account for account, _ in self.cells}.intersection(accounts)
        bad = {
            account: tuple(chain_id for chain_id in chains if (account, chain_id) in self.cells)
            for account in accounts
            if account in refused
        }
        return {account: on for account, on in bad.items() if on}


def halves(question: Question) -> tuple[Question, Question] | None:
    """Cut a question in two: by accounts, a single account by chains; None where there is nothing to cut."""
    accounts, chains = question.accounts, question.chain_ids
    if len(accounts) > 1:
        middle = len(accounts) // 2
        return replace(question, accounts=accounts[:middle]), replace(question, accounts=accounts[middle:])
    if len(chains) > 1:
        middle = len(chains) // 2
        return replace(question, chain_ids=chains[:middle]), replace(question, chain_ids=chains[middle:])
    return None


def head_and_tail(question: Question) -> tuple[Question, Question] | None:
    """Cut off the first account: whether it is answered tells trouble with a chain from trouble with many.

    None where halves tell as much.
    """
    accounts = question.accounts
    if len(accounts) <= 2 or len(question.chain_ids) <= 1:  # noqa: PLR2004 - halves of two are single accounts
        return None
    return replace(question, accounts=accounts[:1]), replace(question, accounts=accounts[1:])


def sized(question: Question, accounts_per_request: int) -> tuple[Question, ...]:
    """Cut a question into such as name no more accounts than that."""
    return tuple(replace(question, accounts=some) for some in chunks(question.accounts, accounts_per_request))


def smallest(question: Question, turn: int) -> Question:
    """Return the least a question can be: another account and chain each turn, one may be the trouble."""
    accounts, chains = question.accounts, question.chain_ids
    turn, place = divmod(turn, len(chains))
    return replace(question, accounts=(accounts[turn % len(accounts)],), chain_ids=(chains[place],))


def cells_in(question: Question) -> int:
    """Return how many pairs of account and chain a question asks for."""
    return len(question.accounts) * len(question.chain_ids)
