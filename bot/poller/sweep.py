"""One sweep: plan, ask, compare, ask again by name, record; batch by batch.

What could not be seen stays as it was. Nothing here sends anything: what must
be told is in the store when a batch is recorded.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Protocol

import structlog

from bot.domain.compare import Answered, compare, readings, with_named
from bot.domain.model import (
    Address,
    Answer,
    Asset,
    ChainId,
    Description,
    Part,
    Poll,
    Question,
    Reading,
    SweepNumber,
    Verdict,
    View,
)
from bot.domain.plan import Batch, Wanted, batches, narrow_questions, with_unlisted
from bot.indexer.errors import AccessRefused, IndexerError, QuotaExceeded, Throttled, WrongEndpoint
from bot.store.polls import Views, Watched
from bot.store.sqlite import Store

log = structlog.get_logger(__name__)

HOPELESS = (AccessRefused, QuotaExceeded, Throttled, WrongEndpoint)
"""What the next question of the same sweep would meet as well."""

READINGS_IN_ONE_GO = 250
"""Compared without a pause: some 20 ms."""

NEVER_READ = View()


class BalanceSource(Protocol):
    """Where balances come from."""

    async def balances(self, question: Question) -> Answer:
        """Return the whole answer, or raise an IndexerError."""


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """How a sweep asks."""

    contract_status: str
    contracts_left_out: tuple[Address, ...]
    accounts_per_request: int
    batches_at_once: int


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

    def note(self, read: Iterable[Reading], known: Mapping[ChainId, int]) -> None:
        """Keep what was `known` when these readings were asked for, and what they say themselves.

        Where a list was not readable, what was known when it last was stays.
        """
        of_group = dict(known)
        listed: dict[Address, set[ChainId]] = {}
        for reading in read:
            if reading.listed is not None:
                listed.setdefault(reading.account, set()).add(reading.chain_id)
            holdings = chain((reading.listed or {}).values(), reading.named.values())
            block = max((holding.block for holding in holdings if holding.block is not None), default=0)
            if block:
                of_group[reading.chain_id] = max(block, of_group.get(reading.chain_id, 0))
        for chain_id, block in of_group.items():
            self._highest[chain_id] = max(block, self._highest.get(chain_id, 0))
        shared: dict[tuple[int, frozenset[ChainId]], Mapping[ChainId, int]] = {}
        for account, chains in listed.items():
            before = self._at_reading.get(account, self._at_start)
            key = (id(before), frozenset(chains))
            if key not in shared:
                fresh = {chain_id: block for chain_id, block in of_group.items() if chain_id in chains}
                shared[key] = {**before, **fresh}
            self._at_reading[account] = shared[key]


class Sweep:
    """One round over some accounts; `run` once, then read what came of it."""

    def __init__(
        self,
        number: SweepNumber,
        watched: Watched,
        wanted: Mapping[Address, Wanted],
        *,
        source: BalanceSource,
        store: Store,
        settings: SweepSettings,
        blocks: KnownBlocks,
        now: Callable[[], datetime],
        progress: Callable[[], None],
    ) -> None:
        self.answered: dict[ChainId, int | None] = {}
        """Chains that gave any usable answer, with the highest block known there before, or else now."""
        self.unknown: list[tuple[Address, ChainId, frozenset[Part]]] = []
        """What was asked for and not seen, and is not known to be unknown yet."""
        self.answers = 0
        self.troubles: list[IndexerError] = []
        self.number = number
        self._watched = watched
        self._wanted = wanted
        self._asked = with_unlisted(wanted, watched.unlisted)
        self._source = source
        self._store = store
        self._settings = settings
        self._status = Part(settings.contract_status)
        self._blocks = blocks
        self._now = now
        self._progress = progress
        self._room = asyncio.Semaphore(settings.batches_at_once)
        blocks.start_from(watched.highest_blocks)
        self._known_before = blocks.now()

    async def run(self) -> None:
        """Read everything wanted; what goes wrong in one batch leaves the others alone."""
        plan = batches(
            self._asked,
            accounts_per_request=self._settings.accounts_per_request,
            contract_status=self._settings.contract_status,
            contracts_left_out=self._settings.contracts_left_out,
            metadata_for=frozenset(self._wanted.keys() - self._watched.read_before),
        )
        async with asyncio.TaskGroup() as tasks:
            for batch in plan:
                tasks.create_task(self._read_alone(batch))
        try:
            await self._describe_leftovers()
        except Exception:
            log.exception("asking what assets are failed", action="describe_failed")

    @property
    def is_hopeless(self) -> bool:
        """Whether the source said something that holds for every further question."""
        return any(isinstance(trouble, HOPELESS) for trouble in self.troubles)

    async def _read_alone(self, batch: Batch) -> None:
        async with self._room:
            try:
                await self._read(batch)
            except Exception:
                log.exception("batch failed", action="batch_failed", accounts=len(batch.accounts))
                self._note_failed(batch)
            self._progress()

    async def _read(self, batch: Batch) -> None:
        known_blocks = self._blocks.now()
        answered = await self._ask_all(batch.questions)
        observed_at = self._now()
        views = await self._store.views(batch.accounts)
        read, verdicts = await self._judge_all(batch, answered, views)
        if any(verdict.missing for verdict in verdicts):
            read, verdicts = await self._ask_for_missing(read, verdicts, views)
        descriptions = dict(chain.from_iterable(answer.descriptions.items() for _, answer in answered))
        poll = Poll(
            self.number,
            self._watched.newest,
            observed_at,
            tuple(verdicts),
            descriptions,
            await self._describe_new(verdicts, answered),
        )
        if not poll.says_nothing_new:
            await self._store.record_poll(poll)
        self._blocks.note(read, known_blocks)
        self._note(read, verdicts, views)

    async def _ask_all(self, questions: Iterable[Question]) -> list[Answered]:
        """Return the questions that were answered, with their answers."""
        asked = [(question, await self._ask(question)) for question in questions]
        return [(question, answer) for question, answer in asked if answer is not None]

    async def _ask(self, question: Question) -> Answer | None:
        if self.is_hopeless:
            return None
        try:
            answer = await self._source.balances(question)
        except IndexerError as trouble:
            self.troubles.append(trouble)
            return None
        self.answers += 1
        self._progress()
        for part in answer.troubles:
            log.debug("part of an answer is unknown", action="answer_partial", trouble=part)
        return answer

    async def _judge_all(
        self, batch: Batch, answered: Iterable[Answered], views: Views
    ) -> tuple[list[Reading], list[Verdict]]:
        """Compare what was read of a batch with what is stored; others get their turn in between."""
        read, verdicts = [], []
        asked = {account: self._asked[account] for account in batch.accounts}
        for number, reading in enumerate(readings(asked, answered), start=1):
            read.append(reading)
            verdicts.append(self._judge(reading, views))
            if number % READINGS_IN_ONE_GO == 0:
                await asyncio.sleep(0)
        return read, verdicts

    def _judge(self, reading: Reading, views: Views) -> Verdict:
        account, chain_id = reading.account, reading.chain_id
        return compare(
            views.get((account, chain_id), NEVER_READ),
            reading,
            wanted=self._wanted[account].parts(chain_id, self._status),
            status=self._status,
            known_block=self._blocks.when_read(account, chain_id),
        )

    async def _ask_for_missing(
        self, read: list[Reading], verdicts: list[Verdict], views: Views
    ) -> tuple[list[Reading], list[Verdict]]:
        """Ask by name for what lists no longer show, and judge again."""
        missing = {
            (verdict.account, verdict.chain_id): [asset.contract for asset in verdict.missing]
            for verdict in verdicts
            if verdict.missing
        }
        named: dict[Address, list[Address]] = defaultdict(list)
        for (account, _), contracts in missing.items():
            named[account] += contracts
        chains = frozenset(chain_id for _, chain_id in missing)
        answered = await self._ask_all(narrow_questions(named, chains, metadata=False))
        for index, verdict in enumerate(verdicts):
            if verdict.missing:
                read[index] = _completed(read[index], missing[verdict.account, verdict.chain_id], answered)
                verdicts[index] = self._judge(read[index], views)
        return read, verdicts

    async def _describe_new(
        self, verdicts: Iterable[Verdict], answered: Iterable[Answered]
    ) -> dict[Asset, Description]:
        """Return what the source says of assets that come up for the first time."""
        holders = {asset: verdict.account for verdict in verdicts for asset in verdict.balances}
        new = await self._store.undescribed(holders) if holders else frozenset()
        described = {
            asset: answer.descriptions[asset]
            for question, answer in answered
            if question.metadata
            for asset in new & answer.descriptions.keys()
        }
        return described | await self._describe({asset: holders[asset] for asset in new - described.keys()})

    async def _describe(self, holders: Mapping[Asset, Address]) -> dict[Asset, Description]:
        """Ask what assets are, each by way of an account that holds it; unanswered, the next sweep asks."""
        if not holders:
            return {}
        named: dict[Address, set[Address]] = defaultdict(set)
        for asset, account in holders.items():
            named[account].add(asset.contract)
        chains = frozenset(asset.chain_id for asset in holders)
        answered = await self._ask_all(narrow_questions(named, chains, metadata=True))
        said = dict(chain.from_iterable(answer.descriptions.items() for _, answer in answered))
        return {asset: said[asset] for asset in holders if asset in said}

    async def _describe_leftovers(self) -> None:
        """Ask again what the source did not say when an asset came up."""
        holders = {
            asset: account for account, assets in self._watched.undescribed.items() for asset in assets
        }
        described = await self._describe(holders)
        if described:
            await self._store.record_poll(
                Poll(self.number, self._watched.newest, self._now(), (), {}, described)
            )

    def _note(self, read: Iterable[Reading], verdicts: Iterable[Verdict], views: Views) -> None:
        highest = {**self._blocks.now(), **self._known_before}
        for reading, verdict in zip(read, verdicts, strict=True):
            key = (verdict.account, verdict.chain_id)
            coverage = views.get(key, NEVER_READ).coverage
            newly = frozenset(part for part in verdict.still_unknown if coverage[part] is None)
            if newly:
                self.unknown.append((*key, newly))
            if reading.native is not None or reading.listed is not None or reading.named:
                self.answered[reading.chain_id] = highest.get(reading.chain_id)

    def _note_failed(self, batch: Batch) -> None:
        """Note that nothing of a batch was recorded, whatever was read of it."""
        for account in batch.accounts:
            one = self._wanted[account]
            self.unknown += [
                (account, chain_id, one.parts(chain_id, self._status)) for chain_id in one.chains()
            ]


def _completed(reading: Reading, contracts: list[Address], answered: Iterable[Answered]) -> Reading:
    for question, answer in answered:
        reading = with_named(reading, question, answer, contracts)
    return reading
