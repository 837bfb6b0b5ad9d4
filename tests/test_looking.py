"""Looking, end to end: how far everything is seen, and what an address holds that nobody watches."""

import re

from bot.sandbox.gateway_faults import AnswerError, Delay, FailNatives, FailTokens
from tests.house import CHECKSUMMED, OWNER, POLYGON, SHORT, USDC_POLYGON, House, until

EMPTY_ACCOUNT = "0x" + "ab" * 20
WRONG_CHECKSUM = CHECKSUMMED[:-1] + "8"


async def answered(house: House, text: str) -> str:
    house.say(text)
    return (await house.hears(lambda _: True)).text


async def balance_says(house: House, words: str) -> str:
    """Ask again until the answer says so: a fault shows with the sweep that meets it."""
    while words not in (told := await answered(house, "/balance treasury")):
        await house.asked()
    return told


# ---------------------------------------------------------------- /status


async def test_status_says_how_far_everything_is_seen(house: House) -> None:
    await house.watches()
    await house.asked(2)

    watched, seen, sweep, alerts = (await answered(house, "/status")).split("\n")

    assert re.fullmatch(r"Watched here: 1 account on \d+ chains, \d+ balances", watched)
    assert re.fullmatch(r"Seen: \d+ chains, \d+ s ago|Seen: \d+ chains, newest view .* old, oldest .*", seen)
    assert re.match(r"Last sweep: \d+ s ago, took \d+\.\d s", sweep)
    assert alerts == "On their way here: no alerts"


async def test_status_of_an_empty_chat_speaks_of_the_sweeps_alone(house: House) -> None:
    assert (await answered(house, "/status")).startswith("Nothing is watched here yet.\nLast sweep: ")


