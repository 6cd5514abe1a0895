"""Reading the journal: what recovery folds, what followers replay, what auditors check."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite
import msgspec

from rpcserver.core.entries import (
    AlertFilter,
    ChainReport,
    Entry,
    Exit,
    ExitFilter,
    FoundAlert,
    Head,
    OperationRow,
)
from rpcserver.core.recording import own_order_subject
from rpcserver.core.records import Record, decode_record
from rpcserver.domain.ids import ClientOrderId, OperationId, PrincipalId
from rpcserver.journal.alerts import alerts_since, find_alerts
from rpcserver.journal.chain import Link, Walk
from rpcserver.journal.connection import connect, opening
from rpcserver.journal.migrations import require_current
from rpcserver.journal.pruning import down_to_whole_operations, older_than
from rpcserver.journal.rows import (
    EXIT_COLUMNS,
    OPERATION_COLUMNS,
    Value,
    exit_row,
    operation_row,
    time_text,
)

_PAGE = 1000  # rows at a time: decoding or hashing them keeps the event loop for some milliseconds
_UNLIMITED = -1  # SQLite's word for no LIMIT
_UNCOUNTED = -1  # before the seq of every subject, those that count none included

LOOKED_BACK = 100_000  # entries that are searched for a name: some tenths of a second
_LINKS = "SELECT audit_seq, audit_hash, body FROM records"
_UNFINISHED = """
    SELECT body FROM records
    WHERE audit_seq IN (
        SELECT audit_seq FROM open_subjects JOIN places USING (subject)
        WHERE audit_seq >= opened_by
    )
    ORDER BY audit_seq
"""
_REPLAY = """
    SELECT audit_seq, audit_hash, body FROM places JOIN records USING (audit_seq)
    WHERE subject = ? AND seq > ?
    ORDER BY seq, audit_seq LIMIT ?
"""
_LAST_START = f"""
    {_LINKS} WHERE body LIKE '{{"kind":"recovered"%' ORDER BY audit_seq DESC LIMIT 1
"""
_MENTIONS = f"""
    {_LINKS}
    WHERE audit_seq > (SELECT max(audit_seq) FROM records) - ? AND instr(body, ?)
    ORDER BY audit_seq DESC LIMIT ?
"""
_ANCHOR = "SELECT audit_seq, audit_hash FROM pruned"
_NEEDED = """
    SELECT min(opened_by) FROM open_subjects JOIN records ON audit_seq = opened_by
    WHERE body NOT LIKE '{"kind":"directive_set"%'
"""
_SPANNING = """
    SELECT min(opened_by) FROM operations AS spanning
    WHERE opened_by <= :through AND :through < (
        SELECT audit_seq FROM places WHERE subject = spanning.operation_id
        ORDER BY seq DESC, audit_seq DESC LIMIT 1
    )
"""
_OPERATIONS = f"SELECT {OPERATION_COLUMNS} FROM operations"
_PAGE_OF_OPERATIONS = """
    WHERE (:principal IS NULL OR principal = :principal)
      AND (:before IS NULL
           OR opened_by < (SELECT opened_by FROM operations WHERE operation_id = :before))
    ORDER BY opened_by DESC LIMIT :limit
"""


_EXITS = f"""
    SELECT {EXIT_COLUMNS} FROM exits JOIN operations USING (operation_id)
    WHERE (:before IS NULL OR audit_seq < :before)
      AND (:operation_id IS NULL OR operation_id = :operation_id)
      AND (:principal IS NULL OR lower(principal) = lower(:principal))
      AND (:strategy IS NULL OR lower(strategy) = lower(:strategy))
      AND (:venue IS NULL OR lower(venue) = lower(:venue))
      AND (:account IS NULL OR lower(account) = lower(:account))
      AND (:instrument IS NULL OR lower(instrument) = lower(:instrument)
           OR lower(substr(instrument, 1, length(:instrument) + 1)) = lower(:instrument) || ' ')
      AND (:outcomes = '[]' OR outcome IN (SELECT value FROM json_each(:outcomes)))
      AND (:since IS NULL OR at >= :since)
      AND (:until IS NULL OR at < :until)
    ORDER BY audit_seq DESC LIMIT :limit
