"""From the past to the present of an operation: the moments in between, one by one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from rpcserver.core.entries import Entry
from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.domain.ids import OperationId, PrincipalId, TokenId
from rpcserver.journal.memory import MemoryJournal
from rpcserver.server.hub import PAGE, Hub
from rpcserver.server.outbox import Outbox
from tests.server.fakes import SIM101, FakeEngine

pytestmark = pytest.mark.anyio

OP = OperationId("op-1")


class SlowJournal(MemoryJournal):
    """Tells what it has read only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read = anyio.Event()
        self.may_tell = anyio.Event()
        self.may_tell.set()
        self.reads = 0

    async def operation(
        self, operation_id: OperationId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Entry]:
        found = await super().operation(operation_id, after=after, limit=limit)
        self.reads += 1
        self.has_read.set()
        await self.may_tell.wait()
        return found


class Scene:
    """An operation under way, a hub, and what a follower was told."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.journal = SlowJournal()
        self.engine.journal = self.journal
        self.hub = Hub(self.engine)
        self.outbox = Outbox(1_000_000)

    async def begin(self) -> None:
        request = CloseRequest(
            api="Flatten",
            principal=PrincipalId("trader"),
            token_id=TokenId("tok-1"),
            request_id="r1",
            digest="d",
            args="{}",
            scope=Scope(accounts=(SIM101,)),
        )
        await self.engine.close(request, join=False)

    @asynccontextmanager
    async def following(self, after: int = 0) -> AsyncIterator[None]:
        async with self.hub.following(OP, self.outbox, after=after) as follower:
            yield
            await self.hub.finish(follower)

    def told(self) -> list[int]:
        text = self.outbox.take(100_000_000).decode(errors="replace")
        return [json.loads("{" + each + "}")["seq"] for each in _objects(text)]


def _objects(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.begin()
    return scene


async def test_a_caller_who_has_just_begun_it_is_told_without_reading(scene: Scene) -> None:
    await scene.engine.end_legs(OP, 3)
    async with scene.following():
        await scene.engine.end_legs(OP, 2)
        await scene.engine.finish(OP)

    assert scene.told() == [1, 2, 3, 4, 5, 6]
    assert scene.journal.reads == 0


async def test_what_is_committed_while_the_past_is_read_is_not_missed(scene: Scene) -> None:
    await scene.engine.end_legs(OP, 300)  # more than the hub keeps
    scene.journal.may_tell = anyio.Event()

    async def go_on() -> None:
        await scene.journal.has_read.wait()
        await scene.engine.end_legs(OP, 5)  # after the reading, before the follower is live
        scene.journal.may_tell.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        async with scene.following():
            await scene.engine.finish(OP)

    assert scene.told() == list(range(1, 307))


async def test_what_was_read_before_it_was_told_is_not_told_twice(scene: Scene) -> None:
    await scene.engine.end_legs(OP, 300)
    told_late: list[Entry] = []
    await scene.engine.end_legs(OP, 4, told=False)
    async with scene.following():
        told_late += (await scene.journal.operation(OP, after=300))[-4:]
        scene.engine.tell(told_late)
        await scene.engine.finish(OP)

    assert scene.told() == list(range(1, 306))


async def test_a_long_past_is_read_in_pages(scene: Scene) -> None:
    await scene.engine.end_legs(OP, 2 * PAGE + 7)
    async with scene.following(after=1):
        await scene.engine.finish(OP)

    assert scene.told() == list(range(2, 2 * PAGE + 9))
    assert scene.journal.reads == 3


async def test_a_past_waits_for_room_instead_of_being_skipped(scene: Scene) -> None:
    scene.outbox = Outbox(10_000)
    await scene.engine.end_legs(OP, 400)
    told: list[int] = []

    async def read() -> None:
        while len(told) < 401:
            told.extend(scene.told())
            await anyio.sleep(0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        async with scene.following():
            await scene.engine.finish(OP)

    assert told == list(range(1, 402))


async def test_one_who_follows_an_operation_from_before_the_hub_is_told_the_rest() -> None:
    scene = Scene()
    scene.hub.close()
    await scene.begin()
    await scene.engine.end_legs(OP, PAGE + 2)
    scene.hub = Hub(scene.engine)
    async with scene.following(after=1):
        assert scene.told() == list(range(2, PAGE + 4))
        await scene.engine.end_legs(OP, 2)
        assert scene.told() == [PAGE + 4, PAGE + 5]
        await scene.engine.finish(OP)
