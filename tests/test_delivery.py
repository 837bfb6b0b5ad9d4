"""It never loses and never floods: whatever Telegram says, over real HTTP, as people see it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.backoff import Backoff
from bot.domain.deliver import delivery, unconfirmed
from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.api.faults import (
    Close,
    Error,
    Garbage,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
    too_many_requests,
)
from bot.sandbox.telegram.world.world import Chat
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

NUMBER = re.compile(r"UTC(?:, sent [^·]+)? · ([0-9A-Z]{4,10})")


def amounts_told(stack: Stack, chat: Chat | None = None) -> list[str]:
    """Return every change of USDC that a chat shows, in order."""
    return re.findall(r"[🔴🟢✨] (?:Treasury |Till )?([−+][\d.]+) USDC", "\n".join(stack.said(chat)))


def numbers(stack: Stack, chat: Chat | None = None) -> list[str]:
    """Return the ids of the messages that a chat shows."""
    return NUMBER.findall("\n".join(stack.said(chat)))


def move(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


async def watch_in_a_group(stack: Stack, title: str = "Ops") -> Chat:
    group = stack.telegram.add_group(title, {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    return group


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "UNKNOWN_OUTCOME_BACKOFF", Backoff((0.05,)))
    monkeypatch.setattr(unconfirmed, "QUESTION_PAUSE", timedelta(seconds=0.2))


# ---------------------------------------------------------------- trouble for a while

TROUBLES: dict[str, TelegramFault] = {
    "closed before": before(Close()),
    "reset before": before(Reset()),
    "a page of a proxy": before(ProxyPage(502)),
    "a server error": before(Error(500, "Internal Server Error")),
    "a token that is refused": before(Error(401, "Unauthorized")),
    "a wrong address": before(Error(404, "Not Found")),
    "another instance": before(Error(409, "Conflict: terminated by other getUpdates request")),
    "a refusal nobody knows": before(Error(403, "Forbidden: something new")),
    "a pause of a second": too_many_requests(1),
}


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_that_ends_costs_no_alert_and_repeats_none(
    stack: Stack, trouble: TelegramFault
) -> None:
    await stack.watches()
    stack.telegram.fault(trouble, times=1)

    move(stack, -1)

    await stack.hears("USDC")
    move(stack, 2)
    await stack.hears("+2 USDC")
    assert amounts_told(stack) == ["−1", "+2"]


ARRIVED: dict[str, TelegramFault] = {
    "then closed": after(Close()),
    "then reset": after(Reset()),
    "then garbage": after(Garbage()),
    "then a page": after(ProxyPage(504)),
}


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("fault", ARRIVED.values(), ids=ARRIVED.keys())
async def test_what_may_have_arrived_comes_once_more_with_the_same_id(
    stack: Stack, fault: TelegramFault
) -> None:
    await stack.watches()
    stack.telegram.fault(fault, times=1)

    move(stack, -1)
    await stack.hears("−1 USDC")
    repeated = await stack.hears("−1 USDC")

    move(stack, 2)
    await stack.hears("+2 USDC")
    assert amounts_told(stack) == ["−1", "−1", "+2"]
    first, second, _ = numbers(stack)[-3:]
    assert first == second
    assert repeated.text in stack.said()


# ---------------------------------------------------------------- no answer for long


def answer_nothing(stack: Stack, fault: TelegramFault) -> None:
    """Let a fault meet all that the bot says, in a chat that it can be heard from."""
    for method in ("sendMessage", "sendChatAction"):
        stack.telegram.fault(fault, method=method)


def questions(stack: Stack) -> int:
    return sum(call.method == "sendChatAction" for call in stack.telegram.calls)


@pytest.mark.usefixtures("_short_pauses")
async def test_while_telegram_answers_nothing_it_is_asked_and_told_once_it_is_back(stack: Stack) -> None:
    await stack.watches()
    answer_nothing(stack, before(Close()))

    move(stack, -1)
    await until(lambda: questions(stack) >= 5)
    assert amounts_told(stack) == []
    stack.telegram.heal()

    await stack.hears("−1 USDC")
    move(stack, 2)
    await stack.hears("+2 USDC")
    assert amounts_told(stack) == ["−1", "+2"]


@pytest.mark.usefixtures("_short_pauses")
async def test_a_telegram_that_takes_messages_and_answers_nothing_makes_three_copies_however_long(
    stack: Stack,
) -> None:
    await stack.watches()
    answer_nothing(stack, after(Close()))

    move(stack, -1)
    await until(lambda: questions(stack) >= 5)
    assert amounts_told(stack) == ["−1"] * 3
    stack.telegram.heal()

    move(stack, 2)
    await stack.hears("+2 USDC")
    assert amounts_told(stack) == ["−1"] * 4 + ["+2"]
    assert len(set(numbers(stack)[-5:])) == 2


async def test_where_questions_are_answered_and_messages_are_not_copies_are_few_and_all_arrives(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, then_late = (0.05,) * (delivery.UNKNOWNS_SET_ASIDE - 1), (60.0,)
    monkeypatch.setattr(delivery, "UNKNOWN_OUTCOME_BACKOFF", Backoff(soon + then_late))
    await stack.watches()
    stack.telegram.fault(after(Close()), method="sendMessage")

    move(stack, -1)
    copies = ["−1"] * delivery.UNKNOWNS_SET_ASIDE
    await until(lambda: amounts_told(stack) == copies)
    await stack.asked(3)
    assert amounts_told(stack) == copies
    stack.telegram.heal()

    move(stack, 2)
    await until(lambda: amounts_told(stack) == [*copies, "+2", "−1"])
    assert len(set(numbers(stack)[-8:])) == 2


# ---------------------------------------------------------------- refused for good


async def test_a_message_that_is_refused_is_dissolved_and_what_is_refused_alone_is_said_to_be(
    stack: Stack,
) -> None:
    group = await watch_in_a_group(stack)
    stack.telegram.fault(before(Error(400, "Bad Request: message is too long")), times=2, chat=group)

    move(stack, -1)
    stack.world.move(POLYGON, None, ACCOUNT, 10**18)

    await stack.hears("could not be delivered", chat=group)
    await stack.hears("could not be delivered")
    await until(lambda: "USDC" in "".join(stack.said(group)[2:]) or "POL" in "".join(stack.said(group)[2:]))
    shown = "\n".join(stack.said(group))
    assert ("−1 USDC" in shown) + ("+1 POL" in shown) == 1, "one of the two was refused singly"


async def test_a_message_whose_formats_are_refused_comes_as_plain_text(stack: Stack) -> None:
    await stack.watches()
    stack.telegram.fault(before(Error(400, "Bad Request: can't parse entities: odd")), times=1)

    move(stack, -1)

    message = await stack.hears("−1 USDC")
    assert message.entities == ()
    assert len(amounts_told(stack)) == 1


# ---------------------------------------------------------------- places that change


async def test_a_blocked_bot_parks_its_alerts_and_tells_them_when_unblocked(stack: Stack) -> None:
    await stack.watches()
    stack.telegram.blocks(stack.olga)
    move(stack, -1)
    await stack.asked(3)
    move(stack, -2)
    await stack.asked(3)

    stack.telegram.unblocks(stack.olga)

    await until(lambda: amounts_told(stack) == ["−1", "−2"])


async def test_a_group_that_becomes_a_supergroup_is_followed(stack: Stack) -> None:
    group = await watch_in_a_group(stack)

    supergroup = stack.telegram.migrates(group)
    move(stack, -1)

    await stack.hears("−1 USDC", chat=supergroup)
    stack.say("/list", chat=supergroup)
    assert "Till" in (await stack.hears("Watched here", chat=supergroup)).text
    assert len(amounts_told(stack, supergroup)) == 1


async def test_a_closed_topic_sends_its_alerts_to_the_group_until_it_is_open_again(stack: Stack) -> None:
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator"})
    topic = stack.telegram.add_topic(forum, "Treasury")
    stack.say("/allow", chat=forum)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await stack.hears("balances", chat=forum)

    stack.telegram.close_topic(forum, topic)
    move(stack, -1)
    astray = await stack.hears("−1 USDC", chat=forum)
    assert astray.thread_id is None
    assert "Its topic is closed" in astray.text

    stack.telegram.reopen_topic(forum, topic)
    stack.say("/list", chat=forum, topic=topic)
    await stack.hears("Watched here", chat=forum)
    move(stack, -2)
    told = await stack.hears("−2 USDC", chat=forum)
    assert told.thread_id == topic
    assert "Its topic" not in told.text


async def closed_topic(stack: Stack) -> tuple[Chat, int]:
    """Let a topic watch, be closed, and have an alert beside it."""
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator"})
    topic = stack.telegram.add_topic(forum, "Treasury")
    stack.say("/allow", chat=forum)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await stack.hears("balances", chat=forum)
    stack.telegram.closes_topic(stack.olga, forum, topic)
    move(stack, -1)
    assert (await stack.hears("−1 USDC", chat=forum)).thread_id is None
    return forum, topic


async def test_a_topic_that_is_opened_again_hears_its_alerts_without_a_command(stack: Stack) -> None:
    forum, topic = await closed_topic(stack)

    stack.telegram.reopens_topic(stack.olga, forum, topic)
    stack.say("/id", chat=forum)
    await stack.hears("user id", chat=forum)
    move(stack, -2)

    told = await stack.hears("−2 USDC", chat=forum)
    assert told.thread_id == topic
    assert "Its topic" not in told.text


async def test_the_word_that_a_topic_is_closed_does_not_open_it(stack: Stack) -> None:
    forum, topic = await closed_topic(stack)

    stack.telegram.closes_topic(stack.olga, forum, topic)
    stack.say("/id", chat=forum)
    await stack.hears("user id", chat=forum)
    refused = sum(call.method == "sendMessage" for call in stack.telegram.calls)
    move(stack, -2)

    assert (await stack.hears("−2 USDC", chat=forum)).thread_id is None
    assert sum(call.method == "sendMessage" for call in stack.telegram.calls) == refused + 1


async def test_what_a_lost_topic_watched_is_moved_to_where_somebody_in_charge_says_so(stack: Stack) -> None:
    member = stack.telegram.add_user("Bob")
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator", member: "member"})
    lost, other = (stack.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    stack.say("/allow", chat=forum)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=lost)
    await stack.hears("balances", chat=forum)
    stack.telegram.close_topic(forum, lost)
    move(stack, -1)
    assert "/here" in (await stack.hears("−1 USDC", chat=forum)).text

    stack.say("/here", chat=forum, topic=other, user=member)
    await stack.hears("its administrators", chat=forum)
    stack.say("/here", chat=forum, topic=other)
    assert (await stack.hears("Moved 1 entry.", chat=forum)).thread_id == other

    move(stack, -2)
    told = await stack.hears("−2 USDC", chat=forum)
    assert told.thread_id == other
    assert "Its topic" not in told.text
    stack.say("/list", chat=forum, topic=other)
    assert "Till" in (await stack.hears("Watched here", chat=forum)).text


async def test_where_no_topic_is_lost_nothing_is_moved(stack: Stack) -> None:
    forum = stack.telegram.add_forum("Team", {stack.olga: "creator"})
    topic, other = (stack.telegram.add_topic(forum, name) for name in ("Treasury", "Payroll"))
    stack.say("/allow", chat=forum)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=forum, topic=topic)
    await stack.hears("balances", chat=forum)

    stack.say("/here", chat=forum, topic=other)
    await stack.hears("nothing to move", chat=forum)

    move(stack, -1)
    assert (await stack.hears("−1 USDC", chat=forum)).thread_id == topic


# ---------------------------------------------------------------- many


async def test_a_chat_that_is_throttled_delays_no_other_and_gets_fewer_messages(stack: Stack) -> None:
    await stack.watches()
    group = await watch_in_a_group(stack)
    stack.telegram.fault(too_many_requests(2), times=1, chat=group)

    for number in range(1, 6):
        move(stack, -number)
        await stack.hears(f"−{number} USDC")

    await until(lambda: len(amounts_told(stack, group)) == 5)
    assert amounts_told(stack, group) == ["−1", "−2", "−3", "−4", "−5"]
    assert len(numbers(stack, group)) <= 1 + 2, "the first reading, the throttled one, and all the others"


async def test_a_busy_group_gets_few_messages_and_every_change(tmp_path: Path) -> None:
    async with open_stack(tmp_path, delivery=["group_messages_per_minute = 6"]) as stack:
        stack.start()
        await stack.watches()
        group = await watch_in_a_group(stack)

        for number in range(1, 31):
            move(stack, number)
            await stack.hears(f"+{number} USDC")

        assert len(stack.said(group)) <= 6
        stack.say("/list", chat=group)
        stack.say("/status")
        await stack.hears("Waiting to be sent")


async def test_many_changes_at_once_are_few_messages_that_fit(stack: Stack) -> None:
    tokens = [f"0x{number:040x}" for number in range(1, 301)]
    for token in tokens:
        stack.world.add_contract(
            Contract(chain_id=POLYGON, address=token, kind="ERC20", symbol="T", name="Token", decimals=0)
        )
        stack.world.move(POLYGON, token, ACCOUNT, 10)
    await stack.watches()

    for token in tokens:
        stack.world.move(POLYGON, token, ACCOUNT, 1)

    await until(lambda: "\n".join(stack.said()).count("10 → 11") == 300)
    told = [text for text in stack.said() if "10 → 11" in text]
    assert len(told) <= 10
    assert all(len(text) <= 4096 for text in told)
