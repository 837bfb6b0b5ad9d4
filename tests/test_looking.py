"""Looking, end to end: how far everything is seen, and what an address holds that nobody watches."""

import re

from bot.sandbox.gateway.faults.kinds import AnswerError, Delay, FailNatives, FailTokens
from tests.stack import CHECKSUMMED, OWNER, POLYGON, SHORT, USDC_POLYGON, Stack, buttons_of
from tests.waits import HANG_SECONDS, until

EMPTY_ACCOUNT = "0x" + "ab" * 20
WRONG_CHECKSUM = CHECKSUMMED[:-1] + "8"


async def answered(stack: Stack, text: str) -> str:
    """Say something, and return the answer; a busy machine may announce it first, as what takes long."""
    stack.say(text)
    return (await stack.hears(lambda message: "Asking about" not in message.text)).text


async def balance_says(stack: Stack, words: str) -> str:
    """Ask again until the answer says so: a fault shows with the sweep that meets it."""
    while words not in (told := await answered(stack, "/balance treasury")):
        await stack.asked()
    return told


# ---------------------------------------------------------------- /status


async def test_status_says_how_far_everything_is_seen(stack: Stack) -> None:
    await stack.watches()
    await stack.asked(2)

    watched, seen, sweep, alerts = (await answered(stack, "/status")).split("\n")

    assert re.fullmatch(r"Watched here: 1 account on \d+ chains, \d+ balances", watched)
    assert re.fullmatch(r"Read: \d+ chains, \d+ s ago|Read: \d+ chains, .* to .* ago", seen)
    assert re.match(r"Last sweep: \d+ s ago, took \d+\.\d s", sweep)
    assert alerts == "Waiting to be sent: nothing"


async def test_status_of_an_empty_chat_speaks_of_the_sweeps_alone(stack: Stack) -> None:
    assert (await answered(stack, "/status")).startswith("Nothing is watched here yet.\nLast sweep: ")


