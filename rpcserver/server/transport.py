"""
The little that the server needs of a socket, so that a faster one can replace it.

`WebSocketTransport` lets the `websockets` library do handshake, reading, limits, pings and the
closing handshake, and writes finished frames past it, straight to the socket: one write for many
frames, shared among all who get them. That path is not documented by the library; the version is
pinned and `tests/server/test_transport.py` holds it to its behaviour.
"""

from __future__ import annotations

from typing import Protocol

from anyio import move_on_after
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

CLOSE_TIMEOUT = 3.0  # seconds for the other end's goodbye


class Disconnected(Exception):
    """The client is gone."""


class Transport(Protocol):
    """One WebSocket without compression."""

    @property
    def remote(self) -> str:
        """The client's address, for the audit."""

    @property
    def backlog(self) -> int:
        """Bytes written that the client's end has not taken."""

    async def receive(self) -> str | bytes:
        """
        The next message: text as `str`, binary as `bytes`.

        Raises:
            Disconnected: There will be none.
        """

    def write(self, frames: bytes) -> None:
        """Write finished frames in one go, without waiting. Nothing happens once it is closed."""

    async def drain(self) -> None:
        """Wait until the client has taken (nearly) all that was written."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and hang up if there is no answer."""


def remote_of(connection: ServerConnection) -> str:
    """The other end's `host:port`; nothing once it is gone."""
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if address else ""


class WebSocketTransport:
    """A `Transport` over a connection of the `websockets` library."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._remote = remote_of(connection)

    @property
    def remote(self) -> str:
        return self._remote

    @property
    def backlog(self) -> int:
        return self._connection.transport.get_write_buffer_size()

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise Disconnected from exc

    def write(self, frames: bytes) -> None:
        # After the close frame nothing may follow it; `state` leaves OPEN when that is queued.
        if frames and self._connection.state is State.OPEN:
            self._connection.transport.write(frames)

    async def drain(self) -> None:
        try:
            await self._connection.drain()
        except OSError as exc:
            raise Disconnected from exc

    async def close(self, code: int, reason: str) -> None:
        with move_on_after(CLOSE_TIMEOUT):
            await self._connection.close(code, reason)
            return
        self._connection.transport.abort()
