"""The answers that hold balances: Summary, Details and ByContract (docs/indexer-gateway.md, "Methods").

One query is read, its page of token rows found in the world, and the rows spoiled by the faults that apply.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.faults.active import CallFaults
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.pages import Cursor, Position, read_cursor
from bot.sandbox.gateway.request import (
    BalanceFilter,
    BalancesRequest,
    SelectedChains,
    require_few_accounts,
    select_chains,
)
from bot.sandbox.gateway.rows import (
    Row,
    collection_row,
    descriptions,
    entry,
    failed_entry,
    failed_native_row,
    native_prices,
    native_row,
    token_prices,
    token_row,
    total,
    with_empty,
)
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, HeldAmount

_VERIFIED_OR_NOT = {"ALL": (True, False), "UNVERIFIED": (False,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesQuery:
    """A request for balances and all that its answer depends on.

    `by_token_id` says whether each token id of a collection is a row of its own.
    """

    world: GatewayWorld
    knobs: Knobs
    faults: CallFaults
    request: BalancesRequest
    by_token_id: bool

    @property
    def shows_prices(self) -> bool:
        """Whether rows have prices."""
        return self.knobs.row_prices and not self.request.filter.omit_prices

    def block(self, chain_id: int) -> int | None:
        """Return the block at which the chain is shown, or None where it is shown as it is."""
        return self.faults.block(chain_id, self.world.block(chain_id))


@dataclass(frozen=True, slots=True)
class TokenHolding:
    """What one token row shows: an account's amounts of one contract, by token id."""

    contract: Contract
    account: str
    amounts: Mapping[int, HeldAmount]
    token_id: int | None = None

    @property
    def position(self) -> Position:
        """The sort key of the row among those of its chain; cursors point to it."""
        return self.account, self.contract.address, self.token_id or 0


def balances(query: BalancesQuery) -> Row:
    """Answer Summary or Details; raises CallRefused for accounts, chains or pages that cannot be."""
    if not query.request.filter.accounts and query.knobs.no_accounts == "refused":
        raise CallRefused(INVALID_ARGUMENT.because("filter.accountAddresses is empty"))
    chains, cursor = _read(query)
    page, tokens = _token_part(query, chains, cursor)
    return {"page": page, "nativeBalances": _native_part(query, chains, cursor), "balances": tokens}


def balances_by_contract(query: BalancesQuery) -> Row:
    """Answer ByContract, which has no natives; raises CallRefused as the others do."""
    chains, cursor = _read(query)
    page, tokens = _token_part(query, chains, cursor)
    return {"page": page, "balances": tokens}


def native_balances(query: BalancesQuery) -> Row:
    """Answer for the native coins of one account, each chain with one `result`; raises as the others do."""
    if not query.request.filter.accounts and query.knobs.no_accounts == "refused":
        raise CallRefused(INVALID_ARGUMENT.because("accountAddress is empty"))
    chains, _ = _read(query)
    entries = [
        _native_entry(query, chain)
        for chain in chains.chains
        if not query.faults.leaves_out_natives(chain.chain_id)
    ]
    return {"balances": [_with_one_result(each) for each in [*entries, *chains.unknown]]}


def _with_one_result(entry: Row) -> Row:
    rows = entry["results"]
    assert rows is None or isinstance(rows, list)
    rest = {name: value for name, value in entry.items() if name != "results"}
    return {**rest, "result": rows[0] if rows else None}


def _read(query: BalancesQuery) -> tuple[SelectedChains, Cursor]:
    require_few_accounts(len(query.request.filter.accounts), query.knobs)
    chains = select_chains(query.world.chains(), query.request.selectors, query.knobs)
    return chains, read_cursor(query.request.page, query.knobs)


def _token_part(query: BalancesQuery, chains: SelectedChains, cursor: Cursor) -> tuple[Row, list[Row]]:
    """Return the page object and the token entries."""
    shown, more = _shown(query, chains.chains, cursor)
    rows = _invented(
        query, [(held.contract.chain_id, _token_row(query, held, cursor)) for held in shown], cursor
    )
    return _page_object(query, cursor, shown, more=more), _token_entries(query, chains, rows)


