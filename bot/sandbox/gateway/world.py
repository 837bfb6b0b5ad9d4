"""The chains, contracts and holdings behind the simulated gateway.

Tests and people change this world; the gateway only reads it. Everything is plain and synchronous, so that an
answer shows one moment. History is kept, so that an answer can also show an earlier block, and so are the
transfers behind each change.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from bot.sandbox.gateway.transfers import NOBODY, SOMEBODY, Sending, TransferLedger, WorldTransfer

MAX_AMOUNT = 2**256 - 1

Kind = Literal["ERC20", "ERC721", "ERC1155"]

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_FUNGIBLE_ID = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayChain:
    """One chain; `name` is what the gateway calls it, and prices are in US dollars."""

    chain_id: int
    name: str
    native_name: str
    native_symbol: str
    native_price: Decimal | None = None
    testnet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One token contract; without decimals they are unknown, without a price it has none."""

    chain_id: int
    address: str
    kind: Kind
    symbol: str
    name: str
    decimals: int | None = None
    price: Decimal | None = None
    verified: bool = True
    rebasing: bool = False
    logo_uri: str = ""


@dataclass(frozen=True, slots=True)
class HeldAmount:
    """An amount in smallest units, and the block it last changed at."""

    amount: int
    block: int


@dataclass(frozen=True, slots=True)
class _Asset:
    """What somebody holds: without a contract the native coin, else an ERC-20 or one token id."""

    contract: str | None
    token_id: int


@dataclass(frozen=True, slots=True)
class _Event:
    """An account's new amount of an asset, and the chain's height at that time."""

    height: int
    asset: _Asset
    holding: HeldAmount


_NATIVE = _Asset(None, _FUNGIBLE_ID)


def utc_now() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)


