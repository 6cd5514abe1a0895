"""
A server and a venue as real processes, and a plain client for them.

`stage` gives a test a fresh pair with the portfolio the seed documents speak of. `floor` is one
pair for many tests, each with accounts and a token of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import anyio
import pytest

from tests.acceptance.clients import Client, connected
from tests.acceptance.processes import ServerProgram, VenueProgram, running
from tests.acceptance.scenes import DEMO_ACCOUNTS, Scene, scene_at

HERE = Path(__file__).parent
ACCOUNTS = 200  # on the floor: netting ones, then hedged ones


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Stage:
    """A server and the venue it trades at, with one client of the first token's."""

    server: ServerProgram
    venue: VenueProgram
    scene: Scene
    client: Client
    accounts: tuple[str, ...] = ()  # on the floor: this test's own
    token: str = ""

    @property
    def account(self) -> str:
        return self.accounts[0]


# --- a fresh pair --------------------------------------------------------------------------------


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A new venue with the demo portfolio, a new server, a client with every right."""
    venue = VenueProgram(tmp_path / "venue")
    with running(venue):
        server = ServerProgram(tmp_path / "server", venue.server_settings)
        with running(server):
            async with scene_at(venue.port) as scene, connected(server.url, server.token) as client:
                yield Stage(server, venue, scene, client, DEMO_ACCOUNTS, server.token)


# --- one pair for many ---------------------------------------------------------------------------


@dataclass
class Floor:
    """One pair of processes, and which of its accounts nobody has used yet."""

    server: ServerProgram
    venue: VenueProgram
    netting: Iterator[str]
    hedged: Iterator[str]


def _name(number: int, *, hedge: bool) -> str:
    return f"{'H' if hedge else 'N'}{number:03}"


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    directory = tmp_path_factory.mktemp("floor")
    venue = VenueProgram(directory / "venue")
    with running(venue):
        anyio.run(_open_accounts, venue.port)
        server = ServerProgram(directory / "server", venue.server_settings)
        with running(server):
            yield Floor(
                server,
                venue,
                (_name(number, hedge=False) for number in range(ACCOUNTS)),
                (_name(number, hedge=True) for number in range(ACCOUNTS // 10)),
            )


async def _open_accounts(port: int) -> None:
    async with scene_at(port) as scene:
        for hedge, how_many in ((False, ACCOUNTS), (True, ACCOUNTS // 10)):
            for number in range(how_many):
                await scene.open_account(_name(number, hedge=hedge), hedge=hedge)


@pytest.fixture
async def demo(floor: Floor) -> AsyncIterator[Stage]:
    """The floor's demo portfolio, with every right: for calls that must not change anything."""
    async with (
        scene_at(floor.venue.port) as scene,
        connected(floor.server.url, floor.server.token) as client,
    ):
        held = await scene.positions(*DEMO_ACCOUNTS)
        orders = await scene.orders(*DEMO_ACCOUNTS)
        yield Stage(floor.server, floor.venue, scene, client, DEMO_ACCOUNTS, floor.server.token)
        assert await scene.positions(*DEMO_ACCOUNTS) == held, "a position changed"
        assert await scene.orders(*DEMO_ACCOUNTS) == orders, "something was sent to the venue"


_tests = count(1)


@pytest.fixture
async def desk(floor: Floor) -> AsyncIterator[Stage]:
    """Two fresh accounts on the floor, and a trader's token that reaches nothing else."""
    async with _desk(floor, (next(floor.netting), next(floor.netting))) as stage:
        yield stage


@pytest.fixture
async def hedge_desk(floor: Floor) -> AsyncIterator[Stage]:
    """The same with one account that holds a long and a short side of one instrument."""
    async with _desk(floor, (next(floor.hedged),)) as stage:
        yield stage


@asynccontextmanager
async def _desk(floor: Floor, accounts: tuple[str, ...]) -> AsyncIterator[Stage]:
    token = await new_token(floor.server, f"trader {next(_tests)}", ["trader", "risk"], accounts)
    async with (
        scene_at(floor.venue.port) as scene,
        connected(floor.server.url, token) as client,
    ):
        yield Stage(floor.server, floor.venue, scene, client, accounts, token)


async def new_token(
    server: ServerProgram, principal: str, roles: list[str], accounts: tuple[str, ...]
) -> str:
    """A token as an administrator makes it."""
    async with connected(server.url, server.token) as admin:
        args = {"principal": principal, "roles": roles, "accounts": list(accounts)}
        made = (await admin.call("CreateToken", args)).data
    assert made["success"], made
    token: str = made["token"]
    return token
