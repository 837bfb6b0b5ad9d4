"""How the source is asked when it cannot bear much, end to end: nothing is told wrongly, none missed."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.gateway_faults import AnswerError, AnswerHtml, Delay
from tests.house import ACCOUNT, BASE, CHECKSUMMED, POLYGON, USDC_POLYGON, House, open_house, until

OTHERS = tuple("0x" + f"{number:02x}" * 20 for number in (0x0D, 0x0E, 0x1F))
WATCH = f"/watch {CHECKSUMMED} on polygon, base\n" + "\n".join(f"{one} on polygon, base" for one in OTHERS)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Run a whole bot that sweeps as often as it can."""
    async with open_house(tmp_path, indexer=["poll_interval_seconds = 0.03"]) as one:
        one.start()
        yield one


def sizes(house: House, since: int = 0) -> Iterator[int]:
    """Yield how many accounts each question about balances named."""
    for request in house.gateway.requests[since:]:
        if request.method == "GetTokenBalancesSummary":
            assert isinstance(request.body, dict)
            yield len(request.body["filter"]["accountAddresses"])


def page_sizes(house: House, since: int = 0) -> set[int]:
    bodies = [request.body for request in house.gateway.requests[since:] if "Balances" in request.method]
    return {body["page"]["pageSize"] for body in bodies if isinstance(body, dict)}


def longest_pause_seconds(house: House, since: int) -> float:
    """Return how long the source was left alone at the most; less than was waited for it cannot be."""
    moments = [
        request.received_at
        for request in house.gateway.requests[since:]
        if request.method == "GetTokenBalancesSummary"
    ]
    return max((later - earlier).total_seconds() for earlier, later in pairwise(moments))


async def house_says(house: House, words: str, *, since: int) -> None:
    await until(lambda: words in "".join(house.said()[since:]))


async def moves_are_told(house: House, *accounts: str) -> None:
    """See that what the accounts gain is told exactly once each."""
    before = house.said()
    for number, account in enumerate(accounts, start=1):
        house.world.move(POLYGON, None, account, number * 10**18)
    for number in range(1, len(accounts) + 1):
        await house_says(house, f"+{number} POL", since=len(before))
    await house.asked(2)
    assert "".join(house.said()[len(before) :]).count("→") == len(accounts)


@pytest.mark.parametrize("answer", ["invalid_argument", "resource_exhausted", "too_large"])
async def test_questions_refused_as_too_large_are_halved_until_all_is_answered(
    house: House, answer: str
) -> None:
    house.gateway.knobs = replace(house.gateway.knobs, max_accounts=2, above_max_accounts=answer)  # type: ignore[arg-type]
    await house.watches(WATCH)
    await house.asked(4)
    since = len(house.gateway.requests)

    await moves_are_told(house, ACCOUNT, *OTHERS)

    assert max(sizes(house, since)) <= 2


async def test_questions_grow_again_once_the_source_bears_more(house: House) -> None:
    house.gateway.knobs = replace(house.gateway.knobs, max_accounts=2)
    await house.watches(WATCH)
    await house.asked(4)
    assert list(sizes(house))[-1] <= 2

    house.gateway.knobs = replace(house.gateway.knobs, max_accounts=None)
    since = len(house.gateway.requests)

    await until(lambda: any(size == 4 for size in sizes(house, since)))
    await moves_are_told(house, ACCOUNT, *OTHERS)


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
    house: House, fault: AnswerError
) -> None:
    await house.watches(WATCH)
    house.gateway.faults.add(fault)
    await house.asked(12)

    await moves_are_told(house, ACCOUNT, *OTHERS[1:])
    house.gateway.faults.heal()
    await moves_are_told(house, *OTHERS)


async def test_a_source_that_fails_over_and_over_is_left_alone_and_nothing_of_it_is_lost(
    house: House,
) -> None:
    await house.watches(WATCH)
    house.gateway.faults.add(AnswerHtml(status=502, times=9))  # three questions, each tried three times
    since = len(house.gateway.requests)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    assert longest_pause_seconds(house, since) >= 1
    await moves_are_told(house, ACCOUNT, *OTHERS)


async def test_a_source_that_fails_once_is_asked_again_without_a_pause(house: House) -> None:
    await house.watches(WATCH)
    house.gateway.faults.add(AnswerHtml(status=502, times=2))
    since = len(house.gateway.requests)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    assert len(list(sizes(house, since))) >= 3


async def test_a_source_that_refuses_large_pages_is_asked_for_small_ones_from_then_on(house: House) -> None:
    house.gateway.knobs = replace(house.gateway.knobs, max_page_size=40)
    await house.watches(WATCH)
    since = len(house.gateway.requests)

    await moves_are_told(house, ACCOUNT, *OTHERS)

    assert 1000 in page_sizes(house)
    assert page_sizes(house, since) == {40}


async def test_a_source_that_takes_large_pages_is_asked_for_them(house: House) -> None:
    await house.watches(WATCH)

    assert page_sizes(house) == {1000}


async def test_a_source_that_asks_for_a_pause_gets_it_and_nothing_is_lost(house: House) -> None:
    await house.watches()
    since = len(house.gateway.requests)
    house.gateway.faults.add(
        AnswerError(name="RateLimit", code=1201, status=429, headers={"Retry-After": "1"}, times=1)
    )

    await house.asked(1)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    assert longest_pause_seconds(house, since) >= 1


async def test_a_source_whose_rate_is_used_up_by_its_headers_is_asked_no_more_until_it_has_room(
    house: House,
) -> None:
    await house.watches()
    since = len(house.gateway.requests)
    room = int(time.time()) + 1  # the window ends in whole seconds, and one more is waited
    house.gateway.faults.add(
        AnswerError(
            name="RateLimit",
            code=1201,
            status=429,
            headers={"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": str(room)},
            times=1,
        )
    )
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    assert house.gateway.requests[-1].received_at.timestamp() >= room
    assert longest_pause_seconds(house, since) >= 0.5


async def test_a_used_up_quota_costs_no_alert(house: House) -> None:
    await house.watches()
    since = len(house.gateway.requests)
    house.gateway.faults.add(AnswerError(name="QuotaExceeded", code=1200, status=423, times=2))

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    assert longest_pause_seconds(house, since) >= 2


async def test_sweeps_longer_than_the_interval_follow_each_other_and_say_so(house: House) -> None:
    house.gateway.faults.add(Delay(seconds=0.2))
    await house.watches()

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.hears("50 → 49")
    house.say("/status")

    assert "longer than the interval of 0.03 s: sweeps follow each other" in (await house.hears("Seen:")).text
