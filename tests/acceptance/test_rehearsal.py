"""
A rehearsal with real processes: a scripted stuck cancel and a lost answer, set as its author would.

The server is told nothing of the script. It ends flat all the same, exactly once, and says what it
did not know in between.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.acceptance.clients import Answer, Client, connected
from tests.acceptance.processes import (
    PATIENCE,
    ROOT,
    ServerProgram,
    VenueProgram,
    environment,
    running,
)
from tests.acceptance.scenes import no_id_twice, scene_at

pytestmark = pytest.mark.anyio

SEEDS = range(1, 1 + int(os.environ.get("REHEARSAL_SEEDS", "1")))

SCRIPT = """
[the-second-cancel-of-ES-sticks]
kind = "stick_cancels"
instrument = "ES"
skip = 1
count = 1
seconds = 2

[the-next-submit-of-Sim101-is-never-answered]
kind = "lose_answers"
account = "Sim101"
count = 1
"""


CONTROL = (sys.executable, "-m", "rpcserver", "venue", "control")


class Rehearsal(VenueProgram):
    """A venue process that was told what is to go wrong."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        super().__init__(data_dir)
        self._options = options

    def control(self, *arguments: str) -> Any:
        """Say something on the command line; what was answered."""
        done = subprocess.run(
            [*CONTROL, *arguments, "--json", "--port", str(self.port)],
            cwd=ROOT,
            env=environment({}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return json.loads(done.stdout)

    def met(self) -> dict[str, int]:
        """How often each fault was met."""
        return {each["name"]: each["met"] for each in self.control("list")["faults"]}

    def _arguments(self) -> list[str]:
        return [*super()._arguments(), *self._options]


@contextmanager
def rehearsing(directory: Path, *options: str) -> Iterator[tuple[Rehearsal, ServerProgram]]:
    venue = Rehearsal(directory / "venue", *options)
    with running(venue):
        server = ServerProgram(directory / "server", venue.server_settings)
        with running(server):
            yield venue, server


async def test_a_stuck_cancel_and_a_lost_answer_end_flat_and_told(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text(SCRIPT, encoding="utf-8")
    with rehearsing(tmp_path, "--faults", str(script)) as (venue, server):
        async with scene_at(venue.port) as scene, connected(server.url, server.token) as client:
            before = await scene.positions("Sim101")
            answer = await client.call("Flatten", {"account": "Sim101"})
            met = venue.met()

            assert met == {
                "the-second-cancel-of-ES-sticks": 1,
                "the-next-submit-of-Sim101-is-never-answered": 1,
            }
            assert answer.data["success"] is True, answer.data
            assert answer.data["flat"] is True
            assert venue.control("show", "Sim101")["positions"] == []
            assert venue.control("show", "Sim101")["orders"] == []
            assert await scene.traded("Sim101") == {
                name: -quantity for name, quantity in before.items()
            }
            assert no_id_twice(await scene.orders("Sim101"))
            told = [step["event"] for step in answer.steps]
            assert "unknown" in told, "what was not known was told"


async def test_the_control_call_sets_a_scene_while_both_run(tmp_path: Path) -> None:
    with rehearsing(tmp_path) as (venue, server):
        async with connected(server.url, server.token) as client:
            venue.control("position", "Sim102", "CL 12-25", "long", "3", "--price", "70")
            venue.control("arm", "refuse_orders", "instrument=CL", "--name", "no")
            told = {"account": "Sim102", "instrument": "CL"}

            refused = await client.call("Flatten", told, id="1")

            assert refused.data["flat"] is False
            [held] = [
                each
                for each in venue.control("show", "Sim102")["positions"]
                if each["instrument"] == "CL 12-25"
            ]
            assert held["quantity"] == 5
            assert refused.data["remainingPositions"]
            assert venue.met()["no"] >= 1

            venue.control("clear", "no")
            flat = await client.call("Flatten", told, id="2")

            assert flat.data["flat"] is True, flat.data


@pytest.mark.parametrize("seed", SEEDS)
async def test_drawn_weather_ends_flat_or_says_what_is_not(tmp_path: Path, seed: int) -> None:
    weather = ("--fault-seed", str(seed), "--fault-rate", "0.15")
    with rehearsing(tmp_path, *weather) as (venue, server):
        async with connected(server.url, server.token) as client:
            answer = await client.call("Flatten", {"account": "Sim101", "deadlineMs": 15_000})

            held = venue.control("show", "Sim101")["positions"]
            if answer.data.get("flat"):
                assert held == [], "never called flat when it is not"
            venue.control("clear")
            again = await flatten_at_last(client)

            assert again.data["flat"] is True, again.data
            assert venue.control("show", "Sim101")["positions"] == []


async def flatten_at_last(client: Client) -> Answer:
    """Flatten now that all is well: asked again for as long as nothing could be read yet."""
    with anyio.fail_after(PATIENCE):
        for number in count():
            answer = await client.call("Flatten", {"account": "Sim101"}, id=f"again-{number}")
            if answer.data.get("error") != "venue_unavailable":
                break
            await anyio.sleep(0.1)
    return answer