async def test_status_names_what_gives_no_answer(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(FailTokens(chain_id=POLYGON))
    await house.asked(3)

    while "Not fully seen: Polygon, since" not in await answered(house, "/status"):
        await house.asked()


async def test_status_quotes_the_source_in_trouble(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(AnswerError(name="QuotaExceeded", code=1200, status=423))
    await house.asked(2)

    while "Trouble with the source: The quota" not in await answered(house, "/status"):
        await house.asked()


# ---------------------------------------------------------------- /balance


async def test_tokens_that_fail_are_told_apart_from_the_coin(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(FailTokens(chain_id=POLYGON))

    told = await balance_says(house, "tokens unknown since")

    assert re.search(
        r"Polygon · as of \S+ UTC, \d+ s ago\n12\.5 POL · \$2\.75\n"
        r"tokens unknown since \d\d:\d\d UTC; last known:",
        told,
    )


async def test_a_coin_that_fails_is_told_apart_from_the_tokens(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(FailNatives(chain_id=POLYGON))

    told = await balance_says(house, "native coin unknown since")

    assert re.search(r"native coin unknown since \d\d:\d\d UTC; last known:\n12\.5 POL · \$2\.75", told)


async def test_balances_are_worth_what_the_sweeps_say(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")

    told = await balance_says(house, "Worth $")

    assert "Treasury · 0x8e3E…d8B9\nWorth $52.75, not counting 1 balance without a price\n\nPolygon" in told
    assert "12.5 POL · $2.75\n" in told
    assert "50 USDC · $50.00" in told


async def test_several_accounts_are_summed_up(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await house.watches(f"/watch {EMPTY_ACCOUNT} on polygon as Till")
    house.world.move(POLYGON, USDC_POLYGON, EMPTY_ACCOUNT, 7_000_000)
    await house.hears("+7 USDC")

    house.say("/balance")

    assert "Worth $7.00" in (await house.hears("Till")).text
    assert (await house.hears("All 2 accounts")).text == (
        "All 2 accounts\nWorth $59.75, not counting 1 balance without a price"
    )


async def test_of_many_accounts_a_few_are_shown_and_all_are_summed_up(house: House) -> None:
    others = "\n".join(f"0x{number:040x} on polygon" for number in range(1, 7))
    house.say(f"/watch {CHECKSUMMED} on polygon as Treasury\n{others}")
    await house.hears("7 accounts")
    await house.hears("Watching 7 accounts")

    house.say("/balance")

    assert (await house.hears("All 7 accounts")).text == (
        "And 2 accounts more: /balance LABEL shows one by its name.\n\n"
        "All 7 accounts\nWorth $52.75, not counting 1 balance without a price"
    )


async def test_a_chain_that_never_answered_is_not_read_yet(house: House) -> None:
    house.gateway.faults.add(FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON))
    await house.watches()

    told = await answered(house, "/balance treasury")

    assert "Not read yet: Polygon" in told
    assert "POL" not in told.replace("Polygon", "")


# ---------------------------------------------------------------- /balance of an address nobody watches


async def test_an_address_nobody_watches_is_asked_for_at_once_and_stored_nowhere(house: House) -> None:
    told = await answered(house, f"/balance {CHECKSUMMED}")

    assert told.startswith(
        f"{SHORT}, asked just now\nWorth $3,895.87, not counting 3 balances without a price\n\n"
    )
    assert "12.5 POL" in told
    assert "50 USDC" in told
    assert f"/watch {CHECKSUMMED} tells this chat when that changes." in told
    assert "Nothing is watched here yet" in await answered(house, "/list")


async def test_a_chain_that_fails_is_named_and_not_zero(house: House) -> None:
    house.gateway.faults.add(FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON))

    told = await answered(house, f"/balance {CHECKSUMMED}")

    assert "No answer from Polygon: what it holds there is unknown." in told
    assert "POL" not in told.replace("Polygon", "")


async def test_a_source_that_fails_is_said_to_fail(house: House) -> None:
    await until(lambda: bool(house.gateway.requests))
    house.gateway.faults.add(AnswerError(name="QuotaExceeded", code=1200, status=423))

    told = await answered(house, f"/balance {CHECKSUMMED}")

    assert told.startswith(f"No answer about {SHORT}, so what it holds is unknown.")
    assert "quota" in told


async def test_a_slow_source_is_announced_and_keeps_nobody_waiting(house: House) -> None:
    await answered(house, "/start")
    house.gateway.faults.add(Delay(seconds=1.2))

    house.say(f"/balance {CHECKSUMMED}")
    house.say("/id")

    assert "Asking about" in (await house.hears(lambda _: True)).text
    assert str(OWNER) in (await house.hears(lambda _: True)).text
    assert "12.5 POL" in (await house.hears("asked just now")).text


async def test_a_mistyped_address_is_refused_with_the_reason(house: House) -> None:
    assert (await answered(house, f"/balance {WRONG_CHECKSUM}")).startswith(
        "0x8e3E38fe…d8B8: its checksum is wrong"
    )
    assert house.balance_requests() == 0


async def test_where_tokens_alone_are_watched_each_look_says_that_an_account_is_missing(house: House) -> None:
    house.say(f"/watch token {USDC_POLYGON} as Dollars")
    await house.hears("token 0x3c49…3359 in")

    for typed in ("/balance", "/balance #1", "/balance Dollars", "/status"):
        assert (await answered(house, typed)).startswith(
            "No account is watched here yet; /watch 0x… adds one."
        )

    await house.watches()
    assert (await answered(house, "/balance Dollars")).startswith("Treasury")


async def test_a_name_that_nothing_has_is_not_asked_for(house: House) -> None:
    assert "Nothing is watched here yet" in await answered(house, "/balance Tresury")
    await house.watches()

    assert "Did you mean Treasury?" in await answered(house, "/balance Tresury")


# ---------------------------------------------------------------- /believe


async def test_there_is_nothing_to_believe_where_nothing_is_doubted(house: House) -> None:
    assert await answered(house, "/believe polygon") == (
        "Nothing is doubted on Polygon: what changes there is told as it is."
    )


async def test_believing_a_chain_that_is_none_explains_the_command(house: House) -> None:
    told = await answered(house, "/believe polygn")

    assert told.startswith("polygn: no chain is called that; did you mean Polygon?\n\n/believe · ")


async def test_believing_is_for_owners(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    chat = house.telegram.add_private_chat(alice)
    await answered(house, f"/allow {chat.id}")

    house.say("/believe polygon", user=alice, chat=chat)

    assert "Only an owner" in (await house.hears("Only an owner", chat=chat)).text
