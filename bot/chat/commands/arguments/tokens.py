"""How tokens are read that are named by their symbol: as the contracts of what is held here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.places import Place
from bot.store.balances.held_tokens import held_tokens
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
