"""One address under two names on two chains: each is told, muted and shown by its own."""

import pytest

from tests.stack import BASE, ETHEREUM, USDC, Stack, buttons_of
from tests.waits import until

SAFE, OTHER = "0x" + "6b" * 20, "0x" + "0d" * 20


@pytest.fixture
async def safes(stack: Stack) -> Stack:
    """Let Olga watch one address as two Safes, each read once."""
    stack.say(f"/watch {SAFE} on mainnet as Safe ETH\n{SAFE} on base as Safe Base")
    names = ("Safe ETH", "Safe Base")
    await until(lambda: all(any(f"Watching {name}" in text for text in stack.said()) for name in names))
    return stack


async def test_a_mute_by_the_name_for_one_chain_leaves_the_other_chain_heard(safes: Stack) -> None:
    safes.say("/mute Safe Base 1h")
    answer = (await safes.hears("muted here for 1 h")).text
    assert "Safe Base · " in answer
    assert "Safe ETH" not in answer

    safes.world.set_native(BASE, SAFE, 10**18)
    safes.world.set_token(ETHEREUM, USDC, SAFE, 9_000_000_000)

    alert = (await safes.hears("+9,000 USDC")).text
    assert "Safe ETH +9,000 USDC" in alert
    safes.say("/unmute Safe Base")
    await safes.hears("Safe Base")
    assert "Safe Base" in (await safes.hears("+1 ETH")).text


async def test_balances_are_shown_by_name_and_a_name_shows_its_chains(safes: Stack) -> None:
    safes.world.set_native(BASE, SAFE, 10**18)
    safes.world.set_token(ETHEREUM, USDC, SAFE, 9_000_000_000)
    await until(lambda: any("+1 ETH" in text for text in safes.said()))
    alert = await safes.hears("+9,000 USDC")

    safes.say("/balance Safe Base")
    on_base = await safes.hears("Safe Base · ")
    safes.say("/balance Safe ETH")
    on_ethereum = await safes.hears("Safe ETH · ")
    safes.say("/balance")
    table = (await safes.hears("As of")).text

    assert "\nBase · $" in on_base.text
    assert "Ethereum" not in on_base.text
    assert "9,000 USDC" in on_ethereum.text
    assert "Base" not in on_ethereum.text
    assert [line.split(" · ")[0] for line in table.split("\n") if " · $" in line] == ["Safe ETH", "Safe Base"]
    await safes.presses(on_base, "Refresh")
    assert "Ethereum" not in safes.telegram.chat(on_base.chat_id).messages[on_base.message_id].text
    await safes.presses(alert, "Balances")
    assert buttons_of(await safes.hears("9,000 USDC"))[1:] == ["Safe Base"]


async def test_a_name_that_is_taken_is_refused_and_a_free_one_offered(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/watch {SAFE} on base, mainnet as treasury")

    refused = await stack.hears("is already the name of 0x8e3E…d8B9 here")
    assert buttons_of(refused) == ["Watch as treasury 2"]
    await stack.presses(refused, "Watch as treasury 2")

    assert "treasury 2" in (await stack.hears("Watching treasury 2")).text
    stack.say("/list")
    listed = (await stack.hears("Watched here: 2")).text
    assert "treasury 2 · " in listed
    assert "on Ethereum and Base" in listed


async def test_a_line_with_a_name_that_is_taken_is_refused_beside_others(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/watch {SAFE} as Vault\n{OTHER} as Treasury")

    answer = await stack.hears("Not taken:")
    assert "Treasury is already the name of 0x8e3E…d8B9 here; “Treasury 2” is free." in answer.text
    await stack.presses(answer, "Watch as corrected")
    assert "Treasury 2" in (await stack.hears("Watching Treasury 2")).text


async def test_of_an_address_with_two_names_the_one_to_change_is_asked_for(safes: Stack) -> None:
    safes.say(f"/rename {SAFE} as Vault")
    asked = await safes.hears("has several names here. Which one shall I change?")
    assert buttons_of(asked) == ["#1 Safe ETH", "#2 Safe Base"]

    await safes.presses(asked, "#2 Safe Base")

    renamed = await safes.hears("Safe Base · 0x6b6B…6b6B is now called Vault.")
    await safes.presses(renamed, "Undo")
    await safes.hears("Vault · 0x6b6B…6b6B is now called Safe Base.")
    safes.say("/list")
    listed = (await safes.hears("Watched here: 2")).text
    assert "#1 Safe ETH · " in listed
    assert "#2 Safe Base · " in listed


async def test_a_name_that_cannot_be_taken_back_alone_has_no_undo(safes: Stack) -> None:
    safes.say("/rename Safe Base as Safe ETH")

    assert buttons_of(await safes.hears("is now called Safe ETH")) == []


async def test_a_name_that_goes_can_come_back(stack: Stack) -> None:
    await stack.watches()
    stack.say("/rename treasury off")
    gone = await stack.hears("Treasury · 0x8e3E…d8B9 no longer has a name.")

    await stack.presses(gone, "Undo")

    await stack.hears("0x8e3E…d8B9 is now called Treasury.")


async def test_a_member_of_a_group_renames_nothing(stack: Stack) -> None:
    member = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", member: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    stack.say("/rename #1 as Vault", chat=group, user=member)

    await stack.hears("its administrators", chat=group)


async def test_a_mistyped_name_is_offered_as_it_is_written(stack: Stack) -> None:
    await stack.watches()
    stack.say("/rename Tresury as Vault")
    offer = await stack.hears("Did you mean Treasury?")
    await stack.presses(offer, "Rename Treasury")

    await stack.hears("is now called Vault")
