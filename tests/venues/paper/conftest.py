"""Asynchronous tests run on asyncio: aiosqlite and websockets need it."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
