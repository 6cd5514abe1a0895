"""How the journal's database is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite

from rpcserver.journal.errors import JournalDamaged, JournalUnusable

BUSY_TIMEOUT = 1.0  # seconds that SQLite itself waits for somebody else's transaction
DURABLE = (
    "PRAGMA synchronous = FULL",  # the default of most builds of SQLite, not of all
    "PRAGMA fullfsync = ON",  # macOS: a plain fsync stops at the drive's own cache
)
_PRIMARY_CODE = 0xFF  # an extended error code bears the primary one in its lowest byte


@asynccontextmanager
async def connect(
    path: Path, kind: type[sqlite3.Connection] = sqlite3.Connection
) -> AsyncIterator[aiosqlite.Connection]:
    """
    A connection to the existing database at *path*, each statement its own synced transaction.

    Args:
        path: The database file.
        kind: What the connection is made of.
    """
    async with aiosqlite.connect(
        database_uri(path), uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, factory=kind
    ) as db:
        for pragma in (*DURABLE, "PRAGMA wal_autocheckpoint = 0"):  # checkpoint.py does them
            await db.execute_fetchall(pragma)
        yield db


def database_uri(path: Path) -> str:
    """SQLite's name of an existing file: opening it never creates another."""
    return f"{path.resolve().as_uri()}?mode=rw"


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """
    Say in our own words why the database at *path* cannot be opened.

    Raises:
        JournalDamaged: It is not a database, or a broken one.
        JournalUnusable: It is not there, or anything else.
    """
    if not path.is_file():
        raise JournalUnusable(path, "there is no journal")
    try:
        yield
    except sqlite3.Error as exc:
        if _code(exc) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JournalDamaged(path, str(exc)) from exc
        raise JournalUnusable(path, str(exc)) from exc


def is_busy(exc: sqlite3.Error) -> bool:
    """Somebody else is writing: nothing was done, and trying again is safe."""
    return _code(exc) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_full(exc: sqlite3.Error) -> bool:
    """The disk has no room for the transaction, which is therefore not durable."""
    return _code(exc) == sqlite3.SQLITE_FULL


def _code(exc: sqlite3.Error) -> int | None:
    """SQLite's primary error code; None where Python's own layer raised."""
    code: int | None = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE
