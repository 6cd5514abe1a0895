"""A caller who asks again by the same key, over a new connection, until there is an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.acceptance.clients import Client, Frame, connected
from tests.acceptance.processes import ServerProgram

PATIENCE = 180.0  # seconds until a call counts as unanswered, however often the server died
PAUSE = 0.05  # seconds before it is asked again
ASK_AGAIN = ("shutting_down", "journal_broken", "internal")  # refusals that say so


class Unanswered(AssertionError):
    """Nobody ever said what became of a call."""


class Contradicted(AssertionError):
    """One key was told two different things."""


@dataclass
class Heard:
    """All that was ever told of one key."""

    asked: int = 0  # how often
    operation_id: str = ""
    finals: list[Frame] = field(default_factory=list)  # the same answer each time
    refusals: list[Frame] = field(default_factory=list)  # each asks to ask again

    @property
    def answer(self) -> Frame:
        return self.finals[-1]

    def accept(self, operation_id: str) -> None:
        if self.operation_id not in ("", operation_id):
            raise Contradicted(f"one key, two operations: {operation_id}, after {self}")
        self.operation_id = operation_id

    def end(self, data: Frame) -> None:
        if "operationId" not in data:
            if not any(code in json.dumps(data) for code in ASK_AGAIN):
                raise Contradicted(f"refused: {data}")
            self.refusals.append(data)
            return
        self.accept(data["operationId"])
        if self.finals and self.finals[0] != data:
            raise Contradicted(f"one operation, two answers: {self.finals[0]}, {data}")
        self.finals.append(data)


async def insist(
    server: ServerProgram,
    token: str,
    api: str,
    args: Mapping[str, object],
    key: str,
    heard: Heard | None = None,
) -> Heard:
    """
    Call until there is a final answer; *heard* is what was told of this key before.

    Raises:
        Unanswered: None came, or a connection that lived on fell silent.
        Contradicted: What was told does not agree with itself.
    """
    heard = heard or Heard()
    wanted = len(heard.finals) + 1
    with anyio.move_on_after(PATIENCE):
        while len(heard.finals) < wanted:
            try:
                async with connected(server.url, token) as client:
                    heard.asked += 1
                    name = f"{key}-{heard.asked}"
                    await client.begin(api, args, id=name, key=key)
                    await _hear_out(client, name, heard)
            except ConnectionClosed:
                pass
            except (OSError, EOFError, WebSocketException):
                await anyio.sleep(PAUSE)
        return heard
    raise Unanswered(f"{api} {dict(args)} ({key}) was asked {heard.asked} times: {heard}")


async def _hear_out(client: Client, request_id: str, heard: Heard) -> None:
    """Listen to the final frame of one asking, and to whatever comes before."""
    while True:
        try:
            frame = await client.hear()
        except TimeoutError as error:
            raise Unanswered(f"{request_id}: the connection lives, and is silent") from error
        if frame.get("id") == request_id:
            heard.end(frame["data"])
            return
        if frame.get("type") == "accepted":
            heard.accept(frame["operationId"])
