"""Zones of destinations: each has its own, and keeps it wherever its chat moves."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from bot.domain.deliver.alerts import Alert
from bot.domain.zones import IN_UTC
from bot.store.chats import audit, migrate
from bot.store.chats.rules import zones
from bot.store.database.door import Database
from tests.builders import USDC, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

GROUP, SUPER = OPS.chat_id, -100_1001
BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


async def test_each_destination_has_its_own_zone(keeper: Keeper) -> None:
    await keeper.db.run(zones.set_zone, OPS, BERLIN, olga())

    assert await keeper.db.run(zones.zone_here, OPS) == BERLIN
    assert await keeper.db.run(zones.zone_here, ALERTS_TOPIC) == IN_UTC
    assert await keeper.db.run(zones.zone_here, OLGA) == IN_UTC


async def test_who_set_a_zone_is_kept_and_setting_the_same_is_not(keeper: Keeper) -> None:
    for zone in (BERLIN, BERLIN, IN_UTC):
        await keeper.db.run(zones.set_zone, OPS, zone, olga())

    entries, _ = await keeper.db.run(audit.audit_page, 1, 10)
    assert [(entry.action, entry.subject) for entry in entries] == [("zone", "UTC"), ("zone", BERLIN)]


@pytest.mark.parametrize("zone", [BERLIN, IN_UTC])
async def test_a_message_is_composed_in_the_zone_of_its_destination(keeper: Keeper, zone: str) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}))
    await keeper.db.run(zones.set_zone, OLGA, zone, olga())
    composed: list[datetime] = []

    def listen(_: Database, alerts: Sequence[Alert], __: str, now: datetime) -> tuple[str, int]:
        composed.append(now)
        return "…", len(alerts)

    await keeper.claim(OLGA.chat_id, compose=listen)

    assert [str(now.tzinfo) for now in composed] == [zone or "UTC"]


@pytest.mark.parametrize(("theirs", "kept"), [(IN_UTC, BERLIN), (TOKYO, TOKYO)])
async def test_a_group_takes_its_zone_along_unless_the_supergroup_has_one(
    keeper: Keeper, theirs: str, kept: str
) -> None:
    there = OPS.moved_to(SUPER)
    await keeper.db.run(zones.set_zone, OPS, BERLIN, olga())
    await keeper.db.run(zones.set_zone, there, theirs, olga())

    await keeper.migrate(GROUP, SUPER)

    assert await keeper.db.run(zones.zone_here, there) == kept


async def test_the_zone_of_a_lost_topic_is_not_that_of_who_takes_over(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    await keeper.db.run(zones.set_zone, ALERTS_TOPIC, BERLIN, olga())
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await keeper.db.run(zones.zone_here, OPS) == IN_UTC
