"""
A journal with ten entries, and the head that was told of the last.

Asynchronous tests run on asyncio: aiosqlite needs it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rpcserver.core.entries import Head
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import open_journal
from tests.journal.stories import Story


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Where a journal could be."""
    return tmp_path / "journal.db"


@pytest.fixture
async def path(fresh: Path) -> Path:
    """Where one with ten entries is."""
    async with open_journal(fresh, ballast_bytes=1) as journal:
        await journal.append(Story("op-1").whole())
        await journal.append(Story("op-2").whole())
    return fresh


@pytest.fixture
async def head(path: Path) -> Head:
    async with open_reader(path) as reader:
        [last] = await reader.links(after=9)
    return last.head
