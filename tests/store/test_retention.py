"""What is forgotten, and what is not."""

from datetime import datetime, timedelta

import pytest

from bot.domain.assets import Address
from bot.domain.deliver.delivery import AlertState, DeliveryId, DeliveryState
from bot.domain.deliver.message_ids import message_id
from bot.store.maintenance import retention
from bot.store.maintenance.retention import ROWS_AT_ONCE
from bot.store.outbox.queue import FINISHED_ALERTS, FINISHED_DELIVERIES
from bot.store.rows import to_blob
from tests.builders import NOON
from tests.new_database import sqlite_of
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
    for sql, *values in (
        ("account (id, address) VALUES (1, ?)", b"\x11" * 20),
        ("asset (id, chain_id, contract, kind, rebasing) VALUES (1, 1, ?, 'native', 0)", b""),
        ("chat (id, telegram_id, kind, title, open) VALUES (1, ?, 'private', '', 1)", OLGA.chat_id),
        ("destination (id, chat_id, thread_id) VALUES (1, 1, 0)",),
    ):
        await keeper.rows(f"INSERT INTO {sql} ON CONFLICT DO NOTHING", *values)
    for _ in range(times):
        await keeper.script(
            f"""
            INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)
              VALUES (1, 1, 'moved', '1', '2', {ms}, 1);
            INSERT INTO alert (destination_id, change_id, label, state, created_at)
              VALUES (1, (SELECT max(id) FROM change), '', '{alert}', {ms});
            """
        )
        if delivery is not None:
            await keeper.script(
                f"""
                INSERT INTO delivery (destination_id, text, state, not_before)
                  VALUES (1, 'text', '{delivery}', {ms});
                UPDATE alert SET delivery_id = (SELECT max(id) FROM delivery)
                  WHERE id = (SELECT max(id) FROM alert);
                """
            )


async def forget(keeper: Keeper) -> int:
    forgotten = 0
    while some := await keeper.db.run(retention.delete_old_rows, YEAR_AGO):
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
    await keeper.script(
        """
        INSERT INTO destination (id, chat_id, thread_id) VALUES (2, 1, 5);
        INSERT INTO alert (destination_id, change_id, label, state, created_at)
          SELECT 2, change_id, '', 'waiting', created_at FROM alert;
        """
    )
    await happened(keeper, YOUNG)

    await forget(keeper)

    assert await kept(keeper) == (2, 2, 1)


async def test_what_is_held_back_keeps_the_changes_that_it_begins_and_ends_with(keeper: Keeper) -> None:
    await happened(keeper, OLD, times=4)
    await keeper.script(
        """
        INSERT INTO unreported
          (account_id, asset_id, destination_id, label, first_change_id, last_change_id, steps, since)
          SELECT 1, 1, 1, '', 1, 3, 3, observed_at FROM change WHERE id = 1
        """
    )
    await happened(keeper, YOUNG)

    await forget(keeper)

    assert await keeper.rows("SELECT id FROM change ORDER BY id") == [(1,), (3,), (5,)]


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
    await keeper.script("DELETE FROM alert")
    await forget(keeper)
    await happened(keeper, YOUNG)

    assert await keeper.value("SELECT max(id) FROM change") == 3


