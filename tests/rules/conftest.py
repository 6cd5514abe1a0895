"""Rules wait for minutes and days: their tests run in virtual time."""

from __future__ import annotations

import pytest

from tests.driver.virtual_time import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}
