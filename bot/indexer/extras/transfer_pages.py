"""Merges the pages of one answer about transfers: each of them once, whatever the order of rows and pages.

Pure: bytes in, values out.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from bot.domain.explain.questions import HistoryAnswer, HistoryQuestion
from bot.domain.explain.transfers import TransactionHash, Transfer
from bot.indexer.errors import ReplyIncomplete, plain
from bot.indexer.extras.transfer_rows import ListedTransaction, ListedTransfer, read_history_page
from bot.indexer.pages import PageMark

FALLS_TO_TRUST: Final = 8
"""So many times the blocks have to fall from row to row, and never to rise, until rows count as sorted.

Newest first is what the source was seen to do, but nobody promises it; rows in a random order look like it
once in 362,880 times.
"""

_LATEST = datetime.max.replace(tzinfo=UTC)


class TransferCollector:
    """Collects the transfers that one question asks for."""

    def __init__(self, question: HistoryQuestion, *, conceal: str = "") -> None:
        """Expect the pages of this question's answer; `conceal` is blotted out of what the source says."""
        self._question = question
        self._conceal = conceal
        self._listed: dict[Transfer, datetime] = {}
        """Without their moments, and when they were."""
        self._logged: dict[Transfer, datetime] = {}
        """The same, of a coin that logs its own transfers."""
        self._blocks: dict[TransactionHash, int] = {}
        """The newest block of each transaction."""
        self._seen: set[int] = set()
        self._is_answered = False
        self._is_whole = True
        self._last_block: int | None = None
        self._falls = 0
        self._is_sorted = True
        self.is_past_range = False
        """Whether all that follows is older than what was asked for."""

    def add(self, body: bytes) -> PageMark:
        """Add one page; ReplyMalformed where it is none, ReplyIncomplete where the chain has trouble."""
        page = read_history_page(body, self._question.chain_id)
        if page.trouble:
            raise ReplyIncomplete(plain(page.trouble, self._conceal))
        self._is_answered |= page.names_chain
        self._is_whole &= page.is_whole
        known, kept = len(self._seen), self._kept
        for row in page.rows:
            self._add_row(row)
        return PageMark(page.raw, page.more, len(self._seen) > known, self._kept - kept, 0)

    def answer(self, *, is_cut: bool = False) -> HistoryAnswer:
        """Return all transfers that were read; `is_cut` says that pages are missing."""
        return HistoryAnswer(
            transfers=tuple(sorted(self._listed_once(), key=_sort_key)),
            is_complete=self._is_answered and self._is_whole and not is_cut,
        )

    def _listed_once(self) -> list[Transfer]:
        """Return what counts: a log of the coin only where it stands for no row of the coin itself."""
        listed = self._standing(self._listed)
        rows_of_coin = Counter(one._replace(log_index=None, at=None) for one in listed)
        for one in sorted(self._standing(self._logged), key=_sort_key):
            key = one._replace(log_index=None, at=None)
            rows_of_coin[key] -= 1
            if rows_of_coin[key] < 0:
                listed.append(one)
        return listed

    def _standing(self, kept: dict[Transfer, datetime]) -> list[Transfer]:
        """Return transfers with their moments, none of a block that a reorganisation took it out of."""
        return [
            one if at == _LATEST else one._replace(at=at)
            for one, at in kept.items()
            if one.block == self._blocks[one.transaction]
        ]

    @property
    def _kept(self) -> int:
        return sum(len(one.moved) for kept in (self._listed, self._logged) for one in kept)

    def _add_row(self, row: ListedTransaction) -> None:
        self._seen.add(row.fingerprint)
        self._is_whole &= row.is_whole
        if row.block is None:
            return
        self._note_order(row.block, row.at)
        for one in row.transfers:
            self._add_transfer(one)

    def _note_order(self, block: int, at: datetime | None) -> None:
        question, last = self._question, self._last_block
        first = question.from_block
        if last is not None:
            self._falls += block < last
            self._is_sorted &= block <= last
        self._last_block = block
        is_old = first is not None and block < first
        is_old |= question.since is not None and at is not None and at < question.since
        self.is_past_range = is_old and self._is_sorted and self._falls >= FALLS_TO_TRUST

    def _add_transfer(self, listed: ListedTransfer) -> None:
        transfer, question = listed.transfer, self._question
        if question.from_block is not None and transfer.block < question.from_block:
            return
        if question.contracts and transfer.asset.contract not in question.contracts:
            return
        if not {transfer.sender, transfer.receiver} & set(question.accounts):
            return
        self._blocks[transfer.transaction] = max(self._blocks.get(transfer.transaction, 0), transfer.block)
        kept = self._logged if listed.is_logged_coin else self._listed
        bare = transfer._replace(at=None)
        kept[bare] = min(kept.get(bare, _LATEST), transfer.at or _LATEST)


def _sort_key(transfer: Transfer) -> tuple[object, ...]:
    log_index = -1 if transfer.log_index is None else transfer.log_index
    moved = [(one.amount_raw, -1 if one.token_id is None else one.token_id) for one in transfer.moved]
    ends = (transfer.sender, transfer.receiver)
    return transfer.block, log_index, transfer.transaction, transfer.asset, ends, moved
