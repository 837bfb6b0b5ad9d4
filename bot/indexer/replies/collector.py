"""Folds the pages of one answer together.

Pure: bytes in, values out. What is not certain in a reply becomes unknown in the
answer, never zero; a reply of which nothing is certain is ReplyMalformed, the only
error that leaves here. Rows are sorted here and read, by `bot.indexer.replies.row_reader`, when
somebody wants to know what they say.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from bot.domain.assets import KNOWN_KINDS, SINGLE_BALANCE_KINDS, Address, ChainId
from bot.domain.questions import Answer, Question, Reply
from bot.indexer.errors import ReplyMalformed
from bot.indexer.pages import ChainEntry, Page, PageMark, PageReader, repeats_keys
from bot.indexer.replies.digests import digests_of
from bot.indexer.replies.row_reader import RowReader
from bot.indexer.replies.sorted_rows import Remarks, SortedNatives, SortedTokens
from bot.indexer.rows import (
    SIGNED_MAX,
    NativeRow,
    TokenRow,
    address_of,
    has_ids,
    holding_of,
    token_id_of,
)

Key = TypeVar("Key", bound=str)

RowKey = tuple[ChainId, Address, Address, str]
"""A contract of an account, and the token id where it came in rows of several."""


class ReplyCollector:
    """Folds the pages of one answer together, in the order in which they come."""

    def __init__(self, question: Question, *, conceal: str = "", strict: bool = False) -> None:
        """Expect answers to this question; `conceal` is blotted out of what the source says.

        `strict`, each row is looked through for a key that stands in it twice, which costs much.
        """
        self._question = question
        self._conceal = conceal
        self._chains = frozenset(question.chain_ids)
        self._accounts = frozenset(question.accounts)
        self._asked: dict[str, Address] = {account: account for account in question.accounts}
        if len(self._accounts) == 1:
            self._asked[""] = question.accounts[0]
        self._reader = PageReader(natives=question.natives, strict=strict)
        self._pages: list[Page] = []
        self._natives = SortedNatives()
        self._tokens = SortedTokens()
        self._odd_rows: set[Hashable] = set()
        self._strangers: set[tuple[str, ChainId]] = set()
        """Sides of chains with rows of accounts that were not asked."""
        self._remarks = Remarks(conceal)
        self.rows = 0
        """How many rows came, believed or not, repeated ones included."""
        self._new_rows = False
        self._is_of_this_page: Callable[[TokenRow], bool] = _membership(())
        self._repeated: set[RowKey] = set()
        """Things of which this page holds a row that was not the first one."""

    def add(self, body: bytes) -> PageMark:
        """Fold one page in; where it raises ReplyMalformed, nothing of it was."""
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
        """Return what all pages together say, to be read as far as it is wanted."""
        self._doubt_silence()
        reader = self._row_reader
        return Reply(self._digests, reader.chains_seen(), self._about, reader.prices, reader.troubles())

    @property
    def refused_rows(self) -> int:
        """How many of the rows could not even be sorted."""
        return self._remarks.refused_rows

    def _about(self, accounts: Collection[Address]) -> Answer:
        if self._again is None:
            return self._row_reader.about(accounts)
        digests = self._again.digests
        found_late = {account for account, digest in self._digests.items() if digests[account] != digest}
        return replace(self._again.about(accounts), found_late=frozenset(found_late))

    @cached_property
    def _digests(self) -> dict[Address, bytes]:
        return digests_of(self._question, self._natives, self._tokens)

    @cached_property
    def _row_reader(self) -> RowReader:
        return RowReader(self._question, self._natives, self._tokens, self._remarks)

    @cached_property
    def _again(self) -> Reply | None:
        """What all pages say, looked through row by row, where keys may stand twice in them; else None.

        That is found out only when somebody reads: most replies say what was said before.
        """
        if not any(map(repeats_keys, self._pages)):
            return None
        again = ReplyCollector(self._question, conceal=self._conceal, strict=True)
        try:
            for page in self._pages:
                again.add(page.body)
        except ReplyMalformed as error:
            again._give_up(str(error))
        return again.reply()

    def _give_up(self, why: str) -> None:
        """Take all that was asked for unknown: it is too late to refuse the answer."""
        for side in (self._natives, self._tokens):
            side.unknown.update(self._chains or side.rows.keys())
        for chain_id in self._chains:
            self._remarks.add(chain_id, why)

    def _doubt_silence(self) -> None:
        """Take no silence for "holds nothing" where the answer speaks of somebody else instead.

        An account has a native row on each chain. One without it, where a stranger has one, may have been
        taken for the stranger: no token rows say nothing then. And where nobody who was asked has a single
        row, all of the answer belongs to another question.
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
            elif row.balance != rows[account].balance:
                self._doubt(self._natives, chain_id, account, "rows that contradict each other")

    def _add_tokens(self, entry: ChainEntry[TokenRow]) -> None:
        chain_id = self._opened(self._tokens, entry)
        if chain_id is None:
            return
        rows = self._tokens.rows[chain_id]
        for row in entry.rows:
            account = self._asked.get(row.account_address) or self._asked_account(row.account_address)
            if account is None or row.chain_id != chain_id:
                key = (row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, row.chain_id, key)
                continue
            contract = address_of(row.contract_address)
            if contract is None:
                key = (row.contract_address, row.token_id)
                self._refuse(self._tokens, chain_id, row.account_address, chain_id, key)
                continue
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
        """Fold in another row of a contract: of another token id, or of the same thing once more."""
        held = self._tokens.rows[chain_id][account]
        if row.contract_type != held[contract].contract_type:
            self._doubt(self._tokens, chain_id, account, "rows that contradict each other")
            return
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
        if token_id_of(row) is None or token_id_of(held[contract]) is None:
            self._doubt(self._tokens, chain_id, account, "a token id that is no number")

    def _add_once_more(self, thing: RowKey, among: dict[Key, TokenRow], key: Key, row: TokenRow) -> None:
        """Let the right one count of two rows of one thing, or none of them.

        The index may move on between two pages: then the newer block stands on the later page. Whatever else
        is told twice, and differently, is told by a source that contradicts itself.
        """
        chain_id, account, *_ = thing
        known = among[key]
        came_on_this_page = thing in self._repeated or self._is_of_this_page(known)
        self._repeated.add(thing)
        before, after = holding_of(known), holding_of(row)
        if before is None or after is None:
            self._doubt(self._tokens, chain_id, account, "refused rows")
            return
        is_newer = (after.block or 0) > (before.block or 0)
        if not after.differs_from(before):
            if is_newer or (row.contract_info and not known.contract_info):
                among[key] = row
        elif is_newer and before.block is not None and not came_on_this_page:
            among[key] = row
            self._new_rows = True
        else:
            self._doubt(self._tokens, chain_id, account, "rows that contradict each other")

    def _opened(
        self, side: SortedNatives | SortedTokens, entry: ChainEntry[NativeRow] | ChainEntry[TokenRow]
    ) -> ChainId | None:
        """Note what an entry says of its chain as a whole; None where that chain does not concern us."""
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
        """Return the asked account that a row spells in its own way; None for any other."""
        address = address_of(spelling)
        if address not in self._accounts:
            return None
        self._asked[spelling] = address
        return address

    def _mix_up(self, side: SortedNatives | SortedTokens, chain_id: ChainId, rows: int) -> None:
        """Give up a side of which rows came under a chain that nobody asked for: any may be missing there.

        It is said of the chains that were asked: those that weren't may be other ones each time.
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
        """Count a row that cannot be believed, and doubt as little as it allows.

        One of an account or a chain that has no business there shows that the source mixed something up. Both
        chains are unknown then, that of the entry and the row's own: what is missing may stand elsewhere.
        """
        self._remarks.refused_rows += 1
        odd_row = (side.name, chain_id, spelling, own_chain_id, key)
        self._new_rows |= odd_row not in self._odd_rows
        self._odd_rows.add(odd_row)
        account = None if spelling is None else self._asked.get(spelling) or address_of(spelling)
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
    """Return what tells whether a row stands in these entries, made ready when it is first wanted."""
    own: set[int] = set()

    def is_of_page(row: TokenRow) -> bool:
        if not own:
            own.update(id(one) for entry in entries for one in entry.rows)
        return id(row) in own

    return is_of_page


def _are_of_two_ids(one: TokenRow, other: TokenRow) -> bool:
    """Whether two rows of a contract are of different things; what has one balance has no ids."""
    return one.contract_type not in SINGLE_BALANCE_KINDS and _spelled_id(one) != _spelled_id(other)


def _spelled_id(row: TokenRow) -> str:
    return row.token_id or "0"
