"""Which holdings a request to the simulated Indexer Gateway asks for, in the order of its pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.sandbox.gateway.faults.active import Struck
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.pages import Position
from bot.sandbox.gateway.request import BalanceFilter, BalancesRequest
from bot.sandbox.gateway.rows import total
from bot.sandbox.gateway.world import Contract, Holding, World

_VERIFIED_OR_NOT = {"ALL": (True, False), "UNVERIFIED": (False,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for balances and all that its answer depends on.

    `by_token_id` tells whether each token id of a collection is a row of its own (indexer-gateway.md 1.4).
    """

    world: World
    knobs: Knobs
    struck: Struck
    request: BalancesRequest
    by_token_id: bool

    def block(self, chain_id: int) -> int | None:
        """Return the block at which the chain is shown, or None where it is shown as it is."""
        return self.struck.block(chain_id, self.world.block(chain_id))


@dataclass(frozen=True, slots=True)
class Held:
    """What makes one token row: an account's amounts of one contract, by token id."""

    contract: Contract
    account: str
    amounts: Mapping[int, Holding]
    token_id: int | None = None

    @property
    def position(self) -> Position:
        """Where the row stands among those of its chain."""
        return self.account, self.contract.address, self.token_id or 0


def holdings(asked: Asked, chain_id: int, *, beyond: Position) -> Iterator[Held]:
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


def _of_ids(amounts: Mapping[int, Holding], token_ids: frozenset[int]) -> Mapping[int, Holding]:
    if not token_ids:
        return amounts
    return {token_id: holding for token_id, holding in amounts.items() if token_id in token_ids}


def _rows(asked: Asked, contract: Contract, account: str, amounts: Mapping[int, Holding]) -> Iterator[Held]:
    if contract.kind == "ERC20" or not asked.by_token_id:
        yield Held(contract, account, amounts)
        return
    for token_id, holding in sorted(amounts.items()):
        yield Held(contract, account, {token_id: holding}, token_id)


def _is_shown(asked: Asked, held: Held) -> bool:
    if not held.amounts or not (asked.knobs.emit_zero_rows or total(held.amounts) > 0):
        return False
    return not asked.struck.misses_row(held.contract.chain_id, *held.position)
