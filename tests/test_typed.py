"""What people type, against the whole bot: chains, links, and what should never have been sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import app
from bot.sandbox.gateway.faults.kinds import AnswerError, LeaveOutChain, LeaveOutNatives, LeaveOutTokens
from tests.stack import CHECKSUMMED, ETHEREUM, POLYGON, USDC, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

VAULT = "0x" + "6b" * 20
TILL = "0x" + "7a" * 20


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as stack:
        stack.start()
        yield stack


# ---------------------------------------------------------------- links


async def test_the_page_of_a_holder_is_watched_as_that_token_of_the_holder(stack: Stack) -> None:
    link = f"https://etherscan.io/token/{USDC}?a={VAULT}"
    stack.say(f"/watch {link} as Vault")
    answer = await stack.hears("Watching")
    await stack.hears("Watching")

    stack.world.set_token(ETHEREUM, USDC, VAULT, 9_000_000_000)

    assert "Vault" in answer.text
    assert "0x6b6B…6b6B, only token 0xA0b8…eB48" in answer.text
    await stack.hears("+9,000 USDC")
    stack.say(f"/balance {link}")
    await stack.hears("9,000 USDC")
    stack.say(f"/unwatch {link}")
    await stack.hears("Stopped watching")


async def test_a_link_alone_offers_the_token_the_holder_and_the_chain(stack: Stack) -> None:
    stack.say(f"https://polygonscan.com/token/{USDC_POLYGON}?a={VAULT}")
    offer = await stack.hears("What shall I do with this?")

    assert buttons_of(offer) == ["Watch this token there", "Watch all", "Watch on Polygon", "Balances now"]
    await stack.presses(offer, "Watch on Polygon")
    assert "only token 0x3c49…3359 on Polygon" in (await stack.hears("Watching")).text


async def test_the_explorer_of_a_chain_that_the_source_does_not_list_offers_none(stack: Stack) -> None:
    stack.say(f"https://berascan.com/address/{VAULT}")
    offer = await stack.hears("What shall I do with this?")

    assert buttons_of(offer) == ["Watch all", "Watch as token", "Balances now"]


# ---------------------------------------------------------------- chains


async def test_a_token_ignored_on_base_mainnet_is_still_told_on_ethereum(stack: Stack) -> None:
    stack.say(f"/watch {TILL} as Till")
    await stack.hears("Watching")
    await stack.hears("Watching")
    stack.say(f"/ignore {USDC} on base mainnet")
    answer = await stack.hears("Ignoring")

    stack.world.set_token(ETHEREUM, USDC, TILL, 5_000_000_000)

    assert "Base" in answer.text
    assert "Ethereum" not in answer.text
    await stack.hears("+5,000 USDC")


async def test_a_chain_that_the_source_does_not_list_is_refused_and_never_promised(stack: Stack) -> None:
    stack.say(f"/watch {TILL} on gnosis as Gno")
    refusal = await stack.hears("Gnosis")

    assert "the source does not list Gnosis Chain; it lists Ethereum, Polygon" in refusal.text
    stack.say("/list")
    await stack.hears("Nothing is watched here yet")


async def test_a_chain_that_nobody_could_check_is_taken_and_said_to_be_missing_once_that_is_known(
    tmp_path: Path,
) -> None:
    async with open_stack(tmp_path) as stack:
        stack.gateway.faults.add(
            AnswerError(method="GetChains", name="WebrpcInternalError", code=-5, status=500)
        )
        stack.start()
        stack.say(f"/watch {TILL} on gnosis as Gno")
        taken = (await stack.hears("Watching")).text
        await stack.stop()
        stack.gateway.faults.heal()
        stack.start()

        stack.say("/balance Gno")
        balance = (await stack.hears("Gno")).text
        stack.say("/list")
        listed = (await stack.hears("Watched here")).text
        stack.say("/status")
        status = (await stack.hears("Last sweep")).text

    assert "has not said yet which chains it has. I ask about Gnosis Chain all the same" in taken
    for answer in (taken, balance):
        assert "on its way" not in answer
    assert "The source of balances does not list Gnosis Chain" in balance
    assert "The source of balances does not list Gnosis Chain" in listed
    assert "Not listed by the source, no answer expected: Gnosis Chain" in status
    assert "Not read yet" not in status


async def test_chains_that_were_asked_on_trust_are_left_alone_once_the_source_has_said_which_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHAINS_AGAIN_SECONDS", 0.05)
    async with open_stack(tmp_path) as stack:
        stack.gateway.faults.add(
            AnswerError(method="GetChains", name="WebrpcInternalError", code=-5, status=500)
        )
        stack.start()
        await stack.watches()
        stack.say("/status")
        assert "1 account on 24 chains" in (await stack.hears("Last sweep")).text
        stack.gateway.faults.heal()
        listed = sum(request.method == "GetChains" for request in stack.gateway.requests)
        await until(
            lambda: sum(request.method == "GetChains" for request in stack.gateway.requests) >= listed + 2
        )
        await stack.asked(3)
        stack.say("/status")
        status = (await stack.hears("Last sweep")).text

    assert "Watched here: 1 account on 5 chains" in status
    assert "Not listed" not in status
    assert "Not read yet" not in status


async def test_a_chain_that_went_away_is_said_to_be_last_known(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon, base as Treasury")
    await stack.stop()
    stack.gateway.faults.add(
        LeaveOutChain(chain_id=POLYGON), LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON)
    )
    stack.start()
    await stack.hears("no longer lists Polygon")

    stack.say("/balance")
    balance = await stack.hears("last known")
    stack.say("/list")
    await stack.hears("⚠️ The source of balances no longer lists Polygon; I ask all the same.")
    stack.say(f"/watch {TILL} on polygon as Till")
    taken = await stack.hears("Watching Till")

    polygon = balance.text.partition("Polygon")[2].partition("Base")[0]
    assert "The source no longer lists this chain; last known:" in polygon
    assert "50 USDC" in polygon
    assert "no longer lists" not in balance.text.partition("Base")[2]
    assert "no longer lists Polygon" in taken.text
    assert "on its way" not in taken.text


# ---------------------------------------------------------------- what may be a private key

KEY = "c0ffee42" * 8
WARNING = "⚠️ 64 digits like these may be a private key."


async def test_who_sends_what_may_be_a_private_key_is_warned_and_it_is_kept_nowhere(tmp_path: Path) -> None:
    async with open_stack(tmp_path, log=['level = "DEBUG"']) as stack:
        bot = await stack.start_process()
        group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
        stack.say("/allow", chat=group)
        await stack.hears("/watch", chat=group)
        texts = (
            KEY,
            f"0x{KEY.upper()}",
            f"/watch {CHECKSUMMED} on polygn as {KEY}",
            f"/wathc 0x{KEY}",
            f"/balance {KEY}",
            f"/mute {KEY} 2h",
        )
        for text in texts:
            for chat in (stack.chat, group):
                stack.say(text, chat=chat)
                answer = await stack.hears(WARNING, chat=chat)
                assert answer.buttons == ()
        stack.say(f"this is it: {KEY}")
        await stack.hears(WARNING)
        await stack.kill(bot)

        kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        said = "".join((*stack.said(), *stack.said(group)))

    for digits in (KEY, KEY[:10], KEY[-4:]):
        assert digits not in said.lower()
    assert KEY[:16].encode() not in kept.lower()
    assert "action=started" in stack.log
    assert KEY[:16] not in stack.log.lower()


async def test_digits_among_words_in_a_group_are_not_meant_for_the_bot(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
    stack.say(KEY, chat=group)
    stack.say("/allow", chat=group)
    await stack.hears("/watch", chat=group)
    assert len(stack.said(group)) == 1, "what is pasted in a closed group asks for nothing"

    stack.say(f"the transaction was {KEY}", chat=group)
    stack.say("/list", chat=group)

    await stack.hears("Nothing is watched", chat=group)
    assert not any(WARNING in text for text in stack.said(group))
