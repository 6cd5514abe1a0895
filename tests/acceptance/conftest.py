"""
A server and a venue as real processes, and a plain client for them.

`stage` gives a test a fresh pair with the portfolio the seed documents speak of. `floor` is one
pair for many tests, each with accounts and a token of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
ACCOUNTS = 400  # on the floor: netting ones, and a tenth of it hedged ones


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


@dataclass
class Pair:
    """A venue process and a server that trades there, just started."""

    venue: VenueProgram
    server: ServerProgram

    def end(self) -> None:
        self.server.kill()
        self.venue.kill()


class Backstage:
    """Has the next pair started while a test still uses this one."""

    def __init__(
        self,
        directories: pytest.TempPathFactory,
        venue_settings: Mapping[str, object] | None = None,
    ) -> None:
        self._directories = directories
        self._venue_settings = venue_settings
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._next = self._thread.submit(self._start)

    def take(self) -> Pair:
        taken = self._next.result()
        self._next = self._thread.submit(self._start)
        return taken

    def close(self) -> None:
        self._next.result().end()
        self._thread.shutdown()

    def _start(self) -> Pair:
        directory = self._directories.mktemp("pair")
        venue = VenueProgram(directory / "venue", self._venue_settings)
        venue.start()
        server = ServerProgram(directory / "server", venue.server_settings)
        try:
            server.start()
        except BaseException:
            venue.kill()
            raise
        return Pair(venue, server)


@pytest.fixture(scope="session")
def backstage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    backstage = Backstage(tmp_path_factory)
    yield backstage
    backstage.close()


@pytest.fixture
async def stage(backstage: Backstage) -> AsyncIterator[Stage]:
    """A new venue with the demo portfolio, a new server, a client with every right."""
    async with on_stage(backstage.take(), DEMO_ACCOUNTS) as stage:
        yield stage


@asynccontextmanager
async def on_stage(pair: Pair, accounts: tuple[str, ...]) -> AsyncIterator[Stage]:
    """A test's own pair, which ends with it."""
    venue, server = pair.venue, pair.server
    try:
        async with scene_at(venue.port) as scene, connected(server.url, server.token) as client:
            yield Stage(server, venue, scene, client, accounts, server.token)
    finally:
        pair.end()


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
    venue = VenueProgram(directory / "venue", {"venue.synthetic_positions": 50})
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


@pytest.fixture
async def floor_trio(floor: Floor) -> AsyncIterator[list[Stage]]:
    """Three desks at once, each with an account of its own."""
    async with (
        _desk(floor, (next(floor.netting),)) as first,
        _desk(floor, (next(floor.netting),)) as second,
        _desk(floor, (next(floor.netting),)) as third,
    ):
        yield [first, second, third]


@asynccontextmanager
async def _desk(floor: Floor, accounts: tuple[str, ...]) -> AsyncIterator[Stage]:
    token = await new_token(floor.server, f"trader {next(_tests)}", ["trader", "risk"], accounts)
    async with scene_at(floor.venue.port) as scene:
        async with connected(floor.server.url, token) as client:
            yield Stage(floor.server, floor.venue, scene, client, accounts, token)
        async with connected(floor.server.url, token) as client:
            await check_replays(client)


async def check_replays(client: Client) -> None:
    """Of whatever a test began: its steps have no gap, and count up to its end (law 35)."""
    for operation in (await client.call("ListOperations")).data["operations"]:
        if operation["running"]:
            continue
        steps = (await client.attach(operation["operationId"])).steps
        numbers = [step["seq"] for step in steps]
        assert numbers == sorted(set(numbers))
        missing = set(range(1, numbers[-1] + 1)) - set(numbers)
        # The end has a number of its own; what becomes known afterwards comes after it.
        assert not missing or (len(missing) == 1 and max(missing) > 4), (missing, steps)
        done = [step["done"] for step in steps]
        assert done == sorted(done)
        assert done[-1] == steps[-1]["total"] or operation["dryRun"]


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
