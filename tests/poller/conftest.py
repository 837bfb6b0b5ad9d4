"""A source of balances that is scripted, and a poller over a real store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.ask.progress import LastSweep
from bot.domain.ask.questions import Allowance, Answer, Question, Reply
from bot.domain.assets import Address, Amount, Asset, ChainId, Description, Items, Quote
from bot.indexer.errors import IndexerError, QuestionRefused
from bot.poller.sweep import SweepSettings
from bot.poller.worker import Poller
from bot.store.polling.chains import choose_chains
from bot.store.polling.sweeps import last_sweep
from tests.builders import NOON, POLYGON, REGISTRY, TREASURY, USDC, VERIFIED
from tests.store.conftest import STALE_AFTER, Keeper, open_new_keeper

CHAINS = frozenset({POLYGON})
INTERVAL = 60.0

Trouble = Callable[[Question], Exception | None]


Natives = Mapping[ChainId, Mapping[Address, Amount]]
Tokens = Mapping[ChainId, Mapping[Address, Mapping[Address, Amount]]]


def no_trouble(_: Question) -> None:
    return None


@dataclass
class Source:
    """A world of balances that answers questions as the indexer does."""

    natives: dict[tuple[ChainId, Address], int] = field(default_factory=dict)
    listed: dict[tuple[ChainId, Address], dict[Address, Amount]] = field(default_factory=dict)
    hidden: dict[tuple[ChainId, Address], dict[Address, Amount]] = field(default_factory=dict)
    """Held, but without the mark that lists show."""
    silent: set[ChainId] = field(default_factory=set)
    doubtful: set[tuple[ChainId, Address]] = field(default_factory=set)
    symbols: dict[Address, str] = field(default_factory=lambda: {USDC: "USDC"})
    kinds: dict[Address, str] = field(default_factory=dict)
    """Contract types of what is no ERC-20."""
    price: str | None = "1"
    """Of every token."""
    price_updated_at: datetime | None = None
    decimals: dict[Address, int | None] = field(default_factory=dict)
    """Of what has other ones than six; None: it doesn't say."""
    trouble: Trouble = no_trouble
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    questions: list[Question] = field(default_factory=list)
    ids: dict[tuple[Address, Asset], dict[int, int]] = field(default_factory=dict)
    items_asked: list[tuple[Address, Asset]] = field(default_factory=list)
    items_trouble: IndexerError | None = None
    quotes: dict[Asset, Quote | None] = field(default_factory=dict)
    """What it answers who asks for prices alone."""
    prices_asked: list[Collection[Asset]] = field(default_factory=list)
    prices_trouble: IndexerError | None = None
    price_refused: Asset | None = None
    """Questions that name it are refused."""
    prices_may_come: asyncio.Event = field(default_factory=asyncio.Event)
    allowance: Allowance = field(default_factory=Allowance)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.prices_may_come.set()

    def holds(
        self, contract: Address, amount: int, *, account: Address = TREASURY, block: int | None = None
    ) -> None:
        self.listed.setdefault((POLYGON, account), {})[contract] = Amount(amount, None, block)

    def hides(self, contract: Address, account: Address = TREASURY) -> None:
        self.hidden.setdefault((POLYGON, account), {})[contract] = self.listed[POLYGON, account].pop(contract)

    async def reply(self, question: Question) -> Reply:
        self.questions.append(question)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        trouble = self.trouble(question)
        if trouble is not None:
            raise trouble
        return self._reply(question)

    def _reply(self, question: Question) -> Reply:
        chains = [chain_id for chain_id in question.chain_ids if chain_id not in self.silent]
        tokens = {chain_id: self._tokens(question, chain_id) for chain_id in chains}
        natives = {
            chain_id: {
                account: Amount(self.natives.get((chain_id, account), 0)) for account in question.accounts
            }
            for chain_id in chains
            if question.natives
        }
        assets = {
            Asset(chain_id, contract)
            for chain_id, by_account in tokens.items()
            for held in by_account.values()
            for contract in held
        }
        descriptions = {
            asset: self._description(asset, question) for asset in assets if asset.contract in self.symbols
        }
        answer = Answer(
            natives,
            tokens,
            frozenset(self.doubtful),
            highest_blocks=_highest_blocks(tokens),
        )
        return Reply(
            {account: self._digest(account, natives, tokens) for account in question.accounts},
            frozenset(tokens.keys() | {chain_id for chain_id, coins in natives.items() if coins}),
            lambda accounts: _about(answer, accounts),
            lambda _: descriptions,
            lambda _: {
                asset: Quote(one.price_usd, one.price_updated_at)
                for asset, one in descriptions.items()
                if one.price_usd is not None
            },
        )

    def _digest(self, account: Address, natives: Natives, tokens: Tokens) -> bytes:
        """Return all that is said of an account, what is unknown included."""
        of_one = [
            (chain_id, held.get(account)) for side in (natives, tokens) for chain_id, held in side.items()
        ]
        doubted = [chain_id for chain_id, doubtful in self.doubtful if doubtful == account]
        return repr((of_one, doubted)).encode()

    async def items(self, account: Address, asset: Asset) -> Items:
        self.items_asked.append((account, asset))
        if self.items_trouble is not None:
            raise self.items_trouble
        return self.ids[account, asset]

    async def token_prices(self, assets: Collection[Asset]) -> Mapping[Asset, Quote | None]:
        self.prices_asked.append(assets)
        await self.prices_may_come.wait()
        if self.prices_trouble is not None:
            raise self.prices_trouble
        if self.price_refused in assets:
            raise QuestionRefused("no such token")
        return {asset: quote for asset, quote in self.quotes.items() if asset in assets}

    def _tokens(self, question: Question, chain_id: ChainId) -> dict[Address, Mapping[Address, Amount]]:
        result: dict[Address, Mapping[Address, Amount]] = {}
        for account in question.accounts:
            key = (chain_id, account)
            shown = dict(self.listed.get(key, {}))
            if question.contract_status == "ALL":
                shown |= self.hidden.get(key, {})
            wanted = question.contracts or shown.keys()
            held = {contract: shown[contract] for contract in wanted if contract in shown}
            if held:
                result[account] = held
        return result

    def _description(self, asset: Asset, question: Question) -> Description:
        kind = self.kinds.get(asset.contract, "ERC20")
        described = Description(kind, price_usd=self.price, price_updated_at=self.price_updated_at)
        if not question.metadata:
            return described
        decimals = self.decimals.get(asset.contract, 6)
        return described._replace(symbol=self.symbols[asset.contract], decimals=decimals)

    def described(self) -> list[tuple[Address, ...]]:
        """Return of which contracts it was asked by name what they are, since the last time."""
        return [question.contracts for question in self.asked() if question.metadata and question.contracts]

    def asked(self) -> list[Question]:
        """Return what was asked since the last time."""
        asked, self.questions = self.questions, []
        return asked


