"""The whole bot: a command in a chat, a balance that moves, a message that is right."""

import re
from pathlib import Path

from bot.domain.units import format_signed
from bot.sandbox.gateway.faults.kinds import AnswerHtml
from bot.sandbox.telegram.api.faults import Close, before
from tests.chat.reading import moves
from tests.stack import (
    ACCOUNT,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLYGON,
    SHORT,
    SKYWEAVER,
    USDC_POLYGON,
    Stack,
    open_stack,
)

FOOTER = re.compile(r"\d\d:\d\d:\d\d UTC · [0-9A-Z]{4,10}")


def without_footer(text: str) -> str:
    *lines, footer = text.split("\n")
    assert FOOTER.fullmatch(footer), footer
    return "\n".join(lines)


async def test_a_token_that_leaves_is_told_exactly(stack: Stack) -> None:
    await stack.watches()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -12_500_001)

    alert = await stack.hears("USDC")
    assert without_footer(alert.text) == (
        "🔴 Treasury −12.500001 USDC (−$12.50) · Polygon\n    50 → 37.499999"
    )


async def test_a_native_coin_that_comes_in_is_told_exactly(stack: Stack) -> None:
    await stack.watches()

    stack.world.move(POLYGON, None, ACCOUNT, 420_000_000_000_000_001)

    alert = await stack.hears("POL")
    assert without_footer(alert.text) == (
        "🟢 Treasury +0.420000000000000001 POL (+$0.09) · Polygon\n    12.5 → 12.920000…"
    )


async def test_a_collectible_that_comes_in_is_told_exactly(stack: Stack) -> None:
    await stack.watches()
    await stack.asked(2)  # the ids are learned after the first reading

    stack.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)

    alert = await stack.hears("SKYWVR")
    assert without_footer(alert.text) == (
        "🟢 Treasury +1 SKYWVR #70000 · Polygon\n    1,700 → 1,701 · 12 → 13 ids"
    )


async def test_the_largest_amount_is_told_to_the_last_unit(stack: Stack) -> None:
    await stack.watches()
    held = stack.world.token(ETHEREUM, DAI, ACCOUNT)

    stack.world.set_token(ETHEREUM, DAI, ACCOUNT, 2**256 - 1)

    alert = await stack.hears("DAI")
    assert f"🟢 Treasury {format_signed(2**256 - 1 - held, 18)} DAI" in alert.text


async def test_a_first_reading_alerts_nobody_and_says_what_is_watched(stack: Stack) -> None:
    baseline = await stack.watches()

    assert baseline.text.startswith(f"👁 Watching Treasury · {SHORT}: 9 balances on 5 chains")
    assert len(stack.said()) == 2


async def test_a_quiet_world_alerts_nobody(stack: Stack) -> None:
    await stack.watches()
    before = stack.said()

    await stack.asked(5)

    assert stack.said() == before


async def test_what_happens_together_comes_in_one_message(stack: Stack) -> None:
    await stack.watches()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.world.move(POLYGON, None, ACCOUNT, 10**18)
    stack.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)

    alert = await stack.hears("USDC")
    lines = without_footer(alert.text).split("\n")
    assert lines[0] == "Treasury · 3 changes · −$0.78, 1 without a price"
    assert sorted(line[:5] for line in moves(alert.text).split("\n")) == ["🔴 −1 ", "🟢 +1 ", "🟢 +1 "]


async def test_two_chats_that_watch_one_account_cost_one_request(stack: Stack) -> None:
    await stack.watches()
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED}", chat=group)
    await stack.hears("Watching", chat=group)
    await stack.asked(2)

    asked_before = len(stack.gateway.requests)
    await stack.asked(3)

    sweeps = [request.body for request in stack.gateway.requests[asked_before:]]
    assert all(f"'accountAddresses': ['{ACCOUNT}']" in str(body) for body in sweeps)
    assert len({str(body) for body in sweeps}) == 1, "every sweep asks the same single question"


async def test_both_chats_hear_of_one_change_each_once(stack: Stack) -> None:
    await stack.watches()
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Vault", chat=group)
    await stack.hears("Watching", chat=group)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "Treasury" in (await stack.hears("USDC")).text
    assert "Vault" in (await stack.hears("USDC", chat=group)).text
    await stack.asked(3)
    assert sum("USDC" in moves(text) for text in stack.said(group)) == 1


async def test_a_restarted_bot_remembers_and_tells_what_happened_meanwhile(stack: Stack) -> None:
    await stack.watches()
    await stack.stop()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    stack.start()

    assert "−1 USDC" in (await stack.hears("USDC")).text
    assert sum("Watching" in text for text in stack.said()) == 2


async def test_a_gateway_that_was_down_for_a_while_costs_no_alert_and_tells_none_of_its_own(
    stack: Stack,
) -> None:
    await stack.watches()
    before = stack.said()
    stack.gateway.faults.add(AnswerHtml(status=503))
    await stack.asked(3)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    assert stack.said() == before

    stack.gateway.faults.heal()

    assert "−1 USDC" in (await stack.hears("USDC")).text


async def test_a_bot_whose_neighbours_are_away_at_start_comes_to_work_when_they_return(
    tmp_path: Path,
) -> None:
    async with open_stack(tmp_path) as stack:
        stack.gateway.faults.add(AnswerHtml(status=503))
        stack.telegram.fault(before(Close()), method=None)
        stack.start()
        await stack.knocked()
        stack.gateway.faults.heal()
        stack.telegram.heal()

        baseline = await stack.watches()

        assert "9 balances" in baseline.text
