"""The answers of the simulated Indexer Gateway that tell balances (indexer-gateway.md 1.4, 2, 3, 5)."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, CallRefused, TooLarge
from bot.sandbox.gateway.faults.active import CallFaults
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.pages import Cursor, Position, read_cursor
from bot.sandbox.gateway.request import BalanceFilter, BalancesRequest, SelectedChains, select_chains
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
)
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, HeldAmount

_VERIFIED_OR_NOT = {"ALL": (True, False), "UNVERIFIED": (False,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesQuery:
    """A request for balances and all that its answer depends on.

    `by_token_id` tells whether each token id of a collection is a row of its own (indexer-gateway.md 1.4).
    """

    world: GatewayWorld
    knobs: Knobs
    struck: CallFaults
    request: BalancesRequest
    by_token_id: bool

    def block(self, chain_id: int) -> int | None:
        """Return the block at which the chain is shown, or None where it is shown as it is."""
        return self.struck.block(chain_id, self.world.block(chain_id))


@dataclass(frozen=True, slots=True)
class TokenHolding:
    """What makes one token row: an account's amounts of one contract, by token id."""

    contract: Contract
    account: str
    amounts: Mapping[int, HeldAmount]
    token_id: int | None = None

    @property
    def position(self) -> Position:
        """Where the row stands among those of its chain."""
        return self.account, self.contract.address, self.token_id or 0


def token_holdings(asked: BalancesQuery, chain_id: int, *, beyond: Position) -> Iterator[TokenHolding]:
    """Yield what makes a token row each, in the order of their positions, beyond one of them."""
    wanted = asked.request.filter
    for account in asked.world.accounts(chain_id) if wanted.of_all_holders else wanted.accounts:
        if account < beyond[0]:
            continue
        tokens = asked.world.tokens(chain_id, account, at_block=asked.block(chain_id))
        for address, amounts in sorted(tokens.items()):
            contract = asked.world.contract(chain_id, address)
            if _is_wanted(contract, wanted):
                for held in _rows(asked, contract, account, _of_ids(amounts, wanted.token_ids)):
                    if held.position > beyond and _is_shown(asked, held):
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
    asked: BalancesQuery, contract: Contract, account: str, amounts: Mapping[int, HeldAmount]
) -> Iterator[TokenHolding]:
    if contract.kind == "ERC20" or not asked.by_token_id:
        yield TokenHolding(contract, account, amounts)
        return
    for token_id, holding in sorted(amounts.items()):
        yield TokenHolding(contract, account, {token_id: holding}, token_id)


def _is_shown(asked: BalancesQuery, held: TokenHolding) -> bool:
    if not held.amounts or not (asked.knobs.emit_zero_rows or total(held.amounts) > 0):
        return False
    return not asked.struck.misses_row(held.contract.chain_id, *held.position)


def balances(asked: BalancesQuery) -> Row:
    """Answer Summary or Details; raises Refused for accounts, chains or pages that cannot be."""
    if not asked.request.filter.accounts and asked.knobs.no_accounts == "refused":
        raise CallRefused(INVALID_ARGUMENT.because("filter.accountAddresses is empty"))
    chains, cursor = _read(asked)
    page, tokens = _token_part(asked, chains, cursor)
    return {"page": page, "nativeBalances": _native_part(asked, chains, cursor), "balances": tokens}


def balances_by_contract(asked: BalancesQuery) -> Row:
    """Answer ByContract, which has no natives; raises Refused as the others do."""
    chains, cursor = _read(asked)
    page, tokens = _token_part(asked, chains, cursor)
    return {"page": page, "balances": tokens}


def _read(asked: BalancesQuery) -> tuple[SelectedChains, Cursor]:
    _require_few_accounts(asked)
    chains = select_chains(asked.world.chains(), asked.request.selectors, asked.knobs)
    return chains, read_cursor(asked.request.page, asked.knobs)


def _require_few_accounts(asked: BalancesQuery) -> None:
    count, maximum = len(asked.request.filter.accounts), asked.knobs.max_accounts
    if maximum is None or count <= maximum:
        return
    if asked.knobs.above_max_accounts == "too_large":
        raise TooLarge
    refused = asked.knobs.above_max_accounts == "invalid_argument"
    error = INVALID_ARGUMENT if refused else RESOURCE_EXHAUSTED
    raise CallRefused(error.because(f"{count} accounts are more than {maximum}"))


def _token_part(asked: BalancesQuery, chains: SelectedChains, cursor: Cursor) -> tuple[Row, list[Row]]:
    """Return the page object and the token entries."""
    shown, more = _shown(asked, chains.chains, cursor)
    rows = _invented(
        asked, [(held.contract.chain_id, _token_row(asked, held, cursor)) for held in shown], cursor
    )
    return _page_object(asked, cursor, shown, more=more), _token_entries(asked, chains, rows)


def _shown(
    asked: BalancesQuery, chains: Iterable[GatewayChain], cursor: Cursor
) -> tuple[list[TokenHolding], bool]:
    """Return what the page shows, and whether there is more."""
    found = [
        token_holdings(asked, chain.chain_id, beyond=beyond)
        for chain in chains
        if _has_tokens(asked, chain) and (beyond := cursor.beyond(chain.chain_id, asked.knobs)) is not None
    ]
    if asked.knobs.page_scope == "request":
        found = [itertools.chain.from_iterable(found)]
    pages = [list(itertools.islice(source, cursor.size + 1)) for source in found]
    shown = [held for page in pages for held in page[: cursor.size]]
    return shown, any(len(page) > cursor.size for page in pages)


