"""A proxy on loopback between one replica and a server, which fails as a network does."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Self


class Direction(Enum):
    """Where bytes go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class Proxy:
    """Passes on what comes, until it is cut or frozen.

    What is frozen is kept and passed on later, unless it is cut meanwhile. A peer's system has it
    acknowledged all the same: to that system the other end is alive, and says nothing.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self._server_port = server_port
        self._refuses = False
        self._flows = {direction: asyncio.Event() for direction in Direction}
        self._writers: set[asyncio.StreamWriter] = set()
        self._accepted: set[asyncio.Task[None]] = set()
        self._awaited: tuple[bytes, asyncio.Event] | None = None
        self._request: tuple[bytes, asyncio.Event, asyncio.Event] | None = None
        self._answers = asyncio.Event()
        self.release_answers()
        self.heal()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Listen until the end of the block."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            accepted = list(self._accepted)
            for task in accepted:
                task.cancel()
            await asyncio.gather(*accepted, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""
        for writer in self._writers:
            _reset(writer)

    def refuse(self) -> None:
        """Reset every connection, and each new one, until healed."""
        self._refuses = True
        self.cut()

    def freeze(self, directions: Iterable[Direction]) -> None:
        """Hold back what goes in these directions until healed, whatever the connection."""
        for direction in directions:
            self._flows[direction].clear()

    def heal(self) -> None:
        """Let everything pass again, and what was held back first."""
        self._refuses = False
        for flow in self._flows.values():
            flow.set()

    def hold_answer_to(self, mark: bytes) -> asyncio.Event:
        """Hold back what goes to the client once it has said this; the event tells that it has."""
        self._awaited = mark, asyncio.Event()
        return self._awaited[1]

    def hold_request(self, mark: bytes) -> tuple[asyncio.Event, asyncio.Event]:
        """Hold back the next request with this in it until the second event; the first tells that it came."""
        self._request = mark, asyncio.Event(), asyncio.Event()
        return self._request[1:]

    def release_answers(self) -> None:
        """Let go what was held back by `hold_answer_to`, and hold no more."""
        self._awaited = None
        self._answers.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = asyncio.current_task()
        assert accepted is not None
        self._accepted.add(accepted)
        try:
            if not self._refuses:
                await self._connect(reader, writer)
        except OSError:  # the server does not run: its system refuses, and so does this one
            pass
        finally:
            _reset(writer)
            self._accepted.discard(accepted)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on, both ways, until both ends have ended."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        writers = {writer, there_writer}
        self._writers |= writers
        both = {
            asyncio.create_task(self._pass(reader, there_writer, Direction.TO_SERVER)),
            asyncio.create_task(self._pass(there_reader, writer, Direction.TO_CLIENT)),
        }
        try:
            await asyncio.wait(both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            _reset(there_writer)
            self._writers -= writers

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        with suppress(OSError):
            while some := await reader.read(65536):
                await self._flows[direction].wait()
                if self._request and direction is Direction.TO_SERVER and self._request[0] in some:
                    (_, came, goes_on), self._request = self._request, None
                    came.set()
                    await goes_on.wait()
                if self._awaited and direction is Direction.TO_SERVER and self._awaited[0] in some:
                    self._answers.clear()
                    self._awaited[1].set()
                    self._awaited = None
                if direction is Direction.TO_CLIENT:
                    await self._answers.wait()
                writer.write(some)
                await writer.drain()
        # An end travels like all else: behind what was held back.
        await self._flows[direction].wait()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the peer's system reports a reset, not an ordinary end."""
    if writer.transport.is_closing():
        return
    connection = writer.get_extra_info("socket")
    # Lingering for 0 seconds makes the system send RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
