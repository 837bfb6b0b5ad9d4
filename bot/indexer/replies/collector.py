"""Collects the pages of one answer, and sorts their rows.

Pure: bytes in, values out. What is not certain in a reply becomes unknown, never zero;
a reply of which nothing is certain is ReplyMalformed, the only error that leaves here.
Which rows contradict each other, and what that makes unknown: docs/decisions/0018-mixed-up-answers.md.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from bot.domain.ask.questions import Answer, Question, Reply
from bot.domain.assets import KNOWN_KINDS, SINGLE_BALANCE_KINDS, Address, Asset, ChainId, Description
from bot.indexer.errors import ReplyMalformed
from bot.indexer.pages import ChainEntry, Page, PageMark, PageReader, repeats_keys
from bot.indexer.replies.digests import make_digests
from bot.indexer.replies.row_reader import RowReader
from bot.indexer.replies.sorted_rows import Remarks, SortedNatives, SortedTokens
from bot.indexer.rows import (
    SIGNED_MAX,
    NativeRow,
    TokenRow,
    has_ids,
    parse_address,
    read_amount,
    read_token_id,
)

Key = TypeVar("Key", bound=str)

RowKey = tuple[ChainId, Address, Address, str]
"""Chain, account, contract, and the token id where the contract came in rows of several."""


class ReplyCollector:
    """Collects the pages of one answer, in the order in which they come."""

    def __init__(self, question: Question, *, conceal: str = "", strict: bool = False) -> None:
        """Expect answers to this question; `conceal` is blotted out of what the source says.

        `strict` looks through each row for a key that stands in it twice, which is slow.
        """
        self._question = question
        self._conceal = conceal
        self._chains = frozenset(question.chain_ids)
        self._accounts = frozenset(question.accounts)
        self._asked: dict[str, Address] = {account: account for account in question.accounts}
        if len(self._accounts) == 1:
            # A row may leave the account out; where one was asked for, it can be no other.
            self._asked[""] = question.accounts[0]
        self._reader = PageReader(natives=question.natives, strict=strict)
        self._pages: list[Page] = []
        self._natives = SortedNatives()
        self._tokens = SortedTokens()
        self._refused_rows: set[Hashable] = set()
        self._strangers: set[tuple[str, ChainId]] = set()
        """`natives` or `tokens`, and the chain, where rows of accounts came that were not asked."""
        self._remarks = Remarks(conceal)
        self.rows = 0
        """How many rows came, believed or not, repeated ones included."""
        self._new_rows = False
        self._is_of_this_page: Callable[[TokenRow], bool] = _membership(())
        self._repeated: set[RowKey] = set()
        """What this page has more than one row of."""

    def add(self, body: bytes) -> PageMark:
        """Add one page. A page that raises ReplyMalformed adds nothing and may be asked for again."""
        page = self._reader.read(body)
        self._pages.append(page)
        self._new_rows = False
        self._is_of_this_page = _membership(page.tokens)
        self._repeated.clear()
        for natives in page.natives:
            self._add_natives(natives)
        for tokens in page.tokens:
            self._add_tokens(tokens)
        return PageMark(page.raw, page.more, self._new_rows, page.row_count, len(page.body))

    def reply(self) -> Reply:
        """Return the reply of all pages, whose rows are read only when somebody wants them."""
        # Before the digests: what this makes unknown belongs into them.
        self._doubt_silence()
        reader = self._row_reader
        return Reply(
            digests=self._digests,
            chains=reader.chains_seen(),
            about=self._about,
            descriptions=self._descriptions,
            prices=reader.prices,
            troubles=reader.troubles(),
        )

    @property
    def refused_rows(self) -> int:
        """How many rows were refused while sorting."""
        return self._remarks.refused_rows

    def _about(self, accounts: Collection[Address]) -> Answer:
        if self._strict_reply is None:
            return self._row_reader.about(accounts)
        # The poller holds the first digests. An account whose strict digest is another one must not be
        # taken for unchanged because its next reply has the same repeated key.
        digests = self._strict_reply.digests
        found_late = {account for account, digest in self._digests.items() if digests[account] != digest}
        return replace(self._strict_reply.about(accounts), found_late=frozenset(found_late))

    def _descriptions(self, accounts: Collection[Address]) -> Mapping[Asset, Description]:
        return (self._strict_reply or self._row_reader).descriptions(accounts)

    @cached_property
    def _digests(self) -> dict[Address, bytes]:
        return make_digests(self._question, self._natives, self._tokens)

    @cached_property
    def _row_reader(self) -> RowReader:
        return RowReader(self._question, self._natives, self._tokens, self._remarks)

    @cached_property
    def _strict_reply(self) -> Reply | None:
        """The same pages collected strictly, if a key may stand twice in one of them; else None.

        Found out only when somebody reads: most replies are never read.
        """
        if not any(map(repeats_keys, self._pages)):
            return None
        again = ReplyCollector(self._question, conceal=self._conceal, strict=True)
        try:
            for page in self._pages:
                again.add(page.body)
        except ReplyMalformed as error:
            again._make_all_unknown(str(error))
        return again.reply()

    def _make_all_unknown(self, why: str) -> None:
        """Make all of the answer unknown: its digests are handed out, so it is too late to refuse it."""
        for side in (self._natives, self._tokens):
            side.unknown.update(self._chains or side.rows.keys())
        for chain_id in self._chains:
            self._remarks.add(chain_id, why)

    def _doubt_silence(self) -> None:
        """Make unknown what is missing where the answer speaks of strangers instead.

        Each account has a native row on each chain. Where one has none and a stranger has one, the source may
        have mixed them up: that the account has no token rows proves nothing then. And where no asked account
        has a single row, all of the answer belongs to another question.
        """
        if not self._strangers:
            return
        sides = (self._natives, self._tokens)
        if not any(rows for side in sides for rows in side.rows.values()):
            for side in sides:
                side.unknown.update(self._chains or side.rows.keys())
        for name, chain_id in self._strangers:
            if name == self._natives.name:
                seen = (
                    self._natives.rows.get(chain_id, {}).keys() | self._tokens.rows.get(chain_id, {}).keys()
                )
                self._tokens.doubtful.update((chain_id, account) for account in self._accounts - seen)

    def _add_natives(self, entry: ChainEntry[NativeRow]) -> None:
        chain_id = self._open_entry(self._natives, entry)
        if chain_id is None:
            return
        rows = self._natives.rows[chain_id]
        for row in entry.rows:
            # This runs for each row: one look-up does for nearly all, parsing is for new spellings.
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
            elif row.balance != rows[account].balance:
                self._doubt(self._natives, chain_id, account, "rows that contradict each other")

    def _add_tokens(self, entry: ChainEntry[TokenRow]) -> None:
        chain_id = self._open_entry(self._tokens, entry)
        if chain_id is None:
            return
        rows = self._tokens.rows[chain_id]
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            if account is None or row.chain_id != chain_id:
                key = (row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, row.chain_id, key)
                continue
            contract = parse_address(row.contract_address)
            if contract is None:
                key = (row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, chain_id, key)
                continue
            # A contract of a new type is a collection as soon as one of its rows has an id (decision 18).
            if row.contract_type not in KNOWN_KINDS and has_ids(row):
                self._tokens.numbered[chain_id, account].add(contract)
            held = rows.get(account)
            if held is None:
                held = rows[account] = {}
            if contract not in held:
                self._new_rows = True
                held[contract] = row
            else:
                self._add_again(chain_id, account, contract, row)

    def _add_again(self, chain_id: ChainId, account: Address, contract: Address, row: TokenRow) -> None:
        """Add another row of a contract: of another token id, or of the same one once more."""
        held = self._tokens.rows[chain_id][account]
        if row.contract_type != held[contract].contract_type:
            self._doubt(self._tokens, chain_id, account, "rows that contradict each other")
            return
        # The dictionary makes missing entries: asked for without `get`, every account would have one.
        by_id = self._tokens.by_id.get((chain_id, account), {}).get(contract)
        if by_id is None and not _are_of_two_ids(held[contract], row):
            self._add_once_more((chain_id, account, contract, ""), held, contract, row)
            return
        if by_id is None:
            by_id = {_spelled_id(held[contract]): held[contract]}
            self._tokens.by_id[chain_id, account][contract] = by_id
        token_id = _spelled_id(row)
        if token_id in by_id:
            self._add_once_more((chain_id, account, contract, token_id), by_id, token_id, row)
            return
        by_id[token_id] = row
        self._new_rows = True
        if row.contract_type not in KNOWN_KINDS:
            self._tokens.numbered[chain_id, account].add(contract)
        # Ids are told apart as they are spelled: of one that is no number, nobody knows which it is.
        if read_token_id(row) is None or read_token_id(held[contract]) is None:
            self._doubt(self._tokens, chain_id, account, "a token id that is no number")

    def _add_once_more(self, thing: RowKey, among: dict[Key, TokenRow], key: Key, row: TokenRow) -> None:
        """Decide which of two rows of one thing counts, if any.

        The index may move on between two pages: then the row on the later page has the newer block. Any
        other difference is a contradiction, and makes the account doubtful.
        """
        chain_id, account, *_ = thing
        known = among[key]
        is_of_same_page = thing in self._repeated or self._is_of_this_page(known)
        self._repeated.add(thing)
        before, after = read_amount(known), read_amount(row)
        if before is None or after is None:
            self._doubt(self._tokens, chain_id, account, "refused rows")
            return
        # A block is needed on both sides: without one nobody knows which row is the newer.
        is_newer = (after.block or 0) > (before.block or 0)
        if not after.differs_from(before):
            if is_newer or (row.contract_info and not known.contract_info):
                among[key] = row
        elif is_newer and before.block is not None and not is_of_same_page:
            among[key] = row
            self._new_rows = True
        else:
            self._doubt(self._tokens, chain_id, account, "rows that contradict each other")

    def _open_entry(
        self, side: SortedNatives | SortedTokens, entry: ChainEntry[NativeRow] | ChainEntry[TokenRow]
    ) -> ChainId | None:
        """Note what an entry says of its chain as a whole; return the chain, None if it was not asked for."""
        chain_id = ChainId(entry.chain_id)
        if self._chains and chain_id not in self._chains:
            if entry.rows and not entry.trouble:
                self._mix_up(side, chain_id, len(entry.rows))
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
            own_chain_id = chain_id if broken.chain_id is None else broken.chain_id
            self._refuse(side, chain_id, broken.account, own_chain_id, broken.fingerprint)
        return chain_id

    def _asked_account(self, spelling: str) -> Address | None:
        """Return the asked account that a row spells in another case; None for any other account."""
        address = parse_address(spelling)
        if address not in self._accounts:
            return None
        self._asked[spelling] = address
        return address

    def _mix_up(self, side: SortedNatives | SortedTokens, chain_id: ChainId, rows: int) -> None:
        """Make all asked chains unknown: rows under a chain nobody asked for may belong to any of them.

        The remark is about the asked chains, so that the log repeats itself, whatever the other chain is.
        """
        self._remarks.refused_rows += rows
        for asked in sorted(self._chains - side.unknown):
            self._remarks.add(asked, f"{side.name}: rows of chain {chain_id}, which was not asked")
        side.unknown.update(self._chains)

    def _refuse(
        self,
        side: SortedNatives | SortedTokens,
        chain_id: ChainId,
        spelling: str | None,
        own_chain_id: int,
        key: Hashable = None,
    ) -> None:
        """Count a refused row, and make unknown no more than it touches.

        A row of an account or chain that does not belong there shows that the source mixed something up. Then
        both chains are unknown, that of the entry and the row's own: what is missing may stand elsewhere.
        """
        self._remarks.refused_rows += 1
        refused_row = (side.name, chain_id, spelling, own_chain_id, key)
        self._new_rows |= refused_row not in self._refused_rows
        self._refused_rows.add(refused_row)
        account = None if spelling is None else self._asked.get(spelling) or parse_address(spelling)
        if account is None:
            side.unknown.add(chain_id)
            self._remarks.add(chain_id, f"{side.name}: a refused row of no readable account")
        elif account not in self._accounts:
            side.unknown.add(chain_id)
            self._strangers.add((side.name, chain_id))
            self._remarks.add(chain_id, f"{side.name}: a row of an account that was not asked")
        elif own_chain_id == chain_id:
            side.doubtful.add((chain_id, account))
            self._remarks.add(chain_id, f"{side.name}: refused rows")
        if own_chain_id != chain_id:
            side.unknown.update((chain_id, ChainId(own_chain_id)))
            self._remarks.add(chain_id, f"{side.name}: a row of another chain")

    def _doubt(
        self, side: SortedNatives | SortedTokens, chain_id: ChainId, account: Address, why: str
    ) -> None:
        self._remarks.refused_rows += 1
        side.doubtful.add((chain_id, account))
        self._remarks.add(chain_id, f"{side.name}: {why}")


def _membership(entries: Sequence[ChainEntry[TokenRow]]) -> Callable[[TokenRow], bool]:
    """Return a test whether a row stands in these entries; its set is built when it is first called."""
    own: set[int] = set()

    def is_of_page(row: TokenRow) -> bool:
        if not own:
            own.update(id(one) for entry in entries for one in entry.rows)
        return id(row) in own

    return is_of_page


def _are_of_two_ids(one: TokenRow, other: TokenRow) -> bool:
    """Whether two rows of a contract are of different token ids; an ERC-20 has none, whatever a row says."""
    return one.contract_type not in SINGLE_BALANCE_KINDS and _spelled_id(one) != _spelled_id(other)


def _spelled_id(row: TokenRow) -> str:
    return row.token_id or "0"
