"""One batch of a sweep: ask, compare, ask again by name, and word what is to be recorded.

Nothing is written here; what a batch brings is one `Poll`, recorded whole.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Protocol

import structlog

from bot.domain.assets import NATIVE, NOTHING_SAID, Address, Asset, ChainId, Description, Items, Part
from bot.domain.observations import Move, Poll, Reading, SweepNumber, Verdict, View
from bot.domain.observe.compare import compare
from bot.domain.observe.descriptions import may_be_redenominated
from bot.domain.observe.items import ITEMS_MOST, KnownItems, with_items
from bot.domain.observe.plan import Wanted, chunks, narrow_questions
from bot.domain.observe.readings import Answered, readings, with_named
from bot.domain.questions import Answer, Question
from bot.indexer.errors import IndexerError
from bot.poller.fetcher import Fetcher, Replied
from bot.poller.memory import KnownBlocks
from bot.store.snapshots import Views
from bot.store.store import Store
from bot.store.sweeps import SweepInput

log = structlog.get_logger(__name__)

ACCOUNTS_IN_ONE_GO = 5
"""Read and compared without a pause: some 5 ms."""

DESCRIBED_WITHIN_SECONDS = 5.0
"""An alert waits no longer for what its asset is called."""

NEVER_READ = View()


class ItemSource(Protocol):
    """Where the ids of collections come from."""

    async def items(self, account: Address, asset: Asset) -> Items:
        """Return all ids of an account's collection, or raise an IndexerError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a batch: what was read of each account and chain, and what that says."""

    poll: Poll
    read: tuple[Reading, ...]
    """In the order of the poll's verdicts."""
    highest_blocks: Mapping[ChainId, int]
    """Of each chain, the newest block that was read."""
    found_late: frozenset[Address] = frozenset()
    """Accounts whose digests don't tell all that was read of them."""


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads one batch after the other for a sweep."""

    sweep: SweepNumber
    watched: SweepInput
    wanted: Mapping[Address, Wanted]
    """What people ask for."""
    asked: Mapping[Address, Wanted]
    """The same, and what has to be asked by name to go on being seen."""
    status: Part
    fetcher: Fetcher
    item_source: ItemSource
    store: Store
    blocks: KnownBlocks
    comparing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One batch is compared at a time: the pauses of many would be none, and memory holds one."""

    async def judge(
        self, accounts: Sequence[Address], replied: Sequence[Replied], observed_at: datetime
    ) -> Outcome:
        """Return what the replies say of some accounts, asking on where they leave a question open."""
        # All rows may have to be looked through here, which nobody else shall wait for.
        names = await asyncio.to_thread(answers_about, replied, ())
        descriptions = _descriptions(names)
        async with self.comparing:
            views = await self.store.views(accounts)
            collections = _collections(descriptions) | _known_collections(views)
            judge = self._judge_by(views, collections, observed_at)
            answered, read, verdicts = await self._judge_all(accounts, replied, judge)
        _log_troubles(answered)
        if any(verdict.missing for verdict in verdicts):
            by_name = await self._ask_for_missing(verdicts)
            descriptions = _descriptions(by_name) | descriptions
            collections |= _collections(descriptions)
            judge = self._judge_by(views, collections, observed_at)
            for index, verdict in enumerate(verdicts):
                if verdict.missing:
                    missing = [asset.contract for asset in verdict.missing]
                    read[index] = _completed(read[index], missing, by_name)
                    verdicts[index] = judge(read[index])
        verdicts, items = await self._tell_items(verdicts, collections)
        described = await self._describe_first(verdicts, names, observed_at)
        poll = Poll(
            self.sweep,
            self.watched.newest,
            observed_at,
            tuple(verdicts),
            descriptions,
            described,
            items,
        )
        found_late = frozenset(chain.from_iterable(answer.found_late for _, answer in answered))
        return Outcome(poll, tuple(read), _highest_blocks(answered), found_late)

    async def describe(self, holders: Mapping[Asset, Address]) -> dict[Asset, Description]:
        """Ask what assets are, each by way of an account that holds it.

        Of what is answered without a word about the asset, that nothing was said; what is not answered
        is left out: the next sweep asks.
        """
        if not holders:
            return {}
        named: dict[Address, set[Address]] = defaultdict(set)
        for asset, account in holders.items():
            named[account].add(asset.contract)
        chains = frozenset(asset.chain_id for asset in holders)
        answered = await self._ask_named(named, chains, metadata=True)
        said = _descriptions(answered)
        return {
            asset: said.get(asset, NOTHING_SAID)
            for asset, account in holders.items()
            if asset in said
            or any(_is_about(question, answer, asset, account) for question, answer in answered)
        }

    async def items(self, account: Address, asset: Asset) -> Items | None:
        """Ask which ids of a collection an account holds; None: no answer."""
        if self.fetcher.probe_in_seconds is not None:
            return None
        try:
            return await self.item_source.items(account, asset)
        except IndexerError as trouble:
            log.debug("ids of a collection are unknown", action="items_unknown", trouble=str(trouble))
            return None

    async def _ask_named(
        self, named: Mapping[Address, Iterable[Address]], chains: frozenset[ChainId], *, metadata: bool
    ) -> list[Answered]:
        questions = narrow_questions(named, chains, metadata=metadata)
        replied = [pair for question in questions for pair in await self.fetcher.ask(question)]
        return answers_about(replied, tuple(named))

    def _judge_by(
        self, views: Views, collections: frozenset[Asset], observed_at: datetime
    ) -> Callable[[Reading], Verdict]:
        """Return what compares a reading with what is stored."""

        def judge(reading: Reading) -> Verdict:
            account, chain_id = reading.account, reading.chain_id
            return compare(
                views.get((account, chain_id), NEVER_READ),
                reading,
                wanted=self.wanted[account].parts(chain_id, self.status),
                status=self.status,
                known_block=self.blocks.when_read(account, chain_id),
                collections=collections,
                observed_at=observed_at,
            )

        return judge

    async def _judge_all(
        self,
        accounts: Sequence[Address],
        replied: Sequence[Replied],
        judge: Callable[[Reading], Verdict],
    ) -> tuple[list[Answered], list[Reading], list[Verdict]]:
        """Read and compare a few accounts at a time; others get their turn in between."""
        answered: list[Answered] = []
        read: list[Reading] = []
        verdicts: list[Verdict] = []
        for some in chunks(accounts, ACCOUNTS_IN_ONE_GO):
            said = answers_about(replied, some)
            answered += said
            read += readings({account: self.asked[account] for account in some}, said)
            verdicts += map(judge, read[len(verdicts) :])
            await asyncio.sleep(0)
        return answered, read, verdicts

    async def _ask_for_missing(self, verdicts: Iterable[Verdict]) -> list[Answered]:
        """Ask by name for what lists no longer show."""
        named: dict[Address, list[Address]] = defaultdict(list)
        for verdict in verdicts:
            if verdict.missing:
                named[verdict.account] += [asset.contract for asset in verdict.missing]
        chains = frozenset(verdict.chain_id for verdict in verdicts if verdict.missing)
        return await self._ask_named(named, chains, metadata=False)

    async def _tell_items(
        self, verdicts: list[Verdict], collections: frozenset[Asset]
    ) -> tuple[list[Verdict], dict[tuple[Address, Asset], Items]]:
        """Find out which ids of the collections that moved came and went."""
        result: list[Verdict] = []
        keep: dict[tuple[Address, Asset], Items] = {}
        for verdict in verdicts:
            moved = [move for move in verdict.moves if _may_have_items(move, collections)]
            if moved:
                stored = await self.store.items_of(verdict.account, [move.asset for move in moved])
                seen = await self._seen_items(verdict.account, moved, collections)
                told, items = with_items(verdict, collections, stored, seen)
                keep |= {(verdict.account, asset): ids for asset, ids in items.items()}
                result.append(told)
            else:
                result.append(verdict)
        return result, keep

    async def _seen_items(
        self, account: Address, moved: Iterable[Move], collections: frozenset[Asset]
    ) -> KnownItems:
        seen: dict[Asset, Items] = {}
        for move in moved:
            is_few = move.after.uniques is None or move.after.uniques <= ITEMS_MOST
            if move.asset in collections and is_few and not move.is_loss:
                items = await self.items(account, move.asset)
                if items is not None:
                    seen[move.asset] = items
        return seen

    async def _describe_first(
        self, verdicts: Iterable[Verdict], answered: Iterable[Answered], now: datetime
    ) -> dict[Asset, Description]:
        """Return what the source says of assets before amounts of them are stored or told.

        That is what comes up for the first time, and what moved though its decimals are unknown, were named
        long ago, or may be other ones by now. Without an answer in time, what is known counts.
        """
        holders = {
            asset: verdict.account for verdict in verdicts for asset, held in verdict.balances.items() if held
        }
        moves = [move for verdict in verdicts for move in verdict.moves if move.asset in holders]
        wanted = await self.store.undescribed(holders) if holders else frozenset[Asset]()
        if moves:
            wanted |= await self.store.doubtful_descriptions([move.asset for move in moves], now)
            wanted |= {move.asset for move in moves if move.asset.contract and _may_be_redenominated(move)}
        described = {
            asset: answer.descriptions[asset]
            for question, answer in answered
            if question.metadata
            for asset in wanted & answer.descriptions.keys()
        }
        try:
            async with asyncio.timeout(DESCRIBED_WITHIN_SECONDS):
                asked = await self.describe({asset: holders[asset] for asset in wanted - described.keys()})
        except TimeoutError:
            log.debug("what assets are is not known in time", action="describe_late", assets=len(wanted))
            return described
        return described | {asset: one for asset, one in asked.items() if one is not NOTHING_SAID}


