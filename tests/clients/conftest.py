"""Asynchronous tests run on asyncio: the client speaks through `websockets`, which needs it."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