class GatewayWorld:
    """A few chains, their contracts, and who holds what; every change advances its chain by a block.

    Each change of a balance is a transfer. Where one account is named, its counterparty is SOMEBODY, and what
    a counterparty holds is not kept; where it is None, the balance changes without a transfer. `clock` tells
    when a transaction is made. Addresses are accepted in any case. What makes no sense raises ValueError and
    changes nothing.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self.price_age = timedelta(0)
        """How old its prices are."""
        self._chains: dict[int, GatewayChain] = {}
        self._blocks: dict[int, int] = {}
        self._contracts: dict[tuple[int, str], Contract] = {}
        self._natives: dict[tuple[int, str], HeldAmount] = {}
        self._tokens: dict[tuple[int, str], dict[str, dict[int, HeldAmount]]] = {}
        self._history: dict[tuple[int, str], list[_Event]] = {}
        self._hidden: set[int] = set()
        self._ledger = TransferLedger()

    def priced_at(self) -> str:
        """Return of when its prices are, as the vendor's server writes it."""
        return f"{self.clock() - self.price_age:%Y-%m-%dT%H:%M:%S}Z"

    def add_chain(self, chain: GatewayChain, *, block: int = 0) -> None:
        """Add a chain on which nobody holds anything yet."""
        self._chains[chain.chain_id] = chain
        self._blocks[chain.chain_id] = block

    def hide_chain(self, chain_id: int) -> None:
        """Stop serving a chain; its balances can still change."""
        self._require_chain(chain_id)
        # Its balances stay: what happened meanwhile must show when it is served again.
        self._hidden.add(chain_id)

    def show_chain(self, chain_id: int) -> None:
        """Serve a hidden chain again."""
        self._require_chain(chain_id)
        self._hidden.discard(chain_id)

    def add_contract(self, contract: Contract) -> None:
        """Add a contract, or replace it, for example by one that is verified."""
        self._require_chain(contract.chain_id)
        address = _address(contract.address)
        self._contracts[contract.chain_id, address] = replace(contract, address=address)

    def set_price(self, chain_id: int, contract: str | None, price: Decimal | None) -> None:
        """Set what one unit is worth in US dollars; without a contract, of the chain's native coin."""
        self._require_chain(chain_id)
        if contract is None:
            self._chains[chain_id] = replace(self._chains[chain_id], native_price=price)
        else:
            self.add_contract(replace(self.contract(chain_id, contract), price=price))

    def set_native(
        self, chain_id: int, account: str, amount: int, *, counterparty: str | None = SOMEBODY
    ) -> None:
        """Set what an account holds of the chain's native coin, one block later."""
        self._require_chain(chain_id)
        self._set(chain_id, _NATIVE, _address(account), amount, counterparty)

    def set_token(
        self,
        chain_id: int,
        contract: str,
        account: str,
        amount: int,
        token_id: int | None = None,
        *,
        counterparty: str | None = SOMEBODY,
    ) -> None:
        """Set what an account holds of an ERC-20 or of one token id of a collection, one block later."""
        asset = self._asset(chain_id, contract, token_id)
        self._set(chain_id, asset, _address(account), amount, counterparty)

    def move(
        self,
        chain_id: int,
        contract: str | None,
        account: str,
        delta: int,
        token_id: int | None = None,
        *,
        counterparty: str | None = SOMEBODY,
    ) -> None:
        """Add a signed amount to what an account holds; without a contract, of the chain's native coin."""
        self._require_chain(chain_id)
        asset = self._asset(chain_id, contract, token_id)
        holder = _address(account)
        self._set(chain_id, asset, holder, self._amount(chain_id, asset, holder) + delta, counterparty)

    def transfer(
        self,
        chain_id: int,
        contract: str | None,
        sender: str,
        receiver: str,
        amount: int,
        *,
        token_id: int | None = None,
    ) -> None:
        """Let one account pay another: both balances change, in one block."""
        key = self._asset(chain_id, contract, token_id).token_id
        self.transact(chain_id, Sending(contract, sender, receiver, {key: amount}))

    def transact(self, chain_id: int, *sendings: Sending) -> None:
        """Make one transaction of several transfers; both ends of each change, but for NOBODY's."""
        self._require_chain(chain_id)
        known = [self._checked(chain_id, sending) for sending in sendings]
        amounts: dict[tuple[str, _Asset], int] = {}
        for sending in known:
            for account, sign in ((sending.sender, -1), (sending.receiver, 1)):
                for token_id, amount in sending.amounts.items() if account != NOBODY else ():
                    asset = _Asset(sending.contract, token_id)
                    before = amounts.get((account, asset), self._amount(chain_id, asset, account))
                    amounts[account, asset] = before + sign * amount
        for amount in amounts.values():
            _require_amount(amount)
        self._blocks[chain_id] += 1
        for (account, asset), amount in amounts.items():
            if amount != self._amount(chain_id, asset, account):
                self._hold((chain_id, account), asset, HeldAmount(amount, self._blocks[chain_id]))
        self._ledger.add(chain_id, self._blocks[chain_id], self.clock(), known)

    def emit(self, chain_id: int, *sendings: Sending) -> None:
        """List one transaction that changes no balance: a contract can write any transfer into its logs."""
        self._require_chain(chain_id)
        known = [self._checked(chain_id, sending) for sending in sendings]
        self._blocks[chain_id] += 1
        self._ledger.add(chain_id, self._blocks[chain_id], self.clock(), known)

    def drift(
        self, chain_id: int, contract: str, account: str, amount: int, token_id: int | None = None
    ) -> None:
        """Change a balance without a transfer, as a rebasing token does: the row's block stays the same."""
        asset, holder = self._asset(chain_id, contract, token_id), (chain_id, account.lower())
        self._rewrite(holder, asset, HeldAmount(amount, self._held(holder, asset).block))

    def reorganise(
        self,
        chain_id: int,
        contract: str,
        account: str,
        amount: int,
        block: int,
        *,
        token_id: int | None = None,
    ) -> None:
        """Set a balance at an older block, as when a chain is reorganised.

        The account's transfers of newer blocks are gone, and what its counterparties hold is left as it is.
        What it held by that block, and what it holds now, differ by a transfer of another hash.
        """
        asset, holder = self._asset(chain_id, contract, token_id), (chain_id, account.lower())
        before = self._held(holder, asset)
        # Only an older block is a reorganisation; a newer one would be an ordinary change.
        if not 0 < block < before.block:
            raise ValueError(f"block {block} is not older than {before.block}")
        events = (event for event in self._history[holder] if event.asset == asset)
        by_then = [event.holding.amount for event in events if event.holding.block <= block] or [0]
        self._rewrite(holder, asset, HeldAmount(amount, block))
        self._ledger.undo(chain_id, contract.lower(), holder[1], asset.token_id, after_block=block)
        if amount != by_then[-1]:
            sending = _sending(asset, holder[1], amount - by_then[-1], SOMEBODY)
            self._ledger.add(chain_id, block, self.clock(), [sending])

    def rename_transaction(self, chain_id: int, transaction: str) -> str:
        """Give a transaction another hash and return that, as a reorganisation does that loses nothing."""
        return self._ledger.rename(chain_id, transaction)

    def advance(self, chain_id: int, *, to_block: int) -> None:
        """Raise the chain's height without any change."""
        if to_block < self.block(chain_id):
            raise ValueError(f"chain {chain_id} is at block {self.block(chain_id)} already")
        self._blocks[chain_id] = to_block

    def chains(self) -> tuple[GatewayChain, ...]:
        """Return all chains that are not hidden, by chain id."""
        return tuple(self._chains[chain_id] for chain_id in sorted(self._chains.keys() - self._hidden))

    def block(self, chain_id: int) -> int:
        """Return the chain's newest block."""
        self._require_chain(chain_id)
        return self._blocks[chain_id]

    def contract(self, chain_id: int, address: str) -> Contract:
        """Return what is known of a contract, its address in lower case."""
        try:
            return self._contracts[chain_id, _address(address)]
        except KeyError:
            raise ValueError(f"chain {chain_id} has no contract {address} in this world") from None

    def accounts(self, chain_id: int) -> tuple[str, ...]:
        """Return every account of the chain that ever held something, in order."""
        return tuple(sorted(account for chain, account in self._history if chain == chain_id))

    def native(self, chain_id: int, account: str, *, at_block: int | None = None) -> int:
        """Return what the account holds of the native coin; strangers hold nothing.

        With a block, it is what a node that has only reached this block would say.
        """
        holder = (chain_id, account.lower())
        if at_block is not None:
            return next(reversed(_native_amounts(self._until(holder, at_block))), 0)
        return self._amount(chain_id, _NATIVE, holder[1])

    def native_before(self, chain_id: int, account: str) -> int:
        """Return what the account held of the native coin before the last change."""
        amounts = _native_amounts(self._history.get((chain_id, account.lower()), ()))
        return amounts[-2] if len(amounts) > 1 else 0

    def token(self, chain_id: int, contract: str, account: str, token_id: int | None = None) -> int:
        """Return what the account holds of an ERC-20, or of one token id of a collection."""
        return self._amount(chain_id, self._asset(chain_id, contract, token_id), account.lower())

    def tokens(
        self, chain_id: int, account: str, *, at_block: int | None = None
    ) -> Mapping[str, Mapping[int, HeldAmount]]:
        """Return what the account ever held, or had by a block: by contract, then by token id.

        The token id of an ERC-20 is 0.
        """
        holder = (chain_id, account.lower())
        if at_block is None:
            return self._tokens.get(holder, {})
        past: dict[str, dict[int, HeldAmount]] = {}
        for event in self._until(holder, at_block):
            if event.asset.contract is not None:
                past.setdefault(event.asset.contract, {})[event.asset.token_id] = event.holding
        return past

    def transfers(self, chain_id: int, account: str | None = None) -> tuple[WorldTransfer, ...]:
        """Return the chain's transfers, or those of one account, in the order of blocks and logs."""
        return self._ledger.of(chain_id, account.lower() if account else None)

    def block_hash(self, chain_id: int, block: int) -> str:
        """Return the hash of a block, the same in every world."""
        # From the numbers alone, so that two gateways with the same world answer alike.
        return "0x" + hashlib.sha256(f"{chain_id}/{block}".encode()).hexdigest()

    def _set(self, chain_id: int, asset: _Asset, account: str, amount: int, counterparty: str | None) -> None:
        _require_amount(amount)
        other = _address(counterparty) if counterparty else None
        before = self._holding((chain_id, account), asset)
        delta = amount - (before.amount if before else 0)
        self._blocks[chain_id] += 1
        # Setting the same amount passes a block but is no change, so the row keeps its block.
        if delta or before is None:
            self._hold((chain_id, account), asset, HeldAmount(amount, self._blocks[chain_id]))
        if delta and other:
            sending = _sending(asset, account, delta, other)
            self._ledger.add(chain_id, self._blocks[chain_id], self.clock(), [sending])

    def _checked(self, chain_id: int, sending: Sending) -> Sending:
        """Return what is to be sent with addresses in lower case."""
        for token_id, amount in sending.amounts.items():
            has_ids = sending.contract and self.contract(chain_id, sending.contract).kind != "ERC20"
            self._asset(chain_id, sending.contract, token_id if has_ids or token_id else None)
            if amount < 0:
                raise ValueError(f"nobody can send less than nothing, and this would be {amount}")
        return Sending(
            sending.contract and sending.contract.lower(),
            _address(sending.sender),
            _address(sending.receiver),
            sending.amounts,
        )

    def _amount(self, chain_id: int, asset: _Asset, account: str) -> int:
        holding = self._holding((chain_id, account), asset)
        return holding.amount if holding else 0

    def _holding(self, holder: tuple[int, str], asset: _Asset) -> HeldAmount | None:
        if asset.contract is None:
            return self._natives.get(holder)
        return self._tokens.get(holder, {}).get(asset.contract, {}).get(asset.token_id)

    def _held(self, holder: tuple[int, str], asset: _Asset) -> HeldAmount:
        holding = self._holding(holder, asset)
        if holding is None:
            raise ValueError(f"{holder[1]} never held any of {asset.contract}")
        return holding

    def _rewrite(self, holder: tuple[int, str], asset: _Asset, holding: HeldAmount) -> None:
        """Replace a holding by one with a block of its own; the chain advances all the same."""
        _require_amount(holding.amount)
        self._blocks[holder[0]] += 1
        self._hold(holder, asset, holding)

    def _hold(self, holder: tuple[int, str], asset: _Asset, holding: HeldAmount) -> None:
        if asset.contract is None:
            self._natives[holder] = holding
        else:
            held = self._tokens.setdefault(holder, {}).setdefault(asset.contract, {})
            held[asset.token_id] = holding
        # Remembered by the height of the chain and not by the row's own block, which drifts and
        # reorganisations leave in the past: a lagging node has not seen them yet either.
        event = _Event(self._blocks[holder[0]], asset, holding)
        self._history.setdefault(holder, []).append(event)

    def _until(self, holder: tuple[int, str], block: int) -> Iterator[_Event]:
        """Yield what happened while the chain was no higher than this, the oldest first."""
        # Events are in the order of heights, so the first later one ends the search.
        return itertools.takewhile(lambda event: event.height <= block, self._history.get(holder, ()))

    def _asset(self, chain_id: int, contract: str | None, token_id: int | None) -> _Asset:
        """Return what is meant; raises ValueError for token ids where there are none, and the reverse."""
        if contract is None:
            if token_id is not None:
                raise ValueError("a native coin has no token ids: say which contract")
            return _NATIVE
        kind = self.contract(chain_id, contract).kind
        if kind == "ERC20":
            if token_id is not None:
                raise ValueError(f"{contract} is an ERC20 and has no token ids")
            return _Asset(contract.lower(), _FUNGIBLE_ID)
        if token_id is None:
            raise ValueError(f"{contract} is an {kind}: say which token id")
        if not 0 <= token_id <= MAX_AMOUNT:
            raise ValueError(f"a token id is between 0 and 2**256-1, not {token_id}")
        return _Asset(contract.lower(), token_id)

    def _require_chain(self, chain_id: int) -> None:
        if chain_id not in self._chains:
            raise ValueError(f"chain {chain_id} is not in this world")


