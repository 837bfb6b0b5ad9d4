"""How many may come to the pages at once: descriptors are for the bot's own work first.

Who has not asked for anything yet makes way for the next one, the one that came first before the
others. So whoever opens connections and says nothing keeps nobody out.
"""

import asyncio
from collections.abc import Callable
from typing import cast

MOST_CONNECTIONS = 64

_HEAD_END = b"\r\n\r\n"


class Door:
    """Makes the protocols of a server, and lets only so many of them be connected."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], most: int = MOST_CONNECTIONS) -> None:
        self._inner = inner
        self._most = most
        self._inside: dict[_Visit, None] = {}
        """In the order in which they came."""

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Visit(self, self._inner())

    def enters(self, visit: "_Visit") -> bool:
        """Whether one more may come in; somebody who has asked for nothing may have to leave for it."""
        if len(self._inside) >= self._most:
            idle = next((one for one in self._inside if not one.has_asked), None)
            if idle is None:
                return False
            self.leaves(idle)
            idle.end()
        self._inside[visit] = None
        return True

    def leaves(self, visit: "_Visit") -> None:
        """Note that somebody is gone."""
        self._inside.pop(visit, None)


class _Visit(asyncio.Protocol):
    """One connection, carried on by the protocol of the server inside."""

    def __init__(self, door: Door, inner: asyncio.Protocol) -> None:
        self.has_asked = False
        """Whether a whole head of a request has come."""
        self._door = door
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._is_inside = False
        self._end_of_last = b""

    def end(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in, or be cut off at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._is_inside = self._door.enters(self)
        if self._is_inside:
            self._inner.connection_made(transport)
        else:
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        """Leave."""
        self._door.leaves(self)
        if self._is_inside:
            self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Carry on what was said."""
        if not self._is_inside:
            return
        self.has_asked = self.has_asked or _HEAD_END in self._end_of_last + data
        self._end_of_last = data[1 - len(_HEAD_END) :]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Carry on that nothing more will be said."""
        return self._inner.eof_received() if self._is_inside else None

    def pause_writing(self) -> None:
        """Carry on that the other side reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Carry on that it reads again."""
        self._inner.resume_writing()
