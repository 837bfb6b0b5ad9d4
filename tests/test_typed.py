"""What people type, against the whole bot: chains, links, and what should never have been sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.roles import chains
from bot.sandbox.gateway.faults.kinds import AnswerError, LeaveOutChain, LeaveOutNatives, LeaveOutTokens
from bot.sandbox.telegram.world.world import Message
from tests.stack import (
    ACCOUNT,
    CHECKSUMMED,
    ETHEREUM,
    POLYGON,
    USDC,
    USDC_POLYGON,
    Stack,
    buttons_of,
    open_stack,
)
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


# ---------------------------------------------------------------- names, rows and what is unclear


async def test_a_name_without_as_is_offered_and_nothing_is_watched_before(stack: Stack) -> None:
    stack.say(f"/watch {TILL} Treasury")
    refusal = await stack.hears("Treasury isn't an address. A name comes after “as”.")
    assert buttons_of(refusal) == ["Name it Treasury", "Without a name"]
    stack.say("/list")
    await stack.hears("Nothing is watched here yet")

    await stack.presses(refusal, "Name it Treasury")
    await stack.hears("Watching Treasury")


async def test_what_is_watched_already_is_said_of_its_number_and_its_name(stack: Stack) -> None:
    await stack.watches()
    for typed in ("#1", "treasury"):
        stack.say(f"/watch {typed}")
        await stack.hears(f"{typed} is already watched here.")
    stack.say("/watch #2")
    await stack.hears("#2 isn't an address.")


async def test_a_button_says_how_many_lines_it_corrects(stack: Stack) -> None:
    stack.say(f"/watch\n{TILL} on polygn\n0x123")
    answer = await stack.hears("Not taken:")
    assert buttons_of(answer) == ["Watch 1 of 2 corrected"]


async def test_names_without_as_on_many_lines_are_taken(stack: Stack) -> None:
    stack.say(f"/watch\nTreasury {TILL}\nPayroll: {VAULT}")

    answer = (await stack.hears("Watching 2 accounts")).text
    assert "Treasury · 0x7A7a…7a7A" in answer
    assert "Payroll · 0x6b6B…6b6B" in answer


async def test_a_name_before_a_bare_address_and_a_chain_behind_it_are_offered(stack: Stack) -> None:
    stack.say(f"Payroll: {TILL} on base")

    offer = await stack.hears("What shall I do with this?")

    assert f"/watch {checksummed(Address(TILL))} on base as Payroll posts every change here." in offer.text
    await stack.presses(offer, "Watch as Payroll")
    await stack.hears("👁 Watching Payroll · 0x7A7a…7a7A on Base")


async def test_a_sentence_about_an_address_names_nothing(stack: Stack) -> None:
    stack.say(f"please look at {TILL} on base")

    assert "Watch as" not in " ".join(buttons_of(await stack.hears("What shall I do with this?"))[:-2])


async def test_an_address_of_another_kind_of_chain_is_refused_by_every_command_alike(stack: Stack) -> None:
    bitcoin = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    for command in ("watch", "balance", "ignore", "unignore"):
        stack.say(f"/{command} {bitcoin}")
        assert (await stack.hears("looks like a Bitcoin address")).text.startswith("bc1qar0srr…5mdq looks"), (
            command
        )
        assert stack.said()[-1].endswith("send an address of 0x and 40 digits."), command


async def test_a_spreadsheet_is_watched_and_without_a_command_it_is_offered(stack: Stack) -> None:
    sheet = f"address\tname\tchain\n{TILL}\tTreasury\tpolygon\n{VAULT}\tPayroll\tbase"
    stack.say(sheet)
    offer = await stack.hears("What shall I do with these?")
    assert "2 accounts:\nTreasury on Polygon\nPayroll on Base" in offer.text
    await stack.presses(offer, "Watch 2")
    await stack.hears("Watching 2 accounts")
    stack.say("/list")
    listed = (await stack.hears("Watched here: 2")).text
    assert "#1 Treasury · 0x7A7a…7a7A on Polygon" in listed
    assert "#2 Payroll · 0x6b6B…6b6B on Base" in listed

    stack.say(f"/watch {sheet}")
    await stack.hears("Already watched")


async def test_a_chain_before_an_address_is_offered_and_what_reports_more_can_be_stopped(
    stack: Stack,
) -> None:
    stack.say(f"/watch eth:{TILL} as Safe")
    answer = await stack.hears("Watching Safe")
    assert buttons_of(answer) == ["Only on Ethereum"]
    await stack.presses(answer, "Only on Ethereum")
    narrower = await stack.hears("#1 already reports it on every chain")
    await stack.presses(narrower, "Stop #1")
    await stack.hears("Stopped watching")

    stack.say("/list")
    assert "#2 Safe · 0x7A7a…7a7A on Ethereum" in (await stack.hears("Watched here: 1")).text


async def test_the_page_of_a_token_may_mean_the_token(stack: Stack) -> None:
    stack.say(f"/watch https://polygonscan.com/token/{USDC_POLYGON}")
    answer = await stack.hears("Watching 0x3c49")
    assert buttons_of(answer) == ["Only on Polygon", "Watch as token"]
    await stack.presses(answer, "Watch as token")
    await stack.hears("Watching token 0x3c49…3359")


async def test_many_addresses_with_chains_are_watched_on_every_chain_and_that_is_said(stack: Stack) -> None:
    stack.say(f"/watch eth:{TILL}\nmatic:{VAULT}")
    await stack.hears(
        "An address that comes with a chain is watched on every chain; “on CHAIN” after it limits that."
    )


async def test_a_token_that_comes_with_its_chain_is_ignored_where_its_sender_says(stack: Stack) -> None:
    stack.say(f"/ignore https://polygonscan.com/token/{USDC_POLYGON}")
    question = await stack.hears("only on Polygon, or on every chain?")
    assert buttons_of(question) == ["Only on Polygon", "On every chain"]
    await stack.presses(question, "Only on Polygon")

    assert "on Polygon" in (await stack.hears("Ignoring")).text


async def test_of_several_addresses_that_nobody_watches_one_is_chosen(stack: Stack) -> None:
    stack.say(f"/balance {TILL} {VAULT}")
    question = await stack.hears("one at a time")
    assert buttons_of(question) == ["0x7A7a…7a7A", "0x6b6B…6b6B"]
    await stack.presses(question, "0x6b6B…6b6B")

    await stack.hears("0x6b6B…6b6B, asked just now")


# ---------------------------------------------------------------- symbols


async def test_a_symbol_of_one_token_held_here_stands_for_its_contract(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on ethereum as Treasury")

    stack.say("/ignore dai")
    assert "Ignoring DAI · 0x6B17…1d0F" in (await stack.hears("Ignoring")).text
    stack.say("/unignore DAI")
    await stack.hears("0x6B17…1d0F")
    stack.say(f"/watch {VAULT} contract DAI as Vault")
    await stack.hears("only token 0x6B17…1d0F")
    stack.say("/watch token fox")
    await stack.hears("Watching token 0xc770")


async def test_a_symbol_of_several_tokens_is_asked_about_with_their_contracts(stack: Stack) -> None:
    await stack.watches()
    stack.say("/ignore USDC")
    question = await stack.hears("may mean any of several tokens held here. Which one?")

    assert buttons_of(question) == ["0xA0b8…eB48 Ethereum", "0x3c49…3359 Polygon", "All of them"]
    stack.say(f"/watch {VAULT} contract USDC as Vault")
    await stack.presses(await stack.hears("Which one?"), "0x3c49…3359 Polygon")
    await stack.hears("Vault · 0x6b6B…6b6B, only token 0x3c49…3359")
    stack.say("/watch token USDC")
    await stack.presses(await stack.hears("Which one?"), "All of them")
    await stack.hears("Watching tokens 0x3c49…3359, 0xA0b8…eB48")
    await stack.presses(question, "All of them")
    await stack.hears("Ignoring USDC")


async def test_a_chain_tells_which_of_several_tokens_a_symbol_stands_for(stack: Stack) -> None:
    await stack.watches()

    stack.say("/ignore USDC on polygon")

    assert "USDC · 0x3c49…3359 on Polygon" in (await stack.hears("Ignoring")).text


async def test_a_symbol_that_nothing_held_here_has_is_refused(stack: Stack) -> None:
    await stack.watches()
    for typed in ("/ignore WXYZ", "/watch token WXYZ", f"/watch {VAULT} contract WXYZ"):
        stack.say(typed)
        await stack.hears("No token held here is called “WXYZ”. Send its contract's address (0x…).")
    stack.say("/ignore POL")
    await stack.hears("POL is a chain's coin, which has no contract. Name a token.")
    stack.say("/unignore WXYZ")
    await stack.hears("No ignored token is called “WXYZ”. /ignore shows what is ignored.")


# ---------------------------------------------------------------- long pastes


def wallets(count: int) -> str:
    return "/watch\n" + "\n".join(f"0x{number:040x} as Wallet {number}" for number in range(1, count + 1))


async def test_a_list_that_telegram_cuts_within_a_line_is_watched_whole(stack: Stack) -> None:
    text = wallets(100)
    stack.say(text[:4096])
    stack.say(text[4096:])

    await stack.hears("Watching 73 accounts")
    waits = await stack.hears("its last line may be cut off")
    assert buttons_of(waits) == ["Read it now"]
    rest = await stack.hears("Watching 27 accounts")
    assert "Wallet 74 · 0x0000…004A" in rest.text
    assert "Not taken" not in rest.text
    assert "Wallet 100 · 0x0000…0064" in rest.text


async def test_a_list_that_is_as_long_as_a_message_waits_for_a_button_with_its_last_line(
    stack: Stack,
) -> None:
    stack.say(wallets(73))

    await stack.hears("Watching 72 accounts")
    await stack.presses(await stack.hears("its last line may be cut off"), "Read it now")
    await stack.hears("Watching Wallet 73")


async def test_addresses_alone_that_telegram_cuts_are_offered_whole(stack: Stack) -> None:
    text = "\n".join(f"0x{number:040x}" for number in range(1, 151))
    stack.say(text[:4096])
    stack.say(text[4096:])

    await stack.presses(await stack.hears("95 addresses. What shall I do with them?"), "Watch 95")
    await stack.presses(await stack.hears("55 addresses. What shall I do with them?"), "Watch 55")
    await stack.hears("Watching 95 accounts")
    assert "Watching 55 accounts" in (await stack.hears("Watching 55")).text


# ---------------------------------------------------------------- replies


async def alert_of(stack: Stack, units: int = -1) -> Message:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 10**6)
    return await stack.hears(" USDC")


async def test_a_reply_to_an_alert_means_its_account(stack: Stack) -> None:
    stack.say(f"/watch {VAULT} as Vault")
    await stack.hears("Watching")
    await stack.hears("Watching")
    await stack.watches()
    alert = await alert_of(stack)

    for command, answer in (
        ("/balance", "Treasury · 0x8e3E…d8B9\nAs of"),
        ("/mute 2h", "Treasury · 0x8e3E…d8B9 is muted here for 2 h"),
        ("/unmute", "Treasury · 0x8e3E…d8B9 is no longer muted"),
        ("/ignore", "Ignoring USDC · 0x3c49…3359"),
        ("/unwatch", "Stopped watching Treasury · 0x8e3E…d8B9"),
    ):
        stack.telegram.says(stack.olga, stack.chat, command, reply_to=alert)
        await stack.hears(answer)


async def test_a_reply_that_names_an_account_itself_means_that_one(stack: Stack) -> None:
    stack.say(f"/watch {VAULT} as Vault")
    await stack.hears("Watching")
    await stack.hears("Watching")
    await stack.watches()

    stack.telegram.says(stack.olga, stack.chat, "/mute Vault 2h", reply_to=await alert_of(stack))

    await stack.hears("Vault · 0x6b6B…6b6B is muted here")


async def test_a_reply_to_what_is_about_several_accounts_is_asked_which(stack: Stack) -> None:
    stack.say(f"/watch {VAULT} as Vault\n{CHECKSUMMED} as Treasury")
    answer = await stack.hears("Watching 2 accounts")

    stack.telegram.says(stack.olga, stack.chat, "/mute 2h", reply_to=answer)
    question = await stack.hears("Which one?")
    assert sorted(buttons_of(question)) == ["Treasury", "Vault"]
    await stack.presses(question, "Vault")

    await stack.hears("Vault · 0x6b6B…6b6B is muted here for 2 h")


async def test_a_reply_to_somebodys_address_watches_it_under_the_name_that_is_given(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
    stack.say("/allow", chat=group)
    await stack.hears("/watch", chat=group)
    said = stack.telegram.says(stack.olga, group, f"payroll moved to {VAULT} today")

    stack.telegram.says(stack.olga, group, "/watch as Payroll", reply_to=said)

    await stack.hears("Watching Payroll · 0x6b6B…6b6B", chat=group)


async def test_a_reply_to_words_of_no_account_is_as_if_it_were_none(stack: Stack) -> None:
    stack.say("/help")
    words = await stack.hears("/watch")

    stack.telegram.says(stack.olga, stack.chat, "/mute 2h", reply_to=words)

    await stack.hears("This chat is muted for 2 h")


async def test_what_the_list_shows_names_the_entry(stack: Stack) -> None:
    await stack.watches()
    stack.say("/list")
    line = next(line for line in (await stack.hears("Watched here")).text.split("\n") if line.startswith("#"))

    stack.say(f"/unwatch {line}")

    await stack.hears("Stopped watching Treasury")


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
    monkeypatch.setattr(chains, "AGAIN_SECONDS", 0.05)
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

    (polygon,) = (part for part in balance.text.split("\n\n") if part.startswith("Polygon"))
    assert "The source no longer lists this chain; last known:" in polygon
    assert "50 USDC" in polygon
    assert balance.text.count("no longer lists") == 1
    assert "no longer lists Polygon" in taken.text
    assert "on its way" not in taken.text


async def test_a_long_name_that_is_watched_already_is_known_and_another_is_not(stack: Stack) -> None:
    stack.say(f"/watch {VAULT} as Treasury of the whole group")
    await stack.hears("Watching")

    stack.say("/watch treasury of the whole group")
    await stack.hears("is already watched here")
    stack.say("/watch treasury of the other group")
    await stack.hears("isn't an address")


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
