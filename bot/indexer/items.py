"""Collects the token ids that an account holds of one collection: all of them, or an error.

Pure: bytes in, values out. The rows come from GetTokenBalancesDetails, one for each
token id (docs/indexer-gateway.md, "Methods"). Anything doubtful is an error here: a summary has
counted the items already, and half of the ids would contradict it.
"""

from bot.domain.assets import Address, Amount, Asset, Items
from bot.indexer.errors import ReplyIncomplete, ReplyMalformed, TooManyItems, plain
from bot.indexer.pages import ChainEntry, PageMark, read_tokens
from bot.indexer.rows import TokenRow, parse_address, parse_amount, read_amount


class ItemCollector:
    """Collects the items of one account and one collection."""

    def __init__(self, account: Address, asset: Asset, *, items_max: int, conceal: str = "") -> None:
        """Expect at most `items_max` ids; `conceal` is blotted out of what the source says."""
        self._account = account
        self._asset = asset
        self._items_max = items_max
        self._conceal = conceal
        self._held: dict[int, Amount] = {}
        self._is_answered = False

    def add(self, body: bytes) -> PageMark:
        """Add one page. A page that raises ReplyMalformed adds nothing and may be asked for again.

        ReplyIncomplete (the chain has trouble, or items contradict each other) and TooManyItems are final.
        """
        page = read_tokens(body)
        if any(entry.chain_id != self._asset.chain_id and _mixes_up(entry) for entry in page.tokens):
            raise ReplyMalformed("rows of a chain that was not asked for", status=200)
        entries = [entry for entry in page.tokens if entry.chain_id == self._asset.chain_id]
        items = [self._item_of(row) for entry in entries for row in self._rows_of(entry)]
        of_page: dict[int, Amount] = {}
        for token_id, amount in items:
            if of_page.setdefault(token_id, amount).differs_from(amount):
                raise ReplyIncomplete("an item came twice, with different amounts")
        known = len(self._held)
        for token_id, amount in of_page.items():
            self._held[token_id] = _newer_of(self._held.get(token_id, amount), amount)
        if len(self._held) > self._items_max:
            raise TooManyItems(f"more than {self._items_max}")
        self._is_answered |= bool(entries)
        return PageMark(page.raw, page.more, len(self._held) > known, page.row_count, 0)

    def items(self) -> Items:
        """Return the amount of each token id on all pages; ReplyIncomplete where none named the chain."""
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
        """Return a row's token id and amount; ReplyMalformed for a row that was not asked for."""
        account = parse_address(row.account_address) if row.account_address else self._account
        contract = parse_address(row.contract_address)
        if (account, row.chain_id, contract) != (self._account, *self._asset):
            raise ReplyMalformed("a row that was not asked for", status=200)
        token_id = parse_amount(row.token_id or "")
        amount = read_amount(row)
        if token_id is None or amount is None:
            raise ReplyMalformed("an item that cannot be believed", status=200)
        if amount.uniques is not None:
            raise ReplyMalformed("items are folded together", status=200)
        return token_id, amount


def _mixes_up(entry: ChainEntry[TokenRow]) -> bool:
    """Whether an entry of another chain holds rows, which may belong under the asked one."""
    return bool(entry.rows) and not entry.trouble


def _newer_of(before: Amount, after: Amount) -> Amount:
    """Return which of two rows of one item counts: that of the newer block; `after` is from a later page."""
    if not after.differs_from(before):
        return max(before, after, key=lambda one: one.block or 0)
    if before.block is None or (after.block or 0) <= before.block:
        raise ReplyIncomplete("an item came twice, with different amounts")
    return after
