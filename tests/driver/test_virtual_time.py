"""The loop the other tests of the driver run on."""

from __future__ import annotations

import time

import anyio
import pytest

from tests.driver.virtual_time import Deadlock, run


def test_an_hour_takes_no_time() -> None:
    async def sleep() -> float:
        await anyio.sleep(3600)
        return anyio.current_time()

    began = time.perf_counter()

    assert run(sleep) == 3600
    assert time.perf_counter() - began < 1


def test_what_is_due_happens_in_the_order_of_its_instants() -> None:
    happened: list[tuple[str, float]] = []

    async def happen(name: str, after: float) -> None:
        await anyio.sleep(after)
        happened.append((name, anyio.current_time()))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for name, after in (("late", 2.0), ("soon", 0.5), ("never", 9.0)):
                tasks.start_soon(happen, name, after)
            await anyio.sleep(3)
            tasks.cancel_scope.cancel()

    run(main)

    assert happened == [("soon", 0.5), ("late", 2.0)]


def test_a_deadline_passes_at_its_instant() -> None:
    async def main() -> float:
        with anyio.move_on_after(1.5):
            await anyio.sleep_forever()
        return anyio.current_time()

    assert run(main) == 1.5


def _order_of_steps(seed: int | None) -> list[int]:
    happened: list[int] = []

    async def step(number: int) -> None:
        for _ in range(3):
            await anyio.sleep(1)
            happened.append(number)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(step, number)

    run(main, seed)
    return happened


def test_a_seed_names_one_schedule_among_many() -> None:
    assert _order_of_steps(7) == _order_of_steps(7)
    assert len({tuple(_order_of_steps(seed)) for seed in range(10)}) > 1
    assert _order_of_steps(None) == _order_of_steps(None)


def test_waiting_for_nothing_is_found_out() -> None:
    with pytest.raises(Deadlock):
        run(anyio.sleep_forever)
