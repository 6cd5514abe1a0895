"""
The wire between server and venue is cut, stalled or reset while fifty positions are closed.

Once it is well again everything ends flat, once; as long as it is not, whatever nobody can know is
told as unknown, leg by leg.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync

from rpcserver.domain.ids import AccountId
from tests.acceptance.clients import Client, Frame, connected
from tests.acceptance.processes import ServerProgram, VenueProgram, running
from tests.acceptance.reckoning import reckon
from tests.acceptance.relay import Relay, relayed
from tests.acceptance.scenes import DEMO_ACCOUNTS, Scene, no_id_twice, scene_at
from tests.luck import seed_of

pytestmark = pytest.mark.anyio

POSITIONS = 50  # 17 of the demo portfolio, the rest synthetic
ACCOUNTS = (*DEMO_ACCOUNTS, "Load001")
LATENCY = 0.05  # seconds of every message to the venue
BROKEN = 0.6  # seconds
FRAMES = 150  # of an undisturbed flatten, about

SEED = seed_of("NETWORK_SEED")
MOMENTS = [2, random.Random(SEED).randrange(5, FRAMES - 30)]


@dataclass
class Wired:
    """A server whose only way to its venue is a relay."""

    venue: VenueProgram
    relay: Relay
    client: Client
    scene: Scene  # at the venue itself
    before: dict[str, Decimal]


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[Wired]:
    settings = {"venue.synthetic_positions": POSITIONS - 17, "venue.latency": LATENCY}
    venue = VenueProgram(tmp_path / "venue", settings)
    with running(venue):
        async with relayed(venue.port) as relay, scene_at(venue.port) as scene:
            server = ServerProgram(tmp_path / "server", relay.server_settings)
            await run_sync(server.start)
            try:
                async with connected(server.url, server.token) as client:
                    before = await scene.positions(*ACCOUNTS)
                    assert len(before) == POSITIONS
                    yield Wired(venue, relay, client, scene, before)
            finally:
                server.kill()


async def cut(wired: Wired) -> None:
    await wired.relay.cut()
    await anyio.sleep(BROKEN)
    await wired.relay.heal()


async def stall(wired: Wired) -> None:
    await wired.relay.stall()
    await anyio.sleep(BROKEN)
    await wired.relay.heal()


async def reset(wired: Wired) -> None:
    for _ in range(3):
        await wired.relay.reset()
        await anyio.sleep(BROKEN / 3)


async def stall_then_reset(wired: Wired) -> None:
    """What was on its way is lost for good, and nobody was told so for a while."""
    await wired.relay.stall()
    await anyio.sleep(BROKEN)
    await wired.relay.reset()
    await wired.relay.heal()


Break = Callable[[Wired], Awaitable[None]]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda n: f"after frame {n}, NETWORK_SEED={SEED}")
@pytest.mark.parametrize("breaks", [cut, stall, reset, stall_then_reset], ids=lambda b: b.__name__)
async def test_everything_ends_flat_once_when_the_wire_is_well_again(
    wired: Wired, breaks: Break, moment: int
) -> None:
    await wired.client.begin("FlattenEverything", {"deadlineMs": 30_000})
    for _ in range(moment):
        await wired.client.hear()

    await breaks(wired)

    answer = (await wired.client.answer("my-request-id")).data
    assert answer["success"] is True, answer
    assert answer["flat"] is True
    assert answer["counts"] == {"flat": POSITIONS}
    await check_closed_once(wired)


@pytest.mark.parametrize("does", ["cut", "stall"])
async def test_what_nobody_can_know_is_told_as_unknown_by_name(wired: Wired, does: str) -> None:
    """The deadline passes while the wire is broken: no leg that is open is called closed."""
    await wired.client.begin("FlattenEverything", {"deadlineMs": 1_500})
    for _ in range(60):
        await wired.client.hear()
    await getattr(wired.relay, does)()

    answer = (await wired.client.answer("my-request-id")).data

    held = await wired.scene.positions(*ACCOUNTS)
    assert answer["success"] is False
    assert answer["flat"] is False
    unproven = names(leg for leg in answer["legs"] if leg["outcome"] != "flat")
    assert held.keys() <= unproven, "whatever is left is named"
    assert any(leg["outcome"] == "unknown" for leg in answer["legs"]), answer["counts"]
    assert not held.keys() & names(answer["closedPositions"])

    await wired.relay.heal()
    for number in range(50):
        answer = (await wired.client.call("FlattenEverything", id=f"again {number}")).data
        if answer["flat"]:
            break
    assert answer["flat"] is True, answer
    await check_closed_once(wired)


def names(positions: Iterable[Frame]) -> set[str]:
    """What they are called at the venue, be they a net holding or one of two sides."""
    found = set()
    for position in positions:
        name = f"{position['account']} {position['instrument']}"
        side = position.get("side") or position["marketPosition"]
        found |= {name, f"{name} {side.lower()}"}
    return found


async def check_closed_once(wired: Wired) -> None:
    """Each position was traded away, by executions that each brought it nearer to zero."""
    scene = wired.scene
    after = await scene.positions(*ACCOUNTS)
    fills = [fill for name in ACCOUNTS for fill in await scene.venue.trades(AccountId(name))]
    assert after == {}
    assert reckon(wired.before, fills, after) == []
    assert await scene.working(*ACCOUNTS) == []
    assert no_id_twice(await scene.orders(*ACCOUNTS))
