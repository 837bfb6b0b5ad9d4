"""What a director breaks and heals: the neighbours themselves say what they do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from telegram.error import NetworkError, RetryAfter

from bot.sandbox.gateway.faults.kinds import AnswerHtml, FailNatives, FailTokens, Fault, Reindex, Stall
from bot.sandbox.terminal.scenario import BASE, POLYGON
from tests.sandbox.terminal.session import Session, open_session
from tests.waits import HANG_SECONDS


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with open_session() as session:
        yield session


@pytest.mark.parametrize(
    ("typed", "said", "faults"),
    [
        (
            "break chain polygon",
            "The indexer gives no answer about Polygon any more.",
            {FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON)},
        ),
        ("break base", "no answer about Base", {FailTokens(chain_id=BASE), FailNatives(chain_id=BASE)}),
        ("break gateway", "The indexer answers nothing but errors.", {AnswerHtml(status=502)}),
        ("rebuild index of polygon", "The index of Polygon is being rebuilt", {Reindex(chain_id=POLYGON)}),
    ],
)
async def test_what_is_broken_is_broken_until_it_is_healed(
    session: Session, typed: str, said: str, faults: set[Fault]
) -> None:
    assert said in await session.screen.types(typed)
    assert set(session.gateway.faults.active()) == faults

    assert "Well again: " in await session.screen.types("heal")
    assert session.gateway.faults.active() == ()


async def test_a_chain_lags_by_a_node_that_gets_no_further(session: Session) -> None:
    block = session.gateway.world.block(POLYGON)
    await session.screen.types("lag polygon")
    await session.screen.types("move 1 pol")

    assert session.gateway.faults.active() == (Stall(chain_id=POLYGON, at_block=block, every=2),)


async def test_one_thing_can_be_healed_and_the_rest_stays_broken(session: Session) -> None:
    await session.screen.types("rebuild index of polygon")
    await session.screen.types("break gateway")

    assert "Well again: gateway." in await session.screen.types("heal gateway")
    assert session.gateway.faults.active() == (Reindex(chain_id=POLYGON),)
    assert "Well again: Polygon." in await session.screen.types("heal chain polygon")
    assert session.gateway.faults.active() == ()


async def test_what_others_broke_over_http_is_left_to_them(session: Session) -> None:
    theirs = FailTokens(chain_id=BASE)
    session.gateway.faults.add(theirs)
    await session.screen.types("break polygon")
    await session.screen.types("heal")

    assert session.gateway.faults.active() == (theirs,)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("heal", "Nothing is broken."),
        ("break chain solana", "There are: gateway, Telegram, Ethereum, Polygon, Base."),
        ("lag solana", "There is no chain “solana”"),
        ("rebuild index of telegram", "There is no chain “telegram”"),
    ],
)
async def test_what_cannot_be_broken_or_healed_is_said_in_words(
    session: Session, typed: str, reason: str
) -> None:
    assert reason in await session.screen.types(typed)
    assert session.gateway.faults.active() == ()


async def test_what_is_not_broken_cannot_be_healed_by_name(session: Session) -> None:
    await session.screen.types("break polygon")

    assert "There is: Polygon." in await session.screen.types("heal base")
    assert session.gateway.faults.active()


async def becomes(session: Session, *, reached: bool) -> None:
    """Wait until the bot reaches Telegram, or does not."""
    async with asyncio.timeout(HANG_SECONDS):
        while await is_reached(session) != reached:
            pass


async def is_reached(session: Session) -> bool:
    try:
        await session.bot.get_me()
    except NetworkError:
        return False
    return True


async def test_telegram_takes_no_connection_until_it_is_healed(session: Session) -> None:
    assert await is_reached(session)
    assert "Telegram can't be reached any more" in await session.screen.types("break telegram")
    await becomes(session, reached=False)

    assert "Well again: Telegram." in await session.screen.types("heal telegram")
    await becomes(session, reached=True)


async def test_telegram_is_as_it_was_however_often_it_is_broken_and_healed(session: Session) -> None:
    for typed in ("break telegram", "heal", "break telegram", "break telegram", "heal"):
        await session.screen.types(typed)

    await becomes(session, reached=True)
    await session.screen.types("break telegram")
    await becomes(session, reached=False)


async def test_what_is_said_while_telegram_is_broken_is_heard_afterwards(session: Session) -> None:
    await session.screen.types("break telegram")
    await becomes(session, reached=False)
    await session.screen.types("/status")
    await session.screen.types("heal")
    await becomes(session, reached=True)

    assert "/status" in [update.message.text for update in await session.bot.get_updates() if update.message]


async def test_telegram_wants_a_pause_for_a_few_messages(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of its own future
    assert "Telegram answers the next 2 messages with 429" in await session.screen.types("flood")
    for _ in range(2):
        with pytest.raises(RetryAfter):
            await session.bot.send_message(session.ops.id, "too much")

    assert (await session.bot.send_message(session.ops.id, "enough")).text == "enough"


async def test_a_pause_that_telegram_wants_is_healed_too(session: Session) -> None:
    await session.screen.types("flood")
    await session.screen.types("heal")

    assert (await session.bot.send_message(session.ops.id, "at once")).text == "at once"
