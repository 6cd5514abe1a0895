"""This project's own client, while the server under it dies and comes back."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import anyio
import pytest

from rpcclient import Backoff, Notice, Progress, RpcClient, RpcError, SyncRpcClient, Unauthenticated
from tests.acceptance.conftest import Backstage, Stage, on_stage
from tests.acceptance.scenes import DEMO_ACCOUNTS, no_id_twice

pytestmark = pytest.mark.anyio

LOADED = ("Load001",)
ACCOUNTS = (*DEMO_ACCOUNTS, *LOADED)
QUICK = Backoff(first=0.05, longest=0.3)


@pytest.fixture(scope="module")
def loaded_backstage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    backstage = Backstage(
        tmp_path_factory, {"venue.synthetic_positions": 100, "venue.latency": 0.05}
    )
    yield backstage
    backstage.close()


@pytest.fixture
async def loaded(loaded_backstage: Backstage) -> AsyncIterator[Stage]:
    async with on_stage(loaded_backstage.take(), ACCOUNTS) as stage:
        yield stage


async def restart(stage: Stage) -> None:
    """Kill the server and start it again, without holding up the client under test."""
    await anyio.to_thread.run_sync(stage.server.kill)
    await anyio.to_thread.run_sync(stage.server.start)


@pytest.mark.parametrize("moment", [1, 2, 40, 150, 300])
async def test_a_call_outlives_the_server_that_took_it(loaded: Stage, moment: int) -> None:
    """`call` is made once; the answer comes though the server was killed in between."""
    before = await loaded.scene.positions(*ACCOUNTS)
    seen: list[Progress] = []
    async with (
        RpcClient(loaded.server.url, loaded.token, backoff=QUICK) as client,
        anyio.create_task_group() as tasks,
    ):

        def follow(step: Progress) -> None:
            seen.append(step)
            if len(seen) == moment:
                tasks.start_soon(restart, loaded)

        with anyio.fail_after(30):
            data = await client.call("FlattenEverything", progress=follow)

    assert data["flat"] is True
    numbers = [step.seq for step in seen]
    assert numbers == list(range(1, len(numbers) + 1)), "every step is told once, none is missed"
    assert await loaded.scene.positions(*ACCOUNTS) == {}
    traded = await loaded.scene.traded(*ACCOUNTS)
    assert {name: -quantity for name, quantity in traded.items()} == before
    assert no_id_twice(await loaded.scene.orders(*ACCOUNTS))


async def test_an_orderly_restart_is_announced_and_survived(loaded: Stage) -> None:
    notices: list[Notice] = []
    async with RpcClient(
        loaded.server.url, loaded.token, backoff=QUICK, on_notice=notices.append
    ) as client:
        operation = await client.start("FlattenEverything")
        loaded.server.terminate()
        assert await anyio.to_thread.run_sync(loaded.server.wait) == 0
        await anyio.to_thread.run_sync(loaded.server.start)
        with anyio.fail_after(30):
            data = await operation.result()
            again = await client.call("FlattenEverything")

    assert data["flat"] is again["flat"] is True
    assert notices


async def test_reads_go_on_after_a_restart(loaded: Stage) -> None:
    async with RpcClient(loaded.server.url, loaded.token, backoff=QUICK) as client:
        first = await client.call("ListPositions", {"account": "Sim101"})
        await restart(loaded)
        with anyio.fail_after(30):
            second = await client.call("ListPositions", {"account": "Sim101"})

    assert first == second


async def test_a_refusal_is_an_error_with_its_code(demo: Stage) -> None:
    async with RpcClient(demo.server.url, demo.token) as client:
        with pytest.raises(RpcError) as refused:
            await client.call("Flatten", {"account": "Sim999"})
    assert refused.value.code == "unknown_account"


async def test_a_wrong_token_is_told_at_once(demo: Stage) -> None:
    with pytest.raises(Unauthenticated):
        async with RpcClient(demo.server.url, "wrong"):
            pass


async def test_a_program_without_await(desk: Stage) -> None:
    await desk.scene.hold(desk.account, "MES 12-25", 3, "5780.00")
    answers: list[object] = []

    def program() -> None:
        with SyncRpcClient(desk.server.url, desk.token) as client:
            operation = client.start("Flatten", {"instrument": "MES 12-25"})
            answers.extend(step.event for step in operation)
            answers.append(operation.result()["flat"])

    thread = threading.Thread(target=program)
    thread.start()
    await anyio.to_thread.run_sync(thread.join)

    assert answers[-1] is True
    assert "filled" in answers
    assert await desk.scene.traded(desk.account) == {"MES 12-25": Decimal(-3)}
