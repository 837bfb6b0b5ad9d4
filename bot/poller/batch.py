"""One batch of a sweep: its replies are compared with what is stored, and what follows is asked.

Nothing is written here; what a batch brings is one `Poll`, recorded whole.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

import structlog

from bot.domain.ask.plan import Wanted, chunks
from bot.domain.assets import Address, Asset, ChainId, Description, Part
from bot.domain.observations import Poll, Reading, SweepNumber, Verdict, View
from bot.domain.observe.compare import compare, settles
from bot.domain.observe.readings import Answered, readings, with_named
from bot.poller.fetcher import Replied
from bot.poller.follow_up import FollowUp, answers_about, descriptions_of, merged
from bot.poller.memory import KnownBlocks
from bot.store.balances import snapshots
from bot.store.balances.snapshots import Views
from bot.store.database.connection import DatabaseThread
from bot.store.polling.sweeps import SweepInput

log = structlog.get_logger(__name__)

ACCOUNTS_IN_ONE_GO = 2
"""Read and compared without a pause: some 2 ms."""

NEVER_READ = View()


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of a batch."""

    poll: Poll
    read: tuple[Reading, ...]
    """What was read of each account and chain, in the order of the poll's verdicts."""
    highest_blocks: Mapping[ChainId, int]
    """The newest block that was read on each chain."""
    unsettled: frozenset[Address] = frozenset()
    """Accounts that are to be compared again even if they read the same."""


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads one batch after the other for a sweep."""

    sweep: SweepNumber
    watched: SweepInput
    wanted: Mapping[Address, Wanted]
    """What people ask for."""
    asked: Mapping[Address, Wanted]
    """The same, and what has to be asked by name to stay visible."""
    status: Part
    follow_up: FollowUp
    db: DatabaseThread
    blocks: KnownBlocks
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(
        self, accounts: Sequence[Address], replied: Sequence[Replied], observed_at: datetime
    ) -> BatchResult:
        """Return what the replies say of some accounts, asking on where they leave a question open."""
        # In a thread: it takes long, and where a reply has to be collected anew, all its rows are decoded
        # once more. For all accounts at once: they mostly hold the same assets.
        described = await asyncio.to_thread(descriptions_of, replied, accounts)
        descriptions = merged(described)
        # One batch at a time: the pauses of many would leave no time between them, and memory
        # holds the objects of one.
        async with self.lock:
            views = await self.db.run(snapshots.views, accounts)
            collections = _known_collections(views) | _collections_in(descriptions)
            comparison = _Comparison(self, views, collections, observed_at)
            await comparison.compare_all(accounts, replied)
        _log_troubles(comparison.answered)
        # Their digests don't show all that was read of them: some of it was found later.
        found_late = chain.from_iterable(answer.found_late for _, answer in comparison.answered)
        if any(verdict.missing for verdict in comparison.verdicts):
            by_name = await self.follow_up.ask_for_missing(comparison.verdicts)
            descriptions = merged(descriptions_of(by_name, accounts)) | descriptions
            comparison.collections |= _collections_in(descriptions)
            comparison.compare_missing(answers_about(by_name, accounts))
        verdicts, items = await self.follow_up.find_items(comparison.verdicts, comparison.collections)
        with_metadata = merged(pair for pair in described if pair[0].metadata)
        poll = Poll(
            sweep=self.sweep,
            asked_under=self.watched.newest,
            observed_at=observed_at,
            verdicts=tuple(verdicts),
            descriptions=descriptions,
            described=await self.follow_up.describe_first(verdicts, with_metadata, observed_at),
            items=items,
        )
        return BatchResult(
            poll,
            tuple(comparison.read),
            _highest_blocks(comparison.answered),
            frozenset(comparison.unsettled.union(found_late, _unexplained(verdicts))),
        )


@dataclass(slots=True)
class _Comparison:
    """The readings of one batch beside what is stored."""

    batches: BatchReader
    views: Views
    """What is stored; once compared for good, it is let go."""
    collections: frozenset[Asset]
    observed_at: datetime
    answered: list[Answered] = field(default_factory=list)
    read: list[Reading] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    """Of each reading."""
    unsettled: set[Address] = field(default_factory=set)
    """Accounts of which the same reading may say something new, or of which more is asked now."""

    async def compare_all(self, accounts: Sequence[Address], replied: Sequence[Replied]) -> None:
        """Read and compare a few accounts at a time; other tasks run in between."""
        for some in chunks(accounts, ACCOUNTS_IN_ONE_GO):
            answered = answers_about(replied, some)
            self.answered += answered
            self.read += readings({account: self.batches.asked[account] for account in some}, answered)
            verdicts = [self._compare(reading) for reading in self.read[len(self.verdicts) :]]
            for verdict in verdicts:
                # What is stored of a whole batch would take milliseconds to free at once.
                if not verdict.missing:
                    self.views.pop((verdict.account, verdict.chain_id), None)
            self.verdicts += verdicts
            await asyncio.sleep(0)

    def compare_missing(self, by_name: Iterable[Answered]) -> None:
        """Compare anew, with the answers by name, where something was missing."""
        for index, verdict in enumerate(self.verdicts):
            if verdict.missing:
                contracts = [asset.contract for asset in verdict.missing]
                for question, answer in by_name:
                    self.read[index] = with_named(self.read[index], question, answer, contracts)
                self.verdicts[index] = self._compare(self.read[index])

    def _compare(self, reading: Reading) -> Verdict:
        account, chain_id = reading.account, reading.chain_id
        view = self.views.get((account, chain_id), NEVER_READ)
        verdict = compare(
            view,
            reading,
            wanted=self.batches.wanted[account].parts(chain_id, self.batches.status),
            status=self.batches.status,
            known_block=self.batches.blocks.when_read(account, chain_id),
            collections=self.collections,
            observed_at=self.observed_at,
        )
        # Now, as the view may be let go.
        if not settles(view, verdict):
            self.unsettled.add(account)
        return verdict


def _collections_in(descriptions: Mapping[Asset, Description]) -> frozenset[Asset]:
    return frozenset(asset for asset, description in descriptions.items() if description.is_collection)


def _known_collections(views: Views) -> frozenset[Asset]:
    return frozenset(chain.from_iterable(view.collections for view in views.values()))


def _unexplained(verdicts: Iterable[Verdict]) -> Iterator[Address]:
    return (verdict.account for verdict in verdicts if verdict.unexplained)


def without(poll: Poll, left_out: Iterable[Verdict]) -> Poll:
    """Return a poll without some of its verdicts, and without what it says of their collections."""
    out = {(verdict.account, verdict.chain_id) for verdict in left_out}
    return replace(
        poll,
        verdicts=tuple(
            verdict for verdict in poll.verdicts if (verdict.account, verdict.chain_id) not in out
        ),
        items={key: items for key, items in poll.items.items() if (key[0], key[1].chain_id) not in out},
    )


def _log_troubles(answered: Iterable[Answered]) -> None:
    for trouble in dict.fromkeys(chain.from_iterable(answer.troubles for _, answer in answered)):
        log.debug("part of an answer is unknown", action="answer_partial", trouble=trouble)


def _highest_blocks(answered: Iterable[Answered]) -> dict[ChainId, int]:
    highest: dict[ChainId, int] = {}
    for _, answer in answered:
        for chain_id, block in answer.highest_blocks.items():
            highest[chain_id] = max(block, highest.get(chain_id, 0))
    return highest
