"""What waited too long is dropped and counted; what says so never is."""

from datetime import timedelta

import pytest

from bot.domain.deliver.alerts import Dropped
from bot.domain.deliver.outcomes import Offline
from bot.store.outbox import withdraw
from tests.builders import NOON, USDC, at, reading
from tests.store.conftest import OLGA, Keeper, change, told

AFTER = timedelta(seconds=100)
LATER = 101.0


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches the treasury, which was read once."""
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper


async def expire(keeper: Keeper, seconds: float) -> int:
    return await keeper.db.run(withdraw.expire, at(seconds), AFTER)


async def test_what_waited_too_long_is_dropped_and_its_destination_told_how_much_that_is(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    await change(watching, 7, seconds=1)
    await change(watching, 8, seconds=50)

    assert await expire(watching, LATER + 1) == 2

    assert await told(watching) == ["expired", "expired", "waiting"]
    alerts = await watching.alerts(OLGA)
    assert [getattr(alert, "notice", None) for alert in alerts] == [None, Dropped(2, NOON, at(1))]


async def test_what_waited_as_long_as_it_may_is_kept(watching: Keeper) -> None:
    await change(watching, 6)

    assert await expire(watching, 100) == 0
    assert await told(watching) == ["waiting"]


async def test_what_is_dropped_later_joins_what_is_still_to_be_said(watching: Keeper) -> None:
    await change(watching, 6)
    await expire(watching, LATER)
    await change(watching, 7, seconds=LATER)

    assert await expire(watching, 3 * LATER) == 1

    assert await watching.notices(OLGA) == [Dropped(2, NOON, at(LATER))]


async def test_what_is_dropped_is_told_although_what_was_dropped_before_cannot_be_read(
    watching: Keeper,
) -> None:
    await change(watching, 6)
    await expire(watching, LATER)
    await watching.script("""UPDATE alert SET notice = '{"kind": "dropped"}' WHERE notice IS NOT NULL""")
    await change(watching, 7, seconds=LATER)

    assert await expire(watching, 3 * LATER) == 1

    *_, last = await watching.notices(OLGA)
    assert last == Dropped(1, at(LATER), at(LATER))


async def test_a_message_is_dropped_when_all_that_it_tells_is_too_old(watching: Keeper) -> None:
    await change(watching, 6)
    await watching.bind()

    assert await expire(watching, LATER) == 1

    assert await told(watching) == ["expired"]
    assert await watching.value("SELECT state FROM delivery ORDER BY id DESC LIMIT 1") == "expired"
    assert [text.split(":")[1] for text in await texts(watching)] == ["Dropped"]


async def test_a_message_with_something_that_is_not_too_old_is_kept_whole(watching: Keeper) -> None:
    await change(watching, 6)
    await change(watching, 7, seconds=50)
    await watching.bind(at(60))

    assert await expire(watching, LATER) == 0
    assert await told(watching) == ["bound", "bound"]


async def test_what_is_being_sent_is_not_dropped(watching: Keeper) -> None:
    await change(watching, 6)
    (delivery,) = await watching.due()

    assert await expire(watching, LATER) == 0

    await watching.came_back(delivery, Offline("no connection"), at(LATER))
    assert await expire(watching, LATER) == 1


async def test_what_says_what_was_dropped_never_is(watching: Keeper) -> None:
    await change(watching, 6)
    await expire(watching, LATER)

    assert await expire(watching, 1000 * LATER) == 0
    assert len(await watching.notices(OLGA)) == 1


async def test_other_notices_go_without_a_word(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))

    assert await expire(keeper, LATER) == 0
    assert await keeper.alerts(OLGA) == []


async def texts(keeper: Keeper) -> list[str]:
    return [delivery.text.partition(" ")[2] for delivery in await keeper.deliver_all(at(LATER))]
