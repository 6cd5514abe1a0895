"""The machine's own troubles: a clock that jumps, a disk that fills, a loop that is late."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.core.events import Event, Noticed, Now
from rpcserver.monitoring.machine import JUMP, LOOK_INTERVAL, Clocks, Machine
from tests.driver.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


class World:
    """A machine whose wall clock and disk the test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()  # of the loop's clock
        self.is_low = False
        self.fed: list[Noticed] = []
        self.machine = Machine(self._feed, lambda: self.is_low, self._wall)

    def _feed(self, event: Event) -> None:
        assert isinstance(event, Noticed)
        self.fed.append(event)

    def _wall(self) -> datetime:
        return NOON + timedelta(seconds=anyio.current_time()) + self.ahead

    @property
    def told(self) -> list[str]:
        return [event.code for event in self.fed]


@pytest.fixture
async def world() -> World:
    return World()


@given(
    steps=st.lists(st.floats(0, 10_000), max_size=20),
    drift=st.floats(-0.9, 0.9),
)
def test_time_that_passes_is_no_jump_however_long_between_looks(
    steps: list[float], drift: float
) -> None:
    clocks, mono, wall = Clocks(), 0.0, NOON
    for step in steps:
        assert clocks.look(Now(mono, wall)) is None
        mono, wall = mono + step, wall + timedelta(seconds=step + drift)
    assert clocks.jumps == 0


@given(st.timedeltas(timedelta(days=-900), timedelta(days=900)).filter(lambda by: abs(by) > JUMP))
def test_a_jump_is_seen_once_and_measured(by: timedelta) -> None:
    clocks = Clocks()
    clocks.look(Now(100.0, NOON))

    jump = clocks.look(Now(101.0, NOON + timedelta(seconds=1) + by))

    assert jump is not None
    assert abs(jump - by) < timedelta(milliseconds=1)
    assert clocks.look(Now(102.0, NOON + timedelta(seconds=2) + by)) is None
    assert clocks.jumps == 1


async def test_people_are_told_of_a_jump_and_by_how_much(world: World) -> None:
    world.machine.look()
    world.ahead -= timedelta(hours=1)
    world.machine.look()

    [told] = world.fed
    assert (told.code, told.alert) == ("clock_jumped", True)
    assert "-3600.0 s" in told.detail
    assert world.machine.clock_jumps == 1


async def test_people_are_told_once_that_the_disk_is_low_and_again_when_it_is_again(
    world: World,
) -> None:
    for is_low in (False, True, True, False, True):
        world.is_low = is_low
        world.machine.look()

    assert world.told == ["disk_low", "disk_low"]


async def test_it_looks_again_and_again(world: World) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.machine.watch)
        await anyio.sleep(LOOK_INTERVAL * 2.5)
        world.ahead += timedelta(minutes=5)
        await anyio.sleep(LOOK_INTERVAL)
        tasks.cancel_scope.cancel()

    assert world.told == ["clock_jumped"]


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """One test here needs a loop whose time really passes."""
    if "late" in request.node.name:
        return "asyncio"
    return "asyncio", {"loop_factory": VirtualTimeLoop}


async def test_a_loop_that_is_late_says_by_how_much_once(world: World) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.machine.watch)
        await anyio.sleep(LOOK_INTERVAL - 0.05)
        time.sleep(0.3)
        await anyio.sleep(0.05)
        tasks.cancel_scope.cancel()

    assert 0.2 < world.machine.take_lag() < 2.0
    assert world.machine.take_lag() == 0.0
