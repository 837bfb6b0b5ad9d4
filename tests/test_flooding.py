"""It never floods: however much happens, people get few messages, within Telegram's limits, and all of it."""

import re
from pathlib import Path

from bot.sandbox.telegram import Hold, before, too_many_requests
from bot.sandbox.telegram_world import Chat
from bot.sandbox.world import Contract
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, open_house, until

USUAL_PACE = [
    "group_wait_seconds = 0.05",
    "messages_per_second = 25",
    "private_messages_per_second = 1",
    "group_messages_per_minute = 18",
]


def usdc_moves(house: House, units: int) -> None:
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def amounts_told(house: House, chat: Chat) -> list[int]:
    """Return every change of USDC that a chat shows, in order."""
    shown = re.findall(r"[▼▲] ([−+]\d+) USDC", "\n".join(house.said(chat)))
    return [int(amount.replace("−", "-")) for amount in shown]


def hold_tokens(house: House, count: int) -> list[str]:
    """Let the account hold some of so many tokens."""
    tokens = [f"0x{number:040x}" for number in range(1, count + 1)]
    for number, token in enumerate(tokens):
        house.world.add_contract(
            Contract(chain_id=POLYGON, address=token, kind="ERC20", symbol=f"T{number}", name="T", decimals=0)
        )
        house.world.set_token(POLYGON, token, ACCOUNT, 1)
    return tokens


async def watch_in_a_group(house: House) -> Chat:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await house.hears("balances", chat=group)
    return group


async def test_three_hundred_changes_while_telegram_is_away_are_few_messages_afterwards(house: House) -> None:
    tokens = hold_tokens(house, 60)
    await house.watches()
    before_outage = len(house.said())

    async with house.telegram.refusing():
        for amount in range(2, 7):
            for token in tokens:
                house.world.set_token(POLYGON, token, ACCOUNT, amount)
            await house.asked(2)

    await until(lambda: "\n".join(house.said()).count("5 → 6") == 60)
    told = "\n".join(house.said()[before_outage:])
    assert len(re.findall(r"▲ \+\d+ T\d+ ", told)) == 300
    assert len(house.said()) - before_outage <= 10


async def test_sixty_alerts_to_a_group_are_all_told_and_telegram_asks_for_no_pause(tmp_path: Path) -> None:
    async with open_house(tmp_path, delivery=USUAL_PACE) as house:
        house.telegram.enforce_limits()
        house.start()
        group = await watch_in_a_group(house)

        for number in range(1, 61):
            usdc_moves(house, number)
            await house.asked(2)

        await until(lambda: len(amounts_told(house, group)) == 60)
        assert amounts_told(house, group) == list(range(1, 61))
        assert house.telegram.floods == []


async def test_a_thousand_alerts_to_one_chat_are_few_messages(house: House) -> None:
    tokens = hold_tokens(house, 1000)
    await house.watches()

    for token in tokens:
        house.world.set_token(POLYGON, token, ACCOUNT, 2)

    await until(lambda: "\n".join(house.said()).count("1 → 2") == 1000)
    assert sum("1 → 2" in text for text in house.said()) <= 30


async def test_neither_a_blocked_nor_a_slow_nor_a_flooded_chat_delays_another(house: House) -> None:
    telegram = house.telegram
    others = []
    for number in range(3):
        user = telegram.add_user(f"User {number}")
        others.append(telegram.add_private_chat(user))
        house.say(f"/allow {others[-1].id}")
        await house.hears("open")
        house.say(f"/watch {CHECKSUMMED} as Till", chat=others[-1], user=user)
        await house.hears("balances", chat=others[-1])
    house.say(f"/watch {CHECKSUMMED} as Till")
    await house.hears("balances")
    blocked, slow, flooded = others
    telegram.blocks(telegram.user(blocked.id))
    hold = Hold()
    telegram.fault(before(hold), chat=slow)
    telegram.fault(too_many_requests(300), chat=flooded)

    for number in range(1, 6):
        usdc_moves(house, number)
        await house.hears(f"+{number} USDC")

    assert [amounts_told(house, chat) for chat in others] == [[], [], []]
    telegram.heal(chat=slow)
    await until(lambda: amounts_told(house, slow) == [1, 2, 3, 4, 5])


async def test_a_group_that_had_its_share_of_the_minute_gets_no_more_after_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.start()
        await house.watches()
        group = await watch_in_a_group(house)
        usdc_moves(house, 1)
        await house.hears("+1 USDC", chat=group)
        await house.stop()
        house.lines["delivery"] = ["group_messages_per_minute = 1", "private_messages_per_second = 1000"]

        house.start()
        for number in range(2, 5):
            usdc_moves(house, number)
            await house.hears(f"+{number} USDC")

        assert amounts_told(house, group) == [1]
