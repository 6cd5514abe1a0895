"""The command line in its own process: told where its server is, and nothing of ours."""

from __future__ import annotations

import os

import pytest

from tests.cli.driving import TOKEN


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide screen, a token, and no settings of whoever runs the tests."""
    for name in tuple(os.environ):
        if name.startswith("RPCSERVER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("RPCSERVER_TOKEN", TOKEN)
