"""Asks the source, which may be down, refuse some questions, or answer only smaller ones.

What fails as a whole is asked in parts. One search at a time looks for the reason, and
the other questions that failed meanwhile use what it found: a chain, an account, or the
size. Except by probes, no answer is repeated: each account, chain and part is answered once
at most.

Size, refused pairs, refused chains and the breaker look alike from outside (a question
fails), but each needs a remedy of its own, and the wrong one hides balances or asks a
thousand times: hence four memories, and a search that tells them apart.
"""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from bot.domain.ask.breaker import Breaker, PauseReason
from bot.domain.ask.questions import Question, Reply
from bot.domain.ask.refused_targets import RefusedTargets, Retry
from bot.domain.ask.request_size import RequestSize, first_and_rest, halves, pair_count, sized, smallest
from bot.domain.assets import ChainId
from bot.indexer.errors import (
    SMALLER_MAY_HELP,
    SOURCE_IS_UP,
    AccessRefused,
    ChainRefused,
    IndexerError,
    QuotaExceeded,
    Throttled,
    WrongEndpoint,
)

log = structlog.get_logger(__name__)

SEARCH_REQUESTS = 128
"""The most that a sweep spends on finding out what is refused; the next one goes on where it stopped."""

POSTPONED_KEPT = 64

ENDS_SWEEP: dict[type[IndexerError], PauseReason] = {
    AccessRefused: PauseReason.ACCESS,
    WrongEndpoint: PauseReason.ACCESS,
    QuotaExceeded: PauseReason.QUOTA,
    Throttled: PauseReason.THROTTLED,
}
"""Errors that every later question of this sweep would get too."""

Replied = tuple[Question, Reply]


class BalanceSource(Protocol):
    """Where balances come from."""

    async def reply(self, question: Question) -> Reply:
        """Return the whole reply, or raise an IndexerError."""


