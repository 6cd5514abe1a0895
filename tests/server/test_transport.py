"""
The path past the library: finished frames are written straight to its socket.

It is not documented, so these tests hold the pinned version to what it does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from rpcserver.server.crew import IDLE_MAX, Crew
from rpcserver.server.transport import Disconnected, WebSocketTransport
from rpcserver.wire.framing import text_frame

pytestmark = pytest.mark.anyio

Handler = Callable[[WebSocketTransport], Awaitable[None]]


@asynccontextmanager
async def a_connection(handler: Handler) -> AsyncIterator[ClientConnection]:
    async def handle(connection: ServerConnection) -> None:
        await handler(WebSocketTransport(connection))

    async with (
        serve(handle, "127.0.0.1", 0, compression=None) as server,
        connect(
            f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            compression=None,
            proxy=None,
            max_size=None,
        ) as client,
    ):
        yield client


async def hear(client: ClientConnection) -> str | bytes:
    with anyio.fail_after(5):
        return await client.recv()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
async def test_a_frame_of_any_size_arrives_whole(size: int) -> None:
    async def handler(transport: WebSocketTransport) -> None:
        transport.write(text_frame(b"x" * size))
        with pytest.raises(Disconnected):
            await transport.receive()

    async with a_connection(handler) as client:
        assert await hear(client) == "x" * size


async def test_joined_frames_arrive_one_by_one_among_pings_and_library_frames() -> None:
    async def handler(transport: WebSocketTransport) -> None:
        while True:
            try:
                told = await transport.receive()
            except Disconnected:
                return
            assert isinstance(told, str)
            transport.write(b"".join(text_frame(f"{told}{n}".encode()) for n in range(3)))

    async with a_connection(handler) as client:
        for word in ("a", "é"):
            await client.send(word)
            await (await client.ping())
            assert [await hear(client) for _ in range(3)] == [f"{word}{n}" for n in range(3)]


async def test_text_and_binary_are_told_apart() -> None:
    heard: list[str | bytes] = []

    async def handler(transport: WebSocketTransport) -> None:
        heard.extend([await transport.receive(), await transport.receive()])

    async with a_connection(handler) as client:
        await client.send("text")
        await client.send(b"binary")
        await client.wait_closed()
    assert heard == ["text", b"binary"]


async def test_nothing_is_written_after_the_goodbye() -> None:
    async def handler(transport: WebSocketTransport) -> None:
        transport.write(text_frame(b"last"))
        await transport.close(4410, "revoked")
        transport.write(text_frame(b"too late"))
        await transport.close(1000, "again")

    async with a_connection(handler) as client:
        assert await hear(client) == "last"
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert (client.close_code, client.close_reason) == (4410, "revoked")


async def test_drain_waits_until_the_client_reads() -> None:
    steps: list[str] = []

    async def handler(transport: WebSocketTransport) -> None:
        for _ in range(40):
            transport.write(text_frame(b"x" * 1_000_000))
        assert transport.backlog > 1_000_000
        steps.append("written")
        await transport.drain()
        assert transport.backlog < 100_000
        steps.append("drained")

    async with a_connection(handler) as client:
        await anyio.sleep(0.05)
        assert steps == ["written"]
        for _ in range(40):
            await hear(client)
        await client.wait_closed()
    assert steps == ["written", "drained"]


async def test_a_client_that_vanishes_is_disconnected_and_not_an_error() -> None:
    ended = anyio.Event()

    async def handler(transport: WebSocketTransport) -> None:
        with pytest.raises(Disconnected):
            await transport.receive()
        transport.write(text_frame(b"nobody"))
        await transport.close(1001, "")
        ended.set()

    async with a_connection(handler) as client:
        client.transport.abort()
        with anyio.fail_after(5):
            await ended.wait()


# --- the crew ----------------------------------------------------------------------------------


async def test_a_crew_does_everything_at_once_and_keeps_a_few() -> None:
    done: list[int] = []
    gate = anyio.Event()

    async def job(number: int) -> None:
        await gate.wait()
        done.append(number)

    async with anyio.create_task_group() as tasks:
        crew = Crew(tasks)
        for number in range(IDLE_MAX + 3):
            crew.start(job, number)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        gate.set()
        await anyio.wait_all_tasks_blocked()
        assert sorted(done) == list(range(IDLE_MAX + 3))
        for number in range(10, 13):
            crew.start(job, number)
        await anyio.wait_all_tasks_blocked()
        assert sorted(done)[-3:] == [10, 11, 12]
        tasks.cancel_scope.cancel()
