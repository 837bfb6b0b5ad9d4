"""A `kill -9` anywhere loses nothing, and repeats at most what was in flight."""

import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.sandbox.telegram import too_many_requests
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, open_house, until


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Build the neighbours; each test starts the bot as a process."""
    async with open_house(tmp_path) as one:
        yield one


def rows(house: House, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{house.directory / 'data' / 'bot.sqlite3'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def alerts(house: House) -> list[str]:
    return [text for text in house.said() if "USDC" in text]


def usdc_leaves(house: House) -> None:
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)


def age_everything(house: House) -> None:
    """Let all that waits have waited for a week."""
    with closing(sqlite3.connect(house.directory / "data" / "bot.sqlite3")) as db, db:
        db.execute("UPDATE alert SET created_at = created_at - 7 * 24 * 3600 * 1000")


async def test_killed_before_the_commit_the_next_run_sees_the_change_itself(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    house.gateway.gate.hold()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.gateway.gate.until_waiting(1)

    await house.kill(process)
    house.gateway.gate.release()
    assert rows(house, "SELECT count(*) FROM change") == [(0,)]
    await house.start_process()

    await house.hears("−1 USDC")
    await house.asked(3)
    assert len(alerts(house)) == 1


async def test_killed_between_commit_and_send_the_next_run_tells_it(house: House) -> None:
    house.lines["delivery"] = ["group_wait_seconds = 4", "group_messages_per_minute = 1000"]
    process = await house.start_process()
    await house.watches()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await until(lambda: rows(house, "SELECT state FROM alert WHERE change_id IS NOT NULL") == [("waiting",)])

    await house.kill(process)
    assert alerts(house) == []
    del house.lines["delivery"]
    await house.start_process()

    await house.hears("−1 USDC")
    await house.asked(3)
    assert len(alerts(house)) == 1


async def test_killed_while_the_request_is_under_way_the_next_run_tells_it(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    hold = house.telegram.hold_before()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await hold.arrived()

    assert rows(house, "SELECT state FROM delivery WHERE state <> 'sent'") == [("sending",)]
    await house.kill(process)
    hold.drop()
    house.telegram.heal()
    await house.start_process()

    await house.hears("−1 USDC")
    await house.asked(3)
    assert len(alerts(house)) == 1


async def test_killed_between_send_and_mark_the_same_message_comes_once_more(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    hold = house.telegram.hold_after()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await hold.arrived()
    await house.hears("−1 USDC")

    await house.kill(process)
    house.telegram.heal()
    await house.start_process()

    await house.hears("−1 USDC")
    await house.asked(3)
    first, second = alerts(house)
    assert first == second, "the repeated message is the same to the letter, its id included"


# ---------------------------------------------------------------- where only standing still shows the moment


async def killed_at(house: House, point: str, happen: Callable[[], None]) -> None:
    """Let a bot that watches already be killed in the middle of what then happens."""
    process = await house.start_process(stand_still_at=point)
    happen()
    await until(house.reached.exists)
    await house.kill(process)


async def killed_while_it_worked(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    await until(lambda: rows(house, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)])
    await house.kill(process)


async def test_killed_while_a_message_is_composed_it_is_told_once(house: House) -> None:
    await killed_while_it_worked(house)

    await killed_at(house, "bot.wiring:compose", lambda: usdc_leaves(house))

    assert alerts(house) == []
    assert rows(house, "SELECT state FROM alert WHERE change_id IS NOT NULL") == [("waiting",)]
    assert rows(house, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)]
    await house.start_process()
    await house.hears("−1 USDC")
    await house.asked(3)
    assert len(alerts(house)) == 1


async def test_killed_between_a_pause_that_telegram_wants_and_its_mark_it_is_told_once(house: House) -> None:
    await killed_while_it_worked(house)
    house.telegram.fault(too_many_requests(1), times=1)

    await killed_at(house, "bot.store.settling:settle", lambda: usdc_leaves(house))

    assert rows(house, "SELECT state FROM delivery WHERE state <> 'sent'") == [("sending",)]
    await house.start_process()
    await house.hears("−1 USDC")
    await house.asked(3)
    assert len(alerts(house)) == 1
    assert rows(house, "SELECT sum(unknowns) FROM delivery") == [(1,)], "in doubt, though it was refused"


async def test_killed_while_a_group_becomes_a_supergroup_everything_is_there_once(house: House) -> None:
    process = await house.start_process()
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await house.hears("balances", chat=group)
    await house.kill(process)
    supergroups = []

    await killed_at(
        house, "bot.store.moving:_merge_standing", lambda: supergroups.append(house.telegram.migrates(group))
    )

    assert rows(house, "SELECT count(*) FROM chat WHERE migrated_to IS NOT NULL") == [(0,)]
    (supergroup,) = supergroups
    usdc_leaves(house)
    await house.start_process()
    await house.hears("−1 USDC", chat=supergroup)
    await house.asked(3)
    assert sum("USDC" in text for text in house.said(supergroup)) == 1
    assert rows(house, "SELECT label FROM subscription") == [("Till",)]


async def test_killed_while_old_alerts_expire_they_are_dropped_and_counted_once(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    house.telegram.blocks(house.olga)
    usdc_leaves(house)
    await until(lambda: rows(house, "SELECT count(*) FROM alert WHERE change_id IS NOT NULL") == [(1,)])
    await house.kill(process)
    age_everything(house)

    await killed_at(house, "bot.store.withdrawing:_tell_dropped", lambda: None)

    assert rows(house, "SELECT count(*) FROM alert WHERE state = 'expired'") == [(0,)]
    await house.start_process()
    await until(lambda: rows(house, "SELECT count(*) FROM alert WHERE state = 'expired'") == [(1,)])
    house.telegram.unblocks(house.olga)
    await house.hears("1 change could not be told in time and was dropped")
    await house.asked(3)
    assert sum("dropped" in text for text in house.said()) == 1
    assert alerts(house) == []


# ---------------------------------------------------------------- commands, and an end that was asked for


async def test_killed_while_a_command_is_dealt_with_the_command_is_not_forgotten(house: House) -> None:
    process = await house.start_process()
    await until(lambda: any(call.method == "getUpdates" for call in house.telegram.calls))
    hold = house.telegram.hold_before()
    house.say("/watch 0x" + "0d" * 20 + " as First")
    house.say("/watch 0x" + "0e" * 20 + " as Second")
    await hold.arrived()

    await house.kill(process)
    hold.drop()
    house.telegram.heal()
    await house.start_process()

    await house.hears("First")
    await house.hears("Second")
    await until(
        lambda: rows(house, "SELECT label FROM subscription ORDER BY id") == [("First",), ("Second",)]
    )


async def test_asked_to_stop_the_bot_ends_well_and_repeats_nothing(house: House) -> None:
    process = await house.start_process()
    await house.watches()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.hears("−1 USDC")

    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await house.start_process()
    await house.asked(3)

    assert len(alerts(house)) == 1
    assert sum("Watching" in text for text in house.said()) == 2, "the command was confirmed, not repeated"
