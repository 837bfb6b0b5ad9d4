"""How many are let in to the pages at once, with connections that only the test makes."""

import asyncio

from bot.web.connection_limit import Door

HEAD = b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"


class Connection(asyncio.Transport):
    """A connection that notes whether it was cut; the other side hears of that later."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cut = False

    def abort(self) -> None:
        self.is_cut = True


def comes(door: Door, said: bytes = b"") -> Connection:
    connection = Connection()
    visit = door()
    visit.connection_made(connection)
    if said:
        visit.data_received(said)
    return connection


def test_each_that_comes_makes_another_one_leave_who_asked_for_nothing() -> None:
    door = Door(asyncio.Protocol, most=2)

    came = [comes(door) for _ in range(5)]

    assert [one.is_cut for one in came] == [True, True, True, False, False]


def test_who_has_asked_stays_and_the_next_one_is_cut_off() -> None:
    door = Door(asyncio.Protocol, most=2)
    asked = [comes(door, HEAD), comes(door, HEAD)]

    late = comes(door)

    assert [one.is_cut for one in (*asked, late)] == [False, False, True]
