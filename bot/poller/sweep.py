"""One sweep: plan, ask, compare, record; batch by batch.

What could not be read stays as it was. What reads as before is not even compared. Losses
wait until the end of the sweep (`losses`). Nothing here sends anything: alerts are in the
store as soon as a batch is recorded.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

import structlog

from bot.domain.ask.plan import Batch, Wanted, batches, with_unlisted
from bot.domain.ask.questions import Reply
from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.chains import Chains
from bot.domain.observations import Fingerprint, Poll, SweepNumber, Verdict
from bot.domain.observe.items import ITEMS_MOST
from bot.domain.observe.prices import PRICE_ASKED_AFTER, price_of
from bot.poller.batch import BatchReader, BatchResult, without
from bot.poller.fetcher import Fetcher
from bot.poller.follow_up import FollowUp, ItemSource
from bot.poller.losses import SweepLosses, Unknown, has_losses
from bot.poller.memory import Memory, Unseen, fingerprints
from bot.store.balances import prints, snapshots
from bot.store.database.connection import DatabaseThread
from bot.store.polling import record
from bot.store.polling.sweeps import SweepInput, SweepResult

log = structlog.get_logger(__name__)

COLLECTIONS_LEARNED = 20
"""The most collections whose ids one sweep asks for though nothing of them changed."""

BATCHES_IN_MEMORY = 4
"""So many may be read and not yet recorded: more objects may have garbage collected in a sweep."""


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """How a sweep asks."""

    contract_status: Part
    """The part that stands for the lists of this contract status."""
    contracts_left_out: tuple[Address, ...]
    accounts_per_request: int
    batches_at_once: int
    stale_after: timedelta
    """What gives no answer for so long is reported as an outage."""
    code: bytes
    """What `deciding_code` was at the start."""
    chains: Chains
    """The registry."""


class Sweep:
    """One round over some accounts; `run` once, then read what came of it."""

    def __init__(
        self,
        number: SweepNumber,
        watched: SweepInput,
        wanted: Mapping[Address, Wanted],
        *,
        fetcher: Fetcher,
        item_source: ItemSource,
        db: DatabaseThread,
        settings: SweepSettings,
        memory: Memory,
        now: Callable[[], datetime],
        progress: Callable[[], None],
        explain_until: Callable[[], datetime | None],
    ) -> None:
        self.number = number
        self._watched = watched
        self._wanted = wanted
        self._asked = with_unlisted(wanted, watched.unlisted)
        self._fetcher = fetcher
        self._db = db
        self._settings = settings
        self._status = settings.contract_status
        self._memory = memory
        self._now = now
        self._progress = progress
        self._explain_until = explain_until
        self._batches_at_once = asyncio.Semaphore(settings.batches_at_once)
        self._in_memory = asyncio.Semaphore(BATCHES_IN_MEMORY)
        self._started_at = now()
        memory.blocks.start_from(watched.highest_blocks, watched.newest_blocks)
        # What the sweep stores as known: a block that one batch brings may be newer than what others saw.
        self._known_before = memory.blocks.now()
        self._follow_up = FollowUp(fetcher, item_source, db)
        self._reader = BatchReader(
            sweep=number,
            watched=watched,
            wanted=wanted,
            asked=self._asked,
            status=self._status,
            follow_up=self._follow_up,
            db=db,
            blocks=memory.blocks,
        )
        self._answered: set[ChainId] = set()
        self.prices: dict[Asset, str] = {}
        """What the source said in this sweep, old prices left out, where anybody needs it."""
        self.priced: dict[ChainId, set[Address]] = defaultdict(set)
        """The assets of which a price was noted that is not old, by chain."""
        self._unknown: list[Unknown] = []
        self._losses = SweepLosses(watched=watched, wanted=wanted, db=db, unknown=self._unknown)
        self._troubles: dict[ChainId, str] = {}

    async def run(self) -> SweepResult:
        """Read everything wanted, and return how far that reached.

        An error in one batch leaves the others alone.
        """
        # In a thread: sorting and grouping thousands of accounts would block the event loop.
        plan = await asyncio.to_thread(self._plan)
        if not self._memory.knows_stored_prints:
            self._memory.start_from_prints(await self._db.run(prints.stored_prints))
        self._fetcher.begin()
        async with asyncio.TaskGroup() as tasks:
            for batch in plan:
                tasks.create_task(self._read_alone(batch))
                # Writing a question takes a millisecond: begun one by one, they block nobody.
                await asyncio.sleep(0)
        await self._record_losses()
        await self._look_at_leftovers()
        self._fetcher.finish()
        return self._result(plan)

    def _plan(self) -> list[Batch]:
        return list(
            batches(
                self._asked,
                accounts_per_request=self._settings.accounts_per_request,
                contract_status=self._settings.contract_status,
                contracts_left_out=self._settings.contracts_left_out,
                metadata_for=frozenset(self._wanted.keys() - self._watched.generations.keys()),
            )
        )

    def _result(self, plan: Iterable[Batch]) -> SweepResult:
        blocks = {**self._memory.blocks.now(), **self._known_before}
        asked = chain.from_iterable(question.chain_ids for batch in plan for question in batch.questions)
        return SweepResult(
            sweep=self.number,
            started_at=self._started_at,
            ended_at=self._now(),
            asked=frozenset(asked),
            answered={
                chain_id: blocks.get(chain_id) for chain_id in self._answered - self._losses.doubted.keys()
            },
            unknown=self._unknown,
            lost=self._losses.doubted,
            doubts=self._losses.doubts(),
            settled=self._losses.settled,
        )

    async def _read_alone(self, batch: Batch) -> None:
        async with self._batches_at_once:
            try:
                await self._read(batch)
            except Exception:
                log.exception("batch failed", action="batch_failed", accounts=len(batch.accounts))
                self._note_unread(batch.accounts)
            self._progress()

    async def _read(self, batch: Batch) -> None:
        # Before asking: a block that other batches bring meanwhile may be newer than this answer.
        known_blocks = self._memory.blocks.now()
        replied = [pair for question in batch.questions for pair in await self._fetcher.ask(question)]
        if not replied:
            self._note_unread(batch.accounts)
            return
        asked = {account: (self._wanted[account], self._asked[account]) for account in batch.accounts}
        seen = fingerprints(asked, self._watched.generations, replied, self._settings.code)
        changed = [account for account in batch.accounts if not self._is_quiet(account, seen.get(account))]
        read = {account: self._chains_of_quiet(account) for account in asked.keys() - changed}
        blocks: Mapping[ChainId, int] = {}
        if changed:
            observed_at = self._now()
            # The time of observation is taken before waiting here: it is when the replies came.
            async with self._in_memory:
                result = await self._reader.read(changed, replied, observed_at)
                losses = [verdict for verdict in result.poll.verdicts if has_losses(verdict)]
                settled = self._settled(result, losses)
                poll = replace(
                    without(result.poll, losses),
                    prints={account: one for account, one in seen.items() if account in settled},
                    highest_blocks=result.highest_blocks,
                )
                kept = await self._record(poll)
            self._note(result, losses, kept)
            read |= self._chains_read(result)
            blocks = result.highest_blocks
            # Freeing thousands of objects takes milliseconds, too: other tasks run before and after.
            await asyncio.sleep(0)
            del result
            await asyncio.sleep(0)
        for _, reply in replied:
            self._answered |= reply.chains
            self._troubles = {**reply.troubles, **self._troubles}
            self._note_prices(reply)
        self._memory.blocks.note(read, known_blocks, blocks)

    def _note_prices(self, reply: Reply) -> None:
        """Note one price of each asset: those that were noted in this sweep are not read again."""
        now, quotes = self._now(), reply.prices(self.priced)
        self._memory.note_prices(quotes, now)
        old = now - PRICE_ASKED_AFTER
        current = {asset: quote.usd for asset, quote in quotes.items() if price_of(quote, now).seen_at > old}
        if self._watched.prices_are_wanted:
            self.prices |= current
        for chain_id, contract in current:
            self.priced[chain_id].add(contract)

    async def _record(self, poll: Poll) -> Mapping[Address, Fingerprint]:
        """Record a poll, and return the prints of accounts that need not be compared while they read so."""
        if poll.says_nothing_new:
            return {}
        recorded = await self._db.run(
            record.record_poll, poll, self._status, self._settings.chains, self._explain_until()
        )
        return recorded.prints

    # what reads as before

    def _is_quiet(self, account: Address, read: Fingerprint | None) -> bool:
        """Whether all of this was read before and said nothing new; notes what is still unknown."""
        if read is None or self._memory.quiet.get(account) != read:
            self._memory.forget(account)
            return False
        self._unknown += [(account, *one) for one in self._memory.unseen.get(account, ())]
        return True

    # what is new

    def _settled(self, result: BatchResult, losses: Iterable[Verdict]) -> frozenset[Address]:
        """Return the accounts of which the same reading would say nothing new once this one is recorded."""
        # Losses are recorded at the end of the sweep, if they are believed.
        unsettled = result.unsettled | {verdict.account for verdict in losses}
        return frozenset(verdict.account for verdict in result.poll.verdicts) - unsettled

    def _note(
        self, result: BatchResult, losses: Sequence[Verdict], kept: Mapping[Address, Fingerprint]
    ) -> None:
        """Note what was unknown, and which accounts need not be compared while they read the same."""
        unseen: dict[Address, list[Unseen]] = {}
        for verdict in result.poll.verdicts:
            if verdict.still_unknown:
                unseen.setdefault(verdict.account, []).append((verdict.chain_id, verdict.still_unknown))
        for account, parts in unseen.items():
            self._unknown += [(account, *one) for one in parts]
        for account, read in kept.items():
            self._memory.keep_quiet(account, read, tuple(unseen.get(account, ())))
        if losses:
            self._losses.polls.append(result.poll)
        self._losses.unanswered += [verdict for verdict in result.poll.verdicts if verdict.missing]
        self._remember_collections(result.poll)

    def _remember_collections(self, poll: Poll) -> None:
        unlearned = self._memory.unlearned
        if unlearned is None:  # all of them are looked up in the store at the end of this sweep
            return
        for verdict in poll.verdicts:
            for asset, balance in verdict.balances.items():
                description = poll.descriptions.get(asset)
                is_collection = description is not None and description.is_collection
                is_few = balance is not None and (balance.amount.uniques or 0) <= ITEMS_MOST
                if is_collection and is_few and not poll.items.get((verdict.account, asset)):
                    unlearned[verdict.account, asset] = None

    def _chains_of_quiet(self, account: Address) -> frozenset[ChainId]:
        """Return on which chains the tokens of an unchanged account were read."""
        unseen = self._memory.unseen.get(account, ())
        blind = {chain_id for chain_id, parts in unseen if parts - {NATIVE_PART}}
        return self._asked[account].chains() - blind

    def _chains_read(self, result: BatchResult) -> dict[Address, frozenset[ChainId]]:
        """Return on which chains the tokens of each account were read: by list if wanted, else by name."""
        read: dict[Address, set[ChainId]] = {}
        for reading, verdict in zip(result.read, result.poll.verdicts, strict=True):
            is_broad = reading.chain_id in self._wanted[reading.account].broad
            if has_losses(verdict):
                continue  # not recorded yet: what arrived beside the losses must still count as new
            if reading.listed is not None if is_broad else reading.named:
                read.setdefault(reading.account, set()).add(reading.chain_id)
        return {account: frozenset(chains) for account, chains in read.items()}

    def _note_unread(self, accounts: Iterable[Address]) -> None:
        """Note that nothing of these accounts was recorded, so that they are compared next time."""
        for account in accounts:
            self._memory.forget(account)
            wanted = self._wanted[account]
            self._unknown += [
                (account, chain_id, wanted.parts(chain_id, self._status)) for chain_id in wanted.chains()
            ]

    # losses

    async def _record_losses(self) -> None:
        """Record what is believed to be lost, now that all batches are read."""
        await self._losses.judge()
        for poll in self._losses.believed():
            try:
                await self._record(poll)
            except Exception:
                log.exception("losses could not be recorded", action="batch_failed")
                self._note_unread({verdict.account for verdict in poll.verdicts})

    @property
    def partly_unknown(self) -> dict[ChainId, str]:
        """By chain, why something is unknown there, where the chain answered or a reply says why."""
        unread = {
            chain_id: "some balances cannot be read"
            for _, chain_id, _ in self._unknown
            if chain_id in self._answered
        }
        return {**unread, **self._troubles}

    # leftovers

    async def _look_at_leftovers(self) -> None:
        """Ask for what is still missing: descriptions of assets, and ids of collections."""
        try:
            await self._describe_leftovers()
            await self._learn_collections()
        except Exception:
            log.exception("asking what assets are failed", action="describe_failed")

    async def _describe_leftovers(self) -> None:
        holders = {
            asset: account for account, assets in self._watched.undescribed.items() for asset in assets
        }
        described = await self._follow_up.describe(holders)
        if described:
            poll = Poll(
                sweep=self.number,
                asked_under=self._watched.newest,
                observed_at=self._now(),
                verdicts=(),
                descriptions={},
                described=described,
            )
            await self._db.run(record.record_poll, poll, self._status, self._settings.chains)

    async def _learn_collections(self) -> None:
        if self._memory.unlearned is None:
            self._memory.unlearned = dict.fromkeys(await self._db.run(snapshots.collections_without_items))
        for account, asset in list(self._memory.unlearned)[:COLLECTIONS_LEARNED]:
            del self._memory.unlearned[account, asset]
            items = await self._follow_up.items(account, asset)
            if items:
                await self._db.run(snapshots.save_items, account, asset, items)
