"""Killed again and again at any moment, under load and in trouble: nothing is lost, little is repeated.

Whether that holds is judged by what people see and by what the world did, never by the bot's own database.
`KILLS=100` in the environment makes it as many.
"""

import asyncio
import os
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.api.faults import (
    Close,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
    too_many_requests,
)
from bot.sandbox.telegram.world.world import Chat, Message
from tests.examples import examples
from tests.stack import POLYGON, Stack, open_stack
from tests.waits import until

KILLS = int(os.environ.get("KILLS", examples(25)))
LONGEST_LIFE_SECONDS = 1.2
AFTERLIFE_SECONDS = 10.0
"""Over a server one that was killed keeps its roles for so long, and the next one has to wait for them."""

SETTLING_SECONDS = 600
"""A generous limit for all to be told in the end: a message in doubt waits for half a minute and more."""

LINE = re.compile(r"^[🟢🔴✨] (?:\S+ )?([+−])([\d,]+) (\w+) · Polygon\n {4}([\d,]+) → ([\d,]+)", re.MULTILINE)
NUMBER = re.compile(r"UTC(?:, sent [^·]+)? · ([0-9A-Z]{4,10})$")

TROUBLES: tuple[TelegramFault, ...] = (
    too_many_requests(1),
    before(Close()),
    before(Reset()),
    before(ProxyPage(502)),
    after(Reset()),
    after(Close()),
)


@dataclass
class Holder:
    """An account with a token of its own, and every amount that it ever held."""

    account: str
    contract: str
    symbol: str
    amounts: list[int] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return self.amounts[-1]


@dataclass
class Audience:
    """A chat, or a topic of one, and what it is to be told of."""

    chat: Chat
    thread_id: int | None
    holders: list[Holder]
    troubles: int = 0
    """Sends whose answer was kept back."""


@dataclass
class Town:
    """Who holds what and who watches whom."""

    stack: Stack
    rng: random.Random
    holders: list[Holder] = field(default_factory=list)
    audiences: list[Audience] = field(default_factory=list)

    def settle_in(self) -> None:
        """Let five accounts hold tokens, and four places be there to watch some of them."""
        for number in range(1, 6):
            holder = Holder(f"0x{number:040x}", f"0x{0xC0 + number:040x}", f"TOK{number}")
            self.stack.world.add_contract(
                Contract(
                    chain_id=POLYGON,
                    address=holder.contract,
                    kind="ERC20",
                    symbol=holder.symbol,
                    name=holder.symbol,
                    decimals=0,
                )
            )
            self.holders.append(holder)
            self.sets(holder, 1000)
        telegram, olga = self.stack.telegram, self.stack.olga
        first, second, third, fourth, fifth = self.holders
        group = telegram.add_supergroup("Group", {olga: "creator"})
        forum = telegram.add_forum("Forum", {olga: "creator"})
        topics = [telegram.add_topic(forum, title) for title in ("One", "Two")]
        self.audiences = [
            Audience(self.stack.chat, None, [first, second]),
            Audience(group, None, [second, third]),
            Audience(forum, topics[0], [fourth]),
            Audience(forum, topics[1], [fifth, first]),
        ]

    def sets(self, holder: Holder, amount: int) -> None:
        holder.amounts.append(amount)
        self.stack.world.set_token(POLYGON, holder.contract, holder.account, amount)

    async def live(self) -> None:
        """Let something move all the time, and something go wrong now and then."""
        while True:
            holder = self.rng.choice(self.holders)
            amount = holder.amount + self.rng.randint(-holder.amount + 1, 1000)
            if amount not in holder.amounts:
                self.sets(holder, amount)
            if self.rng.random() < 0.05:
                audience, trouble = self.rng.choice(self.audiences), self.rng.choice(TROUBLES)
                audience.troubles += trouble.place == "after" or isinstance(trouble.answer, ProxyPage)
                self.stack.telegram.fault(trouble, times=1, chat=audience.chat)
            if self.rng.random() < 0.3:
                self.slows_down(self.rng.choice(self.audiences))
            await asyncio.sleep(self.rng.uniform(0.01, 0.06))

    def slows_down(self, audience: Audience) -> None:
        """Let Telegram take its time before or after it accepts the next message: bots die meanwhile."""
        telegram = self.stack.telegram
        hold_it = self.rng.choice((telegram.hold_before, telegram.hold_after))
        hold = hold_it(chat=audience.chat)
        asyncio.get_running_loop().call_later(self.rng.uniform(0.2, 1), hold.release)

    def seen(self, audience: Audience) -> tuple[Message, ...]:
        return self.stack.telegram.seen(audience.chat, audience.thread_id).messages

    def told(self, audience: Audience) -> dict[str, list[tuple[int, int]]]:
        """Return the steps that each token took as this audience saw them, messages seen twice left out."""
        steps: dict[str, list[tuple[int, int]]] = {}
        for message in without_repetitions(self.seen(audience)):
            for sign, change, symbol, before_, after_ in LINE.findall(message.text):
                before_amount, after_amount, size = map(number, (before_, after_, change))
                assert after_amount - before_amount == (size if sign == "+" else -size)
                steps.setdefault(symbol, []).append((before_amount, after_amount))
        return steps

    def is_all_told(self) -> bool:
        return all(
            holder.symbol in (told := self.told(audience)) and told[holder.symbol][-1][1] == holder.amount
            for audience in self.audiences
            for holder in audience.holders
        )


