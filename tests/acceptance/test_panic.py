"""`rpcserver panic`: flat without the server, and a server that knows of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcserver.cli.exits import Exit
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Backstage, Stage, on_stage
from tests.acceptance.processes import PATIENCE, ROOT, Program, ServerProgram, environment, running
from tests.acceptance.scenes import DEMO_ACCOUNTS, no_id_twice

pytestmark = pytest.mark.anyio

POSITIONS = 60  # 17 of the demo portfolio, the rest synthetic
ACCOUNTS = (*DEMO_ACCOUNTS, "Load001")


@pytest.fixture(scope="module")
def slow_backstage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    backstage = Backstage(
        tmp_path_factory, {"venue.synthetic_positions": POSITIONS - 17, "venue.latency": 0.05}
    )
    yield backstage
    backstage.close()


@pytest.fixture
async def slow_stage(slow_backstage: Backstage) -> AsyncIterator[Stage]:
    async with on_stage(slow_backstage.take(), ACCOUNTS) as stage:
        yield stage


def press(program: Program, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Press panic on a server's directory: the exit code, and every line it said."""
    command = "panic", "--json", "--data-dir", str(program.data_dir), "--reason", "drill"
    done = subprocess.run(
        [sys.executable, "-m", "rpcserver", *command, *options],
        cwd=ROOT,
        env=environment(program.settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


async def test_law_26_a_frozen_server_is_ended_and_its_positions_are_closed_once(
    slow_stage: Stage,
) -> None:
    """It froze in the middle of closing, with orders on their way."""
    stage = slow_stage
    before = await stage.scene.positions(*ACCOUNTS)
    assert len(before) == POSITIONS
    await stage.client.begin("FlattenEverything", key="one press")
    while (await stage.client.hear()).get("event") != "sending":
        pass
    os.kill(stage.server.pid, signal.SIGSTOP)

    code, said = press(stage.server, "--yes")

    assert code == Exit.OK, said[-1]
    assert said[-1]["flat"] is True
    assert stage.server.wait() == -signal.SIGKILL
    assert await stage.scene.positions(*ACCOUNTS) == {}
    assert await stage.scene.working(*ACCOUNTS) == []
    traded = await stage.scene.traded(*ACCOUNTS)
    assert {name: -quantity for name, quantity in traded.items()} == before
    assert no_id_twice(await stage.scene.orders(*ACCOUNTS))

    stage.server.start()
    async with connected(stage.server.url, stage.server.token) as client:
        answer = await client.call("FlattenEverything", key="one press")
        assert answer.data["flat"] is True
        refused = (
            await client.call(
                "PlaceOrder",
                {
                    "account": "Sim101",
                    "instrument": "MES 12-25",
                    "action": "BUY",
                    "orderType": "MARKET",
                    "quantity": 1,
                },
            )
        ).data
        assert refused["error"] == "halted"
        assert "pressed panic" in refused["detail"]
        assert (await client.call("VerifyAudit")).data["intact"] is True
    assert await stage.scene.traded(*ACCOUNTS) == traded, "nothing was closed a second time"
    await _check_diary(stage.server.data_dir)


async def _check_diary(directory: Path) -> None:
    """It was taken into the audit once, and says so by its name."""
    assert not list(directory.glob("panic-*.jsonl"))
    [told] = directory.glob("panic-*.jsonl.told")
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert lines[0]["kind"] == "began"
    assert lines[0]["reason"] == "drill"
    assert lines[-1] == {"kind": "ended", "at": lines[-1]["at"], "flat": True}


def test_with_no_server_at_all_the_embedded_venue_is_closed(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path)
    with running(server):
        pass  # killed at once: its portfolio stands

    code, said = press(server, "--yes")

    assert code == Exit.OK
    assert {line["account"][1] for line in said if line.get("kind") == "account_ended"} == set(
        DEMO_ACCOUNTS
    )
    again, said = press(server, "--yes", "--account", "Sim101")
    assert again == Exit.OK
    assert not [line for line in said if line.get("kind") == "sending"]


def test_nothing_is_done_without_a_word_from_a_person(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path)
    with running(server):
        code, said = press(server)

        assert code == Exit.DECLINED
        assert said[-1]["error"] == "declined"
        assert server.is_alive


def test_an_account_nobody_knows_is_told(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path)
    with running(server):
        code, said = press(server, "--yes", "--account", "Sim999")

    assert code == Exit.UNKNOWN, "no refusal: the server was ended"
    assert said[-1]["error"] == "no_account"
    assert "Sim999" in said[-1]["detail"]


def test_a_directory_where_nothing_ever_traded_is_not_flat(tmp_path: Path) -> None:
    """Somebody mistyped it: a made-up portfolio would be closed there, and called flat."""
    server = ServerProgram(tmp_path / "mistyped")

    code, said = press(server, "--yes")

    assert (code, said[-1]["error"]) == (Exit.REFUSED, "no_venue")
    assert not any(line.get("flat") for line in said)
    assert not server.data_dir.exists() or not list(server.data_dir.iterdir())


def test_a_venue_that_cannot_be_reached_is_unknown_never_flat(tmp_path: Path) -> None:
    server = ServerProgram(tmp_path, {"venue.kind": "remote", "venue.url": "ws://127.0.0.1:1"})

    code, said = press(server, "--yes", "--deadline", "2")

    assert code == Exit.UNKNOWN
    assert not any(line.get("flat") for line in said)
