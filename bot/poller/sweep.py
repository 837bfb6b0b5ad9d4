"""One sweep: plan, ask, compare, record; batch by batch.

What could not be seen stays as it was. What is read as it was before is not even
compared. Losses wait until the end of the sweep, which shows whether the world
or the index has lost them. Nothing here sends anything: what must be told is in
the store when a batch is recorded.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

import structlog

from bot.domain.assets import NATIVE, NATIVE_PART, Address, ChainId, Part
from bot.domain.observations import Poll, SweepNumber, Verdict
from bot.domain.observe.items import ITEMS_MOST
from bot.domain.observe.mass_loss import LOST_AT_LEAST, NEWLY_DOUBTED, DoubtedChain, doubted_chains
from bot.domain.observe.plan import Batch, Wanted, batches, with_unlisted
from bot.domain.questions import Reply
from bot.poller.batch import BatchReader, ItemSource, Outcome, without
from bot.poller.fetcher import Fetcher
from bot.poller.memory import Fingerprint, Memory, Unseen, fingerprints
from bot.store.store import Store
from bot.store.sweeps import SweepInput, SweepResult

log = structlog.get_logger(__name__)

COLLECTIONS_LEARNED = 20
"""Collections of which one sweep asks the ids without any of them having changed."""

BATCHES_ON_THE_DESK = 4
"""Read and not yet recorded: of more, all the objects together would make garbage collections long."""


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """How a sweep asks."""

    contract_status: str
    contracts_left_out: tuple[Address, ...]
    accounts_per_request: int
    batches_at_once: int


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
        store: Store,
        settings: SweepSettings,
        memory: Memory,
        now: Callable[[], datetime],
        progress: Callable[[], None],
    ) -> None:
        self.number = number
        self._watched = watched
        self._wanted = wanted
        self._asked = with_unlisted(wanted, watched.unlisted)
        self._fetcher = fetcher
        self._store = store
        self._settings = settings
        self._status = Part(settings.contract_status)
        self._memory = memory
        self._now = now
        self._progress = progress
        self._room = asyncio.Semaphore(settings.batches_at_once)
        self._desk = asyncio.Semaphore(BATCHES_ON_THE_DESK)
        self._started_at = now()
        memory.blocks.start_from(watched.highest_blocks)
        self._known_before = memory.blocks.now()
        self._reader = BatchReader(
            number,
            watched,
            wanted,
            self._asked,
            self._status,
            fetcher,
            item_source,
            store,
            memory.blocks,
        )
        self._losses: list[Outcome] = []
        self._answered: set[ChainId] = set()
        self._priced: dict[ChainId, set[Address]] = defaultdict(set)
        self._unknown: list[tuple[Address, ChainId, frozenset[Part]]] = []
        self._lost: dict[ChainId, tuple[int, int]] = {}
        self._settled: frozenset[ChainId] = frozenset()
        self._troubles: dict[ChainId, str] = {}

    async def run(self) -> SweepResult:
        """Read everything wanted, and return how far that reached.

        What goes wrong in one batch leaves the others alone.
        """
        plan = await asyncio.to_thread(self._plan)
        self._fetcher.begin()
        async with asyncio.TaskGroup() as tasks:
            for batch in plan:
                tasks.create_task(self._read_alone(batch))
        await self._settle_losses()
        await self._look_at_leftovers()
        self._fetcher.finish()
        return self._reach(plan)

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

    def _reach(self, plan: Iterable[Batch]) -> SweepResult:
        blocks = {**self._memory.blocks.now(), **self._known_before}
        return SweepResult(
            self.number,
            self._started_at,
            self._now(),
            frozenset(chain.from_iterable(one.chain_ids for batch in plan for one in batch.questions)),
            {chain_id: blocks.get(chain_id) for chain_id in self._answered - self._lost.keys()},
            self._unknown,
            self._lost,
            self._settled,
        )

    async def _read_alone(self, batch: Batch) -> None:
        async with self._room:
            try:
                await self._read(batch)
            except Exception:
                log.exception("batch failed", action="batch_failed", accounts=len(batch.accounts))
                self._note_unread(batch.accounts)
            self._progress()

    async def _read(self, batch: Batch) -> None:
        known_blocks = self._memory.blocks.now()
        replied = [pair for question in batch.questions for pair in await self._fetcher.ask(question)]
        if not replied:
            self._note_unread(batch.accounts)
            return
        asked = {account: self._asked[account] for account in batch.accounts}
        prints = fingerprints(asked, self._watched.generations, replied)
        noisy = [account for account in batch.accounts if not self._is_quiet(account, prints[account])]
        read = {account: self._chains_of_quiet(account) for account in asked.keys() - noisy}
        blocks: Mapping[ChainId, int] = {}
        if noisy:
            observed_at = self._now()
            async with self._desk:
                outcome = await self._reader.judge(noisy, replied, observed_at)
                losses = [verdict for verdict in outcome.poll.verdicts if _has_losses(verdict)]
                await self._record(without(outcome.poll, losses))
            self._note(outcome, losses, {account: prints[account] for account in noisy})
            read |= self._chains_read(outcome)
            blocks = outcome.highest_blocks
        for _, reply in replied:
            self._answered |= reply.chains
            self._troubles = {**reply.troubles, **self._troubles}
            self._note_prices(reply)
        self._memory.blocks.note(read, known_blocks, blocks)

    def _note_prices(self, reply: Reply) -> None:
        """Note the prices of what none was noted of in this sweep."""
        prices = reply.prices(self._priced)
        self._memory.note_prices(prices, self._now())
        for chain_id, contract in prices:
            self._priced[chain_id].add(contract)

    async def _record(self, poll: Poll) -> None:
        if not poll.says_nothing_new:
            moved = {move.asset for verdict in poll.verdicts for move in verdict.moves}
            known = {asset: self._memory.prices[asset] for asset in moved & self._memory.prices.keys()}
            await self._store.record_poll(replace(poll, last_prices=known))

    # what was read before

    def _is_quiet(self, account: Address, read: Fingerprint) -> bool:
        """Whether all of this was read before and had nothing to say; what it could not see is noted."""
        if self._memory.quiet.get(account) != read:
            self._memory.forget(account)
            return False
        self._unknown += [(account, *one) for one in self._memory.unseen.get(account, ())]
        return True

    # what came of it

    def _note(
        self, outcome: Outcome, losses: Sequence[Verdict], prints: Mapping[Address, Fingerprint]
    ) -> None:
        """Note what was not seen, and which accounts had nothing to say."""
        restless = set(outcome.found_late)
        unseen: dict[Address, list[Unseen]] = {}
        for verdict in outcome.poll.verdicts:
            if not verdict.is_settled:
                restless.add(verdict.account)
            if verdict.still_unknown:
                unseen.setdefault(verdict.account, []).append((verdict.chain_id, verdict.still_unknown))
        for account, parts in unseen.items():
            self._unknown += [(account, *one) for one in parts]
        for account, read in prints.items():
            if account not in restless and read.said:
                self._memory.keep_quiet(account, read, tuple(unseen.get(account, ())))
        if losses:
            self._losses.append(outcome)
        self._remember_collections(outcome.poll)

    def _remember_collections(self, poll: Poll) -> None:
        unlearned = self._memory.unlearned
        if unlearned is None:  # all of them are looked up at the end of this sweep
            return
        for verdict in poll.verdicts:
            for asset, balance in verdict.balances.items():
                description = poll.descriptions.get(asset)
                is_collection = description is not None and description.is_collection
                is_few = balance is not None and (balance.amount.uniques or 0) <= ITEMS_MOST
                if is_collection and is_few and not poll.items.get((verdict.account, asset)):
                    unlearned[verdict.account, asset] = None

    def _chains_of_quiet(self, account: Address) -> frozenset[ChainId]:
        """Return on which chains the tokens of an account were read that reads as before."""
        unseen = self._memory.unseen.get(account, ())
        blind = {chain_id for chain_id, parts in unseen if parts - {NATIVE_PART}}
        return self._asked[account].chains() - blind

    def _chains_read(self, outcome: Outcome) -> dict[Address, frozenset[ChainId]]:
        """Return on which chains the tokens of each account were read: the list, or else the names.

        Where losses wait to be believed, nothing counts as read yet: what came there is still to be told.
        """
        read: dict[Address, set[ChainId]] = {}
        for reading, verdict in zip(outcome.read, outcome.poll.verdicts, strict=True):
            is_broad = reading.chain_id in self._wanted[reading.account].broad
            if _has_losses(verdict):
                continue
            if reading.listed is not None if is_broad else reading.named:
                read.setdefault(reading.account, set()).add(reading.chain_id)
        return {account: frozenset(chains) for account, chains in read.items()}

    def _note_unread(self, accounts: Iterable[Address]) -> None:
        """Note that nothing of these accounts was recorded, whatever was read of them."""
        for account in accounts:
            self._memory.forget(account)
            one = self._wanted[account]
            self._unknown += [
                (account, chain_id, one.parts(chain_id, self._status)) for chain_id in one.chains()
            ]

    # losses

    async def _settle_losses(self) -> None:
        """Record the losses, but for those of chains that lost too much at once to be believed."""
        counted = Counter(
            verdict.chain_id
            for outcome in self._losses
            for verdict in outcome.poll.verdicts
            for move in verdict.moves
            if move.is_loss and move.asset.contract != NATIVE
        )
        doubts = self._doubts()
        many = {
            chain_id: count
            for chain_id, count in counted.items()
            if count >= LOST_AT_LEAST or chain_id in doubts
        }
        held = await self._store.token_balances_on(many) if many else {}
        doubted = (doubted_chains(many, held, doubts) | self._unread_losers()) - self._watched.believed
        self._settled = frozenset(doubts.keys() & counted.keys()) - doubted
        self._lost = {chain_id: (counted[chain_id], held.get(chain_id, 0)) for chain_id in doubted}
        for chain_id, (lost, of) in self._lost.items():
            log.warning(
                "too much vanished at once", action="mass_loss", chain_id=chain_id, lost=lost, held=of
            )
        for outcome in self._losses:
            others = [one for one in outcome.poll.verdicts if not _has_losses(one) or one.chain_id in doubted]
            try:
                await self._record(without(outcome.poll, others))
            except Exception:
                log.exception("losses could not be recorded", action="batch_failed")
                self._note_unread({verdict.account for verdict in outcome.poll.verdicts})

    def _doubts(self) -> dict[ChainId, DoubtedChain]:
        return dict.fromkeys(self._watched.doubted, NEWLY_DOUBTED) | self._memory.doubts

    def _unread_losers(self) -> frozenset[ChainId]:
        """Return the doubted chains of which an account that lost something there could not be read now."""
        return frozenset(
            chain_id
            for chain_id in self._doubts()
            if self._unread_on(chain_id) & self._losers_before(chain_id)
        )

    def _unread_on(self, chain_id: ChainId) -> frozenset[Address]:
        return frozenset(
            account for account, on, parts in self._unknown if on == chain_id and parts - {NATIVE_PART}
        )

    def _losers_before(self, chain_id: ChainId) -> frozenset[Address]:
        """Return who lost something on a doubted chain; after a restart it may be whoever can't be read."""
        is_forgotten = chain_id in self._watched.doubted and chain_id not in self._memory.losers
        return self._unread_on(chain_id) if is_forgotten else self._memory.losers.get(chain_id, frozenset())

    @property
    def losers(self) -> dict[ChainId, frozenset[Address]]:
        """Who lost something on the doubted chains, as far as it is known."""
        lost: dict[ChainId, set[Address]] = {
            chain_id: set(self._losers_before(chain_id)) for chain_id in self._lost
        }
        for outcome in self._losses:
            for verdict in outcome.poll.verdicts:
                if verdict.chain_id in lost and _has_losses(verdict):
                    lost[verdict.chain_id].add(verdict.account)
        return {chain_id: frozenset(accounts) for chain_id, accounts in lost.items()}

    @property
    def partly_unknown(self) -> dict[ChainId, str]:
        """Why something is unknown on chains that were answered, and on those of which a reply says why."""
        unread = {
            chain_id: "some balances cannot be read"
            for _, chain_id, _ in self._unknown
            if chain_id in self._answered
        }
        return {**unread, **self._troubles}

    # leftovers

    async def _look_at_leftovers(self) -> None:
        """Ask what nobody said in passing: what assets are, and which ids collections have."""
        try:
            await self._describe_leftovers()
            await self._learn_collections()
        except Exception:
            log.exception("asking what assets are failed", action="describe_failed")

    async def _describe_leftovers(self) -> None:
        holders = {
            asset: account for account, assets in self._watched.undescribed.items() for asset in assets
        }
        described = await self._reader.describe(holders)
        if described:
            poll = Poll(self.number, self._watched.newest, self._now(), (), {}, described)
            await self._store.record_poll(poll)

    async def _learn_collections(self) -> None:
        if self._memory.unlearned is None:
            self._memory.unlearned = dict.fromkeys(await self._store.collections_without_items())
        for account, asset in list(self._memory.unlearned)[:COLLECTIONS_LEARNED]:
            del self._memory.unlearned[account, asset]
            items = await self._reader.items(account, asset)
            if items:
                await self._store.save_items(account, asset, items)


def _has_losses(verdict: Verdict) -> bool:
    return any(move.is_loss and move.asset.contract != NATIVE for move in verdict.moves)