async def test_status_names_what_gives_no_answer(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(FailTokens(chain_id=POLYGON))
    await stack.asked(3)

    while "Partly blind: Polygon, since" not in await answered(stack, "/status"):
        await stack.asked()


async def test_status_quotes_the_source_in_trouble(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(AnswerError(name="QuotaExceeded", code=1200, status=423))
    await stack.asked(2)

    while "Trouble with the source: The quota" not in await answered(stack, "/status"):
        await stack.asked()


# ---------------------------------------------------------------- /balance


async def test_tokens_that_fail_are_told_apart_from_the_coin(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(FailTokens(chain_id=POLYGON))

    told = await balance_says(stack, "tokens unknown since")

    assert re.search(
        r"Polygon · \$52\.75\n12\.5 POL · \$2\.75\n"
        r"tokens unknown since \d\d:\d\d UTC; last known:",
        told,
    )


async def test_a_coin_that_fails_is_told_apart_from_the_tokens(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(FailNatives(chain_id=POLYGON))

    told = await balance_says(stack, "native coin unknown since")

    assert re.search(r"native coin unknown since \d\d:\d\d UTC; last known:\n12\.5 POL · \$2\.75", told)


async def test_balances_are_worth_what_the_sweeps_say(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")

    told = await balance_says(stack, "Worth $")

    assert re.match(r"Treasury · 0x8e3E…d8B9\nAs of \d\d:\d\d:\d\d UTC, \d+ s ago\nWorth \$52\.75, not", told)
    assert "without a price\n\nPolygon · $52.75\n" in told
    assert "12.5 POL · $2.75\n" in told
    assert "50 USDC · $50.00" in told


async def test_several_accounts_are_summed_up(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await stack.watches(f"/watch {EMPTY_ACCOUNT} on polygon as Till")
    stack.world.move(POLYGON, USDC_POLYGON, EMPTY_ACCOUNT, 7_000_000)
    await stack.hears("+7 USDC")

    stack.say("/balance")

    answer = await stack.hears("All 2 accounts")
    assert answer.text.split("\n")[2:] == [
        "Worth $59.75, not counting 1 balance without a price",
        "",
        "Treasury · 0x8e3E…d8B9 · $52.75, 1 balance without a price",
        "Till · 0xABaB…ABaB · $7.00",
    ]
    assert buttons_of(answer) == ["Treasury", "Till"]
    await stack.presses(answer, "Till")
    assert "7 USDC · $7.00" in (await stack.hears("Till · 0xABaB…ABaB\nAs of")).text


async def test_many_accounts_are_summed_up_and_turned_over_page_by_page(stack: Stack) -> None:
    others = "\n".join(f"0x{number:040x} on polygon" for number in range(1, 22))
    stack.say(f"/watch {CHECKSUMMED} on polygon as Treasury\n{others}")
    await stack.hears("22 accounts")
    await stack.hears("Watching 22 accounts")
    last = "0x" + f"{21:040x}"
    stack.world.move(POLYGON, USDC_POLYGON, last, 7_000_000)
    await stack.hears("+7 USDC")

    stack.say("/balance")

    answer = await stack.hears("All 22 accounts")
    lines = answer.text.split("\n")
    assert lines[2].startswith("Worth $59.75")
    assert [line.partition(" · $")[2] for line in lines[4:6]] == ["52.75, 1 balance without a price", "7.00"]
    assert len(lines[4:-2]) == 20
    assert lines[-1] == "1/2"
    assert buttons_of(answer)[20:] == ["›"]
    await stack.presses(answer, "›")
    turned = await stack.shows(answer, "2/2")
    assert "Worth $59.75" in turned.text
    assert turned.text.count("nothing held") == 2
    assert buttons_of(turned)[2:] == ["‹"]


async def test_a_token_in_many_accounts_is_turned_over_among_those_alone(stack: Stack) -> None:
    others = "\n".join(f"0x{number:040x} on polygon" for number in range(1, 22))
    stack.say(f"/watch {CHECKSUMMED} on base as Treasury\n{others}")
    await stack.hears("22 accounts")
    await stack.hears("Watching 22 accounts")
    stack.say(f"/watch token {USDC_POLYGON} on polygon as Dollars")
    await stack.hears("Watching Dollars")

    stack.say("/balance Dollars")
    answer = await stack.hears("All 22 accounts")
    await stack.presses(answer, "›")

    await stack.shows(answer, "2/2")


async def test_a_chain_that_never_answered_is_not_read_yet(stack: Stack) -> None:
    stack.gateway.faults.add(FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON))
    await stack.watches()

    told = await answered(stack, "/balance treasury")

    assert "Not read yet: Polygon" in told
    assert "POL" not in told.replace("Polygon", "")


# ---------------------------------------------------------------- /balance of an address nobody watches


async def test_an_address_nobody_watches_is_asked_for_at_once_and_stored_nowhere(stack: Stack) -> None:
    told = await answered(stack, f"/balance {CHECKSUMMED}")

    assert told.startswith(
        f"{SHORT}, asked just now\nWorth $3,895.87, not counting 3 balances without a price\n\n"
    )
    assert "12.5 POL" in told
    assert "50 USDC" in told
    assert f"/watch {CHECKSUMMED} alerts this chat when that changes." in told
    assert "Nothing is watched here yet" in await answered(stack, "/list")


async def test_a_chain_that_fails_is_named_and_not_zero(stack: Stack) -> None:
    stack.gateway.faults.add(FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON))

    told = await answered(stack, f"/balance {CHECKSUMMED}")

    assert "No answer from Polygon: what it holds there is unknown." in told
    assert "POL" not in told.replace("Polygon", "")


async def test_a_source_that_fails_is_said_to_fail(stack: Stack) -> None:
    await until(lambda: bool(stack.gateway.requests))
    stack.gateway.faults.add(AnswerError(name="QuotaExceeded", code=1200, status=423))

    told = await answered(stack, f"/balance {CHECKSUMMED}")

    assert told.startswith(f"No answer about {SHORT}, so what it holds is unknown.")
    assert "quota" in told


async def test_a_slow_source_is_announced_and_keeps_nobody_waiting(stack: Stack) -> None:
    await answered(stack, "/start")
    stack.gateway.gate.hold()

    stack.say(f"/balance {CHECKSUMMED}")
    stack.say("/id")

    assert "Asking about" in (await stack.hears(lambda _: True)).text
    assert str(OWNER) in (await stack.hears(lambda _: True)).text
    stack.gateway.gate.release()
    assert "12.5 POL" in (await stack.hears("asked just now")).text


async def test_a_mistyped_address_is_refused_with_the_reason(stack: Stack) -> None:
    assert (await answered(stack, f"/balance {WRONG_CHECKSUM}")).startswith(
        "0x8e3E38fe…d8B8 isn't an address: its checksum is wrong"
    )
    assert stack.balance_requests() == 0


async def test_a_name_that_stands_for_an_address_elsewhere_is_refused_unless_it_is_a_label(
    stack: Stack,
) -> None:
    assert (await answered(stack, "/balance team.eth")).startswith(
        "team.eth is a name, and I can't look names up."
    )
    await stack.watches(f"/watch {CHECKSUMMED} as team.eth")

    assert (await answered(stack, "/balance team.eth")).startswith("team.eth")


async def test_where_tokens_alone_are_watched_each_look_says_that_an_account_is_missing(stack: Stack) -> None:
    stack.say(f"/watch token {USDC_POLYGON} as Dollars")
    await stack.hears("token 0x3c49…3359 in")

    for typed in ("/balance", "/balance #1", "/balance Dollars", "/status"):
        assert (await answered(stack, typed)).startswith(
            "No account is watched here yet; /watch 0x… adds one."
        )

    await stack.watches()
    assert (await answered(stack, "/balance Dollars")).startswith("Treasury")


async def test_a_name_that_nothing_has_is_not_asked_for(stack: Stack) -> None:
    assert "Nothing is watched here yet" in await answered(stack, "/balance Tresury")
    await stack.watches()

    assert "Did you mean Treasury?" in await answered(stack, "/balance Tresury")
    for more in ("polygon", "usdc"):
        stack.say(f"/balance treasury {more}")
        answer = await stack.hears("everything an account holds, on every chain. Is Treasury the one")
        assert buttons_of(answer) == ["Treasury"]


# ---------------------------------------------------------------- /believe


async def test_there_is_nothing_to_believe_where_nothing_is_doubted(stack: Stack) -> None:
    assert await answered(stack, "/believe polygon") == (
        "Nothing is missing on Polygon: its changes are reported as they come."
    )


async def test_believing_a_chain_that_is_none_explains_the_command(stack: Stack) -> None:
    told = await answered(stack, "/believe polygn")

    assert told.startswith("I don't know a chain called “polygn”. Did you mean Polygon?\n\n/believe · ")


async def test_believing_is_for_owners(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    chat = stack.telegram.add_private_chat(alice)
    await answered(stack, f"/allow {chat.id}")

    stack.say("/believe polygon", user=alice, chat=chat)

    assert "Only an owner" in (await stack.hears("Only an owner", chat=chat)).text


async def test_the_last_sweep_before_a_restart_is_said_until_another_has_ended(stack: Stack) -> None:
    await stack.watches()
    await stack.stop()
    stack.gateway.faults.add(Delay(seconds=HANG_SECONDS, method="GetTokenBalancesSummary"))
    stack.start()

    assert re.search(r"\nLast sweep: \d+ s ago, took \d+\.\d s", await answered(stack, "/status"))
    stack.gateway.faults.heal()