def number(shown: str) -> int:
    return int(shown.replace(",", ""))


def without_repetitions(messages: tuple[Message, ...]) -> Iterator[Message]:
    """Yield each message once, by its id, having seen that a repeated one is the same to the letter."""
    texts: dict[str, str] = {}
    for message in messages:
        (message_id,) = NUMBER.findall(message.text) or [f"an answer, {message.message_id}"]
        if message_id not in texts:
            yield message
        assert texts.setdefault(message_id, message.text) == message.text


@pytest.mark.law
async def test_killed_again_and_again_nothing_is_lost_and_little_repeated(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        town = Town(stack, random.Random(20261125))  # noqa: S311 - the same each time
        town.settle_in()
        process = await stack.start_process()
        for audience in town.audiences:
            if audience.chat is not stack.chat:
                stack.say("/allow", chat=audience.chat)
            for holder in audience.holders:
                stack.say(f"/watch {holder.account}", chat=audience.chat, topic=audience.thread_id)
        await until(lambda: all(has_baselines(town, audience) for audience in town.audiences))

        life = asyncio.create_task(town.live())
        idle = 0.0 if stack.store_url is None else AFTERLIFE_SECONDS
        for _ in range(KILLS):
            await asyncio.sleep(idle + town.rng.uniform(0, LONGEST_LIFE_SECONDS))
            await stack.kill(process)
            process = await stack.start_process()
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        stack.telegram.heal()

        async with asyncio.timeout(SETTLING_SECONDS):
            while not town.is_all_told():  # noqa: ASYNC110 - the neighbours tell nobody
                await asyncio.sleep(0.1)
        await stack.asked(3)
        assert process.returncode is None
        for audience in town.audiences:
            assert_all_is_told_and_nothing_else(town, audience)
        repeated = sum(stack.telegram.seen(chat).duplicates for chat in chats_of(town))
        assert repeated <= sends_in_doubt(town)
        assert repeated <= counted_by_the_bot(stack), "it knows how often it may have repeated something"


def has_baselines(town: Town, audience: Audience) -> bool:
    shown = "\n".join(message.text for message in town.seen(audience))
    return shown.count("1 balance") >= len(audience.holders)


def chats_of(town: Town) -> list[Chat]:
    return list({audience.chat.id: audience.chat for audience in town.audiences}.values())


def sends_in_doubt(town: Town) -> int:
    """Return how many there can have been: one for each chat and kill, and those kept from being known."""
    return KILLS * len(chats_of(town)) + sum(audience.troubles for audience in town.audiences)


def counted_by_the_bot(stack: Stack) -> int:
    ((count,),) = stack.rows("SELECT sum(unknowns) FROM delivery")
    return int(count)


def assert_all_is_told_and_nothing_else(town: Town, audience: Audience) -> None:
    """See each token step from amount to amount without a gap, through amounts that it had, in order."""
    told = town.told(audience)
    assert set(told) == {holder.symbol for holder in audience.holders}, "nothing of what others watch"
    for holder in audience.holders:
        steps = told[holder.symbol]
        assert steps[0][0] == holder.amounts[0]
        assert [before for before, _ in steps[1:]] == [after for _, after in steps[:-1]], "no step is missing"
        assert steps[-1][1] == holder.amount
        moments = [holder.amounts.index(after) for _, after in steps]
        assert moments == sorted(moments), "what was, as it was, when it was"
