"""Accounts by the thousand, and what each of them holds as rows of the wire format, prepared once as bytes.

Everything follows from numbers: account 7 has the same address and holds the
same in every process, so that a client knows whom to ask about.
"""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from bot.sandbox.gateway.rows import contract_info
from bot.sandbox.gateway.world import Contract, GatewayChain

FIRST_CHAIN_ID = 10_001
CONTRACTS_PER_CHAIN = 50
"""Each account holds a few of them."""

_FIRST_BLOCK = 20_000_000
_BLOCKS_OF_HISTORY = 1_000_000
_LARGEST_AMOUNT = 10**22
_SCATTER = 2_654_435_761  # Knuth's: neighbours in number get amounts that look unlike
_DECIMALS = (18, 18, 18, 6)
_PRICED_AT = "2100-01-01T00:00:00Z"  # counts as of now, however long a benchmark runs


class PreparedRow(NamedTuple):
    """One token balance, in pieces: a row is its head, then its contract's info or a closing brace."""

    contract: str
    head: bytes
    info: bytes
    """What ends a row with metadata; all rows of a contract share it."""


class AccountRows(NamedTuple):
    """What one account holds on one chain."""

    native: bytes
    tokens: tuple[PreparedRow, ...]


class _Listed(NamedTuple):
    """A contract, and what of its rows is always the same."""

    contract: Contract
    info: bytes


def account_address(number: int) -> str:
    """Return the address of an account by its number, scattered as real ones are."""
    return "0x" + hashlib.sha256(b"account %d" % number).hexdigest()[:40]


class LoadWorld:
    """So many accounts with so many tokens each, spread evenly over so many chains.

    Every account also holds every chain's native coin. A stranger holds nothing.
    """

    def __init__(self, *, accounts: int, tokens: int, chains: int) -> None:
        if tokens > chains * CONTRACTS_PER_CHAIN:
            raise ValueError(f"{chains} chains have {chains * CONTRACTS_PER_CHAIN} contracts, not {tokens}")
        self.chains = tuple(_chain(number) for number in range(chains))
        self._numbers = {account_address(number): number for number in range(accounts)}
        self._tokens = tokens
        self._contracts = [[_listed(chain, n) for n in range(CONTRACTS_PER_CHAIN)] for chain in self.chains]
        self._moves: dict[tuple[int, int], int] = {}
        self._prepared: dict[tuple[str, bool], dict[int, AccountRows]] = {}

    def prepare(self) -> None:
        """Make every row with its price now, so that no request waits for that."""
        for account in self._numbers:
            self.rows(account, prices=True)

    def rows(self, account: str, *, prices: bool) -> dict[int, AccountRows]:
        """Return what an account holds, by chain."""
        key = (account, prices)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = self._made(account, prices=prices)
        return prepared

    def contract(self, chain: int, number: int) -> Contract:
        """Return one contract of a chain, both by number."""
        return self._contracts[chain][number].contract

    def move(self, count: int) -> None:
        """Let as many token balances grow, one block later; they are spread evenly over all accounts."""
        balances = len(self._numbers) * self._tokens
        if not 0 <= count <= balances:
            raise ValueError(f"there are {balances} token balances, of which {count} can't move")
        accounts = tuple(self._numbers)
        for turn in range(count):
            number, token = divmod(turn * balances // count, self._tokens)
            self._moves[number, token] = self._moves.get((number, token), 0) + 1
            for prices in (True, False):
                self._prepared.pop((accounts[number], prices), None)

    def _made(self, account: str, *, prices: bool) -> dict[int, AccountRows]:
        number = self._numbers.get(account)
        made = {}
        for index, chain in enumerate(self.chains):
            amount = 0 if number is None else _amount(number, -1 - index)
            tokens = () if number is None else tuple(self._token_rows(index, account, number, prices=prices))
            made[chain.chain_id] = AccountRows(_native_row(chain, account, amount, prices=prices), tokens)
        return made

    def _token_rows(self, index: int, account: str, number: int, *, prices: bool) -> Iterator[PreparedRow]:
        """Yield what one account holds on one chain: every so many tokens is one of this chain's."""
        chains = len(self.chains)
        for token in range(index, self._tokens, chains):
            contract, info = self._contracts[index][(number + token // chains) % CONTRACTS_PER_CHAIN]
            moves = self._moves.get((number, token), 0)
            amount = _amount(number, token) + moves
            block = _FIRST_BLOCK + moves if moves else _FIRST_BLOCK - amount % _BLOCKS_OF_HISTORY
            yield PreparedRow(
                contract.address, _token_head(contract, account, amount, block, prices=prices), info
            )


def _chain(number: int) -> GatewayChain:
    chain_id = FIRST_CHAIN_ID + number
    return GatewayChain(
        chain_id=chain_id,
        name=f"load-{chain_id}",
        native_name=f"Coin of {chain_id}",
        native_symbol=f"C{number}",
        native_price=Decimal(250 + number).scaleb(-2),
    )


def _listed(chain: GatewayChain, number: int) -> _Listed:
    contract = Contract(
        chain_id=chain.chain_id,
        address="0x" + hashlib.sha256(b"contract %d of %d" % (number, chain.chain_id)).hexdigest()[:40],
        kind="ERC20",
        symbol=f"T{number}",
        name=f"Token {number} of {chain.name}",
        decimals=_DECIMALS[number % len(_DECIMALS)],
        price=Decimal(1 + number * 7).scaleb(-2),
        logo_uri=f"https://assets.example.org/{chain.chain_id}/{number}/logo.png",
    )
    info = json.dumps(contract_info(contract), separators=(",", ":"))
    return _Listed(contract, f',"contractInfo":{info}}}'.encode())


def _amount(number: int, which: int) -> int:
    """Return what an account holds of something, never zero."""
    return 1 + (number + 1) * (which + 1_000) * _SCATTER**2 % _LARGEST_AMOUNT


def _native_row(chain: GatewayChain, account: str, amount: int, *, prices: bool) -> bytes:
    """Return a native balance (docs/indexer-gateway.md, "Native rows")."""
    assert chain.native_price is not None
    worth = _prices(amount, 18, chain.native_price) if prices else ""
    return (
        f'{{"accountAddress":"{account}","chainId":{chain.chain_id},"name":"{chain.native_name}",'
        f'"symbol":"{chain.native_symbol}","balance":"{amount}"{worth}}}'
    ).encode()


def _token_head(contract: Contract, account: str, amount: int, block: int, *, prices: bool) -> bytes:
    """Return a token balance (docs/indexer-gateway.md, "Token rows"), left open for contract info."""
    assert contract.price is not None
    assert contract.decimals is not None
    worth = _prices(amount, contract.decimals, contract.price) if prices else ""
    return (
        f'{{"contractType":"{contract.kind}","contractAddress":"{contract.address}",'
        f'"accountAddress":"{account}","tokenID":"0","balance":"{amount}","blockHash":"0x{block:064x}",'
        f'"blockNumber":{block},"chainId":{contract.chain_id}{worth}'
    ).encode()


def _prices(amount: int, decimals: int, price: Decimal) -> str:
    cents = amount * int(price.scaleb(2)) // 10**decimals
    worth = f"{cents // 100}.{cents % 100:02}"
    return f',"balanceUSD":"{worth}","priceUSD":"{price}","priceUpdatedAt":"{_PRICED_AT}"'
