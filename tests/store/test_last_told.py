"""What each destination was last told of an amount can be found in its alerts, whatever became of them.

No table keeps it: a filter that compares with it can begin with what is there.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.assets import Address
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.deliver.outcomes import SendRefused
from bot.domain.places import Place
from bot.store.chats import mutes
from bot.store.outbox import withdraw
from bot.store.rows import to_address
from tests.builders import DAI, USDC, at, reading
from tests.examples import examples
from tests.store.conftest import OPS, Keeper, olga, open_new_keeper

GROUP = Place(-55, "group", "Ops")
LONG = timedelta(days=2)
BEGUN = 5
"""How much there was of each when the first reading was told, which names no amounts."""

# The newest alert that arrived says what is known there; before any did, the first one's amount before.
LAST_TOLD = """
WITH mine AS (
  SELECT c.id, c.account_id, c.asset_id, c.before, c.after, l.state FROM alert l
  JOIN change c ON c.id = l.change_id JOIN destination d ON d.id = l.destination_id
  JOIN chat h ON h.id = d.chat_id WHERE h.telegram_id = ?
)
SELECT x.contract, coalesce(
  (SELECT o.after FROM mine o WHERE o.account_id = m.account_id AND o.asset_id = m.asset_id
   AND o.state = 'told' ORDER BY o.id DESC LIMIT 1),
  (SELECT o.before FROM mine o WHERE o.account_id = m.account_id AND o.asset_id = m.asset_id
   ORDER BY o.id LIMIT 1))
FROM mine m JOIN asset x ON x.id = m.asset_id
"""


async def last_told(keeper: Keeper, place: Place = GROUP) -> dict[Address, int]:
    rows = await keeper.rows(LAST_TOLD, place.chat_id)
    return {to_address(contract): int(amount) for contract, amount in rows}


class Story:
    """What happens to two tokens and in the group that watches them, and what people have read there."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.known: dict[Address, int] = {}
        self._amounts = {USDC: BEGUN, DAI: BEGUN}
        self._seconds = 0
        self._is_open = True

    async def begin(self) -> None:
        for place in (GROUP, OPS):  # a second chat: what it watches goes on being read
            await self.keeper.watch(place=place)
        await self.keeper.record(reading(self._amounts, native=1))
        await self.keeper.deliver_all()

    async def usdc(self) -> None:
        await self._move(USDC)

    async def dai(self) -> None:
        await self._move(DAI)

    async def _move(self, contract: Address) -> None:
        if self._is_open:
            self.known.setdefault(contract, self._amounts[contract])
        self._amounts[contract] += 1
        self._seconds += 1
        await self.keeper.record(reading(self._amounts, native=1), when=at(self._seconds))

    async def tell(self) -> None:
        for alert in await self.keeper.alerts(GROUP):
            if isinstance(alert, ChangeAlert):
                self.known[alert.change.asset.contract] = alert.change.after.amount_raw

    async def refuse(self) -> None:
        while due := await self.keeper.due(at(self._seconds)):
            for delivery in due:
                await self.keeper.came_back(delivery, SendRefused("no", is_final=True), at(self._seconds))

    async def expire(self) -> None:
        await self.keeper.db.run(withdraw.expire, at(self._seconds) + LONG, LONG / 2)

    async def mute(self) -> None:
        await self.keeper.db.run(mutes.mute, GROUP, [], LONG, olga())

    async def unmute(self) -> None:
        await self.keeper.db.run(mutes.unmute, GROUP, [], olga())

    async def close(self) -> None:
        self._is_open = False
        await self.keeper.deny(GROUP)

    async def open(self) -> None:
        self._is_open = True
        await self.keeper.allow(GROUP)


STEPS = ("usdc", "dai", "tell", "refuse", "expire", "mute", "unmute", "close", "open")


@pytest.mark.parametrize(
    ("steps", "usdc"),
    [
        ("usdc tell", 6),
        ("usdc", 5),
        ("mute usdc usdc", 5),
        ("mute usdc usdc unmute tell", 7),
        ("usdc tell usdc expire", 6),
        ("usdc expire usdc tell", 7),
        ("usdc refuse", 5),
        ("usdc tell usdc close", 6),
        ("usdc tell close usdc open usdc", 6),
        ("usdc close usdc open usdc tell", 8),
    ],
)
async def test_what_was_last_told_is_what_the_last_alert_said_that_arrived(
    keeper: Keeper, steps: str, usdc: int
) -> None:
    story = Story(keeper)
    await story.begin()
    for step in steps.split():
        await getattr(story, step)()

    assert await last_told(keeper) == story.known == {USDC: usdc}


async def test_alerts_of_what_is_no_longer_watched_arrive_and_count(keeper: Keeper) -> None:
    story = Story(keeper)
    await story.begin()
    await story.usdc()
    await keeper.unsubscribe(GROUP, [1])
    assert await last_told(keeper) == {USDC: 5}

    await story.tell()

    assert await last_told(keeper) == {USDC: 6}


@pytest.mark.both_engines
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=12))
async def test_whatever_happens_it_can_be_found_and_moves_with_the_group(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[str]
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("told") / "bot.sqlite3")
    try:
        story = Story(keeper)
        await story.begin()
        for step in steps:
            await getattr(story, step)()
            assert await last_told(keeper) == story.known
        await keeper.script("DELETE FROM alert WHERE destination_id <> 1")
        await keeper.migrate(GROUP.chat_id, OPS.chat_id)
        assert await last_told(keeper, OPS) == story.known
    finally:
        await keeper.db.close()
