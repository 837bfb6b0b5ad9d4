"""What a visitor of the sandbox finds: a game studio's accounts on three chains, and a few people and chats.

The treasury on Polygon holds enough tokens that losing them all at once looks like an index being rebuilt,
and not like many transfers: the bot holds such a loss back.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from bot.sandbox.gateway.transfers import NOBODY
from bot.sandbox.gateway.world import (
    EXAMPLE_ACCOUNT,
    Contract,
    GatewayChain,
    GatewayWorld,
    example_world,
    utc_now,
)
from bot.sandbox.telegram.server import SANDBOX_USER_ID, Telegram

ETHEREUM, POLYGON, BASE = 1, 137, 8453
CHAIN_TITLES = {ETHEREUM: "Ethereum", POLYGON: "Polygon", BASE: "Base"}
NATIVE_DECIMALS = 18

ACCOUNTS = {
    "Treasury": "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9",
    "Vault": "0xE6f0a1FBb43C89196dcFcBEF85908f19AB4c5f7C",
    "Payroll": "0x60f91a742458Ae606572f40dd7df0A128E554ACB",
    "Games": "0xCd7ac4c61fd8bd3e76fe77E03B810A442d82f21D",
}
"""Accounts by the names that the terminal takes; the bot learns them only from a label in `/watch`."""

PEOPLE = {
    "Exchange": "0x2d17c9f04b5f5e90b1e5c2cbd3f1a86d8a3e64af",
    "Customer": "0x7b0e35ac61df4d2b9a8f0fa1c94e6d2350c8b19e",
    "Landlord": "0xa94f5b0c7d8e6321f0b9c4d57e8a16f3025c7d1e",
    "nobody": NOBODY,
}
"""Others who pay and are paid, and whose balances nobody keeps; nobody mints and burns."""

assert ACCOUNTS["Treasury"].lower() == EXAMPLE_ACCOUNT

_EXAMPLE = example_world()
_USDC = _EXAMPLE.contract(ETHEREUM, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
_USDC_POLYGON = _EXAMPLE.contract(POLYGON, "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
_USDC_BASE = replace(_USDC, chain_id=BASE, address="0x833589fcd6edb6e08f4c7c32d4f71b54bda02913")
_DAI = _EXAMPLE.contract(ETHEREUM, "0x6b175474e89094c44da98b954eedeac495271d0f")
_CARDS = _EXAMPLE.contract(POLYGON, "0x631998e91476da5b870d741192fc5cbc55f5a52e")
_STETH = Contract(
    chain_id=ETHEREUM,
    address="0xae7ab96520de3a18e5e111b5eaab095312d7fe84",
    kind="ERC20",
    symbol="stETH",
    name="Liquid staked Ether",
    decimals=18,
    price=Decimal("2500.00"),
    rebasing=True,
)
_DEGEN = Contract(
    chain_id=BASE,
    address="0x4ed4e862860bed51a9570b96d89af5e1b0efefed",
    kind="ERC20",
    symbol="DEGEN",
    name="Degen",
    decimals=18,
)
_HOSTILE = Contract(
    chain_id=POLYGON,
    address="0x5ba3000000000000000000000000000000005ba3",
    kind="ERC20",
    symbol="claim-pol.example",
    name="https://claim-pol.example/your-reward",
    decimals=18,
    verified=False,
)
_GOODS = tuple(
    Contract(
        chain_id=POLYGON,
        address=f"0x900d{number:036x}",
        kind="ERC20",
        symbol=symbol,
        name=f"{symbol.capitalize()} of the studio's game",
        decimals=18,
    )
    for number, symbol in enumerate(
        ("CLAY", "CORN", "GEMS", "GOLD", "IRON", "SALT", "SILK", "TEA", "WINE", "WOOD", "WOOL"), start=1
    )
)
CONTRACTS = (_USDC, _USDC_POLYGON, _USDC_BASE, _DAI, _CARDS, _STETH, _DEGEN, _HOSTILE, *_GOODS)


@dataclass(frozen=True, slots=True)
class ScenarioAsset:
    """Something that can be held: a chain's native coin, an ERC-20, or the items of a collection."""

    chain: GatewayChain
    contract: Contract | None

    @property
    def symbol(self) -> str:
        """What it is called."""
        return self.contract.symbol if self.contract else self.chain.native_symbol

    @property
    def has_items(self) -> bool:
        """Whether what is held are items, each with an id."""
        return self.contract is not None and self.contract.kind != "ERC20"

    @property
    def decimals(self) -> int:
        """How many digits of the smallest unit make one."""
        return (self.contract.decimals or 0) if self.contract else NATIVE_DECIMALS

    def held(self, world: GatewayWorld, account: str, token_id: int | None = None) -> int:
        """Return what an account holds of it in smallest units; of items without an id, of all of them."""
        if self.contract is None:
            return world.native(self.chain.chain_id, account)
        holdings = world.tokens(self.chain.chain_id, account).get(self.contract.address, {})
        return sum(holding.amount for key, holding in holdings.items() if token_id in (None, key))

    def ids(self, world: GatewayWorld, account: str) -> tuple[int, ...]:
        """Return which items of a collection an account holds."""
        assert self.contract is not None
        holdings = world.tokens(self.chain.chain_id, account).get(self.contract.address, {})
        return tuple(token_id for token_id, holding in sorted(holdings.items()) if holding.amount)


