from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import example_world
from tests.sandbox.gateway.client import Answer, Client

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
RESET = str(int(NOON.timestamp()) + 60)


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def gateway(clock: Clock) -> AsyncIterator[Gateway]:
    async with Gateway(example_world(), clock=clock).serve() as running:
        yield running


async def pings(client: Client, count: int, *, key: str | None = "any") -> list[int]:
    return [(await client.call("Ping", {}, key=key)).status for _ in range(count)]


def limits(answer: Answer) -> dict[str, str]:
    """Return the headers that tell of limits."""
    return {name: value for name, value in answer.headers.items() if name.startswith(LIMIT_HEADERS)}


LIMIT_HEADERS = ("Credits-", "Quota-", "Retry-After", "Session-Type")


# The rate


async def test_without_a_limit_no_rate_is_told(client: Client) -> None:
    assert limits(await client.call("Ping", {})) == {"Session-Type": "AccessKey"}


async def test_within_its_rate_a_project_is_served_and_told_what_is_left(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(rate_limit=3)
    await pings(client, 1)

    answer = await client.summary()

    assert answer.status == 200
    assert limits(answer) == {
        "Session-Type": "AccessKey",
        "Credits-Rate-Limit": "3",
        "Credits-Rate-Remaining": "1",
        "Credits-Rate-Reset": RESET,
    }


async def test_above_its_rate_a_project_is_refused(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(rate_limit=3)
    await pings(client, 3)

    answer = await client.summary()

    assert answer.body == {
        "error": "QuotaRateLimit",
        "code": 1201,
        "msg": "Project rate limit exceeded.",
        "status": 429,
    }
    assert limits(answer) == {
        "Session-Type": "AccessKey",
        "Credits-Rate-Limit": "3",
        "Credits-Rate-Remaining": "0",
        "Credits-Rate-Reset": RESET,
        "Retry-After": "60",
    }


async def test_all_keys_of_a_project_share_its_rate(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(rate_limit=3)

    assert await pings(client, 2, key="one") == [200, 200]
    assert await pings(client, 2, key="two") == [200, 429]


async def test_the_minute_slides(client: Client, gateway: Gateway, clock: Clock) -> None:
    gateway.knobs = Knobs(rate_limit=4)
    assert await pings(client, 5) == [200, 200, 200, 200, 429]

    clock.move(seconds=60)
    assert await pings(client, 1) == [429]

    clock.move(seconds=30)  # half of the last minute's four still counts
    assert await pings(client, 3) == [200, 200, 429]


async def test_after_two_minutes_all_is_forgotten(client: Client, gateway: Gateway, clock: Clock) -> None:
    gateway.knobs = Knobs(rate_limit=2)
    await pings(client, 2)

    clock.move(seconds=120)

    assert await pings(client, 3) == [200, 200, 429]


async def test_a_bad_request_counts_and_tells_what_is_left(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(rate_limit=3)

    answer = await client.call("Ping", b"{")

    assert (answer.status, answer.headers["Credits-Rate-Remaining"]) == (400, "2")


async def test_a_wrong_key_uses_nothing(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(rate_limit=1)
    gateway.access_keys = {"right"}

    assert await pings(client, 2, key="wrong") == [401, 401]
    assert await pings(client, 1, key="right") == [200]


async def test_the_public_has_a_rate_of_its_own(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(missing_key="public", rate_limit=1, public_rate_limit=2)

    assert await pings(client, 3, key=None) == [200, 200, 429]
    assert await pings(client, 2) == [200, 429]


async def test_the_public_is_refused_with_an_error_of_its_own(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(missing_key="public", public_rate_limit=0)

    answer = await client.call("Ping", {}, key=None)

    assert (answer.body["error"], answer.body["code"], answer.status) == ("RateLimited", 1007, 429)
    assert (answer.headers["Session-Type"], answer.headers["Retry-After"]) == ("Public", "60")


# The quota


async def test_within_its_quota_a_project_is_told_what_is_left(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(quota_limit=2)

    assert limits(await client.summary()) == {
        "Session-Type": "AccessKey",
        "Quota-Limit": "2",
        "Quota-Remaining": "1",
        "Quota-Cost": "1",
    }


async def test_above_its_quota_a_project_is_refused(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(quota_limit=2)
    await pings(client, 2)

    answer = await client.summary()

    assert answer.body == {
        "error": "QuotaExceeded",
        "code": 1200,
        "msg": "Project quota exceeded.",
        "status": 423,
    }
    assert limits(answer) == {"Session-Type": "AccessKey", "Quota-Limit": "2", "Quota-Remaining": "0"}


async def test_within_its_overage_a_project_is_served_above_its_quota(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(quota_limit=1, overage_limit=1)
    await pings(client, 1)

    served = await client.call("Ping", {})
    refused = await client.call("Ping", {})

    assert (served.status, served.headers["Quota-Overage"], served.headers["Quota-Remaining"]) == (
        200,
        "1",
        "0",
    )
    assert (refused.status, refused.headers["Quota-Overage"]) == (423, "1")


async def test_a_new_month_brings_a_new_quota(client: Client, gateway: Gateway, clock: Clock) -> None:
    gateway.knobs = Knobs(quota_limit=1)
    assert await pings(client, 2) == [200, 423]

    clock.now = datetime(2026, 6, 1, tzinfo=UTC)

    assert await pings(client, 2) == [200, 423]


async def test_the_public_uses_no_quota(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(missing_key="public", quota_limit=1)

    assert await pings(client, 2, key=None) == [200, 200]
    assert await pings(client, 1) == [200]


# The headers


async def test_headers_can_be_silent_of_limits_that_hold_all_the_same(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(limit_headers=False, rate_limit=1, quota_limit=5)

    served = await client.call("Ping", {})
    refused = await client.call("Ping", {})

    assert (served.status, refused.status) == (200, 429)
    assert limits(served) == limits(refused) == {}
