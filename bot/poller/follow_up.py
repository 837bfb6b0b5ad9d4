"""Questions that follow from what was read: what is missing, what assets are, which items a collection has.

All of them name contracts, and are asked in passing: what is not answered is asked again with a later sweep.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

import structlog

from bot.domain.ask.plan import narrow_questions
from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import NATIVE, NOTHING_SAID, Address, Asset, ChainId, Description, Items
from bot.domain.observations import Move, Verdict
from bot.domain.observe.descriptions import may_be_redenominated
from bot.domain.observe.items import ITEMS_MOST, KnownItems, with_items
from bot.domain.observe.readings import Answered
from bot.indexer.errors import IndexerError
from bot.poller.fetcher import Fetcher, Replied
from bot.store.balances import assets, snapshots
from bot.store.database.connection import DatabaseThread

log = structlog.get_logger(__name__)

Described = tuple[Question, Mapping[Asset, Description]]
"""A question, and what a reply to it says of assets."""

DESCRIBED_WITHIN_SECONDS = 5.0
"""An alert waits no longer for the symbol and decimals of its asset."""


class ItemSource(Protocol):
    """Where the ids of collections come from."""

    async def items(self, account: Address, asset: Asset) -> Items:
        """Return all ids of an account's collection, or raise an IndexerError."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Asks what the readings of a sweep leave open."""

    fetcher: Fetcher
    item_source: ItemSource
    db: DatabaseThread

    async def ask_for_missing(self, verdicts: Iterable[Verdict]) -> list[Replied]:
        """Ask by name for the tokens that lists no longer show."""
        named: dict[Address, list[Address]] = defaultdict(list)
        for verdict in verdicts:
            if verdict.missing:
                named[verdict.account] += [asset.contract for asset in verdict.missing]
        chains = frozenset(verdict.chain_id for verdict in verdicts if verdict.missing)
        return await self._ask_named(named, chains, metadata=False)

    async def describe(self, holders: Mapping[Asset, Address]) -> dict[Asset, Description]:
        """Ask what assets are, each with an account that holds it.

        An asset whose answer doesn't mention it is `NOTHING_SAID`; one without an answer is left out, and
        asked for again with the next sweep.
        """
        if not holders:
            return {}
        named: dict[Address, set[Address]] = defaultdict(set)
        for asset, account in holders.items():
            named[account].add(asset.contract)
        chains = frozenset(asset.chain_id for asset in holders)
        replied = await self._ask_named(named, chains, metadata=True)
        answered, said = answers_about(replied, named), merged(descriptions_of(replied, named))
        return {
            asset: said.get(asset, NOTHING_SAID)
            for asset, account in holders.items()
            if asset in said
            or any(_is_about(question, answer, asset, account) for question, answer in answered)
        }

    async def items(self, account: Address, asset: Asset) -> Items | None:
        """Ask which ids of a collection an account holds; None: no answer."""
        # While the source is left alone, this would be a request beside its probes.
        if self.fetcher.probe_in_seconds is not None:
            return None
        try:
            return await self.item_source.items(account, asset)
        except IndexerError as trouble:
            log.debug("ids of a collection are unknown", action="items_unknown", trouble=str(trouble))
            return None

    async def _ask_named(
        self, named: Mapping[Address, Iterable[Address]], chains: frozenset[ChainId], *, metadata: bool
    ) -> list[Replied]:
        questions = narrow_questions(named, chains, metadata=metadata)
        return [pair for question in questions for pair in await self.fetcher.ask(question)]

    async def describe_first(
        self, verdicts: Iterable[Verdict], said: Mapping[Asset, Description], now: datetime
    ) -> dict[Asset, Description]:
        """Return descriptions of assets that are needed before their amounts are stored or reported.

        Needed are those of new assets, and of assets that moved while their decimals are unknown, old, or
        possibly redenominated; `said` are those that came with metadata. Without an answer in time, what is
        known has to do.
        """
        holders = {
            asset: verdict.account for verdict in verdicts for asset, held in verdict.balances.items() if held
        }
        moves = [move for verdict in verdicts for move in verdict.moves if move.asset in holders]
        wanted = await self.db.run(assets.undescribed, holders) if holders else frozenset[Asset]()
        # Only what moved is about to be reported; the rest may wait for the weekly refresh.
        if moves:
            wanted |= await self.db.run(assets.doubtful_descriptions, [move.asset for move in moves], now)
            wanted |= {move.asset for move in moves if move.asset.contract and _may_be_redenominated(move)}
        described = {asset: said[asset] for asset in wanted & said.keys()}
        try:
            async with asyncio.timeout(DESCRIBED_WITHIN_SECONDS):
                asked = await self.describe({asset: holders[asset] for asset in wanted - described.keys()})
        except TimeoutError:
            log.debug("what assets are is not known in time", action="describe_late", assets=len(wanted))
            return described
        return described | {asset: one for asset, one in asked.items() if one is not NOTHING_SAID}

    async def find_items(
        self, verdicts: list[Verdict], collections: frozenset[Asset]
    ) -> tuple[list[Verdict], dict[tuple[Address, Asset], Items]]:
        """Find out which ids came and went of the collections that moved.

        Returns the verdicts with these ids, and the ids to store by account and collection.
        """
        result: list[Verdict] = []
        keep: dict[tuple[Address, Asset], Items] = {}
        for verdict in verdicts:
            moved = [move for move in verdict.moves if _may_have_items(move, collections)]
            if moved:
                stored = await self.db.run(
                    snapshots.items_of, verdict.account, [move.asset for move in moved]
                )
                seen = await self._seen_items(verdict.account, moved, collections)
                explained, items = with_items(verdict, collections, stored, seen)
                keep |= {(verdict.account, asset): ids for asset, ids in items.items()}
                result.append(explained)
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


def answers_about(replied: Iterable[Replied], accounts: Collection[Address]) -> list[Answered]:
    """Read what replies say of some accounts."""
    return [(question, reply.about(accounts)) for question, reply in replied]


def descriptions_of(replied: Iterable[Replied], accounts: Collection[Address]) -> list[Described]:
    """Read what replies say of the assets that some accounts hold."""
    return [(question, reply.descriptions(accounts)) for question, reply in replied]


def merged(described: Iterable[Described]) -> dict[Asset, Description]:
    """Return of each asset the first description, or the first with metadata."""
    result: dict[Asset, Description] = {}
    for asset, one in chain.from_iterable(said.items() for _, said in described):
        known = result.setdefault(asset, one)
        if known.is_bare and not one.is_bare:
            result[asset] = one
    return result


def _is_about(question: Question, answer: Answer, asset: Asset, account: Address) -> bool:
    """Whether an answer would show a row of an asset that this account holds."""
    chain_id, contract = asset
    return account in question.accounts and contract in question.contracts and chain_id in answer.tokens


def _may_be_redenominated(move: Move) -> bool:
    return may_be_redenominated(move.before.amount_raw, move.after.amount_raw)


def _may_have_items(move: Move, collections: frozenset[Asset]) -> bool:
    return move.asset in collections or (move.is_loss and move.asset.contract != NATIVE)