class Fetcher:
    """Asks a source for one sweep after the other, and remembers what it can take.

    Several questions at once are normal; `begin` and `finish` of sweeps alternate. `monotonic` is in
    seconds; `rng` in [0, 1) spreads the probes; `progress` is called after each answer, and after each
    question of a search.
    """

    def __init__(
        self,
        source: BalanceSource,
        *,
        accounts_per_request: int,
        progress: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._progress = progress
        self._monotonic = monotonic
        self._rng = rng
        self._breaker = Breaker()
        self.size = RequestSize(accounts_per_request, accounts_per_request)
        """How many accounts a question may name now."""
        self._refused: dict[bool, RefusedTargets] = defaultdict(RefusedTargets)
        """By whether contracts are named: what is refused in lists may be answered by name."""
        self._search_lock = asyncio.Lock()
        self._retry_lock = asyncio.Lock()
        self._probe_done: asyncio.Event | None = None
        """Set when the probe of an open breaker has ended."""
        self._sweeps = 0
        self._probes = 0
        self._answered: Question | None = None
        """The last question that was answered."""
        self._postponed: deque[Question] = deque(maxlen=POSTPONED_KEPT)
        """Questions that were not asked during a pause, to probe with."""
        self.begin()

    def begin(self) -> None:
        """Start a sweep: what failed in the last one may be tried again."""
        self.answers = 0
        """How many questions were answered in this sweep."""
        self.troubles: list[IndexerError] = []
        """What went wrong in this sweep, in order."""
        self._sweeps += 1
        self._is_over = False
        """Nothing more would be answered in this sweep."""
        self._answered_chains: set[ChainId] = set()
        self._retried: set[tuple[object, ...]] = set()
        self._searched = 0
        self._largest = 0

    async def ask(self, question: Question) -> tuple[Replied, ...]:
        """Return what is answered of a question, in as many parts as it takes; nothing if nothing is.

        The question selects chains by `chain_ids`. Returns at once while the source is left alone. Never
        raises an IndexerError.
        """
        assert question.chain_ids, "only chains with ids can be asked apart"
        while self._probe_done is not None:
            await self._probe_done.wait()
        if self._may_ask:
            return tuple(await self._ask_known(question))
        if not self._is_over and self.probe_in_seconds == 0:
            return tuple(await self._probe_and_ask(question))
        if question not in self._postponed:
            self._postponed.append(question)
        return ()

    def finish(self) -> None:
        """End a sweep: one without trouble lets requests grow again, in time."""
        if self.answers and not self._searched and self._breaker.is_closed:
            if self._largest >= self.size.now:
                self._resize(self.size.after_good_sweep())
            for kind, targets in self._refused.items():
                self._refused[kind] = targets.after_good_sweep()

    @property
    def probe_in_seconds(self) -> float | None:
        """How long to wait until another sweep makes sense; None: the source is not left alone."""
        return self._breaker.seconds_to_probe(self._monotonic())

    @property
    def _may_ask(self) -> bool:
        return self._breaker.is_closed and not self._is_over

    # ------------------------------------------------------------ one request

    async def _request(
        self, question: Question, *, is_counted: bool = True, is_probe: bool = False
    ) -> Reply | IndexerError | None:
        """Return the answer, or what went wrong, counted for or against the source; None: not asked.

        With `is_counted` False only errors in `ENDS_SWEEP` count. A probe goes out even if nothing else may.
        """
        if not (self._may_ask or is_probe):
            return None
        was_open = not self._breaker.is_closed
        try:
            reply = await self._source.reply(question)
        except IndexerError as error:
            # What is kept of an error must not keep what was read until then: its frames hold the pages.
            error.__traceback__ = error.__context__ = None
            self.troubles.append(error)
            ends_sweep = type(error) in ENDS_SWEEP
            self._is_over |= ends_sweep
            if is_counted or ends_sweep:
                self._count(error, of_probe=was_open)
            return error
        self._breaker = self._breaker.after_answer(of_probe=was_open)
        self._note_answer(question)
        return reply

    def _note_answer(self, question: Question) -> None:
        self.answers += 1
        self._answered = question
        self._answered_chains.update(question.chain_ids)
        self._largest = max(self._largest, len(question.accounts))
        self._learn(question, self._targets(question).without(question))
        self._progress()

    def _count(self, error: IndexerError, *, of_probe: bool = False) -> None:
        if isinstance(error, SOURCE_IS_UP):
            self._breaker = self._breaker.after_answer(of_probe=of_probe)
            return
        was_closed = self._breaker.is_closed
        reason = ENDS_SWEEP.get(type(error), PauseReason.OUTAGE)
        self._breaker = self._breaker.after_failure(reason, self._monotonic(), self._rng(), of_probe=of_probe)
        if was_closed and not self._breaker.is_closed:
            log.warning("the indexer is left alone for a while", action="breaker_opened", trouble=str(error))

    # ------------------------------------------------------------ a source that may be down

    async def _probe_and_ask(self, question: Question) -> list[Replied]:
        """Find out whether the source is back, while others wait, and ask the question if it is."""
        probe_done = self._probe_done = asyncio.Event()
        try:
            await self._probe(question)
            return await self._ask_known(question) if self._may_ask else []
        finally:
            self._probe_done = None
            probe_done.set()

    async def _probe(self, question: Question) -> None:
        """Ask for one account on one chain, as a sign of life: the answer itself is asked for elsewhere."""
        self._probes += 1
        await self._request(self._smallest_of(question), is_probe=True)

    def _smallest_of(self, question: Question) -> Question:
        """Pick the smallest question to use as a health probe.

        What was answered before in this sweep: if that fails, it is the source. At its start any question
        may be trouble itself, so they take turns: this one, the last answered one, one of the postponed.
        """
        if self._answered and self.answers:
            return smallest(self._answered, self._probes)
        candidates = [*self._known_parts(question)[:1], *filter(None, [self._answered]), *self._postponed]
        self._postponed.rotate()
        candidates = candidates[:3] or [question]
        turn, place = divmod(self._probes, len(candidates))
        return smallest(candidates[place], turn)

    # ------------------------------------------------------------ what is known to be refused

    def _targets(self, question: Question) -> RefusedTargets:
        return self._refused[bool(question.contracts)]

    def _learn(self, question: Question, targets: RefusedTargets) -> None:
        self._refused[bool(question.contracts)] = targets

    def _known_parts(self, question: Question) -> tuple[Question, ...]:
        """Return a question in parts that can be answered, as far as is known."""
        accepted = self._targets(question).accepted(question)
        return tuple(part for one in accepted for part in sized(one, self.size.now))

    async def _ask_known(self, question: Question) -> list[Replied]:
        """Ask what can be asked as usual, then, once a sweep, what was refused before."""
        retries = self._due_retries(question)
        parts = self._known_parts(question)
        if not parts and not retries:
            # All of it is refused, and another question is retrying it now: use what comes of that.
            async with self._retry_lock:
                parts = self._known_parts(question)
        answered = [pair for part in parts for pair in await self._ask_part(part)]
        return answered + await self._retry(retries) if retries else answered

    async def _ask_part(self, question: Question) -> list[Replied]:
        outcome = await self._request(question, is_counted=False)
        if isinstance(outcome, Reply):
            return [(question, outcome)]
        is_divisible = isinstance(outcome, SMALLER_MAY_HELP)
        is_slow = is_divisible and not isinstance(outcome, SOURCE_IS_UP)
        if outcome is not None and not is_slow:
            self._count(outcome)
        if outcome is None or not is_divisible:
            return []
        async with self._search_lock:
            if is_slow:
                # Counted in turn only, and after a probe where it would open the breaker: questions
                # that are all too large time out at once, too.
                await self._be_sure(question)
                self._count(outcome)
            answered = await self._split(question, outcome)
            self._learn_size(question, answered)
            return answered

    def _due_retries(self, question: Question) -> list[Retry]:
        """Return the retries not made in this sweep yet, and mark them as made."""
        kind = bool(question.contracts)
        due = [
            retry
            for retry in self._targets(question).retries(question, self._sweeps)
            if (kind, *retry.key) not in self._retried
        ]
        self._retried.update((kind, *retry.key) for retry in due)
        return due

    async def _retry(self, retries: Iterable[Retry]) -> list[Replied]:
        """Ask again what was refused before, and where it is answered, the rest of the question."""
        answered: list[Replied] = []
        rests: list[Question] = []
        async with self._retry_lock:
            for question, rest, _ in retries:
                outcome = await self._request(question, is_counted=False)
                if isinstance(outcome, Reply):
                    answered.append((question, outcome))
                    rests += [rest] if rest else []
                elif outcome is not None and question.chain_ids[0] in self._targets(question).chains:
                    # Noted once more, so that another account is next to retry the chain.
                    self._note_refusal(question, outcome)
        return answered + [pair for rest in rests for pair in await self._ask_known(rest)]

    # ------------------------------------------------------------ the search for what is refused

    async def _split(self, question: Question, error: IndexerError) -> list[Replied]:
        """Ask in parts what failed as a whole: along what was found since, or else cut anew."""
        known = self._known_parts(question)
        apart = self._first_and_rest(question)
        parts = known if known != (question,) else apart or self._halves(question)
        if not parts:
            self._give_up(question, error)
            return []
        answered: list[Replied] = []
        failed: list[tuple[Question, IndexerError]] = []
        # All parts are asked before one that failed is cut again: so an answer
        # comes between two failures, where only one part is refused.
        for part in parts:
            is_known_to_fail = parts is apart and answered
            outcome = error if is_known_to_fail else await self._request_in_search(part)
            if isinstance(outcome, Reply):
                answered.append((part, outcome))
            elif isinstance(outcome, SMALLER_MAY_HELP):
                failed.append((part, outcome))
        for part, trouble in failed:
            of_part = await self._split(part, trouble)
            # Not of halves: the first of them that works is not always the largest.
            if parts is known or parts is apart or len(part.accounts) == 1:
                self._learn_size(part, of_part)
            answered += of_part
        return answered

    def _first_and_rest(self, question: Question) -> tuple[Question, ...]:
        """Cut off the first account while a chain may be to blame: it shows that as well as all do.

        Halves would find a chain that is refused to everybody once for each account.
        """
        is_good = self._answered_chains.issuperset(question.chain_ids)
        return () if is_good or self._searched >= SEARCH_REQUESTS else first_and_rest(question)

    def _halves(self, question: Question) -> tuple[Question, ...]:
        return halves(question) if self._searched < SEARCH_REQUESTS else ()

    async def _request_in_search(self, question: Question) -> Reply | IndexerError | None:
        await self._be_sure(question)
        self._searched += 1
        outcome = await self._request(question)
        self._progress()
        return outcome

    async def _be_sure(self, question: Question) -> None:
        if self._may_ask and self._breaker.is_about_to_open:
            await self._probe(question)

    def _give_up(self, question: Question, error: IndexerError) -> None:
        """Ask a single account and chain apart from now on, if they are to blame."""
        if pair_count(question) > 1 or not self._may_ask or not self._note_refusal(question, error):
            return
        ((account,), (chain_id,), kind) = question.accounts, question.chain_ids, bool(question.contracts)
        self._retried |= {(kind, account, True), (kind, chain_id, True)}
        log.warning(
            "asked apart from now on",
            action="asked_apart",
            account=account,
            chain_id=chain_id,
            whole_chain=chain_id in self._targets(question).chains,
            trouble=str(error),
        )

    def _note_refusal(self, question: Question, error: IndexerError) -> bool:
        """Remember what failed alone; False where a source that is down may be to blame instead."""
        if not isinstance(error, SOURCE_IS_UP) and not (isinstance(error, SMALLER_MAY_HELP) and self.answers):
            return False
        targets = self._targets(question)
        if isinstance(error, ChainRefused):
            self._learn(question, targets.with_chains(question.chain_ids))
        else:
            self._learn(question, targets.with_pair(question, self._answered_chains))
        return True

    def _learn_size(self, question: Question, answered: list[Replied]) -> None:
        """Remember the size of the parts in which all of a question was answered."""
        if sum(pair_count(part) for part, _ in answered) < pair_count(question):
            return
        accounts, targets = question.accounts, self._targets(question)
        if len(accounts) == 1:
            worked = max(len(part.chain_ids) for part, _ in answered)
            self._learn(
                question, targets.with_oversized(accounts[0], chains=len(question.chain_ids), worked=worked)
            )
        elif targets.oversized.keys().isdisjoint(accounts):
            self._resize(self.size.worked(max(len(part.accounts) for part, _ in answered)))

    def _resize(self, size: RequestSize) -> None:
        if size.now != self.size.now:
            log.info("requests change size", action="request_size", accounts=size.now, before=self.size.now)
        self.size = size