def assets(world: GatewayWorld) -> tuple[ScenarioAsset, ...]:
    """Return all there is, chain by chain, native coins first."""
    return tuple(
        ScenarioAsset(chain, contract)
        for chain in world.chains()
        for contract in (None, *(known for known in CONTRACTS if known.chain_id == chain.chain_id))
    )


def scenario_world() -> GatewayWorld:
    """Build the chains, contracts and balances that a visitor finds; they have been so for a day."""
    world = GatewayWorld(lambda: utc_now() - timedelta(days=1))
    for chain in _EXAMPLE.chains():
        if chain.chain_id in CHAIN_TITLES:
            world.add_chain(chain, block=1_000_000)
    for contract in CONTRACTS:
        world.add_contract(contract)
    _fill_treasury(world, ACCOUNTS["Treasury"])
    _fill_others(world, ACCOUNTS["Vault"], ACCOUNTS["Payroll"], ACCOUNTS["Games"])
    world.clock = utc_now
    return world


def _fill_treasury(world: GatewayWorld, treasury: str) -> None:
    world.set_native(ETHEREUM, treasury, 158_495_082_541_645_504)
    world.set_native(POLYGON, treasury, 12_080_000_000_000_000_000)
    world.set_native(BASE, treasury, 1_250_000_000_000_000_000)
    _hold(world, treasury, _USDC, 221_887_067)
    _hold(world, treasury, _DAI, 5_021_334_051_688_125_324)
    _hold(world, treasury, _USDC_POLYGON, 3_400_000_000)
    _hold(world, treasury, _HOSTILE, 1_000_000 * 10**18)
    for number, goods in enumerate(_GOODS, start=1):
        _hold(world, treasury, goods, number * 1_000 * 10**18)


def _fill_others(world: GatewayWorld, vault: str, payroll: str, games: str) -> None:
    world.set_native(ETHEREUM, vault, 250 * 10**18)
    _hold(world, vault, _STETH, 1_200 * 10**18)
    _hold(world, vault, _DAI, 500_000 * 10**18)
    world.set_native(BASE, payroll, 10**17)
    _hold(world, payroll, _USDC_BASE, 84_000_000_000)
    world.set_native(POLYGON, games, 40 * 10**18)
    for token_id in range(65_537, 65_541):
        world.set_token(POLYGON, _CARDS.address, games, 100, token_id)


def _hold(world: GatewayWorld, account: str, contract: Contract, amount: int) -> None:
    world.set_token(contract.chain_id, contract.address, account, amount)


def scenario_telegram() -> Telegram:
    """Build a Telegram with Alice, who owns the bot, Bob, Mallory, a group, a forum and a channel.

    The bot is not in the channel yet: an owner hears of a channel when somebody adds the bot there.
    """
    telegram = Telegram()
    alice = telegram.add_user("Alice", user_id=SANDBOX_USER_ID, username="alice")
    bob = telegram.add_user("Bob", username="bob")
    mallory = telegram.add_user("Mallory", username="mallory")
    for person in (alice, bob, mallory):
        telegram.add_private_chat(person)
    telegram.add_group("ops-group", {alice: "administrator", bob: "member"})
    forum = telegram.add_forum("team", {alice: "creator", bob: "member"})
    telegram.add_topic(forum, "treasury-topic")
    telegram.add_topic(forum, "games-topic")
    telegram.add_channel("alerts-channel", {alice: "creator"}, bot="left")
    return telegram
