"""One address under two names on two chains: each is told, muted and shown by its own."""

import pytest

from tests.house import BASE, ETHEREUM, USDC, House, until

SAFE = "0x" + "6b" * 20


@pytest.fixture
async def safes(house: House) -> House:
    """Let Olga watch one address as two Safes, each read once."""
    house.say(f"/watch {SAFE} on mainnet as Safe ETH\n{SAFE} on base as Safe Base")
    names = ("Safe ETH", "Safe Base")
    await until(lambda: all(any(f"Watching {name}" in text for text in house.said()) for name in names))
    return house


async def test_a_mute_by_the_name_for_one_chain_leaves_the_other_chain_heard(safes: House) -> None:
    safes.say("/mute Safe Base 1h")
    answer = (await safes.hears("muted here for 1 h")).text
    assert "Safe Base · " in answer
    assert "Safe ETH" not in answer

    safes.world.set_native(BASE, SAFE, 10**18)
    safes.world.set_token(ETHEREUM, USDC, SAFE, 9_000_000_000)

    alert = (await safes.hears("+9,000 USDC")).text
    assert alert.startswith("Safe ETH · ")
    safes.say("/unmute Safe Base")
    await safes.hears("Safe Base")
    assert (await safes.hears("+1 ETH")).text.splitlines()[0].startswith("🔔 Safe Base · ")
