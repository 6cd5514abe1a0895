"""
A disk that is full or fails its syncs, under the real processes: nothing is lost, nothing doubled.

How it is made ill, and what that cannot show, says `ill_disk.py`; a write that the kernel itself
refuses is in `test_kill.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from rpcserver.app import JOURNAL_BROKEN
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Pair, Stage, on_stage
from tests.acceptance.processes import IllServer, VenueProgram
from tests.acceptance.scenes import DEMO_ACCOUNTS, no_id_twice

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def stage_on(directory: Path, illness: str) -> AsyncIterator[tuple[Stage, IllServer]]:
    """A server on an ill disk, and a venue that is well."""
    venue = VenueProgram(directory / "venue")
    await anyio.to_thread.run_sync(venue.start)
    server = IllServer(directory / "server", venue.server_settings)
    server.illness = illness
    try:
        await anyio.to_thread.run_sync(server.start)
    except BaseException:
        venue.kill()
        raise
    async with on_stage(Pair(venue, server), DEMO_ACCOUNTS) as stage:
        yield stage, server


@pytest.mark.parametrize("commit", [2, 3, 4])
async def test_law_27_a_sync_that_fails_ends_the_process_which_reads_the_truth(
    tmp_path: Path, commit: int
) -> None:
    async with stage_on(tmp_path, f"sync:{commit}") as (stage, server):
        held = await stage.scene.positions(*DEMO_ACCOUNTS)
        await stage.client.begin("FlattenEverything", key="one press")

        assert await anyio.to_thread.run_sync(server.wait) == JOURNAL_BROKEN
        notice = await stage.client.hear_type("notice")
        assert notice["notice"] == "journal_broken"

        server.illness = ""
        await anyio.to_thread.run_sync(server.start)
        async with connected(server.url, server.token) as client:
            answer = await client.call("FlattenEverything", key="one press")
            chain = (await client.call("VerifyAudit")).data

        assert (answer.data["success"], answer.data["flat"]) == (True, True)
        assert chain["intact"] is True
        assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}
        traded = await stage.scene.traded(*DEMO_ACCOUNTS)
        assert {name: -quantity for name, quantity in traded.items()} == held
        assert no_id_twice(await stage.scene.orders(*DEMO_ACCOUNTS))


async def test_law_10_a_full_disk_closes_and_opens_nothing(tmp_path: Path) -> None:
    """The ballast is what the last exits are written on: below the mark, only they are admitted."""
    async with stage_on(tmp_path, "full") as (stage, server):
        answer = await stage.client.call("FlattenEverything")
        assert not (server.data_dir / "journal.db.ballast").exists()
        assert answer.data["flat"] is True

        order = {"account": "Sim101", "instrument": "MES 12-25", "action": "buy", "quantity": 1}
        refused = await stage.client.call("PlaceOrder", {**order, "orderType": "market"})
        assert refused.data["error"] == "journal_low"
        again = await stage.client.call("FlattenEverything")

        assert (again.data["success"], again.data["flat"]) == (True, True)
        assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}
