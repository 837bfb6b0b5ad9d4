"""The whole bot: a command in a chat, a balance that moves, a message that is right."""

import re
from pathlib import Path

from bot.domain.units import format_signed
from bot.sandbox.gateway_faults import AnswerHtml
from bot.sandbox.telegram import Close, before
from tests.house import (
    ACCOUNT,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLYGON,
    SHORT,
    SKYWEAVER,
    USDC_POLYGON,
    House,
    open_house,
)

FOOTER = re.compile(r"\d\d:\d\d:\d\d UTC · [0-9A-Z]{4,10}")


def without_footer(text: str) -> str:
    *lines, footer = text.split("\n")
    assert FOOTER.fullmatch(footer), footer
    return "\n".join(lines)


async def test_a_token_that_leaves_is_told_exactly(house: House) -> None:
    await house.watches()

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -12_500_001)

    alert = await house.hears("USDC")
    assert without_footer(alert.text) == (
        f"Treasury · {SHORT}\nPolygon\n▼ −12.500001 USDC     50 → 37.499999     −$12.50"
    )


async def test_a_native_coin_that_comes_in_is_told_exactly(house: House) -> None:
    await house.watches()

    house.world.move(POLYGON, None, ACCOUNT, 420_000_000_000_000_001)

    alert = await house.hears("POL")
    assert without_footer(alert.text) == (
        f"Treasury · {SHORT}\nPolygon\n▲ +0.420000000000000001 POL     12.5 → 12.920000…     +$0.09"
    )


async def test_a_collectible_that_comes_in_is_told_exactly(house: House) -> None:
    await house.watches()
    await house.asked(2)  # the ids are learned after the first reading

    house.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)

    alert = await house.hears("SKYWVR")
    assert without_footer(alert.text) == (
        f"Treasury · {SHORT}\nPolygon\n▲ +1 SKYWVR     1,700 → 1,701 · 12 → 13 ids · new: #70000"
    )


async def test_the_largest_amount_is_told_to_the_last_unit(house: House) -> None:
    await house.watches()
    held = house.world.token(ETHEREUM, DAI, ACCOUNT)

    house.world.set_token(ETHEREUM, DAI, ACCOUNT, 2**256 - 1)

    alert = await house.hears("DAI")
    assert f"▲ {format_signed(2**256 - 1 - held, 18)} DAI" in alert.text


async def test_a_first_reading_alerts_nobody_and_says_what_is_watched(house: House) -> None:
    baseline = await house.watches()

    assert baseline.text.startswith(f"👁 Watching Treasury · {SHORT}: 9 balances on 5 chains")
    assert len(house.said()) == 2


async def test_a_quiet_world_alerts_nobody(house: House) -> None:
    await house.watches()
    before = house.said()

    await house.asked(5)

    assert house.said() == before


async def test_what_happens_together_comes_in_one_message(house: House) -> None:
    await house.watches()

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.world.move(POLYGON, None, ACCOUNT, 10**18)
    house.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)

    alert = await house.hears("USDC")
    lines = without_footer(alert.text).split("\n")
    assert [line for line in lines if "→" not in line] == [f"Treasury · {SHORT}", "Ethereum", "Polygon"]
    assert sum("→" in line for line in lines) == 3


async def test_two_chats_that_watch_one_account_cost_one_request(house: House) -> None:
    await house.watches()
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say(f"/watch {CHECKSUMMED}", chat=group)
    await house.hears("Watching", chat=group)
    await house.asked(2)

    asked_before = len(house.gateway.requests)
    await house.asked(3)

    sweeps = [request.body for request in house.gateway.requests[asked_before:]]
    assert all(f"'accountAddresses': ['{ACCOUNT}']" in str(body) for body in sweeps)
    assert len({str(body) for body in sweeps}) == 1, "every sweep asks the same single question"


async def test_both_chats_hear_of_one_change_each_once(house: House) -> None:
    await house.watches()
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Vault", chat=group)
    await house.hears("Watching", chat=group)

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "Treasury" in (await house.hears("USDC")).text
    assert "Vault" in (await house.hears("USDC", chat=group)).text
    await house.asked(3)
    assert sum("USDC" in text for text in house.said(group)) == 1


async def test_a_restarted_bot_remembers_and_tells_what_happened_meanwhile(house: House) -> None:
    await house.watches()
    await house.stop()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    house.start()

    assert "−1 USDC" in (await house.hears("USDC")).text
    assert sum("Watching" in text for text in house.said()) == 2


async def test_a_gateway_that_was_down_for_a_while_costs_no_alert_and_tells_none_of_its_own(
    house: House,
) -> None:
    await house.watches()
    before = house.said()
    house.gateway.faults.add(AnswerHtml(status=503))
    await house.asked(3)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    assert house.said() == before

    house.gateway.faults.heal()

    assert "−1 USDC" in (await house.hears("USDC")).text


async def test_a_bot_whose_neighbours_are_away_at_start_comes_to_work_when_they_return(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house:
        house.gateway.faults.add(AnswerHtml(status=503))
        house.telegram.fault(before(Close()), method=None)
        house.start()
        await house.knocked()
        house.gateway.faults.heal()
        house.telegram.heal()

        baseline = await house.watches()

        assert "9 balances" in baseline.text