def _about(answer: Answer, accounts: Collection[Address]) -> Answer:
    """Leave out what an answer says of others, as the indexer does."""
    natives = {
        chain_id: {account: coins[account] for account in accounts if account in coins}
        for chain_id, coins in answer.natives.items()
    }
    tokens = {
        chain_id: {account: lists[account] for account in accounts if account in lists}
        for chain_id, lists in answer.tokens.items()
    }
    return replace(answer, natives=natives, tokens=tokens, highest_blocks=_highest_blocks(tokens))


def _highest_blocks(tokens: Tokens) -> dict[ChainId, int]:
    blocks = {
        chain_id: [one.block for held in accounts.values() for one in held.values() if one.block is not None]
        for chain_id, accounts in tokens.items()
    }
    return {chain_id: max(some) for chain_id, some in blocks.items() if some}


@dataclass
class Clock:
    """A clock that only moves when told to."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class PollerHarness:
    """A poller with what it looks at, where it writes, and its clock."""

    keeper: Keeper
    source: Source
    clock: Clock
    poller: Poller

    async def last(self) -> LastSweep:
        """Return what is stored of the last sweep."""
        last = await self.keeper.db.run(last_sweep)
        assert last is not None
        return last

    async def restart(self) -> None:
        """End this poller and start from what is stored."""
        await self.keeper.reopen()
        self.poller = poller_of(self.keeper, self.source, self.clock)


def poller_of(
    keeper: Keeper,
    source: Source,
    clock: Clock,
    *,
    accounts_per_request: int = 50,
    batches_at_once: int = 4,
    interval_seconds: float = INTERVAL,
) -> Poller:
    return Poller(
        source,
        keeper.db,
        SweepSettings(
            contract_status=VERIFIED,
            contracts_left_out=(),
            accounts_per_request=accounts_per_request,
            batches_at_once=batches_at_once,
            stale_after=STALE_AFTER,
            code=b"of this version",
            chains=REGISTRY,
        ),
        interval_seconds=interval_seconds,
        now=clock.now,
        monotonic=clock.monotonic,
    )


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PollerHarness]:
    path = tmp_path / "bot.sqlite3"
    keeper = await open_new_keeper(path)
    await keeper.db.run(choose_chains, CHAINS, ())
    source, clock = Source(), Clock()
    source.natives[POLYGON, TREASURY] = 100
    source.holds(USDC, 5, block=10)
    yield PollerHarness(keeper, source, clock, poller_of(keeper, source, clock))
    await keeper.db.close()


@pytest.fixture
async def watching(harness: PollerHarness) -> PollerHarness:
    """Olga watches the treasury, and one sweep has read 5 USDC and 100 of the coin."""
    await harness.keeper.watch()
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.asked()
    return harness


def failing(error: Exception) -> Trouble:
    return lambda _: error


def failing_for(account: Address, error: IndexerError) -> Trouble:
    return lambda question: error if account in question.accounts else None
