"""How many are let in to the pages at once, with connections that only the test makes."""

import asyncio

from bot.web.connection_limit import ConnectionLimit

HEAD = b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"


class Connection(asyncio.Transport):
    """A connection that notes whether it was cut; the other side hears of that later."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cut = False

    def abort(self) -> None:
        self.is_cut = True


def connect(limit: ConnectionLimit, said: bytes = b"") -> Connection:
    connection = Connection()
    protocol = limit()
    protocol.connection_made(connection)
    if said:
        protocol.data_received(said)
    return connection


def test_each_that_comes_makes_another_one_leave_who_asked_for_nothing() -> None:
    limit = ConnectionLimit(asyncio.Protocol, most=2)

    came = [connect(limit) for _ in range(5)]

    assert [one.is_cut for one in came] == [True, True, True, False, False]


def test_who_has_asked_stays_and_the_next_one_is_cut_off() -> None:
    limit = ConnectionLimit(asyncio.Protocol, most=2)
    asked = [connect(limit, HEAD), connect(limit, HEAD)]

    late = connect(limit)

    assert [one.is_cut for one in (*asked, late)] == [False, False, True]
