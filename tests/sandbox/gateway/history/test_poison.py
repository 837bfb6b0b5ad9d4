import pytest

from bot.sandbox.gateway.poison import look_alike, poison
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import SOMEBODY, Sending
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, example_world
from tests.sandbox.gateway.client import CHECKSUMMED, SKYWEAVER, STRANGER, USDC, Client
from tests.sandbox.gateway.history.test_transactions import transfers


def test_a_look_alike_begins_and_ends_alike_and_is_another() -> None:
    fake = look_alike(CHECKSUMMED)

    assert len(fake) == len(EXAMPLE_ACCOUNT)
    assert (fake[:6], fake[-4:]) == (EXAMPLE_ACCOUNT[:6], EXAMPLE_ACCOUNT[-4:])
    assert fake != EXAMPLE_ACCOUNT
    assert fake == look_alike(EXAMPLE_ACCOUNT)


async def test_poison_lists_payments_that_were_never_made(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, -7_000, counterparty=STRANGER)
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, -1_250_000, counterparty=STRANGER)
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, 5, counterparty=STRANGER)
    before = await client.summary(chainIds=[1], omitMetadata=True)

    receiver = poison(gateway.world, 1, USDC.upper().replace("X", "x"), CHECKSUMMED, counterparty=STRANGER)

    false, nothing = transfers(await client.history(1, fromBlock=22500005), 1)
    assert {each["from"] for each in (false, nothing)} == {EXAMPLE_ACCOUNT}
    assert {each["to"] for each in (false, nothing)} == {receiver} == {look_alike(STRANGER)}
    assert (nothing["contractAddress"], nothing["amounts"]) == (USDC, ["0"])
    assert (false["contractAddress"] != USDC, false["amounts"]) == (True, ["1250000"])
    assert (await client.summary(chainIds=[1], omitMetadata=True)).body == before.body


def test_the_false_token_has_the_symbol_of_the_true_one_and_is_not_verified() -> None:
    world = example_world()

    poison(world, 1, USDC, EXAMPLE_ACCOUNT)

    false = world.contract(1, world.transfers(1)[-1].contract or "")
    assert (false.symbol, false.name, false.decimals) == ("USDC", "USDC", 6)
    assert (false.verified, false.price) == (False, None)
    assert world.transfers(1)[-1].receiver == look_alike(SOMEBODY)


def test_items_are_not_imitated() -> None:
    with pytest.raises(ValueError, match="is an ERC1155, and only an ERC20 is imitated here"):
        poison(example_world(), 137, SKYWEAVER, EXAMPLE_ACCOUNT)


def test_a_contract_that_lies_changes_no_balance_and_can_send_what_nobody_holds() -> None:
    world = example_world()

    world.emit(1, Sending(USDC, STRANGER, EXAMPLE_ACCOUNT, {0: 10**30}))

    assert world.token(1, USDC, EXAMPLE_ACCOUNT) == 221887067
    assert world.transfers(1)[-1].change(EXAMPLE_ACCOUNT) == 10**30
    assert world.block(1) == 22500002
