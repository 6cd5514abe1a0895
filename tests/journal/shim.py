"""
SQLite over a `Disk`: the journal's own code, whose every write can be undone by a power cut.

The server's SQLite is the standard library's, under which no file system can be put. So the shim
runs another build of SQLite, apsw's, and dresses its connections as `sqlite3.Connection`: schema,
statements, transactions, checkpoints and `SqliteJournal` itself are the server's own. What a cut
leaves is then opened by the server's own SQLite, so that its recovery is the real one, too.

Two things are therefore taken on trust: that the two builds of SQLite write and sync alike, and
that the file system keeps what it was asked to sync.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from rpcserver.journal.writer import BatchConnection
from tests.journal.disk import Created, Deleted, Disk, Synced, Truncated, Wrote

_JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
_names = count(1)


class Faults:
    """
    Which of the disk's answers is an error; none, unless one is planned.

    As on Linux, every open file that shares the loss learns of it at its next sync, once.
    """

    def __init__(self) -> None:
        self._left = 0
        self._code = 0
        self._losses: Counter[str] = Counter()  # failed syncs by file

    def plan(self, at: int, code: int) -> None:
        """Let the *at*-th sync from now on fail, or the *at*-th write: whichever *code* is of."""
        self._left, self._code = at, code

    @property
    def happened(self) -> bool:
        return self._left <= 0 and self._code != 0

    def losses(self, name: str) -> int:
        return self._losses[name]

    def on_write(self) -> None:
        """
        Refuse, if it is this write's turn.

        Raises:
            apsw.Error: It is.
        """
        if self._code != apsw.SQLITE_IOERR_FSYNC and self._is_turn():
            raise apsw.exception_for(self._code)

    def on_sync(self, name: str, known_losses: int) -> None:
        """
        Fail, if it is this sync's turn, or one of the file *name* failed unknown to its caller.

        Raises:
            apsw.Error: It is so.
        """
        if self._code == apsw.SQLITE_IOERR_FSYNC and self._is_turn():
            self._losses[name] += 1
        if self._losses[name] > known_losses:
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)

    def _is_turn(self) -> bool:
        self._left = max(self._left - 1, -1)
        return self._left == 0


class _File(apsw.VFSFile):
    """A file of the system's own, except that a sync is only noted: it would prove nothing."""

    def __init__(
        self, disk: Disk, faults: Faults, name: str | apsw.URIFilename, flags: list[int]
    ) -> None:
        filename = name if isinstance(name, str) else name.filename()
        self._disk = disk
        self._faults = faults
        self._name = Path(filename).name
        self._losses = faults.losses(self._name)
        if self._name not in disk.names:
            disk.do(Created(self._name))
        self._is_directory_unsynced = bool(flags[0] & _JOURNALS)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._faults.on_write()
        super().xWrite(data, offset)
        self._disk.do(Wrote(self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self._disk.do(Truncated(self._name, size))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        try:
            self._faults.on_sync(self._name, self._losses)
        except apsw.Error:
            self._losses = self._faults.losses(self._name)
            self._disk.do(Synced(self._name, failed=True))
            raise
        # As SQLite's own file system layer: a connection's first sync of a log syncs its name, too.
        self._disk.do(Synced(self._name, with_directory=self._is_directory_unsynced))
        self._is_directory_unsynced = False


class _FileSystem(apsw.VFS):
    def __init__(self, name: str, disk: Disk, faults: Faults) -> None:
        super().__init__(name, base="")
        self._disk = disk
        self._faults = faults

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        assert name is not None, "a temporary file: none of the journal's statements needs one"
        return _File(self._disk, self._faults, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._disk.do(Deleted(Path(filename).name, is_durable=syncdir))


class _Rows(sqlite3.Cursor):
    """What a statement returned, read already."""

    def __init__(self, connection: sqlite3.Connection, rows: list[Any], changed: int) -> None:
        super().__init__(connection)
        self._rows = rows
        self._changed = changed

    @property
    def rowcount(self) -> int:
        return self._changed

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        taken, self._rows = self._rows, []
        return taken


class _Dressed(sqlite3.Connection):
    """An apsw connection in the dress of a `sqlite3.Connection`, whose own database is unused."""

    file_system: str

    def __init__(
        self, database: str, *, timeout: float, isolation_level: str | None, **_: object
    ) -> None:
        super().__init__(":memory:", isolation_level=None, check_same_thread=False)
        self._begin = None if isolation_level is None else f"BEGIN {isolation_level}"
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
        with _translated():
            self._apsw = apsw.Connection(database, flags=flags, vfs=self.file_system)
            self._apsw.set_busy_timeout(int(timeout * 1000))

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        with _translated():
            rows = list(self._apsw.execute(sql, parameters))
            return _Rows(self, rows, self._apsw.changes())

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        with _translated():
            if self._begin is not None and not self._apsw.in_transaction:
                self._apsw.execute(self._begin)
            self._apsw.executemany(sql, list(parameters))
            return _Rows(self, [], self._apsw.changes())

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        return self.execute(sql)

    def commit(self) -> None:
        with _translated():
            if self._apsw.in_transaction:
                self._apsw.execute("COMMIT")

    def rollback(self) -> None:
        with _translated():
            if self._apsw.in_transaction:
                self._apsw.execute("ROLLBACK")

    def close(self) -> None:
        super().close()
        with suppress(apsw.Error):  # of the last checkpoint, which SQLite tries and does not need
            self._apsw.close()


@contextmanager
def over(disk: Disk, faults: Faults) -> Iterator[type[BatchConnection]]:
    """What `open_journal` is to make its connections of, so that *disk* sees all they do."""
    name = f"disk {next(_names)}"
    file_system = _FileSystem(name, disk, faults)

    class Connection(BatchConnection, _Dressed):
        pass

    Connection.file_system = name
    try:
        yield Connection
    finally:
        file_system.unregister()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as exc:
        raise _error(exc) from exc


def _error(exc: apsw.Error) -> sqlite3.Error:
    kind: type[sqlite3.Error] = sqlite3.OperationalError
    if isinstance(exc, apsw.ConstraintError):
        kind = sqlite3.IntegrityError
    elif isinstance(exc, apsw.CorruptError | apsw.NotADBError):
        kind = sqlite3.DatabaseError
    error = kind(str(exc) or "the disk said so")
    error.sqlite_errorcode = getattr(exc, "extendedresult", apsw.SQLITE_ERROR)
    return error
