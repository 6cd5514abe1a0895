"""A plain WebSocket that says and hears JSON. It knows nothing of this project's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 30.0  # seconds for one frame

Frame = dict[str, Any]


@dataclass
class Answer:
    """Everything that came for one call, up to its final frame."""

    data: Frame
    final: str  # the final frame's text
    accepted: Frame | None = None
    progress: list[str] = field(default_factory=list)  # the texts, byte for byte

    @property
    def steps(self) -> list[Frame]:
        return [json.loads(text) for text in self.progress]

    @property
    def operation_id(self) -> str:
        assert self.accepted is not None, f"it was not accepted: {self.data}"
        name: str = self.accepted["operationId"]
        return name


class Client:
    """One connection. Every wait is bounded."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **frame: object) -> None:
        await self.say_text(json.dumps(frame))

    async def say_text(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def hear_text(self, patience: float = PATIENCE) -> str:
        with anyio.fail_after(patience):
            text = await self.socket.recv()
        assert isinstance(text, str), "frames are text"
        assert "\n" not in text, "a frame is one line"
        return text

    async def hear(self, patience: float = PATIENCE) -> Frame:
        frame: Frame = json.loads(await self.hear_text(patience))
        return frame

    async def hear_type(self, kind: str) -> Frame:
        """The next frame of one `type`, passing over others."""
        while True:
            frame = await self.hear()
            if frame.get("type") == kind:
                return frame

    async def answer(self, request_id: str) -> Answer:
        """Everything for one call, up to its final frame."""
        return (await self.answers([request_id]))[request_id]

    async def answers(self, request_ids: Iterable[str]) -> dict[str, Answer]:
        """The same for several calls at once."""
        waiting = set(request_ids)
        found = {name: Answer({}, "") for name in waiting}
        while waiting:
            text = await self.hear_text()
            frame: Frame = json.loads(text)
            if (name := frame.get("id")) is not None:
                assert set(frame) == {"id", "data"}, f"a final frame is id and data: {text[:200]}"
                waiting.remove(name)
                found[name].data, found[name].final = frame["data"], text
            elif frame["type"] == "accepted":
                found[frame["requestId"]].accepted = frame
            elif frame["type"] == "progress":
                self._file(found, frame, text)
        return found

    def _file(self, found: Mapping[str, Answer], frame: Frame, text: str) -> None:
        """A step bears the id of the call that created the operation: it may be another's."""
        for answer in found.values():
            accepted = answer.accepted
            if accepted is None or accepted["operationId"] == frame["operationId"]:
                answer.progress.append(text)

    async def call(
        self,
        api: str,
        args: Mapping[str, object] | None = None,
        *,
        id: str = "my-request-id",
        key: str | None = None,
        **envelope: object,
    ) -> Answer:
        """Make one call and hear it out."""
        await self.begin(api, args, id=id, key=key, **envelope)
        return await self.answer(id)

    async def begin(
        self,
        api: str,
        args: Mapping[str, object] | None = None,
        *,
        id: str = "my-request-id",
        key: str | None = None,
        **envelope: object,
    ) -> None:
        """Make one call, and hear of it later."""
        if key is not None:
            envelope["idempotencyKey"] = key
        await self.say(action="rpc", id=id, api=api, args=dict(args or {}), **envelope)

    async def attach(self, operation_id: str, *, after: int = 0, id: str = "attach") -> Answer:
        """Follow an operation to its end."""
        await self.say(action="attach", id=id, operationId=operation_id, after=after)
        return await self.answer(id)

    async def hear_close(self) -> tuple[int, str]:
        """The close code and its reason, passing over everything that comes before."""
        with anyio.fail_after(PATIENCE):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                pass
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    async def is_alive(self) -> bool:
        """Whether the connection still answers, whatever else is under way."""
        await self.say(action="ping")
        return bool(await self.hear_type("pong"))


@asynccontextmanager
async def connected(
    url: str, token: str | None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Client]:
    """A client with *token* in its handshake; None: it authenticates itself, or does not."""
    bearer = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with connect(
        url,
        additional_headers=bearer | dict(headers or {}),
        compression=None,
        proxy=None,
        max_size=2**20,  # what most libraries take by default
        max_queue=None,  # whoever stops listening still hears that the server has died
    ) as socket:
        yield Client(socket)
