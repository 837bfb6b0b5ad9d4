"""A role that is lost while its work is busy: nothing is written after that, and it can be had again."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.domain.replicas.roles import Role
from tests import postgres_server
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLL, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

OTHER = "somebody else"

CHANGES = "SELECT count(*) FROM change"
UNSENT = "SELECT count(*) FROM delivery WHERE state <> 'sent'"
THREE_SECONDS_ON = """
SELECT count(*) FROM lease WHERE role = ? AND until < extract(epoch from clock_timestamp()) * 1000 + 2000
"""
UNDONE = "Nothing was changed"
WATCHED = "SELECT count(*) FROM subscription WHERE label = 'Burnt'"


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.PostgresServer]:
    with postgres_server.running() as one:
        yield one


@pytest.fixture
async def stack(tmp_path: Path, server: postgres_server.PostgresServer) -> AsyncIterator[Stack]:
    """Run a bot over the server."""
    async with open_stack(tmp_path, None, server.empty_database()) as one:
        one.start()
        await one.watches()
        yield one


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


def epoch(stack: Stack, role: Role) -> int:
    ((number,),) = stack.rows("SELECT epoch FROM lease WHERE role = ?", role)
    return int(number)


def is_taken(stack: Stack, *roles: Role, seconds: float = 2) -> None:
    """Let somebody else take roles, and keep them for so long."""
    for role in roles:
        stack.rows(
            "UPDATE lease SET replica_id = ?, epoch = epoch + 1,"
            f" until = extract(epoch from clock_timestamp()) * 1000 + {int(seconds * 1000)} WHERE role = ?",
            OTHER,
            role,
        )


async def has_again(stack: Stack, *roles: Role) -> None:
    """Wait until the bot has roles that somebody else had."""
    marks = ", ".join("?" * len(roles))
    theirs = f"SELECT count(*) FROM lease WHERE role IN ({marks}) AND replica_id = ?"
    await until(lambda: stack.rows(theirs, *roles, OTHER) == [(0,)])


async def test_all_roles_are_lost_at_once_and_come_back_and_nothing_is_told_twice(stack: Stack) -> None:
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    await until(lambda: stack.rows(UNSENT) == [(0,)])
    before = {role: epoch(stack, role) for role in Role}

    is_taken(stack, *Role)
    usdc_moves(stack, -2)
    stack.say("/id")
    await has_again(stack, *Role)

    await stack.hears("−2 USDC")
    await until(lambda: any("7001" in text for text in stack.said()))
    await stack.asked(3)
    assert len(alerts(stack)) == 2
    assert {role: epoch(stack, role) for role in Role} == {role: before[role] + 2 for role in Role}


async def test_a_sweep_in_the_middle_records_nothing_once_the_role_is_lost(stack: Stack) -> None:
    stack.gateway.gate.hold(POLL)
    usdc_moves(stack, -1)
    await stack.gateway.gate.until_waiting(1)
    before = stack.rows(CHANGES)

    is_taken(stack, Role.POLLER, seconds=5)
    stack.gateway.gate.release()
    usdc_moves(stack, -1)
    await until(lambda: stack.rows(THREE_SECONDS_ON, Role.POLLER) == [(1,)])
    assert stack.rows(CHANGES) == before

    await has_again(stack, Role.POLLER)
    await stack.hears("−2 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_a_message_in_flight_is_in_doubt_once_the_role_is_lost_and_comes_at_most_twice(
    stack: Stack,
) -> None:
    hold = stack.telegram.hold_after()
    usdc_moves(stack, -1)
    await hold.arrived()

    is_taken(stack, Role.SENDER)
    await has_again(stack, Role.SENDER)
    hold.release()

    await until(lambda: stack.rows(UNSENT) == [(0,)])
    usdc_moves(stack, 5)
    await stack.hears("+5 USDC")
    told = [text for text in alerts(stack) if "−1 USDC" in text]
    assert len(told) in (1, 2)
    assert len({text.splitlines()[-1] for text in told}) == 1


async def test_a_command_under_way_when_the_role_is_lost_is_carried_out_once_or_said_to_be_left_undone(
    stack: Stack,
) -> None:
    hold = stack.telegram.hold_before(method="getChatAdministrators")
    anna = stack.telegram.add_user("Anna", user_id=7003)
    group = stack.telegram.add_group("Ops", members={stack.olga: "administrator", anna: "administrator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    command = "/watch 0x000000000000000000000000000000000000dEaD as Burnt"
    stack.say(command, chat=group, user=anna)
    await hold.arrived()

    is_taken(stack, Role.RECEIVER)
    hold.release()
    await has_again(stack, Role.RECEIVER)

    answer = await stack.hears(
        lambda message: "Watching" in message.text or UNDONE in message.text, chat=group
    )
    assert stack.rows(WATCHED) == [(0 if UNDONE in answer.text else 1,)]
    stack.say(command, chat=group, user=anna)
    await stack.hears("Burnt", chat=group)
    assert stack.rows(WATCHED) == [(1,)]
