"""What is forgotten, and what is not."""

from datetime import datetime, timedelta

import pytest

from bot.domain.delivery import AlertState, DeliveryState
from bot.domain.message_ids import message_id
from bot.domain.model import DeliveryId
from bot.store.history import FINISHED_ALERTS, FINISHED_DELIVERIES, ROWS_AT_ONCE
from tests.builders import NOON
from tests.store.conftest import OLGA, Keeper

OLD = NOON - timedelta(days=366)
YEAR_AGO = NOON - timedelta(days=365)
YOUNG = NOON - timedelta(days=364)

UNFINISHED_ALERTS = {"waiting", "held", "bound"}
UNFINISHED_DELIVERIES = {"ready", "sending"}


async def happened(
    keeper: Keeper, when: datetime, *, alert: str = "told", delivery: str | None = "sent", times: int = 1
) -> None:
    """Let changes have happened, each with an alert and, unless there is none, a delivery."""
    ms = int(when.timestamp() * 1000)
    await keeper.run(
        f"""
        INSERT OR IGNORE INTO account (id, address) VALUES (1, x'{"11" * 20}');
        INSERT OR IGNORE INTO asset (id, chain_id, contract, kind, rebasing) VALUES (1, 1, x'', 'native', 0);
        INSERT OR IGNORE INTO chat (id, telegram_id, kind, title, open)
          VALUES (1, {OLGA.chat_id}, 'private', '', 1);
        INSERT OR IGNORE INTO destination (id, chat_id, thread_id) VALUES (1, 1, 0);
        """
    )
    for _ in range(times):
        await keeper.run(
            f"""
            INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)
              VALUES (1, 1, 'moved', '1', '2', {ms}, 1);
            INSERT INTO alert (destination_id, change_id, label, state, created_at)
              VALUES (1, (SELECT max(id) FROM change), '', '{alert}', {ms});
            """
        )
        if delivery is not None:
            await keeper.run(
                f"""
                INSERT INTO delivery (destination_id, text, state, not_before)
                  VALUES (1, 'text', '{delivery}', {ms});
                UPDATE alert SET delivery_id = (SELECT max(id) FROM delivery)
                  WHERE id = (SELECT max(id) FROM alert);
                """
            )


async def forget(keeper: Keeper) -> int:
    forgotten = 0
    while some := await keeper.store.forget_some(YEAR_AGO):
        forgotten += some
    return forgotten


async def kept(keeper: Keeper) -> tuple[int, int, int]:
    """Return how many changes, alerts and deliveries there are."""
    counts = "SELECT (SELECT count(*) FROM change), (SELECT count(*) FROM alert), count(*) FROM delivery"
    ((changes, alerts, deliveries),) = await keeper.rows(counts)
    return changes, alerts, deliveries


async def test_what_is_older_than_wished_is_forgotten_with_all_that_came_of_it(keeper: Keeper) -> None:
    await happened(keeper, OLD, times=3)
    await happened(keeper, YOUNG)

    assert await forget(keeper) == 9
    assert await kept(keeper) == (1, 1, 1)


async def test_what_is_younger_is_kept(keeper: Keeper) -> None:
    await happened(keeper, YOUNG, times=2)

    assert await forget(keeper) == 0
    assert await kept(keeper) == (2, 2, 2)


@pytest.mark.parametrize(
    ("alert", "delivery"), [("waiting", None), ("held", None), ("bound", "ready"), ("bound", "sending")]
)
async def test_what_still_has_to_be_told_is_kept_however_old(
    keeper: Keeper, alert: str, delivery: str | None
) -> None:
    await happened(keeper, OLD, alert=alert, delivery=delivery)
    await happened(keeper, YOUNG)
    before = await kept(keeper)

    assert await forget(keeper) == 0
    assert await kept(keeper) == before


@pytest.mark.parametrize(
    ("alert", "delivery"),
    [("told", "sent"), ("withdrawn", "withdrawn"), ("withdrawn", None), ("expired", None), ("dead", "dead")],
)
async def test_whatever_became_of_an_alert_it_is_forgotten_in_time(
    keeper: Keeper, alert: str, delivery: str | None
) -> None:
    await happened(keeper, OLD, alert=alert, delivery=delivery)
    await happened(keeper, YOUNG)

    await forget(keeper)

    assert await kept(keeper) == (1, 1, 1)


