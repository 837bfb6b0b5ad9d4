"""Asks many questions of a source that may be down, refuse some of them, or bear only smaller ones.

What failed as a whole is asked in parts. One search at a time looks for what
is to blame, and the other questions that failed meanwhile profit from what it
found: a chain, an account, or the size. `bot.domain.observe.request_size` decides; here it
is carried out. No answer is repeated: each account, chain and part comes in one
pair of question and answer at most.
"""

import asyncio
import random as dice
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import structlog

from bot.domain.assets import Address, ChainId
from bot.domain.observe.request_size import (
    Probe,
    RequestSize,
    Spoilers,
    cells_in,
    halves,
    head_and_tail,
    sized,
    smallest,
)
from bot.domain.questions import Question, Reply
from bot.indexer.errors import ChainRefused, IndexerError
from bot.poller.source_contact import BalanceSource, Contact, is_reply, smaller_may_help

log = structlog.get_logger(__name__)

SEARCH_REQUESTS = 128
"""The most that a sweep spends on finding out what is to blame; the next one goes on where it stopped."""

_TURNED_AWAY_KEPT = 64


Replied = tuple[Question, Reply]


class Refused(NamedTuple):
    """What stayed refused, asked alone, and is therefore unknown."""

    accounts: tuple[Address, ...]
    """None: whoever is asked for."""
    chain_ids: tuple[ChainId, ...]
    error: IndexerError


