"""Finding alerts on disk: what people were told, and who looks at it."""

from __future__ import annotations

from collections.abc import Sequence

import aiosqlite
import msgspec

from rpcserver.core.entries import AlertFilter, FoundAlert
from rpcserver.core.records import Noted, decode_record
from rpcserver.journal.rows import Value, time_text

# Word for word as in schema_4.sql: SQLite uses a partial index only where it sees its condition.
_IS_ALERT = """substr(body, 1, 15) = '{"kind":"noted"' AND body ->> '$.alert' = 1"""
_IS_WORD = """substr(body, 1, 15) = '{"kind":"noted"' AND body ->> '$.acknowledges' IS NOT NULL"""
_NEWEST_WORD = f"""(
    SELECT later.body FROM records AS later INDEXED BY acknowledgements
    WHERE {_IS_WORD.replace("body", "later.body")}
      AND later.body ->> '$.acknowledges' = told.audit_seq
    ORDER BY later.audit_seq DESC LIMIT 1
)"""
_ALERTS = f"""
    SELECT told.audit_seq, told.body, {_NEWEST_WORD} AS word FROM records AS told
    WHERE {_IS_ALERT.replace("body", "told.body")}
      AND (:before IS NULL OR told.audit_seq < :before)
      AND (:codes = '[]' OR told.body ->> '$.code' IN (SELECT value FROM json_each(:codes)))
      AND (:venue IS NULL OR :venue = coalesce(
          told.body ->> '$.account[0]', told.body ->> '$.venue') COLLATE NOCASE)
      AND (:account IS NULL OR :account = told.body ->> '$.account[1]' COLLATE NOCASE)
      AND (:since IS NULL OR julianday(told.body ->> '$.at') >= julianday(:since))
      AND (NOT :is_open OR word IS NULL)
    ORDER BY told.audit_seq DESC LIMIT :limit
"""
_SINCE = f"""
    SELECT audit_seq, body, NULL FROM records
    WHERE {_IS_ALERT} AND audit_seq > :after ORDER BY audit_seq LIMIT :limit
"""


async def find_alerts(
    db: aiosqlite.Connection, wanted: AlertFilter, *, before: int | None, limit: int
) -> Sequence[FoundAlert]:
    """The newest alerts first; *before*, an `audit_seq`, pages on."""
    values: dict[str, Value] = {
        "before": before,
        "limit": limit,
        "codes": msgspec.json.encode(wanted.codes).decode(),
        "venue": wanted.venue,
        "account": wanted.account,
        "since": None if wanted.since is None else time_text(wanted.since),
        "is_open": wanted.is_open,
    }
    return [_found(*row) for row in await db.execute_fetchall(_ALERTS, values)]


async def alerts_since(db: aiosqlite.Connection, after: int, *, limit: int) -> Sequence[FoundAlert]:
    """The alerts after entry *after*, the oldest first."""
    rows = await db.execute_fetchall(_SINCE, {"after": after, "limit": limit})
    return [_found(*row) for row in rows]


def _found(audit_seq: int, body: str, word: str | None) -> FoundAlert:
    return FoundAlert(audit_seq, _note(body), _note(word) if word is not None else None)


def _note(body: str) -> Noted:
    record = decode_record(body.encode())
    assert isinstance(record, Noted), "the index holds nothing else"
    return record