def _descriptions(answered: Iterable[Answered]) -> dict[Asset, Description]:
    return dict(chain.from_iterable(answer.descriptions.items() for _, answer in answered))


def _collections(descriptions: Mapping[Asset, Description]) -> frozenset[Asset]:
    return frozenset(asset for asset, description in descriptions.items() if description.is_collection)


def _known_collections(views: Views) -> frozenset[Asset]:
    return frozenset(chain.from_iterable(view.collections for view in views.values()))


def answers_about(replied: Iterable[Replied], accounts: Collection[Address]) -> list[Answered]:
    """Return what replies say of some accounts; names and prices come whoever they are."""
    return [(question, reply.about(accounts)) for question, reply in replied]


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


def _is_about(question: Question, answer: Answer, asset: Asset, account: Address) -> bool:
    """Whether an answer would show a row of an asset that this account holds."""
    chain_id, contract = asset
    return account in question.accounts and contract in question.contracts and chain_id in answer.tokens


def _may_be_redenominated(move: Move) -> bool:
    return may_be_redenominated(move.before.amount_raw, move.after.amount_raw)


def _may_have_items(move: Move, collections: frozenset[Asset]) -> bool:
    return move.asset in collections or (move.is_loss and move.asset.contract != NATIVE)


def _completed(reading: Reading, contracts: list[Address], answered: Iterable[Answered]) -> Reading:
    for question, answer in answered:
        reading = with_named(reading, question, answer, contracts)
    return reading
