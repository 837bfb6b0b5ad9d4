"""Change balances: the `move` command, and the story of changes that happen by themselves."""

from bot.sandbox.gateway.transfers import SOMEBODY
from bot.sandbox.gateway.world import GatewayWorld
from bot.sandbox.telegram.world.world import SandboxError
from bot.sandbox.terminal.commands import MoveBalance, read_command
from bot.sandbox.terminal.names import resolve_name
from bot.sandbox.terminal.scenario import ACCOUNTS, CHAIN_TITLES, PEOPLE, ScenarioAsset, assets
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
    other = _counterparty(move)
    if other == owner:
        raise SandboxError(f"{owner} can't pay itself.")
    payer = owner if delta < 0 else other
    held = asset.held(world, ACCOUNTS[payer], move.token_id) if payer in ACCOUNTS else abs(delta)
    chain = CHAIN_TITLES[asset.chain.chain_id]
    if held < abs(delta):
        has = f"{format_units(held, asset.decimals)} {asset.symbol}"
        raise SandboxError(f"{payer} holds {has} on {chain}: no more than that can leave.")
    try:
        _pay(world, asset, account, delta, other=other, token_id=move.token_id)
    except ValueError:
        raise SandboxError("That is more than a chain can count.") from None
    return _in_words(owner, chain, asset, delta, move.token_id) + _with_whom(delta, other)


def _counterparty(move: MoveBalance) -> str | None:
    known = {name: name for name in (*ACCOUNTS, *PEOPLE)}
    return resolve_name(move.counterparty, known, "person or account") if move.counterparty else None


def _pay(
    world: GatewayWorld,
    asset: ScenarioAsset,
    account: str,
    delta: int,
    *,
    other: str | None,
    token_id: int | None,
) -> None:
    """Change what the account holds, and what the other one holds where that is an account too."""
    chain_id, contract = asset.chain.chain_id, asset.contract.address if asset.contract else None
    if other in ACCOUNTS:
        sender, receiver = (account, ACCOUNTS[other]) if delta < 0 else (ACCOUNTS[other], account)
        world.transfer(chain_id, contract, sender, receiver, abs(delta), token_id=token_id)
    else:
        whom = PEOPLE[other] if other else SOMEBODY
        world.move(chain_id, contract, account, delta, token_id, counterparty=whom)


def _with_whom(delta: int, other: str | None) -> str:
    return f", {'to' if delta < 0 else 'from'} {other}" if other else ""


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
    "move -1250 usdc on polygon to landlord",
    "move 0.42 pol from customer",
    "move 500 degen on base from exchange",
    "move 1 skywvr #65600 from nobody",
    "move 1250 usdc on polygon from customer",
    "move -0.42 pol to exchange",
    "move -500 degen on base to exchange",
    "move -1 skywvr #65600 to customer",
)
"""Ends with the amounts it began with, so that it can repeat for ever."""


def story_moves() -> tuple[MoveBalance, ...]:
    """Return what happens, in order."""
    return tuple(command for command in map(read_command, STORY) if isinstance(command, MoveBalance))
