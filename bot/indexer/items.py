"""Folds the pages of one collection's items together: all of them, or an error.

Pure: bytes in, values out. The rows come from GetTokenBalancesDetails, one for each
token id (indexer-gateway.md 1.4); what a summary leaves doubtful is refused here.
"""

from bot.domain.assets import Address, Amount, Asset, Items
from bot.indexer.errors import ReplyIncomplete, ReplyMalformed, TooManyItems, plain
from bot.indexer.pages import ChainEntry, PageMark, read_tokens
from bot.indexer.rows import TokenRow, address_of, amount_of, holding_of


class ItemCollector:
    """The items of one account and one collection, page by page."""

    def __init__(self, account: Address, asset: Asset, *, items_max: int, conceal: str = "") -> None:
        """Expect at most `items_max` ids; `conceal` is blotted out of what the source says."""
        self._account = account
        self._asset = asset
        self._items_max = items_max
        self._conceal = conceal
        self._held: dict[int, Amount] = {}
        self._is_answered = False

    def add(self, body: bytes) -> PageMark:
        """Fold one page in; where it raises ReplyMalformed, nothing of it was.

        ReplyIncomplete, where the chain has trouble or the items contradict each other, and TooManyItems
        are final.
        """
        page = read_tokens(body)
        if any(entry.chain_id != self._asset.chain_id and _mixes_up(entry) for entry in page.tokens):
            raise ReplyMalformed("rows of a chain that was not asked for", status=200)
        entries = [entry for entry in page.tokens if entry.chain_id == self._asset.chain_id]
        items = [self._item_of(row) for entry in entries for row in self._rows_of(entry)]
        of_page: dict[int, Amount] = {}
        for token_id, holding in items:
            if of_page.setdefault(token_id, holding).differs_from(holding):
                raise ReplyIncomplete("an item came twice, with different amounts")
        known = len(self._held)
        for token_id, holding in of_page.items():
            self._held[token_id] = _that_counts(self._held.get(token_id, holding), holding)
        if len(self._held) > self._items_max:
            raise TooManyItems(f"more than {self._items_max}")
        self._is_answered |= bool(entries)
        return PageMark(page.raw, page.more, len(self._held) > known, page.row_count, 0)

    def items(self) -> Items:
        """Return what all pages together say; ReplyIncomplete where none named the chain."""
        if not self._is_answered:
            raise ReplyIncomplete("it leaves the chain out")
        return {token_id: one.amount_raw for token_id, one in self._held.items() if one.amount_raw}

    def _rows_of(self, entry: ChainEntry[TokenRow]) -> list[TokenRow]:
        if entry.trouble:
            raise ReplyIncomplete(plain(entry.trouble, self._conceal))
        if entry.broken:
            raise ReplyMalformed("a row is malformed", status=200)
        return list(entry.rows)

    def _item_of(self, row: TokenRow) -> tuple[int, Amount]:
        """Return a row's token id and how much of it is held.

        A row of an account, chain or contract that was not asked for is refused: whoever sends it has
        not understood the question.
        """
        account = address_of(row.account_address) if row.account_address else self._account
        contract = address_of(row.contract_address)
        if (account, row.chain_id, contract) != (self._account, *self._asset):
            raise ReplyMalformed("a row that was not asked for", status=200)
        token_id = amount_of(row.token_id or "")
        holding = holding_of(row)
        if token_id is None or holding is None:
            raise ReplyMalformed("an item that cannot be believed", status=200)
        if holding.uniques is not None:
            raise ReplyMalformed("items are folded together", status=200)
        return token_id, holding


def _mixes_up(entry: ChainEntry[TokenRow]) -> bool:
    """Whether an entry that nobody asked for holds rows that may be missing elsewhere."""
    return bool(entry.rows) and not entry.trouble


def _that_counts(before: Amount, after: Amount) -> Amount:
    """Return which of two rows of one item counts, the second one from a later page."""
    if not after.differs_from(before):
        return max(before, after, key=lambda one: one.block or 0)
    if before.block is None or (after.block or 0) <= before.block:
        raise ReplyIncomplete("an item came twice, with different amounts")
    return after
