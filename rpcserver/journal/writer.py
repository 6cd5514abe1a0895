"""The connection that writes records: a batch is one transaction, one visit to its thread."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from rpcserver.journal.checkpoint import CHECKPOINT
from rpcserver.journal.connection import BUSY_TIMEOUT, DURABLE, database_uri, is_busy, is_full
from rpcserver.journal.migrations import migrate
from rpcserver.journal.rows import Value

Statement = tuple[str, Sequence[tuple[Value, ...]]]  # SQL, and the rows it is executed with

_ROWS_AT_ONCE = 64  # that aiosqlite fetches: its own default
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 0",  # checkpoint.py, and `Writer.checkpoint`
)


class BatchConnection(sqlite3.Connection):
    """
    A connection whose statements wait for the commit.

    aiosqlite takes each call to the connection's thread and back. On a busy event loop every such
    journey waits for the interpreter's lock; a batch of five statements would make six.
    """

    _waiting: Sequence[Statement] = ()

    def defer(self, statements: Sequence[Statement]) -> None:
        """Let *statements* be the next transaction, in place of any that still waited."""
        self._waiting = statements

    def commit(self) -> None:
        """Execute what was deferred, and commit it. The first statement takes the write lock."""
        waiting, self._waiting = self._waiting, ()
        for sql, rows in waiting:
            self.executemany(sql, rows)
        super().commit()


class Writer:
    """Writes one batch at a time."""

    def __init__(self, db: aiosqlite.Connection, connection: BatchConnection) -> None:
        self._db = db
        self._connection = connection

    async def commit(self, statements: Sequence[Statement]) -> bool:
        """
        Execute *statements* in one transaction. False: the database is busy, nothing was done.

        Raises:
            sqlite3.Error: It failed; in general nobody knows whether it is durable.
        """
        self._connection.defer(statements)
        try:
            await self._db.commit()
        except sqlite3.OperationalError as exc:
            if is_busy(exc) and not self._connection.in_transaction:
                return False
            raise
        return True

    async def rollback(self) -> None:
        await self._db.rollback()

    async def checkpoint(self) -> bool:
        """
        Move the log into the database. False: not all of it, or there was no room; try again.

        Raises:
            sqlite3.Error: It failed for good: nothing more may be committed (checkpoint.py).
        """
        try:
            rows = await self._db.execute_fetchall(CHECKPOINT)
        except sqlite3.OperationalError as exc:
            if is_busy(exc) or is_full(exc):
                return False
            raise
        return all(not busy and moved == pages for busy, pages, moved in rows)


@asynccontextmanager
async def open_writer(path: Path, kind: type[BatchConnection]) -> AsyncIterator[Writer]:
    """
    Open the existing database at *path*, with the newest schema and every commit synced.

    Raises:
        JournalUnusable: Its schema is none of ours, or too new.
    """
    connections: list[BatchConnection] = []

    def connect() -> sqlite3.Connection:
        uri = database_uri(path)
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level="IMMEDIATE", factory=kind
        )
        connections.append(connection)
        return connection

    async with aiosqlite.Connection(connect, _ROWS_AT_ONCE) as db:
        for pragma in (*DURABLE, *_PRAGMAS):
            await db.execute_fetchall(pragma)
        await migrate(db, path)
        yield Writer(db, connections[0])
