"""Folds the pages of one answer together.

Pure: bytes in, values out. What is not certain in a reply becomes unknown in the
answer, never zero; a reply of which nothing is certain is ReplyMalformed, the only
error that leaves here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from bot.domain.model import NATIVE, Address, Answer, Asset, ChainId, Description, Holding, Question
from bot.indexer.digests import digests_of
from bot.indexer.errors import plain
from bot.indexer.pages import Entry, Page, PageMark, read_page, read_tokens
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

_TROUBLES_KEPT = 50
_NO_TOKEN_ID = (None, "0", "")

Held = TypeVar("Held")


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

    def is_settled(self, chain_id: ChainId, accounts: frozenset[Address]) -> bool:
        """Whether each of these accounts is held or unknown on a chain, whatever may still come."""
        if chain_id in self.unknown:
            return True
        missing = accounts.difference(self.held.get(chain_id, ()))
        return all((chain_id, account) in self.doubtful for account in missing)


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
        self._natives_are_settled = not question.natives
        self._tokens: _Side[dict[Address, Holding]] = _Side("tokens")
        self._token_ids: dict[Hashable, str] = {}
        self._highest_blocks: dict[ChainId, int] = {}
        self._described: dict[ChainId, dict[Address, Description]] = {}
        self._bare: set[Asset] = set()
        self._odd_rows: set[Hashable] = set()
        self._refused_rows = 0
        self.rows = 0
        """How many rows came, believed or not, repeated ones included."""
        self._troubles: dict[str, None] = {}
        self._new_rows = False

    def add(self, body: bytes) -> PageMark:
        """Fold one page in; where it raises ReplyMalformed, nothing of it was."""
        page = self._read(body)
        self._new_rows = False
        for natives in page.natives:
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
        answer = Answer(
            natives=self._natives.certain(),
            tokens=self._tokens.certain(),
            doubtful=frozenset(self._tokens.doubtful),
            descriptions={
                Asset(chain_id, contract): description
                for chain_id, described in self._described.items()
                for contract, description in described.items()
            },
            highest_blocks=dict(self._highest_blocks),
            refused_rows=self._refused_rows,
            troubles=tuple(self._troubles),
        )
        return replace(answer, digests=digests_of(self._question, answer))

    def _read(self, body: bytes) -> Page:
        """Read a page, its natives only while any can be wanted: they may come again on each page."""
        if not self._natives_are_settled:
            self._natives_are_settled = bool(self._chains) and all(
                self._natives.is_settled(chain_id, self._accounts) for chain_id in self._chains
            )
        return read_tokens(body) if self._natives_are_settled else read_page(body)

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
        highest_block = 0
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
            if holding.block is not None and holding.block > highest_block:
                highest_block = holding.block
            if contract not in described or (row.contract_info and Asset(chain_id, contract) in self._bare):
                self._describe(described, Asset(chain_id, contract), row)
        if highest_block > self._highest_blocks.get(chain_id, 0):
            self._highest_blocks[chain_id] = highest_block

    def _opened(self, side: _Side[Held], entry: Entry[NativeRow] | Entry[TokenRow]) -> ChainId | None:
        """Note what an entry says of its chain as a whole; None where that chain does not concern us."""
        chain_id = ChainId(entry.chain_id)
        if self._chains and chain_id not in self._chains:
            return None
        if not 0 < chain_id <= SIGNED_MAX:
            self._trouble(chain_id, "no such chain")
            self._refused_rows += len(entry.rows) + len(entry.broken)
            return None
        self.rows += len(entry.rows) + len(entry.broken)
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
