"""Folds the pages of one answer together.

Pure: bytes in, values out. What is not certain in a reply becomes unknown in the
answer, never zero; a reply of which nothing is certain is ReplyMalformed, the only
error that leaves here. Rows are sorted here and read, by `bot.indexer.reading`, when
somebody wants to know what they say.
"""

from collections.abc import Hashable

from bot.domain.model import Address, ChainId, Question, Reply
from bot.indexer.digests import digests_of
from bot.indexer.pages import Entry, Page, PageMark, read_page, read_tokens
from bot.indexer.reading import Reader, Remarks
from bot.indexer.rows import SIGNED_MAX, NativeRow, TokenRow, address_of
from bot.indexer.sides import Natives, Tokens

_NO_TOKEN_ID = (None, "0", "")


class Collected:
    """Folds the pages of one answer together, in the order in which they come."""

    def __init__(self, question: Question, *, conceal: str = "") -> None:
        """Expect answers to this question; `conceal` is blotted out of what the source says."""
        self._question = question
        self._chains = frozenset(question.chain_ids)
        self._accounts = frozenset(question.accounts)
        self._asked: dict[str, Address] = {account: account for account in question.accounts}
        if len(self._accounts) == 1:
            self._asked[""] = question.accounts[0]
        self._natives = Natives()
        self._natives_are_settled = not question.natives
        self._tokens = Tokens()
        self._odd_rows: set[Hashable] = set()
        self._remarks = Remarks(conceal)
        self.rows = 0
        """How many rows came, believed or not, repeated ones included."""
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

    def reply(self) -> Reply:
        """Return what all pages together say, to be read as far as it is wanted."""
        reader = Reader(self._question, self._natives, self._tokens, self._remarks)
        digests = digests_of(self._question, self._natives, self._tokens)
        return Reply(digests, reader.chains_seen(), reader.about, reader.prices)

    @property
    def refused_rows(self) -> int:
        """How many of the rows could not even be sorted."""
        return self._remarks.refused_rows

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
        rows = self._natives.rows[chain_id]
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            if account is None or row.chain_id != chain_id:
                self._refuse(self._natives, chain_id, row.account_address, row.chain_id)
            elif row.error_reason:
                self._new_rows |= (chain_id, account) not in self._natives.doubtful
                self._natives.doubtful.add((chain_id, account))
                self._remarks.add(chain_id, f"natives: {row.error_reason}")
            elif account not in rows:
                self._new_rows = True
                rows[account] = row
            elif row != rows[account] or (chain_id, account) in self._natives.again:
                self._natives.again[chain_id, account].append(row)

    def _add_tokens(self, entry: Entry[TokenRow]) -> None:
        chain_id = self._opened(self._tokens, entry)
        if chain_id is None:
            return
        rows = self._tokens.rows[chain_id]
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            contract = address_of(row.contract_address)
            if account is None or contract is None or row.chain_id != chain_id:
                key = (row.chain_id, row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, key)
                continue
            held = rows.get(account)
            if held is None:
                held = rows[account] = {}
            first = held.get(contract)
            if first is None:
                self._new_rows = True
                held[contract] = row
            elif row != first or (chain_id, account) in self._tokens.again:
                self._add_again(chain_id, account, contract, row)

    def _add_again(self, chain_id: ChainId, account: Address, contract: Address, row: TokenRow) -> None:
        """Fold in another row of the same asset.

        With another token id it makes the account doubtful: a Summary folds them, so their sum is a guess.
        """
        self._tokens.again[chain_id, account].append((contract, row))
        token_id = _token_id(row)
        if token_id != _token_id(self._tokens.rows[chain_id][account][contract]):
            self._tokens.doubtful.add((chain_id, account))
            self._remarks.add(chain_id, "tokens: several token ids of one contract")
            odd_row = (chain_id, account, contract, token_id)
            self._new_rows |= odd_row not in self._odd_rows
            self._odd_rows.add(odd_row)

    def _opened(self, side: Natives | Tokens, entry: Entry[NativeRow] | Entry[TokenRow]) -> ChainId | None:
        """Note what an entry says of its chain as a whole; None where that chain does not concern us."""
        chain_id = ChainId(entry.chain_id)
        if self._chains and chain_id not in self._chains:
            return None
        if not 0 < chain_id <= SIGNED_MAX:
            self._remarks.add(chain_id, "no such chain")
            self._remarks.refused_rows += len(entry.rows) + len(entry.broken)
            return None
        self.rows += len(entry.rows) + len(entry.broken)
        side.rows.setdefault(chain_id, {})
        if entry.trouble:
            side.unknown.add(chain_id)
            self._remarks.add(chain_id, f"{side.name}: {entry.trouble}")
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

    def _refuse(self, side: Natives | Tokens, chain_id: ChainId, spelling: str | None, key: Hashable) -> None:
        """Count a row that cannot be believed, and doubt as little as it allows."""
        self._remarks.refused_rows += 1
        odd_row = (side.name, chain_id, spelling, key)
        self._new_rows |= odd_row not in self._odd_rows
        self._odd_rows.add(odd_row)
        account = None if spelling is None else self._asked.get(spelling) or address_of(spelling)
        if account is None:
            side.unknown.add(chain_id)
            self._remarks.add(chain_id, f"{side.name}: a refused row of no readable account")
        elif account in self._accounts:
            side.doubtful.add((chain_id, account))
            self._remarks.add(chain_id, f"{side.name}: refused rows")


def _token_id(row: TokenRow) -> str:
    return "0" if row.token_id in _NO_TOKEN_ID else str(row.token_id)