def _shown(
    query: BalancesQuery, chains: Iterable[GatewayChain], cursor: Cursor
) -> tuple[list[TokenHolding], bool]:
    """Return the holdings on the page, and whether more follow it."""
    # One more than the page holds is taken from each source: that it exists is what `more` says.
    found = [
        token_holdings(query, chain.chain_id, beyond=beyond)
        for chain in chains
        if _has_tokens(query, chain) and (beyond := cursor.beyond(chain.chain_id, query.knobs)) is not None
    ]
    if query.knobs.page_scope == "request":
        # One stream over all chains, so that a page is cut wherever it is full.
        found = [itertools.chain.from_iterable(found)]
    pages = [list(itertools.islice(source, cursor.size + 1)) for source in found]
    shown = [held for page in pages for held in page[: cursor.size]]
    return shown, any(len(page) > cursor.size for page in pages)


def _has_tokens(query: BalancesQuery, chain: GatewayChain) -> bool:
    left_out = query.faults.leaves_out_tokens(chain.chain_id)
    return not left_out and query.faults.token_failure(chain.chain_id) is None


def _page_object(query: BalancesQuery, cursor: Cursor, shown: Iterable[TokenHolding], *, more: bool) -> Row:
    if query.faults.repeats_page():
        return cursor.page_object(query.knobs)
    if query.faults.endless_pages() or (query.faults.begins_again() and not cursor.page):
        # A cursor that looks new but leads to the first rows again.
        return cursor.restarted().page_object(query.knobs)
    if not more:
        return cursor.end(query.knobs)
    rows = ((held.contract.chain_id, held.position) for held in shown)
    return cursor.turned(rows, query.knobs).page_object(query.knobs)


def _token_row(query: BalancesQuery, held: TokenHolding, cursor: Cursor) -> Row:
    summed = held.contract.kind != "ERC20" and not query.by_token_id
    row_of = collection_row if summed else token_row
    row = row_of(query.world, held.contract, held.account, held.amounts)
    if query.shows_prices:
        row |= token_prices(query.world, held.contract, held.amounts)
    if not query.request.omit_metadata:
        row |= descriptions(held.contract, held.token_id, query.knobs.metadata)
    # Only the first page is shown as it was: the index moved on before the second.
    return row if cursor.page else query.faults.as_before(row)


def _invented(query: BalancesQuery, rows: list[tuple[int, Row]], cursor: Cursor) -> list[tuple[int, Row]]:
    """Return the rows as they are, or where pages never end, copies of them under invented contracts."""
    endless = query.faults.endless_pages()
    if not rows or not cursor.page or endless is None or endless.rows == "repeated":
        return rows
    count = len(rows) if endless.count is None else endless.count
    return [
        (chain_id, {**row, "contractAddress": _invented_address(cursor.page, number)})
        for number, (chain_id, row) in enumerate(itertools.islice(itertools.cycle(rows), count))
    ]


def _invented_address(page: int, number: int) -> str:
    return f"0x{hashlib.sha256(f'{page}/{number}'.encode()).hexdigest()[:40]}"


def _token_entries(query: BalancesQuery, chains: SelectedChains, rows: list[tuple[int, Row]]) -> list[Row]:
    entries = [
        _token_entry(query, chain.chain_id, rows)
        for chain in chains.chains
        if not query.faults.leaves_out_tokens(chain.chain_id)
    ]
    return with_empty(entries, query.knobs) + list(chains.unknown)


def _token_entry(query: BalancesQuery, chain_id: int, rows: list[tuple[int, Row]]) -> Row:
    reason = query.faults.token_failure(chain_id)
    if reason is not None:
        return failed_entry(chain_id, reason)
    # The row's own `chainId` may have been spoiled, so the chain is carried beside it.
    own = [row for row_chain_id, row in rows if row_chain_id == chain_id]
    return entry(chain_id, [query.faults.altered(row) for row in query.faults.contradicted(own)])


