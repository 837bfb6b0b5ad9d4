"""A limit on how many connections the health pages hold at once, so that the bot keeps its file descriptors.

At the limit the oldest connection that has not sent a whole request head is cut for the new one: whoever
opens connections and says nothing keeps nobody out.
"""

import asyncio
from collections.abc import Callable
from typing import cast

MOST_CONNECTIONS = 64

_HEAD_END = b"\r\n\r\n"


class ConnectionLimit:
    """A factory of protocols for `loop.create_server` that wraps another one and counts connections."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], most: int = MOST_CONNECTIONS) -> None:
        self._inner = inner
        self._most = most
        self._connections: dict[_Connection, None] = {}
        """Used as an ordered set, the oldest first."""

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Connection(self, self._inner())

    def admit(self, connection: "_Connection") -> bool:
        """Say whether one more may connect, cutting an idle one for it if need be."""
        if len(self._connections) >= self._most:
            idle = next((one for one in self._connections if not one.has_asked), None)
            if idle is None:
                return False
            self.forget(idle)
            idle.end()
        self._connections[connection] = None
        return True

    def forget(self, connection: "_Connection") -> None:
        """Stop counting a closed connection."""
        self._connections.pop(connection, None)


class _Connection(asyncio.Protocol):
    """One connection, handed on to the wrapped server's protocol once it is admitted."""

    def __init__(self, limit: ConnectionLimit, inner: asyncio.Protocol) -> None:
        self.has_asked = False
        """Whether a whole request head has arrived on it."""
        self._limit = limit
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._is_admitted = False
        self._end_of_last = b""

    def end(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass the connection on, or cut it where too many are busy."""
        self._transport = cast("asyncio.Transport", transport)
        self._is_admitted = self._limit.admit(self)
        if self._is_admitted:
            self._inner.connection_made(transport)
        else:
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        """Free the place."""
        self._limit.forget(self)
        if self._is_admitted:
            self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on, watching for the end of a request head."""
        if not self._is_admitted:
            return
        # The head's end may be split between two pieces, so the last bytes of each are kept.
        self.has_asked = self.has_asked or _HEAD_END in self._end_of_last + data
        self._end_of_last = data[1 - len(_HEAD_END) :]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._inner.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()
