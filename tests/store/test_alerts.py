"""Who gets notices, and that one which can't be read is in nobody's way."""

from bot.domain.deliver.alerts import (
    ChainGone,
    ChangeAlert,
    MassLoss,
    NoticeAlert,
    UnreadableNotice,
)
from bot.store.outbox import alerts
from tests.builders import NOON, POLYGON, USDC, reading
from tests.store.conftest import OLGA, OPS, Keeper


async def test_owners_are_told_in_their_private_chats_and_nobody_else_is(keeper: Keeper) -> None:
    await keeper.apply_configuration([OPS.chat_id], [OLGA.chat_id])

    await keeper.db.run(alerts.notify_owners, MassLoss(POLYGON, 12, 14), NOON)

    assert await keeper.notices(OPS) == []
    assert await keeper.notices(OLGA) == [MassLoss(POLYGON, 12, 14)]


async def test_an_owner_of_yesterday_is_told_nothing(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])
    await keeper.apply_configuration([OLGA.chat_id], [])

    await keeper.db.run(alerts.notify_owners, ChainGone(POLYGON), NOON)

    assert await keeper.notices(OLGA) == []


async def test_a_notice_that_cannot_be_read_keeps_nothing_behind_it_waiting(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    await keeper.script(
        "INSERT INTO alert (destination_id, notice, label, state, created_at)"
        """ VALUES (1, '{"kind": "of tomorrow"}', '', 'waiting', 0)"""
    )

    await keeper.record(reading({USDC: 6}, native=1))

    notice, change = await keeper.alerts()
    assert isinstance(notice, NoticeAlert)
    assert notice.notice == UnreadableNotice("of tomorrow")
    assert isinstance(change, ChangeAlert)