class Fetcher:
    """Asks a source for one sweep after the other, and remembers from sweep to sweep what it can bear.

    Several questions at once are normal; `begin` and `finish` of sweeps alternate. `monotonic` is in
    seconds; `random` in [0, 1) spreads the probes; `progress` is called after each answer, and after each
    question of a search.
    """

    def __init__(
        self,
        source: BalanceSource,
        *,
        accounts_per_request: int,
        progress: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = dice.random,
    ) -> None:
        self._contact = Contact(source, on_answer=self._note_answer, monotonic=monotonic, random=random)
        self._progress = progress
        self._size = RequestSize(accounts_per_request, accounts_per_request)
        self._spoilers: dict[bool, Spoilers] = defaultdict(Spoilers)
        """For lists and for named contracts: what spoils the ones may be no trouble in the others."""
        self._searching = asyncio.Lock()
        self._probing = asyncio.Lock()
        """Where nothing else of a question can be asked, it waits for the probes that others make."""
        self._scouted: asyncio.Event | None = None
        """Set when the one who looks whether the source is back has returned."""
        self._turn = 0
        """Counts sweeps."""
        self._answered: Question | None = None
        """The last question that was answered."""
        self._turned_away: deque[Question] = deque(maxlen=_TURNED_AWAY_KEPT)
        """Questions that were not asked during a pause: any of them may be a better probe."""
        self._signs = 0
        """Counts the least questions, so that each is another one."""
        self._forget_sweep()

    def begin(self) -> None:
        """Start a sweep: what failed in the last one may be tried again."""
        self._turn += 1
        self._forget_sweep()

    async def ask(self, question: Question) -> tuple[Replied, ...]:
        """Return what is answered of a question, in as many parts as it takes; nothing if nothing is.

        The question selects chains by `chain_ids`. Returns at once while the source is left alone. Never
        raises an IndexerError.
        """
        assert question.chain_ids, "only chains with ids can be asked apart"
        while self._scouted is not None:
            await self._scouted.wait()
        if self._contact.may_ask:
            return tuple(await self._ask_known(question))
        if self._contact.may_probe:
            return tuple(await self._scout(question))
        if question not in self._turned_away:
            self._turned_away.append(question)
        return ()

    def finish(self) -> None:
        """End a sweep: one without trouble lets requests grow again, in time."""
        if self.answers and not self._searched and self._contact.is_well:
            if self._largest >= self._size.now:
                self._resize(self._size.after_good_sweep())
            for kind, spoilers in self._spoilers.items():
                self._spoilers[kind] = spoilers.after_good_sweep()

    @property
    def answers(self) -> int:
        """How many questions were answered in this sweep."""
        return self._contact.answers

    @property
    def troubles(self) -> list[IndexerError]:
        """What went wrong in this sweep, in order."""
        return self._contact.troubles

    @property
    def accounts_per_request(self) -> int:
        """How many accounts a question had better name now."""
        return self._size.now

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What stayed refused in this sweep."""
        return tuple(self._refused)

    @property
    def probe_in_seconds(self) -> float | None:
        """How long to wait until another sweep makes sense; None: the source is not left alone."""
        return self._contact.probe_in_seconds

    def _forget_sweep(self) -> None:
        self._contact.begin()
        self._refused: list[Refused] = []
        self._proven: set[ChainId] = set()
        """Chains on which somebody was answered."""
        self._probed: set[tuple[Address | ChainId | bool, ...]] = set()
        self._searched = 0
        self._culprits = 0
        self._largest = 0

    # ------------------------------------------------------------ a source that may be down

    async def _scout(self, question: Question) -> list[Replied]:
        """Look whether the source is back: with the least question, then with this one, while others wait."""
        scouted = self._scouted = asyncio.Event()
        self._contact.begin_probe()
        try:
            await self._show_life(question)
            return await self._ask_known(question) if self._contact.may_ask else []
        finally:
            self._contact.end_probe()
            self._scouted = None
            scouted.set()

    async def _show_life(self, question: Question) -> None:
        """Ask the least there is; the answer is a sign only, all that is in it is asked elsewhere as well."""
        self._signs += 1
        self._contact.count_slow(await self._contact.request(self._least(question)))

    def _least(self, question: Question) -> Question:
        """Return what is likely to be answered if the source is there.

        What was answered before in this sweep: if that fails, it is the source. At its start any question may
        be trouble itself, so they take turns: this one, the last answered one, each that was turned away.
        """
        if self._answered and self.answers:
            return smallest(self._answered, self._signs)
        likely = [(self._parts(question) or (question,))[0], *([self._answered] if self._answered else ())]
        turn, place = divmod(self._signs, len(likely) + bool(self._turned_away))
        if place < len(likely):
            return smallest(likely[place], turn)
        turn, place = divmod(turn, len(self._turned_away))
        return smallest(self._turned_away[place], turn)

    def _note_answer(self, question: Question) -> None:
        self._answered = question
        self._largest = max(self._largest, len(question.accounts))
        self._proven.update(question.chain_ids)
        kind = bool(question.contracts)
        self._spoilers[kind] = self._spoilers[kind].without(question)
        self._progress()

    # ------------------------------------------------------------ what is known to spoil questions

    def _parts(self, question: Question) -> tuple[Question, ...]:
        """Return a question in parts that can be answered, as far as is known."""
        usual = self._spoilers[bool(question.contracts)].usual(question)
        return tuple(part for one in usual for part in sized(one, self._size.now))

    async def _ask_known(self, question: Question) -> list[Replied]:
        """Ask what can be asked as ever, then, once a sweep, what was refused before."""
        probes = self._due_probes(question)
        parts = self._parts(question)
        if not parts and not probes:
            async with self._probing:
                parts = self._parts(question)
        answered = [pair for part in parts for pair in await self._ask_part(part)]
        if probes:
            answered += await self._try_again(probes)
        return answered

    def _due_probes(self, question: Question) -> list[Probe]:
        """Return the probes that nobody made in this sweep, and count them as made."""
        kind = bool(question.contracts)
        due = [
            probe
            for probe in self._spoilers[kind].probes(question, self._turn)
            if (kind, *probe.key) not in self._probed
        ]
        self._probed.update((kind, *probe.key) for probe in due)
        return due

    async def _try_again(self, probes: Iterable[Probe]) -> list[Replied]:
        """Ask again what was refused before, and where it is answered, the rest of the question."""
        answered: list[Replied] = []
        rests: list[Question] = []
        async with self._probing:
            for probe in probes:
                outcome = await self._contact.request_again(probe.question) if self._contact.may_ask else None
                if isinstance(outcome, Reply):
                    answered.append((probe.question, outcome))
                    rests += [probe.rest] if probe.rest else []
                elif outcome is not None:
                    self._refused.append(Refused(probe.accounts, probe.chain_ids, outcome))
                    self._try_another_next(probe, outcome)
        return answered + [pair for rest in rests for pair in await self._ask_known(rest)]

    def _try_another_next(self, probe: Probe, error: IndexerError) -> None:
        """Remember by whom a chain was probed in vain: the account itself may be what is refused there."""
        if self._is_blamed(error) and not probe.accounts and not isinstance(error, ChainRefused):
            ((account,), (chain_id,)) = probe.question.accounts, probe.question.chain_ids
            kind = bool(probe.question.contracts)
            self._spoilers[kind] = self._spoilers[kind].with_cell(account, chain_id, self._proven)

    async def _ask_part(self, question: Question) -> list[Replied]:
        outcome = await self._contact.send(question)
        if isinstance(outcome, Reply):
            return [(question, outcome)]
        if outcome is None or not smaller_may_help(outcome):
            return []
        async with self._searching:
            await self._clear_doubt(question)
            self._contact.count_slow(outcome)
            return await self._settle(question, outcome)

    # ------------------------------------------------------------ the search for what is to blame

    async def _settle(self, question: Question, error: IndexerError) -> list[Replied]:
        """Ask in parts what failed as a whole: along what was found since, or else by a search."""
        parts = self._parts(question)
        if parts != (question,):
            return await self._search_all(parts)
        culprits = self._culprits
        answered = await self._search(question, error)
        if culprits == self._culprits and _covers(answered, question):
            self._blame_size(question, answered)
        return answered

    async def _search_all(self, parts: Iterable[Question]) -> list[Replied]:
        return [pair for part in parts for pair in await self._search_in(part)]

    async def _search_in(self, question: Question) -> list[Replied]:
        outcome = await self._send_in_search(question)
        if isinstance(outcome, Reply):
            return [(question, outcome)]
        if outcome is None or not smaller_may_help(outcome):
            return []
        return await self._settle(question, outcome)

    async def _search(self, question: Question, error: IndexerError) -> list[Replied]:
        """Find what is to blame, a chain first: one account shows it as well as all.

        Without that, a chain refused to everybody would be found once for each account.
        """
        cut = head_and_tail(question)
        if cut is None or self._searched >= SEARCH_REQUESTS:
            return await self._halve(question, error)
        head, tail = cut
        outcome = await self._send_in_search(head)
        if isinstance(outcome, Reply):
            return [(head, outcome), *await self._halve(tail, error)]
        if outcome is None or not smaller_may_help(outcome):
            return []
        return [*await self._halve(head, outcome), *await self._search_in(tail)]

    async def _halve(self, question: Question, error: IndexerError) -> list[Replied]:
        """Ask both halves of what failed, before going on with the halves that failed, too.

        In this order an answer comes between two failures, where only one part is to blame.
        """
        parts = halves(question)
        if parts is None or self._searched >= SEARCH_REQUESTS:
            self._give_up(question, error)
            return []
        answered: list[Replied] = []
        failed: list[tuple[Question, IndexerError]] = []
        for part in parts:
            outcome = await self._send_in_search(part)
            if isinstance(outcome, Reply):
                answered.append((part, outcome))
            elif outcome is not None and smaller_may_help(outcome):
                failed.append((part, outcome))
        for part, trouble in failed:
            known = self._parts(part)
            answered += await (self._halve(part, trouble) if known == (part,) else self._search_all(known))
        self._blame_weight(question, answered)
        return answered

    async def _send_in_search(self, question: Question) -> Reply | IndexerError | None:
        await self._clear_doubt(question)
        self._searched += 1
        outcome = await self._contact.send(question)
        self._contact.count_slow(outcome)
        self._progress()
        return outcome

    async def _clear_doubt(self, question: Question) -> None:
        """Find out before one more failure makes an outage of it: what is too large fails in a row, too."""
        if self._contact.is_in_doubt:
            await self._show_life(question)

    def _give_up(self, question: Question, error: IndexerError) -> None:
        """Report what stays refused; where it can't be cut any more, it is to blame.

        Unless the source is down: what times out while nobody is answered is to blame for nothing.
        """
        if not self._contact.may_ask:
            return
        self._refused.append(Refused(question.accounts, question.chain_ids, error))
        if cells_in(question) == 1 and self._is_blamed(error):
            self._blame_cell(question, error)

    def _is_blamed(self, error: IndexerError) -> bool:
        """Whether what fails alone is to blame for it, and not a source that is down."""
        return is_reply(error) or (smaller_may_help(error) and self.answers > 0)

    def _blame_cell(self, question: Question, error: IndexerError) -> None:
        ((account,), (chain_id,)) = question.accounts, question.chain_ids
        kind = bool(question.contracts)
        spoilers = self._spoilers[kind].with_cell(account, chain_id, self._proven)
        if isinstance(error, ChainRefused):
            spoilers = spoilers.with_chain(chain_id)
        self._spoilers[kind] = spoilers
        self._probed |= {(kind, account, True), (kind, chain_id, True)}
        self._culprits += 1
        log.warning(
            "asked apart from now on",
            action="asked_apart",
            account=account,
            chain_id=chain_id,
            whole_chain=chain_id in spoilers.chains,
            trouble=str(error),
        )

    def _blame_weight(self, question: Question, answered: list[Replied]) -> None:
        """Remember of a single account that it was answered in parts only."""
        if len(question.accounts) == 1 and answered and _covers(answered, question):
            kind = bool(question.contracts)
            self._spoilers[kind] = self._spoilers[kind].with_heavy(
                question.accounts[0],
                chains=len(question.chain_ids),
                worked=max(len(part.chain_ids) for part, _ in answered),
            )
            self._culprits += 1

    def _blame_size(self, question: Question, answered: list[Replied]) -> None:
        """Use the size that worked where all was answered, only not at once."""
        worked = max(len(part.accounts) for part, _ in answered)
        if worked < len(question.accounts):
            self._resize(self._size.worked(worked))

    def _resize(self, size: RequestSize) -> None:
        if size.now != self._size.now:
            log.info("requests change size", action="request_size", accounts=size.now, before=self._size.now)
        self._size = size


def _covers(answered: Iterable[Replied], question: Question) -> bool:
    """Whether the answers to parts of a question make up the whole."""
    return sum(cells_in(part) for part, _ in answered) == cells_in(question)
