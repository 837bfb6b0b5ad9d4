"""The world in which everything happens, small enough that things meet."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random

from bot.domain.places import Place
from bot.sandbox.gateway.faults.kinds import Reindex
from bot.sandbox.gateway.world import Contract, GatewayChain

CHAINS = (1, 137, 8453)
NAMES = ("mainnet", "polygon", "base")
ACCOUNTS = tuple(f"0x{number:040x}" for number in range(0xA1, 0xA5))
OUTSIDERS = tuple(f"0x{number:040x}" for number in range(0xB1, 0xB4))
"""Those who pay and are paid, and whom nobody watches."""
PLACES = (
    Place(7001, "private", "Olga"),
    Place(-1001, "supergroup", "Ops"),
    Place(-1001, "supergroup", "Ops", thread_id=5),
)

USD, DAI, SPAM, ATOKEN, CARDS = (f"0x{number:040x}" for number in range(0xC1, 0xC6))
TOKENS = {USD: "USD", DAI: "DAI", SPAM: "SPAM", ATOKEN: "aUSD"}
"""By address; SPAM is not verified at first, and aUSD rebases, which the first chain does not say."""

DECIMALS = dict.fromkeys(TOKENS, 6)
"""Of those that are no collection; all others count whole ones."""

NATIVE_DECIMALS = 18

RICH_CHAIN, RICH_ACCOUNT = 137, ACCOUNTS[0]
MANY = tuple(f"0x{number:040x}" for number in range(0xD0, 0xF0))
"""Tokens of that account there, enough for a loss of many at once."""

ALL_IS_GONE = Reindex(chain_id=RICH_CHAIN, for_account=RICH_ACCOUNT)

AMOUNTS = (0, 0, 1, 5, 7, 1000, 10**18 + 1, 2**256 - 1)


def chains() -> list[GatewayChain]:
    """Return the chains, on which nobody holds anything yet."""
    return [
        GatewayChain(chain_id=chain_id, name=name, native_name="Ether", native_symbol="ETH")
        for chain_id, name in zip(CHAINS, NAMES, strict=True)
    ]


def contracts(prices: Mapping[str, Decimal]) -> list[Contract]:
    """Return all that can be held but coins; some of them have a price."""
    of_each_chain = [
        Contract(
            chain_id=chain_id,
            address=address,
            kind="ERC1155" if address == CARDS else "ERC20",
            symbol=symbol,
            name=symbol,
            decimals=DECIMALS.get(address),
            price=prices.get(address),
            verified=address != SPAM,
            rebasing=address == ATOKEN and chain_id != CHAINS[0],
        )
        for chain_id in CHAINS
        for address, symbol in {**TOKENS, CARDS: "CARD"}.items()
    ]
    return of_each_chain + [
        Contract(chain_id=RICH_CHAIN, address=address, kind="ERC20", symbol="T", name="T", decimals=0)
        for address in MANY
    ]


def first_amount(rng: Random) -> int:
    """Return what somebody may hold of a token at first."""
    return rng.choice((0, 5, 10**9))
