"""Translates between questions and answers of the house and the bodies of the Indexer Gateway.

Pure: bytes in, values out. What is not certain in a reply becomes unknown in the
answer, never zero; a reply of which nothing is certain is ReplyMalformed, the only
error that leaves here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from msgspec import Raw, Struct, json
from msgspec.json import Decoder

from bot.domain.model import NATIVE, Address, Answer, Asset, ChainId, Description, Holding, Question
from bot.indexer.bodies import decoded
from bot.indexer.errors import ReplyMalformed, Unavailable, plain
from bot.indexer.pages import Entry, read_page
from bot.indexer.rows import (
    SIGNED_MAX,
    NativeRow,
    TokenRow,
    address_of,
    amount_of,
    described_native,
    described_token,
    holding_of,
)

CONTRACT_STATUSES: Final = frozenset({"VERIFIED", "UNVERIFIED", "ALL"})

_TROUBLES_KEPT = 50

Held = TypeVar("Held")


class PageMark(NamedTuple):
    """Where a page stands among the pages of one answer."""

    page: bytes
    """The page object, byte for byte as it came: asks for the next page."""
    more: bool
    new_rows: bool
    """Whether it held a row that no earlier page held."""


def first_page(page_size: int) -> bytes:
    """Return the page object that asks for the first rows."""
    return json.encode({"pageSize": page_size})


def encode_question(question: Question, page: bytes) -> bytes:
    """Return the body of a GetTokenBalancesSummary request (indexer-gateway.md 1.3).

    Raises ValueError for what the service would answer in an undocumented way: no accounts, both or
    neither chain selector, a contract status that it does not know.
    """
    if not question.accounts:
        raise ValueError("a question needs at least one account")
    if bool(question.chain_ids) == bool(question.networks):
        raise ValueError("a question needs either chain ids or networks")
    if question.contract_status not in CONTRACT_STATUSES:
        raise ValueError(f"no contract status: {question.contract_status!r}")
    selector = {"chainIds": question.chain_ids} if question.chain_ids else {"networks": question.networks}
    filters: dict[str, object] = {
        "accountAddresses": question.accounts,
        "contractStatus": question.contract_status,
        "omitNativeBalances": not question.natives,
        "omitPrices": not question.prices,
    }
    if question.contracts:
        filters["contractWhitelist"] = question.contracts
    if question.contracts_left_out:
        filters["contractBlacklist"] = question.contracts_left_out
    return json.encode(
        {**selector, "filter": filters, "omitMetadata": not question.metadata, "page": Raw(page)},
    )


def encode_chains_question(network_type: str) -> bytes:
    """Return the body of a GetChains request for `MAINNETS`, `TESTNETS` or `ALL`."""
    return json.encode({"networkType": network_type})


def decode_chains(body: bytes) -> tuple[tuple[ChainId, str], ...]:
    """Return the chains of a GetChains reply with their names.

    One malformed entry spoils them all: a list with a gap would say that a chain is gone.
    """
    reply = decoded(_CHAINS, body)
    if reply is None:
        raise ReplyMalformed("no list of chains", status=200)
    chains = tuple((ChainId(chain.chain_id), chain.chain_name) for chain in reply.chains or ())
    if not all(0 < chain_id <= SIGNED_MAX for chain_id, _ in chains):
        raise ReplyMalformed("a chain id out of range", status=200)
    return chains


def decode_ping(body: bytes) -> None:
    """Accept the reply to a Ping that says all is well."""
    reply = decoded(_PING, body)
    if reply is None:
        raise ReplyMalformed("no answer to a ping", status=200)
    if not reply.status:
        raise Unavailable("the service says it is not well", status=200)


@dataclass(slots=True)
class _Side(Generic[Held]):
    """Natives or tokens: what pages have said of them so far."""

    name: str
    held: dict[ChainId, dict[Address, Held]] = field(default_factory=dict)
    """By chain whose entry was there, and account."""
    unknown: set[ChainId] = field(default_factory=set)
    doubtful: set[tuple[ChainId, Address]] = field(default_factory=set)

    def certain(self) -> dict[ChainId, dict[Address, Held]]:
        return {
            chain_id: {
                account: held
                for account, held in accounts.items()
                if (chain_id, account) not in self.doubtful
            }
            for chain_id, accounts in self.held.items()
            if chain_id not in self.unknown
        }


class Collected:
    """Folds the pages of one answer together, in the order in which they come."""

    def __init__(self, question: Question, *, conceal: str = "") -> None:
        """Expect answers to this question; `conceal` is blotted out of what the source says."""
        self._question = question
        self._conceal = conceal
        self._chains = frozenset(question.chain_ids)
        self._accounts = frozenset(question.accounts)
        self._asked: dict[str, Address] = {account: account for account in question.accounts}
        if len(self._accounts) == 1:
            self._asked[""] = question.accounts[0]
        self._contracts: dict[str, Address] = {}
        self._natives: _Side[Holding] = _Side("natives")
        self._tokens: _Side[dict[Address, Holding]] = _Side("tokens")
        self._token_ids: dict[Hashable, str] = {}
        self._described: dict[ChainId, dict[Address, Description]] = {}
        self._bare: set[Asset] = set()
        self._odd_rows: set[Hashable] = set()
        self._refused_rows = 0
        self._troubles: dict[str, None] = {}
        self._new_rows = False

    def add(self, body: bytes) -> PageMark:
        """Fold one page in; where it raises ReplyMalformed, nothing of it was."""
        page = read_page(body)
        self._new_rows = False
        for natives in page.natives if self._question.natives else ():
            self._add_natives(natives)
        for tokens in page.tokens:
            self._add_tokens(tokens)
        return PageMark(page.raw, page.more, self._new_rows)

    def answer(self) -> Answer:
        """Return what all pages together say."""
        for side in (self._natives, self._tokens) if self._question.natives else (self._tokens,):
            for chain_id in self._question.chain_ids:
                if chain_id not in side.held:
                    self._trouble(chain_id, f"no {side.name}")
        return Answer(
            natives=self._natives.certain(),
            tokens=self._tokens.certain(),
            doubtful=frozenset(self._tokens.doubtful),
            descriptions={
                Asset(chain_id, contract): description
                for chain_id, described in self._described.items()
                for contract, description in described.items()
            },
            refused_rows=self._refused_rows,
            troubles=tuple(self._troubles),
        )

    def _add_natives(self, entry: Entry[NativeRow]) -> None:
        chain_id = self._opened(self._natives, entry)
        if chain_id is None:
            return
        accounts = self._natives.held[chain_id]
        described = self._described.setdefault(chain_id, {})
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            amount = amount_of(row.balance)
            if account is None or amount is None or row.chain_id != chain_id:
                self._refuse(self._natives, chain_id, row.account_address, row.chain_id)
            elif row.error_reason:
                self._new_rows |= (chain_id, account) not in self._natives.doubtful
                self._natives.doubtful.add((chain_id, account))
                self._trouble(chain_id, f"natives: {row.error_reason}")
            else:
                self._new_rows |= account not in accounts
                accounts[account] = Holding(amount)
                if NATIVE not in described:
                    described[NATIVE] = described_native(row)

    def _add_tokens(self, entry: Entry[TokenRow]) -> None:
        chain_id = self._opened(self._tokens, entry)
        if chain_id is None:
            return
        accounts = self._tokens.held[chain_id]
        described = self._described.setdefault(chain_id, {})
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            contract = self._contracts.get(row.contract_address) or self._contract(row.contract_address)
            holding = holding_of(row)
            if account is None or contract is None or holding is None or row.chain_id != chain_id:
                key = (row.chain_id, row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, key)
                continue
            held = accounts.get(account)
            if held is None:
                held = accounts[account] = {}
            if contract in held or row.token_id not in _NO_TOKEN_ID:
                self._compare_token_ids(chain_id, account, contract, row.token_id, known=contract in held)
            else:
                self._new_rows = True
            held[contract] = holding
            if contract not in described or (row.contract_info and Asset(chain_id, contract) in self._bare):
                self._describe(described, Asset(chain_id, contract), row)

    def _opened(self, side: _Side[Held], entry: Entry[NativeRow] | Entry[TokenRow]) -> ChainId | None:
        """Note what an entry says of its chain as a whole; None where that chain does not concern us."""
        chain_id = ChainId(entry.chain_id)
        if self._chains and chain_id not in self._chains:
            return None
        if not 0 < chain_id <= SIGNED_MAX:
            self._trouble(chain_id, "no such chain")
            self._refused_rows += len(entry.rows) + len(entry.broken)
            return None
        side.held.setdefault(chain_id, {})
        if entry.trouble:
            side.unknown.add(chain_id)
            self._trouble(chain_id, f"{side.name}: {entry.trouble}")
        for broken in entry.broken:
            self._refuse(side, chain_id, broken.account, broken.fingerprint)
        return chain_id

    def _asked_account(self, spelling: str) -> Address | None:
        """Return the asked account that a row spells in its own way; None for any other."""
        address = address_of(spelling)
        if address not in self._accounts:
            return None
        self._asked[spelling] = address
        return address

    def _contract(self, spelling: str) -> Address | None:
        address = address_of(spelling)
        if address is not None:
            self._contracts[spelling] = address
        return address

    def _refuse(self, side: _Side[Held], chain_id: ChainId, spelling: str | None, key: Hashable) -> None:
        """Count a row that cannot be believed, and doubt as little as it allows."""
        self._refused_rows += 1
        odd_row = (side.name, chain_id, spelling, key)
        self._new_rows |= odd_row not in self._odd_rows
        self._odd_rows.add(odd_row)
        account = None if spelling is None else self._asked.get(spelling) or address_of(spelling)
        if account is None:
            side.unknown.add(chain_id)
            self._trouble(chain_id, f"{side.name}: a refused row of no readable account")
        elif account in self._accounts:
            side.doubtful.add((chain_id, account))
            self._trouble(chain_id, f"{side.name}: refused rows")

    def _compare_token_ids(
        self, chain_id: ChainId, account: Address, contract: Address, token_id: str | None, *, known: bool
    ) -> None:
        """Doubt an account with two token ids in one asset: a Summary folds them, so their sum is a guess."""
        key = (chain_id, account, contract)
        spoken = "0" if token_id in _NO_TOKEN_ID else str(token_id)
        first = self._token_ids.get(key, "0") if known else spoken
        if not known:
            self._new_rows = True
            self._token_ids[key] = spoken
        elif spoken != first:
            self._tokens.doubtful.add((chain_id, account))
            self._trouble(chain_id, "tokens: several token ids of one contract")
            self._new_rows |= (*key, spoken) not in self._odd_rows
            self._odd_rows.add((*key, spoken))

    def _describe(self, described: dict[Address, Description], asset: Asset, row: TokenRow) -> None:
        """Keep the first description of an asset, or the first with metadata."""
        description = described_token(row)
        if description.symbol is None and description.decimals is None and not description.rebasing:
            self._bare.add(asset)
            described.setdefault(asset.contract, description)
        else:
            self._bare.discard(asset)
            described[asset.contract] = description

    def _trouble(self, chain_id: ChainId, text: str) -> None:
        if len(self._troubles) < _TROUBLES_KEPT:
            self._troubles[f"chain {chain_id}: {plain(text, self._conceal)}"] = None


class _Chain(Struct, rename="camel"):
    chain_id: int
    chain_name: str


class _Chains(Struct):
    chains: list[_Chain] | None


class _Ping(Struct):
    status: bool


_NO_TOKEN_ID = (None, "0", "")
_CHAINS = Decoder(_Chains)
_PING = Decoder(_Ping)
