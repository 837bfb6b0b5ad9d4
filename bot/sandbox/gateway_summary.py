"""The answer to GetTokenBalancesSummary, and which chains a request means (indexer-gateway.md 1.3, 1.4, 3).

What the vendor leaves open is decided here as (indexer-gateway.md 10) has it first.
"""

import base64
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.sandbox.gateway_errors import INVALID_ARGUMENT, Refused
from bot.sandbox.gateway_faults import Faults
from bot.sandbox.gateway_request import AskedPage, BalanceFilter, BalancesRequest, Fields, Selectors
from bot.sandbox.gateway_rows import (
    Row,
    contract_info,
    entry,
    failed_entry,
    failed_native_row,
    native_prices,
    native_row,
    summary_row,
    token_prices,
    total,
)
from bot.sandbox.world import Chain, Contract, Holding, World

_DEFAULT_PAGE_SIZE = 40
_TESTNET_OR_NOT = {"ALL": (True, False), "TESTNETS": (True,)}
_VERIFIED_OR_NOT = {"ALL": (True, False), "UNVERIFIED": (False,)}

_Key = tuple[int, str, str]
_BEFORE_ALL: _Key = (0, "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How this gateway behaves where the vendor's behaviour is unknown; no maximum means any page size."""

    emit_zero_rows: bool = False
    max_page_size: int | None = None
    latency_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Held:
    """What one account holds of one contract, as far as the request asks."""

    contract: Contract
    account: str
    amounts: Mapping[int, Holding]

    @property
    def key(self) -> _Key:
        return self.contract.chain_id, self.account, self.contract.address


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far a client has come: pages seen, rows per page, the last row seen."""

    page: int
    size: int
    last: _Key

    def page_object(self) -> Row:
        """Return what leads to the page after this point; the cursor is an object (indexer-gateway.md 9c)."""
        chain_id, account, contract = self.last
        position = base64.b64encode(f"{self.page}/{self.size}/{account}/{contract}".encode()).decode()
        return {
            "page": self.page,
            "pageSize": self.size,
            "more": True,
            "column": "id",
            "after": {str(chain_id): position},
        }


def selected_chains(chains: Iterable[Chain], selectors: Selectors) -> tuple[Chain, ...]:
    """Return the chains that every selector allows; unknown ids, names and types select nothing."""
    return tuple(chain for chain in chains if _is_selected(chain, selectors))


def summary(world: World, request: BalancesRequest, knobs: Knobs, faults: Faults) -> Row:
    """Return the whole answer; raises Refused for accounts or pages that cannot be."""
    if not request.filter.accounts:
        raise Refused(INVALID_ARGUMENT.because("filter.accountAddresses is empty"))
    chains = selected_chains(world.chains(), request.selectors)
    cursor = _read_cursor(request.page, knobs.max_page_size)
    readable = [chain for chain in chains if _has_tokens(chain, faults)]
    held = list(
        itertools.islice(_held(world, readable, request.filter, knobs, after=cursor.last), cursor.size + 1)
    )
    rows = [(one.contract.chain_id, _token_row(world, one, request, faults)) for one in held[: cursor.size]]
    return {
        "page": cursor.page_object() if faults.repeat_page() else _next_page(cursor, held),
        "nativeBalances": _native_entries(world, chains, request.filter, faults),
        "balances": _token_entries(chains, rows, faults),
    }


def _is_selected(chain: Chain, selectors: Selectors) -> bool:
    if selectors.chain_ids and chain.chain_id not in selectors.chain_ids:
        return False
    if selectors.networks and chain.name not in selectors.networks:
        return False
    return chain.testnet in _TESTNET_OR_NOT.get(selectors.network_type, (False,))


def _read_cursor(page: AskedPage, max_size: int | None) -> _Cursor:
    size = page.size or min(_DEFAULT_PAGE_SIZE, max_size or _DEFAULT_PAGE_SIZE)
    if max_size is not None and size > max_size:
        raise Refused(INVALID_ARGUMENT.because(f"pageSize {size} is above {max_size}"))
    cursor = _Cursor(page.number, size, _read_position(page.members.get("after")))
    if cursor.last == _BEFORE_ALL and cursor.page == 0:
        return cursor
    if Fields(cursor.page_object()).members != page.members:
        raise Refused(INVALID_ARGUMENT.because("the page was not given like this"))
    return cursor


def _read_position(after: object) -> _Key:
    if after is None:
        return _BEFORE_ALL
    try:
        ((chain_id, position),) = _members(after)
        _, _, account, contract = base64.b64decode(position, validate=True).decode().split("/")
        return int(chain_id), account, contract
    except (TypeError, ValueError):
        raise Refused(INVALID_ARGUMENT.because("the cursor was not given like this")) from None


def _members(cursor: object) -> list[tuple[str, str]]:
    return list(cursor.items()) if isinstance(cursor, dict) else []


def _next_page(cursor: _Cursor, held: list[_Held]) -> Row:
    """Return the answer's page object; `held` has one more than the page where there is more."""
    if len(held) > cursor.size:
        return _Cursor(cursor.page + 1, cursor.size, held[cursor.size - 1].key).page_object()
    page = cursor.page + 1 if cursor.page else 0
    return {"page": page, "pageSize": cursor.size, "more": False}


def _held(
    world: World, chains: Iterable[Chain], wanted: BalanceFilter, knobs: Knobs, *, after: _Key
) -> Iterator[_Held]:
    """Yield what makes a token row each, in the order of their keys, beyond one of them."""
    for chain, account in itertools.product(chains, wanted.accounts):
        if (chain.chain_id, account) < after[:2]:
            continue
        for address, amounts in sorted(world.tokens(chain.chain_id, account).items()):
            held = _Held(world.contract(chain.chain_id, address), account, _of_ids(amounts, wanted.token_ids))
            if held.key > after and _is_wanted(held.contract, wanted) and _has_row(held.amounts, knobs):
                yield held


def _of_ids(amounts: Mapping[int, Holding], token_ids: frozenset[int]) -> Mapping[int, Holding]:
    if not token_ids:
        return amounts
    return {token_id: holding for token_id, holding in amounts.items() if token_id in token_ids}


def _is_wanted(contract: Contract, wanted: BalanceFilter) -> bool:
    if wanted.contract_types and contract.kind not in wanted.contract_types:
        return False
    if wanted.whitelist and contract.address not in wanted.whitelist:
        return False
    if contract.address in wanted.blacklist:
        return False
    return contract.verified in _VERIFIED_OR_NOT.get(wanted.contract_status, (True,))


def _has_row(amounts: Mapping[int, Holding], knobs: Knobs) -> bool:
    return bool(amounts) and (knobs.emit_zero_rows or total(amounts) > 0)


def _token_row(world: World, held: _Held, request: BalancesRequest, faults: Faults) -> Row:
    row = summary_row(world, held.contract, held.account, held.amounts)
    if not request.filter.omit_prices:
        row |= token_prices(held.contract, held.amounts)
    if not request.omit_metadata:
        row["contractInfo"] = contract_info(held.contract)
    return faults.altered(row)


def _has_tokens(chain: Chain, faults: Faults) -> bool:
    return not faults.leave_out_tokens(chain.chain_id) and faults.token_failure(chain.chain_id) is None


def _token_entries(chains: Iterable[Chain], rows: list[tuple[int, Row]], faults: Faults) -> list[Row]:
    return [
        _token_entry(chain.chain_id, rows, faults)
        for chain in chains
        if not faults.leave_out_tokens(chain.chain_id)
    ]


def _token_entry(chain_id: int, rows: list[tuple[int, Row]], faults: Faults) -> Row:
    reason = faults.token_failure(chain_id)
    if reason is not None:
        return failed_entry(chain_id, reason)
    return entry(chain_id, [row for row_chain_id, row in rows if row_chain_id == chain_id])


def _native_entries(
    world: World, chains: Iterable[Chain], wanted: BalanceFilter, faults: Faults
) -> list[Row] | None:
    """Return a native entry for each chain; omitted ones are null, as Go writes a list that never was."""
    if wanted.omit_natives:
        return None
    return [
        _native_entry(world, chain, wanted, faults)
        for chain in chains
        if not faults.leave_out_natives(chain.chain_id)
    ]


def _native_entry(world: World, chain: Chain, wanted: BalanceFilter, faults: Faults) -> Row:
    reason = faults.native_failure(chain.chain_id)
    if reason is not None:
        return failed_entry(chain.chain_id, reason)
    return entry(
        chain.chain_id, [_native_row(world, chain, account, wanted, faults) for account in wanted.accounts]
    )


def _native_row(world: World, chain: Chain, account: str, wanted: BalanceFilter, faults: Faults) -> Row:
    reason = faults.native_row_failure(chain.chain_id, account)
    if reason is not None:
        return faults.altered(failed_native_row(chain, account, reason))
    amount = world.native(chain.chain_id, account)
    row = native_row(chain, account, amount)
    if not wanted.omit_prices:
        row |= native_prices(chain, amount)
    return faults.altered(row)
