"""A server on an ephemeral port of this machine, over the fake engine; and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rpcserver.apis.registry import Registry
from rpcserver.domain.principal import Role
from rpcserver.server.limits import Limits
from rpcserver.server.listener import Server, serve
from rpcserver.server.settings import ServerSettings
from tests.server.apis import PADDING
from tests.server.apis import registry as small_registry
from tests.server.clients import Client, connect_client, let_in
from tests.server.fakes import FakeEngine

QUOTE_INTERVAL = 0.02


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _short_answers() -> None:
    PADDING["bytes"] = 0


@pytest.fixture
async def engine() -> FakeEngine:
    engine = FakeEngine()
    await let_in(engine, "trader", {Role.TRADER})
    return engine


@pytest.fixture
async def server(engine: FakeEngine) -> AsyncIterator[Server]:
    async with a_server(engine) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with connect_client(server.port, "trader") as client:
        yield client


@asynccontextmanager
async def a_server(
    engine: FakeEngine,
    limits: Limits | None = None,
    *,
    settings: ServerSettings | None = None,
    registry: Registry = small_registry,
) -> AsyncIterator[Server]:
    settings = settings or ServerSettings(
        port=0, limits=limits or Limits(), venue_timeout=0.2, quote_interval=QUOTE_INTERVAL
    )
    async with serve(settings, engine, registry) as server:
        yield server
