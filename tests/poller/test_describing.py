"""When it is asked what assets are, and by what a change is told."""

import asyncio

import pytest

from bot.domain.ask.questions import Question, Reply
from bot.domain.assets import Description
from bot.domain.deliver.alerts import ChangeAlert
from bot.indexer.errors import Unavailable
from bot.poller import follow_up
from tests.builders import DAI, DEGEN, USDC
from tests.poller.conftest import PollerHarness


async def alerts_of(harness: PollerHarness) -> list[ChangeAlert]:
    return [alert for alert in await harness.keeper.alerts() if isinstance(alert, ChangeAlert)]


async def test_what_is_described_in_part_is_asked_again_in_growing_pauses(watching: PollerHarness) -> None:
    watching.source.symbols[DAI] = "DAI"
    watching.source.decimals[DAI] = None
    watching.source.holds(DAI, 3, block=11)
    asked_at: list[float] = []
    for minute in range(40):
        watching.clock.seconds = 60.0 * minute
        await watching.poller.sweep()
        asked_at += [minute for contracts in watching.source.described() if DAI in contracts]
        if minute == 10:
            await watching.restart()

    assert asked_at == [0, 1, 3, 7, 15, 31]

    watching.source.decimals[DAI] = 18
    watching.clock.seconds = 60.0 * 63
    await watching.poller.sweep()
    assert watching.source.described() == [(DAI,)]
    watching.clock.seconds = 60.0 * 64
    await watching.poller.sweep()
    assert watching.source.described() == []


async def test_what_the_source_has_no_words_for_is_not_asked_with_every_sweep(
    watching: PollerHarness,
) -> None:
    watching.source.holds(DEGEN, 3, block=11)
    await watching.poller.sweep()
    await watching.poller.sweep()
    watching.source.asked()

    await watching.poller.sweep()

    assert watching.source.described() == []


async def test_what_is_described_in_part_is_asked_before_each_change_is_told(watching: PollerHarness) -> None:
    watching.source.symbols[DAI] = "DAI"
    watching.source.decimals[DAI] = None
    watching.source.holds(DAI, 3, block=11)
    await watching.poller.sweep()
    watching.source.decimals[DAI] = 18
    watching.source.holds(DAI, 4, block=12)

    await watching.poller.sweep()

    described = [alert.description for alert in await alerts_of(watching)]
    assert described == [Description("ERC20", "DAI", 18)] * 2


async def test_what_was_described_over_a_day_ago_is_asked_before_a_change_is_told(
    watching: PollerHarness,
) -> None:
    watching.source.symbols[USDC] = "USDC.e"
    watching.clock.seconds = 23 * 3600
    watching.source.holds(USDC, 6, block=11)
    await watching.poller.sweep()
    assert watching.source.described() == []
    watching.clock.seconds = 25 * 3600
    await watching.poller.sweep()
    assert watching.source.described() == []

    watching.source.holds(USDC, 7, block=12)
    await watching.poller.sweep()

    assert watching.source.described() == [(USDC,)]
    assert {alert.description.symbol for alert in await alerts_of(watching)} == {"USDC.e"}


async def test_a_change_by_powers_of_ten_is_told_only_after_its_decimals_were_asked_for(
    watching: PollerHarness,
) -> None:
    watching.source.decimals[USDC] = 18
    watching.source.holds(USDC, 5 * 10**12, block=11)

    await watching.poller.sweep()

    assert watching.source.described() == [(USDC,)]
    assert await alerts_of(watching) == [], "it is as much as before"


@pytest.mark.parametrize("trouble", ["refused", "hanging"])
async def test_a_change_is_told_as_it_was_known_where_nobody_says_what_it_is(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    reply = watching.source.reply

    async def reply_to_others(question: Question) -> Reply:
        if not question.metadata:
            return await reply(question)
        if trouble == "refused":
            raise Unavailable
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(follow_up, "DESCRIBED_WITHIN_SECONDS", 0.01)
    monkeypatch.setattr(watching.source, "reply", reply_to_others)
    watching.clock.seconds = 25 * 3600
    watching.source.holds(USDC, 7, block=12)

    await watching.poller.sweep()

    (alert,) = await alerts_of(watching)
    assert (alert.change.after.amount_raw, alert.description.symbol) == (7, "USDC")


async def test_decimals_that_changed_before_the_amount_did_are_remembered(watching: PollerHarness) -> None:
    watching.clock.seconds = 8 * 24 * 3600
    watching.source.decimals[USDC] = 18
    await watching.poller.sweep()
    assert watching.source.described() == [(USDC,)]

    watching.source.holds(USDC, 7 * 10**12, block=12)
    await watching.poller.sweep()
    watching.source.holds(USDC, 8 * 10**12, block=13)
    await watching.poller.sweep()

    changes = [alert.change for alert in await alerts_of(watching)]
    assert [(change.former_decimals, change.decimals) for change in changes] == [(6, 18), (None, 18)]