def _has_tokens(asked: BalancesQuery, chain: GatewayChain) -> bool:
    left_out = asked.struck.leaves_out_tokens(chain.chain_id)
    return not left_out and asked.struck.token_failure(chain.chain_id) is None


def _page_object(asked: BalancesQuery, cursor: Cursor, shown: Iterable[TokenHolding], *, more: bool) -> Row:
    if asked.struck.repeats_page():
        return cursor.page_object(asked.knobs)
    if asked.struck.endless_pages() or (asked.struck.begins_again() and not cursor.page):
        return cursor.restarted().page_object(asked.knobs)
    if not more:
        return cursor.end(asked.knobs)
    rows = ((held.contract.chain_id, held.position) for held in shown)
    return cursor.turned(rows, asked.knobs).page_object(asked.knobs)


def _token_row(asked: BalancesQuery, held: TokenHolding, cursor: Cursor) -> Row:
    summed = held.contract.kind != "ERC20" and not asked.by_token_id
    row_of = collection_row if summed else token_row
    row = row_of(asked.world, held.contract, held.account, held.amounts)
    if not asked.request.filter.omit_prices:
        row |= token_prices(held.contract, held.amounts)
    if not asked.request.omit_metadata:
        row |= descriptions(held.contract, held.token_id, asked.knobs.metadata)
    return row if cursor.page else asked.struck.as_before(row)


def _invented(asked: BalancesQuery, rows: list[tuple[int, Row]], cursor: Cursor) -> list[tuple[int, Row]]:
    """Return the rows as they are, or, where pages never end, under contracts invented for this one."""
    endless = asked.struck.endless_pages()
    if not rows or not cursor.page or endless is None or endless.rows == "repeated":
        return rows
    count = len(rows) if endless.count is None else endless.count
    return [
        (chain_id, {**row, "contractAddress": _invented_address(cursor.page, number)})
        for number, (chain_id, row) in enumerate(itertools.islice(itertools.cycle(rows), count))
    ]


def _invented_address(page: int, number: int) -> str:
    return f"0x{hashlib.sha256(f'{page}/{number}'.encode()).hexdigest()[:40]}"


def _token_entries(asked: BalancesQuery, chains: SelectedChains, rows: list[tuple[int, Row]]) -> list[Row]:
    entries = [
        _token_entry(asked, chain.chain_id, rows)
        for chain in chains.chains
        if not asked.struck.leaves_out_tokens(chain.chain_id)
    ]
    return _settled(asked, entries, chains)


def _token_entry(asked: BalancesQuery, chain_id: int, rows: list[tuple[int, Row]]) -> Row:
    reason = asked.struck.token_failure(chain_id)
    if reason is not None:
        return failed_entry(chain_id, reason)
    own = [row for row_chain_id, row in rows if row_chain_id == chain_id]
    return entry(chain_id, [asked.struck.altered(row) for row in asked.struck.contradicted(own)])


def _native_part(asked: BalancesQuery, chains: SelectedChains, cursor: Cursor) -> list[Row] | None:
    """Return the native entries; omitted ones are null, as Go writes a list that never was."""
    late = cursor.page > 0 and asked.knobs.natives_on_later_pages == "omitted"
    if late or asked.request.filter.omit_natives:
        return None
    entries = [
        _native_entry(asked, chain)
        for chain in chains.chains
        if not asked.struck.leaves_out_natives(chain.chain_id)
    ]
    return _settled(asked, entries, chains)


def _native_entry(asked: BalancesQuery, chain: GatewayChain) -> Row:
    reason = asked.struck.native_failure(chain.chain_id)
    if reason is not None:
        return failed_entry(chain.chain_id, reason)
    accounts = asked.request.filter.accounts
    rows = [_native_row(asked, chain, account) for account in accounts]
    return entry(chain.chain_id, [asked.struck.altered(row) for row in asked.struck.contradicted(rows)])


def _native_row(asked: BalancesQuery, chain: GatewayChain, account: str) -> Row:
    reason = asked.struck.native_row_failure(chain.chain_id, account)
    if reason is not None:
        return failed_native_row(chain, account, reason)
    amount = _native_amount(asked, chain, account)
    row = native_row(chain, account, amount)
    if not asked.request.filter.omit_prices:
        row |= native_prices(chain, amount)
    return row


def _native_amount(asked: BalancesQuery, chain: GatewayChain, account: str) -> int:
    if asked.struck.native_flickers(chain.chain_id, account):
        return asked.world.native_before(chain.chain_id, account)
    return asked.world.native(chain.chain_id, account, at_block=asked.block(chain.chain_id))


def _settled(asked: BalancesQuery, entries: Iterable[Row], chains: SelectedChains) -> list[Row]:
    """Return the entries with those that have no rows as the knob says, and then those of unknown chains."""
    kept = list(entries)
    match asked.knobs.chains_without_rows:
        case "missing":
            kept = [each for each in kept if each["results"] != []]
        case "null":
            kept = [{**each, "results": each["results"] or None} for each in kept]
        case "empty":
            pass
    return kept + list(chains.unknown)
