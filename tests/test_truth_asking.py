"""How the source is asked when it cannot bear much, end to end: nothing is told wrongly, none missed."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.gateway.faults.kinds import AnswerError, AnswerHtml, Delay
from tests.chat.reading import moves
from tests.stack import ACCOUNT, BASE, CHECKSUMMED, POLL, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

OTHERS = tuple("0x" + f"{number:02x}" * 20 for number in (0x0D, 0x0E, 0x1F))
WATCH = f"/watch {CHECKSUMMED} on polygon, base\n" + "\n".join(f"{one} on polygon, base" for one in OTHERS)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a whole bot that sweeps as often as it can."""
    async with open_stack(tmp_path, indexer=["poll_interval_seconds = 0.03"]) as one:
        one.start()
        yield one


def sizes(stack: Stack, since: int = 0) -> Iterator[int]:
    """Yield how many accounts each question about balances named."""
    for request in stack.gateway.requests[since:]:
        if request.method == "GetTokenBalancesSummary":
            assert isinstance(request.body, dict)
            yield len(request.body["filter"]["accountAddresses"])


def page_sizes(stack: Stack, since: int = 0) -> set[int]:
    bodies = [request.body for request in stack.gateway.requests[since:] if "Balances" in request.method]
    return {body["page"]["pageSize"] for body in bodies if isinstance(body, dict)}


def longest_pause_seconds(stack: Stack, since: int) -> float:
    """Return how long the source was left alone at the most; less than was waited for it cannot be."""
    moments = [
        request.received_at
        for request in stack.gateway.requests[since:]
        if request.method == "GetTokenBalancesSummary"
    ]
    return max((later - earlier).total_seconds() for earlier, later in pairwise(moments))


async def stack_says(stack: Stack, words: str, *, since: int) -> None:
    await until(lambda: words in "".join(stack.said()[since:]))


async def moves_are_told(stack: Stack, *accounts: str) -> None:
    """See that what the accounts gain is told exactly once each."""
    before = stack.said()
    for number, account in enumerate(accounts, start=1):
        stack.world.move(POLYGON, None, account, number * 10**18)
    for number in range(1, len(accounts) + 1):
        await stack_says(stack, f"+{number} POL", since=len(before))
    await stack.asked(2)
    assert "".join(stack.said()[len(before) :]).count("→") == len(accounts)


@pytest.mark.parametrize("answer", ["invalid_argument", "resource_exhausted", "too_large"])
async def test_questions_refused_as_too_large_are_halved_until_all_is_answered(
    stack: Stack, answer: str
) -> None:
    stack.gateway.knobs = replace(stack.gateway.knobs, max_accounts=2, above_max_accounts=answer)  # type: ignore[arg-type]
    await stack.watches(WATCH)
    await stack.asked(4)
    since = len(stack.gateway.requests)

    await moves_are_told(stack, ACCOUNT, *OTHERS)

    assert max(sizes(stack, since)) <= 2


async def test_questions_grow_again_once_the_source_bears_more(stack: Stack) -> None:
    stack.gateway.knobs = replace(stack.gateway.knobs, max_accounts=2)
    await stack.watches(WATCH)
    await stack.asked(4)
    assert list(sizes(stack))[-1] <= 2

    stack.gateway.knobs = replace(stack.gateway.knobs, max_accounts=None)
    since = len(stack.gateway.requests)

    await until(lambda: any(size == 4 for size in sizes(stack, since)))
    await moves_are_told(stack, ACCOUNT, *OTHERS)


@pytest.mark.parametrize(
    "fault",
    [
        AnswerError(name="InvalidArgument", code=2001, status=400, for_account=OTHERS[0]),
        AnswerError(name="InvalidArgument", code=2001, status=400, for_chain=BASE),
        AnswerError(name="InvalidChain", code=1106, status=403, for_chain=BASE),
    ],
    ids=["an account", "a chain", "a chain that the project has not"],
)
async def test_what_spoils_questions_is_asked_apart_and_hides_no_other(
    stack: Stack, fault: AnswerError
) -> None:
    await stack.watches(WATCH)
    stack.gateway.faults.add(fault)
    await stack.asked(12)

    await moves_are_told(stack, ACCOUNT, *OTHERS[1:])
    stack.gateway.faults.heal()
    await moves_are_told(stack, *OTHERS)


async def test_a_source_that_fails_over_and_over_is_left_alone_and_nothing_of_it_is_lost(
    stack: Stack,
) -> None:
    await stack.watches(WATCH)
    stack.gateway.faults.add(AnswerHtml(method=POLL, status=502, times=9))  # three questions, thrice each
    since = len(stack.gateway.requests)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    assert longest_pause_seconds(stack, since) >= 1
    await moves_are_told(stack, ACCOUNT, *OTHERS)


async def test_a_source_that_fails_once_is_asked_again_without_a_pause(stack: Stack) -> None:
    await stack.watches(WATCH)
    stack.gateway.faults.add(AnswerHtml(method=POLL, status=502, times=2))
    since = len(stack.gateway.requests)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    assert len(list(sizes(stack, since))) >= 3


async def test_a_source_that_refuses_large_pages_is_asked_for_small_ones_from_then_on(stack: Stack) -> None:
    stack.gateway.knobs = replace(stack.gateway.knobs, max_page_size=40)
    await stack.watches(WATCH)
    since = len(stack.gateway.requests)

    await moves_are_told(stack, ACCOUNT, *OTHERS)

    assert 1000 in page_sizes(stack)
    assert page_sizes(stack, since) == {40}


async def test_a_source_that_takes_large_pages_is_asked_for_them(stack: Stack) -> None:
    await stack.watches(WATCH)

    assert page_sizes(stack) == {1000}


async def test_a_source_that_asks_for_a_pause_gets_it_and_nothing_is_lost(stack: Stack) -> None:
    await stack.watches()
    since = len(stack.gateway.requests)
    stack.gateway.faults.add(
        AnswerError(
            name="RateLimit", code=1201, status=429, headers={"Retry-After": "1"}, method=POLL, times=1
        )
    )

    await stack.asked(1)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    assert longest_pause_seconds(stack, since) >= 1


async def test_a_source_whose_rate_is_used_up_by_its_headers_is_asked_no_more_until_it_has_room(
    stack: Stack,
) -> None:
    await stack.watches()
    since = len(stack.gateway.requests)
    room = int(time.time()) + 1  # the window ends in whole seconds, and one more is waited
    stack.gateway.faults.add(
        AnswerError(
            name="RateLimit",
            code=1201,
            status=429,
            headers={"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": str(room)},
            method=POLL,
            times=1,
        )
    )
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    assert stack.gateway.requests[-1].received_at.timestamp() >= room
    assert longest_pause_seconds(stack, since) >= 0.5


async def test_a_used_up_quota_costs_no_alert(stack: Stack) -> None:
    await stack.watches()
    since = len(stack.gateway.requests)
    stack.gateway.faults.add(AnswerError(method=POLL, name="QuotaExceeded", code=1200, status=423, times=2))
    # A request that is under way is not refused: it would show the change at once.
    await until(lambda: len(stack.gateway.requests) > since)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    assert longest_pause_seconds(stack, since) >= 2


async def test_sweeps_longer_than_the_interval_follow_each_other_and_say_so(stack: Stack) -> None:
    stack.gateway.faults.add(Delay(seconds=0.2))
    await stack.watches()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("50 → 49")
    stack.say("/status")

    assert "longer than the interval of 0.03 s: sweeps follow each other" in (await stack.hears("Read:")).text
