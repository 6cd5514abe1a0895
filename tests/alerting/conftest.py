"""Asynchronous tests run in virtual time: deadlines, watchdogs and budgets cost nothing."""

from __future__ import annotations

import pytest

from tests.driver.virtual_time import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}