async def test_much_is_forgotten_in_slices(keeper: Keeper) -> None:
    await happened(keeper, OLD)
    await keeper.script(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {2 * ROWS_AT_ONCE})
        INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)
          SELECT 1, 1, 'moved', '1', '2', observed_at, 1 FROM change, n;
        """
    )
    await happened(keeper, YOUNG)

    first = await keeper.db.run(retention.delete_old_rows, YEAR_AGO)

    assert first <= 3 * ROWS_AT_ONCE
    assert first + await forget(keeper) == 2 * ROWS_AT_ONCE + 3
    assert await kept(keeper) == (1, 1, 1)


async def test_while_old_alerts_are_left_no_slice_looks_for_what_they_refer_to(keeper: Keeper) -> None:
    many = ROWS_AT_ONCE + 1
    await happened(keeper, OLD, times=many)
    await happened(keeper, YOUNG)

    slices = [await keeper.db.run(retention.delete_old_rows, YEAR_AGO) for _ in range(6)]

    assert slices == [ROWS_AT_ONCE, 1] * 3
    assert await kept(keeper) == (1, 1, 1)


async def test_what_is_still_needed_keeps_nothing_that_is_younger(keeper: Keeper) -> None:
    await happened(keeper, OLD - timedelta(days=1), alert="bound", times=2 * ROWS_AT_ONCE + 1)
    await happened(keeper, OLD, times=2)
    await happened(keeper, YOUNG)

    assert await forget(keeper) == 6
    left = 2 * ROWS_AT_ONCE + 2
    assert await kept(keeper) == (left, left, left)


@pytest.mark.parametrize(
    ("table", "column", "condition", "index"),
    [
        ("alert", "created_at", FINISHED_ALERTS, "alert_finished"),
        ("delivery", "not_before", FINISHED_DELIVERIES, "delivery_finished"),
        ("change", "observed_at", "1 = 1", "change_observed"),
    ],
)
async def test_what_is_old_is_found_without_looking_at_everything(
    keeper: Keeper, table: str, column: str, condition: str, index: str
) -> None:
    plan = await keeper.plan(f"SELECT id FROM {table} WHERE {condition} AND {column} < 5 ORDER BY {column}")

    assert f"USING INDEX {index}" in str(plan) or f"USING COVERING INDEX {index}" in str(plan)


async def test_nothing_else_refers_to_what_is_forgotten(keeper: Keeper) -> None:
    await keeper.db.run(sqlite_of)  # its tables are a server's, too
    tables = [name for (name,) in await keeper.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    referring = {
        (table, target)
        for table in tables
        for _, _, target, *_ in await keeper.rows(f"PRAGMA foreign_key_list({table})")
        if target in {"change", "alert", "delivery"}
    }

    assert referring == {
        ("alert", "change"),
        ("alert", "delivery"),
        ("unreported", "change"),
        # these go with it
        ("unalerted", "change"),
        ("explanation", "change"),
    }


def test_of_each_state_it_is_known_whether_it_is_the_last() -> None:
    for states, finished, unfinished in (
        (AlertState, FINISHED_ALERTS, UNFINISHED_ALERTS),
        (DeliveryState, FINISHED_DELIVERIES, UNFINISHED_DELIVERIES),
    ):
        for state in states:
            assert (f"'{state}'" in finished) != (state in unfinished), state


# ---------------------------------------------------------------- who did what, and accounts


async def audited(keeper: Keeper) -> list[str]:
    return [subject for (subject,) in await keeper.rows("SELECT subject FROM audit ORDER BY id")]


async def did(keeper: Keeper, when: datetime, subject: str) -> None:
    ms = int(when.timestamp() * 1000)
    await keeper.script(
        f"INSERT INTO audit (at, deed, user_name, subject) VALUES ({ms}, 'watch', '', '{subject}')"
    )


async def test_who_did_what_is_forgotten_when_it_is_older_than_wished(keeper: Keeper) -> None:
    for number in range(ROWS_AT_ONCE + 1):
        await did(keeper, OLD, f"old {number}")
    await did(keeper, YOUNG, "young")
    await did(keeper, YOUNG, "newest")

    assert await forget(keeper) == ROWS_AT_ONCE + 1
    assert await audited(keeper) == ["young", "newest"]


async def test_the_newest_row_of_who_did_what_stays_however_old(keeper: Keeper) -> None:
    await did(keeper, OLD, "old")
    await did(keeper, OLD, "newest")

    await forget(keeper)

    assert await audited(keeper) == ["newest"]


ACCOUNTS = [Address(f"0x{number:040x}") for number in range(1, 4)]


async def addresses(keeper: Keeper) -> set[str]:
    return {f"0x{blob.hex()}" for (blob,) in await keeper.rows("SELECT address FROM account")}


async def test_accounts_that_nothing_refers_to_are_forgotten_but_the_newest(keeper: Keeper) -> None:
    for account in ACCOUNTS:
        await keeper.watch(account)
    await keeper.unsubscribe(OLGA, {1, 3})

    assert await forget(keeper) == 1

    assert await addresses(keeper) == {ACCOUNTS[1], ACCOUNTS[2]}


REFERENCES = {
    "subscription": "INSERT INTO subscription (destination_id, number, account_id, contracts, chains, label,"
    " created_at) VALUES (1, 9, 1, '', '', '', 0)",
    "coverage": "INSERT INTO coverage (account_id, chain_id, part) SELECT 1, 1, contract FROM asset",
    "balance": "INSERT INTO balance (account_id, asset_id, amount, standing) VALUES (1, 1, '1', 0)",
    "change": "INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)"
    f" VALUES (1, 1, 'moved', '1', '2', {int(YOUNG.timestamp() * 1000)}, 1)",
    "held": "INSERT INTO held (account_id, asset_id, amount, times) VALUES (1, 1, '1', 1)",
    "item": "INSERT INTO item (account_id, asset_id, token_id, amount) VALUES (1, 1, '1', '1')",
    "drift": "INSERT INTO drift (account_id, asset_id, usual, span, seen_at) VALUES (1, 1, '1', 0, 0)",
    "mute": "INSERT INTO mute (destination_id, account_id, since, until) VALUES (1, 1, 0, 1)",
    "blindness": "INSERT INTO blindness (destination_id, chain_id, account_id, since, told_at, times)"
    " VALUES (1, 1, 1, 0, 0, 1)",
    "gap": "INSERT INTO gap (account_id, chain_id, since) VALUES (1, 1, 0)",
    "worth": "INSERT INTO worth (destination_id, account_id, day, at, usd, priced, unpriced, ignored,"
    f" unknown, last_known) VALUES (1, 1, 1, {int(YOUNG.timestamp() * 1000)}, '0', 0, 0, 0, '', '')",
    "asset": "UPDATE asset SET holder = 1",
}


@pytest.mark.parametrize("table", REFERENCES)
async def test_an_account_that_something_refers_to_stays(keeper: Keeper, table: str) -> None:
    await happened(keeper, OLD)
    await keeper.rows("INSERT INTO account (id, address) VALUES (2, ?)", b"\x02")
    await keeper.script("DELETE FROM alert; DELETE FROM change")
    await keeper.script(REFERENCES[table])

    await forget(keeper)
    assert await keeper.value("SELECT count(*) FROM account") == 2

    await keeper.script("UPDATE asset SET holder = NULL" if table == "asset" else f"DELETE FROM {table}")
    await forget(keeper)
    assert await keeper.value("SELECT count(*) FROM account") == 1


async def test_what_an_account_lost_is_forgotten_with_it(keeper: Keeper) -> None:
    await happened(keeper, OLD)
    await keeper.rows("INSERT INTO account (id, address) VALUES (2, ?)", b"\x02")
    await keeper.script("DELETE FROM alert; DELETE FROM change")
    await keeper.script("INSERT INTO account_with_losses (chain_id, account_id) VALUES (1, 1)")

    await forget(keeper)

    assert await keeper.rows("SELECT * FROM account_with_losses") == []


async def test_every_table_that_names_accounts_is_looked_at(keeper: Keeper) -> None:
    await keeper.db.run(sqlite_of)
    naming = await keeper.rows(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.name IN ('account_id', 'holder') AND NOT EXISTS (SELECT 1"
        " FROM pragma_foreign_key_list(m.name) f WHERE f.\"table\" = 'account' AND f.on_delete = 'CASCADE')"
    )

    assert {name for (name,) in naming} == set(REFERENCES)


async def test_an_account_that_comes_back_is_not_taken_for_what_it_was(keeper: Keeper) -> None:
    await keeper.watch(ACCOUNTS[0])
    await keeper.watch(ACCOUNTS[1])
    await keeper.script("UPDATE account SET generation = 4 WHERE id = 1")
    await keeper.unsubscribe(OLGA, {1})
    await forget(keeper)
    generation = "SELECT generation FROM account WHERE address = ?"
    assert await keeper.rows(generation, to_blob(ACCOUNTS[0])) == []

    await keeper.watch(ACCOUNTS[0])

    assert await keeper.value(generation, to_blob(ACCOUNTS[0])) == 5
    await keeper.unsubscribe(OLGA, {2})
    await forget(keeper)
    await keeper.watch(ACCOUNTS[2])
    assert await keeper.value(generation, to_blob(ACCOUNTS[2])) == 5
