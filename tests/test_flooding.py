"""It never floods: however much happens, people get few messages, within Telegram's limits, and all of it."""

import re
from pathlib import Path

from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.api.faults import Hang, before, too_many_requests
from bot.sandbox.telegram.api.limits import TelegramLimits
from bot.sandbox.telegram.world.world import Chat
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

USUAL_PACE = [
    "group_wait_seconds = 0.05",
    "messages_per_second = 25",
    "private_messages_per_second = 1",
    "group_messages_per_minute = 18",
]

ONLY_THREE_TO_A_GROUP = TelegramLimits(
    chat_messages_per_second=1000, chat_burst=1000, group_messages_per_minute=3, bot_messages_per_second=1000
)


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def amounts_told(stack: Stack, chat: Chat) -> list[int]:
    """Return every change of USDC that a chat shows, in order."""
    shown = re.findall(r"[🔴🟢] (?:Till )?([−+]\d+) USDC", "\n".join(stack.said(chat)))
    return [int(amount.replace("−", "-")) for amount in shown]


def hold_tokens(stack: Stack, count: int) -> list[str]:
    """Let the account hold some of so many tokens."""
    tokens = [f"0x{number:040x}" for number in range(1, count + 1)]
    for number, token in enumerate(tokens):
        stack.world.add_contract(
            Contract(chain_id=POLYGON, address=token, kind="ERC20", symbol=f"T{number}", name="T", decimals=0)
        )
        stack.world.set_token(POLYGON, token, ACCOUNT, 1)
    return tokens


async def is_answered(stack: Stack, chat: Chat) -> None:
    before = len(stack.said(chat))
    stack.say("/list", chat=chat)
    await until(lambda: len(stack.said(chat)) > before)


async def watch_in_a_group(stack: Stack) -> Chat:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    return group


async def test_three_hundred_changes_while_telegram_is_away_are_few_messages_afterwards(stack: Stack) -> None:
    tokens = hold_tokens(stack, 60)
    await stack.watches()
    before_outage = len(stack.said())

    async with stack.telegram.refusing():
        for amount in range(2, 7):
            for token in tokens:
                stack.world.set_token(POLYGON, token, ACCOUNT, amount)
            await stack.asked(2)

    await until(lambda: "\n".join(stack.said()).count("5 → 6") == 60)
    told = "\n".join(stack.said()[before_outage:])
    assert len(re.findall(r"🟢 \+\d+ T\d+ ", told)) == 300
    assert len(stack.said()) - before_outage <= 10


async def test_sixty_alerts_to_a_group_are_all_told_and_telegram_asks_for_no_pause(tmp_path: Path) -> None:
    async with open_stack(tmp_path, delivery=USUAL_PACE) as stack:
        stack.telegram.enforce_limits()
        stack.start()
        group = await watch_in_a_group(stack)

        for number in range(1, 61):
            usdc_moves(stack, number)
            await stack.asked(2)

        await until(lambda: len(amounts_told(stack, group)) == 60)
        # In one message of many the weightiest come first.
        assert sorted(amounts_told(stack, group)) == list(range(1, 61))
        assert stack.telegram.floods == []


async def test_a_thousand_alerts_to_one_chat_are_few_messages(stack: Stack) -> None:
    tokens = hold_tokens(stack, 1000)
    await stack.watches()

    for token in tokens:
        stack.world.set_token(POLYGON, token, ACCOUNT, 2)

    await until(lambda: "\n".join(stack.said()).count("1 → 2") == 1000)
    assert sum("1 → 2" in text for text in stack.said()) <= 30


async def test_neither_a_blocked_nor_a_slow_nor_a_flooded_chat_delays_another(stack: Stack) -> None:
    telegram = stack.telegram
    others = []
    for number in range(3):
        user = telegram.add_user(f"User {number}")
        others.append(telegram.add_private_chat(user))
        stack.say(f"/allow {others[-1].id}")
        await stack.hears("can use")
        stack.say(f"/watch {CHECKSUMMED} as Till", chat=others[-1], user=user)
        await stack.hears("balances", chat=others[-1])
    stack.say(f"/watch {CHECKSUMMED} as Till")
    await stack.hears("balances")
    blocked, slow, flooded = others
    telegram.blocks(telegram.user(blocked.id))
    hold = Hang()
    telegram.fault(before(hold), chat=slow)
    telegram.fault(too_many_requests(300), chat=flooded)

    for number in range(1, 6):
        usdc_moves(stack, number)
        await stack.hears(f"+{number} USDC")

    assert [amounts_told(stack, chat) for chat in others] == [[], [], []]
    telegram.heal(chat=slow)
    await until(lambda: amounts_told(stack, slow) == [1, 2, 3, 4, 5])


async def test_a_group_that_had_its_share_of_the_minute_gets_no_more_after_a_restart(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()
        group = await watch_in_a_group(stack)
        usdc_moves(stack, 1)
        await stack.hears("+1 USDC", chat=group)
        await stack.stop()
        stack.lines["delivery"] = ["group_messages_per_minute = 1", "private_messages_per_second = 1000"]

        stack.start()
        for number in range(2, 5):
            usdc_moves(stack, number)
            await stack.hears(f"+{number} USDC")

        assert amounts_told(stack, group) == [1]


async def test_a_group_that_was_answered_its_share_of_the_minute_gets_no_more_after_a_kill(
    tmp_path: Path,
) -> None:
    async with open_stack(tmp_path) as stack:
        stack.lines["delivery"] = ["group_messages_per_minute = 3"]
        stack.telegram.enforce_limits(ONLY_THREE_TO_A_GROUP)
        process = await stack.start_process()
        group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
        stack.say("/allow", chat=group)
        await stack.hears("open now", chat=group)
        await is_answered(stack, group)
        await is_answered(stack, group)

        await stack.kill(process)
        await stack.start_process()
        stack.say("/list", chat=group)
        await is_answered(stack, stack.chat)
        await is_answered(stack, stack.chat)

        assert stack.telegram.floods == []
        assert len(stack.said(group)) == 3
