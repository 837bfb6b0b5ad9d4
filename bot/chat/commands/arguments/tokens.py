"""How tokens are read that are named by their symbol: as what is held here, or held before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.chat.commands.arguments.amounts import TypedAmount
from bot.chat.commands.arguments.conditions import TypedCondition
from bot.chat.commands.arguments.counterparties import counterparties_meant
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Level
from bot.store.balances.held_tokens import certain_symbol, chains_of_contract, held_tokens
from bot.store.database.connection import DatabaseThread

_OFFERED_MOST = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """One meaning of some symbols: what its button says, and the contracts."""

    text: str
    contracts: tuple[Address, ...]


async def contracts_called(
    db: DatabaseThread, chains: Chains, place: Place, symbols: Sequence[str], on: Collection[ChainId]
) -> tuple[Choice, ...]:
    """Return what symbols may mean, on these chains or with none on all: one choice, or several to ask about.

    Raises LineRefused where nothing that is held here is called so.
    """
    certain: list[Address] = []
    unclear: list[list[Asset]] = []
    for symbol in symbols:
        held = await db.run(held_tokens, place, symbol)
        found = [asset for asset in held if not on or asset.chain_id in on]
        if not found:
            raise _none_called(symbol, chains)
        if len({asset.contract for asset in found}) == 1:
            certain.append(found[0].contract)
        else:
            unclear.append(found)
    if not unclear:
        return (Choice("", tuple(certain)),)
    if len(unclear) > 1:
        raise LineRefused(" ".join(symbols), "may mean several tokens each. Name them one at a time.")
    (found,) = unclear
    contracts = tuple(dict.fromkeys(asset.contract for asset in found))
    every = Choice("All of them", (*certain, *contracts))
    return (*(_choice(found, one, certain, chains) for one in contracts[:_OFFERED_MOST]), every)


async def condition_meant(
    db: DatabaseThread, chains: Chains, place: Place, typed: TypedCondition
) -> Condition:
    """Return a condition with its tokens as what is held here, its names as addresses; raises LineRefused.

    Where a symbol may mean several tokens of a chain, the refusal offers each by the text that means it.
    """
    counterparties = await counterparties_meant(db, place, typed)
    levels = [await level_meant(db, chains, place, amount, typed.chains) for amount in typed.amounts]
    return Condition(typed.direction, tuple(levels), typed.chains, counterparties)


async def level_meant(
    db: DatabaseThread, chains: Chains, place: Place, amount: TypedAmount, on: Collection[ChainId]
) -> Level:
    """Return an amount with its token as what is held here, on some chains or with none on all.

    The symbol of a chain's coin means the coin of all chains that call theirs so. Raises LineRefused.
    """
    if amount.contracts:
        return await _level_named(db, chains, amount, on)
    if not amount.symbol:
        return Level(amount.number, amount.unit)
    coins = [
        Asset(chain_id, NATIVE)
        for chain_id in chains.mainnets()
        if chains.get(chain_id).native_symbol.casefold() == amount.symbol.casefold()
        and (not on or chain_id in on)
    ]
    if coins:
        symbol = chains.get(coins[0].chain_id).native_symbol
        return Level(amount.number, amount.unit, frozenset(coins), symbol)
    held = await db.run(held_tokens, place, amount.symbol)
    found = [asset for asset in held if not on or asset.chain_id in on]
    if not found:
        raise _none_called(amount.symbol, chains)
    if len({asset.chain_id for asset in found}) < len(found):
        raise _several(amount, found, chains)
    symbol = await db.run(certain_symbol, set(found))
    return Level(amount.number, amount.unit, frozenset(found), symbol or amount.symbol)


async def _level_named(
    db: DatabaseThread, chains: Chains, amount: TypedAmount, on: Collection[ChainId]
) -> Level:
    """Return an amount of tokens that are named by their contracts, with their symbol if that is certain."""
    assets: set[Asset] = set()
    for named in amount.contracts:
        chain_id = named.chain(chains)
        there = (chain_id,) if chain_id is not None else await db.run(chains_of_contract, named.contract)
        assets |= {Asset(one, named.contract) for one in there if not on or one in on}
    if not assets:
        shown = shortened(amount.contracts[0].contract)
        raise LineRefused(shown, "is no token that I have seen. Name its chain, as in polygon:0x….")
    symbol = await db.run(certain_symbol, assets)
    return Level(amount.number, amount.unit, frozenset(assets), symbol)


def _several(amount: TypedAmount, found: Sequence[Asset], chains: Chains) -> LineRefused:
    """Return why a symbol is not taken that several tokens of one chain have, with each as it is typed."""
    offers = [
        Offer(
            f"{shortened(one.contract)} {chains.get(one.chain_id).title}",
            f"eip155:{one.chain_id}:{checksummed(one.contract)}",
        )
        for one in found[:_OFFERED_MOST]
    ]
    return ambiguous((amount.symbol,), offers)


def ambiguous(symbols: Sequence[str], offers: Sequence[Offer]) -> LineRefused:
    """Return why symbols are not taken that name several tokens, with what they may mean."""
    return LineRefused(" ".join(symbols), "may mean any of several tokens held here. Which one?").offering(
        *offers
    )


def _choice(found: Sequence[Asset], contract: Address, certain: Sequence[Address], chains: Chains) -> Choice:
    titles = [chains.get(asset.chain_id).title for asset in found if asset.contract == contract]
    return Choice(f"{shortened(contract)} {', '.join(titles)}", (*certain, contract))


def _none_called(symbol: str, chains: Chains) -> LineRefused:
    coins = {chains.get(chain_id).native_symbol.casefold() for chain_id in chains.mainnets()}
    if symbol.casefold() in coins:
        return LineRefused(symbol, "is a chain's coin, which has no contract. Name a token.")
    reason = "Send its contract's address (0x…)."
    return LineRefused(symbol, reason, lead="No token held here is called")


def written(contracts: Collection[Address]) -> str:
    """Return contracts as they are typed."""
    return " ".join(map(checksummed, contracts))