async def test_a_change_that_one_chat_still_has_to_hear_is_kept_for_it(keeper: Keeper) -> None:
    await happened(keeper, OLD)
    await keeper.run(
        """
        INSERT INTO destination (id, chat_id, thread_id) VALUES (2, 1, 5);
        INSERT INTO alert (destination_id, change_id, label, state, created_at)
          SELECT 2, change_id, '', 'waiting', created_at FROM alert;
        """
    )
    await happened(keeper, YOUNG)

    await forget(keeper)

    assert await kept(keeper) == (2, 2, 1)


async def test_no_message_id_is_given_twice(keeper: Keeper) -> None:
    await happened(keeper, OLD, times=2)
    await happened(keeper, YOUNG, delivery=None)
    await forget(keeper)
    await happened(keeper, YOUNG)

    ids = [row_id for (row_id,) in await keeper.rows("SELECT id FROM delivery")]

    assert ids == [3]
    assert message_id(DeliveryId(3)) not in {message_id(DeliveryId(one)) for one in (1, 2)}


async def test_no_change_gets_the_number_of_one_that_is_forgotten(keeper: Keeper) -> None:
    await happened(keeper, OLD, times=2)
    await forget(keeper)
    await happened(keeper, YOUNG)

    assert await keeper.rows("SELECT max(id) FROM change UNION ALL SELECT max(id) FROM alert") == [(3,), (3,)]


async def test_nor_does_one_that_nobody_was_to_hear(keeper: Keeper) -> None:
    await happened(keeper, OLD, times=2)
    await keeper.run("DELETE FROM alert")
    await forget(keeper)
    await happened(keeper, YOUNG)

    assert await keeper.value("SELECT max(id) FROM change") == 3


async def test_much_is_forgotten_in_slices(keeper: Keeper) -> None:
    await happened(keeper, OLD)
    await keeper.run(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {2 * ROWS_AT_ONCE})
        INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)
          SELECT 1, 1, 'moved', '1', '2', observed_at, 1 FROM change, n;
        """
    )
    await happened(keeper, YOUNG)

    first = await keeper.store.forget_some(YEAR_AGO)

    assert first <= 3 * ROWS_AT_ONCE
    assert first + await forget(keeper) == 2 * ROWS_AT_ONCE + 3
    assert await kept(keeper) == (1, 1, 1)


@pytest.mark.parametrize(
    ("table", "column", "condition", "index"),
    [
        ("alert", "created_at", FINISHED_ALERTS, "alert_finished"),
        ("delivery", "not_before", FINISHED_DELIVERIES, "delivery_finished"),
        ("change", "observed_at", "1", "change_observed"),
    ],
)
async def test_what_is_old_is_found_without_looking_at_everything(
    keeper: Keeper, table: str, column: str, condition: str, index: str
) -> None:
    plan = await keeper.rows(
        f"EXPLAIN QUERY PLAN SELECT id FROM {table} WHERE {condition} AND {column} < 5 ORDER BY {column}"
    )

    assert f"USING INDEX {index}" in str(plan) or f"USING COVERING INDEX {index}" in str(plan)


async def test_nothing_else_refers_to_what_is_forgotten(keeper: Keeper) -> None:
    tables = [name for (name,) in await keeper.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    referring = {
        (table, target)
        for table in tables
        for _, _, target, *_ in await keeper.rows(f"PRAGMA foreign_key_list({table})")
        if target in {"change", "alert", "delivery"}
    }

    assert referring == {("alert", "change"), ("alert", "delivery")}


def test_of_each_state_it_is_known_whether_it_is_the_last() -> None:
    for states, finished, unfinished in (
        (AlertState, FINISHED_ALERTS, UNFINISHED_ALERTS),
        (DeliveryState, FINISHED_DELIVERIES, UNFINISHED_DELIVERIES),
    ):
        for state in states:
            assert (f"'{state}'" in finished) != (state in unfinished), state