"""


@asynccontextmanager
async def open_reader(path: Path) -> AsyncIterator[JournalReader]:
    """
    Open an existing journal to read it, also while a server runs on it.

    Raises:
        JournalUnusable: There is no journal of this version at *path*.
    """
    async with AsyncExitStack() as stack:
        with opening(path):
            db = await stack.enter_async_context(connect(path))
            await require_current(db, path)
            await db.execute_fetchall("PRAGMA query_only = ON")
        yield JournalReader(db)


class JournalReader:
    """
    What is durable, and nothing else.

    It reads on a connection of its own: on the writer's it would see rows that are not committed
    yet, and a follower would be told what a crash can take back.
    """

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def unfinished(self) -> Sequence[Record]:
        """Every record of every open subject since it was opened, in the journal's order."""
        records: list[Record] = []
        async with self._db.execute(_UNFINISHED) as cursor:
            while rows := await cursor.fetchmany(_PAGE):
                records.extend(decode_record(body.encode()) for (body,) in rows)
        return records

    async def operation(
        self, operation_id: OperationId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Entry]:
        """The entries of one operation whose `seq` in it is greater than *after*, in order."""
        limit = _UNLIMITED if limit is None else limit
        return [link.entry for link in await self._links(_REPLAY, (operation_id, after, limit))]

    async def order(self, name: ClientOrderId) -> Sequence[Entry]:
        """The entries of a client's own order, oldest first."""
        values = (own_order_subject(name), _UNCOUNTED, _UNLIMITED)
        return [link.entry for link in await self._links(_REPLAY, values)]

    async def last_start(self) -> Entry | None:
        """The `Recovered` of the newest life, or None before the first."""
        return next((link.entry for link in await self._links(_LAST_START, ())), None)

    async def mentions(self, name: str, *, limit: int) -> Sequence[Entry]:
        """The newest entries that name *name*, among the last 100,000; oldest first."""
        links = await self._links(_MENTIONS, (LOOKED_BACK, name, limit))
        return [link.entry for link in reversed(links)]

    async def operation_row(self, operation_id: OperationId) -> OperationRow | None:
        return await self._first_operation("WHERE operation_id = ?", (operation_id,))

    async def operations(
        self,
        *,
        principal: PrincipalId | None = None,
        before: OperationId | None = None,
        limit: int = 50,
    ) -> Sequence[OperationRow]:
        """The newest operations first; *before* pages on."""
        rows = await self._db.execute_fetchall(
            f"{_OPERATIONS} {_PAGE_OF_OPERATIONS}",
            {"principal": principal, "before": before, "limit": limit},
        )
        return [operation_row(row) for row in rows]

    async def exits(
        self, wanted: ExitFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[Exit]:
        """The newest exits first; *before*, an `audit_seq`, pages on."""
        rows = await self._db.execute_fetchall(
            _EXITS,
            {
                "before": before,
                "limit": limit,
                "operation_id": wanted.operation_id,
                "principal": wanted.principal,
                "strategy": wanted.strategy,
                "venue": wanted.venue,
                "account": wanted.account,
                "instrument": wanted.instrument,
                "outcomes": msgspec.json.encode([o.value for o in wanted.outcomes]).decode(),
                "since": None if wanted.since is None else time_text(wanted.since),
                "until": None if wanted.until is None else time_text(wanted.until),
            },
        )
        return [exit_row(row) for row in rows]

    async def alerts(
        self, wanted: AlertFilter, *, before: int | None = None, limit: int = 100
    ) -> Sequence[FoundAlert]:
        """What people were told, the newest first; *before*, an `audit_seq`, pages on."""
        return await find_alerts(self._db, wanted, before=before, limit=limit)

    async def alerts_since(self, after: int, *, limit: int = 100) -> Sequence[FoundAlert]:
        """The alerts that come after entry *after*, the oldest first."""
        return await alerts_since(self._db, after, limit=limit)

    async def recent(self, since: datetime) -> Sequence[OperationRow]:
        """Operations opened or finished since, oldest first."""
        rows = await self._db.execute_fetchall(
            f"{_OPERATIONS} WHERE opened_at >= :since OR finished_at >= :since ORDER BY opened_by",
            {"since": time_text(since)},
        )
        return [operation_row(row) for row in rows]

    async def find_key(self, principal: PrincipalId, key: str) -> OperationRow | None:
        """The operation an idempotency key of this principal named, however long ago."""
        return await self._first_operation(
            "WHERE principal = ? AND idempotency_key = ? ORDER BY opened_by LIMIT 1",
            (principal, key),
        )

    async def links(self, *, after: int = 0, limit: int = _PAGE) -> Sequence[Link]:
        """The chain as it was sealed, byte for byte, from *after* on."""
        return await self._links(
            f"{_LINKS} WHERE audit_seq > ? ORDER BY audit_seq LIMIT ?", (after, limit)
        )

    async def entries(self, *, after: int = 0, limit: int = _PAGE) -> Sequence[Entry]:
        """The chain, decoded, from *after* on."""
        return [link.entry for link in await self.links(after=after, limit=limit)]

    async def verify(self, *, witness: Head | None = None) -> ChainReport:
        """
        Walk the whole chain, up to the first broken entry.

        Args:
            witness: A head that was once told; its entry must be in the chain, unchanged.
        """
        walk = Walk(await self.anchor(), witness=witness, is_anchor=True)
        try:
            mentioned = await self.last_mentioned()
            while walk.is_intact and (links := await self.links(after=walk.head.audit_seq)):
                anchor = await self.anchor()
                if links[0].audit_seq > walk.head.audit_seq + 1 and anchor != walk.anchor:
                    # What came next was pruned while we walked: begin behind it.
                    walk = Walk(anchor, witness=witness, is_anchor=True)
                else:
                    walk.follow(links)
        except sqlite3.DatabaseError as exc:
            walk.stop(f"what comes next cannot be read: {exc}")
            return walk.finish()
        if walk.is_intact and walk.head.audit_seq < mentioned:
            walk.stop(f"the chain ends here, but its index knows of entry {mentioned}")
        return walk.finish()

    async def tail(self, length: int = _PAGE) -> tuple[Sequence[Link], Walk]:
        """
        The last *length* links, and a walk along them.

        They are what a crash or a bad disk would have hurt first.
        """
        links = await self._links(
            f"SELECT * FROM ({_LINKS} ORDER BY audit_seq DESC LIMIT ?) ORDER BY audit_seq",
            (length + 1,),
        )
        is_whole = len(links) <= length
        walk = Walk(await self.anchor() if is_whole else links.pop(0).head)
        walk.follow(links)
        return links, walk

    async def anchor(self) -> Head:
        """What the oldest entry continues: the last that was pruned, or the very beginning."""
        [(seq, digest)] = await self._db.execute_fetchall(_ANCHOR)
        return Head(audit_seq=seq, audit_hash=digest.hex())

    async def prunable(self, before: datetime) -> int:
        """The last entry that may go: it and all before it are older, and needed by nothing."""
        through = await older_than(before, self._page, await self.anchor())
        return await down_to_whole_operations(await self._unneeded(through), self._spanning)

    async def last_mentioned(self) -> int:
        """The newest entry the index speaks of; beyond the chain's end if that was cut off."""
        [(last,)] = await self._db.execute_fetchall("SELECT max(audit_seq) FROM places")
        return last or 0

    async def _first_operation(self, where: str, values: Sequence[Value]) -> OperationRow | None:
        rows = await self._db.execute_fetchall(f"{_OPERATIONS} {where}", values)
        return next((operation_row(row) for row in rows), None)

    async def _page(self, after: int, limit: int) -> Sequence[Link]:
        return await self.links(after=after, limit=limit)

    async def _unneeded(self, through: int) -> int:
        """At most *through*, and short of everything that recovery would fold."""
        [(needed,)] = await self._db.execute_fetchall(_NEEDED)
        return through if needed is None else min(through, needed - 1)

    async def _spanning(self, through: int) -> int | None:
        [(opened_by,)] = await self._db.execute_fetchall(_SPANNING, {"through": through})
        assert opened_by is None or isinstance(opened_by, int)
        return opened_by

    async def _links(self, sql: str, values: Sequence[Value]) -> list[Link]:
        return [Link(*row) for row in await self._db.execute_fetchall(sql, values)]
