"""It never loses and never floods: whatever Telegram says, over real HTTP, as people see it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import delivery, doubt
from bot.sandbox.telegram import Close, Error, Garbage, Page, Reset, after, before, too_many_requests
from bot.sandbox.telegram_faults import Fault
from bot.sandbox.telegram_world import Chat
from bot.sandbox.world import Contract
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, open_house, until

NUMBER = re.compile(r"UTC(?:, told [^·]+)? · ([0-9A-Z]{4,10})")


def amounts_told(house: House, chat: Chat | None = None) -> list[str]:
    """Return every change of USDC that a chat shows, in order."""
    return re.findall(r"[▼▲✦] ([−+][\d.]+) USDC", "\n".join(house.said(chat)))


def numbers(house: House, chat: Chat | None = None) -> list[str]:
    """Return the ids of the messages that a chat shows."""
    return NUMBER.findall("\n".join(house.said(chat)))


def move(house: House, units: int) -> None:
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


async def watch_in_a_group(house: House, title: str = "Ops") -> Chat:
    group = house.telegram.add_group(title, {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await house.hears("balances", chat=group)
    return group


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "UNKNOWN_OUTCOME_PAUSES", (0.05,))
    monkeypatch.setattr(doubt, "QUESTION_PAUSE", timedelta(seconds=0.2))


# ---------------------------------------------------------------- trouble for a while

TROUBLES: dict[str, Fault] = {
    "closed before": before(Close()),
    "reset before": before(Reset()),
    "a page of a proxy": before(Page(502)),
    "a server error": before(Error(500, "Internal Server Error")),
    "a token that is refused": before(Error(401, "Unauthorized")),
    "a wrong address": before(Error(404, "Not Found")),
    "another instance": before(Error(409, "Conflict: terminated by other getUpdates request")),
    "a refusal nobody knows": before(Error(403, "Forbidden: something new")),
    "a pause of a second": too_many_requests(1),
}


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_that_ends_costs_no_alert_and_repeats_none(house: House, trouble: Fault) -> None:
    await house.watches()
    house.telegram.fault(trouble, times=1)

    move(house, -1)

    await house.hears("USDC")
    move(house, 2)
    await house.hears("+2 USDC")
    assert amounts_told(house) == ["−1", "+2"]


ARRIVED: dict[str, Fault] = {
    "then closed": after(Close()),
    "then reset": after(Reset()),
    "then garbage": after(Garbage()),
    "then a page": after(Page(504)),
}


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("fault", ARRIVED.values(), ids=ARRIVED.keys())
async def test_what_may_have_arrived_comes_once_more_with_the_same_id(house: House, fault: Fault) -> None:
    await house.watches()
    house.telegram.fault(fault, times=1)

    move(house, -1)
    await house.hears("−1 USDC")
    repeated = await house.hears("−1 USDC")

    move(house, 2)
    await house.hears("+2 USDC")
    assert amounts_told(house) == ["−1", "−1", "+2"]
    first, second, _ = numbers(house)[-3:]
    assert first == second
    assert repeated.text in house.said()


# ---------------------------------------------------------------- no answer for long


def questions(house: House) -> int:
    return sum(
        call.method == "sendMessage" and not str(call.parameters["text"]).strip()
        for call in house.telegram.calls
    )


@pytest.mark.usefixtures("_short_pauses")
async def test_while_telegram_answers_nothing_it_is_asked_and_told_once_it_is_back(house: House) -> None:
    await house.watches()
    house.telegram.fault(before(Close()), method="sendMessage")

    move(house, -1)
    await until(lambda: questions(house) >= 5)
    assert amounts_told(house) == []
    house.telegram.heal()

    await house.hears("−1 USDC")
    move(house, 2)
    await house.hears("+2 USDC")
    assert amounts_told(house) == ["−1", "+2"]


@pytest.mark.usefixtures("_short_pauses")
async def test_a_telegram_that_takes_messages_and_answers_nothing_makes_three_copies_however_long(
    house: House,
) -> None:
    await house.watches()
    house.telegram.fault(after(Close()), method="sendMessage")

    move(house, -1)
    await until(lambda: questions(house) >= 5)
    assert amounts_told(house) == ["−1"] * 3
    house.telegram.heal()

    move(house, 2)
    await house.hears("+2 USDC")
    assert amounts_told(house) == ["−1"] * 4 + ["+2"]
    assert len(set(numbers(house)[-5:])) == 2


# ---------------------------------------------------------------- refused for good


async def test_a_message_that_is_refused_is_dissolved_and_what_is_refused_alone_is_said_to_be(
    house: House,
) -> None:
    group = await watch_in_a_group(house)
    house.telegram.fault(before(Error(400, "Bad Request: message is too long")), times=2, chat=group)

    move(house, -1)
    house.world.move(POLYGON, None, ACCOUNT, 10**18)

    await house.hears("could not be delivered", chat=group)
    await house.hears("could not be delivered")
    await until(lambda: "USDC" in "".join(house.said(group)[2:]) or "POL" in "".join(house.said(group)[2:]))
    shown = "\n".join(house.said(group))
    assert ("−1 USDC" in shown) + ("+1 POL" in shown) == 1, "one of the two was refused singly"


async def test_a_message_whose_formats_are_refused_comes_as_plain_text(house: House) -> None:
    await house.watches()
    house.telegram.fault(before(Error(400, "Bad Request: can't parse entities: odd")), times=1)

    move(house, -1)

    message = await house.hears("−1 USDC")
    assert message.entities == ()
    assert len(amounts_told(house)) == 1


# ---------------------------------------------------------------- places that change


async def test_a_blocked_bot_parks_its_alerts_and_tells_them_when_unblocked(house: House) -> None:
    await house.watches()
    house.telegram.blocks(house.olga)
    move(house, -1)
    await house.asked(3)
    move(house, -2)
    await house.asked(3)

    house.telegram.unblocks(house.olga)

    await until(lambda: amounts_told(house) == ["−1", "−2"])


async def test_a_group_that_becomes_a_supergroup_is_followed(house: House) -> None:
    group = await watch_in_a_group(house)

    supergroup = house.telegram.migrates(group)
    move(house, -1)

    await house.hears("−1 USDC", chat=supergroup)
    house.say("/list", chat=supergroup)
    assert "Till" in (await house.hears("Watched here", chat=supergroup)).text
    assert len(amounts_told(house, supergroup)) == 1


async def test_a_closed_topic_sends_its_alerts_to_the_group_until_it_is_open_again(house: House) -> None:
    forum = house.telegram.add_forum("Team", {house.olga: "creator"})
    topic = house.telegram.add_topic(forum, "Treasury")
    house.say("/allow", chat=forum)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await house.hears("balances", chat=forum)

    house.telegram.close_topic(forum, topic)
    move(house, -1)
    astray = await house.hears("−1 USDC", chat=forum)
    assert astray.thread_id is None
    assert "Its topic is closed" in astray.text

    house.telegram.reopen_topic(forum, topic)
    house.say("/list", chat=forum, topic=topic)
    await house.hears("Watched here", chat=forum)
    move(house, -2)
    told = await house.hears("−2 USDC", chat=forum)
    assert told.thread_id == topic
    assert "Its topic" not in told.text


async def closed_topic(house: House) -> tuple[Chat, int]:
    """Let a topic watch, be closed, and have an alert beside it."""
    forum = house.telegram.add_forum("Team", {house.olga: "creator"})
    topic = house.telegram.add_topic(forum, "Treasury")
    house.say("/allow", chat=forum)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await house.hears("balances", chat=forum)
    house.telegram.closes_topic(house.olga, forum, topic)
    move(house, -1)
    assert (await house.hears("−1 USDC", chat=forum)).thread_id is None
    return forum, topic


async def test_a_topic_that_is_opened_again_hears_its_alerts_without_a_command(house: House) -> None:
    forum, topic = await closed_topic(house)

    house.telegram.reopens_topic(house.olga, forum, topic)
    house.say("/id", chat=forum)
    await house.hears("user id", chat=forum)
    move(house, -2)

    told = await house.hears("−2 USDC", chat=forum)
    assert told.thread_id == topic
    assert "Its topic" not in told.text


async def test_the_word_that_a_topic_is_closed_does_not_open_it(house: House) -> None:
    forum, topic = await closed_topic(house)

    house.telegram.closes_topic(house.olga, forum, topic)
    house.say("/id", chat=forum)
    await house.hears("user id", chat=forum)
    refused = sum(call.method == "sendMessage" for call in house.telegram.calls)
    move(house, -2)

    assert (await house.hears("−2 USDC", chat=forum)).thread_id is None
    assert sum(call.method == "sendMessage" for call in house.telegram.calls) == refused + 1


async def test_what_a_lost_topic_watched_is_moved_to_where_somebody_in_charge_says_so(house: House) -> None:
    member = house.telegram.add_user("Bob")
    forum = house.telegram.add_forum("Team", {house.olga: "creator", member: "member"})
    lost, other = (house.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    house.say("/allow", chat=forum)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=lost)
    await house.hears("balances", chat=forum)
    house.telegram.close_topic(forum, lost)
    move(house, -1)
    assert "/here" in (await house.hears("−1 USDC", chat=forum)).text

    house.say("/here", chat=forum, topic=other, user=member)
    await house.hears("its administrators", chat=forum)
    house.say("/here", chat=forum, topic=other)
    assert (await house.hears("Moved here: 1 entry.", chat=forum)).thread_id == other

    move(house, -2)
    told = await house.hears("−2 USDC", chat=forum)
    assert told.thread_id == other
    assert "Its topic" not in told.text
    house.say("/list", chat=forum, topic=other)
    assert "Till" in (await house.hears("Watched here", chat=forum)).text


async def test_where_no_topic_is_lost_nothing_is_moved(house: House) -> None:
    forum = house.telegram.add_forum("Team", {house.olga: "creator"})
    topic, other = (house.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    house.say("/allow", chat=forum)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await house.hears("balances", chat=forum)

    house.say("/here", chat=forum, topic=other)
    await house.hears("nothing has to be moved", chat=forum)

    move(house, -1)
    assert (await house.hears("−1 USDC", chat=forum)).thread_id == topic


# ---------------------------------------------------------------- many


async def test_a_chat_that_is_throttled_delays_no_other_and_gets_fewer_messages(house: House) -> None:
    await house.watches()
    group = await watch_in_a_group(house)
    house.telegram.fault(too_many_requests(2), times=1, chat=group)

    for number in range(1, 6):
        move(house, -number)
        await house.hears(f"−{number} USDC")

    await until(lambda: len(amounts_told(house, group)) == 5)
    assert amounts_told(house, group) == ["−1", "−2", "−3", "−4", "−5"]
    assert len(numbers(house, group)) <= 1 + 2, "the first reading, the throttled one, and all the others"


async def test_a_busy_group_gets_few_messages_and_every_change(tmp_path: Path) -> None:
    async with open_house(tmp_path, delivery=["group_messages_per_minute = 6"]) as house:
        house.start()
        await house.watches()
        group = await watch_in_a_group(house)

        for number in range(1, 31):
            move(house, number)
            await house.hears(f"+{number} USDC")

        assert len(house.said(group)) <= 6
        house.say("/list", chat=group)
        house.say("/status")
        await house.hears("On their way here")


async def test_many_changes_at_once_are_few_messages_that_fit(house: House) -> None:
    tokens = [f"0x{number:040x}" for number in range(1, 301)]
    for token in tokens:
        house.world.add_contract(
            Contract(chain_id=POLYGON, address=token, kind="ERC20", symbol="T", name="Token", decimals=0)
        )
        house.world.move(POLYGON, token, ACCOUNT, 10)
    await house.watches()

    for token in tokens:
        house.world.move(POLYGON, token, ACCOUNT, 1)

    await until(lambda: "\n".join(house.said()).count("10 → 11") == 300)
    told = [text for text in house.said() if "10 → 11" in text]
    assert len(told) <= 10
    assert all(len(text) <= 4096 for text in told)
