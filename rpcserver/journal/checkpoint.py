"""Moves the write-ahead log into the database while commits go on: never on their path."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from rpcserver.journal.connection import BUSY_TIMEOUT, DURABLE, database_uri, is_busy, is_full

CHECKPOINT_PAGES = 1_000  # of the log, about: then the thread goes to work
LAST_RESORT_PAGES = 10_000  # the writer does it itself, should the thread not keep up
CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"  # SQLite's automatic ones swallow a failed sync

_PAGE_BYTES = 4096
_PAGES_A_COMMIT = 5  # the ends of a table and its indexes, written again by every commit


class Checkpointer:
    """
    A thread with a connection of its own.

    Its checkpoints are passive: they wait for nobody and hold nobody up. Under constant load they
    always leave a few pages, and the log grows: then the writer, between two of its commits, does
    one of its own, which costs next to nothing and lets the log begin anew.

    Args:
        path: The database file.
        kind: What the connection is made of.
    """

    def __init__(self, path: Path, kind: type[sqlite3.Connection] = sqlite3.Connection) -> None:
        self._path = path
        self._kind = kind
        self._pages = 0
        self._wake = Event()
        self._is_stopping = False
        self._failure: sqlite3.Error | None = None
        self._is_behind = False
        self._is_over = Event()  # the thread has come to its end, or to its last failure
        self._thread = Thread(target=self._run, name="journal checkpoints", daemon=True)

    @property
    def failure(self) -> sqlite3.Error | None:
        """
        Why a checkpoint failed for good.

        After it nothing more may be committed, and no other checkpoint may follow in this life: it
        could seem to succeed although the kernel has dropped the pages of this one, and the log,
        the only whole copy, would be forgotten. The next life reads that log from its beginning.
        """
        return self._failure

    @property
    def is_behind(self) -> bool:
        """
        Whether the log has grown so long that whoever writes should do a checkpoint.

        Until it says that it did, the thread does none: had the writer's failed, one more could
        seem to succeed (`failure`).
        """
        return self._is_behind

    def caught_up(self) -> None:
        """The writer did one, and left nothing."""
        self._is_behind = False

    def failed(self, exc: sqlite3.Error) -> None:
        """The writer's failed for good: there is no other, not even when the database is closed."""
        self._failure = exc
        self._wake.set()

    def committed(self, size: int) -> None:
        """Another *size* bytes are in the log."""
        self._pages += _PAGES_A_COMMIT + 2 * size // _PAGE_BYTES  # once in a table, once indexed
        if self._pages >= CHECKPOINT_PAGES:
            self._pages = 0
            self._wake.set()

    def __enter__(self) -> Checkpointer:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_stopping = True
        self._wake.set()
        self._is_over.wait()

    def _run(self) -> None:
        try:
            db = self._connect()
            while self._is_wanted():
                if not self._is_behind:
                    self._checkpoint(db)
            if self._failure is not None:
                raise self._failure
            db.close()
        except sqlite3.Error as exc:
            self._failure = exc
            self._is_over.set()
            # Whoever closes a database last checkpoints it and deletes the log. So this connection
            # stays as it is until the process ends.
            Event().wait()
        self._is_over.set()

    def _connect(self) -> sqlite3.Connection:
        uri = database_uri(self._path)
        db = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, factory=self._kind
        )
        for pragma in DURABLE:
            db.execute(pragma)
        return db

    def _is_wanted(self) -> bool:
        self._wake.wait()
        self._wake.clear()
        return not self._is_stopping and self._failure is None

    def _checkpoint(self, db: sqlite3.Connection) -> None:
        try:
            [(_, pages, _)] = db.execute(CHECKPOINT).fetchall()
            self._is_behind = pages >= LAST_RESORT_PAGES
        except sqlite3.OperationalError as exc:
            # Busy: another time. Full: nothing was taken off the log, which still has it all.
            if not (is_busy(exc) or is_full(exc)):
                raise