def _native_part(query: BalancesQuery, chains: SelectedChains, cursor: Cursor) -> list[Row] | None:
    """Return the native entries; None, written as null, where they are omitted."""
    # `null` and not `[]`: the vendor's Go server writes a list that was never made.
    late = cursor.page > 0 and query.knobs.natives_on_later_pages == "omitted"
    if late or query.request.filter.omit_natives:
        return None
    entries = [
        _native_entry(query, chain)
        for chain in chains.chains
        if not query.faults.leaves_out_natives(chain.chain_id)
    ]
    return with_empty(entries, query.knobs) + list(chains.unknown)


def _native_entry(query: BalancesQuery, chain: GatewayChain) -> Row:
    reason = query.faults.native_failure(chain.chain_id)
    if reason is not None:
        return failed_entry(chain.chain_id, reason)
    accounts = query.request.filter.accounts
    rows = [_native_row(query, chain, account) for account in accounts]
    return entry(chain.chain_id, [query.faults.altered(row) for row in query.faults.contradicted(rows)])


def _native_row(query: BalancesQuery, chain: GatewayChain, account: str) -> Row:
    reason = query.faults.native_row_failure(chain.chain_id, account)
    if reason is not None:
        return failed_native_row(chain, account, reason)
    amount = _native_amount(query, chain, account)
    row = native_row(chain, account, amount)
    if query.shows_prices:
        row |= native_prices(query.world, chain, amount)
    return row


def _native_amount(query: BalancesQuery, chain: GatewayChain, account: str) -> int:
    if query.faults.native_flickers(chain.chain_id, account):
        return query.world.native_before(chain.chain_id, account)
    return query.world.native(chain.chain_id, account, at_block=query.block(chain.chain_id))


def token_holdings(query: BalancesQuery, chain_id: int, *, beyond: Position) -> Iterator[TokenHolding]:
    """Yield the holdings that a query asks for on one chain, sorted by position, after the given one."""
    wanted = query.request.filter
    for account in query.world.accounts(chain_id) if wanted.of_all_holders else wanted.accounts:
        # Sorted accounts before the cursor's were all shown: skipping them keeps late pages cheap.
        if account < beyond[0]:
            continue
        tokens = query.world.tokens(chain_id, account, at_block=query.block(chain_id))
        for address, amounts in sorted(tokens.items()):
            contract = query.world.contract(chain_id, address)
            if _is_wanted(contract, wanted):
                for held in _rows(query, contract, account, _of_ids(amounts, wanted.token_ids)):
                    if held.position > beyond and _is_shown(query, held):
                        yield held


def _is_wanted(contract: Contract, wanted: BalanceFilter) -> bool:
    if wanted.contract_types and contract.kind not in wanted.contract_types:
        return False
    if wanted.whitelist and contract.address not in wanted.whitelist:
        return False
    if contract.address in wanted.blacklist:
        return False
    return contract.verified in _VERIFIED_OR_NOT.get(wanted.contract_status, (True,))


def _of_ids(amounts: Mapping[int, HeldAmount], token_ids: frozenset[int]) -> Mapping[int, HeldAmount]:
    if not token_ids:
        return amounts
    return {token_id: holding for token_id, holding in amounts.items() if token_id in token_ids}


def _rows(
    query: BalancesQuery, contract: Contract, account: str, amounts: Mapping[int, HeldAmount]
) -> Iterator[TokenHolding]:
    if contract.kind == "ERC20" or not query.by_token_id:
        yield TokenHolding(contract, account, amounts)
        return
    for token_id, holding in sorted(amounts.items()):
        yield TokenHolding(contract, account, {token_id: holding}, token_id)


def _is_shown(query: BalancesQuery, held: TokenHolding) -> bool:
    if not held.amounts or not (query.knobs.emit_zero_rows or total(held.amounts) > 0):
        return False
    return not query.faults.misses_row(held.contract.chain_id, *held.position)
