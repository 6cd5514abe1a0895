"""
Clients: each asks one thing, loses its connection, comes back, resends, attaches, and wants its
one final answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

import anyio
import msgspec

from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.plan import Call

RECONNECT = 0.4  # seconds before a client tries again


class Server(Protocol):
    """The life a client talks to."""

    number: int
    over: anyio.Event

    def open_call(self, text: str, tell: Callable[[bytes], None]) -> None:
        """Take a frame; everything it leads to is told."""


class Onlooker(Protocol):
    """Who sees what clients are told."""

    def told(self, connection: Connection, frame: bytes) -> None: ...


class Connection:
    """One connection of one client: what it was told, until it breaks."""

    def __init__(self, client: str, sent: str, after: int) -> None:
        self.client = client
        self.sent = sent  # the frame
        self.after = after  # the seq it asked to be told from
        self.is_open = True
        self.final: bytes | None = None
        self.news = anyio.Event()


class Client:
    """
    One call and everything it takes to learn how it ended.

    It is patient: only where asking again could close twice (a part, without a key, that was
    perhaps accepted) it gives up, as a careful person would.
    """

    def __init__(
        self,
        call: Call,
        life: Callable[[], Server | None],
        weather: Weather,
        onlooker: Onlooker,
        note: Callable[[str, object], None],
    ) -> None:
        self.call = call
        self._life = life
        self._weather = weather
        self._onlooker = onlooker
        self._note = note
        self.operation_id: str | None = None
        self.last_seq = 0
        self.final: bytes | None = None
        self.gave_up = False
        self._sends = 0

    async def run(self) -> None:
        await anyio.sleep(self.call.at)
        while self.final is None and not self.gave_up:
            life = self._life()
            if life is None:
                await anyio.sleep(RECONNECT)
                continue
            if self._sends and self.operation_id is None and not self._may_resend():
                self.gave_up = True
                self._note("client gives up", self.call.id)
                return
            await self._talk(life)
            if self.final is None:
                await anyio.sleep(RECONNECT)

    def _may_resend(self) -> bool:
        is_part = any(word in self.call.args for word in ('"quantity"', '"percent"'))
        return self.call.key is not None or not is_part

    async def _talk(self, life: Server) -> None:
        """One connection, from its first frame to its end."""
        text, after = self._frame()
        connection = Connection(self.call.id, text, after)
        self._sends += 1
        self._note("client sends", f"{self.call.id} {text}")

        def tell(frame: bytes) -> None:
            if connection.is_open:
                self._onlooker.told(connection, frame)
                self._read(connection, frame)

        life.open_call(text, tell)
        resends = self._sends == 1 and self._may_resend()
        if resends and self._weather.strikes_now(FaultKind.RESEND, self.call.id):
            life.open_call(text, lambda _: None)
        patience: float | None = None
        if self._weather.strikes_now(FaultKind.DISCONNECT, self.call.id):
            patience = self._weather.between(FaultKind.DISCONNECT, 0.0, 6.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_over, life, connection)
            with anyio.move_on_after(patience):
                while connection.is_open:
                    connection.news = anyio.Event()
                    await connection.news.wait()
            connection.is_open = False
            tasks.cancel_scope.cancel()

    async def _until_over(self, life: Server, connection: Connection) -> None:
        await life.over.wait()
        connection.is_open = False
        connection.news.set()

    def _frame(self) -> tuple[str, int]:
        if self.operation_id is not None and (self.call.key is None or self._sends % 2):
            frame = {
                "action": "attach",
                "id": self.call.id,
                "operationId": self.operation_id,
                "after": self.last_seq,
            }
            return json.dumps(frame), self.last_seq
        frame = {"action": "rpc", "id": self.call.id, "api": self.call.api}
        frame["args"] = json.loads(self.call.args)
        if self.call.key is not None:
            frame["idempotencyKey"] = self.call.key
        return json.dumps(frame), 0

    def _read(self, connection: Connection, frame: bytes) -> None:
        told = msgspec.json.decode(frame)
        match told.get("type"):
            case "accepted":
                self.operation_id = told["operationId"]
            case "progress":
                self.last_seq = max(self.last_seq, told["seq"])
            case None:
                connection.final = self.final = frame
                connection.is_open = False
            case _:
                pass
        connection.news.set()
