"""Change balances: the `move` command, and the story of changes that happen by themselves."""

from bot.sandbox.gateway.world import GatewayWorld
from bot.sandbox.telegram.world.world import SandboxError
from bot.sandbox.terminal.commands import MoveBalance, read_command
from bot.sandbox.terminal.names import resolve_name
from bot.sandbox.terminal.scenario import ACCOUNTS, CHAIN_TITLES, ScenarioAsset, assets
from bot.sandbox.terminal.view import format_units

USUAL_ACCOUNT = "Treasury"


def find_chain(name: str) -> int:
    """Return the chain of this name or id."""
    names = {title: chain_id for chain_id, title in CHAIN_TITLES.items()}
    ids = {str(chain_id): chain_id for chain_id in CHAIN_TITLES}
    return ids[name] if name in ids else resolve_name(name, names, "chain")


def apply_move(move: MoveBalance, world: GatewayWorld) -> str:
    """Change the balance and return a sentence about it; raises SandboxError where it can't be changed."""
    owner = resolve_name(move.account or USUAL_ACCOUNT, {name: name for name in ACCOUNTS}, "account")
    account = ACCOUNTS[owner]
    asset = _asset(move, world, account)
    if asset.has_items and move.token_id is None:
        raise SandboxError(f"{asset.symbol} are items, each with an id: move 1 {move.asset} #65600")
    if move.token_id is not None and not asset.has_items:
        raise SandboxError(f"{asset.symbol} has no items, so nothing of it is called #{move.token_id}.")
    delta = _in_smallest_units(move, asset)
    held = asset.held(world, account, move.token_id)
    chain = CHAIN_TITLES[asset.chain.chain_id]
    if held + delta < 0:
        has = f"{format_units(held, asset.decimals)} {asset.symbol}"
        raise SandboxError(f"{owner} holds {has} on {chain}: no more than that can leave.")
    contract = asset.contract.address if asset.contract else None
    try:
        world.move(asset.chain.chain_id, contract, account, delta, move.token_id)
    except ValueError:
        raise SandboxError("That is more than a chain can count.") from None
    return _in_words(owner, chain, asset, delta, move.token_id)


def _asset(move: MoveBalance, world: GatewayWorld, account: str) -> ScenarioAsset:
    """Return what is meant: of several that are called so, the one that the account holds."""
    chain_id = find_chain(move.chain) if move.chain else None
    candidates = [
        asset
        for asset in assets(world)
        if asset.symbol.casefold() == move.asset.casefold() and chain_id in (None, asset.chain.chain_id)
    ]
    held = [asset for asset in candidates if asset.held(world, account)]
    if len(candidates) == 1 or len(held) == 1:
        return (held or candidates)[0]
    there = f" on {CHAIN_TITLES[chain_id]}" if chain_id else ""
    if not candidates:
        symbols = dict.fromkeys(a.symbol for a in assets(world) if chain_id in (None, a.chain.chain_id))
        raise SandboxError(f"Nothing is called “{move.asset}”{there}. There are: {', '.join(symbols)}.")
    *chains, last = (CHAIN_TITLES[asset.chain.chain_id] for asset in held or candidates)
    where = f"{', '.join(chains)} and {last}"
    raise SandboxError(f"{candidates[0].symbol} is on {where}: say which, as in `on {last.casefold()}`.")


def _in_smallest_units(move: MoveBalance, asset: ScenarioAsset) -> int:
    sign, digits, exponent = move.amount.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + asset.decimals
    # Digits below the smallest unit can't move, unless they are zeros.
    if shift < 0 and any(digits[shift:]):
        have = f"{asset.decimals} decimals" if asset.decimals else "no parts"
        raise SandboxError(f"{asset.symbol} has {have}: less than that can't move.")
    kept = digits[:shift] if shift < 0 else digits + (0,) * shift
    amount = int("".join(map(str, kept)))
    return -amount if sign else amount


def _in_words(owner: str, chain: str, asset: ScenarioAsset, delta: int, token_id: int | None) -> str:
    what = asset.symbol if token_id is None else f"{asset.symbol} #{token_id}"
    amount = format_units(abs(delta), asset.decimals)
    if delta < 0:
        return f"{amount} {what} {'leaves' if amount == '1' else 'leave'} {owner} on {chain}"
    return f"{amount} {what} {'comes' if amount == '1' else 'come'} into {owner} on {chain}"


STORY = (
    "move -1250 usdc on polygon",
    "move 0.42 pol",
    "move 500 degen on base",
    "move 1 skywvr #65600",
    "move 1250 usdc on polygon",
    "move -0.42 pol",
    "move -500 degen on base",
    "move -1 skywvr #65600",
)
"""Ends with the amounts it began with, so that it can repeat for ever."""


def story_moves() -> tuple[MoveBalance, ...]:
    """Return what happens, in order."""
    return tuple(command for command in map(read_command, STORY) if isinstance(command, MoveBalance))
