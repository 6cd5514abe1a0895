"""
The schema's history: one script a version, in order.

A new version adds a file and a line to `SCRIPTS`. A script that was released is never edited: the
databases it made are out there.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import aiosqlite

from rpcserver.journal.errors import JournalTooNew, JournalUnusable

APPLICATION_ID = 0x52504353  # "RPCS", in the file's header: this database is ours


def _script(name: str) -> str:
    return files("rpcserver.journal").joinpath(name).read_text(encoding="utf-8")


SCRIPTS: Sequence[str] = (  # the first makes version 1
    _script("schema.sql"),
    _script("schema_2.sql"),
    _script("schema_3.sql"),
    _script("schema_4.sql"),
    _script("schema_5.sql"),
    _script("schema_6.sql"),
)


async def migrate(db: aiosqlite.Connection, path: Path, scripts: Sequence[str] = SCRIPTS) -> None:
    """
    Bring the database to the newest schema, one version a transaction.

    Raises:
        JournalTooNew: A newer program wrote it.
        JournalUnusable: It is some other program's database.
    """
    version = await _version(db, path, known=len(scripts))
    for number, script in enumerate(scripts[version:], version + 1):
        await db.executescript(
            f"BEGIN IMMEDIATE; {script}\n"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


async def require_current(db: aiosqlite.Connection, path: Path) -> None:
    """
    Check, without changing anything, that the database has the newest schema.

    Raises:
        JournalTooNew: A newer program wrote it.
        JournalUnusable: An older one did, or none of ours.
    """
    version = await _version(db, path, known=len(SCRIPTS))
    if version < len(SCRIPTS):
        raise JournalUnusable(
            path,
            f"has schema version {version}; start the server once to bring it to {len(SCRIPTS)}",
        )


async def _version(db: aiosqlite.Connection, path: Path, *, known: int) -> int:
    """The version of the database's schema, 0 if it is empty."""
    version = await _number(db, "PRAGMA user_version")
    application = await _number(db, "PRAGMA application_id")
    tables = await _number(db, "SELECT count(*) FROM sqlite_schema")
    if application != APPLICATION_ID and (application or version or tables):
        raise JournalUnusable(path, "is a database, but not a journal of rpcserver")
    if version > known:
        raise JournalTooNew(path, version, known)
    return version


async def _number(db: aiosqlite.Connection, sql: str) -> int:
    [row] = await db.execute_fetchall(sql)
    number = row[0]
    assert isinstance(number, int)
    return number
