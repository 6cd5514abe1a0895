"""
Is the journal what was written to it? Asked at every start, before anything is decided on it.

SQLite itself has cut off what a crash left half-written. What it would not notice is a bit that
turned, an edit, or an end that was deleted while rows elsewhere still speak of it. The chain shows
that for the records; the tables beside it follow from the records, and must say what those say:
an operation that is missing there would be forgotten, with whatever it has sent (law 27).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from rpcserver.core.entries import Head
from rpcserver.journal.chain import Link
from rpcserver.journal.changes import changes_of
from rpcserver.journal.errors import JournalDamaged
from rpcserver.journal.reader import JournalReader

_OPENED_LAST = """
    SELECT max((SELECT coalesce(max(opened_by), 0) FROM operations),
               (SELECT coalesce(max(opened_by), 0) FROM open_subjects))
"""
_PLACES_FOUND = """
    SELECT count(*) FROM json_each(?) AS told JOIN places
        ON subject = told.value ->> 0 AND seq = told.value ->> 1 AND audit_seq = told.value ->> 2
"""
_OPEN_FOUND = "SELECT value FROM json_each(?) WHERE value IN (SELECT subject FROM open_subjects)"
_FORGOTTEN = """
    SELECT operation_id FROM operations
    WHERE finished_at IS NULL AND operation_id NOT IN (SELECT subject FROM open_subjects)
"""
_GAPS = """
    SELECT subject FROM open_subjects JOIN places USING (subject)
    WHERE seq > 0 GROUP BY subject HAVING count(DISTINCT seq) <> max(seq)
"""


async def sound_head(db: aiosqlite.Connection, path: Path) -> Head:
    """
    The newest entry, if the chain's last stretch holds together and the index agrees with it.

    Raises:
        JournalDamaged: Something is not what was written.
    """
    try:
        links, walk = await JournalReader(db).tail()
        if not walk.is_intact:
            raise JournalDamaged(path, walk.finish().detail)
        [(opened_by,)] = await db.execute_fetchall(_OPENED_LAST)
        if opened_by > walk.head.audit_seq:
            end = walk.head.audit_seq
            raise JournalDamaged(path, f"ends at entry {end}, but entry {opened_by} was once there")
        await _compare(db, path, links)
    except UnicodeDecodeError as exc:
        raise JournalDamaged(path, f"cannot be read: {exc}") from exc
    return walk.head


async def _compare(db: aiosqlite.Connection, path: Path, links: Sequence[Link]) -> None:
    """Hold the tables beside the chain to what its last *links* say, and open subjects to all."""
    if links:
        changes = changes_of([link.entry.record for link in links], links[0].audit_seq)
        places = set(changes.places)
        [(found,)] = await db.execute_fetchall(_PLACES_FOUND, (json.dumps(list(places)),))
        if found != len(places):
            raise JournalDamaged(path, f"{len(places) - found} of its last entries are not indexed")
        rows = await db.execute_fetchall(_OPEN_FOUND, (json.dumps(list(changes.turned)),))
        is_open = {subject for (subject,) in rows}
        for subject, opened_by in changes.turned.items():
            if (subject in is_open) != (opened_by is not None):
                raise JournalDamaged(path, f"{subject} is said to be over or open, and is not")
    for sql, what in ((_FORGOTTEN, "is unfinished and not listed so"), (_GAPS, "has a gap")):
        for (subject,) in await db.execute_fetchall(sql):
            raise JournalDamaged(path, f"{subject} {what}")