def _native_amounts(events: Iterable[_Event]) -> list[int]:
    return [event.holding.amount for event in events if event.asset.contract is None]


def _sending(asset: _Asset, account: str, delta: int, counterparty: str) -> Sending:
    """Return the transfer that changes what an account holds by a signed amount."""
    sender, receiver = (account, counterparty) if delta < 0 else (counterparty, account)
    return Sending(asset.contract, sender, receiver, {asset.token_id: abs(delta)})


def _address(text: str) -> str:
    lowered = text.lower()
    if not _ADDRESS.fullmatch(lowered):
        raise ValueError(f"an address is 0x and 40 hexadecimal digits, not {text!r}")
    return lowered


def _require_amount(amount: int) -> None:
    if amount < 0:
        raise ValueError(f"a balance cannot be below zero, and this one would be {amount}")
    if amount > MAX_AMOUNT:
        raise ValueError(f"a balance cannot be above 2**256-1, and this one would be {amount}")


EXAMPLE_ACCOUNT = "0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9"

_EXAMPLE_CHAINS = (
    GatewayChain(
        chain_id=1, name="mainnet", native_name="Ether", native_symbol="ETH", native_price=Decimal("2500.00")
    ),
    GatewayChain(
        chain_id=10,
        name="optimism",
        native_name="Ether",
        native_symbol="ETH",
        native_price=Decimal("2500.00"),
    ),
    GatewayChain(
        chain_id=137, name="polygon", native_name="POL", native_symbol="POL", native_price=Decimal("0.22")
    ),
    GatewayChain(
        chain_id=8453, name="base", native_name="Ether", native_symbol="ETH", native_price=Decimal("2500.00")
    ),
    GatewayChain(
        chain_id=42161,
        name="arbitrum",
        native_name="Ether",
        native_symbol="ETH",
        native_price=Decimal("2500.00"),
    ),
)
_FOX = Contract(
    chain_id=1,
    address="0xc770eefad204b5180df6a14ee197d99d808ee52d",
    kind="ERC20",
    symbol="FOX",
    name="ShapeShift FOX Token",
    decimals=18,
)
_DAI = Contract(
    chain_id=1,
    address="0x6b175474e89094c44da98b954eedeac495271d0f",
    kind="ERC20",
    symbol="DAI",
    name="Dai",
    decimals=18,
)
_USDC = Contract(
    chain_id=1,
    address="0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    kind="ERC20",
    symbol="USDC",
    name="USDC",
    decimals=6,
    price=Decimal("1.00"),
    logo_uri="https://assets.coingecko.com/coins/images/6319/large/USD_Coin_icon.png?1547042389",
)
_USDC_POLYGON = replace(_USDC, chain_id=137, address="0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
_USDC_ARBITRUM = replace(_USDC, chain_id=42161, address="0xaf88d065e77c8cc2239327c5edb3a432268e5831")
_SKYWEAVER = Contract(
    chain_id=137,
    address="0x631998e91476da5b870d741192fc5cbc55f5a52e",
    kind="ERC1155",
    symbol="SKYWVR",
    name="Skyweaver",
    logo_uri="https://assets.skyweaver.net/_tX5dRVi/webapp/icons/skyweaver-token.png",
)
_SPAM = Contract(
    chain_id=137,
    address="0x5ba3000000000000000000000000000000005ba3",
    kind="ERC20",
    symbol="CLAIM",
    name="Visit claim-pol.example for your reward",
    decimals=18,
    verified=False,
)


def example_world() -> GatewayWorld:
    """Build what the account of the vendor's examples holds (docs/indexer-gateway.md, "Examples").

    It has held it for a day.
    """
    world = GatewayWorld(lambda: utc_now() - timedelta(days=1))
    for chain in _EXAMPLE_CHAINS:
        world.add_chain(chain)
    for contract in (_FOX, _DAI, _USDC, _USDC_POLYGON, _USDC_ARBITRUM, _SKYWEAVER, _SPAM):
        world.add_contract(contract)
    _hold_natives(world)
    _hold_skyweaver_cards(world)
    _hold(world, _FOX, 58_899_592_885_266_406_938, at_block=18_800_003)
    _hold(world, _DAI, 5_021_334_051_688_125_324, at_block=19_400_002)
    _hold(world, _USDC, 221_887_067, at_block=22_500_001)
    _hold(world, _USDC_POLYGON, 50_000_000, at_block=71_000_123)
    _hold(world, _SPAM, 1_000_000 * 10**18, at_block=71_000_124)
    world.clock = utc_now
    return world


def _hold_natives(world: GatewayWorld) -> None:
    world.set_native(1, EXAMPLE_ACCOUNT, 158_495_082_541_645_504)
    world.set_native(10, EXAMPLE_ACCOUNT, 40_000_000_000_000_000)
    world.set_native(137, EXAMPLE_ACCOUNT, 12_500_000_000_000_000_000)
    world.set_native(8453, EXAMPLE_ACCOUNT, 1_250_000_000_000_000_000)


def _hold_skyweaver_cards(world: GatewayWorld) -> None:
    amounts = (600, *[100] * 11)
    # Each card takes a block of its own, and the last one has to be the example's.
    world.advance(137, to_block=70_880_011 - len(amounts))
    for token_id, amount in enumerate(amounts, start=65_537):
        world.set_token(137, _SKYWEAVER.address, EXAMPLE_ACCOUNT, amount, token_id)


def _hold(world: GatewayWorld, contract: Contract, amount: int, *, at_block: int) -> None:
    # Setting the balance passes one block more.
    world.advance(contract.chain_id, to_block=at_block - 1)
    world.set_token(contract.chain_id, contract.address, EXAMPLE_ACCOUNT, amount)
