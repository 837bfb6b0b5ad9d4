"""What swindlers write into an account's history, without its doing (docs/indexer-gateway.md, "History")."""

import hashlib
from dataclasses import replace

from bot.sandbox.gateway.transfers import SOMEBODY, Sending
from bot.sandbox.gateway.world import Contract, GatewayWorld

_SEEN_DIGITS = 4


def poison(
    world: GatewayWorld, chain_id: int, contract: str, account: str, *, counterparty: str = SOMEBODY
) -> str:
    """List payments from an account that it never made, and return who they went to.

    That is a look-alike of a true counterparty. One transfer is of nothing of the true token, and one is of a
    false token with its symbol, of as much as the account paid last. No balance changes. Raises ValueError
    for collections.
    """
    true = world.contract(chain_id, contract)
    if true.kind != "ERC20":
        raise ValueError(f"{contract} is an {true.kind}, and only an ERC20 is imitated here")
    false, receiver = _imitation(true), look_alike(counterparty)
    world.add_contract(false)
    amount = next((-each for each in reversed(_changes(world, true, account)) if each < 0), 1)
    world.emit(chain_id, Sending(true.address, account, receiver, {0: 0}))
    world.emit(chain_id, Sending(false.address, account, receiver, {0: amount}))
    return receiver


def look_alike(address: str) -> str:
    """Return another address that begins and ends with the same digits."""
    digits = address.lower().removeprefix("0x")
    middle = _hex(f"like {digits}")[: len(digits) - 2 * _SEEN_DIGITS]
    return f"0x{digits[:_SEEN_DIGITS]}{middle}{digits[-_SEEN_DIGITS:]}"


def _imitation(true: Contract) -> Contract:
    return replace(true, address=f"0x{_hex(f'not {true.address}')[:40]}", price=None, verified=False)


def _changes(world: GatewayWorld, contract: Contract, account: str) -> list[int]:
    transfers = world.transfers(contract.chain_id, account)
    return [each.change(account.lower()) for each in transfers if each.contract == contract.address]


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
