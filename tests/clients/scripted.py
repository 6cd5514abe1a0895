"""A server that does exactly what a test tells it: one scene a connection, then it hangs up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Frame = dict[str, object]
Scene = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    @property
    def authorization(self) -> str | None:
        assert self._socket.request is not None
        return self._socket.request.headers.get("Authorization")

    async def receives(self, action: str | None = None) -> Frame:
        """The next frame of the client."""
        frame: Frame = json.loads(await self._socket.recv())
        assert action is None or frame["action"] == action, frame
        return frame

    async def sends(self, *frames: Frame) -> None:
        for frame in frames:
            await self._socket.send(json.dumps(frame))

    async def sends_text(self, text: str) -> None:
        await self._socket.send(text)

    async def accepts(self, call: Frame, operation_id: str = "op-1") -> None:
        await self.sends(
            {
                "type": "accepted",
                "requestId": call["id"],
                "operationId": operation_id,
                "duplicate": False,
            }
        )

    async def progresses(
        self, *seqs: int, operation_id: str = "op-1", request_id: str = "r"
    ) -> None:
        for seq in seqs:
            await self.sends(
                {
                    "type": "progress",
                    "requestId": request_id,
                    "operationId": operation_id,
                    "seq": seq,
                    "event": "filled",
                    "done": 0,
                    "total": 1,
                }
            )

    async def answers(self, call: Frame, data: object) -> None:
        await self.sends({"id": call["id"], "data": data})

    async def closes(self, code: int, reason: str = "") -> None:
        await self._socket.close(code, reason)

    async def hangs_up(self) -> None:
        """The cable is cut: no goodbye."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def stays(self) -> None:
        """Say nothing more until the client leaves."""
        await self._socket.wait_closed()


class ScriptedServer:
    """Where it listens, and how often it was called upon."""

    def __init__(self, *scenes: Scene) -> None:
        self.scenes = scenes
        self.connections = 0
        self.failure: AssertionError | None = None
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/ws/stream"

    async def play(self, socket: ServerConnection) -> None:
        number = self.connections
        self.connections += 1
        if number >= len(self.scenes):
            await socket.close(1008, "the script is over")
            return
        try:
            with suppress(ConnectionClosed):  # the client left before the scene was over
                await self.scenes[number](Peer(socket))
        except AssertionError as exc:
            self.failure = exc
            await socket.close(1008, "not what the script says")


@asynccontextmanager
async def scripted(
    *scenes: Scene, refusing: HTTPStatus | None = None
) -> AsyncIterator[ScriptedServer]:
    """Serve *scenes*, one a connection; *refusing* answers every handshake with that status."""

    def refuse(connection: ServerConnection, _: Request) -> Response | None:
        return None if refusing is None else connection.respond(refusing, "no\n")

    server = ScriptedServer(*scenes)
    async with serve(
        server.play, "127.0.0.1", 0, process_request=refuse, compression=None, close_timeout=1
    ) as listening:
        server._server = listening
        yield server
    if server.failure is not None:
        raise server.failure


@contextmanager
def playing(*scenes: Scene) -> Iterator[str]:
    """Serve *scenes* in a thread and give the address."""
    ready: list[str] = []
    failures: list[AssertionError] = []
    listening, leaving = threading.Event(), threading.Event()

    async def play() -> None:
        try:
            async with scripted(*scenes) as server:
                ready.append(server.url)
                listening.set()
                await asyncio.to_thread(leaving.wait)
        except AssertionError as exc:
            failures.append(exc)

    thread = threading.Thread(target=asyncio.run, args=(play(),))
    thread.start()
    listening.wait()
    try:
        yield ready[0]
    finally:
        leaving.set()
        thread.join()
    if failures:
        raise failures[0]
