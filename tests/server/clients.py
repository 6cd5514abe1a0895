"""A client that says and hears JSON, and the tokens it may use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rpcserver.domain.ids import PrincipalId, TokenId
from rpcserver.domain.principal import Role, TokenRow
from rpcserver.driver.engine import Engine
from tests.server.fakes import NOON, FakeEngine

PATIENCE = 5.0  # seconds

Frame = dict[str, Any]


class Client:
    """One connection. Every wait ends after `PATIENCE`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **frame: object) -> None:
        await self.say_text(json.dumps(frame))

    async def say_text(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def hear(self) -> Frame:
        frame: Frame = json.loads(await self.hear_text())
        return frame

    async def hear_text(self) -> str:
        with anyio.fail_after(PATIENCE):
            text = await self.socket.recv()
        assert isinstance(text, str)
        assert "\n" not in text
        return text

    async def hear_until_final(self, request_id: str) -> tuple[list[Frame], Frame]:
        """Every frame before the one that bears the id, and that one's data."""
        before: list[Frame] = []
        while True:
            frame = await self.hear()
            if frame.get("id") == request_id:
                assert "type" not in frame
                data: Frame = frame["data"]
                return before, data
            assert "id" not in frame
            before.append(frame)

    async def call(self, api: str, args: Mapping[str, object] | None = None) -> Frame:
        """The final answer's data of one call, passing over everything else."""
        await self.say(action="rpc", id="call", api=api, args=args or {})
        _, data = await self.hear_until_final("call")
        return data

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

    async def hears_nothing(self, seconds: float = 0.05) -> bool:
        with anyio.move_on_after(seconds):
            await self.socket.recv()
            return False
        return True


@asynccontextmanager
async def connect_client(
    port: int, token: str | None = None, **options: Any
) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with connect(
        f"ws://127.0.0.1:{port}/ws/stream",
        additional_headers={**headers, **options.pop("headers", {})},
        compression=None,
        proxy=None,
        **options,
    ) as socket:
        yield Client(socket)


async def let_in(
    engine: FakeEngine | Engine,
    name: str,
    roles: Collection[Role],
    accounts: tuple[str, ...] = ("*",),
    *,
    principal: str | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Give a principal a token that is spelled like its name."""
    row = TokenRow(
        token_id=TokenId(f"tok-{name}"),
        principal=PrincipalId(principal or name),
        roles=frozenset(roles),
        accounts=accounts,
        created_at=NOON,
        expires_at=expires_at,
    )
    await engine.journal.add_token(row, hashlib.sha256(name.encode()).digest())
