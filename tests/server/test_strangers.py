"""Wrong tokens: slowed by source, recorded, bounded; a good one is never in their shadow."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from websockets.exceptions import InvalidStatus

from rpcserver.core.records import Noted
from rpcserver.domain.principal import Role
from rpcserver.server.strangers import (
    DELAY_MAX,
    FORGIVEN_AFTER,
    FREE,
    MANY,
    RECORDS_A_ROUND,
    ROUND,
    SOURCES_MAX,
    WAITING_MAX,
    Strangers,
    source_of,
)
from rpcserver.server.traffic import EntryRefused
from rpcserver.simulation.loop import run
from tests.server.clients import connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import FakeEngine

WHY = EntryRefused.FRAME_TOKEN


async def noted(engine: FakeEngine) -> list[Noted]:
    entries = await engine.journal.entries()
    return [entry.record for entry in entries if isinstance(entry.record, Noted)]


async def wait_of(strangers: Strangers, remote: str = "192.0.2.7:1") -> float:
    began = anyio.current_time()
    await strangers.turned_away(remote, WHY)
    return anyio.current_time() - began


def test_each_failure_of_a_source_waits_longer_up_to_a_bound() -> None:
    async def story() -> None:
        strangers = Strangers(FakeEngine(), anyio.Event())
        waits = [await wait_of(strangers, f"192.0.2.7:{port}") for port in range(12)]

        assert waits[:FREE] == [0] * FREE
        assert all(later >= earlier for earlier, later in pairwise(waits))
        assert waits[FREE : FREE + 3] == pytest.approx([0.25, 0.5, 1])
        assert waits[-1] == pytest.approx(DELAY_MAX)
        assert await wait_of(strangers, "192.0.2.8:1") == 0, "another address is no worse off"
        await anyio.sleep(FORGIVEN_AFTER + 1)
        assert await wait_of(strangers) == 0

    run(story)


def test_what_is_kept_of_sources_and_what_waits_is_bounded() -> None:
    async def story() -> None:
        strangers = Strangers(FakeEngine(), anyio.Event())
        for number in range(SOURCES_MAX + 100):
            await strangers.turned_away(
                f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:1", WHY
            )
        assert strangers.known == SOURCES_MAX

        for _ in range(FREE):
            await wait_of(strangers)
        waits: list[float] = []

        async def fail() -> None:
            waits.append(await wait_of(strangers))

        async with anyio.create_task_group() as tasks:
            for _ in range(WAITING_MAX + 10):
                tasks.start_soon(fail)
        assert sum(wait == 0 for wait in waits) == 10

    run(story)


def test_the_audit_has_the_first_failure_at_once_and_then_sums() -> None:
    async def story() -> None:
        engine = FakeEngine()
        strangers = Strangers(engine, anyio.Event())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(strangers.run)
            await strangers.turned_away("192.0.2.7:1", WHY)
            await anyio.sleep(0.1)
            [first] = await noted(engine)
            assert (first.code, first.remote, first.alert) == ("entry_refused", "192.0.2.7", False)
            assert first.detail == "1 times: frame_token 1"

            async with anyio.create_task_group() as attack:
                for number in range(MANY * RECORDS_A_ROUND * 2):
                    remote = f"198.51.100.{number % (RECORDS_A_ROUND * 2)}:{number}"
                    attack.start_soon(strangers.turned_away, remote, EntryRefused.HANDSHAKE_TOKEN)
            await anyio.sleep(ROUND + 1)
            sums = (await noted(engine))[1:]
            assert len(sums) == RECORDS_A_ROUND + 1
            assert all(each.alert for each in sums)
            assert sums[0].detail == f"{MANY} times: handshake_token {MANY}"
            assert sums[-1].detail == f"{MANY * RECORDS_A_ROUND} from further addresses"

            await strangers.turned_away("192.0.2.9:1", WHY)
            tasks.cancel_scope.cancel()
        assert (await noted(engine))[-1].remote == "192.0.2.9", "nothing is lost at a stop"

    run(story)


def test_a_disk_that_is_nearly_full_is_not_filled_by_strangers() -> None:
    async def story() -> None:
        engine = FakeEngine()
        strangers = Strangers(engine, anyio.Event())
        with engine.journal.filling_disk():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(strangers.run)
                await strangers.turned_away("192.0.2.7:1", WHY)
                await anyio.sleep(1)
                tasks.cancel_scope.cancel()
        assert await noted(engine) == []

    run(story)


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("192.0.2.7:443", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7:443", "192.0.2.7"),
        ("::1:443", "::1"),
        ("", ""),
    ],
)
def test_a_source_is_what_one_host_can_choose_among(remote: str, source: str) -> None:
    assert source_of(remote) == source


@pytest.mark.anyio
async def test_a_good_token_is_let_in_at_once_in_the_midst_of_wrong_ones() -> None:
    engine = FakeEngine()
    await let_in(engine, "trader", {Role.TRADER})
    refused: list[int] = []

    async def guess(port: int, token: str) -> None:
        with pytest.raises(InvalidStatus) as caught:
            async with connect_client(port, token):
                pass
        refused.append(caught.value.response.status_code)

    async with a_server(engine) as server, anyio.create_task_group() as tasks:
        for number in range(30):
            tasks.start_soon(guess, server.port, f"guess {number}")
        while len(refused) < FREE:
            await anyio.sleep(0.01)
        await anyio.sleep(0.05)
        waiting = 30 - len(refused)
        with anyio.fail_after(1):
            async with connect_client(server.port, "trader") as first:
                assert (await first.call("Echo"))["name"] == ""
            async with connect_client(server.port) as second:
                await second.say(action="auth", token="trader")
                assert (await second.hear())["type"] == "authenticated"
        assert waiting > 20, "the wrong ones are still held back"
        tasks.cancel_scope.cancel()

    assert set(refused) == {401}
    assert all(each.code == "entry_refused" for each in await noted(engine))
    assert {each.remote for each in await noted(engine)} == {"127.0.0.1"}
