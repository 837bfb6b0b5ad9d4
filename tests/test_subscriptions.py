"""What people can ask for, end to end; the examples of the API's own documentation among it."""

from bot.sandbox.gateway.faults.kinds import FailTokens
from bot.sandbox.gateway.world import Contract
from tests.chat.reading import moves
from tests.stack import (
    ACCOUNT,
    ARBITRUM,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLYGON,
    SHORT,
    SKYWEAVER,
    USDC,
    USDC_ARBITRUM,
    USDC_POLYGON,
    Stack,
)

SPAM = Contract(
    chain_id=POLYGON,
    address="0x" + "5a" * 20,
    kind="ERC20",
    symbol="CLAIM",
    name="Visit evil.example",
    decimals=18,
    verified=False,
)
OTHER = "0x" + "0d" * 20


async def test_an_account_with_a_contract_hears_of_that_contract(stack: Stack) -> None:
    baseline = await stack.watches(f"/watch {CHECKSUMMED} contract {USDC_POLYGON} on polygon as Till")

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    assert "1 balance on 1 chain (Polygon)" in baseline.text
    assert "🟢 +1 USDC" in moves((await stack.hears("USDC")).text)


async def test_an_account_with_a_contract_hears_of_nothing_else(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} contract {USDC_POLYGON} as Till")

    stack.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)
    stack.world.move(POLYGON, None, ACCOUNT, 1)
    await stack.asked(3)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    await stack.hears("USDC")
    assert not any("POL " in text or "SKYWVR" in text for text in stack.said())


async def test_a_contract_named_by_somebody_is_told_though_nobody_verified_it(stack: Stack) -> None:
    stack.world.add_contract(SPAM)
    await stack.watches(f"/watch {CHECKSUMMED} contract {SPAM.address} on polygon")

    stack.world.set_token(POLYGON, SPAM.address, ACCOUNT, 5 * 10**18)

    assert "✨ +5 CLAIM | 0 → 5" in moves((await stack.hears("CLAIM")).text)


async def test_a_contract_nobody_verified_is_not_told_to_who_watches_the_whole_account(stack: Stack) -> None:
    stack.world.add_contract(SPAM)
    await stack.watches()

    stack.world.set_token(POLYGON, SPAM.address, ACCOUNT, 5 * 10**18)
    await stack.asked(3)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1)

    await stack.hears("USDC")
    assert not any("CLAIM" in text for text in stack.said())


async def test_a_contract_that_another_chat_names_stays_its_own_affair(stack: Stack) -> None:
    stack.world.add_contract(SPAM)
    await stack.watches()
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    stack.say(f"/watch {CHECKSUMMED} contract {SPAM.address} on polygon", chat=group)
    await stack.hears(lambda message: "balance" in message.text or "nothing held" in message.text, chat=group)

    stack.world.set_token(POLYGON, SPAM.address, ACCOUNT, 5 * 10**18)
    await stack.hears("CLAIM", chat=group)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1)

    await stack.hears("USDC")
    assert not any("CLAIM" in text for text in stack.said())


async def test_a_contract_alone_is_told_for_every_account_of_the_chat(stack: Stack) -> None:
    stack.world.add_contract(SPAM)
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury\n{OTHER} on polygon as Payroll")
    stack.say(f"/watch token {SPAM.address}")
    await stack.hears("token")
    await stack.hears("nothing held yet")

    stack.world.set_token(POLYGON, SPAM.address, ACCOUNT, 10**18)
    stack.world.set_token(POLYGON, SPAM.address, OTHER, 2 * 10**18)

    text = (await stack.hears(lambda message: message.text.count("CLAIM") == 2)).text
    assert "Treasury · 1 change\n✨ +1 CLAIM · Polygon\n    0 → 1" in text
    assert "Payroll · 1 change\n✨ +2 CLAIM · Polygon\n    0 → 2" in text


async def test_an_account_on_one_chain_hears_of_that_chain_only(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon")

    stack.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)
    await stack.asked(3)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1)

    await stack.hears("USDC")
    assert not any("DAI" in text for text in stack.said())


async def test_verified_tokens_of_an_account_on_mainnet_and_polygon(stack: Stack) -> None:
    """The first example of the API's documentation (docs/indexer-gateway.md, "Examples")."""
    baseline = await stack.watches(f"/watch {CHECKSUMMED} on mainnet, polygon as Example")
    assert baseline.text.startswith(
        f"👁 Watching Example · {SHORT}: 7 balances on 2 chains (Ethereum, Polygon)"
    )
    stack.say("/balance Example")
    held = (await stack.hears("Ethereum")).text
    assert "0.158495… ETH" in held
    assert "58.899592… FOX" in held
    assert "221.887067 USDC" in held

    stack.world.move(ETHEREUM, USDC, ACCOUNT, 778_112_933)

    assert "🟢 +778.112933 USDC | 221.887067 → 1,000 | +$778.11" in moves((await stack.hears("🟢")).text)


async def test_three_contracts_on_three_chains_of_which_one_fails(stack: Stack) -> None:
    """The second example of the API's documentation (docs/indexer-gateway.md, "Examples")."""
    stack.gateway.faults.add(FailTokens(chain_id=ARBITRUM))
    baseline = await stack.watches(
        f"/watch {CHECKSUMMED} contract {USDC} {USDC_POLYGON} {USDC_ARBITRUM}"
        " on arbitrum, polygon, mainnet as Dollars"
    )
    assert "2 balances on 2 chains (Ethereum, Polygon)" in baseline.text
    assert "No answer yet from Arbitrum One" in baseline.text

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)
    gone = (await stack.hears("USDC")).text
    assert "🔴 −50 USDC | 50 → 0, all of it" in moves(gone)
    assert "Arbitrum" not in gone

    stack.world.set_token(ARBITRUM, USDC_ARBITRUM, ACCOUNT, 7_000_000)
    stack.gateway.faults.heal()
    late = (await stack.hears("Arbitrum One")).text
    assert late.startswith(f"👁 Watching Dollars · {SHORT}: 1 balance on 1 chain (Arbitrum One)")

    stack.world.move(ARBITRUM, USDC_ARBITRUM, ACCOUNT, 1_000_000)
    assert "🟢 +1 USDC | 7 → 8" in moves((await stack.hears("🟢")).text)


async def test_an_account_no_longer_watched_is_no_longer_told(stack: Stack) -> None:
    await stack.watches()
    stack.say("/unwatch treasury")
    await stack.hears("Stopped watching")

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1)
    stack.say(f"/watch {OTHER} as Payroll")
    await stack.hears("Payroll")
    await stack.hears("Payroll")
    stack.world.set_native(POLYGON, OTHER, 10**18)

    await stack.hears("POL")
    assert not any("USDC" in moves(text) for text in stack.said())


async def test_an_account_watched_again_starts_with_a_fresh_baseline(stack: Stack) -> None:
    await stack.watches()
    stack.say("/unwatch #1")
    await stack.hears("Stopped watching")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)

    baseline = await stack.watches()

    assert "8 balances" in baseline.text
    assert not any("−50 USDC" in text for text in stack.said())
